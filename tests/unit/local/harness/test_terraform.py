"""The working copy of the root module."""

from __future__ import annotations

from pathlib import Path

from local.harness.terraform import without_what_is_off
from tools.bootstrap import ROOT

MODULE = 'module "{0}" {{\n  source = "./modules/{0}"\n  count  = var.{0} == null ? 0 : 1\n{1}}}\n'
OUTPUT = 'output "{0}" {{\n  value = one(module.{0}[*])\n}}\n'
VARIABLE = 'variable "{0}" {{\n  default = null\n}}\n'


def write(root: Path) -> None:
    (root / "main.tf").write_text('module "context" {\n  source = "./modules/context"\n}\n')
    uses = "  recorder = one(module.recorder[*].name)\n"
    for name, more in {"recorder": "", "rules": uses, "export": ""}.items():
        (root / f"{name}.tf").write_text(MODULE.format(name, more) + VARIABLE.format(name) + OUTPUT.format(name))


def test_modules_and_outputs_of_what_is_off_are_left_out(tmp_path: Path) -> None:
    write(tmp_path)
    files = without_what_is_off(tmp_path, {"export": {}, "recorder": None})
    assert files.pop("main.tf") == (tmp_path / "main.tf").read_text()
    assert files.pop("export.tf") == (tmp_path / "export.tf").read_text()
    assert files["rules.tf"] == VARIABLE.format("rules")


def test_what_another_module_uses_stays(tmp_path: Path) -> None:
    write(tmp_path)
    files = without_what_is_off(tmp_path, {"rules": {}})
    assert files["recorder.tf"] == (tmp_path / "recorder.tf").read_text()
    assert files["export.tf"] == VARIABLE.format("export")


def test_nothing_is_lost_with_everything_on() -> None:
    written = {path.name: path.read_text() for path in ROOT.glob("*.tf")}
    names = [line.split('"')[1] for text in written.values() for line in text.splitlines() if line.startswith("var")]
    assert without_what_is_off(ROOT, dict.fromkeys(names, True)) == written
    everything_off = "".join(without_what_is_off(ROOT, {}).values())
    assert 'module "context"' in everything_off
    assert "./modules/posture/" not in everything_off
    assert "./modules/blocks/config_recorder" not in everything_off  # which two of posture use
