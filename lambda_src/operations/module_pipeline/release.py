"""Release a module: an object of its version in the registry, or a tag. A version is released once.

S3: the object is written on condition that it does not exist, so that of two builds one wins. A build that is repeated
finds its own content and succeeds. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from . import programs
from .errors import GateError, VersionTaken
from .source import digest

NEW, RELEASED, TAKEN = "new", "released", "taken"
_GONE = {"404", "NoSuchKey", "NotFound"}
_EXISTS = {"PreconditionFailed", "ConditionalRequestConflict"}
GIT_SECONDS = 300.0


def key_of(module: str, version: str) -> str:
    """Return the key of a release."""
    return f"registry/{module}/{version}.zip"


def tag_of(version: str) -> str:
    """Return the name of a release's tag."""
    return f"v{version}"


def state(s3: Any, bucket: str, owner: str, key: str, archive: bytes) -> str:
    """Return whether a version is new, released with this content, or taken by other content."""
    try:
        found = s3.head_object(Bucket=bucket, Key=key, **_owner(owner))
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return NEW
        raise
    return RELEASED if found.get("Metadata", {}).get("sha256") == digest(archive) else TAKEN


def to_registry(s3: Any, bucket: str, owner: str, key: str, archive: bytes, facts: dict[str, str]) -> str:
    """Write a release. Return NEW, or RELEASED if it is there already. Raise VersionTaken if its content is another."""
    try:
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=archive,
            ContentType="application/zip",
            ChecksumSHA256=base64.b64encode(hashlib.sha256(archive).digest()).decode(),
            Metadata={**facts, "sha256": digest(archive)},
            IfNoneMatch="*",
            **_owner(owner),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _EXISTS:
            raise
    else:
        return NEW
    if state(s3, bucket, owner, key, archive) != RELEASED:
        raise VersionTaken(f"{key} exists with other content. A release never changes: raise the version")
    return RELEASED


def tag_state(folder: Path, tag: str) -> str:
    """Return whether the tag is new at the origin, on this commit, or on another. Raise GateError if git fails."""
    found = _git(folder, "ls-remote", "--tags", "origin", f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}").splitlines()
    commits = {line.split()[0] for line in found if line.endswith("^{}")} or {line.split()[0] for line in found}
    if not commits:
        return NEW
    return RELEASED if commits == {_git(folder, "rev-parse", "HEAD").strip()} else TAKEN


def to_tag(folder: Path, tag: str, message: str) -> str:
    """Push an annotated tag of the commit. Return NEW, or RELEASED. Raise VersionTaken if it is on another commit."""
    known = tag_state(folder, tag)
    if known == NEW:
        identity = ("-c", "user.name=module-pipeline", "-c", "user.email=module-pipeline@localhost")
        _git(folder, *identity, "tag", "--annotate", "--force", "--message", message, tag)
        _git(folder, "push", "origin", f"refs/tags/{tag}")  # git refuses to change a tag without --force
        return NEW
    if known == TAKEN:
        raise VersionTaken(f"The tag {tag} is on another commit. A release never changes: raise the version")
    return RELEASED


def _git(folder: Path, *arguments: str) -> str:
    done = programs.run(["git", *arguments], folder, {**os.environ, "GIT_TERMINAL_PROMPT": "0"}, GIT_SECONDS, grace=10)
    if done.status:
        raise GateError(f"git {' '.join(arguments[:1])} failed: {done.said}")
    return done.output


def _owner(account: str) -> dict[str, str]:
    return {"ExpectedBucketOwner": account} if account else {}
