"""The rules, evaluated as WAF evaluates them."""

import ipaddress
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protection.country_embargo.rules import CODES_PER_STATEMENT, Forwarded, Layout, countries_of, same

from .fakes import CODES

SETS = {
    "arn:e4": ["192.0.2.0/24"],
    "arn:e6": ["2001:db8::/32"],
    "arn:x4": ["192.0.2.7/32"],
    "arn:x6": ["2001:db8:7::/48"],
}
LAYOUT = Layout(("arn:e4", "arn:e6"), ("arn:x4", "arn:x6"))


def matches(statement: Any, address: str, country: str) -> bool:
    ((kind, body),) = statement.items()
    match kind:
        case "AndStatement":
            return all(matches(one, address, country) for one in body["Statements"])
        case "OrStatement":
            assert len(body["Statements"]) >= 2
            return any(matches(one, address, country) for one in body["Statements"])
        case "NotStatement":
            return not matches(body["Statement"], address, country)
        case "GeoMatchStatement":
            assert 1 <= len(body["CountryCodes"]) <= CODES_PER_STATEMENT
            return country in body["CountryCodes"]
        case "IPSetReferenceStatement":
            return any(ipaddress.ip_address(address) in ipaddress.ip_network(one) for one in SETS[body["ARN"]])
    raise AssertionError(kind)


def depth(statement: Any) -> int:
    ((_, body),) = statement.items()
    below = body.get("Statements", []) + ([body["Statement"]] if "Statement" in body else [])
    return 1 + max(map(depth, below), default=0)


@given(st.sets(st.sampled_from(CODES)), st.sampled_from(CODES))
@settings(deadline=None)
def test_a_request_is_caught_for_its_country_unless_exempt(countries: set[str], country: str) -> None:
    rules = LAYOUT.rules(countries)

    def caught(address: str) -> bool:
        return any(matches(rule["Statement"], address, country) for rule in rules)

    assert caught("203.0.113.1") == (country in countries)
    assert not caught("192.0.2.7")  # both in an embargoed range and exempt
    assert not caught("2001:db8:7::1")
    assert caught("192.0.2.8")
    assert caught("2001:db8:8::1")
    assert countries_of(rules) == countries
    assert all(depth(rule["Statement"]) <= 3 for rule in rules)  # the provider can read no deeper nesting


def test_split_at_the_limit() -> None:
    for number, sizes in ((50, [50]), (51, [50, 1]), (250, [50] * 5)):
        statement = LAYOUT.rules(CODES[:number])[1]["Statement"]["AndStatement"]["Statements"][-1]
        found = statement["OrStatement"]["Statements"] if len(sizes) > 1 else [statement]
        assert [len(one["GeoMatchStatement"]["CountryCodes"]) for one in found] == sizes


def test_no_country_no_rule() -> None:
    assert [rule["Name"] for rule in LAYOUT.rules([])] == ["embargoed-addresses"]


@pytest.mark.parametrize("action", ["BLOCK", "COUNT", "CHALLENGE", "CAPTCHA"])
def test_actions(action: str) -> None:
    rules = Layout(("arn:e4", "arn:e6"), (), action).rules(["CU"])
    assert [rule["Action"] for rule in rules] == [{action.capitalize(): {}}] * 2
    assert [rule["Priority"] for rule in rules] == [100, 101]
    assert "AndStatement" not in rules[1]["Statement"]


# --- behind proxies

COUNTRY_OF = {"203.0.113.1": "CU", "203.0.113.2": "US", "192.0.2.8": "US", "192.0.2.7": "CU", "8.8.8.8": "US"}
"""The first is embargoed by country, the third by range; the fourth is embargoed and exempt."""


def forwarded(statement: Any, addresses: list[str]) -> bool:
    """Evaluate a statement on the addresses of a header, as the API reference describes it."""
    ((kind, body),) = statement.items()
    match kind:
        case "AndStatement":
            return all(forwarded(one, addresses) for one in body["Statements"])
        case "OrStatement":
            return any(forwarded(one, addresses) for one in body["Statements"])
        case "NotStatement":
            return not forwarded(body["Statement"], addresses)
        case "RegexMatchStatement":
            return bool(addresses) and bool(re.search(body["RegexString"], ", ".join(addresses)))
        case "GeoMatchStatement":
            config, read = body["ForwardedIPConfig"], addresses[:1]
            found = [COUNTRY_OF.get(one) in body["CountryCodes"] for one in read if valid(one)]
        case _:
            config = body["IPSetForwardedIPConfig"]
            read = {"FIRST": addresses[:1], "LAST": addresses[-1:], "ANY": addresses[-10:]}[config["Position"]]
            networks = [ipaddress.ip_network(one) for one in SETS[body["ARN"]]]
            found = [any(ipaddress.ip_address(one) in net for net in networks) for one in read if valid(one)]
    return any(found) if found else bool(config["FallbackBehavior"] == "MATCH")


