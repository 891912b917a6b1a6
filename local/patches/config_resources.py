"""MiniStack's resources, functions, buckets and organizations for AWS Config."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import lambda_svc, s3, secretsmanager, waf

from local.patches import organizations
from local.permissions import request_headers, role_session, service_may
from local.services.config import neighbours
from local.services.config.items import (
    BUCKET,
    DAY,
    HOUR,
    SECRET,
    WEB_ACL,
    Resource,
    next_rotation,
    rotation_seconds,
    tags_of,
    timestamp,
)
from local.services.config.neighbours import PRINCIPAL


def _secrets(account: str, region: str, now: float) -> Iterator[Resource]:
    for (owner, where, _), secret in secretsmanager._secrets.all_items():
        if (owner, where) != (account, region):
            continue
        rules, every, due = secret.get("RotationRules"), rotation_seconds(secret.get("RotationRules")), None
        due = next_rotation(secret)
        schedule = {
            "AutomaticallyAfterDays": int(every // DAY) if every and every % DAY == 0 else None,
            "AutomaticallyAfterHours": int(every // HOUR) if every else None,
            "RotationDuration": (rules or {}).get("Duration"),
            "RotationScheduleExpression": (rules or {}).get("ScheduleExpression"),
        }
        configuration = {
            "ARN": secret["ARN"],
            "Name": secret["Name"],
            "Description": secret.get("Description"),
            "KMSKeyId": secret.get("KmsKeyId"),
            "RotationEnabled": bool(secret.get("RotationEnabled")),
            "RotationLambdaARN": secret.get("RotationLambdaARN"),
            "RotationOccurringAsScheduled": due is None or now <= due,
            "RotationRules": {k: v for k, v in schedule.items() if v is not None} or None,
            "Deleted": bool(secret.get("DeletedDate")),
        }
        known = {name: value for name, value in configuration.items() if value is not None}
        arn, created = str(secret["ARN"]), float(secret["CreatedDate"])
        yield Resource(SECRET, arn, secret["Name"], arn, created, known, {}, tags_of(secret.get("Tags")))


def _web_acls(account: str, region: str, now: float) -> Iterator[Resource]:
    for (owner, where, _), acl in waf._web_acls.all_items():
        if (owner, where) != (account, region):
            continue
        arn = str(acl["ARN"])
        visibility = acl.get("VisibilityConfig") or {}
        configuration = {
            "name": acl["Name"],
            "id": acl["Id"],
            "resourceARN": arn,
            "defaultAction": json.dumps(acl.get("DefaultAction") or {}),
            "description": acl.get("Description", ""),
            "rules": acl.get("Rules", []),
            "visibilityConfig": {name[:1].lower() + name[1:]: value for name, value in visibility.items()},
            "capacity": acl.get("Capacity", 0),
        }
        tags = tags_of(waf._waf_tags.get_scoped(account, None, arn))
        # Config identifies a WAFv2 web ACL by its ARN.
        yield Resource(WEB_ACL, arn, acl["Name"], arn, 0.0, configuration, {}, tags)


def _buckets(account: str, region: str, now: float) -> Iterator[Resource]:
    for (owner, name), bucket in list(s3._buckets._data.items()):
        if owner != account or bucket.get("region", "us-east-1") != region:
            continue
        created = datetime.datetime.fromisoformat(str(bucket["created"])).timestamp()

        def of(store: Any, name: str = name) -> Any:
            value = store.get_scoped(account, None, name)
            return value.decode(errors="replace") if isinstance(value, bytes) else value

        supplementary = {
            "BucketVersioningConfiguration": {"status": of(s3._bucket_versioning) or "Off"},
            "BucketPolicy": {"policyText": of(s3._bucket_policies)},
            "ServerSideEncryptionConfiguration": of(s3._bucket_encryption),
            "PublicAccessBlockConfiguration": bucket.get("_public_access_block"),
            "BucketLifecycleConfiguration": of(s3._bucket_lifecycle),
        }
        plain = json.loads(json.dumps(supplementary, default=_text))
        configuration = {"name": name, "creationDate": timestamp(created), "owner": {"id": account}, "region": region}
        arn = f"arn:aws:s3:::{name}"
        yield Resource(BUCKET, name, name, arn, created, configuration, plain, tags_of(of(s3._bucket_tags)))


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


READERS: dict[str, Callable[[str, str, float], Iterator[Resource]]] = {
    BUCKET: _buckets,
    SECRET: _secrets,
    WEB_ACL: _web_acls,
}
"""What can be recorded, by resource type."""


class Engine(neighbours.Neighbours):
    """The resources of MiniStack."""

    def resources(self, kind: str, account: str, region: str, now: float) -> Iterator[Resource]:
        """Iterate over an account's resources of a type in a Region."""
        if kind in READERS:
            yield from READERS[kind](account, region, now)

    def secret(self, account: str, region: str, name: str) -> dict[str, Any]:
        """Return a secret's dates (never its value)."""
        secret = secretsmanager._secrets.get_scoped(account, region, name) or {}
        dates = ("CreatedDate", "LastAccessedDate", "LastRotatedDate")
        return {name: secret[name] for name in dates if name in secret}

    def trusts(self, role_arn: str, region: str) -> bool:
        """Return whether a role lets Config assume it, for a Region."""
        try:
            source = f"arn:aws:config:{region}:{role_arn.split(':')[4]}:*"
            role_session(role_arn, "configLambdaExecution", PRINCIPAL, source)
        except (PermissionError, IndexError):
            return False
        return True

    def function_refusal(self, arn: str, account: str, region: str) -> str:
        """Return why Config may not invoke a function; empty if it may."""
        with request_scope(account, region):
            function, config, _ = lambda_svc._get_func_record_for_ref(arn)
            if not function or not config:
                return f"{arn} does not exist"
            # Config sends the account for which it invokes, and no ARN.
            return service_may(PRINCIPAL, "lambda:InvokeFunction", arn, function.get("policy"), "", account, region)

    def invoke(self, arn: str, account: str, region: str, event: dict[str, Any]) -> None:
        """Invoke a function asynchronously."""
        with request_scope(account, region):
            function, config, _ = lambda_svc._get_func_record_for_ref(arn)
            lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), event)

    def has_bucket(self, account: str, region: str, name: str) -> bool:
        """Return whether a bucket of this name exists."""
        with request_scope(account, region):
            return name in s3._buckets

    def bucket_refusal(
        self, account: str, region: str, bucket_arn: str, action: str, resource_arn: str, key_arn: str
    ) -> str:
        """Return why Config may not perform an action on a bucket, or in it under a key; empty if it may.

        The channel's s3KmsKeyArn is the key "used to encrypt objects delivered by Config" (API reference): it is
        named with each object. Without one, the bucket's default applies.
        """
        encryption = "x-amz-server-side-encryption"
        headers = {encryption: "aws:kms", f"{encryption}-aws-kms-key-id": key_arn} if key_arn else {}
        sent = {"x-amz-acl": "bucket-owner-full-control", **headers} if action == "s3:PutObject" else {}
        conditions = {f"s3:{name}": value for name, value in sent.items()}
        before = request_headers.set(sent)
        try:
            with request_scope(account, region):
                policy = (s3.bucket_policy_for_arn(bucket_arn) or ("",))[0]
                return service_may(PRINCIPAL, action, resource_arn, policy, "", account, region, conditions)
        finally:
            request_headers.reset(before)

    def accounts(self, account: str) -> list[str]:
        """Return the accounts of an account's organization; none when it is in none."""
        management = organizations.management_of(account)
        return organizations.accounts_of(management) if management else []

    def is_administrator(self, account: str, service: str) -> bool:
        """Return whether an account administers its organization, or a service in it."""
        return organizations.is_administrator(account, service)


def start() -> None:
    """Let Config see MiniStack's resources."""
    neighbours.current = Engine()
