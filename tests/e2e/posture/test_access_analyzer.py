"""access_analyzer's function without one of its permissions, and with exemptions that only its role has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from scenarios.posture import access_analyzer as subject
from tests.e2e import permissions
from tests.e2e.conftest import only_with

pytestmark = only_with("posture/access_analyzer")

FAILED = {"batchItemFailures": [{"itemIdentifier": "one"}]}
DONE: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def world(stack_of: Any) -> Iterator[subject.World]:
    """The account. Its findings reach the function only when a test calls it."""
    stack: scenario.Stack = stack_of("access_analyzer")
    events = stack.client("events")
    events.disable_rule(Name=stack.outputs["rule_name"])
    # A message that fails for lack of a permission returns only after the queue's 12 minutes.
    wait_until("findings to be handled", lambda: subject.drained(stack))
    made = subject.World(stack)
    try:
        yield made
    finally:
        made.clean()
        events.enable_rule(Name=stack.outputs["rule_name"])


def call(world: subject.World, bucket: subject.Bucket) -> dict[str, Any]:
    """Return the function's answer to the event of a bucket's finding."""
    (finding,) = bucket.findings()
    event = {"Records": [{"messageId": "one", "body": subject.event_of(finding, world.arn)}]}
    answer = world.stack.client("lambda").invoke(FunctionName=subject.FUNCTION, Payload=json.dumps(event))
    made: dict[str, Any] = json.load(answer["Payload"])
    return made


def reading(functions: Any) -> str:
    """Return the result of Lambda's last attempt to read the function's queue."""
    mappings = functions.list_event_source_mappings(FunctionName=subject.FUNCTION)["EventSourceMappings"]
    return str(mappings[0]["LastProcessingResult"])


def test_each_permission_is_needed(cloud: Cloud, world: subject.World) -> None:
    role = world.stack.outputs["role_arn"].rpartition("/")[2]
    functions = world.stack.client("lambda")
    for number, sid in enumerate(permissions.sids(cloud, role)):
        if sid.startswith("LeaveExempt"):
            continue  # The next test covers what they prevent.
        if sid == "ScanAgain":
            continue  # The test after it: without a scan, the notice says so.
        name = f"{subject.PREFIX}lacks{number}"
        bucket = world.bucket(f"lacks{number}")
        through_point = sid in ("RemoveAccessPointPolicies", "KeepRemovedPolicies")
        if through_point:
            bucket.share_through(name, subject.OUTSIDER)
        else:
            bucket.share("*")
        with permissions.without(cloud, role, sid):
            if sid == "ReadQueue":  # Lambda uses it to read the queue for the function.
                wait_until("the refusal", lambda: "sqs:ReceiveMessage" in reading(functions))
                continue
            assert call(world, bucket) == FAILED, sid
            if sid in ("BlockPublicAccess", "RemoveAccessPointPolicies", "KeepRemovedPolicies"):
                assert bucket.statuses() == ["ACTIVE"], sid
        assert call(world, bucket) == DONE, sid
        assert bucket.statuses() == ["RESOLVED"], sid
        assert bucket.block() == (subject.OFF if through_point else subject.ON), sid
        assert not through_point or world.policy_of(name) == "", sid
        done = [notice for notice in bucket.notices() if "\nDone: " in notice["message"]]
        assert len(done) == 1, sid


def test_exemptions_hold_though_the_function_forgot_them(cloud: Cloud, world: subject.World) -> None:
    """The role denies access to exempt names. Without the denials, the function without exemptions would act."""
    role = world.stack.outputs["role_arn"].rpartition("/")[2]
    functions = world.stack.client("lambda")
    before = functions.get_function_configuration(FunctionName=subject.FUNCTION)["Environment"]["Variables"]
    website, vault = world.bucket("website-2").share("*"), world.bucket("vault-2")
    vault.share_through(f"{subject.PREFIX}kept-2", subject.OUTSIDER)
    functions.update_function_configuration(
        FunctionName=subject.FUNCTION, Environment={"Variables": {**before, "EXEMPT": "{}"}}
    )
    try:
        assert (call(world, website), call(world, vault)) == (FAILED, FAILED)
        assert (website.block(), website.statuses(), vault.statuses()) == (subject.OFF, ["ACTIVE"], ["ACTIVE"])
        assert "Denied while turning on Block Public Access" in website.notices()[-1]["message"]
        with permissions.without(cloud, role, "LeaveExemptBuckets"):
            assert call(world, website) == DONE
        with permissions.without(cloud, role, "LeaveExemptAccessPoints"):
            assert call(world, vault) == DONE
        assert (website.statuses(), vault.statuses()) == (["RESOLVED"], ["RESOLVED"])
    finally:
        functions.update_function_configuration(FunctionName=subject.FUNCTION, Environment={"Variables": before})


def test_without_a_scan_the_change_is_reported_nevertheless(cloud: Cloud, world: subject.World) -> None:
    role = world.stack.outputs["role_arn"].rpartition("/")[2]
    bucket = world.bucket("unscanned").share("*")
    with permissions.without(cloud, role, "ScanAgain"):
        assert call(world, bucket) == DONE
    assert bucket.block() == subject.ON
    (notice,) = bucket.notices()
    assert "Done:           Block Public Access of the bucket is on" in notice["message"]
    assert "Not done:       A new scan could not be started (AccessDenied" in notice["message"]


def test_what_a_dry_run_showed_is_shut_off_once_it_is_over(world: subject.World) -> None:
    functions = world.stack.client("lambda")
    before = functions.get_function_configuration(FunctionName=subject.FUNCTION)["Environment"]["Variables"]
    dry = json.dumps({**json.loads(before["SHUT_OFF"]), "dry_run": True})
    bucket = world.bucket("rehearsed").share("*")
    functions.update_function_configuration(
        FunctionName=subject.FUNCTION, Environment={"Variables": {**before, "SHUT_OFF": dry}}
    )
    try:
        assert (call(world, bucket), bucket.block()) == (DONE, subject.OFF)
    finally:
        functions.update_function_configuration(FunctionName=subject.FUNCTION, Environment={"Variables": before})
    answer = functions.invoke(FunctionName=world.stack.outputs["sweep_function_name"], Payload=b"{}")
    assert "FunctionError" not in answer
    wait_until("the shut-off", lambda: bucket.block() == subject.ON)
    wait_until("the notice", lambda: len(bucket.notices()) == 2)
    assert "Dry run: Block Public Access" in bucket.notices()[0]["message"]
    assert "Done:           Block Public Access" in bucket.notices()[1]["message"]


def test_the_sweep_needs_each_of_its_permissions(cloud: Cloud, world: subject.World) -> None:
    name = world.stack.outputs["sweep_function_name"]
    functions = world.stack.client("lambda")
    role = functions.get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
    bucket = world.bucket("swept").share("*")

    def failed() -> bool:
        return "FunctionError" in functions.invoke(FunctionName=name, Payload=b"{}")

    wanted = permissions.sids(cloud, role)
    assert wanted == ["ListFindings", "ReadOpenItems", "SendFindings"]
    for sid in wanted:
        with permissions.without(cloud, role, sid):
            assert failed(), sid
    assert bucket.block() == subject.OFF
    assert not failed()
    wait_until("the shut-off", lambda: bucket.block() == subject.ON)


def test_another_kind_of_finding_is_refused_and_changes_nothing(world: subject.World) -> None:
    bucket = world.bucket("other").share("*")
    (finding,) = bucket.findings()
    body = subject.event_of(finding, world.arn).replace("Access Analyzer Finding", "Unused Access Finding")
    event = {"Records": [{"messageId": "one", "body": body}]}
    answer = world.stack.client("lambda").invoke(FunctionName=subject.FUNCTION, Payload=json.dumps(event))
    assert json.load(answer["Payload"]) == FAILED
    assert (bucket.block(), bucket.notices()) == (subject.OFF, [])
