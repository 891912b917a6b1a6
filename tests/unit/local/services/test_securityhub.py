"""Security Hub's operations other than GetFindings, and the events that it sends."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.gateway.control import command
from local.services import events
from local.services.securityhub.models import AWS_PRODUCTS, SecurityHubBackend, securityhub_backends
from local.services.securityhub.standards import CONTROLS
from tests.unit.local.services.hub_case import (
    ACCOUNT,
    ARN,
    PRODUCT,
    REGION,
    asff,
    client,
    identifier,
    ids,
    load,
    refusal,
)

LATER = "2026-01-02T00:00:00Z"


def only(hub: Any) -> dict[str, Any]:
    (finding,) = hub.get_findings()["Findings"]
    return dict(finding)


# Hub


def test_hub_life(hub: Any) -> None:
    assert refusal(hub.enable_security_hub)[:2] == ("ResourceConflictException", 409)
    hub.update_security_hub_configuration(AutoEnableControls=False, ControlFindingGenerator="STANDARD_CONTROL")
    description = hub.describe_hub()
    assert description["HubArn"] == f"{ARN}hub/default"
    assert description["AutoEnableControls"] is False
    assert description["ControlFindingGenerator"] == "STANDARD_CONTROL"
    assert refusal(hub.describe_hub, HubArn=f"{ARN}hub/other")[:2] == ("ResourceNotFoundException", 404)
    hub.disable_security_hub()
    not_subscribed = (
        "InvalidAccessException",
        401,
        f"Account {ACCOUNT} is not subscribed to AWS Security Hub",
    )
    for call in (hub.describe_hub, hub.get_findings, hub.disable_security_hub, hub.describe_standards):
        assert refusal(call) == not_subscribed


def test_default_standards_are_enabled_unless_declined(hub: Any) -> None:
    assert hub.get_enabled_standards()["StandardsSubscriptions"] == []
    hub.disable_security_hub()
    hub.enable_security_hub(Tags={"team": "security"})
    enabled = {s["StandardsArn"] for s in hub.get_enabled_standards()["StandardsSubscriptions"]}
    assert enabled == {
        f"arn:aws:securityhub:{REGION}::standards/aws-foundational-security-best-practices/v/1.0.0",
        "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0",
    }
    assert hub.list_tags_for_resource(ResourceArn=f"{ARN}hub/default")["Tags"] == {"team": "security"}


def test_tags(hub: Any) -> None:
    arn = f"{ARN}hub/default"
    hub.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    hub.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert hub.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"b": "2"}
    assert refusal(hub.list_tags_for_resource, ResourceArn=f"{ARN}hub/x")[:2] == (
        "ResourceNotFoundException",
        404,
    )


def test_an_operation_that_is_not_implemented_is_refused_at_once(hub: Any) -> None:
    with pytest.raises(ClientError, match="securityhub:GetInvitationsCount") as caught:
        hub.get_invitations_count()
    answer = caught.value.response
    assert answer["Error"]["Code"] == "NotImplemented"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0


# Import


def test_import_completes_a_finding(hub: Any) -> None:
    load(hub, asff(ProductFields={"mine": "1"}))
    finding = only(hub)
    assert finding["Severity"] == {"Label": "HIGH", "Normalized": 70}
    assert finding["FindingProviderFields"]["Severity"] == {"Label": "HIGH"}
    assert (finding["Workflow"], finding["RecordState"]) == ({"Status": "NEW"}, "ACTIVE")
    assert finding["ProductFields"] == {
        "mine": "1",
        "aws/securityhub/FindingId": f"{PRODUCT}/finding-0",
        "aws/securityhub/ProductName": "Default",
        "aws/securityhub/CompanyName": "Personal",
    }


@pytest.mark.parametrize(
    ("normalized", "label"),
    [
        (0, "INFORMATIONAL"),
        (1, "LOW"),
        (39, "LOW"),
        (40, "MEDIUM"),
        (70, "HIGH"),
        (89, "HIGH"),
        (90, "CRITICAL"),
    ],
)
def test_severity_label_follows_the_score(hub: Any, normalized: int, label: str) -> None:
    load(hub, asff(Severity={"Normalized": normalized}))
    assert only(hub)["Severity"] == {"Normalized": normalized, "Label": label}


@pytest.mark.parametrize(
    ("named", "fields"),
    [
        *(
            (f"required property '{name}'", {name: None})
            for name in ("Title", "GeneratorId", "CreatedAt", "SchemaVersion")
        ),
        ("data.Title should NOT be longer than 256", {"Title": "x" * 257}),
        ("FindingProviderFields", {"Types": None}),
        ("FindingProviderFields", {"Severity": None}),
        ("data.Severity.Label", {"Severity": {"Label": "AWFUL"}}),
        ("data.Resources", {"Resources": []}),
        ("required property 'Type'", {"Resources": [{"Id": "x"}]}),
        ("data.UpdatedAt", {"UpdatedAt": "yesterday"}),
        ("data.Confidence should be integer", {"Confidence": "high"}),
        ("data.Colour", {"Colour": "red"}),
        ("240 KB", {"UserDefinedFields": {"k": "x" * 245_760}}),
    ],
)
def test_each_bad_finding_is_reported(hub: Any, named: str, fields: dict[str, Any]) -> None:
    bad = {name: value for name, value in asff(1, **fields).items() if value is not None}

    def send(request: Any, **_: Any) -> None:
        request.body = json.dumps({"Findings": [asff(0), bad, asff(2)]}).encode()

    hub.meta.events.register_first("before-send.securityhub.BatchImportFindings", send)
    answer = hub.batch_import_findings(Findings=[])
    assert (answer["SuccessCount"], answer["FailedCount"]) == (2, 1)
    (failed,) = answer["FailedFindings"]
    assert (failed["Id"], failed["ErrorCode"]) == ("finding-1", "InvalidInput")
    assert named in failed["ErrorMessage"]
    assert ids(hub) == ["finding-0", "finding-2"]


def test_products(hub: Any) -> None:
    macie = f"arn:aws:securityhub:{REGION}::product/aws/macie"
    load(hub, asff(0, ProductArn=macie, AwsAccountId="111111111111"))
    assert only(hub)["ProductName"] == AWS_PRODUCTS["macie"]
    for refused in (
        asff(1, ProductArn=f"arn:aws:securityhub:{REGION}::product/company/product"),
        asff(1, ProductArn=f"arn:aws:securityhub:{REGION}:1:product/1/default"),
        asff(1, AwsAccountId="111111111111"),
    ):
        (failed,) = hub.batch_import_findings(Findings=[refused])["FailedFindings"]
        assert failed["ErrorCode"] == "InvalidAccess"
    for arn in ("arn:aws:securityhub:eu-west-1::product/aws/macie", "nonsense"):
        code, status, message = refusal(hub.batch_import_findings, Findings=[asff(1, ProductArn=arn)])
        assert (code, status) == ("InvalidInputException", 400)
        assert arn in message


def test_batch_sizes(hub: Any) -> None:
    for findings in ([], [asff(n) for n in range(101)]):
        assert refusal(hub.batch_import_findings, Findings=findings)[:2] == ("InvalidInputException", 400)
    for identifiers in ([], [identifier(n) for n in range(101)]):
        request = {"FindingIdentifiers": identifiers, "Confidence": 1}
        assert refusal(hub.batch_update_findings, **request)[:2] == ("InvalidInputException", 400)
    assert refusal(hub.batch_update_findings, FindingIdentifiers=[identifier(0)])[0] == "InvalidInputException"


def test_an_update_must_be_newer(hub: Any) -> None:
    load(hub, asff(Title="first"))
    events.sent.clear()
    load(hub, asff(Title="same time"))
    assert (only(hub)["Title"], events.sent) == ("first", [])
    load(hub, asff(Title="later", UpdatedAt=LATER))
    assert (only(hub)["Title"], len(events.sent)) == ("later", 1)


def test_an_import_leaves_the_customers_fields(hub: Any) -> None:
    load(hub, asff(Confidence=10, Criticality=10))
    update = {
        "Note": {"Text": "looking", "UpdatedBy": "me"},
        "UserDefinedFields": {"ticket": "1"},
        "Workflow": {"Status": "SUPPRESSED"},
        "Severity": {"Label": "LOW"},
        "Confidence": 99,
    }
    hub.batch_update_findings(FindingIdentifiers=[identifier(0)], **update)
    theirs: dict[str, Any] = {
        "Note": {"Text": "new", "UpdatedBy": "it", "UpdatedAt": LATER},
        "UserDefinedFields": {"ticket": "2"},
    }
    again = asff(UpdatedAt=LATER, Confidence=20, Criticality=20, Workflow={"Status": "NEW"}, **theirs)
    load(hub, {**again, "Severity": {"Label": "CRITICAL"}})
    finding = only(hub)
    assert finding["Note"]["Text"] == "looking"
    assert finding["UserDefinedFields"] == {"ticket": "1"}
    assert finding["Workflow"] == {"Status": "SUPPRESSED"}
    assert finding["Severity"] == {"Label": "LOW", "Normalized": 1}
    assert (finding["Confidence"], finding["Criticality"]) == (99, 20)
    assert finding["FindingProviderFields"]["Severity"] == {"Label": "CRITICAL"}
    assert finding["FindingProviderFields"]["Confidence"] == 20


@pytest.mark.parametrize(
    ("before", "after", "reopened"),
    [
        ({"RecordState": "ARCHIVED"}, {"RecordState": "ACTIVE"}, True),
        ({"Compliance": {"Status": "PASSED"}}, {"Compliance": {"Status": "FAILED"}}, True),
        ({"Compliance": {"Status": "FAILED"}}, {"Compliance": {"Status": "PASSED"}}, False),
        ({}, {}, False),
    ],
)
@pytest.mark.parametrize("status", ["NOTIFIED", "RESOLVED", "SUPPRESSED"])
def test_workflow_starts_again(
    hub: Any, before: dict[str, Any], after: dict[str, Any], *, reopened: bool, status: str
) -> None:
    load(hub, asff(**before))
    hub.batch_update_findings(FindingIdentifiers=[identifier(0)], Workflow={"Status": status})
    load(hub, asff(UpdatedAt=LATER, **after))
    assert only(hub)["Workflow"]["Status"] == ("NEW" if reopened and status != "SUPPRESSED" else status)


# Update


def test_update_reports_each_finding(hub: Any) -> None:
    load(hub, asff(0), asff(1), asff(2))
    asked = [identifier(0), identifier(1), identifier(9), identifier(1)]
    answer = hub.batch_update_findings(FindingIdentifiers=asked, VerificationState="TRUE_POSITIVE")
    assert answer["ProcessedFindings"] == [identifier(0)]
    unprocessed = [(u["FindingIdentifier"], u["ErrorCode"], u["ErrorMessage"]) for u in answer["UnprocessedFindings"]]
    assert unprocessed == [
        (identifier(1), "DuplicatedFindingIdentifier", "Finding Identifier is duplicated"),
        (identifier(9), "FindingNotFound", "Finding Not Found"),
        (identifier(1), "DuplicatedFindingIdentifier", "Finding Identifier is duplicated"),
    ]
    states = [f.get("VerificationState") for f in hub.get_findings()["Findings"]]
    assert states == ["TRUE_POSITIVE", None, None]


def test_update_leaves_updated_at_and_stamps_the_note(hub: Any) -> None:
    load(hub, asff(Severity={"Label": "HIGH", "Original": "8.1"}))
    hub.batch_update_findings(
        FindingIdentifiers=[identifier(0)], Note={"Text": "t", "UpdatedBy": "me"}, Severity={"Normalized": 95}
    )
    finding = only(hub)
    assert finding["UpdatedAt"] == "2026-01-01T00:00:00Z"
    assert finding["Note"]["UpdatedAt"] > "2026-01-01"
    assert finding["Severity"] == {"Label": "CRITICAL", "Normalized": 95, "Original": "8.1"}


@pytest.mark.parametrize("update", [{"Workflow": {"Status": "DONE"}}, {"Note": {"Text": "t"}}, {"Confidence": 101}])
def test_bad_update_is_refused(hub: Any, update: dict[str, Any]) -> None:
    load(hub, asff())
    code, status, message = refusal(hub.batch_update_findings, FindingIdentifiers=[identifier(0)], **update)
    assert (code, status) == ("InvalidInputException", 400)
    assert next(iter(update)) in message


# Events


def test_imports_and_updates_send_one_event_per_finding(hub: Any) -> None:
    load(hub, asff(0), asff(1))
    hub.batch_update_findings(FindingIdentifiers=[identifier(1), identifier(9)], Workflow={"Status": "RESOLVED"})
    assert [(e.source, e.detail_type, e.resources) for e in events.sent] == [
        ("aws.securityhub", "Security Hub Findings - Imported", [f"{PRODUCT}/finding-{n}"]) for n in (0, 1, 1)
    ]
    assert {(e.account_id, e.region) for e in events.sent} == {(ACCOUNT, REGION)}
    assert events.sent[1].detail["findings"][0]["Workflow"] == {"Status": "NEW"}, "an event does not change later"
    assert events.sent[2].detail["findings"][0]["Workflow"] == {"Status": "RESOLVED"}


def test_sink_can_be_replaced(hub: Any) -> None:
    got: list[Any] = []
    events.set_sink(lambda *event: got.append(event))
    try:
        load(hub, asff())
    finally:
        events.set_sink(None)
    assert (len(got), events.sent) == (1, [])
    source, _, _, resources, account, region = got[0]
    assert (source, resources, account, region) == (
        "aws.securityhub",
        [f"{PRODUCT}/finding-0"],
        ACCOUNT,
        REGION,
    )


def test_custom_action(hub: Any) -> None:
    load(hub, *(asff(n) for n in range(21)))
    arn = hub.create_action_target(Name="Send to chat", Description="Sends it", Id="SendToChat")["ActionTargetArn"]
    events.sent.clear()
    chosen = {"action_target_arn": arn, "findings": ["finding-3", identifier(5)]}
    assert command("securityhub/send_custom_action", chosen) == 2
    assert [e.detail["findings"][0]["Id"] for e in events.sent] == ["finding-3", "finding-5"]
    event = events.sent[0]
    assert (event.detail_type, event.resources) == ("Security Hub Findings - Custom Action", [arn])
    assert (event.detail["actionName"], event.detail["actionDescription"]) == ("Send to chat", "Sends it")
    for findings in ([], [f"finding-{n}" for n in range(21)], ["unknown"]):
        with pytest.raises(Exception, match=r"1 to 20|not found"):
            command("securityhub/send_custom_action", {"action_target_arn": arn, "findings": findings})
    with pytest.raises(ValueError, match="no command"):
        command("securityhub/reboot", {})


def test_token_lifetime_command(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SecurityHubBackend, "token_ttl_seconds", 60)
    load(hub, asff(0), asff(1))
    token = hub.get_findings(MaxResults=1)["NextToken"]
    command("securityhub/set_token_lifetime", {"seconds": 0})
    assert "expired" in refusal(hub.get_findings, MaxResults=1, NextToken=token)[2]


# Custom actions


def test_action_target_life(hub: Any) -> None:
    arn = hub.create_action_target(Name="n", Description="d", Id="Act1")["ActionTargetArn"]
    assert arn == f"{ARN}action/custom/Act1"
    again = {"Name": "n", "Description": "d", "Id": "Act1"}
    assert refusal(hub.create_action_target, **again)[:2] == ("ResourceConflictException", 409)
    hub.update_action_target(ActionTargetArn=arn, Description="new")
    expected = [{"ActionTargetArn": arn, "Name": "n", "Description": "new"}]
    assert hub.describe_action_targets(ActionTargetArns=[arn])["ActionTargets"] == expected
    assert hub.delete_action_target(ActionTargetArn=arn)["ActionTargetArn"] == arn
    for call in (hub.update_action_target, hub.delete_action_target):
        assert refusal(call, ActionTargetArn=arn)[:2] == ("ResourceNotFoundException", 404)
    assert refusal(hub.describe_action_targets, ActionTargetArns=[arn])[:2] == (
        "ResourceNotFoundException",
        404,
    )


@pytest.mark.parametrize("bad", [{"Id": "Send_It"}, {"Id": "x" * 21}, {"Name": "x" * 21}, {"Description": " "}])
def test_bad_action_target_is_refused(hub: Any, bad: dict[str, str]) -> None:
    code, status, message = refusal(hub.create_action_target, **{"Id": "a", "Name": "n", "Description": "d", **bad})
    assert (code, status) == ("InvalidInputException", 400)
    assert next(iter(bad)) in message


def test_action_targets_are_paged_and_limited(hub: Any) -> None:
    arns = {hub.create_action_target(Name="n", Description="d", Id=f"a{n}")["ActionTargetArn"] for n in range(50)}
    one_more = {"Name": "n", "Description": "d", "Id": "a50"}
    assert refusal(hub.create_action_target, **one_more)[:2] == ("LimitExceededException", 429)
    pages = list(hub.get_paginator("describe_action_targets").paginate(PaginationConfig={"PageSize": 20}))
    assert [len(page["ActionTargets"]) for page in pages] == [20, 20, 10]
    assert {t["ActionTargetArn"] for page in pages for t in page["ActionTargets"]} == arns


# Standards

FSBP = "aws-foundational-security-best-practices/v/1.0.0"
FSBP_ARN = f"arn:aws:securityhub:{REGION}::standards/{FSBP}"


def enable(hub: Any, arn: str = FSBP_ARN) -> str:
    (subscription,) = hub.batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": arn}])[
        "StandardsSubscriptions"
    ]
    assert subscription["StandardsStatus"] == "PENDING"
    return str(subscription["StandardsSubscriptionArn"])


def status(hub: Any) -> list[str]:
    return [s["StandardsStatus"] for s in hub.get_enabled_standards()["StandardsSubscriptions"]]


def record(region: str = REGION) -> Any:
    """Turn AWS Config's recorder on."""
    from moto.config.models import config_backends

    config = boto3.client("config", region)
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": role})
    backend = config_backends[ACCOUNT][region]
    backend.recorders["default"].status.recording = True  # starting it would need a bucket
    return backend


