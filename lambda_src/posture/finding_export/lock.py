"""Allow one run at a time, with one DynamoDB item that names the execution that holds the lock.

The lock is never released: a holder whose execution is not RUNNING does not count. However a run ends, it does
not leave the export locked.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from .errors import OverlappingRun, translated

LOCK_ID = "finding_export"
GRACE = timedelta(minutes=15)  # An execution may receive the lock before it starts.
LIFETIME = timedelta(days=366)  # A standard execution lasts a year at most. TTL only cleans up.

Client = Callable[[str], Any]


class Claim(NamedTuple):
    """A run, the execution that is to hold the lock for it, and the one that hands it over and starts that one."""

    run_id: str
    execution_arn: str
    started_at: str
    handed_over_by: str | None = None


def acquire(client: Client, table: str, claim: Claim, now: datetime) -> None:
    """Take the lock; taking it again for the same run is allowed. Raise OverlappingRun, Transient."""
    item = _item(claim, now)
    condition = "attribute_not_exists(LockId) OR RunId = :run"
    holder = _put(client, table, item, condition, {":run": item["RunId"]})
    if holder is None:
        return
    arn, acquired = holder["ExecutionArn"]["S"], datetime.fromisoformat(holder["AcquiredAt"]["S"])
    status = _status(client, arn)
    if status == "RUNNING" or (status is None and now - acquired < GRACE and not _stopped(client, holder)):
        raise OverlappingRun(
            f"Execution {arn} is exporting already; wait until it has ended, or stop it, then start again."
        )
    condition = "RunId = :run AND ExecutionArn = :arn AND AcquiredAt = :at"
    values = {":run": holder["RunId"], ":arn": holder["ExecutionArn"], ":at": holder["AcquiredAt"]}
    if _put(client, table, item, condition, values) is not None:
        raise OverlappingRun("Another execution has just begun; wait until it has ended, then start again.")


def hand_over(client: Client, table: str, claim: Claim, now: datetime) -> None:
    """Give the lock to the run's next execution before that starts. Raise OverlappingRun if the lock is lost."""
    item = _item(claim, now)
    if _put(client, table, item, "RunId = :run", {":run": item["RunId"]}) is not None:
        raise OverlappingRun("Another run has taken over the lock; this execution no longer exports.")


def check(client: Client, table: str, run_id: str) -> None:
    """Raise OverlappingRun if the run no longer holds the lock: its execution was stopped in the meantime."""
    if _get(client, table).get("RunId") != {"S": run_id}:
        raise OverlappingRun("Another run has taken over the lock; this execution no longer exports.")


def _item(claim: Claim, now: datetime) -> dict[str, dict[str, str]]:
    by = {"HandedOverBy": {"S": claim.handed_over_by}} if claim.handed_over_by else {}
    return {
        "LockId": {"S": LOCK_ID},
        "RunId": {"S": claim.run_id},
        "ExecutionArn": {"S": claim.execution_arn},
        "StartedAt": {"S": claim.started_at},
        "AcquiredAt": {"S": now.astimezone(UTC).isoformat()},
        "ExpiresAt": {"N": str(int((now + LIFETIME).timestamp()))},
        **by,
    }


def _stopped(client: Client, holder: Mapping[str, Any]) -> bool:
    """Return whether the execution that was to start the holder ended without doing so. The function outlives it."""
    by = holder.get("HandedOverBy")
    return by is not None and _status(client, by["S"]) in ("FAILED", "ABORTED", "TIMED_OUT")


def _put(client: Client, table: str, item: Any, condition: str, values: Any) -> dict[str, Any] | None:
    """Return None if the item was put, otherwise the existing item that holds the lock."""
    dynamodb = client("dynamodb")
    try:
        with translated("taking the lock"):
            dynamodb.put_item(
                TableName=table,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        holder: dict[str, Any] = error.response.get("Item") or _get(client, table)
        return holder
    return None


def _get(client: Client, table: str) -> dict[str, Any]:
    with translated("reading the lock"):
        answer = client("dynamodb").get_item(TableName=table, Key={"LockId": {"S": LOCK_ID}}, ConsistentRead=True)
    item: dict[str, Any] = answer.get("Item", {})
    return item


def _status(client: Client, execution_arn: str) -> str | None:
    """Return the execution's status, or None if it does not exist."""
    stepfunctions = client("stepfunctions")
    try:
        with translated("looking up the run that holds the lock"):
            # Without input and output: those are encrypted, and the function has no permission to use their key.
            execution = stepfunctions.describe_execution(executionArn=execution_arn, includedData="METADATA_ONLY")
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return None
    status: str = execution["status"]
    return status
