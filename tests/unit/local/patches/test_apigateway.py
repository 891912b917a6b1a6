"""API Gateway at the gateway: integrations as AWS stores them."""

from __future__ import annotations

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
