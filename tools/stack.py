"""Write a Terraform root of the user's own, with the capabilities that they choose and nothing else.

    python -m tools.stack [--source git::https://…//?ref=v1.2.3] DIR [capability …]

Each capability is a file with a plain module block. The folder also gets a plan test and a workflow for its owner's CI.
Its `.switchyard.json` has the SHA-256 of each file as written: a file that has changed since belongs to the owner and
is not written again. Without a source the modules are this checkout's, and its zips are copied.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools import docs, hcl, package, root, wiring
from tools.bootstrap import LOCK_FILE, REQUIREMENTS, ROOT, TERRAFORM_VERSION, SetupError
from tools.deploy import policy
from tools.root import Capability

MANIFEST = ".switchyard.json"
TEMPLATES = Path(__file__).parent / "stack_files"
DEPLOY_ROLE = TEMPLATES / "deploy_role"
POLICIES = "deploy_role/policies.json"
MOCKS = ROOT / "tests" / "mocks" / "aws.tfmock.hcl"
CONTEXT = ROOT / "modules" / "context"
SHARED = ("region", "name_prefix", "alarm_emails", "build_dir", "permissions_boundary_arn")
"""The stack's own variables: set by its environments, its test and the local cloud. All else is an argument."""
TEST_PREFIX = "plan-test"
BACKEND = """
# State in S3, which also locks it. First create the bucket, with versioning; then remove the comment signs.
# backend "s3" {
#   bucket       = "terraform-state-111122223333"
#   key          = "switchyard.tfstate"
#   region       = "eu-central-1"
#   encrypt      = true
#   use_lockfile = true
# }
"""
IGNORED = ".terraform/\n*.tfstate\n*.tfstate.*\n*.tfplan\ncrash*.log\n"


class StackError(Exception):
    """A stack that cannot be written. Its text says why and what to do."""


@dataclass(frozen=True)
class Source:
    """Where the modules come from: a release of a Git repository, or this checkout if `repository` is empty."""

    repository: str = ""
    ref: str = ""

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read `git::https://host/owner/name//?ref=v1.2.3`, or `github.com/…` without the rest; "" is this checkout."""
        if not text:
            return cls()
        found = re.fullmatch(r"((?:git::)?(?:(?:https?|ssh)://)?[\w.@~:-]+(?:/[\w.~-]+)+?)/*\?ref=([\w./+-]+)", text)
        if not found:
            raise StackError(
                f"SOURCE {text} is not a release. Write git::https://github.com/OWNER/NAME//?ref=v1.2.3, "
                "or leave it out for the modules of this checkout."
            )
        return cls(found[1], found[2])

    def __str__(self) -> str:
        return f"{self.repository}//?ref={self.ref}" if self.repository else ""

    def module(self, path: str, directory: Path) -> str:
        """Return the `source` of a module, for a stack in *directory*."""
        if self.repository:
            return f"{self.repository}//{path}?ref={self.ref}"
        relative = Path(os.path.relpath(ROOT / path, directory.resolve())).as_posix()
        return relative if relative.startswith("../") else f"./{relative}"

    @property
    def release(self) -> str:
        """Return the base address of the release's files on GitHub."""
        address = self.repository.removeprefix("git::").removesuffix(".git")
        scheme, _, rest = address.rpartition("://")
        return f"{'http' if scheme == 'http' else 'https'}://{rest.removeprefix('git@')}/releases/download/{self.ref}"


