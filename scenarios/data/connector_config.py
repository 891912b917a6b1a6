"""A connector with its plugin and worker configuration, changes by hand, failures, and leftovers that are removed."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION

PLUGINS = "connector-plugins-of-the-account"
KEY = "s3-sink.zip"
TAGS = {"cleanup": "yes"}
PASSWORD = "hunter2-of-the-warehouse"
CONVERTER = "org.apache.kafka.connect.storage.StringConverter"
SETTINGS = {
    "connector.class": "io.confluent.connect.s3.S3SinkConnector",
    "tasks.max": "1",
    "topics": "orders",
    "connection.password": "${secretsmanager:orders:password}",
}
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.05, "principal": "connector-config", "service": "kafkaconnect"},
    {"kind": "error", "status": 500, "rate": 0.05, "principal": "connector-config", "service": "kafkaconnect"},
]

variables: dict[str, Any] = {"connector_config": {"force_destroy": True}}
seconds = 30
test_seconds = 110


def prepare(stack: Stack) -> dict[str, Any]:
    """Upload the plugin to a bucket of the account. Return the settings that name it."""
    s3 = stack.client("s3")
    s3.create_bucket(Bucket=PLUGINS, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=PLUGINS, VersioningConfiguration={"Status": "Enabled"})
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("s3-sink/connector.jar", "code")
    version = s3.put_object(Bucket=PLUGINS, Key=KEY, Body=content.getvalue())["VersionId"]
    return {"connector_config": settings(version)}


def settings(version: str) -> dict[str, Any]:
    """Return the module's arguments for a version of the plugin."""
    return {
        "plugins": {"s3-sink": {"bucket_arn": f"arn:aws:s3:::{PLUGINS}", "key": KEY, "object_version": version}},
        "worker_configurations": {
            "strings": {
                "properties": {
                    "key.converter": CONVERTER,
                    "value.converter": CONVERTER,
                    "config.providers": "secretsmanager",
                    "config.providers.secretsmanager.class": "com.amazonaws.kafka.config.providers."
                    "SecretsManagerConfigProvider",
                }
            }
        },
        "cluster": {
            "bootstrap_servers": "b-1.orders.example.com:9098",
            "subnet_ids": ["subnet-0123456789abcdef0"],
            "security_group_ids": ["sg-0123456789abcdef0"],
        },
        "connectors": {
            "orders": {
                "plugins": ["s3-sink"],
                "worker_configuration": "strings",
                "configuration": SETTINGS,
                "service_execution_role_arn": f"arn:aws:iam::{ACCOUNT_ID}:role/connect",
                "capacity": {"min_workers": 1, "max_workers": 2},
            }
        },
        "removal": {"mode": "remove", "tags": TAGS, "grace_days": 7},
        "notification_emails": ["platform@example.com"],
        "force_destroy": True,
    }


def invoke(stack: Stack, event: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run the review. Return its answer, or {"errorType", "errorMessage"} if it failed."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"]["review"], Payload=json.dumps(event or {})
    )
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def text(stack: Stack) -> str:
    """Return the report as it is in the bucket."""
    body = stack.client("s3").get_object(Bucket=stack.outputs["bucket_name"], Key="report.json")["Body"]
    return str(body.read().decode())


def rows(stack: Stack, kind: str) -> dict[str, dict[str, Any]]:
    """Return the rows of a kind in the report, by name."""
    return {row["name"]: row for row in json.loads(text(stack))[kind]}


def notices(stack: Stack, since: float) -> str:
    """Return what the topic has sent since then."""
    sent = stack.cloud.notifications(stack.outputs["topic_arn"])
    return "\n".join(notice["message"] for notice in sent if notice["at"] >= since)


def running(stack: Stack, arn: str) -> dict[str, Any]:
    """Return a connector once it is running."""
    api = stack.client("kafkaconnect")

    def probe() -> dict[str, Any]:
        found: dict[str, Any] = api.describe_connector(connectorArn=arn)
        return found if found["connectorState"] == "RUNNING" else {}

    return wait_until(f"{arn} to run", probe)


def update(stack: Stack, arn: str, configuration: dict[str, str]) -> None:
    """Change a connector's settings by hand."""
    stack.client("kafkaconnect").update_connector(
        connectorArn=arn,
        currentVersion=running(stack, arn)["currentVersion"],
        connectorConfiguration=configuration,
    )
    running(stack, arn)


