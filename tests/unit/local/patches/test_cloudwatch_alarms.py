"""Alarms on metric math: the expressions, their states, and an alarm that real KMS calls trigger."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.patches import cloudwatch_alarms as subject

SYMMETRIC = "L-6E3AF000"
UTILISATION = "(m1/SERVICE_QUOTA(m1))*100"


def value(expression: str, **values: float | None) -> float | None:
    return subject.evaluate(subject.parse(expression, frozenset(values)), values, lambda name: 600_000.0)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (UTILISATION, 50.0),
        ("100 * m1 / SERVICE_QUOTA(m1)", 50.0),
        ("-m1 + 1", -299_999.0),
        ("m1 / 0", None),
        ("m1 - m2", None),
        ("m1", 300_000.0),
        ("FILL(m2, 7)", 7.0),
        ("FILL(m1, 7)", 300_000.0),
        ("IF(m1 > 40, m1, 40)", 300_000.0),
        ("IF(m1 < 40, m1, 40)", 40.0),
        ("IF(m2 > 40, m1, 40)", None),
        ("IF(m1 < 40, m1)", None),
        ("100 * FILL(m2, 0) / IF(m1 > 40, m1, 40)", 0.0),
    ],
)
def test_expressions(expression: str, expected: float | None) -> None:
    """One is the source's example: 300,000 calls a minute at 10,000 a second are 50 %."""
    assert value(expression, m1=300_000.0, m2=None) == expected


@pytest.mark.parametrize(
    "expression",
    ["", "m1 +", "m3", "RATE(m1)", "FILL(m1, m2)", "FILL(1, 0)", "IF(m1)", "1 < m1 < 2",
     "IF(m1 > 1, m3)", "SERVICE_QUOTA(1)", "SERVICE_QUOTA(m1, m1)", "m1 ** 2", "'a'", "True",
     "__import__('os')", "m1.real", "[m1]", "SERVICE_QUOTA(m9)", "m1 if m1 else 2"],
)  # fmt: skip
def test_anything_else_is_refused(expression: str) -> None:
    with pytest.raises(subject.ExpressionError):
        subject.parse(expression, frozenset({"m1", "m2"}))


@given(st.text(max_size=30))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        tree = subject.parse(text, frozenset({"m1"}))
    except subject.ExpressionError:
        return
    found = subject.evaluate(tree, {"m1": 2.0}, lambda name: 3.0)
    assert found is None or isinstance(found, float)


_FORMULA = st.recursive(
    st.one_of(st.integers(1, 9).map(str), st.just("m1"), st.just("SERVICE_QUOTA(m1)")),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
    max_leaves=8,
)


@given(_FORMULA, st.integers(1, 100), st.integers(1, 100))
def test_arithmetic_is_that_of_numbers(formula: str, calls: int, quota: int) -> None:
    found = subject.evaluate(subject.parse(formula, frozenset({"m1"})), {"m1": float(calls)}, lambda name: float(quota))
    try:
        wanted = eval(formula, {"m1": float(calls), "SERVICE_QUOTA": lambda m: float(quota)})
    except ZeroDivisionError:
        assert found is None
        return
    assert found is None or found == pytest.approx(wanted)


def test_a_value_belongs_to_the_period_in_which_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """A period has its end and not its beginning; what is older than all periods, or newer than now, has none."""
    times = (1_000.5, 1_000, 950, 940, 939, 880, 820)
    kept = [{"Timestamp": at, "Value": float(at)} for at in times]
    monkeypatch.setattr(subject, "points_of", lambda metric: kept if metric == "m" else [])
    queries = [
        {"Id": name, "MetricStat": {"Metric": name, "Period": 60, "Stat": stat}}
        for name, stat in (("m", "Sum"), ("none", "Sum"))
    ]
    alarm = {"Metrics": [*queries, {"Id": "e", "Expression": "m + none"}]}
    found, any_value = subject._values(alarm, 3, 1_000.0)
    assert found == [
        {"m": 1_950.0, "none": None},
        {"m": 1_879.0, "none": None},
        {"m": 880.0, "none": None},
    ]
    assert any_value


def test_values_of_later_periods_count_before_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    alarm = {"Metrics": [{"Id": "m", "MetricStat": {"Metric": "m", "Period": 60, "Stat": "Sum"}}]}
    for at, counts in ((820, False), (821, True), (1_000.5, True)):
        monkeypatch.setattr(subject, "points_of", lambda metric, at=at: [{"Timestamp": at, "Value": 1.0}])
        assert subject._values(alarm, 3, 1_000.0)[1] is counts


@pytest.mark.parametrize(
    ("breaching", "needed", "missing", "state"),
    [
        ([True], 1, "missing", "ALARM"),
        ([False], 1, "missing", "OK"),
        ([None], 1, "missing", "INSUFFICIENT_DATA"),
        ([None], 1, "notBreaching", "OK"),
        ([None], 1, "breaching", "ALARM"),
        ([None], 1, "ignore", "CURRENT"),
        ([True, False, True], 2, "notBreaching", "ALARM"),
        ([True, False, None], 2, "notBreaching", "OK"),
        ([True, None, None], 2, "breaching", "ALARM"),
    ],
)
def test_states(breaching: list[bool | None], needed: int, missing: str, state: str) -> None:
    assert subject.state_of(breaching, needed, missing, "CURRENT") == state


