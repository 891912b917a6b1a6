"""The plan for each kind of finding."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posture.access_analyzer.decisions import Exempt, Plan, ShutOff, plan
from posture.access_analyzer.findings import Finding, parse
from tests.unit.posture.access_analyzer.world import ACCOUNT, OUTSIDER, POINT_ARN, REGION, SOURCES, found

ALL = ShutOff(public_access_points="access_point", cross_account_access_points=True)
CASES: list[tuple[str, bool, ShutOff, Plan]] = [
    ("policy", True, ShutOff(), Plan(block_bucket="data")),
    ("acl", True, ShutOff(), Plan(block_bucket="data")),
    ("point", True, ShutOff(), Plan(block_bucket="data")),
    ("point", True, ALL, Plan(remove_policies=(POINT_ARN,))),
    ("policy", True, ALL, Plan(block_bucket="data")),
    ("point", False, ShutOff(), Plan()),
    ("point", False, ALL, Plan(remove_policies=(POINT_ARN,))),
    ("policy", False, ALL, Plan()),
    ("acl", False, ALL, Plan()),
]


def decided(finding: Finding, shut_off: ShutOff | None = ALL, exempt: Exempt | None = None) -> Plan:
    return plan(finding, shut_off, exempt or Exempt(), ACCOUNT, REGION)


@pytest.mark.parametrize(("source", "public", "shut_off", "expected"), CASES)
def test_each_way_and_reach(source: str, public: bool, shut_off: ShutOff, expected: Plan) -> None:
    decision = decided(parse(found(source=source, public=public)), shut_off)
    assert decision == expected
    assert bool(decision.reasons) == expected.empty  # An empty plan has reasons.


def test_several_sources_take_several_steps() -> None:
    sources = [SOURCES["policy"], SOURCES["point"], SOURCES["point"]]
    assert decided(parse(found(sources=sources))) == Plan("data", (POINT_ARN,))


def test_public_access_without_a_source_ends_at_the_bucket() -> None:
    assert decided(parse(found(sources=[]))) == Plan("data")
    decision = decided(parse(found(sources=[], public=False)))
    assert decision.empty
    assert decision.reasons


def test_an_exempt_access_point_is_not_shut_off_with_its_bucket() -> None:
    finding = parse(found(sources=[SOURCES["policy"], SOURCES["point"]]))
    decision = decided(finding, exempt=Exempt(access_point_names=("app",)))
    assert decision.empty
    assert decision.reasons == (
        "The access point app is exempt.",
        "Block Public Access of the bucket would also shut off the exempt access point.",
    )


def test_a_mark_differs_with_the_steps_and_the_mode() -> None:
    dry = ShutOff(dry_run=True)
    marks = {decided(parse(found()), switch).mark for switch in (None, dry, ShutOff())}
    marks.add(decided(parse(found(source="point", public=False))).mark)
    assert len(marks) == 4
    assert "" in marks


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "ARCHIVED"}, ""),
        ({"status": "RESOLVED"}, ""),
        ({"error": "ACCESS_DENIED"}, ""),
        ({"resourceType": "AWS::IAM::Role", "resource": "arn:aws:iam::123456789012:role/r"}, "AWS::IAM::Role"),
        ({"resourceOwnerAccount": OUTSIDER}, "can be shut off only there"),
    ],
)
def test_what_is_never_shut_off(fields: dict[str, Any], reason: str) -> None:
    decision = decided(parse(found(**fields)))
    assert decision.empty
    assert reason in " ".join(decision.reasons)


def test_nothing_without_the_switch() -> None:
    assert decided(parse(found()), None) == Plan()


@pytest.mark.parametrize(
    ("exempt", "source", "reason"),
    [
        (Exempt(bucket_names=("data",)), "policy", "The bucket is exempt."),
        (Exempt(bucket_names=("da*",)), "point", "The bucket is exempt."),
        (Exempt(access_point_names=("app",)), "point", "The access point app is exempt."),
        (Exempt(access_point_names=("a*",)), "point", "The access point app is exempt."),
        (Exempt(principals=(OUTSIDER,)), "point", "The principal is exempt."),
    ],
)
@pytest.mark.parametrize("public_access_points", ["bucket", "access_point"])
def test_exempt(exempt: Exempt, source: str, reason: str, public_access_points: str) -> None:
    public = not exempt.principals
    switches = ShutOff(public_access_points, cross_account_access_points=True)
    decision = decided(parse(found(source=source, public=public)), switches, exempt)
    assert decision.empty
    assert decision.reasons == (reason,)


def test_a_role_of_an_exempt_account_is_exempt() -> None:
    role = found(source="point", public=False, principal={"AWS": f"arn:aws:iam::{OUTSIDER}:role/reader"})
    assert decided(parse(role), exempt=Exempt(principals=(OUTSIDER,))).empty
    assert decided(parse(role), exempt=Exempt(principals=(f"arn:aws:iam::{OUTSIDER}:role/reader",))).empty
    assert not decided(parse(role), exempt=Exempt(principals=(f"arn:aws:iam::{OUTSIDER}:role/other",))).empty


def test_only_chosen_buckets() -> None:
    assert decided(parse(found()), ShutOff(bucket_names=("logs-*",))).empty
    assert not decided(parse(found()), ShutOff(bucket_names=("logs-*", "dat*"))).empty


@pytest.mark.parametrize(
    "arn", [POINT_ARN.replace(REGION, "us-east-1"), POINT_ARN.replace(ACCOUNT, OUTSIDER), "nothing like an ARN"]
)
def test_access_points_elsewhere_are_left(arn: str) -> None:
    source = {"type": "S3_ACCESS_POINT", "detail": {"accessPointArn": arn}}
    decision = decided(parse(found(public=False, sources=[source])))
    assert decision.empty
    assert "not an access point of this account and Region" in decision.reasons[0]


def test_a_foreign_access_point_is_public_until_it_is_blocked() -> None:
    source = {"type": "S3_ACCESS_POINT_ACCOUNT", "detail": {"accessPointAccount": OUTSIDER}}
    assert decided(parse(found(sources=[source]))) == Plan(block_bucket="data")
    assert decided(parse(found(public=False, sources=[source]))).empty


@given(
    st.sampled_from(["policy", "acl", "point"]),
    st.booleans(),
    st.sampled_from(["ACTIVE", "ARCHIVED", "RESOLVED"]),
    st.sampled_from(["bucket", "access_point"]),
    st.booleans(),
)
def test_steps_are_for_active_findings_and_exempt_buckets_are_safe(
    source: str, public: bool, status: str, where: str, cross: bool
) -> None:
    finding, switches = parse(found(source=source, public=public, status=status)), ShutOff(where, cross)
    assert decided(finding, switches).empty or status == "ACTIVE"
    assert decided(finding, switches, Exempt(bucket_names=("data",))).empty
