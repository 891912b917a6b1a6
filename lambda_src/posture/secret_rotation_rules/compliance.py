"""Read AWS Config's results of this account and Region, or of all that an aggregator has, and how far they reach.

API reference: GetComplianceDetailsByConfigRule (100 a page), ListDiscoveredResources (100),
DescribeAggregateComplianceByConfigRules (1000), GetAggregateComplianceDetailsByConfigRule (100),
ListAggregateDiscoveredResources (100), DescribeConfigurationAggregatorSourcesStatus.
What cannot be read of one place becomes an error of this place; the others are read.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from common import aws_errors

SECRETS = "AWS::SecretsManager::Secret"
COMPLIANT, NON_COMPLIANT = "COMPLIANT", "NON_COMPLIANT"
PAGE = 100
SUCCEEDED, OUTDATED, UNKNOWN = "SUCCEEDED", "OUTDATED", "UNKNOWN"
NO_TIME = "no time was left to read it"
NO_RULE = "NoSuchConfigRuleException"
"""The rule does not exist, which is a result, too."""

OnTime = Callable[[], bool]
"""Returns whether there is time for another call."""


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One secret (its ARN) that breaks one rule. `since` is the time at which AWS Config recorded it, RFC 3339."""

    account: str
    region: str
    rule: str
    secret: str
    since: str
    why: str


@dataclasses.dataclass
class Place:
    """What was read of one account and Region."""

    account: str
    region: str
    recorded: set[str] = dataclasses.field(default_factory=set)
    """The secrets that AWS Config has recorded."""
    evaluated: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    """The secrets with a result, by rule."""
    broken: set[str] = dataclasses.field(default_factory=set)
    source: str = SUCCEEDED
    """The state of the aggregator's copy."""
    errors: list[str] = dataclasses.field(default_factory=list)

    @property
    def results(self) -> set[str]:
        """Return the secrets with a result of any rule."""
        return set().union(*self.evaluated.values())

    @property
    def known(self) -> set[str]:
        """Return all secrets that AWS Config knows."""
        return self.recorded | self.results


@dataclasses.dataclass
class Results:
    """The findings, the places that were read, and what was not read."""

    rules: Sequence[str]
    findings: list[Finding] = dataclasses.field(default_factory=list)
    places: dict[tuple[str, str], Place] = dataclasses.field(default_factory=dict)
    unseen: list[dict[str, str]] = dataclasses.field(default_factory=list)
    """The aggregator's sources that it could not read."""
    stale: list[dict[str, str]] = dataclasses.field(default_factory=list)
    """The aggregator's sources of which it has old data."""
    errors: list[str] = dataclasses.field(default_factory=list)
    """What could not be read about all places."""

    def place(self, account: str, region: str) -> Place:
        """Return a place, which is added if it is new."""
        return self.places.setdefault((account, region), Place(account, region))

    def add(self, place: Place, rule: str, results: Iterable[Mapping[str, Any]]) -> None:
        """Add results of a rule in a place."""
        for result in results:
            kind = result.get("ComplianceType")
            if kind not in (COMPLIANT, NON_COMPLIANT):
                continue
            finding = _finding(result, place.account, place.region)
            place.evaluated.setdefault(rule, set()).add(finding.secret)
            if kind == NON_COMPLIANT:
                place.broken.add(finding.secret)
                self.findings.append(finding)


def of_account(config: Any, rules: Sequence[str], account: str, region: str, on_time: OnTime = lambda: True) -> Results:
    """Return the results of this account and Region. Raise AWS's error if no rule's results could be read."""
    found = Results(rules)
    place = found.place(account, region)
    refused = []
    for rule in rules:
        pages = config.get_paginator("get_compliance_details_by_config_rule").paginate(
            ConfigRuleName=rule, PaginationConfig={"PageSize": PAGE}
        )
        error = _read(place, rule, functools.partial(_add_all, found, place, rule, pages, "EvaluationResults"), on_time)
        refused += [error] if error and aws_errors.name(error) != NO_RULE else []
    if refused and len(refused) == len(rules):
        raise refused[0]
    _read(place, "the recorder's state", lambda: _check_recorder(config, place), on_time)
    _read(place, "the list of secrets", lambda: _add_recorded(config, place), on_time)
    found.findings.sort()
    return found


def _check_recorder(config: Any, place: Place) -> None:
    """Add an error unless a recorder is on: without one, results only grow old."""
    recorders = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    if not any(one.get("recording") for one in recorders):
        place.errors.append("The configuration recorder is missing or off: results are not updated.")


def _add_recorded(config: Any, place: Place) -> None:
    pages = config.get_paginator("list_discovered_resources").paginate(
        resourceType=SECRETS, PaginationConfig={"PageSize": PAGE}
    )
    for page in pages:
        place.recorded |= {one["resourceId"] for one in page["resourceIdentifiers"]}