def valid(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def reads_address(part: Any) -> bool:
    return "ForwardedIPConfig" in str(part)


def caught(addresses: list[str] | None, **options: Any) -> bool:
    """Return true if a request with this header, or without it, is embargoed."""
    layout = Layout(("arn:e4", "arn:e6"), ("arn:x4", "arn:x6"), "BLOCK", Forwarded("X-Forwarded-For", **options))
    rules = layout.rules(["CU"])
    assert [rule["Priority"] for rule in rules] == sorted({rule["Priority"] for rule in rules})
    assert all(depth(rule["Statement"]) <= 3 for rule in rules)
    # Without the header, WAF does not apply a rule that reads an address from it.
    applied = [rule for rule in rules if addresses is not None or not reads_address(rule)]
    return any(forwarded(rule["Statement"], addresses or []) for rule in applied)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["203.0.113.2"], False),
        (["203.0.113.1"], True),  # the country
        (["192.0.2.8"], True),  # the range
        (["192.0.2.7"], False),  # exempt
        (["8.8.8.8", "203.0.113.1"], True),  # a client of the country that sets a harmless address in front
        (["192.0.2.7", "203.0.113.1"], True),  # ... an exempt one
        (["192.0.2.7", "192.0.2.8"], True),
        (["10.0.0.1", "192.0.2.7"], False),  # an exempt client with a proxy of its own
        (["8.8.8.8", "203.0.113.2"], True),  # WAF cannot tell the country of the last address
        (["nonsense"], True),
        ([""], True),
        (None, True),  # a request that did not go through the proxy
    ],
)
def test_behind_one_proxy_a_client_cannot_choose_its_address(addresses: list[str] | None, expected: bool) -> None:
    assert caught(addresses) is expected


PROXY = "198.51.100.9"


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["203.0.113.2", PROXY], False),
        (["203.0.113.1", PROXY], True),
        (["192.0.2.8", PROXY], True),
        (["192.0.2.7", PROXY], False),
        (["8.8.8.8", "203.0.113.1", PROXY], True),
        (["192.0.2.7", "203.0.113.1", PROXY], True),
        (["203.0.113.2"], True),
        (None, True),
    ],
)
def test_behind_two_proxies_the_second_address_from_the_right_counts(
    addresses: list[str] | None, expected: bool
) -> None:
    assert caught(addresses, trusted_proxies=2) is expected


def test_no_match_lets_pass_what_cannot_be_judged() -> None:
    for addresses in (None, [""], ["8.8.8.8", "203.0.113.2"]):
        assert not caught(addresses, fallback_behavior="NO_MATCH")
    assert caught(["203.0.113.1"], fallback_behavior="NO_MATCH")
    assert caught(["8.8.8.8", "192.0.2.8"], fallback_behavior="NO_MATCH")


def test_every_rule_reads_the_header_that_is_configured() -> None:
    """An unreadable header is embargoed and never exempt."""
    layout = Layout(("arn:e4", "arn:e6"), ("arn:x4",), "BLOCK", Forwarded("X-Real-IP"))
    rules = {rule["Name"]: rule["Statement"] for rule in layout.rules(["CU"])}
    addresses, countries = (
        rules[name]["AndStatement"]["Statements"] for name in ("embargoed-addresses", "embargoed-countries")
    )
    own = addresses[0]["NotStatement"]["Statement"]["IPSetReferenceStatement"]["IPSetForwardedIPConfig"]
    assert own == {"HeaderName": "X-Real-IP", "FallbackBehavior": "NO_MATCH", "Position": "LAST"}
    for one in addresses[1]["OrStatement"]["Statements"]:
        config = one["IPSetReferenceStatement"]["IPSetForwardedIPConfig"]
        assert config == {"HeaderName": "X-Real-IP", "FallbackBehavior": "MATCH", "Position": "ANY"}
    config = countries[1]["GeoMatchStatement"]["ForwardedIPConfig"]
    assert config == {"HeaderName": "X-Real-IP", "FallbackBehavior": "MATCH"}
    missing = rules["missing-client-address"]["NotStatement"]["Statement"]["RegexMatchStatement"]
    assert missing["FieldToMatch"] == {"SingleHeader": {"Name": "x-real-ip"}}
    assert "untrusted-client-address" in rules


def test_the_order_of_codes_does_not_matter() -> None:
    one, other = LAYOUT.rules(["CU", "IR"]), LAYOUT.rules(["CU", "IR"])
    other[1]["Statement"]["AndStatement"]["Statements"][-1]["GeoMatchStatement"]["CountryCodes"].reverse()
    assert one != other
    assert same(one, other)
    assert not same(one, LAYOUT.rules(["CU"]))
