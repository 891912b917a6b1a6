"""What of a changed file breaks the clients of the earlier one.

specshift compares the files. It takes three changes for harmless that break clients which believe the earlier file: a
value that a response did not have before, a null where there was none, and a header that is gone. `_stricter` finds
those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import document

Document = Mapping[str, Any]


def breaking(before: Document, after: Document) -> list[str]:
    """Return each change that breaks a client, as a sentence with its place."""
    from specshift.differ import diff_specs  # type: ignore[import-untyped]

    plain = [{key: value for key, value in one.items() if key != "servers"} for one in (before, after)]
    found = [f"{c.location}: {c.message}" for c in diff_specs(*plain).changes if c.severity.value == "breaking"]
    return list(dict.fromkeys([*found, *_stricter(before, after)]))


def ordered(version: str) -> tuple[int, ...]:
    """Return a version as something that can be compared."""
    return tuple(int(part) for part in version.split("."))


def _stricter(before: Document, after: Document) -> Iterator[str]:
    later = {(path, method): operation for path, method, operation in document.operations(after)}
    for path, method, operation in document.operations(before):
        if (path, method) not in later:
            continue
        now = later[path, method]["responses"]
        for status, given in operation["responses"].items():
            if status in now:
                old, new = document.resolve(before, given), document.resolve(after, now[status])
                yield from _response(f"{method.upper()} {path} {status}", (before, old), (after, new))


def _response(where: str, before: tuple[Document, Any], after: tuple[Document, Any]) -> Iterator[str]:
    new = {name.lower() for name in after[1].get("headers") or {}}
    for name in before[1].get("headers") or {}:
        if name.lower() not in new:
            yield f"{where}: The header {name} is no longer in the response."
    content = after[1].get("content") or {}
    for media, given in (before[1].get("content") or {}).items():
        if media in content:
            old, later = given.get("schema"), content[media].get("schema")
            yield from _schema(f"{where} response", (before[0], old), (after[0], later), set())


def _schema(
    where: str, before: tuple[Document, Any], after: tuple[Document, Any], seen: set[tuple[int, int]]
) -> Iterator[str]:
    old, new = document.resolve(*before), document.resolve(*after)
    if not isinstance(old, dict) or not isinstance(new, dict) or (id(old), id(new)) in seen:
        return
    seen.add((id(old), id(new)))
    if new.get("nullable") and not old.get("nullable"):
        yield f"{where}: The value can be null now."
    if "enum" in old and (more := [one for one in new.get("enum", []) if one not in old["enum"]]):
        yield f"{where}: The response can have the new values {', '.join(map(str, more))}."
    for name, schema in (old.get("properties") or {}).items():
        later = (new.get("properties") or {}).get(name)
        yield from _schema(f"{where}.{name}", (before[0], schema), (after[0], later), seen)
    if "items" in old:
        yield from _schema(f"{where}[]", (before[0], old["items"]), (after[0], new.get("items")), seen)
    for kind in ("allOf", "oneOf", "anyOf"):
        for number, schema in enumerate(old.get(kind) or []):
            later = dict(enumerate(new.get(kind) or [])).get(number)
            yield from _schema(f"{where}.{kind}[{number}]", (before[0], schema), (after[0], later), seen)
