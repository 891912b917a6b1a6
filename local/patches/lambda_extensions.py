"""External extensions of functions: MiniStack starts none. Environments are those of `local.services.extensions`."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime

from local.patches.registry import Original, patch
from local.services.extensions import Environment, ExtensionError

RUNTIME = "ministack.core.lambda_runtime"
_call = threading.local()
"""`id`, `arn`, `seconds`: the call that the thread makes."""


def begin(worker: Any, layers: Sequence[Path], variables: Mapping[str, str]) -> Mapping[str, str]:
    """Start the extensions of a worker's layers. Return what the function gets in its environment."""
    end(worker, "failure")
    if not Environment.needed(layers):
        return {}
    config = worker.config
    account, region = lambda_runtime._account_region_from_function_config(config)
    port = os.environ.get("GATEWAY_PORT", os.environ.get("EDGE_PORT", "4566"))
    given = {
        "AWS_ENDPOINT_URL": os.environ.get("AWS_ENDPOINT_URL") or f"http://127.0.0.1:{port}",
        "LANG": "en_US.UTF-8",
        **variables,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **lambda_runtime.execution_credentials(config),
        "AWS_LAMBDA_FUNCTION_NAME": config.get("FunctionName", ""),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    }
    function = {"name": config.get("FunctionName", ""), "version": config.get("Version", "$LATEST")}
    function |= {"handler": config.get("Handler", ""), "account": account}
    python = os.environ.get("SWITCHYARD_RUNTIME_PYTHON", "") if config["Runtime"].startswith("python") else ""
    worker.extensions = Environment(function, layers, given, python)
    worker.extensions.start()
    return {**worker.extensions.own_variables, "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}


def initialized(worker: Any) -> None:
    """Wait until the extensions are ready, and announce the call that made the environment start."""
    if environment := getattr(worker, "extensions", None):
        environment.initialized()
        announce(worker)


def announce(worker: Any) -> None:
    """Send INVOKE to the extensions, if a call is under way."""
    environment = getattr(worker, "extensions", None)
    if environment and getattr(_call, "id", ""):
        environment.invoke(_call.id, _call.arn, _call.seconds)


def finished(worker: Any, answer: dict[str, Any]) -> dict[str, Any]:
    """Wait for the extensions, freeze them, and add their output to the call's log.

    A function that timed out or ended takes its environment along. An extension that ended fails the call.
    """
    environment = getattr(worker, "extensions", None)
    if not environment:
        return answer
    if worker._proc is None:
        end(worker, "timeout" if "timed out" in str(answer.get("error", "")) else "failure")
    else:
        try:
            environment.finish(_call.seconds)
        except ExtensionError as error:
            answer = failure(worker, error)
    answer["log"] = "\n".join(filter(None, [answer.get("log", ""), environment.drain()]))
    return answer


def failure(worker: Any, error: ExtensionError) -> dict[str, Any]:
    """End an environment because of an extension. Return the answer to the call, as a worker's."""
    process, worker._proc = worker._proc, None
    lambda_runtime._signal(process)
    lambda_runtime._collect(process, time.monotonic() + lambda_runtime._REAP_GRACE)
    end(worker, "failure")
    log = worker.extensions.drain() if getattr(worker, "extensions", None) else ""
    shown = {"errorType": error.error_type, "errorMessage": f"RequestId: {getattr(_call, 'id', '')} {error}"}
    return {"status": "ok", "handler_error": {**shown, "stackTrace": []}, "log": log}


def end(worker: Any, reason: str) -> None:
    """Shut the extensions of a worker down."""
    if environment := getattr(worker, "extensions", None):
        environment.shutdown(reason)


@patch(
    RUNTIME,
    "Worker.invoke",
    because="MiniStack has no extensions: a call begins with INVOKE and ends when they are ready for the next event.",
)
def invoke(original: Original, self: Any, event: Any, request_id: str, **more: Any) -> dict[str, Any]:
    """Send an event to a worker and its extensions."""
    _call.id, _call.arn, _call.seconds = request_id, self.config.get("FunctionArn", ""), self.config.get("Timeout", 3)
    try:
        if self._proc is not None and self._proc.poll() is None:
            announce(self)
        return finished(self, original(self, event, request_id, **more))
    except ExtensionError as error:
        return failure(self, error)


@patch(
    RUNTIME,
    "kill_workers",
    because="MiniStack has no extensions, which AWS shuts down with their environment.",
)
def kill_workers(original: Original, workers: Any) -> None:
    """End workers with their extensions, all at once."""
    ending = [threading.Thread(target=end, args=(worker, "spindown")) for worker in workers if worker is not None]
    for thread in ending:
        thread.start()
    original(workers)
    for thread in ending:
        thread.join()
