"""Zips: the same bytes on every machine, only what belongs in them, and no more work than needed."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools import package
from tools.bootstrap import REQUIREMENTS, ROOT, SetupError

CAPABILITY = "posture/sample"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a source tree with a capability, shared code and much that does not belong in a zip."""
    root = tmp_path / "lambda_src"
    for name in (
        "common/__init__.py",
        "common/clients.py",
        "common/__pycache__/clients.cpython-311.pyc",
        "posture/__init__.py",
        "posture/shared.py",
        "posture/sample/__init__.py",
        "posture/sample/handler.py",
        "posture/sample/data/page.html",
        "posture/sample/.hidden",
        "posture/sample/layers.txt",
        "posture/sample/tests/test_handler.py",
        "posture/other/handler.py",
        "posture/empty/notes.txt",
        "protection/__init__.py",
        "protection/shared.py",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    return root


def names(content: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_capabilities_are_the_folders_with_code(source: Path) -> None:
    assert package.capabilities(source) == ["posture/other", "posture/sample"]


def test_a_zip_holds_the_capability_and_what_it_shares_and_nothing_else(source: Path) -> None:
    assert names(package.archive(package.function_files(CAPABILITY, source))) == [
        "common/__init__.py",
        "common/clients.py",
        "posture/__init__.py",
        "posture/sample/__init__.py",
        "posture/sample/data/page.html",
        "posture/sample/handler.py",
        "posture/shared.py",
    ]


def test_times_modes_and_order_of_creation_do_not_change_a_zip(source: Path, tmp_path: Path) -> None:
    first = package.archive(package.function_files(CAPABILITY, source))
    copy = tmp_path / "elsewhere"
    for path in sorted(source.rglob("*"), reverse=True):
        if path.is_file():
            target = copy / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755)
            os.utime(target, (1, 1))
    assert package.archive(package.function_files(CAPABILITY, copy)) == first


def test_entries_say_nothing_about_the_machine(source: Path) -> None:
    content = package.archive(package.function_files(CAPABILITY, source))
    for entry in zipfile.ZipFile(io.BytesIO(content)).infolist():
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert entry.external_attr >> 16 == 0o100644
        assert entry.create_system == 3
        assert entry.compress_type == zipfile.ZIP_STORED  # deflate's bytes depend on the installed zlib
        assert entry.extra == b""


def test_an_unchanged_zip_is_left_alone(source: Path, tmp_path: Path) -> None:
    first = package.build_function(CAPABILITY, tmp_path / "build", source)
    assert first.changed
    os.utime(first.path, (1, 1))
    second = package.build_function(CAPABILITY, tmp_path / "build", source)
    assert not second.changed
    assert second.sha256 == first.sha256
    assert second.path.stat().st_mtime == 1
    (source / CAPABILITY / "handler.py").write_text("# new\n")
    assert package.build_function(CAPABILITY, tmp_path / "build", source).sha256 != first.sha256


def test_a_zip_over_the_limit_is_refused_and_says_where_to_put_the_rest(source: Path, tmp_path: Path) -> None:
    (source / CAPABILITY / "big.txt").write_bytes(bytes(package.FUNCTION_LIMIT))
    where = r"lambda_src/posture/sample/layers\.txt, .* requirements/layer-<name>\.in"
    with pytest.raises(SetupError, match=rf"posture/sample\.zip would be .* {where}"):
        package.build_function(CAPABILITY, tmp_path / "build", source)
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ([], ["data/a", "posture/b"]),
        (["b"], ["posture/b"]),
        (["data/a"], ["data/a"]),
        (["b", "a"], ["posture/b", "data/a"]),
    ],
)
def test_capabilities_are_named_by_path_or_by_name(asked: list[str], chosen: list[str]) -> None:
    assert package.select(asked, ["data/a", "posture/b"]) == chosen


def test_an_unknown_capability_is_named_with_those_there_are() -> None:
    with pytest.raises(SetupError, match=r"no capability c\. There are: data/a, posture/b"):
        package.select(["c"], ["data/a", "posture/b"])


