"""Record which versions of findings were handled: one item per finding, so that each version is reported once.

`{Id, Status, UpdatedAt, Finding, State, Owner, LeaseUntil, Warned, Done, Announced, ExpiresAt}`. A call claims a
version with a lease before it acts on it. `State` is "open" until the notice is sent. If a call did not finish, the
next one finishes that version before it turns to a later one. A write whose response was lost is recognized by its
`Owner`. `Announced` outlives versions: a notice of this finding was sent. Active findings are kept while active.
"""

from dataclasses import dataclass
from typing import Any

from .errors import Busy
from .findings import ACTIVE, Finding, loads

OPEN, TOLD = "open", "told"
Item = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Claim:
    """A version to handle, claimed by `owner`. `done`: the result of an earlier attempt; None if there is none."""

    finding: Finding
    owner: str
    warned: bool = False
    done: tuple[str, ...] | None = None
    resumed: bool = False
    announced: bool = False
    """True if a notice of an earlier version was sent."""


class Ledger:
    """The table of versions."""

    def __init__(self, dynamodb: Any, table: str, keep_seconds: int) -> None:
        self._dynamodb, self._table, self._keep = dynamodb, table, keep_seconds

    def claim(self, finding: Finding, owner: str, now: int, lease: int) -> Claim | None:
        """Claim this version, or an earlier one that was not finished. Return None if it was handled. Raise Busy.

        `owner` is new for each claim; `now` and `lease`, the lease's end, are epoch milliseconds.
        """
        values: Item = {
            "Status": {"S": finding.status},
            "UpdatedAt": {"S": finding.updated_at},
            "Finding": {"S": finding.dumps()},
            "State": {"S": OPEN},
            "Owner": {"S": owner},
            "LeaseUntil": {"N": str(lease)},
            "Warned": {"BOOL": False},
        }
        gone = ["Done"]
        if finding.status == ACTIVE:
            gone.append("ExpiresAt")
        else:
            values["ExpiresAt"] = {"N": str(now // 1000 + self._keep)}
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"Id": {"S": finding.id}},
                UpdateExpression=f"SET {', '.join(f'#{name} = :{name}' for name in values)} REMOVE {', '.join(gone)}",
                ConditionExpression="attribute_not_exists(Id) OR (#State = :handled AND "
                "(#UpdatedAt < :UpdatedAt OR (#UpdatedAt = :UpdatedAt AND #Status <> :Status)))",
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={":handled": {"S": TOLD}, **{f":{name}": v for name, v in values.items()}},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            found: Item = error.response["Item"]
            if found["Owner"]["S"] != owner:  # Otherwise it is this write, whose first response was lost.
                return self._resume(found, owner, now, lease)
            answer = {"Attributes": found}
        return Claim(finding, owner, announced="Announced" in answer["Attributes"])

    def _resume(self, item: Item, owner: str, now: int, lease: int) -> Claim | None:
        if item["State"]["S"] == TOLD:
            return None
        if int(item["LeaseUntil"]["N"]) > now:
            raise Busy("Another call is working on this finding.")
        finding = loads(item["Finding"]["S"])
        changes = {"Owner": {"S": owner}, "LeaseUntil": {"N": str(lease)}}
        if not self._update(finding, item["Owner"]["S"], changes):
            raise Busy("Another call has just claimed this finding.")
        done = tuple(text["S"] for text in item["Done"]["L"]) if "Done" in item else None
        return Claim(finding, owner, item["Warned"]["BOOL"], done, True, "Announced" in item)

    def done(self, claim: Claim, done: list[str]) -> None:
        """Record what was done, before the notice is sent."""
        self._must(claim, {"Done": {"L": [{"S": text} for text in done]}})

    def warned(self, claim: Claim) -> None:
        """Record that a notice of a failure was sent."""
        self._must(claim, {"Warned": {"BOOL": True}, "Announced": {"BOOL": True}})

    def told(self, claim: Claim, announced: bool) -> None:
        """Record that the version is handled; `announced` if a notice of it was sent."""
        self._must(claim, {"State": {"S": TOLD}, **({"Announced": {"BOOL": True}} if announced else {})})

    def release(self, claim: Claim) -> None:
        """End the lease, so that the next attempt can begin at once."""
        self._update(claim.finding, claim.owner, {"LeaseUntil": {"N": "0"}})

    def _must(self, claim: Claim, changes: Item) -> None:
        if not self._update(claim.finding, claim.owner, changes):
            raise Busy("The lease on this finding expired, and another call has claimed it.")

    def _update(self, finding: Finding, owner: str, changes: Item) -> bool:
        """Return False if neither `owner` nor the owner that the change names has claimed the finding."""
        names = {f"#{name}": name for name in changes}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"Id": {"S": finding.id}},
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
                ConditionExpression="#Owner = :expected",
                ExpressionAttributeNames={**names, "#Owner": "Owner"},
                ExpressionAttributeValues={
                    ":expected": {"S": owner},
                    **{f":{name}": value for name, value in changes.items()},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            found: Item = error.response.get("Item", {})
            return "Owner" in changes and found.get("Owner") == changes["Owner"]
        return True
