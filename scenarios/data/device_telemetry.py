"""Readings out of order, twice, late and unreadable, of two topics: the latest state, the history, silent devices."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import confluent_kafka

from local.harness.scenario import Report, Stack, wait_until
from local.settings import REGION
from tools import telemetry

DEVICES, ROUNDS = 6, 8
TOPICS = ("modems", "routers")
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": "device-telemetry-keep"},
    {"kind": "error", "status": 500, "rate": 0.05, "principal": "device-telemetry-keep"},
    {"kind": "reset", "rate": 0.05, "principal": "device-telemetry-keep"},
    {"kind": "error", "status": 500, "rate": 0.05, "after": True, "principal": "device-telemetry-keep"},
]


def settings(vpc: str, subnets: list[str]) -> dict[str, Any]:
    """Return the capability's variables. The schedule does not come while this runs."""
    return {
        "vpc_id": vpc,
        "subnet_ids": subnets,
        "topics": list(TOPICS),
        "batching_window_seconds": 0,
        "maximum_retry_attempts": 2,
        "watch_schedule_expression": "cron(0 3 1 1 ? *)",
        "force_destroy": True,
    }


test_seconds = 10
variables: dict[str, Any] = {
    "device_telemetry": settings("vpc-0123456789abcdef0", ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"])
}


def prepare(stack: Stack) -> dict[str, Any]:
    """Make the network that an account has."""
    ec2 = stack.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
        for number, zone in enumerate("ab")
    ]
    return {"device_telemetry": settings(vpc, sorted(subnet["SubnetId"] for subnet in subnets))}


def create_topics(stack: Stack) -> None:
    """Create the topics, unless they exist: the local brokers do not know the request of the tool."""
    for topic in TOPICS:
        stack.cloud.command("kafka/create_topic", {"cluster": stack.outputs["cluster_arn"], "topic": topic})


def produce(stack: Stack, topic: str, messages: Iterable[dict[str, Any]]) -> str:
    """Send messages with the tool for people, in plain text."""
    lines = io.BytesIO(b"".join(json.dumps(one).encode() + b"\n" for one in messages))
    plain = ["--property", "security.protocol=PLAINTEXT"]
    return telemetry.run(["produce", topic, "--bootstrap", stack.outputs["bootstrap_brokers"], *plain], lines)


def send(stack: Stack, topic: str, key: str, value: bytes | None) -> None:
    """Send what the tool refuses: an unreadable message, or a deletion marker."""
    producer = confluent_kafka.Producer({"bootstrap.servers": stack.outputs["bootstrap_brokers"]})
    producer.produce(topic, key=key, value=value)
    assert producer.flush(60) == 0, "not sent"


def reading(device: str, at: datetime, cpu: int) -> dict[str, Any]:
    """Return a message, of version 1 where the CPU's usage is odd."""
    if cpu % 2:
        return {
            "model": "EVG2000",
            "deviceid": device,
            "interface": "eth4.1",
            "interfacestatus": "connected",
            "cpuusage": str(cpu),
            "memoryusage": "1200",
            "event_time": at.strftime("%Y-%m-%d %H:%M:%S"),
        }
    return {
        "version": 2,
        "device_id": device,
        "event_time": at.isoformat(),
        "cpu_usage": cpu,
        "readings": {"signal_dbm": -60},
    }


def state(stack: Stack, device: str) -> dict[str, Any]:
    """Return the item of a device; empty without one."""
    found: dict[str, Any] = (
        stack.client("dynamodb")
        .get_item(TableName=stack.outputs["table_name"], Key={"device_id": {"S": device}}, ConsistentRead=True)
        .get("Item", {})
    )
    return found


def cpu(stack: Stack, device: str) -> str:
    """Return the CPU's usage in the state of a device; empty without one."""
    return str(state(stack, device).get("cpu_usage", {}).get("N", ""))


def wait_for(stack: Stack, expected: dict[str, int]) -> None:
    """Wait until each device has this usage of its CPU."""
    wait_until("the states", lambda: all(cpu(stack, one) == str(usage) for one, usage in expected.items()), every=0.5)


def parked(stack: Stack, text: str) -> list[dict[str, Any]]:
    """Return the failed batches in the bucket that have a record with this text."""
    s3, bucket = stack.client("s3"), stack.outputs["parked_bucket_name"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="aws/lambda/")
    keys = [listed["Key"] for page in pages for listed in page.get("Contents", ())]
    found = [json.load(s3.get_object(Bucket=bucket, Key=key)["Body"]) for key in keys]
    return [one for one in found if text in "".join(values(json.loads(one["payload"])))]


