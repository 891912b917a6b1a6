"""Grant a user a role on a container (PUT), or withdraw it (DELETE). Both are idempotent."""

import re
from typing import Any

from common.clients import client
from common.http import HttpError

from .access import Settings, grants, settings
from .domain import Entity
from .routes import Event, path, route, route_of

_SUB = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@route
def handler(event: Event) -> dict[str, Any]:
    """Return `{"policy-id": ...}` of the grant, or `{"removed": number}`. Raise HttpError 404 for an unknown user."""
    config = settings()
    role, container_id = config.roles[route_of(event)], path(event, config.store.domain.container_parameter)
    name, withdraw = path(event, "employee-id"), event["httpMethod"] == "DELETE"
    try:
        user = user_of(config, name)
    except HttpError:
        if not withdraw or not _SUB.fullmatch(name):
            raise
        user = config.store.user(name)  # a user that the pool no longer has is named by `sub`
    if withdraw:
        return {"removed": remove(config, role, container_id, user)}
    return {"policy-id": grant(config, role, container_id, user)}


def user_of(config: Settings, username: str) -> Entity:
    """Return the Cedar entity of a user of the pool. Raise HttpError 404 if there is no such user."""
    api = client("cognito-idp")
    try:
        found = api.admin_get_user(UserPoolId=config.user_pool_id, Username=username)
    except (api.exceptions.UserNotFoundException, api.exceptions.InvalidParameterException):
        raise HttpError(404, "There is no such user") from None
    sub = next(a["Value"] for a in found["UserAttributes"] if a["Name"] == "sub")
    return config.store.user(sub)


def grant(config: Settings, role: str, container_id: str, user: Entity) -> str:
    """Return the id of the policy that grants the role. Create one only if there is none.

    Two first grants at the same instant create two policies that allow the same; `remove` deletes both.
    """
    for policy_id in grants(config, role, container_id, user):
        return policy_id
    linked = {
        "policyTemplateId": config.template_ids[role],
        "principal": user,
        "resource": config.store.container(container_id),
    }
    # boto3 adds a client token, so a retry of this call does not create a second policy.
    made = client("verifiedpermissions").create_policy(
        policyStoreId=config.policy_store_id, definition={"templateLinked": linked}
    )
    return str(made["policyId"])


def remove(config: Settings, role: str, container_id: str, user: Entity) -> int:
    """Delete every policy that grants the role. Return how many there were."""
    found = list(grants(config, role, container_id, user))
    for policy_id in found:
        client("verifiedpermissions").delete_policy(policyStoreId=config.policy_store_id, policyId=policy_id)
    return len(found)
