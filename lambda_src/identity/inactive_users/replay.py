"""Write SQS batches of records that the table did not accept at once, or that other triggers send.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]}. A record that is older than the table's item
changes nothing, so order and repetition do not matter.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common import clients, observability, settings

from .items import SIGN_INS, Activity, days_of, epoch, put_if_newer

MALFORMED = "message is not a record of a user's activity in one of the user pools"
FAILED = "record not written"
REPLAYED = "records replayed"

CLOCKS_SECONDS = 300  # by which the clock of a sender may be ahead


@dataclass(frozen=True)
class Settings:
    """The environment. POOLS: ids of user pools."""

    table: str
    pools: list[str]
    inactive_days: int
    warning_days: int = 0
    days_by_pool: dict[str, int] = field(default_factory=dict)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Write one batch. Raise SettingsError if the environment is invalid."""
    from botocore.exceptions import BotoCoreError, ClientError

    log = observability.begin(context)
    config = settings.load(Settings)
    dynamodb = clients.client("dynamodb")
    failed: list[str] = []
    written = 0
    for entry in event["Records"]:
        activity = parse(entry["body"], config.pools)
        if activity is None:
            log.error(MALFORMED, extra={"message_id": entry["messageId"]})
            failed.append(entry["messageId"])
            continue
        try:
            days = days_of(activity.userpool_id, config.inactive_days, config.days_by_pool)
            written += put_if_newer(dynamodb, config.table, activity, days, config.warning_days)
        except (BotoCoreError, ClientError) as error:
            log.warning(FAILED, extra={"message_id": entry["messageId"], "cause": type(error).__name__})
            failed.append(entry["messageId"])
    log.info(REPLAYED, extra={"messages": len(event["Records"]), "written": written, "failed": len(failed)})
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def parse(body: str, pools: list[str]) -> Activity | None:
    """Return the record in a message, or None if it is malformed, in the future, or of a pool not in `pools`."""
    try:
        data = json.loads(body)
        activity = Activity(
            data["sub"], data["userpool_id"], data["username"], epoch(data["timestamp"]), data["source"]
        )
    except (KeyError, TypeError, ValueError):
        return None
    if activity.at > time.time() + CLOCKS_SECONDS:
        return None  # it would keep its user enabled until then
    if activity.userpool_id not in pools or activity.source not in SIGN_INS:
        return None
    return activity
