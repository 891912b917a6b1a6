"""Scheduled report: write evidence of every customer key of the account and Region to S3, as CSV and JSON.

Event:  {"scheduled_at": RFC 3339}, or {} for the time of the call. The same event writes the same two object keys.
        The JSON is written last, so a report with a JSON file is complete.
Answer: {"json", "csv": object keys, "summary": …}
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from common import clients, observability, settings

from . import evidence, inventory
from .errors import InvalidRequest
from .policy import Policy

WRITTEN = "report written"
METRIC = "KmsKeysOutOfPolicy"
NAMED = 20  # keys that a notice lists

Client = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The environment. POLICY: fields of policy.Policy as JSON. PRICE: monthly price of a key."""

    bucket: str
    bucket_owner: str
    kms_key_arn: str
    topic_arn: str
    prefix: str = "reports/"
    policy: dict[str, Any] = dataclasses.field(default_factory=dict)
    on_demand_quota: int = 25
    price: float = 1.0

    def __post_init__(self) -> None:
        try:
            self.rules()
        except TypeError as error:
            raise ValueError(f"POLICY is not valid: {error}") from None

    def rules(self) -> Policy:
        """Return POLICY as a Policy."""
        return Policy(**{**self.policy, "exempt": frozenset(self.policy.get("exempt", ()))})


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Write one report. Raise NotEnoughTime, InvalidRequest, SettingsError, and AWS errors after all retries."""
    log = observability.begin(context)
    config = settings.load(Settings)
    answer = run(event, config, clients.client, lambda: context.get_remaining_time_in_millis() / 1000)
    summary = answer["summary"]
    log.info(WRITTEN, extra={"customer_keys": summary["customer_keys"], **summary["by_policy_status"]})
    observability.count(METRIC, out_of_policy(summary))
    return answer


def out_of_policy(summary: Mapping[str, Any]) -> int:
    """Return the number of keys that need attention: those out of policy and unreadable ones."""
    by_status: Mapping[str, int] = summary["by_policy_status"]
    return by_status.get("out_of_policy", 0) + by_status.get("unreadable", 0)


def run(event: Mapping[str, Any], config: Settings, client: Client, remaining: Callable[[], float]) -> dict[str, Any]:
    """Read and judge all keys, write the report, and send a notice if keys need attention."""
    at = _time_of(event)
    found = inventory.read(client("kms"), remaining)
    whole = evidence.report(found, config.rules(), config.on_demand_quota, config.price, at)
    base = f"{config.prefix}dt={at:%Y-%m-%d}/kms-rotation-{at:%Y%m%dT%H%M%SZ}"
    answer = {"csv": f"{base}.csv", "json": f"{base}.json", "summary": whole["summary"]}
    _put(client("s3"), config, answer["csv"], evidence.to_csv(whole["keys"]), "text/csv; charset=utf-8")
    _put(client("s3"), config, answer["json"], evidence.to_json(whole), "application/json")
    if out_of_policy(whole["summary"]):
        client("sns").publish(
            TopicArn=config.topic_arn,
            Subject=f"KMS rotation: {out_of_policy(whole['summary'])} keys need attention",
            Message=notice(whole, f"s3://{config.bucket}/{answer['csv']}"),
        )
    return answer


def notice(whole: Mapping[str, Any], where: str) -> str:
    """Return the text of the notice: up to twenty keys with their reasons, and the location of the report."""
    found = [row for row in whole["keys"] if row["policy_status"] in ("out_of_policy", "unreadable")]
    lines = [f"{row['arn']}: {row['policy_explained']}" for row in found[:NAMED]]
    more = [f"… and {len(found) - NAMED} more."] if len(found) > NAMED else []
    return "\n".join([*lines, *more, "", f"All keys: {where}"])


def _time_of(event: Mapping[str, Any]) -> datetime:
    if "scheduled_at" not in event:
        return datetime.now(UTC).replace(microsecond=0)
    text = event["scheduled_at"]
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidRequest(f"scheduled_at must be a time such as 2026-11-20T03:00:00Z, not {text!r}.") from None


def _put(s3: Any, config: Settings, key: str, body: bytes, content_type: str) -> None:
    s3.put_object(
        Bucket=config.bucket,
        Key=key,
        Body=body,
        ContentType=content_type,
        ChecksumAlgorithm="SHA256",  # S3 wants a checksum of objects that Object Lock keeps
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=config.kms_key_arn,
        ExpectedBucketOwner=config.bucket_owner,
    )
