"""An OpenAPI 3.0 file: read it, and say everything that is wrong with it.

API Gateway imports OpenAPI 3.0 (not 3.1), and a file that it imports in part is worse than one that it refuses. So this
module refuses what a REST API, the documentation or a client could not be made of.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import Refused

Document = dict[str, Any]
METHODS = ("delete", "get", "head", "options", "patch", "post", "put")
"""The methods of a REST API: OpenAPI has `trace`, too."""
MAXIMUM_BYTES = 2_000_000
"""The gateway's copy returns to Terraform in the answer of a function, which has at most 6 MB."""
MAXIMUM_NODES = 100_000
MAXIMUM_DEPTH = 60
MAXIMUM_REASONS = 25
SEMVER = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})")
_OPERATION_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_SEGMENT = re.compile(r"[A-Za-z0-9._:-]+|\{[A-Za-z0-9._-]+\}")


def read(text: str) -> Document:
    """Return the document in a YAML or JSON file. Raise Refused."""
    if len(text.encode(errors="surrogatepass")) > MAXIMUM_BYTES:
        raise Refused([f"The file has more than {MAXIMUM_BYTES:,} bytes: split the API."])
    document = _parse(text)
    if not isinstance(document, dict):
        raise Refused(["The file must be a mapping with openapi, info and paths."])
    return dict(_plain(document, 0, [0]))


def checked(text: str) -> Document:
    """Return the document in a file that can be deployed. Raise Refused with every reason."""
    document = read(text)
    version = str(document.get("openapi", ""))
    if not re.fullmatch(r"3\.0\.\d+", version):
        named = f"openapi is {version}" if version else "openapi is missing"
        raise Refused([f"{named}: write 3.0.3. API Gateway imports OpenAPI 3.0 only."])
    _raise(_references(document))
    _raise(_specification(document))
    _raise([*_info(document), *_operations(document), *_security(document)])
    return document


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation. The parameters of a path are in each of its operations."""
    for path, item in document["paths"].items():
        shared = {_key(document, one): one for one in item.get("parameters", [])}
        for method in METHODS:
            if method in item:
                own = {_key(document, one): one for one in item[method].get("parameters", [])}
                yield path, method, {**item[method], "parameters": list((shared | own).values())}


def resolve(document: Mapping[str, Any], value: Any) -> Any:
    """Return what a reference leads to, or the value itself. Raise KeyError for one that leads nowhere."""
    for _ in range(MAXIMUM_DEPTH):
        if not (isinstance(value, dict) and isinstance(value.get("$ref"), str)):
            return value
        value = _at(document, value["$ref"])
    raise KeyError("a circle of references")


def _key(document: Mapping[str, Any], parameter: Any) -> tuple[Any, Any]:
    found = resolve(document, parameter)
    return found.get("in"), found.get("name")


def _at(document: Mapping[str, Any], reference: str) -> Any:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
        found = found[name]
    return found


def _raise(reasons: list[str]) -> None:
    if reasons:
        more = len(reasons) - MAXIMUM_REASONS
        raise Refused(reasons[:MAXIMUM_REASONS] + ([f"and {more} more"] if more > 0 else []))


# Reading


def _parse(text: str) -> Any:
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        return _yaml(text)
    except Refused:
        raise
    except RecursionError:
        raise Refused(["The file is nested too deeply."]) from None
    except ValueError as error:
        raise Refused([f"The file is not JSON: {error}"]) from None


def _no_constant(name: str) -> Any:
    raise Refused([f"The file has the number {name}, which JSON does not have."])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = Counter(name for name, _ in pairs)
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        raise Refused([f"The key {name} is in one mapping twice." for name in twice])
    return dict(pairs)


def _yaml(text: str) -> Any:
    import yaml  # type: ignore[import-untyped]

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where there is libyaml

    class Loader(base):  # type: ignore[misc]
        """YAML as OpenAPI uses it: texts that look like dates stay texts, and no key may be there twice."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        seen: list[Any] = []
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                seen.append(str(loader.construct_object(key, deep=True)))
        _unique([(name, None) for name in seen])
        loader.flatten_mapping(node)
        return dict(loader.construct_mapping(node, deep=True))

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise Refused([f"The file is not YAML: {' '.join(str(error).split())}"]) from None


def _plain(value: Any, depth: int, count: list[int]) -> Any:
    """Return a value as JSON has it, with references of YAML copied. Raise Refused for what JSON cannot hold."""
    count[0] += 1
    if count[0] > MAXIMUM_NODES or depth > MAXIMUM_DEPTH:
        raise Refused(["The file is too large once its YAML aliases are written out, or nested too deeply."])
    if isinstance(value, dict):
        return {_name(key): _plain(item, depth + 1, count) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1, count) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused(["The file has a number that JSON does not have."])
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise Refused([f"The file has a value of type {type(value).__name__}, which JSON does not have."])


