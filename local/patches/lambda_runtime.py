"""The processes that run Lambda functions: their Python, layers, errors and logs as on AWS."""

from __future__ import annotations

import functools
import hashlib
import io
import math
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.patches import lambda_extensions
from local.patches.registry import Original, PatchError, patch
from local.services import forkserver, sandbox
from local.settings import patience

RUNTIME = "ministack.core.lambda_runtime"

NICE = 5  # a function's start takes half a second of a core, in which the services must go on answering
MOST, WAIT = 4, 2.0
"""Processes of a function beyond which a call waits for a free one, and the seconds after which it gets another."""
END_OF_LOG = "\x1eend of log"
"""What a function's worker writes to its log after each call."""

# S3 Control has a host for each account, 123456789012.127.0.0.1 here, and StartSyncExecution one of its own,
# sync-127.0.0.1: functions must resolve them as AWS's DNS does.
_ACCOUNT_HOSTS = """
def _resolve_account_hosts():
    import re, socket
    getaddrinfo = socket.getaddrinfo

    def resolved(host, *rest, **options):
        local = re.fullmatch(r"(?:\\d{12}\\.|sync-)(127\\.0\\.0\\.1)", str(host))
        return getaddrinfo(local[1] if local else host, *rest, **options)

    socket.getaddrinfo = resolved

_resolve_account_hosts()
"""
# An exception is an answer, and the process stays alive, as on AWS. MiniStack would end the process.
_PLAIN_ERROR = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_NAMED_ERROR = """{"status": "ok", "handler_error": {"errorMessage": str(e), "errorType": type(e).__name__,
                "stackTrace": traceback.format_exc().splitlines()}}"""
_ANSWERED = "        _real_stdout.flush()\n\nrun()"
_MARKED = f"        print({END_OF_LOG!r}, file=sys.stderr, flush=True)\n{_ANSWERED}"

# A function and its extensions share loopback ports, and no other function has them, as on AWS.
_SANDBOX = Path(sandbox.__file__).read_text() + "\ninstall()\n"

_layers, _leasing = threading.Lock(), threading.Lock()
_started: dict[str, float] = {}
"""When the last process of a function was leased for the first time, by the function's ARN."""
_last = threading.local()
"""`answer`: the worker's answer to the call that the thread makes."""


@functools.cache
def worker_script(plain: str) -> str:
    """Return MiniStack's script of a Python worker with our corrections. Raise PatchError if it has changed."""
    for replaced, by in ((_PLAIN_ERROR, _NAMED_ERROR), (_ANSWERED, _MARKED)):
        if plain.count(replaced) != 1:
            raise PatchError(f"{RUNTIME}._PYTHON_WORKER_SCRIPT changed: expected once\n{replaced}")
        plain = plain.replace(replaced, by)
    return _SANDBOX + _ACCOUNT_HOSTS + plain


@patch(
    RUNTIME,
    "_detect_runtime_binary",
    because="Functions have only Lambda's libraries, survive exceptions, mark a log's end, resolve account hosts.",
)
def detect_runtime_binary(original: Original, runtime: str) -> tuple[str, str]:
    """Return the Python that runs a function, and its worker's script."""
    binary, script = original(runtime)
    if not runtime.startswith("python"):
        return binary, script
    return os.environ.get("SWITCHYARD_RUNTIME_PYTHON") or binary, worker_script(script)


@patch(
    RUNTIME,
    "Worker._spawn",
    because="MiniStack unpacks and compiles a layer at each start of a process, and starts no extensions.",
)
def spawn(original: Original, self: Any) -> None:
    """Start a process whose layers are already unpacked and compiled, and their extensions before it."""
    config = self.config
    python = config["Runtime"].startswith("python")
    variables = dict((config.get("Environment") or {}).get("Variables") or {})
    layers = [unpacked(one) for one in config.get("Layers") or []]
    try:
        added = lambda_extensions.begin(self, layers, variables)
        if layers and python:
            added = {**added, "_LAMBDA_LAYERS_DIRS": os.pathsep.join(map(str, layers))}
            self.config = {**config, "Layers": []}
        self.config = {**self.config, "Environment": {"Variables": {**variables, **added}}}
        original(self)
        os.setpriority(os.PRIO_PROCESS, self._proc.pid, NICE)
        lambda_extensions.initialized(self)
    finally:
        self.config = config


@patch(
    RUNTIME,
    "subprocess",
    because="MiniStack starts an interpreter for each environment, half of whose time is the import of the SDK.",
)
def forking(plain: Any) -> Any:
    """Return `subprocess` whose `Popen` forks the processes of Python functions, unless SWITCHYARD_FORK is 0."""
    possible = forkserver.supported() and os.environ.get("SWITCHYARD_FORK") != "0"

    def popen(arguments: list[str], *, cwd: str, env: dict[str, str], **more: Any) -> Any:
        if possible and arguments[-1].endswith("_worker.py"):
            return forkserver.Process(arguments, cwd=cwd, env=env)
        return plain.Popen(arguments, cwd=cwd, env=env, **more)

    return types.SimpleNamespace(**{**vars(plain), "Popen": popen})


@functools.lru_cache(256)
def _digest(content: bytes) -> str:
    """Return the SHA-256 of a layer's zip. Each start of a process would wait for it, a tenth of a second for 20 MB."""
    return hashlib.sha256(content).hexdigest()


