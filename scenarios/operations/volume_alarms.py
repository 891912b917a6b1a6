"""volume_alarms: instances with drives of every kind start, move, fill, lose drives and end; alarms follow."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION

OTHER_ACCOUNT = "222222222222"
ROLE = "switchyard-volume-alarms"
# Of a stack with any prefix: it is made before the stack is.
FUNCTION_ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/*-volume-alarms-reconcile-function-{REGION}"
ALARMS = f"arn:aws:cloudwatch:{REGION}:{OTHER_ACCOUNT}:alarm:"
OTHER_TOPIC = f"arn:aws:sns:{REGION}:{OTHER_ACCOUNT}:operators"
GIB = 1024**3
PERCENT, MEGABYTES = "FreeStorageSpaceInPercent", "FreeStorageSpaceInMB"
TEAM = "My-Team/Agent"

test_seconds = 20
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.05, "principal": "volume-alarms"},
    {"kind": "error", "status": 500, "rate": 0.03, "principal": "volume-alarms"},
    {"kind": "reset", "rate": 0.02, "principal": "volume-alarms"},
    {"kind": "error", "status": 500, "rate": 0.02, "after": True, "principal": "volume-alarms"},
]
variables: dict[str, Any] = {
    "volume_alarms": {
        "force_destroy": True,
        "notification_emails": ["dba@example.com"],
        "instance_names": ["volumes-*"],
        "namespaces": ["CWAgent", TEAM],
        "metrics_delay_seconds": 4,
        "gone_after_hours": 4,
        "agent": {"instance_tags": {"Monitoring": ["volumes"]}},
        "targets": {
            "other": {
                "account_id": OTHER_ACCOUNT,
                "region": REGION,
                "role_arn": f"arn:aws:iam::{OTHER_ACCOUNT}:role/{ROLE}",
                "external_id": "volumes",
                "warning_actions": [OTHER_TOPIC],
                "critical_actions": [OTHER_TOPIC],
            }
        },
    }
}


def prepare(stack: Stack) -> None:
    """Create the role of the other account, and an instance there."""
    other_role(stack)
    instance = launch(stack, "volumes-other", account=OTHER_ACCOUNT)
    publish(stack, linux(instance, "/", 50), account=OTHER_ACCOUNT)


def other_role(stack: Stack) -> None:
    """Create the role of the other account, as `target_role` does."""
    iam = stack.client("iam", account=OTHER_ACCOUNT)
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"},
        "Condition": {
            "ArnLike": {"aws:PrincipalArn": FUNCTION_ROLE},
            "StringEquals": {"sts:ExternalId": "volumes"},
        },
    }
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_document(trust))
    reads = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "ec2:DescribeInstances"]
    writes = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"]
    iam.put_role_policy(
        RoleName=ROLE,
        PolicyName="volume-alarms",
        PolicyDocument=_document(
            {"Effect": "Allow", "Action": reads, "Resource": "*"},
            {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": f"{ALARMS}*"},
            {"Effect": "Allow", "Action": writes, "Resource": f"{ALARMS}*-volume-alarms.*"},
        ),
    )


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def launch(stack: Stack, name: str, **where: Any) -> str:
    """Run an instance. Return its ID."""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
    answer = stack.client("ec2", **where).run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, InstanceType="t3.micro", TagSpecifications=tags
    )
    return str(answer["Instances"][0]["InstanceId"])


def publish(stack: Stack, data: list[dict[str, Any]], *, namespace: str = "CWAgent", ago: float = 1, **w: Any) -> None:
    """Publish values, `ago` minutes in the past."""
    at = datetime.now(UTC) - timedelta(minutes=ago)
    stack.client("cloudwatch", **w).put_metric_data(
        Namespace=namespace, MetricData=[{"Timestamp": at, **one} for one in data]
    )


def _data(dimensions: dict[str, str], values: dict[str, float]) -> list[dict[str, Any]]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return [{"MetricName": name, "Dimensions": named, "Value": value} for name, value in values.items()]


def windows(instance: str, drive: str, gib: float, free: float = 50, **more: str) -> list[dict[str, Any]]:
    """Return what the agent on Windows publishes about a drive: its free percentage and megabytes."""
    dimensions = {"InstanceId": instance, "instance": drive, "objectname": "LogicalDisk", **more}
    return _data(dimensions, {PERCENT: free, MEGABYTES: gib * 1024 * free / 100})


def linux(instance: str, path: str, gib: float, used: float = 50, **more: str) -> list[dict[str, Any]]:
    """Return what the agent on Linux publishes about a mount point."""
    values = {"disk_used_percent": used, "disk_free": gib * GIB * (100 - used) / 100, "disk_total": gib * GIB}
    return _data({"InstanceId": instance, "path": path, "fstype": "xfs", **more}, values)


def alarms(stack: Stack, instance: str = "", **where: Any) -> list[dict[str, Any]]:
    """Return the alarms of an instance, or all of this stack, by name."""
    pages = (
        stack.client("cloudwatch", **where)
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=stack.outputs["alarm_prefix"] + instance)
    )
    return [alarm for page in pages for alarm in page["MetricAlarms"]]


def dimensions(alarm: dict[str, Any]) -> dict[str, str]:
    """Return the dimensions of an alarm by name."""
    return {one["Name"]: one["Value"] for one in alarm["Dimensions"]}


def summary(found: list[dict[str, Any]]) -> dict[str, list[tuple[str, float]]]:
    """Return the metric and threshold of each alarm, by drive, the warning first."""
    by_drive: dict[str, list[tuple[str, float]]] = {}
    for alarm in sorted(found, key=lambda one: "critical" in one["AlarmName"]):
        at = dimensions(alarm)
        by_drive.setdefault(at.get("path") or at["instance"], []).append((alarm["MetricName"], alarm["Threshold"]))
    return by_drive


def waiting(stack: Stack) -> int:
    """Return the number of messages that the queue holds."""
    return stack.messages(stack.outputs["dead_letter_queue_urls"]["starts"].removesuffix("-dlq"))


def idle(stack: Stack) -> None:
    """Wait until the queue's messages have been handled: their runs would write at the same time."""
    wait_until("an empty queue", lambda: waiting(stack) == 0)


