"""List who has a role on a container, by user name, one page at a time, or the caller's own permitted actions."""

import re
from typing import Any

from common.clients import client
from common.http import HttpError

from .access import page, settings
from .routes import Event, key_of, limit, path, permitted, query, route, route_of, token_of

PAGE = 20  # each needs one ListUsers call; the quota is 30 per second
TOKEN_LENGTH = 8000  # of Verified Permissions' nextToken
_SUB = re.compile(r"[0-9A-Za-z-]{1,64}")


@route
def handler(event: Event) -> dict[str, Any]:
    """Return `{"employees": [user names], "former": [...], "next": token or null}`, or `{"actions": [...]}`.

    `former` holds the `sub` of users that the pool no longer has: DELETE with it withdraws their grant.
    """
    config = settings()
    role = config.roles.get(route_of(event))
    if role is None:  # a route of permissions
        return {"actions": permitted(event)}
    container_id = path(event, config.store.domain.container_parameter)
    options: dict[str, Any] = {"maxResults": limit(event, PAGE)}
    if start := query(event, "next"):
        options["nextToken"] = key_of(start, "Page", TOKEN_LENGTH)
    api = client("verifiedpermissions")
    try:
        policies, following = page(config, role, container_id, **options)
    except api.exceptions.ValidationException:
        if not start:
            raise
        raise HttpError(400, "next must be the token of an earlier response") from None
    ids = (policy["principal"]["entityId"].partition("|") for policy in policies)
    subs = dict.fromkeys((sub, pool == config.user_pool_id) for pool, _, sub in ids)
    names = {sub: _name(config.user_pool_id, sub) for sub, _ in subs}
    return {
        "employees": [name for name in names.values() if name],
        "former": [sub for sub, of_this_pool in subs if of_this_pool and not names[sub]],
        "next": token_of({"Page": following}) if following else None,
    }


def _name(user_pool_id: str, sub: str) -> str | None:
    if not _SUB.fullmatch(sub):
        return None
    users = client("cognito-idp").list_users(UserPoolId=user_pool_id, Filter=f'sub = "{sub}"', Limit=1)["Users"]
    return str(users[0]["Username"]) if users else None
