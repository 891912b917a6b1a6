"""Set the findings of posted "Security Hub Findings - Imported" events to NOTIFIED, in SQS batches.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]} with the messages to retry; a call that fails altogether
fails the batch. Only findings that are still NEW are changed, and only their workflow: an analyst who resolved or
suppressed a finding in the meantime, or wrote a note, must not lose that.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from common import clients, observability
from posture import security_hub

MAX_FILTER_VALUES = 20
SET = "findings set NOTIFIED"
MALFORMED = "message is not an event of findings, or not all of its findings can be read"
GONE = "findings no longer exist"
GONE_CODE = "FindingNotFound"  # Of BatchUpdateFindings: nothing is left to set, now or later.
FAILED = "findings could not be set NOTIFIED"
METRIC = "FindingsNotified"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Set the findings of one batch. Raise botocore's ClientError."""
    log = observability.begin(context)
    messages: dict[str, set[security_hub.Key]] = {}
    failed: list[str] = []
    for record in event["Records"]:
        messages[record["messageId"]], whole = named_in(record["body"])
        if not whole:
            log.error(MALFORMED, extra={"message_id": record["messageId"]})
            failed.append(record["messageId"])
    hub = clients.client("securityhub")
    new = still_new(hub, (key for named in messages.values() for key in named))
    update = security_hub.Update(workflow=security_hub.NOTIFIED)
    refused = security_hub.update(hub, dict.fromkeys(new, update), context.function_name)
    left = {key: reason for key, reason in refused.items() if not reason.startswith(GONE_CODE)}
    if gone := len(refused) - len(left):
        log.info(GONE, extra={"findings": gone})
    if left:
        log.error(FAILED, extra={"findings": len(left), "reasons": sorted(set(left.values()))})
        failed += [message_id for message_id, named in messages.items() if named & left.keys()]
    if done := len(new) - len(refused):
        log.info(SET, extra={"findings": done})
        observability.count(METRIC, done)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in dict.fromkeys(failed)]}


def named_in(body: str) -> tuple[set[security_hub.Key], bool]:
    """Return the keys of the findings that an event names, and whether that is all of them, and at least one."""
    try:
        listed = json.loads(body)["detail"]["findings"]
        read = [each for each in listed if isinstance(each, dict)]
        keys = [(each.get("Id"), each.get("ProductArn")) for each in read]
    except (KeyError, TypeError, ValueError):
        return set(), False
    named = [
        security_hub.Key(id_, arn) for id_, arn in keys if isinstance(id_, str) and isinstance(arn, str) and id_ and arn
    ]
    return set(named), isinstance(listed, list) and 0 < len(named) == len(listed)


def still_new(hub: Any, keys: Iterable[security_hub.Key]) -> list[security_hub.Key]:
    """Return the keys of findings whose workflow is NEW now, with one call for each 20, the maximum of a filter."""
    new: list[security_hub.Key] = []
    for some in security_hub.batches(keys, MAX_FILTER_VALUES):
        filters = {
            "Id": [{"Value": value, "Comparison": "EQUALS"} for value in sorted({key.id for key in some})],
            "WorkflowStatus": [{"Value": security_hub.NEW, "Comparison": "EQUALS"}],
        }
        found: set[security_hub.Key] = set()
        for page in hub.get_paginator("get_findings").paginate(Filters=filters, PaginationConfig={"PageSize": 100}):
            found |= {security_hub.Key(each["Id"], each["ProductArn"]) for each in page["Findings"]}
        new += [key for key in some if key in found]  # Another product may have the same Id.
    return new
