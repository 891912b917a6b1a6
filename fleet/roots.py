"""Write a root for each target: plain Terraform JSON, which runs without CDK Terrain.

The folder keeps `fleet.json`, a record of what was written: a target that leaves the file is destroyed from its last
root, and the ID behind an account's name cannot change under a root that exists.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet.schema import CONTEXT as CONTEXT_MODULE
from fleet.schema import regions, units
from fleet.targets import CONTEXT, Fleet, Reference, Target, label, wired
from tools import hcl, root, stack, wiring
from tools.bootstrap import FLEET, LOCK_FILE, ROOT, STATE, SetupError, node

RECORD = "fleet.json"
MAIN = "main.tf.json"
ACCOUNT, IAM = "account", "iam"
"""`account/<account>/iam` is the root of what an account has once, and belongs to no target."""
_TEMPORARY = STATE / "tmp" / "fleet"


class FleetError(Exception):
    """A fleet that cannot be written or deployed. Its text says why and what to do."""


@dataclass(frozen=True)
class Written:
    """A root that exists: where its target is, which roots it reads (`needs`) or else comes after, and what is in it.

    `removed`: its target has left the file.
    """

    account_id: str
    needs: list[str]
    after: list[str]
    units: list[str]
    removed: bool = False


@dataclass(frozen=True)
class Record:
    """What is in a folder of roots, by the key of the target."""

    name: str = ""
    state: Mapping[str, str] = field(default_factory=dict)
    targets: dict[str, Written] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> Record:
        """Return the record of a folder; an empty one if it has none. Raise FleetError if it is not readable."""
        path = directory / RECORD
        if not path.exists():
            return cls()
        try:
            content = json.loads(path.read_text())
            targets = {key: Written(**written) for key, written in content["targets"].items()}
            return cls(content["name"], content["state"], targets)
        except (ValueError, KeyError, TypeError) as error:
            raise FleetError(f"{path} is not readable ({error}). Restore it from version control.") from None

    def write(self, directory: Path) -> None:
        """Write the record, whole or not at all."""
        about = "Written by `make fleet`: the roots that exist. Keep it: what leaves the fleet is destroyed by it."
        targets = {key: vars(written) for key, written in sorted(self.targets.items())}
        content = {"about": about, "name": self.name, "state": dict(self.state), "targets": targets}
        _place(directory / RECORD, json.dumps(content, indent=2) + "\n")


def _place(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)


def write(fleet: Fleet, directory: Path, build: Path | None = None) -> Record:
    """Write the roots and the record. Return the record. Raise FleetError.

    *build* is the folder of the packages; by default `build` of this checkout, or with a release of *directory*.
    """
    known = Record.read(directory)
    _unchanged(fleet, known)
    accounts = account_roots(fleet)
    roots = [specification(fleet, target, directory, build) for target in fleet.targets.values()]
    composed = compose([*roots, *(_account(fleet, root) for root in accounts)])
    for key, text in composed.items():
        _place(directory / key / MAIN, text)
        _place(directory / key / ".terraform.lock.hcl", LOCK_FILE.read_text())
    targets = {
        key: Written(
            target.account_id,
            target.needs,
            [root.key for root in accounts if root.account == target.account and set(root.units) & set(target.units)],
            sorted(target.units),
        )
        for key, target in fleet.targets.items()
    }
    targets |= {root.key: Written(root.account_id, [], [], sorted(root.units)) for root in accounts}
    for key, written in known.targets.items():
        targets.setdefault(key, Written(**{**vars(written), "removed": True}))
    record = Record(fleet.name, fleet.state, targets)
    record.write(directory)
    _place(directory / ".gitignore", stack.IGNORED)
    if fleet.source:
        _packages(fleet, directory)
    return record


def account_roots(fleet: Fleet) -> list[Target]:
    """Name each service-linked role to the capabilities that would create it, and return a root for it by account.

    It exists once for an account and is in use in each of its Regions, so it belongs to none of its targets, which can
    leave.
    """
    found: dict[str, Target] = {}
    for target in fleet.targets.values():
        for (name, argument), role in wiring.SERVICE_LINKED_ROLES.items():
            if name not in target.units or target.units[name].get(argument) is not None:
                continue
            arn = f"arn:{regions()[target.region]}:iam::{target.account_id}:role/aws-service-role/{role}"
            target.units[name][argument] = arn
            own = dataclasses.replace(target, environment=ACCOUNT, region=IAM, context={}, units={}, notes=[], where={})
            kept = found.setdefault(target.account, own)
            kept.units[name] = {"aws_service_name": role.partition("/")[0]}
    return list(found.values())


def _account(fleet: Fleet, root: Target) -> dict[str, Any]:
    """Return what `synth` composes for what an account has once."""
    same = [target.region for target in fleet.targets.values() if target.account == root.account]
    region = fleet.home_region if regions()[fleet.home_region] == regions()[same[0]] else same[0]
    return {
        **_root(fleet, dataclasses.replace(root, region=region), root.key),
        "resources": {"aws_iam_service_linked_role": root.units},
    }


def _unchanged(fleet: Fleet, known: Record) -> None:
    """Raise FleetError if the fleet's states or an account would be others under roots that exist."""
    if known.targets and (known.name, dict(known.state)) != (fleet.name, dict(fleet.state)):
        raise FleetError(
            f"The states of these roots are in {known.state.get('bucket')}, under {known.name}: put name and state "
            "back. To move the states, copy the objects, change fleet.json and `terraform init -reconfigure` each root."
        )
    ids = {target.account: target.account_id for target in fleet.targets.values()}
    for key, written in known.targets.items():
        account = key.split("/")[1]
        if account in ids and ids[account] != written.account_id:
            raise FleetError(
                f"The account {account} was {written.account_id} when {key} was written, and is {ids[account]} now. "
                f"Put the ID back, remove its targets and run `make fleet-apply`, which destroys what is there; or "
                "give the new account another name."
            )


