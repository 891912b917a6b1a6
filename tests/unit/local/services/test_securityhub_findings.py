"""Security Hub's GetFindings: filters, order, pages, tokens."""

from __future__ import annotations

import datetime as dt
import ipaddress
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.core.utils import get_service_model

from local.services.base import Pager
from local.services.securityhub import filters as asff_filters
from local.services.securityhub.models import SecurityHubBackend, securityhub_backends
from tests.unit.local.services.hub_case import ACCOUNT, REGION, asff, client, ids, load, refusal

MODEL: Any = get_service_model("securityhub")


def backend() -> SecurityHubBackend:
    return securityhub_backends[ACCOUNT][REGION]


# Every filter leads to a field of that kind in the ASFF.

KINDS = {
    "StringFilter": {"string"},
    "DateFilter": {"string"},
    "IpFilter": {"string"},
    "NumberFilter": {"integer", "double", "long"},
    "BooleanFilter": {"boolean"},
    "MapFilter": {"map"},
    "KeywordFilter": {"structure"},
}


@pytest.mark.parametrize("name", MODEL.shape_for("AwsSecurityFindingFilters").members)
def test_every_filter_reads_a_field_of_the_finding_format(name: str) -> None:
    path, kind = asff_filters.fields()[name]
    shape = MODEL.shape_for("AwsSecurityFinding")
    for member in path:
        shape = shape.member if shape.type_name == "list" else shape
        assert member in shape.members, f"{name} -> {'.'.join(path)}"
        shape = shape.members[member]
    shape = shape.member if shape.type_name == "list" else shape
    assert shape.type_name in KINDS[kind]


# Filters agree with a plain reading of the documentation.

WORDS = st.text("aAb", min_size=1, max_size=3)
TIMES = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 3)).map(
    lambda t: t.isoformat(timespec="milliseconds") + "Z"
)
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.1.1", "192.168.0.1"])


@st.composite
def findings(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for number in range(draw(st.integers(0, 8))):
        optional: dict[str, st.SearchStrategy[Any]] = {
            "Confidence": st.integers(0, 3),
            "UserDefinedFields": st.dictionaries(st.sampled_from("kl"), WORDS, max_size=2),
            "Network": st.fixed_dictionaries({"SourceIpV4": ADDRESSES}),
            "Sample": st.booleans(),
        }
        chosen = draw(st.sets(st.sampled_from(sorted(optional))))
        found.append(
            asff(
                number,
                Title=draw(WORDS),
                UpdatedAt=draw(TIMES),
                Resources=[{"Type": "Other", "Id": i} for i in draw(st.lists(WORDS, min_size=1, max_size=2))],
                **{name: draw(optional[name]) for name in sorted(chosen)},
            )
        )
    return found


def texts(*comparisons: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    condition = st.fixed_dictionaries({"Value": WORDS, "Comparison": st.sampled_from(comparisons)})
    return st.lists(condition, min_size=1, max_size=3)


def pairs(*comparisons: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    members = {"Key": st.sampled_from("kl"), "Value": WORDS, "Comparison": st.sampled_from(comparisons)}
    return st.lists(st.fixed_dictionaries(members), min_size=1, max_size=3)


STRINGS = (
    texts("EQUALS", "PREFIX")
    | texts("PREFIX", "NOT_EQUALS", "PREFIX_NOT_EQUALS")
    | texts("CONTAINS")
    | texts("NOT_CONTAINS")
)
MAPS = pairs("EQUALS") | pairs("NOT_EQUALS") | pairs("CONTAINS") | pairs("NOT_CONTAINS")
NUMBERS = st.lists(
    st.dictionaries(st.sampled_from(["Eq", "Gte", "Lte", "Gt", "Lt"]), st.integers(0, 3), min_size=1),
    min_size=1,
    max_size=2,
)
DATES = st.lists(
    st.dictionaries(st.sampled_from(["Start", "End"]), TIMES, min_size=1)
    | st.just({"DateRange": {"Value": 1, "Unit": "DAYS"}})
    | st.just({"DateRange": {"Value": 1, "Unit": "DAYS", "Comparison": "OLDER_THAN"}}),
    min_size=1,
    max_size=2,
)
CIDRS = st.sampled_from(["10.0.0.0/24", "10.0.0.0/16", "192.168.0.1/32", "0.0.0.0/0", "::/0"])
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "Title": STRINGS,
        "ResourceId": STRINGS,
        "Confidence": NUMBERS,
        "UpdatedAt": DATES,
        "UserDefinedFields": MAPS,
        "NetworkSourceIpV4": st.lists(st.fixed_dictionaries({"Cidr": CIDRS}), min_size=1, max_size=2),
        "Sample": st.lists(st.fixed_dictionaries({"Value": st.booleans()}), min_size=1, max_size=1),
        "Keyword": st.lists(st.fixed_dictionaries({"Value": WORDS}), min_size=1, max_size=2),
    },
)

COMPARE: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda value, wanted: value == wanted,
    "PREFIX": lambda value, wanted: value.startswith(wanted),
    "CONTAINS": lambda value, wanted: wanted in value,
}
OPPOSITE = {"NOT_EQUALS": "EQUALS", "PREFIX_NOT_EQUALS": "PREFIX", "NOT_CONTAINS": "CONTAINS"}


