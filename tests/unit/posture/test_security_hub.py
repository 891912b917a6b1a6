"""Given Security Hub events, when they are read and answered, then no finding is lost, duplicated or repeated."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posture import security_hub
from posture.security_hub import Finding, Key, NotFindings, Update

PRODUCT = "arn:aws:securityhub:eu-west-1::product/aws/securityhub"


def asff(name: str = "one", **fields: Any) -> dict[str, Any]:
    return {
        "Id": name,
        "ProductArn": PRODUCT,
        "AwsAccountId": "111122223333",
        "Title": "S3 general purpose buckets should have versioning enabled",
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::reports"}],
        **fields,
    }


def event(*listed: Any) -> dict[str, Any]:
    return {
        "source": "aws.securityhub",
        "detail-type": security_hub.CUSTOM_ACTION,
        "detail": {"findings": list(listed)},
    }


def read(**fields: Any) -> Finding:
    return Finding.of(asff(**fields))


class Hub:
    def __init__(self, unprocessed: tuple[str, ...] = ()) -> None:
        self.calls: list[dict[str, Any]] = []
        self.unprocessed = unprocessed

    def batch_update_findings(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        lost = [i for i in call["FindingIdentifiers"] if i["Id"] in self.unprocessed]
        return {
            "UnprocessedFindings": [
                {"FindingIdentifier": i, "ErrorCode": "ConcurrentUpdateError", "ErrorMessage": "again"} for i in lost
            ]
        }


def test_all_findings_of_an_event() -> None:
    assert [f.key.id for f in security_hub.parse(json.dumps(event(asff("one"), asff("two"))))] == ["one", "two"]


def test_what_is_not_said_is_assumed_as_security_hub_does() -> None:
    finding = read()
    assert (finding.workflow, finding.record_state, finding.note, finding.control_id) == ("NEW", "ACTIVE", "", "")
    assert (finding.region, finding.product_name) == ("eu-west-1", "securityhub")
    (resource,) = finding.resources
    assert (resource.name, resource.region, resource.partition, resource.details) == (
        "reports",
        "eu-west-1",
        "aws",
        {},
    )


def test_what_is_said_is_read() -> None:
    finding = read(
        Region="us-east-1",
        ProductName="Macie",
        FindingProviderFields={"Types": ["Sensitive Data Identifications/PII"]},
        Severity={"Label": "HIGH"},
        Workflow={"Status": "SUPPRESSED"},
        RecordState="ARCHIVED",
        Note={"Text": "known"},
        Resources=[
            {
                "Type": "AwsS3Object",
                "Id": "arn:aws-cn:s3:::reports/a/b:c",
                "Partition": "aws-cn",
                "Region": "cn-north-1",
                "Details": {"AwsS3Object": {"VersionId": "v1"}},
            }
        ],
    )
    assert (finding.types, finding.severity) == (("Sensitive Data Identifications/PII",), "HIGH")
    assert (finding.workflow, finding.record_state, finding.note) == ("SUPPRESSED", "ARCHIVED", "known")
    (resource,) = finding.resources
    assert (resource.name, resource.region, resource.partition) == ("reports/a/b:c", "cn-north-1", "aws-cn")
    assert resource.details == {"VersionId": "v1"}


@pytest.mark.parametrize(
    ("fields", "control"),
    [
        ({"Compliance": {"SecurityControlId": "S3.14"}}, "S3.14"),
        ({"GeneratorId": "aws-foundational-security-best-practices/v/1.0.0/S3.14"}, "S3.14"),
        ({"ProductFields": {"ControlId": "S3.14"}}, "S3.14"),
        ({"GeneratorId": "security-control/other", "Compliance": {"Status": "FAILED"}}, ""),
    ],
)
def test_control_of_consolidated_and_older_findings(fields: dict[str, Any], control: str) -> None:
    assert read(**fields).control_id == control


@pytest.mark.parametrize(
    "wrong",
    [
        "{",
        "[]",
        "null",
        {},
        {"detail": None},
        {"detail": {"requestParameters": {"bucketName": "reports"}}},  # A first draft of the source read this shape.
        event(),
        {"detail": {"findings": "one"}},
        event("one"),
        event({"Id": "one"}),
        event({**asff(), "Resources": [{"Type": "AwsS3Bucket"}]}),
        event({**asff(), "ProductArn": 7}),
    ],
)
def test_anything_else_is_named(wrong: Any) -> None:
    with pytest.raises(NotFindings):
        security_hub.parse(wrong)


def test_equal_updates_share_calls_of_a_hundred_and_differing_ones_do_not() -> None:
    hub = Hub()
    alike = {Key(f"f{n}", PRODUCT): Update("Done.", "RESOLVED") for n in range(250)}
    assert security_hub.update(hub, {**alike, Key("other", PRODUCT): Update("Denied.")}, "me") == {}
    assert [len(call["FindingIdentifiers"]) for call in hub.calls] == [100, 100, 50, 1]
    assert hub.calls[0]["Note"] == {"Text": "Done.", "UpdatedBy": "me"}
    assert hub.calls[0]["Workflow"] == {"Status": "RESOLVED"}
    assert "Workflow" not in hub.calls[3]
    sent = [i["Id"] for call in hub.calls for i in call["FindingIdentifiers"]]
    assert len(sent) == len(set(sent)) == 251


def test_findings_not_updated_are_reported() -> None:
    two = {Key("one", PRODUCT): Update("Done."), Key("two", PRODUCT): Update("Done.")}
    assert security_hub.update(Hub(("two",)), two, "me") == {Key("two", PRODUCT): "ConcurrentUpdateError: again"}


def test_nothing_to_update_is_no_call() -> None:
    hub = Hub()
    assert security_hub.update(hub, {}, "me") == {}
    assert hub.calls == []


@given(note=st.text(max_size=600), status=st.sampled_from([None, "RESOLVED", "NOTIFIED"]))
def test_an_update_that_was_written_changes_nothing_more(note: str, status: str | None) -> None:
    wanted, hub = Update(note, status), Hub()
    security_hub.update(hub, {read().key: wanted}, "me")
    (call,) = hub.calls
    assert len(call["Note"]["Text"]) <= 512
    after = read(Note=call["Note"], Workflow=call.get("Workflow", {"Status": "NEW"}))
    assert not wanted.changes(after)


def test_another_status_or_another_note_is_a_change() -> None:
    resolved = read(Note={"Text": "Done."}, Workflow={"Status": "RESOLVED"})
    assert Update("Done.", "NEW").changes(resolved)
    assert Update("Denied.", "RESOLVED").changes(resolved)
    assert not Update("Done.").changes(resolved)


def test_what_an_update_leaves_out_is_not_written() -> None:
    hub, key = Hub(), read().key
    security_hub.update(hub, {key: Update(workflow="NOTIFIED")}, "me")
    security_hub.update(hub, {key: Update(fields=(("owner", "soc"),))}, "me")
    sent = [{name for name in call if name != "FindingIdentifiers"} for call in hub.calls]
    assert sent == [{"Workflow"}, {"UserDefinedFields"}]
    assert hub.calls[1]["UserDefinedFields"] == {"owner": "soc"}
    noted = read(Note={"Text": "Mine."}, UserDefinedFields={"owner": "soc"})
    assert not Update(fields=(("owner", "soc"),)).changes(noted)
    assert Update(fields=(("owner", "me"),)).changes(noted)
    assert Update(workflow="NOTIFIED").changes(noted)
