"""The scheduled handler: differences are reported, counted and queued; equal secrets cause no calls."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from protection.secret_replication import errors, reconcile, replicate

from .conftest import logged, metrics
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
    assert {line["secret"] for line in logged(caplog, reconcile.DRIFTED)} == set(names)
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
