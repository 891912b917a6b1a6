"""Metrics that AWS services publish themselves."""

from __future__ import annotations

import types
from typing import Any

import pytest

from local.patches import cloudwatch_metrics as subject

DEPTH, AGE = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
WATCHED = {("111122223333", "eu-central-1", metric, "orders") for metric in (DEPTH, AGE)}


def test_a_queue_without_news_is_published_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    queues: dict[str, Any] = {
        name: {"attributes": {"QueueArn": f"arn:aws:sqs:eu-central-1:111122223333:{name}"}, "messages": []}
        for name in ("orders", "unwatched")
    }
    recorded: list[tuple[Any, ...]] = []
    clock = [1_000.0]
    monkeypatch.setattr("ministack.services.sqs._queues", types.SimpleNamespace(to_dict=lambda: queues))
    monkeypatch.setattr("ministack.services.cloudwatch.record_metric", lambda *value: recorded.append(value))
    monkeypatch.setattr(subject, "_watched", lambda: WATCHED)
    monkeypatch.setattr(subject, "time", types.SimpleNamespace(time=lambda: clock[0]))
    published: dict[tuple[str, ...], tuple[float, float]] = {}

    def at(seconds: float) -> list[tuple[str, float]]:
        recorded.clear()
        clock[0] = seconds
        subject.publish_queue_depths(published)
        assert {value[4]["QueueName"] for value in recorded} <= {"orders"}
        return [(value[1], value[2]) for value in recorded]

    assert at(1_000) == [(DEPTH, 0), (AGE, 0)]
    assert at(1_002) == []
    queues["orders"]["messages"] = [{"sent_at": 1_001.0}, {"sent_at": 1_003.0, "visible_at": 2_000.0}]
    assert at(1_004) == [(DEPTH, 1), (AGE, 3)]
    assert at(1_006) == [(AGE, 5)], "the message becomes older"
    queues["orders"]["messages"] = []
    assert at(1_008) == [(DEPTH, 0), (AGE, 0)]
    assert at(1_008 + subject.REPEATED - 1) == []
    assert at(1_008 + subject.REPEATED) == [(DEPTH, 0), (AGE, 0)], "an alarm's period never stays empty"
