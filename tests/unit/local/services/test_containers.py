"""Containers as processes: what an image's layers and configuration make of one."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from local.harness.scenario import wait_until
from local.services import containers
from scenarios.images import Image

SERVE = """\
import http.server, os
print("ready", os.environ["MODE"], flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["MODE"].encode())
    def log_message(self, *_):
        pass
http.server.HTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""


def engine_with(image: Image) -> containers.Engine:
    found = containers.Engine()
    found.pull = lambda reference: containers.Image(reference, image.config, (image.layer,))
    return found


@pytest.fixture
def engine() -> Iterator[containers.Engine]:
    made = engine_with(Image({"srv/app.py": SERVE}, ("python3", "app.py")))
    yield made
    for container in made.containers.list():
        container.remove()


def answer_of(container: containers.Container) -> str:
    """Return the first answer. A port that is bound refuses connections until its program listens."""

    def answer() -> str:
        with (
            contextlib.suppress(urllib.error.URLError),
            urllib.request.urlopen(f"http://127.0.0.1:{container.place(8080) or 1}/", timeout=10) as response,
        ):
            return str(response.read().decode())
        return ""

    return wait_until("an answer", answer)


def test_two_containers_have_the_same_port_each_for_itself(engine: containers.Engine) -> None:
    one, two = (engine.containers.run("shop", name=name, environment={"MODE": name}) for name in ("one", "two"))
    assert [answer_of(one), answer_of(two)] == ["one", "two"]
    assert one.address != two.address
    assert engine.at(two.address) is two
    one.stop()
    assert (one.status, two.status) == ("exited", "running")
    one.remove()
    assert not one.folder.exists()
    assert engine.at(one.address) is None
    with pytest.raises(KeyError):
        engine.containers.get(one.id)


def test_the_log_has_all_that_a_process_wrote_before_it_ended() -> None:
    engine = engine_with(Image({"srv/a": ""}, ("sh", "-c", "echo one; echo two >&2; exit 3")))
    container = engine.containers.run("shop", name="a", environment={})
    assert b"".join(container.logs(follow=True)) == b"one\ntwo\n"
    assert container.wait() == {"StatusCode": 3}
    assert container.logs(tail=1) == b"two\n"
    container.remove()


def test_a_command_of_the_task_replaces_the_images() -> None:
    engine = engine_with(Image({"bin/hello": "#!/bin/sh\necho hello $1\n"}, ("sh", "-c", "exit 1"), "/"))
    container = engine.containers.run("shop", name="a", environment={}, command=["hello", "you"])
    assert container.wait() == {"StatusCode": 0}
    assert container.logs(tail=5) == b"hello you\n"
    container.remove()


def test_an_image_without_command_does_not_start() -> None:
    with pytest.raises(ValueError, match="No command specified"):
        engine_with(Image({"a": ""})).containers.run("shop", name="a", environment={})


def test_without_a_registry_there_are_no_images() -> None:
    with pytest.raises(containers.PullError):
        containers.Engine().images.pull("shop:1")


@pytest.mark.parametrize("blob", [b"\xff", b"[]"])
def test_a_configuration_that_is_none_is_refused(blob: bytes) -> None:
    with pytest.raises(containers.PullError):
        containers.config_of(blob)
