"""Standards, controls and suppressions in a hub that was enabled before: every path of a finding, read back."""

from __future__ import annotations

import json
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from scenarios import security_hub as hub

BUCKETS = 120  # More than one update accepts.
FSBP = "aws-foundational-security-best-practices/v/1.0.0"
RULE = "switchyard-suppression-"
OTHER = "arn:aws:s3:::payroll"
# Controls that other capabilities do not handle.
TLS, BLOCK, SNAPSHOT, UNCHECKED = "S3.5", "S3.1", "RDS.1", "IAM.4"

variables: dict[str, Any] = {
    "config_recorder": {"force_destroy": True},
    "security_standards": {
        "create_hub": False,
        "standards": ["fsbp", "cis-3.0.0"],
        "disabled_controls": {
            "ACM.1": {"reason": "Certificates are renewed by their load balancers' owner.", "standards": ["fsbp"]},
            "IAM.6": {"reason": "The root user has no password."},
        },
        "control_parameters": {
            "ACM.1": {"reason": "A month is too short", "parameters": {"daysToExpiration": {"int": 60}}}
        },
        "suppressions": {
            "websites": {
                "reason": "Websites serve HTTP too; nothing on them is secret.",
                "control_ids": [TLS],
                "resource_id_prefixes": ["arn:aws:s3:::website-"],
            },
            "lab": {"reason": "Emptied every night.", "resource_tag": {"key": "Stage", "value": "lab"}},
            "migration": {
                "reason": "Public until it has moved, by the end of January.",
                "control_ids": [BLOCK],
                "resource_ids": [OTHER],
                "until": "2026-01-31",
            },
        },
    },
}

FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": "security-standards"},
    # The update is made, and the response is lost.
    {"kind": "error", "status": 500, "rate": 0.03, "after": True, "principal": "security-standards"},
]


def prepare(stack: Stack) -> None:
    """Enable the hub, with nothing from this capability in it."""
    hub.enable(stack)


def site(stack: Stack, name: str = "blog") -> str:
    """Return a bucket with a website that no earlier run used."""
    return f"arn:aws:s3:::website-{stack.token}-{name}"


def websites(stack: Stack) -> list[str]:
    """Return many more buckets."""
    return [site(stack, f"{number:03d}") for number in range(BUCKETS)]


def check(stack: Stack, control: str, verdict: str, resource: str, **more: Any) -> str | None:
    """Let Security Hub evaluate a control for a resource. Return the finding's Id, if it creates one."""
    kind = "AwsRdsDbSnapshot" if control == SNAPSHOT else "AwsS3Bucket"
    data = {"control": control, "resource_type": kind, "resource_id": resource, "status": verdict, **more}
    answer: str | None = stack.cloud.command("securityhub/check_control", data)
    return answer


def findings(stack: Stack, control: str, **filters: str) -> dict[str, dict[str, Any]]:
    """Return the active findings of a control by resource."""
    wanted = {"ComplianceSecurityControlId": control, "RecordState": "ACTIVE", **filters}
    pages = (
        stack.client("securityhub")
        .get_paginator("get_findings")
        .paginate(Filters={name: [{"Value": value, "Comparison": "EQUALS"}] for name, value in wanted.items()})
    )
    return {found["Resources"][0]["Id"]: found for page in pages for found in page["Findings"]}


def workflow(stack: Stack, control: str, resource: str) -> str:
    """Return the workflow status of one finding."""
    return str(findings(stack, control)[resource]["Workflow"]["Status"])


