"""Who outside the zone of trust can reach a bucket: each grant of its policy, its ACL and its access points.

This is not the automated reasoning of the service but its documented rules, statement by statement:
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-resources.html#access-analyzer-s3
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

IsPublic = Callable[[dict[str, Any]], bool]
"""Whether S3 considers a policy's statement public."""

POLICY, BUCKET_ACL = "POLICY", "BUCKET_ACL"
ACCESS_POINT, ACCESS_POINT_ACCOUNT = "S3_ACCESS_POINT", "S3_ACCESS_POINT_ACCOUNT"
GROUPS = "http://acs.amazonaws.com/groups/global/"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#permissions
ACL_ACTIONS = {
    "READ": ("s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"),
    "WRITE": ("s3:DeleteObject", "s3:PutObject"),
    "READ_ACP": ("s3:GetBucketAcl",),
    "WRITE_ACP": ("s3:PutBucketAcl",),
}
ACL_ACTIONS["FULL_CONTROL"] = tuple(action for actions in ACL_ACTIONS.values() for action in actions)

# Keys whose value names the account of a caller or of its access point.
_CALLER_ACCOUNT = frozenset({"aws:principalaccount", "aws:sourceaccount", "aws:sourceowner"})
_CALLER_ARN = frozenset({"aws:principalarn", "aws:sourcearn"})
_POINT_ACCOUNT, _POINT_ARN = "s3:dataaccesspointaccount", "s3:dataaccesspointarn"
_NARROWS = re.compile(r"(foranyvalue:)?(string(equals|like)(ignorecase)?|arn(equals|like))")


@dataclasses.dataclass(frozen=True)
class AccessPoint:
    """One access point of the bucket's own account."""

    arn: str
    policy: str = ""
    block: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Bucket:
    """A bucket as it is now. `acl` has (kind, grantee, permission), kind URI or ID; empty if ACLs are disabled.

    `block` names the Block Public Access settings that are on, of the bucket or of the account.
    """

    name: str
    account: str
    region: str
    owner_id: str = ""
    policy: str = ""
    acl: tuple[tuple[str, str, str], ...] = ()
    block: frozenset[str] = frozenset()
    access_points: tuple[AccessPoint, ...] = ()

    @property
    def arn(self) -> str:
        """Return the ARN of the bucket."""
        return f"arn:aws:s3:::{self.name}"


@dataclasses.dataclass(frozen=True)
class Zone:
    """Trusted accounts, and the organization whose members are trusted (empty if none is)."""

    accounts: frozenset[str]
    organization: str = ""


@dataclasses.dataclass(frozen=True)
class Grant:
    """Access of one outside principal through one source."""

    source: str
    principal: tuple[str, str]
    condition: tuple[tuple[str, str], ...]
    actions: frozenset[str]
    public: bool
    detail: str = ""
    """ARN of the access point, or the account of a foreign one."""

    @property
    def key(self) -> tuple[Any, ...]:
        """Return what identifies the grant, which a change of its actions leaves."""
        return (self.source, self.detail, self.principal, self.condition)


def grants(bucket: Bucket, zone: Zone, is_public: IsPublic) -> list[Grant]:
    """Return all grants to outsiders that Block Public Access leaves; merge those that differ only in actions."""
    found = [*_of_policy(bucket.policy, bucket.block, zone, is_public, POLICY, ""), *_of_acl(bucket)]
    for point in bucket.access_points:
        found += _of_policy(point.policy, point.block | bucket.block, zone, is_public, ACCESS_POINT, point.arn)
    merged: dict[tuple[Any, ...], Grant] = {}
    for grant in found:
        before = merged.setdefault(grant.key, grant)
        actions, public = before.actions | grant.actions, before.public or grant.public
        merged[grant.key] = dataclasses.replace(grant, actions=actions, public=public)
    return list(merged.values())


def _of_acl(bucket: Bucket) -> Iterator[Grant]:
    for kind, grantee, permission in bucket.acl:
        actions = frozenset(ACL_ACTIONS.get(permission, ()))
        if kind == "URI" and grantee in (GROUPS + "AllUsers", GROUPS + "AuthenticatedUsers"):
            if "IgnorePublicAcls" not in bucket.block:
                yield Grant(BUCKET_ACL, ("AWS", "*"), (), actions, public=True)
        elif kind == "ID" and grantee != bucket.owner_id:
            yield Grant(BUCKET_ACL, ("CanonicalUser", grantee), (), actions, public=False)


