"""Garbage is collected rarely: each full collection looks at every model of moto and botocore, and finds little."""

from __future__ import annotations

import gc

gc.set_threshold(20_000, 50, 100)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
