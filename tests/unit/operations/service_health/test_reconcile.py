"""The whole run on an account in memory: what is written, what is refused, and what is taken away again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from operations.service_health import plan
from operations.service_health.errors import Incomplete, InvalidRequest, InvalidSettings, Unfinished
from operations.service_health.reconcile import Result, begin, finish
from operations.service_health.settings import Settings
from tests.unit.operations.service_health import world as w
from tests.unit.operations.service_health.world import World

TAGGED = {"service": "orders"}


def tagged(*arns: str) -> World:
    world = World()
    world.tags = {arn: dict(TAGGED) for arn in arns}
    return world


def orders(**changed: Any) -> Settings:
    return w.settings(services={"orders": w.service(tags=TAGGED)}, **changed)


def test_every_kind_gets_its_alarms_and_one_composite_of_each_role() -> None:
    world = tagged(*w.ALL)
    report = world.reconcile(orders())
    assert world.names("orders") == {
        "symptom",
        "cause",
        "function-errors orders",
        "function-throttles orders",
        "api-errors rest1",
        "api-latency rest1",
        "api-errors http1",
        "api-latency http1",
        "table-throttles orders",
        "queue-age orders",
        "dead-letters orders-dlq",
        "workflow-failures orders",
        "workflow-throttles orders",
        "topic-failures orders",
        "load-balancer-errors orders",
        "load-balancer-latency orders",
    }
    assert report["services"]["orders"]["alarms"] == {"symptom": 6, "cause": 8}
    assert report["services"]["orders"]["not_covered"] == {}
    # 2+1 function, 2*(2+3) APIs, 2 table, 1 queue, 1 dead letters, 3+1 workflow, 1 topic, 3+3 balancer; 2 composites.
    assert report["usd_a_month"] == round(0.1 * 28 + 0.5 * 2, 2)


def test_only_the_composites_act_and_the_cause_waits_for_the_symptom() -> None:
    world = tagged(w.FUNCTION)
    world.reconcile(orders())
    acting = {name: one for name, one in world.alarms.items() if one.get("AlarmActions") or one.get("OKActions")}
    symptom, cause = f"{w.PREFIX}orders symptom", f"{w.PREFIX}orders cause"
    assert {name: one["AlarmActions"] for name, one in acting.items()} == {symptom: [w.OK_TOPIC], cause: [w.WARN_TOPIC]}
    assert acting[cause]["ActionsSuppressor"] == symptom
    assert acting[cause]["ActionsSuppressorWaitPeriod"] == 120
    assert "ActionsSuppressor" not in acting[symptom]  # a page without windows is not delayed


def test_a_service_of_warnings_notifies_there() -> None:
    world = tagged(w.FUNCTION)
    world.reconcile(w.settings(services={"orders": w.service(tags=TAGGED, severity="warning")}))
    assert world.alarms[f"{w.PREFIX}orders symptom"]["AlarmActions"] == [w.WARN_TOPIC]


def test_a_second_run_writes_nothing() -> None:
    world = tagged(*w.ALL)
    config = orders(windows={"a": {"minutes": 10, "services": None}, "b": {"minutes": 5, "services": ["orders"]}})
    world.reconcile(config)
    world.calls.clear()
    report = world.reconcile(config)
    writes = {name: count for name, count in world.calls.items() if name.startswith(("put", "delete"))}
    assert writes == {}
    assert report["alarms"]["unchanged"] == report["alarms"]["wanted"]


def test_what_somebody_changed_is_written_back_and_disabled_actions_stay() -> None:
    world = tagged(w.FUNCTION)
    world.reconcile(orders())
    name = next(name for name in world.alarms if "function-errors" in name)
    world.alarms[name] |= {"EvaluationPeriods": 9, "ActionsEnabled": False}
    report = world.reconcile(orders())
    assert report["alarms"]["put"] == 1
    assert (world.alarms[name]["EvaluationPeriods"], world.alarms[name]["ActionsEnabled"]) == (3, False)


@pytest.mark.parametrize(
    "change",
    [
        {"AlarmActions": ["arn:other"]},
        {"Threshold": 6.0},
        {"TreatMissingData": "missing"},
        {"Metrics": []},
        {"AlarmDescription": ""},
        {"InsufficientDataActions": ["arn:x"]},
    ],
)
def test_each_difference_is_seen(change: dict[str, Any]) -> None:
    world = tagged(w.FUNCTION)
    world.reconcile(orders())
    name = next(name for name in world.alarms if "function-errors" in name)
    world.alarms[name] |= change
    assert world.reconcile(orders())["alarms"]["put"] == 1


def test_shrink_empty_and_destroy_work_in_one_run_each() -> None:
    world = tagged(w.FUNCTION, w.QUEUE, w.REST)
    world.tags |= {w.TABLE: {"service": "billing"}}
    services = {"orders": w.service(tags=TAGGED), "billing": w.service(tags={"service": "billing"})}
    world.reconcile(w.settings(services=services))
    del world.tags[w.QUEUE]
    world.reconcile(w.settings(services={"orders": services["orders"]}))
    assert "queue-age orders" not in world.names("orders")
    assert world.names("billing") == set()
    assert world.children(f"{w.PREFIX}orders symptom") <= set(world.alarms)
    world.tags = {}
    world.reconcile(w.settings(services={"orders": services["orders"]}))
    assert world.alarms == {}
    assert world.models == set()
    world.tags = {w.FUNCTION: TAGGED, w.REST: TAGGED}
    world.reconcile(w.settings(services={"orders": services["orders"]}))
    world.reconcile(w.settings(), remove=True)
    assert (world.alarms, world.models, world.dashboards, world.queries) == ({}, set(), {}, {})
    world.reconcile(w.settings(), remove=True)  # again


def test_a_composite_never_names_an_alarm_that_was_refused() -> None:
    world = tagged(w.FUNCTION, w.WORKFLOW)
    bad = next(iter([f"{w.PREFIX}orders function-errors orders"]))
    original = world.put_metric_alarm

    def put(**alarm: Any) -> Any:
        if alarm["AlarmName"].startswith(bad):
            raise w.refused("ValidationError", "PutMetricAlarm")
        return original(**alarm)

    world.put_metric_alarm = put  # type: ignore[method-assign]
    with pytest.raises(Incomplete, match=r"1 alarms refused .ValidationError"):
        world.reconcile(orders())
    assert "workflow-failures orders" in world.names("orders")
    assert "symptom" in world.names("orders")
    assert not [one for one in world.children(f"{w.PREFIX}orders symptom") if one.startswith(bad)]


def test_an_alarm_that_somebody_else_uses_stays_and_is_named() -> None:
    world = tagged(w.FUNCTION, w.QUEUE, w.TABLE)
    world.reconcile(orders())
    kept = next(name for name in world.alarms if "queue-age" in name)
    world.alarms["mine"] = {"AlarmName": "mine", "AlarmRule": f'ALARM("{kept}")'}
    del world.tags[w.QUEUE], world.tags[w.TABLE]
    with pytest.raises(Incomplete, match="queue-age"):
        world.reconcile(orders())
    assert "queue-age orders" in world.names("orders")
    assert "table-throttles orders" not in world.names("orders")
    del world.alarms["mine"]
    world.reconcile(orders())
    assert "queue-age orders" not in world.names("orders")


def test_the_quota_of_alarms_ends_the_run() -> None:
    world = tagged(*w.ALL)
    world.errors["put_metric_alarm"] = w.refused("LimitExceeded", "PutMetricAlarm")
    with pytest.raises(ClientError, match="LimitExceeded"):
        world.reconcile(orders())
    assert world.calls["put_metric_alarm"] == 1


def test_the_next_attempt_continues_when_the_time_is_up() -> None:
    world = tagged(*w.ALL)
    world.seconds = 1
    with pytest.raises(Unfinished):
        world.reconcile(orders())
    assert world.reconcile(orders(), by_terraform=True)["alarms"].get("put", 0) == 0
    world.seconds = 900
    world.reconcile(orders())
    assert "symptom" in world.names("orders")


def test_a_list_that_cannot_be_read_deletes_nothing() -> None:
    world = tagged(*w.ALL)
    world.reconcile(orders())
    before = dict(world.alarms)
    for operation in ("get_resources", "list_event_source_mappings"):
        world.errors = {operation: w.refused("InternalServiceException", status=500)}
        with pytest.raises(ClientError):
            world.reconcile(orders())
        assert world.alarms == before


def test_an_api_that_cannot_be_read_keeps_its_alarms_and_is_a_row() -> None:
    world = tagged(w.REST, w.FUNCTION)
    world.reconcile(orders())
    before, rule = dict(world.alarms), world.children(f"{w.PREFIX}orders symptom")
    world.errors = {("get_rest_api", "rest1"): w.refused("AccessDeniedException", "GetRestApi", status=403)}
    report = world.reconcile(orders())
    assert report["services"]["orders"]["not_covered"] == {w.REST: "not readable: AccessDeniedException"}
    assert set(world.alarms) == set(before)
    assert world.children(f"{w.PREFIX}orders symptom") == rule
    world.errors = {("get_rest_api", "rest1"): w.refused("NotFoundException", "GetRestApi", status=404)}
    world.reconcile(orders())
    assert not [name for name in world.alarms if "rest1" in name]


def test_what_gets_no_alarms_has_its_reason() -> None:
    network = w.arn("elasticloadbalancing", "loadbalancer/net/orders/1")
    stage = "arn:aws:apigateway:eu-central-1::/restapis/rest1/stages/prod"
    world = tagged(w.SOCKET, network, stage, w.QUEUE, w.FUNCTION)
    report = world.reconcile(orders(ignored=["*:orders", "nothing"]))
    assert report["services"]["orders"]["not_covered"] == {
        w.SOCKET: "no alarms for a WebSocket API",
        network: "no alarms for this kind",
        w.QUEUE: "ignored",
        w.FUNCTION: "ignored",
    }
    assert world.alarms == {}


def test_a_rest_api_is_watched_by_the_name_that_its_metrics_have() -> None:
    world = tagged(w.REST, w.HTTP)
    world.reconcile(orders())
    alarm = next(one for name, one in world.alarms.items() if "api-errors rest1" in name)
    dimensions = [one["MetricStat"]["Metric"]["Dimensions"] for one in alarm["Metrics"] if "MetricStat" in one]
    assert dimensions == [[{"Name": "ApiName", "Value": "Orders API"}]] * 2
    assert alarm["AlarmDescription"].startswith("Orders API: ")


def test_streams_make_an_age_and_heartbeats_a_symptom_that_breaches_without_data() -> None:
    world = tagged(w.FUNCTION)
    world.mappings = [
        {"FunctionArn": f"{w.FUNCTION}:live", "EventSourceArn": "arn:aws:kinesis:eu-central-1:111122223333:stream/x"},
        {"FunctionArn": w.arn("lambda", "function:other"), "EventSourceArn": w.QUEUE},
        {"FunctionArn": w.arn("lambda", "function:third")},
    ]
    world.reconcile(w.settings(services={"orders": w.service(tags=TAGGED, heartbeats={"orders": 120})}))
    assert {"function-iterator-age orders", "function-heartbeat orders"} <= world.names("orders")
    alarm = next(one for name, one in world.alarms.items() if "heartbeat" in name)
    assert (alarm["TreatMissingData"], alarm["ComparisonOperator"]) == ("breaching", "LessThanThreshold")
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"], alarm["Metrics"][0]["MetricStat"]["Period"]) == (
        2,
        2,
        3600,
    )


def test_a_heartbeat_of_no_function_is_a_row() -> None:
    world = tagged(w.FUNCTION)
    config = w.settings(services={"orders": w.service(tags=TAGGED, heartbeats={w.FUNCTION: 5, "gone": 5})})
    assert world.reconcile(config)["services"]["orders"]["not_covered"] == {"gone": plan.NO_FUNCTION}
    assert "function-heartbeat orders" in world.names("orders")


def test_a_band_that_becomes_a_threshold_loses_its_model() -> None:
    world = tagged(w.REST)
    world.reconcile(orders())
    assert len(world.models) == 1
    world.reconcile(orders(checks={"api-latency": {"threshold": 2000}}))
    assert world.models == set()
    alarm = next(one for name, one in world.alarms.items() if "api-latency" in name)
    assert alarm["Threshold"] == 2000
    assert "ThresholdMetricId" not in alarm
    assert alarm["Metrics"][0]["Expression"] == "IF(FILL(calls, 0) >= 20, latency)"


def test_maintenance_suppresses_symptoms_and_hides_causes() -> None:
    world = tagged(w.FUNCTION)
    world.tags |= {w.TABLE: {"service": "billing"}}
    services = {"orders": w.service(tags=TAGGED), "billing": w.service(tags={"service": "billing"})}
    windows = {"patching": {"minutes": 120, "services": ["orders"]}, "deploy": {"minutes": 30, "services": None}}
    world.reconcile(w.settings(services=services, windows=windows))
    maintenance, deploy = f"{w.PREFIX}orders maintenance", f"{w.PREFIX}_maintenance deploy"
    assert world.children(maintenance) == {deploy, f"{w.PREFIX}_maintenance patching"}
    assert world.alarms[f"{w.PREFIX}orders symptom"]["ActionsSuppressor"] == maintenance
    assert f'AND NOT ALARM("{maintenance}")' in world.alarms[f"{w.PREFIX}orders cause"]["AlarmRule"]
    assert world.alarms[f"{w.PREFIX}billing cause"]["ActionsSuppressor"] == deploy  # it has no symptom
    window = world.alarms[f"{w.PREFIX}_maintenance patching"]
    assert (window["EvaluationPeriods"], window["DatapointsToAlarm"], window["TreatMissingData"]) == (
        120,
        1,
        "notBreaching",
    )
    assert "AlarmActions" not in window
    world.reconcile(w.settings(services=services))
    assert not [name for name in world.alarms if "maintenance" in name]


class Metrics:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    def put_metric_data(self, **data: Any) -> None:
        self.sent.append(data)


def test_a_window_begins_with_one_value_of_the_metric_that_its_alarm_reads() -> None:
    config, metrics = w.settings(windows={"deploy": {"minutes": 30, "services": None}}), Metrics()
    assert begin("deploy", config, lambda name: metrics) == {"window": "deploy", "minutes": 30}
    (sent,) = metrics.sent
    world = World()
    world.reconcile(config)
    read = world.alarms[f"{w.PREFIX}_maintenance deploy"]["Metrics"][0]["MetricStat"]["Metric"]
    (datum,) = sent["MetricData"]
    assert (sent["Namespace"], datum["MetricName"], datum["Dimensions"], datum["Value"]) == (
        read["Namespace"], read["MetricName"], read["Dimensions"], 1,
    )  # fmt: skip
    with pytest.raises(InvalidRequest, match="deploy"):
        begin("other", config, lambda name: metrics)


def test_the_stack_is_grouped_by_capability_and_others_come_first() -> None:
    world = World()
    stack = {"SwitchyardStack": "test"}
    names = ("finding-export-send", "finding-export-send-dlq", "kms-rotation-report", "alarms", "finding-exporter")
    world.tags = {w.arn("sqs", f"test-{name}"): stack for name in names} | {w.FUNCTION: stack, w.REST: stack}
    config = w.settings(
        services={"own": w.service(resources=[w.FUNCTION]), "kms-rotation": w.service(severity="warning")},
        stack={"tag_key": "SwitchyardStack", "tag_value": "test", "prefix": "test",
               "capabilities": ["finding-export", "kms-rotation", "finding"]},
    )  # fmt: skip
    report = world.reconcile(config)
    assert {name: sum(one["resources"].values()) for name, one in report["services"].items()} == {
        "finding-export": 2,
        "finding": 1,
        "kms-rotation": 1,
        "own": 1,
        "test": 2,  # the topic of all, and the API, whose name is of no capability
    }
    assert world.alarms[f"{w.PREFIX}kms-rotation cause"]["AlarmActions"] == [w.WARN_TOPIC]


def test_an_api_of_the_stack_that_cannot_be_read_does_not_end_the_run() -> None:
    world = World()
    world.tags = {w.REST: {"SwitchyardStack": "test"}, w.arn("sqs", "test-a-b"): {"SwitchyardStack": "test"}}
    world.errors = {"get_rest_api": w.refused("AccessDeniedException", status=403)}
    stack = {"tag_key": "SwitchyardStack", "tag_value": "test", "prefix": "test", "capabilities": ["a"]}
    report = world.reconcile(w.settings(stack=stack))
    assert report["services"]["test"]["not_covered"] == {w.REST: "not readable: AccessDeniedException"}
    assert report["services"]["a"]["resources"] == {"queue": 1}


def test_a_service_of_hundreds_of_resources_has_parts() -> None:
    world = tagged(*(w.arn("lambda", f"function:{'f' * 50}-{number:03d}") for number in range(250)))
    world.reconcile(orders())
    parts = [name for name in world.alarms if " part " in name]
    assert len(parts) >= 6
    members = {child for name in parts if "symptom" in name for child in world.children(name)}
    assert len(members) == 250
    for arn in list(world.tags)[5:]:
        del world.tags[arn]
    world.reconcile(orders())
    assert not [name for name in world.alarms if " part " in name]
    assert len(world.children(f"{w.PREFIX}orders symptom")) == 5


def test_business_metrics_are_members_and_a_service_of_them_alone_is_not_empty() -> None:
    world = World()
    metrics = {
        "failed": w.metric(),
        "unusual": w.metric(metric="Revenue", threshold=None, role="cause", statistic="Average"),
    }
    world.reconcile(w.settings(services={"orders": w.service(metrics=metrics)}))
    assert world.names("orders") == {"metric failed", "metric unusual", "symptom", "cause"}
    band = next(one for name, one in world.alarms.items() if "unusual" in name)
    assert band["ComparisonOperator"] == "GreaterThanUpperThreshold"
    assert "Threshold" not in band
    titles = [one["properties"].get("title") for one in json.loads(world.dashboards["test-service-health"])["widgets"]]
    assert "Business" in titles


def test_dashboard_and_queries_follow_and_do_not_fail_the_alarms() -> None:
    world = tagged(w.FUNCTION)
    world.errors = {"put_dashboard": w.refused("AccessDenied", "PutDashboard", status=403)}
    with pytest.raises(Incomplete, match="dashboard: AccessDenied at PutDashboard"):
        world.reconcile(orders())
    assert "symptom" in world.names("orders")
    (query,) = world.queries.values()
    assert (query["name"], query["logGroupNames"]) == ("test-service-health/orders/errors", ["/aws/lambda/orders"])
    world.errors = {}
    world.reconcile(orders(queries={f"q{number}": "fields @message" for number in range(5)}))
    assert len(world.queries) == 5
    body = world.dashboards["test-service-health"]
    assert "1 functions" in body
    assert "US dollars" in body
    world.reconcile(orders(queries={}))
    assert world.queries == {}


def test_a_service_without_resources_is_named_on_the_dashboard() -> None:
    world = World()
    world.reconcile(orders())
    assert "Services without resources: orders" in world.dashboards["test-service-health"]


def test_a_dry_run_writes_nothing() -> None:
    world = tagged(*w.ALL)
    report = world.reconcile(orders(), dry_run=True)
    assert report["alarms"]["would_put"] == report["alarms"]["wanted"] == 16
    assert (world.alarms, world.dashboards, world.queries) == ({}, {}, {})


def test_calls_do_not_grow_with_the_services_that_share_resources() -> None:
    world = tagged(*w.ALL)
    services = {name: w.service(tags=TAGGED) for name in ("a1", "b1", "c1")}
    world.reconcile(w.settings(services=services))
    assert (world.calls["get_rest_api"], world.calls["get_api"]) == (1, 1)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        {"alarm_prefix": 1},
        w.document(services={"a": {}}),
        w.document(checks={"x": {"nonsense": 1}}),
        w.document(windows={"w": 5}),
    ],
)
def test_settings_that_are_none_are_refused(broken: Any) -> None:
    with pytest.raises(InvalidSettings):
        Settings.of(broken)


def test_terraform_does_not_wait_for_what_is_late() -> None:
    finish(Result(late="late"), by_terraform=True)
    with pytest.raises(Unfinished):
        finish(Result(late="late"), by_terraform=False)


@hypothesis_settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.sampled_from(w.ALL)), min_size=1, max_size=5))
def test_any_history_ends_with_exactly_the_alarms_of_the_last_state(history: list[set[str]]) -> None:
    world = World()
    for present in history:
        world.tags = {arn: dict(TAGGED) for arn in present}
        world.reconcile(orders())
    new = tagged(*history[-1])
    new.reconcile(orders())
    assert (world.alarms, world.models) == (new.alarms, new.models)
