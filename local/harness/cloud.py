"""Start, find and stop the local cloud, and talk to it. Loopback only, dummy credentials only."""

from __future__ import annotations

import contextlib
import errno
import functools
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.gateway.environment import environment
from local.settings import ACCOUNT_ID, HOME, REGION, ROOT, patience
from tools import sessions


class LocalCloudError(Exception):
    """The local cloud cannot do what was asked. The message says what to do."""


_clients: dict[tuple[int, str], dict[Any, Any]] = {}
"""(port, agent) -> the clients of its clouds. A test has a Cloud of its own, and would make them all again."""
_making = threading.Lock()


@functools.cache
def _session(identity: tuple[tuple[str, str], ...]) -> Any:
    """Return a session of boto3 with these credentials. All sessions share the API models that they read."""
    import boto3
    import botocore.session

    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    return boto3.session.Session(botocore_session=session, **dict(identity))


@functools.cache
def _loader() -> Any:
    import botocore.loaders

    return botocore.loaders.create_loader()


class Cloud:
    """A running local cloud on 127.0.0.1:`port`. In the record of calls, its clients are *agent*."""

    def __init__(self, port: int, agent: str = "") -> None:
        self.port, self.agent = port, agent
        self.sent: list[tuple[float, str, str]] = []
        """When which service acted for another reason than a call of its API: events by source, requests to APIs."""
        self.endpoint = f"http://127.0.0.1:{port}"
        self._clients = _clients.setdefault((port, agent), {})

    def client(
        self,
        service: str,
        account: str = "",
        region: str = REGION,
        attempts: int = 8,
        **credentials: str,
    ) -> Any:
        """Return a boto3 client as the account's root (the default account unless given), or with `credentials`.

        Return the same client for the same arguments: making one takes longer than most calls.
        """
        from botocore.config import Config

        keys: dict[str, Any] = dict(credentials) or {
            "aws_access_key_id": account or "test",
            "aws_secret_access_key": "test",
        }
        identity = tuple(sorted(keys.items()))
        wanted = (identity, service, region, attempts)
        with _making:
            if wanted in self._clients:
                return self._clients[wanted]
            config = Config(
                retries={"total_max_attempts": attempts, "mode": "standard"},
                read_timeout=910,
                max_pool_connections=50,
                user_agent_extra=f"app/{self.agent}" if self.agent else None,
            )
            client: Any = _session(identity).client(
                service, region_name=region, endpoint_url=self.endpoint, config=config
            )
            _ = client.exceptions  # created now: two threads that ask first would get different classes
            if service == "s3control":
                client.meta.events.register("before-sign.s3-control", self._one_host)
            if service == "stepfunctions":
                client.meta.events.register("before-sign.sfn", self._one_host)
            self._clients[wanted] = client
            return client

    def _one_host(self, request: Any, **_: Any) -> None:
        """Use one host: S3 Control has one for each account, StartSyncExecution its own, and they do not resolve.

        They are 123456789012.127.0.0.1 and sync-127.0.0.1 here.
        """
        request.url = re.sub(rf"//(?:\d{{12}}\.|sync-)(127\.0\.0\.1:{self.port})", r"//\1", request.url)

    def control(self, method: str, path: str, data: Any = None, **query: Any) -> Any:
        """Send one command to the gateway's control interface. Raise LocalCloudError if it is refused."""
        url = f"{self.endpoint}/_switchyard/{path}?{urllib.parse.urlencode(query)}"
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(url, data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60 * patience()) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise LocalCloudError(json.load(error)["error"]) from error

    def command(self, name: str, data: dict[str, Any] | None = None) -> Any:
        """Run `<module>/<command>`, such as "kms/pass_time": what no API does. Raise LocalCloudError if refused."""
        return self.control("POST", f"commands/{name}", data or {})

    def calls(self, since: float = 0.0, principal: str = "") -> list[dict[str, Any]]:
        """Return API calls since Unix time `since` whose caller's ARN contains `principal` (`local.gateway.calls`)."""
        answer: list[dict[str, Any]] = self.control("GET", "calls", since=since, principal=principal)
        return answer

    def notifications(self, topic_arn: str) -> list[dict[str, Any]]:
        """Return what a topic sent to its subscribers: subject, message, at."""
        answer: list[dict[str, Any]] = self.command("sns/sent", {"topic": topic_arn})
        return answer

    def emit(self, source: str, detail_type: str, detail: dict[str, Any], resources: list[str] | None = None) -> None:
        """Send an event from an AWS service (`source: aws.*`) on the default bus."""
        self.sent.append((time.time(), source, detail_type))
        event = {"source": source, "detail_type": detail_type, "detail": detail, "resources": resources or []}
        self.command("eventbridge/emit", {**event, "account": ACCOUNT_ID, "region": REGION})

    @contextlib.contextmanager
    def faults(self, *rules: dict[str, Any], seed: int = 0) -> Iterator[None]:
        """Inject faults (fields of `local.gateway.faults.Rule`) for the length of a `with` block.

        Blocks may overlap and be nested: the newest with a rule that hits decides.
        """
        block = uuid.uuid4().hex
        self.control("PUT", "faults", {"block": block, "rules": list(rules), "seed": seed})
        try:
            yield
        finally:
            self.control("DELETE", "faults", block=block)

    def request(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: Any = None
    ) -> tuple[int, dict[str, str], Any]:
        """Send an HTTPS request to an API that the stack serves, by its real URL. Return status, headers, parsed body.

        The host `<api-id>.execute-api...` stands for an API of the local cloud. Other hosts are refused.
        """
        parts = urllib.parse.urlsplit(url)
        api_id, _, domain = (parts.hostname or "").partition(".")
        if not domain.startswith("execute-api."):
            raise LocalCloudError(f"{url} is not the URL of an API of the local cloud.")
        self.sent.append((time.time(), "execute-api", method))
        query = f"?{parts.query}" if parts.query else ""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60 * patience())
        try:
            data = None if body is None else json.dumps(body)
            sent = {**({"Content-Type": "application/json"} if data else {}), **(headers or {})}
            connection.request(method, f"/_aws/execute-api/{api_id}{parts.path}{query}", data, sent)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        try:
            answer = json.loads(content)
        except ValueError:
            answer = content
        return response.status, {k.lower(): v for k, v in response.getheaders()}, answer

    def running(self) -> bool:
        """Return true if a local cloud answers on this port."""
        try:
            return bool(self.control("GET", "health")["status"] == "running")
        except (OSError, LocalCloudError, ValueError):
            return False


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on loopback, by default on a free port. Raise LocalCloudError if it is in use."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended do not use it
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        message = f"Port {port} is in use. Run `make down`, or set SWITCHYARD_PORT to another port."
        raise LocalCloudError(message) from error
    return listener


