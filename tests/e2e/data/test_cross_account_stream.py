"""cross_account_stream without one permission at a time, on both sides, and with another registered consumer."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.harness.terraform import Terraform
from local.settings import REGION
from scenarios.data import cross_account_stream as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("data/cross_account_stream")

READS = {
    "FindShards": ("orders", "clicks"),
    "ReadSharedThroughput": ("clicks",),
    "ReadFanOut": ("orders",),
    "DecryptStreams": ("orders", "clicks"),
}


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("cross_account_stream")
    return found


def role(stack: scenario.Stack) -> str:
    """Return the name of the function's role."""
    return str(stack.outputs["reader"]["role_arn"].rpartition("/")[2])


@pytest.mark.parametrize("sid", READS)
def test_a_stream_is_not_read_without_each_permission_of_the_role(
    cloud: Cloud, stack: scenario.Stack, sid: str
) -> None:
    assert sids(cloud, role(stack), "streams") == list(READS)
    key = f"{sid}-{stack.token}"
    streams = [subject.arn(stack, name) for name in READS[sid]]
    with without(cloud, role(stack), sid, "streams"):
        assert [subject.refused(stack, stream, key) for stream in streams] == [[]] * len(streams)
    for stream in streams:
        subject.wait_for(stack, stream, [key], 1)


def test_a_stream_is_not_read_without_the_owners_key_policy(stack: scenario.Stack) -> None:
    kms, stream, key = stack.client("kms", account=subject.OWNER), subject.arn(stack, "clicks"), f"key-{stack.token}"
    name = stack.client("kinesis", account=subject.OWNER).describe_stream_summary(StreamARN=stream)
    key_id = name["StreamDescriptionSummary"]["KeyId"]
    policy = json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])
    assert len(policy["Statement"]) == 2
    kms.put_key_policy(
        KeyId=key_id, PolicyName="default", Policy=json.dumps({**policy, "Statement": policy["Statement"][:1]})
    )
    try:
        assert subject.refused(stack, stream, key) == []
    finally:
        kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(policy))
    subject.wait_for(stack, stream, [key], 1)


def record(stack: scenario.Stack, number: int) -> dict[str, Any]:
    """Return a record of a batch."""
    return {
        "kinesis": {
            "partitionKey": f"direct-{stack.token}",
            "sequenceNumber": str(number),
            "data": "",
            "approximateArrivalTimestamp": 1764316800.0,
        },
        "eventID": f"shardId-000000000000:{number}",
        "eventSourceARN": subject.arn(stack, "orders"),
    }


def test_the_table_is_not_written_without_the_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, role(stack)) == ["KeepRecords", "ParkRecords", "FindParkingBucket"]
    batch = {"Records": [record(stack, 1), record(stack, 2)]}
    with without(cloud, role(stack), "KeepRecords"):
        assert "AccessDenied" in subject.invoke(stack, batch)["errorMessage"]
    assert subject.invoke(stack, batch) == {"batchItemFailures": []}


@pytest.mark.parametrize("sid", ["ParkRecords", "FindParkingBucket"])
def test_a_record_that_cannot_be_parked_raises_an_alarm(cloud: Cloud, stack: scenario.Stack, sid: str) -> None:
    [alarm] = [one for one in stack.outputs["alarm_names"] if one.endswith("-clicks-lost")]
    cloudwatch = stack.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="test")
    before = len(subject.parked(stack))
    key = f"{sid}-{stack.token}"
    with without(cloud, role(stack), sid):
        subject.put(stack, subject.arn(stack, "clicks"), [(key, b"x" * subject.TOO_LARGE)])
        wait_until("the alarm", lambda: subject.alarm_state(stack, "clicks-lost") == "ALARM")
    assert len(subject.parked(stack)) == before
    subject.put(stack, subject.arn(stack, "clicks"), [(key, b"next")])
    subject.wait_for(stack, subject.arn(stack, "clicks"), [key], 1)


@contextlib.contextmanager
def other_stream(stack: scenario.Stack) -> Iterator[str]:
    """A stream of the other account that the function does not know."""
    kinesis = stack.client("kinesis", account=subject.OWNER)
    kinesis.create_stream(StreamName="other", ShardCount=1)
    yield f"arn:aws:kinesis:{REGION}:{subject.OWNER}:stream/other"
    kinesis.delete_stream(StreamName="other", EnforceConsumerDeletion=True)


def test_a_mapping_needs_both_sides(stack: scenario.Stack) -> None:
    functions, iam = stack.client("lambda"), stack.client("iam")
    kinesis = stack.client("kinesis", account=subject.OWNER)
    with other_stream(stack) as arn:
        wanted = {
            "EventSourceArn": arn,
            "FunctionName": stack.outputs["function_names"]["consume"],
            "StartingPosition": "TRIM_HORIZON",
        }
        actions = [f"kinesis:{one}" for one in ("DescribeStream", "DescribeStreamSummary", "ListShards")]
        actions += ["kinesis:GetRecords", "kinesis:GetShardIterator"]
        statement = {"Effect": "Allow", "Action": actions, "Resource": arn}
        owners = {**statement, "Principal": {"AWS": stack.outputs["reader"]["role_arn"]}}
        kinesis.put_resource_policy(
            ResourceARN=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [owners]})
        )
        with pytest.raises(ClientError, match="Cannot access stream"):
            functions.create_event_source_mapping(**wanted)
        iam.put_role_policy(
            RoleName=role(stack),
            PolicyName="other",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        try:
            made = functions.create_event_source_mapping(**wanted)
            with pytest.raises(ClientError, match="already exists"):
                functions.create_event_source_mapping(**wanted)
            functions.delete_event_source_mapping(UUID=made["UUID"])
            kinesis.delete_resource_policy(ResourceARN=arn)
            with pytest.raises(ClientError, match="Cannot access stream"):
                functions.create_event_source_mapping(**wanted)
        finally:
            iam.delete_role_policy(RoleName=role(stack), PolicyName="other")


def test_another_registered_consumer_loses_nothing_and_doubles_nothing(
    stack: scenario.Stack, terraform: Terraform
) -> None:
    """The consumer gets another ARN; policy, role and mapping follow in the same apply, while records arrive."""
    stream, key = subject.arn(stack, "orders"), f"replaced-{stack.token}"
    before = {one["EventSourceArn"] for one in subject.mappings(stack)}
    done, count = threading.Event(), 0
    both = ("module.stream_orders", "module.cross_account_stream")
    terraform._run("taint", 'module.stream_orders.aws_kinesis_stream_consumer.this["stack"]')

    def apply() -> None:
        terraform.apply(*both)
        done.set()

    applying = threading.Thread(target=apply)
    applying.start()
    while count < 20 or (applying.is_alive() and not done.is_set()):
        subject.put(stack, stream, [(key, f"{count}".encode())])
        count += 1
        done.wait(0.25)
    applying.join()
    assert done.is_set()
    subject.put(stack, stream, [(key, f"{count}".encode())])
    subject.wait_for(stack, stream, [key], count + 1)
    assert subject.kept(stack, stream, key) == [f"{number}".encode() for number in range(count + 1)]
    after = {one["EventSourceArn"] for one in subject.mappings(stack)}
    assert len(after - before) == 1
    assert all("/consumer/" in one for one in before ^ after)
    assert terraform.drift(*both) == ""
