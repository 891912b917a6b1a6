"""The gateway: IAM on both engines, key use, service principals, faults, quotas, the record of calls."""

from __future__ import annotations

import base64
import io
import json
import time
import urllib.request
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness import scenario
from local.harness.cloud import Cloud, LocalCloudError
from local.settings import ACCOUNT_ID, REGION

HANDLER = """
import boto3
def handler(event, context):
    service = event["service"]
    try:
        answer = getattr(boto3.client(service), event["operation"])(**event.get("arguments", {}))
        return {"status": answer["ResponseMetadata"]["HTTPStatusCode"]}
    except Exception as error:
        return {"error": str(error)}
"""


ROOT = {"principal": f"arn:aws:iam::{ACCOUNT_ID}:root"}


def trust(service: str) -> str:
    principal = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [principal]})


def allow(*statements: tuple[str, str]) -> str:
    made = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": made})


class Function:
    """A deployed function that makes one AWS call, under a role whose policy a test sets."""

    def __init__(self, cloud: Cloud, name: str, code: str = HANDLER) -> None:
        self.cloud, self.name = cloud, name
        self.iam, self.api = cloud.client("iam"), cloud.client("lambda")
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", code)
        self.arn = self.api.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="app.handler",
            Timeout=30,
            Code={"ZipFile": packed.getvalue()},
        )["FunctionArn"]

    def may(self, *statements: tuple[str, str]) -> None:
        self.iam.put_role_policy(RoleName=self.name, PolicyName="test", PolicyDocument=allow(*statements))

    def call(self, service: str, operation: str, **arguments: Any) -> Any:
        event = {"service": service, "operation": operation, "arguments": arguments}
        answer = json.load(self.api.invoke(FunctionName=self.name, Payload=json.dumps(event))["Payload"])
        return answer.get("status") or answer["error"]


@pytest.fixture(scope="module")
def function(cloud: Cloud) -> Function:
    return Function(cloud, "caller")


@pytest.fixture(scope="module")
def key(cloud: Cloud) -> str:
    policy = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    made = cloud.client("kms").create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    return str(made["KeyMetadata"]["Arn"])


def test_moto_side_calls_need_a_permission(cloud: Cloud, function: Function) -> None:
    cloud.client("securityhub").enable_security_hub()
    function.may(("sqs:ListQueues", "*"))
    assert "not authorized to perform: securityhub:GetFindings" in function.call("securityhub", "get_findings")
    function.may(("securityhub:GetFindings", f"arn:aws:securityhub:{REGION}:{ACCOUNT_ID}:hub/other"))
    assert "not authorized" in function.call("securityhub", "get_findings")
    function.may(("securityhub:GetFindings", f"arn:aws:securityhub:{REGION}:{ACCOUNT_ID}:hub/default"))
    assert function.call("securityhub", "get_findings") == 200


def test_each_resource_that_a_call_names_needs_the_permission(cloud: Cloud, function: Function) -> None:
    """Automation rules and Config rules are named in lists; the first ones are not enough."""
    root = f"arn:aws:securityhub:{REGION}:{ACCOUNT_ID}:automation-rule"
    rules = [
        f"{root}/{name}" for name in ("11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000")
    ]
    get = "securityhub:BatchGetAutomationRules"
    arguments: dict[str, Any] = {"AutomationRulesArns": rules}
    function.may((get, rules[0]))
    assert f"not authorized to perform: {get}" in function.call(
        "securityhub", "batch_get_automation_rules", **arguments
    )
    function.may((get, rules[0]), (get, rules[1]))
    assert function.call("securityhub", "batch_get_automation_rules", **arguments) == 200
    start, arn = "config:StartConfigRulesEvaluation", f"arn:aws:config:{REGION}:{ACCOUNT_ID}:config-rule"
    arguments = {"ConfigRuleNames": ["one", "two"]}
    function.may((start, f"{arn}/one"))
    assert f"not authorized to perform: {start}" in function.call(
        "config", "start_config_rules_evaluation", **arguments
    )
    function.may((start, f"{arn}/one"), (start, f"{arn}/two"))
    assert "NoSuchConfigRuleException" in function.call("config", "start_config_rules_evaluation", **arguments)


