"""List the pack associates or managers of a store by user name, one page at a time."""

import re
from typing import Any

from common.clients import client
from common.http import HttpError

from .access import page, role_of, settings
from .routes import Event, key_of, limit, path, query, route, token_of

PAGE = 20  # each needs one ListUsers call; the quota is 30 per second
_SUB = re.compile(r"[0-9A-Za-z-]{1,64}")


@route
def handler(event: Event) -> dict[str, Any]:
    """Return `{"employees": [user names], "next": token or null}`, without users that the pool no longer has."""
    config = settings()
    options: dict[str, Any] = {"maxResults": limit(event, PAGE)}
    if start := query(event, "next"):
        options["nextToken"] = key_of(start, {"Page"})["Page"]
    api = client("verifiedpermissions")
    try:
        policies, following = page(config, role_of(event["resource"]), path(event, "store-id"), **options)
    except api.exceptions.ValidationException:
        if not start:
            raise
        raise HttpError(400, "next must be the token of an earlier response") from None
    subs = dict.fromkeys(policy["principal"]["entityId"].partition("|")[2] for policy in policies)
    names = [name for sub in subs if (name := _name(config.user_pool_id, sub))]
    return {"employees": names, "next": token_of({"Page": following}) if following else None}


def _name(user_pool_id: str, sub: str) -> str | None:
    if not _SUB.fullmatch(sub):
        return None
    users = client("cognito-idp").list_users(UserPoolId=user_pool_id, Filter=f'sub = "{sub}"', Limit=1)["Users"]
    return str(users[0]["Username"]) if users else None
