"""Metrics in a function's output, in the embedded metric format."""

from __future__ import annotations

import json
from typing import Any

from local.patches.cloudwatch_emf import metrics


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
