"""The scheduler of `make test`, and the part of each check that concerns a capability."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import capabilities, check, package
from tools.bootstrap import ROOT, SetupError
from tools.check import BACK, FRONT, Run, Step

STEPS = (
    Step("first"),
    Step("front", FRONT, ("first",)),
    Step("late", BACK, ("back",)),
    Step("back", BACK, ("first",)),
)


def test_steps_wait_for_those_before_and_lanes_do_one_at_a_time() -> None:
    running: dict[str, str] = {}
    order: list[str] = []
    both = threading.Barrier(2, timeout=30)

    def execute(step: Step) -> int:
        assert step.lane not in running
        running[step.lane] = step.name
        order.append(step.name)
        if step.name in ("front", "back"):
            both.wait()  # the lanes run side by side
        del running[step.lane]
        return 0

    assert Run(STEPS, execute).all()
    assert order[0] == "first"
    assert sorted(order) == sorted(step.name for step in STEPS)
    assert order.index("back") < order.index("late")


def test_after_a_failure_nothing_begins_and_what_runs_is_cancelled() -> None:
    begun: list[str] = []
    cancelled = threading.Event()

    def execute(step: Step) -> int:
        begun.append(step.name)
        if step.name == "front":
            assert cancelled.wait(30)
            return 130
        return int(step.name == "back")

    run = Run(STEPS, execute, cancelled.set)
    assert not run.all()
    assert begun[0] == "first"
    assert set(begun) <= {"first", "front", "back"}
    assert "back" in run.failed


def test_a_step_that_cannot_be_started_has_failed() -> None:
    def execute(step: Step) -> int:
        raise OSError("no such program")

    assert not Run(STEPS, execute).all()


def test_a_step_waits_only_for_steps_that_are_in_the_run() -> None:
    order: list[str] = []

    def execute(step: Step) -> int:
        order.append(step.name)
        return 0

    assert Run([step for step in STEPS if step.name != "first"], execute).all()
    assert set(order) == {"front", "back", "late"}


def test_init_runs_once_before_what_needs_it() -> None:
    """Two steps that begin at the same time would both run it, in the same folder."""
    makefile = (ROOT / "Makefile").read_text()
    after = {step.name: step.after for step in check.STEPS}
    need = {name for name in after if f"\n{name}: setup $(INIT)" in makefile}
    assert need - {"init"} == {"plan-test", "local", "aws-rules"}
    assert all("init" in after[name] for name in need - {"init"})


def test_the_steps_are_targets_and_every_check_of_ci_is_one() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for step in check.STEPS:
        assert f"\n{step.name}: setup" in makefile, step.name
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    (matrix,) = [line for line in workflow.splitlines() if " step: [" in line]
    names = set(matrix.partition("[")[2].rstrip("]").split(", "))
    assert names | {"checkov", "browser", "init", "local"} == {step.name for step in check.STEPS}
    for name in ("checkov", "browser", "local"):
        assert f"run: make {name}" in workflow


def test_a_browser_is_installed_where_a_page_is_tested() -> None:
    def names(*capabilities: str) -> list[str]:
        return [step.name for step in check.steps_for(capabilities)]

    assert "browser" in names()
    assert "browser" in names("kms_rotation", "step_up_auth")
    assert "browser" not in names("kms_rotation")
    assert len(names("kms_rotation")) == len(names()) - 1


def test_an_unknown_capability_is_refused_before_anything_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("unit", "plan-test", "checkov", "local", "examples", "package"):
        recipe = makefile.partition(f"\n{target}: setup")[2].partition("\n\n")[0]
        assert recipe.splitlines()[1].startswith("\t@$(CHOSEN); "), target
    for target in ("test", "examples"):
        done = subprocess.run(
            ["make", target, "CAPABILITIES=finding_export no_such"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode != 0, target
        assert said.count("There is no capability no_such. There are: ") == 1, said
        assert "passed" not in said


def test_what_concerns_a_capability() -> None:
    """Each kind of check has something for each capability."""
    for name in package.capabilities():
        short = name.rpartition("/")[2]
        assert capabilities.unit([short]) == ["tests/unit/common", f"tests/unit/{name}"]
        assert all((ROOT / folder).is_dir() for folder in capabilities.unit([short]))
        plans = capabilities.plan_test([short])
        assert f"-filter=tests/{name.replace('/', '_')}.tftest.hcl" in plans
        assert all((ROOT / file.removeprefix("-filter=")).is_file() for file in plans)
        assert capabilities.checkov([name]) == ["--directory", f"modules/{name}"]
        assert capabilities.concerns(ROOT / "modules" / name / "README.md", [short])
    assert capabilities.unit([]) == ["tests/unit"]
    assert capabilities.plan_test([]) == capabilities.checkov([]) == []


def test_readmes_of_other_capabilities_and_of_all_do_not_concern_one() -> None:
    module = ROOT / "modules/posture/finding_remediation"
    assert capabilities.concerns(module / "member_role/README.md", ["finding_remediation"])
    assert not capabilities.concerns(module / "README.md", ["finding_export"])
    assert not capabilities.concerns(ROOT / "README.md", ["finding_remediation"])
    assert capabilities.concerns(ROOT / "README.md", [])


@pytest.mark.parametrize("names", [["no_such"], ["posture/no_such"], ["posture"]])
def test_an_unknown_name_is_refused_with_the_list(names: list[str]) -> None:
    with pytest.raises(SetupError, match=r"There is no capability .*There are: .*apps/contact_form"):
        capabilities.chosen(names)


def test_plan_tests_and_refusals_of_a_capability_are_found(tmp_path: Path) -> None:
    (tmp_path / "tests" / "refusals" / "protection" / "kms_rotation").mkdir(parents=True)
    for name in (
        "protection_kms_rotation.tftest.hcl",
        "protection_kms_rotation_more.tftest.hcl",
        "block_queue.tftest.hcl",
        "refusals/protection/kms_rotation.yaml",
        "refusals/protection/kms_rotation/member.yaml",
        "refusals/protection/other.yaml",
    ):
        (tmp_path / "tests" / name).touch()
    assert capabilities.plan_test(["kms_rotation"], tmp_path) == [
        "-filter=tests/protection_kms_rotation.tftest.hcl",
        "-filter=tests/refusals/protection/kms_rotation.yaml",
        "-filter=tests/refusals/protection/kms_rotation/member.yaml",
    ]


def test_a_step_is_run_by_make_with_its_lines_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAKELEVEL", raising=False)  # make's lines name its level below another make, as in `make unit`
    run = check.Make(["kms_rotation"])
    assert run(Step("no-such-target")) != 0
    said = capsys.readouterr().out
    assert "== no-such-target\n" in said
    assert "no-such-target | make: *** No rule to make target" in said
    assert 'To run that alone: make no-such-target CAPABILITIES="kms_rotation"' in said
    assert said.endswith("\n".join(run.failure) + "\n")  # kept, to be said again after what other steps print
    assert "No rule to make target" in run.failure[-2]


def test_what_failed_is_said_last(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "steps_for", lambda names: [Step("no-such-target"), Step("help", BACK)])
    assert check.main([]) == 1
    assert "To run that alone: make no-such-target" in capsys.readouterr().out.splitlines()[-1]


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["terminal", "background"])
def interrupts(request: pytest.FixtureRequest) -> Iterator[None]:
    """Handle interrupts as a program does that is started in a terminal, or by a shell in the background."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_what_runs_is_interrupted_as_a_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """This includes what a step has started, which gets time to clean up."""
    script = tmp_path / "make"
    script.write_text(
        f"#!{sys.executable}\nimport signal, sys\ntry: print('up', flush=True); signal.pause()\n"
        "except KeyboardInterrupt: print('cleaned up'); sys.exit(2)\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    run, up, lines = check.Make([]), threading.Event(), list[str]()

    def printed(line: str, **_: object) -> None:
        lines.append(line)
        if "| up" in line:
            up.set()

    def stop() -> None:
        assert up.wait(30)
        run.stop()

    monkeypatch.setattr("builtins.print", printed)
    stopper = threading.Thread(target=stop)
    stopper.start()
    assert run(Step("local")) != 0
    stopper.join()
    assert "local | cleaned up" in lines
    assert "local: stopped" in lines[-1]
