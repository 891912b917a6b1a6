"""sync: the copies, the number of calls, the refusals, and that no replica reverts to an older version."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from protection.secret_replication import errors
from protection.secret_replication.sync import sync
from protection.secret_replication.targets import Target

from .fakes import CURRENT, KEY, KEY_THERE, PENDING, PREVIOUS, FakeSecrets, error

DR = Target("dr", "eu-central-1", ("prod/",), kms_key_arn=KEY_THERE)
MARK = "switchyard:replica-of"


class Pair:
    """A source and the secrets of its targets."""

    def __init__(self, *targets: Target) -> None:
        self.source = FakeSecrets()
        self.targets = list(targets or (DR,))
        self.there = {t.name: FakeSecrets(t.region) for t in self.targets}
        self.arn = ""

    @property
    def replica(self) -> FakeSecrets:
        return self.there["dr"]

    def sync(self, secret_id: str = "") -> tuple[dict[str, int], list[errors.ReplicationError]]:
        return sync(secret_id or self.arn, self.targets, self.source, lambda t: self.there[t.name])

    def copied(self, name: str = "prod/db", there: str = "prod/db") -> None:
        _, failed = self.sync()
        assert not failed
        assert self.replica.state(there) == self.source.state(name)


def pair(**options: Any) -> Pair:
    made = Pair()
    made.arn = made.source.add("prod/db", **options)
    return made


def refusal(made: Pair) -> errors.ReplicationError:
    before = {name: secret.state("prod/db") for name, secret in made.there.items()}
    _, (failed,) = made.sync()
    assert {name: secret.state("prod/db") for name, secret in made.there.items()} == before
    return failed


def test_a_missing_replica_is_created_with_the_sources_version_id() -> None:
    """Specification: the first run creates a replica with the same value and AWSCURRENT on the same version ID."""
    made = pair(description="Main", tags={"Team": "pay"}, key=KEY)
    made.copied()
    secret = made.replica.secrets["prod/db"]
    assert secret["labels"][CURRENT] == "v1"
    assert secret["KmsKeyId"] == KEY_THERE
    assert secret["tags"] == {"Team": "pay", MARK: made.arn}


def test_defect_a_secret_without_description_key_and_tags_is_created() -> None:
    """The source architecture read secretMeta['KmsKeyId'] and ['Description'], which the API can omit: KeyError."""
    made = pair()
    made.copied()
    assert made.replica.secrets["prod/db"]["KmsKeyId"] is None


def test_defect_binaries_are_copied() -> None:
    made = pair(value={"SecretBinary": b"\x00\xff"})
    made.copied()
    made.source.put("prod/db", "v2", value={"SecretBinary": b"\x01"})
    made.copied()


def test_defect_tags_and_description_follow() -> None:
    made = pair(description="Old", tags={"Team": "pay", "aws:cloudformation:stack-name": "s"})
    made.sync()
    assert set(made.replica.secrets["prod/db"]["tags"]) == {"Team", MARK}
    made.source.secrets["prod/db"].update(Description="", tags={"Owner": "ledger"})
    made.copied()


def test_defect_labels_are_moved_when_the_value_was_put_but_the_call_ended_there() -> None:
    made = pair()
    made.sync()
    made.source.put("prod/db", "v2")
    made.replica.put("prod/db", "v2", PENDING)
    made.copied()
    assert made.replica.calls.count("PutSecretValue") == 0


def test_custom_labels_and_the_previous_version_are_copied_and_a_rotation_under_way_is_not() -> None:
    made = pair()
    made.source.put("prod/db", "v2")
    made.source.put("prod/db", "v3", "CANDIDATE")
    made.source.put("prod/db", "v4", PENDING)
    made.copied()
    assert set(made.replica.secrets["prod/db"]["labels"]) == {CURRENT, PREVIOUS, "CANDIDATE"}
    made.source.put("prod/db", "v3", CURRENT)
    del made.source.secrets["prod/db"]["labels"]["CANDIDATE"]
    made.copied()


def test_a_change_costs_six_calls_and_a_repeated_event_two() -> None:
    made = pair(key=KEY)
    made.sync()
    made.source.put("prod/db", "v2")
    made.source.calls.clear()
    made.replica.calls.clear()
    made.copied()
    assert made.source.calls == ["DescribeSecret", "GetSecretValue", "DescribeSecret"]
    assert made.replica.calls == ["DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage"]
    made.sync()
    assert made.source.calls[3:] == ["DescribeSecret"]
    assert made.replica.calls[3:] == ["DescribeSecret"]


def test_a_second_target_costs_no_second_reading_of_the_value() -> None:
    made = Pair(DR, dataclasses.replace(DR, name="vault"))
    made.arn = made.source.add("prod/db", key=KEY)
    assert made.sync()[0] == {"dr": 1, "vault": 1}
    assert made.source.calls == ["DescribeSecret", "GetSecretValue", "DescribeSecret"]


def test_names_are_changed_by_prefix_and_one_by_one() -> None:
    made = Pair(dataclasses.replace(DR, rename_from="prod/", rename_to="dr/", secret_names={"prod/x": "y", "z": "w"}))
    for name, there in (("prod/db", "dr/db"), ("prod/x", "y"), ("z", "w")):
        made.arn = made.source.add(name)
        made.copied(name, there)


@pytest.mark.parametrize(
    ("name", "tags", "copied"),
    [
        ("prod/db", {"Dr": "yes"}, True),
        ("prod/db", {"Dr": "no"}, False),
        ("prod/db", {}, False),
        ("x", {"Dr": "yes"}, False),
    ],
)
def test_only_selected_secrets_are_copied(name: str, tags: dict[str, str], copied: bool) -> None:
    made = Pair(dataclasses.replace(DR, secret_tags={"Dr": "yes"}))
    made.arn = made.source.add(name, tags=tags)
    made.sync()
    assert bool(made.replica.secrets) is copied
    assert copied or made.replica.calls == []


HERE = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/other-AbCdEf"
THERE = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/db-AbCdEf"
ELSEWHERE = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbCdEf"


def test_secrets_without_value_deleted_secrets_and_replicas_are_not_copied() -> None:
    """A replica goes neither back to where it is from nor next to its source, which has targets of its own."""
    changes: list[dict[str, Any]] = [{"labels": {}}, {"deleted": True}, {"tags": {MARK: HERE}}, {"tags": {MARK: THERE}}]
    for change in changes:
        made = pair()
        made.source.secrets["prod/db"].update(change)
        assert made.sync() == ({"dr": 0}, [])
        assert made.replica.secrets == {}
    assert pair().sync("prod/gone") == ({}, [])


@pytest.mark.parametrize("origin", [ELSEWHERE, "arn:aws:x:::secret:s", "", THERE.replace("1111", "2222")])
def test_a_replica_is_not_copied_on_and_the_refusal_says_so(origin: str) -> None:
    """Also a secret that a user gave the tag by mistake."""
    made = pair(tags={MARK: origin})
    failed = refusal(made)
    assert isinstance(failed, errors.SourceUnusable)
    assert "has the tag switchyard:replica-of" in str(failed)


def test_a_source_that_gets_the_tag_after_it_was_copied_is_refused() -> None:
    made = pair()
    made.sync()
    made.source.secrets["prod/db"]["tags"][MARK] = HERE
    assert "remove the tag" in str(refusal(made))


def test_fifty_tags_leave_no_room_for_the_replicas_own() -> None:
    """The value is copied nevertheless, and AWS's own tags take no room."""
    tags = {f"t{n:02d}": "x" for n in range(50)} | {"aws:rds:primaryDBInstanceArn": "a"}
    made = pair(tags=tags)
    assert made.sync() == ({"dr": 1}, [])
    kept = set(made.replica.secrets["prod/db"]["tags"])
    assert kept == {MARK, *(f"t{n:02d}" for n in range(49))}
    assert made.sync() == ({"dr": 0}, [])


