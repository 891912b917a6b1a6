"""The refused words: where they are searched for, and where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import words
from tools.bootstrap import SetupError

LIST = """
# A comment

gizmo|gizmos -> "part"
spare part -> "replacement"
for what -> "for which"
"""

PYTHON = '''"""A gizmo in a docstring, and a spare
part over two lines."""

from gizmo import gizmo  # a gizmo in a comment

gizmo(gizmo="gizmo", gizmos=["a gizmo"])
f"what {gizmo} is: a {gizmo:>3} gizmo"
# The end of a spare
# part in a comment.
'''

HCL = """
resource "aws_gizmo" "gizmo" {
  gizmo       = var.gizmo.gizmo # why this gizmo
  description = "A gizmo of ${var.gizmo}; a spare ${var.kind} part"
  sid         = "gizmo"
  policy      = <<-EOT
    Every gizmo
  EOT
  /* Another
     gizmo */
}
"""

MARKDOWN = """# The gizmo

A `gizmo`, a **spare** part, a **gizmo**, a *gizmo*, [a gizmo](https://example.com/gizmo), a spare
part.

> Quoted: a spare
> part

| gizmo | `a gizmo` |
|---|---|

```hcl
gizmo = "gizmo" # a gizmo
```

```mermaid
A[a gizmo] --> B
```
"""


@pytest.fixture
def rules(tmp_path: Path) -> list[words.Rule]:
    """Return the rules of a word list whose words this file may contain."""
    path = tmp_path / "words.txt"
    path.write_text(LIST)
    return words.rules(path)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param(
            "a.py",
            PYTHON,
            [(1, "gizmo"), (1, "spare part"), (4, "gizmo"), (6, "gizmo"), (7, "gizmo"), (8, "spare part")],
            id="python",
        ),
        pytest.param(
            "a.tf",
            HCL,
            [(3, "gizmo"), (4, "gizmo"), (4, "spare part"), (7, "gizmo"), (10, "gizmo")],
            id="hcl",
        ),
        pytest.param("a.tftest.hcl", 'run "gizmo" { # gizmo\n}', [(1, "gizmo")], id="test"),
        pytest.param(
            "a.md",
            MARKDOWN,
            [
                (1, "gizmo"),
                *[(3, "gizmo")] * 3,
                (3, "spare part"),
                (3, "spare part"),
                (6, "spare part"),
                (9, "gizmo"),
                (13, "gizmo"),
                (17, "gizmo"),
            ],
            id="markdown",
        ),
        pytest.param("a.yml", "gizmo: a gizmo # a gizmo\n", [(1, "gizmo")] * 2, id="yaml"),
        pytest.param("a.html", "<p class='gizmo'>A gizmo</p>", [(1, "gizmo")], id="html"),
        pytest.param("a.js", "gizmo() // a spare\n// part", [(1, "spare part")], id="javascript"),
        pytest.param("Makefile", "gizmo: x ## A gizmo\n\techo a\n", [(1, "gizmo")], id="make"),
        pytest.param("a.py", 'x = "GIZMOS are GizMo"  # gizmology', [(1, "GIZMOS"), (1, "GizMo")], id="whole words"),
        pytest.param("a.py", "'gizmo' + 'A\\nspare\\npart'", [(1, "spare part")], id="line feeds"),
    ],
)
def test_prose_is_looked_at_and_code_is_not(
    tmp_path: Path, rules: list[words.Rule], name: str, text: str, expected: list[tuple[int, str]]
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert [(one.line, one.text) for one in words.occurrences(path, rules, tmp_path)] == expected


@pytest.mark.parametrize("lexer", sorted(set(words.LEXERS.values())))
def test_prose_stays_where_it_was(lexer: str) -> None:
    for text in (PYTHON, HCL, MARKDOWN):
        kept = words.prose(text, lexer)
        assert [len(line) for line in kept.splitlines()] == [len(line) for line in text.splitlines()]


def test_which_files_are_checked(tmp_path: Path) -> None:
    for name in [
        "b.py",
        "a/c.tf",
        "a/d.json",
        "a/Makefile",
        "build/e.md",
        ".switchyard/f.py",
        ".github/g.yml",
        "LICENSE",
    ]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.py").symlink_to("b.py")
    checked = [path.relative_to(tmp_path).as_posix() for path in words.files(tmp_path)]
    assert sorted(checked) == [".github/g.yml", "a/Makefile", "a/c.tf", "b.py"]
    assert list(words.files(tmp_path / "b.py")) == [tmp_path / "b.py"]


@pytest.mark.parametrize("line", ["gizmo", "gizmo ->", "-> part", "(gizmo -> part"])
def test_a_rule_without_advice_or_with_an_invalid_pattern_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(f"spare -> part\n{line}\n")
    with pytest.raises(SetupError, match=r"words\.txt:2: "):
        words.rules(path)


def test_the_repositorys_rules_refuse_what_they_name() -> None:
    """Each rule refuses a phrase of these, and each phrase is refused."""
    phrases = [  # without spaces, since this file is checked too
        *("told", "tells", "tell_of", "telling_that", "beside", "anew", "whoever", "nobody", "somebody", "anybody"),
        *("everybody", "for_who", "without_a_rest", "what_is_so", "is_not_so_yet", "from_before", "cannot_be_had"),
        *("holds_of", "lest"),
    ]
    refused = {
        phrase: [rule for rule in words.rules(words.WORDS) if rule.regex.fullmatch(phrase.replace("_", " "))]
        for phrase in phrases
    }
    assert all(refused.values()), refused
    assert {rule for several in refused.values() for rule in several} == set(words.rules(words.WORDS))


def test_main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "words.txt").write_text(LIST)
    (tmp_path / "modules" / "posture").mkdir(parents=True)
    (tmp_path / "modules" / "posture" / "main.tf").write_text("# A gizmo, a spare\n# part\n")
    (tmp_path / "clean.py").write_text("gizmo = 1\n")
    monkeypatch.setattr(words, "ROOT", tmp_path)
    monkeypatch.setattr(words, "WORDS", tmp_path / "words.txt")

    assert words.main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "modules/posture/main.tf:1: 'gizmo': write \"part\"",
        "modules/posture/main.tf:1: 'spare part': write \"replacement\"",
    ]
    assert words.main([str(tmp_path / "clean.py")]) == 0
    assert capsys.readouterr().out == ""
    with pytest.raises(SetupError, match="clean_typo"):
        words.main([str(tmp_path / "clean_typo.py")])
    assert words.main(["--count"]) == 0
    assert "posture" in (table := capsys.readouterr().out)
    assert table.splitlines()[-2].split()[1:-1] == ["all", "│", "2", "│", "2"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", "."),
        ("local/services/config/rules.py", "local"),
        ("modules/posture/finding_chat/main.tf", "modules/posture"),
        ("tests/root.tftest.hcl", "tests"),
    ],
)
def test_folder(path: str, expected: str) -> None:
    assert words.folder(path) == expected
