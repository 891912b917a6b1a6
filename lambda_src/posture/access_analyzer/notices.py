"""The text of notices: the resource, the principal, the grant, what was done, what to do. Pure: no calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from .findings import (
    ACCESS_POINT,
    ACCESS_POINT_ACCOUNT,
    ACTIVE,
    ARCHIVED,
    BUCKET,
    BUCKET_ACL,
    POLICY,
    RESOLVED,
    Finding,
    Source,
)

SUBJECT_LENGTH = 100
DIGEST_FROM = 6
"""Number of notices of one call from which on they are sent as a digest."""
DIGEST_LENGTH = 40
"""Number of findings in a digest: with at most 5,000 bytes of each, it fits into the 256 KB of SNS."""
ENTRY_BYTES, MESSAGE_BYTES = 5_000, 250_000
CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "{region}.console.amazonaws-eusc.eu",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Report:
    """What a notice says of a finding, in sentences."""

    finding: Finding
    done: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()
    """What an interrupted attempt began."""
    not_needed: tuple[str, ...] = ()
    """Why nothing had to be done."""
    reasons: tuple[str, ...] = ()
    """Why no more was done."""


def parcels(reports: Sequence[T]) -> list[Sequence[T]]:
    """Return reports in the groups in which they are sent: one by one, or as digests if there are many."""
    size = 1 if len(reports) < DIGEST_FROM else DIGEST_LENGTH
    return [reports[start : start + size] for start in range(0, len(reports), size)]


def single(report: Report, region: str, partition: str) -> tuple[str, str]:
    """Return subject and message of a notice of one finding."""
    return subject(report.finding), _cut(message(report, region, partition), MESSAGE_BYTES)


def digest(reports: Sequence[Report], region: str, partition: str) -> tuple[str, str]:
    """Return subject and message of a notice of many findings."""
    public = sum(1 for one in reports if one.finding.public and one.finding.status == ACTIVE)
    ended = sum(1 for one in reports if one.finding.status == RESOLVED)
    counted = [(public, "public"), (ended, "resolved"), (len(reports) - public - ended, "other")]
    numbers = ", ".join(f"{number} {name}" for number, name in counted if number)
    ordered = sorted(reports, key=lambda one: (one.finding.status != ACTIVE, not one.finding.public))
    entries = [f"=== {subject(one.finding)}\n{_cut(message(one, region, partition), ENTRY_BYTES)}" for one in ordered]
    head = f"{len(reports)} findings of Access Analyzer in {region} at once: {numbers}."
    return _ascii(f"{len(reports)} findings in {region}: {numbers}"), "\n\n".join([head, *entries])


def _cut(text: str, size: int) -> str:
    encoded = text.encode()
    return text if len(encoded) <= size else f"{encoded[:size].decode(errors='ignore')}... See the finding."


def subject(finding: Finding) -> str:
    """Return the subject: at most 100 ASCII characters, the limit of SNS."""
    name = finding.bucket or finding.resource.rpartition(":")[2]
    state = {ACTIVE: "", ARCHIVED: "Archived: "}.get(finding.status, "Resolved: ")
    if finding.error:
        text = f"{state}Not analyzed: {name}"
    elif finding.public:
        text = f"{state}Public: {name}"
    else:
        who = ", ".join(value for _, value in finding.principal)
        text = f"{state}Shared outside: {name} with {who}"
    return _ascii(text)


def _ascii(text: str) -> str:
    text = "".join(one if one.isprintable() else "?" for one in text.encode("ascii", "replace").decode())
    return text if len(text) <= SUBJECT_LENGTH else f"{text[: SUBJECT_LENGTH - 3]}..."


def message(report: Report, region: str, partition: str) -> str:
    """Return the notice of one finding, one fact per line."""
    finding = report.finding
    facts = [
        ("What", f"{finding.resource} ({finding.resource_type}) of account {finding.owner}, {region}"),
        ("Status", _status(finding)),
        ("Who", _who(finding)),
        ("May do", ", ".join(finding.actions)),
        ("Only if", "; ".join(f"{key} is {value}" for key, value in finding.condition)),
        *(("Shared through", shared_through(source)) for source in finding.sources),
        ("Since", finding.created_at),
        *(("Done", text) for text in report.done),
        *(("Begun", text) for text in report.begun),
        *(("Not needed", text) for text in report.not_needed),
        *(("Not done", text) for text in report.reasons),
        ("To do", _to_do(report)),
        ("Console", console_link(finding.id, region, partition)),
    ]
    lines = [f"{name + ':':<16}{text}" for name, text in facts if text]
    return "\n".join([_headline(finding), "", *lines])


def shared_through(source: Source) -> str:
    """Return the text of the console's column of that name, with the access point's ARN."""
    words = {
        POLICY: "Bucket policy",
        BUCKET_ACL: "Bucket ACL",
        ACCESS_POINT: f"Access point {source.detail}",
        ACCESS_POINT_ACCOUNT: f"Access points of account {source.detail}",
    }
    return words.get(source.kind, source.kind)


def console_link(finding_id: str, region: str, partition: str) -> str:
    """Return the link to the finding in the console, or "" in a partition whose console is not known."""
    console = CONSOLES.get(partition, "").format(region=region)
    return console and f"https://{console}/access-analyzer/home?region={region}#/findings/details/{finding_id}"


def _headline(finding: Finding) -> str:
    what = f"The bucket {finding.bucket}" if finding.bucket else finding.resource
    if finding.error:
        return f"Access Analyzer cannot analyze this resource: {what}."
    reach = "the public" if finding.public else "external principals"
    if finding.status == ACTIVE:
        return f"{what} is accessible to {reach}."
    if finding.status == ARCHIVED:
        return f"{what} is accessible to {reach}. The finding is archived: the access is intended."
    return f"{what} is no longer accessible to {reach} in this way."


def _status(finding: Finding) -> str:
    return f"{finding.status}, error {finding.error}" if finding.error else finding.status


def _who(finding: Finding) -> str:
    if finding.public:
        return "the public"
    return ", ".join(f"{kind} {value}" for kind, value in finding.principal)


def _to_do(report: Report) -> str:
    finding = report.finding
    if finding.status != ACTIVE:
        return ""
    if finding.error:
        return "Allow the role AWSServiceRoleForAccessAnalyzer to read the resource's policy."
    if report.done:
        return "Wait for the notice that the finding is resolved. To restore intended access, see the README."
    if report.not_needed and not report.reasons:
        return "Wait for the notice that the finding is resolved."
    edit = {
        POLICY: "the bucket policy",
        BUCKET_ACL: "the bucket ACL",
        ACCESS_POINT: "the access point's policy",
        ACCESS_POINT_ACCOUNT: "the bucket policy",
    }
    named = dict.fromkeys(edit.get(source.kind, "the resource's policy") for source in finding.sources)
    where = " and ".join(named) or "the resource's policy"
    if finding.public and finding.resource_type == BUCKET:
        where += ", or turn on Block Public Access of the bucket"
    return f"If the access is not intended, remove the grant from {where}. If it is intended, add an archive rule."
