"""Plan what to do about a finding. Pure: no calls."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .findings import ACCESS_POINT, ACTIVE, BUCKET, Finding, Source

IN_BUCKET, IN_ACCESS_POINT = "bucket", "access_point"


@dataclass(frozen=True)
class ShutOff:
    """The access that may be shut off. Names may contain `*`."""

    public_access_points: str = IN_BUCKET
    cross_account_access_points: bool = False
    dry_run: bool = False
    bucket_names: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Exempt:
    """The access that is left alone. Names may contain `*`; principals are accounts, ARNs or canonical ids."""

    bucket_names: tuple[str, ...] = ()
    access_point_names: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The steps for a finding, and the reasons why expected steps are not among them."""

    block_bucket: str = ""
    """Name of a bucket whose Block Public Access is to be turned on."""
    remove_policies: tuple[str, ...] = ()
    """ARNs of access points whose policies are to be removed."""
    dry_run: bool = False
    """True if the steps are only stated."""
    reasons: tuple[str, ...] = field(default=(), compare=False)

    @property
    def empty(self) -> bool:
        """True if there are no steps."""
        return not self.block_bucket and not self.remove_policies

    @property
    def acts(self) -> bool:
        """True if there are steps to carry out."""
        return not self.empty and not self.dry_run

    @property
    def mark(self) -> str:
        """Return a text that differs between plans with different steps; "" without steps."""
        if self.empty:
            return ""
        return " ".join(["state" if self.dry_run else "act", self.block_bucket, *self.remove_policies])


def plan(finding: Finding, shut_off: ShutOff | None, exempt: Exempt, account: str, region: str) -> Plan:
    """Return the steps for a finding in its current state: none unless it is active, about a bucket of this account and
    not exempt.
    """
    if shut_off is None or finding.status != ACTIVE or finding.error:
        return Plan()
    if finding.resource_type != BUCKET:
        return Plan(reasons=(f"Resources of type {finding.resource_type} cannot be shut off.",))
    if finding.owner != account:
        return Plan(reasons=(f"The bucket belongs to account {finding.owner}: its access can be shut off only there.",))
    if not any(fnmatchcase(finding.bucket, name) for name in shut_off.bucket_names):
        return Plan(reasons=("shut_off.bucket_names does not include the bucket.",))
    if any(fnmatchcase(finding.bucket, name) for name in exempt.bucket_names):
        return Plan(reasons=("The bucket is exempt.",))
    if any(_named(value, exempt.principals) for _, value in finding.principal):
        return Plan(reasons=("The principal is exempt.",))
    block, removed, reasons, kept = "", [], [], False
    # Public access without a source can only be ended at the bucket.
    for source in finding.sources or (Source(""),):
        through_point = source.kind == ACCESS_POINT
        if through_point and any(fnmatchcase(name_of(source.detail), name) for name in exempt.access_point_names):
            reasons.append(f"The access point {name_of(source.detail)} is exempt.")
            kept = True
        elif finding.public and not (through_point and shut_off.public_access_points == IN_ACCESS_POINT):
            block = finding.bucket
        elif not through_point:
            reasons.append("Access of other accounts by bucket policy or ACL is not shut off.")
        elif not finding.public and not shut_off.cross_account_access_points:
            reasons.append("Access of other accounts through access points is not shut off.")
        elif not source.detail.startswith(_root(source.detail, account, region)):
            reasons.append(f"{source.detail} is not an access point of this account and Region.")
        else:
            removed.append(source.detail)
    if block and kept:
        block = ""
        reasons.append("Block Public Access of the bucket would also shut off the exempt access point.")
    return Plan(block, tuple(dict.fromkeys(removed)), shut_off.dry_run, tuple(dict.fromkeys(reasons)))


def _root(arn: str, account: str, region: str) -> str:
    partition = arn.split(":")[1] if arn.count(":") > 1 else ""
    return f"arn:{partition}:s3:{region}:{account}:accesspoint/"


def _named(principal: str, exempt: tuple[str, ...]) -> bool:
    account = principal.split(":")[4] if principal.count(":") > 4 else principal
    return principal in exempt or account in exempt


def name_of(access_point_arn: str) -> str:
    """Return the name of an access point."""
    return access_point_arn.rpartition("/")[2]
