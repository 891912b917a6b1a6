"""Export thousands of findings of mixed state under faults, count them in Athena, and check the notifications."""

from __future__ import annotations

import collections
import datetime
import json
import time
from collections.abc import Iterator
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios import security_hub as hub

FINDINGS = 5_000
IDS = "finding-export/"
HISTORY = f"{IDS}history/"
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL")

seconds = 50
test_seconds = 100
variables: dict[str, Any] = {
    "finding_export": {
        "continuous": True,
        # Other scenarios import findings at the same time, and the continuous export takes findings of any Id.
        "filters": {
            "strings": {
                "RecordState": [{"value": "ACTIVE"}],
                "Id": [{"value": HISTORY, "comparison": "PREFIX"}],
            }
        },
        "force_destroy": True,
        "notification_emails": ["security@example.com"],
        # Short chunks: a run of seconds then takes the same path as a run of days.
        "chunk_seconds": 4,
        "chunks_per_execution": 2,
    }
}


def findings(count: int, prefix: str = HISTORY) -> Iterator[dict[str, Any]]:
    """Yield ASFF findings: every sixth archived, severities in turn, up to seven created in the same instant.

    Each resource has two tags whose keys differ by case only.
    """
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    for number in range(count):
        created = (start + datetime.timedelta(minutes=number // 7)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        yield {
            "SchemaVersion": "2018-10-08",
            "Id": f"{prefix}{number:06d}",
            "ProductArn": hub.PRODUCT_ARN,
            "GeneratorId": f"aws-foundational-security-best-practices/v/1.0.0/S3.{number % 23}",
            "AwsAccountId": ACCOUNT_ID,
            "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
            "CreatedAt": created,
            "UpdatedAt": created,
            "Severity": {"Label": SEVERITIES[number % 5]},
            "Title": f"S3.{number % 23} S3 buckets should be configured well",
            "Description": "This control checks how an Amazon S3 bucket is configured. " * 4,
            "Resources": [
                {
                    "Type": "AwsS3Bucket",
                    "Id": f"arn:aws:s3:::bucket-{number % 500}",
                    "Region": REGION,
                    "Tags": {"Name": "upper", "name": "lower"},
                }
            ],
            "Compliance": {"Status": "FAILED" if number % 4 else "PASSED"},
            "Workflow": {"Status": "NEW"},
            "RecordState": "ARCHIVED" if number % 6 == 0 else "ACTIVE",
        }


def prepare(stack: Stack) -> None:
    """Fill the account's Security Hub with findings, as if it had been enabled for a while."""
    hub.load(hub.enable(stack), findings(FINDINGS))


def finish(states: Any, arn: str, seconds: float = 180) -> dict[str, Any]:
    """Wait for the end of an execution and of those that continue it. Return status, output, cause, executions."""
    executions = 0
    while True:
        executions += 1

        def ended(arn: str = arn) -> Any:
            execution = states.describe_execution(executionArn=arn)
            return execution if execution["status"] != "RUNNING" else None

        execution = wait_until(f"the end of {arn}", ended, seconds)
        output = json.loads(execution.get("output") or "{}") if execution["status"] == "SUCCEEDED" else {}
        if "continued_by" not in output:
            return {**execution, "output": output, "executions": executions}
        arn = output["continued_by"]


def query(stack: Stack, name: str) -> list[list[str]]:
    """Return the rows of one of the module's named queries, without the heading."""
    athena, setup = stack.client("athena"), stack.outputs["athena"]
    sql = athena.get_named_query(NamedQueryId=setup["queries"][name])["NamedQuery"]["QueryString"]
    return rows(stack, sql)


def rows(stack: Stack, sql: str) -> list[list[str]]:
    """Return the rows of a query in the module's workgroup, without the heading."""
    athena, setup = stack.client("athena"), stack.outputs["athena"]
    context = {"Database": setup["database"], "Catalog": "AwsDataCatalog"}
    started = athena.start_query_execution(
        QueryString=sql, QueryExecutionContext=context, WorkGroup=setup["workgroup"]
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


def rows_and_findings(stack: Stack, run_id: str) -> tuple[int, int]:
    """Return the numbers of rows and of different findings of one run."""
    table = stack.outputs["athena"]["table"]
    counted = rows(stack, f"SELECT count(*), count(DISTINCT id) FROM {table} WHERE exportrunid = '{run_id}'")[0]
    return int(counted[0]), int(counted[1])


FAULTS: list[dict[str, Any]] = [
    {
        "kind": "kill",
        "service": "securityhub",
        "operation": "GetFindings",
        "skip": 17,
        "count": 1,
        "principal": "finding-export",
    },
    {"kind": "throttle", "rate": 0.05, "principal": "finding-export"},
    {"kind": "error", "status": 500, "rate": 0.03, "principal": "finding-export"},
    {"kind": "reset", "rate": 0.02, "principal": "finding-export"},
]


def run(stack: Stack, report: Report) -> None:
    """Export with one call in ten failing and one function killed, then check what must be refused."""
    states, machine, began = stack.client("stepfunctions"), stack.outputs["state_machine_arn"], time.time()
    truth = collections.Counter(f["Severity"]["Label"] for f in findings(FINDINGS) if f["RecordState"] == "ACTIVE")
    active = sum(truth.values())
    report.sent = (
        f"{FINDINGS:,} findings, {active:,} of them active;\n"
        "10 % of the function's calls fail,\none function killed at page 18"
    )

    with stack.faults(*FAULTS, seed=7):
        first = states.start_execution(stateMachineArn=machine)["executionArn"]
        run_id = first.rpartition(":")[2]
        wait_until("the first chunk", lambda: lock_holder(stack) == run_id)
        second = states.start_execution(stateMachineArn=machine)["executionArn"]
        refused = finish(states, second)
        done = finish(states, first)
    report.check("export succeeds", done["status"], "SUCCEEDED")
    report.check("exported", done["output"].get("exported"), active)
    report.check("carried on in a new execution", done["executions"] > 1)
    report.check("overlapping run refused", refused.get("error"), "OverlappingRun")
    count = stack.client("ssm").get_parameter(Name=stack.outputs["count_parameter_name"])["Parameter"]["Value"]
    report.check("counter", int(count), active)
    by_severity = {label: int(number) for label, number in query(stack, "findings_by_severity")}
    report.check("Athena, by severity", by_severity, dict(truth))
    report.check(
        "Athena, each finding once", rows_and_findings(stack, done["output"].get("run_id", "")), (active, active)
    )

    run_id = done["output"].get("run_id", "")
    runs = stack.outputs["athena"]["runs_table"]
    manifest = rows(stack, f"SELECT findings, objects FROM {runs} WHERE runid = '{run_id}'")
    report.check("manifest", manifest, [[str(active), str(done["output"].get("objects"))]])
    table = stack.outputs["athena"]["table"]
    tags = f"SELECT DISTINCT resources[1].tags['Name'], resources[1].tags['name'] FROM {table}"
    tagged = rows(stack, f"{tags} WHERE exportrunid = '{run_id}'")
    report.check("Athena, tags that differ by case only", tagged, [["upper", "lower"]])
    aborted(stack, report, states, machine, by_severity)

    notices = [n for n in stack.cloud.notifications(stack.outputs["topic_arn"]) if n["at"] >= began]
    messages = "\n".join(notice["message"] for notice in notices)
    told = [status for status in ("RUNNING", "SUCCEEDED", "FAILED") if f"is {status}" in messages]
    report.check("notices", told, ["RUNNING", "SUCCEEDED", "FAILED"])
    named = [f"aws stepfunctions describe-execution --execution-arn {arn}" in messages for arn in (first, second)]
    report.check("each names the command that shows why", named, [True, True])
    continuous(stack, report)
    bad_input(stack, report, states, machine)


def aborted(stack: Stack, report: Report, states: Any, machine: str, before: dict[str, int]) -> None:
    """Check that a run that wrote findings, and then was stopped, is not taken for the latest one."""
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    run_id, s3 = arn.rpartition(":")[2], stack.client("s3")

    def written() -> bool:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=stack.outputs["bucket_name"])
        return any(run_id in each["Key"] for page in pages for each in page.get("Contents", []))

    wait_until("an object of the run", written, 60)
    states.stop_execution(executionArn=arn)
    after = {label: int(number) for label, number in query(stack, "findings_by_severity")}
    report.check("a stopped run is not the latest", (finish(states, arn)["status"], after), ("ABORTED", before))


def lock_holder(stack: Stack) -> str:
    """Return the run that took the lock last. Runs do not release it."""
    items = stack.client("dynamodb").scan(TableName=stack.outputs["lock_table_name"])["Items"]
    return str(items[0]["RunId"]["S"]) if items else ""


def continuous(stack: Stack, report: Report) -> None:
    """Check that new findings arrive in the bucket without a run."""
    new = f"{IDS}new-{stack.token}/"
    hub.load(stack.client("securityhub"), findings(25, new))
    table = stack.outputs["athena"]["table"]
    sql = f"SELECT count(DISTINCT id) FROM {table} WHERE exportrunid = 'continuous' AND id LIKE '{new}%'"

    def arrived() -> bool:
        try:
            return rows(stack, sql)[0] == ["25"]
        except AssertionError:  # The table has no data of the continuous export yet.
            return False

    wait_until("the new findings in Athena", arrived, 90, every=1)
    report.check("new findings exported as they come", rows(stack, sql)[0][0], "25")

    name = f"{new}000000"
    for updated, title in (("2026-01-02T10:00:00Z", "earlier"), ("2026-01-02T10:00:00.500Z", "later")):
        hub.load(stack.client("securityhub"), [{**next(findings(1, new)), "UpdatedAt": updated, "Title": title}])
    sql = f"SELECT count(*) FROM {table} WHERE id = '{name}' AND title IN ('earlier', 'later')"
    wait_until("both versions in Athena", lambda: rows(stack, sql)[0] == ["2"], 90, every=1)
    latest = [row for row in query(stack, "latest_version_of_each") if row[0] == name]
    report.check("latest version, by time", [row[1] for row in latest], ["later"])


def bad_input(stack: Stack, report: Report, states: Any, machine: str) -> None:
    """Check that a filter unknown to the API fails the run with a cause that names it, and raises the alarm."""
    wrong = {"filters": {"WorkflowState ": [{"Value": "NEW", "Comparison": "EQUALS"}]}}
    started = time.time()
    failed = finish(states, states.start_execution(stateMachineArn=machine, input=json.dumps(wrong))["executionArn"])
    report.check(
        "unknown filter fails",
        (failed.get("error"), "WorkflowState" in failed.get("cause", "")),
        ("InvalidFilter", True),
    )
    alarms = stack.client("cloudwatch")
    name = next(n for n in stack.outputs["alarm_names"] if n.endswith("-failed"))

    def alarm() -> Any:
        found = alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        return found if found["StateValue"] == "ALARM" else None

    report.check("alarm", wait_until("the alarm", alarm, 30)["StateValue"], "ALARM")
    calls = {call["operation"] for call in stack.cloud.calls(started, "finding-export-function")}
    report.check("and changes nothing", calls & {"GetFindings", "PutObject"}, set())
