"""Terraform on the local cloud, in a working copy of the root module, with a state that the cloud itself stores."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local.harness.cloud import Cloud, LocalCloudError
from local.settings import HOME, ROOT

_FLAGS = ("-input=false", "-no-color", "-parallelism=30")
_CHANGE = ("-auto-approve", *_FLAGS)
# A backend that a user configured in the root module must never be used from here. Nor is "local": Terraform
# rewrites a state file after each resource, half of the work of a destroy; it writes a remote state every 20 s.
_OVERRIDE = 'terraform {\n  backend "http" {\n    address = "%s/_switchyard/state%s"\n  }\n}\n'


def _chosen(*targets: str) -> list[str]:
    return [f"-target={target}" for target in targets]


def _errors(output: list[str]) -> str:
    """Return Terraform's output from its first error on."""
    first = next((number for number, line in enumerate(output) if line.startswith("Error:")), max(len(output) - 30, 0))
    return "".join(output[first:]).strip()[:4000]


def _stack(folder: Path, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Write the stack that `variables` switch on; return the values of its own variables."""
    from tools import stack

    shared = set(stack.SHARED)
    arguments = {name: value for name, value in variables.items() if name not in shared and value is not None}
    for left in (*folder.glob("*.tf"), folder / stack.MANIFEST):  # files of another stack in the same folder
        left.unlink(missing_ok=True)
    stack.write(folder, arguments, arguments=arguments, deploy_role=False)
    for name in arguments:
        _other_accounts(folder, name)
    return {name: value for name, value in variables.items() if name in shared}


def _other_accounts(folder: Path, capability: str) -> None:
    """Add a scenario's `<capability>.tf` and `<capability>_override.tf`: what it has in other accounts."""
    modules = os.path.relpath(ROOT / "modules", folder.resolve())
    for suffix in ("", "_override"):
        for path in (ROOT / "scenarios").glob(f"*/{capability}{suffix}.tf"):
            text = path.read_text().replace('"./modules/', f'"{modules}/')
            (folder / f"other_accounts_{path.name}").write_text(text)


def _other_root(folder: Path, root: Path, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a root module; return the values of its variables."""
    for path in (*root.glob("*.tf"), ROOT / ".terraform.lock.hcl"):
        shutil.copy(path, folder / path.name)
    modules = folder / "modules"
    if not modules.is_symlink():
        modules.symlink_to(ROOT / "modules")
    return dict(variables)


class Terraform:
    """A stack in *folder*, applied to `cloud`; the user's state, variables and credentials stay out of it."""

    def __init__(self, cloud: Cloud, folder: Path, variables: dict[str, Any], root: Path | None = None) -> None:
        """Write the stack of the capabilities in `variables` with these arguments, as `make stack` does.

        The others of `variables` are what all capabilities share. `root` holds a root module to use instead of a
        stack; its modules are `./modules/...`, and `variables` are its own.
        """
        from tools.bootstrap import terraform_bin, terraform_env

        self.folder, self._cloud, self._binary = folder, cloud, terraform_bin()
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {**terraform_env(folder / ".terraform", checked=True), "AWS_ENDPOINT_URL": cloud.endpoint}
        self.write(variables, root)

    def write(self, variables: Mapping[str, Any], root: Path | None = None) -> None:
        """Write the stack or the root module again, with these arguments."""
        inputs = _other_root(self.folder, root, variables) if root else _stack(self.folder, variables)
        (self.folder / "demo_override.tf").write_text(_OVERRIDE % (self._cloud.endpoint, self.folder.absolute()))
        self.set_variables(inputs)

    def set_variables(self, inputs: Mapping[str, Any]) -> None:
        """Give the root module's variables these values; the packages are those of this machine unless given."""
        values = {"build_dir": str(HOME / "build"), **inputs}
        (self.folder / "demo.auto.tfvars.json").write_text(json.dumps(values, indent=2))

    def _run(
        self, *arguments: str, good: tuple[int, ...] = (0,), env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self._binary, f"-chdir={self.folder}", *arguments],
            env=env or self.environment,
            capture_output=True,
            check=False,
            text=True,
        )
        if done.returncode not in good:
            output = (done.stdout + done.stderr).splitlines(keepends=True)
            raise LocalCloudError(f"terraform {arguments[0]} failed:\n{_errors(output)}")
        return done

    def init(self) -> None:
        """Run `terraform init`. The lock file stays as committed."""
        from tools.bootstrap import init_env

        self._run("init", "-input=false", "-no-color", "-lockfile=readonly", env=init_env(self.environment))

    @contextlib.contextmanager
    def one_provider(self) -> Iterator[None]:
        """Have one process of the AWS provider for the length of a `with` block: each command would start several.

        For a root that has one configuration of the provider, and whose credentials stay. `init` comes before.
        """
        from tools.terraform_test import shared_provider

        with shared_provider(self.environment) as attached:
            self.environment = attached
            yield

    def apply(self, *targets: str, progress: Callable[[int, int], None] = lambda made, planned: None) -> None:
        """Run `terraform apply`, of `targets` and what they depend on if given.

        *progress* is called with the number of resources made and the number planned.
        """
        command = [self._binary, f"-chdir={self.folder}", "apply", *_CHANGE, *_chosen(*targets)]
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout
        output, made, planned = [], 0, 0
        for line in process.stdout:
            output.append(line)
            if plan := re.match(r"Plan: (\d+) to add, (\d+) to change", line):
                planned = int(plan[1]) + int(plan[2])
            elif re.search(r": (Creation|Modifications) complete after ", line):
                made += 1
                progress(made, planned)
        if process.wait():
            raise LocalCloudError(f"terraform apply failed:\n{_errors(output)}")

    def drift(self, *targets: str) -> str:
        """Return what a new plan would change, of `targets` if given; empty if nothing (`-detailed-exitcode` 0)."""
        done = self._run("plan", "-detailed-exitcode", *_FLAGS, *_chosen(*targets), good=(0, 2))
        return done.stdout if done.returncode == 2 else ""

    def refresh(self, target: str) -> None:
        """Write the current values of `target` in the services into the state."""
        self._run("apply", "-refresh-only", *_chosen(target), *_CHANGE)

    def state(self) -> dict[str, Any]:
        """Return the state, as `terraform state pull` prints it; the cloud keeps it."""
        kept: dict[str, Any] = self._cloud.control("GET", f"state{quote(str(self.folder.absolute()))}")
        return kept

    def planned(self) -> dict[str, Any]:
        """Return a new plan as `terraform show -json` prints it."""
        self._run("plan", "-out=planned", *_FLAGS)
        shown: dict[str, Any] = json.loads(self._run("show", "-json", "planned").stdout)
        return shown

    def outputs(self) -> dict[str, Any]:
        """Return the root outputs by name."""
        return {name: output["value"] for name, output in self.state()["outputs"].items()}

    def destroy(self) -> None:
        """Run `terraform destroy`. Raise LocalCloudError if a resource stays in the state."""
        self._run("destroy", *_CHANGE)
        if left := self.state()["resources"]:
            names = [f"{one.get('module', '')} {one['type']}.{one['name']}".strip() for one in left]
            raise LocalCloudError(f"terraform destroy left {', '.join(names)}")
