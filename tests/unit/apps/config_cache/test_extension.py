"""The real layer in an emulated environment: its life, its calls, what it refuses, and what AWS's faults do to it."""

from __future__ import annotations

import ast
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.harness.scenario import wait_until
from local.services.extensions import ExtensionError
from switchyard_config_cache.extension import Lifecycle

from .conftest import CONFIG, LAYER, TOKEN, Aws, Sandbox, failing

Start = Callable[..., Sandbox]

READ = """
import config_cache
try:
    print(*[config_cache.read(*name.split("|")).body.decode() for name in sys.argv[1:]], sep=",")
except config_cache.CacheError as error:
    print(type(error).__name__, error.status, error.error, error.code)
"""
ALL = ("parameters|limits", "parameters|theme", "secrets|db", "dynamodb|settings")
VALUES = '10,dark,first,{"pk": "a", "rate": 1.50}'
EVERY = ["GetItem", "GetParameters", "GetSecretValue"]

# The source's function, without our client: hostname localhost, port 4000, one path.
RAW = """
import http.client, json
connection = http.client.HTTPConnection("localhost", 4000)
for path, headers in json.loads(sys.argv[1]):
    connection.request(sys.argv[2] if len(sys.argv) > 2 else "GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    print(answer.status, json.loads(body)["error"] if answer.status >= 400 and body.startswith("{") else body)
"""


def ask(box: Sandbox, *requests: tuple[str, dict[str, str]], method: str = "GET") -> list[str]:
    return box.call(RAW, json.dumps(requests), method).splitlines()


def with_token(path: str) -> tuple[str, dict[str, str]]:
    return path, {"X-Aws-Parameters-Secrets-Token": TOKEN}


def test_the_three_paths_of_the_source_answer_and_a_second_read_makes_no_call(start: Start, aws: Aws) -> None:
    box = start()
    assert aws.calls == []
    paths = [
        with_token("/dynamodb?name=settings"),
        with_token("/parameters?name=limits"),
        with_token("/parameters?name=/aws/reference/secretsmanager/db"),
    ]
    expected = ['200 {"pk": "a", "rate": 1.50}', "200 10", "200 first"]
    assert ask(box, *paths) == expected
    assert aws.operations() == EVERY
    for _ in range(3):
        assert ask(box, *paths, *paths) == expected * 2
    assert aws.operations() == EVERY


def test_a_start_that_fetches_leaves_no_call_to_the_first_read(start: Start, aws: Aws) -> None:
    box = start(CACHE_EXTENSION_INIT_STARTUP="true")
    assert box.call(READ, *ALL) == VALUES
    assert aws.operations() == EVERY  # both parameters in one call
    assert box.call(READ, *ALL) == VALUES
    assert aws.operations() == EVERY


