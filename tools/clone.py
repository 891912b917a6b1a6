"""What a user has without make and Python: a clone, Terraform, perhaps Checkov. Both must pass there.

    python -m tools.clone    runs `terraform init`, `terraform test` and `checkov -d .` in a fresh copy

The copy has the files that git tracks or would track: not those of set-up, builds and tools, and no settings of the
developer. `make plan-test` runs in such a copy too.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tools.bootstrap import CHECKOV, ROOT, STATE, SetupError, terraform_bin, terraform_env

CLONE = STATE / "clone"
MADE = {".git", ".switchyard", ".terraform", "build"}


def tracked() -> list[str]:
    """Return the paths of the files that a commit of the working tree would contain.

    Without git, as in an unpacked archive, return all files except those that the tools create.
    """
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if shutil.which("git"):
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        if listed.returncode == 0:
            return sorted({path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()})
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not MADE & set(path.parts))


def make(clone: Path = CLONE) -> Path:
    """Write the copy, replacing an earlier one, and return its path."""
    shutil.rmtree(clone, ignore_errors=True)
    for path in tracked():
        target = clone / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target, follow_symlinks=False)
    return clone


def main() -> int:
    """Return the exit status: 0 if everything passed."""
    clone = make(STATE / "fresh")
    env = terraform_env(clone / ".terraform")
    for command in (
        [terraform_bin(), "init", "-backend=false", "-no-color"],
        [terraform_bin(), "test", "-no-color"],
        [str(CHECKOV / "bin" / "checkov"), "-d", "."],
    ):
        print(f"== {' '.join([Path(command[0]).name, *command[1:]])}", flush=True)
        if status := subprocess.run(command, cwd=clone, env=env, check=False).returncode:
            return status
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(str(error))