def invoke(stack: Stack, which: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of one of the capability's functions."""
    name = stack.outputs[f"{which}_function_name"]
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    made: dict[str, Any] = json.load(answer["Payload"])
    if answer.get("FunctionError"):
        raise AssertionError(f"{made.get('errorType')}: {made.get('errorMessage')}")
    return made


def run(stack: Stack, report: Report) -> None:
    """Let controls be evaluated, resources change and suppressions come and go."""
    report.sent = (
        f"verdicts of controls on {BUCKETS + 3} buckets and a snapshot,\na suppression removed and restored,\n"
        "AWS Config stopped; 13 % of the functions' calls fail"
    )
    api = stack.client("securityhub")
    try:
        _enabled(stack, report, api)
        _suppressed(stack, report)
        _reconciled(stack, report, api)
        _controls(stack, report)
    finally:
        hub.archive(api, api.describe_hub()["HubArn"].replace("hub/default", "security-control/"))


def _enabled(stack: Stack, report: Report, api: Any) -> None:
    enabled = {s["StandardsArn"].partition("/")[2]: s for s in api.get_enabled_standards()["StandardsSubscriptions"]}
    states = {name: s["StandardsStatus"] for name, s in enabled.items()}
    report.check("standards", states, {FSBP: "READY", "cis-aws-foundations-benchmark/v/3.0.0": "READY"})
    told = stack.outputs["status"]
    report.check("reported by the apply", told, {"ready": ["cis-3.0.0", "fsbp"], "not_ready": []})
    listed = api.describe_standards_controls(StandardsSubscriptionArn=enabled[FSBP]["StandardsSubscriptionArn"])
    off = {c["ControlId"]: c["DisabledReason"] for c in listed["Controls"] if c["ControlStatus"] == "DISABLED"}
    wanted = {name: entry["reason"] for name, entry in variables["security_standards"]["disabled_controls"].items()}
    report.check("disabled controls show their reasons", off, wanted)
    (acm,) = api.batch_get_security_controls(SecurityControlIds=["ACM.1"])["SecurityControls"]
    custom = {"daysToExpiration": {"ValueType": "CUSTOM", "Value": {"Integer": 60}}}
    seen = acm["Parameters"], acm["LastUpdateReason"]
    report.check("parameter of a control", seen, (custom, "A month is too short"))
    made = check(stack, "ACM.1", "FAILED", "arn:aws:acm:eu-west-1:123456789012:certificate/a")
    report.check("and create no findings", made, None)
    check(stack, SNAPSHOT, "FAILED", "arn:aws:rds:eu-west-1:123456789012:snapshot:public")
    (found,) = findings(stack, SNAPSHOT).values()
    seen = found["Severity"]["Label"], found["Compliance"]["Status"]
    report.check("public snapshot", seen, ("CRITICAL", "FAILED"))


def _suppressed(stack: Stack, report: Report) -> None:
    """Check the state machine of the source, with Security Hub's rules alone."""
    mine, lab = site(stack), f"arn:aws:s3:::lab-{stack.token}"
    for resource in (mine, OTHER):
        check(stack, TLS, "FAILED", resource)
    check(stack, BLOCK, "FAILED", lab, tags={"Stage": "lab"})
    check(stack, BLOCK, "FAILED", OTHER)
    states = [workflow(stack, *which) for which in ((TLS, mine), (TLS, OTHER), (BLOCK, lab))]
    report.check("suppressed by prefix and tag, others not", states, ["SUPPRESSED", "NEW", "SUPPRESSED"])
    report.check("an expired suppression suppresses nothing", workflow(stack, BLOCK, OTHER), "NEW")
    note = "Websites serve HTTP too; nothing on them is secret. (suppression websites)"
    report.check("with the reason", findings(stack, TLS)[mine]["Note"]["Text"], note)
    report.check("gone from the view of NEW findings", list(findings(stack, TLS, WorkflowStatus="NEW")), [OTHER])
    seen = []
    for verdict in ("FAILED", "PASSED", "FAILED"):
        check(stack, TLS, verdict, mine)
        seen.append(workflow(stack, TLS, mine))
    report.check("keeps failing, passes, fails again", seen, ["SUPPRESSED", "NEW", "SUPPRESSED"])


def switch(api: Any, name: str, status: str) -> None:
    """Set a suppression's rule to ENABLED or DISABLED."""
    rules = {r["RuleName"]: r["RuleArn"] for r in api.list_automation_rules()["AutomationRulesMetadata"]}
    change = {"RuleArn": rules[RULE + name], "RuleStatus": status}
    assert api.batch_update_automation_rules(UpdateAutomationRulesRequestItems=[change])["ProcessedAutomationRules"]


def _reconciled(stack: Stack, report: Report, api: Any) -> None:
    """Check findings that existed before a suppression, and findings whose suppression ends."""
    switch(api, "websites", "DISABLED")
    many = websites(stack)
    for resource in many:
        check(stack, TLS, "FAILED", resource)
    by_hand = findings(stack, TLS)[many[0]]
    identifier = {"Id": by_hand["Id"], "ProductArn": by_hand["ProductArn"]}
    mine = {"Text": "Mine.", "UpdatedBy": "analyst"}
    api.batch_update_findings(FindingIdentifiers=[identifier], Note=mine, Workflow={"Status": "SUPPRESSED"})
    before = {name: found["Workflow"]["Status"] for name, found in findings(stack, TLS).items()}
    report.check("findings that existed before", list(before.values()).count("NEW"), BUCKETS)
    with stack.faults(*FAULTS, seed=11):
        released = invoke(stack, "suppress", {})
        after = {name: found["Workflow"]["Status"] for name, found in findings(stack, TLS).items()}
        switch(api, "websites", "ENABLED")
        suppressed = invoke(stack, "suppress", {})
        again = invoke(stack, "suppress", {})
    report.check("suppression removed: its finding is NEW", (released["released"], after[site(stack)]), (1, "NEW"))
    report.check("an analyst's own stays", after[many[0]], "SUPPRESSED")
    final = findings(stack, TLS)
    states = {name for name, found in final.items() if found["Workflow"]["Status"] == "SUPPRESSED"}
    report.check("restored: all suppressed", (suppressed["suppressed"], states), (BUCKETS, {site(stack), *many}))
    report.check("note of the analyst's stays", final[many[0]]["Note"]["Text"], "Mine.")
    report.check(
        "nothing left to do; expired one reported", again, {"suppressed": 0, "released": 0, "expired": ["migration"]}
    )


def _controls(stack: Stack, report: Report) -> None:
    with stack.faults(*FAULTS, seed=12):
        listed = {c["control"]: c for c in invoke(stack, "check", {"controls": True})["controls"]}
    counts = {name: (listed[name]["status"], listed[name]["findings"]) for name in (TLS, SNAPSHOT, UNCHECKED)}
    wanted = {
        TLS: ("FAILED", {"FAILED": 1, "SUPPRESSED": BUCKETS + 1}),
        SNAPSHOT: ("FAILED", {"FAILED": 1}),
        UNCHECKED: ("NO_DATA", {}),
    }
    report.check("controls with their counts", counts, wanted)
    acm = listed["ACM.1"]
    report.check(
        "disabled, with the reason",
        (acm["status"], "load balancers" in acm["disabled_reasons"]["fsbp"]),
        ("DISABLED", True),
    )
    check(stack, TLS, "PASSED", OTHER)
    check(stack, BLOCK, "PASSED", OTHER)
    listed = {c["control"]: c for c in invoke(stack, "check", {"controls": True})["controls"]}
    report.check(
        "passed except for suppressed ones", (listed[TLS]["status"], listed[BLOCK]["status"]), ("PASSED", "PASSED")
    )


def alone(stack: Stack, report: Report) -> None:
    """Standards are inert without AWS Config, which other capabilities use: check that an alarm reports the reason."""
    config = stack.client("config")
    name = config.describe_configuration_recorders()["ConfigurationRecorders"][0]["name"]
    config.stop_configuration_recorder(ConfigurationRecorderName=name)
    try:
        found = invoke(stack, "check", {})["not_ready"]
        seen = [
            (entry["standard"], entry["status"], "AWS Config does not record" in entry["reason"]) for entry in found
        ]
        report.check("recorder off", seen, [("cis-3.0.0", "INCOMPLETE", True), ("fsbp", "INCOMPLETE", True)])
        report.check("alarm", wait_until("the alarm", lambda: _alarm(stack) == "ALARM"))
    finally:
        config.start_configuration_recorder(ConfigurationRecorderName=name)
    report.check("recorder on", invoke(stack, "check", {})["not_ready"], [])


def _alarm(stack: Stack) -> str:
    name = next(n for n in stack.outputs["alarm_names"] if n.endswith("-not-ready"))
    return str(stack.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])
