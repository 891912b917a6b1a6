"""secret_replication: rotate and edit secrets under faults, check the copies, and repair missed changes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION, ROOT

OTHER_ACCOUNT, OTHER_REGION, THIRD_REGION = "222222222222", "eu-central-1", "us-east-1"
ROLE = "switchyard-replica-writer"
FUNCTION = "switchyard-secret-replication"
SECRETS = 12
CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
OWN = ("prod/", "test/", "legacy/", "dr/")  # prefixes of this scenario's secrets
SOURCE_TAG = "switchyard:replica-of"

seconds = 30

variables: dict[str, Any] = {}

# A minimal rotation function, for a secret that no database uses.
ROTATION = """
import boto3
def handler(event, context):
    secrets, arn, token = boto3.client("secretsmanager"), event["SecretId"], event["ClientRequestToken"]
    if event["Step"] == "createSecret":
        secrets.put_secret_value(
            SecretId=arn, ClientRequestToken=token, SecretString="rotated-" + token, VersionStages=["AWSPENDING"])
    if event["Step"] == "finishSecret":
        versions = secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
        current = next(version for version, labels in versions.items() if "AWSCURRENT" in labels)
        secrets.update_secret_version_stage(
            SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current)
"""

FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.04, "principal": "secret-replication"},
    {"kind": "error", "status": 500, "rate": 0.03, "principal": "secret-replication"},
    {"kind": "reset", "rate": 0.02, "principal": "secret-replication"},
    # The call takes effect and its response is lost: the retry must not count as a conflict.
    {"kind": "error", "status": 500, "rate": 0.02, "after": True, "principal": "secret-replication"},
]


def prepare(stack: Stack) -> dict[str, Any]:
    """Create keys here, in the other Region and in the other account, and a rotation function."""
    keys = {
        name: stack.client("kms", account=account, region=region).create_key()["KeyMetadata"]["Arn"]
        for name, account, region in (
            ("source", "", REGION),
            ("dr", "", OTHER_REGION),
            ("vault", OTHER_ACCOUNT, OTHER_REGION),
        )
    }
    stack.client("kms").create_alias(AliasName="alias/prod-secrets", TargetKeyId=keys["source"])
    _rotation_function(stack, keys["source"])
    return {
        "secret_replication": {
            "grace_minutes": 0,
            "source_kms_key_arns": [keys["source"]],
            "targets": {
                "dr": {
                    "region": OTHER_REGION,
                    "secret_name_prefixes": ["prod/"],
                    "rename_prefix": {"from": "prod/", "to": "dr/"},
                    "kms_key_arn": keys["dr"],
                },
                "vault": {
                    "region": OTHER_REGION,
                    "secret_name_prefixes": ["prod/"],
                    "secret_tags": {"Vault": "yes"},
                    "kms_key_arn": keys["vault"],
                    "role_arn": f"arn:aws:iam::{OTHER_ACCOUNT}:role/{ROLE}",
                    "external_id": "switchyard",
                },
                "legacy": {"region": THIRD_REGION, "secret_name_prefixes": ["legacy/"]},
            },
            "managed_secrets": {
                "app/session-key": {
                    "description": "Signs sessions",
                    "replicas": {OTHER_REGION: {"kms_key_arn": keys["dr"]}},
                    "recovery_window_in_days": 0,
                },
            },
        }
    }


def _rotation_function(stack: Stack, key_arn: str) -> None:
    def document(*statements: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})

    iam, functions = stack.client("iam"), stack.client("lambda")
    trust = {"Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    # Otherwise, the first call of the function creates the log group.
    stack.client("logs").create_log_group(logGroupName="/aws/lambda/prod-rotation")
    role = iam.create_role(RoleName="prod-rotation", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:prod/*"
    actions = [f"secretsmanager:{name}" for name in ("DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage")]
    iam.put_role_policy(
        RoleName="prod-rotation",
        PolicyName="rotate",
        PolicyDocument=document(
            {"Action": actions, "Resource": secret},
            {"Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": key_arn},
        ),
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", ROTATION)
    functions.create_function(
        FunctionName="prod-rotation",
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Timeout=30,
        Code={"ZipFile": packed.getvalue()},
    )
    functions.add_permission(
        FunctionName="prod-rotation",
        StatementId="secretsmanager",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )


class Side:
    """The secrets of one account and Region, with their values."""

    def __init__(self, stack: Stack, region: str = REGION, account: str = "") -> None:
        self.api = stack.client("secretsmanager", region=region, account=account)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that begin with `prefix`."""
        pages = self.api.get_paginator("list_secrets").paginate(IncludePlannedDeletion=True)
        return sorted(s["Name"] for page in pages for s in page["SecretList"] if s["Name"].startswith(prefix))

    def read(self, name: str) -> dict[str, Any] | None:
        """Return the description, the tags, and the version under each label; None if there is no such secret."""
        try:
            found = self.api.describe_secret(SecretId=name)
        except self.api.exceptions.ResourceNotFoundException:
            return None
        labels = {}
        for version, stages in found.get("VersionIdsToStages", {}).items():
            value = self.api.get_secret_value(SecretId=name, VersionId=version)
            for stage in set(stages) - {PENDING}:
                labels[stage] = (version, value.get("SecretString"), value.get("SecretBinary"))
        tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", []) if tag["Key"] != SOURCE_TAG}
        return {"description": found.get("Description", ""), "tags": tags, "labels": labels}

    def clean(self) -> None:
        """Delete the scenario's secrets."""
        for name in self.names():
            if name.startswith(OWN):
                self.api.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def run(stack: Stack, report: Report) -> None:
    """Change secrets in every way, and read the replicas back."""
    here, dr = Side(stack), Side(stack, OTHER_REGION)
    vault, legacy = Side(stack, OTHER_REGION, OTHER_ACCOUNT), Side(stack, THIRD_REGION)
    sides = (here, dr, vault, legacy)
    report.sent = (
        f"{SECRETS} secrets created, rotated, edited and relabelled,\nevents twice and out of order,\n"
        "11 % of the functions' calls fail"
    )
    try:
        _role(stack)
        with stack.faults(*FAULTS, seed=5):
            _change(here)
            _replay(stack, here)
            _settled(here, dr, vault)
        _replicated(report, here, dr, vault)
        _refused(stack, report, here, dr, legacy)
        _calls(stack, report, here, dr)
        _drift(stack, report, here, dr)
        _selection(stack, report, here, vault)
        _failover(stack, report, here, dr)
        _native(stack, report, here, dr)
    finally:
        for side in sides:
            side.clean()
        iam = stack.client("iam", account=OTHER_ACCOUNT)
        iam.delete_role_policy(RoleName=ROLE, PolicyName="replicas")
        iam.delete_role(RoleName=ROLE)


