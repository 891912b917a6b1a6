"""Publish what is made of the served file: the documentation to its bucket, the client packages to CodeArtifact.

    python -m apps.openapi_service.publish      in the folder of the kit, with the settings in the environment

It publishes what is served when it runs, so that builds may overtake each other, and a package that is there already is
not published again: a build can be repeated at any time.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import aws_errors, settings
from common import clients as aws

from . import clients, document

SITE = "site"
REPORT_KEY = "reports/publication.json"
_CACHED = {"library": "public, max-age=86400", "page": "no-cache"}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".js": "text/javascript",
    ".css": "text/css",
}


class UnknownLibrary(Exception):
    """The library of the documentation is not the known file."""


@dataclass(frozen=True)
class Settings:
    """The environment. CLIENTS: kinds of packages; PACKAGE_NAME: "" for one of the file's title."""

    bucket: str
    current_key: str
    site_bucket: str
    api_url: str
    domain: str
    domain_owner: str
    repository: str
    clients: list[str]
    package_name: str = ""


@dataclass(frozen=True)
class Repository:
    """A repository of CodeArtifact."""

    codeartifact: Any
    conf: Settings

    @property
    def _names(self) -> dict[str, str]:
        conf = self.conf
        return {"domain": conf.domain, "domainOwner": conf.domain_owner, "repository": conf.repository}

    def has(self, kind: str, name: str, version: str) -> bool:
        """Return whether a version of a package is published."""
        try:
            found = self.codeartifact.describe_package_version(
                format=kind, package=name, packageVersion=version, **self._names
            )
        except Exception as error:
            failure = aws_errors.read(error)
            if failure and failure.code == "ResourceNotFoundException":
                return False
            raise
        return bool(found["packageVersion"]["status"] == "Published")

    def publish(self, kind: str, file: Path, folder: Path) -> None:
        """Publish a package with the client of its kind."""
        endpoint = self.codeartifact.get_repository_endpoint(format=kind, **self._names)["repositoryEndpoint"]
        token = self.codeartifact.get_authorization_token(
            domain=self.conf.domain, domainOwner=self.conf.domain_owner, durationSeconds=900
        )["authorizationToken"]
        if kind == "pypi":
            environ = {"UV_PUBLISH_USERNAME": "aws", "UV_PUBLISH_PASSWORD": token}
            clients.run(["uv", "publish", "--quiet", "--publish-url", endpoint, str(file)], folder, environ)
            return
        place = endpoint.partition(":")[2]
        (folder / ".npmrc").write_text(f"registry={endpoint}\n{place}:_authToken={token}\n")
        (folder / ".npmrc").chmod(0o600)
        clients.run(
            ["npm", "publish", "--silent", str(file)], folder, {"npm_config_userconfig": str(folder / ".npmrc")}
        )


def main() -> int:
    """Publish, and write a report about it."""
    conf, s3 = settings.load(Settings), aws.client("s3")
    text = s3.get_object(Bucket=conf.bucket, Key=conf.current_key)["Body"].read().decode()
    served = {**document.read(text), "servers": [{"url": conf.api_url}]}
    files = site(served, Path.cwd(), _library())
    for name, content in sorted(files.items(), key=lambda one: one[0] == "index.html"):  # the page comes last
        kind = "library" if name.startswith("elements/") else "page"
        s3.put_object(
            Bucket=conf.site_bucket,
            Key=f"{SITE}/{name}",
            Body=content,
            ContentType=_TYPES[Path(name).suffix],
            CacheControl=_CACHED[kind],
        )
    report = {"version": served["info"]["version"], "documentation": sorted(files), "packages": packages(served, conf)}
    s3.put_object(Bucket=conf.bucket, Key=REPORT_KEY, Body=json.dumps(report), ContentType="application/json")
    print(json.dumps(report))
    return 0


def packages(served: Mapping[str, Any], conf: Settings) -> list[dict[str, str]]:
    """Make and publish the client packages that are not published yet. Return what became of each."""
    repository = Repository(aws.client("codeartifact"), conf)
    name, version = clients.package_name(conf.package_name, served), str(served["info"]["version"])
    made = []
    makers = {"python": ("pypi", clients.python), "typescript": ("npm", clients.typescript)}
    for language in conf.clients:
        kind, make = makers[language]
        state = "published before"
        if not repository.has(kind, name, version):
            with tempfile.TemporaryDirectory() as scratch:
                file = make(served, name, Path(scratch) / "client")
                try:
                    repository.publish(kind, file, Path(scratch))
                except clients.GeneratorFailed:
                    if not repository.has(kind, name, version):  # another build has, or the answer was lost
                        raise
            state = "published"
        made.append({"format": kind, "name": name, "version": version, "state": state})
    return made


def site(served: Mapping[str, Any], kit: Path, library: bytes) -> dict[str, bytes]:
    """Return the files of the documentation, which needs nothing from elsewhere, by name."""
    files = {"index.html": (kit / "index.html").read_bytes(), "openapi.json": json.dumps(served).encode()}
    with tarfile.open(fileobj=io.BytesIO(library)) as archive:
        for name in ("styles.min.css", "web-components.min.js"):
            member = archive.extractfile(f"package/{name}")
            files[f"elements/{name}"] = member.read() if member else b""
    return files


def _library() -> bytes:
    """Return the package of the documentation's library: set-up has put it next to the generators, or npm gets it."""
    wanted: dict[str, str] = json.loads(Path("generators/elements.json").read_text())
    near = Path(sys.prefix) / wanted["file"]
    if not near.exists():
        clients.run(["npm", "pack", "--silent", wanted["package"]], Path.cwd())
        near = Path.cwd() / wanted["file"]
    content = near.read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != wanted["integrity"]:
        raise UnknownLibrary(f"{wanted['file']} has the digest {found}")
    return content


if __name__ == "__main__":
    sys.exit(main())