def _name(key: Any) -> str:
    if isinstance(key, bool):  # YAML 1.1 reads yes, no, on and off as booleans
        raise Refused(["A key is yes, no, on, off, true or false: write it in quotes."])
    return str(key)


# What is wrong


def _references(document: Document) -> list[str]:
    """Return the references that lead out of the file, nowhere, or in a circle."""
    reasons = []
    for path, reference in _walk_references(document, ""):
        if not reference.startswith("#/"):
            reasons.append(f"{path}: {reference} leads out of the file. Put what it names into components.")
            continue
        try:
            resolve(document, {"$ref": reference})
        except (KeyError, TypeError, IndexError):
            reasons.append(f"{path}: {reference} leads nowhere.")
    return reasons


def _walk_references(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield path, reference
        for name, item in value.items():
            if name not in ("example", "examples", "default", "enum"):
                yield from _walk_references(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk_references(item, f"{path}[{number}]")


def _specification(document: Document) -> list[str]:
    """Return what the OpenAPI specification does not allow."""
    # Whatever else is installed: the other backend repeats the whole file in each message.
    os.environ["OPENAPI_SPEC_VALIDATOR_SCHEMA_VALIDATOR_BACKEND"] = "jsonschema"
    from openapi_spec_validator import OpenAPIV30SpecValidator

    reasons = []
    try:
        for error in OpenAPIV30SpecValidator(document).iter_errors():
            where = ".".join(map(str, getattr(error, "absolute_path", ()) or ())) or "file"
            reasons.append(f"{where}: {' '.join(str(error.message).split())[:300]}")
            if len(reasons) > MAXIMUM_REASONS:
                break
    except Exception as error:  # noqa: BLE001 - the validator's own code trips over some broken files
        reasons.append(f"file: the validator could not read it: {type(error).__name__}: {str(error)[:200]}")
    return reasons


def _info(document: Document) -> list[str]:
    version = document["info"]["version"]
    if isinstance(version, str) and SEMVER.fullmatch(version):
        return []
    return [f"info.version is {version}: write a version such as 1.0.0, which the client packages get."]


def _operations(document: Document) -> list[str]:
    """Return what a REST API or a client cannot be made of."""
    reasons, names = [], Counter[str]()
    shapes: dict[str, str] = {}
    for path, item in document["paths"].items():
        segments = path.strip("/").split("/")
        if path != "/" and not all(_SEGMENT.fullmatch(one) for one in segments):
            reasons.append(f"paths.{path}: a segment is letters, digits, . _ : - or one {{parameter}}.")
        if path != "/" and path.endswith("/"):
            reasons.append(f"paths.{path}: API Gateway drops the slash at the end. Write {path.rstrip('/')}.")
        if "$ref" in item:
            reasons.append(f"paths.{path}: write the operations here instead of a reference.")
        if "trace" in item:
            reasons.append(f"paths.{path}.trace: a REST API does not have this method.")
        shape = re.sub(r"\{[^}]*\}", "{}", path.rstrip("/"))
        if shape in shapes:
            reasons.append(f"paths.{path} and {shapes[shape]} are the same path.")
        shapes[shape] = path
    for path, method, operation in operations(document):
        name = operation.get("operationId")
        if not isinstance(name, str) or not _OPERATION_ID.fullmatch(name):
            reasons.append(f"paths.{path}.{method}: operationId must be a name such as listWidgets; clients have it.")
            continue
        names[name.lower()] += 1
        body = resolve(document, operation.get("requestBody") or {})
        if body and method in ("get", "head", "delete"):
            reasons.append(f"paths.{path}.{method}.requestBody: {method.upper()} has no body.")
    return reasons + [f"operationId {name} is used twice." for name, count in names.items() if count > 1]


def _security(document: Document) -> list[str]:
    """Return the operations whose callers are not stated, or stated so that a REST API cannot check it."""
    reasons, schemes = [], (document.get("components") or {}).get("securitySchemes") or {}
    for path, method, operation in operations(document):
        asked = operation.get("security", document.get("security"))
        where = f"paths.{path}.{method}"
        if asked is None:
            reasons.append(f"{where}: nothing says who may call it. Write security, with [] if it is public.")
            continue
        if len(asked) > 1 or any(len(one) > 1 for one in asked):
            reasons.append(f"{where}.security: API Gateway checks one scheme, not several or one of several.")
        elif asked == [{}]:
            reasons.append(f"{where}.security: write [] for a public operation.")
        reasons += [f"{where}.security: there is no scheme {n}." for one in asked for n in one if n not in schemes]
    return reasons
