"""What a remediation is: the findings that it accepts, and for each of their resources a plan with a proof."""

from collections.abc import Callable
from dataclasses import dataclass

from common.roles import Clients
from posture.security_hub import Finding, Resource


@dataclass(frozen=True)
class Target:
    """One resource of a finding, and the clients of its account and Region."""

    finding: Finding
    resource: Resource
    clients: Clients
    """Of the resource's account and Region. The first one raises Failed when the account's role cannot be assumed."""
    seconds_left: Callable[[], float]
    """Until Lambda ends the call."""


@dataclass(frozen=True)
class Step:
    """One write."""

    text: str
    """As an order, for the note of a dry run: "turn versioning on"."""
    do: Callable[[], object]


@dataclass(frozen=True)
class Plan:
    """How a resource gets to where it should be; without steps it is there."""

    steps: tuple[Step, ...]
    effect: str
    """The state afterwards: "versioning is on". The same whether this try brought it about or an earlier one."""
    missing: Callable[[], str]
    """Reads the resource back and returns what is not as it should be; empty when nothing is missing."""
    remark: Callable[[], str] = str
    """Returns what else the note should say, once nothing is missing."""


@dataclass(frozen=True)
class Remediation:
    """One entry of the registry."""

    findings: str
    """What it accepts, in words, for refusals: "findings of control S3.14"."""
    accepts: Callable[[Finding], bool]
    resource_type: str
    plan: Callable[[Target], Plan]
    """Reads, and changes nothing. Raises Refused, Failed, Stale and Transient."""


def of_control(finding: Finding, *controls: str) -> bool:
    """Whether it is Security Hub's own finding of one of the controls; anybody can import one that says so."""
    return _product(finding) == "aws/securityhub" and finding.control_id in controls


def of_macie(finding: Finding, kind: str) -> bool:
    """Whether it is Macie's own finding of a type that begins with `kind`."""
    return _product(finding) == "aws/macie" and any(each.startswith(kind) for each in finding.types)


def _product(finding: Finding) -> str:
    """Such as "aws/macie"; "" for products of accounts, whose ARN names the account that may import for them."""
    parts = finding.key.product_arn.split(":", 5)
    own = len(parts) == 6 and parts[4] == "" and parts[5].startswith("product/")
    return parts[5].removeprefix("product/") if own else ""
