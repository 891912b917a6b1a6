"""The check: a row for each name, without values."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

import config_cache
from apps.config_cache import check
from common import observability

CONTEXT = SimpleNamespace(aws_request_id="1")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    config: dict[str, dict[str, object]] = {"parameters": {"b": {}, "a": {}}, "secrets": {"db": {}}, "dynamodb": {}}
    monkeypatch.setenv("CACHE_EXTENSION_CONFIG", json.dumps(config))
    found: list[tuple[str, int]] = []
    monkeypatch.setattr(observability, "count", lambda name, value: found.append((name, value)))
    return found


def test_each_name_is_a_row_and_an_unread_one_says_why(
    counted: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, str, str]] = []

    def read(kind: str, name: str, refused: str = "") -> config_cache.Read:
        asked.append((kind, name, refused))
        if name == "b":
            raise config_cache.CacheError(502, "RefusedByAws", "no", "AccessDeniedException")
        return config_cache.Read(b"very-secret-value", "text/plain", "e1", 4, stale=False)

    monkeypatch.setattr(config_cache, "read", read)
    answer = check.handler({"refused": {"secrets/db": "e0"}}, CONTEXT)
    assert answer == {
        "names": [
            {"kind": "parameters", "name": "a", "etag": "e1", "age": 4, "stale": False},
            {"kind": "parameters", "name": "b", "error": "RefusedByAws", "code": "AccessDeniedException"},
            {"kind": "secrets", "name": "db", "etag": "e1", "age": 4, "stale": False},
        ],
        "unread": 1,
    }
    assert asked[-1] == ("secrets", "db", "e0")
    assert counted == [("NamesUnread", 1)]
    assert "very-secret-value" not in capsys.readouterr().out + json.dumps(answer)


def test_no_name_is_no_unread_name(counted: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_EXTENSION_CONFIG", "")
    found: Any = check.handler({}, CONTEXT)
    assert (found, counted) == ({"names": [], "unread": 0}, [("NamesUnread", 0)])
