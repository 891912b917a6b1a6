"""A year of history and a day of events, repeated and out of order: each execution is counted once, by Athena."""

from __future__ import annotations

import contextlib
import json
import random
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION

PAST = 104
"""Executions in the history: two pages of ListPipelineExecutions."""
PREFIX = "switchyard-pipeline-metrics"
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": PREFIX},
    {"kind": "error", "status": 500, "rate": 0.05, "principal": PREFIX},
]
OWNER = f"arn:aws:quicksight:us-east-1:{ACCOUNT_ID}:user/default/ann"
QUICKSIGHT_ROLE = "aws-quicksight-service-role-v0"

seconds = 140
test_seconds = 10
variables: dict[str, Any] = {
    "pipeline_metrics": {
        "force_destroy": True,
        "pipelines": ["shop-*", "past-*"],
        "batch_seconds": 1,
        "requests_per_second": 50,
        "time_zone": "Europe/Berlin",
        "incident_alarms": {"shop-errors": "shop-alarmed"},
        "quicksight": {"owner_arns": [OWNER], "reader_arns": [OWNER.replace("user/default/ann", "group/default/all")]},
    }
}


def prepare(stack: Stack) -> None:
    """Subscribe to QuickSight, which makes its service role."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "quicksight.amazonaws.com"}}
        ],
    }
    iam = stack.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):  # an account has one
        iam.create_role(RoleName=QUICKSIGHT_ROLE, Path="/service-role/", AssumeRolePolicyDocument=json.dumps(trust))


def now() -> datetime:
    """Return the present, in whole seconds: events have no fractions."""
    return datetime.now(UTC).replace(microsecond=0)


def identity(*parts: object) -> str:
    """Return an id of the form that CodePipeline's have, always the same one for the same parts."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, parts))))


def past_execution(number: int, token: str, at: datetime) -> dict[str, Any]:
    """Return an execution of the history, in the shapes of the API: some failed, some were superseded."""
    status = "Superseded" if number % 7 == 0 else "Failed" if number % 5 == 0 else "Succeeded"
    start = at.timestamp()
    actions = [("Source", "Pull", "Source", "Succeeded")]
    if status != "Superseded":
        actions.append(("Prod", "Deploy", "Deploy", status))
    return {
        "pipelineExecutionId": identity(token, number),
        "status": status,
        "startTime": start,
        "lastUpdateTime": start + 600,
        "trigger": {"triggerType": "Webhook", "triggerDetail": "main"},
        "executionMode": "SUPERSEDED",
        "executionType": "STANDARD",
        "actions": [
            {
                "actionExecutionId": identity(token, number, action),
                "stageName": stage,
                "actionName": action,
                "status": result,
                "startTime": start + 60 * index,
                "lastUpdateTime": start + 60 * index + 300,
                "input": {"actionTypeId": {"category": category, "owner": "AWS", "provider": "S3", "version": "1"}},
                "output": {
                    "outputVariables": {
                        "CommitId": "abc",
                        "AuthorDate": f"{at - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
                    }
                }
                if category == "Source"
                else {},
            }
            for index, (stage, action, category, result) in enumerate(actions)
        ],
    }


def change(level: str, pipeline: str, execution: str, state: str, at: datetime, **more: Any) -> dict[str, Any]:
    """Return an event, for the command `codepipeline/happen`."""
    kind = {"pipeline": "Pipeline", "stage": "Stage", "action": "Action"}[level]
    detail = {
        "pipeline": pipeline,
        "execution-id": execution,
        "start-time": f"{at:%Y-%m-%dT%H:%M:%S.000Z}",
        "state": state,
        "version": 1.0,
        "pipeline-execution-attempt": 1.0,
        **({"stage": "Prod"} if level != "pipeline" else {}),
        **more,
    }
    return {"detail-type": f"CodePipeline {kind} Execution State Change", "detail": detail, "at": at.timestamp()}


