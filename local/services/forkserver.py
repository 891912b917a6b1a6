"""Processes of Python functions, forked from one that has imported the SDK: half of what a start takes.

The gateway's half is `Process`, in place of `subprocess.Popen`. The other half is this file as a program, in the Python
of the functions: it forks for each message, and the fork runs the script with a directory, an environment and standard
streams of its own. Linux only, since a process that is not one's child is waited for and signalled by its pidfd.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import glob
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

SDK = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")
"""The SDK of Lambda's runtime and what it brings along. A package or a layer with one of these has its own."""
LARGEST = 1 << 17  # bytes of a message: a script's path, a directory and an environment


@functools.cache
def supported() -> bool:
    """Return whether processes can be forked here. Some containers refuse pidfds."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


class Server:
    """The process that forks, of one Python. It ends with the gateway, whose end of the socket closes then."""

    def __init__(self, python: str) -> None:
        """Start it. *python* is an interpreter's path."""
        self._lock = threading.Lock()
        self._socket, given = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with given:
            self.process = subprocess.Popen(
                [python, __file__, str(given.fileno())],
                pass_fds=[given.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def start(self, script: str, cwd: str, env: Mapping[str, str], streams: Sequence[int]) -> int:
        """Fork a process with these standard streams; return its id."""
        message = json.dumps([script, cwd, dict(env)]).encode()
        with self._lock:
            socket.send_fds(self._socket, [message], streams)
            answer = self._socket.recv(LARGEST)
        if not answer:
            raise BrokenPipeError(f"{self.process.args!r} has ended")
        return int(answer)

    def close(self) -> None:
        """End the server. Its forks go on."""
        self._socket.close()


_servers: dict[str, Server] = {}
_choosing = threading.Lock()


def server(python: str) -> Server:
    """Return the server of a Python, which starts with the first process, and again if it was killed."""
    with _choosing:
        found = _servers.get(python)
        if found is None or found.process.poll() is not None:
            found = _servers[python] = Server(python)
        return found


class Process:
    """A process of a script, as far as `subprocess.Popen` with text pipes is used for functions.

    `returncode` is 1 once it has ended: how it ended is not known.
    """

    def __init__(self, arguments: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> None:
        """Start it. *arguments* are the Python and the script."""
        python, script = arguments
        (stdin, self_in), (self_out, stdout), (self_err, stderr) = os.pipe(), os.pipe(), os.pipe()
        self.stdin = open(self_in, "w", buffering=1)  # noqa: PTH123, SIM115 - pathlib opens no descriptors
        self.stdout, self.stderr = open(self_out), open(self_err)  # noqa: PTH123, SIM115
        try:
            self.pid = server(python).start(script, cwd, env, (stdin, stdout, stderr))
        finally:
            for given in (stdin, stdout, stderr):
                os.close(given)
        self.args = arguments
        self.returncode: int | None = None
        try:
            self._pidfd = open(os.pidfd_open(self.pid), "rb", buffering=0)  # noqa: PTH123, SIM115 - closes itself
        except ProcessLookupError:  # it has ended already
            self.returncode = 1

    def poll(self) -> int | None:
        """Return 1 if the process has ended, else None."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the process. Raise TimeoutExpired after `timeout` seconds."""
        if (ended := self._ended(timeout)) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return ended

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            if poll.poll(None if timeout is None else timeout * 1000):
                self.returncode = 1
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._pidfd.fileno(), number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def share_models() -> Callable[[], None]:
    """Give forks what earlier ones have read of the SDK's data. Return what must run before a fork.

    The models are most of the time of a new client. A fork reports the files that it reads; what it gets is its own.
    """
    import botocore.loaders
    import botocore.session

    botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
    botocore.session.create_loader(None).list_available_services("service-2")
    kept: dict[str, Any] = {}
    told, tell = os.pipe()
    os.set_blocking(told, False)
    os.set_blocking(tell, False)
    files: Any = botocore.loaders.JSONFileLoader
    read = files.load_file

    def load_file(self: Any, path: str) -> Any:
        if path in kept:
            return kept.pop(path)
        if (found := read(self, path)) is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(tell, f"{path}\n".encode())
        return found

    def learn() -> None:
        with contextlib.suppress(BlockingIOError):
            for path in os.read(told, LARGEST).decode().splitlines():
                kept[path] = kept.get(path) or read(files(), path)
            gc.freeze()  # what is there stays shared with the forks

    files.load_file = load_file
    return learn


def serve(asked: socket.socket, prepare: Callable[[], None]) -> tuple[str, list[int]]:
    """Fork for each message, after `prepare`. Return in the forks alone, with the message and the standard streams."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets forks that end
    while True:
        message, streams, _, _ = socket.recv_fds(asked, LARGEST, 3)
        if not message:
            sys.exit()
        prepare()
        if not (pid := os.fork()):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asked.close()
            return message.decode(), streams
        for stream in streams:
            os.close(stream)
        asked.send(str(pid).encode())


def become(script: str, cwd: str, env: Mapping[str, str], streams: Sequence[int]) -> None:
    """Make this fork what `python script` would be."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv, sys.path[0] = [script], os.path.dirname(script)  # noqa: PTH120 - pathlib is not imported
    layers = [layer for layer in env.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if layer]
    # Where MiniStack's script looks for modules, which comes after this.
    places = [cwd, *(f"{layer}{place}" for layer in layers for place in ("", "/python", "/python/lib/*/site-packages"))]
    own = {os.path.basename(path).partition(".")[0] for place in places for path in glob.glob(f"{place}/*")}  # noqa: PTH119, PTH207
    if own.intersection(SDK):
        for name in [one for one in sys.modules if one.partition(".")[0] in SDK]:
            del sys.modules[name]


if __name__ == "__main__":
    import runpy

    _prepare: Callable[[], None] = gc.freeze
    with contextlib.suppress(ImportError):  # a Python without the SDK: its functions cannot import it either
        import boto3  # noqa: F401

        _prepare = share_models()
    gc.freeze()
    _message, _streams = serve(socket.socket(fileno=int(sys.argv[1])), _prepare)
    _script, _cwd, _env = json.loads(_message)
    become(_script, _cwd, _env, _streams)
    runpy.run_path(_script, run_name="__main__")
