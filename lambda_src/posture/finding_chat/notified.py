"""SQS batches of the "Security Hub Findings - Imported" events that were posted: their findings become NOTIFIED.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]} with the messages to be tried again. Only findings
that are NEW still are touched, and of them only the workflow: who resolved or suppressed one meanwhile, or wrote
a note, must not lose that.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from common import clients, observability

MAX_FILTER_VALUES, MAX_UPDATES = 20, 100
SET = "findings set NOTIFIED"
MALFORMED = "message is not an event of imported findings"
FAILED = "findings could not be set NOTIFIED"
METRIC = "FindingsNotified"


class Key(NamedTuple):
    """What identifies a finding."""

    product_arn: str
    id: str


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Sets the findings of one batch."""
    log = observability.begin(context)
    messages: dict[str, set[Key]] = {}
    failed: set[str] = set()
    for record in event["Records"]:
        try:
            messages[record["messageId"]] = keys(record["body"])
        except ValueError:
            log.error(MALFORMED, extra={"message_id": record["messageId"]})  # noqa: TRY400 - its text quotes the finding
            failed.add(record["messageId"])
    done, errors = set_notified(clients.client("securityhub"), sorted(set().union(*messages.values())))
    if errors:
        log.error(FAILED, extra={"findings": len(errors), "reasons": sorted(set(errors.values()))})
    failed |= {message_id for message_id, named in messages.items() if named & errors.keys()}
    if done:
        log.info(SET, extra={"findings": len(done)})
        observability.count(METRIC, len(done))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in sorted(failed)]}


def keys(body: str) -> set[Key]:
    """The findings of an event. Raises ValueError when it is no event of findings."""
    try:
        return {Key(f["ProductArn"], f["Id"]) for f in json.loads(body)["detail"]["findings"]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"no findings: {error}") from error


def set_notified(hub: Any, wanted: Sequence[Key]) -> tuple[list[Key], dict[Key, str]]:
    """(findings that are NOTIFIED now, error codes of those that could not be set).

    A finding that is not NEW, or is gone, is neither. One call for each 20 findings tells which are NEW, and one
    for each 100 of these sets them.
    """
    from botocore.exceptions import ClientError  # with the SDK, which handlers import late

    new: list[Key] = []
    errors: dict[Key, str] = {}
    for chunk in chunks(wanted, MAX_FILTER_VALUES):
        try:
            new += still_new(hub, chunk)
        except ClientError as error:
            errors |= dict.fromkeys(chunk, error.response["Error"]["Code"])
    done: list[Key] = []
    for chunk in chunks(new, MAX_UPDATES):
        identifiers = [{"ProductArn": key.product_arn, "Id": key.id} for key in chunk]
        try:
            answer = hub.batch_update_findings(FindingIdentifiers=identifiers, Workflow={"Status": "NOTIFIED"})
        except ClientError as error:
            errors |= dict.fromkeys(chunk, error.response["Error"]["Code"])
            continue
        refused = {
            Key(item["FindingIdentifier"]["ProductArn"], item["FindingIdentifier"]["Id"]): item["ErrorCode"]
            for item in answer["UnprocessedFindings"]
        }
        errors |= refused
        done += [key for key in chunk if key not in refused]
    return done, errors


def still_new(hub: Any, chunk: Sequence[Key]) -> list[Key]:
    """Those of up to 20 findings whose workflow is NEW now."""
    filters = {
        "Id": [{"Value": value, "Comparison": "EQUALS"} for value in sorted({key.id for key in chunk})],
        "WorkflowStatus": [{"Value": "NEW", "Comparison": "EQUALS"}],
    }
    wanted, found = set(chunk), []
    for page in hub.get_paginator("get_findings").paginate(Filters=filters, PaginationConfig={"PageSize": 100}):
        found += [Key(finding["ProductArn"], finding["Id"]) for finding in page["Findings"]]
    return [key for key in found if key in wanted]  # an Id may be another product's too


def chunks(items: Sequence[Key], size: int) -> Iterator[Sequence[Key]]:
    """Consecutive parts of at most *size* items."""
    for first in range(0, len(items), size):
        yield items[first : first + size]
