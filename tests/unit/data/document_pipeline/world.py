"""The pipeline in one process: objects and items in memory, queues that redeliver, faults and kills on demand."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from common import clients
from data.document_pipeline import child, endpoint, failsafe, infer, intake, listing, render, sandbox

SOURCE, BUCKET, TABLE = "scans-of-ours", "pipeline-of-ours", "documents"
QUEUES = {"ingest": intake, "pages": render, "images": infer}
ATTEMPTS = 3


class KillError(BaseException):
    """Raised where a function's process ends."""


def aws_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Op",
    )


class S3:
    """Objects by bucket and key, listed in pages of `page`."""

    page = 3

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def put_object(self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "", **_: Any) -> dict[str, Any]:
        if IfNoneMatch and (Bucket, Key) in self.objects:
            raise aws_error("PreconditionFailed", 412)
        self.objects[Bucket, Key] = Body
        return {}

    def get_object(self, Bucket: str, Key: str, IfMatch: str = "", Range: str = "", **_: Any) -> dict[str, Any]:
        if (body := self.objects.get((Bucket, Key))) is None:
            raise aws_error("NoSuchKey", 404)
        if IfMatch and IfMatch != self.etag(body):
            raise aws_error("PreconditionFailed", 412)
        if Range:
            first, last = map(int, Range.removeprefix("bytes=").split("-"))
            body = body[first : last + 1]
        return {"Body": io.BytesIO(body)}

    def list_objects_v2(self, Bucket: str, Prefix: str, StartAfter: str = "") -> dict[str, Any]:
        keys = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        rest = [key for key in keys if key > StartAfter]
        bodies = [(key, self.objects[Bucket, key]) for key in rest[: self.page]]
        contents = [{"Key": key, "ETag": self.etag(body), "Size": len(body)} for key, body in bodies]
        return {"Contents": contents, "IsTruncated": len(rest) > self.page} if contents else {}

    @staticmethod
    def etag(body: bytes) -> str:
        return f'"{hashlib.sha256(body).hexdigest()}"'


class DynamoDB:
    """The items of one table, with the expressions that `ledger` uses, as test_ledger has them of moto."""

    page = 4

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def _key(self, key: dict[str, Any]) -> tuple[str, str]:
        return key["document"]["S"], key["part"]["S"]

    def get_item(self, Key: dict[str, Any], **_: Any) -> dict[str, Any]:
        item = self.items.get(self._key(Key))
        return {"Item": item} if item else {}

    def put_item(self, Item: dict[str, Any], ConditionExpression: str, **_: Any) -> dict[str, Any]:
        if self._key(Item) in self.items:
            raise aws_error("ConditionalCheckFailedException")
        self.items[self._key(Item)] = Item
        return {}

    def update_item(self, Key: dict[str, Any], UpdateExpression: str, **given: Any) -> dict[str, Any]:
        item: dict[str, Any] = dict(self.items.get(self._key(Key), Key))
        values = given["ExpressionAttributeValues"]
        if UpdateExpression.startswith("ADD"):
            item["done"] = {"NS": sorted({*item.get("done", {"NS": []})["NS"], *values[":number"]["NS"]})}
        else:
            if item.get("status") != values[":expected"]:
                raise aws_error("ConditionalCheckFailedException")
            item |= {name: values[value] for name, value in re.findall(r"#(\w+) = (:\w+)", UpdateExpression)}
        self.items[self._key(Key)] = item
        return {"Attributes": item}

    def query(self, ExpressionAttributeValues: dict[str, Any], ExclusiveStartKey: Any = None, **_: Any) -> Any:
        name, first, last = (ExpressionAttributeValues[f":{part}"]["S"] for part in ("document", "first", "last"))
        after = self._key(ExclusiveStartKey)[1] if ExclusiveStartKey else ""
        keys = sorted(key for key in self.items if key[0] == name and first <= key[1] <= last and key[1] > after)
        items = [self.items[key] for key in keys[: self.page]]
        return {"Items": items, **({"LastEvaluatedKey": items[-1]} if len(keys) > self.page else {})}


