"""Processes that run Lambda's functions: their Python, layers, errors and logs as on AWS."""

from __future__ import annotations

import hashlib
import io
import os
import queue
import signal
import subprocess
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

END_OF_LOG = "\x1eend of log"
"""What a function's worker writes to its log after each call."""


def install() -> None:
    """Correct MiniStack's workers, which run Lambda's functions."""
    _use_runtime_python()
    _unpack_layers_once()
    _name_errors()
    _keep_whole_logs()
    _resolve_account_hosts()


def _use_runtime_python() -> None:
    """Functions run on a Python that has only what the Lambda runtime ships, so a missing dependency shows."""
    python = os.environ.get("SWITCHYARD_RUNTIME_PYTHON")
    if not python:
        return
    from ministack.core import lambda_runtime

    detect = lambda_runtime._detect_runtime_binary

    def detect_runtime_binary(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        return (python, script) if runtime.startswith("python") else (binary, script)

    lambda_runtime._detect_runtime_binary = detect_runtime_binary


def _unpack_layers_once() -> None:
    """A layer is there, unpacked and compiled, before a function starts; MiniStack unpacks it at each start."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    # For what this process starts. A function's own code is compiled at each start, as on AWS, and kept nowhere.
    os.environ.pop("PYTHONPYCACHEPREFIX", None)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    folder, lock = Path(os.environ["STATE_DIR"]).parent / "layers", threading.Lock()
    spawn = lambda_runtime.Worker._spawn

    def unpacked(layer: Any, python: str) -> str:
        content = lambda_svc._resolve_layer_zip(layer)
        if content is None:
            raise RuntimeError(f"Failed to resolve layer {layer}")
        target = folder / hashlib.sha256(content).hexdigest()
        with lock:
            if not target.exists():
                zipfile.ZipFile(io.BytesIO(content)).extractall(target)
                subprocess.run([python, "-m", "compileall", "-q", target], check=False, stdout=subprocess.DEVNULL)
        return str(target)

    def spawn_with_layers(self: Any) -> None:
        config = self.config
        if config.get("Layers") and config["Runtime"].startswith("python"):
            python, _ = lambda_runtime._detect_runtime_binary(config["Runtime"])
            variables = dict((config.get("Environment") or {}).get("Variables") or {})
            variables["_LAMBDA_LAYERS_DIRS"] = os.pathsep.join(unpacked(one, python) for one in config["Layers"])
            self.config = {**config, "Layers": [], "Environment": {"Variables": variables}}
        try:
            spawn(self)
        finally:
            self.config = config

    lambda_runtime.Worker._spawn = spawn_with_layers


def _name_errors() -> None:
    """The errorType of a failed call as Lambda gives it: the exception's class, Runtime.ExitError, Sandbox.Timedout."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    # An exception is an answer, and its process lives on, as on AWS; MiniStack would end the process.
    plain = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
    answer = """{"status": "ok", "handler_error": {"errorMessage": str(e), "errorType": type(e).__name__,
                "stackTrace": traceback.format_exc().splitlines()}}"""
    assert plain in lambda_runtime._PYTHON_WORKER_SCRIPT, "MiniStack's worker has changed"
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(plain, answer)

    last = threading.local()  # a call and its worker's answer stay on one thread
    invoke, execute = lambda_runtime.Worker.invoke, lambda_svc._execute_function_warm

    def worker_invoke(self: Any, *args: Any, **kwargs: Any) -> Any:
        last.answer = {}
        last.answer = invoke(self, *args, **kwargs)
        return last.answer

    def execute_function(*args: Any) -> Any:
        last.answer = {}
        result = execute(*args)
        message = str(last.answer.get("error", ""))
        if result.get("error") and message.startswith("Worker process died"):
            exited = "RequestId: Error: Runtime exited with error: signal: killed"
            result["body"] = {"errorType": "Runtime.ExitError", "errorMessage": exited}
        elif raised := last.answer.get("handler_error"):
            log = "\n".join(filter(None, [result.get("log", ""), *raised["stackTrace"]]))
            return {"body": raised, "error": True, "log": log}
        return result

    lambda_runtime.Worker.invoke = worker_invoke
    lambda_svc._execute_function_warm = execute_function


def _keep_whole_logs() -> None:
    """All that a call logged: MiniStack stops 5 ms after a line, and the next call of the worker gets the rest."""
    from ministack.core import lambda_runtime

    answered = "        _real_stdout.flush()\n\nrun()"
    assert lambda_runtime._PYTHON_WORKER_SCRIPT.count(answered) == 1, "MiniStack's worker has changed"
    marked = f"        print({END_OF_LOG!r}, file=sys.stderr, flush=True)\n{answered}"
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(answered, marked)

    def drain(self: Any, *_: Any, **__: Any) -> str:
        lines: list[str] = []
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                line = self._stderr_queue.get(timeout=0.05)
            except queue.Empty:
                if self._proc is None:  # it died in the call
                    break
                continue
            if line.endswith(END_OF_LOG):
                lines += filter(None, [line.removesuffix(END_OF_LOG)])
                break
            lines.append(line)
        return "\n".join(lines)

    lambda_runtime.Worker._drain_stderr_bounded = drain


def _resolve_account_hosts() -> None:
    """S3 Control has a host for each account, 123456789012.127.0.0.1 here: functions find it as AWS's DNS lets them."""
    from ministack.core import lambda_runtime

    lambda_runtime._PYTHON_WORKER_SCRIPT = (
        """
def _resolve_account_hosts():
    import re, socket
    getaddrinfo = socket.getaddrinfo

    def resolved(host, *rest, **options):
        local = re.fullmatch(r"\\d{12}\\.(127\\.0\\.0\\.1)", str(host))
        return getaddrinfo(local[1] if local else host, *rest, **options)

    socket.getaddrinfo = resolved

_resolve_account_hosts()
"""
        + lambda_runtime._PYTHON_WORKER_SCRIPT
    )


def kill_function(name: str) -> int:
    """SIGKILL the running processes of a function; how many were hit."""
    from ministack.core import lambda_runtime

    killed = 0
    for pool in list(lambda_runtime._workers.values()):
        for worker in list(pool) if isinstance(pool, (list, set, tuple)) else [pool]:
            process = worker._proc
            if worker.func_name == name and worker.in_use and process and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
    return killed


def peak_memory_kib(name: str) -> int:
    """Peak resident set of the live processes of a function, in KiB (VmHWM; Linux only, else 0)."""
    from ministack.core import lambda_runtime

    peak = 0
    for pool in list(lambda_runtime._workers.values()):
        for worker in list(pool) if isinstance(pool, (list, set, tuple)) else [pool]:
            if worker.func_name != name or not worker._proc:
                continue
            status = Path(f"/proc/{worker._proc.pid}/status")
            if status.exists():
                line = next((s for s in status.read_text().splitlines() if s.startswith("VmHWM")), "VmHWM: 0")
                peak = max(peak, int(line.split()[1]))
    return peak
