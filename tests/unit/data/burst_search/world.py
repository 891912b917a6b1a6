"""A job in one process: moto keeps objects and items, asynchronous calls wait in a list, faults come on demand."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common import clients
from data.burst_search import combine, dispatch, monitor, plan, worker
from data.burst_search.errors import Unavailable

SOURCE, RESULTS, TABLE = "logs-of-ours", "results-of-ours", "burst"
CONTEXT = SimpleNamespace(aws_request_id="r")


class KillError(BaseException):
    """Raised where a function's process ends."""


def aws_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Op",
    )


class S3:
    """Objects by bucket and key, listed in pages of `page`."""

    page = 7

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> dict[str, Any]:
        self.objects[Bucket, Key] = Body
        return {}

    def delete_object(self, Bucket: str, Key: str) -> None:
        del self.objects[Bucket, Key]

    def get_object(self, Bucket: str, Key: str, IfMatch: str = "", Range: str = "") -> dict[str, Any]:
        if (body := self.objects.get((Bucket, Key))) is None:
            raise aws_error("NoSuchKey", 404)
        if IfMatch and IfMatch != self.etag(body):
            raise aws_error("PreconditionFailed", 412)
        if Range:
            first, last = map(int, Range.removeprefix("bytes=").split("-"))
            body = body[first : last + 1]
        return {"Body": io.BytesIO(body), "ContentLength": len(body), "ResponseMetadata": {"RetryAttempts": 0}}

    def list_objects_v2(self, Bucket: str, Prefix: str, ContinuationToken: str = "") -> dict[str, Any]:
        keys = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        rest = [key for key in keys if key > ContinuationToken]
        bodies = [(key, self.objects[Bucket, key]) for key in rest[: self.page]]
        contents = [{"Key": key, "ETag": self.etag(body), "Size": len(body)} for key, body in bodies]
        more = {"IsTruncated": True, "NextContinuationToken": rest[self.page - 1]} if len(rest) > self.page else {}
        return {"Contents": contents, **more} if contents else {}

    @staticmethod
    def etag(body: bytes) -> str:
        return f'"{hashlib.sha256(body).hexdigest()}"'


class DynamoDB:
    """The items of one table, with the expressions that `store` uses, as test_store has them of moto."""

    page = 3

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def _key(self, key: dict[str, Any]) -> tuple[str, str]:
        return key["partition"]["S"], key["part"]["S"]

    def get_item(self, Key: dict[str, Any], **_: Any) -> dict[str, Any]:
        item = self.items.get(self._key(Key))
        return {"Item": item} if item else {}

    def put_item(self, Item: dict[str, Any], ConditionExpression: str = "", **_: Any) -> dict[str, Any]:
        if ConditionExpression and self._key(Item) in self.items:
            raise aws_error("ConditionalCheckFailedException")
        self.items[self._key(Item)] = Item
        return {}

    def update_item(
        self,
        Key: dict[str, Any],
        UpdateExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, Any],
        **_: Any,
    ) -> dict[str, Any]:
        item: dict[str, Any] = dict(self.items.get(self._key(Key), Key))
        sets, adds = UpdateExpression.removeprefix("SET ").removeprefix("ADD ").partition(" ADD ")[::2]
        if UpdateExpression.startswith("ADD"):
            sets, adds = "", sets
        for alias, given in re.findall(r"(#\w+) = (?:if_not_exists\(#\w+, )?(:\w+)", sets):
            name, value = ExpressionAttributeNames[alias], ExpressionAttributeValues[given]
            item[name] = item.get(name, value) if "if_not_exists" in sets else value
        for alias, given in re.findall(r"(#\w+) (:\w+)", adds):
            name, value = ExpressionAttributeNames[alias], ExpressionAttributeValues[given]
            if "NS" in value:
                item[name] = {"NS": sorted({*item.get(name, {"NS": []})["NS"], *value["NS"]})}
            else:
                item[name] = {"N": str(int(item.get(name, {"N": "0"})["N"]) + int(value["N"]))}
        self.items[self._key(Key)] = item
        return {"Attributes": item}

    def query(self, ExpressionAttributeValues: dict[str, Any], ExclusiveStartKey: Any = None, **_: Any) -> Any:
        partition, beginning = (ExpressionAttributeValues[name]["S"] for name in (":partition", ":part"))
        after = self._key(ExclusiveStartKey)[1] if ExclusiveStartKey else ""
        keys = sorted(k for k in list(self.items) if k[0] == partition and k[1].startswith(beginning) and k[1] > after)
        items = [self.items[key] for key in keys[: self.page]]
        return {"Items": items, **({"LastEvaluatedKey": items[-1]} if len(keys) > self.page else {})}