def values(event: dict[str, Any]) -> list[str]:
    """Return the values of the records of an event, as text."""
    entries = [entry for partition in event["records"].values() for entry in partition]
    return [base64.b64decode(entry["value"]).decode(errors="replace") for entry in entries]


def history(stack: Stack, topic: str) -> list[str]:
    """Return the lines of a topic's history with this run's token."""
    s3, bucket = stack.client("s3"), stack.outputs["history_bucket_name"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"history/topic={topic}/dt=")
    keys = [listed["Key"] for page in pages for listed in page.get("Contents", ())]
    texts = [gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).decode() for key in keys]
    return [line for text in texts for line in text.splitlines() if stack.token in line]


def query(stack: Stack, sql: str) -> list[list[str]]:
    """Return the rows of a query in the module's workgroup, without the heading. Raise AssertionError."""
    athena, setup = stack.client("athena"), stack.outputs["athena"]
    started = athena.start_query_execution(
        QueryString=sql, QueryExecutionContext={"Database": setup["database"]}, WorkGroup=setup["workgroup"]
    )["QueryExecutionId"]

    def ended() -> Any:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        return status if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    status = wait_until("the query", ended)
    assert status["State"] == "SUCCEEDED", status.get("StateChangeReason")
    found = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in found][1:]


def invoke(stack: Stack, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Call a function. Return its answer, or {"errorType", "errorMessage"} if it failed."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"][name], Payload=json.dumps(event)
    )
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def alarm_state(stack: Stack, name: str) -> str:
    """Return the state of an alarm, by the end of its name."""
    [full] = [one for one in stack.outputs["alarm_names"] if one.endswith(f"device-telemetry-{name}")]
    return str(stack.client("cloudwatch").describe_alarms(AlarmNames=[full])["MetricAlarms"][0]["StateValue"])


def notices(stack: Stack, since: float) -> str:
    """Return what the topic has sent since then."""
    sent = stack.cloud.notifications(stack.outputs["topic_arn"])
    return "\n".join(notice["message"] for notice in sent if notice["at"] >= since)


def report_of(stack: Stack) -> dict[str, Any]:
    """Return the report of silent devices."""
    ours = stack.outputs
    found: dict[str, Any] = json.load(
        stack.client("s3").get_object(Bucket=ours["parked_bucket_name"], Key=ours["report_key"])["Body"]
    )
    return found


def silence(stack: Stack, device: str) -> None:
    """Let the last reading of a device be an hour old: time does not pass here."""
    stack.client("dynamodb").update_item(
        TableName=stack.outputs["table_name"],
        Key={"device_id": {"S": device}},
        UpdateExpression="SET event_time = :then, last_order = :then",
        ExpressionAttributeValues={
            ":then": {"S": (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="microseconds")}
        },
    )


def run(stack: Stack, report: Report) -> None:
    """Send readings under faults and follow them into the table, the parking bucket and the history."""
    report.sent = f"{2 * DEVICES * ROUNDS} readings of {2 * DEVICES} devices to 2 topics, shuffled, some twice;\n"
    report.sent += "2 unreadable ones and a deletion marker; faults"
    create_topics(stack)
    with stack.faults(*FAULTS, seed=5):
        latest = states(stack, report)
        unreadable(stack, report)
    past(stack, report, latest)
    silent(stack, report, min(latest))


def states(stack: Stack, report: Report) -> dict[str, int]:
    """Send readings out of order and twice, and then late ones. Return the last usage of each device's CPU."""
    start = datetime.now(UTC) - timedelta(seconds=ROUNDS)
    last: dict[str, int] = {}
    for topic in TOPICS:
        names = [f"{topic}-{number}-{stack.token}" for number in range(DEVICES)]
        sent = [reading(name, start + timedelta(seconds=n), n) for n in range(ROUNDS) for name in names]
        sent += sent[:DEVICES]
        random.Random(stack.token).shuffle(sent)
        send(stack, topic, names[0], None)
        produce(stack, topic, sent)
        last |= dict.fromkeys(names, ROUNDS - 1)
    wait_for(stack, last)
    report.check("each device has its last reading", {one: cpu(stack, one) for one in last}, _texts(last))
    for topic in TOPICS:
        names = [name for name in last if name.startswith(topic)]
        ends = [f"end-{name}" for name in names]  # with the keys of the late ones: after them in their partitions
        for name, end in zip(names, ends, strict=True):
            send(stack, topic, name, json.dumps(reading(name, start - timedelta(days=1), 98)).encode())
            send(stack, topic, name, json.dumps(reading(end, start, 2)).encode())
        wait_for(stack, dict.fromkeys(ends, 2))
    report.check("a late reading changes nothing", {one: cpu(stack, one) for one in last}, _texts(last))
    return last


