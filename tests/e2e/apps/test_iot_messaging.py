"""iot_messaging without one permission at a time: of its functions, of its rule, and of its devices."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import REGION, patience
from scenarios.apps import iot_messaging as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("apps/iot_messaging")

DEVICE_POLICY = "switchyard-iot-messaging-device"
MINE = subject.thing("sensor-2")
UP = f"switchyard/{MINE}/up"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("iot_messaging")
    return found


def role(name: str) -> str:
    return f"switchyard-iot-messaging-{name}-function-{REGION}"


def store(stack: scenario.Stack, payload: bytes) -> dict[str, Any]:
    """Return the answer of the rule's function to a publish."""
    event = {
        "payload": base64.b64encode(payload).decode(),
        "topic": f"{UP}/telemetry",
        "clientId": MINE,
        "traceId": uuid.uuid4().hex,
        "receivedAt": int(time.time() * 1000),
    }
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"]["store"], Payload=json.dumps(event)
    )
    made: dict[str, Any] = json.load(answer["Payload"])
    return made


def test_storing_needs_each_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, role("store")) == ["StoreMessages", "KeepRefusedMessages"]
    with without(cloud, role("store"), "StoreMessages"):
        assert "not authorized" in store(stack, b'{"a": 1}').get("errorMessage", "")
        assert store(stack, b"{") == {"outcome": "refused"}
    with without(cloud, role("store"), "KeepRefusedMessages"):
        assert "errorMessage" in store(stack, b"{")
        assert store(stack, b'{"a": 1}') == {"outcome": "stored"}
    subject.refused(stack)


@contextlib.contextmanager
def without_permission(stack: scenario.Stack) -> Iterator[None]:
    """The rule may not call its function for the length of a `with` block."""
    functions, name = stack.client("lambda"), stack.outputs["function_names"]["store"]
    (statement,) = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    try:
        yield
    finally:
        condition = statement["Condition"]
        functions.add_permission(
            FunctionName=name,
            StatementId=statement["Sid"],
            Action=statement["Action"],
            Principal=statement["Principal"]["Service"],
            SourceArn=next(iter(condition["ArnLike"].values())),
            SourceAccount=next(iter(condition["StringEquals"].values())),
        )


def test_a_message_that_the_rule_cannot_deliver_is_reported(cloud: Cloud, stack: scenario.Stack) -> None:
    """aws/aws-cdk 16339 and 12772: rule and function exist, no message arrives, and nothing reports it."""
    rule_role = f"switchyard-iot-messaging-rule-{REGION}"
    assert sids(cloud, rule_role) == ["KeepUndeliveredMessages", "EncryptUndeliveredMessages"]
    subject.refused(stack)
    publish = stack.client("iot-data").publish
    with without_permission(stack):
        publish(topic=f"{UP}/telemetry", payload=b'{"a": 1}')
        (report,) = wait_until("the report", lambda: subject.refused(stack))
        assert report["failures"][0]["failedAction"] == "LambdaAction"
        assert base64.b64decode(report["base64OriginalPayload"]) == b'{"a": 1}'
        for sid in sids(cloud, rule_role):
            with without(cloud, rule_role, sid):
                publish(topic=f"{UP}/telemetry", payload=b"{}")  # the local engine has run the rule when it answers
                assert subject.refused(stack) == [], sid


def test_commands_need_each_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, role("send")) == ["PublishCommands", "FindThings", "RememberRequests", "RetainCommands"]
    command = {"message": "hello"}
    with without(cloud, role("send"), "FindThings"):
        # A thing that the scenario sends no command to: a process of the function remembers those it has found.
        assert subject.send(stack, "sensor-2", command)[0] == 500
    with without(cloud, role("send"), "PublishCommands"):
        assert subject.send(stack, "sensor-2", command)[0] == 500
    for sid in ("PublishCommands", "RetainCommands"):
        with without(cloud, role("send"), sid):
            assert subject.call(stack, "DELETE", f"/things/{MINE}/commands")[0] == 500, sid
    with without(cloud, role("send"), "RememberRequests"):
        assert subject.send(stack, "sensor-2", command, key=uuid.uuid4().hex)[0] == 500
        assert subject.send(stack, "sensor-2", command)[0] == 200, "a request without a key remembers nothing"
    assert subject.send(stack, "sensor-2", command, key=uuid.uuid4().hex)[0] == 200


