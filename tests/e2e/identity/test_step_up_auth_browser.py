"""The web client in a real headless Chromium: sign-in, challenge, success, and the page's messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.harness.scenario import Stack, wait_until
from scenarios.identity import step_up_auth as subject
from tests import browser
from tests.e2e.conftest import only_with

pytestmark = [
    only_with("identity/step_up_auth"),
    browser.needed,
]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """Start a browser with an empty profile and no network beyond loopback."""
    with browser.chromium(tmp_path / "profile") as driver:
        yield driver


class Page:
    """The page as a user sees it: elements are found by their text."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver, self.url = driver, url

    def open(self) -> None:
        self.driver.get(self.url)

    def press(self, name: str) -> None:
        buttons = wait_until(name, lambda: [b for b in self.all("button") if b.text == name and b.is_displayed()], 30)
        buttons[0].click()

    def all(self, css: str) -> list[Any]:
        found: list[Any] = self.driver.find_elements("css selector", css)
        return found

    def type(self, label: str, text: str) -> None:
        field = next(x for x in self.all("label") if x.text == label and x.is_displayed()).get_attribute("for")
        self.all(f"#{field}")[0].send_keys(text)

    def says(self, css: str, text: str) -> bool:
        return bool(wait_until(f"{text!r} in {css}", lambda: any(text in x.text for x in self.all(css)), 30))

    def sign_in(self, name: str) -> None:
        self.press("Sign in")
        wait_until("the issuer's page", lambda: self.all("input[name=username]"), 30)
        self.all("input[name=username]")[0].send_keys(name)
        self.all("input[name=password]")[0].send_keys(subject.PASSWORD)
        self.all("button[type=submit], input[type=submit]")[0].click()
        self.says("#status", "Signed in.")


def test_step_up_in_a_browser(stack_of: Any, page: Any) -> None:
    stack: Stack = stack_of("step_up_auth")
    client = Page(page, subject.register_page(stack))
    subject.User(stack, "browser")
    client.open()
    client.sign_in("browser")

    client.press("Invoke GET /info")
    assert client.says("#response", "Response: 200")
    client.press("Invoke POST /transfer")
    assert client.says("#response", "Response: 401 authorization challenge")
    assert client.says("#status", "You have no second factor yet.")

    client.press("Configure Software Token")
    secret = wait_until("the key", lambda: client.all("#secret")[0].text, 30)
    client.type("Code from the app", subject.totp(secret))
    client.press("Verify")
    assert client.says("#status", "Software Token successfully configured!")
    client.press("Prefer Software Token")
    assert client.says("#status", "User preferred MFA set to Software Token")

    client.press("Sign out")
    client.sign_in("browser")
    client.press("Invoke POST /transfer")
    assert client.says("#response", "Response: 401 authorization challenge")
    wait_until("the challenge", client.all("#challenge")[0].is_displayed, 30)
    assert page.switch_to.active_element.get_attribute("id") == "code"
    wrong = next(c for c in ("000000", "111111", "222222") if c not in {subject.totp(secret, n) for n in (-1, 0, 1)})
    client.type("One-time code", wrong)
    client.press("Submit")
    assert client.says("#status", "The answer is not right")
    client.type("One-time code", subject.totp(secret))
    client.press("Submit")
    assert client.says("#status", "Step-up succeeded. Invoke the operation again.")
    client.press("Invoke POST /transfer")
    assert client.says("#response", "Transfer done.")
    assert client.says("#response", "STEP_UP_COMPLETED")

    stored = page.execute_script("return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert stored == '[{},{},""]'
    assert "code=" not in page.current_url
    accessible(client, page)
    # Only the refused calls appear as errors: the content security policy blocked nothing.
    logged = [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    errors = [message for message in logged if message.startswith(client.url) and "status of 401" not in message]
    assert errors == []


def accessible(client: Page, page: Any) -> None:
    """Check the accessibility rules that a program can check."""
    assert client.all("html")[0].get_attribute("lang") == "en"
    assert page.title
    assert [h.tag_name for h in client.all("h1, h2, h3")] == ["h1", "h2", "h2", "h2", "h3", "h2"]
    for field in client.all("input"):
        assert client.all(f"label[for={field.get_attribute('id')}]"), field.get_attribute("id")
    assert all(button.get_attribute("textContent") for button in client.all("button"))
    assert client.all("[role=status][aria-live=polite]")
    for name in client.all("[aria-labelledby]"):
        assert client.all(f"#{name.get_attribute('aria-labelledby')}")
    tall = [b.rect["height"] for b in client.all("button") if b.is_displayed()]
    assert min(tall) >= 44  # a finger's width
    page.set_window_size(320, 640)  # WCAG 1.4.10: no scrolling sideways
    assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_a_code_that_this_window_did_not_ask_for_is_not_redeemed(stack_of: Any, page: Any) -> None:
    client = Page(page, subject.register_page(stack_of("step_up_auth")))
    page.get(f"{client.url}?code=stolen&state=other")
    assert client.says("#status", "this response does not belong to a sign-in of this window")
    assert "code=" not in page.current_url
