"""Given events of findings, when a batch is handled, then each finding is remediated and answered once, correctly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from common import clients, observability
from common.settings import SettingsError
from posture import security_hub
from posture.finding_remediation import remediate, remediations

from .conftest import HERE, MACIE, MEMBER, OTHER_REGION, REGION, STRANGER, World, bucket, error

DONE = ("RESOLVED", "Remediated: versioning is on.")


def versioned(world: World, number: int, *names: str, **fields: Any) -> dict[str, Any]:
    arns = [name if name.startswith("arn:") else f"arn:aws:s3:::{name}" for name in names]
    return world.control(number, "S3.14", "AwsS3Bucket", *arns, **fields)


def status(world: World, name: str, api: Any = None) -> str:
    return str((api or world.s3).get_bucket_versioning(Bucket=name).get("Status", ""))


def test_all_findings_and_all_resources_of_all_events(world: World) -> None:
    """Defect of the source: only the first resource of the first finding was handled."""
    world.settings("s3_versioning")
    for name in "abcd":
        bucket(world, f"bucket-{name}")
    one = versioned(world, 1, "bucket-a", "bucket-b")
    two, three = versioned(world, 2, "bucket-c"), versioned(world, 3, "bucket-d")
    assert world.send([one, two], [three]) == []
    assert [status(world, f"bucket-{name}") for name in "abcd"] == ["Enabled"] * 4
    assert world.state(1) == (
        "RESOLVED",
        "bucket-a: remediated: versioning is on; bucket-b: remediated: versioning is on.",
    )
    assert (world.state(2), world.state(3)) == (DONE, DONE)


def test_findings_that_end_alike_are_answered_by_one_call(world: World) -> None:
    world.settings("s3_versioning")
    for number in range(10):
        bucket(world, f"bucket-{number}")
    listed = [versioned(world, number, f"bucket-{number}") for number in range(10)]
    assert world.send(*[[finding] for finding in listed]) == []
    assert world.calls.count("securityhub:BatchUpdateFindings") == 1
    assert len(world.calls) == 31


def test_a_finding_that_comes_twice_is_handled_once_and_an_event_that_comes_again_changes_nothing(world: World) -> None:
    world.settings("s3_versioning")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a")
    world.send([one, one], [one])
    assert world.calls.count("s3:PutBucketVersioning") == 1
    before = world.read(1)
    world.send([one])  # Delivered again, unchanged.
    assert world.calls == ["s3:GetBucketVersioning", "securityhub:BatchUpdateFindings"]
    assert world.state(1) == DONE
    world.send([before])  # The event of our own answer: a write would cause an endless loop.
    assert world.calls == ["s3:GetBucketVersioning"]


def test_one_resource_failing_leaves_the_finding_open_and_the_others_remediated(world: World) -> None:
    world.settings("s3_versioning")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a", "not-there")
    assert world.send([one]) == []
    assert status(world, "bucket-a") == "Enabled"
    assert world.state(1) == (
        "NEW",
        "bucket-a: remediated: versioning is on; not-there: not remediated: the bucket does not exist.",
    )


@pytest.mark.parametrize(
    ("kind", "resource_type", "fields"),
    [
        ("another control", "AwsS3Bucket", {"Compliance": {"Status": "FAILED", "SecurityControlId": "S3.2"}}),
        ("no control", "AwsS3Bucket", {}),
        ("another resource", "AwsIamRole", {"Compliance": {"Status": "FAILED", "SecurityControlId": "S3.14"}}),
        ("another product", "AwsS3Bucket", {"ProductArn": MACIE}),
        (
            "a finding that the account made up",
            "AwsS3Bucket",
            {
                "ProductArn": f"arn:aws:securityhub:{REGION}:{HERE}:product/{HERE}/default",
                "Compliance": {"Status": "FAILED", "SecurityControlId": "S3.14"},
            },
        ),
    ],
)
def test_a_finding_of_the_wrong_kind_is_refused(
    world: World, kind: str, resource_type: str, fields: dict[str, Any]
) -> None:
    world.settings("s3_versioning")
    arn = bucket(world, "bucket-a")
    assert world.send([world.finding(1, resource_type, arn, **fields)]) == []
    assert world.calls == ["securityhub:BatchUpdateFindings"]
    refused = "Refused: this remediation is for findings of the control S3.14 with resources of type AwsS3Bucket."
    assert world.state(1) == ("NEW", refused)
    assert status(world, "bucket-a") == ""


@pytest.mark.parametrize("wrong", ["arn:aws:ec2:eu-west-1:123456789012:instance/i-1", "bucket-a", "arn:aws:s3:::"])
def test_a_resource_that_is_no_bucket_is_refused(world: World, wrong: str) -> None:
    world.settings("s3_versioning")
    assert world.send([world.control(1, "S3.14", "AwsS3Bucket", wrong)]) == []
    assert world.state(1) == ("NEW", f"Refused: {wrong} is not the ARN of an S3 bucket or object.")


def test_a_suppressed_finding_is_left_alone_and_says_so(world: World) -> None:
    world.settings("s3_versioning")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a", Workflow={"Status": "SUPPRESSED"})
    world.send([one])
    assert world.calls == ["securityhub:BatchUpdateFindings"]
    assert status(world, "bucket-a") == ""
    assert world.state(1)[0] == "SUPPRESSED"
    assert world.state(1)[1].startswith("Left alone: the finding is suppressed.")
    world.send([world.read(1)])
    assert world.calls == []


@pytest.mark.parametrize("before", ["NEW", "NOTIFIED"])
def test_a_denied_call_is_reported_and_the_workflow_stays(world: World, before: str) -> None:
    world.settings("s3_versioning")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a", Workflow={"Status": before})
    world.fail["PutBucketVersioning"] = [error("AccessDenied", 403, "no policy allows it")]
    assert world.send([one]) == []
    told = "Not remediated: Denied while calling PutBucketVersioning on bucket-a: no policy allows it."
    assert world.state(1) == (before, told)


def test_a_write_that_does_not_show_when_read_back_is_no_success(world: World, monkeypatch: Any) -> None:
    world.settings("s3_versioning")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a")
    from posture.finding_remediation.contract import Step

    real = Step.__init__
    monkeypatch.setattr(Step, "__init__", lambda self, text, do: real(self, text, lambda: None))
    assert world.send([one]) == ["m0"]
    assert world.state(1) == ("NEW", "")
    assert world.calls.count("s3:GetBucketVersioning") == 1 + len(remediate.READ_BACK_SECONDS)
    assert world.send([one], tries=5) == ["m0"]
    told = "Not remediated after 5 attempts: the change was written, but when read back versioning is off."
    assert world.state(1) == ("NEW", told)


def test_a_write_that_shows_late_is_a_success(world: World, monkeypatch: Any) -> None:
    """S3: "Bucket configurations have an eventual consistency model"."""
    world.settings("s3_versioning")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a")
    s3 = clients.client("s3", region=REGION)
    answers = iter([{}, {}, {}, {"Status": "Enabled"}])
    monkeypatch.setattr(s3, "get_bucket_versioning", lambda **_: next(answers), raising=False)
    assert world.send([one]) == []
    assert world.state(1) == DONE
    assert world.slept == list(remediate.READ_BACK_SECONDS)


def test_a_dry_run_writes_the_note_and_nothing_else(world: World) -> None:
    world.settings("s3_versioning", DRY_RUN="true")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a")
    world.send([one])
    assert world.calls == ["s3:GetBucketVersioning", "securityhub:BatchUpdateFindings"]
    assert status(world, "bucket-a") == ""
    assert world.state(1) == ("NEW", "Dry run, nothing was changed: it would turn versioning on.")
    world.send([world.read(1)])
    assert world.calls == ["s3:GetBucketVersioning"]
    world.s3.put_bucket_versioning(Bucket="bucket-a", VersioningConfiguration={"Status": "Enabled"})
    world.send([world.read(1)])
    assert world.state(1) == ("NEW", "Dry run, nothing was changed: nothing to do, versioning is on.")


@pytest.mark.parametrize(
    "throttled",
    [
        error("SlowDown", 503),
        error("ThrottlingException", 400),
        error("InternalError", 500),
        error("OperationAborted", 409),
        EndpointConnectionError(endpoint_url="https://s3"),
    ],
)
def test_what_a_later_try_can_do_fails_its_message_only(world: World, throttled: Exception) -> None:
    world.settings("s3_versioning")
    for name in "ab":
        bucket(world, f"bucket-{name}")
    one, two = versioned(world, 1, "bucket-a"), versioned(world, 2, "bucket-b")
    world.fail["PutBucketVersioning"] = [throttled]
    assert world.send([one], [two]) == ["m0"]
    assert (world.state(1), world.state(2)) == (("NEW", ""), DONE)
    assert world.send([one], tries=2) == []
    assert world.state(1) == DONE


def test_the_last_try_leaves_the_reason_in_the_note(world: World) -> None:
    world.settings("s3_versioning", MAX_RECEIVES="3")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a")
    world.fail["PutBucketVersioning"] = [error("SlowDown", 503)]
    assert world.send([one], tries=3) == ["m0"]
    told = "Not remediated after 3 attempts: SlowDown while calling PutBucketVersioning on bucket-a after all retries."
    assert world.state(1) == ("NEW", told)


def test_a_bug_fails_its_message_and_the_others_are_handled(
    world: World, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.settings("s3_versioning", MAX_RECEIVES="2")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a")
    broken = world.control(2, "S3.14", "AwsS3Bucket", "arn:aws:s3:::bucket-b")
    world.fail["GetBucketVersioning"] = [ZeroDivisionError("division by zero")]
    assert world.send([broken], [one], tries=2) == ["m0"]
    assert world.state(1) == DONE
    assert world.state(2) == ("NEW", "Not remediated after 2 attempts: unexpected ZeroDivisionError.")
    assert "unexpected error" in caplog.text


def test_a_finding_that_security_hub_does_not_take_is_tried_again(world: World, monkeypatch: Any) -> None:
    world.settings("s3_versioning")
    for name in "ab":
        bucket(world, f"bucket-{name}")
    one, two = versioned(world, 1, "bucket-a"), versioned(world, 2, "bucket-b")
    missing = {**two, "Id": "finding-gone"}
    assert world.send([one], [missing]) == ["m1"]
    assert world.state(1) == DONE


def test_findings_that_cannot_be_updated_at_all_are_all_tried_again(world: World) -> None:
    world.settings("s3_versioning")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a")
    world.fail["BatchUpdateFindings"] = [error("TooManyRequestsException", 429)]
    with pytest.raises(Exception, match="TooManyRequestsException"):
        world.send([one])
    assert world.send([one]) == []
    assert world.calls == ["s3:GetBucketVersioning", "securityhub:BatchUpdateFindings"]
    assert world.state(1) == DONE


@pytest.mark.parametrize("body", ["{", "{}", json.dumps({"detail": {"requestParameters": {"bucketName": "bucket-a"}}})])
def test_a_message_that_is_no_event_fails_alone(world: World, body: str) -> None:
    world.settings("s3_versioning")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a")
    good = {"messageId": "good", "body": json.dumps({"detail": {"findings": [one]}})}
    assert world.handle([{"messageId": "bad", "body": body}, good]) == ["bad"]
    assert world.state(1) == DONE


def test_a_note_is_never_longer_than_security_hub_takes(world: World) -> None:
    world.settings("s3_versioning")
    one = versioned(world, 1, *[f"not-there-{number}" for number in range(32)])
    assert world.send([one]) == []
    assert len(world.state(1)[1]) == security_hub.NOTE_LENGTH


# Metrics


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    found: dict[str, int] = {}
    monkeypatch.setattr(observability, "count", lambda name, value: found.update({name: found.get(name, 0) + value}))
    return found


def test_findings_are_counted_by_what_became_of_them(world: World, counted: dict[str, int]) -> None:
    world.settings("s3_versioning")
    for name in "abc":
        bucket(world, f"bucket-{name}")
    one, two, three = (versioned(world, n, f"bucket-{name}") for n, name in enumerate("abc"))
    world.fail["PutBucketVersioning"] = [error("AccessDenied", 403), error("SlowDown", 503)]
    assert world.send([one], [two], [three]) == ["m1"]
    assert counted == {"FindingsResolved": 1, "FindingsNotResolved": 1}, "one is tried again"


def test_the_last_try_counts_and_a_dry_run_does_not(world: World, counted: dict[str, int]) -> None:
    world.settings("s3_versioning", MAX_RECEIVES="3")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a")
    world.fail["PutBucketVersioning"] = [error("SlowDown", 503)]
    world.send([one], tries=3)
    assert counted == {"FindingsNotResolved": 1}
    world.settings("s3_versioning", DRY_RUN="true")
    world.send([world.read(1)])
    assert counted == {"FindingsNotResolved": 1}


def test_a_batch_that_is_tried_again_counts_once(world: World, counted: dict[str, int]) -> None:
    world.settings("s3_versioning")
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a")
    world.fail["BatchUpdateFindings"] = [error("TooManyRequestsException", 429)]
    with pytest.raises(Exception, match="TooManyRequestsException"):
        world.send([one])
    assert counted == {}
    world.send([one])
    assert counted == {"FindingsResolved": 1}


def test_refusals_and_what_is_left_alone_raise_no_alarm(world: World, counted: dict[str, int]) -> None:
    """The alarm counts FindingsNotResolved. An exempt bucket would raise it at each evaluation."""
    world.settings("s3_public", PUBLIC_BUCKETS=["www-*"])
    arn = bucket(world, "www-site")
    meant = world.control(1, "S3.8", "AwsS3Bucket", arn)
    suppressed = world.control(2, "S3.8", "AwsS3Bucket", arn, Workflow={"Status": "SUPPRESSED"})
    for _ in range(3):
        world.send([meant])
    world.send([suppressed])
    world.send([world.control(3, "S3.5", "AwsS3Bucket", arn)])
    assert counted == {"FindingsRefused": 5}


def test_a_finding_counts_as_its_worst_resource(world: World, counted: dict[str, int]) -> None:
    world.settings("s3_public", PUBLIC_BUCKETS=["www-*"])
    www, good = bucket(world, "www-site"), bucket(world, "good")
    world.send([world.control(1, "S3.8", "AwsS3Bucket", good, www)])
    assert (counted, world.state(1)[0]) == ({"FindingsRefused": 1}, "NEW")
    world.send([world.control(2, "S3.8", "AwsS3Bucket", good, www, "arn:aws:s3:::not-there")])
    assert counted == {"FindingsRefused": 1, "FindingsNotResolved": 1}


# Findings whose condition is over


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"RecordState": "ARCHIVED"}, "Left alone: the finding is archived: what it reported is over."),
        (
            {"Compliance": {"Status": "PASSED", "SecurityControlId": "EC2.12"}},
            "Left alone: the finding has passed: the resource is as its control wants it.",
        ),
    ],
)
def test_a_finding_that_is_over_changes_nothing(world: World, fields: dict[str, Any], told: str) -> None:
    """A released address cannot be recovered: an old finding of one that is in reserve again must not do it."""
    world.settings("elastic_ip")
    allocation = world.ec2.allocate_address(Domain="vpc")["AllocationId"]
    arn = f"arn:aws:ec2:{REGION}:{HERE}:elastic-ip/{allocation}"
    given = {"Compliance": {"Status": "FAILED", "SecurityControlId": "EC2.12"}, **fields}
    assert world.send([world.finding(1, "AwsEc2Eip", arn, **given)]) == []
    assert world.calls == ["securityhub:BatchUpdateFindings"]
    assert len(world.ec2.describe_addresses()["Addresses"]) == 1
    assert world.state(1) == ("NEW", told)


# One odd finding


@pytest.mark.parametrize(
    "odd", [{"Id": ""}, {"ProductArn": ""}, {"Resources": None}, {"AwsAccountId": None, "Id": None}]
)
def test_an_odd_finding_fails_its_message_and_not_the_others(world: World, odd: dict[str, Any]) -> None:
    """Security Hub refuses a whole call with an empty key."""
    world.settings("s3_versioning")
    for name in "ab":
        bucket(world, f"bucket-{name}")
    one, two = versioned(world, 1, "bucket-a"), versioned(world, 2, "bucket-b")
    assert world.send([{**one, **odd}, two], [one]) == ["m0"]
    assert (world.state(1), world.state(2)) == (DONE, DONE)


# The record of what was before


def records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    found = [vars(record) for record in caplog.records if record.message == remediate.BEFORE]
    caplog.clear()
    return [{name: each[name] for name in ("finding_id", "resource_id", "before", "steps")} for each in found]


def test_the_state_before_is_logged_before_the_first_write(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Also where the write then fails: a later attempt can no longer read it."""
    caplog.set_level("INFO")
    world.settings("s3_versioning")
    arn = bucket(world, "bucket-a")
    world.s3.put_bucket_versioning(Bucket="bucket-a", VersioningConfiguration={"Status": "Suspended"})
    one = versioned(world, 1, "bucket-a")
    world.fail["PutBucketVersioning"] = [error("SlowDown", 503)]
    world.send([one])
    assert records(caplog) == [
        {
            "finding_id": "finding-1",
            "resource_id": arn,
            "before": {"versioning": "Suspended"},
            "steps": ["turn versioning on"],
        }
    ]
    world.send([one])
    assert len(records(caplog)) == 1
    world.send([one])
    assert records(caplog) == [], "nothing is written, so there is nothing to record"