def _texts(numbers: dict[str, int]) -> dict[str, str]:
    return {name: str(number) for name, number in numbers.items()}


def unreadable(stack: Stack, report: Report) -> None:
    """Send messages that cannot be read: each is parked alone, and the partition goes on."""
    bad = {"modems": f'{{"version": 9, "device_id": "x-{stack.token}"}}', "routers": f'{{"cut off {stack.token}'}
    after = {topic: f"after-{topic}-{stack.token}" for topic in TOPICS}
    for topic in TOPICS:
        now = datetime.now(UTC)
        send(stack, topic, "key", json.dumps(reading(f"before-{topic}-{stack.token}", now, 4)).encode())
        send(stack, topic, "key", bad[topic].encode())
        send(stack, topic, "key", json.dumps(reading(after[topic], now, 4)).encode())
    wait_for(stack, dict.fromkeys(after.values(), 4))
    wait_until("the parked records", lambda: all(parked(stack, text) for text in bad.values()))
    found = {topic: [one["KafkaBatchInfo"]["batchSize"] for one in parked(stack, bad[topic])] for topic in TOPICS}
    report.check("each unreadable record is parked alone", found, {topic: [1] for topic in TOPICS})
    report.check("which raises an alarm", alarm_state(stack, "malformed"), "ALARM")
    payload = json.loads(parked(stack, bad["modems"])[0]["payload"])
    report.check(
        "it is refused again when it is tried again", invoke(stack, "keep", payload)["errorType"], "NothingHandled"
    )
    mended = json.dumps(reading(f"mended-{stack.token}", datetime.now(UTC), 6)).encode()
    for partition in payload["records"].values():
        partition[0]["value"] = base64.b64encode(mended).decode()
    answers = [invoke(stack, "keep", payload) for _ in range(2)]
    report.check("a mended one is kept", answers, [{"batchItemFailures": []}] * 2)
    report.check("as a state", cpu(stack, f"mended-{stack.token}"), "6")


def past(stack: Stack, report: Report, latest: dict[str, int]) -> None:
    """Read the history: each message as it was sent, in compressed objects, and with Athena."""
    modems, token = [one for one in latest if one.startswith("modems")], stack.token
    count = DEVICES * (ROUNDS + 1) + 2 * DEVICES + 3
    wait_until("the history", lambda: len(history(stack, "modems")) >= count)
    lines = history(stack, "modems")
    report.check("each message is in the history once, the unreadable one too", len(lines), count)
    report.check("as it was sent", any('"version": 9' in line for line in lines))
    sql = f"""
        SELECT coalesce(device_id, deviceid) AS device, count(*) AS messages
        FROM readings
        WHERE topic = 'modems' AND coalesce(device_id, deviceid) LIKE 'modems-%-{token}'
        GROUP BY 1 ORDER BY 1"""
    rows = query(stack, sql)
    report.check("Athena reads both versions", [row[0] for row in rows], sorted(modems))
    report.check("every message", sum(int(row[1]) for row in rows), DEVICES * (ROUNDS + 1) + DEVICES)


def silent(stack: Stack, report: Report, device: str) -> None:
    """Let a device fall silent: it is named once, until its next reading makes it a new case."""
    began = time.time()
    silence(stack, device)
    found = invoke(stack, "watch", {})
    report.check(
        "the silence is seen, with all groups read", (found["silent"] >= 1, found["groups_unread"]), (True, {})
    )
    named = [one["device_id"] for one in report_of(stack)["newly_silent"]]
    report.check("the report names the device", device in named)
    wait_until("the notice", lambda: device in notices(stack, began))
    report.check("which raises an alarm", alarm_state(stack, "silent"), "ALARM")
    invoke(stack, "watch", {})
    report.check("it is named once", notices(stack, began).count(device), 1)
    produce(stack, "modems", [reading(device, datetime.now(UTC), 8)])
    wait_for(stack, {device: 8})
    report.check("its next reading ends the silence", "silent_since" in state(stack, device), False)
