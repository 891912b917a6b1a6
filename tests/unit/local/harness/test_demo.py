"""What `make demo` leaves behind, even if a scenario fails. Terraform's state is a recorded one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from local.harness import demo, scenario
from local.harness.cloud import LocalCloudError, listen
from tests.unit.local.harness import page_sample as sample


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the folder where the demo leaves everything. Its cloud is real, but nothing is built or applied."""
    from tools import package

    for name, file in (("FOLDER", ""), ("PID", "cloud.pid"), ("REPORT", "report.html")):
        monkeypatch.setattr(demo, name, tmp_path / "demo" / file)
    applied = SimpleNamespace(state=sample.state, outputs=lambda: {"kms_rotation": {"key": "value"}})
    with listen() as free:
        monkeypatch.setenv("SWITCHYARD_PORT", str(free.getsockname()[1]))
    monkeypatch.setattr(package, "build", lambda *_: None)
    monkeypatch.setattr(demo, "deploy", lambda *_: applied)
    yield tmp_path / "demo"
    demo.down()


def scenarios(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    module = ModuleType("kms_rotation")
    vars(module).update(run=run, variables={})
    monkeypatch.setattr(scenario, "find", lambda *_: {"protection/kms_rotation": module})


def test_a_demo_leaves_a_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(stack: scenario.Stack, report: scenario.Report) -> None:
        report.sent = "one key"
        report.check("keys", stack.client("kms").list_keys()["Keys"], [])
        stack.cloud.emit("aws.kms", "KMS CMK Rotation", {})
        report.check("outputs", stack.outputs, {"key": "value"})

    scenarios(monkeypatch, run)
    assert demo.demo(["kms_rotation"]) == 0
    page = (folder / "report.html").read_text()
    assert "kms:ListKeys" in page  # the scenario's own call, by its client's agent
    assert "KMS CMK Rotation" in page
    assert "identity/order_authorization" in page  # left out
    assert str(folder) not in page
    assert "report.html" in capsys.readouterr().out


def test_also_when_a_scenario_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(stack: scenario.Stack, report: scenario.Report) -> None:
        raise LocalCloudError("Waited 60 s in vain for the post.")

    scenarios(monkeypatch, run)
    assert demo.demo(["kms_rotation"]) == 1
    assert "Waited 60 s in vain for the post." in (folder / "report.html").read_text()


def test_without_a_name_it_is_a_tour(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "run", lambda name, *_: scenario.Report(name, seconds=1.0))
    assert demo.demo([]) == 1  # nothing was checked
    page = (folder / "report.html").read_text()
    assert all(f'id="{name.replace("/", "-")}"' in page for name in scenario.tour())
    assert page.count('<section class="capability"') == len(scenario.tour())


def test_an_unknown_name_leaves_the_running_demo_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "report.html").write_text("the last one")
    with pytest.raises(LocalCloudError, match="No scenario for nothing"):
        demo.demo(["nothing"])
    assert (folder / "report.html").exists()