def execution(pipeline: str, name: str, state: str, at: datetime, trigger: str = "Webhook") -> list[dict[str, Any]]:
    """Return the events of an execution whose only stage, with one action, ends with a state a minute later."""
    action = {
        "action": "Deploy",
        "action-execution-id": f"{name}-deploy",
        "type": {"owner": "AWS", "provider": "CodeDeploy", "category": "Deploy", "version": "1"},
    }
    started = {"execution-trigger": {"trigger-type": trigger, "trigger-detail": "main"}}
    return [
        change(level, pipeline, name, one, when, **more)
        for level, more in (("pipeline", started), ("stage", {}), ("action", action))
        for one, when in (("STARTED", at), (state, at + timedelta(minutes=1)))
    ]


def rows(stack: Stack, sql: str) -> list[list[str]]:
    """Return the rows of a query in the module's workgroup, without the heading. Raise AssertionError."""
    athena, setup = stack.client("athena"), stack.outputs["athena"]
    started = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": setup["database"], "Catalog": "AwsDataCatalog"},
        WorkGroup=setup["workgroup"],
    )["QueryExecutionId"]

    def ended() -> Any:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        return status if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    status = wait_until("the query", ended)
    if status["State"] != "SUCCEEDED":
        raise AssertionError(status.get("StateChangeReason", status["State"]))
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=started)
    found = [[cell.get("VarCharValue", "") for cell in row["Data"]] for p in pages for row in p["ResultSet"]["Rows"]]
    return found[1:]


def invoke(stack: Stack, name: str, event: dict[str, Any] | None = None) -> dict[str, Any]:
    """Call a function. Return its answer, or {"errorType", "errorMessage"} if it failed."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"][name], Payload=json.dumps(event or {})
    )
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def read_history(stack: Stack, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run the state machine to its end. Return status, output and cause."""
    states = stack.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=stack.outputs["state_machine_arn"], input=json.dumps(given or {}))[
        "executionArn"
    ]

    def ended() -> Any:
        found = states.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    found = wait_until("the history", ended, 120)
    return {
        "status": found["status"],
        "output": json.loads(found.get("output") or "{}"),
        "cause": f"{found.get('error')}: {found.get('cause')}",
    }


def objects(stack: Stack, prefix: str = "records/") -> dict[str, int]:
    """Return the number of objects by day."""
    days: dict[str, int] = {}
    pages = (
        stack.client("s3").get_paginator("list_objects_v2").paginate(Bucket=stack.outputs["bucket_name"], Prefix=prefix)
    )
    for page in pages:
        for entry in page.get("Contents", ()):
            day = entry["Key"].removeprefix(prefix).partition("/")[0].removeprefix("dt=")
            days[day] = days.get(day, 0) + 1
    return days


def by_result(stack: Stack, pipeline: str) -> dict[str, int]:
    """Return the number of a pipeline's executions by result."""
    sql = f"SELECT result, count(*) FROM executions WHERE pipeline = '{pipeline}' GROUP BY 1"
    return {result: int(count) for result, count in rows(stack, sql)}


def run(stack: Stack, report: Report) -> None:
    """Read the history, send the events, and count what came of both."""
    past, shop, began = f"past-{stack.token}", f"shop-{stack.token}", now() - timedelta(hours=1)
    report.sent = (
        f"{PAST} executions of the last year in the history;\n"
        "7 executions as events, each event twice and in any order;\n"
        "15 % of the functions' calls fail"
    )
    first = began - timedelta(days=300)
    history = [past_execution(n, stack.token, first + timedelta(days=2 * n, hours=3)) for n in range(PAST)]
    stack.cloud.command("codepipeline/remember", {"pipeline": past, "executions": history})
    truth: dict[str, int] = {}
    for one in history:
        truth[one["status"].lower()] = truth.get(one["status"].lower(), 0) + 1

    with stack.faults(*FAULTS, seed=11):
        done = read_history(stack)
        report.check("the history is read", (done["status"], done["cause"]), ("SUCCEEDED", "None: None"))
        report.check("executions by result", by_result(stack, past), truth)
        live(stack, report, shop, began)
        again(stack, report, past, shop, truth)
        compacted(stack, report, past, truth)
        page(stack, report, shop)
    incident(stack, report)
    quicksight(stack, report, past, truth)
    refused(stack, report)


