"""Web ACLs old, new, oversized, exempt, logging elsewhere, deleted: Config goes from NON_COMPLIANT to COMPLIANT."""

from __future__ import annotations

import contextlib
import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION

KIND = "AWS::WAFv2::WebACL"
PREFIX = "web-acl-logging-"
ELSEWHERE = "aws-waf-logs-web-acl-logging-elsewhere"
ELSEWHERE_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{ELSEWHERE}"
WAF_ROLE = "AWSServiceRoleForWAFV2Logging"
NEW = 3
LARGEST_ITEM = 256 * 1024
FILTER = {
    "DefaultBehavior": "DROP",
    "Filters": [
        {"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}]}
    ],
}
REDACTED = [{"UriPath": {}}, {"SingleHeader": {"Name": "x-token"}}]
THROTTLES: list[dict[str, Any]] = [{"kind": "throttle", "rate": 0.1, "principal": "web-acl-logging"}]

test_seconds = 20
variables: dict[str, Any] = {
    "config_recorder": {"force_destroy": True},
    "web_acl_logging": {
        "correct_destination": True,
        "exempt_tags": {"WafLogging": "off"},
        "force_destroy": True,
        "notification_emails": ["security@example.com"],
    },
}


def prepare(stack: Stack) -> None:
    """Create web ACLs before the stack: one without logging, and one that logs elsewhere."""
    stack.client("logs").create_log_group(logGroupName=ELSEWHERE)
    Acl(stack, "old").create()
    Acl(stack, "own").create().log_elsewhere()


class Acl:
    """One web ACL of this scenario."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack, self.name = stack, PREFIX + name
        self.api = stack.client("wafv2")

    def create(self, rules: int = 0, **tags: str) -> Acl:
        """Create it with this number of rules of 400 bytes each, and tags."""
        visible = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
        match = {"FieldToMatch": {"UriPath": {}}, "PositionalConstraint": "EXACTLY"}
        text = [{"Priority": 0, "Type": "NONE"}]
        self.api.create_web_acl(
            Name=self.name,
            Scope="REGIONAL",
            DefaultAction={"Allow": {}},
            VisibilityConfig=visible,
            Rules=[
                {
                    "Name": f"rule-{number}",
                    "Priority": number,
                    "Action": {"Block": {}},
                    "VisibilityConfig": visible,
                    "Statement": {
                        "ByteMatchStatement": {**match, "SearchString": b"x" * 190, "TextTransformations": text}
                    },
                }
                for number in range(rules)
            ],
            **({"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}),
        )
        return self

    @property
    def _summary(self) -> dict[str, Any]:
        found = self.api.list_web_acls(Scope="REGIONAL", Limit=100)["WebACLs"]
        return next(one for one in found if one["Name"] == self.name)

    @property
    def arn(self) -> str:
        """The web ACL's ARN, which is its ID in AWS Config."""
        return str(self._summary["ARN"])

    def log_elsewhere(self) -> None:
        """Set logging as its owner would, with redaction and filter."""
        wanted = {"ResourceArn": self.arn, "LogDestinationConfigs": [ELSEWHERE_ARN]}
        self.api.put_logging_configuration(
            LoggingConfiguration={**wanted, "RedactedFields": REDACTED, "LoggingFilter": FILTER}
        )

    @property
    def logging(self) -> dict[str, Any] | None:
        """Return the logging configuration."""
        try:
            found: dict[str, Any] = self.api.get_logging_configuration(ResourceArn=self.arn)["LoggingConfiguration"]
        except self.api.exceptions.WAFNonexistentItemException:
            return None
        return found

    @property
    def compliance(self) -> str | None:
        """Return the result of this rule in AWS Config."""
        results = self.stack.client("config").get_compliance_details_by_resource(
            ResourceType=KIND, ResourceId=self.arn
        )["EvaluationResults"]
        by_rule = {
            one["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ConfigRuleName"]: one["ComplianceType"]
            for one in results
        }
        return by_rule.get(self.stack.outputs["rule_name"])

    def delete(self) -> None:
        """Gone."""
        found = self._summary
        self.api.delete_web_acl(Name=self.name, Scope="REGIONAL", Id=found["Id"], LockToken=found["LockToken"])


def run(stack: Stack, report: Report) -> None:
    """Check web ACLs in every state."""
    report.sent = (
        f"web ACLs: an old one, {NEW} new ones, one of\n400 rules, an exempt one, one that logs\nelsewhere, deletions;"
        "\n10 % of the functions' calls throttled,\none remediation fails"
    )
    history = History(stack)
    pace(stack, 0.2)
    try:
        with as_it_is(stack):
            _left_alone(stack, report)
        with stack.faults(*THROTTLES, seed=7):
            _enabled(stack, report, history)
        _corrected(stack, report)
        _unchanged(stack, report)
        _switched_off(stack, report, history)
        _failed(stack, report)
        _deleted(stack, report, history)
        _refused(stack, report)
        _delivered(stack, report)
    finally:
        pace(stack, 60)
        history.close()
        clean(stack, kept=("old", "own"))


def pace(stack: Stack, seconds: float) -> None:
    """Set how often this rule can be evaluated on request."""
    given = {"seconds": seconds, "rules": [stack.outputs["rule_name"]]}
    stack.cloud.command("config/set_reevaluation_interval", given)


class History:
    """Compliance changes that AWS Config sends to the event bus."""

    def __init__(self, stack: Stack) -> None:
        self.events, self.queues = stack.client("events"), stack.client("sqs")
        self.name = PREFIX + "history"
        self.url = self.queues.create_queue(QueueName=self.name)["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{self.name}"
        allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": arn}]}
        self.queues.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps(policy)})
        pattern = {"source": ["aws.config"], "detail": {"configRuleName": [stack.outputs["rule_name"]]}}
        self.events.put_rule(Name=self.name, EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "queue", "Arn": arn}])
        self._seen: dict[str, list[str]] = {}

    def of(self, arn: str) -> list[str]:
        """Return the results of a web ACL, in order."""
        while messages := self.queues.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                detail = json.loads(message["Body"])["detail"]
                self._seen.setdefault(detail["resourceId"], []).append(detail["newEvaluationResult"]["complianceType"])
                self.queues.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self._seen.get(arn, [])

    def close(self) -> None:
        """Remove the rule and the queue."""
        self.events.remove_targets(Rule=self.name, Ids=["queue"])
        self.events.delete_rule(Name=self.name)
        self.queues.delete_queue(QueueUrl=self.url)


