"""The history is read page by page, resumed, and read again without a second count; what cannot be read is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common import clients
from common.roles import Clients
from operations.pipeline_metrics import history
from operations.pipeline_metrics.errors import HistoryDenied, Throttled
from tests.unit.operations.pipeline_metrics.stores import Bucket

NOW = datetime.now(UTC)
HERE = {"account": "111122223333", "region": "eu-central-1"}
THERE = {"account": "222233334444", "region": "eu-west-1", "role_arn": "arn:aws:iam::222233334444:role/read"}


def refusal(code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(answer, "Op")


class Pipelines:
    """CodePipeline with pages: executions by pipeline, the newest first. It counts its calls."""

    def __init__(self, executions: dict[str, list[datetime]], page: int = 2) -> None:
        self.executions, self.page, self.calls = executions, page, list[str]()
        self.fail: dict[str, list[Exception | None]] = {}

    def _paged(self, operation: str, name: str, items: list[Any], token: str | None) -> dict[str, Any]:
        self.calls.append(operation)
        if self.fail.get(operation) and (error := self.fail[operation].pop(0)):
            raise error
        start = int(token or 0)
        more = {"nextToken": str(start + self.page)} if start + self.page < len(items) else {}
        return {name: items[start : start + self.page], **more}

    def list_pipelines(self, nextToken: str | None = None) -> dict[str, Any]:
        names = [{"name": name} for name in sorted(self.executions)]
        return self._paged("list_pipelines", "pipelines", names, nextToken)

    def list_pipeline_executions(
        self, pipelineName: str, maxResults: int, nextToken: str | None = None
    ) -> dict[str, Any]:
        found = [
            {
                "pipelineExecutionId": f"e{number}",
                "status": "Succeeded",
                "startTime": at,
                "lastUpdateTime": at + timedelta(minutes=1),
            }
            for number, at in enumerate(self.executions[pipelineName])
        ]
        return self._paged("list_pipeline_executions", "pipelineExecutionSummaries", found, nextToken)

    def list_action_executions(
        self,
        pipelineName: str,
        filter: dict[str, str],  # noqa: A002 - the API's name
        maxResults: int,
        nextToken: str | None = None,
    ) -> dict[str, Any]:
        at = self.executions[pipelineName][int(filter["pipelineExecutionId"][1:])]
        found = [
            {
                "actionExecutionId": f"{filter['pipelineExecutionId']}-{number}",
                "stageName": "Prod",
                "actionName": f"Deploy{number}",
                "status": "Succeeded",
                "startTime": at,
                "lastUpdateTime": at,
            }
            for number in range(3)
        ]
        return self._paged("list_action_executions", "actionExecutionDetails", found, nextToken)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket()
    monkeypatch.setattr(clients, "client", lambda service, **_: made)
    return made


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, bucket: Bucket) -> dict[str, Pipelines]:
    """The pipelines by Region."""
    made: dict[str, Pipelines] = {}
    monkeypatch.setattr(Clients, "client", lambda self, service: made[self.region])
    for name, value in {
        "BUCKET": "b",
        "BUCKET_OWNER": "111122223333",
        "KMS_KEY_ARN": "k",
        "PLACES": f"[{_json(HERE)}, {_json(THERE)}]",
        "PIPELINES": '["shop-*"]',
        "REQUESTS_PER_SECOND": "100000",
    }.items():
        monkeypatch.setenv(name, value)
    made["eu-central-1"] = Pipelines({"shop-a": [NOW - timedelta(days=n) for n in range(5)], "other": []})
    made["eu-west-1"] = Pipelines({"shop-b": []})
    return made


def _json(value: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": "{text}"' for name, text in value.items()) + "}"


def call(event: dict[str, Any], seconds: float = 600) -> dict[str, Any]:
    context = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: seconds * 1000)
    return history.handler(event, context)


def days_since(entry: dict[str, str]) -> int:
    return round((datetime.now(UTC) - datetime.fromisoformat(entry["since"])).total_seconds() / 86_400)


def test_the_first_time_everything_is_read_and_then_the_last_days(account: dict[str, Pipelines]) -> None:
    listed = call({"step": "list"})
    assert [(one["place"], one["pipeline"], days_since(one)) for one in listed["pipelines"]] == [
        ("0", "shop-a", 366),
        ("1", "shop-b", 366),
    ]
    assert call({"step": "read", **listed["pipelines"][0]})["done"] is True
    again = call({"step": "list"})["pipelines"]
    assert [days_since(one) for one in again] == [3, 366], "a pipeline that was not read to its end is read whole"
    assert [days_since(one) for one in call({"step": "list", "days": 90})["pipelines"]] == [90, 90]
    assert [days_since(one) for one in call({"step": "list", "days": 9000})["pipelines"]] == [366, 366]


def test_pages_are_read_to_the_end(account: dict[str, Pipelines], bucket: Bucket) -> None:
    since = (NOW - timedelta(days=30)).isoformat()
    done = call({"step": "read", "place": "0", "pipeline": "shop-a", "since": since})
    assert (done["done"], done["executions"]) == (True, 5)
    assert len({r.execution for r in bucket.records()}) == 5
    assert len([r for r in bucket.records() if r.level == "action"]) == 5 * 3 * 2
    assert account["eu-central-1"].calls.count("list_pipeline_executions") == 3
    assert account["eu-central-1"].calls.count("list_action_executions") == 5 * 2


def test_reading_again_adds_no_object(account: dict[str, Pipelines], bucket: Bucket) -> None:
    since = (NOW - timedelta(days=30)).isoformat()
    call({"step": "read", "place": "0", "pipeline": "shop-a", "since": since})
    before = dict(bucket.objects)
    call({"step": "read", "place": "0", "pipeline": "shop-a", "since": since})
    assert bucket.objects == before


def test_only_what_changed_lately_is_read(account: dict[str, Pipelines], bucket: Bucket) -> None:
    since = (NOW - timedelta(days=1, hours=12)).isoformat()
    done = call({"step": "read", "place": "0", "pipeline": "shop-a", "since": since})
    assert (done["done"], done["executions"]) == (True, 2)


def test_a_call_that_has_no_time_left_is_continued(account: dict[str, Pipelines], bucket: Bucket) -> None:
    asked: dict[str, Any] = {"step": "read", "place": "0", "pipeline": "shop-a", "since": "2020-01-01T00:00:00+00:00"}
    counts = []
    while not asked.get("done"):
        asked = call(asked, seconds=1)
        counts.append(asked["executions"])
    assert counts == [2, 4, 5]
    assert len({r.execution for r in bucket.records()}) == 5
    assert "history/111122223333/eu-central-1/shop-a" in bucket.objects


def test_a_token_that_is_refused_starts_again(account: dict[str, Pipelines], bucket: Bucket) -> None:
    account["eu-central-1"].fail["list_pipeline_executions"] = [None, refusal("InvalidNextTokenException")]
    done = call({"step": "read", "place": "0", "pipeline": "shop-a", "since": "2020-01-01T00:00:00+00:00"})
    assert done["done"]
    assert len({r.execution for r in bucket.records()}) == 5
    account["eu-central-1"].fail["list_pipeline_executions"] = [refusal("InvalidNextTokenException")] * 9
    with pytest.raises(ClientError, match="InvalidNextToken"):
        call({"step": "read", "place": "0", "pipeline": "shop-a", "since": "2020-01-01T00:00:00+00:00"})


def test_a_pipeline_that_was_deleted_is_done(account: dict[str, Pipelines]) -> None:
    account["eu-central-1"].fail["list_pipeline_executions"] = [refusal("PipelineNotFoundException")]
    done = call({"step": "read", "place": "0", "pipeline": "shop-a", "since": "2020-01-01T00:00:00+00:00"})
    assert (done["done"], done["executions"]) == (True, 0)


@pytest.mark.parametrize(
    ("code", "typed"), [("AccessDeniedException", HistoryDenied), ("ThrottlingException", Throttled)]
)
def test_errors_are_named(account: dict[str, Pipelines], code: str, typed: type[Exception]) -> None:
    account["eu-central-1"].fail["list_action_executions"] = [refusal(code)]
    with pytest.raises(typed, match="ListActionExecutions"):
        call({"step": "read", "place": "0", "pipeline": "shop-a", "since": "2020-01-01T00:00:00+00:00"})


def test_a_place_that_cannot_be_read_is_named_and_the_others_are_read(account: dict[str, Pipelines]) -> None:
    account["eu-west-1"].fail["list_pipelines"] = [refusal("AccessDeniedException")]
    listed = call({"step": "list"})
    assert [one["pipeline"] for one in listed["pipelines"]] == ["shop-a"]
    (unread,) = listed["unread"]
    assert (unread["account"], unread["region"]) == ("222233334444", "eu-west-1")
    assert "member_policy" in unread["reason"]


def test_no_place_at_all_is_an_error(account: dict[str, Pipelines]) -> None:
    for pipelines in account.values():
        pipelines.fail["list_pipelines"] = [refusal("AccessDeniedException")]
    with pytest.raises(HistoryDenied):
        call({"step": "list"})
