"""API Gateway: REST APIs imported from OpenAPI 3 by PutRestApi.

An import overwrites: what the body does not have is gone, with settings such as the policy. Of the keywords that AWS
documents as unsupported, each raises a warning, which `failonwarnings` turns into a refusal. Not here: the merge mode,
YAML, OpenAPI 2.0, documentation parts.
https://docs.aws.amazon.com/apigateway/latest/api/API_PutRestApi.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.services import apigateway_v1 as api_gateway

from local.patches.registry import Original, patch

Data = dict[str, Any]
_REFERENCE = "#/components/schemas/"
_KNOWN = frozenset(
    {
        *("$ref", "type", "title", "description", "default", "enum", "format", "pattern", "properties", "required"),
        *("additionalProperties", "allOf", "not", "items", "minItems", "maxItems", "minProperties", "maxProperties"),
        *("minimum", "maximum", "multipleOf", "minLength", "maxLength"),
    }
)
_PLACES = {"path": "path", "query": "querystring", "header": "header"}
imported: set[str] = set()
"""The ids of the APIs that were imported."""


class _Refused(Exception):
    """A body that API Gateway does not import."""


@patch(
    "ministack.services.apigateway_v1",
    "handle_request",
    because="MiniStack has no PutRestApi.",
)
async def handle_request(
    original: Original, method: str, path: str, headers: Any, body: bytes, query_params: Data
) -> Any:
    """Import an OpenAPI document into a REST API."""
    parts = [part for part in path.split("/") if part]
    if method != "PUT" or len(parts) != 2 or parts[0] != "restapis":
        return await original(method, path, headers, body, query_params)
    api = api_gateway._rest_apis.get(parts[1])
    if api is None:
        return api_gateway._v1_error("NotFoundException", "Invalid API identifier specified", 404)
    if api_gateway._qp(query_params, "mode", "merge") != "overwrite":
        return api_gateway._v1_error("NotImplemented", "The local cloud imports in the overwrite mode only", 501)
    try:
        document = _document(body)
        warnings = list(_warnings(document))
        _refuse(warnings if api_gateway._qp(query_params, "failonwarnings") == "true" else [])
        overwrite(parts[1], api, document)
    except _Refused as refused:
        return api_gateway._v1_error("BadRequestException", str(refused), 400)
    return api_gateway._v1_response({**api_gateway._rest_api_view(api), "warnings": warnings})


def _refuse(warnings: list[str]) -> None:
    if warnings:
        raise _Refused("Warnings found during import:\n\t" + "\n\t".join(warnings))


def _document(body: bytes) -> Data:
    try:
        document = json.loads(body)
    except ValueError:
        raise _Refused("Invalid OpenAPI input.") from None
    if not isinstance(document, dict) or not re.fullmatch(r"3\.0\.\d+", str(document.get("openapi"))):
        raise _Refused("Invalid OpenAPI input.")
    for name in (document.get("components") or {}).get("schemas") or {}:
        if not re.fullmatch(r"[A-Za-z0-9]+", name):
            raise _Refused(f"Model name must be alphanumeric: {name}")
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in api_gateway._OPENAPI_HTTP_METHODS and not operation.get("x-amazon-apigateway-integration"):
                raise _Refused(f"No integration defined for method {method.upper()} {path}")
    return document


def _warnings(document: Data) -> Iterator[str]:
    for name, schema in ((document.get("components") or {}).get("schemas") or {}).items():
        yield from _schema_warnings(f"#/components/schemas/{name}", schema)
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method not in api_gateway._OPENAPI_HTTP_METHODS:
                continue
            for parameter in operation.get("parameters") or []:
                if parameter.get("in") not in _PLACES:
                    yield f"Parameter {parameter.get('name')} of {method.upper()} {path} is in an unsupported place"


def _schema_warnings(path: str, schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    for keyword in sorted(schema.keys() - _KNOWN):
        yield f"Unsupported model schema keyword {keyword} at {path}"
    for name, item in (schema.get("properties") or {}).items():
        yield from _schema_warnings(f"{path}/properties/{name}", item)
    for keyword in ("items", "additionalProperties", "not"):
        yield from _schema_warnings(f"{path}/{keyword}", schema.get(keyword))
    for number, item in enumerate(schema.get("allOf") or []):
        yield from _schema_warnings(f"{path}/allOf/{number}", item)


def overwrite(api_id: str, api: Data, document: Data) -> None:
    """Replace an API by what the document says of it."""
    tables = api_gateway
    endpoint = document.get("x-amazon-apigateway-endpoint-configuration") or {}
    info = document["info"]
    api |= {
        "name": info.get("title", api["name"]),
        "description": info.get("description", ""),
        "version": info.get("version"),
        "policy": json.dumps(document["x-amazon-apigateway-policy"])
        if "x-amazon-apigateway-policy" in document
        else "",
        "binaryMediaTypes": document.get("x-amazon-apigateway-binary-media-types", []),
        "minimumCompressionSize": document.get("x-amazon-apigateway-minimum-compression-size"),
        "apiKeySource": document.get("x-amazon-apigateway-api-key-source", "HEADER"),
        "disableExecuteApiEndpoint": bool(endpoint.get("disableExecuteApiEndpoint", False)),
    }
    resources = tables._resources[api_id]
    root = next(resource for resource in resources.values() if resource["path"] == "/")
    tables._resources[api_id] = {root["id"]: {**root, "resourceMethods": {}}}
    tables._models[api_id] = {}
    for name, schema in ((document.get("components") or {}).get("schemas") or {}).items():
        tables._create_model(api_id, {"name": name, "schema": json.dumps(_model(api_id, schema))})
    validators = _validators(api_id, document.get("x-amazon-apigateway-request-validators") or {})
    # With their earlier ids, by name: deployments refer to them.
    known = {one["name"]: one["id"] for one in tables._authorizers_v1.get(api_id, {}).values()}
    tables._authorizers_v1[api_id] = {}
    schemes = tables._import_security_schemes(api_id, document)
    for name, old in known.items():
        if name in schemes and schemes[name].get("authorizerId"):
            made = tables._authorizers_v1[api_id].pop(schemes[name]["authorizerId"])
            tables._authorizers_v1[api_id][old] = {**made, "id": old}
            schemes[name]["authorizerId"] = old
    tables._gateway_responses[api_id] = {}
    for kind, response in (document.get("x-amazon-apigateway-gateway-responses") or {}).items():
        tables._put_gateway_response(api_id, kind, response)
    for path, item in document.get("paths", {}).items():
        tables._import_path_item(api_id, path, item, schemes, document.get("security"))
        for method, operation in item.items():
            if method in tables._OPENAPI_HTTP_METHODS:
                stored = _method(api_id, path, method.upper())
                chosen = operation.get(
                    "x-amazon-apigateway-request-validator", document.get("x-amazon-apigateway-request-validator")
                )
                stored |= _checks(operation) | {"requestValidatorId": validators.get(chosen)}
    imported.add(api_id)


def _model(api_id: str, schema: Any) -> Any:
    """Return a schema whose references name models, as API Gateway stores them."""
    if isinstance(schema, list):
        return [_model(api_id, item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _model(api_id, item) for name, item in schema.items()}
    if str(made.get("$ref", "")).startswith(_REFERENCE):
        name = made["$ref"].removeprefix(_REFERENCE)
        made["$ref"] = f"https://apigateway.amazonaws.com/restapis/{api_id}/models/{name}"
    return made


def _validators(api_id: str, given: Mapping[str, Data]) -> dict[str, str]:
    kept = {one["name"]: one["id"] for one in api_gateway._request_validators.get(api_id, {}).values()}
    table: dict[str, Data] = {}
    api_gateway._request_validators[api_id] = table
    for name, settings in given.items():
        made = json.loads(api_gateway._create_request_validator(api_id, {"name": name, **settings})[2])
        stored = table.pop(made["id"])
        identifier = kept.get(name, made["id"])
        table[identifier] = {**stored, "id": identifier}
    return {one["name"]: one["id"] for one in table.values()}


def _method(api_id: str, path: str, method: str) -> Data:
    resources = api_gateway._resources[api_id].values()
    found: Data = next(one for one in resources if one["path"] == (path.rstrip("/") or "/"))
    stored: Data = found["resourceMethods"][method]
    return stored


def _checks(operation: Data) -> Data:
    parameters = {
        f"method.request.{_PLACES[one['in']]}.{one['name']}": bool(one.get("required"))
        for one in operation.get("parameters") or []
        if one.get("in") in _PLACES
    }
    content = (operation.get("requestBody") or {}).get("content") or {}
    models = {
        media: one["schema"]["$ref"].removeprefix(_REFERENCE)
        for media, one in content.items()
        if "$ref" in (one.get("schema") or {})
    }
    return {
        "requestParameters": parameters,
        "requestModels": models,
        "operationName": operation.get("operationId", ""),
    }