def _role(stack: Stack) -> None:
    """Create the role in the other account with the policies from the module's output."""
    policies = stack.outputs["target_policies"]["vault"]
    iam = stack.client("iam", account=OTHER_ACCOUNT)
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=policies["trust_policy"])
    iam.put_role_policy(RoleName=ROLE, PolicyName="replicas", PolicyDocument=policies["policy"])


def _change(here: Side) -> None:
    """Create secrets of all kinds, and rotate, edit or relabel each."""
    rotation = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:prod-rotation"
    for number in range(SECRETS):
        name = f"prod/db-{number:02d}"
        tags = [{"Key": "Team", "Value": "payments"}, {"Key": "Vault", "Value": "yes" if number % 2 else "no"}]
        value = {"SecretBinary": bytes(range(number, 60))} if number == 11 else {"SecretString": f"first-{number}"}
        extra = {"KmsKeyId": "alias/prod-secrets"} if number % 4 else {}
        described = {"Description": f"Database {number}"} if number % 3 else {}
        here.api.create_secret(Name=name, Tags=tags, **value, **described, **extra)
        if number % 3 == 0:
            here.api.rotate_secret(SecretId=name, RotationLambdaARN=rotation)
        elif number % 3 == 1:
            here.api.put_secret_value(SecretId=name, SecretString=f"second-{number}")
            here.api.update_secret(
                SecretId=name, Description=f"Database {number}, moved", SecretString=f"third-{number}"
            )
        else:
            here.api.put_secret_value(SecretId=name, SecretString=f"candidate-{number}", VersionStages=["CANDIDATE"])
    here.api.create_secret(Name="prod/without-value")
    here.api.create_secret(Name="test/not-selected", SecretString="stays here")
    promoted = here.api.describe_secret(SecretId="prod/db-02")["VersionIdsToStages"]
    by_label = {label: version for version, labels in promoted.items() for label in labels}
    here.api.update_secret_version_stage(
        SecretId="prod/db-02",
        VersionStage=CURRENT,
        MoveToVersionId=by_label["CANDIDATE"],
        RemoveFromVersionId=by_label[CURRENT],
    )
    here.api.tag_resource(SecretId="prod/db-05", Tags=[{"Key": "Owner", "Value": "ledger"}])
    here.api.untag_resource(SecretId="prod/db-05", TagKeys=["Team"])


