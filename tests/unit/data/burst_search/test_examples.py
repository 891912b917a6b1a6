"""The searches that come with the module: what they find, and what they refuse."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from data.burst_search.examples import colour_mask, log_grep

RED, BLUE, BLACK = (200, 10, 10), (10, 10, 200), (0, 0, 0)


def nothing(key: str) -> bytes:
    raise AssertionError(key)


def image(*pixels: tuple[int, int, int], kind: str = "PNG") -> bytes:
    made = Image.new("RGB", (len(pixels), 1))
    made.putdata(list(pixels))
    out = io.BytesIO()
    made.save(out, kind)
    return out.getvalue()


def score(mask: bytes, body: bytes, **params: Any) -> list[float]:
    prepared = colour_mask.prepare({"mask": "m", "minimum": 0, **params}, lambda key: mask)
    return [found for found, _ in colour_mask.search(prepared, "k", body)]


def test_an_image_matches_by_the_share_of_the_masks_pixels() -> None:
    mask = image(RED, RED, RED, BLACK)
    assert score(mask, image(RED, RED, RED, BLUE)) == [1.0]
    assert score(mask, image(RED, BLUE, BLACK, RED)) == [pytest.approx(1 / 3)]
    assert score(mask, image(BLUE, BLUE, BLUE, RED)) == [0.0]
    assert score(mask, image(BLUE, BLUE, BLUE, RED), minimum=0.1) == []


@pytest.mark.parametrize(("other", "expected"), [((230, 40, 40), 1.0), ((231, 10, 10), 0.0), ((200, 10, 41), 0.0)])
def test_the_tolerance_is_for_each_colour(other: tuple[int, int, int], expected: float) -> None:
    assert score(image(RED), image(other)) == [expected]


def test_other_modes_and_formats_are_read() -> None:
    grey = Image.new("L", (1, 1), 200)
    out = io.BytesIO()
    grey.save(out, "BMP")
    assert score(image((200, 200, 200)), out.getvalue()) == [1.0]


@pytest.mark.parametrize("body", [b"", b"text", image(RED)[:40], b"%!PS-Adobe", image(RED, RED)])
def test_what_is_not_an_image_of_the_masks_size_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"not an image|pixels"):
        score(image(RED), body)


def test_an_image_with_too_many_pixels_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colour_mask, "MAX_PIXELS", 2)
    with pytest.raises(ValueError, match="more than 2 pixels"):
        score(image(RED), image(RED, RED, RED))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"mask": 1},
        {"mask": ""},
        {"mask": "m", "tolerance": -1},
        {"mask": "m", "tolerance": 1.5},
        {"mask": "m", "threshold": 255},
        {"mask": "m", "threshold": True},
        {"mask": "m", "minimum": 2},
        {"mask": "m", "minimum": "1"},
        {"mask": "m", "colour": "red"},
    ],
)
def test_other_params_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"mask|must be|unknown"):
        colour_mask.prepare(params, lambda key: image(RED))


def test_a_mask_without_colour_is_refused() -> None:
    with pytest.raises(ValueError, match="no pixel above"):
        colour_mask.prepare({"mask": "m"}, lambda key: image(BLACK))


def grep(body: bytes, key: str = "k.log", **params: Any) -> list[tuple[int, dict[str, Any]]]:
    return list(log_grep.search(log_grep.prepare(params, nothing), key, body))


def test_lines_are_found() -> None:
    body = b"a.b\r\nAxB\nnone\na.b a.b"
    assert grep(body, pattern="a.b") == [(1, {"line": 1, "text": "a.b"}), (2, {"line": 4, "text": "a.b a.b"})]
    assert [line["line"] for _, line in grep(body, pattern="a.b", regex=True, ignore_case=True)] == [1, 2, 4]
    assert grep(b"x" * 2000, pattern="x")[0] == (2000, {"line": 1, "text": "x" * 500})
    assert grep(b"", pattern="x") == []


@pytest.mark.parametrize(
    "params", [{}, {"pattern": ""}, {"pattern": 1}, {"pattern": "(", "regex": True}, {"pattern": "x", "flags": 1}]
)
def test_other_patterns_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"pattern|unknown"):
        log_grep.prepare(params, nothing)


def test_a_small_file_that_unpacks_to_very_much_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    monkeypatch.setattr(log_grep, "MAX_UNPACKED", 1000)
    assert grep(gzip.compress(b"x" * 1000), "k.gz", pattern="x")
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        grep(gzip.compress(b"x" * 1001), "k.gz", pattern="x")
