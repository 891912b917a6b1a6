"""contact_form without one permission at a time: the function fails, and works again with the permission."""

from __future__ import annotations

from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.settings import REGION
from scenarios.apps import contact_form as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without
from tests.unit.apps.contact_form.test_record import EVENT

pytestmark = only_with("apps/contact_form")

KEEPER = f"switchyard-contact-form-keep-function-{REGION}"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("contact_form")
    return found


def test_the_function_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    wanted = ["WriteRecords", "EncryptRecords"]
    assert sids(cloud, KEEPER) == wanted
    for sid in wanted:
        with without(cloud, KEEPER, sid):
            assert "AccessDenied" in subject.invoke(stack, EVENT).get("errorMessage", ""), f"works without {sid}"
    assert subject.invoke(stack, EVENT) == {"key": f"records/dt=2026-11-23/{EVENT['id']}.json"}
