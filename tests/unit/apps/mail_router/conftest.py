"""A router with services in memory: S3's objects, SES's mails, Comprehend's word lists, two tables in moto."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from apps.mail_router import outgoing, records, route
from apps.mail_router.destinations import Destinations
from local.patches.ses_sending import problem
from local.services.comprehend.words import languages, personal

MARKER = "test-mail-router.111122223333.eu-west-1"
CONF = route.Settings(
    bucket="archive",
    bucket_owner="111122223333",
    prefix="inbox/",
    region="eu-west-1",
    destination_table="destinations",
    mail_table="mails",
    from_address="router@example.com",
    catch_all_address="team@example.org",
    recipients=["info@example.com"],
    marker=MARKER,
    configuration_set="forwards",
    minimum_score=0.5,
    maximum_bytes=1_000_000,
    confirmation_seconds=300,
    retention_days=90,
)


def client_error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "x")


def arrived(mail: bytes, sender: str = "ann@example.net", **verdicts: str) -> bytes:
    """Return a mail with the fields that SES puts first."""
    found = {"spam": "PASS", "virus": "PASS", "dmarc": "pass", **verdicts}
    stamp = [
        f"Return-Path: <{sender}>",
        "Received: from mail.example.net (mail.example.net [203.0.113.9])",
        " by inbound-smtp.eu-west-1.amazonaws.com with SMTP id abc for info@example.com;",
        f"X-SES-Spam-Verdict: {found['spam']}",
        f"X-SES-Virus-Verdict: {found['virus']}",
        f"Authentication-Results: amazonses.com; spf=pass; dmarc={found['dmarc']} header.from=example.net;",
        "X-SES-RECEIPT: x",
        "",
    ]
    return "\r\n".join(stamp).encode() + mail


class S3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get_object(self, Bucket: str, Key: str, ExpectedBucketOwner: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise client_error("NoSuchKey", 404)
        return {"ContentLength": len(self.objects[Key]), "Body": io.BytesIO(self.objects[Key])}


class Ses:
    """SES: refuses what AWS documents, and fails first with the errors that are left."""

    def __init__(self) -> None:
        self.errors: list[Exception | None] = []
        self.sent: list[dict[str, Any]] = []
        self.after = False

    def send_email(self, **arguments: Any) -> dict[str, Any]:
        error = self.errors.pop(0) if self.errors else None
        if error and not self.after:
            raise error
        if problem(arguments["Content"]["Raw"]["Data"]):
            raise client_error("BadRequestException")
        self.sent.append(arguments)
        if error:
            raise error
        return {"MessageId": "m"}


class Comprehend:
    def __init__(self) -> None:
        self.error: Exception | None = None
        self.entities: list[dict[str, Any]] = []
        self.texts: list[str] = []

    def detect_dominant_language(self, Text: str) -> dict[str, Any]:
        self.texts.append(Text)
        if self.error:
            raise self.error
        return {"Languages": [{"LanguageCode": code, "Score": score} for code, score in languages(Text)]}

    def detect_entities(self, Text: str, EndpointArn: str) -> dict[str, Any]:
        return {"Entities": self.entities}

    def detect_pii_entities(self, Text: str, LanguageCode: str) -> dict[str, Any]:
        if self.error:
            raise self.error
        return {
            "Entities": [
                {"Type": kind, "BeginOffset": begin, "EndOffset": end, "Score": 0.9}
                for kind, begin, end in personal(Text)
            ]
        }


@dataclasses.dataclass
class World:
    """A router and what is around it."""

    dynamodb: Any
    s3: S3 = dataclasses.field(default_factory=S3)
    ses: Ses = dataclasses.field(default_factory=Ses)
    comprehend: Comprehend = dataclasses.field(default_factory=Comprehend)
    conf: route.Settings = CONF
    now: float = 1_800_000_000.0
    calls: int = 0

    def __post_init__(self) -> None:
        self.dynamodb.meta.events.register("before-call.dynamodb", self._count)

    def _count(self, **_: Any) -> None:
        self.calls += 1

    @property
    def router(self) -> route.Router:
        conf = self.conf
        recipients = tuple(conf.recipients)
        return route.Router(
            self.s3,
            self.ses,
            self.comprehend,
            Destinations(
                self.comprehend,
                self.dynamodb,
                conf.destination_table,
                conf.catch_all_address,
                recipients,
                conf.minimum_score,
                conf.entity_endpoint_arn,
            ),
            records.Records(self.dynamodb, conf.mail_table, 300, 90, lambda: self.now),
            outgoing.Sender(conf.from_address, conf.marker, recipients),
            conf,
        )

    def destination(self, language: str, value: Any) -> None:
        """Edit the table."""
        item = {"language": {"S": language}, "destination": value if isinstance(value, dict) else {"S": value}}
        self.dynamodb.put_item(TableName="destinations", Item=item)

    def arrive(self, mail: bytes, key: str = "inbox/one", sender: str = "ann@example.net", **verdicts: str) -> str:
        """Store a mail as SES does, and route it."""
        self.s3.objects[key] = arrived(mail, sender, **verdicts)
        return self.router.route(key)

    def items(self) -> dict[str, str]:
        """Return the states of the recorded mails."""
        found = self.dynamodb.scan(TableName="mails")["Items"]
        return {item["mailId"]["S"]: item["state"]["S"] for item in found}

    @property
    def mail(self) -> bytes:
        """The last mail that was sent."""
        raw: bytes = self.ses.sent[-1]["Content"]["Raw"]["Data"]
        return raw

    @property
    def to(self) -> list[str]:
        """Its receivers."""
        found: list[str] = self.ses.sent[-1]["Destination"]["ToAddresses"]
        return found

    def handle(self, monkeypatch: pytest.MonkeyPatch, event: dict[str, Any]) -> dict[str, Any]:
        """Call the function."""
        monkeypatch.setattr(route, "_router", lambda: self.router)
        return route.handler(event, SimpleNamespace(aws_request_id="r"))


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        client = session.client("dynamodb")
        for table, key in {"destinations": "language", "mails": "mailId"}.items():
            client.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        yield client


@pytest.fixture
def world(dynamodb: Any) -> World:
    for table, key in {"destinations": "language", "mails": "mailId"}.items():
        for item in dynamodb.scan(TableName=table)["Items"]:
            dynamodb.delete_item(TableName=table, Key={key: item[key]})
    made = World(dynamodb)
    made.destination("en", "english@example.org")
    made.destination("fr", "french@example.org")
    return made


class Printed:
    """What a function has written: metrics on its standard output, and log lines with all their fields."""

    def __init__(self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self._capsys, self._caplog = capsys, caplog

    def __call__(self) -> str:
        lines = [str(vars(line)) for line in self._caplog.records]
        self._caplog.clear()
        return self._capsys.readouterr().out + "\n".join(lines)


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Printed:
    caplog.set_level("INFO")
    return Printed(capsys, caplog)


def arrival(key: str, message_id: str = "1") -> dict[str, Any]:
    """Return a message of the queue: S3's event of an object."""
    event = {"source": "aws.s3", "detail": {"bucket": {"name": "archive"}, "object": {"key": key, "size": 1}}}
    return {"messageId": message_id, "body": json.dumps(event)}


def report(mail_id: str, event_type: str = "Send", message_id: str = "1") -> dict[str, Any]:
    """Return a message of the queue: SES's event of a mail."""
    event = {"source": "aws.ses", "detail": {"eventType": event_type, "mail": {"tags": {"mail": [mail_id]}}}}
    return {"messageId": message_id, "body": json.dumps(event)}
