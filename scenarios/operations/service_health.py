"""A service breaks: one page for its symptoms, warnings when those are over, nothing in a maintenance window."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

from local.harness.scenario import Report, Stack, wait_until

PREFIX = "switchyard-service-health."
DASHBOARD = "switchyard-service-health"
FUNCTION = "switchyard-service-health-reconcile"
SERVICE = "bookings"
EMF = "BookingsEMF"
INDEXED = "aws.xray.annotations"
"""Attribute of a span that names the attributes which become annotations."""
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": FUNCTION},
    {"kind": "error", "status": 500, "rate": 0.08, "principal": FUNCTION},
]
CODE = f"""
import json, time

def handler(event, context):
    metric = "BookingFailed" if event.get("declined") else "BookingSuccessful"
    directive = {{"Namespace": "{EMF}", "Dimensions": [["service"]], "Metrics": [{{"Name": metric, "Unit": "Count"}}]}}
    print(json.dumps({{"_aws": {{"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}},
                      "service": "confirm_booking", metric: 1, "BookingReference": event.get("reference", "none")}}))
    if event.get("fail"):
        raise RuntimeError("no booking")
"""

variables: dict[str, Any] = {
    "service_health": {
        "services": {
            SERVICE: {
                "tags": {"service": SERVICE},
                "metrics": {
                    "booking-failed": {
                        "namespace": EMF,
                        "metric": "BookingFailed",
                        "dimensions": {"service": "confirm_booking"},
                        "threshold": 1,
                    }
                },
            },
        },
        "maintenance_windows": {
            "patching": {"minutes": 30, "schedule_expression": "cron(0 2 ? * SUN *)", "timezone": "Europe/Berlin"}
        },
        "critical_emails": ["on-call@example.com"],
        "trace_groups": {"payments": {"filter_expression": 'annotation.PaymentStatus = "FAILED"'}},
        "sampling_rules": {"payments": {"priority": 100, "fixed_rate": 0.5, "url_path": "/payments*"}},
        "batching_seconds": 1,
        "writes_per_second": 100,
    }
}


def prepare(stack: Stack) -> None:
    """Create a role for the service's function and workflow."""
    principals = {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
    trust = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
    iam = stack.client("iam")
    iam.create_role(RoleName=SERVICE, AssumeRolePolicyDocument=json.dumps(_document(trust)))
    logs = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    iam.put_role_policy(RoleName=SERVICE, PolicyName="logs", PolicyDocument=json.dumps(_document(logs)))


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def function(stack: Stack, name: str) -> str:
    """Create a function that makes bookings. Return its ARN."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", CODE)
    stack.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
    made = stack.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=stack.client("iam").get_role(RoleName=SERVICE)["Role"]["Arn"],
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    return str(made["FunctionArn"])


def book(stack: Stack, name: str, times: int = 1, **event: Any) -> None:
    """Call the function."""
    for _ in range(times):
        stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))


def invoke(stack: Stack, event: dict[str, Any]) -> dict[str, Any]:
    """Call the reconciliation. Return its answer, or {"errorType", "errorMessage"} if it failed."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"]["reconcile"], Payload=json.dumps(event)
    )
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def alarms(stack: Stack, service: str = SERVICE) -> dict[str, dict[str, Any]]:
    """Return the alarms of a service, by their names without prefix, service and hash."""
    pages = (
        stack.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"{PREFIX}{service} ", AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    )
    found = {}
    for page in pages:
        for one in page["MetricAlarms"] + page["CompositeAlarms"]:
            words = one["AlarmName"].removeprefix(f"{PREFIX}{service} ").split(" ")
            found[" ".join(words[:2])] = one
    return found


def states(stack: Stack, *names: str) -> list[str]:
    """Return the states of alarms of the service."""
    found = alarms(stack)
    return [found[name]["StateValue"] if name in found else "" for name in names]


def notices(stack: Stack, severity: str, since: float) -> list[tuple[str, str]]:
    """Return (alarm, state) of the notifications about the service, oldest first, but for the first state."""
    published = stack.cloud.notifications(stack.outputs["topic_arns"][severity])
    sent = [json.loads(one["message"]) for one in published if one["at"] >= since]
    return [
        (one["AlarmName"].removeprefix(f"{PREFIX}{SERVICE} "), one["NewStateValue"])
        for one in sent
        if one["AlarmName"].startswith(f"{PREFIX}{SERVICE} ") and one["OldStateValue"] != "INSUFFICIENT_DATA"
    ]


def elapse(stack: Stack) -> bool:
    """Let the time of composite alarms that wait for their suppressor pass. Return true."""
    stack.cloud.command("cloudwatch_composites/elapse", {})
    return True


def forget(stack: Stack, *some: dict[str, str]) -> None:
    """Let the values of metrics with these dimensions leave the periods of alarms."""
    for dimensions in some:
        stack.cloud.command("cloudwatch_access/forget", {"dimensions": dimensions})


def run(stack: Stack, report: Report) -> None:
    """Create a service, break it, repair it, and take it away."""
    report.sent = "8 resources of 7 kinds; failing calls, executions, bookings;\n18 % of the function's calls fail"
    name = f"{SERVICE}-{stack.token}"
    with stack.faults(*FAULTS, seed=5):
        made = created(stack, name)
        wanted = {
            f"function-errors {name}",
            f"dead-letters {name}-dlq",
            f"workflow-failures {name}",
            "symptom",
            "cause",
        }
        wait_until("the alarms of the service", lambda: wanted <= set(alarms(stack)))
    covered(stack, report, name)
    broken(stack, report, name)
    maintained(stack, report, name)
    traced(stack, report)
    shown(stack, report, name)
    gone(stack, report, made)


def created(stack: Stack, name: str) -> dict[str, str]:
    """Create the resources of a service, tagged when they are created or later. Return their ARNs."""
    tags = {"service": SERVICE}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    sqs = stack.client("sqs")
    queues = {key: sqs.create_queue(QueueName=key, tags=tags)["QueueUrl"] for key in (f"{name}-orders", f"{name}-dlq")}
    made = {
        key: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for key, url in queues.items()
    }
    made["topic"] = stack.client("sns").create_topic(Name=name, Tags=listed)["TopicArn"]
    stack.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=listed,
    )
    fails = {"StartAt": "f", "States": {"f": {"Type": "Fail", "Error": "Declined"}}}
    made["workflow"] = stack.client("stepfunctions").create_state_machine(
        name=name,
        definition=json.dumps(fails),
        roleArn=stack.client("iam").get_role(RoleName=SERVICE)["Role"]["Arn"],
        tags=[{"key": "service", "value": SERVICE}],
    )["stateMachineArn"]
    made["rest"] = stack.client("apigateway").create_rest_api(name=f"{name} API", tags=tags)["id"]
    made["http"] = stack.client("apigatewayv2").create_api(Name=name, ProtocolType="HTTP", Tags=tags)["ApiId"]
    made["socket"] = stack.client("apigatewayv2").create_api(
        Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action", Tags=tags
    )["ApiId"]
    made["function"] = function(stack, name)
    # The event of this tag starts the reconciliation.
    stack.client("resourcegroupstaggingapi").tag_resources(ResourceARNList=[made["function"]], Tags=tags)
    return made


