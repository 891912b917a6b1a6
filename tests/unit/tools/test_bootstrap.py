"""Set-up: what is taken from the machine, what is refused, and what a failure says."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools import bootstrap
from tools.bootstrap import SetupError

AWS = "registry.terraform.io/hashicorp/aws"
HOST = bootstrap.host_platform()
LOCK = f'''
provider "{AWS}" {{
  version     = "5.100.0"
  constraints = "~> 5.100"
}}
'''


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set-up's folder, in a temporary place, and a home without any configuration."""
    folder = tmp_path / "state"
    folder.mkdir()
    lock = tmp_path / "lock.hcl"
    lock.write_text(LOCK)
    monkeypatch.setattr(bootstrap, "STATE", folder)
    monkeypatch.setattr(bootstrap, "TERRAFORM", folder / "bin" / "terraform")
    monkeypatch.setattr(bootstrap, "TERRAFORM_RC", folder / "terraform.rc")
    monkeypatch.setattr(bootstrap, "LOCK_FILE", lock)
    monkeypatch.setattr(bootstrap, "MIRROR_PLACES", ())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    monkeypatch.delenv(bootstrap.MIRROR_VARIABLE, raising=False)
    return folder


def program(path: Path, output: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


# Requirements


@pytest.mark.parametrize("path", sorted(bootstrap.REQUIREMENTS.glob("*.txt")), ids=lambda path: path.name)
def test_requirements_are_pinned_hashed_and_name_no_index(path: Path) -> None:
    content = path.read_text()
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links| @ ", content)
    pins = re.split(r"\n(?=\S)", content.strip())
    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9.\-]+==\S+", pin), pin
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin), pin


def test_one_requirement_is_found_with_its_hashes() -> None:
    wanted = "uv==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"
    text = f"a==1 \\\n    --hash=sha256:1\n{wanted}uvicorn==4 \\\n    --hash=x\n"
    assert bootstrap.requirement("uv", text) == wanted
    with pytest.raises(SetupError, match="make lock"):
        bootstrap.requirement("b", text)


# uv reads what pip was told


def test_pips_configuration_reaches_uv() -> None:
    config = (
        ":env:.cert='/ca.pem'\nglobal.index-url='https://a.example/simple'\n"
        "global.extra-index-url='file:///b/simple\\nfile:///c/simple'\nglobal.find-links='/d /e'\nnonsense\n"
    )
    assert bootstrap.uv_settings(config, {}) == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://a.example/simple",
        "UV_INDEX": "file:///b/simple file:///c/simple",
        "UV_FIND_LINKS": "/d,/e",
        "SSL_CERT_FILE": "/ca.pem",
    }


def test_what_the_user_told_uv_stays() -> None:
    settings = bootstrap.uv_settings("global.index-url='https://a'", {"UV_DEFAULT_INDEX": "https://b"})
    assert "UV_DEFAULT_INDEX" not in settings


def test_without_pip_configuration_uv_has_none() -> None:
    assert bootstrap.uv_settings("", {}) == {"UV_INDEX_STRATEGY": "unsafe-best-match"}


# Terraform


