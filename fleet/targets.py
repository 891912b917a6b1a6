"""Resolve a fleet's file to targets: one account, Region and environment, with what is on there."""

from __future__ import annotations

import difflib
import graphlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from fleet import document, schema
from fleet.document import Document, Path, Problem, ProblemsError
from fleet.schema import OUTPUT, Unit, units
from tools import hcl, stack, wiring

CONTEXT = "context"
DEPLOY_ROLE = "switchyard-deploy"
"""Role that Terraform assumes in an account whose `deploy_role` is not set; "" is for the credentials as they are."""


@dataclass(frozen=True)
class Reference:
    """An output of `unit` (or the context) in a target, and the names from the output inwards.

    `own`: the target is the one that uses it.
    """

    target: str
    unit: str
    names: tuple[str, ...]
    own: bool = False

    @property
    def expression(self) -> str:
        """Return it in Terraform, where another target's state is a data source."""
        first, *rest = self.names
        indexes = "".join(f'["{name}"]' for name in rest)
        root = "module" if self.own else f"data.terraform_remote_state.{label(self.target)}.outputs"
        return f"{root}.{label(self.unit)}.{first}{indexes}"


@dataclass
class Target:
    """Where a root is applied, and what is on. `units` has the arguments of each; references stand for outputs."""

    account: str
    account_id: str
    region: str
    environment: str
    deploy_role: str
    external_id: str | None
    context: dict[str, Any] = field(default_factory=dict)
    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What is left out here because it lands in another target."""
    path: Path = ()
    where: dict[tuple[str, ...], Path] = field(default_factory=dict)
    """Where the file has the value of a unit or of a unit's argument."""

    @property
    def key(self) -> str:
        """Return its name, which is also its folder and the name of its state."""
        return f"{self.environment}/{self.account}/{self.region}"

    def references(self) -> Iterator[tuple[Path, Reference]]:
        """Yield the references to outputs, each with where the file has it."""
        for name, value in self.context.items():
            yield from _references(value, self.where.get((CONTEXT, name), self.path))
        for unit, arguments in self.units.items():
            for name, value in arguments.items():
                yield from _references(value, self.where.get((unit, name), self.path))

    @property
    def needs(self) -> list[str]:
        """Return the keys of the targets whose outputs it uses."""
        return sorted({reference.target for _, reference in self.references() if not reference.own})


@dataclass(frozen=True)
class Fleet:
    """A resolved file. The targets are in an order in which each can be applied after those it needs."""

    name: str
    source: str
    home_region: str
    state: Mapping[str, str]
    targets: Mapping[str, Target]


def label(name: str) -> str:
    """Return a name of Terraform's for the name of a target or a unit."""
    return name.replace("/", "_")


def load(path: FilePath) -> Fleet:
    """Return the fleet of a file. Raise ProblemsError with all its problems."""
    return resolve(document.read(path.read_text()))


def resolve(read: Document) -> Fleet:
    """Return the fleet of a document. Raise ProblemsError."""
    found = [*schema.problems(read)]
    if found:  # what follows relies on the shape; what does not is said as well
        raise ProblemsError([*found, *_accounts(read)])
    found += _accounts(read)
    targets = list(_expanded(read, found))
    _land_once(targets, read, found)
    by_key = {target.key: target for target in targets}
    found += _prefixes(targets, read)
    for target in targets:
        found += _needs(target, by_key, read)
    if found:
        raise ProblemsError(found)
    content = read.content
    source, home, state = content.get("source") or "", content["home_region"], content["state"]
    return Fleet(content["name"], source, home, state, _ordered(by_key, read))


# --- checks ------------------------------------------------------------------------------------------------


def _accounts(read: Document) -> Iterator[Problem]:
    """Yield what is wrong with the IDs of accounts: a number loses its leading zeros in other readers of YAML."""
    accounts = read.content.get("accounts") if isinstance(read.content, dict) else None
    first: dict[str, str] = {}
    for name in accounts if isinstance(accounts, dict) else ():
        path: Path = ("accounts", name, "id")
        written = read.scalars.get(path)
        if not written:
            continue
        if not written.quoted:
            yield read.problem(path, f'The ID {written.text} needs quotation marks: "{written.text}".')
        if written.text in first:
            yield read.problem(path, f"{written.text} is the account {first[written.text]} already.")
        first[written.text] = name


