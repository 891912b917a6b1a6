"""Grants: policies linked to the templates for pack associates and store managers."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

from common.clients import client
from common.settings import load

from .decisions import Entity, Store


@dataclasses.dataclass(frozen=True)
class Settings:
    """The environment of the functions that grant and list; `template_ids` by role."""

    namespace: str
    policy_store_id: str
    template_ids: dict[str, str]
    user_pool_id: str

    @property
    def store(self) -> Store:
        """Return the policy store."""
        return Store(self.policy_store_id, self.user_pool_id, self.namespace)


settings = functools.cache(lambda: load(Settings))


def role_of(resource: str) -> str:
    """Return the role that a route names in its third segment: `pack_associate` or `store_manager`."""
    return resource.split("/")[3]


def page(
    config: Settings, role: str, store_id: str, user: Entity | None = None, **options: Any
) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of a role's grants on a store, of *user* only if given, and the token of the next page."""
    wanted: dict[str, Any] = {
        "policyTemplateId": config.template_ids[role],
        "policyType": "TEMPLATE_LINKED",
        "resource": {"identifier": config.store.store(store_id)},
    }
    if user:
        wanted["principal"] = {"identifier": user}
    answer = client("verifiedpermissions").list_policies(policyStoreId=config.policy_store_id, filter=wanted, **options)
    return answer["policies"], answer.get("nextToken")


def grants(config: Settings, role: str, store_id: str, user: Entity) -> Iterator[str]:
    """Yield the id of every policy that grants a user a role on a store."""
    token: str | None = None
    while True:
        policies, token = page(config, role, store_id, user, **({"nextToken": token} if token else {}))
        yield from (policy["policyId"] for policy in policies)
        if not token:
            return
