"""A headless Chromium for tests of pages: an empty profile, and no network beyond loopback."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

_BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
_DRIVER = shutil.which("chromedriver") or ""
_SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)

needed = pytest.mark.skipif(
    not (_BROWSER and _DRIVER), reason="Chromium and its driver are not installed: run `make browser`"
)
"""Skips a test where there is no browser."""


@contextlib.contextmanager
def chromium(profile: Path, *switches: str, logs: Sequence[str] = ("browser",)) -> Iterator[Any]:
    """Run a browser for the length of a `with` block, which records these logs. `profile` is a new folder."""
    from selenium import webdriver

    with pytest.MonkeyPatch.context() as patch:
        for name in ("SE_OFFLINE", "SE_AVOID_STATS"):
            patch.setenv(name, "true")
        options = webdriver.ChromeOptions()
        options.binary_location = _BROWSER
        for switch in [*_SWITCHES.split(), *switches, f"--user-data-dir={profile}"]:
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", dict.fromkeys(logs, "ALL"))
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
        yield driver
        driver.quit()