def test_an_operation_that_is_not_implemented_is_refused_at_once(cloud: Cloud) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client("securityhub").list_enabled_products_for_import()
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert "securityhub:ListEnabledProductsForImport" in str(caught.value)
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_data_under_a_customer_key_needs_the_key_too(cloud: Cloud, function: Function, key: str) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="encrypted", CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket="encrypted", ServerSideEncryptionConfiguration={"Rules": [rule]})
    objects = "arn:aws:s3:::encrypted/*"
    put = {"Bucket": "encrypted", "Key": "k", "Body": "x"}

    function.may(("s3:PutObject", objects))
    assert f"kms:GenerateDataKey on resource: {key}" in function.call("s3", "put_object", **put)
    function.may(("s3:PutObject", objects), ("s3:GetObject", objects), ("kms:GenerateDataKey", key))
    assert function.call("s3", "put_object", **put) == 200
    assert "kms:Decrypt" in function.call("s3", "get_object", Bucket="encrypted", Key="k")
    function.may(("s3:GetObject", objects), ("kms:Decrypt", key))
    assert function.call("s3", "get_object", Bucket="encrypted", Key="k") == 200


def test_an_execution_is_described_with_its_machines_key(cloud: Cloud, function: Function, key: str) -> None:
    """But for its metadata, which are not encrypted."""
    states = cloud.client("stepfunctions")
    role = cloud.client("iam").create_role(RoleName="secret", AssumeRolePolicyDocument=trust("states.amazonaws.com"))
    machine = states.create_state_machine(
        name="secret",
        roleArn=role["Role"]["Arn"],
        definition=json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}),
        encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key},
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    function.may(("states:DescribeExecution", execution))
    described = function.call("stepfunctions", "describe_execution", executionArn=execution)
    assert f"kms:Decrypt on resource: {key}" in described
    only = {"executionArn": execution, "includedData": "METADATA_ONLY"}
    assert function.call("stepfunctions", "describe_execution", **only) == 200
    function.may(("states:DescribeExecution", execution), ("kms:Decrypt", key))
    assert function.call("stepfunctions", "describe_execution", executionArn=execution) == 200


