"""A recorded demo from code: calls, Terraform's state, runs and reports of two parallel scenarios."""

from __future__ import annotations

from typing import Any

from local.harness.principals import facts
from local.harness.report import Demo, Run, build
from local.harness.scenario import Report

START = 1_800_000_000.0
CAPABILITIES = ["posture/finding_export", "protection/kms_rotation"]
EXPORT = "switchyard-finding-export"
ACCOUNT = "arn:aws:iam::123456789012"


def role(name: str) -> str:
    return f"{ACCOUNT}:role/{name}-eu-west-1"


def session(name: str, session_name: str = "session", account: str = "123456789012") -> str:
    return f"arn:aws:sts::{account}:assumed-role/{name}-eu-west-1/{session_name}"


def resource(kind: str, module: str, **attributes: Any) -> dict[str, Any]:
    place = {"module": module} if module else {}
    return {"mode": "managed", "type": kind, "name": "this", **place, "instances": [{"attributes": attributes}]}


def function(module: str, name: str) -> list[dict[str, Any]]:
    arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
    return [
        resource("aws_iam_role", module, name=f"{name}-eu-west-1", arn=role(name)),
        resource("aws_lambda_function", module, function_name=name, arn=arn, role=role(name)),
    ]


def state() -> dict[str, Any]:
    """Return a state of Terraform: roots with and without `count`, roles of functions, a state machine and more."""
    machine = {"name": EXPORT, "role_arn": role("machine"), "arn": "arn:aws:states:eu-west-1:123456789012:s"}
    return {
        "resources": [
            {"mode": "data", "type": "aws_iam_role", "name": "other", "instances": [{"attributes": {}}]},
            resource("aws_iam_role", "module.context", name="shared-eu-west-1", arn=role("shared")),
            *function('module.finding_export[0].module.functions["export"]', f"{EXPORT}-function"),
            *function("module.finding_export[0].module.functions", f"{EXPORT}-idle"),
            resource("aws_iam_role", "module.finding_export[0]", name="machine-eu-west-1", arn=role("machine")),
            resource("aws_sfn_state_machine", "module.finding_export[0].module.machine", **machine),
            *function("module.kms_rotation", "switchyard-kms-rotation-report"),
        ]
    }


def call(principal: str, operation: str, at: float = 1.0, **fields: Any) -> dict[str, Any]:
    service, _, name = operation.partition(":")
    return {
        "at": START + at,
        "service": service,
        "operation": name,
        "principal": principal,
        "account": "123456789012",
        "region": "eu-west-1",
        "status": 200,
        "ms": 3.0,
        "fault": "",
        "error": "",
        "agent": "",
        **fields,
    }


def calls() -> list[dict[str, Any]]:
    export, report = session(f"{EXPORT}-function"), session("switchyard-kms-rotation-report")
    root = f"{ACCOUNT}:root"
    return [
        *[call(root, "lambda:CreateFunction", -60, agent="Terraform") for _ in range(7)],
        call(root, "kms:CreateKey", -70),
        call(root, "states:StartExecution", 0.2, agent="scenario.finding_export"),
        call("anonymous", "cognito-idp:InitiateAuth", 0.3, agent="scenario.kms_rotation"),
        call(session("machine", "execution"), "lambda:InvokeFunction", 0.5),
        *[call(export, "securityhub:GetFindings", 1 + n / 10) for n in range(30)],
        *[call(export, "securityhub:GetFindings", 2 + n, status=429, fault="throttle") for n in range(3)],
        call(export, "s3:PutObject", 3, fault="reset"),
        call(export, "s3:PutObject", 3.2),
        call(export, "s3:GetObject", 3.5, status=404, error="NoSuchKey"),
        call(export, "dynamodb:DeleteItem", 3.6, status=400, error="AccessDeniedException"),
        # The other scenario, at the same time.
        *[call(report, "kms:DescribeKey", 1 + n / 10) for n in range(20)],
        call(report, "kms:DescribeKey", 2, status=403, error="AccessDenied"),
        call(report, "kms:DescribeKey", 90),
        call("anonymous", "cognito-idp:InitiateAuth", 4),
    ]


def runs() -> list[Run]:
    return [
        Run(f"{EXPORT}-function", START + 0.6, 2400.0),
        Run(f"{EXPORT}-function", START + 3.1, 900.0, failed=True),
        Run("switchyard-kms-rotation-report", START + 0.9, 3000.0),
    ]


def reports(**changes: str) -> list[Report]:
    export = Report(CAPABILITIES[0], sent="5,000 findings;\n10 % of calls fail", seconds=6.0, started=START)
    export.check("exported", 4166, 4166)
    export.check("notices", ["RUNNING"], ["RUNNING", "SUCCEEDED"])
    rotation = Report(CAPABILITIES[1], sent="120 keys", seconds=5.0, started=START)
    rotation.check("keys", True)
    export.events = [(START + 0.1, "aws.securityhub", "Security Hub Findings - Imported")]
    rotation.events = [(START + 0.4 + n / 10, "execute-api", "POST") for n in range(3)]
    for number, check in enumerate([*export.checks, *rotation.checks]):
        check.at = START + 4 + number / 2
    return [export, rotation]


def demo() -> Demo:
    return build(calls(), reports(), facts(state(), CAPABILITIES), runs())
