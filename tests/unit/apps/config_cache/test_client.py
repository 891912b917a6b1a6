"""The Python client: it keeps its connection, and survives the end of it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import config_cache


class Extension(http.server.ThreadingHTTPServer):
    """Answers as the extension does, and counts connections."""

    daemon_threads = True

    def __init__(self) -> None:
        self.connections: set[tuple[str, int]] = set()
        self.asked: list[str] = []
        self.close_after_each = False
        self.open = threading.Event()
        self.open.set()
        self.answer: tuple[int, dict[str, str], bytes] = (
            200,
            {"ETag": '"v1"', "Age": "3", "X-Cache": "stale"},
            b"value",
        )
        extension = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                extension.connections.add(self.client_address)
                extension.asked.append(self.path)
                extension.open.wait(60)
                status, headers, body = extension.answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = extension.close_after_each

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the library
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that no longer wait."""


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Iterator[Extension]:
    server = Extension()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    monkeypatch.setenv("CACHE_EXTENSION_PORT", str(server.server_address[1]))
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    config_cache._forget()
    yield server
    server.shutdown()
    server.server_close()
    config_cache._forget()


def test_each_thread_keeps_one_connection(extension: Extension) -> None:
    def reads(_: int) -> list[str]:
        return [config_cache.parameter("a") for _ in range(20)]

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(reads, range(3))) == [["value"] * 20] * 3
    assert 1 <= len(extension.connections) <= 3
    assert len(extension.asked) == 60


def test_a_connection_that_ended_is_replaced(extension: Extension) -> None:
    extension.close_after_each = True
    assert [config_cache.parameter("a") for _ in range(5)] == ["value"] * 5
    assert len(extension.connections) == 5


def test_a_request_that_was_interrupted_does_not_leave_its_answer_to_the_next(extension: Extension) -> None:
    config_cache.parameter("a")
    connection = config_cache._local.connection
    connection.request("GET", "/parameters?name=b")  # an exception of a signal handler, here
    extension.answer = (200, {}, b"other")
    assert config_cache.parameter("a") == "other"
    connection = config_cache._local.connection
    connection.request("GET", "/parameters?name=b")
    connection.getresponse()  # …or here
    assert config_cache.parameter("a") == "other"


def test_a_forked_process_has_connections_of_its_own(extension: Extension) -> None:
    config_cache.parameter("a")
    kept = config_cache._local.connection
    config_cache._forget()  # what a fork runs in the child
    config_cache.parameter("a")
    assert config_cache._local.connection is not kept
    assert len(extension.connections) == 2


def test_a_read_says_what_was_served(extension: Extension) -> None:
    found = config_cache.read("secrets", "a b/ü&c", refused="v0")
    assert (found.body, found.etag, found.age, found.stale) == (b"value", "v1", 3, True)
    assert extension.asked == ["/secrets?name=a+b%2F%C3%BC%26c&refused=v0"]


def test_a_binary_secret_is_bytes_and_an_item_keeps_its_digits(extension: Extension) -> None:
    extension.answer = (200, {"Content-Type": "application/octet-stream"}, b"\xff")
    assert config_cache.secret("a") == b"\xff"
    extension.answer = (200, {"Content-Type": "application/json"}, b'{"rate": 0.1234567890123456789, "n": 1}')
    assert str(config_cache.item("a")) == "{'rate': Decimal('0.1234567890123456789'), 'n': 1}"


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (404, b'{"error": "NotConfigured", "message": "no"}', config_cache.NotFound, "NotConfigured: no"),
        (503, b'{"error": "Unavailable", "message": "x", "code": "Timeout"}', config_cache.Unavailable, "(Timeout)"),
        (
            502,
            b'{"error": "RefusedByAws", "message": "x", "code": "AccessDenied"}',
            config_cache.CacheError,
            "AccessDenied",
        ),
        (500, b"<html>", config_cache.CacheError, "Error"),
    ],
)
def test_errors_have_a_type_and_aws_code(
    extension: Extension, status: int, body: bytes, kind: type[Exception], text: str
) -> None:
    extension.answer = (status, {}, body)
    with pytest.raises(kind) as failed:
        config_cache.secret("a")
    assert text in str(failed.value)
    assert type(failed.value) is kind
    with pytest.raises(kind):
        config_cache.state()


def test_without_the_extension_the_error_names_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_EXTENSION_PORT", "1")
    config_cache._forget()
    with pytest.raises(config_cache.Unavailable, match="Does the function have its layer"):
        config_cache.secret("a")


def test_a_slow_answer_is_not_asked_for_twice(extension: Extension, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_cache, "TIMEOUT", 0.05)
    extension.open.clear()
    with pytest.raises(config_cache.Unavailable, match="timed out"):
        config_cache.secret("a")
    extension.open.set()
    assert len(extension.asked) == 1


class Wrong(Exception):
    pass


@pytest.mark.parametrize("error", [OSError, KeyError])
def test_another_exception_of_the_user_is_not_a_refusal(extension: Extension, error: type[Exception]) -> None:
    def use(value: str) -> None:
        raise error

    with pytest.raises(error):
        config_cache.with_secret("a", use, refused=Wrong)
    assert len(extension.asked) == 1


def test_a_refusal_stays_the_users_when_nothing_newer_can_be_read(extension: Extension) -> None:
    def use(value: str) -> None:
        extension.answer = (503, {}, b"{}")
        raise Wrong(value)

    with pytest.raises(Wrong, match="value"):
        config_cache.with_secret("a", use, refused=Wrong)
    assert extension.asked == ["/secrets?name=a", "/secrets?name=a&refused=v1"]