def test_a_recent_terraform_on_path_is_used(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = program(tmp_path / "path" / "terraform", "Terraform v1.12.0")
    monkeypatch.setenv("PATH", f"{found.parent}:/bin:/usr/bin")
    assert bootstrap.install_terraform()
    assert bootstrap.TERRAFORM.readlink() == found
    assert not bootstrap.install_terraform()
    assert bootstrap.terraform_bin() == str(bootstrap.TERRAFORM)


def test_an_old_terraform_on_path_is_not(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = program(tmp_path / "path" / "terraform", "Terraform v1.10.5")
    monkeypatch.setenv("PATH", f"{found.parent}:/bin:/usr/bin")
    monkeypatch.setattr(bootstrap, "TERRAFORM_RELEASES", (tmp_path / "nowhere").as_uri())
    monkeypatch.setattr(
        bootstrap,
        "download_terraform",
        lambda target: program(target, f"Terraform v{bootstrap.TERRAFORM_VERSION}"),
    )
    assert bootstrap.install_terraform()
    assert not bootstrap.TERRAFORM.is_symlink()
    assert not bootstrap.install_terraform()


def release(folder: Path, content: str = "#!/bin/sh\necho Terraform v1.11.4\n") -> tuple[str, str]:
    """A release site with this host's zip: its address, and the zip's SHA-256."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("LICENSE.txt", "")
        archive.writestr("terraform", content)
    version = bootstrap.TERRAFORM_VERSION
    path = folder / version / f"terraform_{version}_{HOST}.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(buffer.getvalue())
    return folder.as_uri(), hashlib.sha256(buffer.getvalue()).hexdigest()


def test_a_download_with_the_known_sum_is_installed(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, sha256 = release(tmp_path / "site")
    monkeypatch.setitem(bootstrap.TERRAFORM_SHA256, HOST, sha256)
    bootstrap.download_terraform(bootstrap.TERRAFORM, site)
    assert bootstrap.terraform_version(bootstrap.TERRAFORM) == (1, 11, 4)


def test_a_download_with_another_sum_is_refused(state: Path, tmp_path: Path) -> None:
    site, sha256 = release(tmp_path / "site")
    with pytest.raises(SetupError, match=f"its SHA-256 is {sha256}"):
        bootstrap.download_terraform(bootstrap.TERRAFORM, site)
    assert not bootstrap.TERRAFORM.exists()


def test_a_failed_download_says_what_to_do(state: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"could not be fetched: .*\nPut Terraform 1\.11 or later on PATH"):
        bootstrap.download_terraform(bootstrap.TERRAFORM, (tmp_path / "nowhere").as_uri())


def test_terraform_before_setup_says_what_to_do(state: Path) -> None:
    with pytest.raises(SetupError, match="make setup"):
        bootstrap.terraform_bin()


def test_terraforms_environment_holds_nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL",
        "TF_VAR_region",
        "TF_CLI_ARGS",
        "TF_WORKSPACE",
    ):
        monkeypatch.setenv(name, "the user's")
    env = bootstrap.terraform_env()
    assert "the user's" not in env.values()
    assert env["AWS_CONFIG_FILE"] == env["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert env["TF_CLI_CONFIG_FILE"] == str(bootstrap.TERRAFORM_RC)


# Where providers come from


def test_the_committed_lock_file_is_read() -> None:
    assert bootstrap.locked_providers((bootstrap.ROOT / ".terraform.lock.hcl").read_text()) == {AWS: "5.100.0"}


@pytest.mark.parametrize("layout", [f"5.100.0/{HOST}/x", f"terraform-provider-aws_5.100.0_{HOST}.zip"])
def test_a_mirror_with_the_locked_version_is_used(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    path = tmp_path / "mirror" / AWS / layout
    path.parent.mkdir(parents=True)
    path.touch()
    monkeypatch.setattr(bootstrap, "MIRROR_PLACES", ("/nonexistent", str(tmp_path / "mirror")))
    assert bootstrap.configure_terraform()
    text = bootstrap.TERRAFORM_RC.read_text()
    assert f'path    = "{tmp_path / "mirror"}"' in text
    assert text.count(f'["{AWS}"]') == 2
    assert not bootstrap.configure_terraform()


@pytest.mark.parametrize("layout", [f"5.99.0/{HOST}/x", "5.100.0/plan9_mips/x"])
def test_a_mirror_without_it_is_not(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    path = tmp_path / "mirror" / AWS / layout
    path.parent.mkdir(parents=True)
    path.touch()
    monkeypatch.setattr(bootstrap, "MIRROR_PLACES", (str(tmp_path / "mirror"),))
    bootstrap.configure_terraform()
    assert "filesystem_mirror" not in bootstrap.TERRAFORM_RC.read_text()


def test_the_mirror_variable_comes_first_and_must_be_right(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".terraformrc").write_text("provider_installation {\n}\n")
    monkeypatch.setenv(bootstrap.MIRROR_VARIABLE, str(tmp_path / "empty"))
    with pytest.raises(SetupError, match=rf"empty holds no {AWS} 5\.100\.0 for {HOST}\. Correct or unset"):
        bootstrap.configure_terraform()


def test_the_users_own_provider_installation_is_kept(state: Path, tmp_path: Path) -> None:
    own = tmp_path / ".terraformrc"
    own.write_text("provider_installation {\n  direct {}\n}\n")
    assert bootstrap.configure_terraform()
    assert bootstrap.TERRAFORM_RC.resolve() == own
    assert not bootstrap.configure_terraform()
    own.write_text("# says nothing about providers\n")
    assert bootstrap.configure_terraform()
    assert not bootstrap.TERRAFORM_RC.is_symlink()


# The command


def test_a_failing_program_is_told_by_its_last_lines() -> None:
    with pytest.raises(SetupError) as error:
        bootstrap.run([sys.executable, "-c", "for n in range(99): print(n)\nraise SystemExit(3)"], "Do this.")
    message = str(error.value)
    assert "ended with status 3" in message
    assert "    98\nDo this." in message
    assert "    83" not in message


def test_a_missing_program_is_told() -> None:
    with pytest.raises(SetupError, match="No such file or directory\nDo this"):
        bootstrap.run(["/nonexistent/program"], "Do this.")


def test_a_failed_step_is_a_message(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def step() -> bool:
        raise SetupError("This went wrong.\nDo that.")

    monkeypatch.setitem(bootstrap.STEPS, "terraform", [("Terraform", step)])
    assert bootstrap.main(["terraform"]) == 1
    assert capsys.readouterr().err == "setup: Terraform: FAILED\nThis went wrong.\nDo that.\n"


def test_set_up_is_not_done_twice() -> None:
    done = subprocess.run(
        [sys.executable, bootstrap.ROOT / "tools" / "bootstrap.py", "venv", "runtime"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""


def test_the_runtime_has_only_what_lambda_ships() -> None:
    python = bootstrap.RUNTIME / "bin" / "python"
    names = ("boto3", "moto", "aws_lambda_powertools")
    found = subprocess.run(
        [python, "-c", f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "['boto3']"