class SQS:
    """Messages by queue: (body, number of times received)."""

    def __init__(self) -> None:
        self.queues: dict[str, list[tuple[str, int]]] = {f"{q}{s}": [] for q in QUEUES for s in ("", "-dlq")}
        self.keeps = True
        self.failing: Callable[[str], bool] = lambda body: False

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        failed = [
            {"Id": entry["Id"], "Code": "InternalError"} for entry in Entries if self.failing(entry["MessageBody"])
        ]
        lost = {entry["Id"] for entry in failed}
        self.queues[QueueUrl] += [(entry["MessageBody"], 0) for entry in Entries if entry["Id"] not in lost]
        return {"Failed": failed} if failed else {}


class States:
    """Executions by name; each starts once."""

    class Exceptions:
        class ExecutionAlreadyExists(Exception):
            pass

    exceptions = Exceptions

    def __init__(self) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}

    def start_execution(self, stateMachineArn: str, name: str, **given: str) -> dict[str, Any]:
        if name in self.inputs:
            raise self.exceptions.ExecutionAlreadyExists
        self.inputs[name] = json.loads(given["input"])
        return {}


class Bytes(child.Remote):
    """A document in this process."""

    def __init__(self, content: bytes) -> None:
        super().__init__(len(content), io.BytesIO(), io.BytesIO())
        self._content = content

    def stream(self, buffer: int = 65536) -> io.BufferedReader:
        return io.BufferedReader(Bytes(self._content), buffer)

    def _block(self, number: int) -> bytes:
        return self._content[number * child.BLOCK : (number + 1) * child.BLOCK]


class InProcess(sandbox.Sandbox):
    """A sandbox without a process: the same code draws the pages."""

    _pdf: child.Pdf | None = None

    def _ask(self, question: dict[str, Any], seconds: int) -> tuple[dict[str, Any], bytes]:
        if self._pdf is None:  # read before: an exception would not leave PDFium's callback
            blocks = range(0, self._size, child.BLOCK)
            parts = [self._read(begin, min(child.BLOCK, self._size - begin)) for begin in blocks]
            self._pdf = child.Pdf(Bytes(b"".join(parts)))
        try:
            if "count" in question:
                return self._pdf.count(question["walk"]), b""
            return {"length": 1}, self._pdf.draw(**question)
        except child.Refused as error:
            return {"refused": str(error)}, b""
        except child.Failed as error:
            return {"failed": str(error)}, b""


