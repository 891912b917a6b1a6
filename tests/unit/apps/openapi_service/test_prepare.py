"""Decisions: the first file, the same one, a later one, one that breaks clients, and what is not decided."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from apps.openapi_service import document, prepare

TARGET: dict[str, Any] = {
    "name": "test",
    "description": "An API",
    "uri": "uri",
    "policy": None,
    "binary_media_types": [],
    "default_endpoint": True,
    "authorizers": {"sigv4": {"iam": True, "user_pool_arns": [], "function_uri": "", "identity_sources": []}},
}


def decide(text: str, served: str = "", accept: str = "") -> dict[str, Any]:
    return prepare.decide({"document": text, "target": TARGET, "accept_breaking": accept}, served)


def version(text: str, number: str, *, without: str = "") -> str:
    found = document.read(text)
    found["info"]["version"] = number
    if without:
        del found["paths"][without]
    return json.dumps(found)


def test_the_first_file_and_the_same_file_are_accepted_alike(text: str) -> None:
    first = decide(text)
    assert (first["accepted"], first["reasons"], first["version"]) == (True, [], "1.0.0")
    assert json.loads(first["body"])["info"]["title"] == "test"
    assert first["left_out"]
    assert decide(text, text) == first
    assert decide(json.dumps(document.read(text)), text)["body"] == first["body"]  # another notation is no change


def test_a_release_has_a_name_of_its_own(text: str) -> None:
    first = decide(text)
    assert re.fullmatch(r"1\.0\.0-[0-9a-f]{12}", first["release"])
    assert decide(f"# a comment\n{text}", text)["release"] == first["release"]
    other = prepare.decide({"document": text, "target": {**TARGET, "uri": "another function"}}, text)
    assert other["release"].startswith("1.0.0-")
    assert other["release"] != first["release"]
    # What API Gateway does not check is the same copy, and still another release: the function checks the whole file.
    stricter = document.read(text)
    stricter["components"]["schemas"]["Widget"]["description"] = "Other words"
    changed = decide(json.dumps(stricter))
    assert changed["release"] != first["release"]


def test_a_change_needs_a_later_version(text: str) -> None:
    found = document.read(text)
    found["info"]["description"] = "Other words"
    refused = decide(json.dumps(found), text)
    assert refused["accepted"] is False
    assert refused["reasons"] == [
        "info.version is 1.0.0, and 1.0.0 is served: raise it, for a published client never changes."
    ]
    found["info"]["version"] = "1.0.1"
    assert decide(json.dumps(found), text)["accepted"]
    assert not decide(text, json.dumps(found))["accepted"]  # back to an old version


def test_what_breaks_clients_needs_the_name_of_its_version(text: str) -> None:
    broken = version(text, "2.0.0", without="/ping")
    refused = decide(broken, text)
    assert not refused["accepted"]
    assert "body" not in refused
    assert "/ping" in refused["reasons"][0]
    assert refused["reasons"][-1].endswith('set accept_breaking_changes = "2.0.0".')
    accepted = decide(broken, text, "2.0.0")
    assert accepted["accepted"]
    assert "/ping" in accepted["changes"][0]
    later = version(text, "3.0.0", without="/widgets")
    assert not decide(later, broken, "2.0.0")["accepted"]  # the acceptance does not stay


@pytest.mark.parametrize("broken", ["", "openapi: 3.0.3", "a: [", "openapi: 3.1.0"])
def test_a_broken_file_is_an_answer_with_reasons(text: str, broken: str) -> None:
    answer = decide(broken, text)
    assert answer["accepted"] is False
    assert answer["reasons"]


class Bucket:
    """S3 with one file, or an error."""

    def __init__(self, content: bytes = b"", code: str = "") -> None:
        self.content, self.code = content, code

    def get_object(self, **_: Any) -> dict[str, Any]:
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": "x"}}, "GetObject")
        return {"Body": io.BytesIO(self.content)}


def test_no_file_is_served_only_if_s3_says_so() -> None:
    conf = prepare.Settings("bucket", "current/openapi")
    assert prepare.current(Bucket(b"a: 1"), conf) == "a: 1"
    assert prepare.current(Bucket(code="NoSuchKey"), conf) == ""
    with pytest.raises(ClientError):  # otherwise a denied call would accept everything
        prepare.current(Bucket(code="AccessDenied"), conf)