def covered(stack: Stack, report: Report, name: str) -> None:
    """Check which alarms there are, and that a run without changes writes nothing."""
    answer = invoke(stack, {})
    service = answer["services"][SERVICE]
    report.check(
        "each resource is covered, a WebSocket API is named as not covered",
        (service["resources"], list(service["not_covered"].values())),
        (
            {"dead-letters": 1, "function": 1, "http-api": 1, "queue": 1, "rest-api": 1, "table": 1, "topic": 1,
             "workflow": 1},
            ["no alarms for a WebSocket API"],
        ),
    )  # fmt: skip
    found = alarms(stack)
    members = [one for one in found.values() if "AlarmRule" not in one]
    report.check("only composite alarms act", [one for one in members if one["AlarmActions"] or one["OKActions"]], [])
    rest = next(one for one in members if one["AlarmDescription"].startswith(f"{name} API: The slowest"))
    report.check(
        "a latency has an anomaly detection band, and no threshold",
        (rest["ThresholdMetricId"], "Threshold" in rest, [one["ReturnData"] for one in rest["Metrics"]]),
        ("band", False, [True, True]),
    )
    own = f"function-errors {FUNCTION}" in alarms(stack, "service-health")
    report.check("the stack's own functions are a service", own)
    started = time.time()
    again = invoke(stack, {})["alarms"]
    calls = {call["operation"] for call in stack.cloud.calls(started, "service-health")}
    written = {"PutMetricAlarm", "PutCompositeAlarm", "DeleteAlarms", "PutDashboard", "PutQueryDefinition"} & calls
    report.check("nothing to do, nothing written", (written, again.get("put", 0)), (set(), 0))
    report.check("the report has the price", answer["usd_a_month"] > 3)
    composite = ("symptom", "cause")
    wait_until(
        "the first states",
        lambda: elapse(stack) and not any("ActionsSuppressedBy" in alarms(stack)[one] for one in composite),
    )


