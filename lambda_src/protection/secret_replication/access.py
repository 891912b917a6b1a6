"""Secrets Manager of each target: in this account, or in another one through a role there."""

import functools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from common import clients

from .errors import translated
from .targets import Target

_MARGIN = timedelta(minutes=5)
READ_ONLY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}],
    }
)
"""Session policy of a caller that only compares."""


class Access:
    """Clients by target. Sessions of roles are kept until shortly before they end."""

    def __init__(self, session_name: str, session_policy: str | None = None) -> None:
        self._name, self._policy = session_name[:64], session_policy
        self._kept: dict[Target, tuple[datetime, Any]] = {}

    def client(self, target: Target) -> Any:
        """The boto3 client. Raises Denied when the role cannot be assumed."""
        if target.role_arn is None:
            return clients.client("secretsmanager", region=target.region)
        kept = self._kept.get(target)
        if kept is None or datetime.now(UTC) > kept[0] - _MARGIN:
            kept = self._kept[target] = self._assume(target, target.role_arn)
        return kept[1]

    def _assume(self, target: Target, role_arn: str) -> tuple[datetime, Any]:
        extra = {"ExternalId": target.external_id} if target.external_id else {}
        if self._policy:
            extra["Policy"] = self._policy
        with translated(f"assuming {role_arn} for target {target.name}"):
            answer = clients.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=self._name, **extra)
        made = answer["Credentials"]
        client = clients.make(
            "secretsmanager",
            region_name=target.region,
            aws_access_key_id=made["AccessKeyId"],
            aws_secret_access_key=made["SecretAccessKey"],
            aws_session_token=made["SessionToken"],
        )
        return made["Expiration"], client


@functools.cache
def shared(session_name: str, session_policy: str | None = None) -> Access:
    """One of these for each process."""
    return Access(session_name, session_policy)
