"""Lambda's Extensions API, and the processes of external extensions, for one execution environment.

The life of an environment is that of the developer guide, the answers are those of AWS's Runtime Interface Emulator:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
https://github.com/aws/aws-lambda-runtime-interface-emulator

- Init: each file of `extensions/` in a layer is started. The runtime starts when all have registered; Init ends when
  the runtime and all extensions are ready (`/event/next`), within 10 seconds.
- Invoke: the extensions get INVOKE. The call ends when the runtime and all of them are ready again. Then all processes
  are frozen.
- Shutdown: the extensions get SHUTDOWN and 2 seconds, then they are killed.
- An extension that ends, with any status, before that is a crash: the call fails, and so does the environment.
"""

from __future__ import annotations

import contextlib
import errno
import http.server
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local.services import sandbox
from local.settings import patience

VERSION = "/2020-01-01/extension/"
EVENTS = ("INVOKE", "SHUTDOWN")
INIT_SECONDS, SHUTDOWN_SECONDS = 10.0, 2.0
MOST = 10
"""Extensions of a function (Lambda developer guide, "Lambda quotas")."""
# Variables that extensions do not get (developer guide, "Accessing environment variables" of extensions).
NOT_FOR_EXTENSIONS = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_PORT",
        "_HANDLER",
    }
)
# What an environment has on its PATH: the runtime brings nothing else that an extension could count on.
_TOOLS = ("bash", "cat", "env", "ls", "mkdir", "printenv", "sh", "sleep")
_PYTHON = """#!/bin/sh
# The runtime's Python, whose loopback ports are those of this environment.
for option; do
  case "$option" in -c* | -m*) exec "{python}" "$@" ;; -*) ;; *) break ;; esac
done
options=
while case "$1" in -*) true ;; *) false ;; esac; do options="$options $1"; shift; done
exec "{python}" $options "{hook}" "$@"
"""
_HOOK = """
install()
import sys
sys.argv[:] = sys.argv[1:]
__file__ = sys.argv[0]
exec(compile(open(__file__).read(), __file__, "exec"))
"""


