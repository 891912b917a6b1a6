"""CodeGuru Profiler of the local cloud: groups, agents, and what the analysis found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.services import codeguruprofiler, events, install_all
from local.services.bridge import RESOURCE_ARNS
from local.services.codeguruprofiler.models import codeguruprofiler_backends

PLACE: dict[str, Any] = {"account": "123456789012", "region": "eu-west-1"}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    install_all()
    with mock_aws():
        codeguruprofiler_backends.clear()
        session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        yield session.client("codeguruprofiler")
        codeguruprofiler_backends.clear()


def create(api: Any, name: str = "one") -> Any:
    made = api.create_profiling_group(
        profilingGroupName=name, clientToken="t", computePlatform="AWSLambda", tags={"a": "b"}
    )
    return made["profilingGroup"]


def test_the_life_of_a_group(api: Any) -> None:
    made = create(api)
    assert made["arn"] == "arn:aws:codeguru-profiler:eu-west-1:123456789012:profilingGroup/one"
    with pytest.raises(ClientError, match="ConflictException"):
        create(api)
    assert api.list_profiling_groups()["profilingGroupNames"] == ["one"]
    api.update_profiling_group(profilingGroupName="one", agentOrchestrationConfig={"profilingEnabled": False})
    found = api.describe_profiling_group(profilingGroupName="one")["profilingGroup"]
    assert (found["agentOrchestrationConfig"], found["profilingStatus"]) == ({"profilingEnabled": False}, {})
    api.tag_resource(resourceArn=made["arn"], tags={"c": "d"})
    api.untag_resource(resourceArn=made["arn"], tagKeys=["a"])
    assert api.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"c": "d"}
    api.delete_profiling_group(profilingGroupName="one")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        api.describe_profiling_group(profilingGroupName="one")


def test_an_agent_asks_and_reports(api: Any) -> None:
    create(api)
    assert api.configure_agent(profilingGroupName="one")["configuration"]["shouldProfile"] is True
    api.post_agent_profile(profilingGroupName="one", contentType="application/x-amzn-ion", agentProfile=b"\x00\xff")
    status = api.describe_profiling_group(profilingGroupName="one")["profilingGroup"]["profilingStatus"]
    assert set(status) == {"latestAgentOrchestratedAt", "latestAgentProfileReportedAt"}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        api.configure_agent(profilingGroupName="two")
    with pytest.raises(ClientError, match="ValidationException"):
        api.create_profiling_group(profilingGroupName="two words", clientToken="t")


def test_recommendations_belong_to_profiles_and_send_events(api: Any) -> None:
    create(api)
    now = datetime.now(UTC)
    asked = {"profilingGroupName": "one", "startTime": now - timedelta(days=1), "endTime": now + timedelta(days=1)}
    events.sent.clear()
    codeguruprofiler.recommend("one", {"id": "p1", "name": "Clients"}, **PLACE)
    assert api.get_recommendations(**asked)["recommendations"] == []  # no profile of that time
    codeguruprofiler.reported("one", 0.5, **PLACE)
    assert [item["pattern"]["id"] for item in api.get_recommendations(**asked)["recommendations"]] == ["p1"]
    codeguruprofiler.heartbeat("one", **PLACE)
    codeguruprofiler.settle("one", **PLACE)
    assert api.get_recommendations(**asked)["recommendations"] == []
    assert [event.detail["status"] for event in events.sent] == ["ACTIVE", "ACTIVE", "CLOSED"]
    assert len({event.detail["deduplicationId"] for event in events.sent}) == 1
    with pytest.raises(ClientError, match="startTime must be before endTime"):
        api.get_recommendations(**(asked | {"endTime": now - timedelta(days=2)}))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/profilingGroups", "*"),
        ("/profilingGroups/one/agentProfile", "arn:aws:codeguru-profiler:eu-west-1:1:profilingGroup/one"),
        ("/internal/profilingGroups/one/recommendations", "arn:aws:codeguru-profiler:eu-west-1:1:profilingGroup/one"),
        ("/tags/arn%3Aaws%3Ax%3Aprofiling%2Fone", "arn:aws:x:profiling/one"),
    ],
)
def test_what_iam_is_asked_about(path: str, expected: str) -> None:
    assert RESOURCE_ARNS["codeguru-profiler"]("Any", "GET", path, b"", "eu-west-1", "1") == expected
