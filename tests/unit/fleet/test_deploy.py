"""Roots are planned and applied in order, with a stand-in for Terraform that keeps a record of its commands."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from fleet import deploy
from fleet.__main__ import summary
from fleet.deploy import Outcome, Result, Runner
from fleet.roots import MAIN, Record, Written
from tools import bootstrap

A, B, C, D = (f"prod/{name}/eu-west-1" for name in "abcd")

STAND_IN = f"""\
#!{sys.executable}
import json, os, pathlib, sys, time
folder, command = pathlib.Path(sys.argv[1].removeprefix("-chdir=")), sys.argv[2]
log = pathlib.Path(os.environ["LOG"])
def say(*words):
    with log.open("a") as file:
        file.write(" ".join([command, folder.parent.name, *words]) + "\\n")
say("begins", *(word for word in sys.argv[3:] if word == "-destroy"))
if command == "init":
    (folder / ".terraform").mkdir(exist_ok=True)
    (folder / "changed").unlink(missing_ok=True)
elif (folder / "changed").exists():
    print('Error: Module source has changed. Run "terraform init" to install all modules', file=sys.stderr)
    sys.exit(1)
says = folder / command
if says.exists():
    print("noise\\nError: " + says.read_text())
    sys.exit(1)
applied = folder / "applied"
if command == "plan":
    if applied.exists() and "-destroy" not in sys.argv:
        sys.exit(0)
    print("Plan: 1 to add, 0 to change, 0 to destroy.")
    (folder / "fleet.tfplan").write_text("")
    say("ends")
    sys.exit(2)
if command == "show":
    print(json.dumps({{"prior_state": {{"values": {{"outputs": {{"x": 1}}}}}}}} if applied.exists() else {{}}))
if command == "apply":
    applied.write_text("")
if command == "destroy":
    print("Destroy complete! Resources: 1 destroyed.")
say("ends")
"""


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Of b and c, which read a; d has left the file."""
    binary = tmp_path / "terraform"
    binary.write_text(textwrap.dedent(STAND_IN))
    binary.chmod(0o755)
    monkeypatch.setattr(deploy, "terraform_bin", lambda: str(binary))
    monkeypatch.setattr(bootstrap, "STATE", tmp_path)
    directory = tmp_path / "roots"
    targets = {
        B: Written("1", [A], [], []),
        A: Written("1", [], [], []),
        C: Written("1", [A], [], []),
        D: Written("1", [C], [], [], removed=True),
    }
    for key in targets:
        (directory / key).mkdir(parents=True)
        (directory / key / MAIN).write_text("{}")
    Record("x", {}, targets).write(directory)
    return Runner(directory, environment={"LOG": str(tmp_path / "log")})


def commands(runner: Runner, *wanted: str) -> list[str]:
    """Return the recorded lines of some commands."""
    lines = Path(runner.environment["LOG"]).read_text().splitlines()
    return [line for line in lines if line.split()[0] in wanted]


def outcomes(results: list[Result]) -> dict[str, Outcome]:
    return {result.key: result.outcome for result in results}


def test_targets_are_applied_after_those_they_read_and_the_removed_are_destroyed_last(runner: Runner) -> None:
    assert outcomes(runner.apply()) == {
        A: Outcome.APPLIED,
        B: Outcome.APPLIED,
        C: Outcome.APPLIED,
        D: Outcome.DESTROYED,
    }
    lines = commands(runner, "apply", "destroy")
    assert lines[:2] == ["apply a begins", "apply a ends"]
    assert lines[-2:] == ["destroy d begins", "destroy d ends"]
    assert list(Record.read(runner.directory).targets) == [A, B, C]
    assert not (runner.directory / D).exists()
    assert not list(runner.directory.rglob("*.tfplan")), "a plan has the values of secrets"
    again = Runner(runner.directory, environment=runner.environment)
    assert set(outcomes(again.apply()).values()) == {Outcome.UNCHANGED}


def test_of_the_removed_readers_go_first(runner: Runner) -> None:
    runner.record = Record(
        "x", {}, {key: Written("1", w.needs, [], [], True) for key, w in runner.record.targets.items()}
    )
    runner.apply()
    destroyed = [line.split()[1] for line in commands(runner, "destroy") if line.endswith("ends")]
    assert destroyed.index("d") < destroyed.index("c") < destroyed.index("a")
    assert destroyed[-1] == "a"
    assert Record.read(runner.directory).targets == {}


