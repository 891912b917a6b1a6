"""SecurityHubBackend: moto's, with the behavior of AWS in findings, custom actions, standards and aggregation.

Sources: Security Hub API reference and user guide ("BatchImportFindings for finding providers",
"BatchUpdateFindings for customers", "EventBridge event formats", "Cross-Region aggregation").
"""
# ruff: noqa: A002 - operations and their arguments are the API's

from __future__ import annotations

import functools
import json
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from moto.core.base_backend import BackendDict
from moto.core.utils import get_service_model, utcnow
from moto.organizations.exceptions import AWSOrganizationsNotInUseException
from moto.securityhub.models import SecurityHubBackend as MotoSecurityHubBackend

from local.services import events
from local.services.base import Pager, TokenError, operation, problems

from . import filters as asff
from .automation import AutomationRules
from .exceptions import (
    InvalidAccessException,
    InvalidInputException,
    LimitExceededException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from .standards import CONTROLS, STANDARDS

Finding = dict[str, Any]
Key = tuple[str, str]
"""(ProductArn, Id)"""

SEVERITIES = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}
CUSTOMER_FIELDS = ("Note", "UserDefinedFields", "VerificationState", "Workflow")
"""Set by an import only when it creates the finding."""
PROVIDER_FIELDS = ("Confidence", "Criticality", "RelatedFindings", "Severity", "Types")
"""Set by an import unless a customer has set them."""
AWS_PRODUCTS = {
    "access-analyzer": "IAM Access Analyzer",
    "config": "Config",
    "firewall-manager": "Firewall Manager",
    "guardduty": "GuardDuty",
    "health": "Health",
    "inspector": "Inspector",
    "iot-device-defender": "IoT Device Defender",
    "macie": "Macie",
    "securityhub": "Security Hub",
    "ssm-patch-manager": "Systems Manager Patch Manager",
}
LONGEST = {
    "Id": 512,
    "GeneratorId": 512,
    "Title": 256,
    "Description": 1024,
    "Remediation.Recommendation.Text": 512,
    "Note.Text": 512,
}
MAX_FINDING_BYTES = 240 * 1024
MAX_BATCH, MAX_RESOURCES, MAX_USER_FIELDS, MAX_ACTION_TARGETS, MAX_INSIGHTS, MAX_ACTION_FINDINGS = (
    100,
    32,
    50,
    50,
    100,
    20,
)
LINKING_MODES = {
    "ALL_REGIONS": False,
    "ALL_REGIONS_EXCEPT_SPECIFIED": True,
    "SPECIFIED_REGIONS": True,
    "NO_REGIONS": False,
}
"""RegionLinkingMode -> whether it takes Regions"""


def now() -> str:
    """Return the current time in ASFF's format."""
    return utcnow().isoformat(timespec="milliseconds") + "Z"


def severity(given: dict[str, Any]) -> dict[str, Any]:
    """Return a severity with label and normalized score. Each is derived from the other if it is missing."""
    if "Label" not in given and "Normalized" in given:
        label = next(name for name, least in reversed(SEVERITIES.items()) if given["Normalized"] >= least)
        return {**given, "Label": label}
    if "Label" in given:
        return {"Normalized": SEVERITIES[given["Label"]], **given}
    return given


@functools.cache
def _asff_shape() -> Any:
    return get_service_model("securityhub").shape_for("AwsSecurityFinding")


def violations(finding: Any) -> Iterator[str]:
    """Yield how a finding violates the ASFF, in Security Hub's words."""
    yield from problems(_asff_shape(), finding, "data")
    provided = finding.get("FindingProviderFields")
    provided = provided if isinstance(provided, dict) else {}
    if not all(finding.get(name) or provided.get(name) for name in ("Severity", "Types")):
        yield "data should have required property 'FindingProviderFields'"
    for path, longest in LONGEST.items():
        if any(len(str(value)) > longest for value in asff.read(finding, path.split("."))):
            yield f"data.{path} should NOT be longer than {longest} characters"
    for name in ("CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt"):
        if isinstance(value := finding.get(name), str) and not asff.timestamp(value):
            yield f'data.{name} should match format "date-time"'
    if finding.get("SchemaVersion") not in (None, "2018-10-08"):
        yield "data.SchemaVersion should be equal to one of the allowed values"
    if not re.fullmatch(r"\d{12}", str(finding.get("AwsAccountId"))):
        yield 'data.AwsAccountId should match pattern "^[0-9]{12}$"'
    if isinstance(resources := finding.get("Resources"), list) and not 1 <= len(resources) <= MAX_RESOURCES:
        yield f"data.Resources should have between 1 and {MAX_RESOURCES} items"


