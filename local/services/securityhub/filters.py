"""AwsSecurityFindingFilters and SortCriteria: from a request to a predicate and an order over ASFF findings.

Sources: API reference of GetFindings, StringFilter, MapFilter, DateFilter, DateRange, NumberFilter, IpFilter.
"""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from moto.core.utils import get_service_model

from .exceptions import InvalidInputException

Finding = dict[str, Any]
Values = Sequence[Any]
Test = Callable[[Values], bool]

# Filter name -> ASFF path where the two differ. Any other filter has the name of a top-level attribute.
_EXACT = {
    "Type": "Types",
    "RecommendationText": "Remediation.Recommendation.Text",
    "ComplianceAssociatedStandardsId": "Compliance.AssociatedStandards.StandardsId",
    "ResourceOwnerAccountId": "Resources.Owner.Account.Id",
    "ResourceOwnerOrgId": "Resources.Owner.Org.Id",
    "Keyword": "",
}
# Prefix of a filter name -> path of the object whose member the rest names. The longest prefix wins.
_BEGINNINGS = {
    "Severity": "Severity",
    "Malware": "Malware",
    "Network": "Network",
    "Process": "Process",
    "ThreatIntelIndicator": "ThreatIntelIndicators",
    "Resource": "Resources",
    "ResourceAwsEc2Instance": "Resources.Details.AwsEc2Instance",
    "ResourceAwsS3Bucket": "Resources.Details.AwsS3Bucket",
    "ResourceAwsIamAccessKey": "Resources.Details.AwsIamAccessKey",
    "ResourceAwsIamUser": "Resources.Details.AwsIamUser",
    "ResourceContainer": "Resources.Details.Container",
    "ResourceDetails": "Resources.Details",
    "Compliance": "Compliance",
    "ComplianceSecurityControlParameters": "Compliance.SecurityControlParameters",
    "Workflow": "Workflow",
    "RelatedFindings": "RelatedFindings",
    "Note": "Note",
    "FindingProviderFields": "FindingProviderFields",
    "FindingProviderFieldsRelatedFindings": "FindingProviderFields.RelatedFindings",
    "FindingProviderFieldsSeverity": "FindingProviderFields.Severity",
    "Vulnerabilities": "Vulnerabilities",
}
MAX_ATTRIBUTES, MAX_VALUES = 10, 20


class Field(NamedTuple):
    """The place that a filter reads."""

    path: tuple[str, ...]
    kind: str
    """StringFilter, DateFilter, ..."""


@functools.cache
def fields() -> dict[str, Field]:
    """Return every filter of the service model: its place and its kind."""
    model = get_service_model("securityhub")
    asff = model.shape_for("AwsSecurityFinding").members  # type: ignore[attr-defined]

    def path(name: str) -> str:
        if name in _EXACT:
            return _EXACT[name]
        if name in asff:
            return name
        beginning = max((b for b in _BEGINNINGS if name.startswith(b)), key=len)
        return f"{_BEGINNINGS[beginning]}.{name.removeprefix(beginning)}"

    members = model.shape_for("AwsSecurityFindingFilters").members  # type: ignore[attr-defined]
    return {
        name: Field(tuple(filter(None, path(name).split("."))), shape.member.name) for name, shape in members.items()
    }


def field(name: str) -> Field:
    """Return the field that a filter or sort criterion names. Raise InvalidInputException if there is none."""
    if name not in fields():
        raise InvalidInputException(f"Invalid parameter: '{name}' is not a finding attribute to filter or sort by")
    return fields()[name]


def read(node: Any, path: Sequence[str]) -> Values:
    """Return all values at a path. Lists on the way contribute the values of all their items."""
    for depth, name in enumerate(path):
        if isinstance(node, list):
            return [value for item in node for value in read(item, path[depth:])]
        node = node.get(name) if isinstance(node, dict) else None
        if node is None:
            return ()
    return node if isinstance(node, list) else (node,)


@functools.lru_cache(1 << 16)
def timestamp(text: str) -> dt.datetime | None:
    """Parse an ASFF timestamp (ISO 8601 with time and zone). Return None if it is not one."""
    try:
        parsed = dt.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return parsed if "T" in text.upper() and parsed.tzinfo else None


