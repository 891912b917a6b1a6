"""The drawings: nothing overlaps, and every line ends at its operation."""

from __future__ import annotations

import itertools
import re

import pytest

from local.harness import figures
from local.harness.principals import Actor
from local.harness.report import Edge
from tests.unit.local.harness import page_sample as sample


def edges(number: int) -> list[Edge]:
    actors = [Actor(f"function-{n}", "function") for n in range(max(number // 6, 1))]
    return [
        Edge(actors[n % len(actors)], f"service{n % 7}", f"Operation{n // 2}", calls=1 + n * n) for n in range(number)
    ]


@pytest.mark.parametrize("number", [1, 3, 40, 200])
def test_the_network_has_every_edge_and_no_overlap(number: int) -> None:
    drawing = figures.network(edges(number))
    rows = [row for service in drawing.services for row in service.rows]
    assert len(drawing.links) == len(rows) == number
    ends = sorted(row.y for row in rows)
    assert all(b - a >= 20 for a, b in itertools.pairwise(ends))
    nodes = sorted(node.y for node in drawing.nodes)
    assert all(b - a >= drawing.node for a, b in itertools.pairwise(nodes))
    boxes = sorted((s.y, s.y + s.height) for s in drawing.services)
    assert all(b[0] > a[1] for a, b in itertools.pairwise(boxes))
    assert all(service.y < row.y < service.y + service.height for service in drawing.services for row in service.rows)
    assert nodes[0] > 0
    assert max(boxes[-1][1], nodes[-1] + drawing.node) < drawing.height


def test_a_line_goes_from_its_caller_to_its_operation() -> None:
    drawing = figures.network(edges(12))
    y_of = {node.name: node.y + drawing.node / 2 for node in drawing.nodes}
    row_of = {id(row.edge): row.y for service in drawing.services for row in service.rows}
    for link in drawing.links:
        numbers = [float(n) for n in re.findall(r"-?[\d.]+", link.path)]
        assert numbers[:2] == [drawing.left, pytest.approx(y_of[link.edge.actor.name], abs=0.05)]
        assert numbers[-2:] == [drawing.right, pytest.approx(row_of[id(link.edge)], abs=0.05)]


def test_more_calls_make_a_wider_line() -> None:
    few, many = figures.network([Edge(Actor("f", "function"), "s3", o, n) for o, n in (("A", 1), ("B", 500))]).links
    assert few.width < many.width < 6


def test_an_operation_of_several_callers_is_named_as_such() -> None:
    callers = [Edge(Actor(name, "function"), "kms", "Decrypt", 1) for name in ("a", "b")]
    (service,) = figures.network(callers).services
    assert [row.again for row in service.rows] == [False, True]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "call"),
        ({"errors": 1}, "error"),
        ({"faults": 1, "errors": 1}, "fault"),
        ({"faults": 1, "refused": 1}, "refused"),
    ],
)
def test_a_line_shows_the_worst_of_its_calls(fields: dict[str, int], expected: str) -> None:
    assert figures.worst(Edge(Actor("f", "function"), "s3", "GetObject", 3, **fields)) == expected


def test_everything_on_the_timeline_is_on_the_scale() -> None:
    drawing = figures.timeline(sample.demo().capabilities[0])
    spots = [x for track in drawing.tracks for x in [*(b.x for b in track.bars), *(t.x for t in track.ticks)]]
    spots += [mark.x for mark in drawing.checks]
    assert len(drawing.tracks) == 3
    assert all(drawing.left <= x <= drawing.width for x in spots)
    assert [label for _, label in drawing.scale] == [f"{n} s" for n in range(7)]
    assert sum(tick.calls for track in drawing.tracks for tick in track.ticks) == 40
    assert {tick.kind for track in drawing.tracks for tick in track.ticks} == {"call", "fault", "refused"}


@pytest.mark.parametrize("seconds", [0.3, 4, 26, 140, 3000])
def test_the_scale_has_few_round_points(seconds: float) -> None:
    points = figures.scale(seconds)
    assert 3 <= len(points) <= 10
    assert points[0] == (0, "0 s")
    assert points[-1][0] <= seconds


def test_long_names_keep_both_ends() -> None:
    assert figures.cut("short", 10) == "short"
    assert figures.cut("switchyard-finding-export-function", 20) == "switchyard…-function"
