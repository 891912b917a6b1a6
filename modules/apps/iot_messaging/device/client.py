"""A device in Python: it publishes readings, and carries out each command once. Needs paho-mqtt 2.

    python client.py settings.json state/     # publishes a reading each second, prints the commands

`settings.json` is one of the output `device_settings`. The folder `state` has the private key, `device.key`, that the
certificate was requested with; the client keeps there which commands it has carried out.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

REMEMBERED = 100
"""Number of commands that are remembered. AWS IoT can deliver one again until it expires."""


class Device:
    """A connection to AWS IoT Core that is made again when it breaks, after 1 to 60 seconds.

    `on_command` gets a command's content. What it raises is reported, and the command is not tried again.
    """

    def __init__(
        self, settings: Mapping[str, Any], state: Path, on_command: Callable[[Mapping[str, Any]], object]
    ) -> None:
        self._settings, self._state, self._on_command = settings, state, on_command
        done = state / "done.json"
        self._done: list[str] = json.loads(done.read_text()) if done.exists() else []
        certificate = state / "certificate.pem"
        certificate.write_text(settings["certificate"] + "\n")
        context = ssl.create_default_context(cadata=settings["root_ca"])
        context.load_cert_chain(certificate, state / "device.key")
        # The client ID must be the thing's name. The session persists: AWS IoT keeps QoS 1 messages for an hour.
        self.mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=settings["thing"], clean_session=False)
        self.mqtt.tls_set_context(context)
        self.mqtt.connect_timeout = 30.0  # paho's 5 seconds are few for a handshake over a slow network
        self.mqtt.reconnect_delay_set(1, 60)
        self.mqtt.will_set(self._topic("status"), json.dumps({"status": "offline"}), qos=1, retain=True)
        self.mqtt.on_connect, self.mqtt.on_message = self._connected, self._arrived

    def start(self) -> None:
        """Connect, and go on in a thread. Raise OSError if the host is not reachable or refuses the certificate."""
        self.mqtt.connect(self._settings["endpoint"], int(self._settings["port"]), keepalive=30)
        self.mqtt.loop_start()

    def stop(self) -> None:
        """Say that the device goes offline, and disconnect. If the connection is lost, the will says so."""
        with contextlib.suppress(RuntimeError, ValueError):  # no connection, or too much waits for one
            self._status("offline").wait_for_publish(10)
        self.mqtt.disconnect()
        self.mqtt.loop_stop()

    def publish(self, kind: str, reading: Mapping[str, Any]) -> mqtt.MQTTMessageInfo:
        """Publish a reading with QoS 1; it waits if there is no connection. Raise ValueError if it is too large.

        Its `id` makes it one message in the table, also if it is published again because no acknowledgement came.
        """
        payload = json.dumps({"id": uuid.uuid4().hex, **reading}, allow_nan=False)
        if len(payload) > int(self._settings["maximum_bytes"]):
            raise ValueError(f"The reading has {len(payload)} bytes; {self._settings['maximum_bytes']} are stored.")
        return self.mqtt.publish(self._topic(kind), payload, qos=1)

    def _topic(self, kind: str) -> str:
        return f"{self._settings['publish_root']}{kind}"

    def _status(self, status: str) -> mqtt.MQTTMessageInfo:
        return self.mqtt.publish(self._topic("status"), json.dumps({"status": status}), qos=1, retain=True)

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            # Also if the session is still there: only a subscription delivers the retained command.
            self.mqtt.subscribe(self._settings["command_topic"], qos=1)
            self._status("online")

    def _arrived(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        if not message.payload:  # the retained command was deleted
            return
        try:
            envelope = json.loads(message.payload)
            command_id, command = str(envelope["id"]), envelope["command"]
        except (KeyError, TypeError, ValueError):
            return
        if command_id in self._done:
            return
        outcome: dict[str, Any] = {"ok": True}
        try:
            self._on_command(command)
        except Exception as error:  # noqa: BLE001 - whatever a command raises is its outcome
            outcome = {"ok": False, "error": type(error).__name__}
        self._remember(command_id)
        self.publish("result", {"command": command_id, **outcome})

    def _remember(self, command_id: str) -> None:
        """Write down that a command was carried out, so that it is not after a restart either."""
        self._done = [*self._done, command_id][-REMEMBERED:]
        new = self._state / "done.json.new"
        try:
            new.write_text(json.dumps(self._done))
            new.replace(self._state / "done.json")
        except OSError as error:  # a full disk must not end the thread that receives commands
            print(f"A restart may repeat the command {command_id}: {error}", file=sys.stderr)


def main() -> None:
    """Publish the uptime each second, and print commands, until the program is interrupted."""
    settings, state = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    device = Device(settings, state, lambda command: print(command.get("message", command)))
    device.start()
    try:
        while True:
            device.publish("telemetry", {"time": time.monotonic_ns() // 1_000_000})
            time.sleep(1)
    except KeyboardInterrupt:
        device.stop()


if __name__ == "__main__":
    main()
