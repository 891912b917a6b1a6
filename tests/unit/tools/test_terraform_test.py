"""Several Terraform processes share the test files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools import bootstrap, terraform_test
from tools.bootstrap import LOCK_FILE, SetupError, host_platform, locked_providers

MODULE_RUN = 'run "a" {\n  module {\n    source = "./modules/a"\n  }\n}\n'
ROOT_RUN = 'run "c" {\n  command = plan\n}\n'


def test_every_file_is_in_one_share_and_shares_weigh_the_same(tmp_path: Path) -> None:
    texts = [ROOT_RUN, *[MODULE_RUN * 10] * 4, MODULE_RUN]
    files = [tmp_path / f"{number}.tftest.hcl" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    first, second = terraform_test.shares({file: terraform_test.weight(file.read_text()) for file in files}, 2)
    assert sorted([*first, *second]) == files
    weights = [sum(terraform_test.weight(file.read_text()) for file in share) for share in (first, second)]
    assert abs(weights[0] - weights[1]) <= 1
    assert terraform_test.shares({files[0]: 1.0}, 4) == [files[:1]]


def provider(data_dir: Path, script: str) -> dict[str, str]:
    """Return a provider that is a shell script, and the environment of a Terraform that has it."""
    [(address, version)] = locked_providers(LOCK_FILE.read_text()).items()
    binary = data_dir / f"providers/{address}/{version}/{host_platform()}/terraform-provider-aws_x5"
    binary.parent.mkdir(parents=True)
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    return {"TF_DATA_DIR": str(data_dir), "PATH": os.environ["PATH"]}


def test_the_shared_provider_runs_for_as_long_as_it_is_used(tmp_path: Path) -> None:
    env = provider(tmp_path, """echo "TF_REATTACH_PROVIDERS='$$'"; exec sleep 60""")
    with terraform_test.shared_provider(env) as attached:
        pid = int(attached["TF_REATTACH_PROVIDERS"])
        os.kill(pid, 0)  # it runs
        assert attached.items() > env.items()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_provider_that_does_not_start_says_why(tmp_path: Path) -> None:
    env = provider(tmp_path, "echo no room left; exit 1")
    with pytest.raises(SetupError, match="did not start: no room left"), terraform_test.shared_provider(env):
        pass


def test_a_provider_that_is_nowhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "TERRAFORM_DATA", tmp_path / "none")
    with pytest.raises(SetupError, match="not installed"), terraform_test.shared_provider({"TF_DATA_DIR": "none"}):
        pass
