"""burst_search without one permission at a time, and with an object that ends each function that searches it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.settings import REGION
from scenarios.data import burst_search as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("data/burst_search")

STATES = f"switchyard-burst-search-states-{REGION}"
WANTED = {
    "plan": ["StoreJob", "WriteManifests", "ListFiles", "ReadObjects"],
    "monitor": ["FollowJob", "ReadManifests", "CallDispatchers", "EndWaitingState"],
    "dispatch": ["ReadJob", "CallDispatchersAndWorkers"],
    "worker": ["StoreFindings", "ReadManifests", "EndWaitingState", "ReadObjects"],
    "combine": ["ReadFindings", "ReadManifests", "WriteResults", "ReadObjects"],
}
OBJECT = "data/permissions/one"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("burst_search")
    subject.put(found, {OBJECT: b"1234567"})
    return found


def call(stack: scenario.Stack, function: str, event: dict[str, Any]) -> str:
    """Call a function. Return its answer as text."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"][function], Payload=json.dumps(event)
    )
    return str(answer["Payload"].read().decode())


def planned(stack: scenario.Stack, prefix: str = OBJECT) -> tuple[str, str]:
    """Plan a job of one object, whose search reads another. Return its name, and the answer."""
    name = f"permissions-{uuid.uuid4().hex}"
    request = {"search": "by_size", "prefix": prefix, "params": {"at_least": 1, "read": OBJECT}}
    return name, call(stack, "plan", {"execution": name, "input": request})


def note(stack: scenario.Stack, job: str, **fields: dict[str, str]) -> None:
    """Write fields of a job's progress."""
    stack.client("dynamodb").update_item(
        TableName=stack.outputs["table_name"],
        Key={"partition": {"S": job}, "part": {"S": "progress"}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in fields),
        ExpressionAttributeNames={f"#{name}": name for name in fields},
        ExpressionAttributeValues={f":{name}": value for name, value in fields.items()},
    )


def acted(stack: scenario.Stack, function: str, sid: str, job: str) -> str:
    """Let a function do what a statement is for. Return its answer."""
    if function == "plan":
        return planned(stack)[1]
    if function == "dispatch":
        return call(stack, "dispatch", {"job": job, "level": 0, "index": 0, "depth": 1})
    if function == "worker":
        note(stack, job, token={"S": "no-such-token"})
        return call(stack, "worker", {"job": job, "batch": 0})
    if function == "monitor":
        note(stack, job, units={"N": "0"}, stalls={"N": "1"})
        return call(stack, "monitor", {"job": job, "token": "no-such-token", "round": int(sid == "ReadManifests")})
    return call(stack, "combine", {"job": job, "reason": "complete"})


@pytest.mark.parametrize(("function", "sid"), [(function, sid) for function, all_ in WANTED.items() for sid in all_])
def test_each_function_needs_each_of_its_permissions(
    cloud: Cloud, stack: scenario.Stack, function: str, sid: str
) -> None:
    role = stack.outputs["role_names"][function]
    assert sids(cloud, role) == WANTED[function]
    prefix = "data/permissions/none" if (function, sid) == ("monitor", "EndWaitingState") else OBJECT
    job, _ = planned(stack, prefix)
    with without(cloud, role, sid):
        assert "AccessDenied" in acted(stack, function, sid, job), f"works without {sid}"
    job, _ = planned(stack, prefix)
    assert "AccessDenied" not in (answer := acted(stack, function, sid, job))
    assert "errorType" not in answer


@pytest.mark.parametrize("sid", ["CallFunctions", "RunMap", "FollowMap", "ReadBatches", "DecryptBatches"])
def test_the_state_machine_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack, sid: str) -> None:
    assert sids(cloud, STATES) == ["CallFunctions", "RunMap", "FollowMap", "ReadBatches", "DecryptBatches"]
    request = {"search": "by_size", "prefix": OBJECT, "params": {"at_least": 1}, "strategy": "map"}
    with without(cloud, STATES, sid):
        job = subject.ended(stack, subject.start(stack, f"no-{sid}", request))
    if sid == "CallFunctions":
        assert job["status"] == "FAILED"
    else:  # the tree takes over, and the result says so
        assert job["output"]["map_error"] in ("States.Permissions", "States.ItemReaderFailed")
        assert job["output"]["status"] == "COMPLETE"
    job = subject.ended(stack, subject.start(stack, f"with-{sid}", request))
    assert (job["output"]["status"], job["output"].get("map_error")) == ("COMPLETE", None)


def test_an_object_that_ends_the_function_costs_only_itself(stack: scenario.Stack) -> None:
    folder = f"data/{stack.token}-poison/"
    objects = {f"{folder}{number:02d}": b"x" * number for number in range(10)} | {f"{folder}05": b"poison"}
    subject.put(stack, objects)
    request = {"search": "by_size", "prefix": folder, "params": {"at_least": 3}}
    jobs = [subject.start(stack, f"poison-{way}", {**request, "strategy": way}) for way in ("tree", "map")]
    for job in jobs:
        summary = subject.ended(stack, job)["output"]
        assert (summary["status"], summary["reason"], summary["searched"]) == ("PARTIAL", "no_progress", 9)
        assert [row["key"] for row in subject.rows(stack, summary, "failed", "failed")] == [f"{folder}05"]
        found = [row["key"] for row in subject.rows(stack, summary)]
        assert found == [f"{folder}{number:02d}" for number in (9, 8, 7, 6, 4, 3)]
