"""The documentation in a real headless Chromium, with the headers that CloudFront gives it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.harness.scenario import Stack, wait_until
from scenarios.apps import openapi_service as subject
from tests import browser
from tests.e2e.conftest import only_with

pytestmark = [
    only_with("apps/openapi_service"),
    browser.needed,
]

PASSED_ON = ("Content-Type", "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options")


@pytest.fixture
def address(stack_of: Any) -> Iterator[str]:
    """Serve what the local CloudFront answers: a browser cannot reach its name."""
    stack: Stack = stack_of("openapi_service")
    subject.published(stack, "1.0.0")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content, headers = subject.read_documentation(stack, self.path)
            self.send_response(status)
            for name in PASSED_ON:
                if name in headers:
                    self.send_header(name, headers[name])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_operations_are_read_by_keyboard(address: str, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    with browser.chromium(tmp_path / "profile") as page:
        page.set_window_size(1400, 900)
        page.get(address)

        def shows(*texts: str) -> None:
            def shown() -> bool:
                content = page.find_element("css selector", "body").text
                return all(text in content for text in texts)

            wait_until(f"{texts} in the page", shown, 60)

        shows("Widgets", "v1.0.0", "List widgets, the oldest first", "Delete a widget that has not changed")
        link = page.find_element("xpath", "//a[contains(., 'Create a widget, once for each key')]")
        link.send_keys(Keys.ENTER)
        shows("/widgets", "Idempotency-Key", "colour")

        # The content security policy blocked nothing, and the page asked for nothing that is not there.
        assert [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []
