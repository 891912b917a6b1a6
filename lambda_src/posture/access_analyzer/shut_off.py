"""Shut access off, and read back that it is shut off. Nothing here can grant access."""

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

from common import aws_errors

from .decisions import Plan, name_of
from .errors import StillOpen, explained
from .findings import Finding

ALL_ON = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


READ_BACK_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between reads: S3 may show the configuration of a bucket or an access point late."""


class Switch:
    """S3 and S3 Control of the account. `evidence_bucket` keeps the removed policies."""

    def __init__(self, s3: Any, s3control: Any, account: str, evidence_bucket: str | None) -> None:
        self._s3, self._control, self._account, self._evidence = s3, s3control, account, evidence_bucket

    def carry_out(self, plan: Plan, finding: Finding) -> list[str]:
        """Carry out the plan; repeating it is safe. Return what was done, in sentences. Raise ShutOffFailed."""
        done = []
        if plan.block_bucket:
            done.append(self._block(plan.block_bucket))
        done += [self._remove(arn, finding) for arn in plan.remove_policies]
        return done

    def _block(self, bucket: str) -> str:
        owner = {"ExpectedBucketOwner": self._account}
        with explained(f"turning on Block Public Access of {bucket}"):
            before = self._settings(bucket)
            if before == ALL_ON:
                return "Block Public Access of the bucket was already on."
            self._s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=ALL_ON, **owner)
            if not _seen(lambda: self._settings(bucket) == ALL_ON):
                raise StillOpen(f"Block Public Access of {bucket} was turned on, but is not on when read back.")
        was = ", ".join(name for name in ALL_ON if before.get(name)) or "nothing"
        return f"Block Public Access of the bucket is on (before: {was})."

    def _settings(self, bucket: str) -> dict[str, bool]:
        from botocore.exceptions import ClientError

        try:
            answer = self._s3.get_public_access_block(Bucket=bucket, ExpectedBucketOwner=self._account)
        except ClientError as error:
            if aws_errors.name(error) != "NoSuchPublicAccessBlockConfiguration":
                raise
            return {}
        return dict(answer["PublicAccessBlockConfiguration"])

    def _remove(self, arn: str, finding: Finding) -> str:
        name = name_of(arn)
        with explained(f"removing the policy of the access point {name}"):
            policy = self._policy(name)
            if policy is None:
                return f"The access point {name} no longer has a policy."
            if not any(value in policy for _, value in finding.principal):
                # The policy has been changed since, and the present grants may be intended.
                return f"The policy of the access point {name} no longer names the principal: it was not removed."
            key = self._keep(name, arn, policy, finding)
            self._control.delete_access_point_policy(AccountId=self._account, Name=name)
            if not _seen(lambda: self._policy(name) is None):
                raise StillOpen(f"The policy of the access point {name} was removed, but still exists when read.")
        return f"The policy of the access point {name} is removed; it is kept in s3://{self._evidence}/{key}."

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
