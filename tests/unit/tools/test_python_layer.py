"""A layer with an interpreter: what it has, what it leaves out, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import package, python_layer


@pytest.fixture
def python(tmp_path: Path) -> Path:
    folder = tmp_path / "python"
    for name, content in {
        "bin/python3.13": b"\x7fELF libpython3.13.so.1.0\0",
        "lib/libpython3.13.so.1.0": b"library",
        "lib/libpython3.so": b"not needed",
        "lib/python3.13/os.py": b"",
        "lib/python3.13/json/__init__.py": b"",
        "lib/python3.13/json/__pycache__/x.pyc": b"",
        "lib/python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so": b"",
        "lib/python3.13/lib-dynload/_testcapi.cpython-313-x86_64-linux-gnu.so": b"",
        "lib/python3.13/site-packages/pip/__init__.py": b"",
        "lib/python3.13/test/test_os.py": b"",
        "lib/python3.13/config-3.13-x86_64-linux-gnu/libpython3.13.a": b"",
        "include/python3.13/Python.h": b"",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_it_has_the_interpreter_and_what_it_needs(python: Path) -> None:
    assert sorted(python_layer.files(python)) == [
        "bin/python3",
        "lib/libpython3.13.so.1.0",
        "lib/python3.13/json/__init__.py",
        "lib/python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so",
        "lib/python3.13/os.py",
    ]


def test_an_interpreter_without_the_shared_library_takes_none_along(python: Path) -> None:
    (python / "bin/python3.13").write_bytes(b"\x7fELF")
    assert "lib/libpython3.13.so.1.0" not in python_layer.files(python)


def test_the_same_python_makes_the_same_zip(python: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zips = [tmp_path / f"{number}.zip" for number in (1, 2)]
    assert [python_layer.main([str(python), str(path)]) for path in zips] == [0, 0]
    assert zips[0].read_bytes() == zips[1].read_bytes() == package.archive(python_layer.files(python))
    assert "MB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("broken", "advice"),
    [("bin/python3.13", "is not a Python"), ("lib/python3.13/os.py", "is not a Python")],
)
def test_another_folder_is_refused(python: Path, broken: str, advice: str, capsys: pytest.CaptureFixture[str]) -> None:
    (python / broken).unlink()
    assert python_layer.main([str(python), "x.zip"]) == 1
    assert advice in capsys.readouterr().err


def test_an_old_python_is_refused(python: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (python / "lib/python3.13").rename(python / "lib/python3.9")
    (python / "bin/python3.13").rename(python / "bin/python3.9")
    assert python_layer.main([str(python), "x.zip"]) == 1
    assert "needs Python 3.11 or later" in capsys.readouterr().err
    assert python_layer.main([]) == 2
