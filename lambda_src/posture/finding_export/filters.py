"""Filters in the native shape of GetFindings (AwsSecurityFindingFilters): check, make absolute, clip.

The shape comes from botocore's model, so the filters allowed are those that the runtime's boto3 can send.
"""

import difflib
import ipaddress
import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .errors import InvalidFilter
from .timestamps import canonical, parse

Filters = dict[str, list[dict[str, Any]]]

MAX_BYTES = 16 * 1024  # The filters are part of the state machine's state.
EPOCH = canonical(datetime(1970, 1, 1, tzinfo=UTC))
FOREVER = "2100-01-01T00:00:00.000Z"  # Every range sent to Security Hub has both ends.

# The API's model allows any string for these attributes, but only the values of these enums exist: any other
# value (`"NEW "`) would export nothing, silently. Attribute -> name of the enum in the model.
_CLOSED = {
    "ComplianceStatus": "ComplianceStatus",
    "FindingProviderFieldsSeverityLabel": "SeverityLabel",
    "NetworkDirection": "NetworkDirection",
    "RecordState": "RecordState",
    "ResourceAwsIamAccessKeyStatus": "AwsIamAccessKeyStatus",
    "SeverityLabel": "SeverityLabel",
    "VerificationState": "VerificationState",
    "VulnerabilitiesExploitAvailable": "VulnerabilityExploitAvailable",
    "VulnerabilitiesFixAvailable": "VulnerabilityFixAvailable",
    "WorkflowState": "WorkflowState",
    "WorkflowStatus": "WorkflowStatus",
}

# The model's enums hold more comparisons, which "can be used only with automation rules", or only with GetFindingsV2.
# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_StringFilter.html, API_MapFilter.html
COMPARISONS = {
    "StringFilter": ("EQUALS", "PREFIX", "NOT_EQUALS", "PREFIX_NOT_EQUALS"),
    "MapFilter": ("EQUALS", "NOT_EQUALS"),
}
_NEGATIVE = ("NOT_EQUALS", "PREFIX_NOT_EQUALS")


