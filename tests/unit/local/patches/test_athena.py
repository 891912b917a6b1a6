"""JSON tables read by their Glue types, whatever the data looks like."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from ministack.services import athena as engine
from ministack.services import glue, s3

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.patches import athena
from local.patches.registry import registry
from local.settings import REGION


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = ("_table_relation", "_empty_relation", "_rewrite_s3_paths", "_rewrite_data_paths", "_save_query_results")
    for name in changed:
        monkeypatch.setattr(engine, name, getattr(engine, name))
    registry.apply([athena.__name__])


def table(parameters: dict[str, str] | None = None, /, **columns: str) -> dict[str, Any]:
    storage = {
        "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
        "SerdeInfo": {
            "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
            "Parameters": parameters or {},
        },
    }
    return {"StorageDescriptor": storage, "PartitionKeys": [{"Name": "dt", "Type": "string"}]}


def query(sql: str) -> list[Any]:
    return duckdb.connect().execute(sql).fetchall()


def write(folder: Path, *rows: dict[str, Any]) -> str:
    path = folder / "dt=2026-01-01" / "part.ndjson.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return str(path)


def test_strings_that_look_like_uuids_or_dates_stay_strings(tmp_path: Path) -> None:
    file = write(tmp_path, {"Run": "6f1c1f9e-0f0a-4a53-9f0c-1e6f3d6b2b11", "At": "2026-01-01T00:00:00Z"})
    relation = engine._table_relation(table(run="string", at="string"), [file])
    found = query(f"""SELECT run, "at", dt FROM {relation} WHERE run <> 'continuous'""")
    assert found == [("6f1c1f9e-0f0a-4a53-9f0c-1e6f3d6b2b11", "2026-01-01T00:00:00Z", "2026-01-01")]


def test_nested_types_match_keys_in_any_case(tmp_path: Path) -> None:
    row = {
        "Severity": {"Label": "HIGH", "Normalized": 70},
        "Resources": [{"Id": "a"}, {"Id": "b"}],
        "Fields": {"k": "v"},
    }
    kinds = {
        "severity": "struct<label:string,normalized:int>",
        "resources": "array<struct<id:string,tags:map<string,string>>>",
        "fields": "map<string,string>",
    }
    relation = engine._table_relation(table(**kinds), [write(tmp_path, row)])
    sql = f"SELECT severity.label, severity.normalized, resources[2].id, fields['k'] FROM {relation}"
    assert query(sql) == [("HIGH", 70, "b", "v")]


TAGGED = {"Id": "1", "Tags": {"Name": "a", "name": "b"}, "Where": {"Tags": {"x": "y"}, "Id": "2"}}
COLUMNS = {"id": "string", "tags": "map<string,string>", "where": "struct<tags:map<string,string>,id:string>"}
CASE = {"case.insensitive": "false"}


@pytest.mark.parametrize("parameters", [{}, {"case.insensitive": "TRUE"}])
def test_keys_equal_but_for_case_make_the_query_fail(tmp_path: Path, parameters: dict[str, str]) -> None:
    file = write(tmp_path, TAGGED)
    with pytest.raises(ValueError, match=r'HIVE_CURSOR_ERROR: .* JSONException: Duplicate key "name"'):
        engine._table_relation(table(parameters, **COLUMNS), [file])
    ignored = engine._table_relation(table({**parameters, "ignore.malformed.json": "true"}, **COLUMNS), [file])
    assert query(f"SELECT id FROM {ignored}") == [(None,)]


def test_case_sensitive_keys_need_mappings_at_every_depth(tmp_path: Path) -> None:
    mapped = {**CASE, "mapping.id": "Id", "mapping.tags": "Tags", "mapping.where": "Where"}
    relation = engine._table_relation(table(mapped, **COLUMNS), [write(tmp_path, TAGGED)])
    found = query(f"""SELECT id, tags['Name'], tags['name'], "where".tags['x'], "where".id FROM {relation}""")
    assert found == [("1", "a", "b", "y", "2")]
    relation = engine._table_relation(table(CASE, **COLUMNS), [write(tmp_path, TAGGED)])
    assert query(f"""SELECT id, "where".id FROM {relation}""") == [(None, None)]


def test_case_insensitive_reading_lowers_the_keys_of_maps(tmp_path: Path) -> None:
    relation = engine._table_relation(table(tags="map<string,string>"), [write(tmp_path, {"Tags": {"Name": "a"}})])
    assert query(f"SELECT tags['name'] FROM {relation}") == [("a",)]


def test_objects_outside_of_the_partitions_are_not_read(tmp_path: Path) -> None:
    file = write(tmp_path, {"Id": "1"})
    other = tmp_path / "runs" / "a.json"
    other.parent.mkdir()
    other.write_text('{"Id": "2"}')
    relation = engine._table_relation(table(id="string"), [file, str(other)])
    assert query(f"SELECT id FROM {relation}") == [("1",)]
    assert query(f"SELECT id FROM {engine._table_relation(table(id='string'), [str(other)])}") == []


def test_times_in_any_spelling_are_ordered_as_times() -> None:
    text = """SELECT t FROM (VALUES ('2026-01-01T10:00:00.500Z'), ('2026-01-01T10:00:00Z'), ('no time'),
    ('2026-01-01T14:00:00+05:00')) v(t) ORDER BY try(from_iso8601_timestamp(t)) DESC NULLS LAST"""
    found = [row[0] for row in query(engine._rewrite_s3_paths(text))]
    assert found == ["2026-01-01T10:00:00.500Z", "2026-01-01T10:00:00Z", "2026-01-01T14:00:00+05:00", "no time"]


def test_a_column_that_no_row_has_is_null(tmp_path: Path) -> None:
    relation = engine._table_relation(table(id="string", note="struct<text:string>"), [write(tmp_path, {"Id": "1"})])
    assert query(f"SELECT id, note.text FROM {relation}") == [("1", None)]


def test_a_table_without_data_has_its_structs() -> None:
    relation = engine._empty_relation(table(severity="struct<label:string>"))
    assert query(f"SELECT severity.label, dt FROM {relation}") == []


def test_athena_reads_a_json_table_by_its_glue_types(cloud: Cloud) -> None:
    s3, glue, athena_api = cloud.client("s3"), cloud.client("glue"), cloud.client("athena")
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
    glue.create_database(DatabaseInput={"Name": "db"})
    for name in ("findings", "nothing"):
        made = table(run="string", severity="struct<label:string>", note="string")
        storage = {**made["StorageDescriptor"], "Location": f"s3://data/{name}/"}
        storage["InputFormat"] = "org.apache.hadoop.mapred.TextInputFormat"
        given = {"Name": name, "StorageDescriptor": storage, "TableType": "EXTERNAL_TABLE"}
        glue.create_table(DatabaseName="db", TableInput=given)
    row = {"Run": "6f1c1f9e-0f0a-4a53-9f0c-1e6f3d6b2b11", "Severity": {"Label": "HIGH"}}
    s3.put_object(Bucket="data", Key="findings/part.ndjson", Body=json.dumps(row).encode())

    def rows(sql: str) -> list[list[str | None]]:
        started = athena_api.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": "db"},
            ResultConfiguration={"OutputLocation": "s3://data/results/"},
        )["QueryExecutionId"]

        def ended() -> Any:
            status = athena_api.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
            return status if status["State"] in ("SUCCEEDED", "FAILED") else None

        status = wait_until("the query", ended, 30)
        assert status["State"] == "SUCCEEDED", status
        found = athena_api.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue") for cell in one["Data"]] for one in found[1:]]

    text = "SELECT run, severity.label, note FROM findings WHERE run <> 'continuous'"
    assert rows(text) == [["6f1c1f9e-0f0a-4a53-9f0c-1e6f3d6b2b11", "HIGH", None]]
    assert rows("SELECT severity.label FROM nothing") == []


def view(sql: str, *columns: str) -> dict[str, Any]:
    """Return a Glue table that is a view of Athena."""
    definition = {"originalSql": sql, "schema": "d", "columns": [{"name": name, "type": "bigint"} for name in columns]}
    text = base64.b64encode(json.dumps(definition).encode()).decode()
    return {"Name": "v", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": f"/* Presto View: {text} */"}


def test_views_are_read_through_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"d/one": view("SELECT 1 AS a, 2 AS b", "a", "b"), "d/two": view("SELECT b + 1 AS c FROM one", "c")}
    monkeypatch.setattr(glue, "_tables", found)
    monkeypatch.setattr(athena, "_check_caller", lambda _: None)
    sql, _, folders = asyncio.run(engine._rewrite_data_paths("SELECT c FROM two", "d", None))
    assert (query(sql), folders) == ([(3,)], [])
    found["d/one"] = view("SELECT 1 AS a", "a", "b")
    sql, _, _ = asyncio.run(engine._rewrite_data_paths("SELECT c FROM two", "d", None))
    with pytest.raises(duckdb.Error, match="b"):  # a view whose columns are not those of its query
        query(sql)


def test_a_view_without_its_definition_is_invalid() -> None:
    with pytest.raises(ValueError, match="INVALID_VIEW"):
        athena.presto_view({"Name": "v", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": "SELECT 1"})
    assert athena.presto_view({"Name": "t", "TableType": "EXTERNAL_TABLE"}) is None


def test_a_query_needs_its_tables_and_their_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_buckets", {"b": {"objects": {"data/x": {}, "other": {}}}})
    described = {"StorageDescriptor": {"Location": "s3://b/data/"}}
    needed = [(action, resource.rpartition(":")[2]) for action, resource, _ in athena._needed({("d", "t"): described})]
    assert needed == [("glue:GetTable", "table/d/t"), ("s3:ListBucket", "b"), ("s3:GetObject", "b/data/x")]
