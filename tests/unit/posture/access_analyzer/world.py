"""An account with moto's services, and an analyzer whose findings the tests write."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from posture.access_analyzer import respond, sweep

ACCOUNT, OUTSIDER, REGION = "123456789012", "222222222222", "eu-west-1"
ANALYZER = f"arn:aws:access-analyzer:{REGION}:{ACCOUNT}:analyzer/own"
BUCKET, POINT, EVIDENCE, TABLE = "data", "app", "evidence", "findings"
POINT_ARN = f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/{POINT}"
START = datetime(2026, 1, 1, tzinfo=UTC)
OFF = {
    "BlockPublicAcls": False,
    "IgnorePublicAcls": False,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": False,
}
ON = dict.fromkeys(OFF, True)
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{OUTSIDER}:root"},
                "Action": "s3:GetObject",
                "Resource": f"{POINT_ARN}/object/*",
            }
        ],
    }
)
SOURCES: dict[str, dict[str, Any]] = {
    "policy": {"type": "POLICY"},
    "acl": {"type": "BUCKET_ACL"},
    "point": {"type": "S3_ACCESS_POINT", "detail": {"accessPointArn": POINT_ARN}},
}


def found(finding_id: str = "f1", source: str = "policy", public: bool = True, **fields: Any) -> dict[str, Any]:
    """Return GetFinding's `finding`, active and about a bucket unless `fields` say otherwise."""
    return {
        "id": finding_id,
        "principal": {"AWS": "*" if public else OUTSIDER},
        "action": ["s3:GetObject"],
        "resource": f"arn:aws:s3:::{BUCKET}",
        "isPublic": public,
        "resourceType": "AWS::S3::Bucket",
        "condition": {},
        "createdAt": START,
        "analyzedAt": START,
        "updatedAt": START,
        "status": "ACTIVE",
        "resourceOwnerAccount": ACCOUNT,
        "sources": [SOURCES[source]],
        **fields,
    }


def event(finding_id: str = "f1", analyzer: str = ANALYZER, **detail: Any) -> str:
    """Return the event of a finding, as in the queue, with the fields of the documented example."""
    return json.dumps(
        {
            "version": "0",
            "source": "aws.access-analyzer",
            "detail-type": "Access Analyzer Finding",
            "resources": [analyzer],
            "account": ACCOUNT,
            "region": REGION,
            "detail": {"id": finding_id, "status": "ACTIVE", "isDeleted": False, "version": "1.0", **detail},
        }
    )


class Analyzer:
    """GetFinding and StartResourceScan. `resolve`: whether a scan finds that access has ended."""

    def __init__(self) -> None:
        self.findings: dict[str, dict[str, Any]] = {}
        self.scans: list[str] = []
        self.listed: list[dict[str, Any]] = []
        self.resolve = True
        missing = type("ResourceNotFoundException", (ClientError,), {})
        self.exceptions = SimpleNamespace(ResourceNotFoundException=missing)

    def put(self, finding: dict[str, Any]) -> None:
        """Add or replace a finding."""
        self.findings[finding["id"]] = finding

    def change(self, finding_id: str = "f1", **fields: Any) -> None:
        """Change a finding to a new version."""
        before = self.findings[finding_id]
        self.findings[finding_id] = {**before, "updatedAt": before["updatedAt"] + timedelta(seconds=1), **fields}

    def get_finding(self, analyzerArn: str, id: str) -> dict[str, Any]:  # noqa: A002 - the API's name
        assert analyzerArn == ANALYZER
        if id not in self.findings:
            raise self.exceptions.ResourceNotFoundException(
                {"Error": {"Code": "ResourceNotFoundException", "Message": id}}, "GetFinding"
            )
        return {"finding": self.findings[id]}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_findings"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, **asked: Any) -> Any:
        """Yield pages of two findings; the last one is empty."""
        self.listed.append(asked)
        found = [one for one in self.findings.values() if one["status"] in asked["filter"]["status"]["eq"]]
        for start in range(0, len(found) + 2, 2):
            yield {"findings": found[start : start + 2]}

    def start_resource_scan(self, analyzerArn: str, resourceArn: str) -> dict[str, Any]:
        assert analyzerArn == ANALYZER
        self.scans.append(resourceArn)
        for name, finding in list(self.findings.items()):
            if self.resolve and finding["resource"] == resourceArn and finding["status"] == "ACTIVE":
                self.change(name, status="RESOLVED")
        return {}


class Crash(Exception):
    """Raised where the process ends."""


class Watched:
    """A client whose calls are counted and can fail: `before(name)` and `after(name)` may raise."""

    def __init__(self, world: World, service: str, client: Any) -> None:
        self._world, self._service, self._client = world, service, client

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if name in ("exceptions", "get_paginator", "meta"):
            return attribute

        def call(**arguments: Any) -> Any:
            self._world.calls.append(f"{self._service}.{name}")
            self._world.before(f"{self._service}.{name}")
            try:
                return attribute(**arguments)
            finally:
                self._world.after(f"{self._service}.{name}")

        return call