def test_without_a_recorder_a_standard_is_incomplete_and_says_why(hub: Any) -> None:
    enable(hub)
    assert [status(hub), status(hub)] == [["PENDING"], ["INCOMPLETE"]]
    (subscription,) = hub.get_enabled_standards()["StandardsSubscriptions"]
    assert subscription["StandardsStatusReason"] == {"StatusReasonCode": "NO_AVAILABLE_CONFIGURATION_RECORDER"}
    record("eu-west-1")  # a recorder in another Region does not count
    assert status(hub) == ["INCOMPLETE"]
    backend = record()
    (subscription,) = hub.get_enabled_standards()["StandardsSubscriptions"]
    assert (subscription["StandardsStatus"], "StandardsStatusReason" in subscription) == ("READY", False)
    backend.recorders["default"].status.recording = False
    assert status(hub) == ["INCOMPLETE"]


def test_standard_life(hub: Any) -> None:
    record()
    arn = enable(hub)
    assert arn == f"{ARN}subscription/{FSBP}"
    assert [status(hub), status(hub)] == [["PENDING"], ["READY"]]
    again = hub.batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": FSBP_ARN}])
    assert again["StandardsSubscriptions"][0]["StandardsStatus"] == "READY"
    hub.batch_disable_standards(StandardsSubscriptionArns=[arn])
    assert [status(hub), status(hub)] == [["DELETING"], []]
    assert refusal(hub.batch_disable_standards, StandardsSubscriptionArns=[arn])[0] == "InvalidInputException"


