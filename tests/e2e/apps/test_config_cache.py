"""config_cache without one permission at a time: the name cannot be read, and can be read again with the permission."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import REGION
from scenarios.apps import config_cache as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("apps/config_cache")

ROLE = f"switchyard-config-cache-check-function-{REGION}"
NEEDED = {
    "ReadParameters": "limits",
    "ReadSecrets": "db",
    "ReadItems0": "settings",
    "DecryptParameters": "limits",
    "DecryptSecrets": "db",
    "DecryptItems": "settings",
}


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("config_cache")
    return found


def anew(stack: scenario.Stack) -> dict[str, dict[str, Any]]:
    """Check in an environment that has just started: nothing is cached. Return the rows."""
    name = stack.outputs["function_names"]["check"]
    api = stack.client("lambda")
    timeout = api.get_function_configuration(FunctionName=name)["Timeout"]
    api.update_function_configuration(FunctionName=name, Timeout=timeout)
    return subject.check(stack)


def test_each_name_needs_its_permission_and_no_other_name_does(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, ROLE) == list(NEEDED)
    for sid, name in NEEDED.items():
        with without(cloud, ROLE, sid):
            rows = anew(stack)
            refused = {one: (row.get("error"), row.get("code")) for one, row in rows.items() if "error" in row}
            assert refused == {name: ("RefusedByAws", "AccessDeniedException")}, f"without {sid}"
        assert not subject.errors(
            wait_until("all names", lambda: rows if not subject.errors(rows := anew(stack)) else {})
        )


def test_a_function_has_the_permissions_of_its_names(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, subject.ROLE, "switchyard-config-cache-orders") == list(NEEDED)


def test_another_partition_of_the_table_is_refused(stack: scenario.Stack) -> None:
    name, api = stack.outputs["function_names"]["check"], stack.client("lambda")
    given = api.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    config = json.loads(given["CACHE_EXTENSION_CONFIG"])
    config["dynamodb"]["settings"]["key"]["pk"]["S"] = "other"
    changed = {**given, "CACHE_EXTENSION_CONFIG": json.dumps(config)}
    api.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
    try:
        row = subject.check(stack)["settings"]
        assert (row.get("error"), row.get("code")) == ("RefusedByAws", "AccessDeniedException")
    finally:
        api.update_function_configuration(FunctionName=name, Environment={"Variables": given})
    assert not subject.errors(subject.check(stack))
