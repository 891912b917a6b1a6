"""The rules of the rule group: one for address ranges and one for countries. Neither matches exempt addresses.

    addresses (100)  not exempt AND (in the IPv4 set OR in the IPv6 set)
    countries (101)  not exempt AND (country in the first 50 codes OR in the next 50 ...)

Exempt addresses skip only these two rules: an Allow rule would also let them skip the web ACL's other rules.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CODES_PER_STATEMENT = 50  # https://docs.aws.amazon.com/waf/latest/developerguide/limits.html
ADDRESSES, COUNTRIES = "embargoed-addresses", "embargoed-countries"
Json = dict[str, Any]


@dataclass(frozen=True)
class Forwarded:
    """Where to find the client's address behind a proxy: a header and, for IP sets, a position in it."""

    header_name: str
    fallback_behavior: str = "MATCH"
    position: str = "FIRST"


@dataclass(frozen=True)
class Layout:
    """Content of the rules apart from the countries. `action` is BLOCK, COUNT, CHALLENGE or CAPTCHA; sets are ARNs."""

    embargoed_sets: tuple[str, ...]
    exempt_sets: tuple[str, ...]
    action: str = "BLOCK"
    forwarded: Forwarded | None = None

    def rules(self, countries: Iterable[str]) -> list[Json]:
        """Return all rules as UpdateRuleGroup accepts them. The same input always gives the same output."""
        codes = sorted(countries)
        chunks = [codes[first : first + CODES_PER_STATEMENT] for first in range(0, len(codes), CODES_PER_STATEMENT)]
        made = [self._rule(ADDRESSES, 100, [self._in_set(arn) for arn in self.embargoed_sets])]
        if chunks:
            made.append(self._rule(COUNTRIES, 101, [self._from_countries(chunk) for chunk in chunks]))
        return made

    def _rule(self, name: str, priority: int, alternatives: list[Json]) -> Json:
        matches = alternatives[0] if len(alternatives) == 1 else {"OrStatement": {"Statements": alternatives}}
        exempt = [{"NotStatement": {"Statement": self._exempt(arn)}} for arn in self.exempt_sets]
        return {
            "Name": name,
            "Priority": priority,
            "Statement": {"AndStatement": {"Statements": [*exempt, matches]}} if exempt else matches,
            "Action": {self.action.capitalize(): {}},
            "VisibilityConfig": {
                "SampledRequestsEnabled": True,
                "CloudWatchMetricsEnabled": True,
                "MetricName": name,
            },
        }

    def _from_countries(self, codes: list[str]) -> Json:
        statement: Json = {"CountryCodes": codes}
        if self.forwarded:
            statement["ForwardedIPConfig"] = {
                "HeaderName": self.forwarded.header_name,
                "FallbackBehavior": self.forwarded.fallback_behavior,
            }
        return {"GeoMatchStatement": statement}

    def _in_set(self, arn: str) -> Json:
        statement: Json = {"ARN": arn}
        if self.forwarded:
            statement["IPSetForwardedIPConfig"] = {
                "HeaderName": self.forwarded.header_name,
                "FallbackBehavior": self.forwarded.fallback_behavior,
                "Position": self.forwarded.position,
            }
        return {"IPSetReferenceStatement": statement}

    def _exempt(self, arn: str) -> Json:
        statement = self._in_set(arn)
        if self.forwarded:
            # No request is exempt because of an unreadable header, or of an address that the client itself prepended.
            position = "LAST" if self.forwarded.position == "ANY" else self.forwarded.position
            statement["IPSetReferenceStatement"]["IPSetForwardedIPConfig"] |= {
                "FallbackBehavior": "NO_MATCH",
                "Position": position,
            }
        return statement


def countries_of(rules: Any) -> frozenset[str]:
    """Return all country codes in the rules."""
    return frozenset(code for statement in _geo(rules) for code in statement["CountryCodes"])


def same(rules: list[Json], others: list[Json]) -> bool:
    """Return true if two lists of rules are equal, regardless of the order of their country codes."""
    return bool(_comparable(rules) == _comparable(others))


def _geo(part: Any) -> Iterable[Json]:
    if isinstance(part, list):
        for each in part:
            yield from _geo(each)
    elif isinstance(part, dict):
        for name, each in part.items():
            if name == "GeoMatchStatement":
                yield each
            else:
                yield from _geo(each)


def _comparable(part: Any, key: str = "") -> Any:
    if isinstance(part, dict):
        return {name: _comparable(each, name) for name, each in part.items()}
    if isinstance(part, list):
        items = [_comparable(each) for each in part]
        return sorted(items) if key == "CountryCodes" else items
    return part
