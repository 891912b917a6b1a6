"""The export's handler with boto3 on moto: settings, real clients, real requests, the log."""

import gzip
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from common import clients, observability
from posture.finding_export import export
from posture.finding_export.walk import keep_every_attribute

from .fakes import DT, event, findings

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "BUCKET": "findings",
    "LOCK_TABLE": "lock",
    "COUNT_PARAMETER": "/export/count",
    "RATE_LIMIT": "1000",
    "MAX_ITERATIONS": "5",
}
CONTEXT = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 900_000)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Any]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", request.node.name)
    clients.client.cache_clear()
    observability.logger.cache_clear()
    with mock_aws():
        where = {"LocationConstraint": "eu-west-1"}
        boto3.client("s3").create_bucket(Bucket="findings", CreateBucketConfiguration=where)
        boto3.client("dynamodb").create_table(
            TableName="lock",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "LockId", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "LockId", "KeyType": "HASH"}],
        )
        yield boto3.client("s3")
    clients.client.cache_clear()


def test_exports_through_real_clients(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    more = {
        "SchemaVersion": "2018-10-08",
        "ProductArn": "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default",
        "AwsAccountId": "123456789012",
        "Types": ["Unusual Behaviors"],
        "Severity": {"Label": "LOW"},
        "GeneratorId": "g",
        "UpdatedAt": "2026-11-20T00:00:00Z",
        "Title": "SECRET",
        "Description": "d",
        "Resources": [{"Type": "Other", "Id": "x"}],
    }
    stored = [{**one, **more} for one in findings(230)]
    boto3.client("securityhub").enable_security_hub()
    for start in range(0, 230, 100):
        answer = boto3.client("securityhub").batch_import_findings(Findings=stored[start : start + 100])
        assert not answer["FailedFindings"]
    answer = export.handler(event(), CONTEXT)
    assert json.loads(json.dumps(answer)) == answer
    assert (answer["done"], answer["exported"], answer["objects"]) == (True, 230, 1)
    found = aws.get_object(Bucket="findings", Key=f"findings/dt={DT}/run-000000.ndjson.gz")["Body"].read()
    assert sorted(json.loads(line)["Id"] for line in gzip.decompress(found).splitlines()) == sorted(
        one["Id"] for one in stored
    )
    assert boto3.client("ssm").get_parameter(Name="/export/count")["Parameter"]["Value"] == "230"

    out = capsys.readouterr().out
    logged = [json.loads(line) for line in out.splitlines()]
    assert [line.get("message") for line in logged] == ["chunk started", None, "chunk ended"]
    assert logged[1]["FindingsExported"] == [230.0]
    assert (logged[2]["exported"], logged[2]["execution"], logged[2]["request_id"]) == (230, "run", "r")
    assert "SECRET" not in out


def test_attributes_newer_than_boto3_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = boto3.client("securityhub", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    page = {"Findings": [{"Id": "1", "AddedByAwsYesterday": {"Deep": [1]}}], "NextToken": "more"}
    answer = SimpleNamespace(status_code=200, headers={}, content=json.dumps(page).encode(), raw=None)
    hub.meta.events.register("before-send.securityhub.GetFindings", lambda **_: answer)
    assert "AddedByAwsYesterday" not in hub.get_findings()["Findings"][0]  # botocore's default
    for _ in range(2):  # Every call of the handler registers it.
        keep_every_attribute(hub)
    got = hub.get_findings()
    assert (got["Findings"], got["NextToken"]) == (page["Findings"], "more")


def test_missing_settings_fail_with_their_names(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUCKET")
    monkeypatch.setenv("RATE_LIMIT", "0")
    with pytest.raises(Exception, match="missing BUCKET"):
        export.handler(event(), CONTEXT)
    monkeypatch.setenv("BUCKET", "findings")
    with pytest.raises(Exception, match="RATE_LIMIT must be above 0"):
        export.handler(event(), CONTEXT)
