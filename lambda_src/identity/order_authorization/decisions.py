"""Request decisions from Verified Permissions with one caller's token, up to 30 in a call."""

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common.clients import client

from .domain import ID, Domain, Entity, Unreadable
from .tokens import Refused

BATCH = 30  # requests in one BatchIsAuthorizedWithToken

ATTEMPTS = 4  # waits of 7 seconds in all at most: the authorizer has 10, and a caller waits


@dataclasses.dataclass(frozen=True)
class Store:
    """A policy store, and the entities in it."""

    policy_store_id: str
    user_pool_id: str
    domain: Domain

    def container(self, container_id: str) -> Entity:
        """Return the entity of a container: a store."""
        return {"entityType": f"{self.domain.namespace}::{self.domain.container}", "entityId": container_id}

    def item(self, container_id: str, item_id: str) -> Entity:
        """Return the entity of an item: an order. Its id is unique only within its container."""
        return {"entityType": f"{self.domain.namespace}::{self.domain.item}", "entityId": f"{container_id}/{item_id}"}

    def user(self, sub: str) -> Entity:
        """Return the entity of a user of the pool."""
        return {"entityType": f"{self.domain.namespace}::User", "entityId": f"{self.user_pool_id}|{sub}"}

    def request(self, action: str, resource: Entity) -> dict[str, Any]:
        """Return one request: whether the caller may perform *action* on *resource*."""
        return {"action": {"actionType": f"{self.domain.namespace}::Action", "actionId": action}, "resource": resource}

    def details(self, container_id: str, item_id: str, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return an item's entity for policies, with its container and its attributes. Raise Unreadable."""
        if not ID.fullmatch(item_id):
            raise Unreadable("an id is malformed")
        attributes = self.domain.attribute_values(item, self.user_pool_id)
        return {
            "identifier": self.item(container_id, item_id),
            "parents": [self.container(container_id)],
            **({"attributes": attributes} if attributes else {}),
        }


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
    api = client("verifiedpermissions", ATTEMPTS)
    try:
        answer: dict[str, Any] = api.batch_is_authorized_with_token(**request)
    except api.exceptions.ValidationException:  # the error for a refused token
        raise Refused("verification") from None
    return answer
