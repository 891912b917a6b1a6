"""Activation: one rule set can be active, and another one's place is taken on request only."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from apps.mail_router import activate
from apps.mail_router.errors import AnotherRuleSetIsActive

from .conftest import Printed, client_error


class Ses:
    def __init__(self, active: str = "", denials: int = 0) -> None:
        self.active, self.denials, self.changes = active, denials, 0

    def describe_active_receipt_rule_set(self) -> dict[str, Any]:
        if self.denials:
            self.denials -= 1
            raise client_error("AccessDenied", 403)
        return {"Metadata": {"Name": self.active}} if self.active else {}

    def set_active_receipt_rule_set(self, RuleSetName: str = "") -> None:
        self.active, self.changes = RuleSetName, self.changes + 1


def call(monkeypatch: pytest.MonkeyPatch, ses: Ses, action: str = "", **more: Any) -> Any:
    monkeypatch.setenv("RULE_SET", "ours")
    monkeypatch.setattr("common.clients.client", lambda _: ses)
    event = {"rule_set": "ours", "activate": True, "replace_active": False, "tf": {"action": action}, **more}
    return activate.handler(event if action else {}, SimpleNamespace(aws_request_id="r"))


@pytest.mark.parametrize("action", ["create", "update"])
def test_it_is_activated_if_none_is(monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    ses = Ses()
    assert call(monkeypatch, ses, action) == {"active": "ours"}
    assert call(monkeypatch, ses, action) == {"active": "ours"}
    assert (ses.active, ses.changes) == ("ours", 1)


@pytest.mark.parametrize("action", ["create", "update"])
def test_another_one_is_not_replaced_unless_asked_for(monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    ses = Ses("theirs")
    with pytest.raises(AnotherRuleSetIsActive, match="theirs is active") as error:
        call(monkeypatch, ses, action)
    assert 'rule_set.name = "theirs"' in str(error.value)
    assert "rule_set.replace_active = true" in str(error.value)
    assert (ses.active, ses.changes) == ("theirs", 0)
    assert call(monkeypatch, ses, action, replace_active=True) == {"active": "ours"}


@pytest.mark.parametrize(("active", "left"), [("ours", ""), ("theirs", "theirs"), ("", "")])
def test_deleting_deactivates_ours_only(monkeypatch: pytest.MonkeyPatch, active: str, left: str) -> None:
    ses = Ses(active)
    call(monkeypatch, ses, "delete")
    assert ses.active == left


def test_a_set_of_others_is_neither_activated_nor_deactivated(monkeypatch: pytest.MonkeyPatch) -> None:
    for active in ("", "theirs", "ours"):
        for action in ("create", "update", "delete"):
            ses = Ses(active)
            call(monkeypatch, ses, action, activate=False)
            assert (ses.active, ses.changes) == (active, 0)


def test_a_change_to_a_set_of_others_deactivates_ours_before_it_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    ses, before = Ses("ours"), {"rule_set": "ours", "activate": True, "replace_active": False}
    call(
        monkeypatch,
        ses,
        rule_set="theirs",
        activate=False,
        action="update",
        tf={"action": "update", "prev_input": before},
    )
    assert ses.active == ""


def test_terraform_waits_for_a_new_roles_permissions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.propagation.PAUSE", 0.0)
    ses = Ses(denials=2)
    assert call(monkeypatch, ses, "create") == {"active": "ours"}


@pytest.mark.parametrize(("active", "value"), [("ours", "[0.0]"), ("theirs", "[1.0]"), ("", "[1.0]")])
def test_the_schedule_counts_an_inactive_set(
    monkeypatch: pytest.MonkeyPatch, printed: Printed, active: str, value: str
) -> None:
    assert call(monkeypatch, Ses(active)) == {"active": active or None}
    assert f'"RuleSetInactive":{value}' in printed().replace(" ", "")
