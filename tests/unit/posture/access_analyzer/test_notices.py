"""The texts of notices."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posture.access_analyzer.findings import Finding, parse
from posture.access_analyzer.notices import Report, console_link, digest, message, parcels, single, subject
from tests.unit.posture.access_analyzer.world import OUTSIDER, POINT_ARN, REGION, found

CROSS = found(source="point", public=False, condition={"aws:SourceVpc": "vpc-1"})


def test_everything_is_said() -> None:
    text = message(Report(parse(CROSS), ("This.",), ("Begun.",), ("On.",), ("That.",)), REGION, "aws")
    assert text.splitlines() == [
        "The bucket data is accessible to external principals.",
        "",
        "What:           arn:aws:s3:::data (AWS::S3::Bucket) of account 123456789012, eu-west-1",
        "Status:         ACTIVE",
        f"Who:            AWS {OUTSIDER}",
        "May do:         s3:GetObject",
        "Only if:        aws:SourceVpc is vpc-1",
        f"Shared through: Access point {POINT_ARN}",
        "Since:          2026-01-01T00:00:00.000+00:00",
        "Done:           This.",
        "Begun:          Begun.",
        "Not needed:     On.",
        "Not done:       That.",
        "To do:          Wait for the notice that the finding is resolved. To restore intended access, see the README.",
        "Console:        https://console.aws.amazon.com/access-analyzer/home?region=eu-west-1#/findings/details/f1",
    ]


@pytest.mark.parametrize(
    ("source", "through", "edit"),
    [
        ("policy", "Bucket policy", "the bucket policy"),
        ("acl", "Bucket ACL", "the bucket ACL"),
        ("point", f"Access point {POINT_ARN}", "the access point's policy"),
    ],
)
def test_the_three_kinds_of_grants_are_distinguished(source: str, through: str, edit: str) -> None:
    text = message(Report(parse(found(source=source))), REGION, "aws")
    assert f"Shared through: {through}\n" in text
    assert f"remove the grant from {edit}, or turn on Block Public Access" in text


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "Public: data"),
        ({"isPublic": False, "principal": {"AWS": OUTSIDER}}, f"Shared outside: data with {OUTSIDER}"),
        ({"status": "RESOLVED"}, "Resolved: Public: data"),
        ({"status": "ARCHIVED"}, "Archived: Public: data"),
        ({"error": "ACCESS_DENIED"}, "Not analyzed: data"),
        ({"resourceType": "AWS::IAM::Role", "resource": "arn:aws:iam::1:role/ops"}, "Public: role/ops"),
    ],
)
def test_subjects(fields: dict[str, Any], expected: str) -> None:
    assert subject(parse(found(**fields))) == expected


@given(st.text(), st.text(), st.booleans(), st.sampled_from(["ACTIVE", "ARCHIVED", "RESOLVED"]))
def test_subjects_are_what_sns_takes(resource: str, principal: str, public: bool, status: str) -> None:
    finding = Finding("f", status, resource, "AWS::S3::Bucket", "1", "", "", public, (("AWS", principal),))
    text = subject(finding)
    assert 0 < len(text) <= 100
    assert text.isascii()
    assert text.isprintable()


def test_resolved_needs_nothing_done() -> None:
    text = message(Report(parse(found(status="RESOLVED"))), REGION, "aws")
    assert "is no longer accessible to the public in this way" in text
    assert "To do" not in text


def test_an_error_says_what_to_do() -> None:
    assert "AWSServiceRoleForAccessAnalyzer" in message(Report(parse(found(error="ACCESS_DENIED"))), REGION, "aws")


def test_without_a_known_console_there_is_no_link() -> None:
    assert console_link("f1", REGION, "aws-iso") == ""


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "console.aws.amazon.com"),
        ("aws-us-gov", "console.amazonaws-us-gov.com"),
        ("aws-cn", "console.amazonaws.cn"),
        ("aws-eusc", "eu-west-1.console.amazonaws-eusc.eu"),
    ],
)
def test_the_console_is_the_partitions(partition: str, host: str) -> None:
    assert console_link("f1", REGION, partition).startswith(f"https://{host}/access-analyzer/home?region=eu-west-1#")


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (5, [1] * 5), (6, [6]), (40, [40]), (41, [40, 1])])
def test_many_notices_become_digests(count: int, sizes: list[int]) -> None:
    assert [len(parcel) for parcel in parcels(range(count))] == sizes


def test_a_digest_begins_with_public_access_and_is_what_sns_takes() -> None:
    shared = Report(parse(found("f1", public=False, action=["s3:" + "ü" * 9_000])))
    ended, public = Report(parse(found("f2", status="RESOLVED"))), Report(parse(found("f3")), reasons=("Why.",))
    title, text = digest([shared, ended, public], REGION, "aws")
    assert title == "3 findings in eu-west-1: 1 public, 1 resolved, 1 other"
    assert text.splitlines()[0] == "3 findings of Access Analyzer in eu-west-1 at once: 1 public, 1 resolved, 1 other."
    heads = [line for line in text.splitlines() if line.startswith("===")]
    assert heads == ["=== Public: data", "=== Shared outside: data with 222222222222", "=== Resolved: Public: data"]
    assert "Not done:       Why." in text
    assert "... See the finding." in text
    assert len(single(Report(parse(found(action=["ü" * 200_000]))), REGION, "aws")[1].encode()) <= 262_144
    longest = digest([shared] * 40, REGION, "aws")[1]
    assert len(longest.encode()) <= 262_144
