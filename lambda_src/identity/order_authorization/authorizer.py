"""Decide on all actions of the order or store that a request names, in one call.

API Gateway caches the policy by the two identity sources, the Authorization and X-Order-Scope headers. So the
policy depends on these two alone, never on the path: a request that meets a cached policy meets the same policy that
it would have received itself. A path that does not match its scope is in no statement, so it is denied.
"""

import dataclasses
import functools
import re
import time
from typing import Any

from common.clients import client
from common.observability import begin, count
from common.settings import load

from .decisions import Store, decide
from .tokens import Refused, bearer, examine

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # no characters with a meaning in an ARN or a path


@dataclasses.dataclass(frozen=True)
class Settings:
    """The function's environment. Actions are maps of a Cedar action to "METHOD /path"; routes are by kind."""

    client_ids: list[str]
    namespace: str
    order_actions: dict[str, str]
    orders_table: str
    permission_routes: dict[str, str]
    policy_store_id: str
    store_actions: dict[str, str]
    user_pool_id: str

    @property
    def issuer(self) -> str:
        """Return the issuer as the claim `iss` has it."""
        region = self.user_pool_id.partition("_")[0]
        return f"https://cognito-idp.{region}.amazonaws.com/{self.user_pool_id}"


settings = functools.cache(lambda: load(Settings))


@dataclasses.dataclass(frozen=True)
class Scope:
    """The resource of a request: `<store-id>` or `<store-id>/<order-id>`."""

    store_id: str
    order_id: str | None

    def __str__(self) -> str:
        return self.store_id if self.order_id is None else f"{self.store_id}/{self.order_id}"


def only(event: dict[str, Any], name: str) -> str:
    """Return the only value of a header. Raise Refused for none or several: the cache key may contain another."""
    found = [v for key, v in (event.get("multiValueHeaders") or {}).items() if key.lower() == name.lower()]
    values = [value for listed in found for value in listed]
    if len(values) != 1:
        raise Refused(f"{len(values)} {name} headers")
    return str(values[0])


def scope_of(text: str) -> Scope:
    """Return the scope that a header names. Raise Refused if it is malformed."""
    parts = text.split("/")
    if len(parts) > 2 or not all(_ID.fullmatch(part) for part in parts):
        raise Refused("scope")
    return Scope(parts[0], parts[1] if len(parts) == 2 else None)


def department_of(table: str, scope: Scope) -> str | None:
    """Return the department of an order, or None if it has none or does not exist."""
    key = {"StoreId": {"S": scope.store_id}, "OrderId": {"S": str(scope.order_id)}}
    item = client("dynamodb").get_item(TableName=table, Key=key, ProjectionExpression="Department").get("Item", {})
    department = item.get("Department", {}).get("S")
    return str(department) if department else None


def path_of(route: str, scope: Scope) -> str:
    """Return a route as in an ARN: method and path, with the scope's ids and a wildcard for the employee."""
    method, _, path = route.partition(" ")
    path = path.replace("{store-id}", scope.store_id).replace("{employee-id}", "*")
    return method + (path if scope.order_id is None else path.replace("{order-id}", scope.order_id))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return an IAM policy for API Gateway's REQUEST event. Any error denies: Refused as 401, others as 500."""
    log = begin(context)
    try:
        return authorize(event)
    except Refused as refused:
        log.info("token refused", reason=refused.reason)
        count("TokensRefused", 1)
        raise


def authorize(event: dict[str, Any]) -> dict[str, Any]:
    """Return the policy for the scope and the caller of an event. Raise Refused for an unusable token or scope."""
    config = settings()
    token = bearer(only(event, "Authorization"))
    expires = examine(token, config.issuer, config.client_ids, time.time())
    scope = scope_of(only(event, "X-Order-Scope"))

    store = Store(config.policy_store_id, config.user_pool_id, config.namespace)
    if scope.order_id is None:
        actions, free = config.store_actions, config.permission_routes["store"]
        resource, entities = store.store(scope.store_id), []
    else:
        actions, free = config.order_actions, config.permission_routes["order"]
        resource = store.order(scope.store_id, scope.order_id)
        department = department_of(config.orders_table, scope)
        entities = [store.order_details(scope.store_id, scope.order_id, department)]
    decided = decide(store, token, [store.request(action, resource) for action in actions], entities)

    stage = "/".join(event["methodArn"].split("/")[:2])
    outcome = dict(zip(actions, decided.allowed, strict=True))
    allowed = [action for action, yes in outcome.items() if yes]
    statements = {
        "Allow": [free, *(actions[action] for action in allowed)],
        "Deny": [actions[action] for action, yes in outcome.items() if not yes],
    }
    return {
        "principalId": decided.sub,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": effect,
                    "Action": "execute-api:Invoke",
                    "Resource": [f"{stage}/{path_of(route, scope)}" for route in routes],
                }
                for effect, routes in statements.items()
                if routes
            ],
        },
        # A cached policy can outlive its token: the functions behind the API check `expires`.
        "context": {"actions": ",".join(sorted(allowed)), "expires": expires, "scope": str(scope)},
    }
