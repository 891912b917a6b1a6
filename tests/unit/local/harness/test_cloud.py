"""A local cloud has its port from the first moment."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from local.gateway import environment as real
from local.harness import cloud
from local.harness.cloud import LocalCloudError, listen, local_cloud, start


def test_a_port_in_use_is_refused_and_what_uses_it_keeps_its_state(tmp_path: Path) -> None:
    state = tmp_path / "cloud" / "cloud.log"
    state.parent.mkdir()
    state.write_text("running")
    with listen() as other:
        port = other.getsockname()[1]
        with pytest.raises(LocalCloudError, match=rf"^Port {port} is in use\. Run `make down`, or set SWITCHYARD_PORT"):
            start(state.parent, port)
    assert state.read_text() == "running"


def test_the_port_is_taken_before_the_process_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In between, another lane's gateway could take it, and would answer in the place of this one."""
    waiting = socket.socket()

    def environment(port: int, *arguments: Any) -> dict[str, str]:
        waiting.connect(("127.0.0.1", port))
        waiting.sendall(b"GET /_switchyard/health HTTP/1.0\r\n\r\n")
        return real.environment(port, *arguments)

    monkeypatch.setattr(cloud, "environment", environment)
    with waiting, local_cloud(tmp_path / "cloud") as one:
        assert waiting.getpeername() == ("127.0.0.1", one.port)
        assert waiting.recv(15) == b"HTTP/1.1 200 OK"


def test_a_gateway_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud, "environment", lambda *_: {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)})
    (tmp_path / "local.py").write_text("raise SystemExit('no room left')\n")
    monkeypatch.setattr(cloud, "ROOT", tmp_path)
    with pytest.raises(LocalCloudError, match=r"(?s)did not start\. Its log .* ends with:\nno room left"):
        start(tmp_path / "cloud")
