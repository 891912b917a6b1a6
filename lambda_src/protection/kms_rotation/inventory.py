"""Read every KMS key of the account and Region with its rotations, in as few calls as the API allows.

The calls are ListKeys (pages of 1,000) and ListAliases (pages of 100, for all keys), then DescribeKey for each key,
unless an alias `alias/aws/…` shows that it is AWS managed, and GetKeyRotationStatus and ListKeyRotations (pages of
1,000) for keys that can have rotations. The result includes keys that deny access, keys for which KMS refuses a
call, and keys that were deleted meanwhile.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors

from . import keys
from .errors import NotEnoughTime

AWS_ALIAS = "alias/aws/"
WORKERS = 8
RESERVE_SECONDS = 30.0


@dataclass(frozen=True)
class Key:
    """One key. `problem` is "", "aws_managed", "access_denied", "vanished" or the code of KMS's refusal.

    With a problem, metadata can be empty; `failed` is the action that was denied or refused.
    """

    key_id: str
    arn: str
    aliases: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] | None = None
    rotations: tuple[dict[str, Any], ...] = ()
    problem: str = ""
    failed: str = ""


def read(kms: Any, remaining: Callable[[], float]) -> list[Key]:
    """Return all keys, in the order of ListKeys. Raise NotEnoughTime if `remaining`, the seconds left, is too small."""
    listed = [entry for page in _pages(kms, "list_keys", 1000) for entry in page["Keys"]]
    aliases: dict[str, list[str]] = defaultdict(list)
    for page in _pages(kms, "list_aliases", 100):
        for alias in page["Aliases"]:
            if "TargetKeyId" in alias:  # AWS also lists aliases of keys that do not exist yet
                aliases[alias["TargetKeyId"]].append(alias["AliasName"])

    def one(entry: dict[str, str]) -> Key:
        if remaining() < RESERVE_SECONDS:
            raise NotEnoughTime(
                f"There is not enough time to read {len(listed)} keys: raise the function's timeout, or run the report "
                "when KMS throttles less."
            )
        return read_key(kms, entry["KeyId"], entry["KeyArn"], tuple(sorted(aliases[entry["KeyId"]])))

    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(one, entry) for entry in listed]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def read_key(kms: Any, key_id: str, arn: str, aliases: tuple[str, ...]) -> Key:
    """Read one key with at most three calls, plus one for each further page of rotations."""
    if any(name.startswith(AWS_ALIAS) for name in aliases):
        return Key(key_id, arn, aliases, problem="aws_managed")
    metadata: dict[str, Any] = {}
    from botocore.exceptions import ClientError

    try:
        metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
        if keys.kind(metadata) == "aws_managed":
            return Key(key_id, arn, aliases, metadata, problem="aws_managed")
        if not keys.has_rotations(metadata) or metadata["KeyState"] in keys.DELETING:
            return Key(key_id, arn, aliases, metadata)
        status = kms.get_key_rotation_status(KeyId=arn)
        return Key(key_id, arn, aliases, metadata, status, tuple(rotations(kms, arn)))
    except ClientError as error:
        failure = aws_errors.read(error)
        if failure is None or failure.transient:
            raise
        if failure.kind is aws_errors.Kind.GONE:
            return Key(key_id, arn, aliases, problem="vanished")
        denied = failure.kind is aws_errors.Kind.DENIED
        # Refused for good, for example in the key's state: one key must not cost the evidence of all others.
        problem, action = "access_denied" if denied else failure.code, f"kms:{error.operation_name}"
        return Key(key_id, arn, aliases, metadata, problem=problem, failed=action)


def rotations(kms: Any, arn: str) -> Iterator[dict[str, Any]]:
    """Yield a key's completed rotations."""
    for page in _pages(kms, "list_key_rotations", 1000, KeyId=arn):
        yield from page["Rotations"]


def _pages(kms: Any, operation: str, size: int, **arguments: Any) -> Iterator[dict[str, Any]]:
    yield from kms.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": size})
