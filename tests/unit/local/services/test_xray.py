"""X-Ray's groups, sampling rules and filter expressions."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from local.services import install_all
from local.services.xray import filters
from local.services.xray.models import xray_backends

TRACE: filters.Trace = {
    "annotations": {"PaymentStatus": ["FAILED"], "items": [3], "vip": [True], "booking_id": ["B1"]},
    "services": ["orders"],
    "fault": True,
    "error": False,
    "throttle": False,
    "responsetime": 6.0,
}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ('annotation.PaymentStatus = "FAILED"', True),
        ('annotation[PaymentStatus] = "FAILED"', True),
        ('annotation.PaymentStatus = "SUCCESS"', False),
        ('annotation.other = "FAILED"', False),
        ("annotation.items > 2", True),
        ("annotation.items = 4", False),
        ("annotation.vip = true", True),
        ("annotation.booking_id", True),
        ('service("orders")', True),
        ('service("other")', False),
        ("fault", True),
        ("fault = false", False),
        ("NOT error", True),
        ("fault AND responsetime > 5", True),
        ("error OR (fault AND responsetime < 5)", False),
        ('error OR annotation.PaymentStatus != "SUCCESS"', True),
    ],
)
def test_filters(expression: str, found: bool) -> None:
    assert filters.parse(expression)(TRACE) is found


@pytest.mark.parametrize(
    "expression",
    ["annotation.booking.id = 1", "annotation[booking.id] = 1", "user = 1", "fault AND", "(fault", "fault)",
     "fault error", "", "§"],
)  # fmt: skip
def test_what_is_no_filter_is_refused(expression: str) -> None:
    with pytest.raises(filters.FilterError):
        filters.parse(expression)


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(filters.FilterError):
        filters.parse(text)(TRACE)


@pytest.fixture
def xray(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        xray_backends.clear()
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        yield session.client("xray")
        xray_backends.clear()


def segment(number: int, **more: Any) -> str:
    now = time.time()
    trace = f"1-{int(now):08x}-{number:024x}"
    base = {"name": "orders", "id": f"{number:016x}", "trace_id": trace, "start_time": now - 1, "end_time": now}
    return json.dumps({**base, **more})


def test_a_group_finds_its_traces(xray: Any) -> None:
    made = xray.create_group(GroupName="failed", FilterExpression='annotation.PaymentStatus = "FAILED"')["Group"]
    assert xray.get_group(GroupARN=made["GroupARN"])["Group"] == made
    documents = [
        segment(1, annotations={"PaymentStatus": "FAILED"}),
        segment(2, metadata={"default": {"PaymentStatus": "FAILED"}}),
        segment(3, subsegments=[{"name": "## handler", "annotations": {"PaymentStatus": "FAILED"}}]),
        segment(4, annotations={f"k{number}": 1 for number in range(50)} | {"PaymentStatus": "FAILED"}),
    ]
    assert xray.put_trace_segments(TraceSegmentDocuments=documents)["UnprocessedTraceSegments"] == []
    now = time.time()
    answer = xray.get_trace_summaries(StartTime=now - 60, EndTime=now + 60, FilterExpression=made["FilterExpression"])
    assert sorted(one["Id"][-1] for one in answer["TraceSummaries"]) == ["1", "3"]
    xray.update_group(GroupName="failed", FilterExpression="fault")
    assert [one["FilterExpression"] for one in xray.get_groups()["Groups"]] == ["fault"]
    with pytest.raises(ClientError, match="InvalidRequest"):
        xray.update_group(GroupName="failed", FilterExpression="annotation.a.b = 1")
    xray.delete_group(GroupName="failed")
    with pytest.raises(ClientError, match="Group not found"):
        xray.get_group(GroupName="failed")


def rule(name: str) -> dict[str, Any]:
    return {
        "RuleName": name,
        "ResourceARN": "*",
        "Priority": 1000,
        "FixedRate": 0.05,
        "ReservoirSize": 1,
        "ServiceName": "*",
        "ServiceType": "*",
        "Host": "*",
        "HTTPMethod": "*",
        "URLPath": "*",
        "Version": 1,
    }


def test_sampling_rules_have_a_quota(xray: Any) -> None:
    made = xray.create_sampling_rule(SamplingRule=rule("r0"), Tags=[{"Key": "a", "Value": "1"}])["SamplingRuleRecord"]
    arn = made["SamplingRule"]["RuleARN"]
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    xray.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    xray.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "r0", "FixedRate": 0.5})
    assert xray.get_sampling_rules()["SamplingRuleRecords"][0]["SamplingRule"]["FixedRate"] == 0.5
    for number in range(1, 25):
        xray.create_sampling_rule(SamplingRule=rule(f"r{number}"))
    with pytest.raises(ClientError, match="RuleLimitExceeded"):
        xray.create_sampling_rule(SamplingRule=rule("r25"))
    xray.delete_sampling_rule(RuleName="r0")
    with pytest.raises(ClientError, match="Rule not found"):
        xray.delete_sampling_rule(RuleName="r0")
