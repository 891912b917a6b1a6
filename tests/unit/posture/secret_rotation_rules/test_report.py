"""The report reads every page, counts what it found, and names what is wrong with an event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from posture.secret_rotation_rules import compliance, report
from posture.secret_rotation_rules.compliance import Finding
from posture.secret_rotation_rules.errors import InvalidRequest

ACCOUNT, REGION, OTHER = "111122223333", "eu-central-1", "444455556666"
RULES = ["rotation", "schedule"]
AT = datetime(2026, 11, 23, 6, tzinfo=UTC)
Place = tuple[str, str, str]
"""(rule, account, Region)"""


class Config:
    """AWS Config of many places, with a page size of its own. It counts its calls."""

    def __init__(self, found: dict[Place, int], page: int = 100, failed: int = 0, refuses: str = "") -> None:
        self.found, self.page, self.failed, self.refuses = found, page, failed, refuses
        self.calls: list[str] = []

    def get_paginator(self, operation: str) -> Any:
        method = getattr(self, operation)

        class Paginator:
            @staticmethod
            def paginate(**arguments: Any) -> Any:
                arguments.pop("PaginationConfig", None)
                return method(**arguments)

        return Paginator()

    def _pages(self, operation: str, member: str, items: list[Any], size: int) -> Any:
        for start in range(0, max(len(items), 1), size):
            self.calls.append(operation)
            if operation == self.refuses:
                raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)
            yield {member: items[start : start + size]}

    @staticmethod
    def _result(rule: str, number: int) -> dict[str, Any]:
        qualifier = {
            "ConfigRuleName": rule,
            "ResourceType": "AWS::SecretsManager::Secret",
            "ResourceId": f"arn:s{number}",
        }
        return {
            "EvaluationResultIdentifier": {"EvaluationResultQualifier": qualifier},
            "ComplianceType": "NON_COMPLIANT",
            "ResultRecordedTime": AT,
            **({"Annotation": "not rotated"} if number == 0 else {}),
        }

    def get_compliance_details_by_config_rule(self, ConfigRuleName: str, ComplianceTypes: list[str]) -> Any:
        assert ComplianceTypes == ["NON_COMPLIANT"]
        number = self.found.get((ConfigRuleName, ACCOUNT, REGION), 0)
        items = [self._result(ConfigRuleName, n) for n in range(number)]
        return self._pages("details", "EvaluationResults", items, self.page)

    def describe_aggregate_compliance_by_config_rules(
        self, ConfigurationAggregatorName: str, Filters: dict[str, str]
    ) -> Any:
        assert (ConfigurationAggregatorName, Filters["ComplianceType"]) == ("org", "NON_COMPLIANT")
        items = [
            {"ConfigRuleName": rule, "AccountId": account, "AwsRegion": region}
            for (rule, account, region), number in self.found.items()
            if rule == Filters["ConfigRuleName"] and number
        ]
        return self._pages("places", "AggregateComplianceByConfigRules", items, self.page)

    def get_aggregate_compliance_details_by_config_rule(
        self, ConfigurationAggregatorName: str, ConfigRuleName: str, AccountId: str, AwsRegion: str, ComplianceType: str
    ) -> Any:
        assert (ConfigurationAggregatorName, ComplianceType) == ("org", "NON_COMPLIANT")
        items = [self._result(ConfigRuleName, n) for n in range(self.found[ConfigRuleName, AccountId, AwsRegion])]
        return self._pages("details", "AggregateEvaluationResults", items, self.page)

    def describe_configuration_aggregator_sources_status(
        self, ConfigurationAggregatorName: str, UpdateStatus: list[str]
    ) -> Any:
        assert UpdateStatus == ["FAILED"]
        items = [{"SourceId": str(n), "AwsRegion": REGION, "LastErrorCode": "AccessDenied"} for n in range(self.failed)]
        return self._pages("sources", "AggregatedSourceStatusList", items, self.page)


class Recorder:
    """S3 and SNS. It keeps the requests."""

    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []

    def put_object(self, **arguments: Any) -> None:
        self.put.append(arguments)

    def publish(self, **arguments: Any) -> None:
        self.told.append(arguments)


def settings(aggregator: str = "") -> report.Settings:
    return report.Settings(
        bucket="reports",
        bucket_owner=ACCOUNT,
        kms_key_arn="arn:key",
        topic_arn="arn:topic",
        rules=RULES,
        aws_region=REGION,
        aggregator=aggregator,
    )


def make(config: Config, aggregator: str = "", event: dict[str, Any] | None = None) -> tuple[dict[str, Any], Recorder]:
    to = Recorder()
    given_event = {"scheduled_at": "2026-11-23T06:00:00Z"} if event is None else event
    answer = report.run(given_event, settings(aggregator), lambda service: config if service == "config" else to)
    return answer, to


def test_one_account() -> None:
    config = Config({("rotation", ACCOUNT, REGION): 2, ("schedule", ACCOUNT, REGION): 1})
    answer, to = make(config)
    assert answer["key"] == "reports/dt=2026-11-23/secret-rotation-20261123T060000Z.json"
    assert answer["summary"] == {
        "findings": 3,
        "secrets": 2,
        "by_account": {ACCOUNT: 3},
        "by_region": {REGION: 3},
        "by_rule": {"rotation": 2, "schedule": 1},
        "sources_unseen": 0,
    }
    (put,) = to.put
    assert (put["Bucket"], put["Key"], put["ExpectedBucketOwner"]) == ("reports", answer["key"], ACCOUNT)
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", "arn:key")
    whole = json.loads(put["Body"])
    assert whole["findings"][0] == {
        "account": ACCOUNT,
        "region": REGION,
        "rule": "rotation",
        "secret": "arn:s0",
        "since": "2026-11-23T06:00:00+00:00",
        "why": "not rotated",
    }
    assert (whole["aggregator"], whole["rules"]) == (None, RULES)
    (told,) = to.told
    assert told["Subject"] == "Secret rotation: 2 secrets break a rule"
    assert told["Message"].splitlines()[0] == f"2 in {ACCOUNT} {REGION}: rotation"
    assert f"s3://reports/{answer['key']}" in told["Message"]


def test_many_accounts_and_regions() -> None:
    found = {
        ("rotation", ACCOUNT, REGION): 1,
        ("rotation", OTHER, REGION): 2,
        ("rotation", OTHER, "us-east-1"): 3,
        ("schedule", OTHER, REGION): 0,
    }
    answer, to = make(Config(found, failed=2), "org")
    assert answer["summary"]["by_account"] == {ACCOUNT: 1, OTHER: 5}
    assert answer["summary"]["by_region"] == {REGION: 3, "us-east-1": 3}
    assert answer["summary"]["sources_unseen"] == 2
    whole = json.loads(to.put[0]["Body"])
    assert whole["sources_unseen"][0] == {"source": "0", "region": REGION, "error": "AccessDenied"}
    assert "Not counted: 2 sources" in to.told[0]["Message"]


def test_the_fewest_calls() -> None:
    config = Config({("rotation", ACCOUNT, REGION): 250, ("schedule", ACCOUNT, REGION): 0})
    make(config)
    assert config.calls == ["details"] * 4
    config = Config({("rotation", OTHER, REGION): 101, ("rotation", ACCOUNT, REGION): 5})
    make(config, "org")
    assert config.calls == ["places", "details", "details", "details", "places", "sources"]


@given(
    found=st.dictionaries(
        st.tuples(st.sampled_from(RULES), st.sampled_from([ACCOUNT, OTHER]), st.sampled_from([REGION, "us-east-1"])),
        st.integers(0, 9),
    ),
    page=st.integers(1, 5),
)
def test_pages_of_any_size_lose_and_double_nothing(found: dict[Place, int], page: int) -> None:
    made = compliance.of_aggregator(Config(found, page), "org", RULES)
    expected = {(r, a, g, f"arn:s{n}") for (r, a, g), number in found.items() for n in range(number)}
    assert {(one.rule, one.account, one.region, one.secret) for one in made} == expected
    assert len(made) == len(expected)


def test_a_notice_is_sent_even_without_findings() -> None:
    answer, to = make(Config({}))
    assert answer["summary"]["findings"] == 0
    assert to.told[0]["Message"].startswith("All evaluated secrets comply with the rules.")


def test_a_long_list_is_cut() -> None:
    found = [Finding(f"{n:012}", REGION, "rotation", "arn", "", "") for n in range(25)]
    lines = report.notice(found, [], "s3://b/k").splitlines()
    assert lines[19] == f"1 in 000000000019 {REGION}: rotation"
    assert lines[20] == "… and 5 more places."
    assert len(lines) == 23


@pytest.mark.parametrize("refused", ["places", "details", "sources"])
def test_what_is_refused_is_not_swallowed(refused: str) -> None:
    config = Config({("rotation", ACCOUNT, REGION): 1}, refuses=refused)
    to = Recorder()
    with pytest.raises(ClientError):
        report.run({}, settings("org"), lambda service: config if service == "config" else to)
    assert (to.put, to.told) == ([], [])


def test_a_malformed_time_is_refused_before_anything_is_read() -> None:
    config = Config({})
    with pytest.raises(InvalidRequest, match="scheduled_at must be a time"):
        make(config, event={"scheduled_at": "yesterday"})
    assert config.calls == []


def test_without_a_time_it_is_now() -> None:
    answer, _ = make(Config({}), event={})
    assert datetime.now(UTC).strftime("reports/dt=%Y-%m-%d/") in answer["key"]


@pytest.mark.parametrize("rules", [[], [1]])
def test_settings_need_rules(rules: list[Any]) -> None:
    with pytest.raises(ValueError, match="RULES"):
        report.Settings("b", ACCOUNT, "k", "t", rules, REGION)
