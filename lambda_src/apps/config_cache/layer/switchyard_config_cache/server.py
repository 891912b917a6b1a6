"""The HTTP interface: `GET /parameters?name=…`, `/secrets?name=…`, `/dynamodb?name=…`, and `/` for the state."""

import hmac
import http.server
import json
import socket
import urllib.parse
from collections.abc import Mapping
from typing import Any

from .cache import Answer, Cache, NotConfigured
from .settings import SECRETS, Key

TOKEN_HEADER = "X-Aws-Parameters-Secrets-Token"  # noqa: S105 - its name, as of AWS's own extension
REFERENCE = "/aws/reference/secretsmanager/"
"""Parameter Store's path to secrets, by which the source's functions ask for them."""
LONGEST_NAME = 2048


class Refused(Exception):
    """A request that is not answered with a value: HTTP status, a one-word error and a message."""

    def __init__(self, status: int, error: str, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.error, self.code = status, error, code


class Api:
    """What requests are answered from: the cache, or the reason why there is none."""

    def __init__(self, token: str, cache: Cache, broken: Mapping[Key, str], misconfigured: str = "") -> None:
        self._token, self._cache, self._broken, self._misconfigured = token.encode(), cache, broken, misconfigured

    def get(self, target: str, token: str) -> tuple[Answer, bytes, str]:
        """Return the answer, the body and its type. Raise Refused."""
        if not self._token or not hmac.compare_digest(self._token, token.encode("latin-1", "replace")):
            raise Refused(401, "TokenRequired", f"Set the header {TOKEN_HEADER} to the value of AWS_SESSION_TOKEN.")
        if self._misconfigured:
            raise Refused(500, "Misconfigured", self._misconfigured)
        path, _, query = target.partition("?")
        if path == "/":
            return Answer(None), json.dumps(self._cache.state()).encode(), "application/json"
        key, refused = asked(path.strip("/"), query)
        if key in self._broken:
            raise Refused(500, "Misconfigured", self._broken[key])
        try:
            answer = self._cache.read(key, refused)
        except NotConfigured:
            message = f"{key[1]} is not in the configuration of {key[0]}. Only configured names are read."
            raise Refused(404, "NotConfigured", message) from None
        if answer.value:
            return answer, answer.value.body, answer.value.content_type
        failure = answer.failure
        if failure and failure.absent:
            raise Refused(404, "NotFound", failure.message, failure.code)
        if failure and failure.final:
            raise Refused(502, "RefusedByAws", failure.message, failure.code)
        raise Refused(503, "Unavailable", failure.message if failure else "", failure.code if failure else "")


def asked(kind: str, query: str) -> tuple[Key, str]:
    """Return the key of a request, and the etag that was refused. Raise Refused 400 for any other query."""
    try:
        found = urllib.parse.parse_qs(query, keep_blank_values=True, strict_parsing=True, max_num_fields=2)
    except ValueError:
        found = {}
    names, refused = found.pop("name", []), found.pop("refused", [""])
    if len(names) != 1 or not 1 <= len(names[0]) <= LONGEST_NAME or len(refused) != 1 or found:
        raise Refused(400, "BadRequest", "Ask with ?name=NAME, and &refused=ETAG to have a refused value read again.")
    if kind == "parameters" and names[0].startswith(REFERENCE):
        return (SECRETS, names[0].removeprefix(REFERENCE)), refused[0]
    return (kind, names[0]), refused[0]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    api: Api

    def do_GET(self) -> None:
        try:
            answer, body, content_type = self.api.get(self.path, self.headers.get(TOKEN_HEADER, ""))
        except Refused as refused:
            shown = {"error": refused.error, "message": str(refused), "code": refused.code}
            self._send(refused.status, json.dumps(shown).encode(), {"Content-Type": "application/json"})
            return
        headers = {"Content-Type": content_type}
        if answer.value:
            headers |= {"ETag": f'"{answer.value.etag}"', "Age": str(max(0, int(answer.age)))}
            headers["X-Cache"] = "stale" if answer.stale else "fresh"
        self._send(200, body, headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, content in {**headers, "Cache-Control": "no-store", "Content-Length": str(len(body))}.items():
            self.send_header(name, content)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Log no request: names are not for logs, and each line costs its function."""


class Server(http.server.ThreadingHTTPServer):
    """Serves on a socket that listens already. A connection has a thread, and stays open."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, api: Api) -> None:
        super().__init__(listening.getsockname(), type("Handler", (_Handler,), {"api": api}), bind_and_activate=False)
        self.socket.close()
        self.socket = listening

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a function that ends its connection."""