def metrics(expression: str = UTILISATION, period: int = 60) -> list[dict[str, Any]]:
    dimensions = {"Class": "None", "Resource": "CryptographicOperationsSymmetric", "Service": "KMS", "Type": "API"}
    metric = {
        "Namespace": "AWS/Usage",
        "MetricName": "CallCount",
        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
    }
    return [
        {"Id": "utilisation", "Expression": expression, "Label": "Utilisation", "ReturnData": True},
        {"Id": "m1", "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}, "ReturnData": False},
    ]


def put(cloud: Cloud, name: str, queries: list[dict[str, Any]], **more: Any) -> None:
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Metrics=queries,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=80,
        TreatMissingData="notBreaching",
        **more,
    )


def state(cloud: Cloud, name: str) -> str:
    return str(cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])


def test_real_calls_set_an_alarm_off_and_the_quota_or_time_ends_it(cloud: Cloud) -> None:
    kms, sns, sqs = cloud.client("kms"), cloud.client("sns"), cloud.client("sqs")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": topic}]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    queue = sqs.create_queue(QueueName="changes")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": queue_arn}]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}
    cloud.client("events").put_rule(Name="changes", EventPattern=json.dumps(pattern))
    cloud.client("events").put_targets(Rule="changes", Targets=[{"Id": "q", "Arn": queue_arn}])

    # However long the calls take on a busy machine, they are within one period.
    cloud.command("servicequotas/set_value", {"quota_code": SYMMETRIC, "value": 0.1})
    put(cloud, "used", metrics(period=1000), AlarmActions=[topic])
    wait_until("OK without calls", lambda: state(cloud, "used") == "OK", 20)
    kms.generate_random(NumberOfBytes=1)
    for _ in range(78):
        kms.generate_random(NumberOfBytes=1)
    assert state(cloud, "used") == "OK"  # 79 of 100
    kms.generate_random(NumberOfBytes=1)
    assert state(cloud, "used") == "ALARM"
    assert [json.loads(n["message"])["NewStateValue"] for n in cloud.notifications(topic)] == ["ALARM"]
    cloud.command("servicequotas/set_value", {"quota_code": SYMMETRIC, "value": 0.2})
    wait_until("OK at twice the quota", lambda: state(cloud, "used") == "OK", 20)
    cloud.command("servicequotas/set_value", {"quota_code": SYMMETRIC, "value": 0.01})
    wait_until("ALARM at a small quota", lambda: state(cloud, "used") == "ALARM", 20)
    put(cloud, "used", metrics(period=10), AlarmActions=[topic])
    wait_until("OK when the calls have passed", lambda: state(cloud, "used") == "OK", 15)
    events: list[Any] = []
    deadline = time.monotonic() + 60
    while len(events) < 5 and time.monotonic() < deadline:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        events += [json.loads(m["Body"])["detail"] for m in received]
    changes = [(e["previousState"]["value"], e["state"]["value"]) for e in events if e["alarmName"] == "used"]
    assert sorted(changes) == sorted(
        [("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK"), ("OK", "ALARM"), ("ALARM", "OK")]
    )


def test_a_state_that_is_set_lasts_until_the_next_evaluation(cloud: Cloud) -> None:
    queries = metrics()
    queries[1]["MetricStat"]["Metric"]["Dimensions"] = [{"Name": "Resource", "Value": "NothingCallsThis"}]
    put(cloud, "set", queries)
    assert state(cloud, "set") == "OK"
    cloud.client("cloudwatch").set_alarm_state(AlarmName="set", StateValue="ALARM", StateReason="a test")
    wait_until("OK again, without a value", lambda: state(cloud, "set") == "OK", 20)


def test_an_alarm_is_described_as_it_was_put(cloud: Cloud) -> None:
    put(cloud, "described", metrics())
    found = cloud.client("cloudwatch").describe_alarms(AlarmNames=["described"])["MetricAlarms"][0]
    assert found["Metrics"] == metrics()
    assert not {"MetricName", "Namespace", "Statistic", "Period"} & set(found)


def test_the_query_protocol_says_the_same() -> None:
    params = {
        "Metrics.member.2.Id": ["m1"],
        "Metrics.member.2.ReturnData": ["false"],
        "Metrics.member.2.MetricStat.Stat": ["Sum"],
        "Metrics.member.2.MetricStat.Period": ["60"],
        "Metrics.member.2.MetricStat.Metric.Namespace": ["AWS/Usage"],
        "Metrics.member.2.MetricStat.Metric.MetricName": ["CallCount"],
        "Metrics.member.2.MetricStat.Metric.Dimensions.member.1.Name": ["Service"],
        "Metrics.member.2.MetricStat.Metric.Dimensions.member.1.Value": ["KMS"],
        "Metrics.member.1.Id": ["u"],
        "Metrics.member.1.Expression": ["m1*2"],
        "MetricsOther.member.1.Id": ["no"],
    }
    queries = [subject.typed(query) for query in subject.nested(params, "Metrics")]
    assert [query["Id"] for query in queries] == ["u", "m1"]
    assert queries[0]["ReturnData"] is True
    assert queries[1] == {
        "Id": "m1",
        "ReturnData": False,
        "MetricStat": {
            "Stat": "Sum",
            "Period": 60,
            "Metric": {
                "Namespace": "AWS/Usage",
                "MetricName": "CallCount",
                "Dimensions": [{"Name": "Service", "Value": "KMS"}],
            },
        },
    }


