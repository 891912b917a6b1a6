"""The page without a browser: it is complete, everything is escaped, and nothing is loaded."""

from __future__ import annotations

import html.parser
import itertools
from typing import Any

import pytest

from local.harness import page, principals, report, scenario
from local.settings import ROOT
from tests.unit.local.harness import page_sample as sample

README = """# kms_rotation

Rotates *keys*, see [KMS](https://example.com/).

## Shown locally

Much. Not shown: `prices`.

<!-- BEGIN_TF_DOCS -->
"""
HOSTILE = """<script>alert("1")</script><img src=x onerror='alert(2)'>"&'"""


class Elements(html.parser.HTMLParser):
    """Every start tag with its attributes, the text of the page, and the ids and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def rendered(demo: report.Demo | None = None, readme: str = README, **options: Any) -> str:
    shown = demo or sample.demo()
    texts = {capability.name: readme for capability in shown.capabilities}
    return page.render(shown, texts, 107.4, sample.START, **options)


def test_every_capability_has_its_section_and_its_row() -> None:
    elements = Elements(rendered())
    ids = {attributes.get("id") for _, attributes in elements.tags}
    for name in ("posture-finding_export", "protection-kms_rotation"):
        assert {name, f"{name}-net-title", f"{name}-time-title"} <= ids
        assert {"href": f"#{name}"} in elements.of("a")
    for words in (
        "1 of 2",
        "5,000 findings;\n10 % of calls fail",
        "['RUNNING', 'SUCCEEDED']",
        "GetFindings",
        "3 faults",
        "machine",
        "Terraform",
        "reset",
    ):
        assert words in elements.text


def test_links_lead_to_what_is_on_the_page() -> None:
    elements = Elements(rendered())
    ids = [attributes["id"] for _, attributes in elements.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [str(v) for _, a in elements.tags for k, v in a.items() if k in ("aria-labelledby", "aria-describedby")]
    assert {name for names in named for name in names.split()} <= set(ids)
    assert {str(a["href"]).removeprefix("#") for a in elements.of("a")} <= set(ids)


def test_tables_and_drawings_say_what_they_are() -> None:
    elements = Elements(rendered())
    order = [tag for tag, _ in elements.tags]
    assert all(order[at + 1] == "caption" for at, tag in enumerate(order) if tag == "table")
    assert {str(a.get("scope")) for a in elements.of("th")} == {"row", "col"}
    assert all(a["role"] == "img" and a["aria-labelledby"] for a in elements.of("svg"))
    levels = [int(tag[1]) for tag in order if tag in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_hostile_names_and_values_are_text() -> None:
    calls = sample.calls()
    calls.append(sample.call(sample.session("switchyard-kms-rotation-report"), f"kms:{HOSTILE}"))
    calls.append(sample.call(HOSTILE, f"{HOSTILE}:Get", fault=HOSTILE))
    calls.append(sample.call(sample.session("machine"), "s3:GetObject", fault=HOSTILE))
    reports = sample.reports()
    reports[0].sent = reports[0].error = HOSTILE
    reports[0].check(HOSTILE, HOSTILE, f"not {HOSTILE}")
    state = sample.state()
    state["resources"] += sample.function("module.kms_rotation", HOSTILE)
    known = principals.facts(state, sample.CAPABILITIES)
    runs = [*sample.runs(), report.Run(HOSTILE, sample.START + 1, 10.0)]
    demo = report.build(calls, reports, known, runs)
    readme = README.replace("Much.", HOSTILE).replace("`prices`", f"{HOSTILE} [x](javascript:alert(3))")
    text = rendered(demo, readme.replace("Rotates", HOSTILE), left_out=[HOSTILE])
    plain = rendered()

    def kinds(page_text: str) -> set[tuple[str, tuple[str, ...]]]:
        return {(tag, tuple(sorted(attributes))) for tag, attributes in Elements(page_text).tags}

    elements = Elements(text)
    assert len(elements.of("script")) == 1
    assert "img" not in {tag for tag, _ in elements.tags}
    assert not [name for _, attributes in elements.tags for name in attributes if name.startswith("on")]
    assert not [a for a in elements.of("a") if "javascript" in str(a)]
    # No element or attribute is new, except those that appear only if something failed.
    assert {tag for tag, _ in kinds(text)} - {tag for tag, _ in kinds(plain)} == set()
    assert {name for _, names in kinds(text) for name in names} == {n for _, names in kinds(plain) for n in names}
    assert elements.text.count(HOSTILE) > 10


def test_nothing_is_loaded_and_only_the_pages_own_script_and_style_may_act() -> None:
    elements = Elements(rendered())
    (policy,) = [a["content"] for a in elements.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert all(directives[name].startswith("'sha256-") for name in ("style-src", "script-src"))
    loading = [a for _, a in elements.tags if {"src", "srcset", "data", "action", "style"} & set(a)]
    assert not loading
    assert "link" not in {tag for tag, _ in elements.tags}
    assert "http" not in elements.text.replace("http-equiv", "")


def test_no_path_of_this_machine_is_on_it() -> None:
    assert str(ROOT) not in rendered()


def test_what_was_left_out_is_named() -> None:
    assert "This demo left out" not in rendered()
    text = rendered(left_out=["posture/finding_chat"])
    assert "This demo left out 1 capability: <code>posture/finding_chat</code>." in text


def test_text_of_a_readme() -> None:
    assert page.introduction(README) == "Rotates *keys*, see [KMS](https://example.com/)."
    assert page.not_shown(README) == "Not shown: `prices`."
    assert "<p>Rotates <em>keys</em>, see KMS.</p>" in rendered()
    assert "<p>Not shown: <code>prices</code>.</p>" in rendered()


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("## What was not shown locally\n\n- This.\n- That.\n\n## More\n", "- This.\n- That."),
        (
            "## What is shown locally, and what is not\n\nAll.\n\nNot shown, for now:\n\n- This.\n",
            "Not shown, for now:\n\n- This.",
        ),
        ("## Shown locally\n\nAll.\n", ""),
        ("## Limits\n\nNot shown: this.\n", ""),
    ],
)
def test_what_a_readme_says_was_not_shown(section: str, expected: str) -> None:
    assert page.not_shown(f"# a\n\nText.\n\n{section}") == expected


@pytest.mark.parametrize("name", scenario.names())
def test_every_capability_says_what_it_is_and_what_was_not_shown(name: str) -> None:
    readme = (ROOT / "modules" / name / "README.md").read_text()
    assert page.introduction(readme)
    assert page.not_shown(readme)


def test_runs_from_a_log() -> None:
    lines = [
        "START RequestId: a Version: $LATEST",
        '{"message": "Traceback (most recent call last)"}',
        "END RequestId: a",
        "REPORT RequestId: a\tDuration: 1500 ms\tBilled Duration: 1500 ms",
        "START RequestId: b Version: $LATEST",
        "Traceback (most recent call last):",
        "ValueError",
        "END RequestId: b",
        "REPORT RequestId: b\tDuration: 20.5 ms\tBilled Duration: 21 ms",
        "START RequestId: c Version: $LATEST",  # it has not ended
    ]
    events = [{"timestamp": 10_000 + number, "message": line} for number, line in enumerate(lines)]
    first, second = page.runs_in("f", events)
    assert (first.function, round(first.at, 3), first.ms, first.failed) == ("f", 8.503, 1500.0, False)
    assert (second.ms, second.failed) == (20.5, True)
