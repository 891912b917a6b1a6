"""AWS Organizations seen from its members, and delegated administrators, which MiniStack lacks.

MiniStack gives every account that asks an organization of its own. Here a member account sees the organization it
was created in, and a delegated administrator of any service may list the accounts, as on AWS.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

_delegated: dict[tuple[str, str, str], float] = {}  # (management account, administrator, service) -> since when
_READS = ("DescribeOrganization", "ListAccounts", "DescribeAccount", "ListRoots", "ListDelegatedAdministrators")


def management_of(account: str) -> str:
    """The management account of an account's organization; empty when it is in none."""
    from ministack.services import organizations

    members = [master for master, member in list(organizations._accounts._data) if member == account]
    return next((master for master in members if master != account), members[0] if members else "")


def accounts_of(management: str) -> list[str]:
    """The active accounts of an organization."""
    from ministack.services import organizations

    found = [one for (master, _), one in list(organizations._accounts._data.items()) if master == management]
    return sorted(str(one["Id"]) for one in found if one["Status"] == "ACTIVE")


def is_administrator(account: str, service: str) -> bool:
    """Whether an account is the management account or a delegated administrator for *service*."""
    management = management_of(account)
    return bool(management) and (management == account or (management, account, service) in _delegated)


def _error(code: str, message: str) -> Any:
    from ministack.core.responses import error_response_json

    return error_response_json(code, message, 400)


def _answer(data: dict[str, Any]) -> Any:
    from ministack.core.responses import json_response

    return json_response(data)


def _register(management: str, data: dict[str, Any]) -> Any:
    account, service = data["AccountId"], data["ServicePrincipal"]
    if account not in accounts_of(management) or account == management:
        return _error("AccountNotFoundException", f"{account} is no member account of the organization.")
    if (management, account, service) in _delegated:
        return _error("AccountAlreadyRegisteredException", f"{account} is registered for {service}.")
    _delegated[management, account, service] = time.time()
    return _answer({})


def _deregister(management: str, data: dict[str, Any]) -> Any:
    if _delegated.pop((management, data["AccountId"], data["ServicePrincipal"]), None) is None:
        return _error("AccountNotRegisteredException", f"{data['AccountId']} is not registered.")
    return _answer({})


def _list(management: str, data: dict[str, Any]) -> Any:
    from ministack.services import organizations

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


def install() -> None:
    """Put the view of members, and delegation, before MiniStack's handler."""
    from ministack import app
    from ministack.core.responses import get_account_id, get_region, request_scope

    answer_of = app.SERVICE_HANDLERS["organizations"]

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        operation, account = headers.get("x-amz-target", "").rpartition(".")[2], get_account_id()
        management = management_of(account)
        trusted = any((m, a) == (management, account) for m, a, _ in _delegated)
        if operation in _READS and management not in ("", account):
            if operation != "DescribeOrganization" and not trusted:
                return _error("AccessDeniedException", "You don't have permissions to access this resource.")
        elif operation in _OWN and management not in ("", account):
            return _error("AccessDeniedException", "You don't have permissions to access this resource.")
        if operation in _OWN:
            return _OWN[operation](management, json.loads(body or b"{}"))
        with request_scope(management or account, get_region()):
            return await answer_of(method, path, headers, body, query)

    app.SERVICE_HANDLERS["organizations"] = handle
