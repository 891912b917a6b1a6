"""Metrics in a function's output, in the embedded metric format."""

from __future__ import annotations

import datetime
import json
from typing import Any

from local.harness.cloud import Cloud
from local.patches.cloudwatch_emf import metrics
from tests.unit.local.gateway.test_gateway import Function


def document(**values: Any) -> str:
    directive = {
        "Namespace": "Switchyard",
        "Dimensions": [["service"], []],
        "Metrics": [{"Name": "Drifted", "Unit": "Count"}, {"Name": "Seconds"}],
    }
    return json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}, "service": "s", **values})


def test_each_metric_is_read_for_each_set_of_dimensions() -> None:
    text = f"START\n{document(Drifted=[1.0, 2.0], Seconds=3)}\nEND"
    assert list(metrics(text)) == [
        ("Switchyard", "Drifted", 1.0, "Count", {"service": "s"}),
        ("Switchyard", "Drifted", 2.0, "Count", {"service": "s"}),
        ("Switchyard", "Seconds", 3.0, "None", {"service": "s"}),
        ("Switchyard", "Drifted", 1.0, "Count", {}),
        ("Switchyard", "Drifted", 2.0, "Count", {}),
        ("Switchyard", "Seconds", 3.0, "None", {}),
    ]


def test_what_is_no_such_document_is_passed_by() -> None:
    assert list(metrics('{"_aws": 1}\n{"_aws"\n"_aws"\nplain\n{"_aws": {"CloudWatchMetrics": [{}]}}')) == []


LOGS_METRIC = f"""
import json
def handler(event, context):
    print({document(Drifted=3, Seconds=1)!r})
"""


def test_what_a_function_logs_is_published(cloud: Cloud) -> None:
    function = Function(cloud, "publisher", LOGS_METRIC)
    logs = cloud.client("logs")

    def group() -> list[Any]:
        found: list[Any] = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/publisher")["logGroups"]
        return found

    function.api.invoke(FunctionName=function.name, Payload=b"{}")
    assert total(cloud) == 3.0
    assert group() == []  # a function that may not create the group does not get one
    logs.create_log_group(logGroupName="/aws/lambda/publisher")
    function.api.invoke(FunctionName=function.name, Payload=b"{}")
    assert total(cloud) == 6.0
    events = logs.filter_log_events(logGroupName="/aws/lambda/publisher")["events"]
    assert any("Drifted" in event["message"] for event in events)


def total(cloud: Cloud) -> float:
    now = datetime.datetime.now(datetime.UTC)
    points = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="Switchyard",
        MetricName="Drifted",
        Dimensions=[{"Name": "service", "Value": "s"}],
        StartTime=now - datetime.timedelta(minutes=10),
        EndTime=now + datetime.timedelta(minutes=10),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))
