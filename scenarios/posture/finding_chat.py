"""Post findings by an analyst and by severity, under throttling, to three channels: each once, or not at all."""

from __future__ import annotations

import collections
import json
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import REGION
from scenarios import security_hub as hub

CRITICAL = 40
SLACK, TEAMS = f"switchyard-finding-chat-{REGION}-security", f"switchyard-finding-chat-{REGION}-soc"
PAYMENTS = f"switchyard-finding-chat-{REGION}-payments"
WORKSPACE, CHANNEL = "T0ABCDEFG", "C0123456789"
TENANT, TEAM = "11112222-3333-4444-5555-666677778888", "99998888-7777-6666-5555-444433332222"
IDS = "finding-chat/"

tour = True
variables: dict[str, Any] = {
    "finding_chat": {
        "severities": ["CRITICAL"],
        "slack_channels": {
            "security": {"workspace_id": WORKSPACE, "channel_id": CHANNEL},
            "payments": {
                "workspace_id": WORKSPACE,
                "channel_id": "C0123456780",
                "severities": ["CRITICAL", "HIGH"],
                "only": {"resource_tags": {"team": ["payments"]}},
                "exclude": {"controls": ["S3.*"], "products": ["aws/inspector"]},
            },
        },
        "teams_channels": {
            "soc": {"tenant_id": TENANT, "team_id": TEAM, "channel_id": "19%3aab12cd34ef56%40thread.tacv2"},
        },
    }
}

FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": "finding-chat-notified"},
    # The update is made, and the response is lost.
    {"kind": "error", "status": 500, "rate": 0.05, "after": True, "principal": "finding-chat-notified"},
]


def prepare(stack: Stack) -> None:
    """Enable Security Hub, and authorize the service as the owners of the workspace and the team."""
    hub.enable(stack)
    _chatbot(stack, "authorize_workspace", team_id=WORKSPACE, name="Example")
    _chatbot(stack, "authorize_team", tenant_id=TENANT, team_id=TEAM, name="SOC")


def _chatbot(stack: Stack, command: str, **data: Any) -> Any:
    return stack.cloud.command(f"chatbot/{command}", data)


def ids(stack: Stack) -> str:
    """Return the prefix of the Ids of this run's findings."""
    return f"{IDS}{stack.token}/"


def messages(stack: Stack, configuration: str = SLACK) -> list[dict[str, Any]]:
    """Return a channel's posts of this run's findings, oldest first; the severity rule also posts other findings."""
    shown = (e["message"] for e in _chatbot(stack, "messages", configuration=configuration) if e["posted"])
    found = [json.loads(message) for message in shown]
    return [one for one in found if any(f["Id"].startswith(ids(stack)) for f in one["detail"]["findings"])]


def posts(stack: Stack, configuration: str = SLACK) -> collections.Counter[str]:
    """Return how often each of this run's findings was posted in a channel."""
    shown = messages(stack, configuration)
    return collections.Counter(finding["Id"] for message in shown for finding in message["detail"]["findings"])


def send(stack: Stack, *finding_ids: str) -> None:
    """Choose the custom action, as an analyst does."""
    data = {"action_target_arn": stack.outputs["action_arn"], "findings": list(finding_ids)}
    stack.cloud.command("securityhub/send_custom_action", data)


def status(api: Any, prefix: str) -> dict[str, str]:
    """Return the workflow status of each finding."""
    return {name: found["Workflow"]["Status"] for name, found in hub.read(api, prefix).items()}


def run(stack: Stack, report: Report) -> None:
    """Send findings of every kind, and read the channels."""
    api = stack.client("securityhub")
    report.sent = (
        f"{CRITICAL} critical findings in a burst, updated and failing again,\n"
        "others of every state, an analyst's choice;\n10 % of the function's calls throttled"
    )
    try:
        _by_severity(stack, report, api)
        _by_channel(stack, report, api)
        _by_analyst(stack, report, api)
    finally:
        hub.archive(api, ids(stack))


def alone(stack: Stack, report: Report) -> None:
    """Run alone: the key that EventBridge temporarily may not use is the whole stack's."""
    api = stack.client("securityhub")
    hub.load(api, [hub.finding(f"{ids(stack)}kept", "HIGH")])
    try:
        _undeliverable(stack, report)
    finally:
        hub.archive(api, ids(stack))


def _by_severity(stack: Stack, report: Report, api: Any) -> None:
    prefix = ids(stack)
    burst = [f"{prefix}critical/{number:02d}" for number in range(CRITICAL)]
    others = {
        "high": hub.finding(f"{prefix}high", "HIGH"),
        "passed": hub.finding(f"{prefix}passed", "CRITICAL", "PASSED"),
        "archived": hub.finding(f"{prefix}archived", "CRITICAL", RecordState="ARCHIVED"),
        "suppressed": hub.finding(f"{prefix}suppressed", "CRITICAL", Workflow={"Status": "SUPPRESSED"}),
        "backlog": hub.finding(f"{prefix}backlog", "CRITICAL", CreatedAt="2021-01-01T00:00:00.000Z"),
    }
    threat = f"{prefix}threat"  # Of a product without compliance.
    expected = collections.Counter([*burst, threat])
    with stack.faults(*FAULTS, seed=3):
        hub.load(api, [*others.values(), *(hub.finding(name, "CRITICAL") for name in burst)])
        hub.load(api, [hub.finding(threat, "CRITICAL", "")])
        wait_until("the posts", lambda: expected <= posts(stack))
        wait_until("NOTIFIED", lambda: all(status(api, prefix)[name] == "NOTIFIED" for name in expected), 90)
    report.check("each critical finding posted once", posts(stack), expected)
    report.check("in Teams too", wait_until("Teams", lambda: posts(stack, TEAMS) == expected))
    states = {name: status(api, prefix)[f"{prefix}{name}"] for name in others}
    untouched = {"high": "NEW", "passed": "NEW", "archived": "NEW", "suppressed": "SUPPRESSED", "backlog": "NEW"}
    report.check("high, passed, archived, suppressed, old: neither posted nor set", states, untouched)

    hub.load(api, [hub.finding(name, "CRITICAL", Title="Still so") for name in burst])
    hub.load(api, [hub.finding(burst[0], "CRITICAL", "PASSED")])
    hub.load(api, [hub.finding(burst[0], "CRITICAL")])
    again = expected + collections.Counter(burst[:1])
    wait_until("the new failure's post", lambda: posts(stack)[burst[0]] == 2)
    wait_until("NOTIFIED again", lambda: status(api, prefix)[burst[0]] == "NOTIFIED")
    report.check("updates not posted; failed again, posted again", posts(stack), again)


