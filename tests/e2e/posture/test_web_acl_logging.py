"""web_acl_logging without one of its permissions: each statement of each role is needed, and they are enough."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.harness.cloud import Cloud, LocalCloudError
from local.harness.scenario import Stack, wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios.posture import web_acl_logging as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("posture/web_acl_logging")

EVALUATE, REMEDIATE = (f"switchyard-web-acl-logging-{name}-function-{REGION}" for name in ("evaluate", "remediate"))
AUTOMATION, STREAM = (f"switchyard-web-acl-logging-{name}-{REGION}" for name in ("ssm", "stream"))
SCHEDULE = f"switchyard-web-acl-logging-schedule-{REGION}"
DENIED = ("AccessDenied", "WAFLogDestinationPermissionIssueException", "is not authorized")


@pytest.fixture(scope="module")
def stack(stack_of: Any) -> Iterator[Stack]:
    """The stack with one web ACL, evaluated only on changes: no evaluation sees a test's change of its logging."""
    found: Stack = stack_of("web_acl_logging")
    with contextlib.suppress(found.client("logs").exceptions.ResourceAlreadyExistsException):
        found.client("logs").create_log_group(logGroupName=subject.ELSEWHERE)
    # The scenario may have started an evaluation a moment ago, and AWS Config accepts one a minute.
    subject.pace(found, 0.2)
    subject.Acl(found, "permissions").create()
    subject.settled(found, "permissions", seconds=180)
    subject.pace(found, 1e9)
    yield found
    subject.pace(found, 60)
    subject.clean(found)


@pytest.fixture
def acl(stack: Stack) -> subject.Acl:
    """A web ACL without logging."""
    found = subject.Acl(stack, "permissions")
    if found.logging:
        found.api.delete_logging_configuration(ResourceArn=found.arn)
    return found


def refusal(answer: dict[str, Any]) -> str:
    """Return the error of a function whose call was denied; empty for any other answer."""
    message = str(answer.get("errorMessage", ""))
    return message if any(word in message for word in DENIED) else ""


def notification(acl: subject.Acl, **item: Any) -> dict[str, Any]:
    given = {
        "resourceType": subject.KIND,
        "resourceId": acl.arn,
        "ARN": acl.arn,
        "configurationItemStatus": "OK",
        "configurationItemCaptureTime": "2026-11-25T12:00:00.000Z",
        **item,
    }
    kind = "ConfigurationItemChangeNotification"
    invoking = {"configurationItem": given, "messageType": kind, "notificationCreationTime": "2026-11-25T12:00:00.000Z"}
    return {"invokingEvent": json.dumps(invoking), "resultToken": "not-of-config", "eventLeftScope": False}


def test_the_evaluator_needs_each_statement(cloud: Cloud, stack: Stack, acl: subject.Acl) -> None:
    events = {sid: notification(acl) for sid in ("ReadLogging", "ReadTags", "ReportCompliance")}
    events["LookUpWebAcls"] = notification(acl, ARN="", resourceId="no-arn")
    assert set(sids(cloud, EVALUATE)) == set(events)
    for sid, event in events.items():
        # With all statements, only the token, which only AWS Config can issue, or the ID is wrong.
        whole = subject.invoke(stack, "evaluate", event)
        assert whole["errorType"] == ("NotAWebAcl" if sid == "LookUpWebAcls" else "InvalidResultTokenException")
        with without(cloud, EVALUATE, sid):
            assert refusal(subject.invoke(stack, "evaluate", event)), sid


def test_the_remediator_needs_each_statement(cloud: Cloud, stack: Stack, acl: subject.Acl) -> None:
    iam = cloud.client("iam")
    arn = acl.arn

    def silent() -> str:
        if acl.logging:
            acl.api.delete_logging_configuration(ResourceArn=arn)
        return arn

    def first_of_the_account() -> str:
        with contextlib.suppress(iam.exceptions.NoSuchEntityException):
            iam.delete_service_linked_role(RoleName=subject.WAF_ROLE)
        return silent()

    def elsewhere() -> str:
        acl.log_elsewhere()
        return arn

    cases: dict[str, tuple[Callable[[], str], str]] = {
        "ReadLogging": (silent, "enabled"),
        "ReadTags": (silent, "enabled"),
        "PutLogging": (silent, "enabled"),
        "Reevaluate": (silent, "enabled"),
        "FindStream": (silent, "enabled"),
        "MakeLoggingRole": (first_of_the_account, "enabled"),
        "EndFormerDelivery": (elsewhere, "corrected"),
        "LookUpWebAcls": (lambda: "no-arn", "NotAWebAcl"),
    }
    assert set(sids(cloud, REMEDIATE)) == set(cases)
    for sid, (prepare, outcome) in cases.items():
        event = {"webAclId": prepare()}
        before = acl.logging
        with without(cloud, REMEDIATE, sid):
            answer = subject.invoke(stack, "remediate", event)
        if sid == "Reevaluate":  # It follows the put, and its failure does not make the put one.
            assert answer["reevaluation"] == "failed"
        else:
            assert refusal(answer), sid
            assert acl.logging == before, sid
        prepare()
        answer = subject.invoke(stack, "remediate", event)
        assert answer.get("outcome", answer.get("errorType")) == outcome, sid