def _prefixes(targets: list[Target], read: Document) -> Iterator[Problem]:
    """Yield the targets of one account and Region whose resources would have the same names."""
    [default] = [v["default"] for k, v in hcl.declared(schema.CONTEXT, "variable").items() if k == "name_prefix"]
    first: dict[tuple[str, str, Any], Target] = {}
    for target in targets:
        prefix = target.context.get("name_prefix") or hcl.unquote(str(default))
        other = first.setdefault((target.account, target.region, prefix), target)
        if other is not target:
            text = f"{target.key} and {other.key} both name their resources {prefix}-…: set context.name_prefix."
            yield read.problem(target.path, text)


def _needs(target: Target, by_key: Mapping[str, Target], read: Document) -> Iterator[Problem]:
    """Yield the required settings that a target lacks, and its references to what does not exist."""
    for name, arguments in target.units.items():
        unit = units()[name]
        missing = [*unit.capability.required] if unit.is_role else _stack(target).asked(unit.capability)
        for argument in missing:
            if arguments.get(argument) is None:
                yield read.problem(target.where[name,], f"{name} needs {argument} in {target.key}.")
    for path, reference in target.references():
        other = by_key.get(reference.target)
        if not other:
            close = _closest(reference.target, by_key)
            yield read.problem(path, f"There is no target {reference.target}.{close}")
        elif reference.unit != CONTEXT and reference.unit not in other.units:
            yield read.problem(path, f"{reference.target} has no {reference.unit}.")
        elif reference.names[0] not in (known := _outputs(reference.unit)):
            text = f"{reference.unit} has no output {reference.names[0]}. It has: {', '.join(known)}."
            yield read.problem(path, text)


def _outputs(unit: str) -> list[str]:
    if unit == CONTEXT:
        return list(hcl.declared(schema.CONTEXT, "output"))
    return units()[unit].outputs


def _closest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {close[0]}?" if close else f" There are: {', '.join(sorted(known))}."


def _ordered(targets: Mapping[str, Target], read: Document) -> dict[str, Target]:
    """Return the targets, each after those it needs. Raise ProblemsError for a circle."""
    try:
        order = list(graphlib.TopologicalSorter({key: t.needs for key, t in targets.items()}).static_order())
    except graphlib.CycleError as error:
        circle = error.args[1]
        text = f"These targets need each other's outputs: {' <- '.join(circle)}."
        raise ProblemsError([read.problem(targets[circle[0]].path, text)]) from None
    return {key: targets[key] for key in order}


def _stack(target: Target) -> stack.Stack:
    """Return a stack with the target's capabilities, for what one gives another in the same root."""
    capabilities = {name: arguments for name, arguments in target.units.items() if not units()[name].is_role}
    return stack.Stack(FilePath(), list(capabilities), arguments=_known(capabilities), deploy_role=False)


def _known(value: Any) -> Any:
    """Return a value with text for each reference."""
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return value.expression if isinstance(value, Reference) else value


def wired(target: Target, unit: Unit) -> dict[str, str]:
    """Return the arguments that other capabilities of the same root give a unit, as expressions."""
    if unit.is_role:
        return {}
    given = _stack(target).given(unit.capability)
    return {name: text for name, text in given.items() if text.startswith("module.")}


# --- targets -----------------------------------------------------------------------------------------------