def test_with_provisioned_concurrency_the_start_is_over_when_all_has_arrived(start: Start, aws: Aws) -> None:
    start(CACHE_EXTENSION_INIT_STARTUP="true", AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency")
    assert aws.operations() == EVERY


def test_after_the_time_to_live_a_value_is_fetched_again(start: Start, aws: Aws) -> None:
    box = start(CACHE_EXTENSION_TTL="1ms")
    assert box.call(READ, "parameters|limits") == "10"
    aws.parameters["/app/limits"] = "20"
    assert box.call(READ, "parameters|limits") == "20"


def test_between_calls_the_environment_is_frozen_and_a_refresh_ends_with_its_call(start: Start, aws: Aws) -> None:
    """Field row CC-1. The extension has no timer: what it fetches, it fetches in a call, which waits for it."""
    box = start(CACHE_EXTENSION_TTL="50ms", CACHE_EXTENSION_STALE="1h")
    box.call(READ, "parameters|limits")
    (process,) = (one.process for one in box.environment._extensions)
    assert process
    state = Path(f"/proc/{process.pid}/stat")
    if state.exists():
        wait_until("a frozen process", lambda: state.read_text().rpartition(")")[2].split()[0] == "T")
    aws.parameters["/app/limits"] = "20"
    before = len(aws.calls)
    time.sleep(0.1)
    assert len(aws.calls) == before
    wait_until("the new value", lambda: box.call("pass") == "" and box.call(READ, "parameters|limits") == "20")


def test_aws_may_be_down_for_less_than_the_bound(start: Start, aws: Aws) -> None:
    box = start(CACHE_EXTENSION_TTL="1ms", CACHE_EXTENSION_STALE="1h", CACHE_EXTENSION_TIMEOUT="1s")
    assert box.call(READ, *ALL) == VALUES
    aws.answer = failing(503, "ServiceUnavailable")
    for _ in range(3):
        assert box.call(READ, *ALL) == VALUES


def test_a_call_does_not_wait_for_aws_when_it_hangs(start: Start, aws: Aws) -> None:
    """The refresh that a call begins with prolongs it by a second at most, however long AWS takes."""
    box = start(CACHE_EXTENSION_TTL="1ms", CACHE_EXTENSION_STALE="1h", CACHE_EXTENSION_TIMEOUT="8s")
    assert box.call(READ, "secrets|db") == "first"
    held = threading.Event()
    aws.answer = lambda operation, asked: (held.wait(60), None)[1]
    try:
        assert box.call(READ, "secrets|db") == "first"
    finally:
        held.set()


def test_nothing_wrong_is_served_while_a_fifth_of_the_calls_fails(start: Start, aws: Aws) -> None:
    numbers = iter(range(10_000))

    def answer(operation: str, asked: dict[str, object]) -> tuple[int, object] | None:
        return {0: (400, {"__type": "ThrottlingException"}), 1: (500, b"<html>")}.get(next(numbers) % 10)

    box = start(CACHE_EXTENSION_TTL="1ms", CACHE_EXTENSION_STALE="1h")
    aws.answer = answer
    code = (
        READ
        + "\n    sys.exit(1)"
        + """
newest = 0
import config_cache
for _ in range(200):
    value = int(config_cache.parameter("limits"))
    assert value >= newest, (value, newest)
    newest = value
"""
    )
    aws.parameters["/app/limits"] = "1"
    for number in range(1, 6):
        aws.parameters["/app/limits"] = str(number)
        assert box.call(code, "parameters|limits") in map(str, range(1, number + 1))
    assert len(aws.calls) > 20


def test_a_rotated_secret_is_read_again_when_its_user_refuses_it(start: Start, aws: Aws) -> None:
    box = start(CACHE_EXTENSION_TTL="1h")
    code = """
import config_cache

class Wrong(Exception):
    pass

def connect(password):
    if password != sys.argv[1]:
        raise Wrong(password)
    return f"connected with {password}"

try:
    print(config_cache.with_secret("db", connect, refused=Wrong))
except Wrong as error:
    print(f"refused {error}")
"""
    assert box.call(code, "first") == "connected with first"
    aws.secrets["db"] = {"SecretString": "second"}
    assert box.call(code, "first") == "connected with first"
    assert aws.operations() == ["GetSecretValue"]
    wait_until("the rotated secret", lambda: box.call(code, "second") == "connected with second")
    assert aws.operations() == ["GetSecretValue"] * 2
    assert box.call(code, "third") == "refused second"


def test_names_outside_the_configuration_and_requests_without_the_token_are_refused(start: Start, aws: Aws) -> None:
    box = start()
    stolen = {"X-Aws-Parameters-Secrets-Token": "guess"}
    assert ask(
        box,
        ("/secrets?name=db", {}),
        ("/secrets?name=db", stolen),
        ("/secrets?name=db", {"X-Aws-Parameters-Secrets-Token": "gu\u00e9ss"}),
        with_token("/secrets?name=other"),
        with_token("/secrets?name=/app/limits"),
        with_token("/parameters?name=db"),
        with_token("/parameters?name=%2Fapp%2Flimits"),  # its name in AWS, which is not the configured one
        with_token("/buckets?name=db"),
        with_token("/secrets"),
        with_token("/secrets?name="),
        with_token("/secrets?name=db&name=other"),
        with_token("/secrets?name=db&stage=AWSPREVIOUS"),
        with_token("/secrets?name=" + "a" * 3000),
        with_token("/secrets/../secrets?name=db"),
        with_token("http://169.254.169.254/secrets?name=db"),
    ) == [
        *["401 TokenRequired"] * 3,
        *["404 NotConfigured"] * 5,
        *["400 BadRequest"] * 5,
        *["404 NotConfigured"] * 2,
    ]
    assert aws.calls == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_another_method_is_refused(start: Start, aws: Aws, method: str) -> None:
    answer = ask(start(), with_token("/secrets?name=db"), method=method)[0]
    assert (answer.split()[0], aws.calls) == ("501", [])


def test_it_listens_on_loopback_only_and_an_environment_without_a_token_is_closed(start: Start) -> None:
    box = start(AWS_SESSION_TOKEN="")
    mapped = (box.environment.folder / "4000").read_text()
    listening = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[3] == "0A"}
    assert f"0100007F:{int(mapped):04X}" in listening
    assert f"00000000:{int(mapped):04X}" not in listening
    assert ask(box, ("/secrets?name=db", {"X-Aws-Parameters-Secrets-Token": ""})) == ["401 TokenRequired"]


