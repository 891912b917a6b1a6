"""Rotate one key on demand for an operator, after checking every reason against the rotation.

Event:  {"key_id": ID or ARN, "reason": text, "dry_run": false, "use_reserve": false, "accept_cost": false}
Answer: {"outcome": "rotated" | "would_rotate" | "refused", "reason", "message", "key_arn", "on_demand_used",
         "on_demand_remaining", "adds_monthly", "notified"}

A key has few on-demand rotations, and they never refill, so the function must not rotate twice: if the response of
RotateKeyOnDemand is lost, it checks whether the key rotates before it sends the call again. The rotation schedule
does not change.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from common import aws_errors, clients, observability, settings

from . import cost, inventory, keys
from .errors import InvalidRequest, RotationUncertain, UnknownKey

DECIDED = "on-demand rotation decided"
TRIES = 4
FLAGS = ("dry_run", "use_reserve", "accept_cost")

Client = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The environment. ON_DEMAND_RESERVE rotations are kept for emergencies. PRICE is the monthly price of a key."""

    topic_arn: str
    mode: str = "require"
    on_demand_quota: int = 25
    on_demand_reserve: int = 2
    minimum_hours_between: float = 24.0
    price: float = 1.0


@dataclasses.dataclass(frozen=True)
class Request:
    """The operator's request."""

    key_id: str
    reason: str
    dry_run: bool = False
    use_reserve: bool = False
    accept_cost: bool = False


class Refused(Exception):
    """The rotation is refused. The arguments are a code and a sentence."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handle one request. Raise InvalidRequest, UnknownKey, RotationUncertain or SettingsError."""
    log = observability.begin(context)
    request = parse(event)
    answer = run(request, settings.load(Settings), clients.client, datetime.now(UTC), time.sleep)
    log.info(DECIDED, extra={"outcome": answer["outcome"], "cause": answer["reason"], "key_arn": answer["key_arn"]})
    observability.count("KmsOnDemandRotations", int(answer["outcome"] == "rotated"))
    return answer


def parse(event: Any) -> Request:
    """Return the request in an event. Raise InvalidRequest if the event is not valid."""
    if not isinstance(event, Mapping):
        raise InvalidRequest('The event must be an object such as {"key_id": "…", "reason": "ticket 123"}.')
    unknown = set(event) - {field.name for field in dataclasses.fields(Request)}
    if unknown:
        raise InvalidRequest(f"The event has unknown members: {', '.join(sorted(map(str, unknown)))}.")
    for name in ("key_id", "reason"):
        if not isinstance(event.get(name), str) or not event[name].strip():
            raise InvalidRequest(f"{name} must be a non-empty string.")
    if "alias/" in event["key_id"]:
        raise InvalidRequest("key_id must be a key's ID or ARN: an alias can point to another key later.")
    for name in FLAGS:
        if not isinstance(event.get(name, False), bool):
            raise InvalidRequest(f"{name} must be true or false.")
    return Request(**event)


def run(
    request: Request, config: Settings, client: Client, now: datetime, sleep: Callable[[float], None]
) -> dict[str, Any]:
    """Check the key, rotate it unless refused or a dry run, publish the outcome to the topic, and return it."""
    kms = client("kms")
    try:
        metadata = kms.describe_key(KeyId=request.key_id)["KeyMetadata"]
    except (kms.exceptions.NotFoundException, kms.exceptions.InvalidArnException):
        raise UnknownKey(f"There is no key {request.key_id} in this account and Region.") from None
    answer: dict[str, Any] = {
        "outcome": "refused",
        "reason": "",
        "message": "",
        "key_arn": metadata["Arn"],
        "on_demand_used": None,
        "on_demand_remaining": None,
        "adds_monthly": None,
    }
    try:
        check_key(metadata)
        status = kms.get_key_rotation_status(KeyId=metadata["Arn"])
        done = list(inventory.rotations(kms, metadata["Arn"]))
        used = _on_demand(done)
        answer.update(
            on_demand_used=used,
            on_demand_remaining=max(0, config.on_demand_quota - used),
            adds_monthly=cost.of_next_rotation(len(done), config.price),
        )
        check_history(request, config, status, done, now)
        if request.dry_run:
            answer.update(outcome="would_rotate", reason="dry_run", message="The key can be rotated.")
        else:
            rotate(client("kms", 1), kms, metadata["Arn"], used, sleep)
            answer.update(outcome="rotated", reason="requested", message=request.reason)
            answer.update(on_demand_used=used + 1, on_demand_remaining=max(0, config.on_demand_quota - used - 1))
    except Refused as refusal:
        answer["reason"], answer["message"] = refusal.args
    answer["notified"] = _publish(client("sns"), config.topic_arn, answer, request.reason)
    return answer


