"""What a key's metadata say of its rotation: kinds, states, and why a key cannot rotate."""

from collections.abc import Mapping
from typing import Any

# https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
STATES = {
    "Creating": "KMS is creating the key; it cannot be used yet.",
    "Enabled": "The key can be used and rotates as scheduled.",
    "Disabled": "The key cannot be used; a rotation that becomes due is made up for when the key is enabled again.",
    "PendingDeletion": "The key cannot be used and does not rotate; it costs nothing until it is deleted.",
    "PendingImport": "The key has no key material: import some, or schedule the key's deletion.",
    "PendingReplicaDeletion": "The key waits for its replicas to be deleted before its own deletion.",
    "Unavailable": "The key's custom key store is disconnected or its material cannot be reached.",
    "Updating": "KMS is changing which key of a multi-Region set is the primary.",
}

DELETING = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


def kind(metadata: Mapping[str, Any]) -> str:
    """aws_managed, asymmetric, hmac, custom_key_store, imported, or symmetric: what decides whether a key rotates."""
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
    "aws_managed": "KMS rotates AWS managed keys every year; nobody can change that.",
    "asymmetric": "KMS cannot rotate asymmetric keys: make a new key and point its alias there.",
    "hmac": "KMS cannot rotate HMAC keys: make a new key and point its alias there.",
    "custom_key_store": "KMS cannot rotate keys of a custom key store: their material is outside.",
    "imported": "Imported material rotates on demand only, after new material has been imported.",
    "symmetric": "Rotates automatically and on demand.",
}


def multi_region(metadata: Mapping[str, Any]) -> str:
    """PRIMARY, REPLICA, or empty."""
    return str((metadata.get("MultiRegionConfiguration") or {}).get("MultiRegionKeyType", ""))


def primary_arn(metadata: Mapping[str, Any]) -> str:
    """ARN of the key that rotates for this one: itself, unless it is a replica."""
    if multi_region(metadata) != "REPLICA":
        return str(metadata["Arn"])
    return str(metadata["MultiRegionConfiguration"]["PrimaryKey"]["Arn"])


def has_rotations(metadata: Mapping[str, Any]) -> bool:
    """Whether KMS answers about rotations of the key: symmetric, with material of its own or imported."""
    return kind(metadata) in ("symmetric", "imported")