def _replay(stack: Stack, here: Side) -> None:
    """Send old events again, latest first, as an event bus can deliver them."""
    queue = stack.client("sqs")
    for number in reversed(range(SECRETS)):
        described = here.api.describe_secret(SecretId=f"prod/db-{number:02d}")
        detail = {
            "name": described["Name"],
            "labelUpdated": CURRENT,
            "versionId": "00000000-0000-0000-0000-000000000000",
        }
        event = {"source": "aws.secretsmanager", "detail-type": "Secret Label Updated", "detail": detail}
        for _ in range(2):
            queue.send_message(
                QueueUrl=stack.outputs["queue_url"],
                MessageBody=json.dumps({**event, "resources": [described["ARN"]]}),
            )


def _rotated(here: Side) -> bool:
    found = [here.read(f"prod/db-{number:02d}") for number in range(0, SECRETS, 3)]
    return all(str(secret["labels"][CURRENT][1]).startswith("rotated-") for secret in found if secret)


def _settled(here: Side, dr: Side, vault: Side) -> None:
    wait_until("the rotations", lambda: _rotated(here), 180)
    wait_until("the replicas", lambda: not _different(here, dr, vault), 180, every=1)


def _different(here: Side, dr: Side, vault: Side) -> list[str]:
    """Return the secrets whose replicas differ or should not exist."""
    wrong = []
    for number in range(SECRETS):
        name = f"prod/db-{number:02d}"
        source = here.read(name)
        if dr.read(name.replace("prod/", "dr/")) != source:
            wrong.append(f"dr {name}")
        if vault.read(name) != (source if number % 2 else None):
            wrong.append(f"vault {name}")
    return wrong


def _replicated(report: Report, here: Side, dr: Side, vault: Side) -> None:
    report.check("replicas equal: value, version, labels, description, tags", _different(here, dr, vault), [])
    report.check("in the other Region, renamed", dr.names("dr/"), [f"dr/db-{n:02d}" for n in range(SECRETS)])
    odd = [f"prod/db-{n:02d}" for n in range(1, SECRETS, 2)]
    report.check("in the other account, by tag", vault.names(), odd)
    binary = (dr.read("dr/db-11") or {})["labels"][CURRENT][2] or b""
    report.check("binary value", list(binary[:3]), [11, 12, 13])
    keys = [dr.api.describe_secret(SecretId=f"dr/db-{n:02d}").get("KmsKeyId", "")[:28] for n in (0, 1)]
    report.check("same kind of key as the source", keys, ["", f"arn:aws:kms:{OTHER_REGION}:{ACCOUNT_ID}"[:28]])
    moved = (dr.read("dr/db-02") or {})["labels"]
    report.check("relabelled", (moved[CURRENT][1], moved[PREVIOUS][1]), ("candidate-2", "first-2"))
    report.check("unselected: not copied", [s for side in (dr, vault) for s in side.names() if "selected" in s], [])