def by_comparison(values: Callable[[dict[str, Any]], list[str]], conditions: list[dict[str, Any]]) -> bool:
    """Return whether positive conditions hold for one value each, and negative ones for all values."""
    positive = [c for c in conditions if c["Comparison"] in COMPARE]
    if positive and not any(COMPARE[c["Comparison"]](v, c["Value"]) for c in positive for v in values(c)):
        return False
    return all(
        not COMPARE[OPPOSITE[c["Comparison"]]](v, c["Value"])
        for c in conditions
        if c["Comparison"] in OPPOSITE
        for v in values(c)
    )


def in_window(time: str, condition: dict[str, Any]) -> bool:
    if window := condition.get("DateRange"):
        return "Comparison" in window  # OLDER_THAN: the findings are old
    return str(condition.get("Start", "")) <= time <= str(condition.get("End", "9"))


def number_holds(number: int, condition: dict[str, int]) -> bool:
    limits = {"Eq": number, "Gte": 0, "Lte": 9, "Gt": -1, "Lt": 9} | condition
    return limits["Gt"] < number < limits["Lt"] and limits["Gte"] <= number <= limits["Lte"] and number == limits["Eq"]


def strings_in(node: Any) -> list[str]:
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        return list(itertools.chain.from_iterable(strings_in(item) for item in node))
    return [node] if isinstance(node, str) else []


REFERENCE: dict[str, Callable[[dict[str, Any], list[dict[str, Any]]], bool]] = {
    "Title": lambda f, cs: by_comparison(lambda _: [f["Title"]], cs),
    "ResourceId": lambda f, cs: by_comparison(lambda _: [r["Id"] for r in f["Resources"]], cs),
    "Confidence": lambda f, cs: "Confidence" in f and any(number_holds(f["Confidence"], c) for c in cs),
    "UpdatedAt": lambda f, cs: any(in_window(f["UpdatedAt"], c) for c in cs),
    "UserDefinedFields": lambda f, cs: by_comparison(
        lambda c: [v for k, v in f.get("UserDefinedFields", {}).items() if k == c["Key"]], cs
    ),
    "NetworkSourceIpV4": lambda f, cs: (
        "Network" in f
        and any(ipaddress.ip_address(f["Network"]["SourceIpV4"]) in ipaddress.ip_network(c["Cidr"]) for c in cs)
    ),
    "Sample": lambda f, cs: f.get("Sample", False) == cs[0]["Value"],
    "Keyword": lambda f, cs: any(c["Value"].lower() in s.lower() for c in cs for s in strings_in(f)),
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=findings(), filters=FILTERS)
def test_filters_select_what_the_documentation_says(
    hub: Any, stored: list[dict[str, Any]], filters: dict[str, Any]
) -> None:
    hub.disable_security_hub()
    hub.enable_security_hub(EnableDefaultStandards=False)
    if stored:
        load(hub, *stored)
    kept = hub.get_findings()["Findings"]
    expected = [f["Id"] for f in kept if all(REFERENCE[name](f, cs) for name, cs in filters.items())]
    assert ids(hub, Filters=filters) == expected


def test_date_range_counts_back_from_now(hub: Any) -> None:
    def ago(**ago: float) -> str:
        return (dt.datetime.now(dt.UTC) - dt.timedelta(**ago)).isoformat()

    load(hub, *(asff(n, UpdatedAt=t) for n, t in enumerate([ago(hours=1), ago(days=2), ago(days=9)])))

    def within(days: int, **comparison: str) -> list[str]:
        window = {"DateRange": {"Value": days, "Unit": "DAYS", **comparison}}
        return ids(hub, Filters={"UpdatedAt": [window]})

    assert within(1) == ["finding-0"]
    assert within(7, Comparison="WITHIN") == ["finding-0", "finding-1"]
    assert within(7, Comparison="OLDER_THAN") == ["finding-2"]


def test_date_bounds_are_inclusive_and_zones_are_understood(hub: Any) -> None:
    load(hub, asff(0, UpdatedAt="2026-01-01T00:00:00Z"))
    for bound in ("2026-01-01T00:00:00.000Z", "2026-01-01T02:00:00+02:00"):
        assert ids(hub, Filters={"UpdatedAt": [{"Start": bound, "End": bound}]}) == ["finding-0"]


