"""Time to live with its stream records, streams as Lambda polls them, and Cognito's timeouts of triggers."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud, LocalCloudError
from local.patches import dynamodb
from local.settings import ACCOUNT_ID, REGION

# Reports what it received. It fails the records, or the call, if their names say so.
HANDLER = """
import boto3, json, os
def handler(event, context):
    received = [(r["eventName"], r.get("userIdentity"), r["dynamodb"]["Keys"]["id"]["S"]) for r in event["Records"]]
    boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(received))
    if any(name.startswith("raise") for _, _, name in received):
        raise ValueError("as requested")
    return {"batchItemFailures": [
        {"itemIdentifier": r["dynamodb"]["SequenceNumber"]} for r in event["Records"]
        if r["dynamodb"]["Keys"]["id"]["S"].startswith("fail")]}
"""
BY_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
PATTERN = {"eventName": ["REMOVE"], "userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}


class Stream:
    """A table with time to live, and a function that reads its stream."""

    def __init__(self, cloud: Cloud, name: str, *denied: str, filtered: bool = True) -> None:
        self.cloud, self.name = cloud, name
        self.dynamodb, self.sqs = cloud.client("dynamodb"), cloud.client("sqs")
        table = self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]
        setting = {"Enabled": True, "AttributeName": "ttl"}
        self.dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=setting)
        self.urls = {kind: self.sqs.create_queue(QueueName=f"{name}-{kind}")["QueueUrl"] for kind in ("seen", "failed")}
        failed = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}-failed"
        allowed = {
            "dynamodb:GetRecords": f"{table['TableArn']}/stream/*",
            "sqs:SendMessage": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}-*",
        }
        iam, functions = cloud.client("iam"), cloud.client("lambda")
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [trust]}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
        grants = [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in allowed.items() if a not in denied]
        policy = json.dumps({"Version": "2012-10-17", "Statement": grants})
        iam.put_role_policy(RoleName=name, PolicyName="grants", PolicyDocument=policy)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", HANDLER)
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": packed.getvalue()},
            Timeout=10,
            Environment={"Variables": {"SEEN": self.urls["seen"]}},
        )
        more = {"FilterCriteria": {"Filters": [{"Pattern": json.dumps(PATTERN)}]}} if filtered else {}
        self.mapping = functions.create_event_source_mapping(
            EventSourceArn=table["LatestStreamArn"],
            FunctionName=name,
            StartingPosition="TRIM_HORIZON",
            BatchSize=10,
            MaximumRetryAttempts=2,
            BisectBatchOnFunctionError=True,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            DestinationConfig={"OnFailure": {"Destination": failed}},
            **more,
        )["UUID"]

    def put(self, *names: str, ttl: float = 0) -> None:
        for name in names:
            self.dynamodb.put_item(
                TableName=self.name, Item={"id": {"S": name}, "ttl": {"N": str(int(ttl or time.time()))}}
            )

    def expire(self, **more: Any) -> Any:
        return self.cloud.command("dynamodb/expire", {"table": self.name, **more})

    def received(self, kind: str = "seen") -> list[Any]:
        got = []
        while messages := self.sqs.receive_message(QueueUrl=self.urls[kind], MaxNumberOfMessages=10).get("Messages"):
            got += [json.loads(message["Body"]) for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.urls[kind], ReceiptHandle=message["ReceiptHandle"])
        return got

    def wait(self, kind: str = "seen") -> list[Any]:
        return scenario.wait_until(f"{self.name}-{kind}", lambda: self.received(kind), 20)


def test_time_to_live_says_who_it_is_and_a_person_does_not(cloud: Cloud) -> None:
    stream = Stream(cloud, "identity", filtered=False)
    stream.put("expired", "deleted")
    stream.dynamodb.delete_item(TableName="identity", Key={"id": {"S": "deleted"}})
    assert stream.expire() == 1
    seen: list[Any] = []

    def four() -> bool:
        seen.extend(record for batch in stream.received() for record in batch)
        return len(seen) >= 4

    scenario.wait_until("four records", four)
    assert ["REMOVE", BY_TTL, "expired"] in seen
    assert ["REMOVE", None, "deleted"] in seen


def test_the_filter_lets_only_time_to_live_through(cloud: Cloud) -> None:
    stream = Stream(cloud, "filter")
    stream.put("expired", "deleted", "stays", ttl=time.time() + 50)
    stream.dynamodb.delete_item(TableName="filter", Key={"id": {"S": "deleted"}})
    stream.put("stays", ttl=time.time() + 500)
    assert stream.expire() == 0
    assert stream.expire(at=time.time() + 100) == 1
    assert stream.wait() == [[["REMOVE", BY_TTL, "expired"]]]


def test_numbers_only_and_none_from_long_ago(cloud: Cloud) -> None:
    stream = Stream(cloud, "numbers")
    stream.put("old", ttl=time.time() - 6 * 365 * 86_400)
    stream.dynamodb.put_item(TableName="numbers", Item={"id": {"S": "text"}, "ttl": {"S": "5"}})
    assert stream.expire() == 0
    with pytest.raises(LocalCloudError, match="no time to live"):
        stream.cloud.command("dynamodb/expire", {"table": "none"})
    with pytest.raises(LocalCloudError, match="no command"):
        stream.cloud.command("dynamodb/other", {})


def test_a_batch_goes_on_at_the_record_that_failed_until_that_is_given_up(cloud: Cloud) -> None:
    stream = Stream(cloud, "partial")
    stream.put("a", "b", "fail", "z")
    stream.expire()
    failed = stream.wait("failed")
    assert [f["requestContext"]["condition"] for f in failed] == ["RetryAttemptsExhausted"]
    assert failed[0]["DDBStreamBatchInfo"]["batchSize"] >= 1
    tries = [[name for _, _, name in batch] for batch in stream.received()]
    assert tries[0] == ["a", "b", "fail", "z"]
    assert all("a" not in batch for batch in tries[1:])
    assert sum("fail" in batch for batch in tries) == 3


def test_a_call_that_fails_is_cut_in_half(cloud: Cloud) -> None:
    stream = Stream(cloud, "halves")
    stream.put("a", "raise")
    stream.expire()
    assert stream.wait("failed")
    sizes = [len(batch) for batch in stream.received()]
    assert (sizes[0], set(sizes)) == (2, {1, 2})


def test_without_permission_nothing_is_read(cloud: Cloud) -> None:
    stream = Stream(cloud, "unread", "dynamodb:GetRecords")
    stream.put("a")
    stream.expire()
    functions = cloud.client("lambda")

    def problem() -> Any:
        result = functions.get_event_source_mapping(UUID=stream.mapping)["LastProcessingResult"]
        return result if "PROBLEM" in result else None

    assert "dynamodb:GetRecords" in scenario.wait_until("the refusal", problem)
    assert stream.received() == []


@pytest.mark.parametrize("thread", ["dynamodb-ttl-reaper", "another"])
def test_ministacks_own_time_to_live_makes_stream_records(monkeypatch: pytest.MonkeyPatch, thread: str) -> None:
    removed: list[tuple[str, Any]] = []
    monkeypatch.setattr(dynamodb, "_remove", lambda *given: removed.append(("with a record", given)))

    def reap() -> None:
        dynamodb.remove_item(lambda *given: removed.append(("without", given)), {}, "pk", "sk")

    reaper = threading.Thread(target=reap, name=thread)
    reaper.start()
    reaper.join()
    assert removed == [("with a record" if thread.endswith("reaper") else "without", ({}, "pk", "sk"))]


def test_ministacks_time_to_live_runs_on_the_thread_of_that_name() -> None:
    assert "dynamodb-ttl-reaper" in {thread.name for thread in threading.enumerate()}
