"""Refusals as data: what is read, what is written, and that an accepted value is found."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tools import refusals
from tools.bootstrap import ROOT
from tools.refusals import Expression, Refusal, RefusalsError


def written(path: Path, text: str) -> Path:
    """Return a data file with this text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def test_a_file_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.yaml",
        """
        given:
          name: reports
        refused:
          days:
            less than a day: 0
            half a day: 1.5
          tags:
            every key: !hcl '{ for n in range(3) : n => "x" }'
        together:
          a class after the expiration:
            refused: transitions
            variables: { days: 60, transitions: { GLACIER: 90 } }
          two at once:
            refused: [days, tags]
            variables: { days: -1, tags: {} }
        """,
    )
    assert refusals.load(path) == [
        Refusal("days: less than a day", {"name": "reports", "days": 0}, ("days",)),
        Refusal("days: half a day", {"name": "reports", "days": 1.5}, ("days",)),
        Refusal(
            "tags: every key", {"name": "reports", "tags": Expression('{ for n in range(3) : n => "x" }')}, ("tags",)
        ),
        Refusal(
            "transitions: a class after the expiration",
            {"name": "reports", "days": 60, "transitions": {"GLACIER": 90}},
            ("transitions",),
        ),
        Refusal("days, tags: two at once", {"name": "reports", "days": -1, "tags": {}}, ("days", "tags")),
    ]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("no", "no"), ("Off", "Off"), ("~", "~"), ("2026-01-01", "2026-01-01"), ("12:30:45", "12:30:45"),
        ("012", "012"), ("1_000", "1_000"), ('"1"', "1"), ("-1", -1), ("1.5", 1.5), ("true", True), ("null", None),
    ],
)  # fmt: skip
def test_scalars_have_no_surprises(tmp_path: Path, scalar: str, value: object) -> None:
    [refusal] = refusals.load(written(tmp_path / "x.yaml", f"refused: {{ x: {{ wrong: {scalar} }} }}"))
    assert refusal.variables["x"] == value
    assert type(refusal.variables["x"]) is type(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "refuses nothing"),
        ("given: { a: 1 }", "refuses nothing"),
        ("refuses: {}", "refuses is not one of given, refused and together"),
        ("refused: { a: [1, 2] }", "refused.a is no mapping"),
        ("refused:\n  a:\n    wrong: 1\n    wrong: 2", "'wrong' is there twice"),
        ("together: { x: { refused: a } }", "together.x does not consist of"),
        ("refused: {", "expected the node content"),
    ],
)
def test_a_file_that_is_not_right_says_why(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(RefusalsError, match=reason):
        refusals.load(written(tmp_path / "x.yaml", text))


def test_values_are_written_as_hcl() -> None:
    value = {"a b": [1, 1.5, True, None, "x"], "t": '${var.x} %{ if "q" }\n', "e": Expression("range(2)"), "m": {}}
    assert refusals.hcl(value) == (
        r'{ "a b" = [1, 1.5, true, null, "x"], "t" = "$${var.x} %%{ if \"q\" }\n", "e" = range(2), "m" = {  } }'
    )


def test_every_module_with_validations_has_data() -> None:
    """A validation that no value violates may be wrong."""
    modules = [path.parent for path in (ROOT / "modules").rglob("variables.tf") if "validation {" in path.read_text()]
    names = {module.relative_to(ROOT / "modules").as_posix() for module in modules} | {"root"}
    assert {path.relative_to(refusals.DATA).with_suffix("").as_posix() for path in refusals.data_files()} == names


def test_files_with_the_locals_of_validations_come_along() -> None:
    assert [path.name for path in refusals.variable_files(ROOT / "modules/posture/finding_export")] == [
        "variables.tf",
        "filters.tf",
    ]
    assert [path.name for path in refusals.variable_files(ROOT / "modules/blocks/queue")] == ["variables.tf"]


def test_locals_of_validations_need_a_file_of_their_own(tmp_path: Path) -> None:
    written(tmp_path / "variables.tf", 'variable "x" {\n  default = local.y\n}\n')
    written(tmp_path / "main.tf", 'locals {\n  y = 1\n}\n\nresource "a" "b" {}\n')
    with pytest.raises(RefusalsError, match=r"main\.tf: has a resource; the locals that validations use need"):
        refusals.variable_files(tmp_path)


def test_what_is_accepted_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The good one of a good and a bad value fails the run, by name; so does a bad one that is not expected."""
    monkeypatch.setattr(refusals, "DATA", tmp_path / "data")
    path = written(
        tmp_path / "data/blocks/queue.yaml",
        """
        given: { name: work }
        refused:
          max_receive_count:
            none at all: 0
            more than SQS takes: 1001
            five: 5
        """,
    )
    done = refusals.run([path], "-no-color", workspace=tmp_path / "workspace")
    assert done.returncode == 1, done.stderr
    assert 'run "max_receive_count_none_at_all"... pass' in done.stdout
    assert 'run "max_receive_count_five"... fail' in done.stdout
    assert "2 passed, 1 failed" in done.stdout

    written(path, "given: { name: Work }\nrefused: { max_receive_count: { none at all: 0 } }")
    done = refusals.run([path], "-no-color", workspace=tmp_path / "workspace")
    assert "0 passed, 1 failed" in done.stdout
    assert "Invalid value for variable" in done.stderr