# --- content of a root -------------------------------------------------------------------------------------


def specification(fleet: Fleet, target: Target, directory: Path, build: Path | None = None) -> dict[str, Any]:
    """Return what `synth` composes for a target."""
    folder = directory / target.key
    source = stack.Source.parse(fleet.source)
    build = build or (directory if fleet.source else ROOT) / "build"
    context = {**escaped(target.context), "build_dir": Path(os.path.relpath(build, folder)).as_posix()}
    for argument, owners in wiring.CONTEXT_SWITCHES.items():
        used = any(units()[name].capability.uses(*owners) for name in target.units)
        context.setdefault(argument, used)
    modules = {CONTEXT: {"source": _source(source, CONTEXT_MODULE, folder), "arguments": context}}
    outputs = {CONTEXT: f"${{module.{CONTEXT}}}"}
    for name, arguments in sorted(target.units.items()):
        unit = units()[name]
        given = {**escaped(arguments), **{key: f"${{{text}}}" for key, text in wired(target, unit).items()}}
        if not unit.is_role:
            given["context"] = f"${{module.{CONTEXT}.context}}"
        modules[unit.label] = {"source": _source(source, ROOT / unit.path, folder), "arguments": given}
        outputs[unit.label] = f"${{{unit.capability.output.replace('{}', f'module.{unit.label}')}}}"
    return {**_root(fleet, target, target.key), "modules": modules, "outputs": outputs}


def _root(fleet: Fleet, target: Target, key: str) -> dict[str, Any]:
    return {
        "name": label(key),
        "key": key,
        "terraform": _versions(),
        "backend": {**_state(fleet, key), "encrypt": True, "use_lockfile": True},
        "provider": _provider(target),
        "states": {label(other): _state(fleet, other) for other in target.needs},
        "resources": {},
        "modules": {},
        "outputs": {},
    }


def _source(source: stack.Source, module: Path, folder: Path) -> str:
    return source.module(module.relative_to(ROOT).as_posix(), folder)


def _state(fleet: Fleet, key: str) -> dict[str, str]:
    return {**fleet.state, "key": f"{fleet.name}/{key}.tfstate"}


def _provider(target: Target) -> dict[str, Any]:
    """Return the settings of the provider, which refuses any other account than the target's."""
    found: dict[str, Any] = {"region": target.region, "allowed_account_ids": [target.account_id]}
    if target.deploy_role:
        role = f"arn:{regions()[target.region]}:iam::{target.account_id}:role/{target.deploy_role}"
        assumed = {"role_arn": role, "session_name": "switchyard-fleet"}
        found["assume_role"] = [assumed | ({"external_id": target.external_id} if target.external_id else {})]
    return found


@functools.cache
def _versions() -> dict[str, Any]:
    """Return the versions that this repository's root requires."""
    [block] = hcl.loads((ROOT / "versions.tf").read_text())["terraform"]
    [providers] = block["required_providers"]
    aws = {hcl.unquote(name): hcl.unquote(value) for name, value in providers["aws"].items()}
    return {"required_version": hcl.unquote(block["required_version"]), "required_providers": {"aws": aws}}


def escaped(value: Any) -> Any:
    """Return a value of the file as Terraform's JSON syntax takes it literally, and references as expressions."""
    if isinstance(value, Reference):
        return f"${{{value.expression}}}"
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, Mapping):
        return {escaped(key): escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def _packages(fleet: Fleet, directory: Path) -> None:
    """Write the script that fetches a release's packages."""
    names = {name for target in fleet.targets.values() for name in target.units if name in root.capabilities()}
    whole = stack.Stack(directory, sorted(names), stack.Source.parse(fleet.source))
    lines = "\n".join(f"  {name}" for name in stack.zips(whole))
    path = directory / "packages.sh"
    _place(path, stack.template("packages.sh", release=whole.source.release, packages=lines))
    path.chmod(0o755)


# --- composing ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """Yield a folder for the temporary files of one synthesis. What killed ones left is removed."""
    _TEMPORARY.mkdir(parents=True, exist_ok=True)
    for left in _TEMPORARY.iterdir():
        with contextlib.suppress(ValueError, ProcessLookupError, PermissionError):
            os.kill(int(left.name.partition("-")[0]), 0)
            continue
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=_TEMPORARY, prefix=f"{os.getpid()}-") as name:
        yield Path(name)


def compose(roots: list[dict[str, Any]]) -> dict[str, str]:
    """Return the text of each root's file, by the key of its target. Raise FleetError."""
    binary = node()
    if not binary or not FLEET.exists():
        raise SetupError("CDK Terrain is not set up. Run: python3 tools/bootstrap.py fleet")
    with temporary() as folder:
        environment = {
            **os.environ,
            "TMPDIR": str(folder),
            "JSII_NODE": str(binary),
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        }
        done = subprocess.run(
            [FLEET / "bin" / "python", Path(__file__).with_name("synth.py"), folder],
            input=json.dumps(roots),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise FleetError(f"CDK Terrain failed:\n{done.stderr[-3000:]}")
        return {one["key"]: (folder / f"{one['name']}.json").read_text() for one in roots}
