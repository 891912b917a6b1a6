"""Run in a function's environment: serve its reads, refresh what it uses, and end when Lambda says so.

Between calls Lambda freezes the process. What was read lately and has expired is therefore fetched when a call begins,
and the call counts as finished only when that has arrived: a fetch that is frozen on its way would be lost.
"""

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from . import settings
from .aws import Client
from .cache import Cache, Flight
from .server import Api, Server
from .settings import Settings
from .sources import Sources

VERSION = "2020-01-01"
LONGEST_WAIT = 1.0
"""Seconds by which a refresh can prolong a call, if AWS does not answer."""
MARGIN = 0.2
"""Seconds before the deadline of a call at which the extension no longer waits for a refresh."""


class Lifecycle:
    """Lambda's Extensions API, for a registered extension."""

    def __init__(self, api: str, identifier: str) -> None:
        self._identifier = identifier
        # No timeout: the next event can be hours away, and the process is frozen meanwhile.
        self._connection = http.client.HTTPConnection(api, timeout=None)

    def next(self) -> dict[str, Any]:
        """Wait for the next event. Raise OSError if Lambda no longer answers as documented."""
        status, body = self._request("GET", "event/next", {}, b"")
        if status != 200:
            raise OSError(f"event/next answered {status}")
        found: dict[str, Any] = json.loads(body)
        return found

    def fail(self, phase: str, error: str, message: str) -> None:
        """Report why the extension ends, in `init` or `exit`: Lambda ends the environment with this reason."""
        body = json.dumps({"errorMessage": message, "errorType": error, "stackTrace": []}).encode()
        self._request("POST", f"{phase}/error", {"Lambda-Extension-Function-Error-Type": f"Extension.{error}"}, body)

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        own = {"Lambda-Extension-Identifier": self._identifier}
        self._connection.request(method, f"/{VERSION}/extension/{path}", body, {**own, **headers})
        response = self._connection.getresponse()
        return response.status, response.read()


def log(message: str, **fields: object) -> None:
    """Write one line to the function's log."""
    print(json.dumps({"extension": "switchyard-config-cache", "message": message, **fields}), flush=True)


def assemble(found: Settings) -> tuple[Cache, Api]:
    """Return the cache and the interface to it."""
    sources = Sources(found.sources, Client(found.timeout))
    cache = Cache(
        {key: source.ttl for key, source in found.sources.items()},
        sources.fetch,
        batches=sources.batches,
        stale=found.stale,
        timeout=found.timeout,
    )
    return cache, Api(found.token, cache, found.broken)


def prepare() -> tuple[Cache, Api, Settings | None]:
    """Return the cache as the environment configures it. A configuration that cannot be used is every read's answer."""
    try:
        found = settings.load(os.environ)
    except settings.Misconfigured as error:
        log("not configured", error=str(error))
        cache = Cache({}, lambda _: {})
        return cache, Api(os.environ.get("AWS_SESSION_TOKEN") or "", cache, {}, str(error)), None
    for problem in found.broken.values():
        log("name not configured", error=problem)
    return *assemble(found), found


def wait(flights: Iterable[Flight], seconds: float) -> None:
    """Wait until the flights have landed, at most this long."""
    ends = time.monotonic() + seconds
    for flight in flights:
        flight.landed.wait(max(0.0, ends - time.monotonic()))


def run(api: str, identifier: str, listening: socket.socket | OSError | ValueError) -> int:
    """Serve until SHUTDOWN. Return the status of the process."""
    lifecycle = Lifecycle(api, identifier)
    if isinstance(listening, Exception):
        message = f"CACHE_EXTENSION_PORT cannot be bound on 127.0.0.1: {listening}. Set another port."
        log("no port", error=message)
        lifecycle.fail("init", "PortUnavailable", message)
        return 1
    cache, interface, found = prepare()
    threading.Thread(target=Server(listening, interface).serve_forever, daemon=True).start()
    started = cache.refresh({*found.sources}) if found and found.startup else []
    if found and found.provisioned:  # on demand, the first call begins at once, and its reads join these flights
        wait(started, found.timeout)
    return _events(lifecycle, cache)


def _events(lifecycle: Lifecycle, cache: Cache) -> int:
    while True:
        try:
            event = lifecycle.next()
        except (OSError, http.client.HTTPException, ValueError) as error:
            log("no next event", error=str(error))
            return 1
        if event.get("eventType") == "SHUTDOWN":
            return 0
        left = float(event.get("deadlineMs") or 0) / 1000 - time.time() - MARGIN
        wait(cache.refresh(), min(LONGEST_WAIT, left))
