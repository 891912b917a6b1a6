"""EventBridge starts pipelines under the rule's role, with the version that an event of S3 names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION

PIPELINE = f"arn:aws:codepipeline:{REGION}:{ACCOUNT_ID}:one"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/uploads"
TEMPLATE = (
    '{"sourceRevisions": [{"actionName": "Module", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "<v>"}]}'
)


def document(*statements: dict[str, Any]) -> str:
    """Return a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


def role(cloud: Cloud, name: str, service: str, *statements: dict[str, Any]) -> str:
    """Create a role of a service. Return its ARN."""
    trust = document({"Principal": {"Service": service}, "Action": "sts:AssumeRole"})
    arn = cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    cloud.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    return str(arn)


@pytest.fixture(scope="module")
def pipeline(cloud: Cloud) -> Iterator[Any]:
    """A pipeline of a source and an approval, its bucket and its rule; yields its client."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket="uploads", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    source = {
        "name": "Module",
        "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
        "outputArtifacts": [{"name": "Module"}],
        "configuration": {"S3Bucket": "uploads", "S3ObjectKey": "m.zip", "PollForSourceChanges": "false"},
    }
    kind = {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"}
    stages = [
        {"name": "Source", "actions": [source]},
        {"name": "Approve", "actions": [{"name": "Approve", "actionTypeId": kind}]},
    ]
    actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketVersioning", "s3:PutObject"]
    may = {"Action": actions, "Resource": ["arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"]}
    arn = role(cloud, "pipeline", "codepipeline.amazonaws.com", may)
    store = {"type": "S3", "location": "uploads"}
    api = cloud.client("codepipeline")
    api.create_pipeline(pipeline={"name": "one", "roleArn": arn, "artifactStore": store, "stages": stages})
    start_it = {"Action": "codepipeline:StartPipelineExecution", "Resource": PIPELINE}
    events, by = cloud.client("events"), role(cloud, "start-pipeline", "events.amazonaws.com", start_it)
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:dead-starts"
    send = {"Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    cloud.client("sqs").create_queue(QueueName="dead-starts", Attributes={"Policy": document(send)})
    events.put_rule(
        Name="uploads", EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"object": {"key": ["m.zip"]}}})
    )
    transformer = {"InputPathsMap": {"v": "$.detail.object.version-id"}, "InputTemplate": TEMPLATE}
    target = {
        "Id": "p",
        "Arn": PIPELINE,
        "RoleArn": by,
        "InputTransformer": transformer,
        "DeadLetterConfig": {"Arn": queue},
    }
    events.put_targets(Rule="uploads", Targets=[target])

    def ended() -> bool:
        found = api.list_pipeline_executions(pipelineName="one")["pipelineExecutionSummaries"]
        return [one["status"] for one in found] == ["Failed"]

    wait_until("the execution that the creation starts, which finds nothing", ended)
    yield api
    api.delete_pipeline(name="one")


def test_an_upload_starts_the_pipeline_with_its_version(cloud: Cloud, pipeline: Any) -> None:
    version = cloud.client("s3").put_object(Bucket="uploads", Key="m.zip", Body=b"one")["VersionId"]

    def started() -> Any:
        found = pipeline.list_pipeline_executions(pipelineName="one")["pipelineExecutionSummaries"]
        return [one for one in found if one["sourceRevisions"] and one["sourceRevisions"][0]["revisionId"] == version]

    (execution,) = wait_until("the execution", started)
    assert execution["trigger"] == {"triggerType": "CloudWatchEvent", "triggerDetail": RULE}


def test_a_rule_whose_role_may_not_start_it_gets_a_dead_letter(cloud: Cloud, pipeline: Any) -> None:
    iam, sqs = cloud.client("iam"), cloud.client("sqs")
    before = len(pipeline.list_pipeline_executions(pipelineName="one")["pipelineExecutionSummaries"])
    iam.put_role_policy(
        RoleName="start-pipeline", PolicyName="p", PolicyDocument=document({"Action": "sns:Publish", "Resource": "*"})
    )
    cloud.client("s3").put_object(Bucket="uploads", Key="m.zip", Body=b"two")
    queue = sqs.get_queue_url(QueueName="dead-starts")["QueueUrl"]
    (letter,) = wait_until(
        "the dead letter",
        lambda: sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages"),
    )
    assert letter["MessageAttributes"]["TARGET_ARN"]["StringValue"] == PIPELINE
    assert len(pipeline.list_pipeline_executions(pipelineName="one")["pipelineExecutionSummaries"]) == before


def test_a_bucket_can_demand_conditional_writes(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="releases", CreateBucketConfiguration={"LocationConstraint": REGION})
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::releases/*"}
    s3.put_bucket_policy(
        Bucket="releases", Policy=document({**deny, "Condition": {"Null": {"s3:if-none-match": "true"}}})
    )
    s3.put_object(Bucket="releases", Key="a", Body=b"one", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="releases", Key="a", Body=b"two", IfNoneMatch="*")
    # The local cloud, unlike S3, lets the account's root do everything, so a role tries it.
    trust = document({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    made = cloud.client("iam").create_role(RoleName="writer", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    write = {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::releases/*"}
    cloud.client("iam").put_role_policy(RoleName="writer", PolicyName="p", PolicyDocument=document(write))
    session = cloud.client("sts").assume_role(RoleArn=made, RoleSessionName="writer")["Credentials"]
    writer = cloud.client(
        "s3",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    writer.put_object(Bucket="releases", Key="b", Body=b"one", IfNoneMatch="*")
    for key in ("a", "c"):
        with pytest.raises(ClientError, match="AccessDenied"):
            writer.put_object(Bucket="releases", Key=key, Body=b"two")


def test_a_log_group_has_its_form_for_streams(cloud: Cloud) -> None:
    """The Service Authorization Reference has log groups as `log-group:NAME:*`."""
    logs, iam = cloud.client("logs"), cloud.client("iam")
    logs.create_log_group(logGroupName="/aws/codebuild/one")
    trust = document({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(RoleName="logger", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    group = f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:/aws/codebuild/one:*"
    write = {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": group}
    iam.put_role_policy(RoleName="logger", PolicyName="p", PolicyDocument=document(write))
    made = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="logger")["Credentials"]
    role_logs = cloud.client(
        "logs",
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )
    role_logs.create_log_stream(logGroupName="/aws/codebuild/one", logStreamName="a")
    with pytest.raises(ClientError, match="AccessDenied"):
        role_logs.create_log_stream(logGroupName="/aws/codebuild/other", logStreamName="a")