# Exempt buckets


@pytest.mark.parametrize(
    ("remediation", "control"),
    [("s3_versioning", "S3.14"), ("s3_public", "S3.8"), ("s3_lifecycle", "S3.10"), ("macie_bucket", "")],
)
def test_a_bucket_with_the_tag_is_exempt(world: World, remediation: str, control: str) -> None:
    world.settings(remediation, EXEMPT_BUCKET_TAG="Keep")
    arn = bucket(world, "bucket-a")
    policy = "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-S3BucketPublic"
    fields: dict[str, Any] = {"ProductArn": MACIE, "Types": [policy]} if remediation == "macie_bucket" else {}
    one = world.control(1, control or "S3.8", "AwsS3Bucket", arn, **fields)
    world.s3.put_bucket_tagging(Bucket="bucket-a", Tagging={"TagSet": [{"Key": "Keep", "Value": ""}]})
    assert world.send([one]) == []
    assert world.state(1) == ("NEW", "Refused: bucket bucket-a is exempt by its tag Keep; suppress the finding.")
    assert world.calls == ["s3:GetBucketTagging", "securityhub:BatchUpdateFindings"]
    world.s3.put_bucket_tagging(Bucket="bucket-a", Tagging={"TagSet": [{"Key": "Other", "Value": "Keep"}]})
    world.send([one])
    assert "exempt" not in world.state(1)[1]


