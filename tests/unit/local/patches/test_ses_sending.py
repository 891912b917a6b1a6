"""Raw mails through SES v2: their permission, what SES refuses, what it keeps and reports."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from local.harness.cloud import Cloud
from local.patches.ses_sending import problem
from local.settings import ACCOUNT_ID, REGION
from tests.unit.local.gateway.test_gateway import Function

HEAD = b"From: news@example.org\r\nTo: bob@example.com\r\nSubject: hi\r\n"
MAIL = HEAD + b"\r\nhello\r\n"
CODE = """
import base64, json, boto3
from botocore.exceptions import ClientError

def handler(event, context):
    event["arguments"]["Content"]["Raw"]["Data"] = base64.b64decode(event["arguments"]["Content"]["Raw"]["Data"])
    try:
        answer = boto3.client(event["service"]).send_email(**event["arguments"])
        return {"status": answer["ResponseMetadata"]["HTTPStatusCode"]}
    except ClientError as error:
        return {"error": str(error)}
"""


@pytest.fixture(scope="module")
def cloud(cloud: Cloud) -> Cloud:
    cloud.client("ses").verify_domain_identity(Domain="example.org")
    return cloud


def send(cloud: Cloud, raw: bytes = MAIL, **more: Any) -> Any:
    return cloud.client("sesv2").send_email(
        FromEmailAddress="news@example.org",
        Destination={"ToAddresses": ["bob@example.com"]},
        Content={"Raw": {"Data": raw}},
        **more,
    )


def test_a_raw_mail_needs_its_own_permission(cloud: Cloud) -> None:
    function = Function(cloud, "raw-mailer", CODE)
    arguments = {
        "FromEmailAddress": "news@example.org",
        "Destination": {"ToAddresses": ["bob@example.com"]},
        "Content": {"Raw": {"Data": base64.b64encode(MAIL).decode()}},
    }
    identity = f"arn:aws:ses:{REGION}:{ACCOUNT_ID}:identity/example.org"
    function.may(("ses:SendEmail", identity))
    assert "not authorized to perform: ses:SendRawEmail" in function.call("sesv2", "send_email", **arguments)
    function.may(("ses:SendRawEmail", identity))
    assert function.call("sesv2", "send_email", **arguments) == 200


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (MAIL, ""),
        (HEAD + b"Subject: again\r\n\r\nx", "Duplicate header 'Subject'"),
        (HEAD + b"DKIM-Signature: a\r\ndkim-signature: b\r\n\r\nx", "Duplicate header 'Dkim-Signature'"),
        (HEAD + b"Received: a\r\nReceived: b\r\n\r\nSubject: in the body\r\nSubject: twice", ""),
        (HEAD + b"\r\n" + b"x" * 999, "Line too long"),
        (HEAD + b"\r\n" + b"x" * 998, ""),
        (b"To: a@example.com\r\n\r\nx", "Missing required header"),
        (HEAD + b"Cc: team\r\n\r\nx", "Missing final"),
        (HEAD + b"Content-Disposition: attachment; filename=a.EXE\r\n\r\nx", "Illegal filename 'a.exe'"),
        (HEAD + b"\r\n" + b"x" * 70 * 500_000, "Message length is more than"),
    ],
)
def test_what_ses_refuses(raw: bytes, reason: str) -> None:
    assert (reason in problem(raw)) if reason else not problem(raw)


def test_a_refusal_is_answered(cloud: Cloud) -> None:
    client = cloud.client("sesv2")
    with pytest.raises(client.exceptions.BadRequestException, match="Duplicate header"):
        send(cloud, HEAD + b"Subject: again\r\n\r\nx")
    with pytest.raises(client.exceptions.NotFoundException):
        send(cloud, ConfigurationSetName="missing")


def test_a_mail_is_kept_and_reported(cloud: Cloud) -> None:
    client, events, queues = cloud.client("sesv2"), cloud.client("events"), cloud.client("sqs")
    client.create_configuration_set(ConfigurationSetName="watched")
    client.create_configuration_set_event_destination(
        ConfigurationSetName="watched",
        EventDestinationName="bus",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["SEND", "BOUNCE"],
            "EventBridgeDestination": {"EventBusArn": f"arn:aws:events:{REGION}:{ACCOUNT_ID}:event-bus/default"},
        },
    )
    url = queues.create_queue(QueueName="reports")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:reports"
    rule = events.put_rule(Name="reports", EventPattern='{"source": ["aws.ses"]}')["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule="reports", Targets=[{"Id": "queue", "Arn": arn}])
    send(cloud)  # without the set: no report
    sent = send(cloud, ConfigurationSetName="watched", EmailTags=[{"Name": "mail", "Value": "one"}])["MessageId"]
    kept = cloud.command("ses_sending/sent_to", {"address": "bob@example.com"})
    assert (kept[-1]["id"], base64.b64decode(kept[-1]["raw"]), kept[-1]["tags"]) == (sent, MAIL, {"mail": "one"})
    cloud.command("ses_sending/bounce", {"message_id": sent})
    bodies: list[str] = []
    for _ in range(10):
        found = queues.receive_message(QueueUrl=url, WaitTimeSeconds=2, MaxNumberOfMessages=10).get("Messages", [])
        bodies += [one["Body"] for one in found]
        if len(bodies) >= 2:
            break
    assert sorted(body.split('"eventType": "')[1].split('"')[0] for body in bodies) == ["Bounce", "Send"]
    assert all('"mail": ["one"]' in body for body in bodies)
