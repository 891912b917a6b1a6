"""What the policies of a deployer are made from: the files of this package, as data."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

FOLDER = Path(__file__).parent
CALLS = FOLDER / "calls.json"
ADDITIONS = FOLDER / "additions.yaml"
SCOPES = FOLDER / "scopes.yaml"

READ, CHANGE = "read", "change"

NEVER_DENIED = frozenset({"sts:GetCallerIdentity"})
"""No permission is needed for it. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""

# Name of an API in a request's signature -> its prefix in IAM, where they differ.
_PREFIXES = {"monitoring": "cloudwatch"}

# Operation -> action, where they differ.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html#using-with-s3-policy-actions-related-to-buckets
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudfront.html#amazoncloudfront-actions-as-permissions
_ACTIONS = {
    "cloudfront:CreateDistributionWithTags": "cloudfront:CreateDistribution",
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "s3:DeleteObject": "s3:DeleteObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:PutObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:UploadPart": "s3:PutObject",
}

# API Gateway's actions are the HTTP methods of its operations.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
_METHODS = {
    "Get": "GET",
    "Create": "POST",
    "Put": "PUT",
    "Tag": "PUT",
    "Update": "PATCH",
    "Delete": "DELETE",
    "Untag": "DELETE",
}


def action(operation: str) -> str:
    """Return the IAM action of `<API>:<operation>`."""
    service, _, name = operation.partition(":")
    if service == "apigateway" and name not in _METHODS.values():
        return next(f"apigateway:{method}" for verb, method in _METHODS.items() if name.startswith(verb))
    operation = f"{_PREFIXES.get(service, service)}:{name}"
    return _ACTIONS.get(operation, operation)


@dataclass(frozen=True)
class Calls:
    """Operations by resource type and kind (READ, CHANGE), recorded with a version of the provider."""

    types: dict[str, dict[str, list[str]]]
    provider: str

    @classmethod
    def read(cls) -> Calls:
        """Read the file."""
        content = json.loads(CALLS.read_text())
        return cls(content["types"], content["provider"])

    def add(self, name: str, kind: str, operation: str) -> None:
        """Add an operation that was seen."""
        seen = self.types.setdefault(name, {READ: [], CHANGE: []})[kind]
        if operation not in seen:
            seen.append(operation)

    def merge(self, other: Calls) -> None:
        """Add the types and operations of another recording."""
        for name, kinds in other.types.items():
            self.types.setdefault(name, {READ: [], CHANGE: []})
            for kind, operations in kinds.items():
                for operation in operations:
                    self.add(name, kind, operation)

    def write(self) -> None:
        """Write the file, in the order of names. What a type also reads is not repeated among its changes."""
        types = {
            name: {READ: sorted(kinds[READ]), CHANGE: sorted(set(kinds[CHANGE]) - set(kinds[READ]))}
            for name, kinds in sorted(self.types.items())
        }
        content = {"about": "Written by `python -m tools.deploy.record`.", "provider": self.provider, "types": types}
        CALLS.write_text(json.dumps(content, indent=1) + "\n")


@dataclass(frozen=True)
class Addition:
    """Actions that the provider or AWS needs for a resource type although the recording does not show it, and why.

    `unrecorded`: the additions are all that is known about the type.
    """

    types: list[str]
    kind: str
    actions: list[str]
    why: str
    source: str
    unrecorded: bool = False


@dataclass(frozen=True)
class Scopes:
    """Where actions are allowed: ARN patterns by resource type of IAM, exceptions by action, and conditions."""

    resources: Mapping[str, list[str]]
    conditions: Mapping[str, dict[str, Any]]
    actions: Mapping[str, dict[str, Any]]
    api_gateway: Mapping[str, list[str]]
    passed_to: Mapping[str, list[str]]
    service_roles: Mapping[str, list[str]]
    role_policies: list[str]


@functools.cache
def calls() -> Calls:
    """Return the recorded calls."""
    return Calls.read()


@functools.cache
def additions() -> list[Addition]:
    """Return what the recording does not show."""
    return [Addition(**entry) for entry in yaml.safe_load(ADDITIONS.read_text())]


@functools.cache
def scopes() -> Scopes:
    """Return the scopes."""
    return Scopes(**yaml.safe_load(SCOPES.read_text()))


def needed(name: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, action) for a resource type, such as `aws_sqs_queue` or `data.aws_region`, from both files."""
    for kind, operations in calls().types.get(name, {}).items():
        for operation in operations:
            yield kind, action(operation)
    for addition in additions():
        if name in addition.types:
            for added in addition.actions:
                yield addition.kind, added


def known() -> set[str]:
    """Return every resource type of which the files know what it needs."""
    return {*calls().types, *(name for addition in additions() if addition.unrecorded for name in addition.types)}


def actions() -> set[str]:
    """Return every action that the files name."""
    return {act for name in known() for _, act in needed(name)} | {"iam:PassRole", "iam:CreateServiceLinkedRole"}