@contextlib.contextmanager
def as_it_is(stack: Stack) -> Iterator[None]:
    """Run both functions with `correct_destination = false`, the default."""
    functions = stack.client("lambda")
    before: dict[str, dict[str, str]] = {}
    for name in stack.outputs["function_names"].values():
        before[name] = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        changed = {**before[name], "CORRECT_DESTINATION": "false"}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
    try:
        yield
    finally:
        for name, environment in before.items():
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": environment})


def settled(stack: Stack, *names: str, kind: str = "COMPLIANT", seconds: float = 60) -> None:
    """Wait until AWS Config has this result for each of them."""
    for name in names:
        acl = Acl(stack, name)
        wait_until(f"{name} to be {kind}", lambda acl=acl: acl.compliance == kind, seconds)  # type: ignore[misc]


def reevaluate(stack: Stack) -> None:
    """Trigger the schedule, which may have to wait for the previous evaluation."""

    def fired() -> bool:
        try:
            fire = {"name": stack.outputs["schedule_name"], "account": ACCOUNT_ID, "region": REGION}
            stack.cloud.command("scheduler/fire", fire)
        except Exception as error:
            if "LimitExceeded" not in str(error):
                raise
            return False
        return True

    wait_until("an evaluation", fired, 20)


def _left_alone(stack: Stack, report: Report) -> None:
    own = Acl(stack, "own")
    own.log_elsewhere()  # The stack has correct_destination set.
    before = json.dumps(own.logging, sort_keys=True)
    reevaluate(stack)
    settled(stack, "own")
    outcome = invoke(stack, "remediate", {"webAclId": own.arn})["outcome"]
    after = json.dumps(own.logging, sort_keys=True)
    report.check("logging already: unchanged, to the byte", (outcome, after), ("untouched", before))


