"""The sample service against its file: requests by schemathesis, ETags, keys, lost answers, throttling."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import schemathesis
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from moto import mock_aws
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    missing_required_header,
    positive_data_acceptance,
    unsupported_method,
)
from werkzeug import Request as WebRequest
from werkzeug import Response as WebResponse

from apps.openapi_service import document, store, widgets
from apps.openapi_service.contract import Contract
from common import clients
from tests.unit.apps.openapi_service.conftest import FILE

SOURCE = document.read(FILE.read_text())
KEY = "0123456789abcdef"
JSON = {"Content-Type": "application/json"}


class Context:
    """What Lambda gives a handler."""

    aws_request_id = "request"


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        client = session.client("dynamodb")
        client.create_table(
            TableName="widgets",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "partition", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "partition", "AttributeType": "S"},
                {"AttributeName": "id", "AttributeType": "S"},
            ],
        )
        yield client


@pytest.fixture(autouse=True)
def service(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's environment, its file, and its client."""
    for name, value in {"TABLE": "widgets", "BUCKET": "b"}.items():
        monkeypatch.setenv(name, value)
    contract = Contract(SOURCE)
    monkeypatch.setattr(widgets, "_contract", lambda _key: contract)
    monkeypatch.setattr(clients, "client", lambda *_, **__: dynamodb)


def event(method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any) -> Any:
    """Return the event that API Gateway makes of a request."""
    parts = path.strip("/").split("/")
    resource = "/widgets/{id}" if len(parts) == 2 else path
    return {
        "httpMethod": method,
        "resource": resource,
        "pathParameters": {"id": parts[1]} if len(parts) == 2 else None,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "stageVariables": {"document": "documents/1"},
        "requestContext": {"identity": {"userArn": "arn:aws:iam::111122223333:user/a"}},
        **more,
    }


def send(*arguments: Any, **more: Any) -> tuple[int, Any, dict[str, str]]:
    answer = widgets.handler(event(*arguments, **more), Context())
    return answer["statusCode"], json.loads(answer["body"] or "null"), answer["headers"]


def create(name: str, key: str = KEY) -> tuple[int, Any, dict[str, str]]:
    return send("POST", "/widgets", {"name": name}, {"Idempotency-Key": key})


def application(environ: Any, start: Any) -> Any:
    """Answer requests as API Gateway and the function do."""
    request = WebRequest(environ)
    path = request.path.removeprefix("/v1")
    text = request.get_data().decode(errors="replace")
    given = event(
        request.method,
        path,
        text or None,
        dict(request.headers.items()),
        queryStringParameters={name: values[-1] for name, values in request.args.lists()} or None,
        multiValueQueryStringParameters=dict(request.args.lists()) or None,
    )
    given["headers"] = dict(request.headers.items())
    if path != "/ping" and "Authorization" not in given["headers"]:  # as API Gateway does
        return WebResponse('{"message": "Missing Authentication Token"}', 403, JSON)(environ, start)
    answer = widgets.handler(given, Context())
    return WebResponse(answer["body"], answer["statusCode"], answer["headers"])(environ, start)


schema = schemathesis.openapi.from_dict(SOURCE)
schema.app = application


@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
def test_every_answer_is_one_that_the_file_describes(case: Any) -> None:
    response = case.call()
    assert response.status_code < 500, response.text
    # Signatures and methods are API Gateway's to check: it says 403, where these checks want 401 and 405. A key that is
    # used and a state that is old are refused whatever the data are.
    gateways = [ignored_auth, missing_required_header, unsupported_method]
    state = [positive_data_acceptance] if response.status_code in (412, 422) else []
    case.validate_response(response, excluded_checks=[*gateways, *state])


def test_a_repeated_key_gets_the_first_answer_and_fits_no_other_body() -> None:
    status, made, headers = create("one", "a" * 16)
    assert (status, headers["ETag"], headers["Location"]) == (201, '"1"', f"widgets/{made['id']}")
    assert create("one", "a" * 16)[1] == made
    send("DELETE", f"/widgets/{made['id']}", None, {"If-Match": '"1"'})
    assert create("one", "a" * 16)[1] == made  # also when it is gone: a late repeat does not make it again
    assert send("GET", f"/widgets/{made['id']}")[0] == 404
    status, refused, _ = create("two", "a" * 16)
    assert (status, refused["reason"]) == (422, "key_reused")


def test_a_key_is_its_callers_own(dynamodb: Any) -> None:
    kept = store.Store(dynamodb, "widgets")
    first, second = (kept.create(caller, KEY + "own", {"name": "x"}) for caller in ("a", "b"))
    assert first.shown["id"] != second.shown["id"]


