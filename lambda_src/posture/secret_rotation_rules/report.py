"""Schedule: write a report of the secrets that break a rule, by account, Region and rule, as JSON to S3; notify.

Event:  {"scheduled_at": RFC 3339} or {} (then the time of the call). The same event writes the same key: a retry
        replaces its report, and may repeat its notice.
Answer: {"key": object key, "summary": …}
The values of secrets are never read: AWS Config does not have them, and the function has no permissions in Secrets
Manager.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from common import clients, observability, settings

from . import compliance
from .compliance import Finding
from .errors import InvalidRequest

WRITTEN = "report written"
METRIC = "SecretsNonCompliant"
NAMED = 20  # Maximum number of places in a notice.

Client = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings from the environment. RULES: names of the rules, as JSON. AGGREGATOR: "" for this account."""

    bucket: str
    bucket_owner: str
    kms_key_arn: str
    topic_arn: str
    rules: list[Any]
    aws_region: str
    prefix: str = "reports/"
    aggregator: str = ""

    def __post_init__(self) -> None:
        if not self.rules or not all(isinstance(rule, str) for rule in self.rules):
            raise ValueError("RULES must name at least one rule")


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Make one report. Raise InvalidRequest, SettingsError, and AWS errors that remain after all retries."""
    log = observability.begin(context)
    answer = run(event, settings.load(Settings), clients.client)
    summary = answer["summary"]
    log.info(WRITTEN, extra={name: summary[name] for name in ("findings", "secrets", "sources_unseen")})
    observability.count(METRIC, summary["secrets"])
    return answer


def run(event: Mapping[str, Any], config: Settings, client: Client) -> dict[str, Any]:
    """Read the results, write the report, send the notice."""
    at = _time_of(event)
    api = client("config")
    if config.aggregator:
        found = compliance.of_aggregator(api, config.aggregator, config.rules)
        unseen = compliance.unseen(api, config.aggregator)
    else:
        found, unseen = compliance.of_account(api, config.rules, config.bucket_owner, config.aws_region), []
    summary = summarize(found, unseen)
    whole = {
        "generated_at": at.isoformat(),
        "aggregator": config.aggregator or None,
        "rules": config.rules,
        "summary": summary,
        "sources_unseen": unseen,
        "findings": [dataclasses.asdict(one) for one in found],
    }
    key = f"{config.prefix}dt={at:%Y-%m-%d}/secret-rotation-{at:%Y%m%dT%H%M%SZ}.json"
    client("s3").put_object(
        Bucket=config.bucket,
        Key=key,
        Body=json.dumps(whole, indent=1).encode(),
        ContentType="application/json",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=config.kms_key_arn,
        ExpectedBucketOwner=config.bucket_owner,
    )
    client("sns").publish(
        TopicArn=config.topic_arn,
        Subject=f"Secret rotation: {summary['secrets']} secrets break a rule",
        Message=notice(found, unseen, f"s3://{config.bucket}/{key}"),
    )
    return {"key": key, "summary": summary}


def summarize(found: Sequence[Finding], unseen: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return the numbers of findings by account, Region and rule, and the number of different secrets."""
    return {
        "findings": len(found),
        "secrets": len({one.secret for one in found}),
        "by_account": dict(sorted(Counter(one.account for one in found).items())),
        "by_region": dict(sorted(Counter(one.region for one in found).items())),
        "by_rule": dict(sorted(Counter(one.rule for one in found).items())),
        "sources_unseen": len(unseen),
    }


def notice(found: Sequence[Finding], unseen: Sequence[Mapping[str, str]], where: str) -> str:
    """Return the notice: numbers of secrets by account, Region and rule, highest first, and the report's location."""
    counted = Counter((one.account, one.region, one.rule) for one in found)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{number} in {account} {region}: {rule}" for (account, region, rule), number in ordered[:NAMED]]
    if len(ordered) > NAMED:
        lines.append(f"… and {len(ordered) - NAMED} more places.")
    if not found:
        lines.append("All evaluated secrets comply with the rules.")
    if unseen:
        lines.append(f"Not counted: {len(unseen)} sources that the aggregator cannot read.")
    return "\n".join([*lines, "", f"All findings: {where}"])


def _time_of(event: Mapping[str, Any]) -> datetime:
    text = event.get("scheduled_at")
    if not text:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        raise InvalidRequest(f"scheduled_at must be a time such as 2026-11-23T06:00:00Z, not {text!r}.") from None
