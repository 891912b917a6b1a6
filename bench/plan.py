"""plan: graph nodes and CPU time of a plan of the root with nothing enabled, with one capability, and with all."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tools import graph, stack
from tools.bootstrap import ROOT, terraform_bin, terraform_env

ONE = "finding_export"
POOL = "eu-central-1_AbCdEfGhI"
POOL_ARN = f"arn:aws:cognito-idp:eu-central-1:111122223333:userpool/{POOL}"

# The smallest settings that enable each capability.
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
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []
    for title, make in (
        ("root, nothing on", _root),
        ("stack, one capability", lambda folder: stack.write(folder, [ONE])),
        ("stack, all capabilities", lambda folder: stack.write(folder, list(ON), arguments=ON)),
    ):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make(folder)
            results.append({"figure": f"graph nodes, {title}", "value": graph.nodes(folder, folder / "d"), "unit": ""})
            results.append({"figure": f"CPU time of a plan, {title}", "value": round(_plan(folder), 1), "unit": "s"})
    return results


def _root(folder: Path) -> None:
    """Copy the whole root module, with one test that plans it."""
    for path in (*ROOT.glob("*.tf"), ROOT / ".terraform.lock.hcl"):
        shutil.copy(path, folder)
    (folder / "modules").symlink_to(ROOT / "modules")
    shutil.copytree(stack.MOCKS.parent, folder / "mocks")
    (folder / "tests").mkdir()
    mock = 'mock_provider "aws" {\n  source = "./mocks"\n}\n'
    (folder / "tests" / "plan.tftest.hcl").write_text(f'{mock}\nrun "plan" {{\n  command = plan\n}}\n')


def _plan(folder: Path) -> float:
    """Return the CPU seconds, of Terraform and its provider, of the one plan that the folder's test makes."""
    values = folder / "values.tfvars.json"
    values.write_text(json.dumps({"build_dir": str(ROOT / "tests" / "fixtures" / "build")}))
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    for command in (("init", "-backend=false"), ("test", f"-var-file={values}")):
        done = subprocess.run(
            [terraform_bin(), f"-chdir={folder}", *command, "-no-color"],
            env=terraform_env(folder / "d"),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        if command[0] == "init":
            began = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
