"""Make the replicas of one secret equal to it, with as few calls as possible.

A change needs DescribeSecret of the source before and after, one GetSecretValue, and for each target DescribeSecret,
PutSecretValue and UpdateSecretVersionStage. A secret that is in sync needs DescribeSecret once on each side.
"""

from collections.abc import Callable
from typing import Any

from .errors import Diverged, Refused, ReplicationError, Stale, Transient, translated
from .plan import Create, Describe, Move, Put, Step, Tag, Untag, plan
from .secrets import CURRENT, PENDING, Secret
from .targets import Target

ROUNDS = 5
ClientOf = Callable[[Target], Any]
NOT_FOUND = "ResourceNotFoundException"


class Values:
    """Values of the source's versions. Each is read once, and only if a replica lacks it."""

    def __init__(self, client: Any, source: Secret) -> None:
        self._client, self._source = client, source
        self._read: dict[str, dict[str, Any]] = {}
        self._confirmed = False

    def get(self, version: str) -> dict[str, Any]:
        """Return {"SecretString": text} or {"SecretBinary": bytes}. Raise Stale if the current version has changed."""
        if version == self._source.labels[CURRENT]:
            self.confirm(version)
        elif version not in self._read:
            self._fetch(VersionId=version)
        return self._read[version]

    def confirm(self, version: str) -> None:
        """Check, by a read after the targets were read, that `version` is still the source's current version.

        Without this check, a delayed call could revert a replica to an older version. Raise Stale if it has changed.
        """
        if not self._confirmed and self._fetch(VersionStage=CURRENT) != version:
            raise Stale(f"{self._source.name} changed since it was described.")
        self._confirmed = True

    def _fetch(self, **which: str) -> str:
        with translated(f"reading {self._source.name}", NOT_FOUND):
            answer = self._client.get_secret_value(SecretId=self._source.arn, **which)
        version: str = answer["VersionId"]
        self._read[version] = {name: answer[name] for name in ("SecretString", "SecretBinary") if name in answer}
        return version


def describe(client: Any, secret_id: str, where: str) -> Secret | None:
    """Return the secret, or None if it does not exist."""
    with translated(f"describing {secret_id} {where}"):
        try:
            return Secret.of(client.describe_secret(SecretId=secret_id))
        except client.exceptions.ResourceNotFoundException:
            return None


def sync(
    secret_id: str, targets: list[Target], source_client: Any, client_of: ClientOf
) -> tuple[dict[str, int], list[ReplicationError]]:
    """Copy the secret to each target that selects it. Return the number of steps by target, and the errors.

    An error at one target does not affect the other targets. A paused target is left out. Unexpected errors pass.
    """
    pending, last = list(targets), Stale()
    done: dict[str, int] = {}
    errors: list[ReplicationError] = []
    for _ in range(ROUNDS):
        source = describe(source_client, secret_id, "at the source")
        if source is None:
            return done, errors
        values = Values(source_client, source)
        plans: dict[Target, list[Step]] = {}
        for target in pending:  # all targets are read before the first value: see Values.confirm
            if target.selects(source.name, source.tags) and not target.paused:
                try:
                    plans[target] = _plan(source, target, client_of)
                except (Refused, Transient) as error:
                    errors.append(error)
        pending, written = [], []
        for target, steps in plans.items():
            try:
                _apply(steps, source, target, client_of(target), values)
                done[target.name] = done.get(target.name, 0) + len(steps)
                if steps:
                    written.append(target)
            except Stale as error:
                pending.append(target)
                last = error
            except (Refused, Transient) as error:
                errors.append(error)
        # While this call was delayed, another call may have copied a newer source, which this call has now reverted.
        if written and describe(source_client, secret_id, "at the source") != source:
            pending += written
            last = Stale(f"{source.name} changed while it was copied.")
        if not pending:
            return done, errors
    return done, [*errors, Transient(f"{secret_id} kept changing while it was copied: {last}")]


def _plan(source: Secret, target: Target, client_of: ClientOf) -> list[Step]:
    name = target.replica_name(source.name)
    return plan(source, describe(client_of(target), name, f"at target {target.name}"), target)


def _apply(steps: list[Step], source: Secret, target: Target, client: Any, values: Values) -> None:
    name = target.replica_name(source.name)
    doing = f"writing {name} at target {target.name}"
    for step in steps:
        match step:
            case Create(version, description, tags):
                optional: dict[str, Any] = {"Description": description} if description else {}
                if source.key:
                    optional["KmsKeyId"] = target.kms_key_arn
                value = values.get(version)
                with translated(doing, "ResourceExistsException", value=True):
                    client.create_secret(Name=name, ClientRequestToken=version, Tags=_tags(tags), **value, **optional)
            case Put(version, label, source_version):
                value = values.get(version)
                with translated(doing, NOT_FOUND, value=True):
                    try:
                        answer = client.put_secret_value(
                            SecretId=name, ClientRequestToken=version, VersionStages=[label], **value
                        )
                    except client.exceptions.ResourceExistsException as error:
                        raise Diverged(
                            f"{name} at target {target.name} has a version {version} with another value "
                            "than the source: put a new value at the source, or delete the replica to create it again."
                        ) from error
                # If the version already exists without labels, AWS ignores the request: add the label.
                if label != PENDING and label not in answer.get("VersionStages", [label]):
                    _move(client, name, doing, Move(label, version, source_version))
            case Move():
                if step.label == CURRENT:
                    values.confirm(str(step.version))
                _move(client, name, doing, step)
            case Describe(text):
                with translated(doing, NOT_FOUND):
                    client.update_secret(SecretId=name, Description=text)
            case Tag(tags):
                with translated(doing, NOT_FOUND):
                    client.tag_resource(SecretId=name, Tags=_tags(tags))
            case Untag(keys):
                with translated(doing, NOT_FOUND):
                    client.untag_resource(SecretId=name, TagKeys=list(keys))


def _move(client: Any, name: str, doing: str, step: Move) -> None:
    """Move a label. Raise Stale if Secrets Manager refuses because the label has moved since it was planned."""
    to = {"MoveToVersionId": step.version} if step.version else {}
    source = {"RemoveFromVersionId": step.source} if step.source else {}
    with translated(doing, NOT_FOUND, "InvalidParameterException", "InvalidRequestException"):
        client.update_secret_version_stage(SecretId=name, VersionStage=step.label, **to, **source)


def _tags(tags: Any) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