@dataclass(frozen=True)
class Stack:
    """The content of a stack in `directory`. `arguments` are values of module arguments by capability.

    `deploy_role`: with the root of the roles that deploy it.
    """

    directory: Path
    names: Sequence[str]
    source: Source = Source()
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    deploy_role: bool = True

    @property
    def capabilities(self) -> list[Capability]:
        """Return its capabilities, in the order of their names."""
        known = root.capabilities()
        if unknown := sorted({*self.names, *self.arguments} - known.keys()):
            raise StackError(f"There is no capability {', '.join(unknown)}. There are: {', '.join(sorted(known))}.")
        return [known[name] for name in sorted(set(self.names))]

    def given(self, capability: Capability) -> dict[str, str]:
        """Return the HCL of the arguments that are set, by name."""
        values = self.arguments.get(capability.name, {})
        given = {name: hcl.literal(value) for name, value in values.items() if value is not None}
        for argument, edge in capability.edges.items():
            if edge.source in self.names:
                given.setdefault(argument, f"module.{edge.source}.{edge.output}")
        for default in self.defaults(capability):
            given[default.argument] = f"module.{default.source}.{default.output}"
        return given

    def defaults(self, capability: Capability) -> list[wiring.Default]:
        """Return the capability's defaults that apply."""

        def is_set(path: str) -> bool:
            name, _, setting = path.partition(".")
            return self.arguments.get(name, {}).get(setting) is not None

        both = [default for default in capability.defaults if {default.of, default.source} <= {*self.names}]
        return [default for default in both if not any(map(is_set, default.unless))]

    def asked(self, capability: Capability) -> list[str]:
        """Return the arguments that are required and not given: variables of the stack ask for them."""
        instead = {path for default in self.defaults(capability) for path in default.unless}
        given = self.given(capability)
        return [name for name in capability.needed if name not in given and f"{capability.name}.{name}" not in instead]


# --- files -------------------------------------------------------------------------------------------------


def example(capability: Capability, argument: str) -> str:
    """Return the value of an argument in an example of the capability's README. Raise StackError if none is plain."""
    for found in docs.examples(capability.folder / "README.md"):
        content = hcl.loads(found.text)
        blocks = [body for block in content.get("module", []) for body in block.values()]
        values = [content.get(capability.name), *(b for b in blocks if capability.path in str(b.get("source")))]
        for value in values:
            text = hcl.expression(value[argument]) if isinstance(value, dict) and argument in value else ""
            if text and not re.search(r"\b(module|var|local|data|each|aws_\w+)\.", text):
                return text
    raise StackError(f"{capability.path}/README.md: no example sets {argument} to a plain value")


def comment(text: str) -> str:
    """Return text as lines of comment."""
    return "".join(f"# {line}\n" if line else "#\n" for line in text.split("\n"))


def arguments_hcl(module: Path, given: Mapping[str, str]) -> str:
    """Return a module's arguments with their descriptions, *given* ones first; others are comments with the default."""
    variables = {name: body for name, body in hcl.declared(module, "variable").items() if name != "context"}
    text = ""
    for name in sorted({**variables, **given}, key=lambda name: name not in given):
        value = f"{name} = {given[name]}\n" if name in given else comment(f"{name} = {hcl.default_text(module, name)}")
        description = hcl.unquote(variables.get(name, {}).get("description", "")).replace("\n", " ")
        text += "\n" + (comment("\n".join(textwrap.wrap(description, 108))) if description else "") + value
    return text


def variable_hcl(name: str, body: Mapping[str, Any]) -> str:
    """Return a variable of the stack's own for one of a module, which validates the value."""
    text = f'\nvariable "{name}" {{\ndescription = {hcl.string(hcl.unquote(body.get("description", name)))}\n'
    text += f"type = {hcl.expression(body['type'])}\n"
    text += f"default = {hcl.expression(body['default'])}\n" if "default" in body else ""
    return text + ("" if body.get("default", "") is None else "nullable = false\n") + "}\n"


def main_hcl(stack: Stack) -> str:
    """Return the provider and the context that all capabilities share."""
    given = {name: f"var.{name}" for name in SHARED if name in hcl.declared(CONTEXT, "variable")}
    for argument, modules in wiring.CONTEXT_SWITCHES.items():
        given[argument] = hcl.literal(any(c.uses(*modules) for c in stack.capabilities))
    source = stack.source.module("modules/context", stack.directory)
    return (
        'provider "aws" {\nregion = var.region\n}\n\n# Shared by all capabilities.\nmodule "context" {\n'
        f'source = "{source}"\n{arguments_hcl(CONTEXT, given)}}}\n'
    )


