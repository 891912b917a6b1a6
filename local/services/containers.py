"""Containers as processes of this machine, behind the part of Docker's Python API that MiniStack's ECS uses.

An image is what its registry holds: layers, unpacked into a folder of the container's own, and the configuration that
says what to run there. The process sees the whole machine: namespaces, users, a read-only root, limits of CPU and
memory, and architecture are not applied. `python3` is the Python of functions, and everything else comes from the image
or the machine's PATH. Each container has ports of its own (`local.services.sandbox`), found by its address; programs in
Python have them, since their ports are mapped when they start.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from docker.errors import ImageNotFound  # type: ignore[import-untyped]

from local.services import sandbox


class Image(NamedTuple):
    """An image: the digest of its manifest, its configuration (OCI image specification), its layers as tar files."""

    digest: str
    config: Mapping[str, Any]
    layers: tuple[bytes, ...]


class PullError(Exception):
    """The registry does not give an image to the role that asks."""


Pull = Callable[[str], Image]
"""The reference of an image -> the image. Raise PullError."""


def _home() -> str | None:
    """Return the cloud's own folder, which goes with it, if there is one."""
    if home := os.environ.get("STATE_DIR"):
        Path(home).mkdir(parents=True, exist_ok=True)
    return home


class Container:
    """One process, with a folder and an address of its own."""

    _addresses = itertools.count(10)

    def __init__(
        self,
        image: Image,
        name: str,
        environment: Mapping[str, str],
        command: list[str] | None,
        forget: Callable[[Container], None],
    ) -> None:
        self._forget = forget
        self.id, self.name = uuid.uuid4().hex + uuid.uuid4().hex, name
        number = next(self._addresses)
        self.address = f"10.0.{number // 250 % 250}.{number % 250 + 1}"
        self.folder = Path(tempfile.mkdtemp(prefix="container-", dir=_home()))
        self._root, self._ports, self._log = self.folder / "root", self.folder / "ports", self.folder / "log"
        for folder in (self._root / "tmp", self._ports, self.folder / "python"):
            folder.mkdir(parents=True)
        for layer in image.layers:
            archive = self.folder / "layer"
            archive.write_bytes(layer)
            # Not tarfile: until Python 3.11.4 it has no filter, and writes wherever an archive says. tar does not.
            subprocess.run(["tar", "-xf", archive, "--no-same-owner", "-C", self._root], check=True)
            archive.unlink()
        (self.folder / "python" / "sitecustomize.py").write_text(
            Path(sandbox.__file__).read_text() + "\ninstall()\n", encoding="utf-8"
        )
        try:
            self._process = self._start(dict(image.config.get("config") or {}), environment, command)
        except Exception:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _start(
        self, config: Mapping[str, Any], environment: Mapping[str, str], command: list[str] | None
    ) -> subprocess.Popen[bytes]:
        arguments = [*(config.get("Entrypoint") or []), *(command or config.get("Cmd") or [])]
        if not arguments:
            raise ValueError("No command specified")  # as Docker says
        python = os.environ.get("SWITCHYARD_RUNTIME_PYTHON") or sys.executable
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "python3").write_text(f'#!/bin/sh\nexec "{python}" "$@"\n', encoding="utf-8")
        (tools / "python3").chmod(0o755)
        path = os.pathsep.join([str(self._root / "bin"), str(tools), "/usr/local/bin", "/usr/bin", "/bin"])
        own = dict(line.partition("=")[::2] for line in config.get("Env") or [])
        variables = {
            **own,
            **environment,
            "PATH": path,
            "PYTHONPATH": str(self.folder / "python"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(self._root / "tmp"),
            sandbox.VARIABLE: str(self._ports),
        }
        with self._log.open("wb") as log:
            return subprocess.Popen(
                arguments,
                cwd=self._root / str(config.get("WorkingDir") or "").lstrip("/"),
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def place(self, port: int) -> int | None:
        """Return the port of this machine that stands for a port which the container has bound, or None."""
        with contextlib.suppress(OSError, ValueError):
            return int((self._ports / str(port)).read_text())
        return None

    @property
    def status(self) -> str:
        """Return Docker's word for the state."""
        return "running" if self._process.poll() is None else "exited"

    @property
    def attrs(self) -> dict[str, Any]:
        """Return the address as Docker shows it."""
        return {"NetworkSettings": {"Networks": {"awsvpc": {"IPAddress": self.address}}}}

    def reload(self) -> None:
        """Do nothing: nothing is cached."""

    def wait(self) -> dict[str, int]:
        """Return the exit code, once there is one."""
        return {"StatusCode": self._process.wait()}

    def stop(self, timeout: float = 30) -> None:
        """Send SIGTERM, and SIGKILL if that is not enough, as ECS does."""
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def remove(self, **_: Any) -> None:
        """Delete the folder of a container that has ended."""
        if self.status == "running":
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._forget(self)

    def logs(self, follow: bool = False, tail: int = 0, **_: Any) -> Any:
        """Return what the process has written, or with `follow` yield it piece by piece until the process ends."""
        if follow:
            return self._follow()
        with contextlib.suppress(OSError):
            return b"".join(self._log.read_bytes().splitlines(keepends=True)[-tail:])
        return b""

    def _follow(self) -> Iterator[bytes]:
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            while True:
                ended = self.status == "exited"
                if lines := log.read():
                    yield lines
                if ended:
                    return
                time.sleep(0.05)


class _Pulled(NamedTuple):
    id: str

    def tag(self, *_: Any, **__: Any) -> bool:
        """Accept another name: images are found by the reference that a task definition has."""
        return True


class _Images:
    def __init__(self, pull: Pull) -> None:
        self._pull = pull

    def pull(self, image: str, **_: Any) -> _Pulled:
        """Pull an image."""
        return _Pulled(self._pull(image).digest)

    get_registry_data = pull

    def get(self, image: str) -> _Pulled:
        """Refuse: Fargate keeps no images between tasks."""
        raise ImageNotFound(f"No such image: {image}")


class _Containers:
    def __init__(self, owner: Engine) -> None:
        self._owner = owner

    def run(
        self,
        image: str,
        *,
        name: str,
        environment: Mapping[str, str],
        command: list[str] | None = None,
        **_: Any,
    ) -> Container:
        """Start a container of an image."""
        container = Container(
            self._owner.pull(image), name, self._owner.environment(environment), command, self._owner.forget
        )
        with self._owner.lock:
            self._owner.known[container.id] = container
        return container

    def get(self, container_id: str) -> Container:
        """Return a container that has not been removed."""
        return self._owner.known[container_id]

    def list(self, **_: Any) -> list[Container]:
        """Return all containers."""
        with self._owner.lock:
            return [*self._owner.known.values()]


class Engine:
    """All containers of this cloud, as Docker's client shows them."""

    def __init__(self) -> None:
        self.known: dict[str, Container] = {}
        self.lock = threading.Lock()
        self.pull: Pull = no_registry
        self.environment: Callable[[Mapping[str, str]], Mapping[str, str]] = dict
        self.containers = _Containers(self)

    @property
    def images(self) -> _Images:
        """Return the images of the registries."""
        return _Images(self.pull)

    def forget(self, container: Container) -> None:
        """Drop a removed container."""
        with self.lock:
            self.known.pop(container.id, None)

    def at(self, address: str) -> Container | None:
        """Return the container with an address."""
        with self.lock:
            return next((one for one in self.known.values() if one.address == address), None)


def no_registry(reference: str) -> Image:
    """Refuse every image."""
    raise PullError(f"pull access denied for {reference}")


def config_of(blob: bytes) -> dict[str, Any]:
    """Return the configuration of an image. Raise PullError if it is none."""
    try:
        config = json.loads(blob)
    except ValueError:
        raise PullError("the configuration of the image is not JSON") from None
    if not isinstance(config, dict):
        raise PullError("the configuration of the image is not an object")
    return config


engine = Engine()