def live(stack: Stack, report: Report, shop: str, at: datetime) -> None:
    """Send events twice, in any order, of four deployments of which one failed, a rollback and what has no result."""
    plan = [("d1", "SUCCEEDED"), ("d2", "FAILED"), ("r1", "SUCCEEDED"), ("d3", "SUCCEEDED"), ("d4", "SUCCEEDED")]
    events: list[dict[str, Any]] = []
    for number, (name, state) in enumerate(plan):
        trigger = "AutomatedRollback" if name == "r1" else "Webhook"
        events += execution(shop, identity(stack.token, name), state, at + timedelta(minutes=5 * number), trigger)
    events += [
        change("pipeline", shop, identity(stack.token, s), s, at) for n, s in enumerate(("SUPERSEDED", "PAUSED"))
    ]
    events += [event | {"at": event["at"] + 1} for event in events]
    random.Random(5).shuffle(events)
    stack.cloud.command("codepipeline/happen", {"changes": events})
    wanted = {"succeeded": 4, "failed": 1, "superseded": 1, "other": 1}
    wait_until("the events in Athena", lambda: by_result(stack, shop) == wanted, 60, every=1)
    report.check("each execution once, whatever came twice", by_result(stack, shop), wanted)
    [day] = rows(stack, f"SELECT sum(succeeded), sum(failed) FROM daily_results WHERE pipeline = '{shop}'")
    report.check("levels are not added up", [int(value) for value in day], [4, 1])
    action = (
        f"SELECT stage, action, sum(succeeded), sum(failed) FROM action_results WHERE pipeline = '{shop}' GROUP BY 1, 2"
    )
    report.check("results of the action", rows(stack, action), [["Prod", "Deploy", "4", "1"]])
    failures = (
        "SELECT sum(deployments), sum(failed_deployments), max(change_failure_rate) FROM dora_monthly "
        f"WHERE pipeline = '{shop}'"
    )
    [found] = rows(stack, failures)
    report.check("one failure of four deployments", [float(value) for value in found], [4.0, 1.0, 0.25])
    [restored] = rows(
        stack, f"SELECT failed_by, restore_seconds > 0 FROM deployments WHERE pipeline = '{shop}' AND failed = 1"
    )
    report.check("restored by the rollback", restored, ["stage", "true"])


def again(stack: Stack, report: Report, past: str, shop: str, truth: dict[str, int]) -> None:
    """Read the history of the live pipeline too, and that of the year again: nothing is counted twice."""
    known = {
        "pipelineExecutionId": identity(stack.token, "d1"),
        "status": "Succeeded",
        "startTime": time.time() - 60,
        "lastUpdateTime": time.time(),
    }
    lost = known | {"pipelineExecutionId": identity(stack.token, "lost"), "status": "Failed"}
    stack.cloud.command("codepipeline/remember", {"pipeline": shop, "executions": [known, lost]})
    done = read_history(stack, {"days": 366})
    report.check("the history is read again", done["status"], "SUCCEEDED")
    report.check("nothing twice", by_result(stack, past), truth)
    wanted = {"succeeded": 4, "failed": 2, "superseded": 1, "other": 1}
    report.check("what the events missed is there, and only that", by_result(stack, shop), wanted)
    lead = f"SELECT min(lead_seconds), max(lead_from) FROM deployments WHERE pipeline = '{past}'"
    report.check("lead time from the commit", rows(stack, lead), [["3960.0", "commit"]])


def compacted(stack: Stack, report: Report, past: str, truth: dict[str, int]) -> None:
    """Compact: one object for each day of the past."""
    today = datetime.now(UTC).date().isoformat()
    invoke(stack, "compact")
    many = {day: count for day, count in objects(stack).items() if day < today and count > 1}
    report.check("one object a day", many, {})
    report.check("the same executions", by_result(stack, past), truth)


