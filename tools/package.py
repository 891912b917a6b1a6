"""Build what Lambda runs: one zip per capability and the layers, byte for byte the same on every machine.

    python -m tools.package [--build-dir build] [--python 3.13] [--platform manylinux_2_28_aarch64] [name …]
    python -m tools.package --host [name …]        for this machine, into .switchyard/build

`<build-dir>/<domain>/<capability>.zip` holds the capability's package, `common`, and the modules directly in the
domain's folder, which its capabilities share.
`<build-dir>/layers/common.zip` holds requirements/layer.txt. A capability that needs more names its layers, one per
line, in lambda_src/<domain>/<capability>/layers.txt: `<build-dir>/layers/<layer>.zip` holds
requirements/layer-<layer>.txt. A capability that offers a layer of its own code has a folder `layer` there, which is
`<build-dir>/layers/<capability>.zip`. One that runs builds has a folder `kit`: `<build-dir>/kits/<capability>.zip` is
what CodeBuild gets, the files of that folder and the capability's code.

Entries are sorted, dated 1980-01-01, and stored uncompressed: deflate's output differs between zlib, zlib-ng and
Apple's zlib, and a hash that depends on the machine makes Terraform redeploy without a change. Their mode is 0644, and
0755 for what Lambda starts or has on its PATH: a checkout and an umask must not decide whether an extension starts.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import re
import stat
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bootstrap import NETWORK_ADVICE, REQUIREMENTS, ROOT, STATE, VENV, SetupError, run, stamp_of, uv_env

SOURCE = ROOT / "lambda_src"
SHARED = "common"
WHEELS = STATE / "wheels"
HOST_BUILD = STATE / "build"
FUNCTION_LIMIT = 100_000  # bytes

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can store
EXCLUDED_FOLDERS = {"__pycache__", "tests"}
LAYERS = "layers.txt"
OWN_LAYER = "layer"
KIT = "kit"
STARTED = ("bin/", "extensions/")  # folders of a layer whose files are started
# Files that an installer writes about its own run, and scripts that name its interpreter.
INSTALLERS_OWN = re.compile(
    r"python/(bin/.*|[^/]+\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_\w+\.json))"
)


@dataclass(frozen=True)
class Target:
    """The platform that wheels are chosen for. `platform` is as in `manylinux_2_28_aarch64`; None is the host's."""

    python: str
    platform: str | None

    @classmethod
    def host(cls) -> Target:
        """Return the target for this interpreter on this machine."""
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}", None)

    def options(self) -> list[str]:
        """Return the target as uv's options."""
        options = ["--python-version", self.python]
        if self.platform:
            match = re.fullmatch(r"(manylinux\w*?)_(x86_64|aarch64)", self.platform)
            if not match:
                known = "manylinux_2_28_aarch64 or manylinux_2_28_x86_64"
                raise SetupError(f"Platform {self.platform} is not known. Use {known}.")
            options += ["--python-platform", f"{match[2]}-{match[1]}"]
        return options


# Lambda runs Python 3.13 on Amazon Linux 2023, whose glibc is 2.34. https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html
AWS = Target("3.13", "manylinux_2_28_aarch64")


@dataclass(frozen=True)
class Artifact:
    """One built file: its path, its size in bytes, its SHA-256, and whether this run wrote it."""

    path: Path
    size: int
    sha256: str
    changed: bool


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of entry name to content, whose bytes depend only on names and contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as out:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, on any host
            entry.external_attr = (stat.S_IFREG | (0o755 if name.startswith(STARTED) else 0o644)) << 16
            out.writestr(entry, files[name])
    return buffer.getvalue()


def tree(folder: Path, prefix: str) -> dict[str, bytes]:
    """Return the files below a folder as entries under `prefix`, without tests, caches and hidden files."""
    files = {}
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if any(part in EXCLUDED_FOLDERS or part.startswith(".") for part in parts) or path.suffix == ".pyc":
            continue
        if path.is_file() and path != folder / LAYERS:
            files["/".join((prefix, *parts))] = path.read_bytes()
    return files


