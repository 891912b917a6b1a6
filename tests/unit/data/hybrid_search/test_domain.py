"""Calls of the domain: signed, repeated when that can help, and errors by their kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
import urllib3

from data.hybrid_search import domain
from data.hybrid_search.domain import Domain
from data.hybrid_search.errors import DomainError


class Answer:
    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.data = body if isinstance(body, bytes) else json.dumps(body).encode()


class Pool:
    """Answers in order; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[dict[str, Any]]()

    def request(self, method: str, url: str, **more: Any) -> Any:
        self.asked.append({"method": method, "url": url, **more})
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_OPENSEARCH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "example")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    domain._session.cache_clear()
    made = Pool()
    monkeypatch.setattr(domain, "_pool", lambda: made)
    return made


def test_a_request_is_signed_for_the_domain(pool: Pool) -> None:
    pool.answers = [Answer(200, {"ok": True})]
    assert Domain("search-x.eu-west-1.es.amazonaws.com").call("POST", "/products/_search", {"a": 1}) == {"ok": True}
    (asked,) = pool.asked
    assert asked["url"] == "https://search-x.eu-west-1.es.amazonaws.com/products/_search"
    assert "/eu-west-1/es/aws4_request" in asked["headers"]["Authorization"]
    assert "host" in asked["headers"]["Authorization"]
    assert (asked["headers"]["X-Amz-Security-Token"], asked["body"]) == ("example", b'{"a": 1}')


def test_another_address_gets_the_same_signed_host(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_OPENSEARCH", "http://127.0.0.1:9/")
    pool.answers = [Answer(200, {})]
    Domain("search-x.eu-west-1.es.amazonaws.com").call("GET", "/products")
    assert pool.asked[0]["url"] == "http://127.0.0.1:9/products"
    assert pool.asked[0]["headers"]["Host"] == "search-x.eu-west-1.es.amazonaws.com"


def test_bytes_are_lines(pool: Pool) -> None:
    pool.answers = [Answer(200, {"items": []})]
    Domain("h").call("POST", "/products/_bulk", b"{}\n")
    assert (pool.asked[0]["headers"]["Content-Type"], pool.asked[0]["body"]) == ("application/x-ndjson", b"{}\n")


@pytest.mark.parametrize(
    "failure", [Answer(429, {}), Answer(503, b""), Answer(200, b"{"), Answer(200, []), urllib3.exceptions.HTTPError()]
)
def test_what_can_succeed_later_is_repeated_with_jitter(pool: Pool, failure: Any) -> None:
    slept: list[float] = []
    pool.answers = [failure, failure, Answer(200, {"ok": 1})]
    assert Domain("h", sleep=slept.append).call("GET", "/") == {"ok": 1}
    assert len(slept) == 2
    assert all(0 <= pause <= domain.PAUSE * 2 for pause in slept)


def test_attempts_end(pool: Pool) -> None:
    pool.answers = [Answer(429, {"error": {"type": "t", "reason": "r"}})] * 9
    with pytest.raises(DomainError, match="429 t: r"):
        Domain("h", sleep=lambda _: None).call("GET", "/")
    assert len(pool.asked) == domain.ATTEMPTS
    with pytest.raises(DomainError):
        Domain("h").call("GET", "/", attempts=1)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"type": "parsing_exception", "reason": "x"}, "status": 400}, "parsing_exception"),
        (403, {"Message": "User: x is not authorized"}, "AccessDenied"),
        (403, b"", "AccessDenied"),
        (403, {"error": {"type": "security_exception", "reason": "no permissions"}}, "security_exception"),
        (404, {"error": "Not found"}, "unreadable_answer"),
    ],
)
def test_refusals_are_not_repeated(pool: Pool, status: int, body: Any, kind: str) -> None:
    pool.answers = [Answer(status, body)]
    with pytest.raises(DomainError) as refused:
        Domain("h").call("GET", "/")
    assert (refused.value.status, refused.value.kind, refused.value.transient) == (status, kind, False)
