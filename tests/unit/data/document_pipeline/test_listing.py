"""What a batch may ask for."""

from __future__ import annotations

from typing import Any

import pytest

from data.document_pipeline import listing
from data.document_pipeline.errors import RequestRefused
from tests.unit.data.document_pipeline.world import CONTEXT, World, aws_error

ONE = {"scans": {"bucket": "ours", "prefix": "in/"}}
TWO = {**ONE, "incoming": {"bucket": "own", "prefix": "incoming/"}}


def test_defaults() -> None:
    assert listing.request({}, ONE, "x-1") == ("ours", "in/", "x-1")
    assert listing.request({"source": "incoming"}, TWO, "x") == ("own", "incoming/", "x")
    assert listing.request({"source": "scans", "prefix": "in/a", "batch": "b.1"}, TWO, "x") == ("ours", "in/a", "b.1")


@pytest.mark.parametrize(
    "value",
    [
        None, [], "x", 1, {}, {"source": "other"}, {"source": 1}, {"source": ["scans"]},
        {"source": "scans", "prefix": "out/"}, {"source": "scans", "prefix": 1}, {"source": "scans", "prefix": ""},
        {"source": "scans", "batch": ""}, {"source": "scans", "batch": "a'b"}, {"source": "scans", "batch": "x" * 129},
        {"source": "scans", "after": "in/z"}, {"source": "scans", 1: 2},
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_refused_with_what_to_write(value: Any) -> None:
    with pytest.raises(RequestRefused, match="must"):
        listing.request(value, TWO, "x")


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket"])
def test_a_bucket_that_cannot_be_listed_is_named(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    world = World(monkeypatch)

    def fault(operation: str, arguments: Any) -> None:
        raise aws_error(code, 403)

    world.fault = fault
    with pytest.raises(RequestRefused, match=f"cannot be listed \\({code}\\)"):
        listing.handler({"execution": "e", "input": {}}, CONTEXT)


def test_an_empty_prefix_is_an_empty_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert World(monkeypatch).batch() == {"batch": "b", "documents": 0, "after": ""}
