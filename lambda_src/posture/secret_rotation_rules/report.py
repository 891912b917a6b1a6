"""Schedule: write a report of the secrets that break a rule, by account, Region and rule, as JSON to S3; notify.

Event:  {"scheduled_at": RFC 3339} or {} (then the time of the call). The same event writes the same key: a retry
        replaces its report, and may repeat its notice.
Answer: {"key": object key, "summary": …}
The report also says how far it reaches: places, secrets that were evaluated or not, and what could not be read. The
values of secrets are never read: AWS Config does not have them, and the function has no permissions in Secrets
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
from .compliance import Place, Results
from .errors import InvalidRequest

WRITTEN = "report written"
METRIC, GAPS_METRIC = "SecretsNonCompliant", "PlacesNotRead"
NAMED = 20
"""Maximum number of places in a list of a notice."""
RESERVE_MILLISECONDS = 60_000
"""The time that a call keeps for writing the report; what it has not read by then is a row that says so."""

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

    def on_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS)

    answer = run(event, settings.load(Settings), clients.client, on_time)
    summary = answer["summary"]
    log.info(WRITTEN, extra={name: value for name, value in summary.items() if not isinstance(value, dict)})
    observability.count(METRIC, summary["secrets"])
    observability.count(GAPS_METRIC, summary["places_not_read"] + summary["sources_unseen"])
    return answer


def run(
    event: Mapping[str, Any], config: Settings, client: Client, on_time: Callable[[], bool] = lambda: True
) -> dict[str, Any]:
    """Read the results, write the report, send the notice."""
    at = _time_of(event)
    api = client("config")
    if config.aggregator:
        found = compliance.of_aggregator(api, config.aggregator, config.rules, on_time)
    else:
        found = compliance.of_account(api, config.rules, config.bucket_owner, config.aws_region, on_time)
    summary = summarize(found)
    whole = {
        "generated_at": at.isoformat(),
        "aggregator": config.aggregator or None,
        "rules": config.rules,
        "summary": summary,
        "errors": found.errors,
        "sources_unseen": found.unseen,
        "sources_stale": found.stale,
        "coverage": [coverage(place, config.rules) for _, place in sorted(found.places.items())],
        "not_evaluated": [
            {"account": place.account, "region": place.region, "secret": secret}
            for _, place in sorted(found.places.items())
            for secret in sorted(place.known - place.results)
        ],
        "findings": [dataclasses.asdict(one) for one in found.findings],
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
        Subject=subject(summary),
        Message=notice(found, summary, f"s3://{config.bucket}/{key}"),
    )
    return {"key": key, "summary": summary}


def coverage(place: Place, rules: Sequence[str]) -> dict[str, Any]:
    """Return how far the results of one place reach."""
    known, results = place.known, place.results
    return {
        "account": place.account,
        "region": place.region,
        "source": place.source,
        "secrets": len(known),
        "evaluated": len(results),
        "breaking": len(place.broken),
        "evaluated_percent": _percent(len(results), len(known)),
        "compliant_percent": _percent(len(results) - len(place.broken), len(results)),
        "evaluated_by_rule": {rule: len(place.evaluated.get(rule, ())) for rule in rules},
        "rules_without_results": without_results(place, rules),
        "errors": place.errors,
    }


def without_results(place: Place, rules: Sequence[str]) -> list[str]:
    """Return the rules that have no result in a place where there are secrets to evaluate."""
    return [rule for rule in rules if not place.evaluated.get(rule)] if place.known else []


def _percent(part: int, whole: int) -> float | None:
    """Return a percentage with one decimal, rounded down, so that 100 means all; None of nothing."""
    return part * 1000 // whole / 10 if whole else None


def summarize(found: Results) -> dict[str, Any]:
    """Return the numbers of findings by account, Region and rule, of different secrets, and of what was evaluated."""
    every = list(found.places.values())
    known, results = sum(len(one.known) for one in every), sum(len(one.results) for one in every)
    broken = sum(len(one.broken) for one in every)
    findings = found.findings
    return {
        "findings": len(findings),
        "secrets": broken,
        "by_account": dict(sorted(Counter(one.account for one in findings).items())),
        "by_region": dict(sorted(Counter(one.region for one in findings).items())),
        "by_rule": dict(sorted(Counter(one.rule for one in findings).items())),
        "accounts": len({one.account for one in every}),
        "regions": len({one.region for one in every}),
        "places": len(every),
        "places_evaluated": sum(1 for one in every if one.results),
        "places_without_secrets": sum(1 for one in every if not one.known),
        "places_not_read": sum(1 for one in every if one.errors),
        "sources_unseen": len(found.unseen),
        "sources_stale": len(found.stale),
        "secrets_known": known,
        "secrets_evaluated": results,
        "secrets_not_evaluated": known - results,
        "evaluated_percent": _percent(results, known),
        "compliant_percent": _percent(results - broken, results),
    }


def subject(summary: Mapping[str, Any]) -> str:
    """Return the subject of the notice: at most 100 ASCII characters, the limit of SNS."""
    broken, evaluated = summary["secrets"], summary["secrets_evaluated"]
    if not evaluated:
        return "Secret rotation: no secret was evaluated"
    gaps = summary["places_not_read"] + summary["sources_unseen"]
    breaks = "breaks" if broken == 1 else "break"
    missing = f"; {_count(gaps, 'place')} not read" if gaps else ""
    return f"Secret rotation: {broken} of {_count(evaluated, 'secret')} {breaks} a rule{missing}"


def notice(found: Results, summary: Mapping[str, Any], where: str) -> str:
    """Return the notice: numbers of secrets by account, Region and rule, highest first, how far the results reach, and
    the report's location.
    """
    counted = Counter((one.account, one.region, one.rule) for one in found.findings)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    lines = _cut([f"{number} in {account} {region}: {rule}" for (account, region, rule), number in ordered])
    if not summary["secrets_evaluated"]:
        lines.append("No secret was evaluated. This report says nothing about compliance.")
    elif not found.findings:
        lines.append("All evaluated secrets comply with the rules.")
    return "\n".join([*lines, "", *_reach(found, summary), "", f"All findings: {where}"])


def _reach(found: Results, summary: Mapping[str, Any]) -> list[str]:
    """Return the lines that say what was evaluated, and what was not."""
    evaluated, known = summary["secrets_evaluated"], summary["secrets_known"]
    share = f" ({summary['evaluated_percent']:g} %)" if known else ""
    where = f"{_count(summary['places'], 'place')} (accounts: {summary['accounts']}, Regions: {summary['regions']})"
    lines = [f"Evaluated: {evaluated} of {_count(known, 'known secret')}{share}, in {where}."]
    if evaluated:
        kept = evaluated - summary["secrets"]
        lines.append(f"Compliant: {kept} of {evaluated} ({summary['compliant_percent']:g} %).")
    if missing := summary["secrets_not_evaluated"]:
        lines.append(f"Not evaluated: {_count(missing, 'secret')}, not in scope of the rules or not evaluated yet.")
    if empty := summary["places_without_secrets"]:
        lines.append(f"Without secrets: {_count(empty, 'place')}. There are none, or AWS Config does not record them.")
    every = [place for _, place in sorted(found.places.items())]
    hint = "The rule or the recorder is missing there, or no secret is in its scope."
    silent = [(place, without_results(place, found.rules)) for place in every]
    lines += _cut(
        [
            f"No results in {place.account} {place.region}: {', '.join(rules)}. {hint}"
            for place, rules in silent
            if rules
        ]
    )
    lines += _cut([f"Not read in {one.account} {one.region}: {error}" for one in every for error in one.errors])
    lines += [f"Not read: {error}" for error in found.errors]
    if found.unseen:
        lines.append(f"Not counted: {_count(len(found.unseen), 'source')} that the aggregator cannot read.")
    if found.stale:
        lines.append(f"Outdated: {_count(len(found.stale), 'source')} of which the aggregator has old data.")
    return lines


def _cut(lines: list[str]) -> list[str]:
    return lines if len(lines) <= NAMED else [*lines[:NAMED], f"… and {len(lines) - NAMED} more places."]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _time_of(event: Mapping[str, Any]) -> datetime:
    text = event.get("scheduled_at")
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        # fromisoformat refuses what is not text.
        return datetime.fromisoformat(text).astimezone(UTC)
    except (OverflowError, TypeError, ValueError):
        raise InvalidRequest(f"scheduled_at must be a time such as 2026-11-23T06:00:00Z, not {text!r}.") from None
