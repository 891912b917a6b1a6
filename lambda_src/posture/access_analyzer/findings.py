"""The content of a finding, from GetFinding: an event may be late, out of order, or about a finding that changed.

https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_Finding.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from .errors import NotAFinding

BUCKET = "AWS::S3::Bucket"
ACTIVE, ARCHIVED, RESOLVED = "ACTIVE", "ARCHIVED", "RESOLVED"
POLICY, BUCKET_ACL = "POLICY", "BUCKET_ACL"
ACCESS_POINT, ACCESS_POINT_ACCOUNT = "S3_ACCESS_POINT", "S3_ACCESS_POINT_ACCOUNT"

SWEPT = ("switchyard.access-analyzer", "Sweep")
EVENTS = (("aws.access-analyzer", "Access Analyzer Finding"), SWEPT)
"""Source and type of the events that name a finding: Access Analyzer's own, and the sweep's."""


@dataclass(frozen=True)
class Source:
    """How access is granted. `kind` is the API's type; `detail` is the access point's ARN, or a foreign account."""

    kind: str
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """One version of a finding. Times are ISO 8601 in UTC, so that later ones sort later."""

    id: str
    status: str
    resource: str
    resource_type: str
    owner: str
    created_at: str
    updated_at: str
    public: bool = False
    principal: tuple[tuple[str, str], ...] = ()
    actions: tuple[str, ...] = ()
    condition: tuple[tuple[str, str], ...] = ()
    sources: tuple[Source, ...] = ()
    error: str = ""

    @property
    def bucket(self) -> str:
        """Name of the bucket; "" for other resources."""
        return self.resource.rpartition(":::")[2] if self.resource_type == BUCKET else ""

    @property
    def access(self) -> str:
        """Return a text that differs between versions that describe different access."""
        told = ("status", "public", "principal", "actions", "condition", "sources", "error")
        described = json.dumps([getattr(self, name) for name in told], default=asdict)
        return f"{self.status} {hashlib.sha256(described.encode()).hexdigest()[:16]}"

    @property
    def version(self) -> str:
        """Return what identifies this version of the finding; it begins with the status."""
        return f"{self.access} {self.updated_at}"

    def same_access(self, other: "Finding") -> bool:
        """Return whether another version describes the same access."""
        return self.access == other.access

    def dumps(self) -> str:
        """Return the finding as JSON, for `loads`."""
        return json.dumps(asdict(self))


def loads(text: str) -> Finding:
    """Return the finding that `dumps` wrote."""
    fields = json.loads(text)
    pairs = {name: tuple(tuple(pair) for pair in fields[name]) for name in ("principal", "condition")}
    sources = tuple(Source(**source) for source in fields["sources"])
    return Finding(**{**fields, **pairs, "actions": tuple(fields["actions"]), "sources": sources})


def parse(found: Mapping[str, Any]) -> Finding:
    """Return the finding from GetFinding's `finding`."""
    return Finding(
        id=found["id"],
        status=found["status"],
        resource=found.get("resource", ""),
        resource_type=found["resourceType"],
        owner=found["resourceOwnerAccount"],
        created_at=_text(found["createdAt"]),
        updated_at=_text(found["updatedAt"]),
        public=found.get("isPublic", False),
        principal=tuple(sorted(found.get("principal", {}).items())),
        actions=tuple(sorted(found.get("action", []))),
        condition=tuple(sorted(found.get("condition", {}).items())),
        sources=tuple(_source(source) for source in found.get("sources", [])),
        error=found.get("error", ""),
    )


def _source(source: Mapping[str, Any]) -> Source:
    detail = source.get("detail", {})
    return Source(source["type"], detail.get("accessPointArn") or detail.get("accessPointAccount") or "")


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def finding_id(body: str, analyzer_arn: str) -> str:
    """Return the id of the event's finding, which the event may also report as deleted.

    Raise NotAFinding for any other message, and for a finding of another analyzer.
    """
    try:
        event = json.loads(body)
        named = (event["source"], event["detail-type"]) in EVENTS
        found = event["detail"]["id"]
        if not named or not isinstance(found, str) or not found:
            raise NotAFinding("The message is not an Access Analyzer Finding event.")
        if event["resources"] != [analyzer_arn]:
            raise NotAFinding(f"The event is of {event['resources']}, not of {analyzer_arn}.")
    except (KeyError, TypeError, ValueError) as error:
        raise NotAFinding("The message is not an Access Analyzer Finding event.") from error
    return found


def message_of(finding: str, analyzer_arn: str) -> str:
    """Return the message by which a sweep names a finding, in the form of an event."""
    source, kind = SWEPT
    return json.dumps({"source": source, "detail-type": kind, "resources": [analyzer_arn], "detail": {"id": finding}})