def predicate(
    filters: dict[str, list[dict[str, Any]]], limit: int | None = MAX_ATTRIBUTES
) -> Callable[[Finding], bool]:
    """Return a predicate that a finding meets if each attribute passes; `_BUILDERS` has the rules within one."""
    wanted = {name: conditions for name, conditions in filters.items() if conditions}
    if limit is not None and len(wanted) > limit:
        raise InvalidInputException(f"Invalid parameter: Filters has more than {limit} attributes")
    tests = []
    for name, conditions in wanted.items():
        if len(conditions) > MAX_VALUES:
            raise InvalidInputException(f"Invalid parameter: Filters.{name} has more than {MAX_VALUES} values")
        path, kind = field(name)
        tests.append((path, _BUILDERS[kind](f"Filters.{name}", conditions)))

    def passes(finding: Finding) -> bool:
        return all(test(read(finding, path)) for path, test in tests)

    return passes


def _need(where: str, condition: dict[str, Any], *names: str) -> None:
    for name in names:
        if condition.get(name) is None:
            raise InvalidInputException(f"Invalid parameter: {where} needs {name}")


_POSITIVE: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": operator.eq,
    "PREFIX": str.startswith,
    "CONTAINS": operator.contains,
}
_NEGATIVE = {"NOT_EQUALS": "EQUALS", "PREFIX_NOT_EQUALS": "PREFIX", "NOT_CONTAINS": "CONTAINS"}