def test_records_for_an_encrypted_stream_need_the_key_too(cloud: Cloud, function: Function, key: str) -> None:
    stream = cloud.client("firehose").create_delivery_stream(
        DeliveryStreamName="secret",
        DeliveryStreamEncryptionConfigurationInput={"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key},
        ExtendedS3DestinationConfiguration={
            "RoleARN": f"arn:aws:iam::{ACCOUNT_ID}:role/x",
            "BucketARN": "arn:aws:s3:::records",
        },
    )["DeliveryStreamARN"]
    put = {"DeliveryStreamName": "secret", "Record": {"Data": "x"}}
    function.may(("firehose:PutRecord", stream), ("kms:Decrypt", key))
    assert f"kms:GenerateDataKey on resource: {key}" in function.call("firehose", "put_record", **put)
    function.may(("firehose:PutRecord", stream), ("kms:Decrypt", key), ("kms:GenerateDataKey", key))
    assert function.call("firehose", "put_record", **put) == 200


def test_a_secret_is_updated_with_three_rights_on_its_key(cloud: Cloud, function: Function, key: str) -> None:
    arn = cloud.client("secretsmanager").create_secret(Name="updated", KmsKeyId=key, SecretString="s")["ARN"]
    update, rights = ("secretsmanager:UpdateSecret", arn), ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
    for missing in rights:
        function.may(update, *((right, key) for right in rights if right != missing))
        answer = function.call("secretsmanager", "update_secret", SecretId=arn, Description="d")
        assert f"{missing} on resource: {key}" in answer
    function.may(update, *((right, key) for right in rights))
    assert function.call("secretsmanager", "update_secret", SecretId=arn, Description="d") == 200


def test_the_stream_of_an_encrypted_table_needs_the_key_too(cloud: Cloud, function: Function, key: str) -> None:
    cloud.client("dynamodb").create_table(
        TableName="secret",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    streams = cloud.client("dynamodbstreams")
    arn = streams.list_streams(TableName="secret")["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    where = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(**where)["ShardIterator"]
    function.may(("dynamodb:GetRecords", arn))
    assert f"kms:Decrypt on resource: {key}" in function.call("dynamodbstreams", "get_records", ShardIterator=iterator)
    function.may(("dynamodb:GetRecords", arn), ("kms:Decrypt", key))
    assert function.call("dynamodbstreams", "get_records", ShardIterator=iterator) == 200


def test_an_encrypted_queue_needs_the_key_too(cloud: Cloud, function: Function, key: str) -> None:
    url = cloud.client("sqs").create_queue(QueueName="encrypted", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:encrypted"
    function.may(("sqs:SendMessage", queue))
    assert "kms:GenerateDataKey" in function.call("sqs", "send_message", QueueUrl=url, MessageBody="x")
    function.may(("sqs:SendMessage", queue), ("kms:GenerateDataKey", key), ("kms:Decrypt", key))
    assert function.call("sqs", "send_message", QueueUrl=url, MessageBody="x") == 200


def messages(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    answer = cloud.client("sqs").receive_message(
        QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return list(answer.get("Messages", []))


def test_a_rule_delivers_only_where_the_target_lets_it_and_dead_letters_otherwise(cloud: Cloud) -> None:
    sqs, events = cloud.client("sqs"), cloud.client("events")
    rule = events.put_rule(Name="forward", EventPattern=json.dumps({"source": ["aws.test"]}))["RuleArn"]
    arns, urls = {}, {}
    for name in ("target", "dead"):
        urls[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
        arns[name] = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}"

    def open_to_rule(name: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arns[name],
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=urls[name], Attributes={"Policy": policy})

    open_to_rule("dead")
    target = {"Id": "1", "Arn": arns["target"], "DeadLetterConfig": {"Arn": arns["dead"]}}
    events.put_targets(Rule="forward", Targets=[target])
    cloud.emit("aws.test", "Something", {"n": 1})
    dead = scenario.wait_until("the dead letter", lambda: messages(cloud, urls["dead"]), 10)
    assert dead[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert messages(cloud, urls["target"]) == []

    open_to_rule("target")
    cloud.emit("aws.test", "Something", {"n": 2})
    delivered = scenario.wait_until("the event", lambda: messages(cloud, urls["target"]), 10)
    assert json.loads(delivered[0]["Body"])["detail"] == {"n": 2}


def run_machine(cloud: Cloud, name: str, role: str, task: dict[str, Any]) -> dict[str, Any]:
    states = cloud.client("stepfunctions")
    definition = {
        "StartAt": "Only",
        "QueryLanguage": "JSONata",
        "States": {"Only": {"Type": "Task", "End": True, **task}},
    }
    machine = states.create_state_machine(name=name, roleArn=role, definition=json.dumps(definition))["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]

    def ended() -> Any:
        found = states.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    answer: dict[str, Any] = scenario.wait_until("the execution", ended, 20)
    return answer


def test_a_call_has_its_whole_log_and_no_other(cloud: Cloud) -> None:
    code = """
import sys
def handler(event, context):
    print("begun", event)
    sys.stderr.write(f"{event}, and no end of line")
    if event == 2:
        raise ValueError(event)
"""
    logging = Function(cloud, "logging", code)
    for event, expected in enumerate(["begun 0\n0, and no end of line", "begun 1\n1, and no end of line"]):
        answer = logging.api.invoke(FunctionName="logging", Payload=json.dumps(event), LogType="Tail")
        lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
        assert "\n".join(line for line in lines if not line.startswith(("START", "END", "REPORT"))) == expected
    answer = logging.api.invoke(FunctionName="logging", Payload="2", LogType="Tail")
    assert "begun 2\n2, and no end of line\n" in base64.b64decode(answer["LogResult"]).decode()


def test_a_state_machine_acts_under_its_role(cloud: Cloud, function: Function) -> None:
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="machine", AssumeRolePolicyDocument=trust("states.amazonaws.com"))["Role"]["Arn"]
    payload = {"service": "sts", "operation": "get_caller_identity"}
    task = {
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function.arn, "Payload": payload},
    }
    refused = run_machine(cloud, "refused", role, task)
    assert (refused["status"], refused["error"]) == ("FAILED", "Lambda.AccessDeniedException")
    iam.put_role_policy(
        RoleName="machine", PolicyName="p", PolicyDocument=allow(("lambda:InvokeFunction", function.arn))
    )
    done = run_machine(cloud, "done", role, task)
    assert done["status"] == "SUCCEEDED"
    assert json.loads(done["output"])["Payload"] == {"status": 200}


def test_a_state_machine_whose_role_does_not_trust_it_fails(cloud: Cloud, function: Function) -> None:
    role = cloud.client("iam").get_role(RoleName=function.name)["Role"]["Arn"]
    task = {"Resource": "arn:aws:states:::aws-sdk:sqs:listQueues", "Arguments": {}}
    assert run_machine(cloud, "untrusted", role, task)["error"] == "States.Permissions"


@pytest.mark.parametrize("kind", ["throttle", "error", "reset"])
def test_faults_hit_as_often_as_set_and_are_recorded(cloud: Cloud, kind: str) -> None:
    sqs, started = cloud.client("sqs"), time.time()
    with cloud.faults({**ROOT, "service": "sqs", "operation": "ListQueues", "kind": kind, "count": 2}):
        answer = sqs.list_queues()
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    calls = [c for c in cloud.calls(started) if c["operation"] == "ListQueues"]
    assert [c["fault"] for c in calls] == [kind, kind, ""]


def test_a_quota_lets_through_what_it_grants(cloud: Cloud) -> None:
    sqs, started = cloud.client("sqs", attempts=1), time.time()
    quota = {"service": "sqs", "operation": "ListQueues", "kind": "quota", "per_second": 0.001, "burst": 2}
    with cloud.faults({**ROOT, **quota}):
        sqs.list_queues()
        sqs.list_queues()
        with pytest.raises(ClientError, match="Rate exceeded"):
            sqs.list_queues()
    assert sum(not c["fault"] for c in cloud.calls(started)) == 2


def test_faults_end_with_their_own_block(cloud: Cloud) -> None:
    """Blocks overlap, as those of parallel scenarios do. A rule without a principal is refused."""
    sqs = cloud.client("sqs", attempts=1)
    rule = {**ROOT, "service": "sqs", "operation": "ListQueues"}
    with cloud.faults(rule):
        with cloud.faults({**rule, "principal": "somebody-else"}), pytest.raises(ClientError, match="Rate exceeded"):
            sqs.list_queues()
        with pytest.raises(ClientError, match="Rate exceeded"):
            sqs.list_queues()
    sqs.list_queues()
    for principal in ("", "  "):
        with pytest.raises(LocalCloudError, match="names its principal"), cloud.faults({"principal": principal}):
            pass
    sqs.list_queues()


def test_a_killed_function_ends_as_aws_says(cloud: Cloud, function: Function) -> None:
    function.may(("sqs:ListQueues", "*"))
    with cloud.faults({"service": "sqs", "operation": "ListQueues", "kind": "kill", "principal": "caller"}):
        answer = function.api.invoke(
            FunctionName=function.name, Payload=json.dumps({"service": "sqs", "operation": "list_queues"})
        )
    assert answer["FunctionError"]
    assert json.load(answer["Payload"])["errorType"] == "Runtime.ExitError"
    assert function.call("sqs", "list_queues") == 200


def test_calls_name_their_principal(cloud: Cloud, function: Function) -> None:
    started = time.time()
    function.may(("sqs:ListQueues", "*"))
    function.call("sqs", "list_queues")
    calls = cloud.calls(started, principal="assumed-role/caller/")
    assert [(c["service"], c["operation"], c["status"]) for c in calls] == [("sqs", "ListQueues", 200)]


def test_calls_say_which_error_they_ended_with(cloud: Cloud, function: Function) -> None:
    """Refusals have status 400 or 403, with their code in the body, JSON or XML."""
    function.may(("sqs:ListQueues", "*"))
    started = time.time()
    function.call("s3", "list_buckets")
    function.call("ssm", "get_parameter", Name="p")
    function.call("securityhub", "get_findings")
    function.call("sns", "list_topics")
    function.call("sqs", "list_queues")
    with pytest.raises(ClientError):
        cloud.client("s3").get_object(Bucket="no-such-bucket", Key="k")
    with pytest.raises(ClientError):
        cloud.client("dynamodb").describe_table(TableName="none")
    calls = {c["operation"]: (c["status"], c["error"]) for c in cloud.calls(started)}
    assert calls == {
        "InvokeFunction": (200, ""),
        "ListAllMyBuckets": (403, "AccessDenied"),
        "GetParameter": (400, "AccessDeniedException"),
        "GetFindings": (403, "AccessDeniedException"),
        "ListTopics": (403, "AuthorizationError"),
        "ListQueues": (200, ""),
        "GetObject": (404, "NoSuchBucket"),
        "DescribeTable": (400, "ResourceNotFoundException"),
    }


def test_calls_say_which_program_made_them(cloud: Cloud) -> None:
    started = time.time()
    terraform = "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 (+https://www.terraform.io) terraform-provider-aws/6.0.0"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/sqs/aws4_request, Signature=0"}
    target = {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}
    Cloud(cloud.port, agent="scenario.kms_rotation").client("sqs").list_queues()
    request = urllib.request.Request(cloud.endpoint, b"{}", {**signed, **target, "User-Agent": terraform})
    urllib.request.urlopen(request).close()
    cloud.client("sqs").list_queues()
    assert [c["agent"] for c in cloud.calls(started)] == ["scenario.kms_rotation", "Terraform", ""]


def test_every_try_of_a_call_of_terraform_gets_the_answer_to_the_first(cloud: Cloud) -> None:
    """Its connections break at times, also twice in a row. Another call is another one."""
    logs = Cloud(cloud.port, "Terraform").client("logs")
    tries = iter(["one", "one", "one", "another"])

    def name(request: Any, **_: Any) -> None:
        request.headers["amz-sdk-invocation-id"] = next(tries)

    logs.meta.events.register("before-send.cloudwatch-logs", name)
    for _ in range(3):
        logs.create_log_group(logGroupName="tried")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName="tried")


def test_accounts_and_regions_are_apart(cloud: Cloud) -> None:
    for account, region in (("111111111111", "us-east-1"), ("222222222222", "eu-central-1")):
        cloud.client("sqs", account=account, region=region).create_queue(QueueName="mine")
        cloud.client("securityhub", account=account, region=region).enable_security_hub()
    for account, region in (("111111111111", "us-east-1"), ("222222222222", "eu-central-1")):
        (url,) = cloud.client("sqs", account=account, region=region).list_queues()["QueueUrls"]
        assert f"/{account}/mine" in url
        hub = cloud.client("securityhub", account=account, region=region).describe_hub()["HubArn"]
        assert hub == f"arn:aws:securityhub:{region}:{account}:hub/default"
    with pytest.raises(ClientError):
        cloud.client("securityhub", account="111111111111", region="eu-central-1").describe_hub()


def test_alarms_watch_their_own_dimensions(cloud: Cloud) -> None:
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="errors-of-other",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": "other"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )

    def put(name: str) -> str:
        dimensions = [{"Name": "FunctionName", "Value": name}]
        data = {"MetricName": "Errors", "Dimensions": dimensions, "Value": 1.0}
        cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[data])
        return str(cloudwatch.describe_alarms(AlarmNames=["errors-of-other"])["MetricAlarms"][0]["StateValue"])

    assert put("caller") == "INSUFFICIENT_DATA"
    assert put("other") == "ALARM"


def test_an_unknown_command_is_refused(cloud: Cloud) -> None:
    with pytest.raises(LocalCloudError, match="no control command"):
        cloud.control("GET", "nothing")


def test_a_succeed_state_gives_its_output(cloud: Cloud) -> None:
    iam, states = cloud.client("iam"), cloud.client("stepfunctions")
    role = iam.create_role(RoleName="only", AssumeRolePolicyDocument=trust("states.amazonaws.com"))["Role"]["Arn"]
    succeed = {"Type": "Succeed", "Output": "{% {'n': $states.input.m + 1} %}"}
    definition = json.dumps({"StartAt": "End", "QueryLanguage": "JSONata", "States": {"End": succeed}})
    machine = states.create_state_machine(name="only", roleArn=role, definition=definition)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input='{"m": 1}')["executionArn"]

    def ended() -> Any:
        return states.describe_execution(executionArn=execution).get("output")

    assert json.loads(scenario.wait_until("the output", ended, 10)) == {"n": 2}


def test_an_exception_is_named_and_its_process_lives_on(cloud: Cloud, function: Function) -> None:
    def refused() -> tuple[str, int]:
        answer = json.load(function.api.invoke(FunctionName=function.name, Payload="{}")["Payload"])
        return answer["errorType"], cloud.command("lambda_runtime/memory", {"function": function.name})

    function.call("sts", "get_caller_identity")
    error, peak = refused()
    assert (error, peak > 0) == ("KeyError", True)
    again, same = refused()
    assert again == "KeyError"
    assert same == pytest.approx(peak, rel=0.05)


def test_a_batch_of_decisions_needs_the_right_to_single_ones(cloud: Cloud, function: Function) -> None:
    """BatchIsAuthorizedWithToken has no IAM action of its own; the policy store's ARN has no Region."""
    made = cloud.client("verifiedpermissions").create_policy_store(validationSettings={"mode": "STRICT"})
    action = {"actionType": "Action", "actionId": "a"}
    asked = {
        "policyStoreId": made["policyStoreId"],
        "accessToken": "a.b.c",
        "requests": [{"action": action, "resource": {"entityType": "R", "entityId": "r"}}],
    }

    def call() -> Any:
        return function.call("verifiedpermissions", "batch_is_authorized_with_token", **asked)

    function.may(("verifiedpermissions:BatchIsAuthorizedWithToken", made["arn"]))
    assert "AccessDenied" in call()
    function.may(("verifiedpermissions:IsAuthorizedWithToken", made["arn"] + "x"))
    assert "AccessDenied" in call()
    function.may(("verifiedpermissions:IsAuthorizedWithToken", made["arn"]))
    assert "ValidationException" in call()  # let through, although the token is invalid


def test_only_apis_of_the_stack_are_called(cloud: Cloud) -> None:
    with pytest.raises(LocalCloudError):
        cloud.request("GET", "https://example.com/")
    assert cloud.request("GET", "https://none.execute-api.eu-west-1.amazonaws.com/v1/x")[0] == 404


def test_s3_control_has_a_host_for_each_account(cloud: Cloud, function: Function) -> None:
    account = {"AccountId": ACCOUNT_ID}
    function.may(("s3:GetBucketPublicAccessBlock", "*"))
    assert "AccessDenied" in function.call("s3control", "get_public_access_block", **account)
    function.may(("s3:GetAccountPublicAccessBlock", "*"))
    said = function.call("s3control", "get_public_access_block", **account)
    assert "NoSuchPublicAccessBlockConfiguration" in said


def test_a_stream_of_a_log_group_is_a_resource(cloud: Cloud, function: Function) -> None:
    logs, group = cloud.client("logs"), f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:/told"
    logs.create_log_group(logGroupName="/told")
    for stream in ("own", "other"):
        logs.create_log_stream(logGroupName="/told", logStreamName=stream)
    entry = {"logGroupName": "/told", "logEvents": [{"timestamp": int(time.time() * 1000), "message": "m"}]}
    function.may(("logs:PutLogEvents", f"{group}:log-stream:own"))
    assert "not authorized" in function.call("logs", "put_log_events", logStreamName="other", **entry)
    assert function.call("logs", "put_log_events", logStreamName="own", **entry) == 200
