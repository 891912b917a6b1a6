"""kms_rotation: keys of every kind and state, years of rotation, the evidence in S3, and on-demand rotation."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from typing import Any

from botocore.exceptions import ClientError
from botocore.serialize import create_serializer

from local.harness.scenario import Report, Stack
from local.settings import ACCOUNT_ID

MORE_KEYS = 110  # more than a default page of ListKeys
ROLE = "kms-scenario-user"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/{ROLE}"

tour = True
variables: dict[str, Any] = {
    "kms_rotation": {
        "force_destroy": True,
        "object_lock": {"days": 1},
        "notification_emails": ["keys@example.com"],
        "policy": {"mode": "require", "max_period_days": 365, "exempt": ["alias/scenario-exempt"]},
        "on_demand": {"minimum_hours_between": 0, "reserve": 2},
        "keys": {
            "orders": {
                "description": "Orders",
                "rotation_period_days": 120,
                "aliases": ["scenario-orders", "scenario/orders"],
                "users": [ROLE_ARN],
                "grants": {
                    "reader": {
                        "grantee_principal": ROLE_ARN,
                        "operations": ["Decrypt", "DescribeKey"],
                        "encryption_context_subset": {"purpose": "orders"},
                    }
                },
            },
            "shared": {"description": "In several Regions", "multi_region": True, "aliases": ["scenario-shared"]},
        },
    }
}


def prepare(stack: Stack) -> None:
    """Create keys of every kind and state, and a role that the stack's key policy names."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    stack.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)
    kms = stack.client("kms")

    def make(description: str, **more: Any) -> str:
        return str(kms.create_key(Description=f"scenario {description}", **more)["KeyMetadata"]["KeyId"])

    make("never rotates")
    kms.enable_key_rotation(KeyId=make("rotates too rarely"), RotationPeriodInDays=1000)
    kms.create_alias(AliasName="alias/scenario-exempt", TargetKeyId=make("exempt"))
    disabled = make("disabled")
    kms.enable_key_rotation(KeyId=disabled, RotationPeriodInDays=90)
    kms.disable_key(KeyId=disabled)
    kms.schedule_key_deletion(KeyId=make("to be deleted"), PendingWindowInDays=7)
    make("signs", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    make("authenticates", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    make("imported", Origin="EXTERNAL")
    closed = {"Effect": "Allow", "Principal": {"AWS": ROLE_ARN}, "Action": "kms:*", "Resource": "*"}
    make(
        "=closed",
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [closed]}),
        BypassPolicyLockoutSafetyCheck=True,
    )
    for number in range(MORE_KEYS):
        make(f"more {number}")


def invoke(stack: Stack, function: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return the response of a function. Raise AssertionError with its error if it fails."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"][function], Payload=json.dumps(event)
    )
    payload: dict[str, Any] = json.load(answer["Payload"])
    assert "FunctionError" not in answer, payload
    return payload


def read(stack: Stack, key: str) -> str:
    """Return the text of an object in the reports' bucket."""
    body = stack.client("s3").get_object(Bucket=stack.outputs["bucket_name"], Key=key)["Body"].read()
    return str(body.decode())


FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.05, "principal": "kms-rotation"},
    {"kind": "error", "status": 500, "rate": 0.03, "principal": "kms-rotation"},
    {"kind": "reset", "rate": 0.02, "principal": "kms-rotation"},
]


