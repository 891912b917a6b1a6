"""Security Hub's events and findings: read them from EventBridge, and answer with BatchUpdateFindings.

"Security Hub Findings - Imported" and "Security Hub Findings - Custom Action" both hold findings in ASFF at
`detail.findings`. An update emits such an event too: code that answers findings must skip updates that change nothing.
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

BATCH, NOTE_LENGTH = 100, 512
NEW, NOTIFIED, RESOLVED, SUPPRESSED = "NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"
CUSTOM_ACTION, IMPORTED = "Security Hub Findings - Custom Action", "Security Hub Findings - Imported"


class NotFindings(ValueError):
    """The event contains no findings. The message says what is missing."""


@dataclass(frozen=True)
class Key:
    """The identity of a finding."""

    id: str
    product_arn: str


@dataclass(frozen=True)
class Resource:
    """One of a finding's resources."""

    type: str
    """Such as "AwsS3Bucket"."""
    id: str
    """Usually the resource's ARN."""
    partition: str
    region: str
    """The resource's own Region, or the finding's if the resource names none."""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The fields of the ASFF below Details.<type>."""

    @property
    def name(self) -> str:
        """Return the last part of the ARN: "bucket/key" for "arn:aws:s3:::bucket/key"."""
        return self.id.split(":", 5)[5] if self.id.startswith("arn:") and self.id.count(":") >= 5 else self.id


@dataclass(frozen=True)
class Finding:
    """The parts of a finding that the functions use. `asff` is the whole finding."""

    key: Key
    account_id: str
    region: str
    title: str
    types: tuple[str, ...]
    """Such as ("Sensitive Data Identifications/Personal",)."""
    product_name: str
    """Such as "Macie" or "Security Hub"."""
    control_id: str
    """Control id such as "S3.14"; "" for findings that are not a control's."""
    compliance: str
    """PASSED, FAILED, WARNING or NOT_AVAILABLE; "" for findings that are not a control's."""
    severity: str
    workflow: str
    """NEW, NOTIFIED, RESOLVED or SUPPRESSED."""
    record_state: str
    note: str
    """Text of the finding's note when the event was sent."""
    resources: tuple[Resource, ...]
    asff: Mapping[str, Any] = field(hash=False, repr=False, compare=False)

    @classmethod
    def of(cls, asff: Any) -> "Finding":
        """Return the finding of ASFF. Raise NotFindings, which names the finding and what is missing."""
        try:
            region = str(asff.get("Region") or asff["ProductArn"].split(":")[3])
            return cls(
                key=_key(asff),
                account_id=str(asff["AwsAccountId"]),
                region=region,
                title=str(asff.get("Title", "")),
                types=tuple(asff.get("Types") or (asff.get("FindingProviderFields") or {}).get("Types") or ()),
                product_name=str(asff.get("ProductName") or asff["ProductArn"].rpartition("/")[2]),
                control_id=_control(asff),
                compliance=str((asff.get("Compliance") or {}).get("Status", "")),
                severity=str((asff.get("Severity") or {}).get("Label", "")),
                workflow=str((asff.get("Workflow") or {}).get("Status", NEW)),
                record_state=str(asff.get("RecordState", "ACTIVE")),
                note=str((asff.get("Note") or {}).get("Text", "")),
                resources=tuple(_resource(each, region) for each in asff["Resources"]),
                asff=asff,
            )
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            known = asff.get("Id") if isinstance(asff, dict) else None
            raise NotFindings(f"Not a finding in ASFF ({known}): {type(error).__name__} {error}.") from error


@dataclass(frozen=True)
class Update:
    """A change of a finding: its note, its workflow status and its user-defined fields; None for no change."""

    note: str | None = None
    workflow: str | None = None
    fields: tuple[tuple[str, str], ...] | None = None
    """All user-defined fields, as (name, value). They replace the previous ones."""

    def changes(self, finding: Finding) -> bool:
        """Return True if this update would change the finding as the event showed it.

        Skip updates that change nothing: each write emits an event, which would cause another write.
        """
        return (
            (self.note is not None and finding.note != shortened(self.note))
            or self.workflow not in (None, finding.workflow)
            or (self.fields is not None and dict(self.fields) != finding.asff.get("UserDefinedFields", {}))
        )


