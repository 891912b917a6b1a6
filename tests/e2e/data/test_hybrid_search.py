"""hybrid_search without one permission at a time, and the domain's own refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.settings import ACCOUNT_ID, REGION
from scenarios.data import hybrid_search as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("data/hybrid_search")

CONNECTOR = f"switchyard-hybrid-search-connector-{REGION}"


def role_of(function: str) -> str:
    return f"switchyard-hybrid-search-{function}-function-{REGION}"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("hybrid_search")
    return found


def test_the_search_needs_its_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, role_of("query")) == ["SearchIndex"]
    with without(cloud, role_of("query"), "SearchIndex"):
        assert subject.ask(stack, {"query": "boots"})[1].get("reason") == "refused"
    assert subject.ask(stack, {"query": "boots"})[0] == 200


def test_the_loader_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    key = subject.put(stack, "again.jsonl", b'{"id": "odd-1", "category": "odd", "caption": "red boots"}\n')
    subject.reported(stack, key)
    for sid, error in {
        "ReadDocuments": "ClientError",
        "WriteReports": "ClientError",
        "IndexDocuments": "DomainError",
    }.items():
        with without(cloud, role_of("load"), sid):
            assert subject.invoke(stack, "load", {"key": key}).get("errorType") == error, sid
    assert subject.invoke(stack, "load", {"key": key})["indexed"] == 1


def test_the_bootstrap_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, role_of("bootstrap")) == ["FindDomain", "PrepareDomain", "PassConnectorRole"]
    for sid, error in {"FindDomain": "AccessDeniedException", "PrepareDomain": "DomainError"}.items():
        with without(cloud, role_of("bootstrap"), sid):
            assert subject.invoke(stack, "bootstrap", {}).get("errorType") == error, sid
    function = {"FunctionName": stack.outputs["function_names"]["bootstrap"]}
    client = cloud.client("lambda")
    variables = client.get_function_configuration(**function)["Environment"]["Variables"]
    try:  # a role is passed only to a new connector
        client.update_function_configuration(**function, Environment={"Variables": {**variables, "INDEX": "other"}})
        with without(cloud, role_of("bootstrap"), "PassConnectorRole"):
            assert subject.invoke(stack, "bootstrap", {}).get("errorType") == "DomainError"
    finally:
        client.update_function_configuration(**function, Environment={"Variables": variables})
    assert subject.invoke(stack, "bootstrap", {})["created"] == []


def test_the_domain_needs_its_role_to_embed(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, CONNECTOR) == ["EmbedTexts"]
    with without(cloud, CONNECTOR, "EmbedTexts"):
        assert subject.ask(stack, {"query": "boots", "mode": "vector"})[1].get("reason") == "refused"
        assert subject.ask(stack, {"query": "boots", "mode": "lexical"})[0] == 200


@pytest.fixture
def stranger(cloud: Cloud, stack: scenario.Stack) -> Iterator[dict[str, str]]:
    """Credentials of a role whose own policy allows all of the domain."""
    iam, name = cloud.client("iam"), f"stranger-{stack.token}"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": "es:*", "Resource": "*"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    iam.put_role_policy(
        RoleName=name, PolicyName="all", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    )
    found = cloud.client("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="stranger")["Credentials"]
    yield found
    iam.delete_role_policy(RoleName=name, PolicyName="all")
    iam.delete_role(RoleName=name)


def test_the_domain_refuses_roles_that_its_policy_does_not_name(
    cloud: Cloud, stack: scenario.Stack, stranger: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from data.hybrid_search.domain import Domain, _session
    from data.hybrid_search.errors import DomainError

    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stranger["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", stranger["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", stranger["SessionToken"])
    _session.cache_clear()
    try:
        with pytest.raises(DomainError) as refused:
            Domain(stack.outputs["endpoint"]).call(
                "POST", f"/{stack.outputs['index']}/_search", {"query": {"match_all": {}}}
            )
    finally:
        _session.cache_clear()
    assert (refused.value.status, refused.value.kind) == (403, "AccessDenied")
