"""The page of plots, made of rows of the views. Plain values in, HTML with SVG out; nothing here calls AWS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from html import escape
from typing import Any

Row = Mapping[str, str | None]

GOOD, BAD, LINE = "#2a6fbb", "#d1571b", "#c9ced6"
NONE = "\N{EN DASH}"
MOST_ACTIONS = 40
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1080px; padding: 24px; color: #1c2330; }
h1 { font-size: 22px; margin: 0 0 4px } h2 { font-size: 16px; margin: 28px 0 8px }
p { margin: 0 0 12px; color: #56607a }
select { font: inherit; padding: 4px 8px; max-width: 100% }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px; margin-top: 16px }
.card { border: 1px solid #dfe3ea; border-radius: 8px; padding: 12px 14px } .card b { display: block; font-size: 24px }
.card span { color: #56607a; font-size: 13px } svg { display: block; width: 100%; height: auto }
svg text { font: 12px system-ui, sans-serif; fill: #3a4356 } table { border-collapse: collapse; width: 100% }
th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid #e6e9ef; font-variant-numeric: tabular-nums }
th:first-child, td:first-child { text-align: left } th { color: #56607a; font-weight: 600 }
.key i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin: 0 5px 0 14px }
section[hidden] { display: none }
"""
SCRIPT = """
const choice = document.querySelector('select');
const show = () => document.querySelectorAll('section').forEach(s => { s.hidden = s.id !== choice.value; });
choice.addEventListener('change', show); show();
"""


@dataclasses.dataclass
class Pipeline:
    """What the page shows of one pipeline, or of all. `days` has succeeded and failed executions by day."""

    label: str
    days: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    without_result: int = 0
    actions: list[tuple[str, int, int]] = dataclasses.field(default_factory=list)
    months: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def succeeded(self) -> int:
        """Return the number of executions that succeeded."""
        return sum(good for good, _ in self.days.values())

    @property
    def failed(self) -> int:
        """Return the number of executions that failed."""
        return sum(bad for _, bad in self.days.values())


def arrange(daily: Iterable[Row], actions: Iterable[Row], months: Iterable[Row]) -> list[Pipeline]:
    """Return the pipelines of the rows, in the order of their names."""
    found: dict[tuple[str, ...], Pipeline] = {}

    def of(row: Row) -> Pipeline:
        place = tuple(str(row[name] or "") for name in ("pipeline", "account", "region"))
        return found.setdefault(place, Pipeline(f"{place[0]} ({place[1]}, {place[2]})"))

    for row in daily:
        pipeline = of(row)
        good, bad = _whole(row["succeeded"]), _whole(row["failed"])
        pipeline.days[str(row["day"])[:10]] = (good, bad)
        pipeline.without_result += _whole(row["without_result"])
    for row in actions:
        of(row).actions.append((f"{row['stage']} / {row['action']}", _whole(row["succeeded"]), _whole(row["failed"])))
    for row in months:
        of(row).months.append(
            {
                "month": str(row["month"])[:7],
                "deployments": _whole(row["deployments"]),
                "failed": _whole(row["failed_deployments"]),
                "per_day": _number(row["deployments_per_day"]),
                "failure_rate": _number(row["change_failure_rate"]),
                "lead_seconds": _number(row["median_lead_seconds"]),
                "restore_seconds": _number(row["median_restore_seconds"]),
            }
        )
    return [found[place] for place in sorted(found)]


def together(pipelines: Iterable[Pipeline]) -> Pipeline:
    """Return the executions of all pipelines. Medians and rates of single pipelines cannot be added up."""
    whole = Pipeline("All pipelines")
    for pipeline in pipelines:
        whole.without_result += pipeline.without_result
        for day, (good, bad) in pipeline.days.items():
            before = whole.days.get(day, (0, 0))
            whole.days[day] = (before[0] + good, before[1] + bad)
        name = pipeline.label.partition(" (")[0]
        whole.actions += [(f"{name}: {action}", good, bad) for action, good, bad in pipeline.actions]
    return whole


def figures(month: Mapping[str, Any]) -> dict[str, Any]:
    """Return a month's figures without those that have no value."""
    return {name: value for name, value in month.items() if value is not None}


def render(pipelines: list[Pipeline], at: datetime, days: int, time_zone: str) -> str:
    """Return the page."""
    every = [together(pipelines), *pipelines]
    options = "".join(f'<option value="p{n}">{escape(one.label)}</option>' for n, one in enumerate(every))
    last = at.date()
    sections = "".join(
        f'<section id="p{number}"{" hidden" if number else ""}>{_section(one, last, days)}</section>'
        for number, one in enumerate(every)
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Pipelines</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
        f"<h1>Pipelines</h1><p>The last {days} days, in {escape(time_zone)}. Written {at:%Y-%m-%d %H:%M} UTC.</p>"
        f'<label>Pipeline <select aria-label="Pipeline">{options}</select></label>{sections}'
        f"<script>{SCRIPT}</script></html>"
    )


def _section(one: Pipeline, last: date, days: int) -> str:
    decided = one.succeeded + one.failed
    rate = f"{one.succeeded / decided:.0%}" if decided else NONE
    cards = [
        (str(one.succeeded), "executions succeeded"),
        (str(one.failed), "executions failed"),
        (rate, "success rate"),
        (str(one.without_result), "superseded, stopped, canceled, running"),
    ]
    parts = [_cards(cards), "<h2>Executions</h2>", _key(), _total(one), "<h2>By day</h2>", _days(one, last, days)]
    if one.actions:
        parts += ["<h2>By action</h2>", _actions(one.actions)]
    if one.months:
        parts += ["<h2>Deployments by month</h2>", _months(one.months)]
    return "".join(parts)