def start(data_dir: Path, port: int = 0) -> tuple[Cloud, int]:
    """Start a gateway process with its state in `data_dir`. Return the cloud and its process id once it answers.

    The gateway is given a socket that listens already: no other process can take its port before it is ready.
    """
    runtime = HOME / "runtime" / "bin" / "python"
    log = data_dir / "cloud.log"
    with listen(port) as listener:
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True)
        port, descriptor = listener.getsockname()[1], listener.fileno()
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", f"from local.gateway.app import serve; serve({descriptor})"],
                cwd=ROOT,
                env=environment(port, data_dir, runtime if runtime.exists() else None),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[descriptor],
            )
    sessions.inherit_nice(process.pid)
    cloud = Cloud(port)
    deadline = time.monotonic() + 30 * patience()
    while not cloud.running():
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process.pid)
            tail = "\n".join(log.read_text().splitlines()[-15:])
            raise LocalCloudError(f"The local cloud did not start. Its log ({log}) ends with:\n{tail}")
        time.sleep(0.05)
    return cloud, process.pid


def stop(pid: int) -> None:
    """End a gateway and its function processes."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, sent)
        except (ProcessLookupError, PermissionError):
            return
        for _ in range(50):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            try:
                os.killpg(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)


@contextlib.contextmanager
def local_cloud(data_dir: Path) -> Iterator[Cloud]:
    """Start a gateway on a free port for the length of a `with` block."""
    cloud, pid = start(data_dir)
    try:
        yield cloud
    finally:
        stop(pid)
