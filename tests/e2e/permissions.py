"""Roles with one permission less: a policy is minimal when its function fails without each of its statements."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from local.harness.cloud import Cloud


def grants(cloud: Cloud, role: str, policy: str = "grants", account: str = "") -> dict[str, Any]:
    """The inline policy that a capability gives a function's role; `runtime` is the one every function has."""
    iam = cloud.client("iam", account=account)
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    found: dict[str, Any] = document if isinstance(document, dict) else json.loads(document)
    return found


def sids(cloud: Cloud, role: str, policy: str = "grants", account: str = "") -> list[str]:
    """The names of its statements."""
    return [statement["Sid"] for statement in grants(cloud, role, policy, account)["Statement"]]


@contextlib.contextmanager
def without(cloud: Cloud, role: str, sid: str, policy: str = "grants", account: str = "") -> Iterator[None]:
    """The role lacks the statement `sid` for the length of a `with` block."""
    whole = grants(cloud, role, policy, account)
    rest = [statement for statement in whole["Statement"] if statement["Sid"] != sid]
    assert len(rest) == len(whole["Statement"]) - 1, f"{role} has no single statement {sid}"
    iam = cloud.client("iam", account=account)
    if rest:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps({**whole, "Statement": rest}))
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(whole))


@contextlib.contextmanager
def only(cloud: Cloud, role: str, policy: str) -> Iterator[None]:
    """A role that several capabilities use has this inline policy alone for the length of a `with` block."""
    iam = cloud.client("iam")
    others = [name for name in iam.list_role_policies(RoleName=role)["PolicyNames"] if name != policy]
    kept = {name: json.dumps(grants(cloud, role, name)) for name in others}
    for name in kept:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        yield
    finally:
        for name, document in kept.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
