"""The job's items in DynamoDB. Every write may be repeated: it depends on the batch, not on the attempt.

Partition `<job>`: `job` (what `plan` decided), `progress` (the groups that are complete, the token of the waiting
state). Partition `<job>/<group>`: `group` (the batches that are done), and for each unit `done#<unit>`, which names the
attempt that counts, and `found#<unit>#<attempt>#<n>` with what it found. A unit is a batch, or one object of a batch.

A set of numbers counts: adding a number twice changes nothing, and no transaction is needed.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common import aws_errors

from .errors import JobMissing
from .job import Job
from .matches import Match, chunks

THREADS = 16


@dataclasses.dataclass(frozen=True)
class Failed:
    """An object that was not searched, and why."""

    key: str
    reason: str

    @classmethod
    def of(cls, key: str, reason: str) -> "Failed":
        """Return the row for a reason of any text."""
        return cls(key, reason[:300].encode(errors="replace").decode())

    def stored(self) -> dict[str, Any]:
        """Return it as DynamoDB keeps it."""
        return {"k": self.key, "r": self.reason}

    def size(self) -> int:
        """Return about how many bytes it takes in DynamoDB, and at most."""
        return len(self.key.encode()) + len(self.reason.encode()) + 64


@dataclasses.dataclass(frozen=True)
class Found:
    """What one unit found: its matches, the objects that it could not search, and the number of those it did."""

    searched: int
    matches: Sequence[Match]
    failed: Sequence[Failed]


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a job is. `reason` says why it ended; it is empty while the job runs."""

    done: frozenset[int] = frozenset()
    token: str = ""
    reason: str = ""
    calls: int = 0
    units: int = -1
    """Batches and single objects that were done at the last look; -1 before the first."""
    stalls: int = 0
    """Looks that found nothing more done than the one before."""


@dataclasses.dataclass(frozen=True)
class Group:
    """How far a group is: its batches that are done, single objects that are done by batch, and worker time."""

    done: frozenset[int] = frozenset()
    ones: Mapping[int, frozenset[int]] = dataclasses.field(default_factory=dict)
    milliseconds: int = 0


def unit(batch: int, one: int | None = None) -> str:
    """Return the name of a unit in sort keys."""
    return f"{batch:06d}" if one is None else f"{batch:06d}.{one:04d}"


