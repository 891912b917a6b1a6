"""Analyzers with their findings and archive rules.

Source: IAM Access Analyzer API reference; events as in
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
"""

# ruff: noqa: A002 - members of the API are called id, type and filter

from __future__ import annotations

import datetime
import threading
import time
import uuid
from collections.abc import Iterable
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services import events
from local.services.base import Pager, TokenError, operation

from . import filters, neighbours
from .exceptions import (
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)
from .grants import ACCESS_POINT, ACCESS_POINT_ACCOUNT, Bucket, Grant, Zone, grants

Data = dict[str, Any]

BUCKET = "AWS::S3::Bucket"
QUOTAS = {"ACCOUNT": 1, "ORGANIZATION": 5}
"""Analyzers of a type in an account and Region (API reference, CreateAnalyzer); other types are not here."""
PAGE = 100

_clock = threading.Lock()
_last = 0


def now() -> str:
    """Return the current time as the API writes it; each call is later, so that versions of a finding differ."""
    global _last  # noqa: PLW0603 - one clock per process
    with _clock:
        _last = max(time.time_ns() // 1_000_000, _last + 1)
        at = datetime.datetime.fromtimestamp(_last / 1000, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Analyzer:
    """One analyzer."""

    def __init__(self, arn: str, kind: str, tags: dict[str, str], zone: Zone) -> None:
        self.arn, self.kind, self.tags, self.zone = arn, kind, tags, zone
        self.name = arn.rpartition("/")[2]
        self.created = now()
        self.rules: dict[str, Data] = {}
        self.findings: dict[tuple[Any, ...], Data] = {}
        self.resources: dict[str, Data] = {}
        self.last: Data = {}

    def summary(self) -> Data:
        """Return the analyzer as GetAnalyzer and ListAnalyzers show it."""
        return {
            "arn": self.arn,
            "name": self.name,
            "type": self.kind,
            "createdAt": self.created,
            "status": "ACTIVE",
            "tags": self.tags,
            **self.last,
        }

    def archived(self, finding: Data) -> bool:
        """Return whether an archive rule matches the finding."""
        return any(filters.matches(finding, rule["filter"]) for rule in self.rules.values())


class AccessAnalyzerBackend(BaseBackend):
    """Analyzers of one account and Region."""

    watching = True

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.analyzers: dict[str, Analyzer] = {}
        self.pager = Pager(lambda: 3600)
        self._lock = threading.RLock()

    def _analyzer(self, name: str = "", arn: str = "") -> Analyzer:
        found = self.analyzers.get(name or arn.rpartition(":analyzer/")[2])
        if found is None or arn not in ("", found.arn):
            raise ResourceNotFoundException("Analyzer", arn or name)
        return found

    def _rule(self, analyzer: Analyzer, name: str) -> Data:
        if name not in analyzer.rules:
            raise ResourceNotFoundException("ArchiveRule", name)
        return analyzer.rules[name]

    def _page(self, key: Any, items: Iterable[Data], limit: int | None, token: str | None, field: str) -> Data:
        if limit is not None and limit < 1:
            raise ValidationException("maxResults must be 1 or more.")
        try:
            page, following = self.pager.page(key, lambda: list(items), min(limit or PAGE, PAGE), token)
        except (TokenError, ValueError) as error:
            raise ValidationException(str(error)) from None
        return {field: page, **({"nextToken": following} if following else {})}

    # --- analyzers ---

    @operation()
    def create_analyzer(
        self,
        analyzer_name: str,
        type: str,
        archive_rules: list[Data] | None = None,
        tags: dict[str, str] | None = None,
        client_token: str | None = None,
        configuration: Data | None = None,
    ) -> Data:
        if type not in QUOTAS or configuration:
            raise ValidationException("The local cloud has only analyzers of external access: ACCOUNT, ORGANIZATION.")
        arn = f"arn:aws:access-analyzer:{self.region_name}:{self.account_id}:analyzer/{analyzer_name}"
        organization, members = neighbours.current.organization(self.account_id)
        if type == "ORGANIZATION" and not organization:
            raise ValidationException(
                "Only the management account or a delegated administrator can analyze its organization."
            )
        trusted = Zone(members, organization) if type == "ORGANIZATION" else Zone(frozenset({self.account_id}))
        with self._lock:
            if analyzer_name in self.analyzers:
                raise ConflictException("Analyzer", analyzer_name)
            if sum(a.kind == type for a in self.analyzers.values()) >= QUOTAS[type]:
                raise ServiceQuotaExceededException("Analyzer", type)
            analyzer = Analyzer(arn, type, dict(tags or {}), trusted)
            for rule in archive_rules or []:
                self._add_rule(analyzer, rule["ruleName"], rule["filter"])
            self.analyzers[analyzer_name] = analyzer
            for account in trusted.accounts:
                for name in neighbours.current.names(account, self.region_name):
                    self._analyze(analyzer, account, name)
        return {"arn": arn}

    @operation()
    def get_analyzer(self, analyzer_name: str) -> Data:
        return {"analyzer": self._analyzer(analyzer_name).summary()}

    @operation()
    def list_analyzers(
        self, next_token: str | None = None, max_results: int | None = None, type: str | None = None
    ) -> Data:
        found = (a.summary() for a in self.analyzers.values() if type in (None, a.kind))
        return self._page(["analyzers", type], found, max_results, next_token, "analyzers")

    @operation()
    def delete_analyzer(self, analyzer_name: str, client_token: str | None = None) -> Data:
        self._analyzer(analyzer_name)
        del self.analyzers[analyzer_name]
        return {}

    @operation()
    def list_tags_for_resource(self, resource_arn: str) -> Data:
        return {"tags": self._analyzer(arn=resource_arn).tags}

    @operation()
    def tag_resource(self, resource_arn: str, tags: dict[str, str]) -> Data:
        self._analyzer(arn=resource_arn).tags.update(tags)
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        tagged = self._analyzer(arn=resource_arn).tags
        for key in tag_keys:
            tagged.pop(key, None)
        return {}

    # --- archive rules ---

    def _add_rule(self, analyzer: Analyzer, name: str, criteria: Data) -> None:
        filters.check(criteria, archive_rule=True)
        if name in analyzer.rules:
            raise ConflictException("ArchiveRule", name)
        at = now()
        analyzer.rules[name] = {"ruleName": name, "filter": criteria, "createdAt": at, "updatedAt": at}

    @operation()
    def create_archive_rule(
        self, analyzer_name: str, rule_name: str, filter: Data, client_token: str | None = None
    ) -> Data:
        self._add_rule(self._analyzer(analyzer_name), rule_name, filter)
        return {}

    @operation()
    def get_archive_rule(self, analyzer_name: str, rule_name: str) -> Data:
        return {"archiveRule": self._rule(self._analyzer(analyzer_name), rule_name)}

    @operation()
    def list_archive_rules(
        self, analyzer_name: str, next_token: str | None = None, max_results: int | None = None
    ) -> Data:
        rules = self._analyzer(analyzer_name).rules.values()
        return self._page(["rules", analyzer_name], rules, max_results, next_token, "archiveRules")

    @operation()
    def update_archive_rule(
        self, analyzer_name: str, rule_name: str, filter: Data, client_token: str | None = None
    ) -> Data:
        rule = self._rule(self._analyzer(analyzer_name), rule_name)
        filters.check(filter, archive_rule=True)
        rule.update(filter=filter, updatedAt=now())
        return {}

    @operation()
    def delete_archive_rule(self, analyzer_name: str, rule_name: str, client_token: str | None = None) -> Data:
        analyzer = self._analyzer(analyzer_name)
        self._rule(analyzer, rule_name)
        del analyzer.rules[rule_name]
        return {}

    @operation()
    def apply_archive_rule(self, analyzer_arn: str, rule_name: str, client_token: str | None = None) -> Data:
        analyzer = self._analyzer(arn=analyzer_arn)
        criteria = self._rule(analyzer, rule_name)["filter"]
        for finding in list(analyzer.findings.values()):
            if finding["status"] == "ACTIVE" and filters.matches(finding, criteria):
                self._change(analyzer, finding, status="ARCHIVED")
        return {}

    # --- findings ---

    def _finding(self, analyzer_arn: str, finding_id: str) -> Data:
        findings = self._analyzer(arn=analyzer_arn).findings.values()
        found = next((f for f in findings if f["id"] == finding_id), None)
        if found is None:
            raise ResourceNotFoundException("Finding", finding_id)
        return found

    def _found(self, analyzer_arn: str, criteria: Data | None, sort: Data | None) -> list[Data]:
        filters.check(criteria or {})
        findings = list(self._analyzer(arn=analyzer_arn).findings.values())
        found = [f for f in findings if filters.matches({**f, "findingType": "ExternalAccess"}, criteria or {})]
        attribute = (sort or {}).get("attributeName") or "updatedAt"
        if attribute not in {"createdAt", "updatedAt", "analyzedAt", "id", "resource", "status"}:
            raise ValidationException(f"Findings cannot be sorted by {attribute}.")
        return sorted(found, key=lambda f: str(f[attribute]), reverse=(sort or {}).get("orderBy") == "DESC")

    @operation()
    def get_finding(self, analyzer_arn: str, id: str) -> Data:
        return {"finding": self._finding(analyzer_arn, id)}

    @operation()
    def get_finding_v2(
        self, analyzer_arn: str, id: str, max_results: int | None = None, next_token: str | None = None
    ) -> Data:
        finding = self._finding(analyzer_arn, id)
        details = ("action", "condition", "isPublic", "principal", "sources")
        return {
            **{name: value for name, value in finding.items() if name not in details},
            "findingType": "ExternalAccess",
            "findingDetails": [{"externalAccessDetails": {name: finding[name] for name in details}}],
        }

    @operation()
    def list_findings(
        self,
        analyzer_arn: str,
        filter: Data | None = None,
        sort: Data | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Data:
        found = self._found(analyzer_arn, filter, sort)
        return self._page(["findings", analyzer_arn, filter, sort], found, max_results, next_token, "findings")

    @operation()
    def list_findings_v2(
        self,
        analyzer_arn: str,
        filter: Data | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
        sort: Data | None = None,
    ) -> Data:
        kept = (
            "analyzedAt",
            "createdAt",
            "id",
            "resource",
            "resourceType",
            "resourceOwnerAccount",
            "status",
            "updatedAt",
        )
        found = [
            {**{name: f[name] for name in kept}, "findingType": "ExternalAccess"}
            for f in self._found(analyzer_arn, filter, sort)
        ]
        return self._page(["findings2", analyzer_arn, filter, sort], found, max_results, next_token, "findings")

    @operation()
    def update_findings(
        self,
        analyzer_arn: str,
        status: str,
        ids: list[str] | None = None,
        resource_arn: str | None = None,
        client_token: str | None = None,
    ) -> Data:
        if bool(ids) == bool(resource_arn):
            raise ValidationException("Give either ids or resourceArn.")
        analyzer = self._analyzer(arn=analyzer_arn)
        for finding in list(analyzer.findings.values()):
            named = finding["id"] in (ids or []) or finding["resource"] == resource_arn
            if named and finding["status"] not in ("RESOLVED", status):
                self._change(analyzer, finding, status=status)
        return {}

    # --- analysis ---

    @operation()
    def start_resource_scan(
        self, analyzer_arn: str, resource_arn: str, resource_owner_account: str | None = None
    ) -> Data:
        analyzer = self._analyzer(arn=analyzer_arn)
        if not resource_arn.startswith("arn:aws:s3:::") or "/" in resource_arn:
            raise ValidationException("The local cloud analyzes only buckets: arn:aws:s3:::NAME.")
        name = resource_arn.rpartition(":")[2]
        account = neighbours.current.owner(name)
        if account not in analyzer.zone.accounts or resource_owner_account not in (None, account):
            raise ResourceNotFoundException("Resource", resource_arn)
        self._analyze(analyzer, str(account), name)
        return {}

    @operation()
    def get_analyzed_resource(self, analyzer_arn: str, resource_arn: str) -> Data:
        resources = self._analyzer(arn=analyzer_arn).resources
        if resource_arn not in resources:
            raise ResourceNotFoundException("AnalyzedResource", resource_arn)
        return {"resource": resources[resource_arn]}

    @operation()
    def list_analyzed_resources(
        self,
        analyzer_arn: str,
        resource_type: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Data:
        kept = ("resourceArn", "resourceOwnerAccount", "resourceType")
        found = [
            {name: resource[name] for name in kept}
            for resource in self._analyzer(arn=analyzer_arn).resources.values()
            if resource_type in (None, resource["resourceType"])
        ]
        key = ["resources", analyzer_arn, resource_type]
        return self._page(key, found, max_results, next_token, "analyzedResources")

    def noticed(self, account: str, bucket: str) -> None:
        """Notice that a bucket has changed, or is gone."""
        for analyzer in list(self.analyzers.values()):
            if account in analyzer.zone.accounts:
                self._analyze(analyzer, account, bucket)

    def _analyze(self, analyzer: Analyzer, account: str, name: str) -> None:
        with self._lock:
            bucket = neighbours.current.read(account, name)
            if bucket and bucket.region != self.region_name:
                return
            arn = f"arn:aws:s3:::{name}"
            at = now()
            found = grants(bucket, analyzer.zone, neighbours.current.is_public) if bucket else []
            current = {(arn, *grant.key): grant for grant in found}
            for key, finding in list(analyzer.findings.items()):
                if key[0] == arn and key not in current:
                    finding["analyzedAt"] = at
                    if finding["status"] != "RESOLVED":
                        self._change(analyzer, finding, status="RESOLVED")
            for key, grant in current.items():
                self._record(analyzer, key, account, arn, grant, at)
            if bucket:
                analyzer.resources[arn] = self._resource(analyzer.resources.get(arn), bucket, found, at)
            else:
                analyzer.resources.pop(arn, None)
            analyzer.last = {"lastResourceAnalyzed": arn, "lastResourceAnalyzedAt": at}

    def _resource(self, before: Data | None, bucket: Bucket, found: list[Grant], at: str) -> Data:
        return {
            "resourceArn": bucket.arn,
            "resourceType": BUCKET,
            "createdAt": before["createdAt"] if before else at,
            "analyzedAt": at,
            "updatedAt": at,
            "isPublic": any(grant.public for grant in found),
            "actions": sorted(set().union(*(grant.actions for grant in found))),
            "sharedVia": sorted({grant.source for grant in found}),
            "status": "ACTIVE" if found else "RESOLVED",
            "resourceOwnerAccount": bucket.account,
        }

    def _record(self, analyzer: Analyzer, key: tuple[Any, ...], account: str, arn: str, grant: Grant, at: str) -> None:
        said = {"action": sorted(grant.actions), "isPublic": grant.public}
        finding = analyzer.findings.get(key)
        if finding:
            finding["analyzedAt"] = at
            changed = {name: value for name, value in said.items() if finding[name] != value}
            if finding["status"] == "RESOLVED":
                finding.update(changed)
                changed["status"] = "ARCHIVED" if analyzer.archived(finding) else "ACTIVE"
            if changed:
                self._change(analyzer, finding, **changed)
            return
        detail = {ACCESS_POINT: "accessPointArn", ACCESS_POINT_ACCOUNT: "accessPointAccount"}.get(grant.source)
        source = {"type": grant.source, **({"detail": {detail: grant.detail}} if detail else {})}
        finding = {
            "id": str(uuid.uuid4()),
            "principal": dict([grant.principal]),
            "resource": arn,
            "resourceType": BUCKET,
            "condition": dict(grant.condition),
            "createdAt": at,
            "analyzedAt": at,
            "updatedAt": at,
            "status": "ACTIVE",
            "resourceOwnerAccount": account,
            "sources": [source],
            "resourceControlPolicyRestriction": "NOT_APPLICABLE",
            **said,
        }
        if analyzer.archived(finding):
            finding["status"] = "ARCHIVED"
        analyzer.findings[key] = finding
        self._tell(analyzer, finding)

    def _change(self, analyzer: Analyzer, finding: Data, **fields: Any) -> None:
        finding.update(fields, updatedAt=now())
        self._tell(analyzer, finding)

    def _tell(self, analyzer: Analyzer, finding: Data) -> None:
        copied = (
            "action",
            "analyzedAt",
            "condition",
            "createdAt",
            "id",
            "isPublic",
            "principal",
            "resource",
            "resourceType",
            "status",
            "updatedAt",
        )
        detail = {
            **{name: finding[name] for name in copied},
            "accountId": finding["resourceOwnerAccount"],
            "isDeleted": False,
            "region": self.region_name,
            "version": "1.0",
        }
        events.emit(
            "aws.access-analyzer",
            "Access Analyzer Finding",
            detail,
            [analyzer.arn],
            self.account_id,
            self.region_name,
        )


def noticed(account: str, region: str, bucket: str) -> None:
    """Notice a changed bucket of `account`: analyzers of that Region that trust the account analyze it again."""
    if not AccessAnalyzerBackend.watching:
        return
    for backends in list(accessanalyzer_backends.values()):
        backend = dict.get(backends, region)
        if backend:
            backend.noticed(account, bucket)


accessanalyzer_backends = BackendDict(AccessAnalyzerBackend, "accessanalyzer")
