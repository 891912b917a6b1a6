"""API Gateway at the gateway: integrations as AWS stores them, API keys and their usage plans."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any

from local.harness.cloud import Cloud


def test_a_mock_integration_has_no_method_of_a_back_end(cloud: Cloud) -> None:
    gateway = cloud.client("apigateway")
    api = gateway.create_rest_api(name="a")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    names = {"restApiId": api, "resourceId": root, "httpMethod": "OPTIONS"}
    gateway.put_method(**names, authorizationType="NONE")
    gateway.put_integration(**names, type="MOCK", requestTemplates={"application/json": '{"statusCode": 204}'})
    stored = gateway.get_integration(**names)
    assert (stored["type"], stored.get("httpMethod")) == ("MOCK", None)


def serving(gateway: Any) -> str:
    """Return an API with the stage `v1`, whose root needs a key."""
    api: str = gateway.create_rest_api(name="a")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    names = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**names, authorizationType="NONE", apiKeyRequired=True)
    gateway.put_integration(**names, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    gateway.put_method_response(**names, statusCode="200")
    gateway.put_integration_response(**names, statusCode="200")
    gateway.create_deployment(restApiId=api, stageName="v1")
    return api


def get(cloud: Cloud, api: str, key: str = "") -> tuple[int, Any]:
    url = f"{cloud.endpoint}/restapis/{api}/v1/_user_request_/"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"x-api-key": key} if key else {})) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_an_api_key_is_of_a_usage_plan_with_limits(cloud: Cloud) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html"""
    gateway = cloud.client("apigateway")
    api = serving(gateway)
    plan = gateway.create_usage_plan(name="p", throttle={"rateLimit": 1000, "burstLimit": 1000})["id"]
    assert "quota" not in gateway.get_usage_plan(usagePlanId=plan)
    key, other = (gateway.create_api_key(name=name, enabled=True) for name in "ab")
    assert re.fullmatch("[a-z0-9]{10}", key["id"])
    assert gateway.get_api_key(apiKey=key["id"], includeValue=True)["value"] == key["value"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    forbidden = (403, {"message": "Forbidden"})
    assert get(cloud, api, key["value"]) == forbidden, "the plan has no stage yet"

    def change(op: str, path: str, value: str) -> Any:
        changes = [{"op": op, "path": path, "value": value}]
        return gateway.update_usage_plan(usagePlanId=plan, patchOperations=changes)

    assert change("add", "/apiStages", f"{api}:v1")["apiStages"] == [{"apiId": api, "stage": "v1"}]
    assert change("add", "/apiStages", f"{api}:v2")["apiStages"][1]["stage"] == "v2"
    assert get(cloud, api, key["value"]) == (200, None)
    assert [get(cloud, api, value) for value in ("", "wrong" * 5, other["value"])] == [forbidden] * 3
    disabled = [{"op": "replace", "path": "/enabled", "value": "false"}]
    assert gateway.update_api_key(apiKey=key["id"], patchOperations=disabled)["enabled"] is False
    assert get(cloud, api, key["value"]) == forbidden
    gateway.update_api_key(apiKey=key["id"], patchOperations=[{**disabled[0], "value": "true"}])
    limits = change("replace", "/throttle/rateLimit", "0.001")
    assert limits["throttle"] == {"rateLimit": 0.001, "burstLimit": 1000}
    assert change("replace", "/throttle/burstLimit", "1")["throttle"]["burstLimit"] == 1
    assert [get(cloud, api, key["value"]) for _ in range(2)] == [(200, None), (429, {"message": "Too Many Requests"})]
    change("remove", "/apiStages", f"{api}:v1")
    assert get(cloud, api, key["value"]) == forbidden
    assert [one["stage"] for one in gateway.get_usage_plan(usagePlanId=plan)["apiStages"]] == ["v2"]
