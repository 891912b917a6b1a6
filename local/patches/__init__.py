"""MiniStack set up for Switchyard: environment, moto beside it, and the corrections of its answers."""

from __future__ import annotations

import collections
import hashlib
import importlib
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

from local.settings import ACCOUNT_ID, REGION

notifications: collections.deque[dict[str, Any]] = collections.deque(maxlen=10_000)
"""Messages that topics sent to their subscribers, oldest first: topic, subject, message, at (Unix seconds)."""

END_OF_LOG = "\x1eend of log"
"""What a function's worker writes to its log after each call."""


def environment(port: int, data_dir: Path, runtime_python: Path | None = None) -> dict[str, str]:
    """The whole environment of the gateway process: nothing of the user's AWS settings gets in."""
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPYCACHEPREFIX")
    return {
        **{name: os.environ[name] for name in keep if name in os.environ},
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "MINISTACK_AUTOCREATE_AWS_MANAGED": "1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "INFO",
        "S3_DATA_DIR": str(data_dir / "s3"),
        "STATE_DIR": str(data_dir / "state"),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
        **({"SWITCHYARD_RUNTIME_PYTHON": str(runtime_python)} if runtime_python else {}),
    }


# Modules that correct or extend an engine; each has an `install()`.
CORRECTIONS = (
    "local.permissions",
    "local.services.bridge",
    "local.patches.stepfunctions",
    "local.patches.eventbridge",
    "local.patches.cloudwatch_metrics",
    "local.patches.athena",
    "local.patches.cognito",
    "local.patches.ses",
    "local.patches.cloudwatch_emf",
    "local.patches.dynamodb",
    "local.patches.cognito_verification",
    "local.patches.secretsmanager",
    "local.patches.s3_listing",
    "local.patches.s3_public_access",
    "local.patches.s3_writes",
    "local.patches.ec2",
    "local.patches.waf",
    "local.patches.waf_logging",
    "local.patches.firehose",
    "local.patches.scheduler",
    "local.patches.kms",
    "local.patches.cloudwatch_alarms",
    "local.patches.organizations",
    "local.patches.sns_chatbot",
    "local.patches.lambda_sqs",
)


def install() -> None:
    """Apply every correction; called once, before the first request."""
    for name in CORRECTIONS:
        importlib.import_module(name).install()
    _use_runtime_python()
    _unpack_layers_once()
    _name_errors()
    _keep_whole_logs()
    _resolve_account_hosts()
    _keep_notifications()


def command(name: str, data: dict[str, Any]) -> Any:
    """Run ``COMMANDS[...]`` of a correction; *name* is ``module/command``, *data* its keyword arguments."""
    module, _, verb = name.partition("/")
    path = f"{__name__}.{module}"
    commands = getattr(importlib.import_module(path), "COMMANDS", {}) if path in CORRECTIONS else {}
    if verb not in commands:
        raise ValueError(f"no engine command {name!r}")
    return commands[verb](**data)


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


def _keep_notifications() -> None:
    """Keep what topics sent out: it is all that a test can see of an e-mail."""
    from ministack.services import sns

    fanout = sns._fanout

    def kept(topic_arn: str, message_id: str, message: str, subject: str = "", *rest: Any, **options: Any) -> Any:
        notifications.append({"topic": topic_arn, "subject": subject, "message": message, "at": time.time()})
        return fanout(topic_arn, message_id, message, subject, *rest, **options)

    sns._fanout = kept


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
