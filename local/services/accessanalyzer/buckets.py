"""Buckets as MiniStack has them, for the analysis: read in process, as the service's own role may."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from .grants import AccessPoint, Bucket

SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def settings_of(document: str | bytes | None) -> frozenset[str]:
    """The settings that a PublicAccessBlockConfiguration (XML) turns on."""
    if not document:
        return frozenset()
    root = ET.fromstring(document)
    return frozenset(
        child.tag.rpartition("}")[2] for child in root.iter() if (child.text or "").strip().lower() == "true"
    ) & set(SETTINGS)


def names(account: str, region: str) -> list[str]:
    """Names of an account's buckets in a Region."""
    from ministack.services import s3

    found = [(name, record) for (owner, name), record in list(s3._buckets._data.items()) if owner == account]
    return sorted(name for name, record in found if (record.get("region") or "us-east-1") == region)


def owner(name: str) -> str | None:
    """The account of a bucket."""
    from ministack.services import s3

    account: str | None = s3._bucket_owner_account(name)
    return account


def read(account: str, name: str) -> Bucket | None:
    """The bucket, its grants and its access points; None when there is no such bucket."""
    from ministack.services import s3

    from local.patches.s3_public_access import account_block

    record = s3._buckets.get_scoped(account, None, name)
    if record is None:
        return None
    acl: list[tuple[str, str, str]] = []
    if not s3._bucket_owner_enforced(record):
        stored = s3._bucket_acl.get_scoped(account, None, name)
        acl = [(kind, *grant) for kind in ("URI", "ID") for grant in s3._acl_grants(stored, kind)]
    everywhere = account_block(account)
    points = [
        AccessPoint(
            s3.access_point_arn(point["Name"], owner_account, region),
            point.get("Policy") or "",
            frozenset(s for s in SETTINGS if point["PublicAccessBlockConfiguration"].get(s)),
        )
        for (owner_account, region, _), point in list(s3._access_points._data.items())
        if owner_account == account and point["Bucket"] == name
    ]
    return Bucket(
        name,
        account,
        record.get("region") or "us-east-1",
        s3._canonical_owner_id(account),
        s3._bucket_policies.get_scoped(account, None, name) or "",
        tuple(acl),
        settings_of(record.get("_public_access_block")) | everywhere,
        tuple(sorted(points, key=lambda point: point.arn)),
    )


def organization(account: str) -> tuple[str, frozenset[str]]:
    """Id and member accounts of the organization that an account may analyze; an empty id when there is none."""
    from ministack.services import organizations

    from local.patches.organizations import accounts_of, is_administrator, management_of

    management = management_of(account)
    found = organizations._orgs.get_scoped(management or account, None, "self")
    if not found or (management and not is_administrator(account, "access-analyzer.amazonaws.com")):
        return "", frozenset()
    return str(found["Id"]), frozenset({management or account, *accounts_of(management or account)})
