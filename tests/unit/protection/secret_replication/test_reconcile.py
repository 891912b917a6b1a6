"""The scheduled handler: differences are reported, counted and queued; equal secrets cause no calls."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from protection.secret_replication import access, errors, reconcile, replicate

from .conftest import TARGETS, logged, metrics
from .fakes import KEY, error
from .test_replicate import batch

MARK = "switchyard:replica-of"


def in_sync(aws: Any, context: Any, *names: str, **options: Any) -> None:
    replicate.handler(batch(*({"repair": aws.source.add(name, **options)} for name in names)), context)
    aws.source.calls.clear()
    aws.replica.calls.clear()


def test_secrets_in_sync_cost_one_call_per_hundred_on_each_side(aws: Any, context: Any, capsys: Any) -> None:
    in_sync(aws, context, *(f"prod/{n:03d}" for n in range(150)))
    capsys.readouterr()
    report = reconcile.handler({}, context)
    assert (report["checked"], report["in_sync"], report["repairs"]) == (150, 150, 0)
    assert (aws.source.calls, aws.replica.calls) == (["ListSecrets"] * 2, ["ListSecrets"] * 2)
    assert metrics(capsys.readouterr().out) == {"SecretsDrifted": 0, "SecretsInSync": 150, "ReplicasOrphaned": 0}


def test_each_kind_of_drift_is_named_and_repaired(aws: Any, context: Any, capsys: Any, caplog: Any) -> None:
    names = [f"prod/{kind}" for kind in ("value", "missing", "description", "tags", "labels")]
    in_sync(aws, context, *names, "prod/good")
    aws.source.put("prod/value", "v2")
    del aws.replica.secrets["prod/missing"]
    aws.source.secrets["prod/description"]["Description"] = "new"
    aws.replica.secrets["prod/tags"]["tags"]["by"] = "hand"
    aws.replica.put("prod/labels", "v1", "EXTRA")
    capsys.readouterr()
    report = reconcile.handler({}, context)
    found = {entry["secret"]: entry["reasons"] for entry in report["drifted"]}
    assert found == {
        "prod/value": ["labels", "value"],
        "prod/missing": ["missing"],
        "prod/description": ["description"],
        "prod/tags": ["tags"],
        "prod/labels": ["labels"],
    }
    assert metrics(capsys.readouterr().out) == {"SecretsDrifted": 5, "SecretsInSync": 1, "ReplicasOrphaned": 0}
    assert {line["secret"] for line in logged(caplog, reconcile.WARNINGS["drifted"])} == set(names)
    replicate.handler(batch(*({"repair": arn} for arn in aws.queue.sent)), context)
    assert reconcile.handler({}, context)["in_sync"] == 6


def test_a_report_only_repairs_nothing(aws: Any, context: Any) -> None:
    aws.source.add("prod/db")
    assert reconcile.handler({"repair": False}, context)["repairs"] == 0
    assert aws.queue.sent == []


def test_a_change_just_made_is_in_flight_and_no_drift(aws: Any, context: Any) -> None:
    aws.source.add("prod/db")
    aws.source.secrets["prod/db"]["changed"] = datetime.datetime.now(datetime.UTC)
    report = reconcile.handler({}, context)
    assert (report["in_flight"], report["drifted"], report["repairs"]) == (1, [], 1)


def test_refused_copies_are_reported_and_not_queued_each_hour(aws: Any, context: Any, capsys: Any) -> None:
    aws.source.add("prod/key", key=KEY)
    aws.source.add("prod/taken")
    aws.replica.add("prod/taken")
    aws.source.add("prod/ending")
    aws.replica.add("prod/ending", tags={MARK: aws.source.secrets["prod/ending"]["arn"]})
    aws.replica.secrets["prod/ending"]["deleted"] = True
    report = reconcile.handler({}, context)
    assert {entry["secret"]: entry["error"] for entry in report["refused"]} == {
        "prod/key": "KeyKindMismatch",
        "prod/taken": "NotAReplica",
        "prod/ending": "TargetUnusable",
    }
    assert report["repairs"] == 0
    assert metrics(capsys.readouterr().out)["SecretsDrifted"] == 3


def test_replicas_without_a_source_are_reported_and_kept(aws: Any, context: Any, capsys: Any) -> None:
    in_sync(aws, context, "prod/a", "prod/b", "prod/c")
    del aws.source.secrets["prod/a"]
    aws.source.secrets["prod/b"]["deleted"] = True
    aws.replica.add("prod/foreign", tags={MARK: "arn:aws:secretsmanager:us-east-1:999999999999:secret:prod/x-AbCdEf"})
    report = reconcile.handler({}, context)
    assert [entry["replica"] for entry in report["orphaned"]] == ["prod/a", "prod/b"]
    assert metrics(capsys.readouterr().out)["ReplicasOrphaned"] == 2
    assert set(aws.replica.secrets) == {"prod/a", "prod/b", "prod/c", "prod/foreign"}


def test_repairs_go_ten_at_a_time_and_none_is_lost_silently(aws: Any, context: Any) -> None:
    arns = [aws.source.add(f"prod/{n:02d}") for n in range(25)]
    assert reconcile.handler({}, context)["repairs"] == 25
    assert aws.queue.sent == arns
    aws.queue.failing = True
    with pytest.raises(errors.Transient, match="could not be queued"):
        reconcile.handler({}, context)


def test_an_unreadable_target_does_not_count_as_in_sync(aws: Any, context: Any) -> None:
    def deny(operation: str) -> None:
        raise error("AccessDeniedException", "not authorized")

    aws.replica.before = deny
    with pytest.raises(errors.Denied, match="listing the secrets at target dr"):
        reconcile.handler({}, context)


def entries(report: dict[str, Any], kind: str) -> dict[str, str]:
    """Return the reasons of the entries of one kind, by replica."""
    return {entry["replica"]: entry.get("reason", "") for entry in report[kind]}


def total(report: dict[str, Any]) -> int:
    """Return the number of pairs that a report accounts for."""
    numbers = sum(report[name] for name in ("in_sync", "in_flight", "paused"))
    return int(numbers) + sum(len(report[name]) for name in ("drifted", "refused", "incomplete", "skipped", "promoted"))


def test_nothing_counts_as_in_sync_that_has_no_replica(aws: Any, context: Any, capsys: Any) -> None:
    in_sync(aws, context, "prod/good")
    aws.source.add("prod/chain", tags={MARK: "arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf"})
    aws.source.add("prod/back", tags={MARK: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:x-AbCdEf"})
    aws.source.add("prod/empty", None)
    aws.source.add("prod/ending")
    aws.source.secrets["prod/ending"]["deleted"] = True
    capsys.readouterr()
    report = reconcile.handler({}, context)
    assert (report["checked"], report["in_sync"], total(report)) == (5, 1, 5)
    assert list(entries(report, "refused")) == ["prod/chain"]
    assert {name: text.split()[1] for name, text in entries(report, "skipped").items()} == {
        "prod/back": "is",
        "prod/empty": "has",
        "prod/ending": "awaits",
    }
    assert metrics(capsys.readouterr().out)["SecretsDrifted"] == 1


def targets(monkeypatch: pytest.MonkeyPatch, *more: dict[str, Any], **changed: Any) -> None:
    monkeypatch.setenv("TARGETS", json.dumps([{**TARGETS[0], **changed}, *more]))


def test_the_replica_of_a_source_that_is_no_longer_selected_is_reported(
    aws: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps its old value, and no target would correct it."""
    targets(monkeypatch, secret_tags={"Dr": "yes"})
    in_sync(aws, context, "prod/a", "prod/b", tags={"Dr": "yes"})
    aws.source.secrets["prod/a"]["tags"].clear()
    aws.source.put("prod/a", "v2")
    report = reconcile.handler({}, context)
    assert (report["checked"], report["in_sync"]) == (1, 1)
    assert entries(report, "orphaned") == {"prod/a": "No target selects prod/a for this name any longer."}
    other = {**TARGETS[0], "name": "all"}
    targets(monkeypatch, other, secret_tags={"Dr": "yes"})
    assert reconcile.handler({}, context)["orphaned"] == []  # another target now updates it


