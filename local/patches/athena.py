"""Athena reads views, asks IAM in its caller's name, and reads JSON tables as the OpenX JSON SerDe does.

A view is a Glue table of the type VIRTUAL_VIEW whose text holds Presto's definition in base64. A query needs
glue:GetTable on each table and view, and reads and writes S3 in the caller's name; MiniStack does neither.
https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html

MiniStack lets DuckDB infer the types from the data: run names that are UUIDs become a column of UUIDs, a column
that no row has does not exist, and a table without data has no structs. It matches keys in any letter case.

Sources: https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html, and the library that it names, of which
JsonStructObjectInspector looks up a field (of a row or of a struct at any depth) by its mapping, and JSONObject, with
`case.insensitive` (the default), puts every key in small letters and refuses the second of two equal ones.
"""

from __future__ import annotations

import base64
import functools
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import athena, s3
from ministack.services import glue as glue_service

from local.patches.registry import Original, patch
from local.permissions import caller

TARGET = "ministack.services.athena"
OPENX = "org.openx.data.jsonserde.JsonSerDe"


def _split(text: str, separator: str = ",") -> list[str]:
    """Return `text` split at the separators outside of angle and round brackets."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "<(") - (character in ">)")
        if character == separator and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _parts(glue: str) -> tuple[str, str]:
    """Return the kind of a Glue (Hive) type, and what is in its angle brackets."""
    kind, _, inner = glue.strip().partition("<")
    return kind, inner.removesuffix(">")


@functools.cache
def _fields(inner: str) -> Mapping[str, str]:
    """Return the fields of a struct: name -> type."""
    return {name.strip(): ":".join(rest) for name, *rest in (_split(field, ":") for field in _split(inner))}


def duckdb_type(glue: str) -> str:
    """Return DuckDB's type for a Glue (Hive) type."""
    kind, inner = _parts(glue)
    if kind == "array":
        return duckdb_type(inner) + "[]"
    if kind == "map":
        key, value = _split(inner)
        return f"MAP({duckdb_type(key)}, {duckdb_type(value)})"
    if kind == "struct":
        fields = [f'"{name}" {duckdb_type(below)}' for name, below in _fields(inner).items()]
        return f"STRUCT({', '.join(fields)})"
    if kind.startswith("decimal"):
        return kind.upper()
    return str(athena._DUCKDB_TYPE_BY_ATHENA.get(kind.split("(")[0], "VARCHAR"))