EQUALS = {"Value": "x", "Comparison": "EQUALS"}
BAD_REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("SeverityLable", {"Filters": {"SeverityLable": [EQUALS]}}),
    ("IS", {"Filters": {"SeverityLabel": [{"Value": "x", "Comparison": "IS"}]}}),
    ("needs Comparison", {"Filters": {"SeverityLabel": [{"Value": "x"}]}}),
    (
        "Filters.SeverityLabel[0].Value",
        {"Filters": {"SeverityLabel": [{"Value": " ", "Comparison": "EQUALS"}]}},
    ),
    ("cannot combine", {"Filters": {"Title": [EQUALS, {"Value": "y", "Comparison": "NOT_EQUALS"}]}}),
    ("cannot combine", {"Filters": {"Title": [EQUALS, {"Value": "y", "Comparison": "CONTAINS"}]}}),
    ("V2", {"Filters": {"Title": [{"Value": "y", "Comparison": "CONTAINS_WORD"}]}}),
    ("more than 20", {"Filters": {"Title": [EQUALS] * 21}}),
    (
        "more than 10",
        {
            "Filters": {
                name: [EQUALS]
                for name in (
                    "Id",
                    "Title",
                    "Type",
                    "Region",
                    "CompanyName",
                    "ProductName",
                    "ProductArn",
                    "GeneratorId",
                    "RecordState",
                    "ResourceId",
                    "ResourceType",
                )
            }
        },
    ),
    ("2026-13-01", {"Filters": {"UpdatedAt": [{"Start": "2026-13-01"}]}}),
    ("DateRange", {"Filters": {"UpdatedAt": [{}]}}),
    ("WEEKS", {"Filters": {"UpdatedAt": [{"DateRange": {"Value": 1, "Unit": "WEEKS"}}]}}),
    ("10.0.0.0/99", {"Filters": {"NetworkSourceIpV4": [{"Cidr": "10.0.0.0/99"}]}}),
    ("needs one of", {"Filters": {"Confidence": [{}]}}),
    ("Filters.Confidence[0].Eq", {"Filters": {"Confidence": [{"Eq": "1"}]}}),
    ("Shoe", {"SortCriteria": [{"Field": "Shoe", "SortOrder": "asc"}]}),
    ("SortOrder", {"SortCriteria": [{"Field": "Title", "SortOrder": "up"}]}),
    ("UserDefinedFields", {"SortCriteria": [{"Field": "UserDefinedFields"}]}),
    ("MaxResults", {"MaxResults": 0}),
    ("MaxResults", {"MaxResults": 101}),
    ("Colour", {"Colour": "red"}),
]


@pytest.mark.parametrize(("named", "request_"), BAD_REQUESTS)
def test_bad_request_is_refused_and_named(hub: Any, named: str, request_: dict[str, Any]) -> None:
    def send(request: Any, **_: Any) -> None:
        """Send a request, including what botocore's serializer would omit."""
        request.body = json.dumps(request_).encode()

    hub.meta.events.register_first("before-send.securityhub.GetFindings", send)
    code, status, message = refusal(hub.get_findings)
    assert (code, status) == ("InvalidInputException", 400)
    assert named in message


# Order


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stored=findings(),
    criteria=st.lists(
        st.tuples(st.sampled_from(["Title", "UpdatedAt", "Confidence"]), st.sampled_from(["asc", "desc"])),
        min_size=1,
        max_size=3,
    ),
    size=st.integers(1, 4),
)
def test_pages_are_the_sorted_set_without_duplicates(
    hub: Any, stored: list[dict[str, Any]], criteria: list[tuple[str, str]], size: int
) -> None:
    hub.disable_security_hub()
    hub.enable_security_hub(EnableDefaultStandards=False)
    if stored:
        load(hub, *stored)
    expected = list(stored)
    for name, order in reversed(criteria):
        there = [f for f in expected if name in f]
        there.sort(key=lambda f: f[name], reverse=order == "desc")
        expected = there + [f for f in expected if name not in f]
    sort = [{"Field": name, "SortOrder": order} for name, order in criteria]
    assert ids(hub, SortCriteria=sort, MaxResults=size) == [f["Id"] for f in expected]


def test_of_several_values_the_least_or_greatest_counts(hub: Any) -> None:
    for number, names in enumerate((["b", "c"], ["a", "d"])):
        load(hub, asff(number, Resources=[{"Type": "Other", "Id": n} for n in names]))
    for order in ("asc", "desc"):
        assert ids(hub, SortCriteria=[{"Field": "ResourceId", "SortOrder": order}]) == [
            "finding-1",
            "finding-0",
        ]


# Pages and tokens

