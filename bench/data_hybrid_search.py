"""hybrid_search: searches through the local API in each mode, and how well each mode finds (nDCG of the first ten)."""

from __future__ import annotations

import json
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from local.harness import demo, scenario
from local.harness.cloud import local_cloud
from local.harness.terraform import Terraform
from local.settings import HOME
from scenarios.data import hybrid_search as subject
from tools import package

ROUNDS = 5
FOUND = 10
JUDGED: dict[str, dict[str, int]] = json.loads(subject.CATALOGUE.with_name("hybrid_search.judged.json").read_text())
"""Queries, and how good a product answers each: 3 for what is meant, 1 for what may do. Others have 0."""


def ndcg(ids: list[str], judged: dict[str, int]) -> float:
    """Return the normalised discounted cumulative gain of the first ten: 1 for the best possible order."""

    def gain(grades: list[int]) -> float:
        return math.fsum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades[:FOUND]))

    return gain([judged.get(one, 0) for one in ids]) / gain(sorted(judged.values(), reverse=True))


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 3), "unit": unit})

    note("zip size", (HOME / "build" / "data/hybrid_search.zip").stat().st_size / 1000, "kB")
    package.build(package.HOST_BUILD, package.Target.host(), ["hybrid_search"])
    modules = scenario.find(["hybrid_search"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            variables = demo.variables_of(modules) | scenario.prepare(modules, cloud)
            terraform = Terraform(cloud, folder / "root", variables)
            terraform.init()
            terraform.apply()
            stack = scenario.Stack(cloud, terraform.outputs()["hybrid_search"])
            note("first search, with the start of the function", timed(stack, "boots", "hybrid")[0], "ms")
            began = time.perf_counter()
            subject.reported(stack, subject.put(stack, "catalogue.jsonl", subject.CATALOGUE.read_bytes()))
            note("61 documents loaded, from the object to the report", (time.perf_counter() - began) * 1000, "ms")
            for mode in ("lexical", "vector", "hybrid"):
                figures(stack, mode, note)
    return results


def figures(stack: scenario.Stack, mode: str, note: Any) -> None:
    """Note the times and the relevance of one mode."""
    times, gains = [], []
    for round_ in range(ROUNDS):
        for text, judged in JUDGED.items():
            took, ids = timed(stack, text, mode)
            times.append(took)
            if round_ == 0:
                gains.append(ndcg(ids, judged))
    cuts = statistics.quantiles(times, n=100)
    note(f"{mode}: search, warm, p50", cuts[49], "ms")
    note(f"{mode}: search, warm, p99", cuts[98], "ms")
    note(f"{mode}: nDCG@10 of {len(JUDGED)} judged queries", statistics.mean(gains), "")


def timed(stack: scenario.Stack, text: str, mode: str) -> tuple[float, list[str]]:
    """Search. Return the milliseconds and the ids found."""
    started = time.perf_counter()
    ids = subject.found(stack, text, mode=mode, size=FOUND)
    return (time.perf_counter() - started) * 1000, ids