@pytest.mark.parametrize(
    "queries",
    [
        metrics("RATE(m1)"),
        metrics("m2"),
        [metrics()[1]],
        [metrics()[0], metrics()[0]],
        [{"Id": "A", "Expression": "1"}],
    ],
)
def test_what_cannot_be_evaluated_cannot_be_put(cloud: Cloud, queries: list[dict[str, Any]]) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        put(cloud, "wrong", queries)
    assert cloud.client("cloudwatch").describe_alarms(AlarmNames=["wrong"])["MetricAlarms"] == []


def test_the_depth_of_a_queue_is_published_while_an_alarm_watches_it(cloud: Cloud) -> None:
    sqs, api = cloud.client("sqs"), cloud.client("cloudwatch")
    for name in ("watched", "unwatched"):
        sqs.send_message(QueueUrl=sqs.create_queue(QueueName=name)["QueueUrl"], MessageBody="a")
    api.put_metric_alarm(
        AlarmName="depth", Namespace="AWS/SQS", MetricName="ApproximateNumberOfMessagesVisible", Statistic="Maximum",
        Dimensions=[{"Name": "QueueName", "Value": "watched"}], Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )  # fmt: skip
    wait_until("the alarm", lambda: state(cloud, "depth") == "ALARM", 30)
    metrics = api.list_metrics(Namespace="AWS/SQS")["Metrics"]
    assert [(one["MetricName"], one["Dimensions"]) for one in metrics] == [
        ("ApproximateNumberOfMessagesVisible", [{"Name": "QueueName", "Value": "watched"}])
    ]


def band(**changed: Any) -> dict[str, Any]:
    """Return the arguments of an alarm on a band, with other ones in place of some."""
    metric = {"Namespace": "Orders", "MetricName": "Latency", "Dimensions": []}
    queries = [
        {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m1, 2)", "ReturnData": True},
        {"Id": "m1", "MetricStat": {"Metric": metric, "Stat": "Average", "Period": 60}, "ReturnData": True},
    ]
    given = {
        "AlarmName": "band",
        "Metrics": queries,
        "ThresholdMetricId": "band",
        "ComparisonOperator": "GreaterThanUpperThreshold",
        "EvaluationPeriods": 1,
        **changed,
    }
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize(
    "changed",
    [
        {"Threshold": 0},
        {"ThresholdMetricId": None},
        {"ThresholdMetricId": "m1"},
        {"ThresholdMetricId": "other"},
        {"ComparisonOperator": "GreaterThanThreshold"},
        {"Metrics": [{**one, "ReturnData": one["Id"] == "band"} for one in band()["Metrics"]]},
        {"Metrics": [{**one, "Expression": "ANOMALY_DETECTION_BAND(m2)"} if one["Id"] == "band" else one
                     for one in band()["Metrics"]]},
    ],
)  # fmt: skip
def test_a_band_that_aws_refuses_is_refused(cloud: Cloud, changed: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        cloud.client("cloudwatch").put_metric_alarm(**band(**changed))


def test_a_band_alarms_on_a_value_outside_of_the_past_ones(cloud: Cloud) -> None:
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(**band())
    found = cloudwatch.describe_alarms(AlarmNames=["band"])["MetricAlarms"][0]
    assert found["ThresholdMetricId"] == "band"
    assert "Threshold" not in found

    def publish(value: float, ago: float) -> None:
        data = {"MetricName": "Latency", "Value": value, "Timestamp": time.time() - ago}
        cloudwatch.put_metric_data(Namespace="Orders", MetricData=[data])

    for number in range(10):
        publish(100 + number, 600 + 60 * number)
    publish(105, 0)
    wait_until("OK inside of the band", lambda: state(cloud, "band") == "OK", 20)
    publish(900, 0)
    wait_until("ALARM outside of it", lambda: state(cloud, "band") == "ALARM", 20)
    models = cloudwatch.describe_anomaly_detectors()["AnomalyDetectors"]
    assert [one["SingleMetricAnomalyDetector"]["MetricName"] for one in models] == ["Latency"]
    cloudwatch.delete_alarms(AlarmNames=["band"])
    model = cloudwatch.describe_anomaly_detectors()["AnomalyDetectors"][0]["SingleMetricAnomalyDetector"]
    cloudwatch.delete_anomaly_detector(SingleMetricAnomalyDetector=model)  # it outlives its alarm
    assert cloudwatch.describe_anomaly_detectors()["AnomalyDetectors"] == []
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloudwatch.delete_anomaly_detector(SingleMetricAnomalyDetector=model)