@pytest.mark.parametrize("platform", ["manylinux2014_aarch64", "manylinux2014_x86_64", "manylinux_2_28_aarch64"])
def test_known_platforms(platform: str) -> None:
    arch = "x86_64" if platform.endswith("x86_64") else "aarch64"
    assert package.Target("3.13", platform).options()[-1].startswith(f"{arch}-manylinux")


def test_an_unknown_platform_is_refused() -> None:
    with pytest.raises(SetupError, match=r"Platform win_amd64 is not known"):
        package.Target("3.13", "win_amd64").options()


def test_two_clean_builds_of_this_repository_are_the_same(tmp_path: Path) -> None:
    """The builds are separate processes, with another umask, time zone, locale and hash seed, and include the layer."""
    digests = []
    for number, environment in enumerate(
        ({"TZ": "UTC", "PYTHONHASHSEED": "1"}, {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "2"})
    ):
        target = tmp_path / str(number)
        subprocess.run(
            [sys.executable, "-m", "tools.package", "--build-dir", target],
            cwd=ROOT,
            env=os.environ | environment,
            umask=(0o022, 0o077)[number],
            check=True,
            capture_output=True,
        )
        digests.append({path.relative_to(target): path.read_bytes() for path in target.rglob("*.zip")})
    layers = {"common", *(name for capability in package.capabilities() for name in package.layers_of(capability))}
    kits = {f"kits/{path.rpartition('/')[2]}" for path in package.kits_of(package.capabilities())}
    built = {*package.capabilities(), *(f"layers/{name}" for name in layers), *kits}
    assert set(digests[0]) == {Path(f"{name}.zip") for name in built}
    assert digests[0] == digests[1]


def test_the_layer_holds_packages_without_what_installing_left(tmp_path: Path) -> None:
    content = package.build_layer("common", REQUIREMENTS / "layer.txt", tmp_path, package.AWS).path.read_bytes()
    entries = names(content)
    assert "python/aws_lambda_powertools/__init__.py" in entries
    assert all(name.startswith("python/") for name in entries)
    left_over = ("/RECORD", "/INSTALLER", "/REQUESTED", "/direct_url.json", ".pyc", ".lock")
    assert not [name for name in entries if name.endswith(left_over) or name.startswith("python/bin/")]
    assert not [name for name in entries if "boto" in name.split("/")[1] or "xray" in name.split("/")[1]]


def test_a_kit_has_the_capabilitys_code_too_and_is_not_in_the_functions_zip(source: Path, tmp_path: Path) -> None:
    (source / CAPABILITY / package.KIT / "locks").mkdir(parents=True)
    (source / CAPABILITY / package.KIT / "locks" / "requirements.txt").write_text("x")
    assert package.kits_of([CAPABILITY], source) == [CAPABILITY]
    function = set(package.function_files(CAPABILITY, source))
    assert not [name for name in function if "locks" in name]
    kit = package.build_kit(CAPABILITY, tmp_path, source)
    assert set(names(kit.path.read_bytes())) == function | {"locks/requirements.txt"}


def test_a_layer_of_own_code_is_not_in_the_functions_zip(source: Path) -> None:
    layer = source / CAPABILITY / package.OWN_LAYER
    for name in ("extensions/one", "bin/tool", "python/client.py"):
        (layer / name).parent.mkdir(parents=True, exist_ok=True)
        (layer / name).write_text(name)
    assert package.layers_of(CAPABILITY, source)[-1] == "sample"
    assert not [name for name in package.function_files(CAPABILITY, source) if "/layer/" in name]
    made = package.build_own_layer(CAPABILITY, source / "build", source)
    assert made.path == source / "build/layers/sample.zip"
    modes = {
        entry.filename: oct(entry.external_attr >> 16 & 0o777)
        for entry in zipfile.ZipFile(io.BytesIO(made.path.read_bytes())).infolist()
    }
    assert modes == {"bin/tool": "0o755", "extensions/one": "0o755", "python/client.py": "0o644"}


