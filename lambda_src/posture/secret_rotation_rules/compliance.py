"""Read AWS Config's results: non-compliant secrets of this account and Region, or of all that an aggregator has.

API reference: GetComplianceDetailsByConfigRule (100 a page), DescribeAggregateComplianceByConfigRules (1000),
GetAggregateComplianceDetailsByConfigRule (100).
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

NON_COMPLIANT = "NON_COMPLIANT"
PAGE = 100


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One secret (its ARN) that breaks one rule. `since` is the time at which AWS Config recorded it, RFC 3339."""

    account: str
    region: str
    rule: str
    secret: str
    since: str
    why: str


def of_account(config: Any, rules: Sequence[str], account: str, region: str) -> list[Finding]:
    """Return the findings of this account and Region, with one call for each rule and 100 findings, the minimum."""
    found = []
    for rule in rules:
        pages = config.get_paginator("get_compliance_details_by_config_rule").paginate(
            ConfigRuleName=rule, ComplianceTypes=[NON_COMPLIANT], PaginationConfig={"PageSize": PAGE}
        )
        found += [_finding(one, account, region) for page in pages for one in page["EvaluationResults"]]
    return sorted(found)


def of_aggregator(config: Any, aggregator: str, rules: Sequence[str]) -> list[Finding]:
    """Return the findings of all accounts and Regions. Calls: one for each rule and 1000 places that break it, and one
    for each place and 100 findings.
    """
    found = []
    for rule, account, region in places(config, aggregator, rules):
        pages = config.get_paginator("get_aggregate_compliance_details_by_config_rule").paginate(
            ConfigurationAggregatorName=aggregator,
            ConfigRuleName=rule,
            AccountId=account,
            AwsRegion=region,
            ComplianceType=NON_COMPLIANT,
            PaginationConfig={"PageSize": PAGE},
        )
        found += [_finding(one, account, region) for page in pages for one in page["AggregateEvaluationResults"]]
    return sorted(found)


def places(config: Any, aggregator: str, rules: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (rule, account, Region) for each place where a rule is broken."""
    for rule in rules:
        pages = config.get_paginator("describe_aggregate_compliance_by_config_rules").paginate(
            ConfigurationAggregatorName=aggregator,
            Filters={"ConfigRuleName": rule, "ComplianceType": NON_COMPLIANT},
        )
        for page in pages:
            for one in page["AggregateComplianceByConfigRules"]:
                yield one["ConfigRuleName"], one["AccountId"], one["AwsRegion"]


def unseen(config: Any, aggregator: str) -> list[dict[str, str]]:
    """Return the sources that the aggregator could not read, whose secrets are missing from the report."""
    pages = config.get_paginator("describe_configuration_aggregator_sources_status").paginate(
        ConfigurationAggregatorName=aggregator, UpdateStatus=["FAILED"], PaginationConfig={"PageSize": PAGE}
    )
    return [
        {
            "source": one["SourceId"],
            "region": one.get("AwsRegion", ""),
            "error": one.get("LastErrorMessage") or one.get("LastErrorCode", ""),
        }
        for page in pages
        for one in page["AggregatedSourceStatusList"]
    ]


def _finding(result: Mapping[str, Any], account: str, region: str) -> Finding:
    qualifier = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
    recorded: datetime = result["ResultRecordedTime"]
    since = recorded.isoformat(timespec="seconds")
    rule, secret = qualifier["ConfigRuleName"], qualifier["ResourceId"]
    return Finding(account, region, rule, secret, since, result.get("Annotation", ""))
