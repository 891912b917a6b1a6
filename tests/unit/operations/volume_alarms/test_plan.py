"""Which alarms an instance gets: dimensions, tiers, devices that move, drives that go, rows that get none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.volume_alarms import alarms
from operations.volume_alarms.alarms import Alarm
from operations.volume_alarms.metrics import Ignored, rows
from operations.volume_alarms.plan import Tier, candidates

from .world import (
    GIB,
    ID,
    IGNORED,
    KINDS,
    NOW,
    POLICY,
    PREFIX,
    applied,
    as_described,
    instance,
    linux,
    planned,
    row,
    windows,
)


def watched(made: Any) -> list[tuple[str, str, float]]:
    return [(one.metric, one.comparison, one.threshold) for one in made.put]


def test_four_drives_get_eight_alarms() -> None:
    made = planned([windows("C:", 80), windows("D:", 500), windows("E:", 100), windows("F:", 2000)])
    assert (len(made.put), made.drives, made.coverage) == (8, 4, "with_metrics")
    percent = [("FreeStorageSpaceInPercent", "LessThanThreshold", limit) for limit in (20, 10)]
    megabytes = [("FreeStorageSpaceInMB", "LessThanThreshold", limit) for limit in (20480, 10240)]
    assert watched(made) == [*percent, *megabytes, *percent, *megabytes]
    assert [one.actions for one in made.put[:2]] == [("arn:warn",), ("arn:crit", "arn:page")]


@pytest.mark.parametrize(
    "dimensions",
    [
        {
            "AutoScalingGroupName": "web",
            "ImageId": "ami-1",
            "InstanceType": "t3.large",
            "path": "/data-1",
            "device": "nvme1n1",
            "fstype": "xfs",
        },
        {"instance": "D:", "objectname": "LogicalDisk"},
        {"path": "/", "host": "ip-10-0-0-1", "team": "a - b"},
    ],
)
def test_the_dimensions_are_those_that_are_listed(dimensions: dict[str, str]) -> None:
    listed = {"InstanceId": ID, **dimensions}
    metric = {
        "Namespace": "My-Team/Agent",
        "MetricName": "disk_used_percent",
        "Dimensions": [{"Name": name, "Value": value} for name, value in listed.items()],
    }
    (found,), _ = rows([metric], KINDS)
    made = planned([replace(found, points={"used_percent": linux("/").points["used_percent"]})])
    for one in made.put:
        arguments = one.arguments(True, {})
        assert {d["Name"]: d["Value"] for d in arguments["Dimensions"]} == listed
        assert arguments["Namespace"] == "My-Team/Agent"


def test_alarms_move_with_the_device_under_the_same_names() -> None:
    old, new = linux("/data", ago=120, device="nvme1n1"), linux("/data", ago=1, device="nvme2n1")
    before = applied(planned([linux("/data", device="nvme1n1")]))
    made = planned([old, new], before)
    assert [dict(one.dimensions)["device"] for one in made.put] == ["nvme2n1", "nvme2n1"]
    assert {one.name for one in made.put} == {one.name for one in before}
    assert (made.delete, made.kept) == ({}, 0)
    assert planned([old, new], applied(made, before)).put == []


def test_alarms_move_in_the_first_run_that_sees_the_new_device() -> None:
    before = applied(planned([linux("/data", device="nvme1n1")]))
    made = planned([linux("/data", ago=6, device="nvme1n1"), linux("/data", ago=1, device="nvme2n1")], before)
    assert len(made.put) == 2
    assert made.delete == {}


def test_of_two_rows_at_the_same_time_the_one_with_alarms_stays() -> None:
    both = [linux("/data", device="a"), linux("/data", ago=3, device="b")]
    for kept in both:
        before = applied(planned([kept]))
        assert planned(both, before).put == []
        assert planned(both[::-1], before).put == []


def test_existing_fleets_without_a_device_work() -> None:
    made = planned([linux("/data")])
    assert "device" not in dict(made.put[0].dimensions)
    assert len(made.put) == 2


def test_a_specific_row_is_chosen_rather_than_an_aggregate_of_it() -> None:
    made = planned([row({"path": "/"}, used_percent=50), linux("/", device="a")])
    assert {dict(one.dimensions).get("device") for one in made.put} == {"a"}


SKIPPED = [
    (row({"path": "/snap/core/1", "fstype": "squashfs"}, used_percent=100), "file_system"),
    (row({"path": "/merged", "fstype": "Overlay"}, used_percent=1), "file_system"),
    (row({"path": "/run", "fstype": "tmpfs"}, used_percent=1), "file_system"),
    (row({"path": "/run/user/1", "fstype": "xfs"}, used_percent=1), "ignored_drive"),
    (row({"path": "/snap", "device": "loop12"}, used_percent=100), "loop_device"),
    (row({}, free_percent=50), "aggregate"),
    (windows("_Total"), "ignored_drive"),
    (windows("HarddiskVolume1"), "no_drive_letter"),
    (windows("C:\\Data"), "no_drive_letter"),
    (linux("/old", ago=None), "no_recent_data"),
]


def test_rows_that_are_no_drive_get_no_alarm_and_are_counted() -> None:
    made = planned([one for one, _ in SKIPPED] + [windows("C:"), linux("/")])
    assert {one.drive for one in made.put} == {"C:", "/"}
    assert len(made.put) == 4
    assert dict(made.skipped) == {
        reason: sum(each == reason for _, each in SKIPPED) for reason in {r for _, r in SKIPPED}
    }


def test_a_folder_mount_is_included_by_choice() -> None:
    policy = replace(POLICY, ignored=replace(IGNORED, included=("c:\\data",)))
    made = planned([windows("C:\\Data"), windows("HarddiskVolume1")], policy=policy)
    assert {one.drive for one in made.put} == {"C:\\Data"}


def test_a_drive_that_is_ignored_from_now_on_loses_its_alarms() -> None:
    before = applied(planned([linux("/scratch"), linux("/")]))
    policy = replace(POLICY, ignored=Ignored(drives=("/scratch",)))
    made = planned([linux("/scratch"), linux("/")], before, policy=policy)
    assert list(made.delete.values()) == ["ignored", "ignored"]
    assert made.put == []


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_a_terminated_instance_loses_its_alarms(state: str) -> None:
    before = applied(planned([windows("C:")]))
    made = planned([windows("C:")], before, found=instance(state))
    assert (set(made.delete.values()), made.put, made.coverage) == ({"instance_terminated"}, [], "gone")


def test_an_instance_that_ec2_does_not_know_loses_its_alarms() -> None:
    assert len(planned([], applied(planned([windows("C:")])), unknown=True).delete) == 2


@pytest.mark.parametrize("state", ["pending", "stopping", "stopped"])
def test_an_instance_that_does_not_run_keeps_its_alarms(state: str) -> None:
    made = planned([], applied(planned([windows("C:")])), found=instance(state))
    assert (made.delete, made.put, made.kept, made.coverage) == ({}, [], 2, "not_running")


def test_selection_by_name_and_tags() -> None:
    before = applied(planned([windows("C:")]))
    for policy in (
        replace(POLICY, names=("db-*",)),
        replace(POLICY, tags={"Stage": "prod"}),
        replace(POLICY, names=("web ??",)),
        replace(POLICY, names=("web[ ]1",)),
    ):
        made = planned([windows("C:")], before, policy=policy)
        assert (set(made.delete.values()), made.coverage) == ({"not_selected"}, "not_selected")
    for policy in (replace(POLICY, names=("WEB*", "x")), replace(POLICY, names=("web ?",), tags={"Name": "web 1"})):
        assert planned([windows("C:")], before, policy=policy).delete == {}


def test_a_drive_is_gone_only_after_the_stated_time() -> None:
    before = applied(planned([windows("C:"), windows("D:")]))
    left = [windows("C:")]
    gone = {"D:": NOW - timedelta(hours=25)}
    assert set(planned(left, before, last=gone).delete.values()) == {"drive_gone"}
    assert len(planned(left, before, last={}).delete) == 2  # no value in the whole time
    assert planned(left, before, last={"D:": NOW - timedelta(hours=23)}).kept == 2
    # It has been off in between, so the other drives may only have come back earlier.
    assert planned(left, before, found=instance(hours=2), last=gone).kept == 2
    # Nothing is published: it is the agent that is gone.
    assert planned([], before, last=gone).kept == 4


def test_an_agent_that_publishes_nothing_is_reported_and_no_alarm_removed() -> None:
    made = planned([], applied(planned([windows("C:")])))
    assert (made.coverage, made.delete) == ("without_metrics", {})
    assert planned([], found=instance(hours=0.2)).coverage == "waiting"
    assert planned([windows("_Total")]).coverage == "without_metrics"


def test_a_second_plan_writes_nothing() -> None:
    drives = [windows("C:", 80), windows("D:", 500), linux("/", 20), linux("/big", 4000)]
    before = applied(planned(drives))
    made = planned(drives, before)
    assert (made.put, made.delete, made.unchanged) == ([], {}, 8)
    again = [Alarm.of(as_described(one)) for one in before]
    assert planned(drives, again).put == []


@pytest.mark.parametrize(
    "changed",
    [
        {"Threshold": 11.0},
        {"Statistic": "Maximum"},
        {"Period": 60},
        {"EvaluationPeriods": 2},
        {"DatapointsToAlarm": 3},
        {"TreatMissingData": "breaching"},
        {"AlarmActions": []},
        {"OKActions": []},
        {"InsufficientDataActions": ["arn:x"]},
        {"ComparisonOperator": "LessThanOrEqualToThreshold"},
        {"Metrics": [{"Id": "m1"}], "MetricName": None, "Dimensions": []},
        {"AlarmDescription": ""},
        {"Unit": "Bytes"},
        {"ExtendedStatistic": "p90", "Statistic": None},
        {"Namespace": "Other"},
        {"Dimensions": [{"Name": "InstanceId", "Value": ID}]},
    ],
    ids=str,
)
def test_an_alarm_that_someone_changed_is_written_again(changed: dict[str, Any]) -> None:
    before = applied(planned([windows("C:")]))
    present = [Alarm.of(as_described(before[0], **changed)), before[1]]
    made = planned([windows("C:")], present)
    assert [one.name for one in made.put] == [before[0].name]
    assert made.delete == {}


def test_actions_that_an_operator_disabled_stay_disabled() -> None:
    before = [replace(one, enabled=False) for one in applied(planned([windows("C:")]))]
    assert planned([windows("C:")], before).put == []


def test_an_alarm_under_the_prefix_that_is_no_drives_is_removed() -> None:
    odd = Alarm.of({"AlarmName": f"{PREFIX}{ID} x", "Dimensions": [{"Name": "InstanceId", "Value": ID}]})
    other = replace(applied(planned([windows("C:")]))[0], name=f"{PREFIX}{ID} C: 0 warning")
    made = planned([windows("C:")], [odd, other])
    assert made.delete == {odd.name: "unknown_drive", other.name: "renamed"}


def test_a_full_drive_keeps_its_tier() -> None:
    before = applied(planned([windows("D:", 500)]))
    made = planned([windows("D:", 500, free=0)], before)
    assert (made.put, made.unchanged) == ([], 2)
    assert watched(planned([windows("D:", 500, free=0)]))[0][0] == "FreeStorageSpaceInPercent"


def test_a_size_near_the_limit_does_not_change_the_tier_back_and_forth() -> None:
    small, large = applied(planned([linux("/", 99)])), applied(planned([linux("/", 101)]))
    for size in (98.5, 99.9, 100.1, 101.5):
        assert planned([linux("/", size)], small).put == []
        assert planned([linux("/", size)], large).put == []
    assert len(planned([linux("/", 103)], small).put) == 2
    assert len(planned([linux("/", 97)], large).put) == 2


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ({"used_percent": 50}, ("disk_used_percent", "GreaterThanThreshold", 80)),
        ({"free_percent": 50}, ("FreeStorageSpaceInPercent", "LessThanThreshold", 20)),
        ({"free_megabytes": 5e5}, ("FreeStorageSpaceInMB", "LessThanThreshold", 20480)),
        ({"free_bytes": 5e9}, ("disk_free", "LessThanThreshold", 20480 * 1024**2)),
        ({"used_percent": 50, "total_bytes": 200 * GIB}, ("disk_used_percent", "GreaterThanThreshold", 90.0)),
        ({"free_bytes": 5 * GIB, "total_bytes": 10 * GIB}, ("disk_free", "LessThanThreshold", 2 * GIB)),
        ({"used_percent": 100, "free_bytes": 0}, ("disk_used_percent", "GreaterThanThreshold", 80)),
    ],
)
def test_a_drive_is_watched_with_the_metrics_that_it_has(
    published: dict[str, float], expected: tuple[str, str, float]
) -> None:
    assert watched(planned([row({"path": "/"}, 1, **published)]))[0] == pytest.approx(expected)


def test_a_drive_with_only_its_size_is_counted_and_keeps_alarms() -> None:
    before = applied(planned([linux("/")]))
    made = planned([row({"path": "/"}, total_bytes=1e9)], before)
    assert (made.put, made.delete, made.kept, made.skipped["no_usable_metric"]) == ([], {}, 2, 1)


@given(st.floats(min_value=0.001, max_value=1e6), st.lists(st.integers(1, 10**5), max_size=5, unique=True))
def test_the_tier_of_a_size_is_the_first_that_it_fits(size: float, limits: list[int]) -> None:
    tiers = [Tier("percent", 20, 10, up_to_gib=limit) for limit in sorted(limits)] + [Tier("megabytes", 2, 1)]
    first = candidates(tiers, size)[0]
    assert first == next(tier for tier in tiers if tier.up_to_gib is None or size <= tier.up_to_gib)


@given(st.text(max_size=400))
def test_names_are_safe_and_short(drive: str) -> None:
    name = alarms.name(f"{'p' * 40}-volume-alarms.", ID, drive, "critical")
    assert len(name) <= 255
    assert name.isascii()
    assert name.isprintable()
    assert name == name.strip()


@given(st.lists(st.text(st.sampled_from("ab/ _:é"), max_size=5), min_size=2, max_size=2, unique=True))
def test_two_drives_have_two_names(drives: list[str]) -> None:
    one, other = (alarms.name(PREFIX, ID, drive, "warning") for drive in drives)
    assert one != other


DRIVES = st.sampled_from(
    [
        windows("C:"),
        windows("D:", 500),
        windows("_Total"),
        linux("/", 20),
        linux("/data", 900, device="a"),
        linux("/data", 900, ago=60, device="b"),
        linux("/x", ago=None),
        row({}, free_percent=1),
        linux("/run/a"),
    ]
)


@given(
    st.lists(DRIVES, unique_by=lambda one: one.dimensions),
    st.lists(DRIVES, unique_by=lambda one: one.dimensions),
    st.sampled_from(["running", "stopped", "terminated"]),
    st.floats(0, 100),
)
def test_any_history_converges_in_one_run(first: Any, then: Any, state: str, hours: float) -> None:
    before = applied(planned(first))
    found = instance(state, hours=hours)
    made = planned(then, before, found=found)
    after = applied(made, before)
    assert not {one.name for one in made.put} & set(made.delete)
    again = planned(then, after, found=found)
    assert (again.put, again.delete) == ([], {})
    listed = {one.dimensions for one in [*first, *then]}
    assert all(one.dimensions in listed for one in after)
