"""Make KMS calls up to 80 % of a quota; check the alarm, its notice, the request, its approval, the alarm's end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID

CODES = {"symmetric": "L-6E3AF000", "rsa": "L-2AC98190", "ecc": "L-DC14942D"}
SYMMETRIC = frozenset({"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateRandom"})
TRAIL = "scenario-kms-trail"
QUOTA = 2  # requests per second: 120 per minute, so that a laptop reaches the quota with real calls

variables: dict[str, Any] = {
    "kms_quota_alarms": {
        "quotas": {name: {"quota_code": code, "maximum": QUOTA * 2.5} for name, code in CODES.items()},
        "increase_request": {"dry_run": False, "multiplier": 2, "cooldown_hours": 24},
        "evaluation": {"datapoints": 1, "periods": 1},  # the end of an alarm is checked too
        "trail_log_group": TRAIL,
    }
}


def set_quota(stack: Stack, quota: str, value: float) -> None:
    """Set the applied value of a quota."""
    command = {"quota_code": CODES[quota], "value": value}
    stack.cloud.command("servicequotas/set_value", command)


def prepare(stack: Stack) -> None:
    """Give the account small quotas, and a trail's log group."""
    stack.client("logs").create_log_group(logGroupName=TRAIL)
    for quota in CODES:
        set_quota(stack, quota, QUOTA)


def state(stack: Stack, name: str) -> str:
    """Return the state of one of the module's alarms."""
    alarms = stack.client("cloudwatch").describe_alarms(AlarmNames=[stack.outputs["alarm_names"][name]])
    return str(alarms["MetricAlarms"][0]["StateValue"])


def becomes(stack: Stack, name: str, wanted: str) -> str:
    """Wait until an alarm has the wanted state, and return the state."""
    wait_until(f"{name} to be {wanted}", lambda: state(stack, name) == wanted, 30)
    return wanted


def sent(stack: Stack, since: float) -> list[dict[str, Any]]:
    """Return the notifications that the topic sent since a time."""
    return [one for one in stack.cloud.notifications(stack.outputs["topic_arn"]) if one["at"] >= since]


def notified(stack: Stack, since: float, **wanted: Any) -> dict[str, Any]:
    """Wait for a notice of the function with these members, and return the latest one."""

    def found() -> dict[str, Any] | None:
        for notice in reversed(sent(stack, since)):
            if notice["subject"].startswith("KMS quota:"):
                message: dict[str, Any] = json.loads(notice["message"])
                if wanted.items() <= message.items():
                    return message
        return None

    return wait_until(f"a notice with {wanted}", found, 30) or {}


def used(stack: Stack, operations: frozenset[str], seconds: float = 60) -> int:
    """Return the number of the scenario's calls in the last minute, which the alarms count."""
    made = stack.cloud.calls(time.time() - seconds, f"arn:aws:iam::{ACCOUNT_ID}:root")
    return sum(call["service"] == "kms" and call["operation"] in operations for call in made)


def alarm(
    stack: Stack, name: str, wanted: int, operations: frozenset[str], make: Callable[[], Any], seconds: float = 60
) -> str:
    """Make calls until the last minute has the wanted number and the alarm is raised; return ALARM.

    On a busy machine, the first calls can be older than a minute before the last are made.
    """

    def raised() -> bool:
        for _ in range(wanted - used(stack, operations)):
            make()
        return state(stack, name) == "ALARM"

    wait_until(f"{name} to be ALARM", raised, seconds, every=1)
    return "ALARM"


def requests(stack: Stack, quota: str) -> list[dict[str, Any]]:
    """Return the quota's requests, newest first."""
    answer = stack.client("service-quotas").list_requested_service_quota_change_history_by_quota(
        ServiceCode="kms", QuotaCode=CODES[quota]
    )
    found: list[dict[str, Any]] = answer["RequestedQuotas"]
    return found


def throttled(stack: Stack, report: Report) -> None:
    """Check the filter on the trail, and the alarm on its metric, which is published here in the filter's place."""
    began, cloudwatch = time.time(), stack.client("cloudwatch")
    [counted] = stack.client("logs").describe_metric_filters(logGroupName=TRAIL)["metricFilters"]
    [metric] = counted["metricTransformations"]
    report.check("throttled calls are counted", '$.errorCode = "ThrottlingException"' in counted["filterPattern"])
    name = stack.outputs["alarm_names"]["throttled"]
    # The calls of an earlier run count for five minutes.
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="this run begins")
    data = {"MetricName": metric["metricName"], "Value": float(metric["metricValue"])}
    cloudwatch.put_metric_data(Namespace=metric["metricNamespace"], MetricData=[data])
    report.check("a throttled call raises the alarm", becomes(stack, "throttled", "ALARM"), "ALARM")
    wait_until("its mail", lambda: any(name in one["message"] for one in sent(stack, began)), 30)
    board = stack.client("cloudwatch").get_dashboard(DashboardName=stack.outputs["dashboard_name"])["DashboardBody"]
    queries = [w["properties"]["query"] for w in json.loads(board)["widgets"] if w["type"] == "log"]
    report.check(
        "the dashboard shows callers", [query.startswith(f"SOURCE '{TRAIL}'") for query in queries], [True] * 2
    )


