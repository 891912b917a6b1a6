"""Pages of a thing's messages."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from apps.iot_messaging import history
from common import http

from .conftest import CONTEXT, Client, failure

ITEM: dict[str, Any] = {
    "thing": {"S": "prod-sensor-1"},
    "messageId": {"S": "m1"},
    "receivedAt": {"S": "2026-11-28T19:30:00.000Z"},
    "kind": {"S": "telemetry"},
    "payload": {"M": {"sensor_a0": {"N": "30.40"}}},
    "expiresAt": {"N": "9"},
}
LAST = {name: ITEM[name] for name in history.KEYS}


def get(dynamodb: Client, thing: str = "prod-sensor-1", **query: str) -> dict[str, Any]:
    event = {"pathParameters": {"thing": thing}, "queryStringParameters": query or None}
    return history.respond(event, "messages", dynamodb, 1000.5)


def test_a_page_takes_one_call() -> None:
    dynamodb = Client(query={"Items": [ITEM]})
    page = get(dynamodb)
    assert page["next"] is None
    assert page["messages"] == [
        {
            "id": "m1",
            "receivedAt": ITEM["receivedAt"]["S"],
            "kind": "telemetry",
            "payload": page["messages"][0]["payload"],
        }
    ]
    assert float(page["messages"][0]["payload"]["sensor_a0"]) == 30.4
    ((_, asked),) = dynamodb.calls
    assert (asked["IndexName"], asked["ScanIndexForward"], asked["Limit"]) == ("by-time", False, 25)
    assert asked["ExpressionAttributeValues"] == {":thing": {"S": "prod-sensor-1"}, ":now": {"N": "1000"}}
    assert "ExclusiveStartKey" not in asked


def test_the_next_page() -> None:
    dynamodb = Client(query=[{"Items": [ITEM], "LastEvaluatedKey": LAST}, {"Items": []}])
    token = get(dynamodb, limit="1")["next"]
    assert get(dynamodb, next=token) == {"messages": [], "next": None}
    assert dynamodb.calls[1][1]["ExclusiveStartKey"] == LAST


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"limit": "-1"}, {"limit": "²"}, {"limit": "9" * 5000}]
)
def test_bad_limits(query: dict[str, str]) -> None:
    with pytest.raises(http.HttpError) as error:
        get(Client(), **query)
    assert error.value.status == 400


HALF = base64.urlsafe_b64encode(b'["prod-sensor-1", "\\ud83d", "x"]').decode()


@pytest.mark.parametrize("token", [HALF, "", "x", "WyJhIl0=", "e30=", "bnVsbA==", "W1tdLCJhIiwiYiJd", "é"])
def test_bad_tokens(token: str) -> None:
    with pytest.raises(http.HttpError) as error:
        get(Client(), next=token)
    assert error.value.status == 400


def test_a_token_of_another_thing() -> None:
    token = get(Client(query={"Items": [], "LastEvaluatedKey": LAST}))["next"]
    with pytest.raises(http.HttpError) as error:
        get(Client(), "prod-sensor-2", next=token)
    assert error.value.status == 400


def test_a_token_that_dynamodb_refuses() -> None:
    token = get(Client(query={"Items": [], "LastEvaluatedKey": LAST}))["next"]
    with pytest.raises(http.HttpError) as error:
        get(Client(query=failure("ValidationException")), next=token)
    assert error.value.status == 400


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 503), ("AccessDeniedException", 500)])
def test_failed_calls(monkeypatch: pytest.MonkeyPatch, code: str, status: int) -> None:
    monkeypatch.setattr(history, "_conf", lambda: history.Settings("messages"))
    monkeypatch.setattr("common.clients.client", lambda *_, **__: Client(query=failure(code)))
    answer = history.handler({"pathParameters": {"thing": "prod-sensor-1"}}, CONTEXT)
    assert answer["statusCode"] == status
    assert ("Retry-After" in answer["headers"]) == (status == 503)
    assert "secret" not in answer["body"]


def test_a_name_that_no_thing_has() -> None:
    with pytest.raises(http.HttpError) as error:
        get(Client(), "a/b")
    assert error.value.status == 404