def test_a_replica_under_an_old_name_is_reported_once(aws: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    in_sync(aws, context, "prod/a")
    other = {**TARGETS[0], "name": "other", "secret_name_prefixes": ["prod/x"]}
    targets(monkeypatch, other, secret_names={"prod/a": "prod/new"})
    report = reconcile.handler({}, context)
    assert list(entries(report, "orphaned")) == ["prod/a"]
    assert [entry["replica"] for entry in report["drifted"]] == ["prod/new"]


def test_promoted_replicas_are_reported_and_not_repaired(aws: Any, context: Any) -> None:
    in_sync(aws, context, "prod/a", "prod/b")
    for name in ("prod/a", "prod/b"):
        aws.replica.secrets[name]["tags"]["switchyard:promoted"] = "v1"
    aws.replica.put("prod/b", "theirs")
    aws.source.put("prod/a", "v2")
    report = reconcile.handler({}, context)
    assert {entry["replica"]: entry["changed"] for entry in report["promoted"]} == {"prod/a": False, "prod/b": True}
    assert (total(report), report["repairs"], aws.queue.sent) == (2, 0, [])


def test_a_paused_target_is_counted_and_not_called(aws: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    in_sync(aws, context, "prod/a")
    aws.source.put("prod/a", "v2")
    targets(monkeypatch, paused=True)
    report = reconcile.handler({}, context)
    assert (report["checked"], report["paused"], report["repairs"]) == (1, 1, 0)
    assert aws.replica.calls == []
    targets(monkeypatch)  # the day after
    assert reconcile.handler({}, context)["repairs"] == 1


def test_tags_without_room_are_named(aws: Any, context: Any) -> None:
    in_sync(aws, context, "prod/a", tags={f"t{n:02d}": "x" for n in range(50)})
    report = reconcile.handler({}, context)
    assert entries(report, "incomplete") == {"prod/a": "A secret has at most 50 tags. Not copied: t49."}
    assert (report["in_sync"], report["repairs"]) == (0, 0)


def test_an_unreadable_target_does_not_affect_the_others(
    aws: Any, context: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    aws.source.add("prod/db")
    role = {"role_arn": "arn:aws:iam::222222222222:role/gone", "name": "vault"}
    targets(monkeypatch, TARGETS[0], **role)

    def client(self: access.Access, target: Any) -> Any:
        if target.role_arn:
            raise errors.Denied("Denied while assuming the role.")
        return aws.replica

    monkeypatch.setattr(access.Access, "client", client)
    with pytest.raises(errors.Denied, match="assuming"):
        reconcile.handler({}, context)
    assert len(aws.queue.sent) == 1
    assert metrics(capsys.readouterr().out)["SecretsDrifted"] == 1
    report = reconcile.handler({"repair": False}, context)
    assert [entry["target"] for entry in report["unreadable"]] == ["vault"]
    assert [entry["target"] for entry in report["drifted"]] == ["dr"]
