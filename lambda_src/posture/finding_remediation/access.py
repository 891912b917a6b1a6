"""Clients of the account and Region in which a resource is: here, or in a member account through a role there."""

import functools
from datetime import UTC, datetime, timedelta
from typing import Any

from common import clients

from .errors import Refused, translated

_MARGIN = timedelta(minutes=5)


class Access:
    """Clients by service, account and Region. Sessions of roles are kept until shortly before they end."""

    def __init__(
        self,
        account_id: str,
        member_account_ids: frozenset[str] = frozenset(),
        member_role: str = "",
        external_id: str | None = None,
        session_name: str = "finding-remediation",
    ) -> None:
        """`member_role` is the role's ARN with {account} for the account's id."""
        self._account, self._members, self._role = account_id, member_account_ids, member_role
        self._external_id, self._name = external_id, session_name[:64]
        self._sessions: dict[str, tuple[datetime, dict[str, Any]]] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}

    def client(self, service: str, account: str, region: str) -> Any:
        """The boto3 client. Raises Refused for an account that is neither this one nor a member that was named, and
        Failed when its role cannot be assumed.
        """
        if account == self._account:
            return clients.client(service, region=region)
        if account not in self._members or not self._role:
            raise Refused(f"account {account} is neither this account ({self._account}) nor one of member_account_ids")
        credentials = self._credentials(account)
        at = (service, account, region)
        if at not in self._clients:
            self._clients[at] = clients.make(service, region_name=region, **credentials)
        return self._clients[at]

    def _credentials(self, account: str) -> dict[str, Any]:
        kept = self._sessions.get(account)
        if kept is None or datetime.now(UTC) > kept[0] - _MARGIN:
            arn = self._role.replace("{account}", account)
            extra = {"ExternalId": self._external_id} if self._external_id else {}
            with translated(f"assuming {arn} (is the module member_role applied there?)"):
                made = clients.client("sts").assume_role(RoleArn=arn, RoleSessionName=self._name, **extra)
            credentials = {
                "aws_access_key_id": made["Credentials"]["AccessKeyId"],
                "aws_secret_access_key": made["Credentials"]["SecretAccessKey"],
                "aws_session_token": made["Credentials"]["SessionToken"],
            }
            kept = self._sessions[account] = made["Credentials"]["Expiration"], credentials
            self._clients = {at: client for at, client in self._clients.items() if at[1] != account}
        return kept[1]


@functools.cache
def shared(
    account_id: str, member_account_ids: frozenset[str], member_role: str, external_id: str | None, session_name: str
) -> Access:
    """One of these for each process."""
    return Access(account_id, member_account_ids, member_role, external_id, session_name)
