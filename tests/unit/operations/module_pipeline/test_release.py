"""Releases: one version has one content. A repeated release succeeds, a changed one is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from operations.module_pipeline import release
from operations.module_pipeline.errors import GateError, VersionTaken
from operations.module_pipeline.source import digest

KEY = "registry/topic/1.2.0.zip"
ONE, OTHER = b"one", b"other"


@pytest.fixture
def s3() -> tuple[Any, Stubber]:
    client: Any = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    return client, Stubber(client)


def put(stub: Stubber, code: str = "") -> None:
    """Expect the conditional write, which fails with a code."""
    expected = {
        "Bucket": "modules",
        "Key": KEY,
        "Body": ONE,
        "ContentType": "application/zip",
        "ChecksumSHA256": ANY,
        "Metadata": {"version": "1.2.0", "sha256": digest(ONE)},
        "IfNoneMatch": "*",
        "ExpectedBucketOwner": "111122223333",
    }
    if code:
        stub.add_client_error("put_object", code, http_status_code=412, expected_params=expected)
    else:
        stub.add_response("put_object", {}, expected)


def head(stub: Stubber, content: bytes) -> None:
    """Expect a look at what is there."""
    stub.add_response("head_object", {"Metadata": {"sha256": digest(content)}})


def write(client: Any) -> str:
    """Release ONE."""
    return release.to_registry(client, "modules", "111122223333", KEY, ONE, {"version": "1.2.0"})


def test_a_new_version_is_written_if_it_does_not_exist(s3: tuple[Any, Stubber]) -> None:
    client, stub = s3
    put(stub)
    with stub:
        assert write(client) == release.NEW


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_a_repeated_release_succeeds(s3: tuple[Any, Stubber], code: str) -> None:
    client, stub = s3
    put(stub, code)
    head(stub, ONE)
    with stub:
        assert write(client) == release.RELEASED
        stub.assert_no_pending_responses()


def test_other_content_under_a_released_version_is_refused(s3: tuple[Any, Stubber]) -> None:
    client, stub = s3
    put(stub, "PreconditionFailed")
    head(stub, OTHER)
    with stub, pytest.raises(VersionTaken, match="raise the version"):
        write(client)


def test_a_refusal_is_no_existing_version(s3: tuple[Any, Stubber]) -> None:
    client, stub = s3
    put(stub, "AccessDenied")
    with stub, pytest.raises(ClientError, match="AccessDenied"):
        write(client)


def test_states(s3: tuple[Any, Stubber]) -> None:
    client, stub = s3
    stub.add_client_error("head_object", "404")
    head(stub, ONE)
    head(stub, OTHER)
    stub.add_response("head_object", {})
    stub.add_client_error("head_object", "403")
    with stub:
        for expected in (release.NEW, release.RELEASED, release.TAKEN, release.TAKEN):
            assert release.state(client, "modules", "", KEY, ONE) == expected
        with pytest.raises(ClientError):  # not allowed to look is not "new"
            release.state(client, "modules", "", KEY, ONE)


# --- tags, with real git ----------------------------------------------------------------------------------


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a clone of a repository with one commit."""
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "test")
        monkeypatch.setenv(f"{name}_EMAIL", "test@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(tmp_path, "clone", "--quiet", "origin.git", "clone")
    return commit(tmp_path / "clone", "first")


def git(folder: Path, *arguments: str) -> str:
    """Run git."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder: Path, text: str) -> Path:
    """Add a commit and push it."""
    (folder / "main.tf").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", text)
    git(folder, "push", "--quiet", "origin", "HEAD")
    return folder


def test_a_tag_is_pushed_once(clone: Path) -> None:
    assert release.tag_state(clone, "v1.2.0") == release.NEW
    assert release.to_tag(clone, "v1.2.0", "topic 1.2.0") == release.NEW
    assert git(clone, "ls-remote", "--tags", "origin").count("refs/tags/v1.2.0") == 2  # annotated
    assert release.to_tag(clone, "v1.2.0", "topic 1.2.0") == release.RELEASED


def test_a_tag_on_another_commit_is_refused(clone: Path) -> None:
    release.to_tag(clone, "v1.2.0", "topic 1.2.0")
    before = git(clone, "ls-remote", "--tags", "origin")
    commit(clone, "second")
    assert release.tag_state(clone, "v1.2.0") == release.TAKEN
    with pytest.raises(VersionTaken, match="on another commit"):
        release.to_tag(clone, "v1.2.0", "topic 1.2.0")
    assert git(clone, "ls-remote", "--tags", "origin") == before


def test_a_plain_tag_counts_too(clone: Path) -> None:
    git(clone, "tag", "v1.0.0")
    git(clone, "push", "--quiet", "origin", "v1.0.0")
    assert release.tag_state(clone, "v1.0.0") == release.RELEASED


def test_an_origin_that_does_not_answer_is_an_error(tmp_path: Path, clone: Path) -> None:
    (tmp_path / "origin.git").rename(tmp_path / "gone.git")
    with pytest.raises(GateError, match="git ls-remote failed"):
        release.tag_state(clone, "v1.2.0")
