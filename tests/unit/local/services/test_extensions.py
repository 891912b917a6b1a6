"""The Extensions API as AWS's emulator answers it, and the life of an environment."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.services.extensions import Environment, ExtensionError

FUNCTION = {"name": "orders", "version": "7", "handler": "app.handler", "account": "111122223333"}

# An extension that says what it sees. `BEHAVIOUR` is done between the registration and its first event.
EXTENSION = """#!/bin/sh
exec python3 -I -S "${0%/*}/../${0##*/}.py" "$0"
"""
CODE = """
import http.client, json, os, sys
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
name = os.environ.get("NAME") or sys.argv[1].rpartition("/")[2]
events = json.loads(os.environ.get("EVENTS", '["INVOKE", "SHUTDOWN"]'))

def ask(method, path, body=None, **headers):
    content = json.dumps(body).encode() if body is not None else None
    connection.request(method, "/2020-01-01/extension/" + path, content,
                       {"Lambda-Extension-" + key.replace("_", "-"): value for key, value in headers.items()})
    answer = connection.getresponse()
    found = json.loads(answer.read())
    print(path, answer.status, json.dumps(found), flush=True)
    return answer.headers.get("Lambda-Extension-Identifier", ""), found

identifier, _ = ask("POST", "register", {"events": events}, Name=name)
exec(os.environ.get("BEHAVIOUR", ""))
while True:
    _, event = ask("GET", "event/next", Identifier=identifier)
    if event.get("eventType") != "INVOKE":
        sys.exit(int(os.environ.get("STATUS", "0")))
"""

Start = Callable[..., Environment]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    made: list[Environment] = []

    def begin(
        mode: int = 0o755, names: tuple[str, ...] = ("one",), python: str = sys.executable, **variables: str
    ) -> Environment:
        layer = tmp_path / f"layer{len(made)}"
        (layer / "extensions").mkdir(parents=True)
        for name in names:
            (layer / f"{name}.py").write_text(CODE)
            (layer / "extensions" / name).write_text(EXTENSION)
            (layer / "extensions" / name).chmod(mode)
        environment = Environment(FUNCTION, [layer], variables, python)
        made.append(environment)
        environment.start()
        environment.initialized()
        return environment

    yield begin
    for environment in made:
        environment.shutdown("spindown")


def lines(environment: Environment) -> list[tuple[str, int, dict[str, Any]]]:
    """End the environment, and return what its extension has written: path, status, answer."""
    environment.shutdown("spindown")
    found = (line.split(" ", 2) for line in environment.drain().splitlines())
    return [(path, int(status), json.loads(body)) for path, status, body in found]


def fails(start: Start, **given: Any) -> ExtensionError:
    with pytest.raises(ExtensionError) as failed:
        start(**given)
    return failed.value


def test_an_environment_from_its_start_to_its_end(start: Start) -> None:
    environment = start()
    for number in (1, 2):
        environment.invoke(f"request-{number}", "arn:f", 30)
        environment.finish(30)
    environment.shutdown("timeout")
    (register, *events) = lines(environment)
    function = {"functionName": "orders", "functionVersion": "7", "handler": "app.handler"}
    assert register == ("register", 200, function)
    assert [(event["eventType"], event.get("requestId"), event.get("shutdownReason")) for _, _, event in events] == [
        ("INVOKE", "request-1", None),
        ("INVOKE", "request-2", None),
        ("SHUTDOWN", None, "timeout"),
    ]
    assert all(event["deadlineMs"] > 1_700_000_000_000 for _, _, event in events)


def test_what_lambda_keeps_from_extensions(start: Start) -> None:
    secret = {
        "_HANDLER": "app.handler",
        "LAMBDA_TASK_ROOT": "/var/task",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
    }
    seen = "print('seen', 0, json.dumps(dict(os.environ)), flush=True)"
    environment = start(BEHAVIOUR=seen, ORDERS="1", **secret)
    [(_, _, variables)] = [line for line in lines(environment) if line[0] == "seen"]
    assert not set(secret) & set(variables)
    assert (variables["ORDERS"], variables["AWS_LAMBDA_RUNTIME_API"]) == ("1", environment.api)


@pytest.mark.parametrize("status", ["0", "3"])
def test_an_extension_that_ends_is_a_crash_whatever_its_status(start: Start, status: str) -> None:
    error = fails(start, BEHAVIOUR=f"sys.exit({status})")
    assert (error.error_type, "exit code 0" in str(error)) == ("Extension.Crash", status == "0")
    environment = start(BEHAVIOUR=f"ask('GET', 'event/next', Identifier=identifier); sys.exit({status})")
    environment.invoke("request", "arn:f", 30)
    with pytest.raises(ExtensionError) as failed:
        environment.finish(60)
    assert failed.value.error_type == "Extension.Crash"


def test_a_file_that_cannot_be_started_fails_the_launch(start: Start) -> None:
    error = fails(start, mode=0o644)
    assert (error.error_type, "/opt/extensions/one: Permission denied" in str(error)) == ("Extension.LaunchError", True)


def test_another_name_is_an_internal_extension_that_cannot_have_shutdown(start: Start) -> None:
    error = fails(start, NAME="other", BEHAVIOUR="sys.exit(9)")
    assert "exit status 9" in str(error)


def test_more_than_ten_are_refused(start: Start) -> None:
    assert fails(start, names=tuple("abcdefghijk")).error_type == "Extension.TooManyExtensions"


@pytest.mark.parametrize(("phase", "expected"), [("init", "Extension.InitError"), ("exit", "Extension.ExitError")])
def test_a_failure_that_is_reported_fails_the_environment(start: Start, phase: str, expected: str) -> None:
    report = f"ask('POST', '{phase}/error', {{}}, Identifier=identifier, Function_Error_Type='Extension.Mine')"
    assert fails(start, BEHAVIOUR=report).error_type == expected


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ("ask('POST', 'register', {'events': []})", "Extension.InvalidExtensionName"),
        ("ask('POST', 'register', {'events': ['SLEEP']}, Name='one')", "Extension.InvalidEventType"),
        ("ask('POST', 'register', {'events': []}, Name='one')", "Extension.InvalidExtensionState"),
        ("ask('GET', 'event/next', Identifier='x')", "Extension.UnknownExtensionIdentifier"),
        (
            "ask('POST', 'exit/error', {}, Identifier='x', Function_Error_Type='x')",
            "Extension.UnknownExtensionIdentifier",
        ),
        ("ask('POST', 'exit/error', {}, Identifier=identifier)", "Extension.MissingHeader"),
    ],
)
def test_a_wrong_request_is_refused_with_403(start: Start, request_: str, kind: str) -> None:
    environment = start(BEHAVIOUR=request_)
    assert [(status, body["errorType"]) for _, status, body in lines(environment)[1:2]] == [(403, kind)]


def test_an_extension_without_shutdown_is_killed(start: Start) -> None:
    environment = start(EVENTS='["INVOKE"]')
    environment.shutdown("spindown")
    assert [one.process.returncode for one in environment._extensions if one.process] == [-9]


def test_one_that_does_not_end_is_killed_after_two_seconds(start: Start) -> None:
    hangs = "ask('GET', 'event/next', Identifier=identifier); import time; time.sleep(600)"
    environment = start(BEHAVIOUR=hangs)
    environment.shutdown("spindown")
    assert [one.process.returncode for one in environment._extensions if one.process] == [-9]


def test_a_runtime_without_python_has_none(start: Start) -> None:
    error = fails(start, python="")
    assert "exit status 127" in str(error)
