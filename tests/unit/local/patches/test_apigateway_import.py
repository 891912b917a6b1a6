"""API Gateway imports OpenAPI 3, overwrites what was there, and serves what was deployed."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}],
}


def operation(**more: Any) -> dict[str, Any]:
    """Return an operation that answers without a function."""
    answer = {"default": {"statusCode": "200"}}
    mock = {"type": "mock", "requestTemplates": {"application/json": '{"statusCode": 200}'}, "responses": answer}
    return {"responses": {"200": {"description": "x"}}, "x-amazon-apigateway-integration": mock, **more}


def document(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a document with a validator and a model."""
    return {
        "openapi": "3.0.1",
        "info": {"title": "widgets", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {"Name": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}
        },
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-request-validator": "all",
        "x-amazon-apigateway-policy": POLICY,
        **more,
    }


def put(cloud: Cloud, api: str, body: dict[str, Any], **more: Any) -> Any:
    """Import a document in the overwrite mode."""
    given = {"mode": "overwrite", "failOnWarnings": True, **more}
    return cloud.client("apigateway").put_rest_api(restApiId=api, body=json.dumps(body), **given)


def status(cloud: Cloud, api: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> int:
    """Send a request to the stage. Return the status."""
    request = urllib.request.Request(
        f"{cloud.endpoint}/restapis/{api}/v1/_user_request_{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


BODY = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Name"}}}}
HEADER = {"name": "X-Key", "in": "header", "required": True, "schema": {"type": "string"}}
PATHS = {"/a": {"post": operation(requestBody=BODY, parameters=[HEADER])}, "/b": {"get": operation()}}


def test_a_stage_serves_what_was_deployed_and_an_import_takes_away_what_it_does_not_have(cloud: Cloud) -> None:
    gateway = cloud.client("apigateway")
    api = gateway.create_rest_api(name="a")["id"]
    put(cloud, api, document(PATHS))
    assert "execute-api:Invoke" in gateway.get_rest_api(restApiId=api)["policy"]
    first = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(restApiId=api, stageName="v1", deploymentId=first)
    key = {"X-Key": "k"}
    assert status(cloud, api, "/a", {"name": "x"}, key) == 200
    assert status(cloud, api, "/a", {"name": 5}, key) == 400
    assert status(cloud, api, "/a", {"name": "x"}) == 400
    assert status(cloud, api, "/b") == 200

    without_policy = document({"/c": {"get": operation()}})
    del without_policy["x-amazon-apigateway-policy"]
    put(cloud, api, without_policy)
    assert not gateway.get_rest_api(restApiId=api).get("policy")  # as AWS erases it
    assert {one["path"] for one in gateway.get_resources(restApiId=api)["items"]} == {"/", "/c"}
    assert status(cloud, api, "/a", {"name": 5}, key) == 400  # still the snapshot, with its model
    assert (status(cloud, api, "/b"), status(cloud, api, "/c")) == (200, 403)
    second = gateway.create_deployment(restApiId=api)["id"]
    moved = [{"op": "replace", "path": "/deploymentId", "value": second}]
    with pytest.raises(ClientError, match="Active stages"):
        gateway.delete_deployment(restApiId=api, deploymentId=first)
    gateway.update_stage(restApiId=api, stageName="v1", patchOperations=moved)
    assert (status(cloud, api, "/b"), status(cloud, api, "/c")) == (403, 200)
    gateway.delete_deployment(restApiId=api, deploymentId=first)


def test_what_aws_does_not_take_is_refused(cloud: Cloud) -> None:
    gateway = cloud.client("apigateway")
    api = gateway.create_rest_api(name="b")["id"]
    pet = document(PATHS)
    pet["components"]["schemas"]["Name"]["discriminator"] = {"propertyName": "name"}
    with pytest.raises(ClientError, match="Unsupported model schema keyword discriminator"):
        put(cloud, api, pet)
    assert put(cloud, api, pet, failOnWarnings=False)["warnings"]
    named = document(PATHS)
    named["components"]["schemas"]["No-Name"] = {}
    with pytest.raises(ClientError, match="alphanumeric"):
        put(cloud, api, named)
    with pytest.raises(ClientError, match="No integration"):
        put(cloud, api, document({"/a": {"get": {"responses": {}}}}))
    with pytest.raises(ClientError, match="Invalid OpenAPI"):
        gateway.put_rest_api(restApiId=api, body="no JSON", mode="overwrite")
    with pytest.raises(ClientError, match="NotImplemented"):
        put(cloud, api, document(PATHS), mode="merge")


# Canaries


def settings(*operations: tuple[str, ...]) -> list[dict[str, str]]:
    """Return patch operations of the canary's settings: op, path and value."""
    return [dict(zip(("op", "path", "value"), one, strict=False)) for one in operations]


def test_a_canary_answers_its_part_of_the_requests(cloud: Cloud) -> None:
    gateway = cloud.client("apigateway")
    api = gateway.create_rest_api(name="c")["id"]
    put(cloud, api, document({"/old": {"get": operation()}}))
    first = gateway.create_deployment(restApiId=api)["id"]
    put(cloud, api, document({"/new": {"get": operation()}}))
    second = gateway.create_deployment(restApiId=api)["id"]
    canary = {"deploymentId": second, "percentTraffic": 0}
    stage = {"restApiId": api, "stageName": "v1"}
    made = gateway.create_stage(**stage, deploymentId=first, canarySettings=canary)
    assert made["canarySettings"] == {"deploymentId": second, "percentTraffic": 0.0, "useStageCache": False}

    def served() -> tuple[int, int]:
        return status(cloud, api, "/old"), status(cloud, api, "/new")

    def update(*operations: tuple[str, ...]) -> Any:
        return gateway.update_stage(**stage, patchOperations=settings(*operations))

    assert served() == (200, 403)  # none of them
    with pytest.raises(ClientError, match="Active stages"):
        gateway.delete_deployment(restApiId=api, deploymentId=second)
    update(("replace", "/canarySettings/percentTraffic", "100.0"))
    assert served() == (403, 200)  # all of them
    changed = update(("replace", "/canarySettings/percentTraffic", "50"))
    assert changed["canarySettings"]["percentTraffic"] == 50.0
    answers = {status(cloud, api, "/new") for _ in range(100)}  # each by itself, at random: both within 2 ** -99
    assert answers == {200, 403}
    update(("remove", "/canarySettings"))
    assert served() == (200, 403)
    assert "canarySettings" not in gateway.get_stage(**stage)
    # A promotion as the guide shows it, then as Terraform sends it: the canary ends, and the stage has its deployment.
    update(("replace", "/canarySettings/deploymentId", second))
    assert gateway.get_stage(**stage)["canarySettings"]["percentTraffic"] == 0.0
    copied = [{"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"}]
    assert gateway.update_stage(**stage, patchOperations=copied)["deploymentId"] == second
    assert served() == (403, 200)
    update(("remove", "/canarySettings"), ("replace", "/deploymentId", first))
    assert served() == (200, 403)
    gateway.delete_deployment(restApiId=api, deploymentId=second)


def test_what_aws_refuses_of_a_canary(cloud: Cloud) -> None:
    gateway = cloud.client("apigateway")
    api = gateway.create_rest_api(name="d")["id"]
    put(cloud, api, document({"/a": {"get": operation()}}))
    first = gateway.create_deployment(restApiId=api)["id"]
    stage = {"restApiId": api, "stageName": "v1"}
    with pytest.raises(ClientError, match="Deployment id does not exist"):
        gateway.create_stage(**stage, deploymentId=first, canarySettings={"deploymentId": "none"})
    gateway.create_stage(**stage, deploymentId=first)
    cases = {
        "Deployment id does not exist": ("replace", "/canarySettings/deploymentId", "none"),
        "Invalid add operation with path: /canarySettings/x": ("add", "/canarySettings/x", "true"),
        "Invalid method setting path: /canarySettings/other": ("replace", "/canarySettings/other", "x"),
        "Promotion not available": ("copy", "/deploymentId", ""),
        "between 0.0 and 100.0": ("replace", "/canarySettings/percentTraffic", "101"),
    }
    for message, change in cases.items():
        with pytest.raises(ClientError, match=message):
            gateway.update_stage(**stage, patchOperations=settings(change))
    assert "canarySettings" not in gateway.get_stage(**stage)
    with pytest.raises(ClientError, match="NotImplemented"):
        gateway.create_deployment(**stage, canarySettings={"percentTraffic": 1})
