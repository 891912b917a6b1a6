"""Automation rules, and the findings that Security Hub creates for evaluated controls."""

from __future__ import annotations

from typing import Any

import pytest

from local.gateway.control import command
from local.services import events
from tests.unit.local.services.hub_case import ACCOUNT, ARN, PRODUCT, REGION, asff, identifier, load, refusal
from tests.unit.local.services.test_securityhub import enable, record, status


def rule(**fields: Any) -> dict[str, Any]:
    """Return a rule that suppresses failed findings of S3.1."""
    return {
        "RuleName": "website",
        "Description": "public on purpose",
        "RuleOrder": 10,
        "Criteria": {
            "ComplianceStatus": [{"Value": "FAILED", "Comparison": "EQUALS"}],
            "ResourceId": [{"Value": "arn:aws:s3:::bucket-1", "Comparison": "EQUALS"}],
        },
        "Actions": [action(Workflow={"Status": "SUPPRESSED"}, Note={"Text": "public on purpose", "UpdatedBy": "code"})],
        **fields,
    }


def action(**updates: Any) -> dict[str, Any]:
    return {"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": updates}


def failed(number: int = 1, **fields: Any) -> dict[str, Any]:
    return asff(number, **{"Compliance": {"Status": "FAILED"}, **fields})


def one(hub: Any, finding_id: str = "finding-1") -> dict[str, Any]:
    (found,) = hub.get_findings(Filters={"Id": [{"Value": finding_id, "Comparison": "EQUALS"}]})["Findings"]
    return dict(found)


def test_life_of_a_rule(hub: Any) -> None:
    arn = hub.create_automation_rule(**rule(), Tags={"stack": "test"})["RuleArn"]
    assert arn.startswith(f"{ARN}automation-rule/")
    (found,) = hub.batch_get_automation_rules(AutomationRulesArns=[arn])["Rules"]
    assert {name: found[name] for name in rule()} == rule()
    assert (found["RuleStatus"], found["IsTerminal"], found["CreatedBy"]) == ("ENABLED", False, ACCOUNT)
    (listed,) = hub.list_automation_rules()["AutomationRulesMetadata"]
    assert "Criteria" not in listed
    assert hub.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"stack": "test"}
    change = {"RuleArn": arn, "RuleStatus": "DISABLED", "RuleOrder": 3}
    assert hub.batch_update_automation_rules(UpdateAutomationRulesRequestItems=[change])[
        "ProcessedAutomationRules"
    ] == [arn]
    (found,) = hub.batch_get_automation_rules(AutomationRulesArns=[arn])["Rules"]
    assert (found["RuleStatus"], found["RuleOrder"], found["RuleName"]) == ("DISABLED", 3, "website")
    answer = hub.batch_delete_automation_rules(AutomationRulesArns=[arn, f"{arn}x"])
    assert answer["ProcessedAutomationRules"] == [arn]
    assert [item["RuleArn"] for item in answer["UnprocessedAutomationRules"]] == [f"{arn}x"]
    assert hub.batch_get_automation_rules(AutomationRulesArns=[arn])["Rules"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"RuleOrder": 0},
        {"RuleOrder": 1001},
        {"Criteria": {}},
        {"Criteria": {"ResourceId": []}},
        {"Criteria": {"ResourceId": [{"Value": "x"}]}},
        {"Actions": []},
        {"Actions": [{"Type": "FINDING_FIELDS_UPDATE"}]},
        {"Actions": [action(Workflow={"Status": "DONE"})]},
    ],
)
def test_refused(hub: Any, wrong: dict[str, Any]) -> None:
    assert refusal(hub.create_automation_rule, **rule(**wrong))[:2] == ("InvalidInputException", 400)
    assert hub.list_automation_rules()["AutomationRulesMetadata"] == []


def test_no_more_than_a_hundred(hub: Any) -> None:
    for _ in range(100):
        hub.create_automation_rule(**rule())
    assert refusal(hub.create_automation_rule, **rule())[0] == "LimitExceededException"


def test_new_and_updated_findings_are_changed_before_their_events(hub: Any) -> None:
    load(hub, failed(0), failed(1))  # before the rule: unchanged
    hub.create_automation_rule(**rule())
    assert one(hub)["Workflow"]["Status"] == "NEW"
    events.sent.clear()
    load(hub, failed(1, UpdatedAt="2026-01-02T00:00:00Z"), failed(0, UpdatedAt="2026-01-02T00:00:00Z"))
    found = one(hub)
    assert (found["Workflow"]["Status"], found["Note"]["Text"]) == ("SUPPRESSED", "public on purpose")
    assert [e.detail["findings"][0]["Workflow"]["Status"] for e in events.sent] == ["SUPPRESSED", "NEW"]
    load(hub, failed(1, UpdatedAt="2026-01-03T00:00:00Z", Compliance={"Status": "PASSED"}))
    assert one(hub)["Workflow"]["Status"] == "SUPPRESSED"  # a customer's field, which the import leaves


