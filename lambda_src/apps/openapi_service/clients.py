"""Client packages of a document, made by kept generators: openapi-python-client, and openapi-typescript.

Each function makes one package in a folder and returns the file that is published. The version is the document's.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]


class GeneratorFailed(Exception):
    """A generator ended with an error. The message has the end of its output."""


def run(command: Sequence[str], cwd: Path, environ: Mapping[str, str] | None = None) -> str:
    """Run a program and return its output. Raise GeneratorFailed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise GeneratorFailed(f"{command[0]} ended with status {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout


def package_name(chosen: str, document: Document) -> str:
    """Return the name of the packages: the chosen one, or one of the document's title."""
    plain = re.sub(r"[^a-z0-9]+", "-", str(document["info"]["title"]).lower()).strip("-")
    return chosen or f"{plain or 'api'}-client"


def python(document: Document, name: str, folder: Path) -> Path:
    """Make a wheel."""
    folder.mkdir()
    source, settings, target = folder / "openapi.json", folder / "settings.json", folder / "package"
    source.write_text(json.dumps(document))
    settings.write_text(
        json.dumps(
            {
                "project_name_override": name,
                "package_name_override": name.replace("-", "_"),
                "package_version_override": document["info"]["version"],
                "post_hooks": [],  # formatters of its own, which change nothing that runs
            }
        )
    )
    options = ["--path", str(source), "--config", str(settings), "--meta", "uv", "--output-path", str(target)]
    said = run(["openapi-python-client", "generate", "--fail-on-warning", *options], folder)
    if "WARNING" in said:  # an operation that it left out
        raise GeneratorFailed(said[-2000:])
    run(["uv-build", "build-wheel", str(folder)], target)
    return next(folder.glob("*.whl"))


def typescript(document: Document, name: str, folder: Path) -> Path:
    """Make a package for npm: the types, and a client that openapi-fetch makes of them."""
    package = folder / "package"
    package.mkdir(parents=True)
    (folder / "openapi.json").write_text(json.dumps(document))
    run(["openapi-typescript", str(folder / "openapi.json"), "--output", str(package / "schema.d.ts")], folder)
    locked = json.loads((Path(__file__).parents[2] / "generators" / "package.json").read_text())["dependencies"]
    described = {
        "name": name,
        "version": document["info"]["version"],
        "description": f"A client of {document['info']['title']}",
        "type": "module",
        "main": "index.js",
        "types": "index.d.ts",
        "files": ["index.js", "index.d.ts", "schema.d.ts"],
        "dependencies": {"openapi-fetch": locked["openapi-fetch"]},
    }
    (package / "package.json").write_text(json.dumps(described, indent=2))
    (package / "index.js").write_text(_JAVASCRIPT)
    (package / "index.d.ts").write_text(_TYPES)
    run(["npm", "pack", "--silent", "--pack-destination", str(folder)], package)
    return next(folder.glob("*.tgz"))


_JAVASCRIPT = """import createFetchClient from "openapi-fetch";

/** Return a client whose paths, parameters and answers are those of the API's description. */
export function createClient(options) {
  return createFetchClient(options);
}
"""
_TYPES = """import type { Client, ClientOptions } from "openapi-fetch";
import type { paths } from "./schema.js";

export type { components, operations, paths } from "./schema.js";
/** Return a client whose paths, parameters and answers are those of the API's description. */
export declare function createClient(options: ClientOptions): Client<paths>;
"""
