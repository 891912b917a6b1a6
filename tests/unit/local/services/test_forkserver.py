"""Forked processes: what a script finds is what an interpreter of its own would give it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.services import forkserver
from local.services.forkserver import Process

pytestmark = pytest.mark.skipif(not forkserver.supported(), reason="needs pidfds: Linux")

Start = Callable[..., Process]
ECHO = """
import sys
for line in sys.stdin:
    print(line.strip().upper(), flush=True)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(script, **environment)`: a process of the script, in a directory `code` next to it."""
    started = []

    def begin(script: str, **env: str) -> Process:
        path, code = tmp_path / "_worker.py", tmp_path / "code"
        path.write_text(textwrap.dedent(script))
        code.mkdir(exist_ok=True)
        started.append(Process([sys.executable, str(path)], cwd=str(code), env=env))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


def test_a_script_has_its_own_streams_directory_and_environment(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_GATEWAY", "1")
    process = start(
        """
        import json, os, sys
        given = sys.stdin.readline()
        print("to the log", file=sys.stderr)
        print(json.dumps([given, os.getcwd(), dict(os.environ), sys.argv, sys.path[0], __name__]))
        """,
        NAME="value",
    )
    process.stdin.write("a line\n")
    script = str(tmp_path / "_worker.py")
    found = json.loads(process.stdout.readline())
    assert found == ["a line\n", str(tmp_path / "code"), {"NAME": "value"}, [script], str(tmp_path), "__main__"]
    assert process.stderr.read() == "to the log\n"
    assert process.wait(60) == process.poll() == 1


def test_what_a_script_prints_last_arrives_and_its_threads_are_waited_for(start: Start) -> None:
    process = start(
        "import atexit, threading; atexit.register(print, 'end'); threading.Timer(0.05, print, ['late']).start()"
    )
    assert process.stdout.read() == "late\nend\n"


def test_an_exception_is_printed_and_ends_the_process(start: Start) -> None:
    process = start("raise ValueError('odd')")
    assert process.stderr.read().endswith("ValueError: odd\n")
    assert process.wait(60) == 1


def test_a_process_ends_when_its_input_ends_whatever_others_hold(start: Start) -> None:
    first, second = start(ECHO), start(ECHO)
    first.stdin.close()
    assert first.stdout.read() == ""
    first.wait(60)
    second.stdin.write("still here\n")
    assert second.stdout.readline() == "STILL HERE\n"
    assert second.poll() is None


@pytest.mark.parametrize("end", [Process.kill, Process.terminate, lambda one: one.send_signal(signal.SIGUSR1)])
def test_a_process_can_be_ended(start: Start, end: Callable[[Process], None]) -> None:
    process = start(ECHO)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.stdin.write("a\n")  # it runs: before that, a signal would come while it starts
    assert process.stdout.readline() == "A\n"
    end(process)
    assert process.wait(60) == 1
    end(process)  # again: nothing to do


def test_a_script_can_wait_for_its_own_processes(start: Start) -> None:
    process = start("import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'exit(3)']).returncode)")
    assert process.stdout.read() == "3\n"


def test_the_sdk_is_imported_already_unless_the_code_or_a_layer_has_its_own(start: Start, tmp_path: Path) -> None:
    script = """
        import os, sys
        print("boto3" in sys.modules)
        sys.path[:0] = [os.getcwd(), os.environ["_LAMBDA_LAYERS_DIRS"] + "/python"]
        import jmespath
        print(getattr(jmespath, "whose", "the runtime's"))
    """
    layer = tmp_path / "layer"
    assert start(script, _LAMBDA_LAYERS_DIRS=str(layer)).stdout.read() == "True\nthe runtime's\n"
    (layer / "python").mkdir(parents=True)
    (layer / "python" / "jmespath.py").write_text("whose = 'the layer'")
    assert start(script, _LAMBDA_LAYERS_DIRS=str(layer)).stdout.read() == "False\nthe layer\n"
    site = layer / "python" / "lib" / "python3.13" / "site-packages"
    site.mkdir(parents=True)
    (layer / "python" / "jmespath.py").rename(site / "jmespath.py")
    assert start(script, _LAMBDA_LAYERS_DIRS=str(layer)).stdout.readline() == "False\n"
    (site / "jmespath.py").unlink()
    (tmp_path / "code" / "jmespath").mkdir()
    (tmp_path / "code" / "jmespath" / "__init__.py").write_text("whose = 'the package'")
    assert start(script, _LAMBDA_LAYERS_DIRS=str(layer)).stdout.read() == "False\nthe package\n"


def test_what_one_has_read_of_the_sdk_others_have_as_it_was(start: Start) -> None:
    script = """
        import os, sys
        read = []
        sys.addaudithook(lambda event, given: read.append(str(given[0])) if event == "open" else None)
        import boto3
        model = boto3.client("kms", region_name="eu-west-1").meta.service_model._service_description
        print(len([path for path in read if path.startswith(os.path.dirname(boto3.__file__)[:-5] + "botocore/data")]))
        print(model["metadata"].pop("serviceId"))
    """
    before = forkserver.server(sys.executable).process
    before.kill()  # a new one has read nothing
    before.wait(60)
    assert int(start(script).stdout.readline()) > 3
    found = [start(script).stdout.read().split() for _ in range(2)]
    assert found == [["0", "KMS"]] * 2


def test_two_processes_have_different_random_numbers(start: Start) -> None:
    script = "import random, uuid; print(random.random(), uuid.uuid4())"
    first, second = (start(script).stdout.read().split() for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_a_server_that_was_killed_is_started_again(start: Start) -> None:
    assert start("print(1)").stdout.read() == "1\n"
    server = forkserver.server(sys.executable)
    server.process.kill()
    server.process.wait(60)
    with pytest.raises(BrokenPipeError):
        server.start("script.py", "/", {}, (0, 1, 2))
    assert start("print(2)").stdout.read() == "2\n"
    assert forkserver.server(sys.executable) is not server


def test_a_server_ends_with_the_gateway() -> None:
    server = forkserver.Server(sys.executable)
    server.close()
    assert server.process.wait(60) == 0