def broken(stack: Stack, report: Report, name: str) -> None:
    """Break everything at once: one page. Repair what users notice: the cause is a warning now."""
    wait_until("a service in order", lambda: elapse(stack) and states(stack, "symptom", "cause") == ["OK", "OK"])
    began = time.time()
    book(stack, name, times=3, fail=True, declined=True, reference="B-1")
    for _ in range(2):
        stack.client("stepfunctions").start_execution(stateMachineArn=_workflow(stack, name))
    url = stack.client("sqs").get_queue_url(QueueName=f"{name}-dlq")["QueueUrl"]
    stack.client("sqs").send_message(QueueUrl=url, MessageBody="lost")
    symptoms = (f"function-errors {name}", f"workflow-failures {name}", "metric booking-failed", "symptom")
    wait_until("the symptoms", lambda: states(stack, *symptoms, "cause") == ["ALARM"] * 5)
    elapse(stack)
    wait_until("the page", lambda: ("symptom", "ALARM") in notices(stack, "critical", began))
    time_for_more(stack)
    report.check("one incident pages once", notices(stack, "critical", began), [("symptom", "ALARM")])
    report.check("the cause is no second notification", notices(stack, "warning", began), [])

    arn = _workflow(stack, name)
    forget(stack, {"FunctionName": name}, {"StateMachineArn": arn}, {"service": "confirm_booking"})
    wait_until("no symptom", lambda: states(stack, "symptom", "cause") == ["OK", "ALARM"])
    wait_until("warning", lambda: elapse(stack) and ("cause", "ALARM") in notices(stack, "warning", began))
    report.check("what is left is a warning", notices(stack, "warning", began), [("cause", "ALARM")])
    stack.client("sqs").purge_queue(QueueUrl=url)
    forget(stack, {"QueueName": f"{name}-dlq"})
    wait_until("all is well", lambda: states(stack, "symptom", "cause") == ["OK", "OK"])
    wait_until("OK", lambda: elapse(stack) and notices(stack, "critical", began)[-1] == ("symptom", "OK"))
    wait_until("OK", lambda: elapse(stack) and notices(stack, "warning", began)[-1] == ("cause", "OK"))


def time_for_more(stack: Stack) -> None:
    """Give notifications that must not come the time of two evaluations."""
    for _ in range(2):
        time.sleep(1.1)
        elapse(stack)


def _workflow(stack: Stack, name: str) -> str:
    found = stack.client("stepfunctions").list_state_machines()["stateMachines"]
    return str(next(one["stateMachineArn"] for one in found if one["name"] == name))


def maintained(stack: Stack, report: Report, name: str) -> None:
    """Break the service in a maintenance window: it pages when the window is over."""
    began = time.time()
    stack.cloud.command("scheduler/fire", {"name": "switchyard-service-health-patching", **_place(stack)})
    window = f"{PREFIX}_maintenance patching"
    cloudwatch = stack.client("cloudwatch")
    wait_until(
        "the window",
        lambda: cloudwatch.describe_alarms(AlarmNames=[window])["MetricAlarms"][0]["StateValue"] == "ALARM",
    )
    book(stack, name, times=3, fail=True)
    wait_until("the symptom", lambda: states(stack, "symptom") == ["ALARM"])
    time_for_more(stack)
    report.check("nothing is notified in the window", notices(stack, "critical", began), [])
    forget(stack, {"stack": DASHBOARD, "window": "patching"})
    wait_until("the page", lambda: elapse(stack) and notices(stack, "critical", began))
    page = [("symptom", "ALARM")]
    report.check("what still fails is notified afterwards", notices(stack, "critical", began), page)
    report.check("an unknown window is refused", invoke(stack, {"window": "other"})["errorType"], "InvalidRequest")


def _place(stack: Stack) -> dict[str, str]:
    _, _, _, region, account, _ = stack.outputs["topic_arns"]["critical"].split(":")
    return {"account": account, "region": region}


