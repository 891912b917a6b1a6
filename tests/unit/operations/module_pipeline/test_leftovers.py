"""What tests left: found by tag or name, removed, and reported if it stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from operations.module_pipeline import leftovers
from operations.module_pipeline.leftovers import Leftover

RUN, OLD = "18000000001234", "17000000005678"
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}]}
)
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def everything(execution: str, run: str) -> bool:
    """All that is ours is due."""
    return bool(run)


def of_run(run: str) -> Callable[[str, str], bool]:
    """Return a choice of one run."""
    return lambda _, found: found == run


class Sandbox:
    """An account of moto, and the calls that are refused there."""

    def __init__(self) -> None:
        self.refused: dict[tuple[str, str], str] = {}
        self.calls: list[str] = []

    def client(self, service: str) -> Any:
        """Return a client that refuses some operations."""
        made: Any = boto3.client(service, region_name="eu-west-1")  # type: ignore[call-overload]

        def check(model: Any, **_: Any) -> None:
            self.calls.append(model.name)
            if code := self.refused.get((service, model.name)):
                raise ClientError({"Error": {"Code": code, "Message": "no"}}, model.name)

        made.meta.events.register("before-call", check)
        return made

    def tags(self, mark: str) -> list[dict[str, str]]:
        """Return the tags of a resource."""
        return [{"Key": leftovers.TAG, "Value": mark}]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Sandbox()


def outcomes(rows: list[Leftover]) -> dict[str, str]:
    """Return the outcomes by the end of the ARN."""
    return {row.arn.rpartition(":")[2].rpartition("/")[2]: row.outcome for row in rows}


def test_only_what_is_marked_is_removed(sandbox: Sandbox) -> None:
    sqs, sns, s3 = (sandbox.client(service) for service in ("sqs", "sns", "s3"))
    sns.create_topic(Name="mine", Tags=sandbox.tags(f"stack/e1/{RUN}"))
    sns.create_topic(Name="of-another-stack", Tags=sandbox.tags(f"other/e1/{RUN}"))
    sns.create_topic(Name="odd-mark", Tags=sandbox.tags("stack/e1/x"))
    sns.create_topic(Name="without")
    sqs.create_queue(QueueName="of-another-run", tags={leftovers.TAG: f"stack/e2/{OLD}"})
    s3.create_bucket(Bucket="mt-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket="mt-bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket="mt-bucket", Tagging={"TagSet": sandbox.tags(f"stack/e1/{RUN}")})
    for _ in range(2):
        s3.put_object(Bucket="mt-bucket", Key="a", Body=b"x")
    s3.delete_object(Bucket="mt-bucket", Key="a")
    rows = leftovers.sweep(sandbox.client, "stack", of_run(RUN))
    assert outcomes(rows) == {"mine": "removed", "mt-bucket": "removed"}
    left = [topic["TopicArn"].rpartition(":")[2] for topic in sns.list_topics()["Topics"]]
    assert sorted(left) == ["odd-mark", "of-another-stack", "without"]
    assert len(sqs.list_queues()["QueueUrls"]) == 1
    assert s3.list_buckets()["Buckets"] == []
    assert leftovers.sweep(sandbox.client, "stack", of_run(RUN)) == []


def test_what_carries_no_tags_is_found_by_its_name(sandbox: Sandbox) -> None:
    kms, iam = sandbox.client("kms"), sandbox.client("iam")
    key = kms.create_key(Tags=[{"TagKey": "mine", "TagValue": "no"}])["KeyMetadata"]["KeyId"]
    for name in (f"alias/mt-{RUN}-demo", "alias/mt-demo", f"alias/mt-{RUN}9", f"alias/amt-{RUN}"):
        kms.create_alias(AliasName=name, TargetKeyId=key)
    for name, mark in ((f"mt-{RUN}-role", "stack"), (f"mt-{RUN}-alien", "other")):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=sandbox.tags(f"{mark}/e1/{RUN}"))
    iam.put_role_policy(RoleName=f"mt-{RUN}-role", PolicyName="p", PolicyDocument=POLICY)
    rows = leftovers.sweep(sandbox.client, "stack", of_run(RUN))
    assert outcomes(rows) == {f"mt-{RUN}-demo": "removed", f"mt-{RUN}-role": "removed"}
    kept = {alias["AliasName"] for alias in kms.list_aliases()["Aliases"] if "mt-" in alias["AliasName"]}
    assert kept == {"alias/mt-demo", f"alias/mt-{RUN}9", f"alias/amt-{RUN}"}
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == [f"mt-{RUN}-alien"]


def test_a_key_is_scheduled_for_deletion_once(sandbox: Sandbox) -> None:
    tags = [{"TagKey": leftovers.TAG, "TagValue": f"stack/e1/{RUN}"}]
    sandbox.client("kms").create_key(Tags=tags)
    assert [row.outcome for row in leftovers.sweep(sandbox.client, "stack", everything)] == ["removed"]


def test_what_cannot_be_removed_is_a_row_and_the_others_go_on(sandbox: Sandbox) -> None:
    """The role of the tests may create but not delete."""
    sandbox.client("sqs").create_queue(QueueName="stays", tags={leftovers.TAG: f"stack/e1/{RUN}"})
    sandbox.client("sns").create_topic(Name="goes", Tags=sandbox.tags(f"stack/e1/{RUN}"))
    sandbox.refused["sqs", "DeleteQueue"] = "AccessDenied"
    rows = leftovers.sweep(sandbox.client, "stack", everything)
    assert outcomes(rows) == {"stays": "failed", "goes": "removed"}
    assert [row.reason for row in rows if not row.removed] == ["AccessDenied: no"]
    assert sandbox.calls.count("DeleteQueue") == leftovers.ROUNDS
    sandbox.refused.clear()
    assert outcomes(leftovers.sweep(sandbox.client, "stack", everything)) == {"stays": "removed"}


def test_a_kind_that_it_does_not_know_is_reported() -> None:
    row = Leftover("arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1", RUN)
    leftovers._remove(lambda _: None, row)
    assert (row.outcome, row.removed) == ("unsupported", False)


def test_what_is_gone_already_counts_as_removed(sandbox: Sandbox) -> None:
    row = Leftover("arn:aws:sqs:eu-west-1:111122223333:gone", RUN)
    leftovers._remove(sandbox.client, row)
    assert row.removed


@pytest.mark.parametrize(
    ("arn", "call", "arguments"),
    [
        ("arn:aws:dynamodb:r:1:table/mt-1", "delete_table", {"TableName": "mt-1"}),
        ("arn:aws:lambda:r:1:function:mt-1", "delete_function", {"FunctionName": "mt-1"}),
        ("arn:aws:logs:r:1:log-group:/aws/mt-1", "delete_log_group", {"logGroupName": "/aws/mt-1"}),
        ("arn:aws:ssm:r:1:parameter/a/b", "delete_parameter", {"Name": "/a/b"}),
        ("arn:aws:ssm:r:1:parameter/a", "delete_parameter", {"Name": "a"}),
    ],
)
def test_each_kind_is_named_as_its_service_wants(arn: str, call: str, arguments: dict[str, str]) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    class Client:
        def __getattr__(self, name: str) -> Any:
            return lambda **given: asked.append((name, given))

    row = Leftover(arn, RUN)
    leftovers._remove(lambda _: Client(), row)
    assert (asked, row.removed) == ([(call, arguments)], True)


def test_a_run_says_until_when_it_goes_on() -> None:
    run = leftovers.new_run(600, now=1_800_000_000)
    assert run.startswith("1800000600")
    assert not leftovers.ended(run, now=1_800_000_600)
    assert leftovers.ended(run, now=1_800_000_601)


@settings(max_examples=50)
@given(st.floats(0, 4_000), st.floats(1_000_000_000, 9_000_000_000))
def test_runs_have_the_form_that_names_and_tags_are_searched_for(seconds: float, now: float) -> None:
    run = leftovers.new_run(seconds, now)
    assert leftovers._RUN.fullmatch(run)
    assert leftovers._NAMED.search(f"alias/x-mt-{run}-y")
