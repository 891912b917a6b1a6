"""Requests, trees and manifests: what is refused, and what holds for every number of objects."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.burst_search import manifest
from data.burst_search.errors import RequestRefused
from data.burst_search.job import READS_OF_PREFIX, reads_per_second
from data.burst_search.manifest import Item
from data.burst_search.request import Request
from data.burst_search.tree import MAX_DEPTH, Tree

SOURCES = {"logs": {"bucket": "b", "prefix": "app/"}}


def request(value: Any, sources: Any = SOURCES, searches: Any = ("grep",)) -> Request:
    return Request.of(value, sources, searches, "tree", 900)


def test_defaults_come_from_the_stack() -> None:
    assert request({}) == Request("logs", "app/", "grep", {}, "tree", 900)
    assert request({"prefix": "app/x", "strategy": "map", "timeout_seconds": 9}).prefix == "app/x"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "JSON object"),
        ([], "JSON object"),
        ("x", "JSON object"),
        ({"serch": "grep"}, "unknown fields: serch"),
        ({"source": "other"}, "source must be one of logs"),
        ({"source": ["logs"]}, "source must be one of"),
        ({"source": None}, "source must be one of"),
        ({"search": "other"}, "search must be one of grep"),
        ({"strategy": "both"}, "strategy must be one of map, tree"),
        ({"prefix": 1}, "prefix must be a text"),
        ({"prefix": "app/" + "x" * 1024}, "at most 1,024 bytes"),
        ({"prefix": "app/\ud800"}, "valid Unicode"),
        ({"prefix": "secret/"}, "must begin with 'app/'"),
        ({"prefix": "app"}, "must begin with 'app/'"),
        ({"prefix": "/app/"}, "must begin with 'app/'"),
        ({"params": []}, "params must be a JSON object"),
        ({"params": {"x": "y" * 32768}}, "at most 32,768 bytes"),
        ({"params": {"x": float("nan")}}, "NaN or infinite"),
        ({"timeout_seconds": 0}, "whole number from 1 to 900"),
        ({"timeout_seconds": 901}, "whole number from 1 to 900"),
        ({"timeout_seconds": "60"}, "whole number from 1 to 900"),
        ({"timeout_seconds": True}, "whole number from 1 to 900"),
        ({"timeout_seconds": 1.5}, "whole number from 1 to 900"),
    ],
)
def test_a_request_that_is_not_allowed_is_refused_with_what_to_write(value: Any, message: str) -> None:
    with pytest.raises(RequestRefused, match=message):
        request(value)


def test_of_several_sources_and_searches_one_must_be_named() -> None:
    two = {**SOURCES, "more": {"bucket": "c"}}
    with pytest.raises(RequestRefused, match="source must be one of logs, more"):
        request({}, two)
    assert request({"source": "more", "prefix": "anything"}, two).prefix == "anything"
    with pytest.raises(RequestRefused, match="search must be one of a, b"):
        request({}, searches=("a", "b"))


@given(st.integers(1, 100_000), st.integers(1, 64), st.integers(2, 64))
def test_a_tree_calls_each_worker_once_and_is_never_too_deep(batches: int, group: int, fan_out: int) -> None:
    """Field row B1: the depth is known before the first call, and a tree that would be deeper is made wider."""
    tree = Tree.of(batches, group, fan_out)
    assert 2 <= tree.depth <= MAX_DEPTH
    level, nodes, calls = tree.levels, [0], 1
    while level:
        for node in nodes:
            tree.check(level, node, tree.levels - level + 1)
        nodes = [child for node in nodes for child in tree.children(level, node)]
        calls += len(nodes)
        level -= 1
    assert nodes == list(range(tree.groups))
    assert sum(tree.size(one) for one in nodes) == batches
    assert [number for one in nodes[-2:] for number in tree.numbers(one)][-1] == batches - 1
    assert calls == tree.dispatchers
    assert tree.calls == calls + batches


def test_the_tree_of_the_field_report() -> None:
    """Field row B1: 100,000 batches and 2 children for each manager would be 17 deep."""
    tree = Tree.of(100_000, 1, 2)
    assert tree.depth == MAX_DEPTH
    assert tree.fan_out == 7


@given(st.integers(0, 6), st.integers(-1, 9), st.integers(-1, 9))
def test_a_call_goes_down_the_tree_or_nowhere(levels: int, level: int, depth: int) -> None:
    tree = Tree(2**levels * 4, 4, 2, levels)
    try:
        tree.check(level, 0, depth)
    except RequestRefused:
        return
    assert 0 <= level <= levels
    assert depth + level + 1 <= MAX_DEPTH  # the chain that may follow


KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
ITEMS = st.lists(
    st.builds(Item, KEYS, st.just('"etag"'), st.integers(0, 100)), unique_by=lambda item: item.key, max_size=40
)


@given(ITEMS, st.integers(1, 7), st.integers(1, 150))
def test_each_object_is_in_one_batch_and_is_read_back(items: list[Item], most: int, most_bytes: int) -> None:
    divided = list(manifest.batches(manifest.spread(items, "job"), most, most_bytes))
    assert Counter(item for batch in divided for item in batch) == Counter(items)
    for batch in divided:
        assert len(batch) <= most
        assert len(batch) == 1 or sum(item.size for item in batch) <= most_bytes
    keys, lines, counts = manifest.write("job" * 26, divided)
    assert len(lines) == manifest.WIDTH * len(divided)
    for number, batch in enumerate(divided):
        first, last = map(int, manifest.line_range(number).removeprefix("bytes=").split("-"))
        line = manifest.read_line(lines[first : last + 1])
        assert (line["batch"], line["objects"], counts[number]) == (number, len(batch), len(batch))
        assert manifest.read_keys(keys[line["first"] : line["last"] + 1]) == batch
    assert [json.loads(line)["batch"] for line in lines.splitlines()] == list(range(len(divided)))


def test_long_keys_make_more_batches() -> None:
    """Field row B2: a batch is bounded by the bytes of its keys too."""
    items = [Item("k" * 1000 + str(number), "", 0) for number in range(3000)]
    divided = list(manifest.batches(items, 5000, 10**9))
    assert len(divided) > 1
    assert all(sum(len(item.line()) for item in batch) <= manifest.MAX_LINES for batch in divided)


def test_batches_read_from_all_prefixes_at_once() -> None:
    """The source's limit: 5,500 reads a second for each prefix."""
    items = [Item(f"{number // 500}/{number:05d}", "", 1) for number in range(5000)]
    order = manifest.spread(items, "job")
    assert order == manifest.spread(list(reversed(items)), "job") != manifest.spread(items, "other")
    for batch in manifest.batches(order, 100, 10**9):
        assert manifest.prefixes(batch) >= 8
        assert max(Counter(item.key[0] for item in batch).values()) <= 30


@given(st.integers(0, 2000), st.integers(0, 3000))
def test_workers_together_stay_below_what_s3_serves(prefixes: int, workers: int) -> None:
    rate = reads_per_second(prefixes, workers)
    assert rate >= 1
    assert rate * max(1, workers) <= max(READS_OF_PREFIX * max(1, prefixes), workers) + 1e-6
