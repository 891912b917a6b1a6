"""Write SQS batches of records that the table did not accept at once, or that other triggers send.

Answer: {"batchItemFailures": [{"itemIdentifier": messageId}]}. A record that is older than the table's item
changes nothing, so order and repetition do not matter.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import clients, observability, settings

from .items import SIGN_INS, Activity, epoch, put_if_newer

MALFORMED = "message is not a record of a user's activity in one of the user pools"
FAILED = "record not written"
REPLAYED = "records replayed"


@dataclass(frozen=True)
class Settings:
    """The environment. POOLS: ids of user pools."""

    table: str
    pools: list[str]
    inactive_days: int
    warning_days: int = 0


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
            written += put_if_newer(dynamodb, config.table, activity, config.inactive_days, config.warning_days)
        except (BotoCoreError, ClientError) as error:
            log.warning(FAILED, extra={"message_id": entry["messageId"], "cause": type(error).__name__})
            failed.append(entry["messageId"])
    log.info(REPLAYED, extra={"messages": len(event["Records"]), "written": written, "failed": len(failed)})
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def parse(body: str, pools: list[str]) -> Activity | None:
    """Return the record in a message, or None if it is malformed or names a pool that is not in `pools`."""
    try:
        data = json.loads(body)
        activity = Activity(
            data["sub"], data["userpool_id"], data["username"], epoch(data["timestamp"]), data["source"]
        )
    except (KeyError, TypeError, ValueError):
        return None
    if activity.userpool_id not in pools or activity.source not in SIGN_INS:
        return None
    return activity
