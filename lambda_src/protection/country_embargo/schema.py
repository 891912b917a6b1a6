"""Check values against the module's JSON Schema, which is the only definition of the format.

Only the keywords that the schema uses are implemented; loading a schema with any other keyword fails. The library
jsonschema gives the same results (tests compare them), but would need a layer with a compiled dependency.
"""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("embargo.schema.json")
ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description"})
KEYWORDS = frozenset({"$ref", "type", "enum", "maxLength", "pattern", "maxItems", "items", "if", "then", "else"}) | {
    "properties",
    "required",
    "additionalProperties",
}
TYPES: dict[str, type] = {"object": dict, "array": list, "string": str}
NOUNS = {"object": "an object", "array": "a list", "string": "a string"}


@functools.cache
def load() -> dict[str, Any]:
    """Return the schema. Raise ValueError if it uses a keyword that `problems` does not implement."""
    root: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    for part in _parts(root):
        unknown = set(part) - KEYWORDS - ANNOTATIONS
        if unknown or part.get("additionalProperties", False) is not False:
            raise ValueError(f"{FILE.name} uses {', '.join(sorted(unknown)) or 'additionalProperties'}")
    return root


def problems(value: Any) -> Iterator[str]:
    """Yield the problems of a parsed document: sentences that name the place, such as `embargoed-countries[3].code`."""
    root = load()
    return _check(value, root, root, "")


def shown(value: Any) -> str:
    """Return a value as short JSON in ASCII, which is safe in logs and messages."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _parts(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield part
    below = [*part.get("properties", {}).values(), *part.get("$defs", {}).values()]
    below += [part[key] for key in ("items", "if", "then", "else") if key in part]
    for each in below:
        yield from _parts(each)


def _check(value: Any, part: dict[str, Any], root: dict[str, Any], place: str) -> Iterator[str]:
    if "$ref" in part:
        part = root["$defs"][part["$ref"].removeprefix("#/$defs/")]
    where = place or "The document"
    wanted = part.get("type")
    if wanted and not isinstance(value, TYPES[wanted]):
        yield f"{where} must be {NOUNS[wanted]}, not {shown(value)}."
        return
    if "enum" in part and not any(type(value) is type(one) and value == one for one in part["enum"]):
        yield f"{where} is {shown(value)}; expected: {part['title']}."
    if isinstance(value, str):
        if len(value) > part.get("maxLength", len(value)):
            yield f"{where} is longer than {part['maxLength']} characters."
        elif "pattern" in part and not re.search(part["pattern"], value):
            yield f"{where} is {shown(value)}; expected: {part['title']}."
    elif isinstance(value, list):
        if len(value) > part.get("maxItems", len(value)):
            yield f"{where} has {len(value):,} entries; the maximum is {part['maxItems']:,}."
            return
        for number, each in enumerate(value):
            yield from _check(each, part.get("items", {}), root, f"{place}[{number}]")
    elif isinstance(value, dict):
        yield from _check_object(value, part, root, place)
    if "if" in part:
        met = not any(True for _ in _check(value, part["if"], root, place))
        yield from _check(value, part.get("then" if met else "else", {}), root, place)


def _check_object(value: dict[str, Any], part: dict[str, Any], root: dict[str, Any], place: str) -> Iterator[str]:
    where, dot = place or "The document", f"{place}." if place else ""
    for name in part.get("required", []):
        if name not in value:
            yield f"{where} has no {name}."
    known = part.get("properties", {})
    if part.get("additionalProperties") is False:
        for name in value:
            if name not in known:
                yield f"{where} has the unknown key {shown(name)}; the keys are {', '.join(known)}."
    for name, each in known.items():
        if name in value:
            yield from _check(value[name], each, root, f"{dot}{name}")