ACTIVE = {"RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}]}


def test_a_walk_shows_what_was_there_when_it_began(hub: Any) -> None:
    load(hub, *(asff(n) for n in range(10)))
    first = hub.get_findings(Filters=ACTIVE, MaxResults=4)
    load(hub, asff(10), asff(9, RecordState="ARCHIVED", UpdatedAt="2026-01-02T00:00:00Z"))
    rest = ids(hub, Filters=ACTIVE, MaxResults=4, NextToken=first["NextToken"])
    assert rest == [f"finding-{n}" for n in range(4, 10)]
    assert len(ids(hub, Filters=ACTIVE)) == 10


def test_a_lost_page_can_be_asked_for_again(hub: Any) -> None:
    load(hub, *(asff(n) for n in range(5)))
    token = hub.get_findings(MaxResults=3)["NextToken"]
    pages = [hub.get_findings(MaxResults=3, NextToken=token) for _ in range(2)]
    assert pages[0]["Findings"] == pages[1]["Findings"]
    assert all("NextToken" not in page for page in pages)


def test_token_is_bound_to_its_request(hub: Any) -> None:
    load(hub, *(asff(n) for n in range(5)))
    token = hub.get_findings(Filters=ACTIVE, MaxResults=2)["NextToken"]
    elsewhere = client("eu-west-1")
    elsewhere.enable_security_hub(EnableDefaultStandards=False)
    sort = [{"Field": "Title", "SortOrder": "asc"}]
    middle = len(token) // 4
    tampered = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for call, request in (
        (hub, {"NextToken": token}),
        (hub, {"NextToken": token, "Filters": ACTIVE, "SortCriteria": sort}),
        (elsewhere, {"NextToken": token, "Filters": ACTIVE}),
        (hub, {"NextToken": tampered, "Filters": ACTIVE}),
        (hub, {"NextToken": token + "=", "Filters": ACTIVE}),
        (hub, {"NextToken": "ä", "Filters": ACTIVE}),
    ):
        code, status, message = refusal(call.get_findings, **request)
        assert (code, status) == ("InvalidInputException", 400)
        assert "NextToken" in message
    assert refusal(hub.describe_action_targets, NextToken=token)[0] == "InvalidInputException"
    assert hub.get_findings(Filters=ACTIVE, MaxResults=1, NextToken=token)["Findings"][0]["Id"] == "finding-2"


def test_token_expires(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load(hub, *(asff(n) for n in range(5)))
    token = hub.get_findings(MaxResults=2)["NextToken"]
    monkeypatch.setattr(SecurityHubBackend, "token_ttl_seconds", 0)
    code, status, message = refusal(hub.get_findings, MaxResults=2, NextToken=token)
    assert (code, status) == ("InvalidInputException", 400)
    assert "expired" in message


def test_snapshots_do_not_pile_up(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load(hub, *(asff(n) for n in range(3)))
    ids(hub, MaxResults=3)
    assert backend().pager.walks == {}, "one page needs no snapshot"
    monkeypatch.setattr(Pager, "grace", 0)
    for _ in range(5):
        ids(hub, MaxResults=1)
    hub.get_findings(MaxResults=1)
    assert len(backend().pager.walks) == 1, "finished walks are dropped"
    monkeypatch.setattr(SecurityHubBackend, "token_ttl_seconds", 0)
    hub.get_findings(MaxResults=1)
    hub.get_findings()
    later = time.time() + 10**6
    monkeypatch.setattr(time, "time", lambda: later)
    hub.get_findings()
    assert backend().pager.walks == {}, "abandoned walks are dropped when they expire"


def test_a_hundred_thousand_findings_are_filtered_once(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts work, not time: a walk of a thousand pages reads each finding once."""
    size = 100_000
    template = asff(RecordState="ACTIVE")
    backend().asff = {(template["ProductArn"], f"f{n}"): {**template, "Id": f"f{n}"} for n in range(size)}
    selections, reads = 0, 0
    select, read = SecurityHubBackend.select, asff_filters.read

    def counted_select(self: SecurityHubBackend, *request: Any) -> Any:
        nonlocal selections
        selections += 1
        return select(self, *request)

    def counted_read(*where: Any) -> Any:
        nonlocal reads
        reads += 1
        return read(*where)

    monkeypatch.setattr(SecurityHubBackend, "select", counted_select)
    monkeypatch.setattr(asff_filters, "read", counted_read)
    seen: set[str] = set()
    pages, token = 0, None
    while True:
        page = backend().get_findings(ACTIVE, [{"Field": "Id", "SortOrder": "desc"}], 100, token)
        seen.update(finding["Id"] for finding in page["Findings"])
        pages += 1
        token = page.get("NextToken")
        if not token:
            break
    assert (len(seen), pages, selections) == (size, size // 100, 1)
    assert reads == 2 * size, "once to filter, once to sort"
    assert len(backend().pager.walks) == 1
