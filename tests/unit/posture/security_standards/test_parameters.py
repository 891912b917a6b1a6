"""Given parameters of controls, when the function is called, then Security Hub has them, and the defaults of others."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from posture.security_standards import parameters
from posture.security_standards.errors import InvalidRequest, NotUpdated

from .conftest import CONTEXT, World

DEFAULT = {"ValueType": "DEFAULT", "Value": {"Integer": 30}}


def wanted(days: int, control: str = "ACM.1", reason: str | None = None) -> dict[str, Any]:
    return {control: {"reason": reason, "parameters": {"daysToExpiration": {"Integer": days}}}}


def call(controls: dict[str, Any], before: dict[str, Any] | None = None, action: str = "update") -> dict[str, Any]:
    """Call it as Terraform does."""
    previous = None if before is None else {"controls": before}
    return parameters.handler({"controls": controls, "tf": {"action": action, "prev_input": previous}}, CONTEXT)


def days(world: World) -> dict[str, Any]:
    (control,) = world.hub.batch_get_security_controls(SecurityControlIds=["ACM.1"])["SecurityControls"]
    return dict(control["Parameters"]["daysToExpiration"])


def test_a_parameter_is_set_changed_and_returns_to_its_default(world: World) -> None:
    assert call(wanted(60, reason="Renewed by hand"), action="create") == {"set": ["ACM.1"], "reset": []}
    assert days(world) == {"ValueType": "CUSTOM", "Value": {"Integer": 60}}
    (control,) = world.hub.batch_get_security_controls(SecurityControlIds=["ACM.1"])["SecurityControls"]
    assert control["LastUpdateReason"] == "Renewed by hand"
    assert call(wanted(90), wanted(60)) == {"set": ["ACM.1"], "reset": []}
    assert days(world)["Value"] == {"Integer": 90}
    assert call({}, wanted(90)) == {"set": [], "reset": ["ACM.1"]}
    assert days(world) == DEFAULT


def test_a_destroy_sets_the_defaults(world: World) -> None:
    call(wanted(60))
    assert call(wanted(60), wanted(60), "delete") == {"set": [], "reset": ["ACM.1"]}
    assert days(world) == DEFAULT
    world.hub.disable_security_hub()
    assert call(wanted(60), wanted(60), "delete") == {"set": [], "reset": []}
    with pytest.raises(ClientError, match="not subscribed"):
        call(wanted(60))


@pytest.mark.parametrize(
    ("control", "given", "told"),
    [("S3.2", 60, "S3.2 has no parameter"), ("None.1", 60, "None.1 is not found"), ("S3.5", 1, "S3.5")],
)
def test_one_that_security_hub_refuses_is_named_and_the_others_are_set(
    world: World, control: str, given: int, told: str
) -> None:
    with pytest.raises(NotUpdated, match=told):
        call({**wanted(given, control), **wanted(60)})
    assert days(world)["Value"] == {"Integer": 60}


def test_a_value_out_of_its_range_is_refused(world: World) -> None:
    with pytest.raises(NotUpdated, match=r"ACM\.1: .*daysToExpiration"):
        call(wanted(1))
    assert days(world) == DEFAULT


def test_what_is_read_back_otherwise_is_no_success(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.hub, "update_security_control", lambda **_: {})
    with pytest.raises(NotUpdated, match=r"ACM\.1: read back otherwise than written: daysToExpiration"):
        call(wanted(60))
    assert call({}, wanted(60)) == {"set": [], "reset": ["ACM.1"]}, "it has its default"


def test_what_cannot_be_read_back_is_no_success(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = [{"SecurityControlId": "ACM.1", "ErrorCode": "ACCESS_DENIED", "ErrorReason": "no"}]
    answer = {"SecurityControls": [], "UnprocessedIds": failed}
    monkeypatch.setattr(world.hub, "batch_get_security_controls", lambda **_: answer)
    with pytest.raises(NotUpdated, match=r"ACM\.1: ACCESS_DENIED: no"):
        call(wanted(60))


@pytest.mark.parametrize("times", [1, len(parameters.WAITS), len(parameters.WAITS) + 1])
def test_a_control_that_is_being_updated_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Security Hub takes a while to update a control, and refuses another update meanwhile."""
    slept: list[float] = []
    update, left = world.hub.update_security_control, [None] * times
    answer: Any = {"Error": {"Code": "ResourceInUseException", "Message": "being updated"}}

    def busy(**request: Any) -> Any:
        if left:
            left.pop()
            raise world.hub.exceptions.ResourceInUseException(answer, "UpdateSecurityControl")
        return update(**request)

    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(world.hub, "update_security_control", busy)
    if times > len(parameters.WAITS):
        with pytest.raises(NotUpdated, match=r"ACM\.1: .*being updated"):
            call(wanted(60))
    else:
        assert call(wanted(60))["set"] == ["ACM.1"]
    assert slept == list(parameters.WAITS[:times])


@pytest.mark.parametrize("event", [[], {"controls": []}, {"controls": {"ACM.1": {}}}, {"controls": {}, "tf": "x"}, {}])
def test_a_malformed_event_changes_nothing(world: World, event: Any) -> None:
    world.calls.clear()
    with pytest.raises(InvalidRequest):
        parameters.handler(event, CONTEXT)
    assert not world.calls


def test_a_control_that_is_still_being_updated_is_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    read = world.hub.batch_get_security_controls
    old = {"SecurityControlId": "ACM.1", "Parameters": {"daysToExpiration": DEFAULT}, "UpdateStatus": "UPDATING"}
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(
        world.hub,
        "batch_get_security_controls",
        lambda **request: read(**request) if slept else {"SecurityControls": [old], "UnprocessedIds": []},
    )
    assert call(wanted(60))["set"] == ["ACM.1"]
    assert slept == [parameters.WAITS[0]]


@pytest.mark.parametrize(
    ("there", "value", "same"),
    [
        ({"ValueType": "CUSTOM", "Value": {"IntegerList": [80, 443]}}, {"IntegerList": [443, 80]}, True),
        ({"ValueType": "CUSTOM", "Value": {"EnumList": ["b", "a"]}}, {"EnumList": ["a", "b"]}, True),
        ({"ValueType": "CUSTOM", "Value": {"IntegerList": [80]}}, {"IntegerList": [443, 80]}, False),
        ({"ValueType": "DEFAULT", "Value": {"Integer": 60}}, {"Integer": 60}, False),
        (None, {"Integer": 60}, False),
        ({"ValueType": "CUSTOM", "Value": {"Integer": 60}}, None, False),
        ({"ValueType": "DEFAULT", "Value": {"Integer": 30}}, None, True),
        (None, None, True),
    ],
)
def test_values_are_compared_by_what_they_mean(there: Any, value: Any, same: bool) -> None:
    wanted = {"ValueType": "DEFAULT"} if value is None else {"ValueType": "CUSTOM", "Value": value}
    assert parameters._same(there, wanted) is same
