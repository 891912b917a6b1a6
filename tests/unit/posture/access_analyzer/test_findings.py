"""Which messages are events of findings, and what a finding contains."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posture.access_analyzer.errors import NotAFinding
from posture.access_analyzer.findings import Finding, Source, finding_id, loads, message_of, parse
from tests.unit.posture.access_analyzer.world import ANALYZER, OUTSIDER, POINT_ARN, event, found

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_an_event_names_its_finding() -> None:
    assert finding_id(event("abc"), ANALYZER) == "abc"


def test_the_event_of_a_deleted_finding_names_it() -> None:
    assert finding_id(event("abc", isDeleted=True), ANALYZER) == "abc"


def test_a_sweeps_message_names_its_finding() -> None:
    assert finding_id(message_of("abc", ANALYZER), ANALYZER) == "abc"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        '{"source": "aws.access-analyzer"}',
        event().replace("Access Analyzer Finding", "Unused Access Finding for IAM entities"),
        event().replace("aws.access-analyzer", "aws.s3"),
        event(""),
        json.dumps({**json.loads(event()), "resources": []}),
    ],
)
def test_other_messages_are_refused(body: str) -> None:
    with pytest.raises(NotAFinding, match=r"not an Access Analyzer Finding event|not of"):
        finding_id(body, ANALYZER)


def test_another_analyzers_finding_is_refused() -> None:
    with pytest.raises(NotAFinding, match="analyzer/other"):
        finding_id(event(analyzer=ANALYZER.replace("own", "other")), ANALYZER)


@given(JSON, JSON, JSON)
def test_nothing_else_is_ever_raised(detail: Any, source: Any, resources: Any) -> None:
    for body in (detail, {"source": source, "detail-type": source, "resources": resources, "detail": detail}):
        with pytest.raises(NotAFinding):
            finding_id(json.dumps(body), ANALYZER)


def test_get_finding_is_read() -> None:
    finding = parse(found(source="point", public=False, condition={"aws:SourceVpc": "vpc-1"}))
    assert finding == Finding(
        id="f1",
        status="ACTIVE",
        resource="arn:aws:s3:::data",
        resource_type="AWS::S3::Bucket",
        owner="123456789012",
        created_at="2026-01-01T00:00:00.000+00:00",
        updated_at="2026-01-01T00:00:00.000+00:00",
        principal=(("AWS", OUTSIDER),),
        actions=("s3:GetObject",),
        condition=(("aws:SourceVpc", "vpc-1"),),
        sources=(Source("S3_ACCESS_POINT", POINT_ARN),),
    )
    assert finding.bucket == "data"


def test_an_error_finding_has_nothing_else() -> None:
    bare = {
        name: value for name, value in found().items() if name not in {"principal", "action", "isPublic", "sources"}
    }
    finding = parse({**bare, "resourceType": "AWS::KMS::Key", "error": "ACCESS_DENIED"})
    assert (finding.error, finding.principal, finding.sources, finding.bucket) == ("ACCESS_DENIED", (), (), "")


@given(
    st.builds(
        Finding,
        *[st.text() for _ in range(7)],
        public=st.booleans(),
        principal=st.lists(st.tuples(st.text(), st.text())).map(tuple),
        actions=st.lists(st.text()).map(tuple),
        condition=st.lists(st.tuples(st.text(), st.text())).map(tuple),
        sources=st.lists(st.builds(Source, st.text(), st.text())).map(tuple),
        error=st.text(),
    )
)
def test_a_kept_finding_is_the_same(finding: Finding) -> None:
    assert loads(finding.dumps()) == finding
