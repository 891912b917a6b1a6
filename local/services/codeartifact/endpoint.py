"""The endpoints of repositories: PyPI's upload and simple index, and npm's registry.

https://docs.aws.amazon.com/codeartifact/latest/ug/using-python.html
https://docs.aws.amazon.com/codeartifact/latest/ug/npm-auth.html
https://packaging.python.org/en/latest/specifications/simple-repository-api/
https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from . import neighbours

Data = dict[str, Any]
Answer = tuple[int, str, bytes]


@dataclass
class Package:
    """A version of a package: the files that were published, by name. `metadata` is what npm sent of it."""

    files: dict[str, bytes] = field(default_factory=dict)
    metadata: Data = field(default_factory=dict)
    published: float = field(default_factory=time.time)


@dataclass
class Repository:
    """A repository: its description, and versions by (format, package, version)."""

    described: Data
    versions: dict[tuple[str, str, str], Package] = field(default_factory=dict)


class Endpoint:
    """A server on loopback for all repositories of an account and Region."""

    def __init__(
        self,
        repositories: Mapping[tuple[str, str], Repository],
        tokens: Mapping[str, tuple[str, Data, float]],
        scope: tuple[str, str],
    ) -> None:
        self.repositories, self.tokens = repositories, tokens
        self.account, self.region = scope
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="codeartifact", daemon=True).start()

    @property
    def url(self) -> str:
        """Return the server's URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method: str, path: str, authorization: str, media: str, body: bytes) -> Answer:
        """Return status, media type and body."""
        parts = [unquote(part) for part in path.split("/") if part]
        if len(parts) < 3:
            return _text(404, "Not found")
        domain, kind, repository, *rest = parts
        found = self.repositories.get((domain, repository))
        if found is None or kind not in ("pypi", "npm"):
            return _text(404, "Not found")
        publishing = method in ("POST", "PUT")
        reason = self._refusal(domain, found, authorization, kind, rest, publishing=publishing)
        if reason:
            return _text(*reason)
        with self._lock:
            if kind == "pypi":
                return _upload(found, media, body) if publishing else self._index(domain, repository, found, rest)
            return _publish(found, body) if publishing else self._package(domain, repository, found, rest)

    def _refusal(
        self, domain: str, found: Repository, authorization: str, kind: str, rest: list[str], *, publishing: bool
    ) -> tuple[int, str] | None:
        """Return the status and text for a request whose token does not allow it."""
        scheme, _, value = authorization.partition(" ")
        token = base64.b64decode(value).decode().partition(":")[2] if scheme.lower() == "basic" else value
        owner, credentials, expires = self.tokens.get(token, ("", {}, 0.0))
        if owner != domain or expires < time.time():
            return 401, "Unauthorized"
        arn = found.described["arn"]
        action = "codeartifact:ReadFromRepository"
        if publishing:
            action = "codeartifact:PublishPackageVersion"
            name = rest[0] if kind == "npm" and rest else "*"
            place = f"package/{domain}/{found.described['name']}/{kind}//{name}"
            arn = f"arn:aws:codeartifact:{self.region}:{self.account}:{place}"
        if neighbours.current.may(credentials, action, arn, self.account, self.region):
            return None
        return 403, f"not authorized to perform: {action} on resource: {arn}"

    # Reading

    def _index(self, domain: str, repository: str, found: Repository, rest: list[str]) -> Answer:
        """Answer pip: /simple/<name>/, and the files it names."""
        if len(rest) < 2 or rest[0] not in ("simple", "files"):
            return _text(404, "Not found")
        if rest[0] == "files":
            for (kind, _, _), package in found.versions.items():
                if kind == "pypi" and rest[1] in package.files:
                    return 200, "application/octet-stream", package.files[rest[1]]
            return _text(404, "Not found")
        packages = [package for (kind, name, _), package in found.versions.items() if (kind, name) == ("pypi", rest[1])]
        if not packages:
            return _text(404, "Not found")
        links = [
            f'<a href="{self.url}/{domain}/pypi/{repository}/files/{name}'
            f'#sha256={hashlib.sha256(content).hexdigest()}">{html.escape(name)}</a>'
            for package in packages
            for name, content in package.files.items()
        ]
        return 200, "text/html", f"<!DOCTYPE html><html><body>{'<br>'.join(links)}</body></html>".encode()

    def _package(self, domain: str, repository: str, found: Repository, rest: list[str]) -> Answer:
        """Answer npm: /<name>, and /<name>/-/<file>."""
        versions = {v: one for (kind, name, v), one in found.versions.items() if kind == "npm" and [name] == rest[:1]}
        if not versions:
            return _json(404, {"error": "Not found"})
        if len(rest) == 3:
            for package in versions.values():
                if rest[2] in package.files:
                    return 200, "application/octet-stream", package.files[rest[2]]
        shown = {version: self._npm(domain, repository, rest[0], package) for version, package in versions.items()}
        newest = max(versions, key=lambda version: versions[version].published)
        return _json(200, {"name": rest[0], "dist-tags": {"latest": newest}, "versions": shown})

    def _npm(self, domain: str, repository: str, name: str, package: Package) -> dict[str, Any]:
        ((file, content),) = package.files.items()
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
        place = f"{self.url}/{domain}/npm/{repository}/{name}/-/{file}"
        return {**package.metadata, "dist": {"tarball": place, "integrity": f"sha512-{digest}"}}


def _upload(found: Repository, media: str, body: bytes) -> Answer:
    """Take what `twine` and `uv publish` send: a form with a file."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + media.encode() + b"\r\n\r\n" + body)
    fields: dict[str, bytes] = {}
    file = ""
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        fields[name] = bytes(part.get_payload(decode=True) or b"")
        file = part.get_filename() or file
    key = ("pypi", fields["name"].decode().strip(), fields["version"].decode().strip())
    if not file or (key in found.versions and file in found.versions[key].files):
        return _text(409, "The asset exists already")
    found.versions.setdefault(key, Package()).files[file] = fields["content"]
    return _text(200, "")


def _publish(found: Repository, body: bytes) -> Answer:
    """Take what `npm publish` sends: a document with the file in it."""
    document = json.loads(body)
    ((version, metadata),) = document["versions"].items()
    key = ("npm", document["name"], version)
    if key in found.versions:
        return _json(409, {"error": "The version exists already"})
    ((file, attachment),) = document["_attachments"].items()
    metadata.pop("dist", None)
    found.versions[key] = Package({file: base64.b64decode(attachment["data"])}, metadata)
    return _json(200, {"ok": True})


def _text(status: int, text: str) -> Answer:
    return status, "text/plain", text.encode()


def _json(status: int, value: Any) -> Answer:
    return status, "application/json", json.dumps(value).encode()


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                body = self._chunks()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = self.headers
            status, media, content = endpoint.answer(
                self.command,
                self.path.partition("?")[0],
                headers.get("Authorization", ""),
                headers.get("Content-Type", ""),
                body,
            )
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(content)))
            if status == 401:
                self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            self.wfile.write(content)

        def _chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - named by the library

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Keep the console quiet."""

    return Handler
