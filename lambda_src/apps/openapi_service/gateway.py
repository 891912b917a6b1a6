"""The gateway's copy of a file: what API Gateway imports of it, and a list of all that it does not.

API Gateway takes a subset: models are JSON Schema draft 4, and of a parameter only name, place, type and whether it is
required count. Whatever else stays in an import is refused or, worse, ignored. The copy holds only what API Gateway
enforces; it never refuses what the file allows. Documentation and clients use the whole file, and the function checks
the rest of it.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import document
from .errors import Refused

Json = dict[str, Any]

KEPT = frozenset(
    {
        *("type", "title", "description", "enum", "pattern", "properties", "required", "additionalProperties", "allOf"),
        *("items", "minimum", "maximum", "multipleOf", "minLength", "maxLength", "minProperties", "maxProperties"),
    }
)
"""Keywords of a schema that mean the same in OpenAPI 3.0 and in a model of API Gateway."""
WEAKENED = {
    "anyOf": "API Gateway does not combine schemas",
    "oneOf": "API Gateway does not combine schemas",
    "not": "API Gateway does not combine schemas",
    "discriminator": "API Gateway does not know it",
    "exclusiveMinimum": "API Gateway does not know it",
    "exclusiveMaximum": "API Gateway does not know it",
    "maxItems": "API Gateway does not check it",
    "minItems": "API Gateway does not check it",
    "uniqueItems": "API Gateway does not check it",
    "nullable": "JSON Schema draft 4 does not have it; the type is not checked",
    "readOnly": "API Gateway does not know it",
    "writeOnly": "API Gateway does not know it",
    "format": "API Gateway does not check it",
}
"""Keywords that restrict values and that the copy does not have, with the reason."""
_REFERENCE = "#/components/schemas/"
JSON_MEDIA = "application/json"


@dataclass(frozen=True)
class Authorizer:
    """Who checks a security scheme: `iam`, `api_key`, user pools, or a function."""

    iam: bool = False
    api_key: bool = False
    user_pool_arns: tuple[str, ...] = ()
    function_uri: str = ""
    identity_sources: tuple[str, ...] = ("method.request.header.Authorization",)
    ttl_seconds: int = 300

    def scheme(self) -> Json:
        """Return the scheme as API Gateway imports it."""
        if self.api_key:
            return {"type": "apiKey", "name": "x-api-key", "in": "header"}
        key = {"type": "apiKey", "name": "Authorization", "in": "header"}
        if self.iam:
            return key | {"x-amazon-apigateway-authtype": "awsSigv4"}
        if self.user_pool_arns:
            authorizer: Json = {"type": "cognito_user_pools", "providerARNs": list(self.user_pool_arns)}
            return key | {
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": authorizer,
            }
        authorizer = {
            "type": "request",
            "authorizerUri": self.function_uri,
            "identitySource": ", ".join(self.identity_sources),
            "authorizerResultTtlInSeconds": self.ttl_seconds,
        }
        return key | {"x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": authorizer}


@dataclass(frozen=True)
class Target:
    """What of the copy does not come from the file: the API's name, its function, and who checks callers."""

    name: str
    description: str
    uri: str
    authorizers: Mapping[str, Authorizer] = field(default_factory=dict)
    policy: Json | None = None
    binary_media_types: tuple[str, ...] = ()
    default_endpoint: bool = True


@dataclass
class Copy:
    """The copy, and a sentence for each keyword that it does not have, with its path in the file."""

    body: Json
    left_out: list[str]


def copy(source: Mapping[str, Any], target: Target) -> Copy:
    """Return the gateway's copy. Raise Refused if a scheme has no authorizer."""
    return _Copying(source, target).run()


