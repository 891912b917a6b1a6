"""Silent devices: found by group, named once, with the coverage in the report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from common import clients
from data.device_telemetry import watch
from data.device_telemetry.errors import NothingRead
from data.device_telemetry.states import GROUPS, group
from tests.unit.data.device_telemetry.events import Dynamo, refusal

CONTEXT = SimpleNamespace(aws_request_id="r")
ENVIRONMENT = {
    "TABLE": "states",
    "INDEX": "by-last-reading",
    "SILENT_MINUTES": "15",
    "TOPIC_ARN": "arn:topic",
    "BUCKET": "reports",
    "BUCKET_OWNER": "111122223333",
    "REPORT_KEY": "reports/silent-devices.json",
    "MOST": "3",
}


class Cloud(Dynamo):
    """DynamoDB, S3 and SNS. `refuses` makes SNS refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.report: dict[str, Any] = {}
        self.sent: list[dict[str, Any]] = []
        self.refuses = False

    def put_object(self, **asked: Any) -> None:
        """Keep the report."""
        assert (asked["Key"], asked["ExpectedBucketOwner"]) == ("reports/silent-devices.json", "111122223333")
        self.report = json.loads(asked["Body"])

    def publish(self, **asked: Any) -> None:
        """Keep the notice."""
        if self.refuses:
            raise refusal("AuthorizationError")
        self.sent.append(asked)

    def device(self, name: str, minutes: float, known: bool = False) -> None:
        """Add a device with a reading so many minutes ago."""
        at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="microseconds")
        item = {"device_id": {"S": name}, "watch_group": {"S": group(name)}, "event_time": {"S": at}}
        self.items[name] = item | ({"silent_since": {"S": at}} if known else {})


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    found = Cloud()
    monkeypatch.setattr(clients, "client", lambda *_, **__: found)
    return found


def run() -> dict[str, Any]:
    return watch.handler({}, CONTEXT)


def test_a_silent_device_is_named_once(cloud: Cloud) -> None:
    cloud.device("quiet", 16)
    cloud.device("talks", 14)
    report = run()
    assert {name: report[name] for name in ("devices", "reporting", "silent", "new", "groups")} == {
        "devices": 2,
        "reporting": 1,
        "silent": 1,
        "new": 1,
        "groups": GROUPS,
    }
    assert [one["device_id"] for one in cloud.report["newly_silent"]] == ["quiet"]
    assert cloud.sent[0]["Subject"] == "Silent devices: 1 new"
    assert "quiet, last reading" in cloud.sent[0]["Message"]
    assert "talks" not in cloud.sent[0]["Message"]
    again = run()
    assert (again["silent"], again["new"], len(cloud.sent), cloud.report["newly_silent"]) == (1, 0, 1, [])


def test_all_silent_points_at_the_pipeline(cloud: Cloud) -> None:
    cloud.device("a", 20)
    cloud.device("b", 20, known=True)
    run()
    assert "the cause can be the pipeline" in cloud.sent[0]["Message"]


def test_no_device_is_no_notice(cloud: Cloud) -> None:
    assert run()["devices"] == 0
    assert not cloud.sent


def test_one_run_names_a_limited_number_and_the_next_goes_on(cloud: Cloud) -> None:
    for number in range(5):
        cloud.device(f"d{number}", 20)
    first, second = run(), run()
    assert [(one["new"], one["new_for_next_run"], one["silent"]) for one in (first, second)] == [(3, 2, 5), (2, 0, 5)]
    assert (cloud.sent[0]["Subject"], cloud.sent[1]["Subject"]) == ("Silent devices: 5 new", "Silent devices: 2 new")


def test_a_notice_names_fifty(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOST", "1000")
    for number in range(60):
        cloud.device(f"d{number}", 20)
    run()
    assert cloud.sent[0]["Message"].count("last reading") == 50
    assert "and 10 more" in cloud.sent[0]["Message"]


def test_all_pages_are_read(cloud: Cloud) -> None:
    cloud.page = 1
    for number in range(40):
        cloud.device(f"d{number}", 20, known=True)
        cloud.device(f"t{number}", 1)
    assert (run()["silent"], run()["reporting"]) == (40, 40)


def test_a_group_that_cannot_be_read_is_a_row_of_the_report(cloud: Cloud) -> None:
    cloud.errors = {group("quiet"): refusal("ThrottlingException")}
    cloud.device("quiet", 20)
    report = run()
    assert (report["groups_unread"], report["silent"]) == ({group("quiet"): "ThrottlingException"}, 0)
    assert cloud.report["groups_unread"] == report["groups_unread"]


def test_no_group_read_is_an_error_after_the_report(cloud: Cloud) -> None:
    cloud.errors = {f"{number:02}": refusal("AccessDeniedException") for number in range(GROUPS)}
    with pytest.raises(NothingRead, match="AccessDeniedException"):
        run()
    assert len(cloud.report["groups_unread"]) == GROUPS


def test_a_notice_that_fails_is_tried_again(cloud: Cloud) -> None:
    cloud.device("quiet", 20)
    cloud.refuses = True
    with pytest.raises(Exception, match="AuthorizationError"):
        run()
    cloud.refuses = False
    assert run()["new"] == 1
    assert len(cloud.sent) == 1


def test_a_device_that_sends_in_the_meantime_is_not_marked(cloud: Cloud) -> None:
    cloud.device("back", 20)

    def publish(**_: Any) -> None:
        cloud.device("back", 0)

    cloud.publish = publish  # type: ignore[method-assign]
    run()
    assert "silent_since" not in cloud.items["back"]
