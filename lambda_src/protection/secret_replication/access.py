"""Clients for Secrets Manager of each target, in this account or, with an assumed role, in another one."""

import functools
import json
from typing import Any

from common.roles import Role, Roles

from .errors import translated
from .targets import Target

READ_ONLY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}],
    }
)
"""Session policy for a function that only compares."""


class Access:
    """The clients of all targets."""

    def __init__(self, session_name: str, session_policy: str | None = None) -> None:
        self._name, self._policy = session_name, session_policy
        self._roles = Roles()

    def client(self, target: Target) -> Any:
        """Return the boto3 client of a target. Raise Denied if the role cannot be assumed."""
        role = Role(target.role_arn, self._name, target.external_id, self._policy) if target.role_arn else None
        with translated(f"assuming {target.role_arn} for target {target.name}"):
            return self._roles.at(target.region, role).client("secretsmanager")


@functools.cache
def shared(session_name: str, session_policy: str | None = None) -> Access:
    """Return the process's single instance for these arguments."""
    return Access(session_name, session_policy)