class World:
    """The services that a job calls. `queue` has the asynchronous calls that were not delivered yet."""

    def __init__(self, patched: pytest.MonkeyPatch, **settings: Any) -> None:
        self.patched = patched
        self.queue: list[tuple[str, dict[str, Any]]] = []
        self.calls: Counter[str] = Counter()
        self.signals: list[tuple[str, dict[str, Any]]] = []
        self.fault: Callable[[str, dict[str, Any]], None] = lambda operation, arguments: None
        self.longest = 0
        self.s3, self.dynamodb = S3(), DynamoDB()
        self.environment(
            TABLE=TABLE, BUCKET=RESULTS, BUCKET_OWNER="123456789012", KMS_KEY_ARN="arn:aws:kms:eu-central-1:1:key/k",
            SOURCES={"logs": {"bucket": SOURCE, "prefix": "app/"}},
            SEARCHES={"log_grep": "data.burst_search.examples.log_grep"},
            BATCH_OBJECTS=4, DISPATCH_FUNCTION="dispatch", WORKER_FUNCTION="worker", THREADS=1, **settings,
        )  # fmt: skip
        patched.setattr(clients, "client", self.client)
        for module in (plan, dispatch, worker, monitor, combine):
            patched.setattr(module.observability, "count", lambda name, value: self.calls.update({name: value}))
        worker._prepared.clear()

    def environment(self, **values: Any) -> None:
        for name, value in values.items():
            self.patched.setenv(name, value if isinstance(value, str) else json.dumps(value))

    def client(self, service: str, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(**{name: self._operation(service, name) for name in _OPERATIONS[service]})

    def _operation(self, service: str, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls[name] += 1
            self.fault(name, arguments)
            if service == "lambda":
                self.queue.append((arguments["FunctionName"], json.loads(arguments["Payload"])))
                return {"StatusCode": 202}
            if service == "stepfunctions":
                self.signals.append((arguments["taskToken"], json.loads(arguments["output"])))
                return {}
            arguments.pop("ExpectedBucketOwner", None)
            return getattr(self.s3 if service == "s3" else self.dynamodb, name)(**arguments)

        return call

    def search(self, name: str, **functions: Callable[..., Any]) -> None:
        """Add a search of the user's own."""
        module = ModuleType(name)
        for each, function in {"prepare": lambda params, read: params, **functions}.items():
            setattr(module, each, function)
        self.patched.setitem(sys.modules, name, module)
        self.environment(SEARCHES={name: name})

    def put(self, objects: dict[str, bytes]) -> None:
        for key, body in objects.items():
            self.s3.put_object(Bucket=SOURCE, Key=key, Body=body)

    def plan(self, execution: str = "job", **request: Any) -> dict[str, Any]:
        return plan.handler({"execution": execution, "input": request}, CONTEXT)

    def deliver(self, chosen: int = 0, *, again: bool = False) -> None:
        """Deliver a waiting call. One that fails waits again, twice at most; `again` keeps one that was delivered."""
        function, event = self.queue[chosen] if again else self.queue.pop(chosen)
        self.longest = max(self.longest, event.get("depth", 0))
        try:
            {"dispatch": dispatch, "worker": worker}[function].handler(event, CONTEXT)
        except (KillError, ClientError, Unavailable):
            event["attempts"] = event.get("attempts", 0) + 1
            if event["attempts"] < 3:
                self.queue.append((function, event))

    def drain(self, order: random.Random | None = None, again: float = 0.0) -> None:
        while self.queue:
            chosen = order.randrange(len(self.queue)) if order else 0
            self.deliver(chosen, again=order is not None and order.random() < again)

    def run(
        self, execution: str = "job", order: random.Random | None = None, again: float = 0.0, **request: Any
    ) -> Any:
        """Run a job as the state machine does. Return its summary."""
        try:
            self.plan(execution, **request)
        except KillError:
            self.plan(execution, **request)
        for number in range(20):
            token = f"{execution}-{number}"
            try:
                monitor.handler({"job": execution, "token": token, "round": number}, CONTEXT)
            except (KillError, ClientError):
                continue
            self.drain(order, again)
            if answers := [answer for sent, answer in self.signals if sent == token]:
                return self.combine(execution, answers[0]["reason"])
        return self.combine(execution, "rounds")

    def combine(self, execution: str, reason: str) -> Any:
        """Combine a job, again if the function ends on the way."""
        try:
            return combine.handler({"job": execution, "reason": reason}, CONTEXT)
        except KillError:
            return combine.handler({"job": execution, "reason": reason}, CONTEXT)

    def result(self, summary: dict[str, Any], name: str = "page", field: str = "matches") -> list[dict[str, Any]]:
        """Return the rows of all pages of a result."""
        count = summary["pages" if name == "page" else "failed_pages"]
        keys = [f"{summary['prefix']}{name}-{page:05d}.json" for page in range(1, count + 1)]
        return [row for key in keys for row in json.load(self.s3.get_object(Bucket=RESULTS, Key=key)["Body"])[field]]


_OPERATIONS = {
    "s3": ["list_objects_v2", "get_object", "put_object"],
    "dynamodb": ["get_item", "put_item", "update_item", "query"],
    "lambda": ["invoke"],
    "stepfunctions": ["send_task_success"],
}


def make(patched: pytest.MonkeyPatch, **settings: Any) -> Iterator[World]:
    """Yield a world."""
    yield World(patched, **settings)


def logs(count: int) -> dict[str, bytes]:
    """Return log files in three folders; of each five one has an error, of each seven one has two."""

    def text(number: int) -> bytes:
        return b"start\n" + b"error\n" * (not number % 5) + b"error error\n" * (not number % 7)

    return {f"app/{number % 3}/{number:03d}.log": text(number) for number in range(count)}


def sequential(objects: dict[str, bytes], word: bytes = b"error") -> list[tuple[str, float, int]]:
    """Return (key, score, line) of each match, as a plain loop finds and sorts them."""
    found = [
        (key, float(line.count(word)), number)
        for key, body in objects.items()
        for number, line in enumerate(body.splitlines(), 1)
        if word in line
    ]
    return sorted(found, key=lambda match: (-match[1], match[0].encode(), match[2]))


def shown(rows: list[dict[str, Any]]) -> list[tuple[str, float, int]]:
    """Return the rows of a result in the form of `sequential`."""
    return [(row["key"], row["score"], row["detail"]["line"]) for row in rows]