def test_reading_needs_its_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, role("history")) == ["ReadMessages"]
    with without(cloud, role("history"), "ReadMessages"):
        assert subject.read(stack, "sensor-2")[0] == 500
    assert subject.read(stack, "sensor-2")[0] == 200


def test_only_the_keys_of_the_usage_plan_read(stack: scenario.Stack) -> None:
    gateway, forbidden = stack.client("apigateway"), (403, {"message": "Forbidden"})
    other = gateway.create_api_key(name=f"other-{stack.token}", enabled=True)
    assert [subject.read(stack, "sensor-2", key=key) for key in ("", "x" * 40, other["value"])] == [forbidden] * 3
    assert subject.call(stack, "GET", f"/things/{MINE}/messages") == forbidden, "a signature is no key"
    (key,) = gateway.get_api_keys(nameQuery=subject.KEY, includeValues=True)["items"]
    commands, headers = f"/things/{MINE}/commands", {"x-api-key": key["value"]}
    assert subject.call(stack, "POST", commands, {"a": 1}, headers, sign=False)[0] == 403, "a key sends no command"

    def enable(value: str) -> None:
        gateway.update_api_key(
            apiKey=key["id"], patchOperations=[{"op": "replace", "path": "/enabled", "value": value}]
        )

    enable("false")
    assert subject.read(stack, "sensor-2") == forbidden
    enable("true")
    assert subject.read(stack, "sensor-2")[0] == 200
    gateway.delete_api_key(apiKey=other["id"])


def test_a_key_has_a_limit(stack: scenario.Stack) -> None:
    gateway = stack.client("apigateway")
    (plan,) = [one for one in gateway.get_usage_plans()["items"] if one["name"] == "switchyard-iot-messaging"]

    def limit(rate: float, burst: int) -> None:
        limits = {"rateLimit": str(rate), "burstLimit": str(burst)}
        changes = [{"op": "replace", "path": f"/throttle/{name}", "value": value} for name, value in limits.items()]
        gateway.update_usage_plan(usagePlanId=plan["id"], patchOperations=changes)

    limit(0.001, 2)  # one more in a quarter of an hour
    answers = [subject.read(stack, "sensor-2") for _ in range(3)]
    limit(plan["throttle"]["rateLimit"], plan["throttle"]["burstLimit"])
    assert [status for status, _ in answers] == [200, 200, 429]
    assert answers[2][1] == {"message": "Too Many Requests"}
    wait_until("the limit as it was", lambda: subject.read(stack, "sensor-2")[0] == 200)


def test_webhooks_need_each_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, role("webhook")) == ["PublishCommands", "FindThings", "RememberRequests", "ReadSecret"]
    secret = stack.client("secretsmanager").get_secret_value(SecretId=subject.SECRET)["SecretString"]

    def deliver() -> int:
        body = subject.push("hello")
        return subject.deliver(stack, body, subject.sign(secret, body))[0]

    def forged() -> int:
        return subject.deliver(stack, b"{}", subject.sign("guess", b"{}"))[0]

    wait_until("the secret of the last rotation", lambda: deliver() == 200)
    for sid in ("PublishCommands", "RememberRequests"):
        with without(cloud, role("webhook"), sid):
            assert deliver() == 500, sid
    with without(cloud, role("webhook"), "FindThings"):
        body = subject.push("hello")
        path = f"/things/{subject.thing('sensor-2')}/webhook"  # not known to the function yet
        assert subject.call(stack, "POST", path, body, subject.sign(secret, body), sign=False)[0] == 500
    with without(cloud, role("webhook"), "ReadSecret"):
        wait_until("another look at the secret", lambda: forged() == 500)
    assert forged() == 401
    assert deliver() == 200


