"""Checks on series of values: what a missing value means, rates with little traffic, M of N; names, and traces."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.patches import cloudwatch_alarms as cloudwatch
from local.patches.cloudwatch_metrics import COMPARISONS
from local.services.xray import filters
from local.services.xray.models import summarized
from operations.service_health import checks, resources
from operations.service_health.alarms import CHILDREN, RULE_LENGTH, any_of, chunks
from operations.service_health.checks import CHECKS, Check
from operations.service_health.errors import InvalidRequest
from operations.service_health.requests import Request, read
from operations.service_health.tracing import INDEXED, TooManyAnnotations, searchable
from scenarios.operations.service_health import exported
from tests.unit.operations.service_health import world as w

MODULE = Path("modules/operations/service_health")


def check(name: str, kind: str = resources.FUNCTION, **changed: Any) -> Check:
    return next(one for one in CHECKS if (one.name, one.kind) == (name, kind)).changed(**changed)


def state(one: Check, *series: dict[str, float | None], before: str = "OK") -> str:
    """Return the state after the newest periods, of which the last is now, as CloudWatch evaluates them."""
    queries = one.queries("AWS/Lambda", {"FunctionName": "f"})
    assert cloudwatch.problem(queries, "", one.comparison, one.threshold) == ""
    returned = next(query for query in queries if query["ReturnData"])
    ids = frozenset(query["Id"] for query in queries if "MetricStat" in query)
    tree = cloudwatch.parse(str(returned.get("Expression", returned["Id"])), ids)
    compare, periods = COMPARISONS[one.comparison], list(series)[-one.periods :]
    values = [cloudwatch.evaluate(tree, {**dict.fromkeys(ids), **values}, lambda name: None) for values in periods]
    breaching = [None if value is None else compare(value, float(one.threshold or 0)) for value in values]
    breaching += [None] * (one.periods - len(breaching))
    return cloudwatch.state_of(breaching, one.datapoints, one.missing, before)


NOTHING: dict[str, float | None] = {}
BAD: dict[str, float | None] = {"errors": 2, "calls": 5}
GOOD: dict[str, float | None] = {"errors": 0, "calls": 5}


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([BAD], "ALARM"),  # the source's example: more than one error in a minute
        ([{"errors": 1, "calls": 1}], "OK"),  # 1 of 1 is not 100 %
        ([BAD, NOTHING, NOTHING, NOTHING], "OK"),  # traffic stops: the page closes
        ([BAD, NOTHING, BAD, NOTHING], "ALARM"),  # not half good: it stays raised
        ([BAD, GOOD, GOOD, GOOD], "OK"),
        ([{"errors": 49, "calls": 1000}], "OK"),
        ([{"errors": 50, "calls": 1000}], "ALARM"),
        ([{"errors": None, "calls": 1000}], "OK"),
        ([NOTHING], "OK"),
    ],
)
def test_errors(series: list[dict[str, float | None]], expected: str) -> None:
    assert state(check("function-errors"), *series, before="INSUFFICIENT_DATA") == expected


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([{"calls": 1}] * 3, "OK"),
        ([NOTHING] * 3, "ALARM"),  # no call, no data, and an alarm
        ([NOTHING, {"calls": 1}, NOTHING], "OK"),
    ],
)
def test_heartbeats(series: list[dict[str, float | None]], expected: str) -> None:
    function = resources.Resource(w.FUNCTION, resources.FUNCTION, "orders")
    (one,) = [made for made in checks.of(function, heartbeat=3) if made.name == "function-heartbeat"]
    assert state(one, *series) == expected


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([{"latency": 900, "calls": 100}] * 3, "ALARM"),
        ([{"latency": 900, "calls": 19}] * 5, "OK"),  # too few calls to judge
        ([{"latency": 900, "calls": 100}] * 2, "OK"),  # 2 of 5
        ([{"latency": 900, "calls": 100}, NOTHING] * 2 + [{"latency": 900, "calls": 100}], "ALARM"),  # 3 of 5
        ([NOTHING] * 5, "OK"),  # a quiet API is not slow, and not unknown
    ],
)
def test_latency_with_a_threshold(series: list[dict[str, float | None]], expected: str) -> None:
    one = check("api-latency", resources.HTTP_API, threshold=500)
    for before in ("OK", "ALARM"):
        assert state(one, *series, before=before) == expected


def test_a_load_balancer_without_targets_counts_no_requests_and_is_an_error() -> None:
    assert state(check("load-balancer-errors", resources.LOAD_BALANCER), {"own": 30, "calls": None}) == "ALARM"


def test_a_failed_execution_of_a_workflow_that_started_before_counts() -> None:
    assert state(check("workflow-failures", resources.WORKFLOW), {"failed": 1, "calls": None}) == "ALARM"


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: f"{one.name} {one.kind}")
def test_each_check_is_one_that_cloudwatch_accepts(one: Check) -> None:
    queries = one.queries("AWS/X", {"Name": "x"})
    limit = one.limit()
    band = limit.get("ThresholdMetricId", "")
    assert cloudwatch.problem(queries, band, limit["ComparisonOperator"], limit.get("Threshold")) == ""
    assert one.datapoints <= one.periods
    assert one.missing == ("breaching" if one.name == checks.HEARTBEAT else "notBreaching")
    assert one.role in checks.ROLES
    assert "{" not in one.description


def test_the_names_of_checks_are_those_of_the_module_and_its_readme() -> None:
    text = (MODULE / "variables.tf").read_text()
    lists = re.findall(r"contains\(\[\s*(\"api-errors\"[^\]]*)\]", text)
    assert [tuple(re.findall(r'"([a-z-]+)"', one)) for one in lists] == [checks.NAMES] * 2
    readme = (MODULE / "README.md").read_text()
    assert [name for name in checks.NAMES if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("minutes", [1, 60, 61, 90, 120, 1440, 1500, 10080])
def test_heartbeats_fit_cloudwatchs_limits(minutes: int) -> None:
    function = resources.Resource(w.FUNCTION, resources.FUNCTION, "orders")
    (one,) = [made for made in checks.of(function, heartbeat=minutes) if made.name == "function-heartbeat"]
    assert one.period * one.periods == minutes * 60
    assert one.period * one.periods <= (604_800 if one.period >= 3600 else 86_400)


@given(st.lists(st.text("abc-_. ", min_size=1, max_size=200), max_size=300, unique=True))
def test_chunks_fit_into_rules_and_lose_nothing(names: list[str]) -> None:
    made = chunks(names, spare=200)
    assert [name for some in made for name in some] == names
    assert all(len(some) < CHILDREN and len(any_of(some)) + 200 <= RULE_LENGTH for some in made)


@given(st.text(max_size=60) | st.from_regex(r"arn:aws:(lambda|sqs|states|apigateway):[a-z0-9-]*:[0-9]*:.{0,40}"))
def test_no_arn_breaks_the_reader(arn: str) -> None:
    found = resources.read(arn)
    assert found is None or (found.arn == arn and found.dimensions)
    resources.is_part(arn)


KEYS = st.sampled_from(["tf", "action", "Records", "dry_run", "window", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
)


@given(JSON)
def test_no_event_breaks_the_reader(event: Any) -> None:
    with contextlib.suppress(InvalidRequest):
        assert isinstance(read(event), Request)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({}, Request()),
        ({"dry_run": True}, Request(dry_run=True)),
        ({"Records": [{"body": "nonsense"}, 5]}, Request()),
        ({"window": "deploy"}, Request(window="deploy")),
        ({"tf": {"action": "create"}, "settings": "x"}, Request(by_terraform=True)),
        ({"tf": {"action": "delete"}}, Request(by_terraform=True, remove=True)),
    ],
)
def test_events(event: Any, expected: Request) -> None:
    assert read(event) == expected


@pytest.mark.parametrize(
    "event",
    [None, [], "x", {"tf": {}}, {"tf": {"action": "destroy"}}, {"dry_run": 1}, {"remove": True}, {"window": ""},
     {"window": "a", "dry_run": True}],
)  # fmt: skip
def test_events_that_are_refused(event: Any) -> None:
    with pytest.raises(InvalidRequest):
        read(event)


def found_by(expression: str, attributes: dict[str, Any]) -> bool:
    segment = exported({"name": "pay", "id": "0000000000000001", "attributes": attributes})
    return filters.parse(expression)(summarized([segment]))


def test_a_trace_group_finds_indexed_attributes_under_the_name_that_is_stored() -> None:
    span = {"PaymentStatus": "FAILED", "booking.id": "B1"}
    assert found_by('annotation.PaymentStatus = "FAILED" AND annotation.booking_id = "B1"', searchable(span))
    assert not found_by('annotation.PaymentStatus = "FAILED"', span)  # attributes alone are metadata
    with pytest.raises(filters.FilterError):
        found_by('annotation.booking.id = "B1"', searchable(span))
    assert searchable(span)[INDEXED] == ["PaymentStatus", "booking_id"]


def test_more_annotations_than_xray_indexes_are_refused() -> None:
    searchable({f"k{number}": number for number in range(50)})
    with pytest.raises(TooManyAnnotations):
        searchable({f"k{number}": number for number in range(51)})
