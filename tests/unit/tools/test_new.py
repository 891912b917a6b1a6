"""`make new`: in a fresh copy of the repository, a new capability passes its tests at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import clone, new
from tools.bootstrap import STATE, terraform_env

NAME = "example_thing"
README = """
| domain | capability | what it does for its user | state |
|---|---|---|---|
| identity | [sign_in](modules/identity/sign_in) | signs in | works |
| posture | [finding_export](modules/posture/finding_export) | exports | works |
| operations | [volume_alarms](modules/operations/volume_alarms) | alarms | works |

Planned, not built yet: **access** saml_role_sync; **apps** mail_router, example_thing, contact_form; **data** last_one.
"""


@pytest.mark.parametrize(
    ("capability", "reason"),
    [
        ("example_thing", "There is no domain example_thing. Write one of identity, access, posture"),
        ("shop/example_thing", "There is no domain shop"),
        ("apps/", "'' is not a name"),
        ("apps/Example", "'Example' is not a name"),
        ("apps/example-thing", "is not a name"),
        ("apps/example__thing", "is not a name"),
        ("apps/../x", "is not a name"),
        ("apps/" + "x" * 27, "Write up to 26"),
        ("apps/finding_export", "modules/posture/finding_export already exists"),
        ("apps/queue", "modules/blocks/queue already exists"),
    ],
)
def test_other_names_are_refused(capability: str, reason: str) -> None:
    with pytest.raises(new.NewError, match=re.escape(reason)):
        new.Names.parse(capability)


@pytest.mark.parametrize(
    ("capability", "after"),
    [
        ("identity/other", "sign_in"),
        ("access/other", "sign_in"),
        ("posture/other", "finding_export"),
        ("apps/other", "finding_export"),
        ("operations/other", "volume_alarms"),
    ],
)
def test_the_row_comes_after_those_of_its_domain(capability: str, after: str) -> None:
    found = re.findall(r"\[(\w+)\]", new.with_row(README, new.Names.parse(capability)))
    assert found[found.index("other") - 1] == after


def test_what_is_built_is_no_longer_planned() -> None:
    assert "**apps** mail_router, contact_form;" in new.with_row(README, new.Names("apps", NAME))
    assert "**apps** mail_router, example_thing;" in new.with_row(README, new.Names("apps", "contact_form"))
    with pytest.raises(new.NewError, match="no table"):
        new.with_row("# Other\n", new.Names("apps", NAME))


def test_no_file_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new, "ROOT", tmp_path)
    (tmp_path / "b").write_text("mine")
    with pytest.raises(new.NewError, match="b already exists"):
        new.write({"a": "", "b": ""})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh copy of the repository with a new capability in a domain that has had none."""
    made = clone.make(tmp_path_factory.mktemp("new") / "switchyard")
    (made / ".switchyard").mkdir()
    for shared in ("bin", "terraform.rc", "venv"):
        (made / ".switchyard" / shared).symlink_to(STATE / shared)
    run(made, "-m", "tools.new", f"apps/{NAME}")
    return made


def run(folder: Path, *arguments: str) -> str:
    """Run Python in the copy. Return its output."""
    env = terraform_env(folder / ".switchyard" / "terraform") | {"PYTHONPATH": os.pathsep.join((".", "lambda_src"))}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def written(folder: Path) -> list[str]:
    """Return the new Python files."""
    paths = folder.rglob(f"*{NAME}*/**/*.py"), folder.rglob(f"*{NAME}.py")
    found = {path.relative_to(folder).as_posix() for each in paths for path in each}
    return sorted(path for path in found if not path.startswith("."))


def test_it_is_wired(copy: Path) -> None:
    assert f'module "{NAME}" {{' in (copy / "apps.tf").read_text()
    assert f"[{NAME}](modules/apps/{NAME})" in (copy / "README.md").read_text()
    assert "| `event_source` |" in (copy / f"modules/apps/{NAME}/README.md").read_text()
    assert len(written(copy)) == 10
    left = [path for path in copy.rglob(f"*{NAME}*") if path.is_file() and re.search("%[a-z]+%", path.read_text())]
    assert left == []


def test_it_is_in_style(copy: Path) -> None:
    run(copy, "-m", "ruff", "check", "--no-cache", *written(copy))
    run(copy, "-m", "ruff", "format", "--no-cache", "--check", *written(copy))
    run(copy, "-m", "mypy", "--cache-dir", str(STATE / "mypy"), *written(copy))
    written_by = re.findall(r"-m (\S+) --check", (copy / "Makefile").read_text())  # all that `make lint` compares
    assert {"tools.root", "tools.docs", "fleet.schema"} <= set(written_by)
    for module in written_by:
        run(copy, "-m", module, "--check")
    run(copy, "-m", "tools.words", f"modules/apps/{NAME}", f"lambda_src/apps/{NAME}", f"tests/unit/apps/{NAME}")
    terraform = [str(STATE / "bin/terraform"), "fmt", "-check", "-recursive", "-diff", "."]
    done = subprocess.run(terraform, cwd=copy, env=terraform_env(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_its_unit_tests_pass(copy: Path) -> None:
    assert "16 passed" in run(copy, "-m", "pytest", "-n0", f"tests/unit/apps/{NAME}")


def test_its_plans_pass_and_its_refusals_are_refused(copy: Path) -> None:
    env = terraform_env(copy / ".switchyard" / "terraform")
    command = [str(STATE / "bin/terraform"), "init", "-backend=false", "-lockfile=readonly"]
    subprocess.run(command, cwd=copy, env=env, capture_output=True, check=True)
    filters = (f"-filter=tests/apps_{NAME}.tftest.hcl", f"-filter=tests/refusals/apps/{NAME}.yaml")
    said = run(copy, "-m", "tools.terraform_test", "-no-color", *filters)
    assert "Success! 5 passed, 0 failed." in said  # the refusals
    assert "Success! 3 passed, 0 failed." in said
