"""The Python client of devices: each command once, also with a full disk."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scenarios.apps import iot_messaging as subject

KEY = subject.KEYS["sensor-1"]
PEM = subject.self_signed(KEY, "prod-sensor-1")
SETTINGS = {
    "thing": "prod-sensor-1",
    "publish_root": "prod/prod-sensor-1/up/",
    "command_topic": "prod/prod-sensor-1/down/command",
    "maximum_bytes": 8192,
    "certificate": PEM,
    "root_ca": PEM,
}


class Device:
    """The shipped client with a state folder, without a connection."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.commands: list[Any] = []
        self.published: list[tuple[str, Any]] = []
        subject.key_file(folder, KEY)
        self.client = subject._client_module().Device(SETTINGS, folder, self.commands.append)
        monkeypatch.setattr(self.client.mqtt, "publish", self._publish)

    def _publish(self, topic: str, payload: str, qos: int, retain: bool = False) -> None:
        self.published.append((topic, json.loads(payload)))

    def arrive(self, payload: bytes) -> None:
        self.client._arrived(None, None, SimpleNamespace(payload=payload))


def command(command_id: str, **content: Any) -> bytes:
    return json.dumps({"id": command_id, "command": content}).encode()


def test_a_command_is_carried_out_once_also_after_a_restart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = Device(monkeypatch, tmp_path)
    for _ in range(2):
        first.arrive(command("one", message="hello"))
    assert first.commands == [{"message": "hello"}]
    ((topic, result),) = first.published
    assert (topic, result["command"], result["ok"]) == ("prod/prod-sensor-1/up/result", "one", True)
    again = Device(monkeypatch, tmp_path)
    again.arrive(command("one", message="hello"))
    again.arrive(command("two", message="hello"))
    assert again.commands == [{"message": "hello"}]


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"5", b"\xff", b'{"id": "x"}', b'{"command": {}}'])
def test_what_is_no_command_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, payload: bytes) -> None:
    device = Device(monkeypatch, tmp_path)
    device.arrive(payload)
    assert (device.commands, device.published) == ([], [])


def test_a_full_disk_does_not_end_the_thread_that_receives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    device = Device(monkeypatch, tmp_path)
    (tmp_path / "done.json.new").mkdir()  # it cannot be written
    for _ in range(2):
        device.arrive(command("one", message="hello"))
    assert device.commands == [{"message": "hello"}]
    assert [result["ok"] for _, result in device.published] == [True]
    assert capsys.readouterr().err.startswith("A restart may repeat the command one: ")


def test_what_a_command_raises_is_its_outcome(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = Device(monkeypatch, tmp_path)
    device.client._on_command = lambda _: 1 / 0
    device.arrive(command("one"))
    assert device.published[0][1] | {"id": ""} == {
        "id": "",
        "command": "one",
        "ok": False,
        "error": "ZeroDivisionError",
    }


def test_a_reading_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = Device(monkeypatch, tmp_path)
    with pytest.raises(ValueError, match="8192 are stored"):
        device.client.publish("telemetry", {"text": "x" * 9000})
