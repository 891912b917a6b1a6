"""Whole runs against moto: several targets, pages, errors of one alarm, one target or all, and the calls they take."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from common import clients
from common.pacing import Pacer
from common.roles import Clients, Roles
from common.settings import SettingsError
from common.settings import load as load_settings
from operations.volume_alarms import account, reconcile
from operations.volume_alarms.account import Account
from operations.volume_alarms.errors import Incomplete, InvalidRequest, Unfinished, Unreadable
from operations.volume_alarms.requests import Request
from operations.volume_alarms.settings import Settings

from .world import KINDS, PREFIX

REGION, OTHER = "eu-central-1", "eu-west-1"
ACCOUNT = "123456789012"  # moto's
BUCKET = "reports"
SCHEDULED = Request(at="2026-11-20T03:00:00Z")
Calls = list[tuple[str, dict[str, Any]]]


def target(region: str = REGION, **more: Any) -> dict[str, Any]:
    topic = f"arn:aws:sns:{region}:{ACCOUNT}:t"
    actions = {"warning_actions": [topic], "critical_actions": [topic]}
    return {"name": region, "account_id": ACCOUNT, "region": region, **actions, **more}


def config(*targets: dict[str, Any], **more: Any) -> Settings:
    names: dict[str, list[str]] = {}
    for name, kind in KINDS.items():
        names.setdefault(kind, []).append(name)
    given: dict[str, Any] = {
        "bucket": BUCKET,
        "bucket_owner": ACCOUNT,
        "kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/k",
        "alarm_prefix": PREFIX,
        "targets": list(targets) or [target()],
        "tiers": [
            {"up_to_gib": 100, "unit": "percent", "warning": 20, "critical": 10},
            {"up_to_gib": None, "unit": "megabytes", "warning": 20480, "critical": 10240},
        ],
        "metric_names": names,
        "namespaces": ["CWAgent"],
        "alarm_tags": {"stack": "test"},
    }
    return Settings(**{**given, **more})


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(reconcile, "_pacers", {})
    monkeypatch.setattr(reconcile, "WRITES_PER_SECOND", 1e6)
    monkeypatch.setattr("common.observability.count", lambda *_: None)
    clients.client.cache_clear()
    with mock_aws():
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield
    clients.client.cache_clear()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Return all calls that follow, with their arguments."""
    made: Calls = []
    intercept(monkeypatch, lambda operation, arguments: made.append((operation, arguments)))
    return made


def intercept(monkeypatch: pytest.MonkeyPatch, act: Callable[[str, dict[str, Any]], Any]) -> None:
    """Call `act` with each operation; what it returns, if not None, is the answer."""
    original = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        answer = act(operation, arguments)
        return original(self, operation, arguments) if answer is None else answer

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)


def failing(operation: str, code: str, status: int = 400, times: int = 10**6) -> Callable[..., None]:
    left = [times]

    def act(called: str, _: dict[str, Any]) -> None:
        if called == operation and left[0]:
            left[0] -= 1
            answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, operation)  # type: ignore[arg-type]

    return act


def launch(count: int = 1, region: str = REGION) -> list[str]:
    ec2 = boto3.client("ec2", region_name=region)
    image = ec2.register_image(Name=uuid.uuid4().hex)["ImageId"]
    made = ec2.run_instances(ImageId=image, MinCount=count, MaxCount=count)["Instances"]
    return [one["InstanceId"] for one in made]


def publish(instance: str, drives: str = "C", region: str = REGION, **more: str) -> None:
    data = [
        {
            "MetricName": name,
            "Dimensions": [
                {"Name": key, "Value": text}
                for key, text in {"InstanceId": instance, "instance": f"{drive}:", "objectname": "X", **more}.items()
            ],
            "Value": value,
            "Timestamp": datetime.now(UTC) - timedelta(minutes=2),
        }
        for drive in drives
        for name, value in (("FreeStorageSpaceInPercent", 50), ("FreeStorageSpaceInMB", 25_600))
    ]
    cloudwatch = boto3.client("cloudwatch", region_name=region)
    for first in range(0, len(data), 100):
        cloudwatch.put_metric_data(Namespace="CWAgent", MetricData=data[first : first + 100])


