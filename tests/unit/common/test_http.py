"""Responses and bodies in API Gateway's proxy format."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import http


def test_every_answer_has_the_security_headers() -> None:
    for answer in (http.answer(200, {}), http.refusal(http.HttpError(403, "No."))):
        assert answer["headers"] == {
            "Cache-Control": "no-store",
            "Content-Type": "application/json",
            "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
        }


def test_headers_of_one_response_do_not_reach_another() -> None:
    http.answer(200, {})["headers"]["Cache-Control"] = "public"
    assert http.answer(200, {})["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("value", "text"), [(Decimal(3), "3"), (Decimal("3.5"), "3.5"), (Decimal("1E+2"), "100"), ("ü", '"\\u00fc"')]
)
def test_bodies(value: Any, text: str) -> None:
    assert http.answer(201, [value]) == {"statusCode": 201, "headers": dict(http.HEADERS), "body": f"[{text}]"}


def test_a_body_that_json_cannot_represent_raises() -> None:
    with pytest.raises(TypeError, match="set cannot be written as JSON"):
        http.answer(200, {1, 2})


def test_refusals() -> None:
    body = json.loads(http.refusal(http.HttpError(409, "Too late."))["body"])
    assert body == {"message": "Too late."}
    answer = http.refusal(http.HttpError(401, "Sign in again.", "not_signed_in"))
    assert (answer["statusCode"], json.loads(answer["body"])) == (
        401,
        {"message": "Sign in again.", "reason": "not_signed_in"},
    )


@pytest.mark.parametrize("event", [{}, {"body": None}, {"body": ""}, {"body": "{}"}, {"body": " {} "}])
def test_no_body_is_an_empty_object(event: dict[str, Any]) -> None:
    assert http.json_body(event) == {}


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_a_body_is_read_as_text_or_base64(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    assert http.json_body({"body": text}) == value
    encoded = base64.b64encode(text.encode()).decode()
    assert http.json_body({"body": encoded, "isBase64Encoded": True}) == value


@pytest.mark.parametrize(
    "event",
    [
        {"body": "{"},
        {"body": "[]"},
        {"body": "null"},
        {"body": '"text"'},
        {"body": "[" * 100_000},
        {"body": "{}", "isBase64Encoded": True},
        {"body": base64.b64encode(b"\xff{}").decode(), "isBase64Encoded": True},
        {"body": "9" * 5000},
    ],
)
def test_any_other_body_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(http.HttpError) as refused:
        http.json_body(event)
    assert (refused.value.status, refused.value.reason) == (400, "bad_request")