def capability_hcl(stack: Stack, capability: Capability) -> str:
    """Return a capability's file."""
    given, asked = stack.given(capability), stack.asked(capability)
    given |= {name: f"var.{capability.name}_{name}" for name in asked}
    text = comment("\n".join(textwrap.wrap(f"{capability.summary} See {capability.path}/README.md.", 110)))
    text += f'module "{capability.name}" {{\nsource = "{stack.source.module(capability.path, stack.directory)}"\n\n'
    text += f"context = module.context.context\n{arguments_hcl(capability.folder, given)}}}\n"
    for name in asked:
        body = {key: value for key, value in capability.variables[name].items() if key != "default"}
        text += variable_hcl(f"{capability.name}_{name}", body)
    text += f'\noutput "{capability.name}" {{\ndescription = "Outputs of {capability.path}."\n'
    return text + f"value = {capability.output.replace('{}', f'module.{capability.name}')}\n}}\n"


def plan_test(stack: Stack) -> str:
    """Return the plan test: it plans everything with a mocked provider, and names begin with the stack's prefix."""
    values = {f"{c.name}_{name}": example(c, name) for c in stack.capabilities for name in stack.asked(c)}
    asked = "".join(f"{name} = {value}\n" for name, value in values.items())
    text = comment("Plans the whole stack against a mocked provider: no AWS account, no credentials.")
    text += 'mock_provider "aws" {\nsource = "./tests/mocks"\n}\n\nvariables {\n'
    text += f'name_prefix = "{TEST_PREFIX}"\nalarm_emails = ["oncall@example.com"]\n{asked}}}\n\n'
    text += 'run "plan" {\ncommand = plan\n\nassert {\n'
    text += f'condition = output.context.name_prefix == "{TEST_PREFIX}" && output.context.build_dir == var.build_dir\n'
    text += 'error_message = "What all capabilities share reaches them."\n}\n'
    for capability in stack.capabilities:
        outputs = hcl.declared(capability.folder, "output")
        named = [f"output.{capability.name}.{name}" for name in ("alarm_names", "function_names") if name in outputs]
        if named:
            names = "flatten([" + ", ".join(f"try(values({output}), {output})" for output in named) + "])"
            text += f'assert {{\ncondition = alltrue([for name in {names} : startswith(name, "{TEST_PREFIX}-")])\n'
            text += f'error_message = "Alarms and functions of {capability.name} begin with the stack\'s prefix."\n}}\n'
    return text + "}\n"


def zips(stack: Stack) -> list[str]:
    """Return the zips of the stack's functions, layers and builds, relative to the build folder, without suffix."""
    code = [c.path.removeprefix("modules/") for c in stack.capabilities]
    layers = {f"layers/{layer}" for path in code for layer in package.layers_of(path)}
    kits = {f"kits/{path.rpartition('/')[2]}" for path in package.kits_of(code)}
    return ["layers/common", *sorted(layers | kits | set(code) & set(package.capabilities()))]


def template(name: str, **values: str) -> str:
    """Return a file of stack_files with each `@NAME@` replaced."""
    text = (TEMPLATES / name).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key.upper()}@", value)
    return text


def guide(stack: Stack) -> str:
    """Return the stack's README."""
    asked = [f"{c.name}_{name} = {example(c, name)}" for c in stack.capabilities for name in stack.asked(c)]
    values = "Set these in `terraform.tfvars`, with values of your own:\n\n```hcl\n{}\n```\n\n"
    if stack.source.repository:
        home = f"[Switchyard]({stack.source.release.rpartition('/releases/')[0]})"
        fetch, packages = "./packages.sh       # downloads the functions' packages, and checks them\n", ""
    else:
        home, fetch = "Switchyard", ""
        packages = "`build/` has the functions' packages: `make stack` copies them from the checkout of the modules. "
        packages += (
            "In CI, use a release instead: `make stack DIR=<this folder> SOURCE=git::https://…//?ref=v1.2.3`.\n\n"
        )
    return template(
        "guide.md",
        title=stack.directory.resolve().name,
        home=home,
        names=", ".join(f"`{c.name}`" for c in stack.capabilities),
        fetch=fetch,
        values=values.format("\n".join(asked)) if asked else "",
        packages=packages,
    )


