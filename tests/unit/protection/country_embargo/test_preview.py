"""The preview: its response, and that it changes nothing."""

import json
from typing import Any

import pytest

from protection.country_embargo import preview

from .documents import document
from .fakes import Aws
from .test_apply import CONTEXT, A, B


@pytest.mark.parametrize("event", [{"document": B}, {"document": json.dumps(B)}, {"key": "drafts/next.json"}, {}])
def test_preview(aws: Aws, event: dict[str, Any]) -> None:
    aws.upload(A)
    aws.run()
    aws.upload(B, "drafts/next.json")
    if not event:
        aws.upload(B)
    before = aws.in_force()
    aws.calls.clear()
    answer = preview.handler(event, CONTEXT)
    assert answer["valid"]
    assert answer["changes"]["countries"] == {"added": ["SY"], "removed": ["IR"]}
    assert (answer["in_force"], answer["wanted"]) == ({"countries": 2, "ranges": 2}, {"countries": 2, "ranges": 1})
    assert aws.in_force() == before
    assert not [name for name in aws.calls if not name.startswith(("Get", "Check"))]


def test_preview_of_too_large_a_change(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the problem, and still shows what would change."""
    monkeypatch.setenv("CHANGE_LIMITS", json.dumps({"countries": 1, "addresses_percent": 1}))
    aws.upload(A)
    aws.run()
    answer = preview.handler({"document": B}, CONTEXT)
    assert not answer["valid"]
    assert "changes 2 countries" in answer["problems"][0]
    assert answer["changes"]["countries"] == {"added": ["SY"], "removed": ["IR"]}


def test_preview_of_what_would_be_refused(aws: Aws) -> None:
    answer = preview.handler({"document": document(["ZZ"])}, CONTEXT)
    assert answer == {"valid": False, "problems": [p for p in answer["problems"] if "ZZ" in p]}
    assert "no drafts/x.json" in preview.handler({"key": "drafts/x.json"}, CONTEXT)["problems"][0]
    assert not preview.handler({"document": "\ud800"}, CONTEXT)["valid"]
    with pytest.raises(ValueError, match="The event must be"):
        preview.handler({"documents": []}, CONTEXT)