# Accounts and Regions


def test_a_member_accounts_bucket_is_remediated_there(world: World) -> None:
    role = "arn:aws:iam::{account}:role/finding-remediation-s3-versioning"
    world.settings("s3_versioning", MEMBER_ACCOUNT_IDS=[MEMBER], MEMBER_ROLE=role, EXTERNAL_ID="remedy")
    there = world.in_member("s3")
    bucket(world, "bucket-there", there)
    one = versioned(world, 1, "bucket-there", AwsAccountId=MEMBER)
    two = versioned(world, 2, "bucket-there", AwsAccountId=MEMBER)
    assert world.send([one], [two]) == []
    assert status(world, "bucket-there", there) == "Enabled"
    assert (world.state(1), world.state(2)) == (DONE, DONE)
    assert world.calls.count("sts:AssumeRole") == 1


@pytest.mark.parametrize("role", ["arn:aws:iam::{account}:role/x", ""])
def test_a_finding_of_any_other_account_is_refused(world: World, role: str) -> None:
    world.settings("s3_versioning", MEMBER_ACCOUNT_IDS=[MEMBER], MEMBER_ROLE=role)
    bucket(world, "bucket-a")
    one = versioned(world, 1, "bucket-a", AwsAccountId=STRANGER)
    assert world.send([one]) == []
    assert world.calls == ["securityhub:BatchUpdateFindings"]
    told = f"Refused: account {STRANGER} is neither this account ({HERE}) nor one of member_account_ids."
    assert world.state(1) == ("NEW", told)


