"""AWS Config on the local cloud: what is recorded, which rules are invoked, and what happens to their answers."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from tests.unit.local.gateway.test_gateway import allow, trust

SECRET, WEB_ACL = "AWS::SecretsManager::Secret", "AWS::WAFv2::WebACL"
# A rule's function that stores its event in a table, and finds each web ACL compliant whose description is "logged".
EVALUATOR = """
import json, os, boto3

def handler(event, context):
    boto3.client("dynamodb").put_item(TableName="seen", Item={
        "id": {"S": context.aws_request_id}, "event": {"S": json.dumps(event)}})
    said = json.loads(event["invokingEvent"])
    item = said.get("configurationItem") or said.get("configurationItemSummary")
    if not item:
        return
    gone = event["eventLeftScope"] or item["configurationItemStatus"] == "ResourceDeleted"
    logged = (item.get("configuration") or {}).get("description") == "logged"
    kind = "NOT_APPLICABLE" if gone else "COMPLIANT" if logged else "NON_COMPLIANT"
    boto3.client("config").put_evaluations(ResultToken=event["resultToken"], Evaluations=[{
        "ComplianceResourceType": item["resourceType"], "ComplianceResourceId": item["resourceId"],
        "ComplianceType": kind, "OrderingTimestamp": item["configurationItemCaptureTime"]}])
"""


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def bucket_policy(name: str, account: str = ACCOUNT_ID, only_key: str = "") -> str:
    service, arn = {"Service": "config.amazonaws.com"}, f"arn:aws:s3:::{name}"
    own = {"StringEquals": {"aws:SourceAccount": account}}
    look = {"Effect": "Allow", "Principal": service, "Action": ["s3:GetBucketAcl", "s3:ListBucket"], "Resource": arn}
    acl = {"StringEquals": {**own["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"}}
    put = {
        "Effect": "Allow",
        "Principal": service,
        "Action": "s3:PutObject",
        "Resource": f"{arn}/AWSLogs/{account}/Config/*",
    }
    statements = [{**look, "Condition": own}, {**put, "Condition": acl}]
    if only_key:
        encryption = "s3:x-amz-server-side-encryption"
        others = {"Null": {encryption: "false"}, "StringNotEquals": {f"{encryption}-aws-kms-key-id": only_key}}
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{arn}/*"}
        statements.append({**deny, "Condition": others})
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def key_policy(account: str, *services: str) -> str:
    """A key policy that leaves the key to its account, and its use to services for that account."""
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"}
    use = {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*"}
    own = {"StringEquals": {"aws:SourceAccount": account}}
    statements = [root, *({**use, "Principal": {"Service": one}, "Condition": own} for one in services)]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def kms_key(cloud: Cloud, account: str) -> str:
    """ARN of a key that Config may use."""
    made = cloud.client("kms", account).create_key(Policy=key_policy(account, "config.amazonaws.com"))
    return str(made["KeyMetadata"]["Arn"])


def record(cloud: Cloud, account: str = "", region: str = REGION, group: dict[str, Any] | None = None) -> Any:
    """Return AWS Config of an account and Region, with its recorder on."""
    own = account or ACCOUNT_ID
    iam, s3 = cloud.client("iam", account), cloud.client("s3", account, region)
    try:
        role = iam.create_role(RoleName="recorder", AssumeRolePolicyDocument=trust("config.amazonaws.com"))["Role"][
            "Arn"
        ]
    except iam.exceptions.EntityAlreadyExistsException:
        role = f"arn:aws:iam::{own}:role/recorder"
    name = f"config-{own}-{region}"
    location = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **location)
    s3.put_bucket_policy(Bucket=name, Policy=bucket_policy(name, own))
    config = cloud.client("config", account, region, attempts=1)
    recorder = {"name": "default", "roleARN": role, "recordingGroup": group or {"allSupported": True}}
    config.put_configuration_recorder(ConfigurationRecorder=recorder)
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": name})
    config.start_configuration_recorder(ConfigurationRecorderName="default")
    return config


@pytest.fixture(scope="module")
def config(cloud: Cloud) -> Any:
    cloud.command("config/set_reevaluation_interval", {"seconds": 0})
    return record(cloud)


@pytest.fixture(scope="module")
def evaluator(cloud: Cloud) -> str:
    """Return the ARN of the function of custom rules, which Config may invoke."""
    cloud.client("dynamodb").create_table(
        TableName="seen",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    iam, api = cloud.client("iam"), cloud.client("lambda")
    role = iam.create_role(RoleName="evaluator", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
    policy = allow(("dynamodb:PutItem", "*"), ("config:PutEvaluations", "*"))
    iam.put_role_policy(RoleName="evaluator", PolicyName="own", PolicyDocument=policy)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", EVALUATOR)
    made = api.create_function(
        FunctionName="evaluator",
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Timeout=30,
        Code={"ZipFile": packed.getvalue()},
    )
    return str(made["FunctionArn"])


def custom(name: str, function: str, *messages: str, **scope: Any) -> dict[str, Any]:
    details = [{"EventSource": "aws.config", "MessageType": one} for one in messages]
    source = {"Owner": "CUSTOM_LAMBDA", "SourceIdentifier": function, "SourceDetails": details}
    return {"ConfigRuleName": name, "Source": source, **({"Scope": scope} if scope else {})}


def seen(cloud: Cloud, rule: str, about: str = "") -> list[dict[str, Any]]:
    """Return the events that the rule's function received, oldest first."""
    found = [json.loads(one["event"]["S"]) for one in cloud.client("dynamodb").scan(TableName="seen")["Items"]]
    asked = [one for one in found if one["configRuleName"] == rule and about in one["invokingEvent"]]
    return sorted(asked, key=lambda one: str(json.loads(one["invokingEvent"])["notificationCreationTime"]))