def test_the_remediator_puts_no_other_destination(cloud: Cloud, stack: Stack, acl: subject.Acl) -> None:
    functions, name = cloud.client("lambda"), stack.outputs["function_names"]["remediate"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    changed = {**before, "DESTINATION_ARN": subject.ELSEWHERE_ARN}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
    try:
        assert "AccessDenied" in refusal(subject.invoke(stack, "remediate", {"webAclId": acl.arn}))
        assert acl.logging is None
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def test_automation_needs_to_call_the_remediator(cloud: Cloud, stack: Stack, acl: subject.Acl) -> None:
    ssm = cloud.client("ssm")

    def run() -> dict[str, Any]:
        started = ssm.start_automation_execution(
            DocumentName=stack.outputs["document_name"],
            Parameters={"WebACLId": [acl.arn], "AutomationAssumeRole": [stack.outputs["automation_role_arn"]]},
        )["AutomationExecutionId"]

        def ended() -> Any:
            found = ssm.get_automation_execution(AutomationExecutionId=started)["AutomationExecution"]
            return found if found["AutomationExecutionStatus"] not in ("Pending", "InProgress") else None

        done: dict[str, Any] = wait_until("the execution", ended, 60)
        return done

    assert sids(cloud, AUTOMATION, "remediation") == ["CallRemediation"]
    with without(cloud, AUTOMATION, "CallRemediation", "remediation"):
        failed = run()
    assert failed["AutomationExecutionStatus"] == "Failed"
    assert "AccessDenied" in failed["FailureMessage"]
    assert acl.logging is None
    assert run()["AutomationExecutionStatus"] == "Success"
    assert acl.logging is not None


@pytest.mark.parametrize("sid", ["WriteLogs", "EncryptLogs"])
def test_the_stream_needs_bucket_and_key(cloud: Cloud, stack: Stack, acl: subject.Acl, sid: str) -> None:
    """The log shows its errors. UseBucket, which Firehose documents, is not required by the local cloud."""
    subject.invoke(stack, "remediate", {"webAclId": acl.arn})
    s3, bucket = cloud.client("s3"), stack.outputs["bucket_name"]
    group = f"/aws/kinesisfirehose/{stack.outputs['stream_name']}"

    def objects() -> int:
        return len(s3.list_objects_v2(Bucket=bucket).get("Contents", []))

    def told() -> int:
        events = cloud.client("logs").get_log_events(logGroupName=group, logStreamName="delivery", startFromHead=True)
        return len(events["events"])

    before, entries = objects(), told()
    with without(cloud, STREAM, sid, "delivery"):
        record = {"action": "ALLOW", "at": time.time()}
        cloud.command("waf_logging/deliver", {"web_acl_arn": acl.arn, "record": record})
        wait_until("an entry in the stream's log", lambda: told() > entries, 30)
        assert objects() == before
    wait_until("the record that was kept", lambda: cloud.command("firehose/flush", {}) == 0, 30)
    assert objects() == before + 1


def test_the_schedule_needs_to_start_an_evaluation(cloud: Cloud, stack: Stack) -> None:
    fire = {"name": stack.outputs["schedule_name"], "account": ACCOUNT_ID, "region": REGION}
    with without(cloud, SCHEDULE, "CallTarget", "target"), pytest.raises(LocalCloudError, match="AccessDenied"):
        cloud.command("scheduler/fire", fire)
    with pytest.raises(LocalCloudError, match="LimitExceeded"):  # IAM has allowed the call.
        cloud.command("scheduler/fire", fire)