def _refused(stack: Stack, report: Report, here: Side, dr: Side, legacy: Side) -> None:
    """Check that a wrong kind of key and a name already in use are refused, with an alarm and without a write."""
    dr.api.create_secret(Name="dr/taken", SecretString="theirs")
    here.api.create_secret(Name="prod/taken", SecretString="ours", KmsKeyId="alias/prod-secrets")
    here.api.create_secret(Name="legacy/customer-key", SecretString="x", KmsKeyId="alias/prod-secrets")
    here.api.create_secret(Name="legacy/default-key", SecretString="y")
    wait_until("the copy", lambda: legacy.names() == ["legacy/default-key"], 30)
    alarm = wait_until("the alarm", lambda: _state(stack, "refused") == "ALARM", 30)
    report.check("alarm for what cannot be copied", alarm)
    taken = dr.api.get_secret_value(SecretId="dr/taken")["SecretString"]
    report.check("the existing secret is unchanged", taken, "theirs")
    refused = {entry["secret"]: entry["error"] for entry in _reconcile(stack, repair=False)["refused"]}
    expected = {"prod/taken": "NotAReplica", "legacy/customer-key": "KeyKindMismatch"}
    report.check("reasons for the refusals", refused, expected)
    for name in expected:
        here.api.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def _state(stack: Stack, alarm: str) -> str:
    name = f"{FUNCTION}-{alarm}"
    found = stack.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(found[0]["StateValue"])


def _reconcile(stack: Stack, repair: bool) -> dict[str, Any]:
    name = stack.outputs["reconcile_function_name"]
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"repair": repair}))
    made: dict[str, Any] = json.load(answer["Payload"])
    if answer.get("FunctionError"):
        raise AssertionError(made.get("errorMessage"))
    return made


def _calls(stack: Stack, report: Report, here: Side, dr: Side) -> None:
    """Check that one change, reported three times, is read and written once."""
    # Earlier events must have arrived first, also on a busy machine.
    wait_until("quiet", lambda: not stack.cloud.calls(time.time() - 8, FUNCTION), 120, every=0.5)
    started = time.time()
    here.api.put_secret_value(SecretId="prod/db-08", SecretString="counted")
    wait_until("the copy", lambda: _value(dr, "dr/db-08") == "counted", 30)
    expected = {"GetSecretValue": 1, "PutSecretValue": 1, "UpdateSecretVersionStage": 1}

    def counts() -> dict[str, int]:
        made = [c["operation"] for c in stack.cloud.calls(started, FUNCTION) if c["service"] == "secretsmanager"]
        return {name: made.count(name) for name in sorted(set(made)) if name != "DescribeSecret"}

    wait_until("its labels", lambda: expected.keys() <= counts().keys(), 30)
    wait_until("the other events' end", lambda: stack.messages(stack.outputs["queue_url"]) == 0, 30)
    report.check("calls of one change, without DescribeSecret", counts(), expected)


def _value(side: Side, name: str) -> str:
    return str(side.api.get_secret_value(SecretId=name)["SecretString"])


def _drift(stack: Stack, report: Report, here: Side, dr: Side) -> None:
    """Check that edited and deleted replicas and a deleted source are reported, and the replicas repaired."""
    dr.api.put_secret_value(SecretId="dr/db-01", SecretString="edited at the target")
    dr.api.delete_secret(SecretId="dr/db-07", ForceDeleteWithoutRecovery=True)
    here.api.delete_secret(SecretId="prod/db-10", ForceDeleteWithoutRecovery=True)
    found = _reconcile(stack, repair=False)
    drifted = {entry["secret"]: entry["reasons"] for entry in found["drifted"]}
    report.check("drift found", drifted, {"prod/db-01": ["labels", "value"], "prod/db-07": ["missing", "value"]})
    report.check("replica without a source kept and reported", [o["replica"] for o in found["orphaned"]], ["dr/db-10"])
    report.check("drift alarm", wait_until("the alarm", lambda: _state(stack, "drift") == "ALARM", 20))
    _reconcile(stack, repair=True)
    names = {"prod/db-01": "dr/db-01", "prod/db-07": "dr/db-07"}

    def repaired() -> bool:
        return all(dr.read(there) == here.read(name) for name, there in names.items())

    report.check("drift repaired", wait_until("the repair", repaired, 30))
    report.check("no drift left", _reconcile(stack, repair=True)["drifted"], [])
    report.check("dead letters", stack.messages(stack.outputs["dead_letter_queue_url"]), 0)