def capabilities(source: Path = SOURCE) -> list[str]:
    """Return every `<domain>/<capability>` that has code, sorted."""
    return sorted(
        folder.relative_to(source).as_posix()
        for folder in source.glob("*/*")
        if folder.is_dir() and folder.parent.name != SHARED and any(folder.glob("*.py"))
    )


def all_capabilities(root: Path = ROOT) -> list[str]:
    """Return every `<domain>/<capability>` that has code or a module: not each one has functions."""
    modules = root / "modules"
    found = [path.parent.relative_to(modules).as_posix() for path in modules.glob("*/*/variables.tf")]
    return sorted({*capabilities(root / SOURCE.name), *(name for name in found if not name.startswith("blocks/"))})


def layers_of(capability: str, source: Path = SOURCE) -> list[str]:
    """Return the layers that a capability has in addition to the common one: those that it names, and its own."""
    path, own = source / capability / LAYERS, source / capability / OWN_LAYER
    named = path.read_text().split() if path.is_file() else []
    return named + ([own.parent.name] if own.is_dir() else [])


def kits_of(names: Iterable[str], source: Path = SOURCE) -> list[str]:
    """Return those of some capabilities whose builds get a kit."""
    return [capability for capability in names if (source / capability / KIT).is_dir()]


def select(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return those of `known` that are named, by path or by their last part; all of them without names."""
    chosen = []
    for name in names:
        matches = [path for path in known if name in (path, path.rpartition("/")[2])]
        if not matches:
            raise SetupError(f"There is no capability {name}. There are: {', '.join(known) or 'none yet'}.")
        chosen += matches
    return chosen or list(known)


def function_files(capability: str, source: Path = SOURCE) -> dict[str, bytes]:
    """Return the entries of a capability's zip."""
    domain = capability.partition("/")[0]
    shared = {f"{domain}/{path.name}": path.read_bytes() for path in (source / domain).glob("*.py")}
    files = tree(source / SHARED, SHARED) | shared | tree(source / capability, capability)
    return {
        name: data
        for name, data in files.items()
        if not name.startswith(tuple(f"{capability}/{one}/" for one in (OWN_LAYER, KIT)))
    }


def layer_files(requirements: Path, target: Target, wheels: Path = WHEELS) -> dict[str, bytes]:
    """Return the entries of a layer: pinned wheels for `target`, unpacked. `wheels` keeps downloaded ones."""
    with tempfile.TemporaryDirectory() as scratch:
        install: list[str | Path] = [VENV / "bin" / "uv", "pip", "install", "--quiet", "--target", scratch]
        install += ["--python", VENV / "bin" / "python", "--cache-dir", wheels, *target.options()]
        install += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", requirements]
        run(install, NETWORK_ADVICE, uv_env())
        files = tree(Path(scratch), "python")
    return {name: data for name, data in files.items() if not INSTALLERS_OWN.fullmatch(name)}


def write(path: Path, content: bytes) -> Artifact:
    """Write a file, unless it already exists with that content."""
    changed = not path.exists() or path.read_bytes() != content
    if changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(content)
        partial.replace(path)
    return Artifact(path, len(content), hashlib.sha256(content).hexdigest(), changed)


def build_function(capability: str, build_dir: Path, source: Path = SOURCE) -> Artifact:
    """Build a capability's zip. Raise SetupError if it is too large."""
    content = archive(function_files(capability, source))
    if len(content) >= FUNCTION_LIMIT:
        raise SetupError(
            f"{capability}.zip would be {len(content):,} bytes; the limit is {FUNCTION_LIMIT:,}. "
            f"Move third-party code to a layer: name it in lambda_src/{capability}/{LAYERS}, list the code in "
            "requirements/layer-<name>.in, then run: make lock"
        )
    return write(build_dir / f"{capability}.zip", content)


def build_own_layer(capability: str, build_dir: Path, source: Path = SOURCE) -> Artifact:
    """Build the layer of a capability's own code."""
    files = tree(source / capability / OWN_LAYER, "")
    content = archive({name.lstrip("/"): data for name, data in files.items()})
    return write(build_dir / "layers" / f"{capability.rpartition('/')[2]}.zip", content)


def build_kit(capability: str, build_dir: Path, source: Path = SOURCE) -> Artifact:
    """Build what a capability's builds run."""
    files = {name.lstrip("/"): data for name, data in tree(source / capability / KIT, "").items()}
    content = archive(files | function_files(capability, source))
    return write(build_dir / "kits" / f"{capability.rpartition('/')[2]}.zip", content)


def build_layer(name: str, requirements: Path, build_dir: Path, target: Target) -> Artifact:
    """Build a layer's zip, unless the existing one was built from the same requirements for the same target."""
    if not requirements.exists():
        raise SetupError(f"{requirements.relative_to(ROOT)} is missing. Run: make lock")
    path = build_dir / "layers" / f"{name}.zip"
    stamp_file = path.with_name(f".{name}.stamp")
    made_of = stamp_of(Path(__file__), requirements, target.python, str(target.platform))
    if path.exists() and stamp_file.exists():
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        if stamp_file.read_text() == f"{made_of} {sha256}":
            return Artifact(path, len(content), sha256, changed=False)
    artifact = write(path, archive(layer_files(requirements, target)))
    stamp_file.write_text(f"{made_of} {artifact.sha256}")
    return artifact


def build(build_dir: Path, target: Target = AWS, names: Sequence[str] = ()) -> list[Artifact]:
    """Build the named capabilities (all by default), the layers that they name and the common layer.

    Raise SetupError if a name is unknown, a zip is too large, or wheels are unavailable.
    """
    chosen = [name for name in select(names, all_capabilities()) if name in capabilities()]
    layers = {SHARED: "layer.txt"}
    own = [capability for capability in chosen if (SOURCE / capability / OWN_LAYER).is_dir()]
    named = {name for capability in chosen for name in layers_of(capability)}
    layers |= {name: f"layer-{name}.txt" for name in sorted(named - {path.rpartition("/")[2] for path in own})}
    return [
        *(build_layer(name, REQUIREMENTS / file, build_dir, target) for name, file in layers.items()),
        *(build_own_layer(capability, build_dir) for capability in own),
        *(build_kit(capability, build_dir) for capability in kits_of(chosen)),
        *(build_function(capability, build_dir) for capability in chosen),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, and print a line for each file. Return 1 if a file could not be built."""
    parser = argparse.ArgumentParser(prog="python -m tools.package", description="Build zips and layers.")
    parser.add_argument("capability", nargs="*", help="such as finding_export (default: all)")
    parser.add_argument("--host", action="store_true", help="for this machine, instead of AWS")
    parser.add_argument("--build-dir", type=Path, help="default: build, or .switchyard/build with --host")
    parser.add_argument("--python", help=f"default: {AWS.python}")
    parser.add_argument("--platform", help=f"default: {AWS.platform}")
    options = parser.parse_args(arguments)
    base = Target.host() if options.host else AWS
    target = Target(options.python or base.python, options.platform or base.platform)
    build_dir = options.build_dir or (HOST_BUILD if options.host else ROOT / "build")
    try:
        artifacts = build(build_dir, target, options.capability)
    except SetupError as error:
        print(f"package: FAILED\n{error}", file=sys.stderr)
        return 1
    for artifact in artifacts:
        name = artifact.path.relative_to(build_dir).as_posix()
        state = "built" if artifact.changed else "unchanged"
        print(f"package: {name:<40} {artifact.size / 1000:>9,.1f} KB  {artifact.sha256[:12]}  {state}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
