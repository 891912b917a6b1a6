"""Receipt rules as SES evaluates them: who may write, which rule is for whom, what stops, what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.patches.ses_receiving import SETUP, matches
from local.settings import ACCOUNT_ID, REGION

BUCKET, RULES = "inbound-mails", "rules"
MAIL = b"From: ann@example.net\r\nTo: info@example.com\r\nSubject: hi\r\n\r\nhello \xf0\r\n"


@pytest.fixture(scope="module")
def cloud(cloud: Cloud) -> Cloud:
    cloud.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    ses = cloud.client("ses")
    ses.verify_domain_identity(Domain="example.com")
    ses.create_receipt_rule_set(RuleSetName=RULES)
    return cloud


def allow(cloud: Cloud, rule: str = "*", **condition: str) -> None:
    """Let SES write for a rule."""
    source = f"arn:aws:ses:{REGION}:{ACCOUNT_ID}:receipt-rule-set/{RULES}:receipt-rule/{rule}"
    equals = {"aws:SourceAccount": ACCOUNT_ID, **condition}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/in/*",
        "Condition": {"StringEquals": equals, "ArnLike": {"aws:SourceArn": source}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy)


def rule(name: str, *recipients: str, **more: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "Enabled": True,
        "ScanEnabled": True,
        "Recipients": list(recipients),
        "Actions": [{"S3Action": {"BucketName": BUCKET, "ObjectKeyPrefix": f"in/{name}/"}}],
        **more,
    }


@pytest.fixture
def ses(cloud: Cloud) -> Iterator[Any]:
    """SES with an active, empty rule set."""
    allow(cloud)
    client = cloud.client("ses")
    client.set_active_receipt_rule_set(RuleSetName=RULES)
    yield client
    for one in client.describe_receipt_rule_set(RuleSetName=RULES)["Rules"]:
        client.delete_receipt_rule(RuleSetName=RULES, RuleName=one["Name"])


def deliver(cloud: Cloud, *recipients: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = cloud.command(
        "ses_receiving/deliver", {"recipients": list(recipients), "raw": base64.b64encode(MAIL).decode(), **more}
    )
    return answer


def stored(cloud: Cloud, answer: dict[str, Any], name: str) -> bytes:
    s3, key = cloud.client("s3"), f"in/{name}/{answer['messageId']}"
    wait_until("the object", lambda: key in [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])])
    body: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return body


@pytest.mark.parametrize(
    ("recipient", "address", "expected"),
    [
        ("info@example.com", "INFO@example.com", True),
        ("info@example.com", "info+label@example.com", True),
        ("info+label@example.com", "info@example.com", False),
        ("example.com", "anyone@example.com", True),
        ("example.com", "anyone@sub.example.com", False),
        (".example.com", "anyone@sub.example.com", True),
        (".example.com", "anyone@example.com", False),
        (".example.com", "anyone@badexample.com", False),
    ],
)
def test_recipients(recipient: str, address: str, expected: bool) -> None:
    assert matches([recipient], address) is expected


def test_a_mail_is_stored_with_what_ses_found(cloud: Cloud, ses: Any) -> None:
    ses.create_receipt_rule(RuleSetName=RULES, Rule=rule("one", "info@example.com"))
    answer = deliver(cloud, "info@example.com", verdicts={"spam": "FAIL", "dmarc": "fail"}, sender="")
    assert answer["rules"] == ["one"]
    raw = stored(cloud, answer, "one")
    head = raw.removesuffix(MAIL)
    assert raw.endswith(MAIL)
    assert head.startswith(b"Return-Path: <>\r\nReceived: ")
    assert b"\r\nX-SES-Spam-Verdict: FAIL\r\nX-SES-Virus-Verdict: PASS\r\n" in head
    assert b" dmarc=fail " in head


def test_a_new_rule_must_be_able_to_write(cloud: Cloud, ses: Any) -> None:
    for refused in ({"rule": "other"}, {"aws:SourceAccount": "999999999999"}):
        allow(cloud, **refused)
        with pytest.raises(ClientError, match="Could not write to bucket: inbound-mails") as error:
            ses.create_receipt_rule(RuleSetName=RULES, Rule=rule("one", "info@example.com"))
        assert error.value.response["Error"]["Code"] == "InvalidS3Configuration"
    allow(cloud, "one")
    ses.create_receipt_rule(RuleSetName=RULES, Rule=rule("one", "info@example.com"))
    keys = [item["Key"] for item in cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="in/one/")["Contents"]]
    assert f"in/one/{SETUP}" in keys
    allow(cloud, "other")
    assert deliver(cloud, "info@example.com")["refused"].startswith("451 4.3.0 the policy of")


def test_a_mail_that_no_rule_is_for_is_refused(cloud: Cloud, ses: Any) -> None:
    ses.create_receipt_rule(RuleSetName=RULES, Rule=rule("one", "info@example.com"))
    for address in ("other@example.com", "info@unverified.example"):
        assert deliver(cloud, address)["refused"].startswith("550 5.1.1")
    ses.set_active_receipt_rule_set()
    assert deliver(cloud, "info@example.com")["refused"].startswith("550 5.1.1")


def test_rules_apply_in_order_until_a_stop(cloud: Cloud, ses: Any) -> None:
    stopping = rule("first", "info@example.com")
    stopping["Actions"] += [{"StopAction": {"Scope": "RuleSet"}}]
    ses.create_receipt_rule(RuleSetName=RULES, Rule=rule("last", "example.com"))
    ses.create_receipt_rule(RuleSetName=RULES, Rule=stopping)
    assert deliver(cloud, "info@example.com")["rules"] == ["first"]
    assert deliver(cloud, "sales@example.com")["rules"] == ["last"]
    ses.set_receipt_rule_position(RuleSetName=RULES, RuleName="first", After="last")
    assert deliver(cloud, "info@example.com")["rules"] == ["last", "first"]
    ses.update_receipt_rule(RuleSetName=RULES, Rule=rule("last", "sales@example.com", Enabled=False))
    assert deliver(cloud, "info@example.com")["rules"] == ["first"]
    with pytest.raises(ClientError, match="RuleDoesNotExist"):
        ses.update_receipt_rule(RuleSetName=RULES, Rule=rule("gone", "a@example.com"))


def test_a_rule_can_require_tls(cloud: Cloud, ses: Any) -> None:
    ses.create_receipt_rule(RuleSetName=RULES, Rule=rule("one", "info@example.com", TlsPolicy="Require"))
    assert deliver(cloud, "info@example.com", tls=False)["refused"].startswith("530")
    assert deliver(cloud, "info@example.com")["rules"] == ["one"]
