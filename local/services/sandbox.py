"""Loopback ports of one execution environment, whose network is its own on AWS.

Here all environments share a network. A process of an environment that binds a port of 127.0.0.1 gets a free one, and
the processes of the same environment that connect to the port reach it. The folder in `SWITCHYARD_SANDBOX` has the
mapping. Only the standard library: functions and extensions run this before their own code.
"""

import errno
import os
import socket
from typing import Any

LOOPBACK = ("127.0.0.1", "localhost", "0.0.0.0", "")
VARIABLE = "SWITCHYARD_SANDBOX"


def install() -> None:
    """Map the ports of this process, if it belongs to an environment."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    bind, connect, connect_ex = socket.socket.bind, socket.socket.connect, socket.socket.connect_ex

    def place(address: Any) -> str:
        ours = isinstance(address, tuple) and len(address) == 2 and address[0] in LOOPBACK and address[1]
        return f"{folder}/{address[1]}" if ours else ""

    def mapped(address: Any) -> Any:
        path = place(address)
        if not path or not os.path.exists(path):  # noqa: PTH110 - pathlib would take 10 ms of a start
            return address
        with open(path, encoding="ascii") as file:  # noqa: PTH123
            return ("127.0.0.1", int(file.read()))

    def bound(self: socket.socket, address: Any) -> None:
        path = place(address)
        if not path:
            bind(self, address)
            return
        try:
            bind(self, ("127.0.0.1", 0))
            with open(f"{path}.new", "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(str(self.getsockname()[1]))
            os.link(f"{path}.new", path)  # one process gets the port
        except FileExistsError:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)) from None

    socket.socket.bind = bound  # type: ignore[assignment,method-assign]
    socket.socket.connect = lambda self, address: connect(self, mapped(address))  # type: ignore[method-assign]
    socket.socket.connect_ex = lambda self, address: connect_ex(self, mapped(address))  # type: ignore[method-assign]
