"""Record which versions of findings were handled: one item per finding, so that each version is reported once.

`{Id, Version, Before, UpdatedAt, Plan, PlanBefore, Day, Finding, State, Owner, LeaseUntil, Warned, Steps, Announced,
ExpiresAt}`. `Version` is the finding's status, time and access; `Plan` marks the steps that the settings intended for
it, and `Day` is the day of an attempt to take them. A version is handled again when the settings intend other steps
for it, and once a day while steps are intended and the finding stays active. `Before` and `PlanBefore` are what was
handled last.

A call claims a version with a lease before it acts on it. `State` is "open" until the notice is sent. If a call did
not finish, the next one finishes that version before it turns to a later one. A write whose response was lost is
recognized by its `Owner`. `Announced` outlives versions: the finding's end is to be reported. Active findings are kept
while active.
"""

from dataclasses import dataclass, field
from typing import Any

from .errors import Busy
from .findings import ACTIVE, Finding, loads

OPEN, TOLD = "open", "told"
Item = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Claim:
    """A version to handle, claimed by `owner`."""

    finding: Finding
    owner: str
    warned: bool = False
    resumed: bool = False
    announced: bool = False
    """True if the finding's end is to be reported."""
    before: str = ""
    """The version that was handled last; "" for the first one."""
    plan: str = ""
    plan_before: str = ""
    steps: dict[str, str] = field(default_factory=dict)
    """What an earlier attempt began, by the key of the step."""

    @property
    def same_version(self) -> bool:
        """True if this version was handled before, under other settings or on another day."""
        return self.before == self.finding.version

    @property
    def repeated(self) -> bool:
        """True if the same steps were intended for this version before."""
        return self.same_version and self.plan == self.plan_before


class Ledger:
    """The table of versions."""

    def __init__(self, dynamodb: Any, table: str, keep_seconds: int) -> None:
        self._dynamodb, self._table, self._keep = dynamodb, table, keep_seconds

    def claim(self, finding: Finding, owner: str, now: int, lease: int, plan: str = "", day: str = "") -> Claim | None:
        """Claim this version, or an earlier one that was not finished. Return None if it was handled. Raise Busy.

        `owner` is new for each claim; `now` and `lease`, the lease's end, are epoch milliseconds. `plan` and `day`
        are "" if no steps are intended.
        """
        values: Item = {
            "Version": {"S": finding.version},
            "UpdatedAt": {"S": finding.updated_at},
            "Plan": {"S": plan},
            "Day": {"S": day},
            "Finding": {"S": finding.dumps()},
            "State": {"S": OPEN},
            "Owner": {"S": owner},
            "LeaseUntil": {"N": str(lease)},
            "Warned": {"BOOL": False},
            "Steps": {"M": {}},
        }
        gone = []
        if finding.status == ACTIVE:
            gone.append("ExpiresAt")
        else:
            values["ExpiresAt"] = {"N": str(now // 1000 + self._keep)}
        # All expressions see the item as it was.
        kept = ["#Before = if_not_exists(#Version, :none)", "#PlanBefore = if_not_exists(#Plan, :none)"]
        sets = ", ".join([f"#{name} = :{name}" for name in values] + kept)
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"Id": {"S": finding.id}},
                UpdateExpression=f"SET {sets}" + (f" REMOVE {', '.join(gone)}" if gone else ""),
                ConditionExpression="attribute_not_exists(Id) OR (#State = :handled AND (#UpdatedAt < :UpdatedAt OR "
                "(#UpdatedAt = :UpdatedAt AND (#Version <> :Version OR #Plan <> :Plan OR #Day <> :Day))))",
                ExpressionAttributeNames={f"#{name}": name for name in [*values, "Before", "PlanBefore"]},
                ExpressionAttributeValues={
                    ":handled": {"S": TOLD},
                    ":none": {"S": ""},
                    **{f":{name}": value for name, value in values.items()},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            found: Item = error.response["Item"]
            if found["Owner"]["S"] != owner:  # Otherwise it is this write, whose first response was lost.
                return self._resume(found, owner, now, lease)
            answer = {"Attributes": found}
        return _claim(answer["Attributes"], finding, owner)

    def _resume(self, item: Item, owner: str, now: int, lease: int) -> Claim | None:
        if item["State"]["S"] == TOLD:
            return None
        if int(item["LeaseUntil"]["N"]) > now:
            raise Busy("Another call is working on this finding.")
        finding = loads(item["Finding"]["S"])
        changes = {"Owner": {"S": owner}, "LeaseUntil": {"N": str(lease)}}
        if not self._update(finding, item["Owner"]["S"], changes):
            raise Busy("Another call has just claimed this finding.")
        return _claim(item, finding, owner, resumed=True)

    def began(self, claim: Claim, key: str, said: str) -> None:
        """Record a step, and the sentence that says what it does, before it changes anything."""
        claim.steps[key] = said
        self._must(claim, {"Steps": {"M": {name: {"S": text} for name, text in claim.steps.items()}}})

    def warned(self, claim: Claim) -> None:
        """Record that a notice of a failure was sent."""
        self._must(claim, {"Warned": {"BOOL": True}, "Announced": {"BOOL": True}})

    def told(self, claim: Claim, announced: bool) -> None:
        """Record that the version is handled; `announced` if the finding's end is to be reported."""
        self._must(claim, {"State": {"S": TOLD}, **({"Announced": {"BOOL": True}} if announced else {})})

    def release(self, claim: Claim) -> None:
        """End the lease, so that the next attempt can begin at once."""
        self._update(claim.finding, claim.owner, {"LeaseUntil": {"N": "0"}})

    def forget(self, finding_id: str, now: int) -> None:
        """Let the item of a deleted finding expire, if there is one. `now` is in epoch milliseconds."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"Id": {"S": finding_id}},
                UpdateExpression="SET ExpiresAt = :ExpiresAt",
                ConditionExpression="attribute_exists(Id) AND attribute_not_exists(ExpiresAt)",
                ExpressionAttributeValues={":ExpiresAt": {"N": str(now // 1000 + self._keep)}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return

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


def _claim(item: Item, finding: Finding, owner: str, *, resumed: bool = False) -> Claim:
    return Claim(
        finding,
        owner,
        item["Warned"]["BOOL"],
        resumed,
        "Announced" in item,
        item["Before"]["S"],
        item["Plan"]["S"],
        item["PlanBefore"]["S"],
        {key: text["S"] for key, text in item["Steps"]["M"].items()},
    )