def _by_channel(stack: Stack, report: Report, api: Any) -> None:
    """Check that a channel with filters of its own receives what they choose, and the others what they did before."""
    prefix = f"{ids(stack)}payments/"

    def tagged(name: str, severity: str, control: str = "IAM.1", **tags: str) -> dict[str, Any]:
        resource = {"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::scenario", "Region": REGION, "Tags": tags}
        compliance = {"Status": "FAILED", "SecurityControlId": control}
        return hub.finding(f"{prefix}{name}", severity, Resources=[resource], Compliance=compliance)

    hub.load(
        api,
        [
            tagged("high", "HIGH", team="payments"),
            tagged("critical", "CRITICAL", team="payments"),
            tagged("low", "LOW", team="payments"),
            tagged("other-team", "HIGH", team="search"),
            tagged("no-tag", "HIGH"),
            tagged("control", "HIGH", "S3.8", team="payments"),
        ],
    )
    wanted = {f"{prefix}{name}": 1 for name in ("high", "critical")}

    def own(configuration: str) -> dict[str, int]:
        return {name: number for name, number in posts(stack, configuration).items() if name.startswith(prefix)}

    wait_until("the channel's own posts", lambda: own(PAYMENTS) == wanted)
    wait_until("NOTIFIED", lambda: all(status(api, prefix)[name] == "NOTIFIED" for name in wanted))
    everything = posts(stack, PAYMENTS)
    report.check("a channel's own severities, tag and exclusion", dict(everything), wanted)
    report.check("the other channels receive the critical one", own(SLACK), {f"{prefix}critical": 1})
    left = {name.removeprefix(prefix) for name, found in status(api, prefix).items() if found == "NEW"}
    report.check("what no channel receives stays NEW", left, {"low", "other-team", "no-tag", "control"})


def _by_analyst(stack: Stack, report: Report, api: Any) -> None:
    chosen = [f"{ids(stack)}high", f"{ids(stack)}critical/01"]
    before = posts(stack)
    send(stack, *chosen)
    wanted = before + collections.Counter(chosen)
    report.check("analyst's choice always posted", wait_until("the choice", lambda: posts(stack) == wanted))
    message = messages(stack)[-1]
    seen = {
        "detail-type": message["detail-type"],
        "resources": message["resources"],
        "action": message["detail"]["actionName"],
    }
    native = {
        "detail-type": "Security Hub Findings - Custom Action",
        "resources": [stack.outputs["action_arn"]],
        "action": "Send_To_Slack",
    }
    report.check("as the event that Security Hub sent", seen, native)
    topic = stack.client("sns").get_topic_attributes(TopicArn=stack.outputs["topic_arn"])["Attributes"]
    key = stack.client("kms").describe_key(KeyId=topic["KmsMasterKeyId"])["KeyMetadata"]
    report.check("topic under a customer managed key", key["KeyManager"], "CUSTOMER")
    role = stack.outputs["channel_role_arn"].rpartition("/")[2]
    attached = stack.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    report.check("channel's role has no permissions", attached, [])
    found = stack.client("chatbot").describe_slack_channel_configurations()["SlackChannelConfigurations"]
    guards = [c["GuardrailPolicyArns"] for c in found if c["ConfigurationName"] == SLACK]
    report.check("guardrail", guards, [["arn:aws:iam::aws:policy/AWSSecurityHubReadOnlyAccess"]])


def _undeliverable(stack: Stack, report: Report) -> None:
    """Remove EventBridge from the key's policy: the failure that is silent in the source must raise an alarm."""
    kms, queue = stack.client("kms"), stack.client("sqs")
    topic = stack.client("sns").get_topic_attributes(TopicArn=stack.outputs["topic_arn"])["Attributes"]
    key, url = topic["KmsMasterKeyId"], stack.outputs["dead_letter_queue_urls"]["action"]
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    document = json.loads(policy)
    document["Statement"] = [s for s in document["Statement"] if s["Sid"] != "EventsToTopics"]
    finding, before = f"{ids(stack)}kept", posts(stack)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(document))
    try:
        send(stack, finding)
        request = {"QueueUrl": url, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 1}
        (dead,) = wait_until("the dead letter", lambda: queue.receive_message(**request).get("Messages"))
    finally:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    queue.delete_message(QueueUrl=url, ReceiptHandle=dead["ReceiptHandle"])
    kept = json.loads(dead["Body"])["detail"]["findings"][0]["Id"]
    reason = dead["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    report.check("key without EventBridge: event kept", (kept, "kms:GenerateDataKey" in reason), (finding, True))
    report.check("and nothing posted", posts(stack), before)
    send(stack, finding)
    wanted = before + collections.Counter([finding])
    report.check("posted again with the key's grant", wait_until("the post", lambda: posts(stack) == wanted))
