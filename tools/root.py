"""Write this repository's root module: `main.tf`, and a `<domain>.tf` for the modules of each domain.

    python -m tools.root            write them
    python -m tools.root --check    change nothing; status 1 if one is not up to date

A capability is a module block, a variable that switches it on and an output. The variable accepts any object, since
Terraform's object types drop unknown attributes silently; validations refuse such attributes instead, and name those
that exist. Defaults are the module's: an attribute that is not set is passed as null.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import hcl, wiring
from tools.bootstrap import ROOT

MODULES = ROOT / "modules"
NO_DOMAINS = {"blocks", "context"}


@dataclass(frozen=True)
class Capability:
    """A module with a switch in the root. `path` is relative to the repository's root."""

    name: str
    domain: str
    path: str

    @property
    def folder(self) -> Path:
        """Return the folder of its module."""
        return ROOT / self.path

    @functools.cached_property
    def variables(self) -> dict[str, dict[str, Any]]:
        """Return the module's variables, without its context."""
        found = hcl.declared(self.folder, "variable")
        return {name: body for name, body in found.items() if name != "context"}

    @property
    def edges(self) -> dict[str, wiring.Edge]:
        """Return the arguments whose values other capabilities give."""
        return {edge.argument: edge for edge in wiring.EDGES if edge.of == self.name}

    @property
    def defaults(self) -> list[wiring.Default]:
        """Return the arguments that have a value from another capability unless its user sets them."""
        return [default for default in wiring.DEFAULTS if default.of == self.name]

    @property
    def settings(self) -> dict[str, hcl.Type]:
        """Return the types of the arguments that its user sets, by name."""
        settable = {name: body for name, body in self.variables.items() if name not in self.edges}
        return {name: hcl.parse_type(hcl.expression(body.get("type", "any"))) for name, body in settable.items()}

    @property
    def type(self) -> hcl.Type:
        """Return the type of an object of its settings."""
        return hcl.Type("object", attributes=self.settings)

    @property
    def required(self) -> list[str]:
        """Return the names of the settings without a default."""
        return [name for name in self.settings if "default" not in self.variables[name]]

    @property
    def needed(self) -> list[str]:
        """Return the names of the settings without which it cannot be planned."""
        return [*self.required, *wiring.ONE_OF.get(self.name, ())]

    @functools.cached_property
    def summary(self) -> str:
        """Return the first sentence of its README, as plain text."""
        readme = self.folder / "README.md"
        if not readme.exists():
            raise hcl.HclError(f"{self.path}: has no README.md, whose first sentence describes it")
        _, _, text = readme.read_text().partition("\n")
        paragraph = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", text.strip().partition("\n\n")[0]).replace("*", "")
        return re.split(r"(?<=[.!?])\s", paragraph)[0]

    @property
    def output(self) -> str:
        """Return HCL for its outputs, where `{}` is its module."""
        block = wiring.BLOCKS.get(self.name)
        return f'{{ for name, value in {{}} : name => value if name != "{block.hidden_output}" }}' if block else "{}"

    @functools.cached_property
    def _blocks(self) -> frozenset[str]:
        texts = (path.read_text() for path in self.folder.glob("*.tf"))
        return frozenset(block for text in texts for block in re.findall(r'"\.\./\.\./blocks/(\w+)"', text))

    def uses(self, *modules: str) -> bool:
        """Return whether its module is one of these, or uses one of them as a building block."""
        return not {self.name, *self._blocks}.isdisjoint(modules)


@functools.cache
def capabilities() -> dict[str, Capability]:
    """Return every capability by name."""
    found = [
        Capability(path.name, path.parent.name, path.relative_to(ROOT).as_posix())
        for path in sorted(MODULES.glob("*/*"))
        if path.parent.name not in NO_DOMAINS and (path / "variables.tf").exists()
    ]
    found += [Capability(name, block.domain, block.path) for name, block in wiring.BLOCKS.items()]
    return {capability.name: capability for capability in sorted(found, key=lambda c: (c.domain, c.name))}


def shared() -> set[str]:
    """Return the names of the root's variables that belong to no single capability."""
    return set(re.findall(r'(?m)^variable "(\w+)"', (ROOT / "variables.tf").read_text()))


def context(source: str, switches: Mapping[str, str]) -> str:
    """Return the provider and the shared context; *switches* are the values of its switches."""
    names = hcl.declared(MODULES / "context", "variable")
    arguments = "".join(f"{name} = {switches.get(name, f'var.{name}')}\n" for name in names)
    return (
        'provider "aws" {\nregion = var.region\n}\n\n'
        f'# Shared by all capabilities.\nmodule "context" {{\nsource = "{source}"\n\n{arguments}}}\n'
    )


