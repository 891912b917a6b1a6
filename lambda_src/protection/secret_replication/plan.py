"""Plan the steps that make a replica equal to its source. The same two secrets always give the same steps."""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import KeyKindMismatch, NotAReplica, SourceUnusable, TargetUnusable
from .secrets import CURRENT, OWN_TAGS, PENDING, PREVIOUS, SOURCE_TAG, Secret, place
from .targets import Target

MAX_TAGS = 50  # of a user: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html


@dataclass(frozen=True)
class Create:
    """Create the secret, with `version` as its only version."""

    version: str
    description: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Put:
    """Put the value of a missing version under `label`, which version `source` has now (None: no version)."""

    version: str
    label: str
    source: str | None


@dataclass(frozen=True)
class Move:
    """Move `label` from version `source` (None: no version) to `version` (None: remove the label)."""

    label: str
    version: str | None
    source: str | None


@dataclass(frozen=True)
class Describe:
    """Set the description."""

    text: str


@dataclass(frozen=True)
class Tag:
    """Add or change tags."""

    tags: Mapping[str, str]


@dataclass(frozen=True)
class Untag:
    """Remove tags."""

    keys: tuple[str, ...]


Step = Create | Put | Move | Describe | Tag | Untag


def plan(source: Secret, replica: Secret | None, target: Target) -> list[Step]:
    """Return the steps from `replica` to a copy of `source`; none if they are equal or the source has no value yet.

    AWSPENDING is not copied, because it marks a rotation in progress. A new current value is put under AWSPENDING and
    becomes current by a move from the version that was current when the replica was read. If another call has moved
    the label meanwhile, Secrets Manager refuses the move, so a late event cannot revert a replica to an older version.
    A promoted replica is its own master: it is left alone, whatever state it is in.

    Raise KeyKindMismatch, NotAReplica, SourceUnusable or TargetUnusable.
    """
    wanted = {label: version for label, version in source.labels.items() if label != PENDING}
    if (replica and replica.promoted is not None) or excluded(source, replica, target):
        return []
    check(source, replica, target)
    tags = {SOURCE_TAG: source.arn, **{key: source.tags[key] for key in copied_tags(source)[0]}}
    if replica is None:
        create = Create(wanted[CURRENT], source.description, tags)
        return [create, *_labels(wanted, {CURRENT: wanted[CURRENT]})]
    steps = _labels(wanted, replica.labels)
    if replica.description != source.description:
        steps.append(Describe(source.description))
    extra = tuple(sorted(key for key in replica.tags if key not in tags and not key.startswith("aws:")))
    if extra:
        steps.append(Untag(extra))  # first, so that there is room for the others
    changed = {key: value for key, value in tags.items() if replica.tags.get(key) != value}
    if changed:
        steps.append(Tag(changed))
    return steps


def excluded(source: Secret, replica: Secret | None, target: Target) -> str | None:
    """Return why a selected source needs no replica now, or None if it needs one."""
    if source.deleted:
        return "It awaits deletion."
    if CURRENT not in source.labels:
        return "It has no value yet."
    origin = None if source.source is None else place(source.source)
    if origin in (source.place, target.place(source.place[1])) and not (replica and replica.source == source.arn):
        return f"It is itself a replica of {source.source}, which is replicated from where it is."
    return None


def copied_tags(source: Secret) -> tuple[list[str], list[str]]:
    """Return the keys of the source's tags that a replica gets, and of those for which it has no room.

    A replica has one tag of its own. AWS's own tags (`aws:`) cannot be written and do not count.
    """
    keys = sorted(key for key in source.tags if not key.startswith("aws:") and key not in OWN_TAGS)
    return keys[: MAX_TAGS - 1], keys[MAX_TAGS - 1 :]


