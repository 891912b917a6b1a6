"""Clients of other accounts and Regions, through roles."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common import clients

Credentials = Mapping[str, Any]
"""As arguments of boto3's clients."""
MARGIN = timedelta(minutes=16)
"""How long before its end a session is replaced. Lambda ends a call after 15 minutes: a client serves to its end."""


@dataclass(frozen=True)
class Role:
    """A role, and how it is assumed."""

    arn: str
    session_name: str
    external_id: str | None = None
    policy: str | None = None
    """A session policy, as JSON: the session may do what it and the role both allow."""


class Clients:
    """The clients of one account and Region, each made when first asked for."""

    def __init__(self, region: str, credentials: Callable[[], Credentials] | None = None) -> None:
        """`credentials` returns boto3's arguments, the same object until they are renewed; None for our own."""
        self.region, self._credentials = region, credentials
        self._used: Credentials | None = None
        self._made: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return the boto3 client. Ask again for each invocation: a session does not outlive its hour."""
        if self._credentials is None:
            return clients.client(service, region=self.region)
        credentials = self._credentials()
        if credentials is not self._used:
            self._used, self._made = credentials, {}
        if service not in self._made:
            self._made[service] = clients.make(service, region_name=self.region, **credentials)
        return self._made[service]


class Roles:
    """Sessions of roles, kept until shortly before they end. One of these for each process."""

    def __init__(self, assuming: Callable[[Role], AbstractContextManager[object]] = lambda _: nullcontext()) -> None:
        """`assuming` surrounds each AssumeRole, to translate its errors."""
        self._assuming = assuming
        self._sessions: dict[Role, tuple[datetime, Credentials]] = {}
        self._clients: dict[tuple[str, Role | None], Clients] = {}

    def at(self, region: str, role: Role | None = None) -> Clients:
        """Return the clients of a Region, in the role's account or in our own. The role is assumed by the first one."""
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
