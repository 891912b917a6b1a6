"""Update the rule group and the IP sets to an embargo, with WAF's lock tokens."""

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

ATTEMPTS = 8  # for one update
RETRIED = frozenset({"WAFOptimisticLockException", "WAFUnavailableEntityException"})


@dataclass(frozen=True)
class Item:
    """A rule group or IP set, as the API identifies it."""

    name: str
    id: str
    arn: str


class Found(NamedTuple):
    """State of one item: the body of the response, the lock token, and its countries or ranges."""

    body: dict[str, Any]
    token: str
    entries: frozenset[str]


class Waf:
    """The rule group and the IP sets (by IPV4 and IPV6). `client` is boto3's wafv2 client in the scope's Region."""

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
        """Return the embargo in force."""
        return self._embargo({name: self._get(name) for name in self._names()})

    def bring_to(self, wanted: Embargo) -> tuple[Embargo, int]:
        """Enforce an embargo; return the embargo that was in force before and the number of updates.

        Items that only grow are updated first, so that a country that is replaced by its ranges stays blocked.
        Raise Contended if the lock is lost in every attempt.
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
                return int(attempt > 0)  # the response was lost, but the update was made
            if self._put(name, found, wanted):
                return 1
        raise Contended(f"Another principal keeps changing {self._item(name).name}; a later attempt can succeed.")

    def _in_force(self, name: str, found: Found, wanted: Embargo) -> bool:
        if name == "rules":
            return rules.same(found.body.get("Rules", []), self._layout.rules(wanted.countries))
        return found.entries == wanted.of_version(name)

    def _put(self, name: str, found: Found, wanted: Embargo) -> bool:
        """Return true if the update was made, and false if the item has changed since it was read."""
        from botocore.exceptions import ClientError

        # An update replaces the whole item: attributes that are not sent are lost.
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
                # WAF stores IPv6 addresses in full form.
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