def files(stack: Stack) -> dict[str, str]:
    """Return every text file of the stack, by its path in the folder."""
    capabilities = stack.capabilities
    versions = (ROOT / "versions.tf").read_text()
    variables, outputs = hcl.declared(ROOT, "variable"), hcl.declared(ROOT, "output")
    formatted = {
        "versions.tf": re.sub(r"(required_version = .*\n)", lambda found: found[1] + BACKEND, versions),
        "variables.tf": "".join(variable_hcl(name, variables[name]) for name in SHARED).lstrip(),
        "outputs.tf": f"""output "context" {{
description = {outputs["context"]["description"]}
value = module.context.context
}}
""",
        "main.tf": main_hcl(stack),
        "tests/plan.tftest.hcl": plan_test(stack),
        "tests/mocks/aws.tfmock.hcl": MOCKS.read_text(),
        **{f"{c.name}.tf": capability_hcl(stack, c) for c in capabilities},
    }
    [checkov] = re.findall(r"(?m)^checkov==(\S+)", (REQUIREMENTS / "checkov.txt").read_text())
    workflow = {"fetch": "", "check": "", "skip": ""}
    if stack.source.repository:
        workflow["fetch"] = "      - run: ./packages.sh\n"
        workflow["check"] = "      # CKV_TF_1 wants a commit; the tag also names the release that packages.sh takes.\n"
        workflow["skip"] = " --skip-check CKV_TF_1"
    plain = {
        ".github/workflows/terraform.yml": template(
            "terraform.yml", terraform=TERRAFORM_VERSION, checkov=checkov, **workflow
        ),
        ".gitignore": IGNORED + ("build/\n" if stack.source.repository else ""),
        ".terraform.lock.hcl": LOCK_FILE.read_text(),
        "README.md": guide(stack),
    }
    if stack.source.repository:
        lines = "\n".join(f"  {name}" for name in zips(stack))
        plain["packages.sh"] = template("packages.sh", release=stack.source.release, packages=lines)
    return hcl.formatted(formatted) | plain | (deploy_role(stack) if stack.deploy_role else {})


def deploy_role(stack: Stack) -> dict[str, str]:
    """Return the files of the root with the roles that deploy the stack."""
    [version] = re.findall(r'source\s+= "hashicorp/aws"\s+version = "([^"]+)"', (ROOT / "versions.tf").read_text())
    names = [path.relative_to(DEPLOY_ROLE).as_posix() for path in sorted(DEPLOY_ROLE.rglob("*.hcl"))]
    names += [path.name for path in sorted(DEPLOY_ROLE.glob("*.tf"))]
    templates = {name: template(f"deploy_role/{name}", aws=version) for name in names}
    contents = {
        **templates,
        ".terraform.lock.hcl": LOCK_FILE.read_text(),
    }
    policies = policy.policies([c.name for c in stack.capabilities])
    return {f"deploy_role/{name}": text for name, text in contents.items()} | {
        POLICIES: json.dumps(policies, indent=2) + "\n"
    }


# --- writing -----------------------------------------------------------------------------------------------


def sha256(content: bytes) -> str:
    """Return a SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return the manifest of the stack in a folder, or an empty one. Raise StackError if it is invalid."""
    path = directory / MANIFEST
    try:
        known = json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise StackError(f"{path} is not JSON ({error}). Restore it from version control.") from None
    return {"source": "", "capabilities": [], "files": {}, **known}