def resolve(filters: object, started: datetime, model: Any) -> Filters:
    """Return `filters` checked, with absolute Start and End in every date filter: all chunks send the same filters.

    `model` is the client's `meta.service_model`. Raise InvalidFilter with all problems.
    """
    from botocore.validate import ParamValidator

    shape = model.operation_model("GetFindings").input_shape.members["Filters"]
    if not isinstance(filters, Mapping):
        raise InvalidFilter("The filters must be an object whose keys are filter attributes of GetFindings.")
    report = ParamValidator().validate(filters, shape)
    if report.has_errors():
        raise InvalidFilter(f"The filters are not valid: {_hint(filters, shape)}{report.generate_report()}.")
    problems = list(_problems(filters, shape, model))
    if problems:
        raise InvalidFilter(f"The filters are not valid: {'; '.join(problems)}.")
    resolved = {
        key: [_absolute(value, started) if _is_date(shape, key) else dict(value) for value in values]
        for key, values in filters.items()
    }
    if len(json.dumps(resolved, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")) > MAX_BYTES:
        raise InvalidFilter(f"The filters exceed {MAX_BYTES} bytes as JSON; use fewer or shorter values.")
    return resolved


def clipped(filters: Filters, created_at: str | None) -> Filters | None:
    """Return `filters` limited to findings created at `created_at` or later, or None if none can be left.

    The API combines the ranges of one attribute with OR, so each of the user's ranges is cut.
    """
    if created_at is None:
        return filters
    start = _moment(created_at)
    ranges = filters.get("CreatedAt") or [{"Start": EPOCH, "End": max(FOREVER, created_at)}]
    left = [
        {"Start": value["Start"] if _moment(value["Start"]) > start else created_at, "End": value["End"]}
        for value in ranges
        if _moment(value["End"]) >= start
    ]
    return {**filters, "CreatedAt": left} if left else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _is_date(shape: Any, key: str) -> bool:
    return bool(shape.members[key].member.name == "DateFilter")


def _hint(filters: Mapping[str, Any], shape: Any) -> str:
    """Return suggestions for misspelled attributes, which precede the long list of allowed ones."""
    return "".join(
        f"{key!r} is not a filter attribute. Did you mean {match!r}? "
        for key in sorted(map(str, set(filters) - set(shape.members)))
        for match in difflib.get_close_matches(key.strip(), shape.members, n=1)
    )


def _problems(filters: Mapping[str, Any], shape: Any, model: Any) -> Iterator[str]:
    """Yield problems that the model's types do not cover: blanks, enums, limits, ranges, combinations."""
    if len(filters) > 10:
        yield f"{len(filters)} attributes are filtered, Security Hub accepts at most 10"
    for key, values in filters.items():
        if not 1 <= len(values) <= 20:
            yield f"{key} has {len(values)} values, Security Hub accepts 1 to 20 (or leave {key} out)"
        for place, value in enumerate(values):
            for problem in _value_problems(key, value, shape.members[key].member, model):
                yield f"{key}[{place}] {problem}"
        used = {value.get("Comparison") for value in values}
        if "EQUALS" in used and (against := sorted(used.intersection(_NEGATIVE))):
            yield f"{key} has EQUALS together with {' and '.join(against)}, which Security Hub refuses for one field"


def _value_problems(key: str, value: Mapping[str, Any], shape: Any, model: Any) -> Iterator[str]:
    for name, given in value.items():
        allowed = COMPARISONS.get(shape.name) if name == "Comparison" else getattr(shape.members[name], "enum", None)
        if allowed and given not in allowed:
            yield f"has {name} {given!r}, allowed are {', '.join(allowed)}"
        elif isinstance(given, str) and not given.strip():
            yield f"has a blank {name}"
        elif name == "Value" and isinstance(given, str) and given != given.strip():
            yield f"has Value {given!r}, which begins or ends with a blank"
    if shape.name == "DateFilter":
        yield from _date_problems(value, shape)
    elif shape.name == "NumberFilter":
        yield from _number_problems(value)
    else:
        lacking = [name for name in shape.members if name not in value]
        if lacking:
            yield f"needs {' and '.join(lacking)}"
        elif shape.name == "IpFilter":
            yield from _range_problems(key, value["Cidr"])
        elif key in _CLOSED:
            yield from _enum_problems(value, model.shape_for(_CLOSED[key]).enum)


def _enum_problems(value: Mapping[str, Any], allowed: list[str]) -> Iterator[str]:
    """Yield a problem if the comparison applies to no value of a closed set: it would match, or exclude, nothing."""
    prefix = value["Comparison"].startswith("PREFIX")
    if not any(one.startswith(value["Value"]) if prefix else one == value["Value"] for one in allowed):
        yield f"compares with {value['Value']!r}, which no finding has; use {', '.join(allowed)}"


def _range_problems(key: str, cidr: str) -> Iterator[str]:
    version = 6 if "V6" in key else 4
    try:
        known = ipaddress.ip_network(cidr, strict=False).version
    except ValueError:
        known = None
    if known != version or "/" not in cidr:
        example = "2001:db8::/32" if version == 6 else "10.0.0.0/8"
        yield f"has Cidr {cidr!r}, which is not an IPv{version} range such as {example}"


def _number_problems(value: Mapping[str, Any]) -> Iterator[str]:
    if not value:
        yield "needs at least one of Gte, Lte, Gt, Lt, Eq"
    for name, given in value.items():
        if isinstance(given, bool) or not math.isfinite(given):
            yield f"has {name} {given}, which is not a number"
            return
    lower = [name for name in ("Eq", "Gte", "Gt") if name in value]
    upper = [name for name in ("Eq", "Lte", "Lt") if name in value]
    for low in lower:
        for high in upper:
            strict = low == "Gt" or high == "Lt"
            if value[low] > value[high] or (strict and value[low] == value[high]):
                yield f"has a {low} ({value[low]}) and a {high} ({value[high]}) that no number meets"


def _date_problems(value: Mapping[str, Any], shape: Any) -> Iterator[str]:
    bounds = {name: parse(value[name]) for name in ("Start", "End") if name in value}
    for name, moment in bounds.items():
        if moment is None:
            yield f"has {name} {value[name]!r}, which is not a timestamp such as 2024-01-31T00:00:00Z"
    start, end = bounds.get("Start"), bounds.get("End")
    if start and end and start > end:
        yield f"starts ({value['Start']}) after it ends ({value['End']})"
    if ("DateRange" in value) == bool(bounds):
        yield "needs either a DateRange or Start and End"
    elif "DateRange" in value:
        relative, members = value["DateRange"], shape.members["DateRange"].members
        if not 1 <= relative.get("Value", 0) <= 36500:
            yield "needs a DateRange Value of 1 to 36500 days"
        for name, given in relative.items():
            allowed = getattr(members[name], "enum", None)
            if allowed and given not in allowed:
                yield f"has DateRange {name} {given!r}, allowed are {', '.join(allowed)}"


def _absolute(value: Mapping[str, Any], started: datetime) -> dict[str, Any]:
    """Return the date filter with Start and End. An open end is far in the future, later than any update."""
    start, end = value.get("Start", EPOCH), value.get("End", FOREVER)
    if "DateRange" in value:
        edge = max(canonical(started - timedelta(days=value["DateRange"]["Value"])), EPOCH)
        if value["DateRange"].get("Comparison") == "OLDER_THAN":
            end = edge
        else:
            start = edge
    return {"Start": start, "End": end}
