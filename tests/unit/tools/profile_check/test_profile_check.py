"""The static check: what it reports in public-style code, what it leaves alone, and that odd input ends nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from tools.bootstrap import ROOT
from tools.profile_check import files, rules
from tools.profile_check.__main__ import Result, check, main
from tools.profile_check.samples import MARK, write

from .samples import CLEAN, REPEATING

Places = set[tuple[str, int, str]]


def places(folder: Path, result: Result) -> Places:
    return {(Path(f.path).relative_to(folder).as_posix(), f.line, f.rule) for f in result.findings}


@pytest.mark.parametrize("name", CLEAN)
def test_what_is_done_once_is_not_reported(tmp_path: Path, name: str) -> None:
    assert write(tmp_path, CLEAN[name]) == set()
    result = check([tmp_path])
    assert (result.findings, result.hints, result.rows, result.status) == ([], [], [], 0)
    assert result.handlers >= 1


@pytest.mark.parametrize("name", REPEATING)
def test_what_each_call_repeats_is_reported_where_it_is(tmp_path: Path, name: str) -> None:
    expected = write(tmp_path, REPEATING[name])
    result = check([tmp_path])
    assert expected
    assert {place for place in places(tmp_path, result) if place[2] != rules.NO_REASON} == expected
    assert (result.rows, result.status) == ([], 1)


def test_a_mark_needs_a_reason_and_strings_are_no_marks(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import boto3\n"
        "def handler(event, context):\n"
        "    boto3.client('s3')  # profile: ignore\n"
        "    boto3.client('# profile: ignore because')\n"
        "    boto3.client(  # profile: ignore: one call a day\n"
        "        's3',\n"
        "    )\n"
        "    return 1  # profile: ignore nothing here\n"
    )
    result = check([tmp_path])
    assert [(f.line, f.rule) for f in result.findings] == [(3, "PC001"), (3, "PC900"), (4, "PC001")]
    assert [(f.line, f.rule) for f in result.ignored] == [(5, "PC001")]
    assert [(f.line, f.rule) for f in result.hints] == [(8, "PC901")]


def test_the_way_from_the_handler_is_named(tmp_path: Path) -> None:
    write(tmp_path, REPEATING["helper of a helper"])
    (finding,) = check([tmp_path]).findings
    assert "in lambda_handler(), through work() → connect()" in finding.text
    assert "create it at module level" in finding.text


def test_one_odd_file_is_a_row_and_the_others_are_checked(tmp_path: Path) -> None:
    write(tmp_path, REPEATING["the source's example"])
    (tmp_path / "quotes.py").write_text(
        "import boto3\nclient = boto3.client(\u2018dynamodb\u2019)\n"
    )  # as the source prints it
    (tmp_path / "latin.py").write_bytes(b"name = '\xe9'\n")
    (tmp_path / "coding.py").write_bytes(b"# -*- coding: latin-1 -*-\nname = '\xe9'\n")
    (tmp_path / "unknown.py").write_bytes(b"# -*- coding: klingon -*-\n")
    (tmp_path / "null.py").write_bytes(b"x = 1\x00\n")
    (tmp_path / "python2.py").write_text("print 'x'\n")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "bom.py").write_bytes(b"\xef\xbb\xbfx = 1\n")
    (tmp_path / "huge.py").write_text("x = 1\n" * 40)
    (tmp_path / "deep.py").write_text("x = " + "(" * 3000 + ")" * 3000)
    (tmp_path / "deep_tree.py").write_text("def handler(event, context):\n    return " + "-" * 2500 + "event\n")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "round").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.py")
    result = check([tmp_path], largest=8000)
    found = {Path(row.path).name: row.rule for row in result.rows}
    expected = {"quotes": "PC914", "latin": "PC913", "unknown": "PC913", "null": "PC914", "python2": "PC914"}
    expected |= {"deep": "PC914", "gone": "PC911", "loop": "PC911", "pipe": "PC911"}
    found.pop("deep_tree.py", None)  # Python versions differ in how deep they go
    assert found == {f"{name}.py": rule for name, rule in expected.items()}
    assert places(tmp_path, result) == {("main.py", 3, "PC001")}
    assert {Path(row.path).name for row in check([tmp_path], largest=100).rows} >= {"huge.py"}


def test_an_unreadable_name_and_a_loop_of_modules_end_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        "# file: a.py\nfrom b import f\ndef handler(event, context):\n    return f(event)\n"
        "# file: b.py\nimport boto3\nfrom a import g\ndef f(x):\n    return g(f(x))\n"
        "# file: c.py\nfrom c import missing\nclass A(A): pass\nhandler = A().handle\n",
    )
    (tmp_path / os.fsdecode(b"\xff.py")).write_text("import boto3\ndef handler(event, context): boto3.client('s3')\n")
    done = subprocess.run(
        [sys.executable, "-m", "tools.profile_check", str(tmp_path)], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"PC001" in done.stdout
    assert done.stderr == b""


def test_long_chains_and_deep_nesting_take_no_time(tmp_path: Path) -> None:
    """Each of these would take years if what is followed doubled with each step."""
    chain = "".join(f"\n        .step({number})" for number in range(60))
    loops = "".join("    " * (depth + 1) + f"for x{depth} in event:\n" for depth in range(15)) + "    " * 16 + "pass\n"
    nested = "".join(f"    def f{n}(x): return f{n + 1}(x), f{n + 1}([x])\n" for n in range(30))
    (tmp_path / "a.py").write_text(
        f"import boto3\ndef handler(event, context):\n    (boto3.client('s3'){chain})\n{loops}"
        "def lambda_handler(event, context):\n    def f30(x): return boto3.client('sqs')\n"
        f"{nested}    return f0(event)\n"
    )
    result = check([tmp_path])
    assert {(found.rule, found.line) for found in result.findings} >= {("PC001", 3)}
    assert [(row.rule, "calls to follow" in row.reason) for row in result.rows] in ([], [("PC915", True)])
    assert result.handlers == 2


def test_status_and_output(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main([str(tmp_path)]) == 2
    assert b"nothing was checked" in capsysbinary.readouterr().out
    (tmp_path / "test_app.py").write_text("import boto3\ndef handler(event, context): boto3.client('s3')\n")
    (tmp_path / "app.py").write_text("def helper(): pass\n")
    assert main([str(tmp_path)]) == 0
    assert b"1 files, 0 handlers, 0 findings" in capsysbinary.readouterr().out
    assert main([str(tmp_path / "test_app.py"), "--json"]) == 1  # named by the user
    document = json.loads(capsysbinary.readouterr().out)
    assert [found["rule"] for found in document["findings"]] == ["PC001"]
    (tmp_path / "odd.py").write_text("(")
    assert main([str(tmp_path)]) == 2
    with pytest.raises(SystemExit, match="2"):
        main([])


def test_a_parameter_that_need_not_be_a_secret_is_a_hint(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import boto3\nssm = boto3.client('ssm')\ndef handler(event, context):\n    ssm.get_parameter(Name='/flag')\n"
    )
    result = check([tmp_path])
    assert (result.findings, [found.rule for found in result.hints]) == ([], ["PC005"])


def test_our_own_functions_are_clean() -> None:
    result = check([ROOT / "lambda_src"])
    assert (result.findings, result.ignored, result.rows) == ([], [], [])
    entry_points = re.findall(  # of each function of the modules, as "domain.capability.module.handler"
        r'handler\s*=\s*"([a-z_.]+)"', "\n".join(path.read_text() for path in (ROOT / "modules").glob("*/*/*.tf"))
    )
    assert len(entry_points) >= 20
    assert result.handlers >= len(set(entry_points))


def test_the_clients_of_our_own_functions_are_followed(tmp_path: Path) -> None:
    """Without its cache, `common.clients` would be reported: the check reaches it from the handlers."""
    for path in (ROOT / "lambda_src").rglob("*.py"):
        target = tmp_path / path.relative_to(ROOT / "lambda_src")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text()
        if path.name == "clients.py":
            text = text.replace("@functools.cache\ndef client", "def client")
        target.write_text(text)
    assert {(Path(f.path).name, f.rule) for f in check([tmp_path]).findings} == {("clients.py", "PC001")}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_source_or_a_row(raw: bytes) -> None:
    assert isinstance(files.parse(Path("app.py"), raw), (files.Source, files.Row))


def test_marks_of_samples() -> None:
    assert MARK.findall("x  # ! PC001\ny  # ! PC900") == ["PC001", "PC900"]


def test_the_hook_runs_from_another_repository(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    write(tmp_path, REPEATING["the source's example"])
    command = [str(ROOT / hook["entry"]), *hook["args"]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0].split(" ")[:2]) == (1, ["main.py:3:14:", "PC001"])
    (tmp_path / "main.py").write_text("def handler(event, context): pass\n")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