def exported(span: dict[str, Any]) -> dict[str, Any]:
    """Return a segment as the exporters of OpenTelemetry to X-Ray write one: named attributes are annotations."""
    attributes = dict(span["attributes"])
    indexed = attributes.pop(INDEXED, [])
    now = time.time()
    return {
        "name": span["name"],
        "id": span["id"],
        "trace_id": f"1-{int(now):08x}-{span['id']}{'0' * 8}",
        "start_time": now - 0.2,
        "end_time": now,
        "annotations": {key: value for key, value in attributes.items() if key in indexed},
        "metadata": {"default": {key: value for key, value in attributes.items() if key not in indexed}},
    }


def traced(stack: Stack, report: Report) -> None:
    """Check that the trace group finds spans whose attributes are indexed."""
    xray = stack.client("xray")
    group = xray.get_group(GroupARN=stack.outputs["trace_group_arns"]["payments"])["Group"]
    token = f"{stack.token}{stack.token}"[:10]
    named = {INDEXED: ["PaymentStatus"]}
    spans = [
        {"name": "pay", "id": f"{token}000001", "attributes": {"PaymentStatus": "FAILED", **named}},
        {"name": "pay", "id": f"{token}000002", "attributes": {"PaymentStatus": "SUCCESS", **named}},
        {"name": "pay", "id": f"{token}000003", "attributes": {"PaymentStatus": "FAILED"}},
    ]
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(exported(one)) for one in spans])
    now = time.time()
    found = xray.get_trace_summaries(StartTime=now - 60, EndTime=now + 60, FilterExpression=group["FilterExpression"])[
        "TraceSummaries"
    ]
    hits = [one["Id"][-9] for one in found if token in one["Id"]]
    report.check("the trace group finds the failed payment", hits, ["1"])
    rules = [one["SamplingRule"] for one in xray.get_sampling_rules()["SamplingRuleRecords"]]
    report.check(
        "the sampling rule is there",
        [(one["FixedRate"], one["URLPath"]) for one in rules if one["RuleName"] == "switchyard-payments"],
        [(0.5, "/payments*")],
    )


def shown(stack: Stack, report: Report, name: str) -> None:
    """Check the dashboard and the saved queries."""
    body = stack.client("cloudwatch").get_dashboard(DashboardName=DASHBOARD)["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    titles = {one["properties"].get("title") for one in widgets}
    report.check("the dashboard has the service's metrics", {"Services", "Functions", "Business"} <= titles)
    report.check("and says what is not covered", any("WebSocket" in str(one["properties"]) for one in widgets))
    queries = stack.client("logs").describe_query_definitions(queryDefinitionNamePrefix=f"{DASHBOARD}/{SERVICE}/")
    found = {one["name"].rpartition("/")[2]: one["logGroupNames"] for one in queries["queryDefinitions"]}
    report.check("the queries are over the service's logs", found.get("errors"), [f"/aws/lambda/{name}"])
    logged = [line for line in stack.logged(name) if "B-1" in line]
    report.check("a booking is found by its reference", len(logged), 3)


def gone(stack: Stack, report: Report, made: dict[str, str]) -> None:
    """Take resources away: their alarms go, in one run, and the composite alarms with the last of them."""
    sqs, name = stack.client("sqs"), made["function"].rpartition(":")[2]
    for queue in (f"{name}-orders", f"{name}-dlq"):
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"])
    with stack.faults(*FAULTS, seed=2):
        wait_until("a run without errors", lambda: "errorType" not in invoke(stack, {}))
    left = alarms(stack)
    report.check("alarms of deleted queues are gone", [one for one in left if one.startswith(("queue", "dead"))], [])
    report.check("the composite alarm is as small", f"{name}-dlq" in left["cause"]["AlarmRule"], False)
    stack.client("lambda").delete_function(FunctionName=name)
    stack.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{name}")
    stack.client("stepfunctions").delete_state_machine(stateMachineArn=made["workflow"])
    stack.client("sns").delete_topic(TopicArn=made["topic"])
    stack.client("dynamodb").delete_table(TableName=name)
    stack.client("apigateway").delete_rest_api(restApiId=made["rest"])
    for key in ("http", "socket"):
        stack.client("apigatewayv2").delete_api(ApiId=made[key])
    wait_until("a run without errors", lambda: "errorType" not in invoke(stack, {}))
    left_over = ["metric booking-failed", "symptom"]
    report.check("with the last resource, all but the business metric is gone", sorted(alarms(stack)), left_over)
    models = stack.client("cloudwatch").describe_anomaly_detectors()["AnomalyDetectors"]
    dimensions = [one["SingleMetricAnomalyDetector"]["Dimensions"] for one in models]
    report.check("no model of a band is left", [one for one in dimensions if name in str(one)], [])
