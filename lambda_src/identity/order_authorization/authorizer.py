"""Decide on all actions of the item (an order) or container (a store) that a request names, in one call.

API Gateway caches the policy by the two identity sources, the Authorization and the scope header. So the policy
depends on these two alone, never on the path: a request that meets a cached policy meets the same policy that it would
have received itself. A path that does not match its scope is in no statement, so it is denied.
"""

import dataclasses
import functools
import re
import time
from typing import Any

from common.clients import client
from common.observability import begin, count, logger
from common.settings import load

from .decisions import Decisions, Store, decide
from .domain import ID, Domain, Unreadable
from .items import plain
from .tokens import Refused, bearer, examine


@dataclasses.dataclass(frozen=True)
class Settings:
    """The function's environment. Actions are maps of a Cedar action to "METHOD /path".

    `permission_routes`: those of `item` and `container`, which every caller with a valid token may use.
    """

    client_ids: list[str]
    container_actions: dict[str, str]
    domain: dict[str, Any]
    item_actions: dict[str, str]
    items_table: str
    permission_routes: dict[str, str]
    policy_store_id: str
    user_pool_id: str

    @property
    def store(self) -> Store:
        """Return the policy store."""
        return Store(self.policy_store_id, self.user_pool_id, Domain(**self.domain))

    @property
    def issuer(self) -> str:
        """Return the issuer as the claim `iss` has it."""
        region = self.user_pool_id.partition("_")[0]
        return f"https://cognito-idp.{region}.amazonaws.com/{self.user_pool_id}"


settings = functools.cache(lambda: load(Settings))


@dataclasses.dataclass(frozen=True)
class Scope:
    """The resource of a request: `<container>` or `<container>/<item>`, by their ids."""

    container_id: str
    item_id: str | None

    def __str__(self) -> str:
        return self.container_id if self.item_id is None else f"{self.container_id}/{self.item_id}"


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
    if len(parts) > 2 or not all(ID.fullmatch(part) for part in parts):
        raise Refused("scope")
    return Scope(parts[0], parts[1] if len(parts) == 2 else None)


def details_of(table: str, store: Store, container_id: str, item_id: str) -> dict[str, Any]:
    """Return an item's entity for policies. One that does not exist has no attributes. Raise Unreadable."""
    domain, item = store.domain, dict[str, Any]()
    if domain.attributes:
        names = {f"#a{i}": source["from"] for i, source in enumerate(domain.attributes.values())}
        found = client("dynamodb").get_item(
            TableName=table,
            Key={domain.container_key: {"S": container_id}, domain.item_key: {"S": item_id}},
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
        )
        item = plain(found.get("Item", {}))
    return store.details(container_id, item_id, item)


def path_of(route: str, scope: Scope) -> str:
    """Return a route as in an ARN: method and path, with the scope's ids and a wildcard for other parameters.

    The container's parameter is the first one, the item's the second: see `domain.tf`.
    """
    method, _, path = route.partition(" ")
    ids = iter([scope.container_id, *([scope.item_id] if scope.item_id else [])])
    return method + re.sub(r"\{[^}]+\}", lambda _: next(ids, "*"), path)


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
    scope = scope_of(only(event, config.store.domain.scope_header))
    actions, free, decided = _decide(config, token, scope)

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


def _decide(config: Settings, token: str, scope: Scope) -> tuple[dict[str, str], str, Decisions]:
    """Return the actions of the scope's kind, the route of their permissions, and the decisions on them."""
    store = config.store
    if scope.item_id is None:
        actions, resource = config.container_actions, store.container(scope.container_id)
        decided = decide(store, token, [store.request(action, resource) for action in actions], [])
        return actions, config.permission_routes["container"], decided
    actions, resource = config.item_actions, store.item(scope.container_id, scope.item_id)
    requests = [store.request(action, resource) for action in actions]
    try:
        entity = details_of(config.items_table, store, scope.container_id, scope.item_id)
        decided = decide(store, token, requests, [entity])
    except Unreadable as error:
        # The token is verified all the same. Without the item's attributes, a decision could be the wrong one.
        logger().warning("Nothing allowed on an unreadable item", extra={"reason": str(error)})
        count("ItemsUnreadable", 1)
        decided = decide(store, token, requests, [])
        decided = Decisions(decided.sub, [False] * len(requests))
    return actions, config.permission_routes["item"], decided