def test_standards_are_those_of_the_region(hub: Any) -> None:
    arns = {s["StandardsArn"]: s["EnabledByDefault"] for s in hub.describe_standards()["Standards"]}
    assert {arn.partition(":standards/")[2] or arn.partition(":ruleset/")[2] for arn in arns} == {
        FSBP,
        "cis-aws-foundations-benchmark/v/1.2.0",
        "cis-aws-foundations-benchmark/v/1.4.0",
        "cis-aws-foundations-benchmark/v/3.0.0",
        "cis-aws-foundations-benchmark/v/5.0.0",
        "nist-800-53/v/5.0.0",
        "nist-800-171/v/2.0.0",
        "pci-dss/v/3.2.1",
        "pci-dss/v/4.0.1",
        "aws-resource-tagging-standard/v/1.0.0",
    }
    elsewhere = FSBP_ARN.replace(REGION, "eu-central-1")
    for arn in (elsewhere, "arn:aws:securityhub:::ruleset/other/v/1.0.0"):
        request = {"StandardsSubscriptionRequests": [{"StandardsArn": arn}]}
        assert refusal(hub.batch_enable_standards, **request)[:2] == ("InvalidInputException", 400)


def test_every_standard_can_be_enabled_and_has_controls(hub: Any) -> None:
    for standard in hub.describe_standards()["Standards"]:
        subscription = enable(hub, standard["StandardsArn"])
        assert hub.describe_standards_controls(StandardsSubscriptionArn=subscription)["Controls"]