def unpacked(layer: Any) -> Path:
    """Return the folder with a layer's files, with the modes that its zip gives them and its libraries compiled."""
    content = lambda_svc._resolve_layer_zip(layer)
    if content is None:
        raise RuntimeError(f"Failed to resolve layer {layer}")
    target = Path(os.environ["STATE_DIR"]).parent / "layers" / _digest(content)
    python, _ = lambda_runtime._detect_runtime_binary("python3.13")
    with _layers:
        if not target.exists():
            partial = target.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            with zipfile.ZipFile(io.BytesIO(content)) as layers:
                layers.extractall(partial)
                for entry in layers.infolist():
                    if not entry.is_dir() and (mode := entry.external_attr >> 16 & 0o777):
                        (partial / entry.filename).chmod(mode)
            # What is not in python/ is compiled at each start, as on AWS.
            subprocess.run(
                [python, "-m", "compileall", "-q", partial / "python"], check=False, stdout=subprocess.DEVNULL
            )
            partial.rename(target)
    return target


@patch(
    "ministack.services.lambda_svc",
    "acquire_worker",
    because="MiniStack starts a process for each call that finds none free: dozens in a burst, on a few cores.",
)
def acquire_worker(
    original: Original,
    func_name: str,
    config: dict[str, Any],
    code_zip: bytes,
    qualifier: str = "$LATEST",
    max_concurrency: int | None = None,
) -> tuple[Any, str]:
    """Lease a process for a call: a free one, or a new one. AWS starts as many as there are calls, at no cost to them.

    Above MOST, a new one starts only every WAIT seconds: those that there are may be of calls that wait for this one.
    """
    function = config.get("FunctionArn", func_name)
    while True:
        with _leasing:
            late = time.monotonic() >= _started.get(function, -math.inf) + WAIT
            limit = max_concurrency if late else MOST
            worker, how = original(func_name, config, code_zip, qualifier=qualifier, max_concurrency=limit)
            if how == "spawn":
                _started[function] = time.monotonic()
        if worker is not None or late:
            return worker, how
        time.sleep(0.02)


@patch(
    RUNTIME,
    "Worker.invoke",
    because="`execute_function_warm` needs the worker's own answer; on AWS a function does not wait for a core.",
)
def invoke(original: Original, self: Any, *rest: Any, **more: Any) -> Any:
    """Send an event to a worker, and keep its answer. The call and its caller stay on one thread.

    The timeout applies to an idle machine. On a busy one it is longer, and so is the remaining time in the context.
    """
    config, _last.answer = self.config, {}
    self.config = {**config, "Timeout": math.ceil(config.get("Timeout", 30) * patience())}
    try:
        _last.answer = original(self, *rest, **more)
    except (RuntimeError, BrokenPipeError) as error:
        # A process that was killed while it started. MiniStack would end all environments of the function with it.
        if not isinstance(error, BrokenPipeError) and "exited immediately" not in str(error):
            raise
        _last.answer = {"status": "error", "error": f"Worker process died: {error}"}
    finally:
        self.config = config
    return _last.answer


@patch(
    "ministack.services.lambda_svc",
    "_execute_function_warm",
    because="errorType is the exception's class or Runtime.ExitError; MiniStack has one type for all failures.",
)
def execute_function_warm(original: Original, func: dict[str, Any], event: Any, request_id: str) -> Any:
    """Run a function; describe a failure as Lambda does."""
    _last.answer = {}
    result = original(func, event, request_id)
    message = str(_last.answer.get("error", ""))
    if result.get("error") and message.startswith("Worker process died"):
        exited = "RequestId: Error: Runtime exited with error: signal: killed"
        result["body"] = {"errorType": "Runtime.ExitError", "errorMessage": exited}
    elif raised := _last.answer.get("handler_error"):
        log = "\n".join(filter(None, [result.get("log", ""), *raised["stackTrace"]]))
        return {"body": raised, "error": True, "log": log}
    return result


@patch(
    RUNTIME,
    "Worker._drain_stderr_bounded",
    because="MiniStack stops 5 ms after a line, and the next call of the worker gets the rest of the log.",
)
def drain_stderr_bounded(self: Any, *_: Any, **__: Any) -> str:
    """Return all that a call logged."""
    lines: list[str] = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            line = self._stderr_queue.get(timeout=0.05)
        except queue.Empty:
            if self._proc is None:  # it ended during the call
                break
            continue
        if line.endswith(END_OF_LOG):
            lines += filter(None, [line.removesuffix(END_OF_LOG)])
            break
        lines.append(line)
    return "\n".join(lines)


def start() -> None:
    """Check the worker's script. Keep no bytecode of functions: they are compiled at each start, as on AWS."""
    worker_script(lambda_runtime._PYTHON_WORKER_SCRIPT)
    os.environ.pop("PYTHONPYCACHEPREFIX", None)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def _workers(function: str) -> Iterator[Any]:
    """Iterate over the workers of a function that have a process."""
    for pool in list(lambda_runtime._workers.values()):
        for worker in list(pool) if isinstance(pool, (list, set, tuple)) else [pool]:
            if worker.func_name == function and worker._proc:
                yield worker


def kill(function: str) -> int:
    """SIGKILL the processes of a function that are running a call; return how many."""
    running = [one for one in _workers(function) if one.in_use and one._proc.poll() is None]
    for worker in running:
        worker._proc.send_signal(signal.SIGKILL)
    return len(running)


def memory(function: str) -> int:
    """Return the peak resident set of a function's live processes in KiB (VmHWM; Linux only, else 0)."""
    peak = 0
    for worker in _workers(function):
        status = Path(f"/proc/{worker._proc.pid}/status")
        if status.exists():
            line = next((s for s in status.read_text().splitlines() if s.startswith("VmHWM")), "VmHWM: 0")
            peak = max(peak, int(line.split()[1]))
    return peak


COMMANDS = {"kill": kill, "memory": memory}
