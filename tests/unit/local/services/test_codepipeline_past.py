"""CodePipeline's history in the local cloud: pages, tokens, and events as CodePipeline sends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import codepipeline, events, install_all
from local.services.bridge import RESOURCE_ARNS
from local.services.codepipeline.models import codepipeline_backends

PLACE: dict[str, Any] = {"account": "123456789012", "region": "eu-west-1"}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        codepipeline_backends.clear()
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        yield session.client("codepipeline")
        codepipeline_backends.clear()


def one(number: int) -> dict[str, Any]:
    action = {"actionExecutionId": "a", "stageName": "S", "actionName": "A", "status": "Failed", "startTime": number}
    return {
        "pipelineExecutionId": f"00000000-0000-0000-0000-{number:012}",
        "status": "Failed",
        "startTime": float(number),
        "lastUpdateTime": float(number + 1),
        "actions": [action],
    }


def test_the_history_has_pages_the_newest_first(api: Any) -> None:
    codepipeline.remember("shop", [one(number) for number in range(5)], **PLACE)
    assert [found["name"] for found in api.list_pipelines()["pipelines"]] == ["shop"]
    first = api.list_pipeline_executions(pipelineName="shop", maxResults=3)
    second = api.list_pipeline_executions(pipelineName="shop", maxResults=3, nextToken=first["nextToken"])
    found = [*first["pipelineExecutionSummaries"], *second["pipelineExecutionSummaries"]]
    assert [entry["pipelineExecutionId"][-1] for entry in found] == ["4", "3", "2", "1", "0"]
    assert "nextToken" not in second
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        api.list_pipeline_executions(pipelineName="shop", maxResults=3, nextToken="other")


def test_actions_are_those_of_an_execution(api: Any) -> None:
    codepipeline.remember("shop", [one(1), one(2)], **PLACE)
    wanted = {"pipelineExecutionId": one(2)["pipelineExecutionId"]}
    found = api.list_action_executions(pipelineName="shop", filter=wanted)["actionExecutionDetails"]
    assert [(entry["pipelineExecutionId"], entry["stageName"]) for entry in found] == [
        (one(2)["pipelineExecutionId"], "S")
    ]
    assert len(api.list_action_executions(pipelineName="shop")["actionExecutionDetails"]) == 2


def test_a_pipeline_that_is_forgotten_is_not_found(api: Any) -> None:
    codepipeline.remember("shop", [one(1)], **PLACE)
    codepipeline.forget("shop", **PLACE)
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        api.list_pipeline_executions(pipelineName="shop")


def test_what_happens_is_sent_with_its_own_time() -> None:
    events.sent.clear()
    detail = {"pipeline": "shop", "state": "FAILED"}
    codepipeline.happen([{"detail-type": "CodePipeline Pipeline Execution State Change", "detail": detail, "at": 7.0}])
    (sent,) = events.sent
    assert (sent.source, sent.detail, sent.at) == ("aws.codepipeline", detail, 7.0)
    assert sent.resources[0].endswith(":shop")


def test_resources_of_calls() -> None:
    arn = RESOURCE_ARNS["codepipeline"]
    place = ("POST", "/")
    named = arn("ListActionExecutions", *place, b'{"pipelineName": "shop"}', "eu-west-1", "1")
    assert named == "arn:aws:codepipeline:eu-west-1:1:shop"
    assert arn("ListPipelines", *place, b"{}", "eu-west-1", "1") == "*"