def of_aggregator(config: Any, aggregator: str, rules: Sequence[str], on_time: OnTime = lambda: True) -> Results:
    """Return the results of all accounts and Regions. Raise AWS's error if the aggregator itself cannot be read, or
    no place can.

    Calls: one for the sources and for 100 secrets, one for each rule and 1000 places with results, and one for each
    rule, place and 100 results. Places that break a rule come first.
    """
    found = Results(rules)
    _add_sources(config, aggregator, found)
    _add_discovered(config, aggregator, found)
    read, first = 0, None
    for rule, account, region in places(config, aggregator, rules):
        place = found.place(account, region)
        pages = config.get_paginator("get_aggregate_compliance_details_by_config_rule").paginate(
            ConfigurationAggregatorName=aggregator,
            ConfigRuleName=rule,
            AccountId=account,
            AwsRegion=region,
            PaginationConfig={"PageSize": PAGE},
        )
        reader = functools.partial(_add_all, found, place, rule, pages, "AggregateEvaluationResults")
        error = _read(place, rule, reader, on_time)
        read += error is None
        first = first or error
    if first and not read:
        raise first
    found.findings.sort()
    return found


def places(config: Any, aggregator: str, rules: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return (rule, account, Region) for each place where a rule has results; those that break it come first.

    AWS Config "does not display rules that do not have compliance results" here.
    """
    found: list[tuple[bool, str, str, str]] = []
    for rule in rules:
        pages = config.get_paginator("describe_aggregate_compliance_by_config_rules").paginate(
            ConfigurationAggregatorName=aggregator, Filters={"ConfigRuleName": rule}
        )
        for page in pages:
            for one in page["AggregateComplianceByConfigRules"]:
                kept = one.get("Compliance", {}).get("ComplianceType") != NON_COMPLIANT
                found.append((kept, one["ConfigRuleName"], one["AccountId"], one["AwsRegion"]))
    return [(rule, account, region) for _, rule, account, region in sorted(found)]


def _add_sources(config: Any, aggregator: str, found: Results) -> None:
    """Add the places of the aggregator's sources, and the sources that it could not read or has old data of."""
    pages = config.get_paginator("describe_configuration_aggregator_sources_status").paginate(
        ConfigurationAggregatorName=aggregator, PaginationConfig={"PageSize": PAGE}
    )
    for page in pages:
        for one in page["AggregatedSourceStatusList"]:
            status, region = one.get("LastUpdateStatus", UNKNOWN), one.get("AwsRegion", "")
            if region and one.get("SourceType", "ACCOUNT") == "ACCOUNT":
                found.place(one["SourceId"], region).source = status
            if status == SUCCEEDED:
                continue
            row = {
                "source": one["SourceId"],
                "region": region,
                "error": one.get("LastErrorMessage") or one.get("LastErrorCode", ""),
            }
            if status == OUTDATED:
                at = one.get("LastUpdateTime")
                found.stale.append({**row, "updated": at.isoformat(timespec="seconds") if at else ""})
            else:
                found.unseen.append(row)


def _add_discovered(config: Any, aggregator: str, found: Results) -> None:
    """Add the secrets that AWS Config has recorded. Without them, the report says less, and says so."""
    pages = config.get_paginator("list_aggregate_discovered_resources").paginate(
        ConfigurationAggregatorName=aggregator, ResourceType=SECRETS, PaginationConfig={"PageSize": PAGE}
    )
    try:
        for page in pages:
            for one in page["ResourceIdentifiers"]:
                found.place(one["SourceAccountId"], one["SourceRegion"]).recorded.add(one["ResourceId"])
    except Exception as error:
        if aws_errors.read(error) is None:
            raise
        found.errors.append(f"The list of secrets could not be read: {aws_errors.name(error)}.")


def _add_all(found: Results, place: Place, rule: str, pages: Iterable[Mapping[str, Any]], member: str) -> None:
    for page in pages:
        found.add(place, rule, page[member])


def _read(place: Place, what: str, read: Callable[[], None], on_time: OnTime) -> Exception | None:
    """Call `read`. An error of AWS becomes an error of the place, and is returned."""
    if not on_time():
        place.errors.append(f"{what}: {NO_TIME}.")
        return None
    try:
        read()
    except Exception as error:
        failure = aws_errors.read(error)
        if failure is None:
            raise
        place.errors.append(f"{what}: {failure.code} {failure.message}".rstrip())
        return error
    return None


def _finding(result: Mapping[str, Any], account: str, region: str) -> Finding:
    qualifier = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
    recorded: datetime = result["ResultRecordedTime"]
    since = recorded.isoformat(timespec="seconds")
    rule, secret = qualifier["ConfigRuleName"], qualifier["ResourceId"]
    return Finding(account, region, rule, secret, since, result.get("Annotation") or "")