@contextlib.contextmanager
def without_statement(stack: scenario.Stack, sid: str) -> Iterator[None]:
    """The devices' policy lacks a statement for the length of a `with` block."""
    iot = stack.client("iot")
    before = iot.get_policy(policyName=DEVICE_POLICY)
    document = json.loads(before["policyDocument"])
    document["Statement"] = [statement for statement in document["Statement"] if statement["Sid"] != sid]
    made = iot.create_policy_version(policyName=DEVICE_POLICY, policyDocument=json.dumps(document), setAsDefault=True)[
        "policyVersionId"
    ]
    try:
        yield
    finally:
        iot.set_default_policy_version(policyName=DEVICE_POLICY, policyVersionId=before["defaultVersionId"])
        iot.delete_policy_version(policyName=DEVICE_POLICY, policyVersionId=made)


def outcomes(stack: scenario.Stack) -> dict[str, str]:
    """Return what comes of each thing that a device may do, by the statement that allows it."""
    pem = stack.outputs["certificates"]["sensor-2/2026"]["pem"]
    command, got = f"switchyard/{MINE}/down/command", list[bytes]()

    def attempt(act: Any = subject.nothing, **more: Any) -> str:
        return subject.attempt(stack, pem, subject.KEYS["sensor-2"], MINE, act, **more)

    def receive(client: Any) -> None:
        """Subscribe, and get a command; its place is before the acknowledgement of what is published after it."""
        ended = threading.Event()

        def subscribed(*_: Any) -> None:
            stack.client("iot-data").publish(topic=command, qos=1, payload=b"x")
            client.publish(f"{UP}/telemetry", b"{}", qos=1)

        client.on_message = lambda _client, _data, message: got.append(message.payload)
        client.on_subscribe = subscribed
        client.on_publish = client.on_disconnect = lambda *_: ended.set()
        client.subscribe(command, qos=1)
        assert ended.wait(60 * patience())

    return {
        "ConnectAsOwnThing": attempt(will=f"{UP}/status", persist=True),
        "PublishOwnMessages": attempt(lambda client: client.publish(f"{UP}/telemetry", b"{}", qos=1)),
        "RetainOwnStatus": attempt(lambda client: client.publish(f"{UP}/status", b"{}", qos=1, retain=True)),
        "SubscribeToOwnCommands": attempt(lambda client: client.subscribe(command, qos=1)),
        "ReceiveOwnCommands": attempt(receive) and ("received" if got else "nothing"),
    }


def test_devices_need_each_statement_of_their_policy(stack: scenario.Stack) -> None:
    whole = {
        "ConnectAsOwnThing": "connected",
        "PublishOwnMessages": "done",
        "RetainOwnStatus": "done",
        "SubscribeToOwnCommands": "done",
        "ReceiveOwnCommands": "received",
    }
    assert outcomes(stack) == whole
    for sid in ("RetainOwnStatus", "SubscribeToOwnCommands", "ReceiveOwnCommands"):
        with without_statement(stack, sid):
            found = outcomes(stack)
        assert found[sid] in ("closed", "nothing"), (sid, found)
        unaffected = set(whole) - {sid} - ({"ReceiveOwnCommands"} if sid == "SubscribeToOwnCommands" else set())
        assert {name: found[name] for name in unaffected} == {name: whole[name] for name in unaffected}
    with without_statement(stack, "PublishOwnMessages"):
        pem = stack.outputs["certificates"]["sensor-2/2026"]["pem"]
        publish = lambda client: client.publish(f"{UP}/telemetry", b"{}", qos=1)  # noqa: E731
        assert subject.attempt(stack, pem, subject.KEYS["sensor-2"], MINE, publish) == "closed"
    with without_statement(stack, "ConnectAsOwnThing"):
        pem = stack.outputs["certificates"]["sensor-2/2026"]["pem"]
        assert subject.attempt(stack, pem, subject.KEYS["sensor-2"], MINE) == "refused"