def run(stack: Stack, report: Report) -> None:
    """Let a year pass; then check the report under faults, and on-demand rotation until the quota is used."""
    kms = stack.client("kms")
    orders = stack.outputs["keys"]["orders"]
    stack.cloud.command("kms/forget_rotations", {"key_id": orders["id"]})
    report.sent = f"{MORE_KEYS + 12}+ keys of every kind, a year passes;\n10 % of the functions' calls fail"
    context = {"purpose": "orders"}
    early = kms.encrypt(KeyId=orders["arn"], Plaintext=b"early", EncryptionContext=context)["CiphertextBlob"]
    status = kms.get_key_rotation_status(KeyId=orders["id"])
    report.check("period as set", (status["RotationPeriodInDays"], "NextRotationDate" in status), (120, True))
    unchecked = stack.client("kms", attempts=3)  # without boto3's validation, which would refuse 89
    unchecked._serializer = create_serializer("json", include_validation=False)
    for period in (89, 2561):
        try:
            unchecked.enable_key_rotation(KeyId=orders["id"], RotationPeriodInDays=period)
            report.check(f"{period} days refused", False)
        except ClientError as error:
            report.check(f"{period} days refused", error.response["Error"]["Code"], "ValidationException")
    grants = kms.list_grants(KeyId=orders["id"])["Grants"]
    report.check(
        "grant",
        [(g["GranteePrincipal"], sorted(g["Operations"])) for g in grants],
        [(ROLE_ARN, ["Decrypt", "DescribeKey"])],
    )
    stack.cloud.command("kms/pass_time", {"days": 370})
    listed = kms.list_key_rotations(KeyId=orders["id"])["Rotations"]
    report.check("scheduled rotations", [r["RotationType"] for r in listed], ["AUTOMATIC"] * 3)

    evidence(stack, report)
    on_demand(stack, report, orders["arn"])
    answer = kms.decrypt(CiphertextBlob=early, EncryptionContext=context)
    report.check(
        "old data decrypts under the same key", (answer["Plaintext"], answer["KeyId"]), (b"early", orders["arn"])
    )


def evidence(stack: Stack, report: Report) -> None:
    """Check the report's files, calls and notice, and that the same event writes the same report again."""
    kms = stack.client("kms")

    def every() -> set[str]:
        return {key["KeyId"] for page in kms.get_paginator("list_keys").paginate() for key in page["Keys"]}

    # Other scenarios create keys at the same time.
    there, started = every(), time.time()
    made = invoke(stack, "report", {"scheduled_at": "2026-11-20T04:00:00Z"})
    calls = [c["operation"] for c in stack.cloud.calls(started, "kms-rotation-report")]
    whole = json.loads(read(stack, made["json"]))
    lines = list(csv.DictReader(io.StringIO(read(stack, made["csv"]), newline="")))
    since = every()
    with stack.faults(*FAULTS, seed=11):
        again = invoke(stack, "report", {"scheduled_at": "2026-11-20T04:00:00Z"})
    second = {row["key_id"]: row for row in json.loads(read(stack, again["json"]))["keys"]}
    first = {row["key_id"]: row for row in whole["keys"]}
    mine = [key for key in there if str(first[key]["description"]).startswith(("scenario ", "Orders"))]
    report.check(
        "same event, same report, also under faults", [second[key] for key in mine], [first[key] for key in mine]
    )
    rows = {row["description"] or row["key_id"]: row for row in whole["keys"]}
    report.check("every customer key once", (there <= set(first) <= since, len(whole["keys"])), (True, len(first)))
    report.check("CSV has the same keys", [line["key_id"] for line in lines], [r["key_id"] for r in whole["keys"]])
    wanted = {
        "Orders": ("Enabled", "symmetric", "in_policy"),
        "scenario never rotates": ("Enabled", "symmetric", "out_of_policy"),
        "scenario rotates too rarely": ("Enabled", "symmetric", "out_of_policy"),
        "scenario exempt": ("Enabled", "symmetric", "exempt"),
        "scenario disabled": ("Disabled", "symmetric", "in_policy"),
        "scenario to be deleted": ("PendingDeletion", "symmetric", "not_applicable"),
        "scenario signs": ("Enabled", "asymmetric", "not_applicable"),
        "scenario authenticates": ("Enabled", "hmac", "not_applicable"),
        "scenario imported": ("PendingImport", "imported", "not_applicable"),
    }
    found = {name: tuple(rows[name][c] for c in ("state", "kind", "policy_status")) for name in wanted}
    report.check("states, kinds and policy", found, wanted)
    closed = [r["policy_explained"] for r in whole["keys"] if r["policy_status"] == "unreadable"]
    report.check("an unreadable key is reported, not skipped", [("kms:DescribeKey" in text) for text in closed], [True])
    order = rows["Orders"]
    report.check(
        "rotations and price",
        (order["automatic_rotations"], order["monthly_cost"], order["next_rotation_adds_monthly"]),
        (3, 3, 0),
    )
    versions = stack.client("s3").list_object_versions(Bucket=stack.outputs["bucket_name"], Prefix=made["json"])
    try:
        oldest = versions["Versions"][-1]["VersionId"]
        stack.client("s3").delete_object(Bucket=stack.outputs["bucket_name"], Key=made["json"], VersionId=oldest)
        report.check("a report cannot be deleted", False)
    except ClientError as error:
        report.check("a report cannot be deleted", error.response["Error"]["Code"], "AccessDenied")
    notices = [
        n["message"] for n in stack.cloud.notifications(stack.outputs["topic_arn"]) if "attention" in n["subject"]
    ]
    report.check("notice names reasons", "365 days or less are required" in notices[-1])
    rotatable = sum(row["rotation_enabled"] is not None for row in whole["keys"])
    aliases = sum(len(p["Aliases"]) for p in kms.get_paginator("list_aliases").paginate())
    fewest = math.ceil(len(first) / 1000) + max(1, math.ceil(aliases / 100)) + len(first) + 2 * rotatable
    report.check("KMS calls: no more than needed", len([c for c in calls if c not in ("PutObject", "Publish")]), fewest)