def _enabled(stack: Stack, report: Report, history: History) -> None:
    names = [f"new-{number}" for number in range(NEW)]
    for name in names:
        Acl(stack, name).create()
    large = Acl(stack, "large").create(rules=400)
    Acl(stack, "exempt").create(WafLogging="off")
    settled(stack, "old", *names, "large", seconds=180)
    wanted = {
        "LogDestinationConfigs": [stack.outputs["destination_arn"]],
        "RedactedFields": [{"SingleHeader": {"Name": name}} for name in ("authorization", "cookie")],
    }
    found = [{key: (Acl(stack, name).logging or {}).get(key) for key in wanted} for name in ("old", *names, "large")]
    report.check("each logs to the stream, credentials redacted", found, [wanted] * (NEW + 2))
    arn = Acl(stack, names[0]).arn

    def compliant() -> list[str]:
        told = list(history.of(arn))
        return told if told[-1:] == ["COMPLIANT"] else []

    # The result in between may be of an earlier read in the same second: the API's times have whole seconds.
    told = wait_until("its history", compliant)
    report.check("automatic: first and last of its history", [told[0], told[-1]], ["NON_COMPLIANT", "COMPLIANT"])
    size = len(json.dumps(item(stack, large.arn)))
    report.check("one whose item is oversized", size > LARGEST_ITEM)
    exempt = Acl(stack, "exempt")
    wait_until("the exempt one's evaluation", lambda: "NOT_APPLICABLE" in said_of(stack, exempt.arn))
    report.check("exempt by tag: NOT_APPLICABLE, unchanged", (exempt.compliance, exempt.logging), (None, None))


def item(stack: Stack, arn: str) -> dict[str, Any]:
    """Return the configuration item in AWS Config."""
    history = stack.client("config").get_resource_config_history(resourceType=KIND, resourceId=arn, limit=1)
    found = history["configurationItems"][0]
    return {name: value for name, value in found.items() if isinstance(value, (str, dict, list))}


def said_of(stack: Stack, arn: str) -> list[str]:
    """Return the evaluator's results for a web ACL, from its log."""
    found = []
    for message in stack.logged(stack.outputs["function_names"]["evaluate"]):
        with contextlib.suppress(ValueError):
            line = json.loads(message)
            if isinstance(line, dict) and line.get("resource_id") == arn:
                found.append(str(line["compliance"]))
    return found


def _corrected(stack: Stack, report: Report) -> None:
    own = Acl(stack, "own")
    stream = stack.outputs["destination_arn"]

    def redirected() -> bool:
        return bool((own.logging or {})["LogDestinationConfigs"] == [stream])

    reevaluate(stack)
    wait_until("the other destination", redirected)
    settled(stack, "own")
    kept = {key: (own.logging or {}).get(key) for key in ("RedactedFields", "LoggingFilter")}
    report.check(
        "with correct_destination: redirected, its redaction and filter kept",
        kept,
        {"RedactedFields": REDACTED, "LoggingFilter": FILTER},
    )


def _unchanged(stack: Stack, report: Report) -> None:
    """Evaluate once more, and check that nothing is put."""
    arn, started = Acl(stack, "new-0").arn, time.time()
    before = len(said_of(stack, arn))
    reevaluate(stack)
    wait_until("the evaluation", lambda: len(said_of(stack, arn)) > before)
    made = stack.cloud.calls(started, "web-acl-logging")
    puts = [call for call in made if call["operation"] in ("PutLoggingConfiguration", "StartAutomationExecution")]
    report.check("evaluated again: nothing is put", puts, [])


def _switched_off(stack: Stack, report: Report, history: History) -> None:
    acl = Acl(stack, "new-0")
    arn, before = acl.arn, len(history.of(acl.arn))
    acl.api.delete_logging_configuration(ResourceArn=arn)
    reevaluate(stack)
    wait_until("logging again", lambda: acl.logging)
    wait_until("its history", lambda: len(history.of(arn)) > before + 1 and history.of(arn)[-1] == "COMPLIANT")
    report.check("turned off: restored by the schedule", history.of(arn)[before], "NON_COMPLIANT")


