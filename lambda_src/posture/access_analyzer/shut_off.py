"""Shut access off, and read back that it is shut off. Nothing here can grant access.

A step is announced before it changes anything, so that a change is reported however the call ends.
"""

import enum
import functools
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common import aws_errors

from .decisions import Plan, name_of
from .errors import ShutOffFailed, StillOpen, explained
from .findings import Finding
from .grants import still_granted

ALL_ON = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


READ_BACK_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between reads: S3 may show the configuration of a bucket or an access point late."""

Begin = Callable[[str], None]
"""Called with the sentence that says what a step does, before the step changes anything."""


class State(enum.Enum):
    """The result of a step."""

    DONE = "done"
    """The step shut access off."""
    NOT_NEEDED = "not needed"
    """The access was shut off already."""
    LEFT = "left"
    """The access may exist, but it is not the access of the finding."""


@dataclass(frozen=True)
class Step:
    """One change. `key` identifies it among the steps of a finding."""

    key: str
    take: Callable[[Begin], tuple[State, str]]


class Switch:
    """S3 and S3 Control of the account. `evidence_bucket` keeps the removed policies."""

    def __init__(self, s3: Any, s3control: Any, account: str, evidence_bucket: str | None) -> None:
        self._s3, self._control, self._account, self._evidence = s3, s3control, account, evidence_bucket

    def steps(self, plan: Plan, finding: Finding) -> list[Step]:
        """Return the steps of a plan. Taking one again is safe. Taking one raises ShutOffFailed and AWS's errors."""
        made = [Step(f"remove {arn}", functools.partial(self._remove, arn, finding)) for arn in plan.remove_policies]
        if plan.block_bucket:
            made.insert(0, Step(f"block {plan.block_bucket}", functools.partial(self._block, plan.block_bucket)))
        return made

    def holds(self, key: str) -> bool:
        """Return whether the access that a step was to shut off is shut off now. Change nothing."""
        kind, _, of = key.partition(" ")
        return self._settings(of) in (ALL_ON, None) if kind == "block" else self._policy(name_of(of)) is None

    def _block(self, bucket: str, begin: Begin) -> tuple[State, str]:
        with explained(f"turning on Block Public Access of {bucket}"):
            before = self._settings(bucket)
            if before is None:
                return State.NOT_NEEDED, "The bucket no longer exists."
            if before == ALL_ON:
                return State.NOT_NEEDED, "Block Public Access of the bucket was already on."
            was = ", ".join(name for name in ALL_ON if before.get(name)) or "nothing"
            said = f"Block Public Access of the bucket is on (before: {was})."
            begin(said)
            self._s3.put_public_access_block(
                Bucket=bucket, PublicAccessBlockConfiguration=ALL_ON, ExpectedBucketOwner=self._account
            )
            if not _seen(lambda: self._settings(bucket) == ALL_ON):
                raise StillOpen(f"Block Public Access of {bucket} was turned on, but is not on when read back.")
        return State.DONE, said

    def _settings(self, bucket: str) -> dict[str, bool] | None:
        """Return the bucket's settings, empty if it has none, or None if there is no such bucket."""
        from botocore.exceptions import ClientError

        try:
            answer = self._s3.get_public_access_block(Bucket=bucket, ExpectedBucketOwner=self._account)
        except ClientError as error:
            if aws_errors.name(error) == "NoSuchBucket":
                return None
            if aws_errors.name(error) != "NoSuchPublicAccessBlockConfiguration":
                raise
            return {}
        return dict(answer["PublicAccessBlockConfiguration"])

    def _remove(self, arn: str, finding: Finding, begin: Begin) -> tuple[State, str]:
        name = name_of(arn)
        with explained(f"removing the policy of the access point {name}"):
            policy = self._policy(name)
            if policy is None:
                return State.NOT_NEEDED, f"The access point {name} no longer has a policy."
            if not self._granted(name, policy, finding):
                return (
                    State.LEFT,
                    f"The policy of the access point {name} no longer grants this access: it was not removed.",
                )
            key = self._keep(name, arn, policy, finding)
            said = f"The policy of the access point {name} is removed; it is kept in s3://{self._evidence}/{key}."
            begin(said)
            self._control.delete_access_point_policy(AccountId=self._account, Name=name)
            if not _seen(lambda: self._policy(name) is None):
                raise StillOpen(f"The policy of the access point {name} was removed, but still exists when read.")
        return State.DONE, said

    @staticmethod
    def _granted(name: str, policy: str, finding: Finding) -> bool:
        try:
            return still_granted(policy, finding)
        except (AttributeError, TypeError, ValueError) as error:
            raise ShutOffFailed(
                f"The policy of the access point {name} cannot be read: remove the grant by hand."
            ) from error

    def _policy(self, name: str) -> str | None:
        from botocore.exceptions import ClientError

        try:
            answer = self._control.get_access_point_policy(AccountId=self._account, Name=name)
        except ClientError as error:
            if aws_errors.name(error) not in ("NoSuchAccessPointPolicy", "NoSuchAccessPoint"):
                raise
            return None
        return str(answer["Policy"])

    def _keep(self, name: str, arn: str, policy: str, finding: Finding) -> str:
        """Write the policy to where it can be restored from. The same policy of a finding always gets the same key."""
        digest = hashlib.sha256(policy.encode()).hexdigest()[:16]
        key = f"access-point-policies/{name}/{finding.id}-{digest}.json"
        kept = {"accessPointArn": arn, "finding": finding.id, "policy": json.loads(policy)}
        self._s3.put_object(
            Bucket=self._evidence,
            Key=key,
            Body=json.dumps(kept, indent=2).encode(),
            ContentType="application/json",
            ExpectedBucketOwner=self._account,
        )
        return key


def _seen(holds: Callable[[], bool]) -> bool:
    """Return whether `holds()` is true, now or after a few pauses."""
    for pause in READ_BACK_PAUSES:
        if holds():
            return True
        time.sleep(pause)
    return holds()