def results(config: Any, rule: str) -> dict[str, str]:
    pages = config.get_paginator("get_compliance_details_by_config_rule").paginate(ConfigRuleName=rule)
    return {
        one["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"]: one["ComplianceType"]
        for page in pages
        for one in page["EvaluationResults"]
    }


def web_acl(cloud: Cloud, name: str, description: str = "plain", tags: dict[str, str] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = cloud.client("wafv2").create_web_acl(
        Name=name,
        Scope="REGIONAL",
        Description=description,
        DefaultAction={"Allow": {}},
        VisibilityConfig={"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name},
        **({"Tags": [{"Key": k, "Value": v} for k, v in tags.items()]} if tags else {}),
    )["Summary"]
    return made


def describe_as(cloud: Cloud, acl: dict[str, Any], description: str) -> None:
    waf = cloud.client("wafv2")
    identity = {name: acl[name] for name in ("Name", "Id")} | {"Scope": "REGIONAL"}
    found = waf.get_web_acl(**identity)
    kept = {name: found["WebACL"][name] for name in ("DefaultAction", "VisibilityConfig")}
    waf.update_web_acl(**identity, **kept, Description=description, LockToken=found["LockToken"])


def test_a_recorder_needs_a_role_that_trusts_it_and_a_channel_a_bucket_that_lets_it_write(cloud: Cloud) -> None:
    account = "444444444444"
    config, s3 = cloud.client("config", account, attempts=1), cloud.client("s3", account)
    iam = cloud.client("iam", account)
    other = iam.create_role(RoleName="other", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
    role = iam.create_role(RoleName="own", AssumeRolePolicyDocument=trust("config.amazonaws.com"))["Role"]["Arn"]
    put = config.put_configuration_recorder
    assert code(put, ConfigurationRecorder={"name": "default", "roleARN": other}) == "InvalidRoleException"
    channel = {"name": "default", "s3BucketName": "not-mine-yet"}
    assert code(config.put_delivery_channel, DeliveryChannel=channel) == "NoAvailableConfigurationRecorderException"
    managed = {"Owner": "AWS", "SourceIdentifier": "SECRETSMANAGER_USING_CMK"}
    rule = {"ConfigRuleName": "early", "Source": managed}
    assert code(config.put_config_rule, ConfigRule=rule) == "NoAvailableConfigurationRecorderException"
    put(ConfigurationRecorder={"name": "default", "roleARN": role, "recordingMode": {"recordingFrequency": "DAILY"}})
    found = config.describe_configuration_recorders()["ConfigurationRecorders"][0]
    assert found["recordingMode"] == {"recordingFrequency": "DAILY"}
    assert code(config.put_delivery_channel, DeliveryChannel=channel) == "NoSuchBucketException"
    s3.create_bucket(Bucket="not-mine-yet", CreateBucketConfiguration={"LocationConstraint": REGION})
    assert code(config.put_delivery_channel, DeliveryChannel=channel) == "InsufficientDeliveryPolicyException"
    start_it = config.start_configuration_recorder
    assert code(start_it, ConfigurationRecorderName="default") == "NoAvailableDeliveryChannelException"
    s3.put_bucket_policy(Bucket="not-mine-yet", Policy=bucket_policy("not-mine-yet", account))
    config.put_delivery_channel(DeliveryChannel=channel)
    key, other_key = (kms_key(cloud, account) for _ in range(2))
    s3.put_bucket_policy(Bucket="not-mine-yet", Policy=bucket_policy("not-mine-yet", account, key))
    refused = {**channel, "s3KmsKeyArn": other_key}
    assert code(config.put_delivery_channel, DeliveryChannel=refused) == "InsufficientDeliveryPolicyException"
    config.put_delivery_channel(DeliveryChannel={**channel, "s3KmsKeyArn": key})
    assert config.describe_delivery_channels()["DeliveryChannels"][0]["s3KmsKeyArn"] == key
    cloud.client("kms", account).put_key_policy(KeyId=key, PolicyName="default", Policy=key_policy(account))
    again = {**channel, "s3KmsKeyArn": key}
    assert code(config.put_delivery_channel, DeliveryChannel=again) == "InsufficientDeliveryPolicyException"
    config.put_delivery_channel(DeliveryChannel=channel)
    start_it(ConfigurationRecorderName="default")
    status = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"][0]
    assert (status["recording"], status["lastStatus"]) == (True, "SUCCESS")


def test_a_service_linked_role_is_described_by_its_creator_only(cloud: Cloud) -> None:
    iam = cloud.client("iam", "555555555555")
    iam.create_service_linked_role(AWSServiceName="config.amazonaws.com")
    role = iam.get_role(RoleName="AWSServiceRoleForConfig")["Role"]
    assert role.get("Description", "") == ""
    iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com", Description="Ours")
    assert iam.get_role(RoleName="AWSServiceRoleForSsm")["Role"]["Description"] == "Ours"


def test_what_happens_to_a_resource_becomes_its_history(cloud: Cloud, config: Any) -> None:
    acl = web_acl(cloud, "history", tags={"team": "red"})
    asked = {"resourceType": WEB_ACL, "resourceId": acl["ARN"]}

    def history() -> list[dict[str, Any]]:
        try:
            return list(config.get_resource_config_history(**asked)["configurationItems"])
        except config.exceptions.ResourceNotDiscoveredException:
            return []

    first = wait_until("the first item", history, 20)[0]
    assert (first["configurationItemStatus"], first["tags"]) == ("ResourceDiscovered", {"team": "red"})
    assert json.loads(first["configuration"])["resourceARN"] == acl["ARN"]
    describe_as(cloud, acl, "other")
    wait_until("the change", lambda: len(history()) == 2, 20)
    key = [{"resourceType": WEB_ACL, "resourceId": acl["ARN"]}]
    (now,) = config.batch_get_resource_config(resourceKeys=key)["baseConfigurationItems"]
    assert json.loads(now["configuration"])["description"] == "other"
    waf = cloud.client("wafv2")
    identity = {"Name": "history", "Id": acl["Id"], "Scope": "REGIONAL"}
    waf.delete_web_acl(**identity, LockToken=waf.get_web_acl(**identity)["LockToken"])
    wait_until("the deletion", lambda: len(history()) == 3, 20)
    assert [one["configurationItemStatus"] for one in history()] == ["ResourceDeleted", "OK", "ResourceDiscovered"]
    assert config.batch_get_resource_config(resourceKeys=key)["baseConfigurationItems"] == []
    page = config.get_resource_config_history(**asked, limit=2, chronologicalOrder="Forward")
    last = config.get_resource_config_history(
        **asked, limit=2, chronologicalOrder="Forward", nextToken=page["nextToken"]
    )
    assert [len(page["configurationItems"]), len(last["configurationItems"])] == [2, 1]


def test_a_custom_rule_needs_the_functions_permission(cloud: Cloud, config: Any, evaluator: str) -> None:
    rule = custom("web-acls", evaluator, "ConfigurationItemChangeNotification", ComplianceResourceTypes=[WEB_ACL])
    assert code(config.put_config_rule, ConfigRule=rule) == "InsufficientPermissionsException"
    cloud.client("lambda").add_permission(
        FunctionName="evaluator",
        StatementId="config",
        Action="lambda:InvokeFunction",
        Principal="config.amazonaws.com",
        SourceAccount=ACCOUNT_ID,
    )
    config.put_config_rule(ConfigRule=rule)
    found = config.describe_config_rules(ConfigRuleNames=["web-acls"])["ConfigRules"][0]
    assert found["Source"] == rule["Source"]
    assert found["Scope"] == {"ComplianceResourceTypes": [WEB_ACL]}
    assert (found["ConfigRuleState"], found["ConfigRuleArn"].split("/")[0]) == (
        "ACTIVE",
        f"arn:aws:config:{REGION}:{ACCOUNT_ID}:config-rule",
    )


def test_a_function_gets_the_true_event_and_its_answer_is_kept(cloud: Cloud, config: Any, evaluator: str) -> None:
    acl = web_acl(cloud, "watched", tags={"stage": "prod"})
    wait_until("the result", lambda: results(config, "web-acls").get(acl["ARN"]) == "NON_COMPLIANT", 30)
    event = seen(cloud, "web-acls", acl["ARN"])[0]
    assert (event["eventLeftScope"], event["ruleParameters"], event["accountId"]) == (False, "{}", ACCOUNT_ID)
    said = json.loads(event["invokingEvent"])
    assert (said["messageType"], said["configurationItemDiff"]["changeType"]) == (
        "ConfigurationItemChangeNotification",
        "CREATE",
    )
    item = said["configurationItem"]
    assert (item["ARN"], item["configurationItemStatus"], item["awsRegion"]) == (
        acl["ARN"],
        "ResourceDiscovered",
        REGION,
    )
    assert (item["tags"], item["configuration"]["description"]) == ({"stage": "prod"}, "plain")
    describe_as(cloud, acl, "logged")
    wait_until("the better result", lambda: results(config, "web-acls").get(acl["ARN"]) == "COMPLIANT", 30)
    by_resource = config.get_compliance_details_by_resource(ResourceType=WEB_ACL, ResourceId=acl["ARN"])
    assert [one["ComplianceType"] for one in by_resource["EvaluationResults"]] == ["COMPLIANT"]
    status = config.describe_config_rule_evaluation_status(ConfigRuleNames=["web-acls"])["ConfigRulesEvaluationStatus"][
        0
    ]
    assert status["FirstEvaluationStarted"]
    assert "LastSuccessfulEvaluationTime" in status
    waf = cloud.client("wafv2")
    identity = {"Name": "watched", "Id": acl["Id"], "Scope": "REGIONAL"}
    waf.delete_web_acl(**identity, LockToken=waf.get_web_acl(**identity)["LockToken"])
    wait_until("the end of it", lambda: acl["ARN"] not in results(config, "web-acls"), 30)
    last = json.loads(seen(cloud, "web-acls", acl["ARN"])[-1]["invokingEvent"])["configurationItem"]
    assert (last["configurationItemStatus"], last["configuration"]) == ("ResourceDeleted", None)


def test_a_result_token_is_good_for_its_rule_only_and_older_results_lose(cloud: Cloud, config: Any) -> None:
    acl = web_acl(cloud, "tokens")
    wait_until("the result", lambda: acl["ARN"] in results(config, "web-acls"), 30)
    event = seen(cloud, "web-acls", acl["ARN"])[0]
    token = event["resultToken"]
    base = {"ComplianceResourceType": WEB_ACL, "ComplianceResourceId": acl["ARN"]}

    def put(token: str, kind: str, at: float) -> None:
        config.put_evaluations(
            ResultToken=token, Evaluations=[{**base, "ComplianceType": kind, "OrderingTimestamp": at}]
        )

    assert (
        code(put, token=("B" if token[0] == "A" else "A") + token[1:], kind="COMPLIANT", at=time.time())
        == "InvalidResultTokenException"
    )
    assert code(put, token=token, kind="INSUFFICIENT_DATA", at=time.time()) == "InvalidParameterValueException"
    put(token, "COMPLIANT", 1.0)
    assert results(config, "web-acls")[acl["ARN"]] == "NON_COMPLIANT"
    put(token, "COMPLIANT", time.time() + 1)
    assert results(config, "web-acls")[acl["ARN"]] == "COMPLIANT"
    other = cloud.client("config", region="eu-central-1", attempts=1)
    refused = {"ResultToken": token, "Evaluations": [{**base, "ComplianceType": "COMPLIANT", "OrderingTimestamp": 1.0}]}
    assert code(other.put_evaluations, **refused) == "InvalidResultTokenException"


def test_a_tag_that_goes_takes_the_resource_out_of_scope(cloud: Cloud, config: Any, evaluator: str) -> None:
    config.put_config_rule(
        ConfigRule=custom("tagged", evaluator, "ConfigurationItemChangeNotification", TagKey="stage", TagValue="prod")
    )
    plain, acl = web_acl(cloud, "untagged"), web_acl(cloud, "in-scope", tags={"stage": "prod"})
    wait_until("the result", lambda: acl["ARN"] in results(config, "tagged"), 30)
    cloud.client("wafv2").untag_resource(ResourceARN=acl["ARN"], TagKeys=["stage"])
    wait_until("its end", lambda: acl["ARN"] not in results(config, "tagged"), 30)
    assert seen(cloud, "tagged", acl["ARN"])[-1]["eventLeftScope"] is True
    assert plain["ARN"] not in results(config, "tagged")
    assert seen(cloud, "tagged", plain["ARN"]) == []


def test_an_oversized_item_is_announced_without_it(cloud: Cloud, config: Any, evaluator: str) -> None:
    config.put_config_rule(
        ConfigRule=custom(
            "large", evaluator, "OversizedConfigurationItemChangeNotification", ComplianceResourceTypes=[WEB_ACL]
        )
    )
    acl = web_acl(cloud, "oversized", description="x")
    waf = cloud.client("wafv2")
    identity = {"Name": "oversized", "Id": acl["Id"], "Scope": "REGIONAL"}
    body = {"html": {"ContentType": "TEXT_PLAIN", "Content": "x"}}
    field = {"FieldToMatch": {"UriPath": {}}, "TextTransformations": [{"Priority": 0, "Type": "NONE"}]}
    match = {"ByteMatchStatement": {"SearchString": b"y" * 200, "PositionalConstraint": "CONTAINS", **field}}
    rules = [
        {
            "Name": f"r{n}",
            "Priority": n,
            "Action": {"Block": {}},
            "Statement": match,
            "VisibilityConfig": {
                "SampledRequestsEnabled": True,
                "CloudWatchMetricsEnabled": True,
                "MetricName": f"r{n}",
            },
        }
        for n in range(600)
    ]
    waf.update_web_acl(
        **identity,
        DefaultAction={"Allow": {}},
        Rules=rules,
        CustomResponseBodies=body,
        VisibilityConfig={"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"},
        LockToken=acl["LockToken"],
    )
    wait_until("the result", lambda: acl["ARN"] in results(config, "large"), 30)
    said = json.loads(seen(cloud, "large", acl["ARN"])[-1]["invokingEvent"])
    assert said["messageType"] == "OversizedConfigurationItemChangeNotification"
    assert said["configurationItemSummary"]["ARN"] == acl["ARN"]
    assert "configuration" not in said["configurationItemSummary"]
    assert "configurationItem" not in said


def test_a_periodic_rule_runs_at_its_frequency(cloud: Cloud, config: Any, evaluator: str) -> None:
    rule = custom("hourly", evaluator, "ScheduledNotification")
    rule["Source"]["SourceDetails"][0]["MaximumExecutionFrequency"] = "One_Hour"
    config.put_config_rule(ConfigRule=rule)
    (first,) = wait_until("the first run", lambda: seen(cloud, "hourly"), 30)
    said = json.loads(first["invokingEvent"])
    assert (said["messageType"], said["awsAccountId"]) == ("ScheduledNotification", ACCOUNT_ID)
    cloud.command("config/pass_time", {"seconds": 3600})
    wait_until("the second run", lambda: len(seen(cloud, "hourly")) == 2, 30)


def test_evaluations_are_started_once_a_minute(cloud: Cloud, config: Any) -> None:
    before = len(seen(cloud, "hourly"))
    cloud.command("config/set_reevaluation_interval", {"seconds": 60})
    try:
        config.start_config_rules_evaluation(ConfigRuleNames=["hourly"])
        assert code(config.start_config_rules_evaluation, ConfigRuleNames=["hourly"]) == "LimitExceededException"
        wait_until("the run", lambda: len(seen(cloud, "hourly")) == before + 1, 30)
    finally:
        cloud.command("config/set_reevaluation_interval", {"seconds": 0})
    assert code(config.start_config_rules_evaluation, ConfigRuleNames=["no-such"]) == "NoSuchConfigRuleException"


def test_the_pace_of_one_rule_is_not_that_of_others(cloud: Cloud, config: Any, evaluator: str) -> None:
    def pace(seconds: float, *rules: str) -> None:
        given = {"seconds": seconds, "rules": rules}
        cloud.command("config/set_reevaluation_interval", given)

    config.put_config_rule(ConfigRule=custom("eager", evaluator, "ScheduledNotification"))
    pace(60)
    pace(0, "eager")
    try:
        config.start_config_rules_evaluation(ConfigRuleNames=["eager"])
        config.start_config_rules_evaluation(ConfigRuleNames=["eager"])
        for names in (["hourly"], ["eager", "hourly"]):
            assert code(config.start_config_rules_evaluation, ConfigRuleNames=names) == "LimitExceededException"
    finally:
        pace(0)
        config.delete_config_rule(ConfigRuleName="eager")


@pytest.mark.parametrize(
    ("identifier", "given", "refusal"),
    [
        ("SECRETSMANAGER_ROTATION_CHECK", {}, "InvalidParameterValueException"),  # the typo of the source
        (
            "SECRETSMANAGER_ROTATION_ENABLED_CHECK",
            {"maximumAllowedRotationFrequency": 30},
            "InvalidParameterValueException",
        ),
        (
            "SECRETSMANAGER_ROTATION_ENABLED_CHECK",
            {"maximumAllowedRotationFrequency": "x"},
            "InvalidParameterValueException",
        ),
        ("SECRETSMANAGER_ROTATION_ENABLED_CHECK", {"maxDays": "1"}, "InvalidParameterValueException"),
    ],
)
def test_managed_rules_are_checked(config: Any, identifier: str, given: dict[str, Any], refusal: str) -> None:
    source = {"Owner": "AWS", "SourceIdentifier": identifier}
    rule = {"ConfigRuleName": "bad", "Source": source, "InputParameters": json.dumps(given)}
    assert code(config.put_config_rule, ConfigRule=rule) == refusal
    assert code(config.describe_config_rules, ConfigRuleNames=["bad"]) == "NoSuchConfigRuleException"


def test_changes_of_compliance_are_events(cloud: Cloud, config: Any) -> None:
    sqs, events = cloud.client("sqs"), cloud.client("events")
    pattern = {"source": ["aws.config"], "detail": {"configRuleName": ["web-acls"]}}
    rule = events.put_rule(Name="compliance", EventPattern=json.dumps(pattern))["RuleArn"]
    url = sqs.create_queue(QueueName="compliance")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:compliance"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule="compliance", Targets=[{"Id": "1", "Arn": arn}])
    acl = web_acl(cloud, "told")
    told: list[dict[str, Any]] = []

    def changes() -> list[dict[str, Any]]:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            told.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [one for one in told if one["detail"]["resourceId"] == acl["ARN"]]

    first = wait_until("the event", changes, 30)[0]
    assert first["detail-type"] == "Config Rules Compliance Change"
    assert first["detail"]["newEvaluationResult"]["complianceType"] == "NON_COMPLIANT"
    assert "oldEvaluationResult" not in first["detail"]
    describe_as(cloud, acl, "logged")
    second = wait_until("the second event", lambda: changes()[1:], 30)[0]["detail"]
    assert [second[f"{which}EvaluationResult"]["complianceType"] for which in ("old", "new")] == [
        "NON_COMPLIANT",
        "COMPLIANT",
    ]


def test_a_stopped_recorder_notices_nothing_until_it_is_on_again(cloud: Cloud, config: Any) -> None:
    config.stop_configuration_recorder(ConfigurationRecorderName="default")
    acl = web_acl(cloud, "unseen")
    config.put_config_rule(
        ConfigRule={
            "ConfigRuleName": "other",
            "Source": {"Owner": "AWS", "SourceIdentifier": "SECRETSMANAGER_USING_CMK"},
        }
    )
    wait_until(
        "a look of the watcher",
        lambda: "other" in [one["ConfigRuleName"] for one in config.describe_config_rules()["ConfigRules"]],
    )
    asked = {"resourceType": WEB_ACL, "resourceId": acl["ARN"]}
    assert code(config.get_resource_config_history, **asked) == "ResourceNotDiscoveredException"
    config.start_configuration_recorder(ConfigurationRecorderName="default")
    wait_until("the result", lambda: acl["ARN"] in results(config, "web-acls"), 30)
    config.delete_config_rule(ConfigRuleName="other")


def test_without_a_permission_the_answer_is_refused(cloud: Cloud, config: Any) -> None:
    iam = cloud.client("iam")
    policy = allow(("dynamodb:PutItem", "*"))
    iam.put_role_policy(RoleName="evaluator", PolicyName="own", PolicyDocument=policy)
    acl = web_acl(cloud, "unanswered")
    wait_until("the call", lambda: seen(cloud, "web-acls", acl["ARN"]), 30)
    refused = wait_until(
        "the refusal",
        lambda: [c for c in cloud.calls(0, "evaluator") if c["operation"] == "PutEvaluations" and c["status"] >= 400],
        30,
    )
    assert refused[0]["status"] in (400, 403)
    assert acl["ARN"] not in results(config, "web-acls")
