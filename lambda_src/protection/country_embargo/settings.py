"""Settings of both functions, from their environment."""

from dataclasses import asdict, dataclass, field
from typing import Any

from .changes import Limits
from .rules import Forwarded, Layout
from .waf import Item

ACTIONS = ("BLOCK", "COUNT", "CHALLENGE", "CAPTCHA")


@dataclass(frozen=True)
class Settings:
    """`rule_group` and each of `ip_sets` (IPV4, IPV6) as {"name", "id", "arn"}; `exempt_sets` are ARNs."""

    bucket: str
    bucket_owner: str
    document_key: str
    scope: str
    rule_group: dict[str, Any]
    ip_sets: dict[str, Any]
    exempt_sets: list[str] = field(default_factory=list)
    action: str = "BLOCK"
    forwarded_ip: dict[str, Any] | None = None
    change_limits: dict[str, Any] | None = None
    topic_arn: str = ""

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"ACTION must be one of {', '.join(ACTIONS)}")

    @property
    def layout(self) -> Layout:
        """Return the layout of the rules."""
        forwarded = Forwarded(**self.forwarded_ip) if self.forwarded_ip else None
        embargoed = tuple(self.ip_sets[version]["arn"] for version in sorted(self.ip_sets))
        return Layout(embargoed, tuple(self.exempt_sets), self.action, forwarded)

    @property
    def limits(self) -> Limits | None:
        """Return the limits of one change; None for no limits."""
        return Limits(**self.change_limits) if self.change_limits else None

    @property
    def items(self) -> tuple[Item, dict[str, Item]]:
        """Return the rule group and the IP sets by version."""
        return Item(**self.rule_group), {version: Item(**one) for version, one in sorted(self.ip_sets.items())}

    @property
    def reported(self) -> dict[str, Any]:
        """Return the settings whose changes are reported in a notice."""
        layout = self.layout
        return {"action": layout.action, "forwarded_ip": asdict(layout.forwarded) if layout.forwarded else None}
