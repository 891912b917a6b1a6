"""The zip of the layer: what Lambda starts is executable, wherever it was built."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from local.harness.cloud import listen
from local.services.extensions import Environment, ExtensionError
from tools import package, python_layer
from tools.bootstrap import ROOT

from .conftest import CONFIG, FUNCTION, LAYER, TOKEN, Aws, Sandbox

CAPABILITY = "apps/config_cache"
EXTENSION = "extensions/switchyard-config-cache"


def modes(content: bytes) -> dict[str, int]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}


def copied(tmp_path: Path) -> Path:
    """Return a copy of the sources as a checkout under a narrow umask and without modes has them."""
    source = tmp_path / "lambda_src"
    shutil.copytree(LAYER, source / CAPABILITY / "layer")
    for path in source.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return source


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_modes_do_not_depend_on_the_checkout_or_the_umask(umask: int, tmp_path: Path) -> None:
    """Field row CC-2."""
    source, before = copied(tmp_path), os.umask(umask)
    try:
        made = package.build_own_layer(CAPABILITY, tmp_path / "build", source)
    finally:
        os.umask(before)
    expected = package.build_own_layer(CAPABILITY, tmp_path / "other")
    assert made.sha256 == expected.sha256
    found = modes(made.path.read_bytes())
    assert {name: mode for name, mode in found.items() if mode != 0o644} == {EXTENSION: 0o755}


def test_the_layer_has_the_extension_its_package_and_the_client(tmp_path: Path) -> None:
    names = set(modes(package.build_own_layer(CAPABILITY, tmp_path).path.read_bytes()))
    assert {EXTENSION, "python/config_cache.py", "switchyard_config_cache/start.py"} <= names
    assert {name.partition("/")[0] for name in names} == {"extensions", "python", "switchyard_config_cache"}
    assert not [name for name in package.function_files(CAPABILITY) if "/layer/" in name]


def test_the_first_lines_interpreter_is_in_every_runtime() -> None:
    """Field row CC-2: `sh` is in all images of Lambda, Python only in those of Python."""
    assert (LAYER / EXTENSION).read_text().startswith("#!/bin/sh\n")
    git = subprocess.run(
        ["git", "ls-files", "-s", LAYER / EXTENSION], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert git.stdout.startswith("100755") or not git.stdout


def test_a_zip_that_lost_the_modes_does_not_start(start: Callable[..., Sandbox], tmp_path: Path) -> None:
    """What CC-2 looks like: the local cloud answers as Lambda does."""
    layer = tmp_path / "layer"
    shutil.copytree(LAYER, layer)
    (layer / EXTENSION).chmod(0o644)
    with pytest.raises(ExtensionError, match="Permission denied") as failed:
        start(layers=(layer,))
    assert failed.value.error_type == "Extension.LaunchError"


def test_it_compiles_for_the_oldest_runtime() -> None:
    assert sys.version_info >= (3, 11)
    for path in LAYER.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


@pytest.mark.skipif(sys.platform != "linux", reason="Lambda's layers are for Linux")
def test_with_a_layer_that_has_an_interpreter_it_runs_where_the_runtime_has_none(aws: Aws, tmp_path: Path) -> None:
    """The environment has no Python but that of the layer: this machine's, in the place of a self-contained one."""
    files = python_layer.files(Path(sys.base_prefix))
    interpreter = tmp_path / "python"
    for name, content in files.items():
        (interpreter / name).parent.mkdir(parents=True, exist_ok=True)
        (interpreter / name).write_bytes(content)
    (interpreter / "bin/python3").chmod(0o755)
    with listen() as free:
        port = free.getsockname()[1]
    variables = {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_REGION": "eu-west-1",
        "AWS_SESSION_TOKEN": TOKEN,
        "CACHE_EXTENSION_CONFIG": json.dumps(CONFIG),
        "CACHE_EXTENSION_PORT": str(port),  # this interpreter's ports are those of the machine
        "LD_LIBRARY_PATH": str(interpreter / "lib"),  # as in each runtime: /opt/lib
    }
    environment = Environment(FUNCTION, [LAYER, interpreter], variables)
    try:
        environment.start()
        environment.initialized()
        environment.invoke("request", "arn", 60)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/secrets?name=db", headers={"X-Aws-Parameters-Secrets-Token": TOKEN}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.read() == b"first"
        environment.finish(60)
    finally:
        environment.shutdown("spindown")