class SerDe:
    """Reads rows with the properties of a table's SerDe."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._insensitive = parameters.get("case.insensitive", "true").lower() == "true"
        self._ignoring = parameters.get("ignore.malformed.json", "false").lower() == "true"
        self._mappings = {
            name.removeprefix("mapping."): key.lower() if self._insensitive else key
            for name, key in parameters.items()
            if name.startswith("mapping.")
        }

    def row(self, line: str, columns: Mapping[str, str]) -> dict[str, Any]:
        """Return the row of a line by its columns (name -> type). Raise ValueError for one that is not valid."""
        try:
            read = json.loads(line, object_pairs_hook=self._object)
        except ValueError as error:
            if not self._ignoring:
                raise ValueError(
                    f"HIVE_CURSOR_ERROR: Row is not a valid JSON Object - JSONException: {error}"
                ) from error
            read = {}
        return self._struct(read, columns)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for given, value in pairs:
            key = given.lower() if self._insensitive else given
            if key in made:
                raise ValueError(f'Duplicate key "{key}"')
            made[key] = value
        return made

    def _struct(self, value: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
        return {name: self._value(value.get(self._mappings.get(name, name)), kind) for name, kind in fields.items()}

    def _value(self, value: Any, glue: str) -> Any:
        kind, inner = _parts(glue)
        if kind == "struct" and isinstance(value, dict):
            return self._struct(value, _fields(inner))
        if kind == "array" and isinstance(value, list):
            return [self._value(element, inner) for element in value]
        if kind == "map" and isinstance(value, dict):
            return {key: self._value(below, _split(inner)[1]) for key, below in value.items()}
        if kind == "string" and isinstance(value, (dict, list)):
            return json.dumps(value)
        return value


def _parameters(table: dict[str, Any]) -> dict[str, str]:
    info = table["StorageDescriptor"].get("SerdeInfo") or {}
    return (info.get("Parameters") or {}) if info.get("SerializationLibrary") == OPENX else {}


@functools.lru_cache(4096)
def _rows(text: str, parameters: tuple[tuple[str, str], ...], columns: tuple[tuple[str, str], ...]) -> str:
    """Return the lines of a file as DuckDB reads them: queries read the same files again and again."""
    serde, typed = SerDe(dict(parameters)), dict(columns)
    return "\n".join(json.dumps(serde.row(line, typed)) for line in text.splitlines() if line.strip())


def _columns(table: dict[str, Any]) -> dict[str, str]:
    listed = (table.get("StorageDescriptor") or {}).get("Columns") or []
    return {column["Name"]: column["Type"] for column in listed}


@patch(TARGET, "_table_relation", because="MiniStack lets DuckDB infer the types from the data.")
def table_relation(original: Original, table_data: dict[str, Any], files: list[str]) -> str:
    """Return the SQL that reads a table's files; JSON through the SerDe, with the types of the table's columns.

    The files are copies for this query. Those outside of the table's partitions are not read.
    """
    columns = _columns(table_data)
    if athena._data_format(table_data) != "json" or not columns:
        return str(original(table_data, files))
    folders = [f"/{key['Name']}=" for key in table_data.get("PartitionKeys") or []]
    files = [name for name in files if all(folder in name for folder in folders)]
    if not files:
        return str(athena._empty_relation(table_data))
    parameters, named = tuple(_parameters(table_data).items()), tuple(columns.items())
    for name in files:
        path = Path(name)
        text = gzip.decompress(path.read_bytes()).decode() if name.endswith(".gz") else path.read_text()
        lines = _rows(text, parameters, named).encode()
        path.write_bytes(gzip.compress(lines, compresslevel=1) if name.endswith(".gz") else lines)
    typed = ", ".join(f"'{name}': '{duckdb_type(kind)}'" for name, kind in columns.items())
    hive = athena._hive_options(athena._path_partition_keys(table_data, files))
    listed = athena._sql_list(files)
    return f"read_json({listed}, format = 'newline_delimited', columns = {{{typed}}}, {hive})"


@patch(TARGET, "_empty_relation", because="MiniStack has no types for a table without data.")
def empty_relation(original: Original, table_data: dict[str, Any]) -> str:
    """Return the SQL of a table without rows."""
    if athena._data_format(table_data) != "json":
        return str(original(table_data))
    every = {**_columns(table_data), **{key["Name"]: key["Type"] for key in table_data.get("PartitionKeys") or []}}
    nulls = [f'CAST(NULL AS {duckdb_type(kind)}) AS "{name}"' for name, kind in every.items()]
    return f"(SELECT {', '.join(nulls)} WHERE FALSE)" if nulls else str(original(table_data))


@patch(TARGET, "_rewrite_s3_paths", because="DuckDB has no from_iso8601_timestamp.")
def rewrite_s3_paths(original: Original, query: str) -> str:
    """Return the query, after a macro for the function of Athena's engine that it uses."""
    rewritten = str(original(query))
    if "from_iso8601_timestamp" not in rewritten:
        return rewritten
    return f"CREATE OR REPLACE MACRO from_iso8601_timestamp(given) AS CAST(given AS TIMESTAMPTZ); {rewritten}"


_PRESTO_VIEW = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=]+) \*/")