def runs(stack: Stack, since: float) -> int:
    """Return how many runs that no queue started have ended well since a Unix time."""
    lines = stack.logged(stack.outputs["function_names"]["reconcile"], since)
    return sum("alarms reconciled" in line for line in lines)


def invoke(stack: Stack, event: dict[str, Any]) -> dict[str, Any]:
    """Call the function. Return its answer, or {"errorType", "errorMessage"} if it failed."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"]["reconcile"], Payload=json.dumps(event)
    )
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def own(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a report about this account."""
    assert "targets" in answer, answer
    return next(one for one in answer["targets"] if one["name"] == "own")


def run(stack: Stack, report: Report) -> None:
    """Start instances, move and fill drives, take one away, and end the instances."""
    report.sent = "6 instances, 2 accounts, 18 kinds of rows;\n12 % of the function's calls fail"
    host, began = f"volumes-{stack.token}", time.time()
    with stack.faults(*FAULTS, seed=7):
        database, web = launch(stack, f"{host}-db"), launch(stack, f"{host}-web")
        for drive, size in (("C:", 80), ("D:", 500), ("E:", 100), ("F:", 2000)):
            publish(stack, windows(database, drive, size), ago=7)  # before the alarms' current period
        skip = [("_Total", 2680), ("HarddiskVolume1", 1)]
        for drive, size in skip:
            publish(stack, windows(database, drive, size))
        publish(stack, _data({"InstanceId": database}, {PERCENT: 50}))
        publish(stack, linux(web, "/", 30, device="nvme0n1p1"))
        publish(stack, linux(web, "/data", 400, device="nvme1n1", AutoScalingGroupName="web-1"), ago=30)
        publish(stack, linux(web, "/team data-ä", 10, ImageId="ami-1"), namespace=TEAM)
        for path, kind in (("/snap/core/1", "squashfs"), ("/run", "tmpfs"), ("/merged", "overlay"), ("/nfs", "nfs4")):
            publish(stack, _data({"InstanceId": web, "path": path, "fstype": kind}, {"disk_used_percent": 100}))
        publish(stack, linux("i-0123456789abcdef0", "/", 8))
        # The runs that the first start began may have been too early to see what was published since.
        for change in ("stop_instances", "start_instances"):
            getattr(stack.client("ec2"), change)(InstanceIds=[database, web])
        wait_until("the alarms of both instances", lambda: len(alarms(stack, database)) + len(alarms(stack, web)) >= 14)
        # Two instances have started twice. A run that is still going on would write what it has read before.
        wait_until("the runs of all events", lambda: runs(stack, began) >= 4)
    idle(stack)
    report.check(
        "four drives have eight alarms, by the tier of their size",
        summary(alarms(stack, database)),
        {
            "C:": [(PERCENT, 20), (PERCENT, 10)],
            "D:": [(MEGABYTES, 20480), (MEGABYTES, 10240)],
            "E:": [(PERCENT, 20), (PERCENT, 10)],
            "F:": [(MEGABYTES, 20480), (MEGABYTES, 10240)],
        },
    )
    report.check(
        "mount points, a custom namespace; no snap, tmpfs, overlay or NFS",
        summary(alarms(stack, web)),
        {
            "/": [("disk_used_percent", 80), ("disk_used_percent", 90)],
            "/data": [("disk_free", 20480 * 1024**2), ("disk_free", 10240 * 1024**2)],
            "/team data-ä": [("disk_used_percent", 80), ("disk_used_percent", 90)],
        },
    )
    listed = {
        (metric["MetricName"], tuple(sorted((d["Name"], d["Value"]) for d in metric["Dimensions"])))
        for page in stack.client("cloudwatch").get_paginator("list_metrics").paginate()
        for metric in page["Metrics"]
    }
    watched = {(a["MetricName"], tuple(sorted(dimensions(a).items()))) for a in alarms(stack, web)}
    report.check("each alarm has exactly the dimensions of a metric", watched <= listed)
    moves(stack, report, web)
    filled(stack, report, database)
    coverage(stack, report, host, database)
    lost(stack, report, database)
    agent(stack, report)
    report.check(
        "the other account has its alarms",
        [alarm["AlarmActions"] for alarm in alarms(stack, account=OTHER_ACCOUNT)],
        [[OTHER_TOPIC]] * 2,
    )
    with stack.faults(*FAULTS, seed=3):
        stack.client("ec2").terminate_instances(InstanceIds=[database, web])
        wait_until("no alarms of terminated instances", lambda: not alarms(stack, database) and not alarms(stack, web))
    report.check("terminated instances have no alarms", (alarms(stack, database), alarms(stack, web)), ([], []))