class _Copying:
    def __init__(self, source: Mapping[str, Any], target: Target) -> None:
        self.source, self.target = source, target
        self.left_out: dict[str, None] = {}
        self.models: dict[str, Json] = {}
        self._waiting: list[str] = []
        schemas = (source.get("components") or {}).get("schemas") or {}
        self.names = _model_names(schemas)

    def run(self) -> Copy:
        schemes = self._schemes()
        paths: Json = {}
        for path, method, operation in document.operations(self.source):
            paths.setdefault(path, {})[method] = self._operation(f"paths.{path}.{method}", operation)
        while self._waiting:
            name = self._waiting.pop()
            schema = self.source["components"]["schemas"][name]
            self.models[self.names[name]] = self._schema(f"components.schemas.{name}", schema)
        body: Json = {
            "openapi": "3.0.1",
            # The API's own settings: an import in the overwrite mode erases whatever the body does not have.
            "info": {
                "title": self.target.name,
                "description": self.target.description,
                "version": self.source["info"]["version"],
            },
            "paths": paths,
            "components": {"schemas": dict(sorted(self.models.items())), "securitySchemes": schemes},
            "x-amazon-apigateway-request-validators": {
                "all": {"validateRequestBody": True, "validateRequestParameters": True}
            },
            "x-amazon-apigateway-request-validator": "all",
            "x-amazon-apigateway-endpoint-configuration": {
                "disableExecuteApiEndpoint": not self.target.default_endpoint
            },
            "x-amazon-apigateway-gateway-responses": {
                kind: {"responseTemplates": {JSON_MEDIA: '{"message":$context.error.messageString}'}}
                for kind in ("DEFAULT_4XX", "DEFAULT_5XX")
            },
        }
        if self.target.policy:
            body["x-amazon-apigateway-policy"] = self.target.policy
        if self.target.binary_media_types:
            body["x-amazon-apigateway-binary-media-types"] = list(self.target.binary_media_types)
        for key in sorted({"servers", "tags", "externalDocs"} & self.source.keys()):
            self._note(key, "only documentation and clients use it")
        return Copy(body, list(self.left_out))

    def _note(self, path: str, reason: str) -> None:
        self.left_out[f"{path}: {reason}."] = None

    # Who may call

    def _schemes(self) -> Json:
        used = {
            name
            for _, _, operation in document.operations(self.source)
            for one in operation.get("security", self.source.get("security")) or []
            for name in one
        }
        missing = sorted(used - self.target.authorizers.keys())
        if missing:
            raise Refused(
                f"components.securitySchemes.{name}: nothing checks it. Add authorizers.{name} to the module."
                for name in missing
            )
        return {name: self.target.authorizers[name].scheme() for name in sorted(used)}

    # Operations

    def _operation(self, where: str, operation: Mapping[str, Any]) -> Json:
        made: Json = {
            "operationId": operation["operationId"],
            "parameters": self._parameters(f"{where}.parameters", operation["parameters"]),
            "responses": self._responses(f"{where}.responses", operation["responses"]),
            "security": operation.get("security", self.source.get("security")) or [],
            "x-amazon-apigateway-integration": {
                "type": "aws_proxy",
                "httpMethod": "POST",
                "uri": self.target.uri,
                "passthroughBehavior": "when_no_match",
            },
        }
        for keyword in sorted({"callbacks", "servers"} & operation.keys()):
            self._note(f"{where}.{keyword}", "only documentation and clients use it")
        if "requestBody" in operation:
            body = self._body(f"{where}.requestBody", operation["operationId"], operation["requestBody"])
            made |= {"requestBody": body} if body else {}
        return made

    def _parameters(self, where: str, parameters: Iterable[Any]) -> list[Json]:
        made = []
        for given in parameters:
            one = document.resolve(self.source, given)
            path = f"{where}.{one['name']}"
            if one["in"] == "cookie":
                self._note(path, "API Gateway does not check cookies")
                continue
            schema = document.resolve(self.source, one.get("schema") or {})
            for keyword in sorted(schema.keys() - {"type", "description", "title", "default", "example", "deprecated"}):
                self._note(f"{path}.schema.{keyword}", "API Gateway checks only whether a parameter is there")
            for keyword in sorted({"style", "explode", "content", "allowEmptyValue", "allowReserved"} & one.keys()):
                self._note(f"{path}.{keyword}", "API Gateway checks only whether a parameter is there")
            made.append(
                {
                    "name": one["name"],
                    "in": one["in"],
                    "required": bool(one.get("required")),
                    "schema": {"type": "string"},
                }
            )
        return made

    def _responses(self, where: str, responses: Mapping[str, Any]) -> Json:
        made = {}
        for status in responses:
            if re.fullmatch(r"[1-5]\d\d", status):
                made[status] = {"description": f"Status {status}"}
            else:
                self._note(f"{where}.{status}", "API Gateway knows single statuses only")
        self._note(where, "API Gateway does not check responses: their content and headers are not in the copy")
        return made or {"200": {"description": "Status 200"}}

    def _body(self, where: str, operation: str, given: Any) -> Json:
        body = document.resolve(self.source, given)
        made: Json = {}
        for media, content in body["content"].items():
            if media.partition(";")[0].strip().lower() != JSON_MEDIA:
                self._note(f"{where}.content.{media}", "API Gateway checks application/json only")
                continue
            schema = content.get("schema") or {}
            reference = schema.get("$ref", "")
            if reference.startswith(_REFERENCE):
                made[JSON_MEDIA] = {"schema": self._reference(reference)}
            elif schema:
                name = _free(_alphanumeric(f"{operation}Body"), set(self.names.values()) | self.models.keys())
                self.models[name] = self._schema(f"{where}.content.{media}.schema", schema)
                made[JSON_MEDIA] = {"schema": {"$ref": _REFERENCE + name}}
        if made and len(body["content"]) > 1:
            self._note(where, "API Gateway lets bodies of other media types pass unchecked")
        return {"required": bool(body.get("required")), "content": made} if made else {}

    # Schemas

    def _reference(self, reference: str) -> Json:
        name = reference.removeprefix(_REFERENCE).replace("~1", "/").replace("~0", "~")
        if name not in self.names:  # into a part of a schema, or of something else
            raise Refused([f"{reference}: give what it names a name of its own in components.schemas."])
        if self.names[name] not in self.models:
            self.models[self.names[name]] = {}
            self._waiting.append(name)
        return {"$ref": _REFERENCE + self.names[name]}

    def _schema(self, where: str, schema: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            return self._reference(schema["$ref"])
        made: Json = {}
        for keyword, value in schema.items():
            if keyword in KEPT:
                made[keyword] = self._keyword(f"{where}.{keyword}", keyword, value)
            elif keyword in WEAKENED:
                self._note(f"{where}.{keyword}", WEAKENED[keyword])
        self._loosen(where, schema, made)
        return made

    def _keyword(self, where: str, keyword: str, value: Any) -> Any:
        if keyword == "properties":
            return {name: self._schema(f"{where}.{name}", item) for name, item in value.items()}
        if keyword == "allOf":
            return [self._schema(f"{where}[{number}]", item) for number, item in enumerate(value)]
        if keyword in ("items", "additionalProperties"):
            return self._schema(where, value)
        return value

    def _loosen(self, where: str, schema: Json, made: Json) -> None:
        """Take out what would refuse a value that the file allows."""
        if schema.get("nullable"):  # everything that null would fail
            for keyword in sorted({"type", "enum", "allOf"} & made.keys()):
                del made[keyword]
        if schema.get("exclusiveMinimum") is True and "minimum" in made:
            self._note(f"{where}.minimum", "it is checked as if it were allowed")
        properties = schema.get("properties") or {}
        silent = [
            name
            for name in made.get("required", [])
            if document.resolve(self.source, properties.get(name) or {}).get("readOnly")
        ]
        if silent:  # OpenAPI: required then concerns responses only
            made["required"] = [name for name in made["required"] if name not in silent]
            self._note(f"{where}.required", f"{', '.join(silent)} are read-only")
        if "required" in made and not made["required"]:  # draft 4 has at least one
            del made["required"]


def _alphanumeric(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", name) or "Model"


def _free(name: str, taken: set[str]) -> str:
    return name if name not in taken else name + hashlib.sha256(name.encode()).hexdigest()[:6]


def _model_names(schemas: Iterable[str]) -> dict[str, str]:
    """Return a model's name for each schema: letters and digits only, and no two alike."""
    names: dict[str, str] = {}
    for schema in sorted(schemas):
        plain = _alphanumeric(schema)
        if plain != schema or plain in names.values():
            plain += hashlib.sha256(schema.encode()).hexdigest()[:6]
        names[schema] = plain
    return names
