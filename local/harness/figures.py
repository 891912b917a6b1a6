"""The layout of the two drawings of a capability: who called what, and when. Geometry only, no markup."""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Sequence

from local.harness.principals import Actor
from local.harness.report import Capability, CheckLine, Edge, Lane

WIDTH = 1000.0
_LEFT, _RIGHT = 300.0, 530.0  # where callers end and operations begin
_ROW, _HEAD, _GAP, _PAD = 22.0, 30.0, 14.0, 12.0
_NODE = 44.0
_LANE = 34.0


@dataclasses.dataclass(frozen=True)
class Node:
    """A caller: a box at the left with its name, what it is, and how many calls it made."""

    y: float
    name: str
    kind: str
    calls: int


@dataclasses.dataclass(frozen=True)
class Row:
    """The right end of an edge: the operation, and the results of its calls. `again` if the row above names it too."""

    y: float
    edge: Edge
    again: bool


@dataclasses.dataclass(frozen=True)
class Service:
    """A box at the right with a row for each edge."""

    y: float
    height: float
    name: str
    rows: list[Row]


@dataclasses.dataclass(frozen=True)
class Link:
    """The line between a caller and a row: its path, its width, and the worst result of its calls."""

    path: str
    width: float
    kind: str
    edge: Edge


@dataclasses.dataclass(frozen=True)
class Network:
    """Who called what."""

    height: float
    nodes: list[Node]
    services: list[Service]
    links: list[Link]
    width: float = WIDTH
    left: float = _LEFT
    right: float = _RIGHT
    node: float = _NODE


@dataclasses.dataclass(frozen=True)
class Bar:
    """A run of a function."""

    x: float
    width: float
    failed: bool
    seconds: float


@dataclasses.dataclass(frozen=True)
class Tick:
    """Calls of the same kind at about the same time."""

    x: float
    height: float
    kind: str
    calls: int


@dataclasses.dataclass(frozen=True)
class Track:
    """A lane of the timeline."""

    y: float
    name: str
    kind: str
    bars: list[Bar]
    ticks: list[Tick]


@dataclasses.dataclass(frozen=True)
class Mark:
    """A check, at the time when it was made."""

    x: float
    name: str
    passed: bool


@dataclasses.dataclass(frozen=True)
class Timeline:
    """A timeline of runs, calls and checks."""

    height: float
    tracks: list[Track]
    checks_y: float
    checks: list[Mark]
    scale: list[tuple[float, str]]
    width: float = WIDTH
    left: float = _LEFT
    lane: float = _LANE


def cut(text: str, limit: int) -> str:
    """Return *text* in at most *limit* characters, without its middle: names differ at their ends."""
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[: limit - 1 - half]}…{text[-half:]}"


def worst(edge: Edge) -> str:
    """Return what a line shows: refused, fault, error or call."""
    return "refused" if edge.refused else "fault" if edge.faults else "error" if edge.errors else "call"


def network(edges: Sequence[Edge]) -> Network:
    """Return callers at the left, services with their operations at the right, in an order with few crossing lines."""
    actors = sorted({e.actor for e in edges}, key=lambda a: (a.kind != "function", a.name, a.kind))
    order = {actor: number for number, actor in enumerate(actors)}
    by_service: dict[str, list[Edge]] = collections.defaultdict(list)
    for edge in edges:
        by_service[edge.service].append(edge)

    def middle(service: str) -> tuple[float, str]:
        return sum(order[e.actor] for e in by_service[service]) / len(by_service[service]), service

    services, y = [], _PAD
    for name in sorted(by_service, key=middle):
        rows = _rows(sorted(by_service[name], key=lambda e: (e.operation, order[e.actor])), y + _HEAD)
        height = _HEAD + len(rows) * _ROW + 6
        services.append(Service(y, height, name, rows))
        y += height + _GAP
    ends = {id(row.edge): row.y for service in services for row in service.rows}
    nodes = _nodes(actors, edges, ends)
    bottom = max([y - _GAP, *(node.y + _NODE for node in nodes.values())], default=_PAD) + _PAD
    links = [_link(nodes[edge.actor], ends[id(edge)], edge) for edge in edges]
    return Network(bottom, list(nodes.values()), services, links)


def _rows(edges: Sequence[Edge], y: float) -> list[Row]:
    return [
        Row(y + (number + 0.5) * _ROW, edge, number > 0 and edges[number - 1].operation == edge.operation)
        for number, edge in enumerate(edges)
    ]


def _nodes(actors: Sequence[Actor], edges: Sequence[Edge], ends: dict[int, float]) -> dict[Actor, Node]:
    """Place each caller about where its calls end, without overlaps."""
    wanted = {}
    for actor in actors:
        own = [ends[id(e)] for e in edges if e.actor == actor]
        wanted[actor] = sum(own) / len(own) - _NODE / 2
    nodes, free = {}, _PAD
    for actor in sorted(actors, key=lambda a: wanted[a]):
        y = max(wanted[actor], free)
        calls = sum(e.calls for e in edges if e.actor == actor)
        nodes[actor] = Node(y, actor.name, actor.kind, calls)
        free = y + _NODE + _GAP
    return nodes


def _link(node: Node, end: float, edge: Edge) -> Link:
    start, bend = node.y + _NODE / 2, (_RIGHT - _LEFT) / 2
    path = f"M{_LEFT:g} {start:.1f}C{_LEFT + bend:g} {start:.1f} {_RIGHT - bend:g} {end:.1f} {_RIGHT:g} {end:.1f}"
    return Link(path, round(1.2 + math.log10(edge.calls) * 0.9, 2), worst(edge), edge)


def timeline(capability: Capability) -> Timeline:
    """Return runs as bars, calls as ticks (higher: more of them), checks as marks, on a scale in seconds."""
    seconds = max(capability.span, 0.001)
    per_second = (WIDTH - _LEFT - 20) / seconds
    tracks = [_track(lane, _PAD + number * _LANE, per_second) for number, lane in enumerate(capability.lanes)]
    checks_y = _PAD + len(tracks) * _LANE
    return Timeline(
        checks_y + _LANE + 30.0,
        tracks,
        checks_y,
        [_mark(check, per_second, seconds) for check in capability.checks],
        [(_LEFT + at * per_second, label) for at, label in scale(seconds)],
    )


def _mark(check: CheckLine, per_second: float, seconds: float) -> Mark:
    return Mark(_LEFT + min(check.at, seconds) * per_second, check.name, check.passed)


def _track(lane: Lane, y: float, per_second: float) -> Track:
    bars = [
        Bar(_LEFT + start * per_second, max((end - start) * per_second, 1.5), failed, end - start)
        for start, end, failed in lane.bars
    ]
    counted = collections.Counter((int(m.at * per_second / 3), m.kind) for m in lane.moments)
    order = {"call": 0, "fault": 1, "refused": 2}  # rarer ones are drawn on top
    ticks = [
        Tick(_LEFT + bucket * 3 + 1.5, 6 + min(math.log2(number) * 3, 16), kind, number)
        for (bucket, kind), number in sorted(counted.items(), key=lambda item: (order[item[0][1]], item[0][0]))
    ]
    return Track(y, lane.name, lane.kind, bars, ticks)


def scale(seconds: float, most: int = 9) -> list[tuple[float, str]]:
    """Return round points of time up to `seconds`, at most *most* and the start, with their labels."""
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 3600, 36000) if seconds / s <= most)
    return [(round(number * step, 1), f"{number * step:g} s") for number in range(int(seconds / step + 1e-9) + 1)]
