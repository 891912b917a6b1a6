"""Which versions of findings were dealt with: an item for each finding, so that each version is told once.

`{Id, Status, UpdatedAt, Finding, State, Owner, LeaseUntil, Warned, Done, Announced, ExpiresAt}`. A version is claimed
before anything is done about it, with a lease; `State` is "open" until its notice is out. What a call began and did
not end, the next one ends, before it turns to a later version. A write whose answer was lost is known by its `Owner`.
`Announced` outlives versions: a notice of this finding has gone out. What is active is remembered while it is.
"""

from dataclasses import dataclass
from typing import Any

from .errors import Busy
from .findings import ACTIVE, Finding, loads

OPEN, TOLD = "open", "told"
Item = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Claim:
    """A version to deal with, in `owner`'s hands. `done`: what an earlier try did, None for nothing."""

    finding: Finding
    owner: str
    warned: bool = False
    done: tuple[str, ...] | None = None
    resumed: bool = False
    announced: bool = False
    """Whether an earlier version was told."""


class Ledger:
    """The table."""

    def __init__(self, dynamodb: Any, table: str, keep_seconds: int) -> None:
        self._dynamodb, self._table, self._keep = dynamodb, table, keep_seconds

    def claim(self, finding: Finding, owner: str, now: int, lease: int) -> Claim | None:
        """This version, or an earlier one that was not finished; None when it was dealt with. Raises Busy.

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
                ConditionExpression="attribute_not_exists(Id) OR (#State = :told AND "
                "(#UpdatedAt < :UpdatedAt OR (#UpdatedAt = :UpdatedAt AND #Status <> :Status)))",
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={":told": {"S": TOLD}, **{f":{name}": v for name, v in values.items()}},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            found: Item = error.response["Item"]
            if found["Owner"]["S"] != owner:  # else this very write, whose first answer was lost
                return self._resume(found, owner, now, lease)
            answer = {"Attributes": found}
        return Claim(finding, owner, announced="Announced" in answer["Attributes"])

    def _resume(self, item: Item, owner: str, now: int, lease: int) -> Claim | None:
        if item["State"]["S"] == TOLD:
            return None
        if int(item["LeaseUntil"]["N"]) > now:
            raise Busy("Another call is at work on this finding.")
        finding = loads(item["Finding"]["S"])
        changes = {"Owner": {"S": owner}, "LeaseUntil": {"N": str(lease)}}
        if not self._update(finding, item["Owner"]["S"], changes):
            raise Busy("Another call has just taken this finding up.")
        done = tuple(text["S"] for text in item["Done"]["L"]) if "Done" in item else None
        return Claim(finding, owner, item["Warned"]["BOOL"], done, True, "Announced" in item)

    def done(self, claim: Claim, done: list[str]) -> None:
        """Notes what was done, before it is told."""
        self._must(claim, {"Done": {"L": [{"S": text} for text in done]}})

    def warned(self, claim: Claim) -> None:
        """Notes that a failure was told."""
        self._must(claim, {"Warned": {"BOOL": True}, "Announced": {"BOOL": True}})

    def told(self, claim: Claim, announced: bool) -> None:
        """The version is dealt with; `announced` when a notice of it went out."""
        self._must(claim, {"State": {"S": TOLD}, **({"Announced": {"BOOL": True}} if announced else {})})

    def release(self, claim: Claim) -> None:
        """Lets the next try begin at once."""
        self._update(claim.finding, claim.owner, {"LeaseUntil": {"N": "0"}})

    def _must(self, claim: Claim, changes: Item) -> None:
        if not self._update(claim.finding, claim.owner, changes):
            raise Busy("The lease on this finding ran out, and another call has taken it up.")

    def _update(self, finding: Finding, owner: str, changes: Item) -> bool:
        """False when the finding is not in the owner's hands, nor in those that the change puts it into."""
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