class Store:
    """The items of one job."""

    def __init__(self, client: Any, table: str, job: str) -> None:
        from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

        self.client, self.table, self.name = client, table, job
        self._write, self._read = TypeSerializer().serialize, TypeDeserializer().deserialize

    def create(self, job: Job) -> Job:
        """Store a job. Return the one that is stored: the first attempt's."""
        self._put_once(self.name, "job", job.stored())
        return self.job()

    def begin(self, job: Job) -> None:
        """Store the progress of a job, once."""
        self._put_once(self.name, "progress", {"calls": job.tree.calls, "expires_at": job.expires_at})

    def find(self) -> Job | None:
        """Return the job if it is stored."""
        item = self._get(self.name, "job")
        return Job.load(item) if item else None

    def job(self) -> Job:
        """Return the job. Raise JobMissing."""
        found = self.find()
        if found is None:
            raise JobMissing(f"There is no job {self.name}: it was not planned, or has expired. Start a new execution.")
        return found

    def progress(self) -> Progress:
        """Return how far the job is."""
        return _progress(self._get(self.name, "progress"))

    def arm(self, token: str) -> Progress:
        """Store the token of the state that waits. Return how far the job is at that moment."""
        return _progress(
            self._update(self.name, "progress", "SET #token = :token", {":token": token}, {"#token": "token"})
        )

    def look(self, units: int, stalls: int, calls: int) -> None:
        """Store what the monitor saw, and the calls that it makes."""
        values = {":units": units, ":stalls": stalls, ":calls": calls}
        self._update(self.name, "progress", "SET #units = :units, #stalls = :stalls ADD #calls :calls", values, _NAMES)

    def end(self, reason: str) -> Progress:
        """Store why the job ended, unless it had ended. Return its progress."""
        expression = "SET #reason = if_not_exists(#reason, :reason)"
        return _progress(self._update(self.name, "progress", expression, {":reason": reason}, {"#reason": "reason"}))

    def save(self, job: Job, batch: int, one: int | None, attempt: str, found: Found) -> bool:
        """Store what a unit found. Return false if another attempt was first: its result counts."""
        partition, name = self._partition(job.group(batch)), unit(batch, one)
        values = [(match.stored(), match.size()) for match in found.matches]
        values += [(row.stored(), row.size()) for row in found.failed]
        items = chunks(values)
        for number, rows in enumerate(items):
            self._put(partition, f"found#{name}#{attempt}#{number:04d}", {"rows": rows, "expires_at": job.expires_at})
        marker = {"attempt": attempt, "chunks": len(items), "searched": found.searched, "expires_at": job.expires_at}
        return self._put_once(partition, f"done#{name}", marker)

    def saved(self, job: Job, batch: int, one: int | None) -> bool:
        """Return true if a unit's result is stored."""
        return self._get(self._partition(job.group(batch)), f"done#{unit(batch, one)}") is not None

    def count(self, job: Job, batch: int, one: int | None, objects: int, milliseconds: int) -> Progress | None:
        """Count a unit as done. Return the job's progress if that completes its group."""
        group = job.group(batch)
        partition = self._partition(group)
        values = {":ms": milliseconds, ":expires": job.expires_at}
        spent = {"#ms": "milliseconds", "#expires": "expires_at"}
        if one is not None:
            ones = self._update(
                partition, f"ones#{unit(batch)}", "SET #expires = :expires ADD #done :one, #ms :ms",
                {**values, ":one": {one}}, {**spent, "#done": "done"},
            )  # fmt: skip
            if len(ones["done"]) < objects:
                return None
            values[":ms"] = 0
        item = self._update(
            partition, "group", "SET #expires = :expires ADD #done :batch, #ms :ms",
            {**values, ":batch": {batch}}, {**spent, "#done": "done"},
        )  # fmt: skip
        return self.complete(group) if len(item["done"]) == job.tree.size(group) else None

    def complete(self, group: int) -> Progress:
        """Count a group as complete. Return the job's progress."""
        return _progress(
            self._update(self.name, "progress", "ADD #done :group", {":group": {group}}, {"#done": "done"})
        )

    def groups(self, numbers: Sequence[int]) -> dict[int, Group]:
        """Return how far some groups are."""
        with ThreadPoolExecutor(THREADS) as pool:
            return dict(zip(numbers, pool.map(self._group, numbers), strict=True))

    def found(self, job: Job) -> Iterator[tuple[int, dict[str, tuple[int, list[dict[str, Any]]]]]]:
        """Yield each group with what counts: (objects searched, rows), by unit."""
        with ThreadPoolExecutor(THREADS) as pool:
            yield from enumerate(pool.map(self._found, range(job.tree.groups)))

    def _group(self, number: int) -> Group:
        item = self._get(self._partition(number), "group") or {}
        ones = {int(one["part"].partition("#")[2]): one for one in self._query(self._partition(number), "ones#")}
        spent = item.get("milliseconds", 0) + sum(one.get("milliseconds", 0) for one in ones.values())
        return Group(_numbers(item), {batch: _numbers(one) for batch, one in ones.items()}, int(spent))

    def _found(self, number: int) -> dict[str, tuple[int, list[dict[str, Any]]]]:
        partition = self._partition(number)
        markers = {item["part"].partition("#")[2]: item for item in self._query(partition, "done#")}
        rows: dict[str, dict[int, list[dict[str, Any]]]] = {name: {} for name in markers}
        for item in self._query(partition, "found#"):
            _, name, attempt, chunk = item["part"].split("#")
            if name in markers and markers[name]["attempt"] == attempt:
                rows[name][int(chunk)] = item["rows"]
        for name, marker in markers.items():
            if len(rows[name]) != marker["chunks"]:
                raise JobMissing(f"Job {self.name} has lost {name}: its items have expired. Start a new execution.")
        return {
            name: (int(marker["searched"]), [row for chunk in sorted(rows[name]) for row in rows[name][chunk]])
            for name, marker in markers.items()
        }

    def _partition(self, group: int) -> str:
        return f"{self.name}/{group:05d}"

    def _key(self, partition: str, part: str) -> dict[str, Any]:
        return {"partition": {"S": partition}, "part": {"S": part}}

    def _get(self, partition: str, part: str) -> dict[str, Any] | None:
        answer = self.client.get_item(TableName=self.table, Key=self._key(partition, part), ConsistentRead=True)
        return self._plain(answer["Item"]) if "Item" in answer else None

    def _put(self, partition: str, part: str, fields: Mapping[str, Any], **condition: Any) -> None:
        item = {name: self._write(value) for name, value in fields.items()} | self._key(partition, part)
        self.client.put_item(TableName=self.table, Item=item, **condition)

    def _put_once(self, partition: str, part: str, fields: Mapping[str, Any]) -> bool:
        try:
            self._put(partition, part, fields, ConditionExpression="attribute_not_exists(part)")
        except Exception as error:
            failure = aws_errors.read(error)
            if failure is None or failure.code != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _update(
        self, partition: str, part: str, expression: str, values: Mapping[str, Any], names: Mapping[str, str]
    ) -> dict[str, Any]:
        answer = self.client.update_item(
            TableName=self.table,
            Key=self._key(partition, part),
            UpdateExpression=expression,
            ExpressionAttributeNames=dict(names),
            ExpressionAttributeValues={name: self._write(value) for name, value in values.items()},
            ReturnValues="ALL_NEW",
        )
        return self._plain(answer["Attributes"])

    def _query(self, partition: str, beginning: str) -> Iterator[dict[str, Any]]:
        more: dict[str, Any] = {}
        while True:
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression="#partition = :partition AND begins_with(part, :part)",
                ExpressionAttributeNames={"#partition": "partition"},
                ExpressionAttributeValues={":partition": {"S": partition}, ":part": {"S": beginning}},
                ConsistentRead=True,
                **more,
            )
            yield from map(self._plain, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _plain(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._read(value) for name, value in item.items()}


_NAMES = {"#units": "units", "#stalls": "stalls", "#calls": "calls"}


def _numbers(item: Mapping[str, Any]) -> frozenset[int]:
    return frozenset(int(number) for number in item.get("done", ()))


def _progress(item: Mapping[str, Any] | None) -> Progress:
    item = item or {}
    return Progress(
        _numbers(item),
        item.get("token", ""),
        item.get("reason", ""),
        int(item.get("calls", 0)),
        int(item.get("units", -1)),
        int(item.get("stalls", 0)),
    )