def test_every_layer_is_named_pinned_and_used() -> None:
    """It is named by a capability and pinned in requirements/, or the capability's own; its module uses it."""
    named = {name: capability for capability in package.capabilities() for name in package.layers_of(capability)}
    assert named["jwt"] == "identity/step_up_auth"
    own = {folder.parent.name for folder in package.SOURCE.glob(f"*/*/{package.OWN_LAYER}")}
    for suffix in ("in", "txt"):
        assert {path.stem.removeprefix("layer-") for path in REQUIREMENTS.glob(f"layer-*.{suffix}")} == set(named) - own
    for name, capability in named.items():
        module = "".join(path.read_text() for path in (ROOT / "modules" / capability).glob("*.tf"))
        assert f"/layers/{name}.zip" in module


@pytest.mark.parametrize(
    ("target", "machine"),
    [(package.AWS, "aarch64"), (package.Target("3.13", "manylinux_2_28_x86_64"), "x86_64")],
)
def test_compiled_code_of_a_layer_is_the_targets(target: package.Target, machine: str, tmp_path: Path) -> None:
    content = package.build_layer("jwt", REQUIREMENTS / "layer-jwt.txt", tmp_path, target).path.read_bytes()
    assert "python/jwt/__init__.py" in names(content)
    files = zipfile.ZipFile(io.BytesIO(content))
    libraries = [files.read(name) for name in files.namelist() if ".so" in name]
    # The machine in an ELF header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
    assert [int.from_bytes(data[18:20], "little") for data in libraries] == [
        {"aarch64": 183, "x86_64": 62}[machine] for _ in libraries
    ]
    assert len(libraries) >= 2  # cryptography and cffi


def test_a_layer_without_pins_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"requirements/layer-none\.txt is missing\. Run: make lock"):
        package.build_layer("none", REQUIREMENTS / "layer-none.txt", tmp_path, package.AWS)


def test_a_layer_is_built_again_only_for_other_requirements_or_another_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def layer_files(requirements: Path, target: package.Target) -> dict[str, bytes]:
        built.append(target)
        return {"python/a.py": requirements.read_bytes()}

    monkeypatch.setattr(package, "layer_files", layer_files)
    requirements = tmp_path / "layer.txt"
    requirements.write_text("a==1\n")

    assert package.build_layer("a", requirements, tmp_path, package.AWS).changed
    assert not package.build_layer("a", requirements, tmp_path, package.AWS).changed
    assert len(built) == 1
    package.build_layer("a", requirements, tmp_path, package.Target("3.12", None))
    assert len(built) == 2
    requirements.write_text("a==2\n")
    assert package.build_layer("a", requirements, tmp_path, package.Target("3.12", None)).changed
    (tmp_path / "layers" / "a.zip").write_bytes(b"damaged")
    assert package.build_layer("a", requirements, tmp_path, package.Target("3.12", None)).changed


def test_a_failure_is_a_message(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert package.main(["--build-dir", str(tmp_path), "nothing_like_it"]) == 1
    assert "There is no capability nothing_like_it" in capsys.readouterr().err


def test_a_capability_without_functions_has_a_name_and_no_zip(tmp_path: Path) -> None:
    folder = tmp_path / "modules" / "apps" / "plain"
    folder.mkdir(parents=True)
    (folder / "variables.tf").write_text("")
    (tmp_path / "modules" / "blocks" / "bucket").mkdir(parents=True)
    (tmp_path / "modules" / "blocks" / "bucket" / "variables.tf").write_text("")
    (tmp_path / "lambda_src" / "apps" / "coded").mkdir(parents=True)
    (tmp_path / "lambda_src" / "apps" / "coded" / "one.py").write_text("")
    assert package.all_capabilities(tmp_path) == ["apps/coded", "apps/plain"]
    assert package.capabilities(tmp_path / "lambda_src") == ["apps/coded"]