class ExtensionError(Exception):
    """An environment that failed because of an extension: Lambda's error type and message."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class _Extension:
    """One external extension. The environment's condition protects it."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.name
        self.identifier = str(uuid.uuid4())
        self.process: subprocess.Popen[str] | None = None
        self.reader: threading.Thread | None = None
        self.registered = self.ready = False
        self.events: list[str] = []
        self.waiting: queue.Queue[dict[str, Any]] = queue.Queue()
        self.reported = ""
        self.frozen = False

    def signal(self, number: int) -> None:
        """Send a signal, if the process is alive."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)


class Environment:
    """The extensions of one execution environment."""

    def __init__(
        self, function: Mapping[str, str], layers: Sequence[Path], variables: Mapping[str, str], python: str = ""
    ) -> None:
        """Set the function (`name`, `version`, `handler`, `account`), its unpacked layers and its environment.

        `python` is the runtime's interpreter; empty for a runtime that has none.
        """
        self._function, self._layers, self._variables, self._python = function, layers, variables, python
        found = {path.name: path for layer in layers for path in sorted((layer / "extensions").glob("*"))}
        self._extensions = [_Extension(path) for path in found.values() if path.is_file()]
        self._changed = threading.Condition()
        self._log: queue.Queue[str] = queue.Queue()
        self._over = False
        self._registering = True
        self.folder = Path(tempfile.mkdtemp(prefix="switchyard-sandbox-"))
        handler = type("Handler", (_Handler,), {"environment": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        self.api = f"127.0.0.1:{self._server.server_address[1]}"

    @staticmethod
    def needed(layers: Sequence[Path]) -> bool:
        """Return true if a layer has extensions."""
        return any((layer / "extensions").is_dir() for layer in layers)

    @property
    def own_variables(self) -> dict[str, str]:
        """Return what the function gets in addition."""
        return {"AWS_LAMBDA_RUNTIME_API": self.api, sandbox.VARIABLE: str(self.folder)}

    # --- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the extensions and wait until they have registered. Raise ExtensionError."""
        if len(self._extensions) > MOST:
            raise ExtensionError("Extension.TooManyExtensions", f"Extension limit ({MOST}) reached")
        variables = {k: v for k, v in self._variables.items() if k not in NOT_FOR_EXTENSIONS}
        variables |= {"PATH": self._path(), **self.own_variables}
        for extension in self._extensions:
            self._launch(extension, variables)
        self._wait("Extension.InitError", "register", lambda one: one.registered, INIT_SECONDS)
        self._registering = False

    def initialized(self) -> None:
        """Wait until each extension is ready for the first event. Raise ExtensionError."""
        self._wait("Extension.InitError", "call /event/next", lambda one: one.ready, INIT_SECONDS)

    def invoke(self, request_id: str, arn: str, seconds: float) -> None:
        """Unfreeze the environment and announce a call."""
        event = {
            "eventType": "INVOKE",
            "deadlineMs": int((time.time() + seconds) * 1000),
            "requestId": request_id,
            "invokedFunctionArn": arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": ""},
        }
        self._send(event)

    def finish(self, seconds: float) -> None:
        """Wait until each extension is done with the call, then freeze them. Raise ExtensionError."""
        self._wait("Extension.Crash", "finish", lambda one: one.ready, seconds)
        for extension in self._extensions:
            extension.signal(signal.SIGSTOP)
            extension.frozen = True

    def shutdown(self, reason: str) -> None:
        """End the extensions: with SHUTDOWN and two seconds, and by force."""
        with self._changed:
            if self._over:
                return
            self._over = True
        self._send(
            {
                "eventType": "SHUTDOWN",
                "shutdownReason": reason,
                "deadlineMs": int((time.time() + SHUTDOWN_SECONDS) * 1000),
            }
        )
        ends = time.monotonic() + SHUTDOWN_SECONDS
        for extension in self._extensions:
            if process := extension.process:
                if "SHUTDOWN" not in extension.events:
                    extension.signal(signal.SIGKILL)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, ends - time.monotonic()))
                extension.signal(signal.SIGKILL)
                process.wait()
            if extension.reader:
                extension.reader.join(SHUTDOWN_SECONDS)
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def drain(self) -> str:
        """Return what the extensions have written since the last call, for the function's log."""
        lines = []
        with contextlib.suppress(queue.Empty):
            while True:
                lines.append(self._log.get_nowait())
        return "\n".join(lines)

    def _launch(self, extension: _Extension, variables: dict[str, str]) -> None:
        for attempt in range(20):
            try:
                extension.process = subprocess.Popen(
                    [str(extension.path)],
                    env=variables,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                )
                break
            except OSError as error:
                if error.errno != errno.ETXTBSY or attempt == 19:  # another thread forks while the layer is unpacked
                    raise ExtensionError(
                        "Extension.LaunchError", f"Error: fork/exec /opt/extensions/{extension.name}: {error.strerror}"
                    ) from error
                time.sleep(0.05)
        extension.reader = threading.Thread(target=self._read, args=(extension,), daemon=True)
        extension.reader.start()

    def _read(self, extension: _Extension) -> None:
        process = extension.process
        if not process or not process.stdout:
            return
        for line in process.stdout:
            self._log.put(line.rstrip("\n"))
        process.wait()
        with self._changed:
            self._changed.notify_all()

    def _send(self, event: dict[str, Any]) -> None:
        with self._changed:
            for extension in self._extensions:
                if event["eventType"] in extension.events:
                    extension.ready = False
                    extension.waiting.put(event)
        for extension in self._extensions:
            extension.signal(signal.SIGCONT)
            extension.frozen = False

    def _wait(self, error_type: str, what: str, done: Callable[[_Extension], bool], seconds: float) -> None:
        ends = time.monotonic() + seconds * patience()
        with self._changed:
            while True:
                for extension in self._extensions:
                    self._check(extension)
                waiting = [extension.name for extension in self._extensions if not done(extension)]
                if not waiting:
                    return
                if time.monotonic() > ends:
                    names = ", ".join(waiting)
                    raise ExtensionError(error_type, f"Error: {names} did not {what} within {seconds:g} seconds")
                self._changed.wait(0.05)

    def _check(self, extension: _Extension) -> None:
        if extension.reported:
            raise ExtensionError(extension.reported, f"Error: {extension.name} reported {extension.reported}")
        status = extension.process.poll() if extension.process else None
        if status is not None:
            what = f"exit status {status}" if status > 0 else "exit code 0" if status == 0 else f"signal: {-status}"
            raise ExtensionError("Extension.Crash", f"Error: {extension.name}: {what}")

    def _path(self) -> str:
        """Return a PATH as an environment has it: the runtime's interpreter, the layers' bin, and a few tools."""
        tools = self.folder / "bin"
        tools.mkdir()
        for name in _TOOLS:
            if found := shutil.which(name):
                (tools / name).symlink_to(found)
        if self._python:
            hook = self.folder / "hook.py"
            hook.write_text(Path(sandbox.__file__).read_text() + _HOOK)
            (tools / "python3").write_text(_PYTHON.format(python=self._python, hook=hook))
            (tools / "python3").chmod(0o755)
        return os.pathsep.join(str(path) for path in (tools, *(layer / "bin" for layer in self._layers)))

    # --- requests -----------------------------------------------------------------------------------------------

    def register(self, name: str, body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Answer a registration."""
        try:
            asked = json.loads(body)
            events = asked["events"] if isinstance(asked, dict) and isinstance(asked.get("events"), list) else []
        except ValueError as error:
            return _refused("InvalidRequestFormat", str(error))
        found = [one for one in self._extensions if one.name == name]
        if not name:
            return _refused("Extension.InvalidExtensionName", "Empty extension name")
        if not found and ("SHUTDOWN" in events or not self._registering):
            # Not a file's name: an internal extension, which cannot have SHUTDOWN.
            kind = "Extension.InvalidEventType" if self._registering else "Extension.RegistrationClosed"
            return _refused(kind, f"{name} is not a file in /opt/extensions")
        if unknown := [event for event in events if event not in EVENTS]:
            return _refused("Extension.InvalidEventType", f"{unknown[0]}: ErrorInvalidEventType")
        with self._changed:
            extension = found[0] if found else _Extension(Path(name))
            if extension.registered:
                return _refused("Extension.InvalidExtensionState", f"{name} has registered already")
            extension.registered, extension.events = True, events
            if not found:
                self._extensions.append(extension)
            self._changed.notify_all()
        function = self._function
        answer = {"functionName": function["name"], "functionVersion": function["version"]}
        answer |= {"handler": function["handler"]}
        return 200, {"Lambda-Extension-Identifier": extension.identifier}, answer

    def next_event(self, identifier: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Answer with the next event, when there is one."""
        extension = self._by(identifier)
        if not extension:
            return _refused("Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")
        with self._changed:
            if extension.waiting.empty():
                extension.ready = True
            self._changed.notify_all()
        return 200, {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())}, extension.waiting.get()

    def failed(self, identifier: str, phase: str, error_type: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Answer an extension that reports its own failure: the environment ends with it."""
        extension = self._by(identifier)
        if not extension:
            return _refused("Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")
        if not error_type:
            return _refused("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
        with self._changed:
            extension.reported = "Extension.InitError" if phase == "init" else "Extension.ExitError"
            self._log.put(f"EXTENSION\tName: {extension.name}\tError Type: {error_type}")
            self._changed.notify_all()
        return 202, {}, {"status": "OK"}

    def _by(self, identifier: str) -> _Extension | None:
        with self._changed:
            return next((one for one in self._extensions if one.identifier == identifier and one.registered), None)


def _refused(error_type: str, message: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    return 403, {}, {"errorMessage": message, "errorType": error_type}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    environment: Environment

    def do_GET(self) -> None:
        if self.path == f"{VERSION}event/next":
            self._answer(*self.environment.next_event(self._header("Identifier")))
        else:
            self._answer(404, {}, {"errorMessage": "page not found", "errorType": "NotFound"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == f"{VERSION}register":
            self._answer(*self.environment.register(self._header("Name"), body))
        elif found := re.fullmatch(rf"{VERSION}(init|exit)/error", self.path):
            reason = self._header("Function-Error-Type")
            self._answer(*self.environment.failed(self._header("Identifier"), found[1], reason))
        else:
            self._answer(404, {}, {"errorMessage": "page not found", "errorType": "NotFound"})

    def _header(self, name: str) -> str:
        return self.headers.get(f"Lambda-Extension-{name}") or ""

    def _answer(self, status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            **headers,
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the library
        """Log no request."""
