"""Firehose writes to S3 under the stream's role, compressed and encrypted as the stream says.

MiniStack bypasses IAM and writes plain text. Here a delivery is an ordinary PutObject of a session of the role, which
Firehose gets if the role trusts it with the account's id as external id: IAM, bucket policy and key decide. A refused
write is reported in the stream's log and kept. Firehose retries it for a day, this cloud when the next record comes
and when a scenario calls `COMMANDS["flush"]`. Records are written at once, each to an object of its own: buffering
hints are kept and not applied. https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
"""

from __future__ import annotations

import contextvars
import dataclasses
import gzip
import json
import logging
import threading
import time
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.patches.registry import Original, patch
from local.permissions import client, role_session

logger = logging.getLogger("switchyard.firehose")

TARGET = "ministack.services.firehose"
PRINCIPAL = "firehose.amazonaws.com"
_KEPT_IN_DESCRIPTIONS = ("CustomTimeZone", "FileExtension")


@dataclasses.dataclass(frozen=True)
class Delivery:
    """One object to be written."""

    stream: str
    account: str
    region: str
    config: dict[str, Any]
    bucket: str
    key: str
    body: bytes


_stream: contextvars.ContextVar[tuple[str, dict[str, Any]] | None] = contextvars.ContextVar("firehose", default=None)
_waiting: list[Delivery] = []
_lock = threading.Lock()


def write(delivery: Delivery) -> None:
    """Write the object as the stream's role. Raise the error that S3 answers, or PermissionError."""
    role = delivery.config["RoleARN"]
    credentials = role_session(role, "firehose", PRINCIPAL, external_id=delivery.account)
    bucket = client("s3", delivery.region, credentials)
    encoding, body = delivery.config.get("CompressionFormat", "UNCOMPRESSED"), delivery.body
    if encoding not in ("UNCOMPRESSED", "GZIP"):
        raise NotImplementedError(f"The local cloud does not compress with {encoding}.")
    key = (delivery.config.get("EncryptionConfiguration") or {}).get("KMSEncryptionConfig", {}).get("AWSKMSKeyARN")
    extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    bucket.put_object(
        Bucket=delivery.bucket, Key=delivery.key, Body=gzip.compress(body) if encoding == "GZIP" else body, **extra
    )


def flush() -> int:
    """Try again to write everything that waits. Return how many objects are left."""
    with _lock:
        due, _waiting[:] = list(_waiting), []
        for delivery in due:
            try:
                write(delivery)
            except Exception as error:  # kept, and reported where the stream's owner looks
                _waiting.append(delivery)
                logger.warning("Firehose %s could not write: %s", delivery.stream, error)
                _tell(delivery, error)
        return len(_waiting)


def _tell(delivery: Delivery, error: Exception) -> None:
    """Write an entry to the stream's log, if the role may."""
    options = delivery.config.get("CloudWatchLoggingOptions") or {}
    if not options.get("Enabled"):
        return
    entry = {"errorCode": type(error).__name__, "errorMessage": str(error), "deliveryStreamARN": delivery.stream}
    try:
        credentials = role_session(delivery.config["RoleARN"], "firehose", PRINCIPAL, external_id=delivery.account)
        client("logs", delivery.region, credentials).put_log_events(
            logGroupName=options["LogGroupName"],
            logStreamName=options["LogStreamName"],
            logEvents=[{"timestamp": int(time.time() * 1000), "message": json.dumps(entry)}],
        )
    except Exception as refused:
        logger.warning("Firehose %s could not log the failure: %s", delivery.stream, refused)


COMMANDS = {"flush": flush}


@patch(TARGET, "_deliver_to_s3", because="MiniStack's write to S3 does not know its stream.")
def deliver_to_s3(
    original: Original, stream: dict[str, Any], dest: dict[str, Any], record_data: bytes, lambda_keys: Any = None
) -> None:
    """Deliver a record. Remember its stream for `put_s3_object`."""
    token = _stream.set((stream["name"], dest["config"]))
    try:
        original(stream, dest, record_data, lambda_keys)
    finally:
        _stream.reset(token)


@patch(TARGET, "_put_s3_object", because="MiniStack bypasses IAM, and neither compresses nor encrypts.")
def put_s3_object(original: Original, bucket: str, key: str, body: bytes) -> None:
    """Write under the stream's role. A write that belongs to no stream is unchanged."""
    found = _stream.get()
    if found is None:
        original(bucket, key, body)
        return
    name, config = found
    with _lock:
        _waiting.append(Delivery(name, get_account_id(), get_region(), config, bucket, key, body))
    # Not here: the caller holds MiniStack's lock on all streams.
    threading.Thread(target=flush, name="firehose", daemon=True).start()


@patch(TARGET, "_dest_description", because="MiniStack's descriptions lack members, so every plan would set them.")
def dest_description(original: Original, dest: dict[str, Any]) -> dict[str, Any]:
    """Return a destination's description."""
    described: dict[str, Any] = original(dest)
    for member in ("ExtendedS3DestinationDescription", "S3DestinationDescription"):
        if member in described:
            kept = {name: dest["config"][name] for name in _KEPT_IN_DESCRIPTIONS if dest["config"].get(name)}
            described[member] |= kept
    return described
