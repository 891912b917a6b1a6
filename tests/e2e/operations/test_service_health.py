"""service_health without one permission at a time, refused deletions, and the destroy of what it has written."""

from __future__ import annotations

from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.settings import REGION
from scenarios.operations import service_health as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("operations/service_health")

ROLE = f"switchyard-service-health-reconcile-function-{REGION}"
ORPHAN = f"{subject.PREFIX}former orphan"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("service_health")
    return found


def error(stack: scenario.Stack, event: dict[str, Any] | None = None) -> str:
    return str(subject.invoke(stack, event or {}).get("errorMessage", ""))


def orphan(stack: scenario.Stack) -> None:
    """Write an alarm of a service that does not exist, with a band: the next run must delete both."""
    metric = {"Namespace": "Nothing", "MetricName": "Latency", "Dimensions": []}
    stack.client("cloudwatch").put_metric_alarm(
        AlarmName=ORPHAN,
        Metrics=[
            {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m1, 3)", "ReturnData": True},
            {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "p99"}, "ReturnData": True},
        ],
        ThresholdMetricId="band",
        ComparisonOperator="GreaterThanUpperThreshold",
        EvaluationPeriods=1,
    )


def exists(stack: scenario.Stack, name: str) -> bool:
    return bool(stack.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"])


@pytest.fixture
def api(stack: scenario.Stack) -> Any:
    """Create an API of the service, without which none is read."""
    made = stack.client("apigateway").create_rest_api(name="orders", tags={"service": subject.SERVICE})["id"]
    yield made
    stack.client("apigateway").delete_rest_api(restApiId=made)


# ReceiveChanges is Lambda's own use of the role; BeginMaintenance and ReadApis follow below.
@pytest.mark.parametrize(
    "sid",
    ["ReadSettings", "ListResources", "ListAlarms", "WriteAlarms", "DeleteModels", "WriteDashboard", "WriteQueries"],
)
def test_the_function_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack, sid: str) -> None:
    assert sids(cloud, ROLE) == [
        "ReadSettings", "ListResources", "ReadApis", "ListAlarms", "WriteAlarms", "DeleteModels", "WriteDashboard",
        "WriteQueries", "ReceiveChanges", "BeginMaintenance",
    ]  # fmt: skip
    orphan(stack)
    with without(cloud, ROLE, sid):
        found = error(stack)
        assert "AccessDenied" in found or "not authorized" in found, f"works without {sid}: {found}"
    assert error(stack) == ""
    assert not exists(stack, ORPHAN)


def test_an_api_that_may_not_be_read_is_a_row(cloud: Cloud, stack: scenario.Stack, api: str) -> None:
    arn = f"arn:aws:apigateway:{REGION}::/restapis/{api}"
    with without(cloud, ROLE, "ReadApis"):
        report = subject.invoke(stack, {})
        assert report["services"][subject.SERVICE]["not_covered"][arn].startswith("not readable: AccessDenied")
    assert arn not in subject.invoke(stack, {})["services"][subject.SERVICE]["not_covered"]
    assert f"api-errors {api}" in subject.alarms(stack)


def test_a_window_needs_the_permission_to_publish(cloud: Cloud, stack: scenario.Stack) -> None:
    with without(cloud, ROLE, "BeginMaintenance"):
        assert "AccessDenied" in error(stack, {"window": "patching"})
    assert subject.invoke(stack, {"window": "patching"}) == {"window": "patching", "minutes": 30}
    subject.forget(stack, {"stack": subject.DASHBOARD, "window": "patching"})


def test_an_alarm_that_another_composite_names_is_named_and_the_rest_goes_on(stack: scenario.Stack) -> None:
    cloudwatch = stack.client("cloudwatch")
    orphan(stack)
    cloudwatch.put_composite_alarm(AlarmName="mine", AlarmRule=f'ALARM("{ORPHAN}")')
    try:
        assert "1 alarms refused" in error(stack)
        assert exists(stack, ORPHAN)
    finally:
        cloudwatch.delete_alarms(AlarmNames=["mine"])
    assert error(stack) == ""
    assert not exists(stack, ORPHAN)


def test_a_destroy_leaves_nothing_and_an_apply_brings_it_back(stack: scenario.Stack) -> None:
    assert error(stack, {"tf": {"action": "delete", "prev_input": None}}) == ""
    cloudwatch = stack.client("cloudwatch")
    kinds = ["MetricAlarm", "CompositeAlarm"]
    left = cloudwatch.describe_alarms(AlarmNamePrefix=subject.PREFIX, AlarmTypes=kinds)
    assert (left["MetricAlarms"], left["CompositeAlarms"]) == ([], [])
    assert subject.DASHBOARD not in [one["DashboardName"] for one in cloudwatch.list_dashboards()["DashboardEntries"]]
    logs = stack.client("logs")
    assert logs.describe_query_definitions(queryDefinitionNamePrefix=f"{subject.DASHBOARD}/")["queryDefinitions"] == []
    assert error(stack, {"tf": {"action": "update", "prev_input": None}}) == ""
    assert "metric booking-failed" in subject.alarms(stack)