def presto_view(table_data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return Presto's definition of a view (`originalSql`, `columns`, …), or None for a table. Raise ValueError."""
    if table_data.get("TableType") != "VIRTUAL_VIEW":
        return None
    found = _PRESTO_VIEW.fullmatch(table_data.get("ViewOriginalText") or "")
    if not found:
        raise ValueError(f"INVALID_VIEW: {table_data.get('Name')} has no definition of Presto")
    definition: dict[str, Any] = json.loads(base64.b64decode(found[1]))
    return definition


def _tables(query: str, database: str | None, seen: dict[tuple[str, str], Any]) -> None:
    """Collect the tables and views that a query reads, through its views: what a view reads comes before the view."""
    for reference in athena._table_references(query):
        name = (reference.database or database or "default", reference.table)
        table_data = glue_service._tables.get("/".join(name))
        if table_data is None or name in seen:
            continue
        view = presto_view(table_data)
        if view:
            _tables(view["originalSql"], view.get("schema"), seen)
        seen[name] = table_data


def _created(name: tuple[str, str], view: dict[str, Any]) -> str:
    """Return the SQL that makes a view. One whose columns are not those of its query is refused, as by Athena."""
    columns = ", ".join(f'"{column["name"]}"' for column in view["columns"])
    return f'CREATE VIEW "{name[0]}"."{name[1]}" AS SELECT {columns} FROM ({view["originalSql"]})'


@patch(TARGET, "_rewrite_data_paths", because="MiniStack reads no views, and bypasses IAM.")
async def rewrite_data_paths(original: Original, query: str, database: str, catalog: Any = None) -> Any:
    """Return a query that makes the views it needs first. Raise PermissionError for what the caller may not read."""
    found: dict[tuple[str, str], Any] = {}
    _tables(query, database, found)
    views = {name: view for name, table_data in found.items() if (view := presto_view(table_data))}
    _check_caller(found)
    texts, buckets, folders = [], {}, []
    for name, view in views.items():
        text, more, made = await original(_created(name, view), view.get("schema") or name[0], catalog)
        texts += [f'CREATE SCHEMA IF NOT EXISTS "{name[0]}"', f"SET search_path = '{name[0]},main'", text]
        buckets.update(more)
        folders += made
    text, more, made = await original(query, database, catalog)
    return "; ".join([*texts, text]), {**buckets, **more}, [*folders, *made]


def _check_caller(tables: Mapping[tuple[str, str], Any]) -> None:
    for action, resource, keys in _needed(tables):
        service, region = action.partition(":")[0], get_region()
        key = caller()[1]["aws_access_key_id"]
        denied = iam_evaluator.enforce(key, action, service, region, resource, keys)
        if denied is not None:
            raise PermissionError(
                f"Insufficient permissions to execute the query. AccessDenied: {action} on resource: {resource}"
            )


def _needed(tables: Mapping[tuple[str, str], Any]) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """Yield the actions that a query needs: (action, resource, condition keys)."""
    root = f"arn:aws:glue:{get_region()}:{get_account_id()}"
    for (database, name), table_data in tables.items():
        yield "glue:GetTable", f"{root}:table/{database}/{name}", None
        place = urlparse((table_data.get("StorageDescriptor") or {}).get("Location") or "")
        bucket = s3._buckets.get(place.netloc) if place.netloc else None
        if bucket is None:
            continue
        prefix = place.path.lstrip("/")
        yield "s3:ListBucket", f"arn:aws:s3:::{place.netloc}", {"s3:prefix": prefix}
        first = next((key for key in sorted(bucket["objects"]) if key.startswith(prefix)), "")
        if first:
            yield "s3:GetObject", f"arn:aws:s3:::{place.netloc}/{first}", None


@patch(TARGET, "_save_query_results", because="MiniStack writes results without asking IAM.")
async def save_query_results(original: Original, query_id: str) -> None:
    """Write the results in the caller's name. Raise PermissionError."""
    place = urlparse(athena._executions[query_id]["ResultConfiguration"]["OutputLocation"])
    needed = (
        ("s3:GetBucketLocation", f"arn:aws:s3:::{place.netloc}"),
        ("s3:PutObject", f"arn:aws:s3:::{place.netloc}{place.path}"),
    )
    for action, resource in needed:
        key = caller()[1]["aws_access_key_id"]
        if iam_evaluator.enforce(key, action, "s3", get_region(), resource) is not None:
            raise PermissionError(f"Access denied when writing to location: s3://{place.netloc}{place.path} ({action})")
    await original(query_id)
