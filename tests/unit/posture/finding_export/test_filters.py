"""Filters: what is refused and with which message, what is resolved, and what clipping keeps."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posture.finding_export.errors import InvalidFilter
from posture.finding_export.filters import EPOCH, clipped, resolve
from posture.finding_export.timestamps import canonical, parse

from .fakes import ACTIVE, real

STARTED = datetime(2026, 11, 20, 12, tzinfo=UTC)
END = "2100-01-01T00:00:00.000Z"


def resolved(filters: Any) -> Any:
    return resolve(filters, STARTED, real("securityhub").meta.service_model)


def equals(value: Any, comparison: str = "EQUALS") -> list[dict[str, Any]]:
    return [{"Value": value, "Comparison": comparison}]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (
            {"WorkflowStatuses": equals("NEW")},
            "'WorkflowStatuses' is not a filter attribute. Did you mean 'WorkflowStatus'?",
        ),
        ({"WorkflowState ": equals("NEW")}, "must be one of: ProductArn, AwsAccountId"),
        ({"RecordState": {"Value": "ACTIVE"}}, "Invalid type for parameter RecordState"),
        ({"RecordState": [{"Value": 1, "Comparison": "EQUALS"}]}, "RecordState[0].Value"),
        ({"RecordState": []}, "RecordState has 0 values, Security Hub accepts 1 to 20"),
        ({"Id": equals("x") * 21}, "Id has 21 values"),
        ({"RecordState": equals("ACTIVE", "IS")}, "Comparison 'IS', allowed are EQUALS, PREFIX, NOT_EQUALS"),
        ({"WorkflowState": equals("NEW ")}, "WorkflowState[0] has Value 'NEW ', which begins or ends with a blank"),
        ({"WorkflowState": equals("NOTIFIED")}, "which no finding has; use NEW, ASSIGNED"),
        ({"GeneratorId": equals(" aws", "PREFIX")}, "GeneratorId[0] has Value ' aws', which begins or ends with"),
        ({"ResourceTags": [{"Key": "k", "Value": "v\n", "Comparison": "EQUALS"}]}, "ResourceTags[0] has Value"),
        ({"ResourceTags": [{"Key": " ", "Value": "v", "Comparison": "EQUALS"}]}, "ResourceTags[0] has a blank Key"),
        ({"SeverityLabel": equals("Crit", "PREFIX")}, "compares with 'Crit', which no finding has"),
        ({"SeverityLabel": equals("crit", "PREFIX_NOT_EQUALS")}, "compares with 'crit', which no finding has"),
        ({"FindingProviderFieldsSeverityLabel": equals("High")}, "'High', which no finding has"),
        ({"Title": equals("S3", "CONTAINS")}, "Comparison 'CONTAINS', allowed are EQUALS, PREFIX"),
        ({"Title": equals("S3", "CONTAINS_WORD")}, "Comparison 'CONTAINS_WORD', allowed are"),
        (
            {"ResourceTags": [{"Key": "k", "Value": "v", "Comparison": "CONTAINS"}]},
            "Comparison 'CONTAINS', allowed are EQUALS, NOT_EQUALS",
        ),
        ({"Title": [*equals("a"), *equals("b", "NOT_EQUALS")]}, "Title has EQUALS together with NOT_EQUALS"),
        (
            {"Title": [*equals("a"), *equals("b", "PREFIX_NOT_EQUALS")]},
            "Title has EQUALS together with PREFIX_NOT_EQUALS",
        ),
        ({"NetworkSourceIpV4": [{"Cidr": "banana"}]}, "'banana', which is not an IPv4 range such as 10.0.0.0/8"),
        ({"NetworkSourceIpV4": [{"Cidr": "10.0.0.0"}]}, "'10.0.0.0', which is not an IPv4 range"),
        ({"NetworkSourceIpV4": [{"Cidr": "2001:db8::/32"}]}, "which is not an IPv4 range"),
        ({"NetworkSourceIpV6": [{"Cidr": "10.0.0.0/8"}]}, "which is not an IPv6 range such as 2001:db8::/32"),
        ({"Confidence": [{"Eq": float("nan")}]}, "Confidence[0] has Eq nan, which is not a number"),
        ({"Confidence": [{"Gte": float("inf")}]}, "Confidence[0] has Gte inf, which is not a number"),
        ({"Confidence": [{"Gt": 2, "Lt": 1}]}, "has a Gt (2) and a Lt (1) that no number meets"),
        ({"Confidence": [{"Gt": 2, "Lte": 2}]}, "has a Gt (2) and a Lte (2) that no number meets"),
        ({"Confidence": [{"Eq": 2, "Lt": 2}]}, "has a Eq (2) and a Lt (2) that no number meets"),
        ({"WorkflowStatus": equals("NEW ")}, "'NEW ', which no finding has; use NEW, NOTIFIED, RESOLVED"),
        ({"SeverityLabel": equals("high", "NOT_EQUALS")}, "SeverityLabel[0] compares with 'high'"),
        ({"Title": equals("  ")}, "Title[0] has a blank Value"),
        ({"Title": [{"Value": "x"}]}, "Title[0] needs Comparison"),
        ({"ResourceTags": [{"Key": "team"}]}, "ResourceTags[0] needs Value and Comparison"),
        ({"Confidence": [{}]}, "Confidence[0] needs at least one of Gte"),
        ({"Confidence": [{"Gte": 2, "Lte": 1}]}, "Confidence[0] has a Gte (2) and a Lte (1) that no number meets"),
        (
            {"CreatedAt": [{"Start": "yesterday"}]},
            "'yesterday', which is not a timestamp such as 2024-01-31T00:",
        ),
        (
            {"CreatedAt": [{"End": "2024-01-31"}]},
            "CreatedAt[0] has End '2024-01-31', which is not a timestamp",
        ),
        (
            {"UpdatedAt": [{"Start": "2024-02-01T00:00:00Z", "End": "2024-01-31T00:00:00Z"}]},
            "UpdatedAt[0] starts (2024-02-01T00:00:00Z) after it ends",
        ),
        ({"UpdatedAt": [{}]}, "needs either a DateRange or Start and End"),
        (
            {"UpdatedAt": [{"Start": "2024-02-01T00:00:00Z", "DateRange": {"Value": 1, "Unit": "DAYS"}}]},
            "needs either a DateRange or Start and End",
        ),
        ({"UpdatedAt": [{"DateRange": {"Unit": "DAYS"}}]}, "needs a DateRange Value of 1 to 36500 days"),
        ({"UpdatedAt": [{"DateRange": {"Value": 0, "Unit": "DAYS"}}]}, "needs a DateRange Value of 1 to 36500 days"),
        ({"UpdatedAt": [{"DateRange": {"Value": 36501, "Unit": "DAYS"}}]}, "needs a DateRange Value of 1 to 36500"),
        ({"UpdatedAt": [{"DateRange": {"Value": 1, "Unit": "WEEKS"}}]}, "Unit 'WEEKS', allowed are DAYS"),
        ({"Id": equals("x" * 17000)}, "exceed 16384 bytes"),
        ([], "must be an object"),
        ("RecordState", "must be an object"),
    ],
)
def test_refused(filters: Any, message: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        resolved(filters)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "filters",
    [
        {"SeverityLabel": equals("C", "PREFIX")},
        {"Title": [*equals("S3", "PREFIX"), *equals("S3.1", "NOT_EQUALS"), *equals("S3.2", "PREFIX_NOT_EQUALS")]},
        {"Title": equals("a blank inside")},
        {"NetworkSourceIpV4": [{"Cidr": "10.1.2.3/8"}], "NetworkSourceIpV6": [{"Cidr": "2001:db8::/32"}]},
        {"Confidence": [{"Gte": 2, "Lte": 2}, {"Gt": 1, "Lt": 1.5}, {"Eq": 2, "Gte": 2}]},
        {"ResourceTags": [{"Key": "k", "Value": "v", "Comparison": "NOT_EQUALS"}]},
    ],
)
def test_accepted(filters: Any) -> None:
    assert resolved(filters) == filters


def test_filters_of_just_16384_bytes() -> None:
    room = 16384 - len('{"Id":[{"Value":"","Comparison":"EQUALS"}]}')
    assert resolved({"Id": equals("x" * room)})
    for more in ("x" * (room + 1), "ü" * (room // 2 + 1)):
        with pytest.raises(InvalidFilter, match="exceed 16384 bytes"):
            resolved({"Id": equals(more)})


def test_eleven_attributes_are_refused() -> None:
    names = list(real("securityhub").meta.service_model.operation_model("GetFindings").input_shape.members)
    assert "Filters" in names
    keys = [
        "Id",
        "Title",
        "Type",
        "Region",
        "ProductName",
        "CompanyName",
        "NoteText",
        "ResourceId",
        "ProcessName",
    ]
    keys += ["SourceUrl"]
    assert len(resolved({key: equals("x") for key in keys})) == 10
    with pytest.raises(InvalidFilter, match="11 attributes"):
        resolved({key: equals("x") for key in [*keys, "ResourceType"]})


def test_all_problems_in_one_message() -> None:
    with pytest.raises(InvalidFilter) as caught:
        resolved({"RecordState": equals("active"), "CreatedAt": [{"Start": "x"}]})
    assert "RecordState[0]" in str(caught.value)
    assert "CreatedAt[0]" in str(caught.value)


def test_no_filters_means_all_findings() -> None:
    assert resolved({}) == {}
    assert clipped({}, None) == {}


@pytest.mark.parametrize(
    ("given_range", "absolute"),
    [
        ({"DateRange": {"Value": 7, "Unit": "DAYS"}}, ("2026-11-13T12:00:00.000Z", END)),
        (
            {"DateRange": {"Value": 7, "Unit": "DAYS", "Comparison": "WITHIN"}},
            ("2026-11-13T12:00:00.000Z", END),
        ),
        (
            {"DateRange": {"Value": 7, "Unit": "DAYS", "Comparison": "OLDER_THAN"}},
            (EPOCH, "2026-11-13T12:00:00.000Z"),
        ),
        ({"DateRange": {"Value": 36500, "Unit": "DAYS"}}, (EPOCH, END)),
        ({"DateRange": {"Value": 1, "Unit": "DAYS"}}, ("2026-11-19T12:00:00.000Z", END)),
        ({"Start": "2024-01-01T00:00:00+02:00"}, ("2024-01-01T00:00:00+02:00", END)),
        ({"End": "2024-01-01T00:00:00.123456789Z"}, (EPOCH, "2024-01-01T00:00:00.123456789Z")),
    ],
)
def test_dates_become_absolute(given_range: dict[str, Any], absolute: tuple[str, str]) -> None:
    assert resolved({**ACTIVE, "UpdatedAt": [given_range]}) == {
        **ACTIVE,
        "UpdatedAt": [{"Start": absolute[0], "End": absolute[1]}],
    }


def test_clipping_adds_a_range_with_both_ends() -> None:
    at = "2026-01-01T00:00:00.000Z"
    assert clipped(ACTIVE, at) == {**ACTIVE, "CreatedAt": [{"Start": at, "End": END}]}
    late = "9999-12-31T23:59:59.999Z"
    assert clipped({}, late) == {"CreatedAt": [{"Start": late, "End": late}]}


def test_clipping_past_every_range_leaves_nothing() -> None:
    ranges = [{"Start": EPOCH, "End": "2025-01-01T00:00:00Z"}]
    assert clipped({"CreatedAt": ranges}, "2025-01-01T00:00:00.001Z") is None
    assert clipped({"CreatedAt": ranges}, "2025-01-01T00:00:00.000Z") is not None


moments = st.integers(1577836800_000, 1893456000_000).map(lambda ms: canonical(datetime.fromtimestamp(ms / 1000, UTC)))
ranges = st.lists(st.tuples(moments, moments).map(sorted), min_size=1, max_size=5).map(
    lambda pairs: [{"Start": start, "End": end} for start, end in pairs]
)


def within(value: str, wanted: list[dict[str, str]]) -> bool:
    return any(one["Start"] <= value <= one["End"] for one in wanted)


@given(wanted=ranges, at=moments, created=moments)
def test_clipping_keeps_exactly_what_is_not_older(wanted: list[dict[str, str]], at: str, created: str) -> None:
    left = clipped({"CreatedAt": wanted}, at)
    for value in (created, at, *(bound for one in wanted for bound in one.values())):
        expected = within(value, wanted) and value >= at
        assert within(value, left["CreatedAt"] if left else []) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
members = st.dictionaries(
    st.sampled_from(["Value", "Comparison", "Start", "End", "DateRange", "Gte", "Key", "Cidr"]), json_values
)
odd_filters = st.dictionaries(
    st.sampled_from(["RecordState", "CreatedAt", "Confidence", "ResourceTags", "Sample", "Keyword", "Nonsense"]),
    st.lists(members, max_size=3) | json_values,
    max_size=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(odd_filters)
def test_any_json_is_resolved_or_refused_and_nothing_else(filters: Any) -> None:
    try:
        result = resolved(filters)
    except InvalidFilter:
        return
    assert json.loads(json.dumps(result)) == result
    assert result.keys() == filters.keys()
    assert resolved(result) == result


@given(st.integers(86_400, 29_000_000_000), st.integers(0, 999_999), st.integers(-18 * 60, 18 * 60))
def test_timestamps_of_any_offset(seconds: int, micros: int, minutes: int) -> None:
    utc = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    moment = utc.replace(tzinfo=None)
    sign, rest = "-" if minutes < 0 else "+", abs(minutes)
    local = (moment + timedelta(minutes=minutes)).isoformat()
    text = f"{local}{sign}{rest // 60:02d}:{rest % 60:02d}"
    assert parse(text) == utc
    assert parse(text.replace("T", " ")) is None
    assert canonical(utc) == f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@pytest.mark.parametrize("text", ["2019-01-31T23:00:00.123456789Z", "2024-01-04T15:25:10-1759"])
def test_timestamps_from_the_api_documentation(text: str) -> None:
    assert parse(text) is not None


@pytest.mark.parametrize(
    "text", [None, 5, "", "2024-13-01T00:00:00Z", "2024-01-01T00:00:00", "0001-01-01T00:00:00+18:00"]
)
def test_not_timestamps(text: object) -> None:
    assert parse(text) is None
