"""Request decisions from Verified Permissions with one caller's token, up to 30 in a call."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common.clients import client

from .tokens import Refused

BATCH = 30  # requests in one BatchIsAuthorizedWithToken

Entity = dict[str, str]
"""{"entityType": ..., "entityId": ...}"""


@dataclasses.dataclass(frozen=True)
class Store:
    """A policy store and the names in it."""

    policy_store_id: str
    user_pool_id: str
    namespace: str

    def store(self, store_id: str) -> Entity:
        """Return the entity of a store."""
        return {"entityType": f"{self.namespace}::Store", "entityId": store_id}

    def order(self, store_id: str, order_id: str) -> Entity:
        """Return the entity of an order. Order ids are unique only within their store."""
        return {"entityType": f"{self.namespace}::Order", "entityId": f"{store_id}/{order_id}"}

    def user(self, sub: str) -> Entity:
        """Return the entity of a user of the pool."""
        return {"entityType": f"{self.namespace}::User", "entityId": f"{self.user_pool_id}|{sub}"}

    def request(self, action: str, resource: Entity) -> dict[str, Any]:
        """Return one request: whether the caller may perform *action* on *resource*."""
        return {"action": {"actionType": f"{self.namespace}::Action", "actionId": action}, "resource": resource}

    def order_details(self, store_id: str, order_id: str, department: str | None) -> dict[str, Any]:
        """Return the order's entity for policies, with its store and, if it has one, its department."""
        details: dict[str, Any] = {
            "identifier": self.order(store_id, order_id),
            "parents": [self.store(store_id)],
        }
        if department:
            group = {"entityType": f"{self.namespace}::Group", "entityId": f"{self.user_pool_id}|{department}"}
            details["attributes"] = {"department": {"entityIdentifier": group}}
        return details


@dataclasses.dataclass(frozen=True)
class Decisions:
    """Whether each request is allowed, in the order of the requests, and the user that the token identifies."""

    sub: str
    allowed: list[bool]


def decide(store: Store, token: str, requests: list[dict[str, Any]], entities: list[dict[str, Any]]) -> Decisions:
    """Ask Verified Permissions, in parallel calls for more than 30 requests. *entities* describe the resources.

    Raise Refused if the token is not valid. All other errors propagate, so that nothing is allowed.
    """
    by_id = {entity["identifier"]["entityId"]: entity for entity in entities}
    chunks = [requests[first : first + BATCH] for first in range(0, len(requests), BATCH)]

    def ask(chunk: list[dict[str, Any]]) -> dict[str, Any]:
        wanted = {request["resource"]["entityId"] for request in chunk}
        return _ask(
            policyStoreId=store.policy_store_id,
            accessToken=token,
            requests=chunk,
            entities={"entityList": [by_id[name] for name in sorted(wanted) if name in by_id]},
        )

    if len(chunks) == 1:
        answers = [ask(chunks[0])]
    else:
        with ThreadPoolExecutor(max_workers=4) as pool:
            answers = list(pool.map(ask, chunks))
    allowed: list[bool] = []
    for chunk, answer in zip(chunks, answers, strict=True):
        if [result["request"] for result in answer["results"]] != chunk:
            raise RuntimeError("Verified Permissions answered different requests from those sent")
        allowed += [result["decision"] == "ALLOW" for result in answer["results"]]
    sub = str(answers[0]["principal"]["entityId"]).partition("|")[2]
    return Decisions(sub, allowed)


def _ask(**request: Any) -> dict[str, Any]:
    api = client("verifiedpermissions")
    try:
        answer: dict[str, Any] = api.batch_is_authorized_with_token(**request)
    except api.exceptions.ValidationException:  # the error for a refused token
        raise Refused("verification") from None
    return answer
