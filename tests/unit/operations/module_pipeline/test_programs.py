"""Programs of the build image: their credentials, their time, their absence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from operations.module_pipeline import programs
from operations.module_pipeline.errors import ToolMissing

WAITS = "import signal, sys, time\nsignal.signal(signal.SIGINT, {handler})\nprint('begun', flush=True)\ntime.sleep(600)"


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="checkov is not on PATH"):
        programs.run(["checkov"], tmp_path, {"PATH": str(tmp_path)})


def test_output_and_status(tmp_path: Path) -> None:
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    done = programs.run([sys.executable, "-c", script], tmp_path, {})
    assert (done.status, done.output, done.errors, done.late) == (3, "out\n", "err\n", False)


def test_a_late_program_is_interrupted_and_may_clean_up(tmp_path: Path) -> None:
    script = WAITS.format(handler="lambda *_: (print('cleaned up'), sys.exit(0))")
    done = programs.run([sys.executable, "-c", script], tmp_path, {}, seconds=1.5, grace=60)
    assert done.late
    assert "cleaned up" in done.output


def test_one_that_ignores_the_interruption_ends(tmp_path: Path) -> None:
    done = programs.run([sys.executable, "-c", WAITS.format(handler="signal.SIG_IGN")], tmp_path, {}, 1.0, grace=0.5)
    assert (done.late, done.status) == (True, -9)


def test_the_code_of_a_module_finds_no_credentials() -> None:
    given = {
        "PATH": "/bin",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SESSION_TOKEN": "x",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
        "AWS_REGION": "eu-central-1",
    }
    found = programs.without_credentials(given)
    assert found["AWS_EC2_METADATA_DISABLED"] == "true"
    assert {name for name in given if name not in found} == set(given) - {"PATH", "AWS_REGION"}