def objects(
    of: hcl.Type, path: str, value: str, wrap: Callable[[str], str] = lambda names: names
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each object in a type: its path, the HCL of the names in *value* there, and the names that it has."""
    if of.kind == "object":
        given = wrap(f"try(keys({value}), [])")
        yield path, f"flatten({given})" if given.startswith("[") else given, sorted(of.attributes)
        for name, inner in of.attributes.items():
            yield from objects(inner, f"{path}.{name}", f"{value}.{name}", wrap)
    elif of.element:
        item = "abcdefgh"[path.count("[*]")]
        items = f"try(values({value}), [])" if of.kind == "map" else f"try(flatten([{value}]), [])"
        each = f"[for {item} in {items} : %s]"
        yield from objects(of.element, f"{path}[*]", item, lambda names: wrap(each.replace("%s", names)))


def applies(default: wiring.Default) -> str:
    """Return the HCL of whether a default applies, in a root where both capabilities have a variable."""
    return " && ".join(
        [f"var.{default.source} != null", *(f"try(var.{path}, null) == null" for path in default.unless)]
    )


def rules(capability: Capability, on: Collection[str]) -> list[tuple[str, str]]:
    """Return the conditions that a capability's variable must meet, each with the HCL of its message."""
    name, required = capability.name, capability.required
    usable = [default for default in capability.defaults if default.source in on]
    sources = {default.source: default for default in usable if default.argument in required}
    needs = " || ".join(
        [
            f"var.{name} == null",
            f"alltrue([for name in {hcl.literal(required)} : try(var.{name}[name], null) != null])",
            *(f"({applies(default)})" for default in sources.values()),
        ]
    )
    needed = " and ".join(required) + "".join(f", or {source}" for source in sources)
    found = [(f"var.{name} == null || can(keys(var.{name}))", f'"{name} must be an object; null for off."')]
    found += [(needs, f'"{name} needs {needed}."')] if required else []
    for path, given, _ in objects(capability.type, name, f"var.{name}"):
        known = f'local.{capability.domain}_settings["{path}"]'
        unknown = f"setsubtract({given}, {known})"
        message = f'"{path} has no setting ${{join(", ", {unknown})}}. Its settings are: ${{join(", ", {known})}}."'
        found.append((f"length({unknown}) == 0", message))
    return found


def description(capability: Capability) -> str:
    """Return what the capability's variable is for."""
    smallest = f"{{ {', '.join(capability.needed)} }}" if capability.needed else "{}"
    given = [edge.note for edge in capability.edges.values()] + [default.note for default in capability.defaults]
    notes = "".join(f" {note}" for note in dict.fromkeys(given) if note)
    return f"{capability.summary}{notes} {smallest} for the defaults, null for off. See {capability.path}."


def variable_hcl(capability: Capability, on: Collection[str]) -> str:
    """Return the variable that switches a capability on."""
    validations = "".join(
        f"\nvalidation {{\ncondition = {condition}\nerror_message = {message}\n}}\n"
        for condition, message in rules(capability, on)
    )
    return f"""
variable "{capability.name}" {{
description = {hcl.string(description(capability))}
type = any
default = null
{validations}}}
"""


def settings_hcl(domain: str, members: Sequence[Capability]) -> str:
    """Return the table in which the validations of a domain's variables look up settings."""
    known = {path: names for c in members for path, _, names in objects(c.type, c.name, "")}
    rows = "".join(f'"{path}" = {hcl.literal(names)}\n' for path, names in known.items())
    comment = "# What can be set: in a capability, and in each object of it."
    return f"\nlocals {{\n{comment}\n{domain}_settings = {{\n{rows}}}\n}}\n"


def capability_hcl(capability: Capability, on: Collection[str]) -> str:
    """Return the module block, variable and output of a capability; *on* are the capabilities that the root has."""
    name = capability.name
    arguments = {setting: f"try(var.{name}.{setting}, null)" for setting in capability.settings}
    arguments |= {
        argument: f"one(module.{edge.source}[*].{edge.output})"
        for argument, edge in capability.edges.items()
        if edge.source in on
    }
    # By index, not by splat: a splat refers to all outputs, and two capabilities may each use one of the other.
    for default in capability.defaults:
        if default.source in on:
            value = f"module.{default.source}[0].{default.output}"
            arguments[default.argument] = f"{applies(default)} ? {value} : {arguments[default.argument]}"
    given = "".join(f"{argument} = {value}\n" for argument, value in arguments.items())
    outputs = capability.output.replace("{}", "made")
    exported = f"one(module.{name}[*])" if outputs == "made" else f"one([for made in module.{name} : {outputs}])"
    return f"""
module "{name}" {{
source = "./{capability.path}"
count = var.{name} == null ? 0 : 1

context = module.context.context
{given}}}
{variable_hcl(capability, on)}
output "{name}" {{
description = "Outputs of {capability.path}; null when off."
value = {exported}
}}
"""


def files(only: Collection[str] | None = None) -> dict[str, str]:
    """Return the generated files by name, with all capabilities or *only* those named."""
    on = [c for c in capabilities().values() if only is None or c.name in only]
    switches = {
        argument: f"coalesce(var.{argument}, anytrue([\n"
        + "".join(f"var.{c.name} != null,\n" for c in on if c.uses(*modules))
        + "]))"
        for argument, modules in wiring.CONTEXT_SWITCHES.items()
    }
    head = "# Written by `make docs` (tools/root.py) from {}. Edit those instead.\n"
    written = {"main.tf": head.format("modules/context/variables.tf and tools/wiring.py") + "\n"}
    written["main.tf"] += context("./modules/context", switches)
    for domain in sorted({c.domain for c in on}):
        members = [c for c in on if c.domain == domain]
        text = head.format(f"modules/{domain}/*/variables.tf and tools/wiring.py")
        written[f"{domain}.tf"] = (
            text
            + settings_hcl(domain, members)
            + "".join(capability_hcl(c, [other.name for other in on]) for c in members)
        )
    return hcl.formatted(written)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the files. Return 1 if one is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m tools.root", description="Write the root module.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a file is not up to date")
    check = parser.parse_args(arguments).check
    try:
        written = files()
    except hcl.HclError as error:
        print(f"root: {error}".replace(f"{ROOT}/", ""), file=sys.stderr)
        return 1
    stale = [name for name, text in written.items() if not (ROOT / name).exists() or (ROOT / name).read_text() != text]
    for name in stale:
        if check:
            print(f"root: {name} is not up to date; run `make docs` and commit the result", file=sys.stderr)
        else:
            (ROOT / name).write_text(written[name])
            print(f"root: {name}: updated")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
