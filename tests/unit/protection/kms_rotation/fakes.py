"""A fake KMS in memory with keys of every kind, KMS's errors, and faults on demand."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

ACCOUNT = "arn:aws:kms:eu-west-1:123456789012:key/"
NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAY = timedelta(days=1)


@cache
def real() -> Any:
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
    return session.client("kms")


def aws_error(code: str, operation: str, status: int = 400) -> Exception:
    kind = real().exceptions.from_code(code)
    response = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error: Exception = kind(response, operation)
    return error


def metadata(key_id: str, **more: Any) -> dict[str, Any]:
    return {
        "KeyId": key_id,
        "Arn": ACCOUNT + key_id,
        "KeyManager": "CUSTOMER",
        "KeyState": "Enabled",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "Origin": "AWS_KMS",
        "Description": "",
        "MultiRegion": False,
        "CreationDate": NOW - 80 * DAY,
        **more,
    }


class Kms:
    """A fake KMS. `fault(operation, key)` returns an exception to raise first, ("after", exception), or None."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.period: dict[str, int] = {}
        self.next_date: dict[str, datetime] = {}
        self.done: dict[str, list[dict[str, Any]]] = {}
        self.started: dict[str, datetime] = {}
        self.aliases: list[dict[str, str]] = []
        self.calls: Counter[str] = Counter()
        self.fault: Callable[[str, str], Any] = lambda operation, key: None
        self.exceptions = real().exceptions
        self.quota = 25
        self._lock = threading.Lock()

    def add(self, key_id: str, period: int | None = None, rotations: str = "", **more: Any) -> str:
        """Add a key. `rotations` has A or O for each rotation, oldest first, a hundred days apart."""
        self.keys[key_id] = metadata(key_id, **more)
        if period:
            self.period[key_id], self.next_date[key_id] = period, NOW + 50 * DAY
        kinds = {"A": "AUTOMATIC", "O": "ON_DEMAND"}
        self.done[key_id] = [
            {"KeyId": key_id, "RotationDate": NOW - (len(rotations) - i) * 100 * DAY, "RotationType": kinds[letter]}
            for i, letter in enumerate(rotations)
        ]
        return ACCOUNT + key_id

    def alias(self, name: str, key_id: str) -> None:
        self.aliases.append({"AliasName": name, "TargetKeyId": key_id})

    def _enter(self, operation: str, key: str = "") -> tuple[str, Any]:
        name = key.rpartition("/")[2]
        with self._lock:
            self.calls[operation] += 1
            fault = self.fault(operation, name)
        if isinstance(fault, Exception):
            raise fault
        if name and name not in self.keys:
            raise aws_error("NotFoundException", operation)
        return name, fault[1] if fault else None

    def get_paginator(self, operation: str) -> Any:
        fetch: dict[str, Callable[..., Any]] = {
            "list_keys": self._keys,
            "list_aliases": self._aliases,
            "list_key_rotations": self._rotations,
        }

        class Paginator:
            def paginate(self, PaginationConfig: dict[str, int], **arguments: Any) -> Iterator[dict[str, Any]]:
                yield from fetch[operation](PaginationConfig["PageSize"], **arguments)

        return Paginator()

    def _pages(self, operation: str, member: str, size: int, most: int, items: list[Any], key: str = "") -> Any:
        assert size == most
        for start in range(0, len(items) or 1, size):
            self._enter(operation, key)
            yield {member: items[start : start + size]}

    def _keys(self, size: int) -> Any:
        listed = [{"KeyId": k, "KeyArn": ACCOUNT + k} for k in self.keys]
        yield from self._pages("ListKeys", "Keys", size, 1000, listed)

    def _aliases(self, size: int) -> Any:
        yield from self._pages("ListAliases", "Aliases", size, 100, self.aliases)

    def _rotations(self, size: int, KeyId: str) -> Any:
        name = KeyId.rpartition("/")[2]
        yield from self._pages("ListKeyRotations", "Rotations", size, 1000, self.done.get(name, []), KeyId)

    def describe_key(self, KeyId: str) -> dict[str, Any]:
        name, _ = self._enter("DescribeKey", KeyId)
        return {"KeyMetadata": self.keys[name]}

    def get_key_rotation_status(self, KeyId: str) -> dict[str, Any]:
        name, _ = self._enter("GetKeyRotationStatus", KeyId)
        if self.keys[name]["KeySpec"] != "SYMMETRIC_DEFAULT":
            raise aws_error("UnsupportedOperationException", "GetKeyRotationStatus")
        answer: dict[str, Any] = {"KeyId": name, "KeyRotationEnabled": name in self.period}
        if name in self.period:
            answer |= {"RotationPeriodInDays": self.period[name], "NextRotationDate": self.next_date[name]}
        if name in self.started:
            answer["OnDemandRotationStartDate"] = self.started[name]
        return answer

    def rotate_key_on_demand(self, KeyId: str) -> dict[str, Any]:
        name, after = self._enter("RotateKeyOnDemand", KeyId)
        if sum(r["RotationType"] == "ON_DEMAND" for r in self.done[name]) >= self.quota:
            raise aws_error("LimitExceededException", "RotateKeyOnDemand")
        self.done[name].append({"KeyId": name, "RotationDate": NOW, "RotationType": "ON_DEMAND"})
        if after:
            raise after
        return {"KeyId": name}


class Sns:
    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []
        self.fault: Exception | None = None

    def publish(self, **message: str) -> None:
        if self.fault:
            raise self.fault
        self.sent.append(message)


class S3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.order: list[str] = []
        self.arguments: list[dict[str, Any]] = []

    def put_object(self, **arguments: Any) -> None:
        self.objects[arguments["Key"]] = arguments["Body"]
        self.order.append(arguments["Key"])
        self.arguments.append(arguments)
