"""mail_router without one permission at a time, and what SES refuses."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios import mails
from scenarios.apps import mail_router as subject
from scenarios.mails import Mail
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("apps/mail_router")

ROUTE = f"switchyard-mail-router-function-{REGION}"
ACTIVATE = f"switchyard-mail-router-activate-function-{REGION}"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("mail_router")
    return found


def route(stack: scenario.Stack, *keys: str) -> dict[str, Any]:
    """Return the answer of the function to an operator who names mails."""
    name = stack.outputs["function_names"]["route"]
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"keys": keys}))
    made: dict[str, Any] = json.load(answer["Payload"])
    return made


def sent(stack: scenario.Stack, key: str) -> list[dict[str, Any]]:
    return subject.routed(stack, [key])[key]


def arrive(stack: scenario.Stack, subject_line: str) -> str:
    return subject.arrive(stack, Mail(subject.fresh(stack, mails.plain(subject=subject_line)), "en"))


def denied(stack: scenario.Stack, since: float) -> set[str]:
    """Return the operations that IAM has refused to the router since then, as the function has logged it too."""
    calls = stack.cloud.calls(since, ROUTE)
    logged = [line for line in stack.logged(stack.outputs["function_names"]["route"], since) if "AccessDenied" in line]
    return {call["operation"] for call in calls if "AccessDenied" in call["error"]} if logged else set()


def test_the_router_needs_each_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    failing = {
        "ReadMails": "s3:GetObject",
        "ReadDestinations": "dynamodb:BatchGetItem",
        "RecordMails": "dynamodb:PutItem",
        "SendMails": "ses:SendRawEmail",
    }
    assert sids(cloud, ROUTE) == [
        "ReadMails",
        "TellMissingFromDenied",
        "FindLanguages",
        "ReadDestinations",
        "RecordMails",
        "SendMails",
        "ReadQueue",
        "FindEntities",
        "FindPersonalData",
    ]
    for sid, action in failing.items():
        with without(cloud, ROUTE, sid):
            key = arrive(stack, f"Order without {sid}")
            refused = route(stack, key)
            # The queue's own attempt, at the same time, may be the one that is refused.
            expected = (action, "Access Denied", "AccessDenied")
            said = refused["errorMessage"]
            assert refused["errorType"] == "Uncertain" or any(one in said for one in expected), (sid, refused)
            assert not subject.sent(stack).get(subject.records(stack).get(key, {}).get("mailId", {}).get("S", "none"))
        assert len(sent(stack, key)) == 1, sid


def test_a_mail_that_has_expired_is_reported(stack: scenario.Stack) -> None:
    """For this, S3 needs TellMissingFromDenied, and the local cloud no permission."""
    assert route(stack, "inbox/none") == {"outcomes": {"gone": 1}}


def test_without_comprehend_the_catch_all_gets_all(cloud: Cloud, stack: scenario.Stack) -> None:
    for sid, operation in {"FindLanguages": "DetectDominantLanguage", "FindEntities": "DetectEntities"}.items():
        began = time.time()
        with without(cloud, ROUTE, sid):
            key = arrive(stack, f"Order without {sid}")
            (message,) = sent(stack, key)
        assert message["to"] == [subject.CATCH_ALL_ADDRESS]
        assert denied(stack, began) == {operation}


def test_without_its_permission_personal_data_stays(cloud: Cloud, stack: scenario.Stack) -> None:
    began = time.time()
    with without(cloud, ROUTE, "FindPersonalData"):
        key = subject.arrive(stack, subject.order(stack, f"{mails.ENGLISH} Denied."))
        (message,) = sent(stack, key)
    assert message["to"] == [subject.PARTNER]
    text = subject.readable(subject.raw(message))
    assert "personal data could not be removed" in text
    assert not [one for one in (*subject.PERSONAL, subject.PRODUCT) if one in text]
    assert denied(stack, began) == {"DetectPiiEntities"}


def test_without_the_queue_mails_wait(cloud: Cloud, stack: scenario.Stack) -> None:
    functions, name = stack.client("lambda"), stack.outputs["function_names"]["route"]
    mapping = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"][0]

    def reading() -> str:
        return str(functions.get_event_source_mapping(UUID=mapping["UUID"])["LastProcessingResult"])

    with without(cloud, ROUTE, "ReadQueue"):
        wait_until("the refusal", lambda: "sqs:" in reading(), 30)
        key = arrive(stack, "Order without a queue")
        assert key not in subject.records(stack)
    assert len(sent(stack, key)) == 1


def test_the_watch_needs_its_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    name = stack.outputs["function_names"]["activate"]
    assert sids(cloud, ACTIVATE) == ["ActivateRuleSet"]
    with without(cloud, ACTIVATE, "ActivateRuleSet"):
        answer = json.load(stack.client("lambda").invoke(FunctionName=name, Payload=b"{}")["Payload"])
        assert "ses:DescribeActiveReceiptRuleSet" in answer["errorMessage"]


def test_only_the_rule_may_write_and_only_to_its_folder(stack: scenario.Stack) -> None:
    ses, s3 = stack.client("ses"), stack.client("s3")
    rule = {
        "Name": "switchyard-mail-router-thief",
        "Enabled": False,
        "Actions": [{"S3Action": {"BucketName": stack.outputs["archive_bucket"], "ObjectKeyPrefix": "inbox/"}}],
    }
    with pytest.raises(ClientError, match="Could not write to bucket"):
        ses.create_receipt_rule(RuleSetName=stack.outputs["rule_set_name"], Rule=rule)
    document = json.loads(s3.get_bucket_policy(Bucket=stack.outputs["archive_bucket"])["Policy"])
    (allowed,) = [one for one in document["Statement"] if one.get("Sid") == "RoutedMails"]
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": [ACCOUNT_ID]}


def test_the_key_is_needed_to_store_a_mail(stack: scenario.Stack) -> None:
    kms, s3 = stack.client("kms"), stack.client("s3")
    rules = s3.get_bucket_encryption(Bucket=stack.outputs["archive_bucket"])["ServerSideEncryptionConfiguration"]
    key = rules["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    before = kms.get_key_policy(KeyId=key)["Policy"]
    document = json.loads(before)
    document["Statement"] = [one for one in document["Statement"] if one.get("Sid") != "MailToBuckets"]
    kms.put_key_policy(KeyId=key, Policy=json.dumps(document))
    try:
        answer = stack.cloud.command(
            "ses_receiving/deliver", {"recipients": [subject.INBOX], "raw": "RnJvbTogYUBiLmV4YW1wbGUNCg0KeA=="}
        )
    finally:
        kms.put_key_policy(KeyId=key, Policy=before)
    assert "kms:GenerateDataKey" in answer["refused"]
