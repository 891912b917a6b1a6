"""The accounts that the function can access: this one, and member accounts through a role in each."""

import functools

from common.roles import Clients, Role, Roles

from .errors import Refused, translated

EVERY = "*"


class Access:
    """Provides clients by account and Region."""

    def __init__(
        self,
        account_id: str,
        member_account_ids: frozenset[str] = frozenset(),
        member_role: str = "",
        external_id: str | None = None,
        session_name: str = "finding-remediation",
    ) -> None:
        """`member_role` is the role's ARN, with {account} in place of the account's id. EVERY as a member's id stands
        for all accounts with that role: the function's policy then names the organization.
        """
        self._account, self._members, self._role = account_id, member_account_ids, member_role
        self._external_id, self._name = external_id, session_name
        self._roles = Roles(lambda role: translated(f"assuming {role.arn} (is the module member_role applied there?)"))

    def at(self, account: str, region: str) -> Clients:
        """Return the clients of an account and Region; the first of them raises Failed when the role cannot be assumed.

        Raise Refused for an account that is neither this one nor one of the members.
        """
        if account == self._account:
            return self._roles.at(region)
        if not self._role or not self._members & {account, EVERY}:
            raise Refused(f"account {account} is neither this account ({self._account}) nor one of member_account_ids")
        arn = self._role.replace("{account}", account)
        return self._roles.at(region, Role(arn, self._name, self._external_id))


@functools.cache
def shared(
    account_id: str, member_account_ids: frozenset[str], member_role: str, external_id: str | None, session_name: str
) -> Access:
    """Return the shared instance of this process, which keeps sessions and clients."""
    return Access(account_id, member_account_ids, member_role, external_id, session_name)
