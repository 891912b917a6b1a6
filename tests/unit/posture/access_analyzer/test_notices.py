"""The texts of notices."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posture.access_analyzer.findings import Finding, parse
from posture.access_analyzer.notices import console_link, message, subject
from tests.unit.posture.access_analyzer.world import OUTSIDER, POINT_ARN, REGION, found

CROSS = found(source="point", public=False, condition={"aws:SourceVpc": "vpc-1"})


def test_everything_is_said() -> None:
    text = message(parse(CROSS), REGION, "aws", ["This."], ["That."])
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
    text = message(parse(found(source=source)), REGION, "aws")
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


def test_resolved_needs_nothing_done() -> None:
    text = message(parse(found(status="RESOLVED")), REGION, "aws")
    assert "is no longer accessible to the public in this way" in text
    assert "To do" not in text


def test_an_error_says_what_to_do() -> None:
    assert "AWSServiceRoleForAccessAnalyzer" in message(parse(found(error="ACCESS_DENIED")), REGION, "aws")


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "console.aws.amazon.com"),
        ("aws-us-gov", "console.amazonaws-us-gov.com"),
        ("aws-cn", "console.amazonaws.cn"),
    ],
)
def test_the_console_is_the_partitions(partition: str, host: str) -> None:
    assert console_link("f1", REGION, partition).startswith(f"https://{host}/access-analyzer/home?region=eu-west-1#")