def changes(before: str, after: str) -> Iterator[str]:
    """Yield the lines of a difference, each with its sign."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    yield from (f"    {line}" for line in list(lines)[2:] if not line.startswith("@@"))


def place(path: Path, content: bytes, written: str | None, wanted: bool) -> bool:
    """Write a file, unless its owner changed it after it was *written*, or deleted it and it is not *wanted*."""
    if path.exists():
        found = sha256(path.read_bytes())
        if found not in (written, sha256(content)):
            return False
    elif written and not wanted:
        return False
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if content.startswith(b"#!"):
        path.chmod(0o755)
    return True


def write(
    directory: Path,
    names: Iterable[str],
    source: str | None = None,
    arguments: Mapping[str, Mapping[str, Any]] | None = None,
    build: Path | None = None,
    *,
    deploy_role: bool = True,
) -> list[str]:
    """Write or update a stack. Return messages that its owner must know. Raise StackError and HclError.

    *names* are added to the existing capabilities. *source* None keeps the folder's. *arguments* are
    JSON-like values by capability and argument; null is left out. *build* is where zips are copied from, if anywhere.
    """
    if directory.resolve() == ROOT:
        raise StackError(
            f"{directory} is Switchyard's own folder. Name one for your stack: make stack DIR=../our-stack"
        )
    known = read_manifest(directory)
    hashes: dict[str, str] = known["files"]
    kept = [name for name in known["capabilities"] if (directory / f"{name}.tf").exists()]
    asked = [name.rpartition("/")[2] for name in names]
    if not asked and not kept:
        raise StackError(f"Name the capabilities. There are: {', '.join(sorted(root.capabilities()))}.")
    parsed = Source.parse(known["source"] if source is None else source)
    stack = Stack(directory, sorted({*kept, *asked}), parsed, arguments or {}, deploy_role)
    contents = {name: text.encode() for name, text in files(stack).items()}
    if build:
        contents |= {f"build/{name}.zip": (build / f"{name}.zip").read_bytes() for name in zips(stack)}
    owned = [
        name
        for name, content in contents.items()
        if not place(directory / name, content, hashes.get(name), name.startswith("build/") or name[:-3] in asked)
    ]
    before: dict[str, str] = {}
    if owned and hashes:
        before = files(Stack(directory, known["capabilities"], Source.parse(known["source"]), arguments or {}))
    messages = [policy.warning(json.loads(contents[POLICIES]))] if POLICIES in contents else []
    messages += [message for name in owned if (message := advice(name, contents[name], before.get(name), hashes))]
    # Edited files too: their owner has now been shown, once, what is new in them.
    written = {name: sha256(content) for name, content in contents.items() if name not in owned or name in hashes}
    about = "What `make stack` wrote, with the SHA-256 of each file. It does not write a file that has changed since."
    data = {"about": about, "source": str(parsed), "capabilities": list(stack.names), "files": {**hashes, **written}}
    (directory / MANIFEST).write_text(json.dumps(data, indent=2, sort_keys=True) + "\n")
    return [message for message in messages if message]


def advice(name: str, content: bytes, before: str | None, hashes: Mapping[str, str]) -> str:
    """Return what the owner of an edited file must do, or an empty string."""
    if name not in hashes:
        text = textwrap.indent(content.decode(), "    ") if name.endswith(".tf") else ""
        return f"{name} was there before and stays as it is." + (f" The stack needs this:\n{text}" if text else "")
    if before is None:
        return ""
    if sha256(before.encode()) != hashes[name]:
        return f"{name} was edited and stays as it is. It is written differently now: compare it with a new stack's."
    if before.encode() == content:
        return ""
    lines = "\n".join(changes(before, content.decode()))
    return f"{name} was edited and stays as it is. Change this in it yourself:\n{lines}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a stack and print what to do next. Return 1 if it cannot be written."""
    parser = argparse.ArgumentParser(prog="make stack", description="Write a Terraform root of your own.")
    parser.add_argument("directory", type=Path, help="the folder of the stack")
    parser.add_argument("capability", nargs="*", help="such as finding_export")
    parser.add_argument("--source", default="", help="a release, such as git::https://…//?ref=v1.2.3")
    options = parser.parse_intermixed_args(arguments)
    try:
        messages = make(options.directory, options.capability, options.source or None)
    except (StackError, hcl.HclError, docs.DocsError, SetupError, policy.PolicyError) as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    for message in messages:
        print(f"stack: {message}")
    print(f"stack: {options.directory} is written; its README.md describes the next steps.")
    return 0


def make(directory: Path, names: Sequence[str], source: str | None) -> list[str]:
    """Write a stack, with the zips that it needs if the modules are this checkout's."""
    known = read_manifest(directory)
    if source or known["source"]:
        return write(directory, names, source)
    stack = Stack(directory, [*known["capabilities"], *(name.rpartition("/")[2] for name in names)])
    build = ROOT / "build"
    if code := [name for name in zips(stack) if not name.startswith("layers/")]:
        package.build(build, names=code)
    else:
        package.build_layer(package.SHARED, REQUIREMENTS / "layer.txt", build, package.AWS)
    return write(directory, names, build=build)


if __name__ == "__main__":
    sys.exit(main())
