"""Interpret a key's metadata: its kind, its state, and the reason why a key cannot rotate."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

# https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
STATES = {
    "Creating": "KMS is creating the key; it cannot be used yet.",
    "Enabled": "The key can be used and rotates as scheduled.",
    "Disabled": "The key cannot be used. KMS makes up for due rotations when the key is enabled again.",
    "PendingDeletion": "The key cannot be used, does not rotate and costs nothing. It will be deleted.",
    "PendingImport": "The key has no key material: import material, or schedule the key's deletion.",
    "PendingReplicaDeletion": "The key will be deleted after its replicas have been deleted.",
    "Unavailable": "The key's custom key store is disconnected, or its material is unreachable.",
    "Updating": "KMS is changing the primary key of a set of multi-Region keys.",
}

DELETING = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


def kind(metadata: Mapping[str, Any]) -> str:
    """Return the kind of a key: aws_managed, asymmetric, hmac, custom_key_store, imported or symmetric."""
    if metadata.get("KeyManager") == "AWS":
        return "aws_managed"
    spec = str(metadata.get("KeySpec") or metadata.get("CustomerMasterKeySpec"))
    if spec.startswith("HMAC_"):
        return "hmac"
    if spec != "SYMMETRIC_DEFAULT":
        return "asymmetric"
    origin = metadata.get("Origin", "AWS_KMS")
    if origin in ("AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"):
        return "custom_key_store"
    return "imported" if origin == "EXTERNAL" else "symmetric"


KINDS = {
    "aws_managed": "KMS rotates AWS managed keys every year; this cannot be changed.",
    "asymmetric": "KMS cannot rotate asymmetric keys: create a new key and update the alias.",
    "hmac": "KMS cannot rotate HMAC keys: create a new key and update the alias.",
    "custom_key_store": "KMS cannot rotate keys of a custom key store: their material is outside KMS.",
    "imported": "Imported key material rotates only on demand, after new material has been imported.",
    "symmetric": "The key can rotate automatically and on demand.",
}


def multi_region(metadata: Mapping[str, Any]) -> str:
    """Return PRIMARY, REPLICA, or "" for a single-Region key."""
    return str((metadata.get("MultiRegionConfiguration") or {}).get("MultiRegionKeyType", ""))


def primary_arn(metadata: Mapping[str, Any]) -> str:
    """Return the ARN of the primary key if the key is a replica, and otherwise the key's own ARN."""
    if multi_region(metadata) != "REPLICA":
        return str(metadata["Arn"])
    return str(metadata["MultiRegionConfiguration"]["PrimaryKey"]["Arn"])


def material_age(
    metadata: Mapping[str, Any], rotations: Iterable[Mapping[str, Any]], now: datetime
) -> timedelta | None:
    """Return the age of the material that encrypts: since the last rotation or, if there was none, the creation.

    A replica has the material of its primary key, which can be older than the replica: None if no rotation is listed.
    """
    dates = [rotation["RotationDate"] for rotation in rotations if rotation.get("RotationDate")]
    if not dates and multi_region(metadata) != "REPLICA" and metadata.get("CreationDate"):
        dates = [metadata["CreationDate"]]
    return max(now - max(dates), timedelta()) if dates else None


def has_rotations(metadata: Mapping[str, Any]) -> bool:
    """Return true if KMS reports rotations of the key: symmetric keys with material from KMS or imported material."""
    return kind(metadata) in ("symmetric", "imported")
