"""A grant is used if something that IAM permitted needed it, with its resources and conditions."""

from __future__ import annotations

from typing import Any

from tools.authorization import Policy, Reference
from tools.grants import Grant, misfits, unused

QUEUE, KEY = "arn:aws:sqs:eu-west-1:111122223333:a", "arn:aws:kms:eu-west-1:111122223333:key/k"


def policy(*statements: dict[str, Any], role: str = "r", kind: str = "identity") -> Policy:
    return Policy("p", kind, {"Statement": [{"Effect": "Allow", "Sid": "S", **one} for one in statements]}, role)


def asked(action: str, resource: str, **context: str) -> dict[str, Any]:
    return {"action": action, "resource": resource, "context": context}


def test_an_action_that_nobody_used_is_found() -> None:
    held = policy({"Action": ["sqs:SendMessage", "sqs:DeleteMessage"], "Resource": QUEUE})
    assert unused([held], {"r": [asked("sqs:SendMessage", QUEUE)]}) == [Grant("r", "S", "sqs:DeleteMessage")]


def test_an_action_on_another_resource_or_of_another_role_does_not_count() -> None:
    held = policy({"Action": "sqs:SendMessage", "Resource": QUEUE})
    idle = [Grant("r", "S", "sqs:SendMessage")]
    assert unused([held], {"r": [asked("sqs:SendMessage", f"{QUEUE}b")]}) == idle
    assert unused([held], {"other": [asked("sqs:SendMessage", QUEUE)]}) == idle
    assert (
        unused(
            [policy({"Action": "sqs:SendMessage", "Resource": f"{QUEUE}*"})],
            {"r": [asked("sqs:SendMessage", f"{QUEUE}b")]},
        )
        == []
    )


def test_statements_that_differ_in_their_condition_are_told_apart() -> None:
    def through(service: str) -> dict[str, Any]:
        condition = {"StringLike": {"kms:ViaService": f"{service}.eu-west-1.*"}}
        return {"Sid": service, "Action": "kms:Decrypt", "Resource": KEY, "Condition": condition}

    check = {**asked("kms:Decrypt", KEY), "context": {"kms:viaservice": "s3.eu-west-1.amazonaws.com"}}
    assert unused([policy(through("s3"), through("sqs"))], {"r": [check]}) == [Grant("r", "sqs", "kms:Decrypt")]


def test_trust_policies_resource_policies_and_denials_are_no_grants() -> None:
    held = {"Action": "sqs:SendMessage", "Resource": QUEUE}
    assert unused([policy(held, role="", kind="sqs"), policy(held, kind="trust")], {}) == []
    assert unused([policy({**held, "Effect": "Deny"})], {}) == []


def test_resources_that_an_action_does_not_have_are_found() -> None:
    found = misfits(
        {
            "r": [
                asked("sqs:SendMessage", QUEUE),
                asked("sqs:DeleteMessage", KEY),
                asked("sqs:ReceiveMessage", "*"),
                asked("ec2:DescribeInstances", "*"),
                asked("ec2:DescribeAddresses", "arn:aws:ec2:eu-west-1:111122223333:elastic-ip/a"),
                asked("cloudwatch:PutMetricAlarm", "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:C: free/warning"),
                asked("ec2:DescribeVanished", "*"),
            ]
        },
        Reference.kept(),
    )
    assert [text.partition(" ")[0] for text in found] == [
        "ec2:DescribeAddresses",
        "ec2:DescribeVanished",
        "sqs:DeleteMessage",
        "sqs:ReceiveMessage",
    ]
