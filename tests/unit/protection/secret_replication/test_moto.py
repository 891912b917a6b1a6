"""Acceptance tests with real clients and parameter checks, against moto's Secrets Manager in two Regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from protection.secret_replication.sync import sync
from protection.secret_replication.targets import Target


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield tuple(boto3.client("secretsmanager", region_name=r) for r in ("us-east-1", "eu-west-1"))


def test_create_change_and_repeat(sides: tuple[Any, Any]) -> None:
    here, there = sides
    target = Target("dr", "eu-west-1", ("replica/",))
    arn = here.create_secret(Name="replica/myexamplereplica", SecretString="one")["ARN"]

    def copy() -> None:
        assert sync(arn, [target], here, lambda t: there)[1] == []

    def same() -> tuple[Any, Any]:
        # Without a label, moto returns the latest version, not the current one.
        found = [s.get_secret_value(SecretId="replica/myexamplereplica", VersionStage="AWSCURRENT") for s in sides]
        return tuple((f["VersionId"], f["SecretString"], f["VersionStages"]) for f in found)  # type: ignore[return-value]

    copy()
    first = same()
    assert first[0] == first[1]
    version = here.put_secret_value(SecretId=arn, SecretString="two")["VersionId"]
    copy()
    copy()
    (source, replica) = same()
    assert source[:2] == replica[:2] == (version, "two")
    assert "AWSCURRENT" in replica[2]
    versions = there.describe_secret(SecretId="replica/myexamplereplica")["VersionIdsToStages"]
    assert [v for v, labels in versions.items() if "AWSPREVIOUS" in labels] == [first[0][0]]
