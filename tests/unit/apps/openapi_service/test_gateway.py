"""The gateway's copy: what it has, what it leaves out, and that it never refuses what the file allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from openapi_schema_validator import OAS30WriteValidator

from apps.openapi_service import document, gateway
from apps.openapi_service.errors import Refused
from tests.unit.apps.openapi_service.conftest import FILE

Changed = Callable[[Callable[[dict[str, Any]], Any]], dict[str, Any]]
IAM = {"sigv4": gateway.Authorizer(iam=True)}
URI = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/f/invocations"


def copied(source: dict[str, Any], **more: Any) -> gateway.Copy:
    """Return the copy of a document."""
    return gateway.copy(source, gateway.Target("test", "An API", URI, **{"authorizers": IAM, **more}))


def test_a_pet_of_two_kinds_is_listed_and_not_sent(changed: Changed) -> None:
    """OA-1: `discriminator`, `oneOf`, and a parameter with a pattern and a maximum."""

    def change(d: dict[str, Any]) -> None:
        d["components"]["schemas"]["Pet"] = {
            "oneOf": [{"$ref": "#/components/schemas/Circle"}, {"$ref": "#/components/schemas/Box"}],
            "discriminator": {"propertyName": "kind"},
        }
        d["components"]["schemas"]["NewWidget"]["properties"]["pet"] = {"$ref": "#/components/schemas/Pet"}
        identifier = {"type": "integer", "pattern": "^1", "maximum": 5}
        d["paths"]["/widgets/{id}"]["parameters"][0]["schema"] = identifier

    made = copied(changed(change))
    assert made.body["components"]["schemas"]["Pet"] == {}
    told = "\n".join(made.left_out)
    for path in (
        "components.schemas.Pet.oneOf",
        "components.schemas.Pet.discriminator",
        "paths./widgets/{id}.get.parameters.id.schema.pattern",
        "paths./widgets/{id}.get.parameters.id.schema.maximum",
    ):
        assert f"{path}: " in told
    assert "oneOf" not in str(made.body)
    assert "discriminator" not in str(made.body)


def test_a_null_that_the_file_allows_passes_the_copy(changed: Changed) -> None:
    def change(d: dict[str, Any]) -> None:
        properties = d["components"]["schemas"]["NewWidget"]["properties"]
        properties["colour"] = {"type": "string", "nullable": True, "enum": ["red", None]}

    properties = copied(changed(change)).body["components"]["schemas"]["NewWidget"]["properties"]
    for name in ("note", "colour"):
        assert Draft4Validator(properties[name]).is_valid(None), name


def test_settings_are_in_the_body_so_that_an_import_does_not_erase_them(text: str) -> None:
    """OA-3."""
    policy = {"Version": "2012-10-17", "Statement": []}
    body = copied(document.read(text), policy=policy, binary_media_types=("image/png",), default_endpoint=False).body
    assert body["x-amazon-apigateway-policy"] == policy
    assert body["x-amazon-apigateway-binary-media-types"] == ["image/png"]
    assert body["x-amazon-apigateway-endpoint-configuration"] == {"disableExecuteApiEndpoint": True}
    assert body["info"] == {"title": "test", "description": "An API", "version": "1.0.0"}
    assert set(body["x-amazon-apigateway-gateway-responses"]) == {"DEFAULT_4XX", "DEFAULT_5XX"}


def test_every_operation_has_an_integration_a_validator_and_its_callers(text: str) -> None:
    body = copied(document.read(text)).body
    assert body["x-amazon-apigateway-request-validators"]["all"] == {
        "validateRequestBody": True,
        "validateRequestParameters": True,
    }
    assert body["x-amazon-apigateway-request-validator"] == "all"
    operations = [one for item in body["paths"].values() for one in item.values()]
    assert {one["operationId"] for one in operations} == {
        *("ping", "listWidgets", "createWidget", "getWidget", "replaceWidget", "deleteWidget")
    }
    for one in operations:
        assert one["x-amazon-apigateway-integration"]["uri"] == URI
        assert one["security"] == ([] if one["operationId"] == "ping" else [{"sigv4": []}])
    post = body["paths"]["/widgets"]["post"]
    assert post["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/NewWidget"}
    assert [(p["name"], p["in"], p["required"]) for p in post["parameters"]] == [("Idempotency-Key", "header", True)]


@pytest.mark.parametrize(
    ("authorizer", "scheme"),
    [
        (gateway.Authorizer(iam=True), {"x-amazon-apigateway-authtype": "awsSigv4"}),
        (gateway.Authorizer(api_key=True), {"name": "x-api-key"}),
        (
            gateway.Authorizer(user_pool_arns=("arn:pool",)),
            {"x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": ["arn:pool"]}},
        ),
        (
            gateway.Authorizer(function_uri=URI, ttl_seconds=0),
            {
                "x-amazon-apigateway-authorizer": {
                    "type": "request",
                    "authorizerUri": URI,
                    "identitySource": "method.request.header.Authorization",
                    "authorizerResultTtlInSeconds": 0,
                }
            },
        ),
    ],
)
def test_authorizers(text: str, authorizer: gateway.Authorizer, scheme: dict[str, Any]) -> None:
    body = copied(document.read(text), authorizers={"sigv4": authorizer}).body
    assert scheme.items() <= body["components"]["securitySchemes"]["sigv4"].items()


def test_a_scheme_that_nothing_checks_is_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"Add authorizers\.sigv4"):
        copied(document.read(text), authorizers={})


def test_models_have_plain_names_that_do_not_collide(changed: Changed) -> None:
    def change(d: dict[str, Any]) -> None:
        schemas = d["components"]["schemas"]
        schemas |= {"New.Widget": {"type": "object"}, "New-Widget": {"type": "object"}}
        schemas["NewWidget"]["properties"] |= {
            "a": {"$ref": "#/components/schemas/New.Widget"},
            "b": {"$ref": "#/components/schemas/New-Widget"},
        }

    models = copied(changed(change)).body["components"]["schemas"]
    assert all(name.isalnum() for name in models)
    properties = models["NewWidget"]["properties"]
    assert len({properties["a"]["$ref"], properties["b"]["$ref"], "#/components/schemas/NewWidget"}) == 3


def test_what_is_read_only_is_not_required_of_a_request(changed: Changed) -> None:
    def change(d: dict[str, Any]) -> None:
        new = d["components"]["schemas"]["NewWidget"]
        new["properties"]["id"] = {"type": "string", "readOnly": True}
        new["required"] = ["id", "name"]

    made = copied(changed(change))
    assert made.body["components"]["schemas"]["NewWidget"]["required"] == ["name"]
    assert any(one.startswith("components.schemas.NewWidget.required: ") for one in made.left_out)


def test_bodies_that_are_not_json_are_listed(changed: Changed) -> None:
    def change(d: dict[str, Any]) -> None:
        d["paths"]["/widgets"]["post"]["requestBody"]["content"]["text/csv"] = {"schema": {"type": "string"}}

    left_out = copied(changed(change)).left_out
    assert any("content.text/csv: " in one for one in left_out)
    assert any("other media types pass unchecked" in one for one in left_out)


def test_the_copy_has_only_keywords_that_api_gateway_knows(text: str) -> None:
    def keywords(schema: Any) -> set[str]:
        if not isinstance(schema, dict):
            return set()
        inner = [*(schema.get("properties") or {}).values(), schema.get("items"), *schema.get("allOf", [])]
        return set(schema) | {name for one in inner for name in keywords(one)}

    models = copied(document.read(text)).body["components"]["schemas"]
    for model in models.values():
        Draft4Validator.check_schema(model)
        assert keywords(model) <= gateway.KEPT | {"$ref"}


SHAPES = st.one_of(
    st.fixed_dictionaries({"kind": st.just("circle"), "radius": st.integers(-1, 10_001)}),
    st.fixed_dictionaries({"kind": st.just("box"), "width": st.integers(1, 5), "height": st.integers(1, 5)}),
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.one_of(st.text(max_size=101), st.none(), st.integers()),
        "colour": st.sampled_from(["red", "mauve", 5]),
        "note": st.one_of(st.none(), st.text(max_size=5)),
        "shape": SHAPES,
        "more": st.integers(),
    },
)
SOURCE = document.read(FILE.read_text())
ROOT = {"$ref": "#/components/schemas/NewWidget"}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES)
def test_what_the_file_allows_passes_the_copy(body: dict[str, Any]) -> None:
    whole = OAS30WriteValidator({**ROOT, "components": SOURCE["components"]})
    if whole.is_valid(body):
        assert Draft4Validator({**ROOT, "components": copied(SOURCE).body["components"]}).is_valid(body)
