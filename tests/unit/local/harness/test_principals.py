"""The caller of a call, and the capability that it belongs to."""

from __future__ import annotations

import pytest

from local.harness.principals import Actor, Facts, Sorter, facts
from tests.unit.local.harness import page_sample as sample

EXPORT = Actor("switchyard-finding-export-function", "function", "posture/finding_export")


@pytest.fixture
def known() -> Facts:
    return facts(sample.state(), sample.CAPABILITIES)


@pytest.fixture
def sorter(known: Facts) -> Sorter:
    return Sorter(known, sample.CAPABILITIES)


def test_roles_are_named_after_what_acts_under_them(known: Facts) -> None:
    shown = {key: (a.name, a.kind, a.capability) for key, a in known.actors.items()}
    assert shown == {
        "123456789012:shared-eu-west-1": ("shared-eu-west-1", "role", ""),
        "123456789012:switchyard-finding-export-function-eu-west-1": (EXPORT.name, EXPORT.kind, EXPORT.capability),
        "123456789012:switchyard-finding-export-idle-eu-west-1": (
            "switchyard-finding-export-idle",
            "function",
            "posture/finding_export",
        ),
        "123456789012:machine-eu-west-1": ("switchyard-finding-export", "state machine", "posture/finding_export"),
        "123456789012:switchyard-kms-rotation-report-eu-west-1": (
            "switchyard-kms-rotation-report",
            "function",
            "protection/kms_rotation",
        ),
    }
    assert [(f.name, f.capability, f.region) for f in known.functions if "idle" in f.name] == [
        ("switchyard-finding-export-idle", "posture/finding_export", "eu-west-1")
    ]


ROOT = f"{sample.ACCOUNT}:root"


@pytest.mark.parametrize(
    ("principal", "agent", "expected"),
    [
        (sample.session("switchyard-finding-export-function"), "", EXPORT),
        (ROOT, "Terraform", Actor("Terraform", "terraform")),
        (ROOT, "", Actor("the account's root", "principal")),
        ("arn:aws:iam::111122223333:root", "", Actor("the root of account 111122223333", "principal")),
        (ROOT, "scenario.kms_rotation", Actor("the account's root", "scenario", "protection/kms_rotation")),
        ("anonymous", "", Actor("a user, by token or password", "principal")),
        ("anonymous/pool", "", Actor("a user, by token or password", "principal")),
        (
            "anonymous",
            "scenario.kms_rotation",
            Actor("a user, by token or password", "scenario", "protection/kms_rotation"),
        ),
        (f"{sample.ACCOUNT}:user/ada", "", Actor("user/ada", "principal")),
        (ROOT, "scenario.unknown", Actor("the account's root", "scenario")),
        # A role of a member account that a function assumes, by its own name or by the session's.
        (
            sample.session("kms-rotation-member", account="111122223333"),
            "",
            Actor("kms-rotation-member-eu-west-1", "role outside the stack", "protection/kms_rotation"),
        ),
        (
            sample.session("member", "switchyard-finding-export-function", "111122223333"),
            "",
            Actor("member-eu-west-1", "role outside the stack", "posture/finding_export"),
        ),
        # The same name in another account is not the stack's role.
        (
            sample.session("machine", account="111122223333"),
            "",
            Actor("machine-eu-west-1", "role outside the stack"),
        ),
    ],
)
def test_a_call_belongs_to_a_capability_by_its_principal(
    sorter: Sorter, principal: str, agent: str, expected: Actor
) -> None:
    assert sorter.actor(sample.call(principal, "kms:DescribeKey", agent=agent)) == expected
