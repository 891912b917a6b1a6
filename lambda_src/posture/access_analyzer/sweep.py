"""Schedule: send each finding that is active, or was when it was last handled, to the queue of findings.

A sweep finds what no event reports: findings older than this capability, events that were lost, findings of a deleted
analyzer, and findings for which the settings have changed.

Event:  ignored.
Answer: {"listed": findings of the analyzer, "recorded": other findings of the table, "sent": messages}
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common import clients, observability, settings

from .errors import NotSent
from .findings import ACTIVE, ARCHIVED, message_of

SWEPT = "findings sent"
REFUSED = "findings not sent"
METRIC = "FindingsSwept"
BATCH = 10


@dataclass(frozen=True)
class Settings:
    """The settings from the environment. RESOURCE_TYPES: empty for all types."""

    analyzer_arn: str
    table_name: str
    queue_url: str
    statuses: list[Any]
    resource_types: list[Any] = field(default_factory=list)


def handler(_event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Send the findings. Raise NotSent, SettingsError, and AWS errors that remain after all retries."""
    log = observability.begin(context)
    environment = settings.load(Settings)
    listed = list(dict.fromkeys(active(clients.client("accessanalyzer"), environment)))
    recorded = sorted(set(open_items(clients.client("dynamodb"), environment.table_name)) - set(listed))
    found = [*listed, *recorded]
    refused = send(clients.client("sqs"), environment, found)
    if refused:
        log.error(REFUSED, extra={"findings": len(refused), "codes": sorted(set(refused.values()))})
    answer = {"listed": len(listed), "recorded": len(recorded), "sent": len(found) - len(refused)}
    log.info(SWEPT, extra=answer)
    observability.count(METRIC, answer["sent"])
    if refused:
        codes = ", ".join(sorted(set(refused.values())))
        raise NotSent(f"{len(refused)} of {len(found)} findings were not sent to the queue: {codes}.")
    return answer


def active(analyzer: Any, environment: Settings) -> Iterator[str]:
    """Yield the ids of the analyzer's findings that are active, or archived if these are to be reported."""
    statuses = [ACTIVE, *([ARCHIVED] if ARCHIVED in environment.statuses else [])]
    pages = analyzer.get_paginator("list_findings").paginate(
        analyzerArn=environment.analyzer_arn, filter={"status": {"eq": statuses}}
    )
    wanted = set(environment.resource_types)
    for page in pages:
        for finding in page["findings"]:
            if not wanted or finding.get("resourceType") in wanted:
                yield finding["id"]


def open_items(dynamodb: Any, table: str) -> Iterator[str]:
    """Yield the ids of the findings that the table has as active: items of others expire."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table, ProjectionExpression="Id", FilterExpression="attribute_not_exists(ExpiresAt)"
    )
    for page in pages:
        for item in page["Items"]:
            yield item["Id"]["S"]


def send(sqs: Any, environment: Settings, found: Sequence[str]) -> dict[str, str]:
    """Send one message of each finding. Return the error codes of those that SQS did not accept, by finding."""
    refused: dict[str, str] = {}
    for start in range(0, len(found), BATCH):
        batch = found[start : start + BATCH]
        answer = sqs.send_message_batch(
            QueueUrl=environment.queue_url,
            Entries=[
                {"Id": str(number), "MessageBody": message_of(one, environment.analyzer_arn)}
                for number, one in enumerate(batch)
            ],
        )
        refused |= {batch[int(one["Id"])]: one["Code"] for one in answer.get("Failed", [])}
    return refused
