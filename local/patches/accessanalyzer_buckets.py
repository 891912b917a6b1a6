"""MiniStack's buckets and organizations for Access Analyzer, read in process, as the service's own role may."""

from __future__ import annotations

from typing import Any

from ministack.services import organizations, s3

from local.patches.organizations import accounts_of, is_administrator, management_of
from local.patches.s3_public_access import SETTINGS, account_block, settings_of
from local.services.accessanalyzer import neighbours
from local.services.accessanalyzer.grants import AccessPoint, Bucket


class Engine(neighbours.Neighbours):
    """The buckets and organizations of MiniStack."""

    def names(self, account: str, region: str) -> list[str]:
        """Return the names of an account's buckets in a Region."""
        found = [(name, record) for (owner, name), record in list(s3._buckets._data.items()) if owner == account]
        return sorted(name for name, record in found if (record.get("region") or "us-east-1") == region)

    def owner(self, name: str) -> str | None:
        """Return the account of a bucket."""
        account: str | None = s3._bucket_owner_account(name)
        return account

    def read(self, account: str, name: str) -> Bucket | None:
        """Return the bucket, its grants and its access points, or None if there is no such bucket."""
        record = s3._buckets.get_scoped(account, None, name)
        if record is None:
            return None
        acl: list[tuple[str, str, str]] = []
        if not s3._bucket_owner_enforced(record):
            stored = s3._bucket_acl.get_scoped(account, None, name)
            acl = [(kind, *grant) for kind in ("URI", "ID") for grant in s3._acl_grants(stored, kind)]
        own = record.get("_public_access_block")
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
            account_block(account) | (settings_of(own) if own else frozenset()),
            tuple(sorted(points, key=lambda point: point.arn)),
        )

    def is_public(self, statement: dict[str, Any]) -> bool:
        """Return whether S3 considers a policy's statement public."""
        return bool(s3._statement_is_public(statement))

    def organization(self, account: str) -> tuple[str, frozenset[str]]:
        """Return id (empty: none) and member accounts of the organization that an account may analyze."""
        management = management_of(account)
        found = organizations._orgs.get_scoped(management or account, None, "self")
        if not found or (management and not is_administrator(account, "access-analyzer.amazonaws.com")):
            return "", frozenset()
        return str(found["Id"]), frozenset({management or account, *accounts_of(management or account)})


def start() -> None:
    """Let Access Analyzer see MiniStack's buckets."""
    neighbours.current = Engine()