def test_disabling_a_control_needs_a_reason(hub: Any) -> None:
    subscription = enable(hub)

    def control() -> dict[str, Any]:
        controls = hub.describe_standards_controls(StandardsSubscriptionArn=subscription)["Controls"]
        return next(dict(c) for c in controls if c["ControlId"] == "ACM.1")

    arn = control()["StandardsControlArn"]
    assert arn == f"{ARN}control/{FSBP}/ACM.1"
    disabled = {"StandardsControlArn": arn, "ControlStatus": "DISABLED"}
    assert refusal(hub.update_standards_control, **disabled)[:2] == ("InvalidInputException", 400)
    hub.update_standards_control(**disabled, DisabledReason="not used")
    assert (control()["ControlStatus"], control()["DisabledReason"]) == ("DISABLED", "not used")
    hub.update_standards_control(StandardsControlArn=arn, ControlStatus="ENABLED")
    assert control()["ControlStatus"] == "ENABLED"
    assert "DisabledReason" not in control()
    unknown = {"StandardsControlArn": arn + "1", "ControlStatus": "ENABLED"}
    assert refusal(hub.update_standards_control, **unknown)[:2] == ("ResourceNotFoundException", 404)


def test_security_controls_and_their_associations(hub: Any) -> None:
    enable(hub)
    defined = hub.list_security_control_definitions()["SecurityControlDefinitions"]
    assert {c["SecurityControlId"] for c in defined} == set(CONTROLS)
    in_standard = hub.list_security_control_definitions(StandardsArn=FSBP_ARN)["SecurityControlDefinitions"]
    assert {"ACM.1", "RDS.1"} < {c["SecurityControlId"] for c in in_standard} < set(CONTROLS)
    answer = hub.batch_get_security_controls(SecurityControlIds=["RDS.1", "S3.14", "X.1"])
    assert [(c["SecurityControlId"], c["SecurityControlStatus"]) for c in answer["SecurityControls"]] == [
        ("RDS.1", "ENABLED"),
        ("S3.14", "DISABLED"),  # in no enabled standard
    ]
    assert answer["UnprocessedIds"][0]["ErrorCode"] == "NOT_FOUND"
    update = {"StandardsArn": FSBP_ARN, "SecurityControlId": "RDS.1", "AssociationStatus": "DISABLED"}
    call = hub.batch_update_standards_control_associations
    (failed,) = call(StandardsControlAssociationUpdates=[update])["UnprocessedAssociationUpdates"]
    assert failed["ErrorCode"] == "INVALID_INPUT"
    reasoned = {**update, "UpdatedReason": "public on purpose"}
    assert call(StandardsControlAssociationUpdates=[reasoned])["UnprocessedAssociationUpdates"] == []
    found = hub.list_standards_control_associations(SecurityControlId="RDS.1")["StandardsControlAssociationSummaries"]
    assert {a["AssociationStatus"] for a in found} == {"DISABLED"}


