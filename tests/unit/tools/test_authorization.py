"""Check the rules for policies, each on a policy that breaks it, and that the kept reference has every action."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tools import authorization
from tools.authorization import Policy, Reference, missing_dependents, overlap, problems
from tools.bootstrap import ROOT

KEPT = Reference.kept()
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"


def said(kind: str = "identity", **statement: Any) -> list[str]:
    """Return what is said of one statement."""
    whole = {"Sid": "One", "Effect": "Allow", **statement}
    return [text.removeprefix("x: One: ") for text in problems([Policy("x", kind, {"Statement": [whole]})], KEPT)]


# --- the reference -----------------------------------------------------------------------------------------


def test_every_action_of_a_module_is_in_the_kept_reference() -> None:
    """Fails without an applied stack, and at once, when an action is misspelt or new."""
    named = set()
    for path in (ROOT / "modules").rglob("*.tf"):
        for block in re.findall(r"(?:actions|Action)\s*=\s*(\[[^]]*\]|\"[^\"]*\")", path.read_text()):
            named |= set(re.findall(r'"([a-z0-9-]+:[A-Z]\w+)"', block))
    assert len(named) > 100
    assert sorted(action for action in named if KEPT.action(action) is None) == []


def test_the_kept_reference_has_what_rules_need() -> None:
    assert KEPT.formats("dynamodb:GetItem") == {
        "table": "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}"
    }
    assert KEPT.dependent("securityhub:BatchGetStandardsControlAssociations") == {
        "securityhub:DescribeStandardsControls"
    }
    assert "kms:ViaService" in KEPT.keys("kms:Decrypt")


def test_only_what_is_used_is_kept() -> None:
    definition = {
        "x": {
            "service_authorization_url": "https://example.com/x",
            "resources": {
                "thing": {"arn": "arn:${Partition}:x:::${Thing}", "condition_keys": ["aws:ResourceTag/a", "x:Y"]}
            },
            "privileges": {
                name: {
                    "access_level": "Write",
                    "resource_types": {
                        "thing": {
                            "required": True,
                            "condition_keys": ["aws:TagKeys", "x:Z"],
                            "dependent_actions": ["x:Other"],
                        }
                    },
                }
                for name in ("Used", "Other")
            },
        }
    }
    kept = authorization.cut(definition, {"x:Used", "x:Missing", "y:Used"})
    assert kept["x"]["actions"] == {
        "Used": {
            "access": "Write",
            "types": {"thing": {"required": True, "keys": ["aws:TagKeys", "x:Z"], "dependent": ["x:Other"]}},
        }
    }
    assert kept["x"]["resources"] == {
        "thing": {"arn": "arn:${Partition}:x:::${Thing}", "keys": ["aws:ResourceTag/a", "x:Y"]}
    }
    assert set(kept) == {"x"}


# --- patterns ----------------------------------------------------------------------------------------------

BUCKET, OBJECT = "arn:${Partition}:s3:::${BucketName}", "arn:${Partition}:s3:::${BucketName}/${ObjectName}"
GROUP = "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}"
STREAM = GROUP + ":log-stream:${LogStreamName}"


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("arn:aws:s3:::b", BUCKET, True),
        ("arn:aws:s3:::b", OBJECT, False),
        ("arn:aws:s3:::b/*", OBJECT, True),
        ("arn:aws:s3:::b/*", BUCKET, False),
        ("arn:aws:s3:::b*", OBJECT, True),
        ("arn:aws:s3:::b/a/c.json", OBJECT, True),
        ("arn:aws-cn:s3:::b", BUCKET, True),
        ("arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/x:*", STREAM, True),
        ("arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/x:*", GROUP, False),
        ("arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/x", STREAM, False),
        ("arn:aws:logs:eu-west-?:1:log-group:x", GROUP, True),
        ("arn:aws:logs::1:log-group:x", GROUP, False),
        (TABLE + "/stream/*", "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}", False),
        (
            TABLE + "/stream/*",
            "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}/stream/${StreamLabel}",
            True,
        ),
        ("arn:aws:iam::1:role/path/x", "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}", True),
        ("arn:aws:s3:::b*/", BUCKET, False),
        ("arn:aws:sqs:*:1:b-*", OBJECT, False),
        ("*", OBJECT, True),
        ("", OBJECT, False),
    ],
)
def test_a_pattern_overlaps_a_format(pattern: str, arn: str, expected: bool) -> None:
    assert overlap(pattern, arn) is expected


# --- rules -------------------------------------------------------------------------------------------------


def test_a_policy_that_keeps_the_rules_has_no_problem() -> None:
    assert said(Action=["dynamodb:GetItem", "dynamodb:Query"], Resource=[TABLE, TABLE + "/index/*"]) == []
    assert said(Action="tag:GetResources", Resource="*") == [] or KEPT.action("tag:GetResources") is None
    assert said("kms", Action="kms:*", Resource="*", Principal={"AWS": "arn:aws:iam::123456789012:root"}) == []


DOMAIN = "arn:aws:es:eu-west-1:123456789012:domain/d"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-embed-text-v2:0"


def test_paths_below_a_domain_and_versions_of_models() -> None:
    assert said(Action="es:ESHttpPost", Resource=f"{DOMAIN}/i/_search") == []
    assert said(Action="es:DescribeDomain", Resource=DOMAIN) == []
    assert said(Action="bedrock:InvokeModel", Resource=MODEL) == []
    for action, resource in (("es:ESHttpPost", DOMAIN), ("es:DescribeDomain", f"{DOMAIN}/i")):
        assert any("fits none of" in text for text in said(Action=action, Resource=resource)), action


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ({"Action": "dynamodb:GetItems", "Resource": TABLE}, "dynamodb:GetItems is not in tools/authorization.json"),
        ({"Action": "dynamodb:*", "Resource": TABLE}, "dynamodb:* is a pattern"),
        ({"Action": "*", "Resource": TABLE}, "* is a pattern"),
        ({"NotAction": "dynamodb:GetItem", "Resource": TABLE}, "names actions by NotAction"),
        ({"Action": "dynamodb:GetItem", "NotResource": TABLE}, "names resources by NotResource"),
        ({"Action": "dynamodb:GetItem", "Resource": "*"}, "dynamodb:GetItem is allowed on *, but has resources: table"),
        ({"Action": "dynamodb:PutItem", "Resource": TABLE + "/index/*"}, "dynamodb:PutItem fits none of"),
        (
            {"Action": ["dynamodb:GetItem"], "Resource": [TABLE, "arn:aws:sqs:eu-west-1:123456789012:q"]},
            "arn:aws:sqs:eu-west-1:123456789012:q is the resource of none of dynamodb:GetItem",
        ),
        (
            {"Action": "kms:ListKeys", "Resource": "arn:aws:kms:eu-west-1:123456789012:key/*"},
            "kms:ListKeys fits none of",
        ),
        (
            {
                "Action": "dynamodb:GetItem",
                "Resource": TABLE,
                "Condition": {"StringEquals": {"kms:CallerAccount": "1"}},
            },
            "dynamodb:GetItem has no condition key kms:CallerAccount",
        ),
        (
            {"Action": "dynamodb:GetItem", "Resource": TABLE, "Condition": {"Bool": {"aws:SecureTransports": "true"}}},
            "aws:SecureTransports is no global condition key known here",
        ),
        (
            {
                "Action": "kms:Decrypt",
                "Resource": "arn:aws:kms:eu-west-1:123456789012:key/1",
                "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
            },
            "names kms:ViaService by StringEquals",
        ),
    ],
)
def test_each_rule_for_identity_policies(statement: dict[str, Any], problem: str) -> None:
    assert any(text.startswith(problem) for text in said(**statement)), said(**statement)


EVENTS = {"Principal": {"Service": "events.amazonaws.com"}}
SOURCE = {"ArnLike": {"aws:SourceArn": "arn:aws:events:eu-west-1:123456789012:rule/x"}}


@pytest.mark.parametrize(
    ("kind", "statement", "expected"),
    [
        ("sns", {"Action": "sns:Publish", **EVENTS}, []),
        ("sns", {"Action": "sns:Publish", **EVENTS, "Condition": SOURCE}, ["has a Condition for EventBridge"]),
        ("sqs", {"Action": "sqs:SendMessage", **EVENTS, "Condition": SOURCE}, []),
        ("sqs", {"Action": "sqs:SendMessage", **EVENTS}, ["does not say for whom events.amazonaws.com acts"]),
        ("kms", {"Action": "kms:Decrypt", **EVENTS}, []),
        ("kms", {"Action": "kms:Decrypt", **EVENTS, "Condition": SOURCE}, ["has a source for EventBridge"]),
        ("s3", {"Action": "s3:ListBucket", "Principal": "*"}, ["is open to every principal"]),
        ("s3", {"Action": "s3:ListBucket", "Principal": {"AWS": ["*"]}}, ["is open to every principal"]),
        ("s3", {"Action": "s3:ListBucket", "Principal": "*", "Effect": "Deny"}, []),
    ],
)
def test_each_rule_for_resource_policies(kind: str, statement: dict[str, Any], expected: list[str]) -> None:
    found = said(kind, Resource="*", **statement)
    assert [text[: len(start)] for text, start in zip(found, expected, strict=True)] == expected


def test_a_trust_policy_says_for_whom_the_service_acts() -> None:
    trust = {"Action": "sts:AssumeRole", "Principal": {"Service": "scheduler.amazonaws.com"}}
    assert said("trust", **trust) == ["does not say for whom scheduler.amazonaws.com acts"]
    assert said("trust", **trust, Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}}) == []


def test_dependent_actions_are_missed() -> None:
    action, other = "securityhub:BatchGetStandardsControlAssociations", "securityhub:DescribeStandardsControls"
    one = Policy("x", "identity", {"Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}})
    assert missing_dependents([one], KEPT) == [f"{action} needs {other}"]
    both = Policy("y", "identity", {"Statement": {"Effect": "Allow", "Action": [other], "Resource": "*"}})
    assert missing_dependents([one, both], KEPT) == []


@pytest.mark.parametrize(
    "table", [authorization.ON_EVERY_RESOURCE, authorization.FOREIGN_KEYS, authorization.WITHOUT_SOURCE]
)
def test_each_exception_has_a_reason(table: dict[Any, str]) -> None:
    assert all(table.values())


# --- state -------------------------------------------------------------------------------------------------


def state(kind: str, **attributes: Any) -> dict[str, Any]:
    """Return a state with one resource in a module."""
    instances = [{"attributes": attributes}]
    return {
        "resources": [{"module": "module.m", "mode": "managed", "type": kind, "name": "this", "instances": instances}]
    }


def test_policies_are_found_in_a_state() -> None:
    document: dict[str, Any] = {"Statement": []}
    text = json.dumps(document)
    found = authorization.in_state(state("aws_iam_role_policy", policy=text, role="r", name="n"))
    assert found == [Policy("module.m.aws_iam_role_policy.this", "identity", document, "r")]
    found = authorization.in_state(state("aws_iam_role", assume_role_policy=text))
    assert [policy.kind for policy in found] == ["trust"]
    default = json.dumps({"Id": "__default_policy_ID", **document})
    assert authorization.in_state(state("aws_sns_topic", policy=default)) == []
    assert authorization.in_state(state("aws_lambda_function", description='no "Statement" {')) == []


def test_a_policy_in_an_unknown_type_of_resource_fails() -> None:
    with pytest.raises(KeyError, match="aws_new_policy"):
        authorization.in_state(state("aws_new_policy", policy='{"Statement": []}'))
