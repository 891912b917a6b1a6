"""Metrics that AWS services publish themselves."""

from __future__ import annotations

import types
from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudwatch

from local.patches import cloudwatch_metrics as subject

DEPTH, AGE = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
WATCHED: dict[Any, list[Any]] = {
    ("111122223333", "eu-central-1", "AWS/SQS", metric, frozenset({("QueueName", "orders")})): []
    for metric in (DEPTH, AGE)
}


def test_a_queue_without_news_is_published_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    queues: dict[str, Any] = {
        name: {"attributes": {"QueueArn": f"arn:aws:sqs:eu-central-1:111122223333:{name}"}, "messages": []}
        for name in ("orders", "unwatched")
    }
    recorded: list[tuple[Any, ...]] = []
    clock = [1_000.0]
    monkeypatch.setattr("ministack.services.sqs._queues", types.SimpleNamespace(to_dict=lambda: queues))
    monkeypatch.setattr("ministack.services.cloudwatch.record_metric", lambda *value: recorded.append(value))
    monkeypatch.setattr(subject, "watched", lambda: WATCHED)
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


def alarm(name: str, dimensions: dict[str, str], account: str = "111122223333", **members: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "AlarmArn": f"arn:aws:cloudwatch:eu-west-1:{account}:alarm:{name}",
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        **members,
    }


def test_a_value_concerns_the_alarms_on_its_metric_as_they_are_now(monkeypatch: pytest.MonkeyPatch) -> None:
    alarms = AccountRegionScopedDict()
    monkeypatch.setattr(cloudwatch, "_alarms", alarms)
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": []}
    math = [{"Id": "m1", "MetricStat": {"Metric": metric}}, {"Id": "m2", "MetricStat": {"Metric": metric}}]
    math.append({"Id": "e1", "Expression": "m1 / m2"})

    def on(account: str = "111122223333", **dimensions: str) -> list[str]:
        key = account, "eu-west-1", "AWS/Lambda", "Errors", frozenset(dimensions.items())
        return [one["AlarmArn"] for one in subject.watched().get(key, ())]

    def put(one: dict[str, Any]) -> str:
        arn: str = one["AlarmArn"]
        alarms.set_scoped(arn.split(":")[4], "eu-west-1", one["AlarmName"], one)
        return arn

    assert on() == []
    first, second = put(alarm("first", {"FunctionName": "a"})), put(alarm("second", {"FunctionName": "a"}))
    other, ratio = put(alarm("first", {"FunctionName": "a"}, "444455556666")), put(alarm("ratio", {}, Metrics=math))
    assert on(FunctionName="a") == [first, second]
    assert on("444455556666", FunctionName="a") == [other]
    assert on() == [ratio], "once, though two of its queries read the metric"
    assert on(FunctionName="b") == []
    put(alarm("first", {"FunctionName": "b"}))
    assert on(FunctionName="a") == [second]
    assert on(FunctionName="b") == [first]
    same = alarm("second", {"FunctionName": "a"})
    put(same)
    assert (
        subject.watched()["111122223333", "eu-west-1", "AWS/Lambda", "Errors", frozenset({("FunctionName", "a")})][0]
        is same
    )
    alarms.pop_scoped("111122223333", "eu-west-1", "second")
    assert on(FunctionName="a") == []
