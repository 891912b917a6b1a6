"""What the whole file says of a request. The service checks every request with it: API Gateway checks a part."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.http import HttpError

from . import document

MAXIMUM_ERRORS = 10


@dataclass(frozen=True)
class Request:
    """A request that fits the file. Parameters have the types that the file gives them; headers are in lower case."""

    operation: str
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    caller: str = ""


class Contract:
    """The operations of a file."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        # The validator's own reading of a discriminator fails for values that are no text; oneOf checks as much.
        self.source: Mapping[str, Any] = _without(source, "discriminator")
        self._operations = {(method.upper(), path): one for path, method, one in document.operations(self.source)}
        self._validators: dict[int, Any] = {}

    @property
    def version(self) -> str:
        """Return the version of the file."""
        return str(self.source["info"]["version"])

    def request(self, event: Mapping[str, Any]) -> Request:
        """Return the request in an event of API Gateway. Raise HttpError for one that the file does not allow."""
        operation = self._operations.get((event["httpMethod"], event["resource"]))
        if operation is None:
            raise HttpError(404, "There is no such operation.", "no_operation")
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        given: dict[str, Mapping[str, Any]] = {
            "path": event.get("pathParameters") or {},
            "query": event.get("queryStringParameters") or {},
            "header": headers,
        }
        several = event.get("multiValueQueryStringParameters") or {}
        errors = [f"query.{name}: is there more than once" for name, values in several.items() if len(values) > 1]
        values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
        for one in operation["parameters"]:
            parameter = document.resolve(self.source, one)
            errors += self._parameter(parameter, given, values)
        body = self._body(operation, event, headers, errors)
        if errors:
            raise Invalid(errors)
        context = event.get("requestContext") or {}
        identity = context.get("identity") or {}
        caller = identity.get("userArn") or (context.get("authorizer") or {}).get("principalId") or ""
        return Request(operation["operationId"], values["path"], values["query"], values["header"], body, str(caller))

    def _parameter(
        self, parameter: Mapping[str, Any], given: Mapping[str, Mapping[str, Any]], values: dict[str, dict[str, Any]]
    ) -> list[str]:
        """Add a parameter to `values`. Return what is wrong with it."""
        place, name = str(parameter["in"]), str(parameter["name"])
        key = name.lower() if place == "header" else name
        schema = document.resolve(self.source, parameter.get("schema") or {})
        if place not in values:
            return []
        if key not in given[place]:
            if parameter.get("required"):
                return [f"{place}.{name}: is missing"]
            if "default" in schema:
                values[place][key] = schema["default"]
            return []
        value = _typed(given[place][key], schema.get("type", "string"))
        values[place][key] = value
        return [f"{place}.{name}: {error}" for error in self._errors(schema, value)]

    def _body(
        self, operation: Mapping[str, Any], event: Mapping[str, Any], headers: Mapping[str, Any], errors: list[str]
    ) -> Any:
        described = document.resolve(self.source, operation.get("requestBody"))
        if not described:
            return None
        text = event.get("body")
        if not text:
            if described.get("required"):
                errors.append("body: is missing")
            return None
        media = str(headers.get("content-type") or "").partition(";")[0].strip().lower()
        content = {name.partition(";")[0].strip().lower(): one for name, one in described["content"].items()}
        if media not in content:
            raise HttpError(415, f"Send {' or '.join(content)}.", "media_type")
        try:
            value = json.loads(
                base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text,
                parse_constant=_refuse,
            )
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is JSON, but no text
        except (ValueError, RecursionError, binascii.Error):
            errors.append("body: is not JSON")
            return None
        errors += [f"body{error}" for error in self._errors(content[media].get("schema") or {}, value, path=True)]
        return value

    def _errors(self, schema: Mapping[str, Any], value: Any, *, path: bool = False) -> list[str]:
        from itertools import islice

        validator = self._validators.get(id(schema))
        if validator is None:
            from openapi_schema_validator import OAS30WriteValidator

            # The references of a schema are looked up in the schema itself.
            root = {**schema, "components": self.source.get("components") or {}}
            validator = self._validators[id(schema)] = OAS30WriteValidator(root)
        try:
            found = list(islice(validator.iter_errors(value), MAXIMUM_ERRORS))
        except RecursionError:
            return [": is nested too deeply" if path else "is nested too deeply"]
        return [(f"{_where(error)}: " if path else "") + _said(error) for error in found]


class Invalid(HttpError):
    """A request that does not fit the file: `errors` has a sentence for each place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(400, "The request does not fit the API's description.", "invalid")
        self.errors = errors[:MAXIMUM_ERRORS]


def _without(value: Any, keyword: str) -> Any:
    """Return a document without a keyword of schemas; a property of that name stays."""
    if isinstance(value, list):
        return [_without(one, keyword) for one in value]
    if not isinstance(value, dict):
        return value
    schema = isinstance(value.get(keyword), dict) and "propertyName" in value[keyword]
    return {name: _without(one, keyword) for name, one in value.items() if not (schema and name == keyword)}


def _where(error: Any) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)


def _said(error: Any) -> str:
    """Return what is wrong, without the value: it can be long, and is the caller's."""
    said = {
        "required": lambda: f"{', '.join(n for n in error.validator_value if n not in error.instance)} is missing",
        "additionalProperties": lambda: "has a field that does not exist",
        "oneOf": lambda: "fits none, or more than one, of the kinds that it can have",
    }
    say: Callable[[], str] | None = said.get(error.validator)
    return say() if say else f"must have {error.validator} {json.dumps(error.validator_value)[:100]}"


def _typed(text: str, kind: str) -> Any:
    """Return a parameter's value as its type, or the text if it is none of that type."""
    readers: Mapping[str, Callable[[str], Any]] = {
        "integer": lambda text: int(text) if text.isascii() and text.lstrip("-").isdigit() and len(text) < 20 else text,
        "number": _number,
        "boolean": lambda text: {"true": True, "false": False}.get(text, text),
    }
    return readers.get(kind, str)(text)


def _number(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(name: str) -> Iterator[Any]:
    raise ValueError(f"{name} is not JSON")
