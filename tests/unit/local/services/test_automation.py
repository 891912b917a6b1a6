"""SSM Automation and AWS Config's remediation on the local cloud: documents that act as their role, and attempts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from tests.unit.local.gateway.test_gateway import allow, trust
from tests.unit.local.services.test_config import SECRET, code, record, results

PUBLISH = "AWS-PublishSNSNotification"


@pytest.fixture(scope="module")
def ssm(cloud: Cloud) -> Any:
    return cloud.client("ssm", attempts=1)


@pytest.fixture(scope="module")
def role(cloud: Cloud) -> str:
    made = cloud.client("iam").create_role(RoleName="automation", AssumeRolePolicyDocument=trust("ssm.amazonaws.com"))
    return str(made["Role"]["Arn"])


def may(cloud: Cloud, *statements: tuple[str, str]) -> None:
    cloud.client("iam").put_role_policy(RoleName="automation", PolicyName="own", PolicyDocument=allow(*statements))


def topic(cloud: Cloud, name: str) -> str:
    return str(cloud.client("sns").create_topic(Name=name)["TopicArn"])


def document(ssm: Any, name: str, steps: list[dict[str, Any]], **parameters: Any) -> str:
    content = {
        "schemaVersion": "0.3",
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": {"AutomationAssumeRole": {"type": "String"}, **parameters},
        "mainSteps": steps,
    }
    ssm.create_document(Name=name, DocumentType="Automation", Content=json.dumps(content))
    return name


def run(ssm: Any, name: str, **parameters: str) -> dict[str, Any]:
    started = ssm.start_automation_execution(DocumentName=name, Parameters={k: [v] for k, v in parameters.items()})
    asked = {"AutomationExecutionId": started["AutomationExecutionId"]}

    def ended() -> Any:
        found = ssm.get_automation_execution(**asked)["AutomationExecution"]
        return found["AutomationExecutionStatus"] != "InProgress" and found

    found: dict[str, Any] = wait_until("the execution's end", ended, 30)
    return found


def test_a_notification_needs_the_roles_permission(cloud: Cloud, ssm: Any, role: str) -> None:
    arn = topic(cloud, "direct")
    given = {"AutomationAssumeRole": role, "TopicArn": arn, "Message": "hello"}
    may(cloud, ("sns:Publish", arn + "-other"))
    refused = run(ssm, PUBLISH, **given)
    assert refused["AutomationExecutionStatus"] == "Failed"
    assert "sns:Publish" in refused["FailureMessage"]
    assert cloud.notifications(arn) == []
    may(cloud, ("sns:Publish", arn))
    done = run(ssm, PUBLISH, **given)
    assert (done["AutomationExecutionStatus"], done["Parameters"]["Message"]) == ("Success", ["hello"])
    assert [one["message"] for one in cloud.notifications(arn)] == ["hello"]
    (call,) = [c for c in cloud.calls(0, done["AutomationExecutionId"]) if c["operation"] == "Publish"]
    assert (
        call["principal"]
        == f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/automation/Automation-{done['AutomationExecutionId']}"
    )


def test_a_role_that_does_not_trust_automation_fails(cloud: Cloud, ssm: Any) -> None:
    iam = cloud.client("iam")
    other = iam.create_role(RoleName="foreign", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
    arn = topic(cloud, "foreign")
    failed = run(ssm, PUBLISH, AutomationAssumeRole=other, TopicArn=arn, Message="hello")
    assert "unable to be assumed" in failed["FailureMessage"]
    assert cloud.notifications(arn) == []


def test_steps_hand_on_what_they_found(cloud: Cloud, ssm: Any, role: str) -> None:
    arn = topic(cloud, "steps")
    steps: list[dict[str, Any]] = [
        {
            "name": "look",
            "action": "aws:executeAwsApi",
            "inputs": {"Service": "sns", "Api": "GetTopicAttributes", "TopicArn": "{{ Topic }}"},
            "outputs": [{"Name": "Owner", "Selector": "$.Attributes.Owner", "Type": "String"}],
        },
        {
            "name": "tell",
            "action": "aws:executeAwsApi",
            "inputs": {"Service": "sns", "Api": "Publish", "TopicArn": "{{ Topic }}", "Message": "of {{ look.Owner }}"},
        },
    ]
    name = document(ssm, "steps", steps, Topic={"type": "String"})
    may(cloud, ("sns:*", arn))
    done = run(ssm, name, AutomationAssumeRole=role, Topic=arn)
    assert [step["StepStatus"] for step in done["StepExecutions"]] == ["Success", "Success"]
    assert [one["message"] for one in cloud.notifications(arn)] == [f"of {ACCOUNT_ID}"]
    found = ssm.describe_automation_executions(Filters=[{"Key": "DocumentNamePrefix", "Values": ["step"]}])
    assert [one["DocumentName"] for one in found["AutomationExecutionMetadataList"]] == ["steps"]


def test_a_function_that_raises_fails_the_step(cloud: Cloud, ssm: Any, role: str) -> None:
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return 1 / int(event['by'])\n")
    iam = cloud.client("iam")
    own = iam.create_role(RoleName="divider", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
    arn = cloud.client("lambda").create_function(
        FunctionName="divider",
        Runtime="python3.13",
        Role=own,
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    payload = '{"by": "{{ By }}"}'
    steps = [
        {"name": "divide", "action": "aws:invokeLambdaFunction", "inputs": {"FunctionName": arn, "Payload": payload}}
    ]
    name = document(ssm, "divide", steps, By={"type": "String", "allowedPattern": "\\d"})
    may(cloud, ("lambda:InvokeFunction", arn))
    done = run(ssm, name, AutomationAssumeRole=role, By="1")
    assert done["StepExecutions"][0]["Outputs"] == {"Payload": ["1.0"]}
    failed = run(ssm, name, AutomationAssumeRole=role, By="0")
    assert "ZeroDivisionError" in failed["FailureMessage"]
    may(cloud, ("lambda:InvokeFunction", arn + "s"))
    assert "lambda:InvokeFunction" in run(ssm, name, AutomationAssumeRole=role, By="1")["FailureMessage"]


def test_parameters_and_documents_are_checked(cloud: Cloud, ssm: Any, role: str) -> None:
    begin = ssm.start_automation_execution
    assert code(begin, DocumentName="AWS-NoSuch") == "AutomationDefinitionNotFoundException"
    wrong = "InvalidAutomationExecutionParametersException"
    assert code(begin, DocumentName=PUBLISH, Parameters={"TopicArn": ["x"]}) == wrong
    assert code(begin, DocumentName=PUBLISH, Parameters={"Unknown": ["x"]}) == wrong
    given = {"AutomationAssumeRole": [role], "By": ["ten"]}
    assert code(begin, DocumentName="divide", Parameters=given) == wrong
    asked = {"AutomationExecutionId": "0" * 36}
    assert code(ssm.get_automation_execution, **asked) == "AutomationExecutionNotFoundException"


def test_an_action_that_is_not_there_fails_by_name(cloud: Cloud, ssm: Any, role: str) -> None:
    name = document(ssm, "sleepy", [{"name": "nap", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}])
    assert "aws:sleep" in run(ssm, name, AutomationAssumeRole=role)["FailureMessage"]


# AWS Config's remediation


@pytest.fixture(scope="module")
def config(cloud: Cloud) -> Any:
    cloud.command("config/set_reevaluation_interval", {"seconds": 0})
    made = record(cloud)
    source = {"Owner": "AWS", "SourceIdentifier": "SECRETSMANAGER_ROTATION_ENABLED_CHECK"}
    made.put_config_rule(ConfigRule={"ConfigRuleName": "rotation", "Source": source})
    return made


def remediation(role: str, topic_arn: str, **more: Any) -> dict[str, Any]:
    static = {"AutomationAssumeRole": role, "TopicArn": topic_arn}
    parameters: dict[str, Any] = {name: {"StaticValue": {"Values": [value]}} for name, value in static.items()}
    return {
        "ConfigRuleName": "rotation",
        "TargetType": "SSM_DOCUMENT",
        "TargetId": PUBLISH,
        "Parameters": {**parameters, "Message": {"ResourceValue": {"Value": "RESOURCE_ID"}}},
        "Automatic": True,
        "MaximumAutomaticAttempts": 2,
        "RetryAttemptSeconds": 60,
        **more,
    }


def test_a_remediation_is_checked_against_its_document(cloud: Cloud, config: Any, role: str) -> None:
    good = remediation(role, topic(cloud, "checked"))

    def put(**changes: Any) -> str:
        return code(config.put_remediation_configurations, RemediationConfigurations=[{**good, **changes}])

    assert put(ConfigRuleName="none") == "NoSuchConfigRuleException"
    assert put(TargetId="AWS-NoSuch") == "InvalidParameterValueException"
    parameters = dict(good["Parameters"])
    assert put(Parameters={**parameters, "Subject": parameters["Message"]}) == "InvalidParameterValueException"
    without_role = {name: value for name, value in parameters.items() if name != "AutomationAssumeRole"}
    assert put(Parameters=without_role) == "InvalidParameterValueException"
    without_topic = {name: value for name, value in parameters.items() if name != "TopicArn"}
    assert put(Parameters=without_topic) == "InvalidParameterValueException"
    found = config.describe_remediation_configurations(ConfigRuleNames=["rotation"])
    assert found["RemediationConfigurations"] == []


def test_a_non_compliant_resource_causes_a_notice(cloud: Cloud, config: Any, role: str) -> None:
    arn = topic(cloud, "told")
    may(cloud, ("sns:Publish", arn))
    config.put_remediation_configurations(RemediationConfigurations=[remediation(role, arn)])
    secret = cloud.client("secretsmanager").create_secret(Name="told", SecretString="hidden")["ARN"]
    told = wait_until("the notice", lambda: cloud.notifications(arn), 30)
    assert [one["message"] for one in told] == [secret]
    assert results(config, "rotation")[secret] == "NON_COMPLIANT"
    keys = [{"resourceType": SECRET, "resourceId": secret}]

    def status() -> list[dict[str, Any]]:
        asked = {"ConfigRuleName": "rotation", "ResourceKeys": keys}
        return list(config.describe_remediation_execution_status(**asked)["RemediationExecutionStatuses"])

    (done,) = wait_until("its success", lambda: [s for s in status() if s["State"] == "SUCCEEDED"], 30)
    assert [step["Name"] for step in done["StepDetails"]] == ["PublishSNSNotification"]
    # Each evaluation sends a notice again.
    config.start_config_rules_evaluation(ConfigRuleNames=["rotation"])
    wait_until("the second notice", lambda: len(cloud.notifications(arn)) == 2, 30)
    assert code(config.delete_config_rule, ConfigRuleName="rotation") == "ResourceInUseException"


def test_attempts_that_fail_end_in_an_exception(cloud: Cloud, config: Any, role: str) -> None:
    arn = topic(cloud, "failing")
    may(cloud, ("sns:Publish", arn + "-other"))
    config.put_remediation_configurations(RemediationConfigurations=[remediation(role, arn)])
    secret = cloud.client("secretsmanager").create_secret(Name="failing", SecretString="hidden")["ARN"]

    def exceptions() -> list[dict[str, Any]]:
        found = config.describe_remediation_exceptions(ConfigRuleName="rotation")["RemediationExceptions"]
        return [one for one in found if one["ResourceId"] == secret]

    (made,) = wait_until("the exception", exceptions, 30)
    assert "2 automatic attempts failed within 60 seconds" in made["Message"]
    refused = [c for c in cloud.calls(0, "automation") if c["operation"] == "Publish" and c["status"] >= 400]
    tried = len(refused)
    may(cloud, ("sns:Publish", arn))
    config.start_config_rules_evaluation(ConfigRuleNames=["rotation"])
    other = cloud.client("secretsmanager").create_secret(Name="after", SecretString="hidden")["ARN"]
    wait_until("the notice of another", lambda: other in [one["message"] for one in cloud.notifications(arn)], 30)
    assert secret not in [one["message"] for one in cloud.notifications(arn)]
    assert tried >= 2
    # A manual start is still possible, and without the exception notices are sent again.
    config.start_remediation_execution(
        ConfigRuleName="rotation", ResourceKeys=[{"resourceType": SECRET, "resourceId": secret}]
    )
    wait_until("the notice by hand", lambda: secret in [one["message"] for one in cloud.notifications(arn)], 30)
    config.delete_remediation_exceptions(
        ConfigRuleName="rotation", ResourceKeys=[{"ResourceType": SECRET, "ResourceId": secret}]
    )
    config.start_config_rules_evaluation(ConfigRuleNames=["rotation"])
    wait_until(
        "the automatic notice", lambda: [one["message"] for one in cloud.notifications(arn)].count(secret) == 2, 30
    )


def test_a_manual_remediation_waits_for_a_hand(cloud: Cloud, config: Any, role: str) -> None:
    arn = topic(cloud, "manual")
    may(cloud, ("sns:Publish", arn))
    config.put_remediation_configurations(RemediationConfigurations=[remediation(role, arn, Automatic=False)])
    secret = cloud.client("secretsmanager").create_secret(Name="manual", SecretString="hidden")["ARN"]
    wait_until("the result", lambda: results(config, "rotation").get(secret) == "NON_COMPLIANT", 30)
    assert cloud.notifications(arn) == []
    config.start_remediation_execution(
        ConfigRuleName="rotation", ResourceKeys=[{"resourceType": SECRET, "resourceId": secret}]
    )
    assert [one["message"] for one in wait_until("the notice", lambda: cloud.notifications(arn), 30)] == [secret]
    wait_until(
        "the end of it",
        lambda: all(
            one["State"] == "SUCCEEDED"
            for one in config.describe_remediation_execution_status(
                ConfigRuleName="rotation", ResourceKeys=[{"resourceType": SECRET, "resourceId": secret}]
            )["RemediationExecutionStatuses"]
        ),
        30,
    )
    config.delete_remediation_configuration(ConfigRuleName="rotation")
    config.delete_config_rule(ConfigRuleName="rotation")
    assert code(config.describe_config_rules, ConfigRuleNames=["rotation"]) == "NoSuchConfigRuleException"


def test_the_region_is_the_documents(cloud: Cloud, role: str) -> None:
    other = cloud.client("ssm", region="eu-central-1", attempts=1)
    assert code(other.start_automation_execution, DocumentName="steps") == "AutomationDefinitionNotFoundException"
    assert REGION != "eu-central-1"


def test_changes_of_status_are_events(cloud: Cloud, ssm: Any, role: str) -> None:
    """They are "EC2 Automation Execution Status-change Notification", with the document's name as definition."""
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:told"
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    pattern = {"source": ["aws.ssm"], "detail": {"Definition": [PUBLISH]}}
    events.put_rule(Name="told", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="told", Targets=[{"Id": "queue", "Arn": arn}])
    may(cloud, ("sns:Subscribe", "*"))
    run(ssm, PUBLISH, AutomationAssumeRole=role, TopicArn=topic(cloud, "told"), Message="hello")
    found: list[dict[str, Any]] = []

    def both() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found) == 2

    wait_until("both events", both, 30)
    assert {one["detail-type"] for one in found} == {"EC2 Automation Execution Status-change Notification"}
    assert sorted(one["detail"]["Status"] for one in found) == ["Failed", "InProgress"]
    assert len({one["detail"]["ExecutionId"] for one in found}) == 1
