"""Set the parameters of controls, which Terraform's provider cannot set, with each apply that changes them.

Event: {"controls": {control id: {"reason": text or null, "parameters": {name: {"Integer": 60}}}}}, with the value as
Security Hub's ParameterValue. Terraform adds `tf`: a parameter that its previous input named and this one does not
returns to Security Hub's default, and so do all of them if `tf.action` is "delete".
Answer: {"set": [control id], "reset": [control id]}, after each parameter has been read back.
https://docs.aws.amazon.com/securityhub/latest/userguide/custom-control-parameters.html
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from common import clients, observability, propagation

from .errors import InvalidRequest, NotUpdated

BATCH = 100
WAITS = (2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
"""Seconds before each further attempt: a control that Security Hub is updating refuses another update."""
DONE = "parameters set"
Parameters = dict[str, dict[str, Any]]
"""Values by parameter's name."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Set and reset parameters. Raise InvalidRequest, NotUpdated, botocore's ClientError."""
    observability.begin(context)
    wanted, before = controls(event)
    reasons = {control: each.get("reason") for control, each in event["controls"].items()}
    return propagation.permitted(lambda: written(wanted, before, reasons), by_terraform="tf" in event)


def written(wanted: dict[str, Parameters], before: dict[str, Parameters], reasons: Mapping[str, Any]) -> dict[str, Any]:
    """Set and reset parameters. Raise as `handler`."""
    hub = clients.client("securityhub")
    changes = {
        control: {
            **{name: {"ValueType": "CUSTOM", "Value": value} for name, value in wanted.get(control, {}).items()},
            **{
                name: {"ValueType": "DEFAULT"}
                for name in before.get(control, {}).keys() - wanted.get(control, {}).keys()
            },
        }
        for control in sorted({*wanted, *before})
    }
    failed: dict[str, str] = {}
    for control, parameters in changes.items():
        reason = reasons.get(control) if control in wanted else None
        try:
            waiting(hub, lambda: _set(hub, control, parameters, reason))  # noqa: B023 - called at once
        except hub.exceptions.InvalidAccessException:
            if not wanted:  # Security Hub is not enabled: nothing is left to reset.
                return {"set": [], "reset": []}
            raise
        except (
            hub.exceptions.InvalidInputException,
            hub.exceptions.ResourceInUseException,
            hub.exceptions.ResourceNotFoundException,
        ) as error:
            failed[control] = str(error)  # The others go on.
    failed |= unlike(hub, {control: each for control, each in changes.items() if control not in failed})
    done = {
        "set": sorted(wanted.keys() - failed.keys()),
        "reset": sorted(before.keys() - wanted.keys() - failed.keys()),
    }
    observability.logger().info(DONE, extra={**done, "failed": sorted(failed)})
    if failed:
        raise NotUpdated("; ".join(f"{control}: {why}" for control, why in sorted(failed.items())))
    return done


def controls(event: Any) -> tuple[dict[str, Parameters], dict[str, Parameters]]:
    """Return the parameters that the event wants, and those that the previous one wanted. Raise InvalidRequest."""
    lifecycle = (event.get("tf") or {}) if isinstance(event, Mapping) else None
    if not isinstance(lifecycle, Mapping):
        raise InvalidRequest('The event must be an object, and "tf" too: Terraform adds it.')
    before = _parameters((lifecycle.get("prev_input") or {}).get("controls") or {})
    wanted = _parameters(event.get("controls"))
    return ({}, {**before, **wanted}) if lifecycle.get("action") == "delete" else (wanted, before)


def _parameters(given: Any) -> dict[str, Parameters]:
    try:
        return {
            control: {name: dict(value) for name, value in each["parameters"].items()}
            for control, each in given.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidRequest('"controls" must be an object of controls, each with "parameters".') from error


def _set(hub: Any, control: str, parameters: Mapping[str, Any], reason: str | None) -> None:
    more = {"LastUpdateReason": reason} if reason else {}
    hub.update_security_control(SecurityControlId=control, Parameters=parameters, **more)


def waiting(hub: Any, call: Callable[[], None]) -> None:
    """Make a call; again, after a while, if the control is being updated."""
    for seconds in WAITS:
        try:
            return call()
        except hub.exceptions.ResourceInUseException:
            time.sleep(seconds)
    return call()


def unlike(hub: Any, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Read the controls back, again while Security Hub updates them. Return by control how it differs from what was
    written, or why it cannot be read.
    """
    for seconds in WAITS:
        found, updating = _differences(hub, wanted)
        if not found.keys() & updating:
            return found
        time.sleep(seconds)
    return _differences(hub, wanted)[0]


def _differences(hub: Any, wanted: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, str], set[str]]:
    found: dict[str, str] = {}
    updating: set[str] = set()
    names = list(wanted)
    for first in range(0, len(names), BATCH):
        answer = hub.batch_get_security_controls(SecurityControlIds=names[first : first + BATCH])
        for failed in answer["UnprocessedIds"]:
            found[failed["SecurityControlId"]] = f"{failed['ErrorCode']}: {failed.get('ErrorReason', '')}"
        for control in answer["SecurityControls"]:
            there, control_id = control.get("Parameters") or {}, control["SecurityControlId"]
            wrong = [name for name, value in wanted[control_id].items() if not _same(there.get(name), value)]
            if wrong:
                found[control_id] = f"read back otherwise than written: {', '.join(sorted(wrong))}"
            if control.get("UpdateStatus") == "UPDATING":
                updating.add(control_id)
    return found, updating


def _same(there: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """A parameter that is not returned has its default. The order of a list means nothing."""
    if there is None or there["ValueType"] != wanted["ValueType"]:
        return wanted["ValueType"] == "DEFAULT" and there is None
    return wanted["ValueType"] == "DEFAULT" or _plain(there["Value"]) == _plain(wanted["Value"])


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: sorted(each) if isinstance(each, list) else each for kind, each in value.items()}