def test_every_account_of_an_organization_is_a_member(world: World) -> None:
    """The function's policy names the organization: a list would exceed the environment with about 230 accounts."""
    role = "arn:aws:iam::{account}:role/finding-remediation-s3-versioning"
    world.settings("s3_versioning", MEMBER_ACCOUNT_IDS=["*"], MEMBER_ROLE=role)
    there = world.in_member("s3")
    bucket(world, "bucket-there", there)
    assert world.send([versioned(world, 1, "bucket-there", AwsAccountId=MEMBER)]) == []
    assert world.state(1) == DONE


def test_a_role_that_cannot_be_assumed_says_what_is_missing(world: World) -> None:
    world.settings("s3_versioning", MEMBER_ACCOUNT_IDS=[MEMBER], MEMBER_ROLE="arn:aws:iam::{account}:role/fix")
    one = versioned(world, 1, "bucket-there", AwsAccountId=MEMBER)
    world.fail["AssumeRole"] = [error("AccessDenied", 403, "not authorized")]
    assert world.send([one]) == []
    denied = f"Denied while assuming arn:aws:iam::{MEMBER}:role/fix (is the module member_role applied there?)"
    told = f"Not remediated: {denied}: not authorized."
    assert world.state(1) == ("NEW", told)


def test_a_resource_is_remediated_in_its_own_region(world: World) -> None:
    world.settings("elastic_ip")
    there = world.api("ec2", OTHER_REGION)
    allocation = there.allocate_address(Domain="vpc")["AllocationId"]
    arn = f"arn:aws:ec2:{OTHER_REGION}:{HERE}:elastic-ip/{allocation}"
    one = world.control(1, "EC2.12", "AwsEc2Eip", arn)
    one["Resources"][0]["Region"] = OTHER_REGION
    assert world.send([one]) == []
    assert there.describe_addresses()["Addresses"] == []
    assert world.state(1)[0] == "RESOLVED"


# Settings


def test_an_unknown_remediation_is_named(world: World) -> None:
    world.settings("s3_encryption")
    with pytest.raises(SettingsError, match="REMEDIATION must be one of elastic_ip, macie_bucket"):
        world.send([])
    with pytest.raises(KeyError, match="No remediation 's3_encryption'"):
        remediations.get("s3_encryption")