def _labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> list[Step]:
    """Return the steps that give each version its labels: AWSCURRENT first, because it moves AWSPREVIOUS too."""
    state = dict(labels)
    steps: list[Step] = []
    known = set(state.values())
    for label in sorted(wanted, key=lambda name: (name != CURRENT, name)):
        version = wanted[label]
        if version not in known:
            put = PENDING if label == CURRENT else label
            steps.append(Put(version, put, state.get(put)))
            state[put] = version
            known.add(version)
        if state.get(label) != version:
            steps.append(Move(label, version, state.get(label)))
            if label == CURRENT and CURRENT in state:
                state[PREVIOUS] = state[CURRENT]
            state[label] = version
    extra = sorted(state.keys() - wanted.keys())
    kept = PENDING if state.get(PENDING) == wanted[CURRENT] else None
    return [*steps, *(Move(label, None, state[label]) for label in extra if label != kept)]


def check(source: Secret, replica: Secret | None, target: Target) -> None:
    """Raise the error that prevents a copy of `source`, before any change is made."""
    if source.source is not None:
        raise SourceUnusable(
            f"{source.name} has the tag {SOURCE_TAG}, as a replica of {source.source}, and replicas are not copied on: "
            f"add target {target.name} where its source is or, if it is not a replica, remove the tag."
        )
    if "!" in target.replica_name(source.name):
        raise SourceUnusable(
            f"{source.name} belongs to {source.owner or 'a service'}, and no other secret can have a name with `!`: "
            f"give its replica another name (secret_names or rename_prefix of target {target.name})."
        )
    if source.key and not target.kms_key_arn:
        raise KeyKindMismatch(
            f"{source.name} is encrypted with a customer managed key, and target {target.name} has none: set "
            f"kms_key_arn of that target to a key in {target.region}, or encrypt the secret with aws/secretsmanager."
        )
    if replica is None:
        return
    if replica.arn == source.arn:
        raise SourceUnusable(f"{source.name} would be a replica of itself: rename it at target {target.name}.")
    if replica.deleted:
        raise TargetUnusable(
            f"{replica.name} at target {target.name} awaits deletion: restore it, or delete it without recovery."
        )
    if replica.owner:
        raise TargetUnusable(
            f"{replica.name} at target {target.name} belongs to {replica.owner}, which alone may change it: rename the "
            "secret at the target."
        )
    if replica.primary_region and replica.primary_region != replica.region:
        raise TargetUnusable(
            f"{replica.name} at target {target.name} is a read-only native replica of a secret in "
            f"{replica.primary_region}: remove that replication, or rename the secret at the target."
        )
    if replica.source is None and not target.force_overwrite:
        raise NotAReplica(
            f"{replica.name} exists at target {target.name} and was not created by this replication: rename the secret "
            "at the target, or set force_overwrite of the target to overwrite it."
        )
    if replica.source not in (None, source.arn):
        raise NotAReplica(
            f"{replica.name} at target {target.name} is the replica of {replica.source}: give {source.name} another "
            f"name there or, if that source no longer exists, remove the tag {SOURCE_TAG}."
        )
    if replica.rotates:
        raise TargetUnusable(f"{replica.name} at target {target.name} has its own rotation: cancel that rotation.")
    _check_keys(source, replica, target)


def _check_keys(source: Secret, replica: Secret, target: Target) -> None:
    if bool(source.key) != bool(replica.key):
        kinds = {True: "a customer managed key", False: "aws/secretsmanager"}
        raise KeyKindMismatch(
            f"{source.name} is encrypted with {kinds[bool(source.key)]}, {replica.name} at target {target.name} with "
            f"{kinds[bool(replica.key)]}: change the key of one of them (update-secret --kms-key-id)."
        )
    if replica.key and target.kms_key_arn and not _same_key(replica.key, target.kms_key_arn):
        raise KeyKindMismatch(
            f"{replica.name} at target {target.name} is encrypted with {replica.key}, not with the target's "
            f"kms_key_arn: run update-secret --kms-key-id {target.kms_key_arn}, or correct kms_key_arn."
        )


def _same_key(key: str, arn: str) -> bool:
    """Return true if `key` (ARN, ID or alias) can be the key `arn`. An alias is not resolved and counts as a match."""
    return "alias/" in key or key.rpartition("/")[2] == arn.rpartition("/")[2]
