"""Read the HCL of modules, and write values as HCL. `tools.docs`, `tools.root` and `tools.stack` share it."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import math
import re
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hcl2

from tools.bootstrap import STATE, terraform_bin, terraform_env

_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_KEYWORDS = {"for", "if", "in", "null", "true", "false"}


class HclError(Exception):
    """An HCL file that cannot be used. Its text says which and why."""


# --- reading -----------------------------------------------------------------------------------------------


_KEPT = STATE / "hcl"
_LONG = 1000
"""Characters from which on a text is kept: those of modules are, those of tests are not."""


def loads(text: str) -> dict[str, Any]:
    """Return HCL as python-hcl2 reads it. Raise HclError."""
    found: dict[str, Any] = json.loads(_loaded(text))
    return found


@functools.lru_cache(maxsize=1000)
def _loaded(text: str) -> str:
    """Return HCL as JSON, and keep it: python-hcl2 takes a tenth of a second for a file, which many processes read."""
    kept = _KEPT / f"{hashlib.sha256(text.encode()).hexdigest()}-{importlib.metadata.version('python-hcl2')}.json"
    if kept.exists():
        return kept.read_text()
    try:
        found = json.dumps(hcl2.loads(text))
    except Exception as error:  # noqa: BLE001 - its parser's errors have no common base
        raise HclError(f"is not readable as HCL: {error}") from None
    if len(text) >= _LONG:
        _KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=_KEPT, delete=False) as file:
            file.write(found)
        Path(file.name).replace(kept)  # at once: another process never reads a part
    return found


def unquote(value: str) -> str:
    """Return the text of a string or heredoc from python-hcl2, which keeps its source form."""
    if value.startswith('"<<'):
        body = value[1:-1].split("\n", 1)[1].rsplit("\n", 1)[0]
        return textwrap.dedent(body).strip()
    return str(json.loads(value)) if value.startswith('"') else value


def expression(value: Any) -> str:
    """Return a value from python-hcl2 as HCL on one line."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return value[2:-1] if value.startswith("${") else value
        case list():
            return "[" + ", ".join(map(expression, value)) + "]"
        case dict():
            pairs = (f"{key} = {expression(item)}" for key, item in value.items() if not key.startswith("__"))
            return ("{ " + ", ".join(pairs) + " }") if value else "{}"
        case _:
            return str(value)


def declared(module: Path, kind: str) -> dict[str, dict[str, Any]]:
    """Return the `variable` or `output` blocks of a module by name, in the order of its files. Raise HclError."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(module.glob("*.tf")):
        text = path.read_text()
        if not re.search(rf"(?m)^{kind}\b", text):
            continue
        try:
            content = loads(text)
        except HclError as error:
            raise HclError(f"{path}: {error}") from None
        for block in content.get(kind, []):
            found |= {unquote(name): body for name, body in block.items() if not name.startswith("__")}
    return found


def default_text(module: Path, name: str) -> str:
    """Return the default of a module's variable as in its source, over several lines if it has several."""
    for path in sorted(module.glob("*.tf")):
        if found := re.search(rf'(?ms)^variable "{name}" {{\n.*?^  default += ', path.read_text()):
            lines = path.read_text()[found.end() :].split("\n")
            last = next((n for n, line in enumerate(lines) if n and re.match(r"  [\]})]", line)), 0)
            opened = lines[0].rstrip()[-1:] in _BRACKETS
            return textwrap.dedent("  " + "\n".join(lines[: last + 1])) if opened else lines[0].strip()
    raise HclError(f"{module}: has no variable {name} with a default")


# --- types -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Type:
    """A type constraint: `kind` is its keyword, `element` of a list, set or map, `attributes` of an object.

    `required` are the names of the attributes that are not optional.
    """

    kind: str
    element: Type | None = None
    attributes: Mapping[str, Type] = field(default_factory=dict)
    required: tuple[str, ...] = ()


def parse_type(text: str) -> Type:
    """Return a type constraint in one line of text, such as `map(object({a = optional(string, "x")}))`."""
    word, _, rest = text.strip().partition("(")
    if not rest:
        return Type(word)
    parts = list(split(rest.rpartition(")")[0]))
    if word == "optional":
        return parse_type(parts[0])
    if word == "object":
        pairs = [part.partition("=") for part in split(parts[0].strip()[1:-1])]
        kinds = {name.strip(): kind.strip() for name, _, kind in pairs}
        required = tuple(name for name, kind in kinds.items() if not kind.startswith("optional("))
        return Type(word, attributes={name: parse_type(kind) for name, kind in kinds.items()}, required=required)
    return Type(word, parse_type(parts[0]) if word in ("list", "set", "map") else None)


def split(text: str) -> Iterator[str]:
    """Yield the parts of HCL between the commas that are in no bracket and no string."""
    closing: list[str] = []
    begun = 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[][(){},]', text):
        mark = match[0]
        if mark in _BRACKETS:
            closing.append(_BRACKETS[mark])
        elif closing and mark == closing[-1]:
            closing.pop()
        elif mark == "," and not closing:
            yield text[begun : match.start()]
            begun = match.end()
    if text[begun:].strip():
        yield text[begun:]


# --- writing -----------------------------------------------------------------------------------------------


def string(text: str) -> str:
    """Return a string literal that Terraform reads as *text*, without templates in it."""
    unknown = {r"\b": r"\u0008", r"\f": r"\u000c"}  # JSON has these escapes, HCL does not
    quoted = re.sub(r"\\.", lambda found: unknown.get(found[0], found[0]), json.dumps(text, ensure_ascii=False))
    return quoted.replace("${", "$${").replace("%{", "%%{")


def literal(value: Any) -> str:
    """Return a JSON-like value as HCL, one item per line. Raise HclError for a value that HCL cannot express."""
    match value:
        case None | bool():
            return json.dumps(value)
        case str():
            return string(value)
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return repr(value)
        case Mapping():
            lines = [f"{_key(name)} = {literal(item)}\n" for name, item in value.items()]
            return "{\n" + "".join(lines) + "}" if lines else "{}"
        case list() | tuple() | set() | frozenset():
            return "[" + ", ".join(literal(item) for item in _ordered(value)) + "]"
    raise HclError(f"{value!r} cannot be written as HCL")


def _key(name: str) -> str:
    return name if re.fullmatch("[a-z_][a-z0-9_]*", name) and name not in _KEYWORDS else string(name)


def _ordered(value: Any) -> Sequence[Any]:
    return sorted(value) if isinstance(value, set | frozenset) else list(value)


def formatted(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files, by relative path, in the format of `terraform fmt`. Raise HclError."""
    with tempfile.TemporaryDirectory() as name:
        for path, text in files.items():
            (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / path).write_text(text)
        command = [terraform_bin(), f"-chdir={name}", "fmt", "-recursive", "-list=false", "-no-color"]
        done = subprocess.run(command, env=terraform_env(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise HclError(f"terraform fmt failed:\n{done.stderr}")
        return {path: (Path(name) / path).read_text() for path in files}