def _selection(stack: Stack, report: Report, here: Side, vault: Side) -> None:
    """Check that a secret that is no longer selected is reported, and one with as many tags as AWS allows copied."""
    here.api.untag_resource(SecretId="prod/db-09", TagKeys=["Vault"])
    found = [o["replica"] for o in _reconcile(stack, repair=False)["orphaned"] if o["target"] == "vault"]
    report.check("replica of a secret without the tag is reported", found, ["prod/db-09"])
    here.api.tag_resource(SecretId="prod/db-05", Tags=[{"Key": f"t{n:02d}", "Value": "x"} for n in range(48)])
    here.api.put_secret_value(SecretId="prod/db-05", SecretString="with 50 tags")
    wait_until("the copy", lambda: _value(vault, "prod/db-05") == "with 50 tags", 30)

    def incomplete() -> Any:
        return [e["secret"] for e in _reconcile(stack, repair=True)["incomplete"] if e["target"] == "vault"]

    report.check("tags without room are named", wait_until("the report", incomplete, 30, every=1), ["prod/db-05"])


def _command(stack: Stack, *arguments: str) -> list[str]:
    """Run the command of the runbook, as an operator does, and return its lines."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lambda_src"), "AWS_ENDPOINT_URL": stack.cloud.endpoint}
    environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    command = [sys.executable, "-m", "protection.secret_replication.failover", *arguments, "--region", OTHER_REGION]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if made.returncode:
        raise AssertionError(made.stdout + made.stderr)
    return made.stdout.splitlines()


def _failover(stack: Stack, report: Report, here: Side, dr: Side) -> None:
    """Promote one replica, use it, and fail back, as the runbook says; the source lives on meanwhile."""
    only = ("--prefix", "dr/db-06")
    report.check("promoted", _command(stack, "promote", *only), ["dr/db-06: promoted"])
    dr.api.put_secret_value(SecretId="dr/db-06", SecretString="of the other site")
    here.api.tag_resource(SecretId="prod/db-06", Tags=[{"Key": "Owner", "Value": "ledger"}])  # an event
    found = _reconcile(stack, repair=True)
    promoted = [(entry["replica"], entry["changed"]) for entry in found["promoted"]]
    report.check("reported, not repaired", (promoted, found["drifted"]), ([("dr/db-06", True)], []))
    wait_until("the end of the events", lambda: stack.messages(stack.outputs["queue_url"]) == 0, 30)
    report.check("its own value stays", _value(dr, "dr/db-06"), "of the other site")
    (line,) = _command(stack, "fail-back", *only)
    report.check("failed back", "follows again" in line)
    report.check("the source has the value", _value(here, "prod/db-06"), "of the other site")
    here.api.put_secret_value(SecretId="prod/db-06", SecretString="of the source again")
    report.check(
        "and is followed again",
        wait_until("the copy", lambda: dr.read("dr/db-06") == here.read("prod/db-06"), 30),
    )


def _native(stack: Stack, report: Report, here: Side, dr: Side) -> None:
    """Check the managed secret, which Secrets Manager itself replicates."""
    arn = stack.outputs["managed_secret_arns"]["app/session-key"]
    here.api.put_secret_value(SecretId=arn, SecretString="signing key")
    there = dr.api.get_secret_value(SecretId=arn.replace(REGION, OTHER_REGION))
    report.check("native replica", there["SecretString"], "signing key")