def _expanded(read: Document, found: list[Problem]) -> Iterator[Target]:
    """Yield a target for each Region of each entry, and add what is wrong to *found*."""
    content, seen = read.content, set()
    for number, entry in enumerate(content["targets"]):
        path: Path = ("targets", number)
        account = content["accounts"].get(entry["account"])
        if account is None:
            close = _closest(entry["account"], content["accounts"])
            found.append(read.problem((*path, "account"), f"There is no account {entry['account']}.{close}"))
            account = {"id": ""}
        groups = entry.get("groups") or []
        for index, group in enumerate(groups):
            if group not in content.get("groups", {}):
                close = _closest(group, content.get("groups", {}))
                found.append(read.problem((*path, "groups", index), f"There is no group {group}.{close}"))
        layers = [("defaults",), *(("groups", group) for group in groups), path]
        for index, region in enumerate(entry["regions"]):
            at = (*path, "regions", index)
            if region not in schema.regions():
                close = _closest(region, schema.regions())
                found.append(read.problem(at, f"There is no Region {region}.{close[:200]}"))
            target = Target(
                entry["account"],
                account["id"],
                region,
                entry["environment"],
                account.get("deploy_role", DEPLOY_ROLE),
                account.get("external_id"),
                path=at,
            )
            if target.key in seen:
                found.append(read.problem(at, f"{target.key} is a target already."))
            seen.add(target.key)
            for layer in layers:
                _merge(target, read, layer)
            yield target


def _merge(target: Target, read: Document, layer: Path) -> None:
    """Add the settings of a layer. A later layer's argument replaces that of an earlier one as a whole."""
    values: Any = read.content
    for part in layer:
        values = values.get(part, {}) if isinstance(values, dict) else values[part]
    for name, value in ((values or {}).get("context") or {}).items():
        path: Path = (*layer, "context", name)
        target.context[name], target.where[CONTEXT, name] = _value(value, target), path
    for unit, arguments in ((values or {}).get("capabilities") or {}).items():
        path = (*layer, "capabilities", unit)
        if arguments is False:
            target.units.pop(unit, None)
            continue
        kept = target.units.setdefault(unit, {})
        target.where[unit,] = path
        for name, value in (arguments or {}).items():
            kept[name], target.where[unit, name] = _value(value, target), (*path, name)


def _value(value: Any, target: Target) -> Any:
    """Return a value with a Reference for each output."""
    if isinstance(value, list):
        return [_value(item, target) for item in value]
    if not isinstance(value, dict):
        return value
    if OUTPUT not in value:
        return {key: _value(item, target) for key, item in value.items()}
    parts = {part: value.get(part) or getattr(target, part) for part in ("environment", "account", "region")}
    unit, *names = value[OUTPUT].split(".")
    key = "/".join(parts.values())
    return Reference(key, unit, tuple(names), own=key == target.key)


def _references(value: Any, path: Path) -> Iterator[tuple[Path, Reference]]:
    if isinstance(value, Reference):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _references(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _references(item, (*path, number))


# --- what exists once --------------------------------------------------------------------------------------


def _land_once(targets: list[Target], read: Document, found: list[Problem]) -> None:
    """Leave out of each target what lands in another Region of the same account and environment."""
    homes: dict[tuple[str, str], Target] = {}
    for target in targets:
        key = target.account, target.environment
        if key not in homes or target.region == read.content["home_region"]:
            homes[key] = target
    for target in targets:
        home = homes[target.account, target.environment]
        for name in [name for name in target.units if units()[name].is_role]:
            if target is not home:
                del target.units[name]
                target.notes.append(f"{name} is in {home.key}: IAM is global.")
        for once in wiring.ONCE:
            _once(target, once, home, targets, read, found)


def _once(
    target: Target, once: wiring.Once, home: Target, targets: list[Target], read: Document, found: list[Problem]
) -> None:
    value = target.units.get(once.of, {}).get(once.argument)
    if value is None or (once.value is not None and value != once.value):
        return
    region = once.region or home.region
    if target.region == region:
        return
    landing = f"{target.environment}/{target.account}/{region}"
    if landing not in {other.key for other in targets}:
        text = f"{once.of}.{once.argument} needs the target {landing}. {once.why}"
        found.append(read.problem(target.where[once.of, once.argument], text))
    if once.argument_only:
        del target.units[once.of][once.argument]
        target.notes.append(f"{once.of}.{once.argument} is in {landing}: {once.why}")
    else:
        del target.units[once.of]
        target.notes.append(f"{once.of} is in {landing}: {once.why}")