def moves(stack: Stack, report: Report, web: str) -> None:
    """Check that the alarms of a drive follow its device, and that an unchanged run writes nothing."""
    before = {alarm["AlarmName"] for alarm in alarms(stack, web)}
    publish(stack, linux(web, "/data", 400, device="nvme2n1", AutoScalingGroupName="web-1"))
    stack.client("cloudwatch").disable_alarm_actions(AlarmNames=sorted(before))
    written = own(invoke(stack, {}))["alarms"]["put"]
    moved = [alarm for alarm in alarms(stack, web) if dimensions(alarm)["path"] == "/data"]
    report.check("alarms follow the device", [dimensions(one)["device"] for one in moved], ["nvme2n1"] * 2)
    report.check("under the same names", {one["AlarmName"] for one in alarms(stack, web)}, before)
    report.check("disabled actions stay disabled", any(one["ActionsEnabled"] for one in alarms(stack, web)), False)
    report.check("only what differs is written", written, 2)
    stack.client("cloudwatch").enable_alarm_actions(AlarmNames=sorted(before))
    for event in ({}, {"dry_run": True}):
        started = time.time()
        answer = own(invoke(stack, event))
        writes = [c["operation"] for c in stack.cloud.calls(started, "volume-alarms")]
        report.check(
            "nothing to do, nothing written" if not event else "a dry run writes nothing",
            ("PutMetricAlarm" in writes, answer["alarms"].get("failed", 0)),
            (False, 0),
        )


