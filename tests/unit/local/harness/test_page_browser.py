"""The page in a real headless Chromium: it loads nothing, a keyboard reaches all of it, and its colors are readable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.harness import page
from local.harness.scenario import wait_until
from local.settings import ROOT
from tests import browser as chromium
from tests.unit.local.harness import page_sample as sample

pytestmark = [chromium.needed]
CONTROLS = 'a[href], button, summary, [tabindex="0"]'
# The contrast of each visible text with its background, by WCAG 2.2: the lowest first.
CONTRASTS = """
const luminance = (color) => {
  const [r, g, b] = color.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const channels = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const solid = (text) => { const c = channels(text); return c.length >= 3 && (c.length < 4 || c[3] === 1); };
function behind(element) {
  if (element instanceof SVGElement && element.closest("g")) {
    const box = element.closest("g").querySelector("rect.box");
    if (box) return getComputedStyle(box).fill;
  }
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (solid(color)) return color;
  }
  return "rgb(255, 255, 255)";
}
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
  if (!text || element.closest("script, style, title, desc") || !element.getClientRects().length) continue;
  const style = getComputedStyle(element), svg = element instanceof SVGElement;
  const pair = [svg ? style.fill : style.color, behind(element)].map((color) => luminance(channels(color).slice(0, 3)));
  const [low, high] = pair.sort((a, b) => a - b);
  found.push([(high + 0.05) / (low + 0.05), text.slice(0, 60), style.color, behind(element)]);
}
return found.sort((a, b) => a[0] - b[0]);
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Yield a browser with an empty profile that records its console and every request that it makes."""
    profile = tmp_path_factory.mktemp("browser") / "profile"
    with chromium.chromium(profile, "--window-size=1280,900", logs=("browser", "performance")) as driver:
        yield driver


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Any:
    """Return the page of a recorded demo, freshly opened, with light colors requested."""
    file = tmp_path / "report.html"
    demo = sample.demo()
    texts = {c.name: (ROOT / "modules" / c.name / "README.md").read_text() for c in demo.capabilities}
    file.write_text(page.render(demo, texts, 107.4, sample.START, ["posture/finding_chat"]), encoding="utf-8")
    prefer(browser, "light")
    browser.get(file.as_uri())
    browser.execute_script("localStorage.clear()")
    browser.get_log("performance")
    browser.refresh()
    return browser


def prefer(browser: Any, scheme: str, motion: str = "no-preference") -> None:
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": motion},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def press(browser: Any, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def background(browser: Any) -> str:
    return str(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))


def test_it_says_nothing_in_the_console_and_asks_for_nothing(opened: Any) -> None:
    assert opened.title == "Switchyard on the local cloud: something failed"
    assert opened.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert asked == [opened.current_url]


def test_every_capability_is_there(opened: Any) -> None:
    headings = [h.text for h in opened.find_elements("css selector", "section.capability h2")]
    assert headings == ["posture / finding_export", "protection / kms_rotation"]
    drawings = opened.find_elements("css selector", "section.capability svg")
    assert len(drawings) == 4
    assert all(d.size["height"] > 60 and d.size["width"] > 600 for d in drawings)
    opened.find_element("link text", "protection/kms_rotation").click()
    assert opened.current_url.endswith("#protection-kms_rotation")


def test_a_keyboard_reaches_every_control_and_sees_where_it_is(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    number = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility()).length"
    mark = """const e = document.activeElement, style = getComputedStyle(e);
        e.dataset.seen = "yes";
        return [e.tagName, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2]"""
    press(opened, Keys.TAB)
    assert opened.switch_to.active_element.text == "Skip to the results"
    assert opened.switch_to.active_element.location["y"] >= 0
    opened.find_element("id", "expand").send_keys(Keys.ENTER)  # closed tables have no controls yet
    controls = int(opened.execute_script(number, CONTROLS))
    assert controls > 15
    for _ in range(controls + 1):  # one round: from the last to the body, then to the first
        press(opened, Keys.TAB)
        tag, visible = opened.execute_script(mark)
        assert visible or tag == "BODY", f"{tag} does not show that it has the focus"
    missed = [
        e.get_attribute("outerHTML")[:120]
        for e in opened.find_elements("css selector", CONTROLS)
        if e.get_attribute("data-seen") != "yes" and e.is_displayed()
    ]
    assert missed == []


def test_the_skip_link_skips(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    press(opened, Keys.TAB)
    press(opened, Keys.ENTER)
    assert opened.switch_to.active_element.get_attribute("id") == "main"
    press(opened, Keys.TAB)
    assert opened.execute_script("return document.activeElement.closest('main') !== null")


def test_tables_open_with_the_keyboard_one_by_one_and_all_together(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    first = opened.find_element("css selector", "section.capability details")
    assert first.get_attribute("open") is None
    first.find_element("css selector", "summary").send_keys(Keys.ENTER)
    assert first.get_attribute("open") == "true"
    rows = [row.text for row in first.find_elements("css selector", "tbody tr")]
    assert len(rows) == 5
    assert rows[-1] == "switchyard-finding-export-function function securityhub:GetFindings 33 3"
    every = opened.find_element("id", "expand")
    every.send_keys(Keys.SPACE)
    assert every.text == "Close all tables"
    assert all(d.get_attribute("open") for d in opened.find_elements("css selector", "details"))
    every.send_keys(Keys.SPACE)
    assert not any(d.get_attribute("open") for d in opened.find_elements("css selector", "details"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable(opened: Any, scheme: str) -> None:
    prefer(opened, scheme)
    opened.find_element("id", "expand").click()
    contrasts = opened.execute_script(CONTRASTS)
    assert len(contrasts) > 150
    assert [c for c in contrasts if c[0] < 4.5] == []


def test_dark_colors_follow_the_system_and_the_button_which_is_remembered(opened: Any) -> None:
    light = background(opened)
    prefer(opened, "dark")
    dark = background(opened)
    assert light != dark
    assert sum(map(int, dark[4:-1].split(", "))) < 150
    button = opened.find_element("id", "theme")
    wait_until("the button to notice", lambda: button.text == "Light colors", 10)
    button.click()
    assert background(opened) == light
    opened.refresh()
    assert background(opened) == light
    assert opened.find_element("id", "theme").text == "Dark colors"


def test_motion_is_reduced_where_that_is_preferred(opened: Any) -> None:
    scrolling = "return getComputedStyle(document.documentElement).scrollBehavior"
    assert opened.execute_script(scrolling) == "smooth"
    prefer(opened, "light", motion="reduce")
    assert opened.execute_script(scrolling) == "auto"


@pytest.fixture(params=[360, 1280])
def width(request: pytest.FixtureRequest, opened: Any) -> Iterator[int]:
    """Yield the window, narrow or wide, with all tables open."""
    size = {"width": request.param, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    opened.find_element("id", "expand").click()
    yield request.param
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_page_itself_never_scrolls_sideways(opened: Any, width: int) -> None:
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width


def test_a_keyboard_scrolls_what_is_too_wide_and_passes_by_what_is_not(opened: Any, width: int) -> None:
    wide = (
        """return [...document.querySelectorAll(".scroll")].map((e) => [e.scrollWidth > e.clientWidth, e.tabIndex])"""
    )

    def boxes() -> set[tuple[bool, int]]:
        return {(bool(too_wide), int(index)) for too_wide, index in opened.execute_script(wide)}

    wait_until("the boxes to be measured", lambda: boxes() <= {(True, 0), (False, -1)}, 10)
    assert ((True, 0) in boxes()) == (width == 360)
