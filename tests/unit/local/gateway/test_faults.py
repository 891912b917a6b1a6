"""Injected errors look like those of the real service, and hit the same calls in every run."""

from __future__ import annotations

import collections
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.gateway.faults import Faults, Rule, caller_of, error_of

FIRST = "arn:aws:sts::123456789012:assumed-role/switchyard-first/4f1c"
SECOND = "arn:aws:sts::123456789012:assumed-role/switchyard-second/77aa"
RULES: list[dict[str, Any]] = [
    {"principal": "first", "service": "s3", "operation": "GetObject", "kind": "kill", "skip": 2, "count": 1},
    {"principal": "switchyard-", "kind": "throttle", "rate": 0.3},
    {"principal": "second", "kind": "error", "rate": 0.5, "count": 3},
]


@pytest.mark.parametrize(
    ("rule", "service", "expected"),
    [
        # Step Functions makes "Lambda.ServiceException" of it, which state machines retry.
        (Rule("x", kind="error", status=500), "lambda", ("ServiceException", 500)),
        (Rule("x", kind="error", status=500), "s3", ("InternalFailure", 500)),
        (Rule("x", kind="error", status=400, code="NoSuchKey"), "s3", ("NoSuchKey", 400)),
        (Rule("x", kind="throttle"), "s3", ("SlowDown", 503)),
        (Rule("x", kind="throttle"), "states", ("ThrottlingException", 400)),
    ],
)
def test_error_of(rule: Rule, service: str, expected: tuple[str, int]) -> None:
    assert error_of(rule, service)[:2] == expected


def active(*rules: dict[str, Any], seed: int = 7) -> Faults:
    made = Faults()
    made.begin("block", list(rules), seed)
    return made


def hits(active: Faults, principal: str, calls: int, operation: str = "GetObject") -> list[int]:
    """Return which of so many calls are hit."""
    return [number for number in range(calls) if active.hit("s3", operation, principal)]


@pytest.mark.parametrize("rule", [{}, {"principal": ""}, {"principal": " "}, {"principal": "x", "rat": 0.5}])
def test_a_rule_names_a_principal_and_no_unknown_field(rule: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        active(rule)


def test_only_the_named_principal_service_and_operation_are_hit() -> None:
    rules = active({"principal": "first", "service": "s3", "operation": "GetObject"})
    asked = [(FIRST, "s3", "GetObject"), (SECOND, "s3", "GetObject"), (FIRST, "sqs", "GetObject"), (FIRST, "s3", "Put")]
    assert [rules.hit(service, operation, who) is not None for who, service, operation in asked] == [True] + [False] * 3


@given(
    calls=st.lists(st.tuples(st.booleans(), st.sampled_from(["GetObject", "PutObject"])), max_size=60),
    seed=st.integers(0, 100),
)
def test_any_interleaving_of_two_callers_gives_each_the_same_decisions(
    calls: list[tuple[bool, str]], seed: int
) -> None:
    def decided(order: list[tuple[bool, str]]) -> dict[bool, list[str]]:
        rules = active(*RULES, seed=seed)
        found: dict[bool, list[str]] = collections.defaultdict(list)
        for first, operation in order:
            rule = rules.hit("s3", operation, FIRST if first else SECOND)
            found[first].append(rule.kind if rule else "")
        return found

    apart = sorted(calls, key=lambda call: call[0])  # a stable sort: each caller's own order stays
    assert decided(calls) == decided(apart) == decided(sorted(calls, key=lambda call: not call[0]))


def test_sessions_of_a_role_are_one_caller() -> None:
    other = FIRST.replace("/4f1c", "/9d20")
    assert caller_of(FIRST) == caller_of(other) == "arn:aws:sts::123456789012:assumed-role/switchyard-first"
    assert caller_of("arn:aws:iam::123456789012:root") == "arn:aws:iam::123456789012:root"
    alone, mixed = active(RULES[1]), active(RULES[1])
    expected = hits(alone, FIRST, 40)
    assert [n for n in range(40) if mixed.hit("s3", "GetObject", (FIRST, other)[n % 2])] == expected


def test_a_rate_is_met_and_depends_on_the_seed() -> None:
    counted = {seed: hits(active({"principal": "first", "rate": 0.1}, seed=seed), FIRST, 10_000) for seed in (1, 2)}
    assert {seed: len(found) for seed, found in counted.items()} == {1: 1020, 2: 972}
    assert counted[1] != counted[2]
    assert hits(active({"principal": "first", "rate": 0.1}, seed=1), FIRST, 10_000) == counted[1]
    assert hits(active({"principal": "first", "rate": 0.0}), FIRST, 1000) == []
    assert len(hits(active({"principal": "first"}), FIRST, 1000)) == 1000


def test_rules_and_operations_are_hit_at_different_calls() -> None:
    rule = {"principal": "first", "rate": 0.2}
    assert len(hits(active(rule, rule), FIRST, 10_000)) == 3592  # 1 - 0.8 * 0.8
    assert hits(active(rule), FIRST, 200) != hits(active(rule), FIRST, 200, "PutObject")


def test_skip_and_count_are_each_callers_own() -> None:
    rules = active({"principal": "switchyard-", "skip": 3, "count": 2})
    assert hits(rules, FIRST, 8) == [3, 4]
    assert hits(rules, SECOND, 8) == [3, 4]


def test_a_quota_is_one_for_all_callers_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("local.gateway.faults.time.monotonic", lambda: now)
    rules = active({"principal": "switchyard-", "kind": "quota", "per_second": 2, "burst": 3})
    assert hits(rules, FIRST, 2) == []
    assert hits(rules, SECOND, 2) == [1]
    now += 0.5
    assert hits(rules, FIRST, 2) == [1]


def test_blocks_are_independent_of_one_another_and_end_by_themselves() -> None:
    rules = active({"principal": "first", "rate": 0.3})
    alone = hits(active({"principal": "first", "rate": 0.3}), FIRST, 100)
    found = hits(rules, FIRST, 50)
    rules.begin("other", [{"principal": "second", "kind": "reset"}], seed=1)
    assert hits(rules, SECOND, 3) == [0, 1, 2]
    rules.end("other")
    assert hits(rules, SECOND, 3) == []
    assert found + [50 + number for number in hits(rules, FIRST, 50)] == alone


def test_the_newest_block_decides_first() -> None:
    rules = active({"principal": "first", "kind": "throttle"})
    rules.begin("inner", [{"principal": "first", "kind": "kill", "count": 1}])
    kinds = [rule.kind for _ in range(2) if (rule := rules.hit("s3", "GetObject", FIRST))]
    assert kinds == ["kill", "throttle"]
    with pytest.raises(ValueError, match="active already"):
        rules.begin("inner", [])
    rules.end("inner")
    rules.end("never begun")
    rule = rules.hit("s3", "GetObject", FIRST)
    assert rule
    assert rule.kind == "throttle"
