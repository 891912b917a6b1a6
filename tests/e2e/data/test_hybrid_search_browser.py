"""The search page in a real headless Chromium, by keyboard: results, pages, refusals, and no markup of documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.harness.scenario import Stack, wait_until
from scenarios.data import hybrid_search as subject
from tests import browser
from tests.e2e.conftest import only_with

pytestmark = [
    only_with("data/hybrid_search"),
    browser.needed,
]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """Start a browser with an empty profile and no network beyond loopback."""
    with browser.chromium(tmp_path / "profile") as driver:
        yield driver


def press(page: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page).send_keys(*keys).perform()


def text(page: Any, css: str) -> str:
    return str(page.find_element("css selector", css).text)


def focused(page: Any) -> str:
    element = page.switch_to.active_element
    return str(element.get_attribute("id") or element.get_attribute("value") or element.text)


def search(page: Any, words: str) -> None:
    """Type a search into the field that has the focus, and wait for its results."""
    from selenium.webdriver.common.keys import Keys

    field = page.find_element("id", "query")
    field.clear()
    field.send_keys(words, Keys.ENTER)
    wait_until("results", lambda: text(page, "#status").startswith(("Results", "Nothing")), 30)


def hits(page: Any) -> list[str]:
    # In one call: the page may replace the lines meanwhile.
    found: list[str] = page.execute_script(
        "return [...document.querySelectorAll('#hits li')].map((line) => line.innerText)"
    )
    return found


def test_a_search_by_keyboard(stack_of: Any, page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    stack: Stack = stack_of("hybrid_search")
    page.get(subject.base_url(stack) + "/")
    accessible(page)

    # Tab visits the parts in their order; an empty search is announced.
    order = []
    for _ in range(4):
        press(page, Keys.TAB)
        order.append(focused(page))
    assert order == ["query", "hybrid", "weight", "Search"]
    press(page, Keys.ENTER)
    wait_until("the announcement", lambda: "Write what to search for" in text(page, "#problems"), 30)
    assert focused(page) == "problems"

    search(page, "women shoes")
    assert hits(page)[0].startswith("Women's leather boat shoes in navy")
    marked = [str(mark.text) for mark in page.find_elements("css selector", "#hits li:first-child mark")]
    assert marked == ["Women's", "shoes"]

    # The next page has others, with their numbers; back again are the first ones.
    first = hits(page)
    page.find_element("id", "next").send_keys(Keys.ENTER)
    wait_until("the next page", lambda: text(page, "#status").startswith("Results 11 to"), 30)
    assert not set(first) & set(hits(page))
    assert page.find_element("id", "hits").get_attribute("start") == "11"
    page.find_element("id", "previous").send_keys(Keys.ENTER)
    wait_until("the first page", lambda: hits(page) == first, 30)

    # The weight of meaning can be chosen.
    assert text(page, "#weight-value") == "default"
    page.find_element("id", "weight").send_keys(Keys.END)
    assert text(page, "#weight-value") == "1"

    # By words alone.
    page.find_element("css selector", "input[value=lexical]").send_keys(Keys.SPACE)
    search(page, "couch")
    assert len(hits(page)) == 1


def test_markup_of_documents_and_of_searches_stays_text(stack_of: Any, page: Any) -> None:
    stack: Stack = stack_of("hybrid_search")
    page.get(subject.base_url(stack) + "/")
    search(page, "<img src=x onerror=alert(1)> markup")
    assert any("<b>markup</b>" in line for line in hits(page))
    assert page.find_elements("css selector", "#hits b, #hits img") == []
    assert [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_search_that_fails_is_announced(stack_of: Any, page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    stack: Stack = stack_of("hybrid_search")
    page.get(subject.base_url(stack) + "/")
    with stack.faults({"kind": "throttle", "rate": 1.0, "principal": f"{subject.NAME}query"}):
        page.find_element("id", "query").send_keys("boots", Keys.ENTER)
        wait_until("the announcement", lambda: "Try again in a moment" in text(page, "#problems"), 60)
        assert focused(page) == "problems"
    search(page, "boots")
    assert hits(page)


def accessible(page: Any) -> None:
    """Check the accessibility rules that a program can check."""

    def every(css: str) -> list[Any]:
        return list(page.find_elements("css selector", css))

    assert (every("html")[0].get_attribute("lang"), page.title) == ("en", "Search")
    assert every("form[role=search]")
    assert every("fieldset legend")
    assert every("label[for=query]")
    assert every("label[for=weight]")
    assert every("[role=alert]")
    assert every("[role=status][aria-live=polite]")
    assert min(button.rect["height"] for button in every("button") if button.is_displayed()) >= 44  # a finger's width
    page.set_window_size(320, 640)  # WCAG 1.4.10: no scrolling sideways
    assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
