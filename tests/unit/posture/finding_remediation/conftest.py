"""An account with Security Hub, S3, EC2 and KMS in this process (moto, with the local cloud's hub), and the handler."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from common import clients
from posture.finding_remediation import access, remediate

HERE, MEMBER, STRANGER = "123456789012", "222222222222", "333333333333"
REGION, OTHER_REGION = "eu-west-1", "us-east-1"
SECURITY_HUB = f"arn:aws:securityhub:{REGION}::product/aws/securityhub"
MACIE = f"arn:aws:securityhub:{REGION}::product/aws/macie"


class World:
    """The state that tests set up and read back. `calls` are the function's API calls, as "service:Operation"."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.fail: dict[str, Any] = {}
        """Operation -> exceptions to raise in place of its next calls."""
        self._kept: dict[Any, Any] = {}
        self._monkeypatch = monkeypatch
        self.s3, self.ec2 = self.api("s3"), self.api("ec2")
        self.hub = self.api("securityhub")
        self.hub.enable_security_hub(EnableDefaultStandards=False)
        self.slept: list[float] = []
        monkeypatch.setattr(time, "sleep", self.slept.append)
        monkeypatch.setattr(clients, "client", self._client)
        monkeypatch.setattr(clients, "make", self._make)

    def api(self, service: str, region: str = REGION, **credentials: str) -> Any:
        """Return a client for the test itself."""
        import boto3

        return boto3.client(service, region_name=region, **credentials)  # type: ignore[call-overload]

    def in_member(self, service: str, region: str = REGION) -> Any:
        """Return a client in the member account for the test itself."""
        role = f"arn:aws:iam::{MEMBER}:role/tests"
        made = self.api("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        return self.api(
            service,
            region,
            aws_access_key_id=made["AccessKeyId"],
            aws_secret_access_key=made["SecretAccessKey"],
            aws_session_token=made["SessionToken"],
        )

    def _client(self, service: str, attempts: int = 10, region: str | None = None) -> Any:
        at = service, region
        if at not in self._kept:
            self._kept[at] = self._make(service, region_name=region or REGION)
        return self._kept[at]

    def _make(self, service: str, attempts: int = 10, **options: Any) -> Any:
        import boto3

        made = boto3.client(service, **options)  # type: ignore[call-overload]

        def called(model: Any, **_: Any) -> None:
            self.calls.append(f"{service}:{model.name}")
            if waiting := self.fail.get(model.name):
                raise waiting.pop(0)

        made.meta.events.register("before-call", called)
        return made

    # Findings

    def finding(self, number: int, resource_type: str, *resource_ids: str, **fields: Any) -> dict[str, Any]:
        """Import a finding. Return it as the hub shows it."""
        given = {
            "SchemaVersion": "2018-10-08",
            "Id": f"finding-{number}",
            "ProductArn": SECURITY_HUB,
            "GeneratorId": "security-control",
            "AwsAccountId": HERE,
            "CreatedAt": "2026-11-01T00:00:00.000Z",
            "UpdatedAt": "2026-11-01T00:00:00.000Z",
            "Severity": {"Label": "MEDIUM"},
            "Types": ["Software and Configuration Checks/AWS Security Best Practices"],
            "Title": "A finding",
            "Description": "Of a test",
            "Resources": [{"Type": resource_type, "Id": each} for each in resource_ids],
            **fields,
        }
        answer = self.hub.batch_import_findings(Findings=[given])
        assert answer["FailedCount"] == 0, answer
        return self.read(number)

    def control(self, number: int, control: str, resource_type: str, *ids: str, **fields: Any) -> dict[str, Any]:
        """Import a finding of a Security Hub control."""
        compliance = {"Status": "FAILED", "SecurityControlId": control}
        return self.finding(number, resource_type, *ids, Compliance=compliance, **fields)

    def read(self, number: int) -> dict[str, Any]:
        """Return the finding as it is in the hub now."""
        criteria = {"Id": [{"Value": f"finding-{number}", "Comparison": "EQUALS"}]}
        (found,) = self.hub.get_findings(Filters=criteria)["Findings"]
        return dict(found)

    def state(self, number: int) -> tuple[str, str]:
        """Return the finding's workflow status and note."""
        found = self.read(number)
        return found["Workflow"]["Status"], found.get("Note", {}).get("Text", "")

    # The function

    def settings(self, remediation: str, **environment: Any) -> None:
        """Set the function's environment."""
        values = {"REMEDIATION": remediation, "ACCOUNT_ID": HERE, **environment}
        for name, value in values.items():
            self._monkeypatch.setenv(name, value if isinstance(value, str) else json.dumps(value))

    def send(self, *events: list[dict[str, Any]], tries: int = 1) -> list[str]:
        """Handle a batch of events, each with its findings. Return the messages that failed."""
        self.calls.clear()
        records = [
            {
                "messageId": f"m{number}",
                "body": json.dumps({"detail": {"findings": listed}}),
                "attributes": {"ApproximateReceiveCount": str(tries)},
            }
            for number, listed in enumerate(events)
        ]
        return self.handle(records)

    def handle(self, records: list[dict[str, Any]]) -> list[str]:
        """Handle the records unchanged."""
        context = SimpleNamespace(
            aws_request_id="r", function_name="test-remediate", get_remaining_time_in_millis=lambda: 900_000
        )
        return [
            item["itemIdentifier"] for item in remediate.handler({"Records": records}, context)["batchItemFailures"]
        ]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    from moto import mock_aws

    from local.services import install_all

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    access.shared.cache_clear()
    with mock_aws():
        yield World(monkeypatch)
    access.shared.cache_clear()


def error(code: str, status: int = 400, message: str = "refused", operation: str = "Operation") -> Exception:
    """Return an error response of AWS as botocore raises it."""
    from botocore.exceptions import ClientError

    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


def bucket(world: World, name: str, api: Any = None) -> str:
    """Create a bucket. Return its ARN."""
    constraint: Any = {"LocationConstraint": REGION}
    (api or world.s3).create_bucket(Bucket=name, CreateBucketConfiguration=constraint)
    return f"arn:aws:s3:::{name}"
