"""The rule group and the IP sets, brought to an embargo under WAF's optimistic locks."""

import ipaddress
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from common import aws_errors

from . import rules
from .document import Embargo, canonical
from .errors import Contended

ATTEMPTS = 8  # at one update
RETRIED = frozenset({"WAFOptimisticLockException", "WAFUnavailableEntityException"})


@dataclass(frozen=True)
class Item:
    """A rule group or IP set as the API names it."""

    name: str
    id: str
    arn: str


class Found(NamedTuple):
    """One item's state: the answer's body, its lock token, and its countries or ranges."""

    body: dict[str, Any]
    token: str
    entries: frozenset[str]


class Waf:
    """`ip_sets` by IPV4 and IPV6; `client` is boto3's wafv2 in the scope's Region."""

    def __init__(
        self,
        client: Any,
        scope: str,
        rule_group: Item,
        ip_sets: dict[str, Item],
        layout: rules.Layout,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._scope, self._sleep = client, scope, sleep
        self._rule_group, self._ip_sets, self._layout = rule_group, ip_sets, layout

    def read(self) -> Embargo:
        """What is in force."""
        return self._embargo({name: self._get(name) for name in self._names()})

    def bring_to(self, wanted: Embargo) -> tuple[Embargo, int]:
        """Enforces an embargo; gives what was in force before and how many updates that took.

        What only grows is updated first, so that a country that moves to a list of its ranges stays blocked.
        Raises Contended when locks are lost again and again.
        """
        found = {name: self._get(name) for name in self._names()}
        before, updates = self._embargo(found), 0
        for name in sorted(found, key=lambda name: bool(found[name].entries - self._entries(name, wanted))):
            updates += self._update(name, found[name], wanted)
        return before, updates

    def _names(self) -> list[str]:
        return ["rules", *self._ip_sets]

    def _entries(self, name: str, embargo: Embargo) -> frozenset[str]:
        return embargo.countries if name == "rules" else embargo.of_version(name)

    def _embargo(self, found: dict[str, Found]) -> Embargo:
        ranges = [found[name].entries for name in self._ip_sets]
        return Embargo(found["rules"].entries, frozenset().union(*ranges))

    def _get(self, name: str) -> Found:
        if name == "rules":
            answer = self._client.get_rule_group(**self._key(self._rule_group))
            body = answer["RuleGroup"]
            return Found(body, answer["LockToken"], rules.countries_of(body.get("Rules", [])))
        answer = self._client.get_ip_set(**self._key(self._ip_sets[name]))
        body = answer["IPSet"]
        return Found(body, answer["LockToken"], frozenset(map(canonical, body["Addresses"])))

    def _update(self, name: str, found: Found, wanted: Embargo) -> int:
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(random.uniform(0.1, min(0.2 * 2**attempt, 5.0)))  # noqa: S311 - spreads callers
                found = self._get(name)
            if self._in_force(name, found, wanted):
                return int(attempt > 0)  # a lost answer: the update was made all the same
            if self._put(name, found, wanted):
                return 1
        raise Contended(f"Somebody else keeps changing {self._item(name).name}; the update is tried again later.")

    def _in_force(self, name: str, found: Found, wanted: Embargo) -> bool:
        if name == "rules":
            return rules.same(found.body.get("Rules", []), self._layout.rules(wanted.countries))
        return found.entries == wanted.of_version(name)

    def _put(self, name: str, found: Found, wanted: Embargo) -> bool:
        """Whether the update was made; False when the item changed since it was read."""
        from botocore.exceptions import ClientError

        # An update replaces everything: what is not sent is lost.
        kept = {key: found.body[key] for key in ("Description",) if found.body.get(key)}
        try:
            if name == "rules":
                more = {key: found.body[key] for key in ("CustomResponseBodies",) if found.body.get(key)}
                self._client.update_rule_group(
                    **self._key(self._rule_group),
                    **kept,
                    **more,
                    VisibilityConfig=found.body["VisibilityConfig"],
                    Rules=self._layout.rules(wanted.countries),
                    LockToken=found.token,
                )
            else:
                # IPv6 written out in full, as WAF keeps it.
                ranges = sorted(ipaddress.ip_network(one).exploded for one in wanted.of_version(name))
                self._client.update_ip_set(
                    **self._key(self._ip_sets[name]), **kept, Addresses=ranges, LockToken=found.token
                )
        except ClientError as error:
            if aws_errors.name(error) in RETRIED:
                return False
            raise
        return True

    def _item(self, name: str) -> Item:
        return self._rule_group if name == "rules" else self._ip_sets[name]

    def _key(self, item: Item) -> dict[str, str]:
        return {"Name": item.name, "Id": item.id, "Scope": self._scope}
