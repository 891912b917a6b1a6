"""The READMEs' tables and examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import docs, hcl

MODULE = """
variable "findings" {
  description = "Which findings; one of A | B."
  type = object({
    severity = optional(string, "HIGH")
    tags     = map(string) # any
  })
  default = { severity = "LOW", tags = {} }
}

variable "days" {
  description = <<-EOT
    Days to keep
    them.
  EOT
  type    = number
  default = null
}

variable "name" {
  description = "Its \\"name\\"."
  type        = string
}

output "arn" {
  description = "The ARN."
  value       = "x"
}
"""

TABLES = """### Inputs

| Name | Description | Type | Default | Required |
| --- | --- | --- | --- | --- |
| `name` | Its "name". | `string` |  | **yes** |
| `findings` | Which findings; one of A \\| B. | `object({severity = optional(string, "HIGH"), tags = map(string)})` | `{ severity = "LOW", tags = {} }` | no |
| `days` | Days to keep them. | `number` | `null` | no |

### Outputs

| Name | Description |
| --- | --- |
| `arn` | The ARN. |"""  # noqa: E501


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with one module, and a README to fill in."""
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    module = tmp_path / "modules" / "sample"
    module.mkdir(parents=True)
    (module / "main.tf").write_text(MODULE)
    (module / "README.md").write_text(f"# Sample\n\n{docs.BEGIN}\n{docs.END}\n\nMore.\n")
    return tmp_path


@pytest.fixture
def readme(repository: Path) -> Path:
    return repository / "modules" / "sample" / "README.md"


def test_tables_say_what_the_module_says(readme: Path) -> None:
    assert docs.tables(readme.parent) == TABLES


def test_check_fails_until_the_tables_are_written(
    repository: Path, readme: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docs, "readmes", lambda: [readme])
    assert docs.main(["--check"]) == 1
    assert "modules/sample/README.md: inputs and outputs are not up to date" in capsys.readouterr().err
    assert docs.main([]) == 0
    assert readme.read_text() == f"# Sample\n\n{docs.BEGIN}\n\n{TABLES}\n\n{docs.END}\n\nMore.\n"
    assert docs.main(["--check"]) == 0


def test_a_module_without_readme_or_markers_fails(
    readme: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docs, "readmes", lambda: [path for path in [readme] if path.exists()])
    readme.write_text("# Sample\n")
    assert docs.main(["--check"]) == 1
    assert "has no <!-- BEGIN_TF_DOCS -->" in capsys.readouterr().err
    readme.unlink()
    assert docs.main([]) == 1
    assert "modules/sample: has no README.md" in capsys.readouterr().err


def test_examples_are_the_hcl_blocks(readme: Path) -> None:
    readme.write_text(
        "# A\n\n```hcl\na = 1\n```\n\n- item\n\n  ```hcl\n  b = {\n    c = 2\n  }\n  ```\n\n```sh\nls\n```\n"
    )
    found = list(docs.examples(readme))
    assert [example.text for example in found] == ["a = 1\n", "b = {\n  c = 2\n}\n"]
    assert [example.name for example in found] == ["modules/sample/README.md:3", "modules/sample/README.md:9"]


def test_an_example_cannot_be_exempt(readme: Path) -> None:
    readme.write_text("```hcl no-plan\na = 1\n```\n")
    with pytest.raises(docs.DocsError, match="every example is planned"):
        list(docs.examples(readme))


def test_hcl_that_cannot_be_read_is_named(readme: Path) -> None:
    (readme.parent / "main.tf").write_text('variable "x" {')
    with pytest.raises(hcl.HclError, match=r"main\.tf: is not readable as HCL"):
        docs.filled(readme)