# Aggregation, administration, insights


def test_home_region_sees_and_hears_of_linked_regions(hub: Any) -> None:
    linked, other = client("eu-west-1"), client("ap-south-1")
    for region in (linked, other):
        region.enable_security_hub(EnableDefaultStandards=False)
    specified = {"RegionLinkingMode": "SPECIFIED_REGIONS"}
    assert refusal(hub.create_finding_aggregator, **specified)[:2] == ("InvalidInputException", 400)
    arn = hub.create_finding_aggregator(**specified, Regions=["eu-west-1"])["FindingAggregatorArn"]
    assert linked.list_finding_aggregators()["FindingAggregators"] == [{"FindingAggregatorArn": arn}]
    assert refusal(linked.create_finding_aggregator, RegionLinkingMode="ALL_REGIONS")[0] == "InvalidInputException"
    for region, name in ((linked, "eu-west-1"), (other, "ap-south-1")):
        load(region, asff(ProductArn=PRODUCT.replace(REGION, name), Id=name))
    assert ids(hub) == ["eu-west-1"]
    assert [(e.region, e.detail["findings"][0]["Id"]) for e in events.sent] == [
        (REGION, "eu-west-1"),
        ("eu-west-1", "eu-west-1"),
        ("ap-south-1", "ap-south-1"),
    ]
    hub.batch_update_findings(
        FindingIdentifiers=[{"Id": "eu-west-1", "ProductArn": PRODUCT.replace(REGION, "eu-west-1")}],
        Workflow={"Status": "RESOLVED"},
    )
    assert only(linked)["Workflow"] == {"Status": "RESOLVED"}
    hub.update_finding_aggregator(FindingAggregatorArn=arn, RegionLinkingMode="ALL_REGIONS")
    assert sorted(ids(hub)) == ["ap-south-1", "eu-west-1"]
    hub.update_finding_aggregator(
        FindingAggregatorArn=arn, RegionLinkingMode="ALL_REGIONS_EXCEPT_SPECIFIED", Regions=["eu-west-1"]
    )
    assert ids(hub) == ["ap-south-1"]
    hub.delete_finding_aggregator(FindingAggregatorArn=arn)
    assert ids(hub) == []
    assert refusal(hub.get_finding_aggregator, FindingAggregatorArn=arn)[:2] == (
        "ResourceNotFoundException",
        404,
    )


