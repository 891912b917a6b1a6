"""Secrets that rotate too rarely, late or never: rules find them, Automation notifies, a report covers all accounts."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios.protection.secret_replication import ROTATION

OTHER_REGION = "eu-central-1"
ROTATION_RULE = "switchyard-secretsmanager-rotation-enabled-check"
SUCCESS_RULE = "switchyard-secretsmanager-scheduled-rotation-success-check"
PERIODIC_RULE = "switchyard-secretsmanager-secret-periodic-rotation"
UNUSED_RULE = "switchyard-secretsmanager-secret-unused"
KEY_RULE = "switchyard-secretsmanager-using-cmk"
ROTATOR = "rotation-rules-rotator"
VALUE = "rotation-rules-value-that-nobody-may-see"
TAGS = [{"Key": "ENVIRONMENT", "Value": "PRODUCTION"}]
MANY = 12
AT = "2026-11-23T06:00:00Z"

FAULTS: list[dict[str, Any]] = [{"kind": "throttle", "rate": 0.1, "principal": "switchyard-secret-rotation-report"}]

variables: dict[str, Any] = {
    "config_recorder": {"force_destroy": True},
    "secret_rotation_rules": {
        "aggregator": {"regions": [REGION, OTHER_REGION]},
        "customer_managed_keys": {},
        "force_destroy": True,
        "maximum_days_since_rotation": 90,
        "maximum_days_unused": 90,
        "notification_emails": ["secrets@example.com"],
        "scope_tag": {"key": "ENVIRONMENT", "value": "PRODUCTION"},
    },
}


def prepare(stack: Stack) -> None:
    """Create an organization with a member, with recorder and rule there and in a second Region, as in each account."""
    made = stack.client("organizations").create_account(Email="m@example.com", AccountName="rotation-rules")
    member = str(made["CreateAccountStatus"]["AccountId"])
    for account, region in ((member, REGION), (member, OTHER_REGION), (ACCOUNT_ID, OTHER_REGION)):
        put_recorder(stack, account, region)
        put_secret(stack, f"rotation-rules/{account}", account, region)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {
        "Effect": "Allow",
        "Action": "secretsmanager:*",
        "Resource": f"arn:aws:secretsmanager:*:{ACCOUNT_ID}:secret:*",
    }
    keys = {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*"}
    iam, api = stack.client("iam"), stack.client("lambda")
    role = iam.create_role(RoleName=ROTATOR, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=ROTATOR, PolicyName="rotate", PolicyDocument=_policy(may, keys))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", ROTATION)
    api.create_function(
        FunctionName=ROTATOR,
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Timeout=30,
        Code={"ZipFile": packed.getvalue()},
    )
    # Create it here, as its first call would: only resources that exist before the apply may remain after the destroy.
    stack.client("logs").create_log_group(logGroupName=f"/aws/lambda/{ROTATOR}")
    principal = "secretsmanager.amazonaws.com"
    api.add_permission(FunctionName=ROTATOR, StatementId="s", Action="lambda:InvokeFunction", Principal=principal)


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def put_recorder(stack: Stack, account: str, region: str) -> None:
    """Create a recorder and the module's first rule in an account and Region."""
    iam, s3 = stack.client("iam", account=account), stack.client("s3", account=account, region=region)
    service = {"Service": "config.amazonaws.com"}
    role = f"arn:aws:iam::{account}:role/rotation-rules-recorder"
    trust = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="rotation-rules-recorder", AssumeRolePolicyDocument=_policy(trust))
    bucket = f"rotation-rules-{account}-{region}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    actions = ["s3:GetBucketAcl", "s3:ListBucket", "s3:PutObject"]
    arn = f"arn:aws:s3:::{bucket}"
    statement = {"Effect": "Allow", "Principal": service, "Action": actions, "Resource": [arn, f"{arn}/*"]}
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(statement))
    config = stack.client("config", account=account, region=region)
    group = {"allSupported": False, "resourceTypes": ["AWS::SecretsManager::Secret"]}
    recorder = {"name": "default", "roleARN": role, "recordingGroup": group}
    config.put_configuration_recorder(ConfigurationRecorder=recorder)
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": bucket})
    config.start_configuration_recorder(ConfigurationRecorderName="default")
    source = {"Owner": "AWS", "SourceIdentifier": "SECRETSMANAGER_ROTATION_ENABLED_CHECK"}
    scope = {"TagKey": "ENVIRONMENT", "TagValue": "PRODUCTION"}
    config.put_config_rule(ConfigRule={"ConfigRuleName": ROTATION_RULE, "Source": source, "Scope": scope})


def put_secret(stack: Stack, name: str, account: str = "", region: str = REGION, **more: Any) -> str:
    """Create a secret with the tag, unless `more` says otherwise. Return its ARN."""
    asked = {"SecretString": VALUE, "Tags": TAGS, **more}
    api = stack.client("secretsmanager", account=account, region=region)
    return str(api.create_secret(Name=name, **asked)["ARN"])


