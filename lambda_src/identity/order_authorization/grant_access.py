"""Makes a user a pack associate or manager of a store (PUT), or ends that (DELETE). Both can be repeated."""

from typing import Any

from common.clients import client
from common.http import HttpError

from .access import Settings, grants, role_of, settings
from .decisions import Entity
from .routes import Event, path, route


@route
def handler(event: Event) -> dict[str, Any]:
    """`{"policy-id": ...}` of the grant that is, or `{"removed": number}`. HttpError 404 for an unknown user."""
    config = settings()
    role, store_id = role_of(event["resource"]), path(event, "store-id")
    user = user_of(config, path(event, "employee-id"))
    if event["httpMethod"] == "DELETE":
        return {"removed": remove(config, role, store_id, user)}
    return {"policy-id": grant(config, role, store_id, user)}


def user_of(config: Settings, username: str) -> Entity:
    """The Cedar entity of a user of the pool. Raises HttpError 404."""
    api = client("cognito-idp")
    try:
        found = api.admin_get_user(UserPoolId=config.user_pool_id, Username=username)
    except (api.exceptions.UserNotFoundException, api.exceptions.InvalidParameterException):
        raise HttpError(404, "There is no such user") from None
    sub = next(a["Value"] for a in found["UserAttributes"] if a["Name"] == "sub")
    return config.store.user(sub)


def grant(config: Settings, role: str, store_id: str, user: Entity) -> str:
    """Id of the policy that gives the role; an existing one is kept.

    Two first grants at the same instant make two policies that allow the same; `remove` deletes both.
    """
    for policy_id in grants(config, role, store_id, user):
        return policy_id
    linked = {
        "policyTemplateId": config.template_ids[role],
        "principal": user,
        "resource": config.store.store(store_id),
    }
    # boto3 adds the client token that makes a retry of this call the same creation.
    made = client("verifiedpermissions").create_policy(
        policyStoreId=config.policy_store_id, definition={"templateLinked": linked}
    )
    return str(made["policyId"])


def remove(config: Settings, role: str, store_id: str, user: Entity) -> int:
    """Deletes every policy that gives the role; how many there were."""
    found = list(grants(config, role, store_id, user))
    for policy_id in found:
        client("verifiedpermissions").delete_policy(policyStoreId=config.policy_store_id, policyId=policy_id)
    return len(found)