def test_a_failure_ends_the_run_and_nothing_else_begins(runner: Runner) -> None:
    (runner.directory / A / "apply").write_text("AccessDenied")
    results = runner.apply()
    assert outcomes(results) == {
        A: Outcome.FAILED,
        B: Outcome.NOT_STARTED,
        C: Outcome.NOT_STARTED,
        D: Outcome.NOT_STARTED,
    }
    assert next(result.text for result in results if result.key == A) == "Error: AccessDenied"
    assert {line.split()[1] for line in commands(runner, "init", "plan", "apply", "destroy")} == {"a"}
    assert D in Record.read(runner.directory).targets
    assert summary(results) == 1


def test_a_target_that_cannot_be_destroyed_stays_in_the_record(runner: Runner) -> None:
    (runner.directory / D / "destroy").write_text("bucket is not empty")
    assert outcomes(runner.apply())[D] is Outcome.FAILED
    assert Record.read(runner.directory).targets[D].removed
    (runner.directory / D / "destroy").unlink()
    assert outcomes(Runner(runner.directory, environment=runner.environment).apply())[D] is Outcome.DESTROYED


def test_what_needs_outputs_that_do_not_exist_yet_is_not_planned(runner: Runner) -> None:
    results = runner.plan()
    assert outcomes(results) == {A: Outcome.PLANNED, B: Outcome.WAITING, C: Outcome.WAITING, D: Outcome.WAITING}
    assert summary(results) == 2


def test_the_destruction_of_what_has_left_is_planned(runner: Runner) -> None:
    runner.record.targets[D] = Written("1", [], [], [], removed=True)
    assert outcomes(runner.plan())[D] is Outcome.PLANNED
    assert "plan d begins -destroy" in commands(runner, "plan")


def test_after_an_apply_everything_is_planned(runner: Runner) -> None:
    runner.apply()
    again = Runner(runner.directory, environment=runner.environment)
    assert set(outcomes(again.plan()).values()) == {Outcome.UNCHANGED}
    assert summary(again.plan()) == 0


def test_what_comes_after_another_without_reading_it_is_planned_at_once(runner: Runner) -> None:
    runner.record.targets[B] = Written("1", [], [A], [])
    assert outcomes(runner.plan())[B] is Outcome.PLANNED
    runner.apply()
    lines = commands(runner, "apply")
    assert lines.index("apply a ends") < lines.index("apply b begins")


def test_a_root_is_initialized_once_and_when_terraform_asks_for_it(runner: Runner) -> None:
    runner.apply()
    assert commands(runner, "init").count("init a ends") == 1
    runner.plan()
    assert commands(runner, "init").count("init a ends") == 1
    (runner.directory / A / "changed").touch()  # as if its modules had a new source
    assert outcomes(runner.plan())[A] is Outcome.UNCHANGED
    assert commands(runner, "init").count("init a ends") == 2


def test_inits_are_one_at_a_time(runner: Runner) -> None:
    runner.record = Record("x", {}, {f"prod/t{n}/r": Written("1", [], [], []) for n in range(8)})
    for key in runner.record.targets:
        (runner.directory / key).mkdir(parents=True)
        (runner.directory / key / MAIN).write_text("{}")
    runner.parallel = 8
    runner.apply()
    lines = commands(runner, "init")
    assert [line.split()[2] for line in lines] == ["begins", "ends"] * 8
    assert [one.split()[1] == other.split()[1] for one, other in zip(lines[::2], lines[1::2], strict=True)] == [
        True
    ] * 8


def test_a_root_that_is_missing_is_named(runner: Runner) -> None:
    (runner.directory / A / MAIN).unlink()
    [failed] = [result for result in runner.plan() if result.outcome is Outcome.FAILED]
    assert failed.key == A
    assert "main.tf.json is missing. Run: make fleet" in failed.text


def test_each_result_is_reported_once(runner: Runner) -> None:
    seen: list[Result] = []
    runner.report = seen.append
    runner.apply()
    assert sorted(result.key for result in seen) == [A, B, C, D]