def results(stack: Stack, rule: str) -> dict[str, str]:
    """Return the compliance of each secret that the rule of this account and Region evaluated, by ARN."""
    pages = stack.client("config").get_paginator("get_compliance_details_by_config_rule").paginate(ConfigRuleName=rule)
    return {
        one["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"]: one["ComplianceType"]
        for page in pages
        for one in page["EvaluationResults"]
    }


def becomes(stack: Stack, rule: str, secret: str, expected: str | None) -> bool:
    """Wait until a rule has this result for a secret; None for no result."""
    return wait_until(f"{expected} by {rule} of {secret}", lambda: results(stack, rule).get(secret) == expected)


def notices(stack: Stack) -> list[str]:
    """Return the messages that the topic sent, oldest first."""
    return [one["message"] for one in stack.cloud.notifications(stack.outputs["topic_arn"])]


def notices_of(stack: Stack, secret: str) -> list[str]:
    """Return the notices about a secret, oldest first."""
    return [text for text in notices(stack) if f"The secret {secret} in account" in text]


def make_report(stack: Stack, event: dict[str, Any]) -> dict[str, Any]:
    """Call the report's function and read its object back; return {"error"} if it failed."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"]["report"], Payload=json.dumps(event)
    )
    said = json.load(answer["Payload"])
    if answer.get("FunctionError"):
        return {"error": said["errorType"], "message": said["errorMessage"]}
    body = stack.client("s3").get_object(Bucket=stack.outputs["bucket_name"], Key=said["key"])["Body"].read()
    return {**json.loads(body), "key": said["key"]}


def secrets_here(stack: Stack) -> tuple[set[str], set[str]]:
    """Return the secrets of this account and Region that Config knows, and those that the rules have evaluated."""
    pages = (
        stack.client("config")
        .get_paginator("list_discovered_resources")
        .paginate(resourceType="AWS::SecretsManager::Secret")
    )
    known = {one["resourceId"] for page in pages for one in page["resourceIdentifiers"]}
    evaluated = set().union(*(results(stack, rule) for rule in stack.outputs["rule_names"]))
    return known | evaluated, evaluated


def _coverage(
    stack: Stack, report: Report, written: dict[str, Any], untagged: str, before: tuple[set[str], set[str]]
) -> None:
    """Check what the report says about how far it reaches; `before` it was made, these secrets were here."""
    summary = written["summary"]
    by_place = {(one["account"], one["region"]): one for one in written["coverage"]}
    here = by_place[ACCOUNT_ID, REGION]
    report.check("coverage: accounts and Regions", (summary["accounts"], summary["regions"]), (2, 2))
    # Other scenarios create and delete secrets in the meantime.
    for name, then, now in zip(("secrets", "evaluated"), before, secrets_here(stack), strict=True):
        report.check(f"coverage: {name} here", len(then & now) <= here[name] <= len(then | now))
    elsewhere = [one for place, one in by_place.items() if place != (ACCOUNT_ID, REGION)]
    missing = [KEY_RULE in one["rules_without_results"] for one in elsewhere]
    report.check("places without a rule are named", missing, [True] * 3)
    unseen = {one["secret"] for one in written["not_evaluated"]}
    report.check("no evaluated secret is listed as not evaluated", unseen & before[1], set())
    report.check("nothing was left unread", (summary["places_not_read"], written["errors"]), (0, []))


def run(stack: Stack, report: Report) -> None:
    """Follow one secret through its life and many at once under faults, and check the organization's report."""
    report.sent = f"{MANY + 4} secrets here, 3 in other accounts and Regions, one of them rotated, aged and deleted"
    api, cloud = stack.client("secretsmanager"), stack.cloud
    key = stack.client("kms").create_key(Description="rotation-rules")["KeyMetadata"]["Arn"]
    rotator = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{ROTATOR}"
    made: list[str] = []

    def rotate(secret: str, days: int, now: bool = False) -> None:
        rules = {"AutomaticallyAfterDays": days}
        api.rotate_secret(SecretId=secret, RotationLambdaARN=rotator, RotationRules=rules, RotateImmediately=now)

    # One secret: never rotated, too rarely, often enough, late.
    names = f"rotation-rules/{stack.token}/"
    secret = put_secret(stack, f"{names}one", KmsKeyId=key)
    untagged = put_secret(stack, f"{names}untagged", Tags=[])
    made += [secret, untagged]
    report.check(
        "PRODUCTION secret without rotation: NON_COMPLIANT", becomes(stack, ROTATION_RULE, secret, "NON_COMPLIANT")
    )
    wait_until("the notice", lambda: notices_of(stack, secret))
    (told,) = notices_of(stack, secret)
    report.check(
        "the notice says where and which rule", f"{ACCOUNT_ID}, {REGION}, breaks the rule {ROTATION_RULE}" in told
    )
    rotate(secret, 30, now=True)
    report.check("rotation every 30 days: COMPLIANT", becomes(stack, ROTATION_RULE, secret, "COMPLIANT"))
    report.check("it rotates as scheduled: COMPLIANT", becomes(stack, SUCCESS_RULE, secret, "COMPLIANT"))
    wait_until("the rotation", lambda: "LastRotatedDate" in api.describe_secret(SecretId=secret))
    cloud.command("secretsmanager/age", {"secret_id": secret, "days": 31})
    report.check("its rotation is overdue: NON_COMPLIANT", becomes(stack, SUCCESS_RULE, secret, "NON_COMPLIANT"))
    wait_until("the notice of it", lambda: len(notices_of(stack, secret)) == 2)
    late = notices_of(stack, secret)[1]
    report.check("with the result before", SUCCESS_RULE in late and "Result before: COMPLIANT" in late)
    rotate(secret, 60)
    report.check("rotation every 60 days: NON_COMPLIANT", becomes(stack, ROTATION_RULE, secret, "NON_COMPLIANT"))
    report.check("its key is customer managed", becomes(stack, KEY_RULE, secret, "COMPLIANT"))

    # The rules by age also evaluate secrets without the tag.
    pace = "config/set_reevaluation_interval"
    cloud.command(pace, {"seconds": 0, "rules": [PERIODIC_RULE, UNUSED_RULE]})
    try:
        cloud.command("secretsmanager/age", {"secret_id": untagged, "days": 100})
        stack.client("config").start_config_rules_evaluation(ConfigRuleNames=[PERIODIC_RULE, UNUSED_RULE])
        for rule in (PERIODIC_RULE, UNUSED_RULE):
            report.check(
                f"100 days old: {rule.partition('secret-')[2]}", becomes(stack, rule, untagged, "NON_COMPLIANT")
            )
    finally:
        cloud.command(pace, {"seconds": 60, "rules": [PERIODIC_RULE, UNUSED_RULE]})
    seen = [rule for rule in (ROTATION_RULE, SUCCESS_RULE, KEY_RULE) if untagged in results(stack, rule)]
    report.check("a secret without the tag is not evaluated by the others", seen, [])

    # Many at once, while one call in ten is throttled: one notice of each.
    with stack.faults(*FAULTS, seed=7):
        many = [put_secret(stack, f"{names}many-{n}", KmsKeyId=key) for n in range(MANY)]
        made += many
        wait_until("a notice of each", lambda: all(notices_of(stack, one) for one in many))
        for one in many:
            becomes(stack, ROTATION_RULE, one, "NON_COMPLIANT")
        report.check(
            f"{MANY} notices of {MANY} secrets under throttles", [len(notices_of(stack, s)) for s in many], [1] * MANY
        )
        default_key = put_secret(stack, f"{names}default-key")
        made.append(default_key)
        becomes(stack, KEY_RULE, default_key, "NON_COMPLIANT")
        wait_until("both its notices", lambda: len(notices_of(stack, default_key)) == 2)
        before = secrets_here(stack)
        written = make_report(stack, {"scheduled_at": AT})

    rotation = {(f["account"], f["region"]) for f in written["findings"] if f["rule"] == ROTATION_RULE}
    regions = {region for _, region in rotation}
    report.check("the report sees both Regions", regions, {REGION, OTHER_REGION})
    report.check("and each account in them", len(rotation), 4)
    here = {f["secret"] for f in written["findings"] if (f["account"], f["region"]) == (ACCOUNT_ID, REGION)}
    failing = {s for rule in written["rules"] for s, kind in results(stack, rule).items() if kind == "NON_COMPLIANT"}
    ours = {one: names in one for one in here | failing}  # other scenarios' secrets come and go
    report.check(
        "it names the findings of the rules, and nothing else",
        {one for one in here if ours[one]},
        {one for one in failing if ours[one]},
    )
    _coverage(stack, report, written, untagged, before)
    report.check(
        "its object is named by the scheduled time",
        written["key"],
        "reports/dt=2026-11-23/secret-rotation-20261123T060000Z.json",
    )
    told = [text for text in notices(stack) if written["key"] in text][-1]
    report.check("the notice has the numbers by place", f"in {ACCOUNT_ID} {REGION}: {ROTATION_RULE}" in told)

    def written_and_told() -> tuple[int, int]:
        listed = stack.client("s3").list_objects_v2(Bucket=stack.outputs["bucket_name"])["KeyCount"]
        return listed, len([text for text in notices(stack) if "reports/" in text])

    earlier = written_and_told()
    refused = make_report(stack, {"scheduled_at": "yesterday"})
    report.check("a malformed event is refused", refused["error"], "InvalidRequest")
    report.check("and writes and sends nothing", written_and_told(), earlier)
    report.check("no value of a secret is in a notice or report", VALUE in json.dumps([notices(stack), written]), False)

    for arn in made:
        api.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    report.check("a deleted secret has no result", becomes(stack, ROTATION_RULE, secret, None))
    stack.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
