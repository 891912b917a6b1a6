"""HCL that is read from modules, and values that are written as HCL."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools import hcl
from tools.bootstrap import terraform_bin, terraform_env

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | st.lists(
    st.sampled_from(["$", "%", "{", "}", "\\", '"', "\n", "b", "${x}", "%{if x}", "\b", "\f"]), max_size=8
).map("".join)
KEYS = st.sampled_from(["for", "null", "true", "a", "a-b", "A.1", "", "${x}", 'a"b']) | TEXTS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.sampled_from([0.5, 1e-7, 2.25e15]) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def normal(value: Any) -> Any:
    """Return a value in Terraform's form: its strings are in Unicode's normal form C."""
    if isinstance(value, dict):
        return {normal(name): normal(item) for name, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


@settings(max_examples=15, deadline=None)
@given(st.lists(VALUES, min_size=10, max_size=30))
def test_terraform_reads_a_literal_as_the_value(values: list[Any]) -> None:
    """Each example is a list, since starting Terraform takes longer than everything in it."""
    assert read(hcl.literal(values)) == normal(values)


def read(text: str) -> Any:
    """Return a literal as Terraform reads it, from a local of a module in no other place."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "main.tf").write_text(f"locals {{\n  value = {text}\n}}\n")
        done = subprocess.run(
            [terraform_bin(), f"-chdir={name}", "console"],
            env=terraform_env(Path(name) / ".terraform"),
            input="base64encode(jsonencode(local.value))\n",
            capture_output=True,
            text=True,
            check=True,
        )
    return json.loads(base64.b64decode(json.loads(done.stdout)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"x"])
def test_what_hcl_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(hcl.HclError, match="cannot be written as HCL"):
        hcl.literal({"a": [value]})


def test_a_set_is_written_in_one_order() -> None:
    assert hcl.literal({"b", "a"}) == '["a", "b"]'


def test_types_are_read_to_their_leaves() -> None:
    text = (
        'map(object({a = optional(list(object({b = string})), []), c = optional(string, "x, ({"), d = tuple([bool])}))'
    )
    kind = hcl.parse_type(text)
    assert kind.kind == "map"
    assert kind.element
    assert {name: of.kind for name, of in kind.element.attributes.items()} == {"a": "list", "c": "string", "d": "tuple"}
    inner = hcl.Type("object", attributes={"b": hcl.Type("string")}, required=("b",))
    assert kind.element.attributes["a"].element == inner
    assert kind.element.required == ("d",)
    assert hcl.parse_type("any") == hcl.Type("any")


def test_a_default_is_its_source(tmp_path: Path) -> None:
    (tmp_path / "variables.tf").write_text(
        'variable "a" {\n  type = map(any)\n  default = {\n    x = [{\n      y = 1 # why\n    }]\n  }\n\n'
        '  validation {\n    condition = true\n    error_message = "no"\n  }\n}\n\n'
        'variable "b" {\n  default     = "{x"\n  nullable = false\n}\n\nvariable "c" {\n  type = string\n}\n'
    )
    assert hcl.default_text(tmp_path, "a") == "{\n  x = [{\n    y = 1 # why\n  }]\n}"
    assert hcl.default_text(tmp_path, "b") == '"{x"'
    with pytest.raises(hcl.HclError, match="has no variable c with a default"):
        hcl.default_text(tmp_path, "c")


def test_files_are_formatted() -> None:
    assert hcl.formatted({"a/b.tf": "x=1\nlong =  2\n"}) == {"a/b.tf": "x    = 1\nlong = 2\n"}
    with pytest.raises(hcl.HclError, match="terraform fmt failed"):
        hcl.formatted({"a.tf": "x = {\n"})


def test_a_long_text_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by another process; what a caller changes stays its own."""
    monkeypatch.setattr(hcl, "_KEPT", tmp_path / "hcl")
    text = f'variable "a" {{\n  description = "{"long " * 200}"\n}}\n'
    first = hcl.loads(text)
    hcl._loaded.cache_clear()
    with monkeypatch.context() as without:
        without.delattr("tools.hcl.hcl2.loads")
        hcl.loads(text)["variable"].clear()
        assert hcl.loads(text) == first
    assert len([*(tmp_path / "hcl").iterdir()]) == 1


def test_a_text_that_is_no_hcl_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hcl, "_KEPT", tmp_path)
    for _ in range(2):
        with pytest.raises(hcl.HclError, match="not readable"):
            hcl.loads("a = {" + "b" * 2000)
    assert not [*tmp_path.iterdir()]
