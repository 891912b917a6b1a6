"""document_pipeline without one permission at a time, and large documents whose functions or map do not work."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.settings import REGION
from scenarios import pdfs
from scenarios.data import document_pipeline as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("data/document_pipeline")

BATCHES, LARGE = (f"switchyard-document-pipeline-{name}-states-{REGION}" for name in ("batches", "large"))
WANTED = {
    "listing": ["SendIngest", "ListIncoming", "ListScans"],
    "intake": ["ReceiveIngest", "KeepDocuments", "WriteRows", "SendPages", "StartLarge", "ReadDocuments"],
    "render": ["ReceivePages", "WriteAudit", "WriteRows", "WriteImages", "SendImages", "ReadDocuments"],
    "infer": ["ReceiveImages", "WriteAudit", "WriteRows", "ReadImages", "ReadSecret"],
    "failsafe": [
        "ReceiveDeadLetters", "WriteAudit", "WriteRows", "WriteImages", "StartLarge", "SendPages", "SendImages",
        "ReadImages", "ReadSecret", "ReadDocuments",
    ],
}  # fmt: skip
SMALL, BIG = pdfs.document([(4, 4, 4)]), pdfs.document(pdfs.colours(11))
TOO_WIDE = pdfs.document([(4, 4, 4)], boxes=[b"[0 0 200000 200000]"])


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("document_pipeline")
    return found


@pytest.fixture
def quiet(stack: scenario.Stack) -> Any:
    """Stop the queues' mappings, so that only this test calls the functions."""
    functions = stack.client("lambda")
    mappings = [
        mapping["UUID"]
        for name in stack.outputs["function_names"].values()
        for mapping in functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    ]
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    yield
    for url in (*stack.outputs["queue_urls"].values(), *stack.outputs["dead_letter_queue_urls"].values()):
        stack.client("sqs").purge_queue(QueueUrl=url)
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)


def call(stack: scenario.Stack, function: str, event: dict[str, Any]) -> dict[str, Any]:
    """Call a function. Return its answer."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"][function], Payload=json.dumps(event)
    )
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


def message(body: dict[str, Any], queue: str = "pages", received: int = 1) -> dict[str, Any]:
    """Return the event of one message."""
    record = {
        "body": json.dumps(body),
        "messageId": "m",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:000000000000:switchyard-document-pipeline-{queue}-dlq",
        "attributes": {"ApproximateReceiveCount": str(received)},
    }
    return {"Records": [record]}


def fresh(stack: scenario.Stack, content: bytes = SMALL) -> dict[str, Any]:
    """Put a document. Return the message about it."""
    key = f"data/permissions/{uuid.uuid4().hex}.pdf"
    tag = stack.client("s3").put_object(Bucket=subject.SOURCE, Key=key, Body=content)["ETag"].strip('"')
    return {"batch": "permissions", "bucket": subject.SOURCE, "key": key, "etag": tag, "size": len(content)}


def taken(stack: scenario.Stack, content: bytes = SMALL) -> str:
    """Let intake take a fresh document. Return its ID."""
    new = fresh(stack, content)
    assert call(stack, "intake", message(new)) == {"batchItemFailures": []}
    found = stack.client("dynamodb").scan(
        TableName=stack.outputs["table_name"],
        FilterExpression="#key = :key",
        ExpressionAttributeNames={"#key": "key"},
        ExpressionAttributeValues={":key": {"S": new["key"]}},
    )
    return str(found["Items"][0]["document"]["S"])


def drawn(stack: scenario.Stack) -> str:
    """Let a fresh document's page be drawn. Return its ID."""
    name = taken(stack)
    assert call(stack, "render", message({"document": name, "range": 0})) == {"batchItemFailures": []}
    return name


def event(stack: scenario.Stack, function: str, sid: str) -> dict[str, Any]:
    """Return an event for which a function needs a statement."""
    if function == "listing":
        given = {"source": "incoming" if sid == "ListIncoming" else "scans"}
        fresh(stack)
        return {"execution": "permissions", "input": given, "after": "", "documents": 0}
    if function == "intake" or (function == "failsafe" and sid in ("StartLarge", "SendPages")):
        return message(fresh(stack, BIG if sid == "StartLarge" else SMALL), "ingest")
    if function == "render":
        # A range without an image has no other function that could write its rows.
        return message({"document": taken(stack, TOO_WIDE if sid == "WriteRows" else SMALL), "range": 0})
    if function == "failsafe" and sid in ("WriteImages", "SendImages", "ReadDocuments"):
        return message({"document": taken(stack), "range": 0}, "pages")
    return message({"document": drawn(stack), "range": 0}, "images")


@contextlib.contextmanager
def new_process(stack: scenario.Stack, function: str) -> Iterator[None]:
    """Let a function start again: its process has read the secret."""
    name, functions = stack.outputs["function_names"][function], stack.client("lambda")
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    changed = {**before, "NEW_PROCESS": "1"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("function", WANTED)
def test_each_function_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack, function: str) -> None:
    role = stack.outputs["role_names"][function]
    assert sids(cloud, role) == WANTED[function]
    for sid in WANTED[function]:
        if sid.startswith("Receive"):  # Lambda uses it to read the queue; test_queue_sources.py covers it
            continue
        given = event(stack, function, sid)
        new = new_process(stack, function) if sid == "ReadSecret" else contextlib.nullcontext()
        with new, without(cloud, role, sid):
            answer = call(stack, function, given)
            assert answer.get("batchItemFailures") or "AccessDenied" in answer.get("errorMessage", ""), sid
        answer = call(stack, function, given)
        assert not answer.get("batchItemFailures"), sid
        assert "errorMessage" not in answer, answer


def ended(stack: scenario.Stack) -> str:
    """Put a large document through the pipeline. Return its status."""
    new = fresh(stack, BIG)
    stack.client("sqs").send_message(QueueUrl=stack.outputs["queue_urls"]["ingest"], MessageBody=json.dumps(new))
    (found,) = subject.done(stack, new["key"], 1).values()
    return str(found["status"])


@pytest.mark.parametrize("sid", ["CallRender", "RunMap", "FollowMap"])
def test_the_failsafe_completes_large_documents_whose_map_may_not_work(
    cloud: Cloud, stack: scenario.Stack, sid: str
) -> None:
    assert sids(cloud, LARGE) == ["CallRender", "RunMap", "FollowMap", "SendToFailsafe", "EncryptMessages"]
    with without(cloud, LARGE, sid):
        assert ended(stack) == "PROCESSED"


@pytest.mark.parametrize("sid", ["SendToFailsafe", "EncryptMessages"])
def test_the_large_state_machine_needs_its_way_to_the_failsafe(cloud: Cloud, stack: scenario.Stack, sid: str) -> None:
    states = stack.client("stepfunctions")
    with without(cloud, LARGE, sid), without(cloud, LARGE, "RunMap"):
        started = states.start_execution(
            stateMachineArn=stack.outputs["large_state_machine_arn"],
            name=f"permissions-{uuid.uuid4().hex}",
            input=json.dumps({"document": "none", "ranges": 1}),
        )["executionArn"]
        assert subject.ended(stack, started)["status"] == "FAILED"


def test_a_batch_needs_its_listing(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, BATCHES) == ["CallListing"]
    with without(cloud, BATCHES, "CallListing"):
        arn = subject.start(stack, f"no-listing-{uuid.uuid4().hex}", {"source": "incoming"})
        assert subject.ended(stack, arn)["status"] == "FAILED"
