"""Secrets Manager on the local cloud: versions and labels as documented, rotation, and their events."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios.protection.secret_replication import ROTATION
from tests.unit.local.gateway.test_gateway import Function, allow, trust

OTHER = "222222222222"
V1, V2, V3 = (str(n) * 32 for n in (1, 2, 3))


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Any:
    return cloud.client("secretsmanager", attempts=1)


class Inbox:
    """Events of Secrets Manager as a rule delivers them."""

    def __init__(self, cloud: Cloud) -> None:
        self.sqs, events = cloud.client("sqs"), cloud.client("events")
        pattern = {"source": ["aws.secretsmanager"]}
        rule = events.put_rule(Name="secrets", EventPattern=json.dumps(pattern))["RuleArn"]
        self.url = self.sqs.create_queue(QueueName="secrets")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:secrets"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        events.put_targets(Rule="secrets", Targets=[{"Id": "1", "Arn": arn}])
        self.seen: list[dict[str, Any]] = []

    def about(self, name: str, event: str) -> list[dict[str, Any]]:
        """Return the CloudTrail events `event` so far that mention the secret."""
        while found := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self.seen.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [e for e in self.seen if e["detail"].get("eventName") == event and name in json.dumps(e["detail"])]

    def wait(self, name: str, event: str) -> dict[str, Any]:
        return dict(wait_until(f"{event} of {name}", lambda: self.about(name, event), 20)[0])


@pytest.fixture(scope="module")
def inbox(cloud: Cloud) -> Inbox:
    return Inbox(cloud)


def labels(api: Any, name: str) -> dict[str, str]:
    found = api.describe_secret(SecretId=name).get("VersionIdsToStages", {})
    return {label: version for version, held in found.items() for label in held}


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_a_token_names_its_version_and_makes_a_call_idempotent(api: Any) -> None:
    for _ in range(2):
        assert api.create_secret(Name="token", ClientRequestToken=V1, SecretString="a")["VersionId"] == V1
    assert code(api.create_secret, Name="token", ClientRequestToken=V1, SecretString="b") == "ResourceExistsException"
    for _ in range(2):
        answer = api.put_secret_value(SecretId="token", ClientRequestToken=V2, SecretBinary=b"b")
        assert answer["VersionStages"] == ["AWSCURRENT"]
    assert labels(api, "token") == {"AWSCURRENT": V2, "AWSPREVIOUS": V1}
    assert code(api.put_secret_value, SecretId="token", ClientRequestToken=V2, SecretString="c") == (
        "ResourceExistsException"
    )
    assert api.update_secret(SecretId="token", ClientRequestToken=V3, SecretString="d")["VersionId"] == V3
    assert code(api.update_secret, SecretId="token", ClientRequestToken=V3, SecretString="e") == (
        "ResourceExistsException"
    )


def test_a_label_leaves_the_version_that_had_it(api: Any) -> None:
    api.create_secret(Name="labels", ClientRequestToken=V1, SecretString="a")
    for version in (V2, V3):
        api.put_secret_value(
            SecretId="labels", ClientRequestToken=version, SecretString=version, VersionStages=["AWSPENDING", "BLUE"]
        )
    assert labels(api, "labels") == {"AWSCURRENT": V1, "AWSPENDING": V3, "BLUE": V3}
    move = {"SecretId": "labels", "VersionStage": "AWSCURRENT", "MoveToVersionId": V3}
    assert code(api.update_secret_version_stage, **move, RemoveFromVersionId=V2) == "InvalidParameterException"
    api.update_secret_version_stage(**move, RemoveFromVersionId=V1)
    assert labels(api, "labels") == {"AWSCURRENT": V3, "AWSPENDING": V3, "BLUE": V3, "AWSPREVIOUS": V1}


def test_a_secret_without_a_value_has_no_version_and_a_deleted_ones_name_is_taken(api: Any) -> None:
    assert "VersionId" not in api.create_secret(Name="empty")
    assert labels(api, "empty") == {}
    api.delete_secret(SecretId="empty")
    assert code(api.create_secret, Name="empty", SecretString="x") == "InvalidRequestException"


def test_names_are_filtered_by_their_beginning(cloud: Cloud, api: Any) -> None:
    api = cloud.client("secretsmanager", region="us-west-2")
    for name in ("list/a", "list/b", "a/list/", "List/c"):
        api.create_secret(Name=name, SecretString="x", Tags=[{"Key": f"key-{name[-1]}", "Value": "v"}])

    def found(key: str, *values: str) -> list[str]:
        return sorted(s["Name"] for s in api.list_secrets(Filters=[{"Key": key, "Values": values}])["SecretList"])

    assert found("name", "list/") == ["list/a", "list/b"]
    assert found("name", "!list/") == ["List/c", "a/list/"]
    assert found("tag-key", "key-a") == ["list/a"]


def test_native_replicas_are_made_with_the_secret_followed_promoted_and_removed(cloud: Cloud, api: Any) -> None:
    there, third = (cloud.client("secretsmanager", region=region) for region in ("us-east-1", "us-east-2"))
    regions = [{"Region": "us-east-1"}, {"Region": "us-east-2"}]
    api.create_secret(Name="native", SecretString="a", AddReplicaRegions=regions)
    api.put_secret_value(SecretId="native", SecretString="b")
    assert there.get_secret_value(SecretId="native")["SecretString"] == "b"
    assert code(there.put_secret_value, SecretId="native", SecretString="c") == "InvalidRequestException"
    there.stop_replication_to_replica(SecretId="native")
    there.put_secret_value(SecretId="native", SecretString="c")
    api.remove_regions_from_replication(SecretId="native", RemoveReplicaRegions=["us-east-2"])
    assert code(third.describe_secret, SecretId="native") == "ResourceNotFoundException"
    assert "ReplicationStatus" not in api.describe_secret(SecretId="native")


def test_a_change_is_an_event_as_cloudtrail_sends_it_without_the_value(api: Any, inbox: Inbox) -> None:
    arn = api.create_secret(Name="told", SecretString="hunter2", Tags=[{"Key": "k", "Value": "v"}])["ARN"]
    made = inbox.wait("told", "CreateSecret")
    assert (made["source"], made["detail-type"]) == ("aws.secretsmanager", "AWS API Call via CloudTrail")
    assert made["detail"]["requestParameters"]["name"] == "told"
    api.put_secret_value(SecretId="told", SecretString="hunter2 again", ClientRequestToken=V2)
    put = inbox.wait("told", "PutSecretValue")["detail"]
    assert put["requestParameters"] == {"secretId": "told", "clientRequestToken": V2}
    assert put["responseElements"] == {"arn": arn}
    assert (put["eventSource"], put["eventType"], put["awsRegion"], put["recipientAccountId"], put["readOnly"]) == (
        "secretsmanager.amazonaws.com",
        "AwsApiCall",
        REGION,
        ACCOUNT_ID,
        False,
    )
    assert put["userIdentity"]["arn"] == f"arn:aws:iam::{ACCOUNT_ID}:root"
    assert "errorCode" not in put
    assert "hunter2" not in json.dumps(inbox.seen)


def test_a_failed_change_is_an_event_with_its_error_and_reading_is_none(api: Any, inbox: Inbox) -> None:
    code(api.put_secret_value, SecretId="absent", SecretString="x")
    told = inbox.wait("absent", "PutSecretValue")["detail"]
    assert (told["errorCode"], told["responseElements"]) == ("ResourceNotFoundException", None)
    code(api.get_secret_value, SecretId="absent")
    assert inbox.about("absent", "GetSecretValue") == []


def rotation_function(cloud: Cloud, name: str, source: str) -> str:
    iam, functions = cloud.client("iam"), cloud.client("lambda")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
    actions = ("DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage")
    document = allow(*((f"secretsmanager:{action}", "*") for action in actions))
    iam.put_role_policy(RoleName=name, PolicyName="rotate", PolicyDocument=document)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", source)
    return str(
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler="app.handler",
            Timeout=30,
            Code={"ZipFile": packed.getvalue()},
        )["FunctionArn"]
    )


def test_rotation_calls_a_function_that_permits_it_and_sends_events(cloud: Cloud, api: Any, inbox: Inbox) -> None:
    arn = api.create_secret(Name="rotated", SecretString="old", ClientRequestToken=V1)["ARN"]
    assert code(api.rotate_secret, SecretId="rotated") == "InvalidRequestException"
    function = rotation_function(cloud, "rotation", ROTATION)
    rotate = {"SecretId": "rotated", "RotationLambdaARN": function}
    assert code(api.rotate_secret, **rotate) == "AccessDeniedException"
    permission = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "secretsmanager.amazonaws.com"}
    cloud.client("lambda").add_permission(FunctionName="rotation", **permission)
    token = api.rotate_secret(**rotate)["VersionId"]
    told = inbox.wait(arn, "RotationSucceeded")
    assert told["detail-type"] == "AWS Service Event via CloudTrail"
    assert told["detail"]["additionalEventData"] == {"SecretId": arn}
    assert (told["detail"]["eventType"], told["detail"]["requestParameters"]) == ("AwsServiceEvent", None)
    assert inbox.about(arn, "RotationStarted")
    assert labels(api, "rotated") == {"AWSCURRENT": token, "AWSPREVIOUS": V1}
    assert api.get_secret_value(SecretId="rotated")["SecretString"] == f"rotated-{token}"


def test_a_rotation_that_fails_changes_nothing_and_is_an_event(cloud: Cloud, api: Any, inbox: Inbox) -> None:
    arn = api.create_secret(Name="stuck", SecretString="old", ClientRequestToken=V1)["ARN"]
    function = rotation_function(cloud, "broken", "def handler(event, context):\n    raise ValueError(event['Step'])\n")
    permission = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "secretsmanager.amazonaws.com"}
    cloud.client("lambda").add_permission(FunctionName="broken", **permission)
    api.rotate_secret(SecretId="stuck", RotationLambdaARN=function)
    inbox.wait(arn, "RotationFailed")
    assert labels(api, "stuck")["AWSCURRENT"] == V1
    assert code(api.rotate_secret, SecretId="stuck") == "InvalidRequestException"


def test_making_a_secret_under_a_customer_key_needs_the_key_too(cloud: Cloud) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    caller = Function(cloud, "creator")
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:keyed"
    create = {"Name": "keyed", "SecretString": "x", "KmsKeyId": key}
    caller.may(("secretsmanager:CreateSecret", secret))
    assert f"kms:GenerateDataKey on resource: {key}" in caller.call("secretsmanager", "create_secret", **create)
    caller.may(("secretsmanager:CreateSecret", secret), ("kms:GenerateDataKey", key), ("kms:Decrypt", key))
    assert caller.call("secretsmanager", "create_secret", **create) == 200


def test_a_batch_call_to_a_queue_needs_the_action_of_the_single_one(cloud: Cloud) -> None:
    url = cloud.client("sqs").create_queue(QueueName="batch")["QueueUrl"]
    caller = Function(cloud, "batcher")
    send = {"QueueUrl": url, "Entries": [{"Id": "0", "MessageBody": "x"}]}
    caller.may(("sqs:ReceiveMessage", "*"))
    assert "not authorized" in caller.call("sqs", "send_message_batch", **send)
    caller.may(("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:batch"))
    assert caller.call("sqs", "send_message_batch", **send) == 200


def test_a_role_of_another_account_sees_the_callers_role_not_its_session(cloud: Cloud) -> None:
    caller, iam = Function(cloud, "assumer"), cloud.client("iam", account=OTHER)
    caller.may(("sts:AssumeRole", f"arn:aws:iam::{OTHER}:role/*"))
    for name, trusted in (("lets", "assumer"), ("refuses", "somebody")):
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"},
            "Condition": {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT_ID}:role/{trusted}"}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)

    def assume(name: str) -> Any:
        arn = f"arn:aws:iam::{OTHER}:role/{name}"
        return caller.call("sts", "assume_role", RoleArn=arn, RoleSessionName="session")

    assert assume("lets") == 200
    assert "AssumeRole" in assume("refuses")
