"""Grants: policies that link a template (a role) to a user and a container."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

from common.clients import client
from common.settings import load

from .decisions import Store
from .domain import Domain, Entity


@dataclasses.dataclass(frozen=True)
class Settings:
    """The environment of the functions that grant and list; `template_ids` by role, `roles` by route."""

    domain: dict[str, Any]
    policy_store_id: str
    roles: dict[str, str]
    template_ids: dict[str, str]
    user_pool_id: str

    @property
    def store(self) -> Store:
        """Return the policy store."""
        return Store(self.policy_store_id, self.user_pool_id, Domain(**self.domain))


settings = functools.cache(lambda: load(Settings))


def page(
    config: Settings, role: str, container_id: str, user: Entity | None = None, **options: Any
) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of a role's grants on a container, of *user* only if given, and the token of the next page."""
    wanted: dict[str, Any] = {
        "policyTemplateId": config.template_ids[role],
        "policyType": "TEMPLATE_LINKED",
        "resource": {"identifier": config.store.container(container_id)},
    }
    if user:
        wanted["principal"] = {"identifier": user}
    answer = client("verifiedpermissions").list_policies(policyStoreId=config.policy_store_id, filter=wanted, **options)
    return answer["policies"], answer.get("nextToken")


def grants(config: Settings, role: str, container_id: str, user: Entity) -> Iterator[str]:
    """Yield the id of every policy that grants a user a role on a container."""
    token: str | None = None
    while True:
        policies, token = page(config, role, container_id, user, **({"nextToken": token} if token else {}))
        yield from (policy["policyId"] for policy in policies)
        if not token:
            return