def leftover(stack: Stack, name: str, tags: dict[str, str]) -> str:
    """Create a worker configuration that no connector uses. Return its ARN."""
    content = base64.b64encode(f"key.converter={CONVERTER}\nvalue.converter={CONVERTER}\n".encode()).decode()
    made = stack.client("kafkaconnect").create_worker_configuration(name=name, propertiesFileContent=content, tags=tags)
    return str(made["workerConfigurationArn"])


def old_plugin(stack: Stack, name: str) -> str:
    """Create a plugin that no connector uses. Return its ARN."""
    api = stack.client("kafkaconnect")
    arn = api.create_custom_plugin(
        name=name,
        contentType="ZIP",
        location={"s3Location": {"bucketArn": f"arn:aws:s3:::{PLUGINS}", "fileKey": KEY}},
        tags=TAGS,
    )["customPluginArn"]
    wait_until("the plugin", lambda: api.describe_custom_plugin(customPluginArn=arn)["customPluginState"] == "ACTIVE")
    return str(arn)


def foreign(stack: Stack, name: str, configuration: dict[str, str], worker: str = "") -> str:
    """Create a connector that Terraform does not know, with the stack's plugin. Return its ARN."""
    api, ours = stack.client("kafkaconnect"), stack.outputs
    model = running(stack, ours["connectors"]["orders"]["arn"])
    same = ("kafkaCluster", "kafkaClusterClientAuthentication", "kafkaClusterEncryptionInTransit")
    made = api.create_connector(
        connectorName=name,
        capacity={"provisionedCapacity": {"mcuCount": 1, "workerCount": 1}},
        connectorConfiguration=configuration,
        plugins=[{"customPlugin": {"customPluginArn": ours["plugins"]["s3-sink"]["arn"], "revision": 1}}],
        kafkaConnectVersion="3.7.x",
        serviceExecutionRoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/connect",
        **{member: model[member] for member in same},
        **({"workerConfiguration": {"workerConfigurationArn": worker, "revision": 1}} if worker else {}),
    )
    running(stack, made["connectorArn"])
    return str(made["connectorArn"])


def delete(stack: Stack, operation: str, **arn: str) -> None:
    """Delete something, and wait until it is gone."""
    api = stack.client("kafkaconnect")
    getattr(api, f"delete_{operation}")(**arn)

    def gone() -> bool:
        try:
            getattr(api, f"describe_{operation}")(**arn)
        except ClientError as error:
            return bool(error.response["Error"]["Code"] == "NotFoundException")
        return False

    wait_until("the deletion", gone)


def unused_for(stack: Stack, days: float, *names: str) -> None:
    """Let the last report say that these were unused so long ago: time does not pass here."""
    report = json.loads(text(stack))
    since = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    for kind in ("worker_configurations", "custom_plugins"):
        for row in report[kind]:
            if row["name"] in names:
                row["unused_since"] = since
    stack.client("s3").put_object(Bucket=stack.outputs["bucket_name"], Key="report.json", Body=json.dumps(report))


def existing(stack: Stack, names: list[str]) -> list[str]:
    """Return those of the names that a worker configuration or plugin still has."""
    api = stack.client("kafkaconnect")
    found = [one["name"] for one in api.list_worker_configurations()["workerConfigurations"]]
    found += [one["name"] for one in api.list_custom_plugins()["customPlugins"]]
    return [name for name in names if name in found]


def run(stack: Stack, report: Report) -> None:
    """Follow a drift, a failure and leftovers through the report, while calls of the function fail."""
    report.sent = "changes of a connector by hand, a connector with a plain password;\n6 leftovers; 10 % of calls fail"
    with stack.faults(*FAULTS, seed=5):
        drifts(stack, report)
        odd(stack, report)
        removals(stack, report)