def page(stack: Stack, report: Report, shop: str) -> None:
    """Write the page, and look for the pipeline and its figures."""
    answer = invoke(stack, "report")
    report.check("the page is written", answer.get("key"), stack.outputs["report_key"])
    found = stack.client("s3").get_object(Bucket=stack.outputs["bucket_name"], Key=stack.outputs["report_key"])
    html = found["Body"].read().decode()
    report.check("it shows the pipeline", (f"{shop} (" in html, found["ServerSideEncryption"]), (True, "aws:kms"))


def incident(stack: Stack, report: Report) -> None:
    """Let an alarm fire after a deployment: it failed, and is restored when the alarm ends."""
    name = identity(stack.token, "alarmed")
    events = execution("shop-alarmed", name, "SUCCEEDED", now() - timedelta(minutes=2))
    stack.cloud.command("codepipeline/happen", {"changes": events})
    alarms = stack.client("cloudwatch")
    alarms.put_metric_alarm(
        AlarmName="shop-errors",
        Namespace="Shop",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    for state in ("ALARM", "OK"):
        alarms.set_alarm_state(AlarmName="shop-errors", StateValue=state, StateReason="scenario")
        if state == "ALARM":
            time.sleep(1.1)  # The time of an event has whole seconds, and a failure ends after it began.
    sql = f"SELECT failed_by, restore_seconds >= 0 FROM deployments WHERE execution = '{name}' AND failed = 1"
    wanted = [["alarm", "true"]]
    wait_until("the incident", lambda: rows(stack, sql) == wanted, 60, every=1)
    report.check("an alarm makes a deployment a failed one", rows(stack, sql), wanted)
    alarms.delete_alarms(AlarmNames=["shop-errors"])


def quicksight(stack: Stack, report: Report, past: str, truth: dict[str, int]) -> None:
    """Refresh a dataset, as its schedule does, and count what SPICE holds."""
    api, ids = stack.client("quicksight"), stack.outputs["quicksight"]
    source = api.describe_data_source(AwsAccountId=ACCOUNT_ID, DataSourceId=ids["data_source_id"])["DataSource"]
    report.check("QuickSight may query", source["Status"], "CREATION_SUCCESSFUL")
    data_set = ids["data_set_ids"]["executions"]
    schedule = api.describe_refresh_schedule(AwsAccountId=ACCOUNT_ID, DataSetId=data_set, ScheduleId="daily")
    report.check("a daily refresh", schedule["RefreshSchedule"]["ScheduleFrequency"]["Interval"], "DAILY")
    loaded = stack.cloud.command("quicksight/refresh", {"data_set": data_set})
    report.check("refreshed", loaded["IngestionStatus"], "COMPLETED")
    counts: dict[str, int] = {}
    for row in stack.cloud.command("quicksight/rows", {"data_set": data_set}):
        if row["pipeline"] == past:
            counts[row["result"]] = counts.get(row["result"], 0) + 1
    report.check("SPICE has the same executions", counts, truth)
    shown = api.describe_dashboard_definition(AwsAccountId=ACCOUNT_ID, DashboardId=ids["dashboard_id"])["Definition"]
    visuals = [next(iter(visual)) for visual in shown["Sheets"][0]["Visuals"]]
    report.check("visuals", visuals, ["BarChartVisual", "BarChartVisual", "LineChartVisual", "TableVisual"])


def refused(stack: Stack, report: Report) -> None:
    """Give the function what is no event: it is refused, and the rest of the batch is written."""
    good = json.dumps(
        {
            **change("pipeline", f"shop-{stack.token}", identity(stack.token, "late"), "STARTED", now()),
            "account": ACCOUNT_ID,
            "region": REGION,
            "time": f"{now():%Y-%m-%dT%H:%M:%SZ}",
            "id": "1",
        }
    )
    batch = {"Records": [{"messageId": name, "body": body} for name, body in (("a", "{"), ("b", good), ("c", "[]"))]}
    answer = invoke(stack, "collect", batch)
    failed = [one["itemIdentifier"] for one in answer.get("batchItemFailures", [])]
    report.check("what is no event is refused, alone", failed, ["a", "c"])
