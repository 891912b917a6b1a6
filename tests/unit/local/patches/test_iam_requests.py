"""What IAM is asked for a request: the action, the resource, the condition keys, and the roles that it passes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.settings import ACCOUNT_ID, REGION

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role"
BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def terraform(cloud: Cloud, service: str) -> Any:
    """Return a client that calls itself Terraform: only its calls keep what IAM was asked."""
    make: Any = boto3.client
    return make(
        service,
        region_name=REGION,
        endpoint_url=cloud.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(user_agent="Terraform/1.11.4", retries={"total_max_attempts": 1}),
    )


def asked(cloud: Cloud, service: str, operation: str, **arguments: Any) -> list[dict[str, Any]]:
    """Make a call, which may fail after IAM was asked. Return the questions."""
    since = max([call["at"] for call in cloud.calls()], default=0.0)
    with contextlib.suppress(ClientError):
        getattr(terraform(cloud, service), operation)(**arguments)
    [call] = [call for call in cloud.calls() if call["at"] > since and call["agent"] == "Terraform"]
    found: list[dict[str, Any]] = call["checks"]
    return found


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "action", "resource"),
    [
        ("lambda", "get_layer_version", {"LayerName": "x", "VersionNumber": 3}, "lambda:GetLayerVersion", "layer:x:3"),
        (
            "lambda",
            "delete_layer_version",
            {"LayerName": "x", "VersionNumber": 3},
            "lambda:DeleteLayerVersion",
            "layer:x:3",
        ),
        (
            "lambda",
            "get_function_event_invoke_config",
            {"FunctionName": "f"},
            "lambda:GetFunctionEventInvokeConfig",
            "function:f",
        ),
        (
            "lambda",
            "delete_function_event_invoke_config",
            {"FunctionName": "f"},
            "lambda:DeleteFunctionEventInvokeConfig",
            "function:f",
        ),
        ("lambda", "invoke", {"FunctionName": "f"}, "lambda:InvokeFunction", "function:f"),
        ("cloudwatch", "delete_alarms", {"AlarmNames": ["a"]}, "cloudwatch:DeleteAlarms", "alarm:a"),
        ("cloudwatch", "get_dashboard", {"DashboardName": "d"}, "cloudwatch:GetDashboard", "dashboard/d"),
        ("events", "describe_rule", {"Name": "r"}, "events:DescribeRule", "rule/r"),
        ("events", "list_targets_by_rule", {"Rule": "r"}, "events:ListTargetsByRule", "rule/r"),
        (
            "events",
            "list_targets_by_rule",
            {"Rule": "r", "EventBusName": "bus"},
            "events:ListTargetsByRule",
            "rule/bus/r",
        ),
        ("kms", "delete_alias", {"AliasName": "alias/x"}, "kms:DeleteAlias", "alias/x"),
        (
            "service-quotas",
            "get_service_quota",
            {"ServiceCode": "kms", "QuotaCode": "L-1"},
            "servicequotas:GetServiceQuota",
            "kms/L-1",
        ),
    ],
)
def test_actions_and_resources_are_those_of_aws_s_reference(
    cloud: Cloud, service: str, operation: str, arguments: dict[str, Any], action: str, resource: str
) -> None:
    [question] = asked(cloud, service, operation, **arguments)
    assert question["action"] == action
    assert question["resource"].split(":", 5)[5] == resource


def test_a_role_that_a_request_passes_is_asked_for(cloud: Cloud) -> None:
    cloud.client("iam").create_role(RoleName="passed", AssumeRolePolicyDocument=TRUST)
    target = {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:q", "RoleArn": f"{ROLE}/passed", "Input": f"{ROLE}/other"}
    questions = asked(
        cloud,
        "scheduler",
        "create_schedule",
        Name="s",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
    )
    assert {"action": "iam:PassRole", "resource": f"{ROLE}/passed"}.items() <= questions[-1].items()
    assert questions[-1]["context"] == {"iam:passedtoservice": "scheduler.amazonaws.com"}
    assert len([one for one in questions if one["action"] == "iam:PassRole"]) == 1


def user(cloud: Cloud, name: str, *statements: dict[str, Any]) -> dict[str, Any]:
    """Make a user with a policy. Return its credentials."""
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def test_a_schedule_needs_the_permission_to_pass_its_role_to_its_service(cloud: Cloud) -> None:
    cloud.client("iam").create_role(RoleName="for-schedule", AssumeRolePolicyDocument=TRUST)
    create = {"Action": "scheduler:CreateSchedule", "Resource": "*"}
    passing = {"Action": "iam:PassRole", "Resource": f"{ROLE}/for-schedule"}
    other = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    right = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    arguments = {
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:q", "RoleArn": f"{ROLE}/for-schedule"},
    }
    refused = [user(cloud, "no-pass", create), user(cloud, "other", create, {**passing, "Condition": other})]
    for credentials in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            cloud.client("scheduler", **credentials).create_schedule(Name="refused", **arguments)
    allowed = user(cloud, "passer", create, {**passing, "Condition": right})
    cloud.client("scheduler", **allowed).create_schedule(Name="allowed", **arguments)


def test_changes_of_a_role_have_its_boundary_as_a_condition_key(cloud: Cloud) -> None:
    bounded = {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
    actions = ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"]
    iam = cloud.client("iam", **user(cloud, "bounded", {"Action": actions, "Resource": "*", "Condition": bounded}))
    cloud.client("iam").create_role(RoleName="free", AssumeRolePolicyDocument=TRUST)
    policy = {"PolicyName": "p", "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": []})}
    for call, arguments in [
        (iam.create_role, {"RoleName": "new", "AssumeRolePolicyDocument": TRUST}),
        (iam.put_role_policy, {"RoleName": "free", **policy}),
        (iam.attach_role_policy, {"RoleName": "free", "PolicyArn": BOUNDARY}),
    ]:
        with pytest.raises(ClientError, match="AccessDenied"):
            call(**arguments)
    iam.put_role_permissions_boundary(RoleName="free", PermissionsBoundary=BOUNDARY)
    iam.attach_role_policy(RoleName="free", PolicyArn=BOUNDARY)
    iam.create_role(RoleName="new", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=BOUNDARY)


def test_a_key_has_its_aliases_as_a_condition_key(cloud: Cloud) -> None:
    kms = cloud.client("kms")
    mine, theirs, bare = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3))
    kms.create_alias(AliasName="alias/mine-key", TargetKeyId=mine)
    kms.create_alias(AliasName="alias/theirs", TargetKeyId=theirs)
    condition = {"ForAllValues:StringLike": {"kms:ResourceAliases": "alias/mine-*"}}
    statement = {"Action": "kms:GetKeyRotationStatus", "Resource": "*", "Condition": condition}
    limited = cloud.client("kms", **user(cloud, "limited", statement))
    limited.get_key_rotation_status(KeyId=mine)
    limited.get_key_rotation_status(KeyId=bare)
    with pytest.raises(ClientError, match="AccessDenied"):
        limited.get_key_rotation_status(KeyId=theirs)


def role_client(cloud: Cloud, service: str, name: str, *statements: dict[str, Any]) -> Any:
    """Return a client with a role that has these statements."""
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    allowed = [{"Effect": "Allow", **statement} for statement in statements]
    iam.put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed})
    )
    made = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return cloud.client(
        service,
        attempts=1,
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )


def code_of(call: Any, **arguments: Any) -> str:
    """Return the error code of a call, or "" if it succeeds."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_each_parameter_of_a_request_is_asked_about(cloud: Cloud) -> None:
    ssm = cloud.client("ssm")
    for name in ("/many/a", "/many/b", "plain"):
        ssm.put_parameter(Name=name, Value="x", Type="String")
    arns = [f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:parameter/{name}" for name in ("many/a", "plain")]
    reader = role_client(cloud, "ssm", "many", {"Action": "ssm:GetParameters", "Resource": arns})
    assert code_of(reader.get_parameters, Names=["/many/a", "plain"]) == ""
    for names in (["/many/b"], ["/many/a", "/many/b"], ["/many/b", "/many/a"]):
        assert code_of(reader.get_parameters, Names=names) == "AccessDeniedException"


def test_a_secure_parameter_needs_its_key_with_the_parameter_as_encryption_context(cloud: Cloud) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    for name in ("/secure/a", "/secure/b"):
        cloud.client("ssm").put_parameter(Name=name, Value="x", Type="SecureString", KeyId=key)
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:parameter/secure/"
    context = {"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": f"{arn}a"}}
    reader = role_client(
        cloud,
        "ssm",
        "secure",
        {"Action": "ssm:GetParameters", "Resource": f"{arn}*"},
        {"Action": "kms:Decrypt", "Resource": key, "Condition": context},
    )
    assert code_of(reader.get_parameters, Names=["/secure/a"], WithDecryption=True) == ""
    assert (
        code_of(reader.get_parameters, Names=["/secure/a", "/secure/b"], WithDecryption=True) == "AccessDeniedException"
    )
    assert code_of(reader.get_parameters, Names=["/secure/b"]) == ""  # it gets the encrypted value