def drifts(stack: Stack, report: Report) -> None:
    """Change the stack's connector by hand: it is reported by the name of the setting, until it is put back."""
    invoke(stack)
    ours = stack.outputs["connectors"]["orders"]
    row = rows(stack, "connectors")[ours["name"]]
    report.check("the connector is as declared", (row["state"], row["managed"], row["drift"]), ("RUNNING", True, []))
    live = running(stack, ours["arn"])["connectorConfiguration"]
    report.check("its placeholder reached MSK Connect as it is", live, SETTINGS)
    worker = stack.outputs["worker_configurations"]["strings"]
    used = rows(stack, "worker_configurations")[worker["name"]]
    report.check("its worker configuration is in use", (used["decision"], used["used_by"]), ("in_use", [ours["name"]]))
    update(stack, ours["arn"], {**SETTINGS, "tasks.max": "4", "flush.size": "9"})
    invoke(stack)
    row = rows(stack, "connectors")[ours["name"]]
    drift = (row["drift"], row["last_operation"])
    wanted = ["setting changed: tasks.max", "setting added: flush.size"]
    report.check("a change by hand is reported", drift, (wanted, "UPDATE_CONNECTOR_CONFIGURATION: UPDATE_COMPLETE"))
    update(stack, ours["arn"], SETTINGS)


def odd(stack: Stack, report: Report) -> None:
    """Report a connector with a password, which fails; nothing says the password."""
    began, name, code = time.time(), f"odd-{stack.token}", "InvalidInput.InvalidSecurityGroup"
    arn = foreign(stack, name, {"connector.class": "a.B", "database.password": PASSWORD})
    stack.cloud.command("kafkaconnect/fail", {"arn": arn, "code": code, "message": "x"})
    totals = invoke(stack)
    connectors = rows(stack, "connectors")
    put_back = connectors[stack.outputs["connectors"]["orders"]["name"]]
    report.check("the drift ends when the setting is put back", put_back["drift"], [])
    row = connectors[name]
    report.check("a connector in failure", (row["state"], row["reason"]), ("FAILED", code))
    report.check("a password in plain text", row["findings"], ["secret in plain text: database.password"])
    report.check("counted", (totals["not_running"], totals["plain_secrets"], totals["unread"]), (1, 1, 0))
    logged = "\n".join(stack.logged(stack.outputs["function_names"]["review"], began))
    report.check("the password is nowhere", PASSWORD in text(stack) + logged, False)
    delete(stack, "connector", connectorArn=arn)


def removals(stack: Stack, report: Report) -> None:
    """Leftovers of the prefix with the tag are removed after the grace period, and nothing else is."""
    began, end = time.time(), stack.token
    names = {what: f"switchyard-{what}-{end}" for what in ("late", "fresh", "untagged", "taken", "plugin")}
    names["other"] = f"other-{end}"
    for what, tags in (("late", TAGS), ("fresh", TAGS), ("untagged", {}), ("other", TAGS), ("taken", TAGS)):
        leftover(stack, names[what], tags)
    old_plugin(stack, names["plugin"])
    invoke(stack)
    first = {**rows(stack, "worker_configurations"), **rows(stack, "custom_plugins")}
    decisions = {what: first[name]["decision"] for what, name in names.items()}
    waiting = dict.fromkeys(names, "waiting") | {"untagged": "out_of_scope", "other": "out_of_scope"}
    report.check("leftovers of the prefix and tag wait", decisions, waiting)
    unused_for(stack, 8, names["late"], names["plugin"], names["untagged"], names["other"], names["taken"])
    user = foreign(stack, f"user-{end}", {"connector.class": "a.B"}, first[names["taken"]]["arn"])
    dry = invoke(stack, {"dry_run": True})
    everything = list(names.values())
    report.check("a dry run removes nothing", (dry["decisions"]["due"], existing(stack, everything)), (2, everything))
    invoke(stack)
    last = {**rows(stack, "worker_configurations"), **rows(stack, "custom_plugins")}
    removed = sorted(what for what, name in names.items() if last[name]["decision"] == "removed")
    report.check("two are removed, with what is in use left alone", removed, ["late", "plugin"])
    told = notices(stack, began).count(f"worker configuration {names['late']}: was removed")
    report.check("the removal is announced once", told, 1)
    kept = [names[what] for what in names if what not in removed]
    wait_until("the deletions", lambda: existing(stack, everything) == kept)
    report.check("they are gone, and the others are there", existing(stack, everything), kept)
    own = [stack.outputs["worker_configurations"]["strings"]["name"], stack.outputs["plugins"]["s3-sink"]["name"]]
    report.check("the stack's own are there", existing(stack, own), own)
    delete(stack, "connector", connectorArn=user)
    for what in ("fresh", "untagged", "other", "taken"):
        delete(stack, "worker_configuration", workerConfigurationArn=first[names[what]]["arn"])