def _split(
    where: str, conditions: list[dict[str, Any]], *needed: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the conditions that OR joins, and those (with the positive comparison) of which none may hold."""
    for condition in conditions:
        _need(where, condition, *needed, "Comparison")
    used = {condition["Comparison"] for condition in conditions}
    if "CONTAINS_WORD" in used:
        raise InvalidInputException(f"Invalid parameter: {where}: CONTAINS_WORD is for the V2 APIs only")
    lonely = used & {"CONTAINS", "NOT_CONTAINS"}
    if (lonely and len(used) > 1) or ("EQUALS" in used and used & {"NOT_EQUALS", "PREFIX_NOT_EQUALS"}):
        raise InvalidInputException(f"Invalid parameter: {where} cannot combine {' and '.join(sorted(used))}")
    positive = [c for c in conditions if c["Comparison"] in _POSITIVE]
    negative = [{**c, "Comparison": _NEGATIVE[c["Comparison"]]} for c in conditions if c["Comparison"] in _NEGATIVE]
    return positive, negative


def _strings(where: str, conditions: list[dict[str, Any]]) -> Test:
    positive, negative = (
        [(_POSITIVE[c["Comparison"]], c["Value"]) for c in part] for part in _split(where, conditions, "Value")
    )

    def test(values: Values) -> bool:
        texts = [v if isinstance(v, str) else str(v) for v in values]
        return (not positive or any(holds(t, wanted) for holds, wanted in positive for t in texts)) and not any(
            holds(t, wanted) for holds, wanted in negative for t in texts
        )

    return test


def _maps(where: str, conditions: list[dict[str, Any]]) -> Test:
    positive, negative = (
        [(_POSITIVE[c["Comparison"]], c["Key"], c["Value"]) for c in part]
        for part in _split(where, conditions, "Key", "Value")
    )

    def any_holds(wanted: list[Any], values: Values) -> bool:
        return any(
            key in value and holds(str(value[key]), text)
            for holds, key, text in wanted
            for value in values
            if isinstance(value, dict)
        )

    return lambda values: (not positive or any_holds(positive, values)) and not any_holds(negative, values)


def _dates(where: str, conditions: list[dict[str, Any]]) -> Test:
    oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
    newest = dt.datetime.max.replace(tzinfo=dt.UTC)
    now, windows = dt.datetime.now(dt.UTC), []
    for condition in conditions:
        window = condition.get("DateRange")
        if bool(window) == bool(condition.keys() & {"Start", "End"}):
            raise InvalidInputException(f"Invalid parameter: {where} needs either Start and End or DateRange")
        if window:
            _need(f"{where}.DateRange", window, "Value", "Unit")
            try:
                edge = now - dt.timedelta(days=window["Value"])
            except OverflowError:
                edge = oldest
            windows.append((oldest, edge) if window.get("Comparison") == "OLDER_THAN" else (edge, now))
            continue
        for name in condition.keys() & {"Start", "End"}:
            if timestamp(given := condition[name]) is None:
                message = f"Invalid parameter: {where}.{name} '{given}' is not an ISO 8601 timestamp with a zone"
                raise InvalidInputException(message)
        windows.append((timestamp(condition.get("Start", "")) or oldest, timestamp(condition.get("End", "")) or newest))

    def test(values: Values) -> bool:
        times = [t for t in map(timestamp, values) if t]
        return any(start <= t <= end for start, end in windows for t in times)

    return test


_NUMERIC = {"Eq": operator.eq, "Gte": operator.ge, "Lte": operator.le, "Gt": operator.gt, "Lt": operator.lt}


def _numbers(where: str, conditions: list[dict[str, Any]]) -> Test:
    if not all(conditions):
        raise InvalidInputException(f"Invalid parameter: {where} needs one of {', '.join(_NUMERIC)}")
    wanted = [[(_NUMERIC[name], limit) for name, limit in condition.items()] for condition in conditions]
    return lambda values: any(all(holds(v, limit) for holds, limit in c) for c in wanted for v in values)


def _booleans(where: str, conditions: list[dict[str, Any]]) -> Test:
    for condition in conditions:
        _need(where, condition, "Value")
    wanted = {condition["Value"] for condition in conditions}
    return lambda values: any(bool(v) in wanted for v in values or (False,))


def _addresses(where: str, conditions: list[dict[str, Any]]) -> Test:
    networks = []
    for condition in conditions:
        _need(where, condition, "Cidr")
        try:
            networks.append(ipaddress.ip_network(condition["Cidr"], strict=False))
        except ValueError:
            message = f"Invalid parameter: {where}.Cidr '{condition['Cidr']}' is not an address range"
            raise InvalidInputException(message) from None

    def test(values: Values) -> bool:
        for value in values:
            try:
                address = ipaddress.ip_address(value)
            except ValueError:
                continue
            if any(address in network for network in networks):
                return True
        return False

    return test


def texts(node: Any) -> Iterator[str]:
    """Yield all strings in a finding."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from texts(item)


def _keywords(where: str, conditions: list[dict[str, Any]]) -> Test:
    for condition in conditions:
        _need(where, condition, "Value")
    words = [condition["Value"].lower() for condition in conditions]
    return lambda values: any(word in text.lower() for text in texts(list(values)) for word in words)


_BUILDERS: dict[str, Callable[[str, list[dict[str, Any]]], Test]] = {
    "StringFilter": _strings,
    "MapFilter": _maps,
    "DateFilter": _dates,
    "NumberFilter": _numbers,
    "BooleanFilter": _booleans,
    "IpFilter": _addresses,
    "KeywordFilter": _keywords,
}

_SORT_VALUE: dict[str, Callable[[Any], Any]] = {
    "StringFilter": str,
    "IpFilter": str,
    "DateFilter": timestamp,
    "NumberFilter": float,
    "BooleanFilter": bool,
}


def ordered(findings: Iterable[Finding], criteria: list[dict[str, str]]) -> list[Finding]:
    """Return findings sorted by each criterion in turn. Ties keep their order; missing values come last.

    Of several values the least is used in ascending order, the greatest in descending order.
    """
    result = list(findings)
    for criterion in reversed(criteria):
        _need("SortCriteria", criterion, "Field")
        path, kind = field(criterion["Field"])
        if kind not in _SORT_VALUE:
            raise InvalidInputException(f"Invalid parameter: SortCriteria cannot sort by '{criterion['Field']}'")
        descending = criterion.get("SortOrder", "asc") == "desc"
        keyed, missing = [], []
        for finding in result:
            values = [v for v in map(_SORT_VALUE[kind], read(finding, path)) if v is not None]
            if values:
                keyed.append((max(values) if descending else min(values), finding))
            else:
                missing.append(finding)
        keyed.sort(key=operator.itemgetter(0), reverse=descending)
        result = [finding for _, finding in keyed] + missing
    return result