def test_an_item_has_the_leading_key_of_its_partition(cloud: Cloud) -> None:
    cloud.client("dynamodb").create_table(
        TableName="leading",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    reader = role_client(
        cloud,
        "dynamodb",
        "leading",
        {
            "Action": "dynamodb:GetItem",
            "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/leading",
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}},
        },
    )
    assert code_of(reader.get_item, TableName="leading", Key={"pk": {"S": "mine"}}) == ""
    assert code_of(reader.get_item, TableName="leading", Key={"pk": {"S": "theirs"}}) == "AccessDeniedException"


def test_what_a_session_of_a_role_is_permitted_is_kept_once(cloud: Cloud) -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:kept"
    url = cloud.client("sqs").create_queue(QueueName="kept")["QueueUrl"]
    session = role_client(cloud, "sqs", "kept-role", {"Action": "sqs:SendMessage", "Resource": queue})
    for _ in range(2):
        session.send_message(QueueUrl=url, MessageBody="m")
        with pytest.raises(ClientError):
            session.purge_queue(QueueUrl=url)
    kept = cloud.command("iam_requests/permitted", {"account": ACCOUNT_ID})
    assert [(one["action"], one["resource"]) for one in kept["kept-role"]] == [("sqs:SendMessage", queue)]
    assert "kept-role" not in cloud.command("iam_requests/permitted", {"account": "222222222222"})
