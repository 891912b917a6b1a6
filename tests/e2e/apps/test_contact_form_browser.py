"""The contact page in a real headless Chromium, by keyboard only: errors are announced, a ticket is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.harness.scenario import Stack, wait_until
from scenarios.apps import contact_form as subject
from tests import browser
from tests.e2e.conftest import only_with

pytestmark = [
    only_with("apps/contact_form"),
    browser.needed,
]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """Start a browser with an empty profile and no network beyond loopback."""
    with browser.chromium(tmp_path / "profile") as driver:
        yield driver


class Keyboard:
    """A user without a mouse: keys go to the element that has the focus."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    @property
    def focused(self) -> str:
        element = self.driver.switch_to.active_element
        return str(element.get_attribute("id") or element.text)

    def tab_to(self, name: str) -> None:
        from selenium.webdriver.common.keys import Keys

        for _ in range(10):
            self.press(Keys.TAB)
            if self.focused == name:
                return
        raise AssertionError(f"Tab does not reach {name}")

    def text(self, css: str) -> str:
        return str(self.driver.find_element("css selector", css).text)

    def says(self, css: str, text: str) -> None:
        wait_until(f"{text!r} in {css}", lambda: text in self.text(css), 30)

    def attribute(self, css: str, name: str) -> Any:
        return self.driver.find_element("css selector", css).get_attribute(name)


def test_a_message_by_keyboard(stack_of: Any, page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    stack: Stack = stack_of("contact_form")
    page.get(subject.base_url(stack) + "/")
    keys = Keyboard(page)
    accessible(keys)

    # Tab visits the fields in their order, and never the trap.
    order = []
    for _ in range(4):
        keys.press(Keys.TAB)
        order.append(keys.focused)
    assert order == ["message", "name", "email", "Send"]

    # An empty message: announced, marked, and the field has the focus.
    keys.press(Keys.ENTER)
    keys.says("#problems", "correct 1 field")
    assert keys.focused == "message"
    assert keys.attribute("#message", "aria-invalid") == "true"
    assert keys.text("#message-error") == "Write a message."

    # What only the server refuses is announced at its field, too.
    text = f"This is terrible <b>service</b> {stack.token}"
    keys.press(text)
    keys.tab_to("email")
    keys.press("nobody")
    keys.tab_to("Send")
    keys.press(Keys.SPACE)
    keys.says("#email-error", "Write an email address such as name@example.com")
    assert (keys.focused, keys.attribute("#email", "aria-invalid")) == ("email", "true")
    assert keys.attribute("#message", "aria-invalid") is None
    keys.press(Keys.END, "@example.org", Keys.ENTER)  # Enter in a field sends the form

    keys.says("#done", "Your message was received")
    assert keys.focused == "done-title"
    ticket_id = keys.text("#ticket")
    item = subject.ticket(stack, ticket_id)
    assert (item["message"]["S"], item["senderEmail"]["S"]) == (text, "nobody@example.org")
    subject.alerted(stack, [ticket_id])
    assert len(subject.mails(stack)[ticket_id]) == 1

    keys.tab_to("again")
    keys.press(Keys.ENTER)
    assert keys.focused == "message"
    assert keys.attribute("#message", "value") == ""

    stored = page.execute_script("return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert stored == '[{},{},""]'
    # Only the refused request appears as an error: the content security policy blocked nothing.
    logged = [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    assert [message for message in logged if "status of 400" not in message] == []


def test_a_lost_answer_is_announced_and_sending_again_makes_no_second_ticket(stack_of: Any, page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    stack: Stack = stack_of("contact_form")
    page.get(subject.base_url(stack) + "/")
    keys = Keyboard(page)
    keys.tab_to("message")
    keys.press(f"Horrible, lost {stack.token}")
    keys.tab_to("Send")
    kill = {"kind": "kill", "service": "states", "count": 1, "after": True, "principal": f"{subject.NAME}submit"}
    with stack.faults(kill):
        keys.press(Keys.ENTER)
        wait_until("the announcement", lambda: keys.text("#problems"), 30)
        assert keys.focused == "problems"
        assert keys.attribute("#problems", "role") == "alert"
        assert page.find_element("id", "done").is_displayed() is False
    keys.tab_to("Send")
    keys.press(Keys.ENTER)
    keys.says("#done", "Your message was received")
    stored = [t["ticketId"]["S"] for t in subject.tickets(stack) if "lost" in t["message"]["S"]]
    assert stored == [keys.text("#ticket")]


def accessible(keys: Keyboard) -> None:
    """Check the accessibility rules that a program can check."""
    page = keys.driver

    def every(css: str) -> list[Any]:
        return list(page.find_elements("css selector", css))

    assert (keys.attribute("html", "lang"), page.title) == ("en", "Contact")
    for field in every("input, textarea"):
        name = field.get_attribute("id")
        assert every(f"label[for={name}]"), name
        if name != "website":
            assert every(f"#{field.get_attribute('aria-describedby')}"), name
    assert every("[role=alert]")
    assert every("[role=status][aria-live=polite]")
    assert min(b.rect["height"] for b in every("button") if b.is_displayed()) >= 44  # a finger's width
    page.set_window_size(320, 640)  # WCAG 1.4.10: no scrolling sideways
    assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
