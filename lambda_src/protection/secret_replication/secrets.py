"""A secret without its values, as DescribeSecret and ListSecrets give it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"

SOURCE_TAG = "switchyard:replica-of"
"""Tag of every replica: the ARN of its source."""


@dataclass(frozen=True)
class Secret:
    """Metadata of one secret."""

    arn: str
    name: str
    description: str
    tags: Mapping[str, str]
    labels: Mapping[str, str]
    """Version id by staging label."""
    key: str | None
    """Customer managed key as the API gives it (ARN, id or alias); None for the account's aws/secretsmanager."""
    deleted: bool = False
    rotates: bool = False
    primary_region: str | None = None
    """Of a secret with native replicas or a native replica: the Region of its primary."""
    changed: datetime | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Secret":
        """From an answer of DescribeSecret or an entry of ListSecrets.

        Description, KmsKeyId and Tags may all be absent; KmsKeyId is when the key is aws/secretsmanager.
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
        )

    @property
    def region(self) -> str:
        """The Region it is in."""
        return self.arn.split(":")[3]

    @property
    def source(self) -> str | None:
        """ARN of the secret it is a replica of, made by this capability."""
        return self.tags.get(SOURCE_TAG)
