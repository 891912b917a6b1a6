"""The text of notices: the resource, the principal, the grant, what was done, what to do. Pure: no calls."""

from collections.abc import Sequence

from .findings import ACCESS_POINT, ACCESS_POINT_ACCOUNT, ACTIVE, ARCHIVED, BUCKET, BUCKET_ACL, POLICY, Finding, Source

SUBJECT_LENGTH = 100
CONSOLES = {"aws": "console.aws.amazon.com", "aws-cn": "console.amazonaws.cn"}
GOVERNMENT_CONSOLE = "console.amazonaws-us-gov.com"


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
    text = text.encode("ascii", "replace").decode()
    return text if len(text) <= SUBJECT_LENGTH else f"{text[: SUBJECT_LENGTH - 3]}..."


def message(
    finding: Finding, region: str, partition: str, done: Sequence[str] = (), reasons: Sequence[str] = ()
) -> str:
    """Return the notice, one fact per line. `done`: what was done; `reasons`: why no more was done."""
    facts = [
        ("What", f"{finding.resource} ({finding.resource_type}) of account {finding.owner}, {region}"),
        ("Status", _status(finding)),
        ("Who", _who(finding)),
        ("May do", ", ".join(finding.actions)),
        ("Only if", "; ".join(f"{key} is {value}" for key, value in finding.condition)),
        *(("Shared through", shared_through(source)) for source in finding.sources),
        ("Since", finding.created_at),
        *(("Done", text) for text in done),
        *(("Not done", text) for text in reasons),
        ("To do", _to_do(finding, bool(done))),
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
    """Return the link to the finding in the console."""
    console = CONSOLES.get(partition, GOVERNMENT_CONSOLE)
    return f"https://{console}/access-analyzer/home?region={region}#/findings/details/{finding_id}"


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


def _to_do(finding: Finding, done: bool) -> str:
    if finding.status != ACTIVE:
        return ""
    if finding.error:
        return "Allow the role AWSServiceRoleForAccessAnalyzer to read the resource's policy."
    if done:
        return "Wait for the notice that the finding is resolved. To restore intended access, see the README."
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
