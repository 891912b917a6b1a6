"""What a device publishes: read from the rule's event, and written as an item of the table."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, DecimalException
from typing import Any

UP = "up"
"""Third level of a topic: `<root>/<thing>/up/<kind>`."""
TOO_DEEP = "The payload is nested too deeply."
LEVELS = 32
"""DynamoDB's limit (developer guide, "Constraints")."""


class NotARuleEvent(Exception):
    """The event is not what the rule's SQL selects. The message names the member."""


class Refused(Exception):
    """A message that is not stored. The text says why, without the message's content."""


@dataclass(frozen=True)
class Received:
    """One publish, as the rule passes it on. `at` is when AWS IoT received it, in milliseconds since 1970.

    `trace_id` is AWS IoT's, or made of the rest for a publish over HTTPS, which has none.
    https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-functions.html#iot-sql-function-traceid
    """

    topic: str
    payload: bytes
    trace_id: str
    at: int
    client_id: str


@dataclass(frozen=True)
class Message:
    """A stored message. `kind` is the topic's last part, such as `telemetry`."""

    thing: str
    kind: str
    message_id: str
    at: int
    payload: dict[str, Any]


def received(event: Mapping[str, Any]) -> Received:
    """Return the publish in an event of the rule. Raise NotARuleEvent."""
    try:
        topic, at = str(event["topic"]), int(event["receivedAt"])
        payload = base64.b64decode(event["payload"], validate=True)
    except KeyError as missing:
        raise NotARuleEvent(f"{missing.args[0]} is missing") from None
    except (TypeError, ValueError) as error:
        raise NotARuleEvent(str(error)) from None
    trace_id = str(event.get("traceId") or _digest(topic.encode(), payload, str(at).encode()))
    return Received(topic, payload, trace_id, at, str(event.get("clientId", "")))


def read(publish: Received, root: str, maximum_bytes: int) -> Message:
    """Return the message of a publish. Raise Refused."""
    thing, kind = _place(publish.topic, root)
    if len(publish.payload) > maximum_bytes:
        raise Refused(f"The payload has {len(publish.payload)} bytes; up to {maximum_bytes} are stored.")
    payload = _object(publish.payload)
    return Message(thing, kind, message_id(publish, payload), publish.at, payload)


def message_id(publish: Received, payload: Mapping[str, Any]) -> str:
    """Return an ID that all deliveries of one message share.

    Lambda's attempts share the trace ID of the publish. With QoS 1 a device can publish a message again when the
    acknowledgement was lost; that is a new publish with the same bytes, and the device's own `id` in it says that it is
    the same message. Equal readings without an `id` are different messages. The digest covers the whole payload: a
    device that starts to count again loses no reading.
    """
    if payload.get("id") in (None, ""):
        return publish.trace_id
    return _digest(publish.topic.encode(), publish.payload)


def item(message: Message, retention_days: int) -> dict[str, Any]:
    """Return DynamoDB's item. Raise Refused for numbers and texts that DynamoDB cannot hold.

    The time to live counts in seconds and from AWS IoT's clock: a device's own time is often the milliseconds since it
    started.
    """
    from boto3.dynamodb.types import TypeSerializer

    if _levels(message.payload) > LEVELS:
        raise Refused(TOO_DEEP)
    try:
        payload = TypeSerializer().serialize(message.payload)
        json.dumps(message.payload, default=str, ensure_ascii=False).encode()
    except DecimalException:
        raise Refused("A number has more than 38 digits, or is too large or too small for DynamoDB.") from None
    except UnicodeEncodeError:
        raise Refused("A text has half a character: a surrogate without its pair.") from None
    return {
        "thing": {"S": message.thing},
        "messageId": {"S": message.message_id},
        "receivedAt": {"S": iso(message.at)},
        "kind": {"S": message.kind},
        "payload": payload,
        "expiresAt": {"N": str(message.at // 1000 + retention_days * 86400)},
    }


def iso(at: int) -> str:
    """Return milliseconds since 1970 as a text that sorts by time."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def refusal(publish: Received, rule: str, table: str, reason: str) -> dict[str, Any]:
    """Return a refused publish in the format in which AWS IoT reports a failed action.

    https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
    """
    return {
        "ruleName": rule,
        "topic": publish.topic,
        "cloudwatchTraceId": publish.trace_id,
        "clientId": publish.client_id or "N/A",
        "base64OriginalPayload": base64.b64encode(publish.payload).decode(),
        "failures": [{"failedAction": "StoreMessage", "failedResource": table, "errorMessage": reason}],
    }


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def _levels(payload: dict[str, Any]) -> int:
    """Return how deeply objects and lists are nested; without recursion, since a device decides how deeply."""
    level: list[Any] = [payload]
    count = 0
    while level := [value for value in level if isinstance(value, dict | list)]:
        count += 1
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return count


def _place(topic: str, root: str) -> tuple[str, str]:
    """Return the thing and the kind that a topic names."""
    parts = topic.split("/", 3)
    if len(parts) != 4 or parts[0] != root or parts[2] != UP or not parts[1] or not parts[3]:
        raise Refused(f"The topic is not {root}/<thing>/{UP}/<kind>.")
    return parts[1], parts[3]


def _object(payload: bytes) -> dict[str, Any]:
    if not payload:
        raise Refused("The payload is empty.")
    try:
        value = json.loads(payload.decode(), parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Refused("The payload is not UTF-8.") from None
    except RecursionError:
        raise Refused(TOO_DEEP) from None
    except ValueError:
        raise Refused("The payload is not JSON.") from None
    if not isinstance(value, dict):
        raise Refused("The payload is not a JSON object.")
    return value


def _no_number(name: str) -> Any:
    raise Refused(f"{name} is not a JSON number.")