def run(stack: Stack, report: Report) -> None:
    """Check that nothing happens below the thresholds and that alarms and requests work above, under faults."""
    cloud, kms, began = stack.cloud, stack.client("kms"), time.time()
    minute = QUOTA * 60

    def symmetric(name: str, percent: int) -> str:
        return alarm(stack, name, minute * percent // 100, SYMMETRIC, lambda: kms.generate_random(NumberOfBytes=1))

    report.sent = f"real KMS calls up to 80 % of {QUOTA * 60} per minute;\n10 % of the function's calls fail"
    throttled(stack, report)
    subscriptions = stack.client("sns").list_subscriptions_by_topic(TopicArn=stack.outputs["topic_arn"])
    report.check("subscribed", [s["Endpoint"] for s in subscriptions["Subscriptions"]], ["oncall@example.com"])
    dashboard = stack.client("cloudwatch").get_dashboard(DashboardName=stack.outputs["dashboard_name"])
    report.check("dashboard shows every quota", dashboard["DashboardBody"].count("SERVICE_QUOTA("), 2 * len(CODES))
    for quota, code in CODES.items():
        cloud.command("servicequotas/forget_requests", {"quota_code": code})
        set_quota(stack, quota, 10_000)  # the stack itself has made some calls
    both = SYMMETRIC | {"Sign"}
    wait_until("the calls of an earlier run to be old", lambda: not used(stack, both, 65), 90, every=1)
    for name in ("symmetric-critical", "rsa-critical", "ecc-warning"):
        becomes(stack, name, "OK")
    for quota in ("rsa", "ecc"):
        set_quota(stack, quota, QUOTA)

    key = kms.create_key()["KeyMetadata"]["KeyId"]
    rsa = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    faults = [
        {"kind": "throttle", "rate": 0.05, "principal": "kms-quota-increase"},
        {"kind": "error", "status": 500, "rate": 0.03, "principal": "kms-quota-increase"},
        {"kind": "reset", "rate": 0.02, "principal": "kms-quota-increase"},
    ]
    with stack.faults(*faults, seed=3):
        blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        kms.decrypt(CiphertextBlob=blob)
        kms.generate_data_key(KeyId=key, KeySpec="AES_256")
        kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
        for _ in range(40):
            kms.generate_random(NumberOfBytes=1)
        set_quota(stack, "symmetric", QUOTA)
        report.check("below 60 %: no alarm", state(stack, "symmetric-warning"), "OK")
        report.check("70 %: warning", symmetric("symmetric-warning", 70), "ALARM")
        report.check(
            "70 %: not critical, no request",
            (state(stack, "symmetric-critical"), requests(stack, "symmetric")),
            ("OK", []),
        )
        report.check("80 %: critical", symmetric("symmetric-critical", 80), "ALARM")
        report.check("RSA has a separate quota", state(stack, "rsa-critical"), "OK")
        asked = notified(stack, began, outcome="requested", quota_code=CODES["symmetric"])
        report.check("twice the quota requested", asked["desired"], float(QUOTA * 2))
        mails = [json.loads(n["message"]) for n in sent(stack, began) if n["subject"].startswith("ALARM")]
        names = {stack.outputs["alarm_names"][f"symmetric-{level}"] for level in ("warning", "critical")}
        report.check("email for both alarms", names <= {mail["AlarmName"] for mail in mails})

        open_request = requests(stack, "symmetric")
        report.check(
            "one request", [(r["Status"], r["DesiredValue"]) for r in open_request], [("PENDING", QUOTA * 2.0)]
        )
        set_quota(stack, "symmetric", QUOTA * 10)
        becomes(stack, "symmetric-critical", "OK")
        set_quota(stack, "symmetric", QUOTA)
        symmetric("symmetric-critical", 80)
        notified(stack, began, outcome="already_requested")
        report.check("never requested twice", len(requests(stack, "symmetric")), 1)
        decision = {"request_id": open_request[0]["Id"], "status": "APPROVED"}
        cloud.command("servicequotas/decide", decision)
        report.check("approved: the alarm ends", becomes(stack, "symmetric-critical", "OK"), "OK")
        set_quota(stack, "symmetric", QUOTA)
        symmetric("symmetric-critical", 100)
        notified(stack, began, outcome="cooling_down")
        report.check("not again within a day", len(requests(stack, "symmetric")), 1)

        set_quota(stack, "rsa", QUOTA * 2.5)

        def sign() -> None:
            kms.sign(KeyId=rsa, Message=b"m", SigningAlgorithm="RSASSA_PSS_SHA_256")

        alarm(stack, "rsa-critical", minute * 2, frozenset({"Sign"}), sign)
        at_maximum = notified(stack, began, outcome="at_maximum", quota_code=CODES["rsa"])
        report.check("never above the maximum", (at_maximum["desired"], requests(stack, "rsa")), (None, []))
    for made in (key, rsa):
        kms.schedule_key_deletion(KeyId=made, PendingWindowInDays=7)
    for quota in CODES:
        set_quota(stack, quota, QUOTA)