class World:
    """The services. `fault` is called before each call and may raise; `lost` after it, as a lost answer does."""

    def __init__(self, patched: pytest.MonkeyPatch, *, model: bool = True, **settings: Any) -> None:
        self.patched, self.calls = patched, Counter[str]()
        self.counts: Counter[str] = Counter()
        self.s3, self.dynamodb, self.sqs, self.states = S3(), DynamoDB(), SQS(), States()
        self.fault: Callable[[str, dict[str, Any]], None] = lambda operation, arguments: None
        self.lost: Callable[[str, dict[str, Any]], None] = lambda operation, arguments: None
        self.model: Callable[[bytes], bytes] = lambda body: json.dumps({"features": [f"c{_colour(body)[0]}"]}).encode()
        self.asked: list[Any] = []
        self.environment(
            TABLE=TABLE, BUCKET=BUCKET, BUCKET_OWNER="123456789012", KMS_KEY_ARN="arn:aws:kms:eu-central-1:1:key/k",
            SOURCES={"scans": {"bucket": SOURCE, "prefix": "in/"}}, INGEST_QUEUE_URL="ingest", PAGES_QUEUE_URL="pages",
            IMAGES_QUEUE_URL="images", ATTEMPTS=ATTEMPTS, STATE_MACHINE_ARN="large",
            ENDPOINT={"kind": "sagemaker", "target": "m", "payload": "image", "features": "features",
                      "timeout_seconds": 1} if model else {}, **settings,
        )  # fmt: skip
        patched.setattr(clients, "client", self.client)
        for module in (intake, render, infer, failsafe):
            patched.setattr(module.observability, "count", lambda name, value: self.counts.update({name: value}))
        for module in (intake, render):
            patched.setattr(module, "Sandbox", InProcess)
        patched.setattr(endpoint, "_sagemaker", self._model)

    def environment(self, **values: Any) -> None:
        for name, value in values.items():
            self.patched.setenv(name, value if isinstance(value, str) else json.dumps(value))

    def client(self, service: str, *_: Any) -> Any:
        found = {"s3": self.s3, "dynamodb": self.dynamodb, "sqs": self.sqs, "stepfunctions": self.states}[service]
        return _Client(self, found)

    def _model(self, settings: dict[str, Any], body: bytes, kind: str) -> bytes:
        self.asked.append(body)
        return self.model(body)

    def put(self, key: str, body: bytes) -> None:
        self.s3.objects[SOURCE, f"in/{key}"] = body

    def batch(self, batch: str = "b", prefix: str = "in/") -> dict[str, Any]:
        """List a batch as the state machine does. Return the last answer."""
        answer: dict[str, Any] = {"after": "", "documents": 0}
        while True:
            event = {"execution": batch, "input": {"prefix": prefix}, **answer}
            answer = listing.handler(event, CONTEXT)
            if not answer["after"]:
                return answer

    def run(self) -> None:
        """Deliver messages and map items until nothing is left."""
        mapped: Counter[str] = Counter()
        for _ in range(2000):
            waiting = [name for name, messages in self.sqs.queues.items() if messages]
            items = [
                {"document": name, "range": number}
                for name, given in self.states.inputs.items()
                for number in range(given["ranges"])
                if mapped[f"{name}/{number}"] < ATTEMPTS
            ]
            if not waiting and not items:
                return
            for name in waiting:
                self._deliver(name)
            for item in items:
                self._item(item, mapped)
        raise AssertionError(f"Not at rest: {self.sqs.queues}")

    def _item(self, item: dict[str, Any], mapped: Counter[str]) -> None:
        name = f"{item['document']}/{item['range']}"
        mapped[name] += 1
        try:
            render.handler(item, CONTEXT)
            mapped[name] = ATTEMPTS
        except (Exception, KillError):  # noqa: BLE001 - as Step Functions sees it
            if mapped[name] >= ATTEMPTS:
                self.sqs.queues["pages-dlq"].append((json.dumps(item), 0))

    def _deliver(self, name: str) -> None:
        messages, self.sqs.queues[name] = self.sqs.queues[name], []
        module = failsafe if name.endswith("-dlq") else QUEUES[name]
        for body, received in messages:
            record = {
                "body": body,
                "messageId": "m",
                "eventSourceARN": f"arn:aws:sqs:eu-central-1:1:t-document-pipeline-{name}",
                "attributes": {"ApproximateReceiveCount": str(received + 1)},
            }
            try:
                back = module.handler({"Records": [record]}, CONTEXT)["batchItemFailures"]
            except KillError:
                back = [{"itemIdentifier": "m"}]
            if back and not name.endswith("-dlq") and received + 1 >= ATTEMPTS:
                self.sqs.queues[f"{name}-dlq"].append((body, received + 1 if self.sqs.keeps else 0))
            elif back:
                self.sqs.queues[name].append((body, received + 1))

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return the rows of documents in SQL by key."""
        rows = [json.loads(body) for (_, key), body in self.s3.objects.items() if key.startswith("rows/documents/")]
        assert len({row["document_key"] for row in rows}) == len(rows), "a document has two rows"
        return {row["document_key"].removeprefix("in/"): row for row in rows}

    def pages(self, document: str) -> list[dict[str, Any]]:
        """Return the rows of a document's pages in SQL, by page."""
        lines = [
            json.loads(line)
            for (_, key), body in self.s3.objects.items()
            if key.startswith("rows/pages/") and document in key
            for line in body.splitlines()
        ]
        return sorted(lines, key=lambda row: int(row["page"]))

    def images(self, document: str) -> list[Any]:
        """Return the colours of a document's images, by page."""
        keys = sorted(key for _, key in self.s3.objects if key.startswith(f"images/{document}/"))
        return [_colour(self.s3.objects[BUCKET, key]) for key in keys]


class _Client:
    """Counts calls and injects faults."""

    def __init__(self, world: World, found: Any) -> None:
        self._world, self._found = world, found
        self.exceptions = getattr(found, "exceptions", None)

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            self._world.calls[operation] += 1
            self._world.fault(operation, arguments)
            answer = getattr(self._found, operation)(**arguments)
            self._world.lost(operation, arguments)
            return answer

        return call


def _colour(body: bytes) -> Any:
    return Image.open(io.BytesIO(body)).getpixel((5, 5))


CONTEXT = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 900_000)