def _cards(cards: Iterable[tuple[str, str]]) -> str:
    inner = "".join(f'<div class="card"><b>{value}</b><span>{name}</span></div>' for value, name in cards)
    return f'<div class="cards">{inner}</div>'


def _key() -> str:
    return f'<p class="key"><i style="background:{GOOD}"></i>succeeded<i style="background:{BAD}"></i>failed</p>'


def _total(one: Pipeline) -> str:
    """Return one bar: how many of the executions with a result succeeded and failed."""
    bars = _bar(0, 1032, 0, 26, one.succeeded, one.failed, one.succeeded + one.failed)
    return f'<svg viewBox="0 0 1032 28" role="img" aria-label="Executions by result">{bars}</svg>'


def _days(one: Pipeline, last: date, days: int) -> str:
    """Return a column for each day: successes upwards, failures downwards, on one scale."""
    names = [(last - timedelta(days=days - 1 - number)).isoformat() for number in range(days)]
    counts = [one.days.get(name, (0, 0)) for name in names]
    top = max((good for good, _ in counts), default=0)
    bottom = max((bad for _, bad in counts), default=0)
    scale = 150 / max(top + bottom, 1)
    zero, width = 16 + top * scale, 980 / days
    parts = [f'<line x1="40" x2="1032" y1="{zero:.1f}" y2="{zero:.1f}" stroke="{LINE}"/>']
    for number, (name, (good, bad)) in enumerate(zip(names, counts, strict=True)):
        left = 46 + number * width
        wide = max(width - 1.5, 1)
        if good:
            shape = f'x="{left:.1f}" y="{zero - good * scale:.1f}" width="{wide:.1f}" height="{good * scale:.1f}"'
            parts.append(f'<rect {shape} fill="{GOOD}"><title>{name}: {good} succeeded</title></rect>')
        if bad:
            shape = f'x="{left:.1f}" y="{zero:.1f}" width="{wide:.1f}" height="{bad * scale:.1f}"'
            parts.append(f'<rect {shape} fill="{BAD}"><title>{name}: {bad} failed</title></rect>')
        if number % max(days // 6, 1) == 0 and left < 980:
            parts.append(f'<text x="{left:.1f}" y="196">{name}</text>')
    parts.append(f'<text x="34" y="20" text-anchor="end">{top}</text>')
    if bottom:
        parts.append(f'<text x="34" y="{zero + bottom * scale:.1f}" text-anchor="end">{bottom}</text>')
    return f'<svg viewBox="0 0 1032 202" role="img" aria-label="Executions by day">{"".join(parts)}</svg>'


def _actions(actions: list[tuple[str, int, int]]) -> str:
    """Return a bar for each action, those with the most failures first."""
    chosen = sorted(actions, key=lambda action: (-action[2], -action[1], action[0]))
    shown, more = chosen[:MOST_ACTIONS], len(chosen) - MOST_ACTIONS
    most = max((good + bad for _, good, bad in shown), default=0)
    parts = []
    for number, (name, good, bad) in enumerate(shown):
        top = number * 26
        parts.append(f'<text x="336" y="{top + 16}" text-anchor="end">{escape(_short(name))}</text>')
        parts.append(_bar(344, 688, top + 2, 20, good, bad, most))
    note = f"<p>{more} more actions had fewer failures.</p>" if more > 0 else ""
    height = len(shown) * 26 + 2
    return f'<svg viewBox="0 0 1032 {height}" role="img" aria-label="Results by action">{"".join(parts)}</svg>{note}'


def _bar(left: float, width: float, top: float, height: float, good: int, bad: int, most: int) -> str:
    parts, start = [], left
    for count, color in ((good, GOOD), (bad, BAD)):
        wide = width * count / most if most else 0
        if not count:
            continue
        parts.append(f'<rect x="{start:.1f}" y="{top}" width="{wide:.1f}" height="{height}" fill="{color}"/>')
        if wide > 9 * len(str(count)) + 8:
            where = f'x="{start + wide / 2:.1f}" y="{top + height / 2 + 4:.1f}"'
            parts.append(f'<text {where} text-anchor="middle" style="fill:#fff">{count}</text>')
        start += wide
    return "".join(parts)


def _months(months: Iterable[Mapping[str, Any]]) -> str:
    head = "Month|Deployments|A day|Failed|Change failure rate|Median lead time|Median time to restore"
    rows = "".join(
        f"<tr><td>{escape(month['month'])}</td><td>{month['deployments']}</td><td>{_decimal(month['per_day'])}</td>"
        f"<td>{month['failed']}</td><td>{_percent(month['failure_rate'])}</td>"
        f"<td>{_duration(month['lead_seconds'])}</td><td>{_duration(month['restore_seconds'])}</td></tr>"
        for month in months
    )
    names = "".join(f"<th>{name}</th>" for name in head.split("|"))
    return f"<table><thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>"


def _whole(value: str | None) -> int:
    return int(value) if value else 0


def _number(value: str | None) -> float | None:
    return float(value) if value else None


def _decimal(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.0%}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return NONE
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _short(text: str) -> str:
    return text if len(text) <= 48 else f"{text[:47]}…"
