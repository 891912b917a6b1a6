"""The JSON Schema of a fleet's file, made from the variables of the modules.

python -m fleet.schema            write fleet/schema.json
python -m fleet.schema --check    change nothing; status 1 if it is not up to date
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import jsonschema
from jsonschema import ValidationError

from fleet.document import Document, Problem
from tools import hcl, root
from tools.bootstrap import ROOT

FILE = ROOT / "fleet" / "schema.json"
CONTEXT = ROOT / "modules" / "context"
OUTPUT = "$output"
LAYERS = {"build_dir"}
"""Variables of the context that a fleet sets itself."""

_WORDS = "^[a-z][a-z0-9-]{0,19}$"
_KINDS = {"string": "string", "number": "number", "bool": "boolean", "list": "array", "set": "array", "tuple": "array"}
_PLAIN = ("string", "number", "bool")
Schema = dict[str, Any]


@dataclass(frozen=True)
class Unit:
    """A module that a target can have: a capability, or the roles that one needs in another account."""

    name: str
    path: str
    settings: Mapping[str, hcl.Type]
    capability: root.Capability
    is_role: bool

    @property
    def label(self) -> str:
        """Return its name in Terraform."""
        return self.name.replace("/", "_")

    @functools.cached_property
    def outputs(self) -> list[str]:
        """Return the names of its outputs."""
        return list(hcl.declared(ROOT / self.path, "output"))


@functools.cache
def units() -> dict[str, Unit]:
    """Return every unit by name: `finding_remediation`, `finding_remediation/member_role`, …"""
    found = {}
    for name, capability in root.capabilities().items():
        found[name] = Unit(name, capability.path, capability.settings, capability, is_role=False)
        for folder in sorted(path.parent for path in capability.folder.glob("*/variables.tf")):
            if 'resource "aws_iam_role"' in "".join(path.read_text() for path in folder.glob("*.tf")):
                path = folder.relative_to(ROOT).as_posix()
                role = root.Capability(f"{name}/{folder.name}", capability.domain, path)
                found[role.name] = Unit(role.name, path, role.settings, role, is_role=True)
    return found


def of_type(kind: hcl.Type) -> Schema:
    """Return the schema of a value of a type, in which an output of another target can stand for any value."""
    if kind.kind in _KINDS and (kind.element is None or kind.element.kind in _PLAIN):
        return {"$ref": "#/$defs/" + (f"list_of_{kind.element.kind}" if kind.element else kind.kind)}
    return {} if kind.kind == "any" else _or_output(_of_type(kind))


def _of_type(kind: hcl.Type) -> Schema:
    plain: Schema
    if kind.kind == "object":
        properties = {name: of_type(inner) for name, inner in kind.attributes.items()}
        plain = _object(properties, *kind.required)
    elif kind.kind == "map":
        plain = {"type": "object", "additionalProperties": of_type(kind.element) if kind.element else True}
    else:
        plain = {"type": _KINDS[kind.kind]}
        if kind.element:
            plain["items"] = of_type(kind.element)
    plain["type"] = [plain["type"], "null"]
    return plain


def _or_output(plain: Schema) -> Schema:
    return {"if": {"type": "object", "required": [OUTPUT]}, "then": {"$ref": "#/$defs/output"}, "else": plain}


def _plain() -> dict[str, Schema]:
    """Return the definitions of the types without objects in them."""
    found = {name: _or_output(_of_type(hcl.Type(name))) for name in _PLAIN}
    lists = {f"list_of_{name}": _or_output(_of_type(hcl.Type("list", hcl.Type(name)))) for name in _PLAIN}
    return {**found, "list": _or_output(_of_type(hcl.Type("list"))), **lists}


def context_settings() -> dict[str, hcl.Type]:
    """Return the types of what all capabilities of a target share, by name."""
    found = hcl.declared(CONTEXT, "variable")
    return {name: hcl.parse_type(hcl.expression(body["type"])) for name, body in found.items() if name not in LAYERS}


def _object(properties: Mapping[str, Any], *required: str, **more: Any) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        **({"required": list(required)} if required else {}),
        "additionalProperties": False,
        **more,
    }


def _capability(unit: Unit) -> Schema:
    # What is required can come from another layer, or from another capability: `targets` checks it.
    on = _object(_described(unit.settings, unit.capability.variables))
    on["type"] = ["object", "null"]
    about = f"{unit.capability.summary} {{}} for the defaults; false, where a group has it, for off."
    return {"description": about, "if": {"const": False}, "else": on}


def _described(settings: Mapping[str, hcl.Type], variables: Mapping[str, Any]) -> dict[str, Schema]:
    about = {name: hcl.unquote(variables[name].get("description", '""')) for name in settings}
    return {name: {"description": about[name], **of_type(kind)} for name, kind in settings.items()}


def _properties(node: Schema) -> list[str]:
    return sorted(node.get("properties", {}))


def schema() -> Schema:
    """Return the schema."""
    word = {"type": "string", "pattern": _WORDS}
    capabilities = _object({name: _capability(unit) for name, unit in units().items()})
    context = _object(_described(context_settings(), hcl.declared(CONTEXT, "variable")))
    settings = {"context": {"$ref": "#/$defs/context"}, "capabilities": {"$ref": "#/$defs/capabilities"}}
    region = {"type": "string", "pattern": "^[a-z]{2,4}(-[a-z]+)+-[0-9]+$"}
    account = _object(
        {
            "id": {"type": "string", "pattern": "^[0-9]{12}$", "description": "12 digits, in quotation marks."},
            "deploy_role": {
                "type": "string",
                "description": "Name of the role that Terraform assumes there, switchyard-deploy by default; "
                '"" to use the credentials as they are.',
            },
            "external_id": {"type": "string", "minLength": 2, "description": "What the role asks for."},
        },
        "id",
    )
    target = _object(
        {
            "account": word,
            "environment": {**word, "not": {"const": "account"}},
            "regions": {"type": "array", "items": region, "minItems": 1, "uniqueItems": True},
            "groups": {"type": "array", "items": word, "uniqueItems": True},
            **settings,
        },
        "account",
        "environment",
        "regions",
    )
    output = _object(
        {
            OUTPUT: {"type": "string", "pattern": r"^[a-z][a-z0-9_/]*(\.[A-Za-z0-9_-]+)+$"},
            "account": word,
            "region": region,
            "environment": word,
        },
        OUTPUT,
        description="An output of a target, such as finding_remediation.role_arns; of this account, Region and "
        "environment unless others are named.",
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Switchyard fleet",
        **_object(
            {
                "name": word | {"description": "Name of the fleet: the folder of its states in the bucket."},
                "source": {
                    "type": "string",
                    "description": "The release that the modules come from, such as "
                    "git::https://github.com/OWNER/NAME//?ref=v1.2.3; this checkout if it is left out.",
                },
                "home_region": region | {"description": "Where what exists once for an account lands."},
                "state": _object(
                    {"bucket": {"type": "string", "minLength": 3}, "region": region, "kms_key_id": {"type": "string"}},
                    "bucket",
                    "region",
                ),
                "accounts": {"type": "object", "propertyNames": word, "additionalProperties": account},
                "defaults": _object(settings),
                "groups": {"type": "object", "propertyNames": word, "additionalProperties": _object(settings)},
                "targets": {"type": "array", "items": target},
            },
            "name",
            "home_region",
            "state",
            "accounts",
            "targets",
        ),
        "$defs": {**_plain(), "capabilities": capabilities, "context": context, "output": output},
    }


@functools.cache
def regions() -> dict[str, str]:
    """Return the partition of every Region that boto3 knows."""
    session = boto3.session.Session()
    return {
        region: partition
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sqs", partition_name=partition)
    }


def problems(document: Document) -> Iterator[Problem]:
    """Yield every way in which a document is not as the schema says."""
    validator = jsonschema.Draft202012Validator(schema())
    for error in validator.iter_errors(document.content):
        yield from _explained(error, document)


def _explained(error: ValidationError, document: Document) -> Iterator[Problem]:
    """Yield an error of the library in words that say what to write."""
    path = tuple(error.absolute_path)
    where = ".".join(str(part) for part in path) or "The file"
    match error.validator:
        case "if":
            for inner in error.context or ():
                yield from _explained(inner, document)
        case "additionalProperties":
            known = _properties(error.schema)
            for name in sorted(set(error.instance) - set(known)):
                text = f"{where} has no {name}. It can have: {', '.join(known)}."
                yield document.problem((*path, name), text)
        case "required":
            for name in error.validator_value:
                if name not in error.instance:
                    yield document.problem(path, f"{where} needs {name}.")
            return
        case "type":
            written = document.scalars.get(path)
            shown = written.text if written else "an object" if isinstance(error.instance, dict) else "a list"
            wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
            text = f"{where} is {shown or 'empty'}, and must be of type {wanted[0]}."
            if wanted[0] == "string" and written and not written.quoted:
                text += f' Write "{written.text}".'
            yield document.problem(path, text)
        case "pattern":
            yield document.problem(path, f"{where} is {error.instance}, and must match {error.validator_value}.")
        case _:
            yield document.problem(path, f"{where}: {error.message[:300]}.")


def main(arguments: list[str]) -> int:
    """Write or check the file. Return the exit status."""
    text = json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
    if FILE.exists() and FILE.read_text() == text:
        return 0
    if "--check" in arguments:
        print("fleet: schema.json is not up to date; run `make docs` and commit the result", file=sys.stderr)
        return 1
    FILE.write_text(text)
    print(f"fleet: {Path(FILE.name)}: updated")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
