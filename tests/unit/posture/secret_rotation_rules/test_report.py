"""The report reads every page, counts what it found, and names what is wrong with an event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from common import clients, observability
from common import settings as settings_module
from posture.secret_rotation_rules import compliance, report
from posture.secret_rotation_rules.errors import InvalidRequest

ACCOUNT, REGION, OTHER = "111122223333", "eu-central-1", "444455556666"
RULES = ["rotation", "schedule"]
AT = datetime(2026, 11, 23, 6, tzinfo=UTC)
KINDS = ["COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE"]
Place = tuple[str, str, str]
"""(rule, account, Region)"""


class Config:
    """AWS Config of many places, with a page size of its own. It counts its calls.

    `found` are the non-compliant secrets, `compliant` the others with a result, `recorded` those without one.
    `sources` are rows of the aggregator's sources; `refuses` are operations, or (rule, account, Region), with a code.
    """

    def __init__(
        self,
        found: dict[Place, int],
        page: int = 100,
        *,
        compliant: dict[Place, int] | None = None,
        recorded: dict[tuple[str, str], int] | None = None,
        sources: list[dict[str, Any]] | None = None,
        refuses: dict[Any, str] | None = None,
        recording: bool = True,
    ) -> None:
        self.found, self.page, self.refuses, self.recording = found, page, refuses or {}, recording
        self.compliant, self.recorded, self.sources = compliant or {}, recorded or {}, sources or []
        self.calls: list[str] = []

    def get_paginator(self, operation: str) -> Any:
        method = getattr(self, operation)

        class Paginator:
            @staticmethod
            def paginate(**arguments: Any) -> Any:
                arguments.pop("PaginationConfig", None)
                return method(**arguments)

        return Paginator()

    def _pages(self, operation: str, member: str, items: list[Any], size: int, place: Any = None) -> Any:
        for start in range(0, max(len(items), 1), size):
            self.calls.append(operation)
            self._refuse(operation, place)
            yield {member: items[start : start + size]}

    def _refuse(self, *asked: Any) -> None:
        for one in asked:
            if code := self.refuses.get(one):
                raise ClientError({"Error": {"Code": code, "Message": "no"}}, str(one))

    @staticmethod
    def _result(rule: str, name: str, kind: str = "NON_COMPLIANT") -> dict[str, Any]:
        qualifier = {
            "ConfigRuleName": rule,
            "ResourceType": "AWS::SecretsManager::Secret",
            "ResourceId": f"arn:{name}",
        }
        return {
            "EvaluationResultIdentifier": {"EvaluationResultQualifier": qualifier},
            "ComplianceType": kind,
            "ResultRecordedTime": AT,
            **({"Annotation": "not rotated"} if name == "s0" else {}),
        }

    def _results(self, place: Place) -> list[dict[str, Any]]:
        bad = [self._result(place[0], f"s{n}") for n in range(self.found.get(place, 0))]
        good = [self._result(place[0], f"c{n}", "COMPLIANT") for n in range(self.compliant.get(place, 0))]
        return [*bad, *good, self._result(place[0], "none", "NOT_APPLICABLE")] if bad or good else []

    def get_compliance_details_by_config_rule(
        self, ConfigRuleName: str, ComplianceTypes: list[str] | None = None
    ) -> Any:
        place = (ConfigRuleName, ACCOUNT, REGION)
        items = [one for one in self._results(place) if one["ComplianceType"] in (ComplianceTypes or KINDS)]
        return self._pages("details", "EvaluationResults", items, self.page, place)

    def list_discovered_resources(self, resourceType: str) -> Any:
        assert resourceType == "AWS::SecretsManager::Secret"
        items = [{"resourceId": f"arn:r{n}"} for n in range(self.recorded.get((ACCOUNT, REGION), 0))]
        return self._pages("recorded", "resourceIdentifiers", items, self.page)

    def describe_configuration_recorder_status(self) -> dict[str, Any]:
        self._refuse("recorder")
        return {"ConfigurationRecordersStatus": [{"name": "default", "recording": self.recording}]}

    def describe_aggregate_compliance_by_config_rules(
        self, ConfigurationAggregatorName: str, Filters: dict[str, str]
    ) -> Any:
        """Yield the places with results: AWS Config shows no others."""
        assert ConfigurationAggregatorName == "org"
        every: list[dict[str, Any]] = [
            {
                "ConfigRuleName": rule,
                "AccountId": account,
                "AwsRegion": region,
                "Compliance": {
                    "ComplianceType": "NON_COMPLIANT" if self.found.get((rule, account, region)) else "COMPLIANT"
                },
            }
            for rule, account, region in {**self.found, **self.compliant}
            if rule == Filters["ConfigRuleName"] and self._results((rule, account, region))
        ]
        kinds = [Filters["ComplianceType"]] if "ComplianceType" in Filters else KINDS
        items = [one for one in every if one["Compliance"]["ComplianceType"] in kinds]
        return self._pages("places", "AggregateComplianceByConfigRules", items, self.page)

    def get_aggregate_compliance_details_by_config_rule(
        self,
        ConfigurationAggregatorName: str,
        ConfigRuleName: str,
        AccountId: str,
        AwsRegion: str,
        ComplianceType: str | None = None,
    ) -> Any:
        assert ConfigurationAggregatorName == "org"
        place = (ConfigRuleName, AccountId, AwsRegion)
        kinds = [ComplianceType] if ComplianceType else KINDS
        items = [one for one in self._results(place) if one["ComplianceType"] in kinds]
        return self._pages("details", "AggregateEvaluationResults", items, self.page, place)

    def list_aggregate_discovered_resources(self, ConfigurationAggregatorName: str, ResourceType: str) -> Any:
        assert (ConfigurationAggregatorName, ResourceType) == ("org", "AWS::SecretsManager::Secret")
        items = [
            {"SourceAccountId": account, "SourceRegion": region, "ResourceId": f"arn:r{n}"}
            for (account, region), number in self.recorded.items()
            for n in range(number)
        ]
        return self._pages("recorded", "ResourceIdentifiers", items, self.page)

    def describe_configuration_aggregator_sources_status(
        self, ConfigurationAggregatorName: str, UpdateStatus: list[str] | None = None
    ) -> Any:
        assert ConfigurationAggregatorName == "org"
        items = [one for one in self.sources if not UpdateStatus or one.get("LastUpdateStatus") in UpdateStatus]
        return self._pages("sources", "AggregatedSourceStatusList", items, self.page)


def source(account: str, status: str = "SUCCEEDED", **more: Any) -> dict[str, Any]:
    """Return the row of an aggregator's source."""
    row = {"SourceId": account, "SourceType": "ACCOUNT", "AwsRegion": REGION, "LastUpdateStatus": status}
    return {**row, "LastUpdateTime": AT, **more}


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
    found = {("rotation", ACCOUNT, REGION): 2, ("schedule", ACCOUNT, REGION): 1}
    config = Config(found, compliant={("rotation", ACCOUNT, REGION): 3}, recorded={(ACCOUNT, REGION): 1})
    answer, to = make(config)
    assert answer["key"] == "reports/dt=2026-11-23/secret-rotation-20261123T060000Z.json"
    assert answer["summary"] == {
        "findings": 3,
        "secrets": 2,
        "by_account": {ACCOUNT: 3},
        "by_region": {REGION: 3},
        "by_rule": {"rotation": 2, "schedule": 1},
        "accounts": 1,
        "regions": 1,
        "places": 1,
        "places_evaluated": 1,
        "places_without_secrets": 0,
        "places_not_read": 0,
        "sources_unseen": 0,
        "sources_stale": 0,
        "secrets_known": 6,
        "secrets_evaluated": 5,
        "secrets_not_evaluated": 1,
        "evaluated_percent": 83.3,
        "compliant_percent": 60.0,
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
    assert whole["not_evaluated"] == [{"account": ACCOUNT, "region": REGION, "secret": "arn:r0"}]
    assert whole["coverage"] == [
        {
            "account": ACCOUNT,
            "region": REGION,
            "source": "SUCCEEDED",
            "secrets": 6,
            "evaluated": 5,
            "breaking": 2,
            "evaluated_percent": 83.3,
            "compliant_percent": 60.0,
            "evaluated_by_rule": {"rotation": 5, "schedule": 1},
            "rules_without_results": [],
            "errors": [],
        }
    ]
    (told,) = to.told
    assert told["Subject"] == "Secret rotation: 2 of 5 secrets break a rule"
    assert told["Message"].splitlines() == [
        f"2 in {ACCOUNT} {REGION}: rotation",
        f"1 in {ACCOUNT} {REGION}: schedule",
        "",
        "Evaluated: 5 of 6 known secrets (83.3 %), in 1 place (accounts: 1, Regions: 1).",
        "Compliant: 3 of 5 (60 %).",
        "Not evaluated: 1 secret, not in scope of the rules or not evaluated yet.",
        "",
        f"All findings: s3://reports/{answer['key']}",
    ]


def test_many_accounts_and_regions() -> None:
    found = {
        ("rotation", ACCOUNT, REGION): 1,
        ("rotation", OTHER, REGION): 2,
        ("rotation", OTHER, "us-east-1"): 3,
        ("schedule", OTHER, REGION): 0,
    }
    sources = [source(str(n), "FAILED", LastErrorCode="AccessDenied") for n in range(2)]
    answer, to = make(Config(found, sources=[*sources, source(ACCOUNT)]), "org")
    assert answer["summary"]["by_account"] == {ACCOUNT: 1, OTHER: 5}
    assert answer["summary"]["by_region"] == {REGION: 3, "us-east-1": 3}
    assert answer["summary"]["sources_unseen"] == 2
    whole = json.loads(to.put[0]["Body"])
    assert whole["sources_unseen"][0] == {"source": "0", "region": REGION, "error": "AccessDenied"}
    assert "Not counted: 2 sources" in to.told[0]["Message"]


def test_the_fewest_calls() -> None:
    config = Config({("rotation", ACCOUNT, REGION): 250, ("schedule", ACCOUNT, REGION): 0})
    make(config)
    assert config.calls == ["details"] * 4 + ["recorded"]
    config = Config({("rotation", OTHER, REGION): 101, ("rotation", ACCOUNT, REGION): 5})
    make(config, "org")
    assert config.calls == ["sources", "recorded", "places", "places", "details", "details", "details"]


@given(
    found=st.dictionaries(
        st.tuples(st.sampled_from(RULES), st.sampled_from([ACCOUNT, OTHER]), st.sampled_from([REGION, "us-east-1"])),
        st.integers(0, 9),
    ),
    page=st.integers(1, 5),
)
def test_pages_of_any_size_lose_and_double_nothing(found: dict[Place, int], page: int) -> None:
    made = compliance.of_aggregator(Config(found, page), "org", RULES).findings
    expected = {(r, a, g, f"arn:s{n}") for (r, a, g), number in found.items() for n in range(number)}
    assert {(one.rule, one.account, one.region, one.secret) for one in made} == expected
    assert len(made) == len(expected)


@pytest.mark.parametrize("aggregator", ["", "org"])
def test_where_nothing_was_evaluated_nothing_is_said_of_compliance(aggregator: str) -> None:
    answer, to = make(Config({}, recorded={(ACCOUNT, REGION): 2}, recording=False), aggregator)
    assert answer["summary"]["findings"] == 0
    assert (answer["summary"]["evaluated_percent"], answer["summary"]["compliant_percent"]) == (0.0, None)
    (told,) = to.told
    assert told["Subject"] == "Secret rotation: no secret was evaluated"
    assert told["Message"].startswith("No secret was evaluated. This report says nothing about compliance.")
    assert (
        f"No results in {ACCOUNT} {REGION}: rotation, schedule. The rule or the recorder is missing" in told["Message"]
    )
    assert ("comply" in told["Message"]) is False


def test_no_secret_at_all_is_no_compliance_either() -> None:
    answer, to = make(Config({}), "org")
    assert (answer["summary"]["places"], answer["summary"]["evaluated_percent"]) == (0, None)
    assert to.told[0]["Subject"] == "Secret rotation: no secret was evaluated"
    assert "Evaluated: 0 of 0 known secrets, in 0 places (accounts: 0, Regions: 0)." in to.told[0]["Message"]


def test_all_comply() -> None:
    _, to = make(Config({}, compliant={("rotation", ACCOUNT, REGION): 2, ("schedule", ACCOUNT, REGION): 2}))
    assert to.told[0]["Subject"] == "Secret rotation: 0 of 2 secrets break a rule"
    assert to.told[0]["Message"].startswith("All evaluated secrets comply with the rules.")
    assert "Compliant: 2 of 2 (100 %)." in to.told[0]["Message"]


def test_almost_all_is_not_a_hundred_percent() -> None:
    answer, _ = make(Config({("rotation", ACCOUNT, REGION): 1}, compliant={("rotation", ACCOUNT, REGION): 2999}))
    assert answer["summary"]["compliant_percent"] == 99.9


def test_one_secret() -> None:
    _, to = make(Config({("rotation", ACCOUNT, REGION): 1}))
    assert to.told[0]["Subject"] == "Secret rotation: 1 of 1 secret breaks a rule"


def test_a_place_with_secrets_and_without_results_is_named() -> None:
    """Such as an account whose rules have another prefix, or whose recorder is off."""
    config = Config(
        {}, compliant={("rotation", ACCOUNT, REGION): 1}, recorded={(OTHER, REGION): 3}, sources=[source(OTHER)]
    )
    answer, to = make(config, "org")
    assert answer["summary"]["places_evaluated"] == 1
    assert answer["summary"]["secrets_not_evaluated"] == 3
    assert f"No results in {OTHER} {REGION}: rotation, schedule." in to.told[0]["Message"]
    assert f"No results in {ACCOUNT} {REGION}: schedule." in to.told[0]["Message"]
    (there,) = [one for one in json.loads(to.put[0]["Body"])["coverage"] if one["account"] == OTHER]
    assert (there["secrets"], there["evaluated"], there["evaluated_percent"]) == (3, 0, 0.0)


def test_places_where_nothing_is_known_are_counted() -> None:
    """Such as an account whose recorder does not record secrets, and one of which AWS Config says nothing."""
    silent = {"SourceId": "222233334444", "AwsRegion": REGION}
    config = Config({}, compliant={("rotation", ACCOUNT, REGION): 1}, sources=[source(ACCOUNT), source(OTHER), silent])
    answer, to = make(config, "org")
    assert (answer["summary"]["places"], answer["summary"]["places_without_secrets"]) == (3, 2)
    assert answer["summary"]["sources_unseen"] == 1
    assert "Without secrets: 2 places. There are none, or AWS Config does not record them." in to.told[0]["Message"]


def test_old_data_of_a_source_is_reported() -> None:
    sources = [source(OTHER, "OUTDATED", LastErrorMessage="Later."), source("o-1", SourceType="ORGANIZATION")]
    answer, to = make(Config({("rotation", OTHER, REGION): 1}, sources=sources), "org")
    assert (answer["summary"]["sources_stale"], answer["summary"]["sources_unseen"]) == (1, 0)
    whole = json.loads(to.put[0]["Body"])
    assert whole["sources_stale"] == [
        {"source": OTHER, "region": REGION, "error": "Later.", "updated": "2026-11-23T06:00:00+00:00"}
    ]
    assert [one["source"] for one in whole["coverage"]] == ["OUTDATED"]
    assert "Outdated: 1 source of which the aggregator has old data." in to.told[0]["Message"]


def test_the_longest_lists_are_cut() -> None:
    for number in (20, 21, 25):
        found = {("rotation", f"{n:012}", REGION): 1 + (n == 7) for n in range(number)}
        _, to = make(Config(found), "org")
        lines = to.told[0]["Message"].split("\n\n")[0].splitlines()
        assert lines[0] == f"2 in 000000000007 {REGION}: rotation"
        assert lines[1] == f"1 in 000000000000 {REGION}: rotation"
        assert lines[20:] == ([f"… and {number - 20} more places."] if number > 20 else [])
        assert len(lines) == min(number, 20) + (number > 20)
        assert to.told[0]["Message"].count("No results in") == min(number, 20)


def test_one_place_that_cannot_be_read_does_not_hide_the_others() -> None:
    found = {("rotation", ACCOUNT, REGION): 1, ("rotation", OTHER, REGION): 2}
    answer, to = make(Config(found, refuses={("rotation", OTHER, REGION): "ValidationException"}), "org")
    assert answer["summary"]["by_account"] == {ACCOUNT: 1}
    assert answer["summary"]["places_not_read"] == 1
    assert to.told[0]["Subject"] == "Secret rotation: 1 of 1 secret breaks a rule; 1 place not read"
    assert f"Not read in {OTHER} {REGION}: rotation: ValidationException no" in to.told[0]["Message"]
    (there,) = [one for one in json.loads(to.put[0]["Body"])["coverage"] if one["account"] == OTHER]
    assert there["errors"] == ["rotation: ValidationException no"]


def test_one_rule_that_does_not_exist_does_not_hide_the_others() -> None:
    found = {("rotation", ACCOUNT, REGION): 1}
    answer, to = make(Config(found, refuses={("schedule", ACCOUNT, REGION): "NoSuchConfigRuleException"}))
    assert answer["summary"]["secrets"] == 1
    assert "schedule: NoSuchConfigRuleException" in to.told[0]["Message"]


def test_an_account_without_its_rules_is_told() -> None:
    gone = {(rule, ACCOUNT, REGION): "NoSuchConfigRuleException" for rule in RULES}
    _, to = make(Config({}, refuses=gone))
    assert to.told[0]["Subject"] == "Secret rotation: no secret was evaluated"


def test_a_recorder_that_is_off_is_told_though_there_are_results() -> None:
    answer, to = make(Config({}, compliant={("rotation", ACCOUNT, REGION): 2}, recording=False))
    assert answer["summary"]["places_not_read"] == 1
    assert "The configuration recorder is missing or off: results are not updated." in to.told[0]["Message"]


@pytest.mark.parametrize("aggregator", ["", "org"])
def test_without_the_list_of_secrets_the_report_is_made_and_says_so(aggregator: str) -> None:
    config = Config({("rotation", ACCOUNT, REGION): 1}, refuses={"recorded": "InternalError"})
    answer, to = make(config, aggregator)
    assert answer["summary"]["secrets"] == 1
    assert "Not read" in to.told[0]["Message"]
    assert "InternalError" in to.told[0]["Message"]


@pytest.mark.parametrize(
    ("aggregator", "refused"), [("org", "places"), ("org", "details"), ("org", "sources"), ("", "details")]
)
def test_where_nothing_can_be_read_there_is_no_report(aggregator: str, refused: str) -> None:
    config = Config({("rotation", ACCOUNT, REGION): 1}, refuses={refused: "AccessDeniedException"})
    to = Recorder()
    with pytest.raises(ClientError):
        report.run({}, settings(aggregator), lambda service: config if service == "config" else to)
    assert (to.put, to.told) == ([], [])


def test_a_mistake_of_our_own_is_not_taken_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config({("rotation", ACCOUNT, REGION): 1})
    monkeypatch.setattr(config, "_result", lambda *_: {"ComplianceType": "NON_COMPLIANT"})
    with pytest.raises(KeyError):
        make(config, "org")


def test_what_there_is_no_time_for_is_told() -> None:
    found = {("rotation", f"{n:012}", REGION): 1 for n in range(5)}
    left = iter([True, True, False, False, False])
    to, config = Recorder(), Config(found)
    given_client = lambda service: config if service == "config" else to  # noqa: E731
    answer = report.run({}, settings("org"), given_client, lambda: next(left))
    assert (answer["summary"]["secrets"], answer["summary"]["places_not_read"]) == (2, 3)
    assert "rotation: no time was left to read it." in to.told[0]["Message"]


def test_places_that_break_a_rule_are_read_first() -> None:
    good = {("rotation", f"{n:012}", REGION): 1 for n in range(3)}
    listed = compliance.places(Config({("schedule", OTHER, REGION): 1}, compliant=good), "org", RULES)
    assert listed[0] == ("schedule", OTHER, REGION)
    assert len(listed) == 4


def test_the_handler_counts_what_breaks_a_rule_and_what_was_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {("rotation", ACCOUNT, REGION): 2, ("rotation", OTHER, REGION): 1}
    config = Config(found, refuses={("rotation", OTHER, REGION): "ValidationException"})
    to, counted = Recorder(), []
    monkeypatch.setattr(clients, "client", lambda service: config if service == "config" else to)
    monkeypatch.setattr(settings_module, "load", lambda _: settings("org"))
    monkeypatch.setattr(observability, "count", lambda name, value: counted.append((name, value)))
    context = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 900_000)
    answer = report.handler({}, context)
    assert answer["summary"]["secrets"] == 2
    assert counted == [("SecretsNonCompliant", 2), ("PlacesNotRead", 1)]
    context.get_remaining_time_in_millis = lambda: 60_000
    assert report.handler({}, context)["summary"]["places_not_read"] == 2


@pytest.mark.parametrize("at", ["yesterday", "", 0, [], "0001-01-01T00:00:00+14:00"])
def test_a_malformed_time_is_refused_before_anything_is_read(at: Any) -> None:
    config = Config({})
    with pytest.raises(InvalidRequest, match="scheduled_at must be a time"):
        make(config, event={"scheduled_at": at})
    assert config.calls == []


def test_without_a_time_it_is_now() -> None:
    answer, _ = make(Config({}), event={})
    assert datetime.now(UTC).strftime("reports/dt=%Y-%m-%d/") in answer["key"]


@pytest.mark.parametrize("rules", [[], [1]])
def test_settings_need_rules(rules: list[Any]) -> None:
    with pytest.raises(ValueError, match="RULES"):
        report.Settings("b", ACCOUNT, "k", "t", rules, REGION)
