"""The evidence report: every key is explained, the calls are minimal, files are complete or absent."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from common import settings
from protection.kms_rotation import cost, evidence, inventory, keys, report
from protection.kms_rotation.errors import InvalidRequest, NotEnoughTime
from protection.kms_rotation.policy import Policy, judge
from tests.unit.protection.kms_rotation.fakes import DAY, NOW, S3, Kms, Sns, aws_error, metadata, real

EVENT = {"scheduled_at": "2026-11-20T04:00:00Z"}
BASE = "reports/dt=2026-11-20/kms-rotation-20261120T040000Z"


def plenty() -> float:
    return 900.0


class Aws:
    def __init__(self) -> None:
        self.kms, self.s3, self.sns = Kms(), S3(), Sns()

    def client(self, service: str, attempts: int = 10) -> Any:
        return {"kms": self.kms, "s3": self.s3, "sns": self.sns}[service]

    def run(self, event: Any = EVENT, **more: Any) -> dict[str, Any]:
        config = report.Settings("bucket", "123456789012", "arn:key", "arn:topic", **more)
        return report.run(event, config, self.client, plenty)

    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["key_id"]: row for row in json.loads(self.s3.objects[f"{BASE}.json"])["keys"]}


@pytest.fixture
def aws() -> Aws:
    return Aws()


def test_every_kind_and_state_is_explained(aws: Aws) -> None:
    for state in keys.STATES:
        more: dict[str, Any] = {"DeletionDate": NOW + DAY} if "Deletion" in state else {}
        aws.kms.add(f"state-{state}", KeyState=state, **more)
    aws.kms.add("rsa", KeySpec="RSA_4096")
    aws.kms.add("ml-dsa", KeySpec="ML_DSA_65")
    aws.kms.add("hmac", KeySpec="HMAC_512")
    aws.kms.add("hsm", Origin="AWS_CLOUDHSM")
    aws.kms.add("outside", Origin="EXTERNAL_KEY_STORE")
    aws.kms.add("imported", Origin="EXTERNAL", rotations="O")
    aws.kms.add("aws", KeyManager="AWS", period=365)
    aws.kms.add("aws-by-alias", KeyManager="AWS")
    aws.kms.alias("alias/aws/s3", "aws-by-alias")
    aws.run()
    rows = aws.rows()
    assert {r["state"] for r in rows.values()} == set(keys.STATES)
    assert {name: r["kind"] for name, r in rows.items() if not name.startswith("state-")} == {
        "rsa": "asymmetric",
        "ml-dsa": "asymmetric",
        "hmac": "hmac",
        "hsm": "custom_key_store",
        "outside": "custom_key_store",
        "imported": "imported",
    }
    assert all(r["state_explained"] and r["kind_explained"] and r["policy_explained"] for r in rows.values())
    assert rows["imported"]["on_demand_rotations"] == 1
    assert rows["state-PendingDeletion"]["monthly_cost"] == 0
    assert rows["state-PendingDeletion"]["deletion_at"]
    summary = json.loads(aws.s3.objects[f"{BASE}.json"])["summary"]
    assert (summary["aws_managed_keys"], summary["customer_keys"], summary["keys_listed"]) == (2, 14, 16)


def test_the_report_knows_every_state_and_kind_of_botocore() -> None:
    model = real().meta.service_model
    assert set(model.shape_for("KeyState").enum) == set(keys.STATES)
    for spec in model.shape_for("KeySpec").enum:
        assert keys.kind(metadata("k", KeySpec=spec)) in keys.KINDS
    for origin in model.shape_for("OriginType").enum:
        assert keys.kind(metadata("k", Origin=origin)) in keys.KINDS


def test_rotations_are_counted_and_dated(aws: Aws) -> None:
    aws.kms.add("k", period=120, rotations="AAOA", Description="orders")
    aws.kms.alias("alias/b", "k")
    aws.kms.alias("alias/a", "k")
    aws.run()
    row = aws.rows()["k"]
    assert row["aliases"] == ["alias/a", "alias/b"]
    assert (row["rotation_enabled"], row["rotation_period_days"]) == (True, 120)
    assert (row["automatic_rotations"], row["on_demand_rotations"], row["on_demand_remaining"]) == (3, 1, 24)
    assert (row["last_rotation_at"], row["last_rotation_type"]) == ("2026-08-12T04:00:00Z", "AUTOMATIC")
    assert row["next_rotation_at"] == "2027-01-09T04:00:00Z"


def test_calls_are_at_the_minimum(aws: Aws) -> None:
    """Aliases are read for all keys at once, AWS managed keys known by alias, rotations read only where possible."""
    for number in range(2100):
        aws.kms.add(f"k{number}", period=365)
    for number in range(50):
        aws.kms.add(f"r{number}", KeySpec="RSA_2048")
        aws.kms.add(f"a{number}", KeyManager="AWS")
        aws.kms.alias(f"alias/aws/service{number}", f"a{number}")
    for number in range(260):
        aws.kms.alias(f"alias/k{number}", f"k{number}")
    aws.run()
    assert aws.kms.calls == {
        "ListKeys": math.ceil(2200 / 1000),
        "ListAliases": math.ceil(310 / 100),
        "DescribeKey": 2150,
        "GetKeyRotationStatus": 2100,
        "ListKeyRotations": 2100,
    }
    assert aws.s3.order == [f"{BASE}.csv", f"{BASE}.json"]


def test_more_rotations_than_a_page(aws: Aws) -> None:
    aws.kms.add("k", period=90, rotations="A" * 1100)
    aws.run()
    assert aws.rows()["k"]["automatic_rotations"] == 1100


def test_a_closed_key_is_a_finding_and_a_vanished_one_is_not(aws: Aws) -> None:
    for name in ("open", "closed", "half", "gone"):
        aws.kms.add(name, period=100)
    faults = {
        ("DescribeKey", "closed"): aws_error("AccessDeniedException", "DescribeKey"),
        ("ListKeyRotations", "half"): aws_error("AccessDeniedException", "ListKeyRotations"),
        ("DescribeKey", "gone"): aws_error("NotFoundException", "DescribeKey"),
    }
    aws.kms.fault = lambda operation, key: faults.get((operation, key))
    answer = aws.run()
    rows = aws.rows()
    assert set(rows) == {"open", "closed", "half"}
    assert "kms:DescribeKey" in rows["closed"]["policy_explained"]
    assert "kms:ListKeyRotations" in rows["half"]["policy_explained"]
    assert rows["half"]["kind"] == "symmetric"
    assert answer["summary"]["vanished_meanwhile"] == 1
    assert report.out_of_policy(answer["summary"]) == 2
    assert "closed" in aws.sns.sent[0]["Message"]


@pytest.mark.parametrize(
    "operation", ["ListKeys", "ListAliases", "DescribeKey", "GetKeyRotationStatus", "ListKeyRotations"]
)
def test_nothing_is_written_under_permanent_throttling(aws: Aws, operation: str) -> None:
    for number in range(20):
        aws.kms.add(f"k{number}", period=100)
    aws.kms.fault = lambda asked, key: aws_error("ThrottlingException", asked) if asked == operation else None
    with pytest.raises(ClientError, match="ThrottlingException"):
        aws.run()
    assert (aws.s3.objects, aws.sns.sent) == ({}, [])


def test_nothing_is_written_without_enough_time(aws: Aws) -> None:
    aws.kms.add("k")
    config = report.Settings("bucket", "1", "arn:key", "arn:topic")
    with pytest.raises(NotEnoughTime, match="raise the function's timeout"):
        report.run(EVENT, config, aws.client, lambda: 10.0)
    assert aws.s3.objects == {}


def test_the_same_event_writes_the_same_bytes(aws: Aws) -> None:
    aws.kms.add("k", period=100, rotations="AO")
    aws.run()
    first = dict(aws.s3.objects)
    aws.run()
    assert aws.s3.objects == first
    assert all(a["ServerSideEncryption"] == "aws:kms" and a["SSEKMSKeyId"] == "arn:key" for a in aws.s3.arguments)
    assert {a["ExpectedBucketOwner"] for a in aws.s3.arguments} == {"123456789012"}
    odd: list[Any] = ["<aws.scheduler.scheduled-time>", "0001-01-01T00:00:00+14:00", "", 0, [], None]
    for wrong in odd:
        with pytest.raises(InvalidRequest):
            aws.run({"scheduled_at": wrong})
    assert aws.run({})["json"].startswith("reports/dt=")


def test_no_notice_without_a_finding_and_a_short_one_with_many(aws: Aws) -> None:
    aws.kms.add("k", period=100)
    aws.run()
    assert aws.sns.sent == []
    for number in range(30):
        aws.kms.add(f"off{number}")
    aws.run()
    lines = aws.sns.sent[0]["Message"].splitlines()
    assert len([line for line in lines if "Rotation is off" in line]) == 20
    assert "… and 10 more." in lines
    assert lines[-1] == f"All keys: s3://bucket/{BASE}.csv"


def test_formulas_in_descriptions_stay_text(aws: Aws) -> None:
    aws.kms.add("k", Description='=HYPERLINK("https://example.com")')
    aws.kms.add("j", Description='two\r\nlines, with "quotes"')
    aws.run()
    lines = list(csv.DictReader(io.StringIO(aws.s3.objects[f"{BASE}.csv"].decode(), newline="")))
    assert [line["description"] for line in lines] == [
        '\'=HYPERLINK("https://example.com")',
        'two\r\nlines, with "quotes"',
    ]
    assert tuple(lines[0]) == evidence.COLUMNS


@given(st.text(max_size=40), st.lists(st.text("abc/-_", min_size=1, max_size=8), max_size=3))
def test_any_text_survives_csv_and_json(description: str, aliases: list[str]) -> None:
    key = inventory.Key(
        "k", "arn", tuple(aliases), metadata("k", Description=description), {"KeyRotationEnabled": False}
    )
    whole = evidence.report([key], Policy(), 25, 1.0, NOW)
    assert json.loads(evidence.to_json(whole))["keys"][0]["description"] == description
    line = next(iter(csv.DictReader(io.StringIO(evidence.to_csv(whole["keys"]).decode(), newline=""))))
    assert line["description"] in (description, f"'{description}")
    assert not line["description"].startswith(("=", "+", "-", "@", "\t", "\r"))


def status(period: int | None) -> dict[str, Any]:
    return {"KeyRotationEnabled": period is not None, **({"RotationPeriodInDays": period} if period else {})}


REQUIRE, LIMIT = Policy("require", 365), Policy("limit", 365)


@pytest.mark.parametrize(
    ("policy", "period", "outcome"),
    [
        (REQUIRE, None, ("out_of_policy", "rotation_off")),
        (REQUIRE, 366, ("out_of_policy", "period_too_long")),
        (REQUIRE, 365, ("in_policy", "rotates")),
        (REQUIRE, 90, ("in_policy", "rotates")),
        (LIMIT, None, ("in_policy", "rotation_off")),
        (LIMIT, 2560, ("out_of_policy", "rotation_on")),
        (Policy("limit", 365, 1000), 999, ("out_of_policy", "period_too_short")),
        (Policy("limit", 365, 1000), 1000, ("in_policy", "rotates")),
    ],
)
def test_policies(policy: Policy, period: int | None, outcome: tuple[str, str]) -> None:
    verdict = judge(policy, metadata("k"), (), status(period), 80 * DAY)
    assert (verdict.status, verdict.reason) == outcome
    for name in ("k", metadata("k")["Arn"], "alias/x"):
        exempt = Policy(policy.mode, policy.max_period_days, policy.min_period_days, {name})
        assert judge(exempt, metadata("k"), ("alias/x",), status(period), 9000 * DAY).status == "exempt"


OLD = {"CreationDate": NOW - 1825 * DAY}


@pytest.mark.parametrize(
    ("rotations", "more", "outcome"),
    [
        ("", OLD, ("out_of_policy", "overdue", 1825, False)),  # rotation was enabled yesterday
        ("A", OLD, ("in_policy", "rotates", 100, True)),
        ("AAAAAA", OLD, ("in_policy", "rotates", 100, True)),  # the last one counts, not the first
        ("", {"CreationDate": NOW - 368 * DAY}, ("in_policy", "rotates", 368, True)),
        ("", {"CreationDate": NOW - 369 * DAY}, ("out_of_policy", "overdue", 369, False)),
        ("", {"CreationDate": NOW + DAY}, ("in_policy", "rotates", 0, True)),  # created after the report's time
        ("", {**OLD, "KeyState": "Disabled"}, ("in_policy", "rotates", 1825, True)),
    ],
)
def test_a_policy_is_kept_once_the_key_has_rotated(aws: Aws, rotations: str, more: Any, outcome: Any) -> None:
    aws.kms.add("k", period=365, rotations=rotations, **more)
    aws.run()
    row = aws.rows()["k"]
    assert tuple(row[c] for c in ("policy_status", "policy_reason", "material_age_days", "requirement_met")) == outcome
    assert (len(aws.sns.sent) == 1) == (outcome[1] == "overdue")
    if outcome[1] == "overdue":
        assert f"{outcome[2]} days old" in aws.sns.sent[0]["Message"]
    if more.get("KeyState") == "Disabled":
        assert "it is Disabled" in row["policy_explained"]
    aws.run(policy={"mode": "limit", "min_period_days": 90})
    row = aws.rows()["k"]
    assert (row["policy_status"], row["requirement_met"]) == ("in_policy", outcome[3])


def test_a_replicas_own_creation_says_nothing_about_its_material(aws: Aws) -> None:
    primary = {"Arn": "arn:aws:kms:eu-central-1:1:key/mrk-k", "Region": "eu-central-1"}
    config = {"MultiRegionKeyType": "REPLICA", "PrimaryKey": primary, "ReplicaKeys": []}
    aws.kms.add("mrk-k", period=100, MultiRegion=True, MultiRegionConfiguration=config)
    aws.run()
    row = aws.rows()["mrk-k"]
    assert (row["policy_status"], row["material_age_days"]) == ("in_policy", None)
    assert primary["Arn"] in row["policy_explained"]


@pytest.mark.parametrize("operation", ["DescribeKey", "GetKeyRotationStatus", "ListKeyRotations"])
@pytest.mark.parametrize("code", ["KMSInvalidStateException", "UnsupportedOperationException", "InvalidArnException"])
def test_a_key_that_kms_refuses_does_not_cost_the_others_evidence(aws: Aws, operation: str, code: str) -> None:
    for name in ("odd", "good"):
        aws.kms.add(name, period=100)
    error = aws_error(code, operation)
    aws.kms.fault = lambda asked, key: error if (asked, key) == (operation, "odd") else None
    aws.run()
    rows = aws.rows()
    assert (rows["good"]["policy_status"], rows["odd"]["policy_status"]) == ("in_policy", "unreadable")
    assert rows["odd"]["policy_explained"] == f"KMS refuses kms:{operation} for this key: {code}."
    assert "odd" in aws.sns.sent[0]["Message"]


def test_both_views_are_in_every_report(aws: Aws) -> None:
    """The report keeps the compliance columns in mode limit, and the cost columns in mode require."""
    aws.kms.add("on", period=200, rotations="AA")
    aws.kms.add("off")
    aws.run(policy={"mode": "limit", "max_period_days": 365})
    rows = aws.rows()
    assert {k: (r["policy_status"], r["requirement_met"], r["monthly_cost"]) for k, r in rows.items()} == {
        "on": ("out_of_policy", True, 3),
        "off": ("in_policy", False, 1),
    }
    aws.run(policy={"mode": "require"})
    assert {k: r["policy_status"] for k, r in aws.rows().items()} == {"on": "in_policy", "off": "out_of_policy"}
    assert json.loads(aws.s3.objects[f"{BASE}.json"])["summary"]["monthly_cost"] == 4


@pytest.mark.parametrize(("rotations", "price"), [(0, 1), (1, 2), (2, 3), (3, 3), (25, 3)])
def test_price_rule(rotations: int, price: float) -> None:
    assert cost.monthly(rotations, 1.0) == price
    assert cost.monthly(rotations, 1.0, billed=False) == 0
    assert cost.of_next_rotation(rotations, 1.0) == (1 if rotations < 2 else 0)


def test_next_year_is_prorated() -> None:
    assert cost.next_year(0, 1.0, None, None, NOW) == 12
    assert cost.next_year(2, 1.0, NOW + DAY, 90, NOW) == 36
    half = cost.next_year(0, 1.0, NOW + 182.5 * DAY, 365, NOW)
    assert half == pytest.approx(6 + 12)
    soon = cost.next_year(0, 1.0, NOW, 90, NOW)
    assert soon == pytest.approx(24 * 90 / 365 + 36 * 275 / 365)


def test_an_overdue_rotation_is_paid_from_now_on() -> None:
    """The announced date has passed: the price rises now, and the next rotation counts from that date."""
    late = cost.next_year(0, 1.0, NOW - 30 * DAY, 90, NOW)
    assert late == pytest.approx(24 * 60 / 365 + 36 * 305 / 365)
    assert cost.next_year(0, 1.0, NOW - 400 * DAY, 90, NOW) == 36  # two are due


@given(st.integers(0, 30), st.integers(90, 2560), st.integers(-10, 3000))
def test_next_year_lies_between_the_prices(rotations: int, period: int, days: int) -> None:
    found = cost.next_year(rotations, 1.0, NOW + days * DAY, period, NOW)
    assert 12 * cost.monthly(rotations, 1.0) - 1e-9 <= found <= 36 + 1e-9


def test_disabled_keys_keep_no_date(aws: Aws) -> None:
    aws.kms.add("k", period=100, KeyState="Disabled")
    aws.run()
    assert aws.rows()["k"]["next_rotation_at"] is None


def test_replicas_have_separate_rows(aws: Aws) -> None:
    primary = {"Arn": "arn:aws:kms:eu-central-1:1:key/mrk-k", "Region": "eu-central-1"}
    config = {"MultiRegionKeyType": "REPLICA", "PrimaryKey": primary, "ReplicaKeys": []}
    aws.kms.add("mrk-k", period=100, MultiRegion=True, MultiRegionConfiguration=config)
    aws.run()
    assert aws.rows()["mrk-k"]["multi_region"] == "REPLICA"
    assert keys.primary_arn(aws.kms.keys["mrk-k"]) == primary["Arn"]


def test_settings() -> None:
    environ = {"BUCKET": "b", "BUCKET_OWNER": "1", "KMS_KEY_ARN": "k", "TOPIC_ARN": "t"}
    loaded = settings.load(report.Settings, {**environ, "POLICY": '{"mode": "limit", "exempt": ["a"]}'})
    assert loaded.rules() == Policy("limit", exempt=frozenset({"a"}))
    for wrong in ('{"mode": "maybe"}', '{"no": 1}'):
        with pytest.raises(settings.SettingsError):
            settings.load(report.Settings, {**environ, "POLICY": wrong})


def test_handler(aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in {"BUCKET": "b", "BUCKET_OWNER": "1", "KMS_KEY_ARN": "k", "TOPIC_ARN": "t"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("common.clients.client", aws.client)
    aws.kms.add("k")
    context = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 900_000)
    assert report.handler({}, context)["summary"]["customer_keys"] == 1
    out = capsys.readouterr().out
    assert report.METRIC in out
    assert datetime.now(UTC).strftime("dt=%Y-%m-%d") in next(iter(aws.s3.objects))
