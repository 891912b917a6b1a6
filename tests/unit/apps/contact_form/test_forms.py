"""What a visitor may send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.contact_form import forms
from apps.contact_form.forms import Invalid, Submission, Trapped, parse


def wrong(body: dict[str, Any], maximum: int = 5000) -> set[str]:
    """Return the fields that are refused."""
    with pytest.raises(Invalid) as refused:
        parse(body, maximum)
    assert all(refused.value.errors.values())
    return set(refused.value.errors)


def test_a_submission() -> None:
    body = {"message": "  Hello\r\nthere \n", "name": " Ann ", "email": "ann@example.org", "website": ""}
    assert parse(body, 5000) == Submission("Hello\nthere", "Ann", "ann@example.org")
    assert parse({"message": "Hello", "name": None}, 5000) == Submission("Hello")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"message": " \t\n\u00a0\u200b\u202e"}, "message"),
        ({"message": 5}, "message"),
        ({"message": ["hello"]}, "message"),
        ({"message": {"S": "hello"}}, "message"),
        ({"message": "\ud83d"}, "message"),
        ({"message": "x" * 5001}, "message"),
        ({"message": "x", "name": "Ann\nBcc: b@example.com"}, "name"),
        ({"message": "x", "name": "Ann\u2028Bcc: b@example.com"}, "name"),
        ({"message": "x", "name": "x" * 101}, "name"),
        ({"message": "x", "email": "ann"}, "email"),
        ({"message": "x", "email": "ann@localhost"}, "email"),
        ({"message": "x", "email": "a@example.org, b@example.org"}, "email"),
        ({"message": "x", "email": "Ann <a@example.org>"}, "email"),
        ({"message": "x", "email": "a@example.org\r\nBcc: b@example.org"}, "email"),
        ({"message": "x", "email": "a@" + "b" * 250 + ".org"}, "email"),
        ({"message": "x", "email": "ann@exämple.org"}, "email"),
        ({"message": "x", "website": 1}, "website"),
        ({"message": "x", "ticketId": "mine"}, "ticketId"),
    ],
)
def test_what_is_refused(body: dict[str, Any], field: str) -> None:
    assert wrong(body) == {field}


def test_every_field_that_is_wrong_is_named() -> None:
    assert wrong({"message": "", "name": "\n".join("ab"), "email": "x", "other": 1}) == {
        "message",
        "name",
        "email",
        "other",
    }


def test_the_honeypot_catches_valid_submissions_only() -> None:
    with pytest.raises(Trapped):
        parse({"message": "Hello", "website": "https://spam.example.com"}, 5000)
    assert wrong({"message": "", "website": "https://spam.example.com"}) == {"message"}


def test_emoji_and_markup_are_text() -> None:
    for text in (
        "😀",
        "👨‍👩‍👧",
        "<script>alert(1)</script>",
        "'; DROP TABLE tickets; --",
        "{{7*7}} ${7*7}",
        "مرحبا",
        "\x00x",
    ):
        assert parse({"message": text}, 5000).message == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4000))
def test_a_sample_is_a_beginning_that_comprehend_accepts(text: str) -> None:
    sample = Submission(text * 3).sample
    assert (text * 3).startswith(sample)
    size = len((text * 3).encode())
    assert len(sample.encode()) <= forms.COMPREHEND_BYTES
    assert len(sample.encode()) > min(size, forms.COMPREHEND_BYTES) - 4


@given(
    st.dictionaries(
        st.sampled_from([*forms.FIELDS, "x"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_any_json_is_a_submission_or_refused(body: dict[str, Any]) -> None:
    try:
        made = parse(json.loads(json.dumps(body)), 100)
    except (Invalid, Trapped):
        return
    assert 1 <= len(made.message) <= 100
    assert "\n" not in made.name + made.email
    assert made.digest == Submission(made.message, made.name, made.email).digest


def test_digests_tell_fields_apart() -> None:
    assert Submission("a", "b").digest != Submission("a", "", "b").digest != Submission("ab").digest


def test_request_ids() -> None:
    key = "f3b6c1de-8f7a-4a1f-9b62-0d7e0c0c9a11"
    assert forms.request_id(key, "other") == forms.request_id(key, "another") != forms.request_id(key[:-1], "other")
    assert forms.request_id(None, "fallback") == "fallback"
    assert len(forms.request_id(key, "")) <= 80  # the name of an execution
    for bad in ("", "short", "x" * 65, "with a blank in it", "líne-with-an-accent", "new\nline-in-the-key-x"):
        with pytest.raises(Invalid):
            forms.request_id(bad, "fallback")