def _failed(stack: Stack, report: Report) -> None:
    denied = {
        "kind": "error",
        "service": "wafv2",
        "operation": "PutLoggingConfiguration",
        "status": 400,
        "code": "WAFLogDestinationPermissionIssueException",
        "principal": "web-acl-logging",
        "count": 1,
    }
    topic = stack.outputs["topic_arn"]
    before = len(stack.cloud.notifications(topic))
    with stack.faults(denied):
        Acl(stack, "unlucky").create()
        wait_until("the notice", lambda: len(stack.cloud.notifications(topic)) > before)
    notice = stack.cloud.notifications(topic)[-1]["message"]
    report.check("failed remediation: notice", "could not be enabled" in notice and "is Failed" in notice)
    settled(stack, "unlucky")
    report.check(
        "next attempt",
        (Acl(stack, "unlucky").logging or {}).get("LogDestinationConfigs"),
        [stack.outputs["destination_arn"]],
    )


def _deleted(stack: Stack, report: Report, history: History) -> None:
    acl = Acl(stack, "new-1")
    arn = acl.arn
    acl.delete()
    wait_until("Config to forget it", lambda: history.of(arn)[-1:] == ["NOT_APPLICABLE"])
    # The function's log arrives when its call has ended, after it has reported to AWS Config.
    said = wait_until("the evaluator's log of it", lambda: said_of(stack, arn)[-1:] == ["NOT_APPLICABLE"])
    report.check("deleted: NOT_APPLICABLE", said)
    report.check("deleted in the meantime: gone", invoke(stack, "remediate", {"webAclId": arn})["outcome"], "gone")


def invoke(stack: Stack, which: str, event: Any) -> dict[str, Any]:
    """Return one function's answer, or its error."""
    name = stack.outputs["function_names"][which]
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    found: dict[str, Any] = json.load(answer["Payload"])
    return found


def _refused(stack: Stack, report: Report) -> None:
    wait_until("running calls to end", lambda: not stack.cloud.calls(time.time() - 2, "web-acl-logging"))
    started = time.time()
    classic = f"arn:aws:waf-regional:{REGION}:{ACCOUNT_ID}:webacl/1b2c3d4e"
    errors = [
        invoke(stack, "remediate", {"webAclId": classic}).get("errorType"),
        invoke(stack, "remediate", {"webAclName": "x"}).get("errorType"),
        invoke(stack, "evaluate", {"invokingEvent": "{}", "resultToken": "x"}).get("errorType"),
    ]
    puts = [call for call in stack.cloud.calls(started, "web-acl-logging") if call["operation"].startswith("Put")]
    puts = [call for call in puts if call["service"] in ("config", "wafv2")]
    report.check("malformed: refused", (errors, puts), (["NotAWebAcl", "MalformedEvent", "MalformedEvent"], []))


def _delivered(stack: Stack, report: Report) -> None:
    """Put a record under WAF's own role, and check that it lands in the bucket."""
    s3, bucket = stack.client("s3"), stack.outputs["bucket_name"]
    arn = Acl(stack, "new-2").arn
    record = {"action": "BLOCK", "httpRequest": {"clientIp": "192.0.2.1", "uri": "/"}}

    def objects() -> set[str]:
        found = s3.list_objects_v2(Bucket=bucket, Prefix="logs/").get("Contents", [])
        return {one["Key"] for one in found}

    before = objects()
    stack.cloud.command("waf_logging/deliver", {"web_acl_arn": arn, "record": record})
    (key,) = wait_until("the log object", lambda: objects() - before)
    found = s3.get_object(Bucket=bucket, Key=key)
    line = json.loads(gzip.decompress(found["Body"].read()))
    report.check(
        "a record lands in the bucket", {**record, "webaclId": arn}.items() <= line.items() and key.endswith(".json.gz")
    )
    keys = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    expected = keys[0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    report.check("under the stack's key", found.get("SSEKMSKeyId"), expected)


def clean(stack: Stack, kept: tuple[str, ...] = ()) -> None:
    """Remove the role that WAF created, and all web ACLs except those in `kept`."""
    wafv2, logs, iam = stack.client("wafv2"), stack.client("logs"), stack.client("iam")
    for one in wafv2.list_web_acls(Scope="REGIONAL", Limit=100)["WebACLs"]:
        name = one["Name"].removeprefix(PREFIX)
        if name not in (one["Name"], *kept):
            named = {name: one[name] for name in ("Name", "Id", "LockToken")}
            wafv2.delete_web_acl(**named, Scope="REGIONAL")
    if not kept:
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            logs.delete_log_group(logGroupName=ELSEWHERE)
    with contextlib.suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_service_linked_role(RoleName=WAF_ROLE)
