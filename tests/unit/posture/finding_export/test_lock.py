"""The lock, with DynamoDB's real conditions (moto) and executions whose states the test sets."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from posture.finding_export import lock
from posture.finding_export.errors import OverlappingRun, Throttled

from .fakes import ARN, STARTED, aws_error, real

CHILD = lock.Claim("a", ARN + "a-1", STARTED)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class World:
    """`states` maps an execution's name to its status. An execution that it lacks does not exist."""

    def __init__(self, dynamodb: Any) -> None:
        self.dynamodb = dynamodb
        self.states: dict[str, str] = {}
        self.meanwhile: Callable[[], None] = lambda: None

    def client(self, service: str) -> Any:
        if service == "dynamodb":
            return self.dynamodb
        return SimpleNamespace(exceptions=real(service).exceptions, describe_execution=self._describe)

    def _describe(self, executionArn: str, includedData: str) -> dict[str, str]:
        assert includedData == "METADATA_ONLY"  # More would need permission on the state machine's key.
        self.meanwhile()
        name = executionArn.removeprefix(ARN)
        if name not in self.states:
            raise aws_error("stepfunctions", "ExecutionDoesNotExist")
        return {"status": self.states[name]}

    def acquire(self, name: str, run_id: str | None = None, now: datetime = NOW) -> None:
        lock.acquire(self.client, "lock", lock.Claim(run_id or name, ARN + name, STARTED), now)

    def holder(self) -> tuple[str, str]:
        item = self.dynamodb.get_item(TableName="lock", Key={"LockId": {"S": "finding_export"}})["Item"]
        return item["RunId"]["S"], item["ExecutionArn"]["S"].removeprefix(ARN)


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        dynamodb = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        dynamodb.create_table(
            TableName="lock",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "LockId", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "LockId", "KeyType": "HASH"}],
        )
        yield World(dynamodb)


def test_item(world: World) -> None:
    world.acquire("a")
    item = world.dynamodb.get_item(TableName="lock", Key={"LockId": {"S": "finding_export"}})["Item"]
    assert item == {
        "LockId": {"S": "finding_export"},
        "RunId": {"S": "a"},
        "ExecutionArn": {"S": ARN + "a"},
        "StartedAt": {"S": STARTED},
        "AcquiredAt": {"S": "2026-11-20T12:00:00+00:00"},
        "ExpiresAt": {"N": str(int((NOW + timedelta(days=366)).timestamp()))},
    }


def test_same_run_again(world: World) -> None:
    world.states["a"] = "RUNNING"
    world.acquire("a")
    world.acquire("a")
    assert world.holder() == ("a", "a")


def test_running_holder_keeps_it(world: World) -> None:
    world.states["a"] = "RUNNING"
    world.acquire("a")
    with pytest.raises(OverlappingRun, match=f"Execution {ARN}a is exporting already"):
        world.acquire("b", now=NOW + timedelta(days=30))
    assert world.holder() == ("a", "a")


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"])
def test_ended_holder_loses_it_at_once(world: World, status: str) -> None:
    world.acquire("a")
    world.states["a"] = status
    world.acquire("b")
    assert world.holder() == ("b", "b")


def test_holder_without_execution_keeps_it_for_a_quarter_of_an_hour(world: World) -> None:
    world.acquire("a")
    with pytest.raises(OverlappingRun):
        world.acquire("b", now=NOW + timedelta(minutes=14, seconds=59))
    world.acquire("b", now=NOW + timedelta(minutes=15))
    assert world.holder() == ("b", "b")


def test_only_one_of_two_takes_over(world: World) -> None:
    world.acquire("a")
    world.states["a"] = "FAILED"

    def rival() -> None:
        world.meanwhile = lambda: None
        world.acquire("b")

    world.meanwhile = rival
    with pytest.raises(OverlappingRun, match="has just begun"):
        world.acquire("c")
    assert world.holder() == ("b", "b")


def test_hand_over_to_the_next_execution(world: World) -> None:
    world.acquire("a")
    lock.hand_over(world.client, "lock", CHILD, NOW + timedelta(hours=100))
    assert world.holder() == ("a", "a-1")
    with pytest.raises(OverlappingRun):  # The next execution does not exist yet: its grace period begins here.
        world.acquire("b", now=NOW + timedelta(hours=100, minutes=1))
    world.states["a-1"] = "RUNNING"
    world.acquire("a-1", run_id="a", now=NOW + timedelta(hours=101))
    lock.check(world.client, "lock", "a")


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT"])
def test_execution_that_was_stopped_before_it_started_the_next_holds_nothing(world: World, status: str) -> None:
    world.acquire("a")
    world.states["a"] = "RUNNING"
    lock.hand_over(world.client, "lock", CHILD._replace(handed_over_by=ARN + "a"), NOW)
    with pytest.raises(OverlappingRun):
        world.acquire("b")
    world.states["a"] = status
    world.acquire("b")
    assert world.holder() == ("b", "b")


def test_next_execution_that_was_just_started_keeps_the_lock_before_it_is_seen(world: World) -> None:
    """DescribeExecution is eventually consistent."""
    world.acquire("a")
    lock.hand_over(world.client, "lock", CHILD._replace(handed_over_by=ARN + "a"), NOW)
    world.states["a"] = "SUCCEEDED"
    with pytest.raises(OverlappingRun):
        world.acquire("b")


def test_a_run_that_lost_the_lock_can_neither_hand_over_nor_continue(world: World) -> None:
    world.acquire("a")
    world.states["a"] = "ABORTED"
    world.acquire("b")
    with pytest.raises(OverlappingRun, match="Another run has taken over"):
        lock.hand_over(world.client, "lock", CHILD, NOW)
    with pytest.raises(OverlappingRun, match="Another run has taken over"):
        lock.check(world.client, "lock", "a")
    assert world.holder() == ("b", "b")


def test_lock_gone_counts_as_lost(world: World) -> None:
    with pytest.raises(OverlappingRun):
        lock.check(world.client, "lock", "a")
    with pytest.raises(OverlappingRun):
        lock.hand_over(world.client, "lock", CHILD, NOW)


def test_holder_is_read_when_the_refusal_does_not_bring_it(world: World) -> None:
    world.acquire("a")
    world.states["a"] = "RUNNING"
    genuine = world.dynamodb

    def put_item(**arguments: Any) -> Any:
        del arguments["ReturnValuesOnConditionCheckFailure"]
        return genuine.put_item(**arguments)

    world.dynamodb = SimpleNamespace(exceptions=genuine.exceptions, put_item=put_item, get_item=genuine.get_item)
    with pytest.raises(OverlappingRun, match=f"Execution {ARN}a is exporting already"):
        world.acquire("b")


def test_throttled(world: World) -> None:
    def describe() -> None:
        raise aws_error("stepfunctions", "ThrottlingException")

    world.acquire("a")
    world.meanwhile = describe
    with pytest.raises(Throttled, match="looking up the run that holds the lock"):
        world.acquire("b")