def test_tags_make_room_before_others_are_added() -> None:
    made = pair(tags={f"old{n}": "x" for n in range(49)})
    made.sync()
    made.source.secrets["prod/db"]["tags"] = {f"new{n}": "x" for n in range(49)}
    made.copied()


RDS = "rds!db-1f2e3d4c"


def test_a_secret_of_a_service_needs_another_name_for_its_replica() -> None:
    made = Pair(Target("dr", "eu-central-1", ("",), {"Dr": "yes"}))
    made.arn = made.source.add(RDS, tags={"Dr": "yes", "aws:rds:primaryDBInstanceArn": "a"})
    made.source.secrets[RDS].update(OwningService="rds", rotates=True)
    failed = refusal(made)
    assert isinstance(failed, errors.SourceUnusable)
    assert "belongs to rds" in str(failed)
    made.targets = [dataclasses.replace(made.targets[0], secret_names={RDS: "dr/master"})]
    assert made.sync() == ({"dr": 1}, [])
    there = made.replica.state("dr/master")
    assert there == made.source.state(RDS) | {"tags": {"Dr": "yes"}}  # type: ignore[operator]


def test_a_native_primary_can_be_a_replica() -> None:
    """Its own native replicas are elsewhere, and it can be written."""
    made = pair()
    made.sync()
    made.replica.secrets["prod/db"]["PrimaryRegion"] = "eu-central-1"
    made.source.put("prod/db", "v2")
    made.copied()


