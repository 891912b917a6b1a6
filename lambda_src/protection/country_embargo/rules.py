"""The rules of the rule group: one for address ranges and one for countries. Neither matches exempt addresses.

    addresses (100)  not exempt AND (in the IPv4 set OR in the IPv6 set)
    countries (101)  not exempt AND (country in the first 50 codes OR in the next 50 ...)

Exempt addresses skip only these two rules: an Allow rule would also let them skip the web ACL's other rules.

Behind proxies, the client's address is in a header, to which each proxy appends the address that it was called from:
after n trusted proxies, the client's address is the n-th from the right. WAF takes the country of the *first* address
(https://docs.aws.amazon.com/waf/latest/APIReference/API_ForwardedIPConfig.html), which is the client's only if the
header has exactly n addresses: a client can put others in front. Without the header, WAF does not apply a rule that
reads it at all. Two more rules match what the others could not judge:

    no address (98)  the header is missing or empty
    untrusted (99)   the header does not have exactly n addresses AND, for one proxy, the last address is not exempt
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CODES_PER_STATEMENT = 50  # https://docs.aws.amazon.com/waf/latest/developerguide/limits.html
ADDRESSES, COUNTRIES = "embargoed-addresses", "embargoed-countries"
MISSING, UNTRUSTED = "missing-client-address", "untrusted-client-address"
Json = dict[str, Any]


@dataclass(frozen=True)
class Forwarded:
    """Where to find the client's address behind `trusted_proxies` proxies, each of which appends one address."""

    header_name: str
    fallback_behavior: str = "MATCH"
    trusted_proxies: int = 1

    @property
    def position(self) -> str:
        """Return the position of the client's address for IP sets, in a header that no client has extended.

        The last address is the client's whatever is in front of it.
        """
        return "LAST" if self.trusted_proxies == 1 else "FIRST"

    def has(self, pattern: str) -> Json:
        """Return the statement that the header matches a regular expression. A missing header matches none."""
        return {
            "RegexMatchStatement": {
                "RegexString": pattern,
                "FieldToMatch": {"SingleHeader": {"Name": self.header_name.lower()}},
                "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
            }
        }


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
        made = self._header_rules()
        made.append(self._rule(ADDRESSES, 100, _either([self._in_set(arn) for arn in self.embargoed_sets])))
        if chunks:
            made.append(self._rule(COUNTRIES, 101, _either([self._from_countries(chunk) for chunk in chunks])))
        return made

    def _header_rules(self) -> list[Json]:
        if not self.forwarded or self.forwarded.fallback_behavior != "MATCH":
            return []
        count = self.forwarded.trusted_proxies
        address = "[^,]+"
        missing = _not(self.forwarded.has("[^ ]"))
        untrusted = _not(self.forwarded.has(f"^{','.join([address] * count)}$"))
        return [
            # Without exempt sets, which WAF would look for in the header that is missing.
            self._rule(MISSING, 98, missing, exempting=False),
            # Of several addresses, a client can have set any but the last.
            self._rule(UNTRUSTED, 99, untrusted, exempting=count == 1),
        ]

    def _rule(self, name: str, priority: int, matches: Json, *, exempting: bool = True) -> Json:
        exempt = [_not(self._exempt(arn)) for arn in self.exempt_sets if exempting]
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
                "Position": "ANY",  # a client can only add addresses, to its own disadvantage
            }
        return {"IPSetReferenceStatement": statement}

    def _exempt(self, arn: str) -> Json:
        statement = self._in_set(arn)
        if self.forwarded:
            # No request is exempt because of an unreadable header, or of an address that the client itself prepended.
            statement["IPSetReferenceStatement"]["IPSetForwardedIPConfig"] |= {
                "FallbackBehavior": "NO_MATCH",
                "Position": self.forwarded.position,
            }
        return statement


def _either(alternatives: list[Json]) -> Json:
    return alternatives[0] if len(alternatives) == 1 else {"OrStatement": {"Statements": alternatives}}


def _not(statement: Json) -> Json:
    return {"NotStatement": {"Statement": statement}}


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
