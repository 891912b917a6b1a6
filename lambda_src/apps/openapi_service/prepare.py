"""Decide whether a file is deployed, and return what API Gateway imports of it.

Terraform calls this function when the file or a setting has changed, before anything else changes:
{"document": the file's text, "target": see `_target`, "accept_breaking": a version or "", "terraform": true}. It
answers {"accepted": bool, "reasons": [...], "body": JSON, "left_out": [...], "version", "release", "title",
"changes": [...]}. A refusal is an answer and no error, so that Terraform shows its reasons and repeats them in each
plan until the file changes.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import aws_errors, clients, observability, propagation, settings

from . import compatibility, document, gateway
from .errors import Refused


@dataclass(frozen=True)
class Settings:
    """The environment: where the file that is served now is kept."""

    bucket: str
    current_key: str


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Return the decision."""
    log, conf = observability.begin(context), _conf()
    served = propagation.permitted(
        lambda: current(clients.client("s3"), conf), by_terraform=bool(event.get("terraform"))
    )
    answer = decide(event, served)
    log.info("file checked", extra={"accepted": answer["accepted"], "reasons": len(answer["reasons"])})
    return answer


def current(s3: Any, conf: Settings) -> str:
    """Return the text of the file that is served now, or "" if there is none."""
    try:
        answer = s3.get_object(Bucket=conf.bucket, Key=conf.current_key)
    except Exception as error:
        failure = aws_errors.read(error)
        if failure and failure.code == "NoSuchKey":
            return ""
        raise
    return str(answer["Body"].read().decode())


def decide(event: Mapping[str, Any], served: str) -> dict[str, Any]:
    """Return the answer for a file, given the text of the one that is served."""
    text = str(event["document"])
    try:
        found = document.checked(text)
        copied = gateway.copy(found, _target(event["target"]))
        changes = _changes(found, text, served, str(event.get("accept_breaking") or ""))
    except Refused as refused:
        return {"accepted": False, "reasons": refused.reasons}
    body, version = _json(copied.body), str(found["info"]["version"])
    return {
        "accepted": True,
        "reasons": [],
        "body": body,
        "left_out": copied.left_out,
        "changes": changes,
        "version": version,
        "release": release(version, body, found),
        "title": found["info"]["title"],
    }


def release(version: str, body: str, found: Mapping[str, Any]) -> str:
    """Return a release's name. With other settings, a version is another release; with other comments, the same."""
    return f"{version}-{hashlib.sha256(f'{body}{_json(found)}'.encode()).hexdigest()[:12]}"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def _changes(found: Mapping[str, Any], text: str, served: str, accepted: str) -> list[str]:
    """Return the accepted breaking changes since the file that is served. Raise Refused for others."""
    if not served or served == text:
        return []
    before, version = document.read(served), str(found["info"]["version"])
    if before == found:
        return []
    earlier = str(before["info"]["version"])
    if compatibility.ordered(version) <= compatibility.ordered(earlier):
        raise Refused(
            [f"info.version is {version}, and {earlier} is served: raise it, for a published client never changes."]
        )
    broken = compatibility.breaking(before, found)
    if broken and accepted != version:
        advice = f'Clients of {earlier} would fail. If they may, set accept_breaking_changes = "{version}".'
        raise Refused([*broken[: document.MAXIMUM_REASONS], advice])
    return broken


def _target(given: Mapping[str, Any]) -> gateway.Target:
    """Return what Terraform says of the API, under the names of `gateway.Target`; `policy` is JSON or null."""
    return gateway.Target(
        name=given["name"],
        description=given["description"],
        uri=given["uri"],
        authorizers={
            name: gateway.Authorizer(
                iam=bool(one.get("iam")),
                api_key=bool(one.get("api_key")),
                user_pool_arns=tuple(one.get("user_pool_arns") or ()),
                function_uri=one.get("function_uri") or "",
                identity_sources=tuple(one.get("identity_sources") or ()),
                ttl_seconds=int(one.get("ttl_seconds") or 0),
            )
            for name, one in given["authorizers"].items()
        },
        policy=json.loads(given["policy"]) if given.get("policy") else None,
        binary_media_types=tuple(given.get("binary_media_types") or ()),
        default_endpoint=bool(given["default_endpoint"]),
    )
