"""pipeline_metrics without one permission at a time: what needs it fails, and works again with the permission."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.settings import REGION
from scenarios.operations import pipeline_metrics as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import only, sids, without
from tests.unit.operations.pipeline_metrics.events import event

pytestmark = only_with("operations/pipeline_metrics")

WRITE = ["WriteRecords", "EncryptRecords"]


def role(function: str) -> str:
    return f"{subject.PREFIX}-{function}-function-{REGION}"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("pipeline_metrics")
    return found


def denied(answer: dict[str, Any]) -> bool:
    said = str(answer.get("errorMessage", ""))
    return any(word in said for word in ("AccessDenied", "HistoryDenied", "denies", "Access denied", "not authorized"))


def batch(number: int) -> dict[str, Any]:
    """Return a batch of one event, which makes an object of its own."""
    return {"Records": [{"messageId": "1", "body": json.dumps(event("stage", f"S{number}", "10:00:00"))}]}


def test_collect_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, role("collect")) == [*WRITE, "ReceiveEvents"]
    for sid in WRITE:
        with without(cloud, role("collect"), sid):
            assert denied(subject.invoke(stack, "collect", batch(1))), f"works without {sid}"
        assert subject.invoke(stack, "collect", batch(1)) == {"batchItemFailures": []}


def test_the_mapping_needs_the_queue(cloud: Cloud, stack: scenario.Stack) -> None:
    """Events wait in the queue while the function may not receive, and are not lost."""
    pipeline, at = f"shop-{stack.token}q", datetime.now(UTC).replace(microsecond=0)
    sql = f"SELECT state FROM events WHERE pipeline = '{pipeline}'"
    with without(cloud, role("collect"), "ReceiveEvents"):
        changes = [subject.change("pipeline", pipeline, "e1", "STARTED", at)]
        cloud.command("codepipeline/happen", {"changes": changes})
        sqs, url = stack.client("sqs"), stack.outputs["queue_url"]
        name = "ApproximateNumberOfMessages"

        def waiting() -> bool:
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
            return int(attributes[name]) > 0

        scenario.wait_until("the event in the queue", waiting)
        assert subject.rows(stack, sql) == []
    scenario.wait_until("the event in Athena", lambda: subject.rows(stack, sql) == [["STARTED"]], 60, every=1)


@pytest.fixture
def pipeline(cloud: Cloud, stack: scenario.Stack) -> Iterator[str]:
    """A pipeline with a history of two executions."""
    name, at = f"past-{stack.token}p", datetime.now(UTC) - timedelta(days=5)
    executions = [subject.past_execution(number, f"{stack.token}p", at) for number in (1, 2)]
    cloud.command("codepipeline/remember", {"pipeline": name, "executions": executions})
    yield name
    cloud.command("codepipeline/forget", {"pipeline": name})


def test_history_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack, pipeline: str) -> None:
    wanted = [*WRITE, "MarkWhatWasRead", "ListMarks", "ListPipelines", "ReadHistory"]
    assert sids(cloud, role("history")) == wanted
    since = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    read = {"step": "read", "place": "0", "pipeline": pipeline, "since": since}
    steps = {"ListMarks": {"step": "list"}, "ListPipelines": {"step": "list"}}
    for sid in wanted:
        asked = steps.get(sid, read)
        with without(cloud, role("history"), sid):
            assert denied(subject.invoke(stack, "history", asked)), f"works without {sid}"
        assert "errorType" not in subject.invoke(stack, "history", asked)


def test_a_pipeline_that_cannot_be_read_is_named_and_the_rest_is_read(
    cloud: Cloud, stack: scenario.Stack, pipeline: str
) -> None:
    with without(cloud, role("history"), "ReadHistory"):
        done = subject.read_history(stack)
    assert done["status"] == "FAILED"
    assert all(word in done["cause"] for word in ("HistoryIncomplete", pipeline, "HistoryDenied")), done
    assert subject.read_history(stack)["status"] == "SUCCEEDED"
    assert sum(subject.by_result(stack, pipeline).values()) == 2


def test_a_place_without_permission_is_no_empty_history(cloud: Cloud, stack: scenario.Stack) -> None:
    with without(cloud, role("history"), "ListPipelines"):
        done = subject.read_history(stack)
    assert done["status"] == "FAILED"
    assert "HistoryDenied" in done["cause"]


def test_compact_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    wanted = [*WRITE, "ReadRecords", "DecryptRecords", "ListRecords", "RemoveCompactedObjects"]
    assert sids(cloud, role("compact")) == wanted
    for number, sid in enumerate(wanted):
        for part in (1, 2):  # two objects of one day, which is over
            subject.invoke(stack, "collect", batch(100 + 2 * number + part))
        with without(cloud, role("compact"), sid):
            answer = subject.invoke(stack, "compact")
            if sid == "RemoveCompactedObjects":  # the answer to the batch says it, and the next run tries again
                assert subject.objects(stack)["2026-11-23"] > 1
            else:
                assert denied(answer), f"works without {sid}: {answer}"
        assert "errorType" not in subject.invoke(stack, "compact")
        assert subject.objects(stack)["2026-11-23"] == 1


def test_report_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    wanted = ["RunQueries", "ReadCatalog", "ReadData", "WriteResults", "FindData", "UseKey", "WriteReport"]
    assert sids(cloud, role("report")) == wanted
    for sid in wanted:
        with without(cloud, role("report"), sid):
            assert denied(subject.invoke(stack, "report")), f"works without {sid}"
    assert subject.invoke(stack, "report")["key"] == stack.outputs["report_key"]


def test_quicksight_needs_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    policy = f"{subject.PREFIX}-{REGION}"
    wanted = sids(cloud, subject.QUICKSIGHT_ROLE, policy)
    assert wanted[-2:] == ["StreamResults", "BrowseCatalog"]
    data_set = stack.outputs["quicksight"]["data_set_ids"]["executions"]
    with only(cloud, subject.QUICKSIGHT_ROLE, policy):
        for sid in wanted[:-2]:
            with without(cloud, subject.QUICKSIGHT_ROLE, sid, policy):
                loaded = cloud.command("quicksight/refresh", {"data_set": data_set})
                assert loaded["IngestionStatus"] == "FAILED", f"works without {sid}"
        assert cloud.command("quicksight/refresh", {"data_set": data_set})["IngestionStatus"] == "COMPLETED"