def parse(event: str | Mapping[str, Any]) -> list[Finding]:
    """Return all findings of an EventBridge event (or of its JSON), at least one. Raise NotFindings."""
    return [Finding.of(asff) for asff in _listed(event)]


def read(event: str | Mapping[str, Any]) -> tuple[list[Finding], list[NotFindings]]:
    """As `parse`, but return the findings that cannot be read as errors, so that the others can be handled."""
    found: list[Finding] = []
    odd: list[NotFindings] = []
    for asff in _listed(event):
        try:
            found.append(Finding.of(asff))
        except NotFindings as error:
            odd.append(error)
    return found, odd


def _listed(event: str | Mapping[str, Any]) -> list[Any]:
    try:
        body = json.loads(event) if isinstance(event, str) else event
        listed = body["detail"]["findings"]
    except (KeyError, TypeError, ValueError) as error:
        raise NotFindings(f"Not an event of Security Hub findings: {type(error).__name__} {error}.") from error
    if not isinstance(listed, list) or not listed:
        raise NotFindings("The event's detail.findings is empty or not a list.")
    return listed


def update(client: Any, updates: Mapping[Key, Update], updated_by: str) -> dict[Key, str]:
    """Write notes, workflow statuses and fields: one call for each different update, of up to 100 findings.

    `client` is the "securityhub" client of the Region that holds the findings, or that aggregates them. A finding
    has one note, which replaces the previous one. Return the reason, by finding, for those not updated.
    Raise botocore's ClientError if a call fails altogether.
    """
    alike: dict[Update, list[Key]] = {}
    for key, wanted in updates.items():
        alike.setdefault(wanted, []).append(key)
    unprocessed: dict[Key, str] = {}
    for wanted, keys in alike.items():
        change: dict[str, Any] = {}
        if wanted.note is not None:
            change["Note"] = {"Text": shortened(wanted.note), "UpdatedBy": updated_by}
        if wanted.workflow:
            change["Workflow"] = {"Status": wanted.workflow}
        if wanted.fields is not None:
            change["UserDefinedFields"] = dict(wanted.fields)
        for some in batches(keys):
            identifiers = [{"Id": key.id, "ProductArn": key.product_arn} for key in some]
            answer = client.batch_update_findings(FindingIdentifiers=identifiers, **change)
            for item in answer["UnprocessedFindings"]:
                named = item["FindingIdentifier"]
                unprocessed[Key(named["Id"], named["ProductArn"])] = f"{item['ErrorCode']}: {item['ErrorMessage']}"
    return unprocessed


def batches(keys: Iterable[Key], size: int = BATCH) -> list[list[Key]]:
    """Return the keys in batches, each key once: BatchUpdateFindings refuses both copies of a repeated one."""
    each = list(dict.fromkeys(keys))
    return [each[start : start + size] for start in range(0, len(each), size)]


def shortened(text: str) -> str:
    """Return the text, cut to the 512 characters that a note may have."""
    return text if len(text) <= NOTE_LENGTH else text[: NOTE_LENGTH - 1] + "…"


def _key(asff: Mapping[str, Any]) -> Key:
    """Raise KeyError for an empty part: BatchUpdateFindings refuses all findings of a call with such a key."""
    if not asff["Id"] or not asff["ProductArn"]:
        raise KeyError("Id or ProductArn is empty")
    return Key(str(asff["Id"]), str(asff["ProductArn"]))


def _resource(asff: Mapping[str, Any], region: str) -> Resource:
    kind = str(asff["Type"])
    return Resource(
        type=kind,
        id=str(asff["Id"]),
        partition=str(asff.get("Partition", "aws")),
        region=str(asff.get("Region") or region),
        details=(asff.get("Details") or {}).get(kind) or {},
    )


def _control(asff: Mapping[str, Any]) -> str:
    """Return the control's id: consolidated findings name it, others have it in the generator's id or a field."""
    named = (asff.get("Compliance") or {}).get("SecurityControlId")
    fields = asff.get("ProductFields") or {}
    generator = str(asff.get("GeneratorId", ""))
    if not named and "/" in generator and "best-practices" in generator:
        named = generator.rpartition("/")[2]
    return str(named or fields.get("ControlId") or "")
