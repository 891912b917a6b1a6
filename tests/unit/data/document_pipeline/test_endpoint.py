"""A model behind a real HTTP server, and behind SageMaker: its answers, refusals and bad moments."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError, ReadTimeoutError

from common import clients
from data.document_pipeline import endpoint
from data.document_pipeline.errors import PageFailed, Unavailable
from data.document_pipeline.settings import Settings


class Server:
    """Answers with statuses and bodies in turn; the last one stays."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = [(200, b"{}")]
        self.seen: list[tuple[dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((dict(self.headers), body))
                status, text = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/m"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(urllib3.Retry, "sleep", lambda *_: None)
    made = Server()
    yield made
    made.server.shutdown()
    made.server.server_close()
    endpoint._pool.cache_clear()
    endpoint._secret.cache_clear()


def config(**given: Any) -> Settings:
    fields = {"kind": "http", "features": "features", "timeout_seconds": 30, **given}
    return Settings("b", "1", "k", "t", endpoint=fields)


def ask(server: Server, **given: Any) -> Any:
    return endpoint.ask(config(target=server.url, **given), b"\x89PNG", "image/png")


def test_an_image_goes_to_the_endpoint(server: Server) -> None:
    server.answers = [(200, b'{"score": 0.1, "features": ["b", "a", "a"]}')]
    assert ask(server) == ('{"score":0.1,"features":["b","a","a"]}', ("a", "b"))
    headers, body = server.seen[0]
    assert (headers["Content-Type"], headers["Accept"], body) == ("image/png", "application/json", b"\x89PNG")
    assert "Authorization" not in headers


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_throttled_call_is_repeated(server: Server, status: int) -> None:
    server.answers = [(status, b"")] * 3 + [(200, b"{}")]
    assert ask(server) == ("{}", ())
    assert len(server.seen) == 4


def test_an_endpoint_that_stays_throttled_is_unavailable(server: Server) -> None:
    server.answers = [(429, b"")]
    with pytest.raises(Unavailable):
        ask(server)
    assert len(server.seen) == endpoint.ATTEMPTS


@pytest.mark.parametrize("status", sorted(endpoint.FINAL))
def test_a_refusal_is_the_pages_and_not_repeated(server: Server, status: int) -> None:
    server.answers = [(status, b"no")]
    with pytest.raises(PageFailed) as caught:
        ask(server)
    assert (caught.value.reason, caught.value.detail) == ("endpoint_refused", f"The endpoint answers {status}.")
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [204, 301, 302, 401, 403, 404])
def test_what_is_wrong_with_the_endpoint_is_not_the_pages_fault(server: Server, status: int) -> None:
    server.answers = [(status, b"")]
    with pytest.raises(Unavailable):
        ask(server)
    assert len(server.seen) == 1  # a redirect is not followed: the secret would go elsewhere


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib3.Retry, "sleep", lambda *_: None)
    with pytest.raises(Unavailable, match="endpoint: "):
        endpoint.ask(config(target="http://127.0.0.1:1/m"), b"", "image/png")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "answer_not_usable"),
        (b"no JSON", "answer_not_usable"),
        (b"[1]", "answer_not_usable"),
        (b"\xff\xfe\xff", "answer_not_usable"),
        (b'{"score": NaN}', "answer_not_usable"),
        (b'{"score": -Infinity}', "answer_not_usable"),
        (b'{"features": "red"}', "answer_not_usable"),
        (b'{"features": [1]}', "answer_not_usable"),
        (b'{"features": null}', "answer_not_usable"),
        (b"[" * 60_000, "answer_not_usable"),
        (b'{"a": "' + b"x" * endpoint.RESULT_BYTES + b'"}', "answer_too_large"),
    ],
)
def test_an_answer_that_is_none_is_the_pages(server: Server, text: bytes, reason: str) -> None:
    """Field row B3: NaN and infinity cost one page, with its reason."""
    server.answers = [(200, text)]
    with pytest.raises(PageFailed) as caught:
        ask(server)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("text", "features"),
    [
        (b"{}", ()),
        (b'{"features": []}', ()),
        (b'{"features": {"red": true, "blue": false, "green": 0.7, "none": 0, "null": null}}', ("green", "red")),
        (b'{"score": 0.1, "tiny": 1e-200, "big": 123456789012345678901234567890}', ()),
    ],
)
def test_answers(text: bytes, features: tuple[str, ...]) -> None:
    """Field row B3: numbers are kept as they were sent."""
    kept, found = endpoint.answer(text, "features")
    assert found == features
    assert json.loads(kept) == json.loads(text)


class Secrets:
    def __init__(self) -> None:
        self.value, self.calls = "Bearer one", 0
        self.error: Exception | None = None

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        self.calls += 1
        if self.error:
            raise self.error
        return {"SecretString": self.value}


def test_the_secret_is_sent_and_read_again_when_it_was_rotated(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = Secrets()
    monkeypatch.setattr(clients, "client", lambda service: secrets)
    for _ in range(2):
        ask(server, secret_arn="arn:s")
    assert (secrets.calls, server.seen[-1][0]["Authorization"]) == (1, "Bearer one")
    secrets.value = "Bearer two"
    server.answers = [(401, b""), (200, b"{}")]
    with pytest.raises(Unavailable):
        ask(server, secret_arn="arn:s")
    ask(server, secret_arn="arn:s")
    assert server.seen[-1][0]["Authorization"] == "Bearer two"
    endpoint._secret.cache_clear()
    secrets.error = error("AccessDeniedException")
    with pytest.raises(Unavailable, match="secret of the endpoint: AccessDenied"):
        ask(server, secret_arn="arn:s")


def error(code: str, **more: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 400}, **more}
    return ClientError(answer, "Op")


class SageMaker:
    def __init__(self, answer: Any) -> None:
        self.answer, self.seen = answer, {}  # type: Any, dict[str, Any]

    def invoke_endpoint(self, **given: Any) -> dict[str, Any]:
        self.seen = given
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Body": io.BytesIO(self.answer)}


def sagemaker(monkeypatch: pytest.MonkeyPatch, answer: Any) -> tuple[SageMaker, Any]:
    made = SageMaker(answer)
    monkeypatch.setattr(
        clients, "client", lambda service, attempts: {("sagemaker-runtime", 5): made}[service, attempts]
    )
    return made, config(kind="sagemaker", target="our-model")


def test_an_image_goes_to_sagemaker(monkeypatch: pytest.MonkeyPatch) -> None:
    made, given = sagemaker(monkeypatch, b'{"features": ["a"]}')
    assert endpoint.ask(given, b"png", "image/png") == ('{"features":["a"]}', ("a",))
    assert made.seen == {
        "EndpointName": "our-model", "Body": b"png", "ContentType": "image/png", "Accept": "application/json"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("raised", "wanted"),
    [
        (error("ModelError", OriginalStatusCode=400), PageFailed),
        (error("ModelError", OriginalStatusCode=500), Unavailable),
        (error("ThrottlingException"), Unavailable),
        (error("ValidationError"), Unavailable),
        (error("AccessDeniedException"), Unavailable),
        (ReadTimeoutError(endpoint_url="x"), Unavailable),
        (KeyError("a bug"), KeyError),
    ],
)
def test_errors_of_sagemaker(monkeypatch: pytest.MonkeyPatch, raised: Exception, wanted: type[Exception]) -> None:
    _, given = sagemaker(monkeypatch, raised)
    with pytest.raises(wanted):
        endpoint.ask(given, b"png", "image/png")
