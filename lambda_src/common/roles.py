"""Clients for other accounts and Regions, with assumed roles."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common import clients

Credentials = Mapping[str, Any]
"""Credentials, as keyword arguments of boto3's clients."""
MARGIN = timedelta(minutes=16)
"""Time before its expiry at which a session is replaced.

It exceeds Lambda's limit of 15 minutes, so that a client stays valid until the invocation ends.
"""


@dataclass(frozen=True)
class Role:
    """A role and the parameters of AssumeRole."""

    arn: str
    session_name: str
    external_id: str | None = None
    policy: str | None = None
    """A session policy, as JSON: the session has only the permissions that both the policy and the role allow."""


class Clients:
    """The clients of one account and Region, each created on first use."""

    def __init__(self, region: str, credentials: Callable[[], Credentials] | None = None) -> None:
        """Use `credentials`, which returns boto3's arguments and the same object until they are renewed.

        None stands for the function's own credentials.
        """
        self.region, self._credentials = region, credentials
        self._used: Credentials | None = None
        self._made: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return the boto3 client. Call this again in each invocation, because a session expires after an hour."""
        if self._credentials is None:
            return clients.client(service, region=self.region)
        credentials = self._credentials()
        if credentials is not self._used:
            self._used, self._made = credentials, {}
        if service not in self._made:
            self._made[service] = clients.make(service, region_name=self.region, **credentials)
        return self._made[service]


class Roles:
    """Sessions of roles, cached until shortly before they expire. Create one instance per process."""

    def __init__(self, assuming: Callable[[Role], AbstractContextManager[object]] = lambda _: nullcontext()) -> None:
        """Set `assuming`, a context manager around each AssumeRole call that translates its errors."""
        self._assuming = assuming
        self._sessions: dict[Role, tuple[datetime, Credentials]] = {}
        self._clients: dict[tuple[str, Role | None], Clients] = {}

    def at(self, region: str, role: Role | None = None) -> Clients:
        """Return the clients of a Region, in the role's account or in the function's own.

        The first client that is requested assumes the role.
        """
        if (region, role) not in self._clients:
            self._clients[region, role] = Clients(region, (lambda: self._session(role)) if role else None)
        return self._clients[region, role]

    def _session(self, role: Role) -> Credentials:
        kept = self._sessions.get(role)
        if kept is None or datetime.now(UTC) > kept[0] - MARGIN:
            kept = self._sessions[role] = self._assume(role)
        return kept[1]

    def _assume(self, role: Role) -> tuple[datetime, Credentials]:
        more = {"ExternalId": role.external_id, "Policy": role.policy}
        with self._assuming(role):
            made = clients.client("sts").assume_role(
                RoleArn=role.arn,
                RoleSessionName=role.session_name[:64],
                **{name: value for name, value in more.items() if value},
            )["Credentials"]
        return made["Expiration"], {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
            "aws_session_token": made["SessionToken"],
        }
