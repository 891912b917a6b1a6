"""Promote and fail back: what the command writes, what it refuses, and what replication does before and afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from protection.secret_replication import failover
from protection.secret_replication.sync import sync
from protection.secret_replication.targets import Target

from .fakes import CURRENT, PENDING, PREVIOUS, FakeSecrets, error

TARGET = Target("dr", "eu-central-1", ("prod/",), rename_from="prod/", rename_to="dr/")
MARK, PROMOTED = "switchyard:replica-of", "switchyard:promoted"


class Sites:
    """A source and its copy, as replication leaves them."""

    def __init__(self, *names: str) -> None:
        self.here, self.there = FakeSecrets(), FakeSecrets("eu-central-1")
        self.arns = {name: self.here.add(f"prod/{name}") for name in names or ("db",)}
        self.there.add("dr/unrelated")
        self.replicate()

    def replicate(self) -> None:
        for arn in self.arns.values():
            assert sync(arn, [TARGET], self.here, lambda target: self.there)[1] == []

    def promote(self, prefix: str = "") -> dict[str, str]:
        return {line.replica: line.done for line in failover.promote(self.there, prefix)}

    def status(self) -> dict[str, str]:
        return {line.replica: line.done for line in failover.status(self.there)}

    def fail_back(self, **options: Any) -> dict[str, str]:
        asked: list[str] = []

        def source_in(region: str) -> FakeSecrets:
            asked.append(region)
            return self.here

        lines = list(failover.fail_back(self.there, source_in, **options))
        assert set(asked) <= {"eu-west-1"}
        assert [line.refused for line in lines] == [line.done.startswith("REFUSED") for line in lines]
        return {line.replica: line.done for line in lines}

    def value(self, side: FakeSecrets, name: str) -> Any:
        return side.quietly(lambda: side.get_secret_value(name))["SecretString"]


def test_a_promoted_site_keeps_its_own_password_and_fails_back_with_it() -> None:
    """The runbook: promote, write at the other site, the source's Region returns, fail back, replicate again."""
    sites = Sites()
    assert sites.promote() == {"dr/db": "promoted"}
    sites.there.put("dr/db", "theirs")
    sites.replicate()
    assert sites.value(sites.there, "dr/db") == "value of theirs"
    assert "promoted, and has a new value" in sites.status()["dr/db"]
    assert "its value is at" in sites.fail_back()["dr/db"]
    assert sites.value(sites.here, "prod/db") == "value of theirs"
    assert sites.here.secrets["prod/db"]["labels"][PREVIOUS] == "v1"
    sites.replicate()
    assert sites.there.state("dr/db") == sites.here.state("prod/db")
    assert sites.status()["dr/db"].startswith("follows arn:aws:secretsmanager:eu-west-1")
    sites.here.put("prod/db", "v3")
    sites.replicate()
    assert sites.value(sites.there, "dr/db") == "value of v3"


def test_each_command_can_be_repeated() -> None:
    sites = Sites()
    sites.promote()
    sites.there.put("dr/db", "theirs")
    assert sites.promote() == {"dr/db": "was promoted before"}
    assert sites.there.secrets["dr/db"]["tags"][PROMOTED] == "v1"
    sites.fail_back()
    assert sites.fail_back() == {}


def test_fail_back_goes_on_where_it_was_interrupted() -> None:
    for at in ("PutSecretValue", "UpdateSecretVersionStage"):
        sites = Sites()
        sites.promote()
        sites.there.put("dr/db", "theirs")

        def lost(operation: str, at: str = at) -> None:
            if operation == at:
                raise error("InternalServiceError", status=500)

        sites.here.before = lost
        assert "REFUSED" in sites.fail_back()["dr/db"]
        assert PROMOTED in sites.there.secrets["dr/db"]["tags"]
        sites.here.before = lambda operation: None
        assert "its value is at" in sites.fail_back()["dr/db"]
        assert sites.value(sites.here, "prod/db") == "value of theirs"


def test_only_replicas_with_the_prefix() -> None:
    sites = Sites("a1", "a2", "b1")
    assert list(sites.promote("dr/a")) == ["dr/a1", "dr/a2"]
    assert PROMOTED not in sites.there.secrets["dr/b1"]["tags"]
    assert list(sites.status()) == ["dr/a1", "dr/a2", "dr/b1"]
    assert list(sites.fail_back(prefix="dr/a2")) == ["dr/a2"]