def on_demand(stack: Stack, report: Report, arn: str) -> None:
    """Check that a rotation happens once even if its response is lost, and check the reserve and the quota."""
    kms = stack.client("kms")
    due = kms.get_key_rotation_status(KeyId=arn)["NextRotationDate"]

    def ask(**more: Any) -> str:
        answer = invoke(stack, "rotate", {"key_id": arn, "reason": "scenario", **more})
        return str(answer["outcome"] if answer["outcome"] != "refused" else answer["reason"])

    report.check("dry run", ask(dry_run=True), "would_rotate")
    lost = {
        "principal": "kms-rotation-rotate",
        "service": "kms",
        "operation": "RotateKeyOnDemand",
        "kind": "error",
        "status": 500,
        "after": True,
    }
    with stack.faults({**lost, "count": 1}, *FAULTS, seed=5):
        report.check("rotated although the response was lost", ask(), "rotated")
    done = [r["RotationType"] for r in kms.list_key_rotations(KeyId=arn)["Rotations"]]
    report.check("rotated once", done.count("ON_DEMAND"), 1)
    report.check("the schedule stays", kms.get_key_rotation_status(KeyId=arn)["NextRotationDate"], due)
    for _ in range(22):
        kms.rotate_key_on_demand(KeyId=arn)
    report.check("the last two are reserved", ask(), "reserve")
    report.check("taken from the reserve", [ask(use_reserve=True) for _ in range(2)], ["rotated", "rotated"])
    started = time.time()
    report.check("quota checked before the call", ask(use_reserve=True), "quota")
    asked = [c["operation"] for c in stack.cloud.calls(started, "kms-rotation-rotate")]
    report.check("KMS not called", "RotateKeyOnDemand" in asked, False)
    other = kms.create_key(Description="not in the list")["KeyMetadata"]["Arn"]
    try:
        invoke(stack, "rotate", {"key_id": other, "reason": "scenario"})
        report.check("other keys are inaccessible", False)
    except AssertionError as error:
        report.check("other keys are inaccessible", "not authorized to perform: kms:DescribeKey" in str(error))
    kms.schedule_key_deletion(KeyId=other, PendingWindowInDays=7)
