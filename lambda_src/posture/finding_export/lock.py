"""One run at a time, kept by one DynamoDB item that names the execution that holds it.

Nothing is ever released: a holder whose execution is not RUNNING does not count, so no run, however it ends,
leaves the export locked.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from .errors import OverlappingRun, translated

LOCK_ID = "finding_export"
GRACE = timedelta(minutes=15)  # for an execution that took the lock over ahead of its start
LIFETIME = timedelta(days=366)  # a standard execution lasts a year at most; TTL only tidies up

Client = Callable[[str], Any]


class Claim(NamedTuple):
    """A run, and the execution that is to hold the lock for it."""

    run_id: str
    execution_arn: str
    started_at: str


def acquire(client: Client, table: str, claim: Claim, now: datetime) -> None:
    """Takes the lock; again for the same run is fine. Raises OverlappingRun, Transient."""
    item = _item(claim, now)
    condition = "attribute_not_exists(LockId) OR RunId = :run"
    holder = _put(client, table, item, condition, {":run": item["RunId"]})
    if holder is None:
        return
    arn, acquired = holder["ExecutionArn"]["S"], datetime.fromisoformat(holder["AcquiredAt"]["S"])
    status = _status(client, arn)
    if status == "RUNNING" or (status is None and now - acquired < GRACE):
        raise OverlappingRun(
            f"Execution {arn} is exporting already; wait until it has ended, or stop it, then start again."
        )
    condition = "RunId = :run AND ExecutionArn = :arn AND AcquiredAt = :at"
    values = {":run": holder["RunId"], ":arn": holder["ExecutionArn"], ":at": holder["AcquiredAt"]}
    if _put(client, table, item, condition, values) is not None:
        raise OverlappingRun("Another execution has just begun; wait until it has ended, then start again.")


def hand_over(client: Client, table: str, claim: Claim, now: datetime) -> None:
    """Gives the lock to the run's next execution before that starts. Raises OverlappingRun if lost."""
    item = _item(claim, now)
    if _put(client, table, item, "RunId = :run", {":run": item["RunId"]}) is not None:
        raise OverlappingRun("Another run has taken over the lock; this execution no longer exports.")


def check(client: Client, table: str, run_id: str) -> None:
    """Raises OverlappingRun when the run no longer holds the lock: its execution was stopped under it."""
    if _get(client, table).get("RunId") != {"S": run_id}:
        raise OverlappingRun("Another run has taken over the lock; this execution no longer exports.")


def _item(claim: Claim, now: datetime) -> dict[str, dict[str, str]]:
    return {
        "LockId": {"S": LOCK_ID},
        "RunId": {"S": claim.run_id},
        "ExecutionArn": {"S": claim.execution_arn},
        "StartedAt": {"S": claim.started_at},
        "AcquiredAt": {"S": now.astimezone(UTC).isoformat()},
        "ExpiresAt": {"N": str(int((now + LIFETIME).timestamp()))},
    }


def _put(client: Client, table: str, item: Any, condition: str, values: Any) -> dict[str, Any] | None:
    """None when the item was put, else the one in the way."""
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
    """The execution's status; None when there is no such execution."""
    stepfunctions = client("stepfunctions")
    try:
        with translated("looking up the run that holds the lock"):
            # Without its input and output: those are encrypted, and the function may not use their key.
            execution = stepfunctions.describe_execution(executionArn=execution_arn, includedData="METADATA_ONLY")
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return None
    status: str = execution["status"]
    return status