def test_a_customers_update_starts_no_rule(hub: Any) -> None:
    load(hub, failed(1))
    hub.create_automation_rule(**rule())
    hub.batch_update_findings(FindingIdentifiers=[identifier(1)], UserDefinedFields={"a": "b"})
    assert one(hub)["Workflow"]["Status"] == "NEW"


def test_rules_apply_in_order_until_a_terminal_one(hub: Any) -> None:
    raised = {"Criteria": {"SeverityLabel": [{"Value": "HIGH", "Comparison": "EQUALS"}]}}
    seen = {"Criteria": {"SeverityLabel": [{"Value": "CRITICAL", "Comparison": "EQUALS"}]}}
    first = rule(**raised, RuleOrder=1, Actions=[action(Severity={"Label": "CRITICAL"})])
    second = rule(**seen, RuleOrder=2, Actions=[action(UserDefinedFields={"seen": "second"})], IsTerminal=True)
    third = rule(**seen, RuleOrder=3, Actions=[action(UserDefinedFields={"seen": "third"})])
    arns = [hub.create_automation_rule(**each)["RuleArn"] for each in (third, second, first)]
    load(hub, failed(1))
    assert (one(hub)["Severity"]["Label"], one(hub)["UserDefinedFields"]) == ("CRITICAL", {"seen": "second"})
    off = [{"RuleArn": arns[1], "RuleStatus": "DISABLED"}]
    hub.batch_update_automation_rules(UpdateAutomationRulesRequestItems=off)
    load(hub, failed(2))
    assert one(hub, "finding-2")["UserDefinedFields"] == {"seen": "third"}


def test_a_rule_may_end_with_a_date(hub: Any) -> None:
    until = {"Start": "2000-01-01T00:00:00Z", "End": "2026-03-31T23:59:59Z"}
    hub.create_automation_rule(**rule(Criteria={**rule()["Criteria"], "UpdatedAt": [until]}))
    load(hub, failed(1, UpdatedAt="2026-04-01T00:00:00Z"))
    assert one(hub)["Workflow"]["Status"] == "NEW"
    load(hub, failed(2, UpdatedAt="2026-03-31T23:00:00Z", Resources=failed(1)["Resources"]))
    assert one(hub, "finding-2")["Workflow"]["Status"] == "SUPPRESSED"


# Findings of controls


def check(control: str, verdict: str, resource: str = "arn:aws:s3:::a", **more: Any) -> str | None:
    data = {"control": control, "resource_type": "AwsS3Bucket", "resource_id": resource, "status": verdict, **more}
    answer: str | None = command("securityhub/check_control", {**data, "account": ACCOUNT, "region": REGION})
    return answer


def test_a_failed_control_makes_a_finding_that_passes_later(hub: Any) -> None:
    record()
    enable(hub)
    assert status(hub) == ["PENDING"]
    assert check("S3.2", "FAILED", tags={"site": "yes"}) is not None
    (found,) = hub.get_findings()["Findings"]
    assert (found["Severity"]["Label"], found["Workflow"]["Status"], found["ProductName"]) == (
        "CRITICAL",
        "NEW",
        "Security Hub",
    )
    assert found["Compliance"]["SecurityControlId"] == "S3.2"
    assert found["Resources"][0]["Tags"] == {"site": "yes"}
    assert found["ProductArn"] == f"arn:aws:securityhub:{REGION}::product/aws/securityhub" != PRODUCT
    assert check("S3.2", "PASSED") == found["Id"]
    (found,) = hub.get_findings()["Findings"]
    assert (found["Severity"]["Label"], found["Compliance"]["Status"]) == ("INFORMATIONAL", "PASSED")


def test_no_finding_without_a_standard_that_is_ready_and_has_the_control_on(hub: Any) -> None:
    assert check("S3.2", "FAILED") is None
    enable(hub)
    status(hub)
    assert check("S3.2", "FAILED") is None  # incomplete: there is no recorder
    record()
    assert check("S3.14", "FAILED") is None  # in another standard
    off = {
        "StandardsArn": f"arn:aws:securityhub:{REGION}::standards/aws-foundational-security-best-practices/v/1.0.0",
        "SecurityControlId": "S3.2",
        "AssociationStatus": "DISABLED",
        "UpdatedReason": "no",
    }
    hub.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[off])
    assert check("S3.2", "FAILED") is None
    assert hub.get_findings()["Findings"] == []
    on = {**off, "AssociationStatus": "ENABLED"}
    on.pop("UpdatedReason")  # no reason is needed
    hub.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[on])
    assert check("S3.2", "FAILED") is not None
