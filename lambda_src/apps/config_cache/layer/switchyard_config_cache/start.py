"""Bind the port and register: all that the start of a function waits for. The rest is imported afterwards.

Lambda starts the runtime when each extension has registered. Reads that come before the server is ready wait in the
socket's queue instead of being refused.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import gc
import os
import socket
import sys

DEFAULT_PORT = 4000
VERSION = "2020-01-01"


def listen() -> socket.socket | OSError | ValueError:
    """Return a socket that listens on loopback only, or the error."""
    try:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", int(os.environ.get("CACHE_EXTENSION_PORT") or DEFAULT_PORT)))
        listening.listen(128)
    except (OSError, OverflowError, ValueError) as error:
        return error if isinstance(error, OSError) else ValueError(str(error))
    return listening


def register(api: str, name: str) -> str:
    """Register for the events of the environment's life. Return the extension's identifier."""
    host, _, port = api.partition(":")
    body = '{"events": ["INVOKE", "SHUTDOWN"]}'
    with socket.create_connection((host, int(port or 80))) as connection:
        connection.sendall(
            f"POST /{VERSION}/extension/register HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n"
            f"Lambda-Extension-Name: {name}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            f"{body}".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = connection.recv(4096)
            if not received:
                break
            answer += received
    status, *headers = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    found = {header.partition(":")[0].strip().lower(): header.partition(":")[2].strip() for header in headers}
    if status.split(" ")[1:2] != ["200"] or "lambda-extension-identifier" not in found:
        raise SystemExit(f"switchyard-config-cache: Lambda refused the registration as {name}: {status}")
    return found["lambda-extension-identifier"]


def main() -> int:
    """Run until Lambda ends the environment. Return the status of the process."""
    listening = listen()
    api = os.environ["AWS_LAMBDA_RUNTIME_API"]
    identifier = register(api, sys.argv[1])
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120 - pathlib takes 10 ms
    gc.disable()  # there is no garbage yet, and looking for it takes 3 ms
    from switchyard_config_cache import extension

    gc.enable()
    return extension.run(api, identifier, listening)


if __name__ == "__main__":
    sys.exit(main())
