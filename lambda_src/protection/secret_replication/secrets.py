"""The metadata of a secret, as DescribeSecret and ListSecrets return it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"

SOURCE_TAG = "switchyard:replica-of"
"""Tag key of every replica. The tag's value is the ARN of the source."""

PROMOTED_TAG = "switchyard:promoted"
"""Tag key of a replica that no longer follows its source. The value is the version that was current then."""

OWN_TAGS = frozenset({SOURCE_TAG, PROMOTED_TAG})


@dataclass(frozen=True)
class Secret:
    """Metadata of one secret."""

    arn: str
    name: str
    description: str
    tags: Mapping[str, str]
    labels: Mapping[str, str]
    """Version IDs by staging label."""
    key: str | None
    """Customer managed key as the API returns it (ARN, ID or alias); None for the account's aws/secretsmanager."""
    deleted: bool = False
    rotates: bool = False
    primary_region: str | None = None
    """Region of the primary secret, for a native replica and for a secret with native replicas."""
    changed: datetime | None = None
    owner: str | None = None
    """Service that created the secret and alone may change it, such as `rds`."""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Secret":
        """Create a Secret from a response of DescribeSecret or an entry of ListSecrets.

        Description, KmsKeyId and Tags can be absent; KmsKeyId is absent if the key is aws/secretsmanager.
        """
        versions = answer.get("VersionIdsToStages") or answer.get("SecretVersionsToStages") or {}
        key = answer.get("KmsKeyId")
        return cls(
            arn=answer["ARN"],
            name=answer["Name"],
            description=answer.get("Description") or "",
            tags={tag["Key"]: tag.get("Value", "") for tag in answer.get("Tags") or []},
            labels={label: version for version, labels in versions.items() for label in labels},
            key=None if not key or key.endswith("alias/aws/secretsmanager") else key,
            deleted=bool(answer.get("DeletedDate")),
            rotates=bool(answer.get("RotationEnabled")),
            primary_region=answer.get("PrimaryRegion"),
            changed=answer.get("LastChangedDate"),
            owner=answer.get("OwningService"),
        )

    @property
    def region(self) -> str:
        """Return the secret's Region."""
        return self.arn.split(":")[3]

    @property
    def place(self) -> tuple[str, str]:
        """Return the secret's Region and account."""
        return place(self.arn)

    @property
    def source(self) -> str | None:
        """Return the ARN of the source if this capability created the secret as a replica, otherwise None."""
        return self.tags.get(SOURCE_TAG)

    @property
    def promoted(self) -> str | None:
        """Return the version that was current when a user promoted this replica, or None if it follows its source."""
        return self.tags.get(PROMOTED_TAG) if self.source is not None else None


def place(arn: str) -> tuple[str, str]:
    """Return the Region and the account of an ARN."""
    _, _, _, region, account, *_ = [*arn.split(":"), *[""] * 5]
    return region, account
