"""AWS Organizations as its members see it, and delegated administrators, which MiniStack lacks.

MiniStack creates an organization for every account that asks for one. Here a member account sees the organization in
which it was created, and a delegated administrator of any service may list the accounts, as on AWS.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, request_scope
from ministack.services import organizations

from local.patches.registry import Original, patch

_delegated: dict[tuple[str, str, str], float] = {}  # (management account, administrator, service) -> since when
_READS = {"DescribeOrganization", "ListAccounts", "DescribeAccount", "ListRoots", "ListDelegatedAdministrators"}


def management_of(account: str) -> str:
    """Return the management account of an account's organization; empty if it is in none."""
    members = [master for master, member in list(organizations._accounts._data) if member == account]
    return next((master for master in members if master != account), members[0] if members else "")


def accounts_of(management: str) -> list[str]:
    """Return the active accounts of an organization."""
    found = [one for (master, _), one in list(organizations._accounts._data.items()) if master == management]
    return sorted(str(one["Id"]) for one in found if one["Status"] == "ACTIVE")


def is_administrator(account: str, service: str) -> bool:
    """Return whether an account is the management account or a delegated administrator for `service`."""
    management = management_of(account)
    return bool(management) and (management == account or (management, account, service) in _delegated)


def _error(code: str, message: str) -> Any:
    return error_response_json(code, message, 400)


def _answer(data: dict[str, Any]) -> Any:
    return json_response(data)


def _register(management: str, data: dict[str, Any]) -> Any:
    account, service = data["AccountId"], data["ServicePrincipal"]
    if account not in accounts_of(management) or account == management:
        return _error("AccountNotFoundException", f"{account} is not a member account of the organization.")
    if (management, account, service) in _delegated:
        return _error("AccountAlreadyRegisteredException", f"{account} is registered for {service}.")
    _delegated[management, account, service] = time.time()
    return _answer({})


def _deregister(management: str, data: dict[str, Any]) -> Any:
    if _delegated.pop((management, data["AccountId"], data["ServicePrincipal"]), None) is None:
        return _error("AccountNotRegisteredException", f"{data['AccountId']} is not registered.")
    return _answer({})


def _list(management: str, data: dict[str, Any]) -> Any:
    service = data.get("ServicePrincipal")
    since = {a: at for (m, a, s), at in sorted(_delegated.items()) if m == management and service in (None, s)}
    accounts = {one: organizations._accounts.get_scoped(management, None, one) for one in since}
    shown = ("Id", "Arn", "Email", "Name", "Status", "JoinedMethod", "JoinedTimestamp")
    return _answer(
        {
            "DelegatedAdministrators": [
                {**{name: accounts[one][name] for name in shown}, "DelegationEnabledDate": at}
                for one, at in since.items()
            ]
        }
    )


_OWN: dict[str, Callable[[str, dict[str, Any]], Any]] = {
    "RegisterDelegatedAdministrator": _register,
    "DeregisterDelegatedAdministrator": _deregister,
    "ListDelegatedAdministrators": _list,
}


@patch(
    "ministack.app",
    "SERVICE_HANDLERS[organizations]",
    because="MiniStack creates an organization for every account, and has no delegated administrators.",
)
async def handle(
    original: Original, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Any:
    """Answer as the organization that the caller's account is in."""
    operation, account = headers.get("x-amz-target", "").rpartition(".")[2], get_account_id()
    management = management_of(account)
    member = management not in ("", account)
    trusted = any((m, a) == (management, account) for m, a, _ in _delegated)
    listing = operation in _READS and operation != "DescribeOrganization"
    if member and ((listing and not trusted) or operation in _OWN.keys() - _READS):
        return _error("AccessDeniedException", "You don't have permissions to access this resource.")
    if operation in _OWN:
        return _OWN[operation](management, json.loads(body or b"{}"))
    with request_scope(management or account, get_region()):
        return await original(method, path, headers, body, query_params)
