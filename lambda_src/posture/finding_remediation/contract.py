"""The interface of a remediation: the findings it accepts, and a plan with a check for each of their resources."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.roles import Clients
from posture.security_hub import Finding, Resource


@dataclass(frozen=True)
class Target:
    """One resource of a finding, and the clients of its account and Region."""

    finding: Finding
    resource: Resource
    clients: Clients
    """Clients of the resource's account and Region. The first one raises Failed if the role cannot be assumed."""
    seconds_left: Callable[[], float]
    """Seconds until Lambda ends the call."""


@dataclass(frozen=True)
class Step:
    """One write."""

    text: str
    """Imperative text for the note of a dry run: "turn versioning on"."""
    do: Callable[[], object]


@dataclass(frozen=True)
class Plan:
    """How a resource gets to the intended state. A plan without steps means that the resource is in that state."""

    steps: tuple[Step, ...]
    effect: str
    """The state afterwards: "versioning is on". The text is the same if an earlier attempt made the change."""
    missing: Callable[[], str]
    """Read the resource back and return what differs from the intended state, or "" if nothing does."""
    open: Callable[[], str] = str
    """Read back what the steps cannot close, once nothing is missing. A text keeps the finding open, as its reason."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """The settings that the steps replace, as AWS returned them. They are logged before the first step."""


@dataclass(frozen=True)
class Remediation:
    """One entry of the registry."""

    findings: str
    """The accepted findings in words, for refusals: "findings of control S3.14"."""
    accepts: Callable[[Finding], bool]
    resource_type: str
    plan: Callable[[Target], Plan]
    """Read the resource without changing it. Raise Refused, Failed, Stale and Transient."""


def of_control(finding: Finding, *controls: str) -> bool:
    """Return whether Security Hub itself created the finding, for one of the controls. Imported ones can claim it."""
    return _product(finding) == "aws/securityhub" and finding.control_id in controls


def of_macie(finding: Finding) -> bool:
    """Return whether Macie itself created the finding."""
    return _product(finding) == "aws/macie"


def _product(finding: Finding) -> str:
    """Return the product, such as "aws/macie", or "" for a product of an account, which that account can import for."""
    parts = finding.key.product_arn.split(":", 5)
    own = len(parts) == 6 and parts[4] == "" and parts[5].startswith("product/")
    return parts[5].removeprefix("product/") if own else ""
