"""The demo's page: reads what was recorded, and writes one HTML file that needs no network.

The template escapes every value (Jinja2's autoescape); text of READMEs is rendered by markdown-it without HTML. The
page's policy lets the browser run and apply only what is in report.js and report.css, and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from local.harness import figures
from local.harness.cloud import Cloud
from local.harness.principals import Facts, facts
from local.harness.report import Demo, Run, build
from local.harness.scenario import Report
from local.settings import ROOT

_HERE = Path(__file__).parent
_markdown = MarkdownIt("commonmark", {"html": False})


def collect(cloud: Cloud, state: Mapping[str, Any], reports: Sequence[Report]) -> Demo:
    """Return what `cloud` recorded, assigned to the capabilities of `reports` with the help of Terraform's `state`."""
    known = facts(state, [report.capability for report in reports])
    return build(cloud.calls(), reports, known, runs(cloud, known))


def runs(cloud: Cloud, known: Facts) -> list[Run]:
    """Return every run of the stack's functions, from the lines that Lambda writes to their logs."""
    found: list[Run] = []
    for function in known.functions:
        logs = cloud.client("logs", region=function.region)
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function.name}")
            found += runs_in(function.name, [event for page in pages for event in page["events"]])
        except logs.exceptions.ResourceNotFoundException:
            continue  # a function that never ran may have no log group yet
    return found


def runs_in(function: str, events: Sequence[Mapping[str, Any]]) -> list[Run]:
    """Return the runs in a function's log: each ends with a REPORT line, and failed where it has a stack trace."""
    found, failed = [], False
    for event in events:
        message = str(event["message"])
        if message.startswith("START RequestId: "):
            failed = False
        failed |= message.startswith(("Traceback (most recent call last)", "[ERROR]"))
        if took := re.match(r"REPORT RequestId: \S+\s+Duration: ([\d.]+) ms", message):
            ms = float(took[1])
            found.append(Run(function, event["timestamp"] / 1000 - ms / 1000, ms, failed))
    return found


def introduction(readme: str) -> str:
    """Return the first paragraph below the title of a README."""
    return readme.split("\n\n")[1].strip() if readme.count("\n\n") else ""


def not_shown(readme: str) -> str:
    """Return what a README says was not shown on the local cloud, as Markdown; empty if it has no such section."""
    section = re.search(r"(?msi)^## ([^\n]*\bshown\b[^\n]*)\n(.*?)(?=^## |^<!--|\Z)", readme)
    if not section:
        return ""
    heading, text = section.groups()
    if "not shown" in heading.lower():
        return text.strip()
    begins = re.search(r"\bNot shown\b", text)
    return text[begins.start() :].strip() if begins else ""


def _prose(text: str, *, inline: bool = False) -> Markup:
    """Return Markdown as HTML with its links as plain text: the page has no links to other sites."""
    plain = re.sub(r"\[([^\]]+)\]\([^)\s]+\)", r"\1", text)
    return Markup(_markdown.renderInline(plain) if inline else _markdown.render(plain))


def _policy_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def render(demo: Demo, texts: Mapping[str, str], seconds: float, at: float, left_out: Sequence[str] = ()) -> str:
    """Return the page. `texts` are READMEs by capability, `left_out` the capabilities that this demo did not run."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(cut=figures.cut, prose=_prose)
    style, script = ((_HERE / name).read_text().strip() for name in ("report.css", "report.js"))
    return environment.get_template("report.html.j2").render(
        demo=demo,
        style=Markup(style),
        script=Markup(script),
        policy=f"default-src 'none'; style-src {_policy_hash(style)}; script-src {_policy_hash(script)}",
        introduction={name: introduction(text) for name, text in texts.items()},
        not_shown={name: not_shown(text) for name, text in texts.items()},
        network=figures.network,
        timeline=figures.timeline,
        seconds=seconds,
        at=time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)),
        left_out=left_out,
    )


def write(
    path: Path,
    cloud: Cloud,
    state: Mapping[str, Any],
    reports: Sequence[Report],
    seconds: float,
    left_out: Sequence[str] = (),
) -> Demo:
    """Write the page of a demo that took `seconds` to `path`, and return what it shows."""
    demo = collect(cloud, state, reports)
    texts = {report.capability: (ROOT / "modules" / report.capability / "README.md").read_text() for report in reports}
    path.write_text(render(demo, texts, seconds, time.time(), left_out), encoding="utf-8")
    return demo