def _of_policy(
    document: str, block: frozenset[str], zone: Zone, is_public: IsPublic, source: str, point: str
) -> Iterator[Grant]:
    statements = _listed(json.loads(document).get("Statement")) if document else []
    if "RestrictPublicBuckets" in block and any(is_public(statement) for statement in statements):
        return  # a public policy then serves no principal outside the account, not even those that it names
    refusals = [s for s in statements if s.get("Effect") == "Deny" and _holds_for_outsiders(s, zone)]
    for statement in statements:
        if statement.get("Effect") != "Allow":
            continue
        conditions = list(_conditions(statement))
        condition = tuple(sorted((key, ",".join(values)) for _, key, values in conditions))
        trusted, foreign = _confined(conditions, zone)
        for principal in _outsiders(statement, zone):
            actions = frozenset(_left(statement, principal, refusals))
            if not actions or (principal[1] == "*" and trusted):
                continue
            if principal[1] != "*":
                yield Grant(source, principal, condition, actions, False, point)
            elif not foreign:
                yield Grant(source, principal, condition, actions, is_public(statement), point)
            elif "RestrictPublicBuckets" in block:  # counts as public until then
                yield Grant(ACCESS_POINT_ACCOUNT, ("AWS", foreign), condition, actions, False, foreign)
            else:
                yield Grant(ACCESS_POINT_ACCOUNT, principal, condition, actions, True, foreign)


def _outsiders(statement: dict[str, Any], zone: Zone) -> Iterator[tuple[str, str]]:
    """Yield the principals of a statement outside the zone; AWS services are not outside."""
    if "NotPrincipal" in statement or statement.get("Principal") == "*":
        yield "AWS", "*"
        return
    for kind, names in (statement.get("Principal") or {}).items():
        if kind == "Service":
            continue
        for name in _listed(names):
            account = account_of(name)
            if kind == "AWS" and (account in zone.accounts):
                continue
            # An account's root stands for the account.
            yield kind, account if name == f"arn:aws:iam::{account}:root" else name


def account_of(principal: str) -> str:
    """Return the account of a principal: the twelve digits, or those of its ARN; empty if there are none."""
    if re.fullmatch(r"\d{12}", principal):
        return principal
    parts = principal.split(":")
    return parts[4] if len(parts) > 4 else ""


def _conditions(statement: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, values in keys.items():
            yield operator.lower(), key, [str(value) for value in _listed(values)]


def _confined(conditions: Iterable[tuple[str, str, list[str]]], zone: Zone) -> tuple[bool, str]:
    """Return whether conditions exclude all outsiders, and the foreign account whose access points they admit."""
    foreign = ""
    for operator, key, values in conditions:
        if not _NARROWS.fullmatch(operator) or not values:
            continue
        name = key.lower()
        if name == "aws:principalorgid" and set(values) <= {zone.organization}:
            return True, ""
        accounts: list[str] = []
        if name in _CALLER_ACCOUNT or name == _POINT_ACCOUNT:
            accounts = values
        elif name in _CALLER_ARN or name == _POINT_ARN:
            accounts = [account_of(value) for value in values]
        if accounts and set(accounts) <= zone.accounts:
            return True, ""
        if accounts and name in (_POINT_ACCOUNT, _POINT_ARN):
            foreign = next(account for account in accounts if account not in zone.accounts)
    return False, foreign


def _holds_for_outsiders(statement: dict[str, Any], zone: Zone) -> bool:
    """Return whether a Deny applies to every caller outside the zone, except AWS services."""
    for operator, key, values in _conditions(statement):
        name, plain = key.lower(), operator.removesuffix("ifexists")
        if name == "aws:principalisawsservice" and plain == "bool" and values == ["false"]:
            continue
        negated = plain in ("stringnotequals", "stringnotlike")
        trusted = zone.accounts if name == "aws:principalaccount" else {zone.organization} - {""}
        if not (negated and name in ("aws:principalaccount", "aws:principalorgid") and set(values) <= trusted):
            return False
    return True


def _left(statement: dict[str, Any], principal: tuple[str, str], refusals: list[dict[str, Any]]) -> set[str]:
    """Return the actions of an Allow that no Deny takes from the principal on all of the statement's resources."""
    actions = {str(action) for action in _listed(statement.get("Action"))} or {"s3:*"}
    for refusal in refusals:
        refused = refusal.get("Principal")
        names = ["*"] if refused == "*" else _listed((refused or {}).get(principal[0]))
        if "NotPrincipal" in refusal or "NotAction" in refusal or "NotResource" in refusal:
            continue
        if "*" not in names and principal[1] not in names and account_of(principal[1]) not in map(account_of, names):
            continue
        if _covered(_listed(statement.get("Resource")), _listed(refusal.get("Resource"))):
            actions -= {a for a in actions if _covered([a.lower()], [r.lower() for r in _listed(refusal["Action"])])}
    return actions


def _covered(wanted: list[str], patterns: list[str]) -> bool:
    return all(any(fnmatch.fnmatchcase(one, pattern) for pattern in patterns) for one in wanted)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
