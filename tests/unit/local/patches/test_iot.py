"""AWS IoT over MQTT and TLS: certificates, attributes of a CONNECT, sizes, and rules that need permissions."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec

from local.harness.cloud import Cloud
from local.harness.scenario import Stack, wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios.apps import iot_messaging as devices
from tests.unit.local.patches.test_waf_logging import iam_role

ROOT = f"arn:aws:iot:{REGION}:{ACCOUNT_ID}"
KEY = ec.generate_private_key(ec.SECP256R1())
RULE = f"{ROOT}:rule/all"
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "iot.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {"ArnEquals": {"aws:SourceArn": RULE}, "StringEquals": {"aws:SourceAccount": ACCOUNT_ID}},
}


def connect_statement(*attributes: str) -> dict[str, Any]:
    condition = {"ForAllValues:StringEquals": {"iot:ConnectAttributes": list(attributes)}} if attributes else {}
    return {"Effect": "Allow", "Action": "iot:Connect", "Resource": f"{ROOT}:client/*", "Condition": condition}


@pytest.fixture
def certificate(cloud: Cloud) -> Callable[..., str]:
    """Return a function that registers a certificate with a policy of these statements, and returns it."""
    iot = cloud.client("iot")

    def registered(*statements: dict[str, Any]) -> str:
        answer = iot.create_certificate_from_csr(
            certificateSigningRequest=devices.request_of(KEY, "device"), setAsActive=True
        )
        name = f"policy-{answer['certificateId'][:12]}"
        document = {"Version": "2012-10-17", "Statement": statements}
        iot.create_policy(policyName=name, policyDocument=json.dumps(document))
        iot.attach_policy(policyName=name, target=answer["certificateArn"])
        pem: str = answer["certificatePem"]
        return pem

    return registered


def attempt(cloud: Cloud, pem: str | None, act: Any = lambda client: None, **more: Any) -> str:
    return devices.attempt(Stack(cloud, {}), pem, KEY if pem else None, "device", act, **more)


def test_the_broker_listens_on_loopback_only(cloud: Cloud) -> None:
    where = cloud.command("iot/endpoint")
    with socket.create_connection(("127.0.0.1", where["port"]), timeout=10):
        pass
    address = socket.gethostbyname(socket.gethostname())
    if not address.startswith("127."):
        with socket.socket() as probe:
            probe.settimeout(5)
            assert probe.connect_ex((address, where["port"])) != 0


def test_a_client_needs_a_registered_certificate(cloud: Cloud, certificate: Any) -> None:
    assert attempt(cloud, None) == "refused"
    assert attempt(cloud, devices.self_signed(KEY, "device")) == "refused"
    assert attempt(cloud, certificate(connect_statement())) == "connected"
    assert attempt(cloud, certificate()) == "refused", "no policy allows it"


def test_a_will_and_a_persistent_session_must_be_allowed(cloud: Cloud, certificate: Any) -> None:
    publish = {"Effect": "Allow", "Action": "iot:Publish", "Resource": f"{ROOT}:topic/wills"}
    plain = certificate(connect_statement(), publish)
    wills = certificate(connect_statement("LastWill"), publish)
    both = certificate(connect_statement("LastWill", "PersistentConnect"), publish)
    asked: dict[str, dict[str, Any]] = {"will": {"will": "wills"}, "persistent": {"persist": True}, "neither": {}}
    found = {name: [attempt(cloud, pem, **more) for pem in (plain, wills, both)] for name, more in asked.items()}
    assert found == {
        "will": ["refused", "connected", "connected"],
        "persistent": ["refused", "refused", "connected"],
        "neither": ["connected", "connected", "connected"],
    }


def test_a_message_of_more_than_128_kib_ends_the_connection(cloud: Cloud, certificate: Any) -> None:
    publish = {"Effect": "Allow", "Action": "iot:Publish", "Resource": f"{ROOT}:topic/large"}
    pem = certificate(connect_statement(), publish)
    assert attempt(cloud, pem, lambda c: c.publish("large", b"x" * 131072, qos=1)) == "done"
    assert attempt(cloud, pem, lambda c: c.publish("large", b"x" * 131073, qos=1)) == "closed"


def test_a_retained_message_needs_its_own_permission(cloud: Cloud) -> None:
    def publish(*actions: str) -> str:
        name = "-".join(actions).replace("iot:", "")
        role = iam_role(cloud, name, {**TRUST, "Principal": {"AWS": "*"}, "Condition": {}}, {"Action": list(actions)})
        keys = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        data = cloud.client(
            "iot-data",
            attempts=1,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        try:
            data.publish(topic="retained", retain=True, payload=b"x")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "published"

    assert publish("iot:Publish") == "ForbiddenException"
    assert publish("iot:Publish", "iot:RetainPublish") == "published"


def bodies(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    messages = cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]


def test_a_rule_needs_the_function_s_permission_and_the_role_of_its_action(cloud: Cloud) -> None:
    """aws/aws-cdk 16339: without a permission the rule exists, and no message arrives; the error action reports it."""
    sqs, iot, data = cloud.client("sqs"), cloud.client("iot"), cloud.client("iot-data")
    url = sqs.create_queue(QueueName="undelivered")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:undelivered"
    role = iam_role(cloud, "rule", TRUST, {"Action": "sqs:SendMessage", "Resource": arn})
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:none"
    iot.create_topic_rule(
        ruleName="all",
        topicRulePayload={
            "sql": "SELECT * FROM 'up/+'",
            "awsIotSqlVersion": "2016-03-23",
            "actions": [{"lambda": {"functionArn": function}}],
            "errorAction": {"sqs": {"queueUrl": url, "roleArn": role, "useBase64": False}},
        },
    )
    data.publish(topic="up/1", payload=b'{"a": 1}')
    (report,) = wait_until("the report", lambda: bodies(cloud, url))
    assert (report["ruleName"], report["topic"], report["base64OriginalPayload"]) == ("all", "up/1", "eyJhIjogMX0=")
    assert report["failures"][0]["failedAction"] == "LambdaAction"
    assert report["failures"][0]["failedResource"] == function
    other = {**TRUST, "Condition": {"ArnEquals": {"aws:SourceArn": f"{ROOT}:rule/other"}}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [other]})
    cloud.client("iam").update_assume_role_policy(RoleName="rule", PolicyDocument=document)
    data.publish(topic="up/2", payload=b"{}")
    assert bodies(cloud, url) == [], "the role trusts another rule"
    iot.delete_topic_rule(ruleName="all")
