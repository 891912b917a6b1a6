"""order_authorization: decision calls and latency, one by one and in batches; the authorizer's start and calls.

Times contain Cedar's real cost and `NETWORK` seconds added to each call of Verified Permissions: the source's 800 ms
for 20 single calls are 40 ms per call. DynamoDB answers without such a delay.
"""

from __future__ import annotations

import contextlib
import functools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local.harness import scenario
from local.harness.cloud import Cloud, local_cloud
from local.harness.terraform import Terraform
from local.settings import HOME
from scenarios.identity import order_authorization as subject
from tools import package

NETWORK = 0.04
DELAY = {"principal": "switchyard-orders", "service": "verifiedpermissions", "kind": "latency", "seconds": NETWORK}
RUNS = 15


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 2), "unit": unit})

    with _stack() as stack:
        shop = subject.Shop(stack)
        for store, count in {"1": 20, "3": 31}.items():
            shop.stock(store, count)
        note("zip size", (HOME / "build/identity/order_authorization.zip").stat().st_size / 1000, "kB")
        event = _event(shop, "000")
        note("authorizer, cold start to first answer", _timed(lambda: _invoke(stack, event)), "ms")
        warm = [_timed(lambda: _invoke(stack, event)) for _ in range(200)]
        note("authorizer, warm, p50 (no network delay)", statistics.median(warm), "ms")
        note("authorizer, warm, p99 (no network delay)", statistics.quantiles(warm, n=100)[98], "ms")
        _calls(shop, note)
        note("network delay added to each decision call", NETWORK * 1000, "ms")
        with stack.cloud.faults(DELAY):
            _latency(shop, note)
    return results


def _calls(shop: subject.Shop, note: Callable[[str, float, str], None]) -> None:
    for store, count in {"1": 20, "3": 31}.items():
        started = time.time()
        _, page = shop.call("ada", "GET", f"/store/{store}/orders")
        assert len(page["orders"]) == count, page
        note(f"decision calls of a list of {count}", shop.decisions(started, "list"), "calls")
    started = time.time()
    for view in ("", "/label", "/receipt"):
        assert shop.call("ada", "GET", f"/store/1/order/001{view}")[0] == 200
    note("authorizer runs for an order, its label and receipt", shop.decisions(started, "authorizer"), "runs")


def _latency(shop: subject.Shop, note: Callable[[str, float, str], None]) -> None:
    orders = [f"{number:03d}" for number in range(20)]
    actions = subject.ORDER_ACTIONS

    def compare(what: str, requests: list[tuple[str, str]], claimed: tuple[int, int]) -> None:
        def one_by_one() -> None:
            for request in requests:
                _decide(shop, [request])

        single = [_timed(one_by_one) for _ in range(RUNS)]
        batch = [_timed(lambda: _decide(shop, requests)) for _ in range(RUNS)]
        before, after = statistics.median(single), statistics.median(batch)
        note(f"{what}: one by one, p50 (source: {claimed[0]})", before, "ms")
        note(f"{what}: in one batch, p50 (source: {claimed[1]})", after, "ms")
        note(f"{what}: times as fast (source: {claimed[0] / claimed[1]:.1f})", before / after, "x")

    compare("list of 20, decisions", [("GetOrder", order) for order in orders], (800, 79))
    compare("actions of an order, decisions", [(action, "001") for action in actions], (500, 150))

    lists = [_timed(lambda: _ok(shop.call("ada", "GET", "/store/1/orders"))) for _ in range(RUNS)]
    note("list of 20 over HTTP, authorizer cached, p50", statistics.median(lists), "ms")
    asked = iter(orders)
    path = "/store/1/order/{}/permissions"
    cold = [_timed(lambda: _ok(shop.call("petra", "GET", path.format(next(asked))))) for _ in range(RUNS)]
    note("actions of an order over HTTP, not cached, p50 (source: 150)", statistics.median(cold), "ms")
    warm = [_timed(lambda: _ok(shop.call("petra", "GET", path.format("000")))) for _ in range(RUNS)]
    note("actions of an order over HTTP, cached, p50", statistics.median(warm), "ms")


def _ok(answer: tuple[int, Any]) -> None:
    assert answer[0] == 200, answer


def _timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _decide(shop: subject.Shop, requests: list[tuple[str, str]]) -> None:
    """Ask Verified Permissions about (action, order) pairs of store 1: in a single call for one, else in a batch."""
    asked = [
        {
            "action": {"actionType": "Orders::Action", "actionId": action},
            "resource": {"entityType": "Orders::Order", "entityId": f"1/{order}"},
        }
        for action, order in requests
    ]
    entities = [
        {
            "identifier": {"entityType": "Orders::Order", "entityId": name},
            "parents": [{"entityType": "Orders::Store", "entityId": "1"}],
        }
        for name in sorted({request["resource"]["entityId"] for request in asked})
    ]
    api = _client(shop.cloud, "verifiedpermissions")
    common = {
        "policyStoreId": shop.stack.outputs["policy_store_id"],
        "accessToken": shop.tokens["ada"],
        "entities": {"entityList": entities},
    }
    if len(asked) == 1:
        assert api.is_authorized_with_token(**common, **asked[0])["decision"] == "ALLOW"
    else:
        answer = api.batch_is_authorized_with_token(**common, requests=asked)
        assert all(result["decision"] == "ALLOW" for result in answer["results"])


@functools.cache
def _client(cloud: Cloud, service: str) -> Any:
    return cloud.client(service)


def _event(shop: subject.Shop, order: str) -> dict[str, Any]:
    return {
        "type": "REQUEST",
        "methodArn": f"arn:aws:execute-api:eu-west-1:123456789012:api/v1/GET/store/1/order/{order}",
        "multiValueHeaders": {
            "Authorization": [f"Bearer {shop.tokens['ada']}"],
            "X-Order-Scope": [f"1/{order}"],
        },
    }


def _invoke(stack: scenario.Stack, event: dict[str, Any]) -> None:
    answer = _client(stack.cloud, "lambda").invoke(
        FunctionName=stack.outputs["function_names"]["authorizer"], Payload=json.dumps(event)
    )
    assert json.load(answer["Payload"])["context"]["actions"], "not allowed"


@contextlib.contextmanager
def _stack() -> Iterator[scenario.Stack]:
    """Start a separate local cloud with the capability applied."""
    package.build(package.HOST_BUILD, package.Target.host())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            variables = subject.prepare(scenario.Stack(cloud, {}))
            terraform = Terraform(cloud, folder / "root", variables)
            terraform.init()
            terraform.apply()
            yield scenario.Stack(cloud, terraform.outputs()["order_authorization"])