def test_a_key_is_forgotten_after_a_day_even_if_it_is_still_in_the_table(dynamodb: Any) -> None:
    now = [1_000_000.0]
    kept = store.Store(dynamodb, "widgets", clock=lambda: now[0])
    first = kept.create("a", KEY + "day", {"name": "x"})
    now[0] += store.KEY_SECONDS + 1
    assert kept.create("a", KEY + "day", {"name": "x"}).shown["id"] != first.shown["id"]


def test_states() -> None:
    path = f"/widgets/{create('states', 'b' * 16)[1]['id']}"
    assert send("GET", path, headers={"If-None-Match": 'W/"1"'})[0] == 304
    assert send("GET", path, headers={"If-None-Match": '"0", "1"'})[0] == 304
    assert send("GET", path, headers={"If-None-Match": '"2"'})[0] == 200
    assert send("PUT", path, {"name": "n"}, {"If-Match": 'W/"1"'})[0] == 412  # a weak one never matches
    assert send("PUT", path, {"name": "n"})[0] == 400
    status, shown, headers = send("PUT", path, {"name": "n"}, {"If-Match": "*"})
    assert (status, shown["name"], headers["ETag"]) == (200, "n", '"2"')
    assert send("DELETE", path, None, {"If-Match": '"1"'})[0] == 412
    assert send("DELETE", path, None, {"If-Match": '"2"'})[0] == 204
    assert send("DELETE", path, None, {"If-Match": '"2"'})[0] == 404


class Twice:
    """A client whose write is carried out and then repeated, as an SDK does that has lost the answer."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._dynamodb, name)
        if name not in ("put_item", "delete_item"):
            return call

        def again(**arguments: Any) -> Any:
            call(**arguments)
            try:
                return call(**arguments)
            except ClientError as error:
                error.response["ResponseMetadata"]["RetryAttempts"] = 1
                raise

        return again


def test_a_write_whose_answer_was_lost_is_no_conflict(dynamodb: Any) -> None:
    made = store.Store(dynamodb, "widgets").create("a", KEY + "lost", {"name": "x"})
    twice = store.Store(Twice(dynamodb), "widgets")
    replaced = twice.replace(made.shown["id"], made.etag, {"name": "y"})
    assert (replaced.etag, replaced.shown["name"]) == ('"2"', "y")
    twice.delete(made.shown["id"], replaced.etag)


class Failing:
    """A client whose calls fail."""

    def __init__(self, dynamodb: Any, code: str) -> None:
        self.exceptions, self._code = dynamodb.exceptions, code

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(**_: Any) -> Any:
            status = {"HTTPStatusCode": 500 if self._code.startswith("Internal") else 400}
            error = {"Code": self._code, "Message": "secret"}
            response: Any = {"Error": error, "CancellationReasons": [{}, {}], "ResponseMetadata": status}
            kind = getattr(self.exceptions, self._code, ClientError)
            raise kind(response, name)

        return fail


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError", "TransactionCanceledException"])
def test_what_can_be_tried_again_is_503(dynamodb: Any, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(clients, "client", lambda *_, **__: Failing(dynamodb, code))
    status, answer, headers = create("x")
    assert (status, answer["reason"], headers["Retry-After"]) == (503, "unavailable", "1")
    assert "secret" not in json.dumps(answer)


def test_other_errors_are_the_functions(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "client", lambda *_, **__: Failing(dynamodb, "AccessDeniedException"))
    with pytest.raises(ClientError):
        create("x")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "body: name is missing"),
        ({"name": "x", "more": 1}, "body: has a field that does not exist"),
        ({"name": "x", "shape": {"kind": "cone"}}, "body.shape: fits none"),
        ({"name": "x" * 101}, "body.name: must have maxLength 100"),
        ('{"name": NaN}', "body: is not JSON"),
        ("{" * 100_000, "body: is not JSON"),
        ('{"name": "\\ud83d"}', "body: is not JSON"),
        ("", "body: is missing"),
    ],
)
def test_what_does_not_fit_is_said_without_the_value(body: Any, said: str) -> None:
    status, answer, _ = send("POST", "/widgets", body, {"Idempotency-Key": KEY})
    assert (status, answer["reason"]) == (400, "invalid")
    assert any(said in one for one in answer["errors"]), answer


def test_forms_are_refused() -> None:
    media = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": KEY}
    assert send("POST", "/widgets", "name=x", media)[0] == 415


def test_what_the_sample_service_does_not_have_is_501(monkeypatch: pytest.MonkeyPatch) -> None:
    more = document.read(FILE.read_text())
    more["paths"]["/health"] = {"get": {**more["paths"]["/ping"]["get"], "operationId": "health"}}
    monkeypatch.setattr(widgets, "_contract", lambda _key: Contract(more))
    assert send("GET", "/health")[0] == 501
    assert send("GET", "/none")[0] == 404
