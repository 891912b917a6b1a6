"""Plan the steps that make a replica equal to its source. The same two secrets always give the same steps."""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import KeyKindMismatch, NotAReplica, SourceUnusable, TargetUnusable
from .secrets import CURRENT, PENDING, PREVIOUS, SOURCE_TAG, Secret
from .targets import Target


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

    Raise KeyKindMismatch, NotAReplica, SourceUnusable or TargetUnusable.
    """
    wanted = {label: version for label, version in source.labels.items() if label != PENDING}
    if source.deleted or source.source or CURRENT not in wanted:
        return []
    check(source, replica, target)
    tags = {key: value for key, value in source.tags.items() if not key.startswith("aws:")}
    tags[SOURCE_TAG] = source.arn
    if replica is None:
        create = Create(wanted[CURRENT], source.description, tags)
        return [create, *_labels(wanted, {CURRENT: wanted[CURRENT]})]
    steps = _labels(wanted, replica.labels)
    if replica.description != source.description:
        steps.append(Describe(source.description))
    changed = {key: value for key, value in tags.items() if replica.tags.get(key) != value}
    if changed:
        steps.append(Tag(changed))
    extra = tuple(sorted(key for key in replica.tags if key not in tags and not key.startswith("aws:")))
    if extra:
        steps.append(Untag(extra))
    return steps


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
