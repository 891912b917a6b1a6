"""The latest state of each device, as items of a DynamoDB table. A state never goes back in time."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from common import aws_errors

from .readings import Reading, Value
from .records import Place

GROUPS = 16
"""Groups of devices in the index: each can take 1,000 changes a second."""
AT_ONCE = 8
"""Writes at the same time."""

Item = dict[str, Any]


@dataclass(frozen=True)
class State:
    """A reading and its place: of two readings of the same time, the later place is the later state."""

    reading: Reading
    place: Place

    @property
    def order(self) -> str:
        """Return a text that sorts as states follow each other."""
        at = self.reading.at.isoformat(timespec="microseconds")
        return f"{at} {self.place.topic}/{self.place.partition:010}/{self.place.offset:020}"


@dataclass
class Outcome:
    """Counts of states, and what could not be written, by its place."""

    kept: int = 0
    late: int = 0
    returned: int = 0
    failed: dict[Place, Exception] | None = None


def newest(states: Iterable[State]) -> list[State]:
    """Return the last state of each device."""
    found: dict[str, State] = {}
    for state in states:
        before = found.get(state.reading.device)
        if before is None or state.order > before.order:
            found[state.reading.device] = state
    return list(found.values())


def group(device: str) -> str:
    """Return the group of a device in the index."""
    return f"{zlib.crc32(device.encode()) % GROUPS:02}"


@dataclass(frozen=True)
class Table:
    """The table, and the days after its last reading for which it keeps a device."""

    name: str
    keep_days: int
    dynamodb: Any

    def keep(self, states: Sequence[State]) -> Outcome:
        """Write the states of different devices, unless a later one is there."""
        outcome = Outcome(failed={})
        if not states:
            return outcome
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for state, result in zip(states, pool.map(self._write, states), strict=True):
                if isinstance(result, Exception):
                    outcome.failed[state.place] = result  # type: ignore[index]
                elif result is None:
                    outcome.late += 1
                else:
                    outcome.kept += 1
                    outcome.returned += "silent_since" in result
        return outcome

    def _write(self, state: State) -> Mapping[str, Any] | Exception | None:
        """Write one. Return what was there before, None if it is later, or AWS's error after all retries."""
        try:
            answer = self.dynamodb.put_item(
                TableName=self.name,
                Item=self.item(state),
                ConditionExpression="attribute_not_exists(device_id) OR last_order < :order",
                ExpressionAttributeValues={":order": {"S": state.order}},
                ReturnValues="ALL_OLD",
            )
        except Exception as error:
            failure = aws_errors.read(error)
            if not failure:
                raise
            return None if failure.code == "ConditionalCheckFailedException" else error
        before: Mapping[str, Any] = answer.get("Attributes") or {}
        return before

    def item(self, state: State) -> Item:
        """Return the item of a state, which depends on the record alone."""
        reading = state.reading
        values = {**reading.values, "schema_version": Decimal(reading.version)}
        return {
            "device_id": {"S": reading.device},
            "event_time": {"S": reading.at.isoformat(timespec="microseconds")},
            "last_order": {"S": state.order},
            "watch_group": {"S": group(reading.device)},
            "expires_at": {"N": str(int(reading.at.timestamp()) + self.keep_days * 86_400)},
            "readings": {"M": {name: _attribute(value) for name, value in reading.further.items()}},
            **{name: _attribute(value) for name, value in values.items()},
        }


def _attribute(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"S": value} if isinstance(value, str) else {"N": format(value, "f")}
