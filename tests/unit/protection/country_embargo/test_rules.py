"""The rules, evaluated as WAF evaluates them."""

import ipaddress
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


@pytest.mark.parametrize(("position", "exempt"), [("FIRST", "FIRST"), ("LAST", "LAST"), ("ANY", "LAST")])
def test_forwarded_address(position: str, exempt: str) -> None:
    """An unreadable header is embargoed and never exempt."""
    layout = Layout(("arn:e4", "arn:e6"), ("arn:x4",), "BLOCK", Forwarded("X-Real-IP", "MATCH", position))
    addresses, countries = (rule["Statement"]["AndStatement"]["Statements"] for rule in layout.rules(["CU"]))
    own = addresses[0]["NotStatement"]["Statement"]["IPSetReferenceStatement"]["IPSetForwardedIPConfig"]
    assert own == {"HeaderName": "X-Real-IP", "FallbackBehavior": "NO_MATCH", "Position": exempt}
    for one in addresses[1]["OrStatement"]["Statements"]:
        config = one["IPSetReferenceStatement"]["IPSetForwardedIPConfig"]
        assert config == {"HeaderName": "X-Real-IP", "FallbackBehavior": "MATCH", "Position": position}
    config = countries[1]["GeoMatchStatement"]["ForwardedIPConfig"]
    assert config == {"HeaderName": "X-Real-IP", "FallbackBehavior": "MATCH"}


def test_the_order_of_codes_does_not_matter() -> None:
    one, other = LAYOUT.rules(["CU", "IR"]), LAYOUT.rules(["CU", "IR"])
    other[1]["Statement"]["AndStatement"]["Statements"][-1]["GeoMatchStatement"]["CountryCodes"].reverse()
    assert one != other
    assert same(one, other)
    assert not same(one, LAYOUT.rules(["CU"]))
