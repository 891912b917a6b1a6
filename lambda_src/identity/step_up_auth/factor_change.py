"""Handle CloudTrail events of changed second factors: tokens of earlier sign-ins can no longer step up."""

import datetime
import functools
from dataclasses import dataclass
from typing import Any

from common import clients, settings
from common.observability import begin, count

from . import factors, sessions


@dataclass(frozen=True)
class Settings:
    """The function's environment. `keep_seconds`: the longest life of a token, including its refreshes."""

    session_table: str
    factor_table: str
    keep_seconds: int
    user_pool_id: str = ""


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Record one change and revoke the user's sessions. Return {"revoked": how many}. Safe to repeat."""
    log, conf, detail = begin(context), _conf(), event["detail"]
    sub = (detail.get("additionalEventData") or {}).get("sub")
    if detail.get("errorCode") or not sub:
        # A failed call changed nothing. A call without a user belongs to a sign-in, which checks the factors itself.
        return {"revoked": 0}
    changed = datetime.datetime.fromisoformat(detail["eventTime"])
    changed_at = int(changed.timestamp())
    dynamodb = clients.client("dynamodb")
    guard = factors.Guard(dynamodb, conf.factor_table)
    if detail["eventName"] == "UpdateUserAttributes" and not _contact_changed(
        guard, conf.user_pool_id, sub, changed_at
    ):
        log.info("Profile edited", extra={"sub": sub})
        return {"revoked": 0}
    guard.note_change(sub, changed_at, conf.keep_seconds)
    revoked = sessions.Sessions(dynamodb, conf.session_table).revoke(sub, changed_at)
    log.warning("Second factor changed", extra={"eventName": detail["eventName"], "sub": sub, "revoked": revoked})
    count("FactorChanged", 1)
    return {"revoked": revoked}


def _contact_changed(guard: factors.Guard, pool: str, sub: str, at: int) -> bool:
    """Return true if an edit of the profile may have replaced the phone or address to which codes are sent.

    CloudTrail hides the attributes of the call, so the user's present ones are compared with those known before.
    """
    users = clients.client("cognito-idp").list_users(UserPoolId=pool, Filter=f'sub = "{sub}"', Limit=1)["Users"]
    user = {"UserAttributes": users[0]["Attributes"] if users else []}
    edited = [guard.profile_edited(sub, method, factors.contact(user, method), at) for method in factors.CONTACTS]
    return any(edited)
