"""The review: what it writes, removes and announces, and what an error of one resource does to the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from common import clients
from common.reports import ReportChanged
from common.settings import SettingsError
from data.connector_config import review
from data.connector_config.errors import Incomplete, InvalidDeclaration
from data.connector_config.inventory import Inventory
from local.services import install_all
from local.services.kafkaconnect import models, neighbours

from .case import CONVERTERS, encoded, patterns

CONTEXT = SimpleNamespace(aws_request_id="one")
SHARED: dict[str, Any] = {
    "kafkaCluster": {"apacheKafkaCluster": {"bootstrapServers": "b:9098", "vpc": {"subnets": ["subnet-1"]}}},
    "kafkaClusterClientAuthentication": {"authenticationType": "IAM"},
    "kafkaClusterEncryptionInTransit": {"encryptionType": "TLS"},
    "kafkaConnectVersion": "3.7.x",
    "serviceExecutionRoleArn": "arn:aws:iam::123456789012:role/connect",
}


class Account:
    """The account, and the calls that the function makes."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failing: dict[tuple[str, str], tuple[str, int]] = {}
        self.published: list[str] = []
        self.api: Any = boto3.client("kafkaconnect")
        self.s3: Any = boto3.client("s3")
        self.s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.declared: dict[str, Any] = {
            "rules": patterns(), "connectors": {}, "worker_configurations": {}, "custom_plugins": {},
        }  # fmt: skip
        self.declare()

    def declare(self, **more: Any) -> None:
        """Write what Terraform declares."""
        self.declared |= more
        self.s3.put_object(Bucket="reports", Key="declared.json", Body=json.dumps(self.declared))

    def client(self, service: str) -> Any:
        """Return what the function calls: the real API, with errors and a record."""
        real = self if service == "sns" else {"kafkaconnect": self.api, "s3": self.s3}[service]

        def called(name: str) -> Any:
            def call(*place: Any, **given: Any) -> Any:
                self.calls.append(name)
                for (operation, part), (code, status) in self.failing.items():
                    if operation == name and any(part in str(value) for value in given.values()):
                        error: Any = {
                            "Error": {"Code": code, "Message": "secret detail"},
                            "ResponseMetadata": {"HTTPStatusCode": status},
                        }
                        raise ClientError(error, name)
                return getattr(real, name)(*place, **given)

            return call

        used = ["get_object", "put_object", "publish"]
        if service == "kafkaconnect":
            used = ["describe_connector", "describe_worker_configuration", "list_tags_for_resource"]
            used += [
                "list_connector_operations",
                "delete_worker_configuration",
                "delete_custom_plugin",
                "get_paginator",
            ]
        return SimpleNamespace(**{name: called(name) for name in used})

    def publish(self, **given: Any) -> None:
        """Keep a message."""
        assert len(given["Subject"]) <= 100
        self.published += given["Message"].splitlines()[1:]

    def report(self) -> dict[str, Any]:
        """Return the report."""
        found: dict[str, Any] = json.loads(self.s3.get_object(Bucket="reports", Key="report.json")["Body"].read())
        return found

    def row(self, kind: str, name: str) -> dict[str, Any]:
        """Return a row of the report."""
        (found,) = [row for row in self.report()[kind] if row["name"] == name]
        return dict(found)

    def age(self, days: float) -> None:
        """Let everything in the report have been unused for so long."""
        report = self.report()
        for kind in review.REMOVALS:
            for row in report[kind]:
                if "unused_since" in row:
                    row["unused_since"] = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        self.s3.put_object(Bucket="reports", Key="report.json", Body=json.dumps(report))

    def worker(self, name: str, content: str = CONVERTERS, **tags: str) -> str:
        """Create a worker configuration."""
        made = self.api.create_worker_configuration(name=name, propertiesFileContent=encoded(content), tags=tags)
        return str(made["workerConfigurationArn"])

    def plugin(self, name: str, **tags: str) -> str:
        """Create a plugin."""
        location = {"s3Location": {"bucketArn": "arn:aws:s3:::b", "fileKey": "p.zip"}}
        made = self.api.create_custom_plugin(name=name, contentType="ZIP", location=location, tags=tags)
        return str(made["customPluginArn"])

    def connector(self, name: str, plugin: str, worker: str = "", **configuration: str) -> str:
        """Create a connector."""
        made = self.api.create_connector(
            connectorName=name,
            capacity={"provisionedCapacity": {"mcuCount": 1, "workerCount": 1}},
            connectorConfiguration={"connector.class": "a.B", **configuration},
            plugins=[{"customPlugin": {"customPluginArn": plugin, "revision": 1}}],
            **({"workerConfiguration": {"workerConfigurationArn": worker, "revision": 1}} if worker else {}),
            **SHARED,
        )
        return str(made["connectorArn"])


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    values = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    values |= {"BUCKET": "reports", "BUCKET_OWNER": "123456789012", "DECLARED_KEY": "declared.json"}
    values |= {"REPORT_KEY": "report.json", "TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:t", "MODE": "remove"}
    values |= {"NAME_PREFIX": "team-", "TAGS": '{"cleanup": "yes"}', "GRACE_DAYS": "14", "MOST": "20"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(models, "LAG", 0.0)
    monkeypatch.setattr(neighbours, "current", neighbours.Neighbours())
    install_all()
    with mock_aws():
        models.kafkaconnect_backends.clear()
        made = Account()
        monkeypatch.setattr(review, "client", made.client)
        yield made
        models.kafkaconnect_backends.clear()
        clients.client.cache_clear()


def run(event: Any = None) -> dict[str, Any]:
    return review.handler(event if event is not None else {}, CONTEXT)


def leftovers(account: Account) -> None:
    """Make what is unused: two in scope, and two out of it."""
    account.worker("team-old", cleanup="yes")
    account.plugin("team-plugin", cleanup="yes")
    account.worker("team-untagged")
    account.worker("others", cleanup="yes")


def test_nothing_at_all_is_a_report_with_its_coverage(account: Account) -> None:
    assert run() == {
        "connectors": 0, "worker_configurations": 0, "custom_plugins": 0, "drifted": 0, "not_running": 0,
        "plain_secrets": 0, "unread": 0, "decisions": {}, "changes": 0,
    }  # fmt: skip
    assert account.published == []
    assert account.report()["totals"]["changes"] == 0


def test_leftovers_are_removed_after_the_grace_period_and_announced_once(account: Account) -> None:
    leftovers(account)
    assert run()["decisions"] == {"waiting": 2, "out_of_scope": 2}
    assert len([line for line in account.published if "is unused; may be removed after" in line]) == 2
    run()
    account.age(13.9)
    assert run()["decisions"]["waiting"] == 2
    account.age(14.1)
    account.published.clear()
    assert run()["decisions"] == {"removed": 2, "out_of_scope": 2}
    assert account.published == [
        "worker configuration team-old: was removed", "custom plugin team-plugin: was removed",
    ]  # fmt: skip
    account.published.clear()
    assert run()["decisions"] == {"out_of_scope": 2}
    assert account.published == []
    assert [one["name"] for one in account.api.list_worker_configurations()["workerConfigurations"]] == [
        "team-untagged", "others",
    ]  # fmt: skip


def test_a_dry_run_reports_and_removes_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODE", "dry_run")
    leftovers(account)
    run()
    account.age(20)
    account.calls.clear()
    assert run()["decisions"]["would_remove"] == 2
    assert run()["changes"] == 0  # each is announced once
    assert not [name for name in account.calls if name.startswith("delete")]
    monkeypatch.setenv("MODE", "remove")
    assert run()["decisions"]["removed"] == 2


def test_a_rehearsal_writes_sends_and_removes_nothing(account: Account) -> None:
    leftovers(account)
    run()
    account.age(20)
    account.calls.clear()
    answer = run({"dry_run": True})
    assert answer["decisions"]["due"] == 2
    assert answer["report"]["mode"] == "remove"
    assert not {"put_object", "publish", "delete_worker_configuration"} & set(account.calls)


@pytest.mark.parametrize("event", [None, [], "x", {"dry_run": "true"}, {"Records": []}, {"dry_run": 1}])
def test_any_other_event_is_a_review(account: Account, event: Any) -> None:
    assert run(event)["connectors"] == 0


def test_what_is_used_or_declared_stays(account: Account) -> None:
    used, declared = account.worker("team-used", cleanup="yes"), account.worker("team-declared", cleanup="yes")
    plugin = account.plugin("team-plugin", cleanup="yes")
    account.connector("c", plugin, used)
    account.declare(worker_configurations={declared: {"plain_properties": []}})
    run()
    account.age(20)
    assert run()["decisions"] == {"declared": 1, "in_use": 2}
    row = account.row("worker_configurations", "team-used")
    assert (row["used_by"], row["state"], row["latest_revision"]) == (["c"], "ACTIVE", 1)
    assert datetime.fromisoformat(row["created"]) <= datetime.now(UTC)
    assert account.row("custom_plugins", "team-plugin")["used_by"] == ["c"]


def test_a_connector_that_comes_in_between_keeps_what_it_uses(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn, plugin = account.worker("team-old", cleanup="yes"), account.plugin("other")
    run()
    account.age(20)
    usage = Inventory.usage

    def later(self: Any) -> set[str]:
        if not account.api.list_connectors()["connectors"]:
            account.connector("c", plugin, arn)
        return usage(self)

    monkeypatch.setattr(Inventory, "usage", later)
    assert run()["decisions"]["in_use"] == 1
    assert "unused_since" not in account.row("worker_configurations", "team-old")
    assert "delete_worker_configuration" not in account.calls


def test_the_services_refusal_of_what_is_in_use_is_honoured(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    arn, plugin = account.worker("team-old", cleanup="yes"), account.plugin("other")
    run()
    account.age(20)
    account.connector("c", plugin, arn)
    before, usage = account.api.list_connectors()["connectors"], Inventory.usage
    monkeypatch.setattr(Inventory, "connectors", lambda _: [])
    asked: list[int] = []

    def seen_the_second_time(self: Any) -> set[str]:
        asked.append(1)
        return usage(self) if len(asked) > 1 else set()

    monkeypatch.setattr(Inventory, "usage", seen_the_second_time)
    assert run()["decisions"]["in_use"] == 1
    assert account.calls.count("delete_worker_configuration") == 1
    assert account.api.list_connectors()["connectors"] == before
    assert len(account.api.list_worker_configurations()["workerConfigurations"]) == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [("BadRequestException", 400), ("AccessDeniedException", 403), ("ForbiddenException", 403),
     ("InternalServerErrorException", 500), ("TooManyRequestsException", 429)],
)  # fmt: skip
def test_a_removal_that_fails_is_named_and_the_others_go_on(account: Account, code: str, status: int) -> None:
    leftovers(account)
    run()
    account.age(20)
    account.failing = {("delete_worker_configuration", "team-old"): (code, status)}
    with pytest.raises(Incomplete, match=f"team-old: {code} at delete_worker_configuration"):
        run()
    assert account.calls.count("delete_worker_configuration") == 1
    assert account.row("worker_configurations", "team-old")["decision"] == "refused"
    assert account.row("custom_plugins", "team-plugin")["decision"] == "removed"
    assert (
        f"worker configuration team-old: could not be removed: {code} at delete_worker_configuration"
        in account.published
    )
    assert "secret detail" not in json.dumps(account.report()) + "".join(account.published)
    account.failing = {}
    assert run()["decisions"]["removed"] == 1


def test_what_is_gone_already_counts_as_removed(account: Account) -> None:
    leftovers(account)
    run()
    account.age(20)
    account.failing = {("delete_worker_configuration", "team-old"): ("NotFoundException", 404)}
    assert run()["decisions"]["removed"] == 2


def test_one_review_removes_at_most_so_many(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOST", "2")
    for number in range(5):
        account.worker(f"team-{number}", cleanup="yes")
    run()
    account.age(20)
    assert run()["decisions"] == {"removed": 2, "due": 3}
    assert run()["decisions"] == {"removed": 2, "due": 1}
    assert run()["decisions"] == {"removed": 1}


def test_a_connector_that_cannot_be_read_is_a_row_and_holds_removals(account: Account) -> None:
    leftovers(account)
    plugin = account.plugin("p")
    account.connector("odd", plugin)
    account.connector("plain", plugin, password="hunter2")
    run()
    account.age(20)
    account.published.clear()
    account.failing = {("describe_connector", "connector/odd"): ("AccessDeniedException", 403)}
    with pytest.raises(Incomplete, match="odd: AccessDeniedException at describe_connector"):
        run()
    assert account.report()["totals"]["decisions"] == {"held": 2, "out_of_scope": 2, "in_use": 1}
    assert account.row("connectors", "plain")["findings"] == ["secret in plain text: password"]
    assert account.published == ["connector odd: could not be read: AccessDeniedException at describe_connector"]
    account.failing = {}
    assert run()["decisions"]["removed"] == 2


def test_unread_rows_keep_what_was_known(account: Account) -> None:
    account.connector("c", account.plugin("p"), password="hunter2")
    run()
    account.failing = {("describe_connector", "connector/c"): ("ServiceUnavailableException", 503)}
    with pytest.raises(Incomplete):
        run()
    assert account.row("connectors", "c")["findings"] == ["secret in plain text: password"]
    account.failing, account.published = {}, []
    run()
    assert account.published == []


def test_a_connector_that_goes_while_it_is_read_is_left_out(account: Account) -> None:
    account.connector("c", account.plugin("p"))
    account.failing = {("describe_connector", "connector/c"): ("NotFoundException", 404)}
    assert run()["connectors"] == 0


def test_tags_that_cannot_be_read_keep_a_leftover(account: Account) -> None:
    leftovers(account)
    run()
    account.age(20)
    account.failing = {("list_tags_for_resource", "team-old"): ("InternalServerErrorException", 500)}
    with pytest.raises(Incomplete, match="team-old"):
        run()
    assert account.report()["totals"]["decisions"] == {"unread": 1, "removed": 1, "out_of_scope": 2}


def test_content_with_a_secret_or_without_text_is_a_finding(account: Account) -> None:
    account.worker("a", CONVERTERS + "value.converter.basic.auth.password=hunter2\n")
    accepted = account.worker("b", CONVERTERS + "value.converter.basic.auth.password=hunter2\n")
    account.declare(worker_configurations={accepted: {"plain_properties": ["value.converter.basic.auth.password"]}})
    answer = run()
    wanted = "secret in plain text: value.converter.basic.auth.password"
    assert account.row("worker_configurations", "a")["findings"] == [wanted]
    assert account.row("worker_configurations", "b")["findings"] == []
    assert answer["plain_secrets"] == 1
    assert f"worker configuration a: {wanted}" in account.published
    assert "hunter2" not in json.dumps(account.report()) + "".join(account.published)


def test_a_drift_is_announced_when_it_begins_and_ends(account: Account) -> None:
    plugin, worker = account.plugin("p"), account.worker("w")
    arn = account.connector("c", plugin, worker)
    hashes = {"connector.class": "3f6f1f8e"}
    capacity = {"provisionedCapacity": {"mcuCount": 1, "workerCount": 1}}
    declared = {"name": "c", "configuration": hashes, "uses": [plugin, worker], "capacity": capacity}
    account.declare(connectors={arn: declared})
    assert run()["drifted"] == 1
    row = account.row("connectors", "c")
    assert (row["managed"], row["drift"], row["last_operation"]) == (True, ["setting changed: connector.class"], None)
    assert account.published == ["connector c: setting changed: connector.class"]
    hashes["connector.class"] = hashlib.sha256(b"a.B").hexdigest()
    account.declare(connectors={arn: declared})
    assert run()["drifted"] == 0
    assert account.published[1:] == ["connector c: no longer: setting changed: connector.class"]


def test_a_connector_that_was_deleted_is_missing(account: Account) -> None:
    account.declare(connectors={"arn:aws:kafkaconnect:eu-west-1:123456789012:connector/c/1": {"name": "c"}})
    answer = run()
    assert (answer["drifted"], answer["not_running"]) == (1, 1)
    assert account.row("connectors", "c")["state"] == "MISSING"
    assert account.published == ["connector c: the connector was deleted"]


def test_every_page_is_read(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "PAGE", 1)
    plugin = account.plugin("p")
    for number in range(3):
        account.connector(f"c{number}", plugin, account.worker(f"w{number}"))
    real = account.api.get_paginator

    def small(name: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: real(name).paginate(PaginationConfig={"PageSize": 1}))

    monkeypatch.setattr(account.api, "get_paginator", small)
    answer = run()
    assert (answer["connectors"], answer["decisions"]) == (3, {"in_use": 4})


WITHOUT_RULES: dict[str, Any] = {"rules": {}, "connectors": {}, "worker_configurations": {}, "custom_plugins": {}}
NUMBERS = {"rules": 1, "connectors": 2, "worker_configurations": 3, "custom_plugins": 4}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", json.dumps(WITHOUT_RULES), json.dumps(NUMBERS)])
def test_without_a_declaration_nothing_is_removed(account: Account, body: bytes | str) -> None:
    leftovers(account)
    run()
    account.age(20)
    account.s3.put_object(Bucket="reports", Key="declared.json", Body=body)
    account.calls.clear()
    with pytest.raises(InvalidDeclaration, match="Apply the stack again"):
        run()
    assert not [name for name in account.calls if name.startswith(("delete", "put"))]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"connectors": 1, "custom_plugins": [1, null]}', b"\xff"])
def test_a_report_that_is_none_starts_again(account: Account, body: bytes) -> None:
    leftovers(account)
    account.s3.put_object(Bucket="reports", Key="report.json", Body=body)
    assert run()["decisions"]["waiting"] == 2


def test_the_faster_of_two_reviews_wins(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    listed = Inventory.plugins

    def slow(self: Any) -> Any:
        account.s3.put_object(Bucket="reports", Key="report.json", Body=b"{}")
        return listed(self)

    monkeypatch.setattr(Inventory, "plugins", slow)
    with pytest.raises(ReportChanged):
        run()


def test_other_errors_propagate(account: Account) -> None:
    for operation, part in (("get_object", "report.json"), ("put_object", "report.json"), ("publish", "arn")):
        leftovers(account) if operation == "publish" else None
        account.failing = {(operation, part): ("AccessDenied", 403)}
        with pytest.raises(ClientError, match="AccessDenied"):
            run()


def test_another_mode_is_refused(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODE", "delete")
    with pytest.raises(SettingsError, match="MODE must be"):
        run()
