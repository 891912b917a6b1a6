"""Sending email is allowed on the sender's identity, under its address as a condition key."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from local.harness.cloud import Cloud
from local.patches import ses
from local.settings import ACCOUNT_ID, REGION
from tests.unit.local.gateway.test_gateway import Function

IDENTITIES = f"arn:aws:ses:{REGION}:{ACCOUNT_ID}:identity"


@pytest.fixture(scope="module")
def cloud(cloud: Cloud) -> Cloud:
    cloud.client("ses").verify_email_identity(EmailAddress="ann@example.com")
    cloud.client("ses").verify_domain_identity(Domain="example.org")
    return cloud


@pytest.fixture(scope="module")
def function(cloud: Cloud) -> Function:
    return Function(cloud, "mailer")


def send(function: Function, sender: str, service: str = "ses", **options: str) -> Any:
    if service == "ses":
        body: dict[str, Any] = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}
        to = {"ToAddresses": ["bob@example.com"]}
        return function.call("ses", "send_email", Source=sender, Destination=to, Message=body, **options)
    content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
    to = {"ToAddresses": ["bob@example.com"]}
    return function.call("sesv2", "send_email", FromEmailAddress=sender, Destination=to, Content=content, **options)


@pytest.mark.parametrize("service", ["ses", "sesv2"])
@pytest.mark.parametrize(
    ("sender", "identity"),
    [("ann@example.com", "ann@example.com"), ("Bob <bob@example.org>", "example.org")],
)
def test_a_send_is_on_the_senders_identity(function: Function, service: str, sender: str, identity: str) -> None:
    function.may(("ses:SendEmail", f"{IDENTITIES}/other.example.com"))
    assert "not authorized to perform: ses:SendEmail" in send(function, sender, service)
    function.may(("ses:SendEmail", f"{IDENTITIES}/{identity}"))
    assert send(function, sender, service) == 200


@pytest.mark.parametrize("service", ["ses", "sesv2"])
def test_the_address_is_a_condition_key(cloud: Cloud, function: Function, service: str) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "ses:SendEmail",
        "Resource": "*",
        "Condition": {"StringEquals": {"ses:FromAddress": "news@example.org"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").put_role_policy(RoleName="mailer", PolicyName="test", PolicyDocument=document)
    assert send(function, "News <news@example.org>", service) == 200
    assert "not authorized" in send(function, "ann@example.com", service)


@pytest.mark.parametrize("service", ["ses", "sesv2"])
@pytest.mark.parametrize("named", [True, False])
def test_a_send_is_on_its_configuration_set_too(cloud: Cloud, function: Function, service: str, named: bool) -> None:
    """The one that the request names, or the identity's default one."""
    sender, ses2 = f"{service}-{named}@example.net".lower(), cloud.client("sesv2")
    name = "named" if named else "by-default"
    if service == "ses" and named:  # MiniStack keeps the sets of the two APIs apart
        cloud.client("ses").create_configuration_set(ConfigurationSet={"Name": name})
    else:
        with contextlib.suppress(ses2.exceptions.AlreadyExistsException):
            ses2.create_configuration_set(ConfigurationSetName=name)
    ses2.create_email_identity(EmailIdentity=sender, **({} if named else {"ConfigurationSetName": name}))
    options = {"ConfigurationSetName": name} if named else {}
    identity = ("ses:SendEmail", f"{IDENTITIES}/{sender}")
    sets = IDENTITIES.removesuffix("identity") + "configuration-set"
    function.may(identity)
    assert "not authorized to perform: ses:SendEmail" in send(function, sender, service, **options)
    function.may(identity, ("ses:SendEmail", f"{sets}/other"))
    assert "not authorized to perform: ses:SendEmail" in send(function, sender, service, **options)
    function.may(identity, ("ses:SendEmail", f"{sets}/{name}"))
    assert send(function, sender, service, **options) == 200


def test_an_identitys_default_configuration_set_changes(cloud: Cloud) -> None:
    ses2 = cloud.client("sesv2")
    ses2.create_configuration_set(ConfigurationSetName="changes")
    cloud.client("ses").verify_email_identity(EmailAddress="v1@example.net")
    change = ses2.put_email_identity_configuration_set_attributes
    for identity, name in (("v1@example.net", "none"), ("unknown@example.net", "changes")):
        with pytest.raises(ses2.exceptions.NotFoundException):
            change(EmailIdentity=identity, ConfigurationSetName=name)
    ses2.create_email_identity(EmailIdentity="v2@example.net")
    change(EmailIdentity="v2@example.net", ConfigurationSetName="changes")
    assert ses2.get_email_identity(EmailIdentity="v2@example.net")["ConfigurationSetName"] == "changes"
    change(EmailIdentity="v2@example.net")
    assert "ConfigurationSetName" not in ses2.get_email_identity(EmailIdentity="v2@example.net")


@pytest.mark.parametrize(
    ("path", "body", "sender"),
    [
        ("/", b"Action=SendEmail&Source=Ann+%3Cann%40example.com%3E&SourceArn=arn:x", ("ann@example.com", "arn:x")),
        ("/", b"Action=ListIdentities&Source=ann@example.com", ("", "")),
        ("/", b"\xff", ("", "")),
        ("/v2/email/outbound-emails", b'{"FromEmailAddress": "a@b.c"}', ("a@b.c", "")),
        ("/v2/email/outbound-bulk-emails", b'{"FromEmailAddressIdentityArn": "arn:y"}', ("", "arn:y")),
        ("/v2/email/outbound-emails", b"[]", ("", "")),
    ],
)
def test_the_sender_of_a_request(path: str, body: bytes, sender: tuple[str, str]) -> None:
    assert ses.sender_of(path, body) == sender
