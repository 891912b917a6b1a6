"""training_feedback: turns of a conversation through the local Lex, and feedback until its row is there."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from local.harness import demo, scenario
from local.harness.cloud import Cloud, local_cloud
from local.harness.terraform import Terraform
from local.settings import HOME
from scenarios.apps import training_feedback as subject
from tools import package

TURNS = 100
FEEDBACK = 20
POLLING = ("ReceiveMessage", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility", "GetQueueAttributes")


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 3), "unit": unit})

    package.build(package.HOST_BUILD, package.Target.host(), ["training_feedback"])
    note("zip size", (HOME / "build" / "apps/training_feedback.zip").stat().st_size / 1000, "kB")
    modules = scenario.find(["training_feedback"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            variables = demo.variables_of(modules) | scenario.prepare(modules, cloud)
            terraform = Terraform(cloud, folder / "root", variables)
            terraform.init()
            terraform.apply()
            stack = scenario.Stack(cloud, terraform.outputs()["training_feedback"])
            subject.teach(stack)
            learner = subject.Learner(stack, "bench")
            note("first training, with the cold start of the hook", turn(learner), "ms")
            since = time.time()
            times = [turn(learner) for _ in range(TURNS)]
            note("calls of AWS's APIs for each training", calls(cloud, since, "hook") / TURNS, "calls")
            note("training, warm, p50", statistics.median(times), "ms")
            note("training, warm, p99", statistics.quantiles(times, n=100)[98], "ms")
            since = time.time()
            began = time.perf_counter()
            for number in range(FEEDBACK):
                learner.give(f"The menu is terrible, number {number}")
            subject.rows(stack, learner, FEEDBACK)
            note("feedback, four turns and its row", (time.perf_counter() - began) / FEEDBACK, "s")
            note("calls of AWS's APIs for each training with feedback", calls(cloud, since, "hook") / FEEDBACK, "calls")
            note("calls of AWS's APIs for each row", calls(cloud, since, "analyse") / FEEDBACK, "calls")
    return results


def calls(cloud: Cloud, since: float, function: str) -> int:
    """Return how many calls a function has made, without those of its log, its traces and its queue's deliveries."""
    found = cloud.calls(since, f"training-feedback-{function}")
    return sum(call["operation"] not in POLLING and call["service"] not in ("logs", "xray") for call in found)


def turn(learner: subject.Learner) -> float:
    """Ask for a training. Return the milliseconds until the material was there."""
    started = time.perf_counter()
    assert "Press Limits" in learner.say("teach me alarms", "en_US")["said"]
    return (time.perf_counter() - started) * 1000