PROMOTED = "switchyard:promoted"


@pytest.mark.parametrize("change", [{}, {"rotates": True}, {"deleted": True}, {"KmsKeyId": KEY_THERE}])
def test_a_promoted_replica_is_left_alone(change: dict[str, Any]) -> None:
    made = pair()
    made.sync()
    made.replica.secrets["prod/db"]["tags"][PROMOTED] = "v1"
    made.replica.secrets["prod/db"].update(change)
    made.replica.put("prod/db", "theirs")
    made.source.put("prod/db", "v2")
    before = made.replica.state("prod/db")
    assert made.sync() == ({"dr": 0}, [])
    assert made.replica.state("prod/db") == before


def test_a_copy_under_way_does_not_revert_a_replica_that_is_promoted_meanwhile() -> None:
    for held_before in ("PutSecretValue", "UpdateSecretVersionStage"):
        made = pair()
        made.sync()
        made.source.put("prod/db", "v2")

        def promoted(operation: str, made: Pair = made, held_before: str = held_before) -> None:
            if operation == held_before:
                made.replica.before = lambda operation: None
                made.replica.secrets["prod/db"]["tags"][PROMOTED] = "v1"
                made.replica.put("prod/db", "theirs")

        made.replica.before = promoted
        assert made.sync()[1] == []
        assert made.replica.secrets["prod/db"]["labels"][CURRENT] == "theirs"


def test_the_tag_of_a_promoted_replica_is_not_copied_on() -> None:
    made = pair(tags={PROMOTED: "v0", "Team": "pay"})
    made.sync()
    assert set(made.replica.secrets["prod/db"]["tags"]) == {MARK, "Team"}


def test_a_paused_target_is_left_out() -> None:
    made = Pair(dataclasses.replace(DR, name="vault", paused=True), DR)
    made.arn = made.source.add("prod/db")
    assert made.sync() == ({"dr": 1}, [])
    assert made.there["vault"].calls == []


def test_key_kinds_must_match() -> None:
    """Specification: both keys are customer managed or both are AWS managed; otherwise there is a clear error."""
    made = Pair(dataclasses.replace(DR, kms_key_arn=None))
    made.arn = made.source.add("prod/db", key=KEY)
    failed = refusal(made)
    assert isinstance(failed, errors.KeyKindMismatch)
    assert "set kms_key_arn of that target to a key in eu-central-1" in str(failed)

    made = pair()
    made.sync()
    made.source.secrets["prod/db"]["KmsKeyId"] = KEY
    made.source.put("prod/db", "v2")
    failed = refusal(made)
    assert isinstance(failed, errors.KeyKindMismatch)
    assert "update-secret --kms-key-id" in str(failed)

    made = pair(key=KEY)
    made.sync()
    made.source.secrets["prod/db"]["KmsKeyId"] = None
    assert isinstance(refusal(made), errors.KeyKindMismatch)


def test_a_replica_with_a_key_other_than_the_targets_is_refused() -> None:
    made = pair(key=KEY)
    made.sync()
    for other, refused in ((KEY, True), ("alias/dr", False), (KEY_THERE.rpartition("/")[2], False)):
        made.replica.secrets["prod/db"]["KmsKeyId"] = other
        assert bool(made.sync()[1]) is refused


def test_an_unmanaged_secret_is_overwritten_only_with_force_overwrite() -> None:
    made = pair()
    made.replica.add("prod/db", "x1")
    assert isinstance(refusal(made), errors.NotAReplica)
    made.targets = [dataclasses.replace(DR, force_overwrite=True)]
    made.copied()
    made.replica.secrets["prod/db"]["tags"][MARK] = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-AbCdEf"
    assert isinstance(refusal(made), errors.NotAReplica)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"deleted": True}, "awaits deletion"),
        ({"PrimaryRegion": "us-east-1"}, "native"),
        ({"rotates": True}, "has its own rotation"),
        ({"OwningService": "redshift"}, "belongs to redshift"),
    ],
)
def test_a_replica_that_cannot_be_written_is_reported(change: dict[str, Any], says: str) -> None:
    made = pair()
    made.sync()
    made.replica.secrets["prod/db"].update(change)
    failed = refusal(made)
    assert isinstance(failed, errors.TargetUnusable)
    assert says in str(failed)


