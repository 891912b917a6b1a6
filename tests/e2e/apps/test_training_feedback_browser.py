"""The learners' page in a real headless Chromium, by keyboard: sign-in, a training read aloud, and feedback.

The page calls AWS's endpoints, whose names do not lead to the local cloud. A script that the test adds sends these
calls there, and has them signed for its address: the local cloud checks signatures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.harness.scenario import Stack, wait_until
from local.settings import REGION
from scenarios.apps import training_feedback as subject
from tests import browser
from tests.e2e.conftest import only_with

pytestmark = [
    only_with("apps/training_feedback"),
    browser.needed,
    pytest.mark.timeout(180),
]

TEMPORARY = "Change-Me-2026!"
ROUTE = """
const host = Object.getOwnPropertyDescriptor(URL.prototype, "host").get;
Object.defineProperty(URL.prototype, "host", {
  get() {
    return host.call(this).endsWith(".amazonaws.com") ? location.host : host.call(this);
  },
});
const original = window.fetch;
window.called = [];
window.fetch = async (input, options) => {
  const url = new URL(input instanceof Request ? input.url : input, location.href);
  if (!url.hostname.endsWith(".%s.amazonaws.com")) return original(input, options);
  window.called.push(url.hostname.split(".")[0]);
  if (window.broken) return new Response("{}", { status: window.broken });
  const here = location.origin + url.pathname + url.search;
  if (!(input instanceof Request)) return original(here, options);
  const body = await input.clone().text();
  return original(here, { method: input.method, headers: input.headers, body });
};
"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """Start a browser with an empty profile and no network beyond loopback."""
    with browser.chromium(tmp_path / "profile", "--autoplay-policy=no-user-gesture-required") as driver:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": ROUTE % REGION})
        yield driver


def base_url(stack: Stack) -> str:
    """Return the URL at which the local cloud serves the page. On AWS, it is the output `url`."""
    api = stack.outputs["url"].split("//")[1].split(".")[0]
    stage = stack.outputs["url"].rstrip("/").rsplit("/", 1)[-1]
    return f"{stack.cloud.endpoint}/restapis/{api}/{stage}/_user_request_"


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

        for _ in range(20):
            if self.focused == name:
                return
            self.press(Keys.TAB)
        raise AssertionError(f"Tab does not reach {name}")

    def text(self, css: str) -> str:
        return str(self.driver.find_element("css selector", css).text)

    def says(self, css: str, text: str) -> None:
        wait_until(f"{text!r} in {css}", lambda: text in self.text(css), 60)

    def say(self, text: str, answer: str) -> None:
        """Say something, and wait for a new answer that has these words."""
        from selenium.webdriver.common.keys import Keys

        lines = len(self.driver.find_elements("css selector", "#log .bot"))
        self.tab_to("text")
        self.press(text, Keys.ENTER)

        def answered() -> bool:
            found = [one.text for one in self.driver.find_elements("css selector", "#log .bot")[lines:]]
            return any(answer in one for one in found) and self.text("#status") == ""

        wait_until(f"{answer!r} after {text!r}", answered, 60)


def add_user(stack: Stack, name: str) -> None:
    stack.client("cognito-idp").admin_create_user(
        UserPoolId=stack.outputs["learners"]["user_pool_id"],
        Username=name,
        TemporaryPassword=TEMPORARY,
        MessageAction="SUPPRESS",
    )


def test_a_learner_by_keyboard(stack_of: Any, page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    stack: Stack = stack_of("training_feedback")
    subject.teach(stack)
    name = f"browser-{stack.token}"
    add_user(stack, name)
    page.get(base_url(stack) + "/")
    keys = Keyboard(page)
    wait_until("the settings", lambda: page.execute_script("return document.querySelectorAll('#locale option').length"))
    accessible(keys)

    # A wrong password is announced, and says nothing about the user.
    keys.tab_to("username")
    keys.press(name)
    keys.tab_to("password")
    keys.press("wrong", Keys.ENTER)
    keys.says("#problem", "The user name or the password is not correct")
    assert keys.focused == "problem"
    keys.tab_to("password")
    keys.press(Keys.CONTROL, "a")
    page.find_element("id", "password").clear()
    page.find_element("id", "password").send_keys(TEMPORARY, Keys.ENTER)
    wait_until("the question for a new password", lambda: keys.focused == "new-password", 60)
    keys.press(subject.PASSWORD, Keys.ENTER)
    wait_until("the conversation", lambda: keys.focused == "text", 60)
    assert not page.find_element("id", "sign-in").is_displayed()

    # A training, in the language of the page, and read aloud.
    locales = [one.get_attribute("value") for one in page.find_elements("css selector", "#locale option")]
    assert locales == ["en_US", "es_US"]
    keys.tab_to("aloud")
    keys.press(Keys.SPACE)
    keys.say("teach me <b>knitting</b>", "I have no training on")
    assert keys.text("#log .mine") == "teach me <b>knitting</b>"
    keys.say("alarm limits", "Press Limits.")
    assert page.find_elements("css selector", "#log b") == []
    spoken = page.execute_script("return document.getElementById('status').dataset.spoken")
    assert spoken.startswith("blob:")
    keys.say("feedback", "too easy, just right or too hard")
    keys.say("too easy", "What do you want to tell us")
    keys.say(f"Great menu {stack.token}", "Next time your training on alarm limits is at the level intermediate.")
    found = wait_until("the row", lambda: [r for r in subject.stored(stack).values() if stack.token in str(r["text"])])
    assert [(row["text"], row["sentiment"], row["difficulty"]) for row in found] == [
        (f"Great menu {stack.token}", "POSITIVE", "too easy")
    ]

    # While Lex fails, what was typed stays, and the failure is announced after some attempts.
    page.execute_script("window.broken = 503; window.called.length = 0;")
    keys.tab_to("text")
    keys.press("teach me alarms", Keys.ENTER)
    keys.says("#problem", "There was no answer. Try again in a moment.")
    assert page.execute_script("return window.called.length") == 4
    assert page.find_element("id", "text").get_attribute("value") == "teach me alarms"
    page.execute_script("window.broken = 0;")
    keys.tab_to("text")
    keys.press(Keys.ENTER)
    keys.says("#log", "Save your limits as a profile.")

    keys.tab_to("sign-out")
    keys.press(Keys.ENTER)
    assert keys.focused == "username"
    assert page.find_elements("css selector", "#log p") == []
    assert set(page.execute_script("return window.called")) <= {"runtime-v2-lex", "polly"}
    stored = page.execute_script("return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert stored == '[{},{},""]'
    # Only the refused password appears as an error: the content security policy blocked nothing.
    logged = [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    assert [message for message in logged if "status of 400" not in message] == []


def accessible(keys: Keyboard) -> None:
    """Check the accessibility rules that a program can check."""
    page = keys.driver

    def every(css: str) -> list[Any]:
        return list(page.find_elements("css selector", css))

    assert (keys.driver.find_element("css selector", "html").get_attribute("lang"), page.title) == ("en", "Training")
    for field in every("input, select"):
        name = field.get_attribute("id")
        assert every(f"label[for={name}]"), name
    assert every("[role=alert]")
    assert every("[role=log][aria-live=polite]")
    assert every("[role=status][aria-live=polite]")
    assert min(b.rect["height"] for b in every("button") if b.is_displayed()) >= 44  # a finger's width
    page.set_window_size(320, 640)  # WCAG 1.4.10: no scrolling sideways
    assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