def filled(stack: Stack, report: Report, database: str) -> None:
    """Fill a drive: both alarms are raised, and the topic is notified of both."""
    topic = stack.outputs["topic_arn"]
    publish(stack, windows(database, "D:", 500, free=0.5), ago=0)

    def notified() -> list[str]:
        found = [json.loads(one["message"]) for one in stack.cloud.notifications(topic) if database in one["message"]]
        return sorted(one["AlarmName"].rpartition(" ")[2] for one in found if one["NewStateValue"] == "ALARM")

    wait_until("two notices", lambda: len(notified()) >= 2)
    report.check("a full drive notifies twice", notified(), ["critical", "warning"])
    states = {one["AlarmName"].rpartition(" ")[2]: one["StateValue"] for one in alarms(stack, f"{database} D:")}
    report.check("both alarms are raised", states, {"warning": "ALARM", "critical": "ALARM"})


def coverage(stack: Stack, report: Report, host: str, database: str) -> None:
    """Check the report in S3: an instance without metrics, a stopped one, and metrics of an unknown one."""
    mute, stopped = launch(stack, f"{host}-mute"), launch(stack, f"{host}-off")
    stack.cloud.command("ec2/start_earlier", {"instance_id": mute, "hours": 2})
    stack.client("ec2").stop_instances(InstanceIds=[stopped])
    answer = invoke(stack, {"scheduled_at": "2026-11-20T04:00:00Z"})
    body = stack.client("s3").get_object(Bucket=stack.outputs["bucket_name"], Key=answer["key"])["Body"].read()
    kept = own(json.loads(body))
    report.check(
        "the report names the instance without metrics, and an unknown one",
        (mute in kept["without_metrics"], "i-0123456789abcdef0" in kept["unknown_instances"]),
        (True, True),
    )
    report.check("it counts a stopped instance as such", kept["instances"].get("not_running", 0) >= 1)
    reasons = {"aggregate", "file_system", "ignored_drive", "no_drive_letter"}
    report.check("rows without alarms have their reasons", set(kept["skipped"]) >= reasons)
    stack.client("ec2").terminate_instances(InstanceIds=[mute, stopped])


def lost(stack: Stack, report: Report, database: str) -> None:
    """Take a drive away: its alarms stay for the stated time, and are removed after it."""
    cloudwatch = stack.client("cloudwatch")
    name = f"{stack.outputs['alarm_prefix']}{database} G: "
    extinct = {"InstanceId": database, "instance": "G:", "objectname": "LogicalDisk"}
    publish(stack, windows(database, "G:", 50))
    invoke(stack, {})
    report.check("a new drive has alarms after the next run", len(alarms(stack, f"{database} G:")), 2)
    stack.cloud.command("cloudwatch_access/forget", {"dimensions": extinct})
    invoke(stack, {})
    report.check("its alarms stay at first", len(alarms(stack, f"{database} G:")), 2)
    stack.cloud.command("ec2/start_earlier", {"instance_id": database, "hours": 30})
    invoke(stack, {})
    gone = cloudwatch.describe_alarms(AlarmNamePrefix=name)["MetricAlarms"]
    report.check("they are removed when the drive is gone", (gone, len(alarms(stack, database))), ([], 8))


def agent(stack: Stack, report: Report) -> None:
    """Check the agent's configuration and the association that installs it."""
    ssm, made = stack.client("ssm"), stack.outputs["agent"]
    found = ssm.describe_association(AssociationId=made["association"])["AssociationDescription"]
    report.check(
        "an association installs the agent",
        (found["Name"], found["Targets"]),
        (made["document"], [{"Key": "tag:Monitoring", "Values": ["volumes"]}]),
    )
    content = json.loads(ssm.get_document(Name=made["document"])["Content"])
    steps = [step["action"] for step in content["mainSteps"]]
    report.check("it installs, then configures", steps[0], "aws:configurePackage")
    text = ssm.get_parameter(Name=made["parameters"]["linux"])["Parameter"]["Value"]
    disk = json.loads(text)["metrics"]["metrics_collected"]["disk"]
    report.check(
        "the agent drops devices and ignores the same file systems",
        (disk["drop_device"], "squashfs" in disk["ignore_file_system_types"]),
        (True, True),
    )
