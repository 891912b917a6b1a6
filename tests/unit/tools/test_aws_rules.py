"""Check that AWS's rules reach the values and documents of a plan, each on a plan that breaks one."""

from __future__ import annotations

import json
import re
from typing import Any

import boto3
import pytest

from tools import aws_rules, provider_schema
from tools.bootstrap import ROOT
from tools.capabilities import chosen

TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}


def plan(kind: str, **values: Any) -> dict[str, Any]:
    """Return a plan with one resource in a module."""
    resource = {"mode": "managed", "type": kind, "address": f"module.m.{kind}.this", "values": values}
    return {"planned_values": {"root_module": {"child_modules": [{"resources": [resource]}]}}}


def document(**statement: Any) -> str:
    """Return a policy with one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def test_each_type_of_the_modules_has_a_place() -> None:
    """A new type is looked up: its type in CloudFormation, or the reason why none describes it."""
    used = provider_schema.types()
    placed = aws_rules.TYPES.keys() | aws_rules.WITHOUT.keys()
    assert sorted(kind for kind in used if not kind.startswith("data.") and kind not in placed) == []
    assert sorted(placed - used) == []


@pytest.mark.parametrize("kind", aws_rules.TYPES.values())
def test_each_type_of_cloudformation_exists(kind: str) -> None:
    whole, part = aws_rules.schema_of(kind)
    assert whole["typeName"] == kind.partition(".")[0]
    assert part


@pytest.mark.parametrize(
    ("kind", "values", "problem"),
    [
        ("aws_lambda_function", {"timeout": 5401}, "timeout = 5401: must be at most 5400"),
        ("aws_lambda_function", {"runtime": "python3.99"}, "runtime = 'python3.99': must be one of"),
        ("aws_sqs_queue", {"message_retention_seconds": 10}, "message_retention_seconds = 10: must be at least 60"),
        ("aws_iam_role", {"name": "x" * 65}, "must have at most 64 characters, and has 65"),
        ("aws_s3_bucket", {"bucket": "Upper"}, "bucket = 'Upper': must match"),
        (
            "aws_cloudwatch_metric_alarm",
            {"comparison_operator": "Above"},
            "comparison_operator = 'Above': must be one of",
        ),
        ("aws_dynamodb_table", {"attribute": [{"name": "a", "type": "X"}]}, "attribute.type = 'X': must be one of"),
        ("aws_lambda_function", {"tracing_config": [{"mode": "On"}]}, "tracing_config.mode = 'On': must be one of"),
        ("aws_securityhub_automation_rule", {"rule_order": 1001}, "rule_order = 1001: must be at most 1000"),
    ],
)
def test_a_value_that_aws_refuses_is_named(kind: str, values: dict[str, Any], problem: str) -> None:
    found = aws_rules.check(plan(kind, **values))
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"module.m.{kind}.this")
    assert problem in found.problems[0]


def test_a_value_that_aws_takes_is_counted() -> None:
    found = aws_rules.check(plan("aws_sqs_queue", name="q", visibility_timeout_seconds=30, fifo_queue=None, own=1))
    assert found.problems == []
    assert found.summary() == "2 values held against AWS's schemas, 1 without a property of the same name"


def test_zero_in_a_state_stands_for_an_argument_that_is_not_set() -> None:
    shown = plan("aws_cloudwatch_metric_alarm", datapoints_to_alarm=0)
    assert aws_rules.check(shown).problems != []
    assert aws_rules.check(shown, applied=True).problems == []


def test_an_unknown_type_fails() -> None:
    with pytest.raises(KeyError, match="aws_new_thing"):
        aws_rules.check(plan("aws_new_thing"))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (
            "aws_iam_role",
            {"assume_role_policy": json.dumps({"Version": "2012-10-17", "Statement": [{**TRUST, "Resource": "*"}]})},
        ),
        ("aws_iam_role_policy", {"policy": document(Action="s3:GetObjekt", Resource="arn:aws:s3:::b/*")}),
        ("aws_s3_bucket_policy", {"policy": document(Action="s3:GetObject", Resource="arn:aws:s3:::b/*")}),
        ("aws_sqs_queue", {"policy": document(Action="sqs:SendMessage", Resource="*")}),
        ("aws_sns_topic_policy", {"policy": document(Action="sns:Publish", Resource="*")}),
        ("aws_kms_key", {"policy": json.dumps({"Statement": [{"Effect": "Maybe"}]})}),
        ("aws_scheduler_schedule", {"schedule_expression": "every day"}),
        (
            "aws_sfn_state_machine",
            {"type": "STANDARD", "definition": '{"StartAt": "A", "States": {"A": {"Type": "Pas"}}}'},
        ),
        ("aws_ssm_document", {"document_type": "Automation", "content": '{"schemaVersion": "9.9"}'}),
    ],
)
def test_a_document_that_aws_refuses_is_named(kind: str, values: dict[str, Any]) -> None:
    found = aws_rules.check(plan(kind, **values))
    assert found.checked[f"document of {kind}"] == 1
    assert [problem for problem in found.problems if problem.startswith(f"module.m.{kind}.this: ")], found.problems


def test_documents_that_aws_takes() -> None:
    shown = plan("aws_iam_role", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]}))
    found = aws_rules.check(shown)
    assert found.problems == []
    assert found.checked["document of aws_iam_role"] == 1


def test_settings_come_from_the_examples_of_the_readmes_and_the_fullest_from_scenarios_too() -> None:
    smallest, fullest = aws_rules.settings(fullest=False), aws_rules.settings(fullest=True)
    assert {name.split("/")[1] for name in chosen([])} <= smallest.keys() == fullest.keys()
    assert all(
        values.keys() <= fullest[name].keys() | aws_rules.LEFT_OUT.get(name, set()) for name, values in smallest.items()
    )
    assert fullest["finding_export"]["expiration_days"] > 0
    assert "destination" not in fullest["finding_export"]
    assert fullest["volume_alarms"].keys() > smallest["volume_alarms"].keys()
    assert "create_hub" not in fullest["security_standards"], "the scenario's"
    assert "automatic" in fullest["finding_remediation"]
    assert "eu-west-1" not in json.dumps(fullest)
    [pool] = smallest["inactive_users"]["user_pool_arns"]
    assert pool.startswith("arn:aws:cognito-idp:ap-northeast-1:123456789012:")


def test_names_are_made_of_the_longest_prefix_and_region() -> None:
    session, [limit] = boto3.session.Session(), re.findall(r"\{0,(\d+)\}", (ROOT / "variables.tf").read_text())
    partitions = [session.get_available_regions("ec2", name) for name in ("aws", "aws-cn", "aws-us-gov")]
    assert len(aws_rules.REGION) == max(len(name) for names in partitions for name in names)
    assert len(aws_rules.PREFIX) == int(limit) + 2
