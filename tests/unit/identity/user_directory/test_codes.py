"""Sealed codes and the decision about the next step, including attempts that must not sign in."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.user_directory import codes
from identity.user_directory.define_challenge import Settings, decide

NOW = 1_800_000_000
CODE = "04711815"
SEALED = codes.seal(CODE, NOW + 60)


def test_code_has_its_length_and_varies() -> None:
    made = {codes.new_code(8) for _ in range(50)}
    assert all(len(code) == 8 and code.isdigit() for code in made)
    assert len(made) > 45


def test_sealed_code_round_trips_and_hides_the_code() -> None:
    text = str(SEALED)
    assert codes.unseal(text) == SEALED
    assert CODE not in text
    assert SEALED.id in text
    assert str(codes.seal(CODE, NOW + 60)) != text  # salted


@pytest.mark.parametrize("answer", [CODE, f" {CODE}\n", "0471 1815"])
def test_right_answers(answer: str) -> None:
    assert codes.matches(SEALED, answer, NOW)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("04711816", id="wrong"),
        pytest.param("4711815", id="without its zero"),
        pytest.param("", id="empty"),
        pytest.param("   ", id="blank"),
        pytest.param(None, id="none"),
        pytest.param(4711815, id="number"),
        pytest.param([CODE], id="list"),
        pytest.param({"$ne": ""}, id="object"),
        pytest.param(CODE + "0", id="longer"),
        pytest.param("0" * 100_000, id="oversized"),
        pytest.param("' OR '1'='1", id="injection"),
        pytest.param("٠٤٧١١٨١٥", id="other digits"),
        pytest.param("0471181\x005", id="nul"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param(str(SEALED), id="the seal itself"),
    ],
)
def test_hostile_answers(answer: object) -> None:
    assert not codes.matches(SEALED, answer, NOW)


def test_expired_code() -> None:
    assert not codes.matches(SEALED, CODE, NOW + 60)
    assert codes.matches(SEALED, CODE, NOW + 59.9)


def test_constant_time_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer is hashed and compared by compare_digest."""
    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def spy(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return compare(a, b)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    for answer in [CODE, "x", "", None, "0" * 1000]:
        codes.matches(SEALED, answer, NOW)
    assert compared == [(32, 32)] * 5


@given(st.text(max_size=200) | st.none() | st.integers())
def test_unseal_takes_anything(text: object) -> None:
    assert codes.unseal(text) is None


@pytest.mark.parametrize("change", ["v2.", "v1.x.", "v1.-5.", "v1.²."])
def test_unseal_refuses_changed_texts(change: str) -> None:
    _, _, rest = str(SEALED).split(".", 2)
    assert codes.unseal(change + rest) is None
    assert codes.unseal(f"{SEALED}.more") is None
    assert codes.unseal(str(SEALED)[:-4]) is None


def answered(result: object, sealed: codes.Sealed = SEALED, name: str = "CUSTOM_CHALLENGE") -> dict[str, Any]:
    return {"challengeName": name, "challengeResult": result, "challengeMetadata": str(sealed)}


SRP = {"challengeName": "SRP_A", "challengeResult": True, "challengeMetadata": None}
PASSWORD = {"challengeName": "PASSWORD_VERIFIER", "challengeResult": True, "challengeMetadata": None}
PLAIN, FIRST = Settings(), Settings(password_first=True)


@pytest.mark.parametrize(
    ("rounds", "config", "step"),
    [
        pytest.param([], PLAIN, "CUSTOM_CHALLENGE", id="begin"),
        pytest.param([answered(True)], PLAIN, "issue", id="right"),
        pytest.param([answered(False)], PLAIN, "CUSTOM_CHALLENGE", id="wrong once"),
        pytest.param([answered(False)] * 2, PLAIN, "CUSTOM_CHALLENGE", id="wrong twice"),
        pytest.param([answered(False)] * 3, PLAIN, "fail", id="third failure ends"),
        pytest.param([answered(False), answered(False), answered(True)], PLAIN, "issue", id="right at last"),
        pytest.param([*[answered(False)] * 3, answered(True)], PLAIN, "fail", id="right after the end"),
        pytest.param([answered(True), answered(False)], PLAIN, "fail", id="wrong after right"),
        pytest.param([answered(True), answered(True)], PLAIN, "fail", id="right twice"),
        pytest.param([answered("true")], PLAIN, "CUSTOM_CHALLENGE", id="result is no boolean"),
        pytest.param([answered(1)], PLAIN, "CUSTOM_CHALLENGE", id="result is a number"),
        pytest.param([answered(True, name="OTHER")], PLAIN, "fail", id="other challenge"),
        pytest.param([{}], PLAIN, "fail", id="empty round"),
        pytest.param([SRP], PLAIN, "fail", id="password where none is wanted"),
        pytest.param([answered(False, codes.seal(CODE, NOW))], PLAIN, "fail", id="code expired"),
        pytest.param([{**answered(False), "challengeMetadata": None}], PLAIN, "fail", id="no metadata"),
        pytest.param([answered(False)], Settings(attempts=1), "fail", id="one attempt only"),
        pytest.param([], FIRST, "fail", id="no password"),
        pytest.param([SRP], FIRST, "PASSWORD_VERIFIER", id="password asked"),
        pytest.param([SRP, PASSWORD], FIRST, "CUSTOM_CHALLENGE", id="then the code"),
        pytest.param([SRP, PASSWORD, answered(True)], FIRST, "issue", id="password and code"),
        pytest.param([SRP, {**PASSWORD, "challengeResult": False}], FIRST, "fail", id="wrong password"),
        pytest.param([answered(True)], FIRST, "fail", id="code without password"),
        pytest.param([SRP, answered(True)], FIRST, "fail", id="password skipped"),
        pytest.param([PASSWORD, SRP, answered(True)], FIRST, "fail", id="wrong order"),
    ],
)
def test_next_step(rounds: list[dict[str, Any]], config: Settings, step: str) -> None:
    assert decide(rounds, False, config, NOW) == step
    assert decide(rounds, True, config, NOW) == ("fail" if step == "issue" else step)  # unknown: same steps


ROUND = st.builds(
    lambda name, result, sealed: {"challengeName": name, "challengeResult": result, "challengeMetadata": sealed},
    st.sampled_from(["CUSTOM_CHALLENGE", "SRP_A", "PASSWORD_VERIFIER", "x", None]),
    st.sampled_from([True, False, None, "true", 1]),
    st.sampled_from([str(SEALED), str(codes.seal(CODE, NOW - 1)), None, "v1"]),
)


@settings(max_examples=300)
@given(st.lists(ROUND, max_size=6), st.booleans(), st.booleans(), st.integers(1, 3))
def test_tokens_only_for_a_right_last_code(
    rounds: list[dict[str, Any]], user_not_found: bool, password_first: bool, attempts: int
) -> None:
    config = Settings(attempts=attempts, password_first=password_first)
    if decide(rounds, user_not_found, config, NOW) == "issue":
        assert not user_not_found
        assert rounds[-1]["challengeName"] == "CUSTOM_CHALLENGE"
        assert rounds[-1]["challengeResult"] is True
        names = [r["challengeName"] for r in rounds]
        assert names.count("CUSTOM_CHALLENGE") <= attempts
        assert (names[:2] == ["SRP_A", "PASSWORD_VERIFIER"]) == password_first
