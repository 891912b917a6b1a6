"""What the gate reads in a module's folder."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.module_pipeline.errors import GateError
from operations.module_pipeline.source import Module, digest

MAIN = """\
variable "topic_name" {
  description = "Name."
  type        = string
}

resource "aws_sns_topic" "this" {
  name = var.topic_name
}

output "arn" {
  value = aws_sns_topic.this.arn
}
"""


def module(folder: Path, files: dict[str, str]) -> Module:
    """Write files, and return the module."""
    for name, text in {"main.tf": MAIN, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Module(folder)


def test_a_folder_without_terraform_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "main.tf").write_text(MAIN)
    with pytest.raises(GateError, match="has no Terraform files"):
        Module(tmp_path)


@pytest.mark.parametrize("text", ["1.2.0", "0.0.1\n", "10.20.30-rc.1", "1.0.0-t0a1b2c"])
def test_versions(tmp_path: Path, text: str) -> None:
    assert module(tmp_path, {"VERSION": text}).version() == text.strip()


@pytest.mark.parametrize(
    "text", ["", "v1.2.0", "1.2", "1.2.0+build", "01.2.0", "1.2.0 1.3.0", "1.2.0\n1.3.0", "$(id)", "1.0.0-" + "a" * 80]
)
def test_what_is_no_version_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(GateError, match="write a semantic version"):
        module(tmp_path, {"VERSION": text}).version()


def test_a_missing_version_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="VERSION is missing"):
        module(tmp_path, {}).version()


def test_documentation(tmp_path: Path) -> None:
    found = module(tmp_path, {"README.md": "`topic_name_of_another`, and the arn_x"})
    assert found.undocumented() == [
        ("variable topic_name", "is not in README.md"),
        ("output arn", "has no description in main.tf"),
        ("output arn", "is not in README.md"),
    ]
    documented = module(
        tmp_path,
        {"README.md": "`topic_name`, `arn`", "main.tf": MAIN.replace("value =", 'description = "ARN."\n  value =')},
    )
    assert documented.undocumented() == []


def test_a_missing_readme_is_one_failure(tmp_path: Path) -> None:
    assert [name for name, _ in module(tmp_path, {}).undocumented()] == ["README.md"]


def test_json_counts_too(tmp_path: Path) -> None:
    """The files that CDKTF writes."""
    text = (
        '{"resource": {"aws_s3_bucket": {"a": {}}}, "variable": {"size": {"type": "number"}}, '
        '"module": {"x": {"source": "../y"}}}'
    )
    found = module(tmp_path, {"cdk.tf.json": text, "README.md": "topic_name arn"})
    assert found.scannable() == 2
    assert ("variable size", "has no description in cdk.tf.json") in found.undocumented()
    assert found.leaving() == [("cdk.tf.json", "../y")]


def test_what_cannot_be_read_is_no_end(tmp_path: Path) -> None:
    found = module(tmp_path, {"broken.tf.json": "[" * 100_000, "odd.tf.json": "[1]", "open.tf": 'resource "a" "b" {'})
    assert found.scannable() == 2
    assert found.leaving() == []


def test_sources_that_leave_the_folder(tmp_path: Path) -> None:
    sources = {"a": "./a", "b": "./a/../../b", "c": ".."}
    calls = "".join(f'module "{name}" {{\n  source = "{source}"\n}}\n' for name, source in sources.items())
    found = module(tmp_path / "m", {"calls.tf": calls, "a/main.tf": 'module "up" {\n  source = "../"\n}\n'})
    assert found.leaving() == [("calls.tf", "./a/../../b"), ("calls.tf", "..")]


def test_links_are_named_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    found = module(tmp_path / "m", {})
    (tmp_path / "m" / "link.tf").symlink_to(tmp_path / "secret")
    (tmp_path / "m" / "folder").symlink_to(tmp_path)
    assert found.links() == ["folder", "link.tf"]
    assert zipfile.ZipFile(io.BytesIO(found.archive())).namelist() == ["main.tf"]


def test_the_archive_has_the_module_without_tests_and_state(tmp_path: Path) -> None:
    left_out = ("tests/a.tftest.hcl", ".terraform/x", ".git/config", "terraform.tfstate", ".gate/x", "a.tfstate.backup")
    files = dict.fromkeys(("README.md", "modules/a/main.tf", *left_out), "x")
    found = module(tmp_path, files)
    archive = zipfile.ZipFile(io.BytesIO(found.archive()))
    assert archive.namelist() == ["README.md", "main.tf", "modules/a/main.tf"]
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_the_archive_depends_on_the_files_alone(tmp_path: Path) -> None:
    first, second = module(tmp_path / "a", {"x.tf": "1"}), module(tmp_path / "b", {"x.tf": "1"})
    (tmp_path / "b" / "x.tf").touch()
    assert digest(first.archive()) == digest(second.archive())
    assert digest(module(tmp_path / "c", {"x.tf": "2"}).archive()) != digest(first.archive())


def test_tests_are_found_wherever_they_are(tmp_path: Path) -> None:
    found = module(tmp_path, {"test/a.tftest.hcl": "", "tests/b.tftest.json": "", "c.tftest.hcl": ""})
    assert found.tests() == ["c.tftest.hcl", "test/a.tftest.hcl", "tests/b.tftest.json"]
    assert found.scannable() == 1


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("m")
    (folder / "main.tf").write_text(text, encoding="utf-8", errors="replace")
    (folder / "main.tf.json").write_text(text, encoding="utf-8", errors="replace")
    found = Module(folder)
    found.declared(), found.leaving(), found.undocumented(), found.archive()
