"""Aggregators over the accounts and Regions of this cloud, and rules of a whole organization.

https://docs.aws.amazon.com/config/latest/developerguide/aggregate-data.html. An account and Region is aggregated if
it has authorized the aggregator's account and Region, is that account itself, or is in the organization whose accounts
the aggregator's role may list. AWS refreshes the data within minutes, this cloud at once.
"""

from __future__ import annotations

import json
import secrets
import string
from typing import Any

from moto.config.models import ConfigBackend as MotoConfigBackend

from local.services.base import operation

from . import neighbours, rules
from .clock import now
from .exceptions import (
    InvalidParameterValueException,
    InvalidRoleException,
    NoAvailableOrganizationException,
    NoSuchConfigurationAggregatorException,
    NoSuchOrganizationConfigRuleException,
    OrganizationAccessDeniedException,
)
from .neighbours import PRINCIPAL

MULTI_ACCOUNT = "config-multiaccountsetup.amazonaws.com"
"""The principal whose delegated administrator deploys organization rules; for aggregators it is `PRINCIPAL`."""


class Aggregation:
    """What the backend knows about other accounts and Regions; mixed into `models.ConfigBackend`."""

    account_id: str
    region_name: str
    partition: str

    def everywhere(self) -> list[Any]:
        """Return the backends of all accounts and Regions."""
        raise NotImplementedError

    def of_account(self, account: str) -> Any:
        """Return the backend of another account in this Region."""
        raise NotImplementedError

    def _clear_aggregation(self) -> None:
        self.organization_rules: dict[str, dict[str, Any]] = {}

    # Aggregators

    @operation()
    def put_configuration_aggregator(
        self,
        configuration_aggregator_name: str,
        account_aggregation_sources: list[dict[str, Any]] | None = None,
        organization_aggregation_source: dict[str, Any] | None = None,
        tags: list[dict[str, str]] | None = None,
        aggregator_filters: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        if organization_aggregation_source:
            self._require_administrator(PRINCIPAL)
            self._organization_accounts(organization_aggregation_source["RoleArn"])
        asked = {
            "ConfigurationAggregatorName": configuration_aggregator_name,
            "AccountAggregationSources": account_aggregation_sources,
            "OrganizationAggregationSource": organization_aggregation_source,
            "Tags": tags or [],
        }
        given = {name: value for name, value in asked.items() if value is not None}
        made = MotoConfigBackend.put_configuration_aggregator(self, given)  # type: ignore[arg-type]
        return {"ConfigurationAggregator": made}

    def _require_administrator(self, service: str) -> None:
        if not neighbours.current.accounts(self.account_id):
            raise NoAvailableOrganizationException("Your account is not a member of an organization.")
        if not neighbours.current.is_administrator(self.account_id, service):
            raise OrganizationAccessDeniedException(
                "Only the organization's management account or a delegated administrator may do this."
            )

    def _organization_accounts(self, role: str) -> list[str]:
        """Return the organization's accounts, which the aggregator's role must be allowed to list."""
        from botocore.exceptions import ClientError

        from local.permissions import client, role_session

        try:
            source = f"arn:aws:config:{self.region_name}:{self.account_id}:*"
            credentials = role_session(role, "ConfigAggregation", PRINCIPAL, source)
        except (PermissionError, IndexError):
            raise InvalidRoleException(f"The role {role} cannot be assumed by {PRINCIPAL}.") from None
        organizations = client("organizations", "us-east-1", credentials)
        try:
            organizations.describe_organization()
            pages = list(organizations.get_paginator("list_accounts").paginate())
        except ClientError as error:
            raise OrganizationAccessDeniedException(str(error)) from None
        return [str(one["Id"]) for page in pages for one in page["Accounts"] if one["Status"] == "ACTIVE"]

    def _sources(self, name: str) -> list[tuple[str, str, Any]]:
        """Return (account, Region, backend; None: not authorized) of each source of an aggregator that uses Config."""
        aggregator = self.config_aggregators.get(name)  # type: ignore[attr-defined]
        if not aggregator:
            raise NoSuchConfigurationAggregatorException("The configuration aggregator does not exist.")
        if source := aggregator.organization_aggregation_source:
            accounts, trusted = self._organization_accounts(source.role_arn), True
        else:
            (source,) = aggregator.account_aggregation_sources
            accounts, trusted = source.account_ids, False
        found = []
        for backend in sorted(self.everywhere(), key=lambda one: (one.account_id, one.region_name)):
            if backend.account_id not in accounts or not backend.recorders:
                continue
            if not source.all_aws_regions and backend.region_name not in source.aws_regions:
                continue
            allowed = f"{self.account_id}/{self.region_name}" in backend.aggregation_authorizations
            mine = trusted or allowed or backend.account_id == self.account_id
            found.append((backend.account_id, backend.region_name, backend if mine else None))
        return found

    @operation()
    def describe_configuration_aggregator_sources_status(
        self,
        configuration_aggregator_name: str,
        update_status: list[str] | None = None,
        next_token: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        found = [
            {
                "SourceId": account,
                "SourceType": "ACCOUNT",
                "AwsRegion": region,
                "LastUpdateStatus": "SUCCEEDED" if backend else "FAILED",
                "LastUpdateTime": now(),
                **({} if backend else {"LastErrorCode": "AccessDenied", "LastErrorMessage": "Not authorized."}),
            }
            for account, region, backend in self._sources(configuration_aggregator_name)
        ]
        asked = [one for one in found if not update_status or one["LastUpdateStatus"] in update_status]
        return self._paged("AggregatedSourceStatusList", asked, limit, next_token, configuration_aggregator_name)

    def _paged(
        self, member: str, found: list[Any], limit: int | None, token: str | None, *bound: Any
    ) -> dict[str, Any]:
        page: dict[str, Any] = self._page(member, found, limit, token, *bound)  # type: ignore[attr-defined]
        return page

    @operation()
    def describe_aggregate_compliance_by_config_rules(
        self,
        configuration_aggregator_name: str,
        filters: dict[str, str] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        asked = filters or {}
        found = [
            {
                "ConfigRuleName": name,
                "Compliance": backend._compliance(list(kept.values())),
                "AccountId": account,
                "AwsRegion": region,
            }
            for account, region, backend in self._sources(configuration_aggregator_name)
            if backend
            for name, kept in sorted(backend.results.items())
            if kept  # "Does not display rules that do not have compliance results": API reference
        ]
        matching = [
            one
            for one in found
            if asked.get("ConfigRuleName") in (None, one["ConfigRuleName"])
            and asked.get("AccountId") in (None, one["AccountId"])
            and asked.get("AwsRegion") in (None, one["AwsRegion"])
            and asked.get("ComplianceType") in (None, one["Compliance"]["ComplianceType"])
        ]
        member = "AggregateComplianceByConfigRules"
        return self._paged(member, matching, limit or 1000, next_token, configuration_aggregator_name, asked)

    @operation()
    def list_aggregate_discovered_resources(
        self,
        configuration_aggregator_name: str,
        resource_type: str,
        filters: dict[str, str] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        asked = filters or {}
        found = [
            {
                "SourceAccountId": account,
                "SourceRegion": region,
                "ResourceId": one["resourceId"],
                "ResourceType": one["resourceType"],
                "ResourceName": one["resourceName"],
            }
            for account, region, backend in self._sources(configuration_aggregator_name)
            if backend
            for (kind, _), one in sorted(backend.current.items())
            if kind == resource_type
        ]
        matching = [
            one
            for one in found
            if asked.get("AccountId") in (None, one["SourceAccountId"])
            and asked.get("Region") in (None, one["SourceRegion"])
            and asked.get("ResourceId") in (None, one["ResourceId"])
            and asked.get("ResourceName") in (None, one["ResourceName"])
        ]
        bound = (configuration_aggregator_name, resource_type, asked)
        return self._paged("ResourceIdentifiers", matching, limit, next_token, *bound)

    @operation()
    def get_aggregate_compliance_details_by_config_rule(
        self,
        configuration_aggregator_name: str,
        config_rule_name: str,
        account_id: str,
        aws_region: str,
        compliance_type: str | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        found = [
            {**one, "AccountId": account, "AwsRegion": region}
            for account, region, backend in self._sources(configuration_aggregator_name)
            if backend and (account, region) == (account_id, aws_region)
            for one in list(backend.results.get(config_rule_name, {}).values())
            if compliance_type in (None, one["ComplianceType"])
        ]
        bound = (configuration_aggregator_name, config_rule_name, account_id, aws_region, compliance_type)
        return self._paged("AggregateEvaluationResults", found, limit or 50, next_token, *bound)

    @operation()
    def get_aggregate_config_rule_compliance_summary(
        self,
        configuration_aggregator_name: str,
        filters: dict[str, str] | None = None,
        group_by_key: str | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        asked = filters or {}
        groups: dict[str, list[str]] = {}
        for account, region, backend in self._sources(configuration_aggregator_name):
            if (
                backend is None
                or asked.get("AccountId", account) != account
                or asked.get("AwsRegion", region) != region
            ):
                continue
            group = {"ACCOUNT_ID": account, "AWS_REGION": region}.get(group_by_key or "", "ALL")
            kinds = [
                backend._compliance(list(kept.values()))["ComplianceType"] for kept in list(backend.results.values())
            ]
            groups.setdefault(group, []).extend(kinds)

        def count(kinds: list[str], kind: str) -> dict[str, Any]:
            return {"CappedCount": min(kinds.count(kind), 10_000), "CapExceeded": kinds.count(kind) > 10_000}

        counts = [
            {
                "GroupName": group,
                "ComplianceSummary": {
                    "CompliantResourceCount": count(kinds, rules.COMPLIANT),
                    "NonCompliantResourceCount": count(kinds, rules.NON_COMPLIANT),
                    "ComplianceSummaryTimestamp": now(),
                },
            }
            for group, kinds in sorted(groups.items())
        ]
        bound = (configuration_aggregator_name, asked, group_by_key)
        page = self._paged("AggregateComplianceCounts", counts, limit or 1000, next_token, *bound)
        return {**page, **({"GroupByKey": group_by_key} if group_by_key else {})}

    # Organization rules

    @operation()
    def put_organization_config_rule(
        self,
        organization_config_rule_name: str,
        organization_managed_rule_metadata: dict[str, Any] | None = None,
        excluded_accounts: list[str] | None = None,
        **unsupported: Any,
    ) -> dict[str, Any]:
        self._require_administrator(MULTI_ACCOUNT)
        if unsupported or not organization_managed_rule_metadata:
            raise InvalidParameterValueException("The local cloud has organization rules of managed rules only.")
        name = organization_config_rule_name
        old = self.organization_rules.get(name)
        suffix = old["suffix"] if old else "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))
        arn = (
            f"arn:{self.partition}:config:{self.region_name}:{self.account_id}:organization-config-rule/{name}-{suffix}"
        )
        self.organization_rules[name] = {
            "suffix": suffix,
            "verb": "UPDATE" if old else "CREATE",
            "shown": {
                "OrganizationConfigRuleName": name,
                "OrganizationConfigRuleArn": arn,
                "OrganizationManagedRuleMetadata": organization_managed_rule_metadata,
                "ExcludedAccounts": excluded_accounts or [],
                "LastUpdateTime": now(),
            },
            "members": self._deploy(
                f"OrgConfigRule-{name}-{suffix}", organization_managed_rule_metadata, excluded_accounts
            ),
        }
        return {"OrganizationConfigRuleArn": arn}

    def _members(self) -> list[Any]:
        return [self.of_account(account) for account in neighbours.current.accounts(self.account_id)]

    def _deploy(self, name: str, managed: dict[str, Any], excluded: list[str] | None) -> dict[str, str]:
        """Put the rule into every account. Return account -> error code; the code is empty on success."""
        from moto.core.exceptions import JsonRESTError, ServiceException

        scope = {
            "ComplianceResourceTypes": managed.get("ResourceTypesScope"),
            "ComplianceResourceId": managed.get("ResourceIdScope"),
            "TagKey": managed.get("TagKeyScope"),
            "TagValue": managed.get("TagValueScope"),
        }
        rule: dict[str, Any] = {
            "ConfigRuleName": name,
            "Source": {"Owner": "AWS", "SourceIdentifier": managed["RuleIdentifier"]},
            "Scope": {key: value for key, value in scope.items() if value},
            "InputParameters": managed.get("InputParameters"),
            "MaximumExecutionFrequency": managed.get("MaximumExecutionFrequency"),
            "Description": managed.get("Description"),
        }
        given = {key: value for key, value in rule.items() if value}
        done: dict[str, str] = {}
        for backend in self._members():
            if backend.account_id in (excluded or []):
                continue
            try:
                backend.put_config_rule(json.loads(json.dumps(given)))
                done[backend.account_id] = ""
            except (JsonRESTError, ServiceException) as error:
                done[backend.account_id] = type(error).__name__
        return done

    def _organization_rule(self, name: str) -> dict[str, Any]:
        if name not in self.organization_rules:
            raise NoSuchOrganizationConfigRuleException(f"There is no organization config rule {name}.")
        return self.organization_rules[name]

    @operation()
    def describe_organization_config_rules(
        self,
        organization_config_rule_names: list[str] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        names = organization_config_rule_names or sorted(self.organization_rules)
        found = [self._organization_rule(name)["shown"] for name in names]
        return self._paged("OrganizationConfigRules", found, limit, next_token, organization_config_rule_names)

    @operation()
    def describe_organization_config_rule_statuses(
        self,
        organization_config_rule_names: list[str] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        names = organization_config_rule_names or sorted(self.organization_rules)
        found = []
        for name in names:
            one = self._organization_rule(name)
            failed = {account: code for account, code in one["members"].items() if code}
            shown = {
                "OrganizationConfigRuleName": name,
                "OrganizationRuleStatus": f"{one['verb']}_{'FAILED' if failed else 'SUCCESSFUL'}",
                "LastUpdateTime": one["shown"]["LastUpdateTime"],
            }
            code = {"ErrorCode": "MemberAccountFailed", "ErrorMessage": json.dumps(failed)} if failed else {}
            found.append({**shown, **code})
        return self._paged("OrganizationConfigRuleStatuses", found, limit, next_token, organization_config_rule_names)

    @operation()
    def get_organization_config_rule_detailed_status(
        self,
        organization_config_rule_name: str,
        filters: dict[str, str] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        one = self._organization_rule(organization_config_rule_name)
        found = [
            {
                "AccountId": account,
                "ConfigRuleName": f"OrgConfigRule-{organization_config_rule_name}-{one['suffix']}",
                "MemberAccountRuleStatus": f"{one['verb']}_{'FAILED' if code else 'SUCCESSFUL'}",
                "LastUpdateTime": one["shown"]["LastUpdateTime"],
                **({"ErrorCode": code} if code else {}),
            }
            for account, code in sorted(one["members"].items())
        ]
        asked = filters or {}
        matching = [
            one
            for one in found
            if asked.get("AccountId") in (None, one["AccountId"])
            and asked.get("MemberAccountRuleStatus") in (None, one["MemberAccountRuleStatus"])
        ]
        bound = (organization_config_rule_name, asked)
        return self._paged("OrganizationConfigRuleDetailedStatus", matching, limit, next_token, *bound)

    @operation()
    def delete_organization_config_rule(self, organization_config_rule_name: str) -> dict[str, Any]:
        one = self._organization_rule(organization_config_rule_name)
        name = f"OrgConfigRule-{organization_config_rule_name}-{one['suffix']}"
        for backend in self._members():
            if name in backend.rules:
                backend.remediations.pop(name, None)
                backend.delete_config_rule(name)
        del self.organization_rules[organization_config_rule_name]
        return {}
