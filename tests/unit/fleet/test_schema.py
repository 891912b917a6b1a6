"""The published schema is current, and says what the modules' variables say."""

from __future__ import annotations

import json

import jsonschema
import pytest

from fleet import schema
from tools import hcl


def test_it_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.main(["--check"]) == 0, capsys.readouterr().err


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema.FILE.read_text()))


def test_every_capability_and_every_role_for_another_account_is_in_it() -> None:
    known = schema.schema()["$defs"]["capabilities"]["properties"]
    assert {"finding_export", "config_recorder", "secret_replication/target_access"} <= set(known)
    assert "finding_remediation/remediations" not in known, "it creates nothing"
    assert "recorder_name" not in known["security_standards"]["else"]["properties"], "another capability gives it"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", ["x", None], [1, True, ["x"]]),
        ("number", [1, 1.5], ["1", True]),
        ("bool", [True], ["true", 1]),
        ("set(string)", [["a"], []], [[1], "a", {"a": 1}]),
        ("map(number)", [{"X-Y": 1}], [{"a": "1"}, [1]]),
        (
            "object({a = string, b = optional(bool, true)})",
            [{"a": "x"}, {"a": "x", "b": None}],
            [{}, {"a": "x", "c": 1}],
        ),
        ("list(object({a = string}))", [[{"a": "x"}]], [[{"b": "x"}], {"a": "x"}]),
        ("any", [1, "x", {"a": []}], []),
    ],
)
def test_values_have_the_types_of_variables(kind: str, good: list[object], bad: list[object]) -> None:
    whole = schema.schema()
    validator = jsonschema.Draft202012Validator({**schema.of_type(hcl.parse_type(kind)), "$defs": whole["$defs"]})
    reference = {"$output": "context.kms_key_arn", "region": "us-east-1"}
    assert [value for value in [*good, reference] if not validator.is_valid(value)] == []
    assert [value for value in bad if validator.is_valid(value)] == []