def _publish(sns: Any, topic_arn: str, answer: Mapping[str, Any], asked_because: str) -> bool:
    """Publish the outcome. Return False, with a log entry, if AWS refuses it: the rotation stands without the notice,
    and an error in place of the answer would make the operator ask for another one.
    """
    try:
        sns.publish(
            TopicArn=topic_arn,
            Subject=f"KMS on-demand rotation: {answer['outcome']}",
            Message=json.dumps({**answer, "asked_because": asked_because}, indent=2),
        )
    except Exception as error:
        if aws_errors.read(error) is None:
            raise
        observability.logger().error("outcome not published", extra={"error": aws_errors.name(error)})
        return False
    return True


def check_key(metadata: Mapping[str, Any]) -> None:
    """Raise Refused for keys that KMS would not rotate on demand."""
    kind, state = keys.kind(metadata), metadata["KeyState"]
    if kind != "symmetric":
        raise Refused(kind, keys.KINDS[kind])
    if keys.multi_region(metadata) == "REPLICA":
        raise Refused("replica", f"A replica rotates with its primary key: rotate {keys.primary_arn(metadata)}.")
    if state != "Enabled":
        raise Refused("state", f"The key is {state}. {keys.STATES.get(state, '')}".strip())


def check_history(
    request: Request, config: Settings, status: Mapping[str, Any], done: list[dict[str, Any]], now: datetime
) -> None:
    """Raise Refused if a rotation is in progress or recent, if too few are left, or if its cost is not accepted."""
    if status.get("OnDemandRotationStartDate"):
        raise Refused("in_progress", f"A rotation has been in progress since {status['OnDemandRotationStartDate']}.")
    used = _on_demand(done)
    remaining = config.on_demand_quota - used
    if remaining <= 0:
        raise Refused(
            "quota", f"All {config.on_demand_quota} on-demand rotations of the key are used; create a new key instead."
        )
    if remaining <= config.on_demand_reserve and not request.use_reserve:
        raise Refused(
            "reserve", f"The last {remaining} on-demand rotations are for emergencies; set use_reserve to use one."
        )
    dates = [r["RotationDate"] for r in done if r.get("RotationType") == "ON_DEMAND"]
    wait = timedelta(hours=config.minimum_hours_between)
    if dates and now - max(dates) < wait and not request.use_reserve:
        raise Refused("too_soon", f"The key was rotated on demand at {max(dates)}; wait {wait}, or set use_reserve.")
    adds = cost.of_next_rotation(len(done), config.price)
    if config.mode == "limit" and adds > 0 and not request.accept_cost:
        raise Refused("cost", f"The policy limits rotation, and this one adds {adds:g} a month; set accept_cost.")


def rotate(once: Any, kms: Any, arn: str, used: int, sleep: Callable[[float], None]) -> None:
    """Rotate the key exactly once. `once` is a client without retries. Raise Refused or RotationUncertain."""
    cause = ""
    for attempt in range(TRIES):
        if attempt:
            sleep(2.0**attempt)
            if _began(kms, arn, used):  # the response was lost, but KMS rotates the key
                return
        try:
            once.rotate_key_on_demand(KeyId=arn)
        except Exception as error:
            failure = aws_errors.read(error)
            if failure is None:
                raise
            if failure.code == "LimitExceededException":  # in KMS this is a quota that never refills
                raise Refused("quota", "KMS reports that all on-demand rotations of the key are used.") from error
            if failure.code == "ConflictException":
                if attempt:
                    return
                raise Refused("in_progress", "Another principal has just started a rotation.") from error
            if not failure.transient:
                raise
            cause = failure.code
        else:
            return
    sleep(2.0)
    if not _began(kms, arn, used):
        raise RotationUncertain(
            f"KMS answered {TRIES} times with {cause} and shows no new rotation of {arn}; check it in some minutes."
        )


def _began(kms: Any, arn: str, used: int) -> bool:
    if kms.get_key_rotation_status(KeyId=arn).get("OnDemandRotationStartDate"):
        return True
    return _on_demand(list(inventory.rotations(kms, arn))) > used


def _on_demand(done: list[dict[str, Any]]) -> int:
    return sum(r.get("RotationType") == "ON_DEMAND" for r in done)