class SecurityHubBackend(AutomationRules, MotoSecurityHubBackend):
    """Security Hub of one account and Region."""

    token_ttl_seconds: float = 24 * 3600
    """How long a NextToken can be used, for the class or for one account and Region."""
    pending_polls = 1
    """How often GetEnabledStandards answers PENDING (or DELETING) before the change is done."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._lock = threading.RLock()
        self._clear()

    def _clear(self) -> None:
        self.pager = Pager(lambda: self.token_ttl_seconds)
        self.aggregator: dict[str, Any] | None = None
        # Findings are never changed, only replaced, so that pages behind a token stay the same.
        self.asff: dict[Key, Finding] = {}
        self.customer_set: dict[Key, set[str]] = {}
        self.hub: dict[str, Any] = {}
        self.tags_of: dict[str, dict[str, str]] = {}
        self.action_targets: dict[str, dict[str, str]] = {}
        self.insights: dict[str, dict[str, Any]] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.controls: dict[tuple[str, str], dict[str, str]] = {}
        self.parameters: dict[str, dict[str, Any]] = {}
        self.reasons: dict[str, str] = {}
        self.rules: dict[str, dict[str, Any]] = {}

    # Helpers

    def _arn(self, resource: str) -> str:
        return f"arn:{self.partition}:securityhub:{self.region_name}:{self.account_id}:{resource}"

    def _require_hub(self) -> None:
        if not self.enabled:
            raise InvalidAccessException(f"Account {self.account_id} is not subscribed to AWS Security Hub")

    def _page(
        self,
        name: str,
        compute: Callable[[], Sequence[Any]],
        max_results: int | None,
        next_token: str | None,
        *parameters: Any,
    ) -> dict[str, Any]:
        """Return the response with one page of `name`. The token is bound to the parameters, account and Region."""
        bound = [name, self.account_id, self.region_name, *parameters]
        try:
            items, token = self.pager.page(bound, compute, max_results or MAX_BATCH, next_token)
        except TokenError as error:
            raise InvalidInputException(f"Invalid parameter: {error}") from None
        return {name: items, **({"NextToken": token} if token else {})}

    # Hub

    @operation()
    def enable_security_hub(
        self,
        enable_default_standards: bool = True,
        tags: dict[str, str] | None = None,
        control_finding_generator: str = "SECURITY_CONTROL",
    ) -> dict[str, Any]:
        if self.enabled:
            raise ResourceConflictException("Account is already subscribed to Security Hub")
        self.enabled, self.enabled_at = True, now()
        self.hub = {"AutoEnableControls": True, "ControlFindingGenerator": control_finding_generator}
        self.tags_of = {self._arn("hub/default"): dict(tags or {})}
        if enable_default_standards:
            self._enable_standards(key for key, standard in STANDARDS.items() if standard.enabled_by_default)
        return {}

    @operation()
    def disable_security_hub(self) -> dict[str, Any]:
        self._require_hub()
        if self._organization_admin() == self.account_id:
            raise InvalidInputException("Cannot disable Security Hub on the Security Hub administrator")
        self.enabled, self.enabled_at, self.members = False, None, {}
        self._clear()
        return {}

    @operation()
    def describe_hub(self, hub_arn: str | None = None) -> dict[str, Any]:
        self._require_hub()
        arn = self._arn("hub/default")
        if hub_arn not in (None, arn):
            raise ResourceNotFoundException(f"Hub {hub_arn} is not found")
        return {"HubArn": arn, "SubscribedAt": self.enabled_at, **self.hub}

    @operation()
    def update_security_hub_configuration(
        self, auto_enable_controls: bool | None = None, control_finding_generator: str | None = None
    ) -> dict[str, Any]:
        self._require_hub()
        given = {
            "AutoEnableControls": auto_enable_controls,
            "ControlFindingGenerator": control_finding_generator,
        }
        self.hub |= {name: value for name, value in given.items() if value is not None}
        return {}

    def _tagged(self, arn: str) -> dict[str, str]:
        if arn not in self.tags_of:
            raise ResourceNotFoundException(f"Resource {arn} is not found")
        return self.tags_of[arn]

    @operation()
    def tag_resource(self, resource_arn: str, tags: dict[str, str]) -> dict[str, Any]:
        self._tagged(resource_arn).update(tags)
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> dict[str, Any]:
        for key in tag_keys:
            self._tagged(resource_arn).pop(key, None)
        return {}

    @operation()
    def list_tags_for_resource(self, resource_arn: str) -> dict[str, Any]:
        return {"Tags": self._tagged(resource_arn)}

    # Organization (the rest is moto's)

    def _organization_admin(self) -> str | None:
        try:
            return cast("str | None", self._get_org_config()["admin_account_id"])
        except AWSOrganizationsNotInUseException:
            return None

    def update_organization_configuration(
        self,
        auto_enable: bool,
        auto_enable_standards: str | None = None,
        organization_configuration: dict[str, Any] | None = None,
    ) -> None:
        """Add the Status that moto requires and a request does not have."""
        if organization_configuration:
            organization_configuration = {
                "Status": "ENABLED",
                "StatusMessage": "",
                **organization_configuration,
            }
        super().update_organization_configuration(auto_enable, auto_enable_standards, organization_configuration)

    @operation()
    def list_organization_admin_accounts(
        self, max_results: int | None = None, next_token: str | None = None, feature: str = "SecurityHub"
    ) -> dict[str, Any]:
        admin = self._organization_admin()
        accounts = [{"AccountId": admin, "Status": "ENABLED"}] if admin else []
        return {**self._page("AdminAccounts", lambda: accounts, max_results, next_token), "Feature": feature}

    @operation()
    def disable_organization_admin_account(self, admin_account_id: str, feature: str = "SecurityHub") -> dict[str, Any]:
        if self._organization_admin() != admin_account_id:
            raise InvalidInputException(f"{admin_account_id} is not the Security Hub administrator account")
        self._get_org_config()["admin_account_id"] = None
        return {}

    # Cross-Region and cross-account view

    def _sources(self) -> list[SecurityHubBackend]:
        """Return the hubs whose findings this one shows: its own, its members' and those of linked Regions."""
        hubs: list[SecurityHubBackend] = []
        for account in (self.account_id, *self.members):
            for region, hub in list(securityhub_backends.get(account, {}).items()):  # get: existing ones only
                if hub.enabled and (region == self.region_name or self._links(region)):
                    hubs.append(hub)
        return hubs

    def _links(self, region: str) -> bool:
        if not self.aggregator:
            return False
        mode, named = self.aggregator["RegionLinkingMode"], self.aggregator.get("Regions", [])
        return mode == "ALL_REGIONS" or (LINKING_MODES[mode] and (region in named) == (mode == "SPECIFIED_REGIONS"))

    def _watchers(self) -> list[SecurityHubBackend]:
        """Return the hubs that show this one's findings and whose event buses receive their events."""
        hubs = [hub for regions in list(securityhub_backends.values()) for hub in list(regions.values())]
        return [hub for hub in hubs if hub.enabled and self in hub._sources()]

    def _emit(self, findings: list[Finding]) -> None:
        watchers = self._watchers() if findings else []
        for finding in findings:
            arn = f"{finding['ProductArn']}/{finding['Id']}"
            for hub in watchers:
                where = hub.account_id, hub.region_name
                detail = {"findings": [finding]}
                events.emit("aws.securityhub", "Security Hub Findings - Imported", detail, [arn], *where)

    def _aggregator_hub(self, arn: str | None = None) -> SecurityHubBackend:
        """Return this account's hub in the home Region."""
        self._require_hub()
        for hub in list(securityhub_backends.get(self.account_id, {}).values()):
            if hub.aggregator and arn in (None, hub.aggregator["FindingAggregatorArn"]):
                return hub
        raise ResourceNotFoundException(f"Finding aggregator {arn or ''} is not found")

    def _set_aggregator(self, arn: str, mode: str, regions: list[str] | None) -> dict[str, Any]:
        if mode not in LINKING_MODES:
            raise InvalidInputException(
                f"Invalid parameter: RegionLinkingMode should be one of {', '.join(LINKING_MODES)}"
            )
        if bool(regions) != LINKING_MODES[mode]:
            needs = "needs" if LINKING_MODES[mode] else "does not take"
            raise InvalidInputException(f"Invalid parameter: RegionLinkingMode {mode} {needs} Regions")
        self.aggregator = {
            "FindingAggregatorArn": arn,
            "FindingAggregationRegion": self.region_name,
            "RegionLinkingMode": mode,
            **({"Regions": regions} if regions else {}),
        }
        return self.aggregator

    @operation()
    def create_finding_aggregator(self, region_linking_mode: str, regions: list[str] | None = None) -> dict[str, Any]:
        try:
            existing = self._aggregator_hub()
        except ResourceNotFoundException:
            return self._set_aggregator(self._arn(f"finding-aggregator/{uuid.uuid4()}"), region_linking_mode, regions)
        raise InvalidInputException(f"Cross-Region aggregation is already enabled in {existing.region_name}")

    @operation()
    def get_finding_aggregator(self, finding_aggregator_arn: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self._aggregator_hub(finding_aggregator_arn).aggregator)

    @operation()
    def list_finding_aggregators(self, max_results: int | None = None, next_token: str | None = None) -> dict[str, Any]:
        def found() -> list[dict[str, str]]:
            try:
                aggregator = cast("dict[str, Any]", self._aggregator_hub().aggregator)
            except ResourceNotFoundException:
                return []
            return [{"FindingAggregatorArn": aggregator["FindingAggregatorArn"]}]

        self._require_hub()
        return self._page("FindingAggregators", found, max_results, next_token)

    @operation()
    def update_finding_aggregator(
        self, finding_aggregator_arn: str, region_linking_mode: str, regions: list[str] | None = None
    ) -> dict[str, Any]:
        hub = self._aggregator_hub(finding_aggregator_arn)
        if hub is not self:
            raise InvalidInputException(f"The home Region is {hub.region_name}")
        return self._set_aggregator(finding_aggregator_arn, region_linking_mode, regions)

    @operation()
    def delete_finding_aggregator(self, finding_aggregator_arn: str) -> dict[str, Any]:
        self._aggregator_hub(finding_aggregator_arn).aggregator = None
        return {}

    # Findings

    def select(self, filters: dict[str, Any] | None, sort_criteria: list[dict[str, str]] | None) -> list[Finding]:
        """Return all visible findings that pass the filters, in order."""
        passes = asff.predicate(filters or {})
        found = (finding for hub in self._sources() for finding in list(hub.asff.values()) if passes(finding))
        return asff.ordered(found, sort_criteria or [])

    @operation()
    def get_findings(
        self,
        filters: dict[str, Any] | None = None,
        sort_criteria: list[dict[str, str]] | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        self._require_hub()
        return self._page(
            "Findings",
            lambda: self.select(filters, sort_criteria),
            max_results,
            next_token,
            filters,
            sort_criteria,
        )

    @operation(unchecked=["Findings"])
    def batch_import_findings(self, findings: list[Any]) -> dict[str, Any]:
        self._require_hub()
        pattern = rf"arn:{self.partition}:securityhub:{self.region_name}:\d*:product/[^/]+/[^/]+"
        for finding in findings:
            arn = finding.get("ProductArn") if isinstance(finding, dict) else None
            if arn is not None and not re.fullmatch(pattern, str(arn)):
                raise InvalidInputException(f'productArn: "{arn}"')
        failed, changed = [], []
        with self._lock:
            for finding in findings:
                if error := self._refusal(finding):
                    given = str(finding.get("Id", "")) if isinstance(finding, dict) else ""
                    failed.append({"Id": given, "ErrorCode": error[0], "ErrorMessage": error[1]})
                elif stored := self._import(finding):
                    changed.append(stored)
        self._emit(changed)
        return {
            "FailedCount": len(failed),
            "SuccessCount": len(findings) - len(failed),
            "FailedFindings": failed,
        }

    def _refusal(self, finding: Any) -> tuple[str, str] | None:
        """Return (code, message) why a finding cannot be imported, or None."""
        if found := list(violations(finding)):
            return (
                "InvalidInput",
                f"Finding does not adhere to Amazon Finding Format. {', '.join(found[:5])}.",
            )
        if len(json.dumps(finding).encode()) > MAX_FINDING_BYTES:
            return "InvalidInput", "Finding size exceeded 240 KB"
        company, product = finding["ProductArn"].split("/")[1:]
        if (company, product) == (self.account_id, "default"):
            if finding["AwsAccountId"] != self.account_id:
                return (
                    "InvalidAccess",
                    f"Account {self.account_id} cannot import findings of {finding['AwsAccountId']}",
                )
        elif company != "aws" or product not in AWS_PRODUCTS:
            return "InvalidAccess", f"The account is not subscribed to the product {finding['ProductArn']}"
        return None

    def _import(self, given: Finding) -> Finding | None:
        """Create or update a finding. Return None if the existing one is as new."""
        key = given["ProductArn"], given["Id"]
        old = self.asff.get(key)
        if old and asff.timestamp(given["UpdatedAt"]) <= asff.timestamp(old["UpdatedAt"]):  # type: ignore[operator]
            return None
        set_by_customer = self.customer_set.get(key, set())
        provided = {name: given[name] for name in PROVIDER_FIELDS if name in given}
        if "Severity" in provided:
            kept = {
                name: value for name, value in severity(provided["Severity"]).items() if name in ("Label", "Original")
            }
            provided["Severity"] = kept
        provided |= given.get("FindingProviderFields") or {}
        top = {name: value for name, value in provided.items() if name not in set_by_customer}
        if "Severity" in top:
            top["Severity"] = severity({**given.get("Severity", {}), **top["Severity"]})
        before = old or self._created(key)
        finding = {
            **before,
            **{k: v for k, v in given.items() if k not in PROVIDER_FIELDS and not (old and k in CUSTOMER_FIELDS)},
            **top,
            "FindingProviderFields": {**before.get("FindingProviderFields", {}), **provided},
            "ProductFields": {**before["ProductFields"], **given.get("ProductFields", {})},
            "Resources": [
                {"Partition": self.partition, "Region": self.region_name, **resource} for resource in given["Resources"]
            ],
            "ProcessedAt": now(),
        }
        if old:
            self._reset_workflow(old, finding)
        for hub in self._watchers():  # an administrator's rules apply to its members too
            finding = hub.automated(finding, lambda old, updates: self._changed(key, old, updates))
        self.asff[key] = finding
        return finding

    def _created(self, key: Key) -> Finding:
        """Return what Security Hub itself writes into a new finding."""
        product = key[0].rpartition("/")[2]
        company, name = ("AWS", AWS_PRODUCTS[product]) if product in AWS_PRODUCTS else ("Personal", "Default")
        return {
            "ProductName": name,
            "CompanyName": company,
            "Region": self.region_name,
            "WorkflowState": "NEW",
            "Workflow": {"Status": "NEW"},
            "RecordState": "ACTIVE",
            "ProductFields": {
                "aws/securityhub/FindingId": "/".join(key),
                "aws/securityhub/ProductName": name,
                "aws/securityhub/CompanyName": company,
            },
        }

    @staticmethod
    def _reset_workflow(old: Finding, new: Finding) -> None:
        """Reset the status of a notified or resolved finding that got worse: Workflow.Status in the API reference."""
        status = {name: finding.get("Compliance", {}).get("Status") for name, finding in (("old", old), ("new", new))}
        back = old["RecordState"] == "ARCHIVED" and new["RecordState"] == "ACTIVE"
        worse = status["old"] == "PASSED" and status["new"] in ("WARNING", "FAILED", "NOT_AVAILABLE")
        if (back or worse) and new["Workflow"].get("Status") in ("NOTIFIED", "RESOLVED"):
            new["Workflow"] = {"Status": "NEW"}

    @operation()
    def batch_update_findings(self, finding_identifiers: list[dict[str, str]], **given: Any) -> dict[str, Any]:
        self._require_hub()
        if not 1 <= len(finding_identifiers) <= MAX_BATCH:
            raise InvalidInputException(f"Invalid parameter: FindingIdentifiers should have 1 to {MAX_BATCH} items")
        if not given:
            raise InvalidInputException("Invalid parameter: at least one field to update is required")
        updates = {name.title().replace("_", ""): value for name, value in given.items()}
        if len(updates.get("UserDefinedFields", {})) > MAX_USER_FIELDS:
            raise InvalidInputException(f"Invalid parameter: UserDefinedFields has more than {MAX_USER_FIELDS} items")
        times = Counter((item["ProductArn"], item["Id"]) for item in finding_identifiers)
        processed, unprocessed = [], []
        changed: dict[Key, tuple[SecurityHubBackend, Finding]] = {}
        hubs = self._sources()
        for item in finding_identifiers:
            key = item["ProductArn"], item["Id"]
            hub = next((hub for hub in hubs if key in hub.asff), None)
            if times[key] > 1:
                error = "DuplicatedFindingIdentifier", "Finding Identifier is duplicated"
            elif hub is None:
                error = "FindingNotFound", "Finding Not Found"
            elif not (finding := hub._update(key, updates)):
                error = "FindingSizeExceeded", "Finding size exceeded 240 KB"
            else:
                changed[key] = hub, finding
                processed.append(item)
                continue
            unprocessed.append({"FindingIdentifier": item, "ErrorCode": error[0], "ErrorMessage": error[1]})
        for hub, finding in changed.values():
            hub._emit([finding])
        return {"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}

    def _update(self, key: Key, updates: dict[str, Any]) -> Finding | None:
        """Apply a customer's update, which leaves the provider's UpdatedAt. Return None if it gets too large."""
        with self._lock:
            new = self._changed(key, self.asff[key], updates)
            if len(json.dumps(new).encode()) > MAX_FINDING_BYTES:
                return None
            self.asff[key] = new
            return new

    def _changed(self, key: Key, old: Finding, updates: dict[str, Any]) -> Finding:
        """Return the finding with a customer's changes, which later imports keep."""
        new = {**old, **updates}
        if "Note" in updates:
            new["Note"] = {**updates["Note"], "UpdatedAt": now()}
        if "Severity" in updates:
            kept = {k: v for k, v in old.get("Severity", {}).items() if k not in ("Label", "Normalized")}
            new["Severity"] = severity({**kept, **updates["Severity"]})
        self.customer_set.setdefault(key, set()).update(updates)
        return new

    # Automation rules

    @operation()
    def create_automation_rule(self, tags: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        return self.create_rule({name.title().replace("_", ""): value for name, value in given.items()}, tags, now())

    @operation()
    def batch_get_automation_rules(self, automation_rules_arns: list[str]) -> dict[str, Any]:
        return self.get_rules(automation_rules_arns)

    @operation()
    def list_automation_rules(self, next_token: str | None = None, max_results: int | None = None) -> dict[str, Any]:
        return self.list_rules(max_results, next_token)

    @operation()
    def batch_update_automation_rules(
        self, update_automation_rules_request_items: list[dict[str, Any]]
    ) -> dict[str, Any]:
        return self.update_rules(update_automation_rules_request_items, now())

    @operation()
    def batch_delete_automation_rules(self, automation_rules_arns: list[str]) -> dict[str, Any]:
        return self.delete_rules(automation_rules_arns)

    # Custom actions

    @operation()
    def create_action_target(self, name: str, description: str, id: str) -> dict[str, Any]:
        self._require_hub()
        if not re.fullmatch(r"[a-zA-Z0-9]{1,20}", id):
            raise InvalidInputException(f"Invalid parameter: Id '{id}' should be 1 to 20 alphanumeric characters")
        arn = self._arn(f"action/custom/{id}")
        if arn in self.action_targets:
            raise ResourceConflictException(f"Action target {arn} already exists")
        if len(self.action_targets) >= MAX_ACTION_TARGETS:
            raise LimitExceededException(f"Limit of {MAX_ACTION_TARGETS} action targets is exceeded")
        self._set_action_target(arn, name, description)
        return {"ActionTargetArn": arn}

    def _set_action_target(self, arn: str, name: str, description: str) -> None:
        if len(name) > 20:
            raise InvalidInputException(f"Invalid parameter: Name '{name}' should NOT be longer than 20 characters")
        self.action_targets[arn] = {"ActionTargetArn": arn, "Name": name, "Description": description}

    def _action_target(self, arn: str) -> dict[str, str]:
        self._require_hub()
        if arn not in self.action_targets:
            raise ResourceNotFoundException(f"Action target {arn} is not found")
        return self.action_targets[arn]

    @operation()
    def describe_action_targets(
        self,
        action_target_arns: list[str] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        self._require_hub()
        wanted = action_target_arns or list(self.action_targets)
        found = [self._action_target(arn) for arn in wanted]
        return self._page("ActionTargets", lambda: found, max_results, next_token, action_target_arns)

    @operation()
    def update_action_target(
        self, action_target_arn: str, name: str | None = None, description: str | None = None
    ) -> dict[str, Any]:
        old = self._action_target(action_target_arn)
        self._set_action_target(action_target_arn, name or old["Name"], description or old["Description"])
        return {}

    @operation()
    def delete_action_target(self, action_target_arn: str) -> dict[str, Any]:
        self._action_target(action_target_arn)
        del self.action_targets[action_target_arn]
        return {"ActionTargetArn": action_target_arn}

    def send_custom_action(self, action_target_arn: str, findings: list[str | dict[str, str]]) -> int:
        """Send the events of the console's custom action, one for each finding. Return their number."""
        action = self._action_target(action_target_arn)
        if not 1 <= len(findings) <= MAX_ACTION_FINDINGS:
            raise InvalidInputException(f"A custom action takes 1 to {MAX_ACTION_FINDINGS} findings")
        chosen = []
        for wanted in findings:
            match = {"Id": wanted} if isinstance(wanted, str) else wanted
            found = [f for hub in self._sources() for f in list(hub.asff.values()) if match.items() <= f.items()]
            if not found:
                raise ResourceNotFoundException(f"Finding {wanted} is not found")
            chosen.append(found[0])
        for finding in chosen:
            detail = {
                "actionName": action["Name"],
                "actionDescription": action["Description"],
                "findings": [finding],
            }
            where = self.account_id, self.region_name
            events.emit(
                "aws.securityhub",
                "Security Hub Findings - Custom Action",
                detail,
                [action_target_arn],
                *where,
            )
        return len(chosen)

    # Insights

    def _insight(self, arn: str) -> dict[str, Any]:
        self._require_hub()
        if arn not in self.insights:
            raise ResourceNotFoundException(f"Insight {arn} is not found")
        return self.insights[arn]

    def _set_insight(self, insight: dict[str, Any]) -> None:
        asff.predicate(insight["Filters"])
        asff.field(insight["GroupByAttribute"])
        self.insights[insight["InsightArn"]] = insight

    @operation()
    def create_insight(self, name: str, filters: dict[str, Any], group_by_attribute: str) -> dict[str, Any]:
        self._require_hub()
        if len(self.insights) >= MAX_INSIGHTS:
            raise LimitExceededException(f"Limit of {MAX_INSIGHTS} insights is exceeded")
        arn = self._arn(f"insight/{self.account_id}/custom/{uuid.uuid4()}")
        self._set_insight({"InsightArn": arn, "Name": name, "Filters": filters, "GroupByAttribute": group_by_attribute})
        return {"InsightArn": arn}

    @operation()
    def get_insights(
        self,
        insight_arns: list[str] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        self._require_hub()
        found = [self._insight(arn) for arn in insight_arns or list(self.insights)]
        return self._page("Insights", lambda: found, max_results, next_token, insight_arns)

    @operation()
    def update_insight(self, insight_arn: str, **given: Any) -> dict[str, Any]:
        changes = {name.title().replace("_", ""): value for name, value in given.items()}
        self._set_insight({**self._insight(insight_arn), **changes})
        return {}

    @operation()
    def delete_insight(self, insight_arn: str) -> dict[str, Any]:
        self._insight(insight_arn)
        del self.insights[insight_arn]
        return {"InsightArn": insight_arn}

    @operation()
    def get_insight_results(self, insight_arn: str) -> dict[str, Any]:
        insight = self._insight(insight_arn)
        path = asff.field(insight["GroupByAttribute"]).path
        counts = Counter(str(v) for f in self.select(insight["Filters"], None) for v in asff.read(f, path))
        values = [{"GroupByAttributeValue": value, "Count": count} for value, count in counts.most_common(MAX_BATCH)]
        head = {"InsightArn": insight_arn, "GroupByAttribute": insight["GroupByAttribute"]}
        return {"InsightResults": {**head, "ResultValues": values}}

    # Standards

    def _standards_arn(self, key: str) -> str:
        resource = STANDARDS[key].resource
        region = self.region_name if resource == "standards" else ""
        return f"arn:{self.partition}:securityhub:{region}::{resource}/{key}"

    def _standard(self, arn: str) -> str:
        """Return the key of a standard by its ARN, which must be this Region's."""
        key = arn.partition("/")[2]
        if key not in STANDARDS or arn != self._standards_arn(key):
            raise InvalidInputException(f"Invalid parameter: StandardsArn '{arn}' is not a standard of this Region")
        return key

    def _subscribed(self, arn: str) -> str:
        key = arn.partition("/")[2]
        if arn != self._arn(f"subscription/{key}") or key not in self.subscriptions:
            raise ResourceNotFoundException(f"Standards subscription {arn} is not found")
        return key

    @operation()
    def describe_standards(
        self,
        next_token: str | None = None,
        max_results: int | None = None,
        providers: list[str] | None = None,
    ) -> dict[str, Any]:
        self._require_hub()
        standards = [
            {
                "StandardsArn": self._standards_arn(key),
                "Name": standard.name,
                "Description": standard.description,
                "EnabledByDefault": standard.enabled_by_default,
                "StandardsManagedBy": {"Company": "AWS", "Product": "Security Hub"},
            }
            for key, standard in STANDARDS.items()
        ]
        return self._page("Standards", lambda: standards, max_results, next_token)

    def _enable_standards(self, keys: Any) -> list[dict[str, Any]]:
        for key in keys:
            if self.subscriptions.get(key, {}).get("StandardsStatus") in (None, "DELETING"):
                self.subscriptions[key] = {
                    "StandardsSubscriptionArn": self._arn(f"subscription/{key}"),
                    "StandardsArn": self._standards_arn(key),
                    "StandardsInput": {},
                    "StandardsStatus": "PENDING",
                    "StandardsControlsUpdatable": "NOT_READY_FOR_UPDATES",
                    "polls": self.pending_polls,
                }
        return list(self.subscriptions.values())

    @staticmethod
    def _subscription(item: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in item.items() if name != "polls"}

    @operation()
    def batch_enable_standards(self, standards_subscription_requests: list[dict[str, Any]]) -> dict[str, Any]:
        self._require_hub()
        keys = [self._standard(request["StandardsArn"]) for request in standards_subscription_requests]
        self._enable_standards(keys)
        return {"StandardsSubscriptions": [self._subscription(self.subscriptions[key]) for key in keys]}

    @operation()
    def batch_disable_standards(self, standards_subscription_arns: list[str]) -> dict[str, Any]:
        self._require_hub()
        keys = []
        for arn in standards_subscription_arns:
            try:
                keys.append(self._subscribed(arn))
            except ResourceNotFoundException as error:
                raise InvalidInputException(f"Invalid parameter: {error.message}") from None
        for key in keys:
            self.subscriptions[key] |= {"StandardsStatus": "DELETING", "polls": self.pending_polls}
        self.controls = {at: state for at, state in self.controls.items() if at[0] not in keys}
        return {"StandardsSubscriptions": [self._subscription(self.subscriptions[key]) for key in keys]}

    @operation()
    def get_enabled_standards(
        self,
        standards_subscription_arns: list[str] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
        providers: list[str] | None = None,
    ) -> dict[str, Any]:
        self._require_hub()
        shown = []
        for key, item in list(self.subscriptions.items()):
            if standards_subscription_arns and item["StandardsSubscriptionArn"] not in standards_subscription_arns:
                continue
            if item["polls"]:
                item["polls"] -= 1
            elif item["StandardsStatus"] == "DELETING":
                del self.subscriptions[key]
                continue
            else:
                self._settle(item)
            shown.append(self._subscription(item))
        return self._page("StandardsSubscriptions", lambda: shown, max_results, next_token, standards_subscription_arns)

    def _settle(self, item: dict[str, Any]) -> None:
        """Settle as READY, or INCOMPLETE: without an AWS Config recorder in the Region no control can be checked."""
        from moto.config.models import config_backends

        recorders = config_backends[self.account_id][self.region_name].recorders.values()
        item |= {"StandardsStatus": "READY", "StandardsControlsUpdatable": "READY_FOR_UPDATES"}
        item.pop("StandardsStatusReason", None)
        if not any(recorder.status.recording for recorder in recorders):
            reason = {"StatusReasonCode": "NO_AVAILABLE_CONFIGURATION_RECORDER"}
            item |= {"StandardsStatus": "INCOMPLETE", "StandardsStatusReason": reason}

    # Controls

    def _control_state(self, key: str, control: str) -> dict[str, str]:
        return self.controls.get((key, control), {"Status": "ENABLED"})

    def _set_control(self, key: str, control: str, status: str, reason: str | None) -> None:
        if status == "DISABLED" and not reason:
            raise InvalidInputException("Invalid parameter: a reason is required to disable a control")
        state = {"Status": status, "UpdatedAt": now()}
        self.controls[key, control] = state | ({"Reason": reason} if reason and status == "DISABLED" else {})

    def _details(self, control: str) -> dict[str, str]:
        title, rating, *_ = CONTROLS[control]
        return {
            "Title": title,
            "Description": f"This control checks: {title}.",
            "RemediationUrl": f"https://docs.aws.amazon.com/console/securityhub/{control}/remediation",
            "SeverityRating": rating,
        }

    @operation()
    def describe_standards_controls(
        self, standards_subscription_arn: str, next_token: str | None = None, max_results: int | None = None
    ) -> dict[str, Any]:
        self._require_hub()
        key = self._subscribed(standards_subscription_arn)
        controls = []
        for control, (_, _, standards, _) in CONTROLS.items():
            if key not in standards:
                continue
            state, number = self._control_state(key, control), standards[key] or control
            is_cis = key.startswith("cis")
            controls.append(
                {
                    "StandardsControlArn": self._arn(f"control/{key}/{number}"),
                    "ControlStatus": state["Status"],
                    **({"DisabledReason": state["Reason"]} if "Reason" in state else {}),
                    "ControlStatusUpdatedAt": state.get("UpdatedAt", self.enabled_at),
                    "ControlId": f"CIS.{number}" if is_cis else number,
                    **self._details(control),
                    "RelatedRequirements": [f"CIS AWS Foundations {number}"] if is_cis else [],
                }
            )
        return self._page("Controls", lambda: controls, max_results, next_token, standards_subscription_arn)

    @operation()
    def update_standards_control(
        self,
        standards_control_arn: str,
        control_status: str | None = None,
        disabled_reason: str | None = None,
    ) -> dict[str, Any]:
        self._require_hub()
        for control, (_, _, standards, _) in CONTROLS.items():
            for key in standards.keys() & self.subscriptions.keys():
                if standards_control_arn == self._arn(f"control/{key}/{standards[key] or control}"):
                    if control_status is None:
                        raise InvalidInputException("Invalid parameter: ControlStatus is required")
                    self._set_control(key, control, control_status, disabled_reason)
                    return {}
        raise ResourceNotFoundException(f"Standards control {standards_control_arn} is not found")

    def _definition(self, control: str) -> dict[str, Any]:
        return {
            "SecurityControlId": control,
            **self._details(control),
            "CurrentRegionAvailability": "AVAILABLE",
        }

    @operation()
    def list_security_control_definitions(
        self,
        standards_arn: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
        providers: list[str] | None = None,
    ) -> dict[str, Any]:
        self._require_hub()
        key = self._standard(standards_arn) if standards_arn else None
        found = [self._definition(name) for name, control in CONTROLS.items() if key in (None, *control.standards)]
        return self._page("SecurityControlDefinitions", lambda: found, max_results, next_token, standards_arn)

    @operation()
    def get_security_control_definition(self, security_control_id: str) -> dict[str, Any]:
        self._require_hub()
        if security_control_id not in CONTROLS:
            raise ResourceNotFoundException(f"Security control {security_control_id} is not found")
        return {"SecurityControlDefinition": self._definition(security_control_id)}

    @operation()
    def batch_get_security_controls(self, security_control_ids: list[str]) -> dict[str, Any]:
        self._require_hub()
        found: list[dict[str, Any]] = []
        missing = []
        for given in security_control_ids:
            control = given.rpartition("security-control/")[2]
            if control not in CONTROLS:
                missing.append({"SecurityControlId": given, "ErrorCode": "NOT_FOUND", "ErrorReason": "Unknown control"})
                continue
            states = [self._control_state(k, control) for k in CONTROLS[control].standards if k in self.subscriptions]
            enabled = any(state["Status"] == "ENABLED" for state in states)
            found.append(
                {
                    "SecurityControlId": control,
                    "SecurityControlArn": self._arn(f"security-control/{control}"),
                    **self._details(control),
                    "SecurityControlStatus": "ENABLED" if enabled else "DISABLED",
                    "UpdateStatus": "READY",
                    "Parameters": self._parameters(control),
                    **({"LastUpdateReason": self.reasons[control]} if control in self.reasons else {}),
                }
            )
        return {"SecurityControls": found, "UnprocessedIds": missing}

    def _parameters(self, control: str) -> dict[str, Any]:
        """Return a control's parameters: those that were set, and the defaults of the others."""
        defaults = {
            name: {"ValueType": "DEFAULT", "Value": {kind: options["DefaultValue"] for kind, options in given.items()}}
            for name, given in CONTROLS[control].parameters.items()
        }
        return defaults | self.parameters.get(control, {})

    @operation()
    def update_security_control(
        self, security_control_id: str, parameters: dict[str, Any], last_update_reason: str | None = None
    ) -> dict[str, Any]:
        self._require_hub()
        if security_control_id not in CONTROLS:
            raise ResourceNotFoundException(f"Security control {security_control_id} is not found")
        known, custom = CONTROLS[security_control_id].parameters, dict(self.parameters.get(security_control_id, {}))
        for name, given in parameters.items():
            if name not in known:
                raise InvalidInputException(f"{security_control_id} has no parameter {name}")
            custom.pop(name, None)
            if given["ValueType"] == "DEFAULT":
                continue
            ((kind, options),) = known[name].items()
            value = (given.get("Value") or {}).get(kind)
            if value is None or not options.get("Min", value) <= value <= options.get("Max", value):
                raise InvalidInputException(f"{name} must be a valid {kind}: {options}")
            custom[name] = {"ValueType": "CUSTOM", "Value": {kind: value}}
        self.parameters[security_control_id] = custom
        if last_update_reason:
            self.reasons[security_control_id] = last_update_reason
        return {}

    def _association(self, key: str, control: str) -> dict[str, Any]:
        state = self._control_state(key, control)
        on = key in self.subscriptions and state["Status"] == "ENABLED"
        return {
            "StandardsArn": self._standards_arn(key),
            "SecurityControlId": control,
            "SecurityControlArn": self._arn(f"security-control/{control}"),
            "AssociationStatus": "ENABLED" if on else "DISABLED",
            "UpdatedAt": state.get("UpdatedAt", self.enabled_at),
            **({"UpdatedReason": state["Reason"]} if "Reason" in state else {}),
            "StandardsControlTitle": CONTROLS[control].title,
        }

    @operation()
    def list_standards_control_associations(
        self, security_control_id: str, next_token: str | None = None, max_results: int | None = None
    ) -> dict[str, Any]:
        self._require_hub()
        standards = CONTROLS[security_control_id].standards if security_control_id in CONTROLS else {}
        found = [self._association(key, security_control_id) for key in standards]
        name = "StandardsControlAssociationSummaries"
        return self._page(name, lambda: found, max_results, next_token, security_control_id)

    def _associated(self, item: dict[str, str], *, enabled: bool = False) -> tuple[str, str]:
        """Return (standard, control) of an association. Raise InvalidInputException if it does not exist."""
        key, control = self._standard(item["StandardsArn"]), item["SecurityControlId"]
        if control not in CONTROLS or key not in CONTROLS[control].standards:
            raise InvalidInputException(f"{control} is not a control of {item['StandardsArn']}")
        if enabled and key not in self.subscriptions:
            raise InvalidInputException(f"{item['StandardsArn']} is not enabled")
        return key, control

    @operation()
    def batch_get_standards_control_associations(
        self, standards_control_association_ids: list[dict[str, str]]
    ) -> dict[str, Any]:
        self._require_hub()
        found, failed = [], []
        for item in standards_control_association_ids:
            try:
                key, control = self._associated(item)
            except InvalidInputException as error:
                failed.append(
                    {
                        "StandardsControlAssociationId": item,
                        "ErrorCode": "NOT_FOUND",
                        "ErrorReason": error.message,
                    }
                )
                continue
            arn = self._arn(f"control/{key}/{CONTROLS[control].standards[key] or control}")
            found.append({**self._association(key, control), "StandardsControlArns": [arn]})
        return {"StandardsControlAssociationDetails": found, "UnprocessedAssociations": failed}

    @operation()
    def batch_update_standards_control_associations(
        self, standards_control_association_updates: list[dict[str, str]]
    ) -> dict[str, Any]:
        self._require_hub()
        failed = []
        for item in standards_control_association_updates:
            try:
                key, control = self._associated(item, enabled=True)
                self._set_control(key, control, item["AssociationStatus"], item.get("UpdatedReason"))
            except InvalidInputException as error:
                reason = {"ErrorCode": "INVALID_INPUT", "ErrorReason": error.message}
                failed.append({"StandardsControlAssociationUpdate": item, **reason})
        return {"UnprocessedAssociationUpdates": failed}


securityhub_backends: BackendDict[SecurityHubBackend] = BackendDict(SecurityHubBackend, "securityhub")


def backend_of(arn: str) -> SecurityHubBackend:
    """Return the backend of the account and Region that an ARN names."""
    _, _, _, region, account, _ = arn.split(":", 5)
    return securityhub_backends[account][region]