def test_a_secret_is_not_its_own_replica() -> None:
    made = pair()
    made.there["dr"] = made.source
    assert isinstance(refusal(made), errors.SourceUnusable)


def test_a_version_id_with_another_value_is_refused() -> None:
    made = pair()
    made.sync()
    made.source.put("prod/db", "v2")
    made.replica.secrets["prod/db"]["values"]["v2"] = {"SecretString": "other"}
    assert isinstance(refusal(made), errors.Diverged)


def test_a_failing_target_does_not_affect_the_other() -> None:
    made = Pair(dataclasses.replace(DR, name="bad", kms_key_arn=None), DR)
    made.arn = made.source.add("prod/db", key=KEY)
    done, failed = made.sync()
    assert done == {"dr": 1}
    assert [type(e) for e in failed] == [errors.KeyKindMismatch]


@pytest.mark.parametrize(
    ("raised", "becomes"),
    [
        (error("ThrottlingException"), errors.Transient),
        (error("InternalFailure", status=500), errors.Transient),
        (error("AccessDeniedException", "not authorized to perform: secretsmanager:PutSecretValue"), errors.Denied),
        (error("AccessDeniedException", "Access to KMS is not allowed"), errors.Denied),
        (error("EncryptionFailure"), errors.Denied),
        (error("LimitExceededException", "The quota."), errors.Rejected),
        (error("InvalidParameterException", "No."), errors.Rejected),
    ],
)
def test_errors_of_aws_are_typed(raised: Exception, becomes: type[Exception]) -> None:
    made = pair()

    def fail(operation: str) -> None:
        if operation == "CreateSecret":
            raise raised

    made.replica.before = fail
    assert isinstance(made.sync()[1][0], becomes)
    made.replica.before = lambda operation: None
    made.copied()


def test_a_refusal_of_aws_is_named_with_code_and_reason_but_without_the_value() -> None:
    """A ValidationException quotes parameters, and in some calls one of them is the value."""
    made = pair(value={"SecretString": "hunter2"})

    def fail(operation: str) -> None:
        raise error("ValidationException", "Value 'hunter2' at 'secretString' failed to satisfy constraint")

    made.replica.before = fail
    assert "ValidationException while describing prod/db at target dr: Value" in str(made.sync()[1][0])
    made.replica.before = lambda operation: fail(operation) if operation == "CreateSecret" else None
    assert str(made.sync()[1][0]) == "ValidationException while writing prod/db at target dr"


def test_unexpected_errors_pass() -> None:
    made = pair()

    def fail(operation: str) -> None:
        raise KeyError("Name")

    made.replica.before = fail
    with pytest.raises(KeyError):
        made.sync()


def test_a_late_call_cannot_revert_a_replica() -> None:
    """A call reads v2 and is delayed; another copies v3; the first then fails to move the label and reads again."""
    for held_before in ("DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage"):
        made = pair()
        made.sync()
        made.source.put("prod/db", "v2")

        def overtaken(operation: str, made: Pair = made, held_before: str = held_before) -> None:
            if operation == held_before:
                made.replica.before = lambda operation: None
                made.source.put("prod/db", "v3")
                made.copied()

        made.replica.before = overtaken
        made.copied()
        assert made.replica.history["prod/db"] == ["v1", "v3"]


def test_a_source_that_keeps_changing_is_retried_later() -> None:
    made = pair()
    made.sync()
    made.source.put("prod/db", "v2")
    count = 2

    def change(operation: str) -> None:
        nonlocal count
        if operation == "DescribeSecret":
            count += 1
            made.source.put("prod/db", f"v{count}")

    made.replica.before = change
    failed = made.sync()[1]
    assert isinstance(failed[0], errors.Transient)
    assert "kept changing" in str(failed[0])


def test_a_replica_made_by_another_call_meanwhile_is_read_again() -> None:
    made = pair()

    def race(operation: str) -> None:
        if operation == "CreateSecret":
            made.replica.before = lambda operation: None
            made.copied()

    made.replica.before = race
    made.copied()


def test_a_rollback_at_the_source_is_followed() -> None:
    made = pair()
    made.source.put("prod/db", "v2")
    made.sync()
    made.source.put("prod/db", "v1")
    made.copied()
    made.source.put("prod/db", "v3")
    made.source.put("prod/db", "v4")
    made.sync()
    made.source.put("prod/db", "v1")  # this version no longer has a label at the replica
    made.copied()