def test_administrator_sees_members(hub: Any) -> None:
    member = securityhub_backends["111111111111"][REGION]
    member.enable_security_hub(enable_default_standards=False)
    hub.create_members(AccountDetails=[{"AccountId": "111111111111", "Email": "a@example.com"}])
    product = f"arn:aws:securityhub:{REGION}:111111111111:product/111111111111/default"
    member.batch_import_findings([asff(ProductArn=product, AwsAccountId="111111111111")])
    assert only(hub)["AwsAccountId"] == "111111111111"
    assert [e.account_id for e in events.sent] == [ACCOUNT, "111111111111"]


def test_organization_administrator(hub: Any) -> None:
    boto3.client("organizations", REGION).create_organization(FeatureSet="ALL")
    assert hub.list_organization_admin_accounts()["AdminAccounts"] == []
    hub.enable_organization_admin_account(AdminAccountId=ACCOUNT)
    admins = hub.list_organization_admin_accounts()["AdminAccounts"]
    assert admins == [{"AccountId": ACCOUNT, "Status": "ENABLED"}]
    assert refusal(hub.disable_security_hub)[:2] == ("InvalidInputException", 400)
    hub.disable_organization_admin_account(AdminAccountId=ACCOUNT)
    hub.disable_security_hub()


def test_insights(hub: Any) -> None:
    load(hub, asff(0), asff(1), asff(2, Severity={"Label": "LOW"}))
    high = {"SeverityLabel": [{"Value": "HIGH", "Comparison": "EQUALS"}]}
    arn = hub.create_insight(Name="by type", Filters=high, GroupByAttribute="ResourceType")["InsightArn"]
    results = hub.get_insight_results(InsightArn=arn)["InsightResults"]
    assert results["ResultValues"] == [{"GroupByAttributeValue": "AwsS3Bucket", "Count": 2}]
    hub.update_insight(InsightArn=arn, Filters={})
    assert hub.get_insight_results(InsightArn=arn)["InsightResults"]["ResultValues"][0]["Count"] == 3
    assert hub.get_insights(InsightArns=[arn])["Insights"][0]["GroupByAttribute"] == "ResourceType"
    hub.delete_insight(InsightArn=arn)
    assert refusal(hub.get_insights, InsightArns=[arn])[:2] == ("ResourceNotFoundException", 404)