def test_what_aws_refuses_or_lacks_is_named(start: Start, aws: Aws) -> None:
    box = start(CACHE_EXTENSION_TIMEOUT="1s")
    del aws.parameters["theme"]
    assert box.call(READ, "parameters|theme") == "NotFound 404 NotFound ParameterNotFound"
    aws.answer = failing(400, "AccessDeniedException")
    assert box.call(READ, "secrets|db") == "CacheError 502 RefusedByAws AccessDeniedException"
    aws.answer = failing(503, "ServiceUnavailable")
    assert box.call(READ, "dynamodb|settings") == "Unavailable 503 Unavailable ServiceUnavailable"


def test_one_unusable_name_is_its_own_error_and_the_others_are_served(start: Start) -> None:
    config = {**CONFIG, "secrets": {"db": {"id": "db"}, "odd": {}}}
    box = start(CACHE_EXTENSION_CONFIG=json.dumps(config))
    assert box.call(READ, "secrets|odd") == "CacheError 500 Misconfigured"
    assert box.call(READ, *ALL) == VALUES
    box.environment.shutdown("spindown")
    assert "secrets: odd must have id" in box.environment.drain()


@pytest.mark.parametrize("variables", [{"CACHE_EXTENSION_CONFIG": "parameters:"}, {"CACHE_EXTENSION_TTL": "soon"}])
def test_an_unusable_configuration_fails_reads_and_not_the_function(start: Start, variables: dict[str, str]) -> None:
    box = start(**variables)
    assert box.call("print('works')") == "works"
    assert box.call(READ, "secrets|db") == "CacheError 500 Misconfigured"
    assert box.call("print('works')") == "works"


def test_with_nothing_to_cache_it_waits_for_the_end(start: Start) -> None:
    """Field row CC-3: an extension that exits, even with status 0, fails the function."""
    box = start(CACHE_EXTENSION_CONFIG="")
    for _ in range(3):
        assert box.call(READ, "secrets|db") == "NotFound 404 NotConfigured"
    (process,) = (one.process for one in box.environment._extensions)
    assert process
    assert process.poll() is None


