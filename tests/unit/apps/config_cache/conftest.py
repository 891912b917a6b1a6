"""AWS as an HTTP server that counts calls and fails on request, and environments in which the real layer runs."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.services import sandbox
from local.services.extensions import Environment

LAYER = Path(__file__).parents[4] / "lambda_src/apps/config_cache/layer"
TOKEN = "session-token"
CONFIG = {
    "parameters": {"limits": {"name": "/app/limits"}, "theme": {"name": "theme"}},
    "secrets": {"db": {"id": "db"}},
    "dynamodb": {"settings": {"table": "settings", "key": {"pk": {"S": "a"}}}},
}
FUNCTION = {"name": "orders", "version": "$LATEST", "handler": "app.handler", "account": "111122223333"}


class Aws:
    """Parameter Store, Secrets Manager and DynamoDB. `answer` may return (status, body) instead of the real answer."""

    def __init__(self) -> None:
        self.parameters = {"/app/limits": "10", "theme": "dark"}
        self.secrets: dict[str, dict[str, str]] = {"db": {"SecretString": "first"}}
        self.items: dict[str, Any] = {"a": {"pk": {"S": "a"}, "rate": {"N": "1.50"}}}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answer: Callable[[str, dict[str, Any]], tuple[int, Any] | None] = lambda operation, asked: None
        aws = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                aws.calls.append((operation, asked))
                status, body = aws.answer(operation, asked) or aws.real(operation, asked)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                with contextlib.suppress(OSError):  # the caller no longer waits
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the library
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"

    def real(self, operation: str, asked: dict[str, Any]) -> tuple[int, Any]:
        """Answer as AWS does."""
        if operation == "GetParameters":
            found = [
                {"Name": name, "Value": self.parameters[name]} for name in asked["Names"] if name in self.parameters
            ]
            return 200, {"Parameters": found, "InvalidParameters": []}
        if operation == "GetSecretValue":
            secret = self.secrets.get(asked["SecretId"])
            return (200, secret) if secret else (400, {"__type": "ResourceNotFoundException", "Message": "no secret"})
        item = self.items.get(asked["Key"]["pk"]["S"])
        return 200, {"Item": item} if item else {}

    def operations(self) -> list[str]:
        """Return the operations that were called, sorted."""
        return sorted(operation for operation, _ in self.calls)


def failing(
    status: int, code: str, times: int | None = None
) -> Callable[[str, dict[str, Any]], tuple[int, Any] | None]:
    """Return an `answer` that fails each call, or the first calls."""
    left = [times]

    def answer(operation: str, asked: dict[str, Any]) -> tuple[int, Any] | None:
        if left[0] is not None:
            if left[0] <= 0:
                return None
            left[0] -= 1
        return status, {"__type": code, "message": f"{code} in a test"}

    return answer


@pytest.fixture
def aws() -> Iterator[Aws]:
    made = Aws()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Sandbox:
    """An environment with the layer, and its variables for this process as the function."""

    def __init__(self, environment: Environment, variables: Mapping[str, str]) -> None:
        self.environment, self.variables = environment, {**variables, sandbox.VARIABLE: str(environment.folder)}
        self.calls = 0

    def run(self, code: str, *arguments: str) -> str:
        """Run Python code as the function, in a process of the environment. Return what it prints."""
        script = self.environment.folder / "function.py"
        script.write_text(f"import sys\nsys.path.insert(0, {str(LAYER / 'python')!r})\n{code}")
        done = subprocess.run(
            [self.environment.folder / "bin/python3", script, *arguments],
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def begin(self) -> None:
        """Begin a call."""
        self.calls += 1
        self.environment.invoke(f"request-{self.calls}", "arn:aws:lambda:eu-west-1:111122223333:function:orders", 10)

    def call(self, code: str, *arguments: str) -> str:
        """Do a whole call: INVOKE, the function, and freezing."""
        self.begin()
        try:
            return self.run(code, *arguments)
        finally:
            self.environment.finish(10)


@pytest.fixture
def start(aws: Aws) -> Iterator[Callable[..., Sandbox]]:
    """`start(CACHE_EXTENSION_TTL="5s")`: an initialized environment; `layers=(…)` and a `taken` port are possible."""
    made: list[Environment] = []

    def begin(layers: tuple[Path, ...] = (LAYER,), taken: int = 0, **variables: str) -> Sandbox:
        given = {
            "AWS_ENDPOINT_URL": aws.endpoint,
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": TOKEN,
            "CACHE_EXTENSION_CONFIG": json.dumps(CONFIG),
            **variables,
        }
        environment = Environment(FUNCTION, layers, given, sys.executable)
        made.append(environment)
        found = Sandbox(environment, given)
        if taken:
            (environment.folder / str(taken)).write_text("1")
        environment.start()
        environment.initialized()
        return found

    yield begin
    for environment in made:
        environment.shutdown("spindown")


@pytest.fixture(autouse=True)
def _no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "CACHE_EXTENSION_"))]:
        monkeypatch.delenv(name)