def nothing(name: str) -> None:
    """Do nothing: the call succeeds."""


@functools.cache
def api(service: str) -> Any:
    """Return a client, created only once: creating one takes longer than the tests."""
    return boto3.client(service, REGION)  # type: ignore[call-overload]


class World:
    """The account. `calls` are the function's."""

    def __init__(self) -> None:
        self.analyzer = Analyzer()
        self.calls: list[str] = []
        self.before: Callable[[str], None] = nothing
        self.after: Callable[[str], None] = nothing
        self.now = 1_767_225_600.0
        self.remaining = 60_000
        self.s3, self.control, self.dynamodb = api("s3"), api("s3control"), api("dynamodb")
        self.sns, self.sqs = api("sns"), api("sqs")
        for bucket in (BUCKET, EVIDENCE):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=OFF)
        self.control.create_access_point(AccountId=ACCOUNT, Name=POINT, Bucket=BUCKET)
        self.control.put_access_point_policy(AccountId=ACCOUNT, Name=POINT, Policy=POLICY)
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.topic = self.sns.create_topic(Name="notices")["TopicArn"]
        self.inbox = self.sqs.create_queue(QueueName="inbox")["QueueUrl"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:inbox")
        self.read: list[dict[str, str]] = []
        self.metrics: list[tuple[str, int]] = []
        self.queue = self.sqs.create_queue(QueueName="findings")["QueueUrl"]
        self.environment = {
            "ANALYZER_ARN": ANALYZER,
            "ACCOUNT_ID": ACCOUNT,
            "REGION": REGION,
            "PARTITION": "aws",
            "TABLE_NAME": TABLE,
            "TOPIC_ARN": self.topic,
            "STATUSES": '["ACTIVE", "RESOLVED"]',
            "KEEP_DAYS": "90",
            "QUEUE_URL": self.queue,
        }

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def shut_off(self, **fields: Any) -> None:
        """Set what may be shut off."""
        switches = {
            "bucket_names": ["*"],
            "public_access_points": "bucket",
            "cross_account_access_points": False,
            "dry_run": False,
            **fields,
        }
        self.environment |= {"SHUT_OFF": json.dumps(switches), "EVIDENCE_BUCKET": EVIDENCE}

    def client(self, service: str, *_: Any, **__: Any) -> Any:
        """Return the client, in place of `common.clients.client`."""
        real: Any = {
            "accessanalyzer": self.analyzer,
            "s3": self.s3,
            "s3control": self.control,
            "dynamodb": self.dynamodb,
            "sns": self.sns,
            "sqs": self.sqs,
        }[service]
        return Watched(self, service, real)

    def send(self, *bodies: str) -> list[str]:
        """Call the function with a batch. Return the ids of the messages that failed."""
        records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
        context = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: self.remaining)
        answer = respond.handler({"Records": records}, context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def sweep(self) -> dict[str, int]:
        """Call the sweep."""
        return sweep.handler({}, SimpleNamespace(aws_request_id="s"))

    def day(self) -> list[str]:
        """Let a day pass, sweep, and handle what the sweep sent. Return the ids of the messages that failed."""
        self.wait(86_400)
        self.sweep()
        return self.send(*self.queued())

    def queued(self) -> list[str]:
        """Return the messages in the queue of findings, and delete them."""
        bodies: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                bodies.append(message["Body"])
        return bodies

    def item(self, finding_id: str = "f1") -> dict[str, Any]:
        """Return a finding's item; empty if there is none."""
        answer = self.dynamodb.get_item(TableName=TABLE, Key={"Id": {"S": finding_id}})
        return dict(answer.get("Item", {}))

    def notices(self) -> list[dict[str, str]]:
        """Return all notices that were sent, oldest first."""
        while messages := self.sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.inbox, ReceiptHandle=message["ReceiptHandle"])
                self.read.append(json.loads(message["Body"]))
        return self.read

    def told(self) -> list[str]:
        """Return the subjects of the notices."""
        return [notice["Subject"] for notice in self.notices()]

    def block(self) -> dict[str, bool]:
        """Return the settings of the bucket's Block Public Access."""
        answer: dict[str, Any] = self.s3.get_public_access_block(Bucket=BUCKET)
        return dict(answer["PublicAccessBlockConfiguration"])

    def policy(self) -> str | None:
        """Return the access point's policy."""
        with contextlib.suppress(ClientError):
            return str(self.control.get_access_point_policy(AccountId=ACCOUNT, Name=POINT)["Policy"])
        return None


def refusal(code: str, operation: str = "Any", status: int = 400) -> ClientError:
    """Return an error of AWS."""
    return ClientError(
        {"Error": {"Code": code, "Message": "No."}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        operation,
    )
