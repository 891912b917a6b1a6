"""document_pipeline: pages a second, calls a page as documents grow, and the start of the process that draws.

The functions run in this process, with objects and items in memory: calls are counted exactly, seconds are those of
this machine. Pages are drawn in the real process with limits, at 150 dots per inch on A4.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import Any

import pytest

from scenarios import pdfs
from tools.bootstrap import ROOT

sys.path.insert(0, str(ROOT / "lambda_src"))  # as in pytest: the functions run in this process

from data.document_pipeline import intake, render, sandbox
from tests.unit.data.document_pipeline.world import World

PAGES = tuple(int(number) for number in os.environ.get("DOCUMENT_PAGES", "1,10,100,1000").split(","))
STARTS = 5
A4 = b"[0 0 595 842]"


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    found = [figure for pages in PAGES for figure in _document(pages)]
    starts = [_start() for _ in range(STARTS)]
    counting, drawing = (statistics.median(times) for times in zip(*starts, strict=True))
    layer = ROOT / ".switchyard/build/layers/documents.zip"
    return [
        *found,
        _figure("process started, one page counted, p50", counting * 1000, "ms"),
        _figure("process started, one page drawn (cold start of render), p50", drawing * 1000, "ms"),
        *([_figure("layer", layer.stat().st_size / 1e6, "MB")] if layer.exists() else []),
    ]


def _figure(name: str, value: float, unit: str) -> dict[str, Any]:
    return {"figure": name, "value": round(value, 2), "unit": unit}


def _content(pages: int) -> bytes:
    return pdfs.document(pdfs.colours(pages), boxes=[A4] * pages)


def _document(pages: int) -> list[dict[str, Any]]:
    """Process one document."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("POWERTOOLS_LOG_LEVEL", "ERROR")
        world = World(patched)
        world.dynamodb.page = 1000  # a page of DynamoDB has 1 MB
        for module in (intake, render):
            patched.setattr(module, "Sandbox", sandbox.Sandbox)
        world.put("one.pdf", _content(pages))
        world.batch()
        world.calls.clear()
        began = time.perf_counter()
        world.run()
        spent = time.perf_counter() - began
        (row,) = world.documents().values()
        assert (row["status"], row["images"]) == ("PROCESSED", pages)
        calls = world.calls.total()
    name = f"{pages:,} pages" if pages > 1 else "1 page"
    return [
        _figure(f"{name}: pages a second, one call at a time", pages / spent, "pages/s"),
        _figure(f"{name}: calls of AWS a page, without the model", calls / pages, "calls"),
        _figure(f"{name}: images and audit writes a page", (world.calls["put_item"] - 1) / pages, "writes"),
    ]


def _start() -> tuple[float, float]:
    """Return the seconds of a new process until a page is counted, and until one is drawn."""
    from data.document_pipeline.settings import Settings

    content, config = _content(1), Settings("b", "1", "k", "t")
    times = []
    for draws in (False, True):
        began = time.perf_counter()
        with sandbox.Sandbox(lambda offset, length: content[offset : offset + length], len(content), config) as box:
            _ = box.draw(1, 1) if draws else box.count()
        times.append(time.perf_counter() - began)
    return times[0], times[1]
