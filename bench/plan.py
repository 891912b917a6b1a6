"""plan: graph nodes and CPU time of a plan of the whole root with nothing on, of a stack of one, and of all."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.terraform import without_what_is_off
from tools import graph
from tools.bootstrap import ROOT, terraform_bin, terraform_env

ONE = "finding_export"
POOL = "eu-central-1_AbCdEfGhI"
POOL_ARN = f"arn:aws:cognito-idp:eu-central-1:111122223333:userpool/{POOL}"

# The least that switches each capability on.
ON: dict[str, dict[str, Any]] = {
    **{path.parent.name: {} for path in ROOT.glob("modules/*/*/main.tf") if path.parts[-3] != "blocks"},
    "finding_chat": {"slack_channels": {"security": {"workspace_id": "T01234567", "channel_id": "C01234567"}}},
    "inactive_users": {"user_pool_arns": [POOL_ARN]},
    "order_authorization": {"user_pool_arn": POOL_ARN, "client_ids": ["1example23456789"]},
    "step_up_auth": {
        "issuer_url": f"https://cognito-idp.eu-central-1.amazonaws.com/{POOL}",
        "client_ids": ["1example23456789"],
        "sample": True,
    },
    "secret_replication": {
        "targets": {
            "recovery": {
                "region": "eu-west-1",
                "secret_name_prefixes": ["prod/"],
                "kms_key_arn": "arn:aws:kms:eu-west-1:111122223333:key/22222222-3333-4444-5555-666677778888",
            }
        }
    },
}


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []
    everything = {path.name: path.read_text() for path in ROOT.glob("*.tf")}
    one = {ONE: ON[ONE]}
    for title, files, values in (
        ("root, nothing on", everything, {}),
        ("stack, one capability", without_what_is_off(ROOT, one), one),
        ("stack, all capabilities", without_what_is_off(ROOT, ON), ON),
    ):
        with tempfile.TemporaryDirectory() as name:
            folder = _root(Path(name), files)
            results.append({"figure": f"graph nodes, {title}", "value": graph.nodes(folder, folder / "d"), "unit": ""})
            seconds = _plan(folder, values)
            results.append({"figure": f"CPU time of a plan, {title}", "value": round(seconds, 1), "unit": "s"})
    return results


def _root(folder: Path, files: Mapping[str, str]) -> Path:
    """A root module with one test that plans it, with a mocked provider."""
    for file, text in files.items():
        (folder / file).write_text(text)
    shutil.copy(ROOT / ".terraform.lock.hcl", folder)
    (folder / "modules").symlink_to(ROOT / "modules")
    shutil.copytree(ROOT / "tests" / "examples" / "mocks", folder / "mocks")
    (folder / "tests").mkdir()
    mock = 'mock_provider "aws" {\n  source = "./mocks"\n}\n'
    (folder / "tests" / "plan.tftest.hcl").write_text(f'{mock}\nrun "plan" {{\n  command = plan\n}}\n')
    return folder


def _plan(folder: Path, variables: Mapping[str, Any]) -> float:
    """CPU seconds, of Terraform and its provider, of one plan."""
    values = folder / "values.tfvars.json"
    values.write_text(json.dumps({"build_dir": str(ROOT / "tests" / "fixtures" / "build"), **variables}))
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [terraform_bin(), f"-chdir={folder}", "test", "-no-color", f"-var-file={values}"],
        env=terraform_env(folder / "d"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
