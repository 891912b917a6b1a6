"""JSON tables in Athena typed by their Glue columns, as a JSON SerDe reads them.

MiniStack lets DuckDB infer the types from the data: run names that are UUIDs become a column of UUIDs, a column
that no row has does not exist, and a table without data has no structs.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ministack.services import athena

from local.patches.registry import Original, patch

TARGET = "ministack.services.athena"
_SAMPLE = 2_000  # lines a file


def _split(text: str, separator: str = ",") -> list[str]:
    """Return `text` split at the separators outside of angle and round brackets."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "<(") - (character in ">)")
        if character == separator and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def duckdb_type(glue: str, seen: Any = None) -> str:
    """Return DuckDB's type for a Glue (Hive) type. Struct fields are spelled as in `seen`, a sample of the data."""
    glue = glue.strip()
    kind, _, inner = glue.partition("<")
    inner = inner.removesuffix(">")
    if kind == "array":
        return duckdb_type(inner, seen.get("[]") if isinstance(seen, dict) else None) + "[]"
    if kind == "map":
        key, value = _split(inner)
        return f"MAP({duckdb_type(key)}, {duckdb_type(value)})"
    if kind == "struct":
        fields = [_split(field, ":") for field in _split(inner)]
        made = [
            f'"{spelt}" {duckdb_type(":".join(rest), sub)}'
            for (name, *rest) in fields
            for spelt, sub in [_spelling(name, seen)]
        ]
        return f"STRUCT({', '.join(made)})"
    if kind.startswith("decimal"):
        return glue.upper()
    return str(athena._DUCKDB_TYPE_BY_ATHENA.get(kind.split("(")[0], "VARCHAR"))


def _spelling(name: str, seen: Any) -> tuple[str, Any]:
    """Return the key of `seen` that is `name` in any letter case, and its value."""
    for key, below in (seen or {}).items():
        if key.lower() == name.lower():
            return key, below
    return name, None


def _keys(value: Any, into: dict[str, Any]) -> None:
    """Collect the keys of a JSON value, level by level. Keys of list elements are below "[]"."""
    if isinstance(value, dict):
        for key, below in value.items():
            _keys(below, into.setdefault(key, {}))
    elif isinstance(value, list):
        for element in value:
            _keys(element, into.setdefault("[]", {}))


def _lines(files: list[str]) -> Iterator[str]:
    for name in files:
        with gzip.open(name, "rt") if name.endswith(".gz") else Path(name).open() as lines:
            yield from itertools.islice(lines, _SAMPLE)


def _columns(table: dict[str, Any]) -> list[dict[str, str]]:
    return (table.get("StorageDescriptor") or {}).get("Columns") or []


@patch(TARGET, "_table_relation", because="MiniStack lets DuckDB infer the types from the data.")
def table_relation(original: Original, table_data: dict[str, Any], files: list[str]) -> str:
    """Return the SQL that reads a table's files; JSON with the types of the table's columns."""
    columns = _columns(table_data)
    if athena._data_format(table_data) != "json" or not columns:
        return str(original(table_data, files))
    seen: dict[str, Any] = {}
    for line in _lines(files):
        _keys(json.loads(line), seen)
    typed = []
    for column in columns:
        name, below = _spelling(column["Name"], seen)
        typed.append(f"'{name}': '{duckdb_type(column['Type'], below)}'")
    hive = athena._hive_options(athena._path_partition_keys(table_data, files))
    listed = athena._sql_list(files)
    return f"read_json({listed}, format = 'newline_delimited', columns = {{{', '.join(typed)}}}, {hive})"


@patch(TARGET, "_empty_relation", because="MiniStack has no types for a table without data.")
def empty_relation(original: Original, table_data: dict[str, Any]) -> str:
    """Return the SQL of a table without rows."""
    if athena._data_format(table_data) != "json":
        return str(original(table_data))
    every = [*_columns(table_data), *(table_data.get("PartitionKeys") or [])]
    nulls = [f'CAST(NULL AS {duckdb_type(column["Type"])}) AS "{column["Name"]}"' for column in every]
    return f"(SELECT {', '.join(nulls)} WHERE FALSE)" if nulls else str(original(table_data))
