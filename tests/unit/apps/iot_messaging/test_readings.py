"""What is stored of a publish, and what is refused."""

from __future__ import annotations

import base64
import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.iot_messaging import readings
from apps.iot_messaging.readings import NotARuleEvent, Received, Refused

AT = 1_764_358_200_123  # 2025-11-28T19:30:00.123Z
TOPIC = "prod/prod-sensor-1/up/telemetry"


def publish(payload: bytes | dict[str, Any], topic: str = TOPIC, trace_id: str = "trace-1") -> Received:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Received(topic, content, trace_id, AT, "prod-sensor-1")


def read(payload: bytes | dict[str, Any], topic: str = TOPIC, maximum: int = 8192) -> readings.Message:
    return readings.read(publish(payload, topic), "prod", maximum)


def item(payload: bytes | dict[str, Any]) -> dict[str, Any]:
    return readings.item(read(payload), 7)


def test_an_event_of_the_rule() -> None:
    event = {
        "payload": base64.b64encode(b'{"a": 1}').decode(),
        "topic": TOPIC,
        "clientId": "prod-sensor-1",
        "traceId": "trace-1",
        "receivedAt": AT,
    }
    assert readings.received(event) == publish({"a": 1})


def test_a_publish_over_https_has_no_trace_id() -> None:
    """Lambda's attempts get the same event, and so the same ID; another publish gets another one."""
    event = {"payload": "e30=", "topic": TOPIC, "clientId": "n/a", "receivedAt": AT}
    first = readings.received(event)
    assert first == readings.received(dict(event))
    assert first.trace_id != readings.received({**event, "receivedAt": AT + 1}).trace_id
    assert readings.message_id(first, {}) == first.trace_id


@pytest.mark.parametrize(
    "changed",
    [{"payload": None}, {"payload": "?"}, {"payload": 5}, {"receivedAt": "now"}, {"receivedAt": None}],
    ids=str,
)
def test_other_events_are_errors_and_go_to_the_dead_letters(changed: dict[str, Any]) -> None:
    event = {"payload": "e30=", "topic": TOPIC, "traceId": "t", "receivedAt": AT}
    with pytest.raises(NotARuleEvent):
        readings.received({**event, **changed})


def test_a_missing_member_is_named() -> None:
    with pytest.raises(NotARuleEvent, match="topic is missing"):
        readings.received({"payload": "e30="})


def test_the_specification_s_reading() -> None:
    """boto/boto3 665: 30.40 is no float; and the time to live counts in seconds, of a clock that knows the date."""
    made = item(b'{"time": 123456, "sensor_a0": 30.40}')
    assert made == {
        "thing": {"S": "prod-sensor-1"},
        "messageId": {"S": "trace-1"},
        "receivedAt": {"S": "2025-11-28T19:30:00.123Z"},
        "kind": {"S": "telemetry"},
        "payload": {"M": {"time": {"N": "123456"}, "sensor_a0": {"N": "30.40"}}},
        "expiresAt": {"N": str(1_764_358_200 + 7 * 86400)},
    }


def test_nested_numbers_are_decimals() -> None:
    found = read(b'{"a": [0.1, {"b": 2.5e-3}], "n": null, "t": true}').payload
    assert found == {"a": [Decimal("0.1"), {"b": Decimal("0.0025")}], "n": None, "t": True}


@pytest.mark.parametrize("kind", ["telemetry", "status", "result", "room/1/door"])
def test_kinds(kind: str) -> None:
    message = read({"a": 1}, f"prod/prod-sensor-1/up/{kind}")
    assert (message.thing, message.kind) == ("prod-sensor-1", kind)


REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "no JSON": (b"{", "not JSON"),
    "two values": (b"{} {}", "not JSON"),
    "not UTF-8": (b'{"a": "\xff\xfe"}', "not UTF-8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    "NaN": (b'{"a": NaN}', "NaN"),
    "Infinity": (b'{"a": [-Infinity]}', "-Infinity"),
    "a list": (b"[]", "object"),
    "a text": (b'"hello"', "object"),
    "a number": (b"30.4", "object"),
    "null": (b"null", "object"),
    "39 digits": (b'{"a": 123456789012345678901234567890123456789}', "38 digits"),
    "a long integer": (b'{"a": ' + b"9" * 5000 + b"}", "38 digits"),
    "too large": (b'{"a": 1e400}', "38 digits"),
    "too small": (b'{"a": 1e-400}', "38 digits"),
    "half an emoji": (b'{"a": "\\ud83d"}', "half a character"),
    "half an emoji as a name": (b'{"\\ud83d": 1}', "half a character"),
    "33 levels": (b'{"a":' * 33 + b"1" + b"}" * 33, "nested"),
    "33 levels of lists": (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "nested"),
    "10,000 levels": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested"),
    "9,000 bytes": (b'{"a": "' + b"x" * 8992 + b'"}', "9001 bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_payloads(name: str) -> None:
    payload, part = REFUSED[name]
    with pytest.raises(Refused) as refused:
        readings.item(readings.read(publish(payload), "prod", 9000 if "levels" not in name else 131072), 7)
    assert part in str(refused.value)
    assert "xxx" not in str(refused.value), "the reason does not repeat the message"


def test_32_levels_are_stored() -> None:
    assert item(b'{"a":' * 32 + b"1" + b"}" * 32)["kind"] == {"S": "telemetry"}


def test_the_largest_payload_is_stored() -> None:
    payload = b'{"a": "' + b"x" * 91 + b'"}'
    assert read(payload, maximum=len(payload)).payload == {"a": "x" * 91}
    with pytest.raises(Refused):
        read(payload, maximum=len(payload) - 1)


@pytest.mark.parametrize(
    "topic", ["prod/x", "other/x/up/telemetry", "prod/x/down/command", "prod//up/a", "prod/x/up/", ""]
)
def test_refused_topics(topic: str) -> None:
    with pytest.raises(Refused, match="topic"):
        read({"a": 1}, topic)


def message_id(payload: dict[str, Any], trace_id: str, topic: str = TOPIC) -> str:
    found = publish(payload, topic, trace_id)
    return readings.message_id(found, payload)


def test_lambda_s_attempts_are_one_message() -> None:
    assert message_id({"a": 1}, "t") == message_id({"a": 1}, "t") == "t"


def test_equal_readings_are_two_messages() -> None:
    assert message_id({"a": 1}, "t1") != message_id({"a": 1}, "t2")


def test_a_message_that_a_device_sends_again_is_one() -> None:
    assert message_id({"id": "7", "a": 1}, "t1") == message_id({"id": "7", "a": 1}, "t2")


def test_a_device_that_counts_from_the_start_loses_nothing() -> None:
    assert message_id({"id": 1, "a": 1}, "t1") != message_id({"id": 1, "a": 2}, "t2")
    assert message_id({"id": 1}, "t1") != message_id({"id": 1}, "t2", "prod/prod-sensor-2/up/telemetry")
    assert message_id({"id": 1}, "t1") != message_id({"id": 1}, "t2", "prod/prod-sensor-1/up/status")


def test_an_empty_id_is_none() -> None:
    assert message_id({"id": ""}, "t1") == "t1"
    assert message_id({"id": None}, "t1") == "t1"
    assert message_id({"id": 0}, "t1") != "t1"


def test_a_refusal_has_aws_s_format() -> None:
    assert readings.refusal(publish(b"\xff"), "prod_iot_messaging", "prod-iot-messaging", "why") == {
        "ruleName": "prod_iot_messaging",
        "topic": TOPIC,
        "cloudwatchTraceId": "trace-1",
        "clientId": "prod-sensor-1",
        "base64OriginalPayload": "/w==",
        "failures": [{"failedAction": "StoreMessage", "failedResource": "prod-iot-messaging", "errorMessage": "why"}],
    }


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_json_survives(payload: dict[str, Any]) -> None:
    assert TypeDeserializer().deserialize(item(payload)["payload"]) == payload


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_stored_or_refused(payload: bytes) -> None:
    with contextlib.suppress(Refused):
        readings.item(readings.read(publish(payload), "prod", 8192), 7)


def test_times_sort() -> None:
    times = [0, 999, 1000, AT, AT + 1, AT + 877]
    assert sorted(map(readings.iso, times)) == [readings.iso(at) for at in times]