def test_without_a_new_value_the_replica_gets_the_sources() -> None:
    sites = Sites()
    sites.promote()
    sites.here.put("prod/db", "v2")
    assert sites.fail_back() == {"dr/db": "follows again, had no new value"}
    sites.replicate()
    assert sites.value(sites.there, "dr/db") == "value of v2"
    assert sites.here.history["prod/db"] == ["v1", "v2"]


def test_two_new_values_are_not_merged() -> None:
    sites = Sites()
    sites.promote()
    sites.here.put("prod/db", "v2")
    sites.there.put("dr/db", "theirs")
    assert "both sides have a new value" in sites.fail_back()["dr/db"]
    assert PROMOTED in sites.there.secrets["dr/db"]["tags"]
    assert sites.fail_back(discard=True) == {"dr/db": "follows again"}
    sites.replicate()
    assert sites.value(sites.there, "dr/db") == "value of v2"


def test_a_source_that_changes_during_fail_back_keeps_its_value() -> None:
    sites = Sites()
    sites.promote()
    sites.there.put("dr/db", "theirs")

    def changed(operation: str) -> None:
        if operation == "UpdateSecretVersionStage":
            sites.here.put("prod/db", "v2")

    sites.here.before = changed
    assert "REFUSED" in sites.fail_back()["dr/db"]
    assert sites.value(sites.here, "prod/db") == "value of v2"


@pytest.mark.parametrize(("change", "says"), [({"deleted": True}, "does not exist"), (None, "does not exist")])
def test_a_source_that_is_lost_for_good(change: dict[str, Any] | None, says: str) -> None:
    sites = Sites()
    sites.promote()
    sites.there.put("dr/db", "theirs")
    if change:
        sites.here.secrets["prod/db"].update(change)
    else:
        del sites.here.secrets["prod/db"]
    refused = sites.fail_back()["dr/db"]
    assert says in refused
    assert MARK in refused


def test_a_rotation_at_the_source_is_not_disturbed() -> None:
    sites = Sites()
    sites.promote()
    sites.there.put("dr/db", "theirs")
    sites.here.put("prod/db", "v2", PENDING)
    assert "is being rotated" in sites.fail_back()["dr/db"]
    assert sites.here.secrets["prod/db"]["labels"][PENDING] == "v2"


def test_a_refusal_of_one_replica_does_not_affect_the_others() -> None:
    sites = Sites("a", "b")
    refused = sites.there.secrets["dr/a"]["arn"]
    tag = sites.there.tag_resource

    def tag_resource(SecretId: str, Tags: list[dict[str, str]]) -> dict[str, Any]:
        if SecretId == refused:
            raise error("InvalidRequestException", "The secret is marked for deletion.")
        return tag(SecretId, Tags)

    sites.there.tag_resource = tag_resource  # type: ignore[method-assign]
    done = sites.promote()
    assert "REFUSED: InvalidRequestException" in done["dr/a"]
    assert done["dr/b"] == "promoted"


def test_binary_values_go_back() -> None:
    sites = Sites()
    sites.promote()
    sites.there.put("dr/db", "theirs", value={"SecretBinary": b"\x00\xff"})
    sites.fail_back()
    assert sites.here.secrets["prod/db"]["values"]["theirs"] == {"SecretBinary": b"\x00\xff"}


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sites = Sites()
    asked: list[tuple[str | None, str]] = []

    def client(profile: str | None, region: str) -> FakeSecrets:
        asked.append((profile, region))
        return sites.there if region == "eu-central-1" else sites.here

    monkeypatch.setattr(failover, "_client", client)
    there = ["--region", "eu-central-1", "--profile", "dr"]
    assert failover.main(["promote", *there]) == 0
    assert capsys.readouterr().out == "dr/db: promoted\n"
    sites.there.put("dr/db", "theirs")
    sites.here.put("prod/db", "v2")
    assert failover.main(["fail-back", *there, "--source-profile", "main"]) == 1
    assert asked[-1] == ("main", "eu-west-1")
    assert "theirs" not in capsys.readouterr().out
    assert failover.main(["fail-back", *there, "--discard"]) == 0
    assert failover.main(["status", *there]) == 0
    assert sites.value(sites.there, "dr/db") == "value of theirs"
    assert sites.there.secrets["dr/db"]["labels"][CURRENT] == "theirs"

    def deny(operation: str) -> None:
        raise error("AccessDeniedException", "not authorized to perform: secretsmanager:ListSecrets")

    sites.there.before = deny
    assert failover.main(["status", *there]) == 1
    assert "Denied while listing the replicas" in capsys.readouterr().err
