"""The local cloud's Security Hub in this process, with FSBP enabled and AWS Config recording, and calls counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from common import clients
from local.gateway.control import command
from local.services import install_all
from posture.security_standards import suppression
from tests.unit.local.services.hub_case import ACCOUNT, REGION, client
from tests.unit.local.services.test_securityhub import FSBP_ARN, record

CONTEXT = SimpleNamespace(aws_request_id="request", function_name="function")
OWNER = "switchyard"


class World:
    """Security Hub as AWS, an operator and an analyst use it."""

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self.calls: Counter[str] = Counter()
        self.recorder = record()

    def rule(self, name: str, criteria: dict[str, Any], until: str | None = None, owner: str = OWNER) -> str:
        """Create a suppression's rule, as Terraform does (modules/posture/security_standards/suppressions.tf)."""
        fixed = {
            "ComplianceStatus": equals("FAILED", "WARNING", "NOT_AVAILABLE"),
            "RecordState": equals("ACTIVE"),
            "WorkflowStatus": equals("NEW", "NOTIFIED"),
        }
        window = {"UpdatedAt": [{"Start": "2000-01-01T00:00:00Z", "End": f"{until}T23:59:59.999Z"}]} if until else {}
        update = {
            "UserDefinedFields": {suppression.BY: owner, suppression.NAME: name},
            "Note": {"Text": f"because of {name}", "UpdatedBy": "code"},
            "Workflow": {"Status": "SUPPRESSED"},
        }
        return self._create(f"{owner}-suppression-{name}", 100, {**fixed, **criteria, **window}, update)

    def passed_rule(self) -> str:
        criteria = {
            "ComplianceStatus": equals("PASSED"),
            "UserDefinedFields": [{"Key": suppression.BY, "Value": OWNER, "Comparison": "EQUALS"}],
            "WorkflowStatus": equals("SUPPRESSED"),
        }
        update = {
            "UserDefinedFields": {suppression.BY: "nobody"},
            "Note": {"Text": "Passed: no longer suppressed.", "UpdatedBy": "code"},
            "Workflow": {"Status": "NEW"},
        }
        return self._create(f"{OWNER}-suppressed-passed", 99, criteria, update)

    def _create(self, name: str, order: int, criteria: dict[str, Any], update: dict[str, Any]) -> str:
        made = self.hub.create_automation_rule(
            RuleName=name,
            Description=name,
            RuleOrder=order,
            Criteria=criteria,
            Actions=[{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": update}],
        )
        return str(made["RuleArn"])

    def delete(self, rule_arn: str) -> None:
        self.hub.batch_delete_automation_rules(AutomationRulesArns=[rule_arn])

    def check(self, resource: str, verdict: str, control: str = "S3.2", **more: Any) -> str | None:
        data = {"control": control, "resource_type": "AwsS3Bucket", "resource_id": f"arn:aws:s3:::{resource}", **more}
        where = {"account": ACCOUNT, "region": REGION}
        answer: str | None = command("securityhub/check_control", {**data, "status": verdict, **where})
        return answer

    def findings(self, control: str = "S3.2") -> dict[str, dict[str, Any]]:
        wanted = {"ComplianceSecurityControlId": equals(control)}
        pages = self.hub.get_paginator("get_findings").paginate(Filters=wanted)
        found = [finding for page in pages for finding in page["Findings"]]
        return {f["Resources"][0]["Id"].rpartition(":")[2]: f for f in found}

    def states(self, control: str = "S3.2") -> dict[str, str]:
        return {name: f["Workflow"]["Status"] for name, f in self.findings(control).items()}

    def by_hand(self, resource: str, status: str, **fields: Any) -> None:
        """Set a finding's workflow as an analyst does."""
        finding = self.findings()[resource]
        self.hub.batch_update_findings(
            FindingIdentifiers=[{"Id": finding["Id"], "ProductArn": finding["ProductArn"]}],
            Workflow={"Status": status},
            **fields,
        )


def equals(*values: str) -> list[dict[str, str]]:
    return [{"Value": value, "Comparison": "EQUALS"} for value in values]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("OWNER", OWNER)
    monkeypatch.setenv("STANDARDS", f'{{"fsbp": "{FSBP_ARN}"}}')
    install_all()
    with mock_aws():
        hub = client()
        hub.enable_security_hub(EnableDefaultStandards=False)
        hub.batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": FSBP_ARN}])
        hub.get_enabled_standards()
        made = World(hub)
        hub.meta.events.register("before-call.securityhub", lambda model, **_: made.calls.update([model.name]))
        monkeypatch.setattr(clients, "client", lambda service: hub if service == "securityhub" else None)
        yield made
