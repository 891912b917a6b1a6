"""Commands: what is published, what is refused before anything is called, and what repeated requests do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from apps.iot_messaging import send
from apps.iot_messaging.things import Things
from common import http

from .conftest import CONTEXT, Client, failure

THING = "prod-sensor-1"
SETTINGS = send.Settings("prod", "prod-", "requests", 256, 86400)


def things(iot: Any = None, data: Any = None) -> Things:
    return Things(iot or Client(describe_thing={}), data or Client(publish={}), "prod", "prod-")


def post(body: Any, found: Things, query: Any = None, thing: str = THING, **headers: str) -> dict[str, Any]:
    event = {
        "httpMethod": "POST",
        "pathParameters": {"thing": thing},
        "queryStringParameters": query,
        "headers": headers,
        "body": body if isinstance(body, str) else json.dumps(body),
    }
    return send.respond(event, CONTEXT, SETTINGS, found)


def refused(body: Any, found: Things, query: Any = None, thing: str = THING, **headers: str) -> tuple[int, str]:
    with pytest.raises(http.HttpError) as error:
        post(body, found, query, thing, **headers)
    return error.value.status, error.value.reason


def test_a_command() -> None:
    data = Client(publish={})
    answer = post({"message": "Hello world!"}, things(data=data))
    assert answer == {
        "id": answer["id"],
        "thing": THING,
        "topic": "prod/prod-sensor-1/down/command",
        "retained": False,
        "expiresIn": 86400,
        "command": {"message": "Hello world!"},
    }
    ((_, published),) = data.calls
    assert json.loads(published.pop("payload")) == {"id": answer["id"], "command": {"message": "Hello world!"}}
    assert published == {"topic": answer["topic"], "qos": 1, "retain": False, "messageExpiry": 86400}


def test_two_commands_have_two_ids() -> None:
    found = things()
    assert post({"a": 1}, found)["id"] != post({"a": 1}, found)["id"]


def test_options() -> None:
    data = Client(publish={})
    post({"a": 1}, things(data=data), {"retain": "true", "expires_in": "60"})
    assert (data.calls[0][1]["retain"], data.calls[0][1]["messageExpiry"]) == (True, 60)


def test_a_known_thing_is_looked_up_once_in_five_minutes() -> None:
    now = [0.0]
    iot = Client(describe_thing={})
    found = Things(iot, Client(publish={}), "prod", "prod-", clock=lambda: now[0])
    for _ in range(3):
        post({"a": 1}, found)
    assert iot.called == ["describe_thing"]
    now[0] = 301
    post({"a": 1}, found)
    assert len(iot.calls) == 2


@pytest.mark.parametrize(
    ("body", "query", "reason"),
    [
        ("{", None, "bad_request"),
        ("[]", None, "bad_request"),
        ("", None, "empty"),
        ({}, None, "empty"),
        ({"a": 1}, {"retain": "yes"}, "bad_request"),
        ({"a": 1}, {"retian": "true"}, "bad_request"),
        ({"a": 1}, {"expires_in": "0"}, "bad_request"),
        ({"a": 1}, {"expires_in": "604801"}, "bad_request"),
        ({"a": 1}, {"expires_in": "-5"}, "bad_request"),
        ({"a": 1}, {"expires_in": "٣"}, "bad_request"),
        ('{"a": "\\ud83d"}', None, "bad_request"),
        ('{"a": NaN}', None, "bad_request"),
        ('{"a": [1e400]}', None, "bad_request"),
        ('{"a": ' + "9" * 5000 + "}", None, "bad_request"),
    ],
)
def test_bad_requests_call_nothing(body: Any, query: Any, reason: str) -> None:
    iot, data = Client(), Client()
    assert refused(body, things(iot, data), query) == (400, reason)
    assert (iot.calls, data.calls) == ([], [])


def test_a_key_that_is_no_key() -> None:
    assert refused({"a": 1}, things(), None, **{"Idempotency-Key": "short"}) == (400, "bad_request")


def test_a_command_must_fit_into_the_buffer() -> None:
    size = len(json.dumps({"id": "x" * 32, "command": {"m": ""}}, separators=(",", ":")))
    assert post({"m": "x" * (256 - size)}, things())["thing"] == THING
    assert refused({"m": "x" * (257 - size)}, things()) == (413, "too_large")
    assert refused({"m": "😀" * ((260 - size) // 4)}, things()) == (413, "too_large"), "bytes count, not characters"


@pytest.mark.parametrize("thing", ["", "a/b", "+", "#", "prod-sensor 1", "x" * 129, "other-sensor-1", "$aws"])
def test_things_that_cannot_exist_are_not_looked_up(thing: str) -> None:
    iot = Client()
    assert refused({"a": 1}, things(iot), thing=thing) == (404, "not_found")
    assert iot.calls == []


def test_a_thing_that_does_not_exist() -> None:
    data = Client()
    assert refused({"a": 1}, things(Client(describe_thing=failure("ResourceNotFoundException", 404)), data)) == (
        404,
        "not_found",
    )
    assert data.calls == []


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ThrottlingException", 429, (503, "unavailable")),
        ("InternalFailureException", 500, (503, "unavailable")),
        ("ForbiddenException", 403, (500, "failed")),
    ],
)
def test_failed_calls(code: str, status: int, expected: tuple[int, str]) -> None:
    assert refused({"a": 1}, things(data=Client(publish=failure(code, status)))) == expected
    assert refused({"a": 1}, things(Client(describe_thing=failure(code, status)))) == expected


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        post({"a": 1}, things(data=Client(publish=ZeroDivisionError())))


def test_the_retained_command_is_deleted() -> None:
    data = Client(publish={})
    event = {"httpMethod": "DELETE", "pathParameters": {"thing": THING}}
    assert send.respond(event, CONTEXT, SETTINGS, things(data=data)) == {"thing": THING, "cleared": True}
    assert data.calls[0][1] == {"topic": "prod/prod-sensor-1/down/command", "qos": 1, "retain": True, "payload": b""}


def test_the_answer_of_a_refusal(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(send, "_conf", lambda: SETTINGS)
    monkeypatch.setattr(send, "_things", lambda: things(data=Client(publish=failure("ThrottlingException"))))
    event = {"httpMethod": "POST", "pathParameters": {"thing": THING}, "body": '{"message": "private"}'}
    answer = send.handler(event, CONTEXT)
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")
    assert "secret" not in answer["body"]
    assert "private" not in str([vars(line) for line in caplog.records])


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The table of requests."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        client = session.client("dynamodb")
        client.create_table(
            TableName="requests",
            KeySchema=[{"AttributeName": "requestId", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "requestId", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        monkeypatch.setattr("common.clients.client", lambda *_, **__: client)
        yield client


def test_repeated_requests(requests: Any) -> None:
    data, key = Client(publish=[failure("ThrottlingException"), {}]), {"Idempotency-Key": "order-0001"}
    found = things(data=data)
    assert refused({"a": 1}, found, **key)[0] == 503, "a request that failed is forgotten"
    first = post({"a": 1}, found, **key)
    assert "repeated" not in first
    assert post({"a": 1}, found, **key) == {**first, "repeated": True}
    assert len(data.calls) == 2, "one command was published"
    assert refused({"a": 2}, found, **key) == (422, "key_reused")
    assert refused({"a": 1}, found, {"retain": "true"}, **key) == (422, "key_reused")
    other = post({"a": 2}, found, thing="prod-sensor-2", **key)
    assert other["id"] != first["id"], "another thing's request is another one"
    assert {json.loads(call["payload"])["id"] for _, call in data.calls[:2]} == {first["id"]}


def test_a_request_that_was_cut_off_runs_again_when_its_time_has_passed(requests: Any) -> None:
    """The device gets the same ID, and so carries the command out once."""
    key = {"Idempotency-Key": "order-0001"}
    first = post({"a": 1}, things(), **key)
    (item,) = requests.scan(TableName="requests")["Items"]
    running = {**item, "status": {"S": "INPROGRESS"}, "inProgressUntil": {"N": "99999999999999"}}
    running.pop("data")
    requests.put_item(TableName="requests", Item=running)
    assert refused({"a": 1}, things(), **key) == (409, "in_progress")
    requests.put_item(TableName="requests", Item={**running, "inProgressUntil": {"N": "1"}})
    assert post({"a": 1}, things(), **key)["id"] == first["id"]


def test_a_table_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Table(Client):
        @property
        def meta(self) -> Any:
            return boto3.client("dynamodb", region_name="eu-west-1").meta

    for code, expected in (("ThrottlingException", 503), ("AccessDeniedException", 500)):
        table = Table(put_item=failure(code))
        monkeypatch.setattr("common.clients.client", lambda *_, table=table, **__: table)
        data = Client(publish={})
        assert refused({"a": 1}, things(data=data), **{"Idempotency-Key": "order-0001"})[0] == expected
        assert data.calls == []
