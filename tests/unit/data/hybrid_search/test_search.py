"""POST /search: answers, refusals, and what a client never sees."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from data.hybrid_search import page, search
from data.hybrid_search.errors import DomainError

from .world import World, settings

JSON = {"Content-Type": "application/json"}


def event(body: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "headers": JSON if headers is None else headers,
        "body": body if isinstance(body, str) else json.dumps(body),
    }


class Context:
    aws_request_id = "request"


@pytest.fixture
def ask(catalogue: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(search, "_conf", lambda: settings(catalogue.model_id))
    monkeypatch.setattr(search, "_domain", lambda: catalogue.searcher)
    monkeypatch.setattr(catalogue.searcher, "fail", lambda *_: None)

    def asked(given: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        answer = search.handler(given, Context())
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]

    return asked


def test_an_answer(ask: Any) -> None:
    status, body, headers = ask(event({"query": "women shoes", "size": 2}))
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert [hit["id"] for hit in body["hits"]] == ["shoe-01", "shoe-02"]
    assert set(body) == {"mode", "weights", "total", "from", "size", "partial", "hits"}
    assert all("caption_embedding" not in hit["fields"] for hit in body["hits"])


def test_a_body_in_base64(ask: Any) -> None:
    body = base64.b64encode(b'{"query": "boots"}').decode()
    assert ask({**event(body), "isBase64Encoded": True})[0] == 200


@pytest.mark.parametrize(
    ("given", "status", "reason"),
    [
        (event({"query": "x"}, {}), 415, "media_type"),
        (event({"query": "x"}, {"content-type": "text/plain"}), 415, "media_type"),
        (event("{"), 400, "bad_request"),
        (event("[]"), 400, "bad_request"),
        (event(""), 400, "invalid"),
        (event({"query": "x", "size": 0}), 400, "invalid"),
        ({"headers": JSON, "body": None}, 400, "invalid"),
        ({"headers": None, "body": "{}"}, 415, "media_type"),
    ],
)
def test_refusals(ask: Any, given: dict[str, Any], status: int, reason: str) -> None:
    found, body, _ = ask(given)
    assert (found, body["reason"]) == (status, reason)


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (DomainError(429, "rejected_execution_exception", "secret"), 503, "unavailable"),
        (DomainError(503, "", "secret"), 503, "unavailable"),
        (DomainError(0, "ReadTimeoutError", "secret"), 503, "unavailable"),
        (DomainError(403, "security_exception", "secret"), 502, "refused"),
        (DomainError(404, "index_not_found_exception", "secret"), 502, "refused"),
        (DomainError(400, "illegal_argument_exception", "secret"), 502, "refused"),
    ],
)
def test_errors_of_the_domain(
    ask: Any, catalogue: World, monkeypatch: pytest.MonkeyPatch, error: DomainError, status: int, reason: str
) -> None:
    monkeypatch.setattr(catalogue.searcher, "fail", lambda *_: error)
    found, body, headers = ask(event({"query": "women shoes"}))
    assert (found, body["reason"], "secret" in json.dumps(body)) == (status, reason, False)
    assert headers.get("Retry-After") == ("5" if status == 503 else None)


def test_a_throttled_search_is_repeated(ask: Any, catalogue: World, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([DomainError(429, "", ""), DomainError(0, "", "")])
    monkeypatch.setattr(catalogue.searcher, "fail", lambda *_: next(failures, None))
    assert ask(event({"query": "women shoes"}))[0] == 200


def test_raw_scores_are_an_error_with_a_metric(
    ask: Any, catalogue: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("data.hybrid_search.objects.normalization", lambda *_: {})
    status, body, _ = ask(event({"query": "women shoes"}))
    assert (status, body["reason"]) == (502, "pipeline_missing")
    assert "PipelineMissing" in capsys.readouterr().out


def test_the_log_has_no_text_of_searches(
    ask: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    ask(event({"query": "very private words"}))
    logged = capsys.readouterr().out + "".join(str(vars(line)) for line in caplog.records)
    assert "private" not in logged


def test_the_page_loads_and_calls_its_own_origin_only() -> None:
    for path, kind in {"/": "text/html", "/app.js": "text/javascript", "/app.css": "text/css"}.items():
        answer = page.handler({"resource": path}, None)
        assert (answer["statusCode"], answer["headers"]["Content-Type"].startswith(kind)) == (200, True)
        assert answer["headers"]["Content-Security-Policy"] == page.POLICY
    script = page.handler({"resource": "/app.js"}, None)["body"]
    assert "innerHTML" not in script
    assert "'unsafe" not in page.POLICY
