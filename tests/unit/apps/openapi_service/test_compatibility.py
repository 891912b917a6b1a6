"""Changes of a file: what breaks a client is found, and nothing else is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from apps.openapi_service import compatibility

Document = dict[str, Any]
BASE: Document = {
    "openapi": "3.0.3",
    "info": {"title": "t", "version": "1.0.0"},
    "paths": {
        "/w/{id}": {
            "get": {
                "operationId": "g",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                ],
                "responses": {
                    "200": {
                        "description": "x",
                        "headers": {"ETag": {"required": True, "schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/W"}}},
                    },
                    "404": {"description": "x"},
                },
            },
            "put": {
                "operationId": "p",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/N"}}}},
                "responses": {"200": {"description": "x"}},
            },
        }
    },
    "components": {
        "schemas": {
            "W": {
                "type": "object",
                "required": ["id", "name"],
                "properties": {
                    "id": {"type": "string"},
                    "name": {"type": "string"},
                    "colour": {"type": "string", "enum": ["red", "green"]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/W"}},
                },
            },
            "N": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 60},
                    "colour": {"type": "string", "enum": ["red", "green"]},
                },
            },
        }
    },
}


def item(d: Document) -> Document:
    found: Document = d["paths"]["/w/{id}"]
    return found


def got(d: Document) -> Document:
    found: Document = d["components"]["schemas"]["W"]
    return found


def sent(d: Document) -> Document:
    found: Document = d["components"]["schemas"]["N"]
    return found


QUERY = {"name": "q", "in": "query", "schema": {"type": "string"}}
BREAKING: dict[str, Callable[[Document], Any]] = {
    "an operation is gone": lambda d: item(d).pop("put"),
    "a path is gone": lambda d: d["paths"].clear(),
    "a property of a response is gone": lambda d: (got(d)["properties"].pop("name"), got(d)["required"].remove("name")),
    "a property of a response may be missing": lambda d: got(d)["required"].remove("name"),
    "a property of a response can be null": lambda d: got(d)["properties"]["name"].update(nullable=True),
    "a response has a new value": lambda d: got(d)["properties"]["colour"]["enum"].append("blue"),
    "a header of a response is gone": lambda d: item(d)["get"]["responses"]["200"].pop("headers"),
    "a status is gone": lambda d: item(d)["get"]["responses"].pop("200"),
    "a media type is gone": lambda d: item(d)["get"]["responses"]["200"].update(content={"text/plain": {}}),
    "a value is refused": lambda d: sent(d)["properties"]["colour"]["enum"].pop(),
    "a new property is required": lambda d: (
        sent(d)["properties"].update(size={"type": "integer"}),
        sent(d)["required"].append("size"),
    ),
    "a property is required": lambda d: sent(d)["required"].append("colour"),
    "another type": lambda d: sent(d)["properties"]["name"].update(type="integer"),
    "a shorter text": lambda d: sent(d)["properties"]["name"].update(maxLength=10),
    "a pattern": lambda d: sent(d)["properties"]["name"].update(pattern="^a"),
    "no more properties": lambda d: sent(d).update(additionalProperties=False),
    "a new parameter is required": lambda d: item(d)["get"]["parameters"].append({**QUERY, "required": True}),
    "a parameter is required": lambda d: item(d)["get"]["parameters"][1].update(required=True),
    "a smaller maximum": lambda d: item(d)["get"]["parameters"][1]["schema"].update(maximum=10),
    "the body is required": lambda d: item(d)["put"]["requestBody"].update(required=True),
    "callers must be known": lambda d: (
        d["components"].update(securitySchemes={"k": {"type": "apiKey", "name": "x-api-key", "in": "header"}}),
        d.update(security=[{"k": []}]),
    ),
}
HARMLESS: dict[str, Callable[[Document], Any]] = {
    "nothing": lambda d: None,
    "another description": lambda d: item(d)["get"].update(description="x"),
    "a new operation": lambda d: item(d).update(delete={**item(d)["put"], "operationId": "d"}),
    "an optional property": lambda d: sent(d)["properties"].update(size={"type": "integer"}),
    "more in a response": lambda d: got(d)["properties"].update(size={"type": "integer"}),
    "more values in a request": lambda d: sent(d)["properties"]["colour"]["enum"].append("blue"),
    "a longer text": lambda d: sent(d)["properties"]["name"].update(maxLength=100),
    "an optional parameter": lambda d: item(d)["get"]["parameters"].append(QUERY),
    "a response always has more": lambda d: got(d)["required"].append("colour"),
    "less is required": lambda d: sent(d)["required"].remove("name"),
    "other servers": lambda d: d.update(servers=[{"url": "https://example.com"}]),
}


def changes(change: Callable[[Document], Any]) -> list[str]:
    after = copy.deepcopy(BASE)
    change(after)
    return compatibility.breaking(BASE, after)


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_client_is_found(name: str) -> None:
    found = changes(BREAKING[name])
    assert found
    assert all("/w/{id}" in one or "security" in one.lower() or "Authentication" in one for one in found)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_no_client_is_not_reported(name: str) -> None:
    assert changes(HARMLESS[name]) == []


def test_versions_are_ordered_by_number() -> None:
    assert compatibility.ordered("1.10.0") > compatibility.ordered("1.9.9")