def test_it_waits_for_the_next_event_without_a_timeout_and_ends_in_time(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Field row CC-3."""
    waits: list[object] = []

    def connect(address: object, timeout: object, *more: object) -> None:
        waits.append(timeout)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        Lifecycle("127.0.0.1:9001", "id").next()
    assert waits == [None]
    monkeypatch.undo()
    box = start()
    box.call("pass")
    (process,) = (one.process for one in box.environment._extensions)
    assert process
    box.environment.shutdown("spindown")
    assert process.returncode == 0  # neither killed nor crashed: it took less than its two seconds


def test_its_name_is_its_files(start: Start, tmp_path: Path) -> None:
    """Field row CC-3: with another name, Lambda takes it for an internal extension."""
    copy = tmp_path / "layer"
    shutil.copytree(LAYER, copy)
    (copy / "extensions/switchyard-config-cache").rename(copy / "extensions/renamed")
    assert start(layers=(copy,)).call(READ, "parameters|limits") == "10"


def test_a_port_that_is_taken_fails_the_start_with_the_setting_to_change(start: Start) -> None:
    with pytest.raises(ExtensionError) as failed:
        start(taken=4711, CACHE_EXTENSION_PORT="4711")
    assert failed.value.error_type == "Extension.InitError"
    with pytest.raises(ExtensionError, match="reported Extension"):
        start(CACHE_EXTENSION_PORT="http")


def test_another_port_can_be_chosen(start: Start) -> None:
    assert start(taken=4000, CACHE_EXTENSION_PORT="4711").call(READ, "parameters|limits") == "10"


def test_the_functions_python_settings_do_not_reach_it(start: Start, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the function')")
    box = start(PYTHONPATH=str(tmp_path), PYTHONHOME=str(tmp_path), PYTHONSTARTUP=str(tmp_path / "json.py"))
    box.variables = {k: v for k, v in box.variables.items() if not k.startswith("PYTHON")}
    assert box.call(READ, "parameters|limits") == "10"


def test_without_an_interpreter_the_log_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [LAYER / "extensions/switchyard-config-cache"],
        env={"PATH": str(tmp_path), "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "add a layer that has bin/python3" in done.stderr


def test_a_lambda_that_refuses_the_registration_is_named(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = LAYER / "switchyard_config_cache/start.py"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", script, "name"],
            env={"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.getsockname()[1]}", "CACHE_EXTENSION_PORT": "0"},
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = server.accept()
        with connection:
            assert b"Lambda-Extension-Name: name\r\n" in connection.recv(4096)
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Lambda refused the registration as name: HTTP/1.1 403 Forbidden" in log


def test_values_are_in_no_log_and_on_no_disk(start: Start, aws: Aws) -> None:
    aws.secrets["db"] = {"SecretString": "very-secret-value"}
    box = start(CACHE_EXTENSION_TTL="1ms")
    assert box.call(READ, "secrets|db") == "very-secret-value"
    aws.answer = failing(500, "InternalServerError")
    box.call(READ, "secrets|db")
    box.environment.shutdown("spindown")
    assert "very-secret-value" not in box.environment.drain()


def test_two_environments_have_their_own_port_and_cache(start: Start, aws: Aws) -> None:
    one, two = start(CACHE_EXTENSION_TTL="1h"), start(CACHE_EXTENSION_TTL="1h")
    assert one.call(READ, "parameters|limits") == "10"
    aws.parameters["/app/limits"] = "20"
    assert two.call(READ, "parameters|limits") == "20"
    assert one.call(READ, "parameters|limits") == "10"


def test_a_killed_extension_fails_its_call_and_nothing_else(start: Start) -> None:
    box = start()
    box.begin()
    (process,) = (one.process for one in box.environment._extensions)
    assert process
    process.send_signal(signal.SIGKILL)
    with pytest.raises(ExtensionError, match=r"signal: 9") as failed:
        box.environment.finish(60)
    assert failed.value.error_type == "Extension.Crash"
    assert start().call(READ, "parameters|limits") == "10"


def test_only_the_standard_library_is_imported() -> None:
    """It must run where there is no site-packages, and start fast."""
    found = set()
    for path in (LAYER / "switchyard_config_cache").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).partition(".")[0])
    assert {"json", "ssl"} <= found
    assert found - {"switchyard_config_cache"} <= set(sys.stdlib_module_names)
