"""The shop, with the functions' environment set and their calls counted."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from common import clients
from identity.order_authorization import access, authorizer, list_orders, orders, routes
from identity.order_authorization.decisions import ATTEMPTS
from local.services import install_all

from .world import REGION, World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Five users, two stores of 20 orders: morgan manages store 1, julian and petra pack there."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    caches = (clients.client, access.settings, authorizer.settings, list_orders.settings, orders.settings, routes.web)
    install_all()
    with mock_aws():
        made = World()
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        for cache in caches:
            cache.cache_clear()
        made.stock("1", 20)
        made.stock("2", 20)
        made.grant("store_manager", "morgan", "1")
        made.grant("pack_associate", "julian", "1")
        made.grant("pack_associate", "petra", "1")
        yield made
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def context() -> Any:
    """Return a Lambda context."""
    return types.SimpleNamespace(aws_request_id="r")


def decider() -> Any:
    """Return the client of Verified Permissions that decides, which has fewer attempts than others."""
    return clients.client("verifiedpermissions", ATTEMPTS)


class Calls(list[str]):
    """Names of the AWS operations called, in order."""


@pytest.fixture
def calls(world: World) -> Calls:
    """Record the operations that the functions call."""
    made = Calls()
    for api in (decider(), *(clients.client(name) for name in ("verifiedpermissions", "dynamodb", "cognito-idp"))):
        api.meta.events.register("before-call", lambda model, **_: made.append(model.name))
    return made