def run(request: Request = SCHEDULED, settings: Settings | None = None, left: float = 900) -> dict[str, Any]:
    return reconcile.run(request, settings or config(), Roles().at, clients.client, lambda: left)


def names(region: str = REGION) -> list[str]:
    pages = boto3.client("cloudwatch", region_name=region).get_paginator("describe_alarms").paginate()
    return sorted(alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"])


def event_of(instance: str, account_id: str = ACCOUNT, region: str = REGION) -> Request:
    return Request(account_id=account_id, region=region, instance=instance)


def test_a_run_writes_alarms_and_its_report_and_a_second_nothing(calls: Calls) -> None:
    (one,) = launch()
    publish(one, "CDEF")
    report = run()
    assert len(names()) == 8
    assert report["totals"]["alarms"]["put"] == 8
    body = boto3.client("s3").get_object(Bucket=BUCKET, Key=report["key"])["Body"].read()
    assert report["key"] == "reports/dt=2026-11-20/volume-alarms-20261120T030000Z.json"
    assert json.loads(body)["targets"][0]["instances"] == {"with_metrics": 1}
    calls.clear()
    assert run()["totals"]["alarms"] == {"unchanged": 8}
    assert "PutMetricAlarm" not in [name for name, _ in calls]


@pytest.mark.parametrize("instances", [1, 8])
def test_calls_do_not_grow_with_instances_but_for_what_differs(instances: int, calls: Calls) -> None:
    for one in launch(instances):
        publish(one)
    run()
    calls.clear()
    run()
    counted = Counter(name for name, _ in calls)
    assert counted == {
        "DescribeInstances": 1,
        "DescribeAlarms": 1,
        "ListMetrics": len(KINDS),
        "GetMetricData": 1,
        "PutObject": 1,
    }


def test_an_event_asks_about_its_instance_alone(calls: Calls) -> None:
    one, other = launch(2)
    for each in (one, other):
        publish(each)
    calls.clear()
    run(event_of(one))
    assert len(names()) == 2
    assert {c["Dimensions"][0]["Value"] for name, c in calls if name == "ListMetrics"} == {one}
    assert all(c["RecentlyActive"] == "PT3H" for name, c in calls if name == "ListMetrics")
    assert "PutObject" not in [name for name, _ in calls]
    boto3.client("ec2").terminate_instances(InstanceIds=[one])
    run(event_of(one))
    assert names() == []


def test_an_instance_that_ec2_has_forgotten_loses_its_alarms() -> None:
    (one,) = launch()
    publish(one)
    run()
    stranger = "i-0aaaaaaaaaaaaaaa1"
    publish(stranger)
    report = run(event_of(stranger))
    assert (report["totals"]["instances"], len(names())) == ({"gone": 1}, 2)
    assert run()["targets"][0]["unknown_instances"] == [stranger]


def test_an_event_of_another_place_does_nothing(calls: Calls) -> None:
    run(event_of("i-0aaaaaaaaaaaaaaa1", region="us-east-1"))
    run(event_of("i-0aaaaaaaaaaaaaaa1", account_id="999999999999"))
    assert calls == []


def test_every_page_of_metrics_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = launch()
    publish(one, "CDE")
    seen: list[str] = []

    def pages(operation: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        if operation != "ListMetrics" or arguments["MetricName"] != "FreeStorageSpaceInPercent":
            return None
        token = int(arguments.get("NextToken", 0))
        seen.append(str(token))
        dimensions = {"InstanceId": one, "instance": f"{'CDE'[token]}:", "objectname": "X"}
        named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        metric = {"Namespace": "CWAgent", "MetricName": arguments["MetricName"], "Dimensions": named}
        return {"Metrics": [metric], **({"NextToken": str(token + 1)} if token < 2 else {})}

    intercept(monkeypatch, pages)
    run()
    assert (seen, len(names())) == (["0", "1", "2"], 6)


def test_more_metrics_and_alarms_than_one_call_takes(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (account.QUERIES, account.BATCH) == (500, 100)  # the most that CloudWatch accepts
    monkeypatch.setattr(account, "QUERIES", 10)
    monkeypatch.setattr(account, "BATCH", 5)
    (one,) = launch()
    publish(one, "ABCDEF")
    calls.clear()
    assert run()["totals"]["alarms"]["put"] == 6 * 2
    sizes = [len(arguments["MetricDataQueries"]) for name, arguments in calls if name == "GetMetricData"]
    assert sizes == [10, 2]
    run(Request(by_terraform=True, remove=True))
    deleted = [len(arguments["AlarmNames"]) for name, arguments in calls if name == "DeleteAlarms"]
    assert deleted == [5, 5, 2]
    assert names() == []


def test_a_metric_that_was_not_read_stops_the_target_before_it_removes_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (one,) = launch()
    publish(one)
    run()

    def unreadable(operation: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        if operation != "GetMetricData":
            return None
        results = [
            {"Id": query["Id"], "StatusCode": "InternalError", "Timestamps": [], "Values": []}
            for query in arguments["MetricDataQueries"]
        ]
        return {"MetricDataResults": results}

    intercept(monkeypatch, unreadable)
    with pytest.raises(Incomplete, match="InternalError") as raised:
        run()
    assert isinstance(raised.value.__cause__, Unreadable)
    assert len(names()) == 2


def test_one_refused_alarm_is_reported_and_the_others_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = launch()
    publish(one, "CD")
    intercept(monkeypatch, failing("PutMetricAlarm", "ValidationError", times=1))
    with pytest.raises(Incomplete, match=r"1 alarms refused \(ValidationError\)"):
        run()
    assert len(names()) == 3
    run()
    assert len(names()) == 4


@pytest.mark.parametrize(
    ("code", "status"), [("LimitExceeded", 400), ("AccessDenied", 403), ("Throttling", 400), ("InternalFailure", 500)]
)
def test_what_concerns_all_alarms_ends_the_target_and_names_itself(
    monkeypatch: pytest.MonkeyPatch, code: str, status: int, calls: Calls
) -> None:
    (one,) = launch()
    publish(one, "CD")
    intercept(monkeypatch, failing("PutMetricAlarm", code, status))
    with pytest.raises(Incomplete, match=f"{code} at PutMetricAlarm"):
        run()
    assert [name for name, _ in calls].count("PutMetricAlarm") == 0  # refused before it arrives, and only once
    assert [name for name, _ in calls].count("PutObject") == 1


def test_a_target_that_fails_does_not_hold_up_the_others() -> None:
    (one,) = launch()
    publish(one)
    denied = target("us-east-1", role_arn="arn:aws:iam::222222222222:role/x", account_id="222222222222")

    def at(region: str, role: Any) -> Clients:
        if role:
            failing("AssumeRole", "AccessDenied", 403)("AssumeRole", {})
        return Roles().at(region, role)

    with pytest.raises(Incomplete, match="us-east-1: AccessDenied at AssumeRole"):
        reconcile.run(SCHEDULED, config(denied, target()), at, clients.client, lambda: 900.0)
    assert len(names()) == 2


def test_two_regions_and_a_target_that_is_switched_off_or_removed() -> None:
    for region in (REGION, OTHER):
        (one,) = launch(region=region)
        publish(one, region=region)
    both = config(target(), target(OTHER))
    run(settings=both)
    assert (len(names()), len(names(OTHER))) == (2, 2)
    run(settings=config(target(), target(OTHER, enabled=False)))
    assert (len(names()), len(names(OTHER))) == (2, 0)
    run(settings=both)
    gone = {name: value for name, value in target(OTHER).items() if not name.endswith("actions")}
    run(Request(by_terraform=True, removed=(gone,)), config(target()))
    assert (len(names()), len(names(OTHER))) == (2, 0)
    # A target whose role alone has changed is still one.
    run(Request(by_terraform=True, removed=({**gone, "region": REGION, "name": "x"},)), config(target()))
    assert len(names()) == 2


def test_the_end_of_the_time_keeps_what_is_written_and_is_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = launch()
    publish(one, "CD")
    left = iter([900.0] * 3 + [1.0] * 10)
    with pytest.raises(Unfinished, match="next attempt continues"):
        reconcile.run(SCHEDULED, config(), Roles().at, clients.client, lambda: next(left))
    assert len(names()) == 3
    reconcile.run(Request(by_terraform=True), config(), Roles().at, clients.client, lambda: 1.0)  # no error
    run()
    assert len(names()) == 4


def test_one_alarm_that_cannot_be_deleted_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = launch()
    publish(one, "CD")
    run()
    stuck = names()[0]

    def used(operation: str, arguments: dict[str, Any]) -> None:
        if operation == "DeleteAlarms" and stuck in arguments["AlarmNames"]:
            failing(operation, "ValidationError")(operation, {})

    intercept(monkeypatch, used)
    with pytest.raises(Incomplete, match=r"1 alarms refused \(ValidationError\)"):
        run(Request(by_terraform=True, remove=True))
    assert names() == [stuck]


def test_alarms_that_are_gone_already_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    intercept(monkeypatch, failing("DeleteAlarms", "ResourceNotFound", 404))
    account = Account(Roles().at(REGION), lambda: 900.0, Pacer(1e6))
    assert account.delete(["a", "b"]) == {}


def test_alarms_of_others_are_left_alone() -> None:
    cloudwatch = boto3.client("cloudwatch")
    for name in ("test-volume-alarms-reconcile-errors", "mine"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="n",
            MetricName="m",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="LessThanThreshold",
        )
    run(Request(by_terraform=True, remove=True))
    run()
    assert names() == ["mine", "test-volume-alarms-reconcile-errors"]


def test_a_dry_run_counts_and_writes_nothing(calls: Calls) -> None:
    (one,) = launch()
    publish(one, "CD")
    report = run(Request(dry_run=True))
    assert report["totals"]["alarms"] == {"would_put": 4}
    assert not {"PutMetricAlarm", "DeleteAlarms", "PutObject"} & {name for name, _ in calls}


def test_a_time_that_is_none_is_refused() -> None:
    for text in ("yesterday", "0001-01-01T00:00:00+14:00", "<aws.scheduler.scheduled-time>"):
        with pytest.raises(InvalidRequest):
            run(Request(at=text))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(config()).items():
        monkeypatch.setenv(name.upper(), json.dumps(value) if isinstance(value, (dict, list)) else str(value))


def context() -> Any:
    return SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 900_000)


@pytest.mark.usefixtures("environment")
def test_messages_fail_one_by_one() -> None:
    (one,) = launch()
    publish(one)
    detail = {"instance-id": one, "state": "running"}
    event = {"detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": detail}
    good = json.dumps({**event, "account": ACCOUNT, "region": REGION})
    records = [{"messageId": str(number), "body": body} for number, body in enumerate([good, "{", good, "null"])]
    answer = reconcile.handler({"Records": records}, context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "3"}]}
    assert len(names()) == 2


@pytest.mark.usefixtures("environment")
def test_messages_about_an_instance_that_fails_all_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    intercept(monkeypatch, failing("DescribeInstances", "UnauthorizedOperation", 403))
    detail = {"instance-id": "i-0aaaaaaaaaaaaaaa1", "state": "running"}
    event = {"detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": detail}
    body = json.dumps({**event, "account": ACCOUNT, "region": REGION})
    answer = reconcile.handler(
        {"Records": [{"messageId": "a", "body": body}, {"messageId": "b", "body": body}]}, context()
    )
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["a", "b"]


@pytest.mark.usefixtures("environment")
def test_terraforms_call_waits_for_new_permissions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.propagation.PAUSE", 0.0)
    intercept(monkeypatch, failing("DescribeAlarms", "AccessDenied", 403, times=2))
    report = reconcile.handler({"tf": {"action": "create"}, "targets": []}, context())
    assert report["totals"]["targets_with_errors"] == 0
    json.dumps(report)


def test_settings_that_do_not_fit_name_themselves() -> None:
    environ = {
        name.upper(): json.dumps(value) if isinstance(value, (dict, list)) else str(value)
        for name, value in vars(config()).items()
    }
    load_settings(Settings, environ)
    for name, value in (("TARGETS", '[{"x": 1}]'), ("TIERS", "[1]"), ("METRIC_NAMES", '{"used_percent": 5}')):
        with pytest.raises(SettingsError, match="is not valid"):
            load_settings(Settings, {**environ, name: value})
