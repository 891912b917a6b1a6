"""Evaluate policies on what IAM was asked in a recorded run, with the local cloud's own evaluator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from local.settings import ACCOUNT_ID, REGION
from tools.deploy import data, policy

Check = Mapping[str, Any]
"""A question: `action`, `resource` and the condition keys in `context` (`local.permissions.Checked`)."""


def questions(calls: Iterable[Mapping[str, Any]]) -> list[Check]:
    """Return the different questions of calls, without those that AWS never denies."""
    found = {
        repr(sorted(check.items())): check
        for call in calls
        for check in call["checks"]
        if check["action"] not in data.NEVER_DENIED
    }
    return list(found.values())


def denied(documents: Sequence[policy.Document], checks: Iterable[Check]) -> list[Check]:
    """Return the questions that the policies together do not answer with yes."""
    from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

    parsed = [parse_policy_document(one) for one in documents]
    return [
        check
        for check in checks
        if evaluate(
            EvalContext(
                principal_arn=f"arn:aws:iam::{ACCOUNT_ID}:role/deploy",
                principal_type="AssumedRole",
                principal_account=ACCOUNT_ID,
                action=check["action"],
                resource_arn=check["resource"],
                region=REGION,
                service_context=dict(check["context"]),
            ),
            parsed,
        ).decision
        != "Allow"
    ]


def values(name_prefix: str) -> dict[str, str]:
    """Return the values of the placeholders on the local cloud."""
    return {
        "partition": "aws",
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "name_prefix": name_prefix,
        "database": name_prefix.replace("-", "_"),
        "key_alias": f"{name_prefix}-*",
        "secret_name": f"{name_prefix}-*",
        "boundary_arn": f"arn:aws:iam::{ACCOUNT_ID}:policy/deploy-{name_prefix}-boundary",
    }
