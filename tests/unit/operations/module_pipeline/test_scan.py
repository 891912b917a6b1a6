"""Checkov's reports: what was scanned, what was not, and what a run that scanned nothing means."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from operations.module_pipeline import programs, scan
from operations.module_pipeline.errors import GateError, ToolMissing

FAILED = {
    "check_id": "CKV_AWS_26",
    "check_name": "Ensure all data stored in the SNS topic is encrypted",
    "file_path": "/main.tf",
    "file_line_range": [9, 11],
    "resource": "aws_sns_topic.test",
}


def part(kind: str = "terraform", **more: Any) -> dict[str, Any]:
    """Return the report of one framework, as Checkov 3.3 writes it."""
    counts = {"passed": 1, "failed": 0, "skipped": 0, "parsing_errors": 0, "resource_count": 1} | more.pop("counts", {})
    return {"check_type": kind, "results": {"failed_checks": [], "parsing_errors": [], **more}, "summary": counts}


def test_failures_have_their_place() -> None:
    found = scan.read(part(failed_checks=[FAILED]), Path("/m"))
    assert found.failures == [
        ("CKV_AWS_26 aws_sns_topic.test", "Ensure all data stored in the SNS topic is encrypted (main.tf:9)")
    ]


def test_frameworks_are_added_up() -> None:
    """Checkov counts no resources in JSON files."""
    parts = [part(), part("terraform_json", failed_checks=[FAILED], counts={"passed": 4, "resource_count": 0})]
    found = scan.read(parts, Path("/m"))
    assert (found.passed, found.resources, len(found.failures), found.looked_at) == (5, 1, 1, 7)


def test_a_file_that_was_not_parsed_fails_unless_it_is_named(tmp_path: Path) -> None:
    data = part(parsing_errors=[str(tmp_path / "odd.tf"), str(tmp_path / "sub" / "odd.tf")])
    found = scan.read(data, tmp_path)
    assert found.unparsed == ["odd.tf", "sub/odd.tf"]
    failures, notes = scan.unaccepted(found, ["odd.tf", "gone.tf"])
    assert [name for name, _ in failures] == ["sub/odd.tf"]
    assert [note.split(" ")[0] for note in notes] == ["odd.tf", "gone.tf"]


def test_a_count_without_names_is_not_lost() -> None:
    found = scan.read(part(counts={"parsing_errors": 1}), Path("/m"))
    assert found.unparsed == ["a file that the report does not name"]


def test_nothing_scanned_is_a_failure_of_a_module_with_resources() -> None:
    empty = {"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 0, "resource_count": 0, "checkov_version": "3"}
    found = scan.read(empty, Path("/m"))
    assert scan.nothing(found, 2) == [("nothing scanned", "the module has 2 resources, and Checkov saw none of them")]
    assert scan.nothing(found, 0) == []
    assert scan.nothing(scan.read(part(), Path("/m")), 2) == []


@pytest.fixture
def checkov(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that becomes the program `checkov`."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return tools / "checkov"


def write(program: Path, script: str) -> None:
    """Write a shell script. `$out` names the files of the four reports, separated by commas."""
    program.write_text(f"#!/bin/sh\nfor out; do :; done\n{script}\n")
    program.chmod(0o755)


def test_one_run_writes_all_reports(tmp_path: Path, checkov: Path) -> None:
    log, answer = tmp_path / "log", tmp_path / "answer.json"
    answer.write_text(json.dumps(part()))
    write(checkov, f'echo "$@" >> {log}; pwd >> {log}; env >> {log}; cp {answer} "$(echo "$out" | cut -d, -f2)"')
    (tmp_path / "m").mkdir()
    assert scan.run(tmp_path / "m", tmp_path).passed == 1
    said = log.read_text().splitlines()
    assert [line for line in said if line.startswith("--directory=")] == said[:1]  # one run
    names = said[0].split()[-1].split(",")
    assert [Path(name).name for name in names] == list(scan.OUTPUTS.values())
    assert "--framework terraform terraform_json" in said[0]
    assert "--skip-download" in said[0]
    # Checkov reads settings from the folder of `-d`, from the current folder and from HOME: none is the module's.
    assert " -d " not in said[0]
    assert said[1] != str(tmp_path / "m")
    assert f"HOME={said[1]}" in said


def test_settings_of_the_environment_do_not_soften_the_gate(
    tmp_path: Path, checkov: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CKV_SOFT_FAIL", "true")
    monkeypatch.setenv("CHECKOV_RENDER_MAX_LEN", "1")
    write(checkov, 'env | grep -E "^(CKV|CHECKOV)" && exit 9; echo "{}" > "$(echo "$out" | cut -d, -f2)"')
    scan.run(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo crashed; exit 2", "Checkov ended with status 2: crashed"),
        ("exit 0", "Checkov wrote no report"),
        ('echo "no json" > "$(echo "$out" | cut -d, -f2)"', "Checkov wrote no report"),
    ],
)
def test_a_run_without_a_report_is_no_pass(tmp_path: Path, checkov: Path, script: str, said: str) -> None:
    write(checkov, script)
    with pytest.raises(GateError, match=said):
        scan.run(tmp_path, tmp_path)


def test_a_missing_checkov_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="checkov is not on PATH"):
        scan.run(tmp_path, tmp_path)


def test_a_checkov_that_hangs_ends(tmp_path: Path, checkov: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(checkov, "exec sleep 600")
    monkeypatch.setattr(scan, "SECONDS", 0.5)
    with pytest.raises(GateError, match="did not end within"):
        scan.run(tmp_path, tmp_path)
    assert programs.GRACE > 0
