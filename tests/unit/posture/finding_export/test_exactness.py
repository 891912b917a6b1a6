"""Whatever fails, and whenever, the objects hold each finding exactly once and the counter has their number."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posture.finding_export.errors import Transient

from .fakes import ACTIVE, Cloud, KillError, config, event, exported, finding, ids, lines, run

FAULTS = ["expire", "kill", "kill_after", "TooManyRequestsException", "InternalException"]
OBJECTS = ("kill", "kill_after", "SlowDown")

# Few different times, so that many findings share one; two spellings of each, and digits below the millisecond.
MOMENTS = [f"2026-01-0{day}T00:00:00.{fraction}Z" for day in range(1, 4) for fraction in ("000", "000500", "001")]
RANGES = [
    None,
    [{"Start": "2026-01-02T00:00:00Z", "End": "2026-01-02T12:00:00Z"}],
    [
        {"Start": "2026-01-01T00:00:00.001Z", "End": "2026-01-02T00:00:00Z"},
        {"Start": "2026-01-03T00:00:00Z", "End": "2026-01-04T00:00:00Z"},
    ],
    [{"DateRange": {"Value": 3650, "Unit": "DAYS"}}],
]


def until_done(cloud: Cloud, sizes: list[int], given: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Do what the state machine does: call, retry with the same state, continue, continue as a new execution."""
    name, state, retries, attempts = "run", None, 0, 0
    while True:
        attempts += 1
        assert attempts < 500, "the run does not end"
        pages = sizes[attempts % len(sizes)]
        try:
            answer = run(cloud, event(name, state, retries, given), config(**changes), pages)
        except (KillError, Transient):
            retries += 1
            continue
        state, retries = answer["state"], 0
        if answer["done"]:
            return answer
        if answer["continue_as_new"]:
            name, given, state = answer["next_execution_name"], {"state": answer["state"]}, None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_nothing_lost_nothing_twice(data: st.DataObject) -> None:
    created = data.draw(st.lists(st.sampled_from(MOMENTS), max_size=40), label="created")
    archived = data.draw(st.sets(st.integers(0, 39)), label="archived")
    stored = [
        finding(n, at, RecordState="ARCHIVED" if n in archived else "ACTIVE", Title=f"{n}" * 50)
        for n, at in enumerate(created)
    ]
    hub_faults = data.draw(st.lists(st.sampled_from([None, None, *FAULTS]), max_size=12), label="hub faults")
    other_faults = data.draw(st.lists(st.sampled_from([None, None, *OBJECTS]), max_size=6), label="other faults")

    def fault(operation: str) -> str | None:
        if operation == "GetFindings":
            return hub_faults.pop() if hub_faults else None
        if operation == "PutObject":
            return other_faults.pop() if other_faults else None
        return None

    cloud = Cloud(stored, page_size=data.draw(st.integers(1, 7), label="page size"), fault=fault)
    ranges = data.draw(st.sampled_from(RANGES), label="ranges")
    filters = {**ACTIVE, "CreatedAt": ranges} if ranges else ACTIVE
    answer = until_done(
        cloud,
        data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4), label="pages per chunk"),
        {"filters": filters},
        max_iterations=data.draw(st.integers(1, 4), label="iterations"),
        object_bytes=data.draw(st.sampled_from([1, 10**6]), label="object size"),
    )

    resolved = answer["state"]["filters"]
    truth = sorted(entry["Id"] for entry in _matching(stored, resolved))
    assert ids(cloud) == truth
    assert cloud.parameters["/export/count"] == str(len(truth)) == str(answer["exported"])
    assert len(exported(cloud)) == answer["objects"]
    assert {line["ExportRunId"] for line in lines(cloud)} <= {"run"}


def _matching(stored: list[dict[str, Any]], filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Filter in another way than the fake hub does: compare the times written out in full."""

    def spelt(text: str) -> str:
        head, _, fraction = text.rstrip("Z").partition(".")
        return f"{head}.{fraction:0<9}"

    return [
        entry
        for entry in stored
        if entry["RecordState"] == "ACTIVE"
        and (
            "CreatedAt" not in filters
            or any(
                spelt(one["Start"]) <= spelt(entry["CreatedAt"]) <= spelt(one["End"]) for one in filters["CreatedAt"]
            )
        )
    ]
