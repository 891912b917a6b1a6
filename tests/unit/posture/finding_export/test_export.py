"""Chunks of a run: first call, paging, pace, calls, resuming, continuing as a new execution, refusals."""

import json
import threading
from typing import Any

import pytest

from posture.finding_export import state as state_module
from posture.finding_export.errors import (
    HubNotEnabled,
    InvalidFilter,
    InvalidName,
    OverlappingRun,
    ResumeNotPossible,
    ServiceUnavailable,
    Throttled,
)

from .fakes import (
    ACTIVE,
    ARN,
    DT,
    Clock,
    Cloud,
    KillError,
    aws_error,
    config,
    event,
    exported,
    finding,
    findings,
    ids,
    lines,
    run,
)


def names(count: int) -> list[str]:
    return sorted(f"finding-{number}" for number in range(count))


def faults(*given: str | None, operation: str = "GetFindings") -> Any:
    """Return a fault for each of the first calls of `operation`."""
    left = list(given)
    return lambda called: left.pop(0) if called == operation and left else None


# --- a whole run


def test_whole_run() -> None:
    cloud = Cloud([*findings(250), finding(999, RecordState="ARCHIVED")])
    answer = run(cloud, event())
    assert (answer["done"], answer["continue_as_new"], answer["next_execution_name"]) == (True, False, None)
    assert (answer["exported"], answer["objects"]) == (250, 1)
    assert ids(cloud) == names(250)
    assert list(cloud.objects) == [f"findings/dt={DT}/run-000000.ndjson.gz", f"findings/runs/dt={DT}/run.json"]
    assert {(line["ExportRunId"], line["ExportedAt"]) for line in lines(cloud)} == {("run", "2026-11-20T23:59:30.250Z")}
    assert cloud.counter_values == ["0", "250"]
    assert cloud.lock["ExecutionArn"] == {"S": ARN + "run"}


def test_nothing_to_export() -> None:
    cloud = Cloud([])
    answer = run(cloud, event())
    assert (answer["done"], answer["exported"], answer["objects"]) == (True, 0, 0)
    assert (exported(cloud), cloud.counter_values) == ({}, ["0", "0"])
    assert manifests(cloud)[0]["Findings"] == 0, "a complete run, which is the latest one"


def test_ten_thousand_findings_take_at_most_105_calls() -> None:
    cloud = Cloud(findings(10_000))
    assert run(cloud, event())["exported"] == 10_000
    assert cloud.calls["GetFindings"] == 100
    assert cloud.calls == {"PutItem": 1, "PutParameter": 2, "GetFindings": 100, "PutObject": 2}
    assert cloud.calls.total() <= 105


def test_objects_and_state_go_on_over_chunks() -> None:
    cloud = Cloud(findings(450))
    answer = run(cloud, event(), pages=2)
    assert (answer["done"], answer["exported"], answer["objects"]) == (False, 200, 1)
    assert cloud.parameters["/export/count"] == "200"
    answer = run(cloud, event(state=answer["state"]), pages=2)
    assert (answer["done"], answer["exported"], answer["objects"]) == (False, 400, 2)
    answer = run(cloud, event(state=answer["state"]), pages=2)
    assert (answer["done"], answer["exported"], answer["objects"]) == (True, 450, 3)
    assert answer["state"]["iterations"] == 3
    assert ids(cloud) == names(450)
    assert cloud.calls["PutItem"] == 1
    assert cloud.counter_values == ["0", "200", "400", "450"]


def test_chunk_ends_when_its_time_is_over() -> None:
    cloud = Cloud(findings(3000))
    answer = run(cloud, event(), config(max_runtime_seconds=5))
    assert not answer["done"]
    assert cloud.calls["GetFindings"] == 5 * 3 + 1


def test_chunk_takes_a_page_however_late_it_is() -> None:
    cloud = Cloud(findings(300))
    answer = run(cloud, event(), pages=0)
    assert answer["exported"] == 100


def test_bytes_do_not_depend_on_the_try() -> None:
    one, two = Cloud(findings(250, per_moment=1)), Cloud(findings(250, per_moment=1))
    run(one, event())
    run(two, event(retry_count=2))
    assert one.objects == two.objects


# --- pace


def test_sustains_95_percent_of_the_quota() -> None:
    cloud = Cloud(findings(30_000), latency=0.25)
    run(cloud, event())
    times = cloud.sent_at
    assert len(times) == 300
    assert 0.95 * 3 <= 299 / (times[-1] - times[0]) <= 3.0 + 1e-9


def test_slows_down_while_the_hub_pushes_back() -> None:
    cloud = Cloud(findings(2000))
    cloud.retries = 1
    run(cloud, event())
    assert 19 / (cloud.sent_at[-1] - cloud.sent_at[0]) < 1.5


def test_next_page_is_fetched_while_one_is_written() -> None:
    """Writing the first page waits for the second request: without the prefetch it would wait forever."""
    cloud = Cloud(findings(200))
    second = threading.Event()
    get, put = cloud.client("securityhub").get_findings, cloud.client("s3").put_object

    def get_findings(**arguments: Any) -> Any:
        if "NextToken" in arguments:
            second.set()
        return get(**arguments)

    def put_object(**arguments: Any) -> Any:
        assert second.wait(20), "the second page was not asked for"
        return put(**arguments)

    cloud.client("securityhub").get_findings, cloud.client("s3").put_object = get_findings, put_object
    assert run(cloud, event(), config(object_bytes=1))["objects"] == 200


def test_one_page_ahead_and_no_more() -> None:
    """While the first page is written, a third request would mean a third page in memory."""
    cloud = Cloud(findings(500))
    put = cloud.client("s3").put_object
    ahead: list[int] = []

    def put_object(**arguments: Any) -> Any:
        threading.Event().wait(0.001)
        ahead.append(cloud.calls["GetFindings"] - len(ahead) // 100)
        return put(**arguments)

    cloud.client("s3").put_object = put_object
    run(cloud, event(), config(object_bytes=1, rate_limit=1000))
    assert max(ahead) == 2


# --- filters and input


def test_default_filters_come_from_the_state_machine() -> None:
    cloud = Cloud(findings(1))
    run(cloud, {**event(), "filters": '{"Id": [{"Value": "x", "Comparison": "EQUALS"}]}'})
    assert cloud.requests == [{"Id": [{"Value": "x", "Comparison": "EQUALS"}]}]


def test_filters_of_the_input_come_first_even_when_empty() -> None:
    cloud = Cloud([finding(1), finding(2, RecordState="ARCHIVED")])
    assert run(cloud, event(given={"filters": {}, "Comment": "all"}))["exported"] == 2
    assert cloud.requests == [{}]


def test_relative_dates_count_from_the_start_in_every_chunk() -> None:
    cloud = Cloud(findings(200))
    week = {"UpdatedAt": [{"DateRange": {"Value": 7, "Unit": "DAYS"}}]}
    answer = run(cloud, event(given={"filters": week}), pages=1)
    run(cloud, event(given={"filters": week}, state=answer["state"]))
    assert cloud.requests[0]["UpdatedAt"][0]["Start"] == "2026-11-13T23:59:30.250Z"
    assert cloud.requests[0] == cloud.requests[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"filters": {"Severity": []}}, "Did you mean"),
        ({"filters": "x"}, "must be an object"),
        ({"filter": ACTIVE}, "has the unknown key 'filter'; put filter attributes into \"filters\""),
        ({"Filters": ACTIVE}, "unknown key 'Filters'"),
        (ACTIVE, "unknown key 'RecordState'"),
        ({"ProductName": [], "Id": []}, "unknown keys 'Id', 'ProductName'"),
        ({"filters": ACTIVE, "WorkflowStatus": []}, "unknown key 'WorkflowStatus'"),
        ({"region": "eu-west-1"}, "unknown key 'region'"),
        ({"detail-type": "Scheduled Event", "source": "aws.events", "Region": []}, "unknown key 'Region'"),
        ({"filters": {}, "state": {"run_id": "x"}}, 'both "filters" and "state"'),
        ({"filters": {"WorkflowState": [{"Value": "NEW ", "Comparison": "EQUALS"}]}}, "begins or ends with a blank"),
        ({"state": {"run_id": "x"}}, "was not written by an export"),
        (["x"], "must be an object such as"),
    ],
)
def test_bad_input_is_refused_before_anything_is_touched(given: Any, message: str) -> None:
    cloud = Cloud(findings(1))
    with pytest.raises(InvalidFilter, match=message):
        run(cloud, event(given=given))
    assert cloud.calls.total() == 0


@pytest.mark.parametrize(
    "given",
    [
        None,
        {"Comment": "Insert your JSON here"},
        {"comment": "x", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn"},
        {"detail-type": "Scheduled Event", "source": "aws.scheduler", "version": "0", "region": "x", "detail": "{}"},
        {"filters": None, "state": None},
    ],
)
def test_what_a_console_or_an_event_adds_is_ignored(given: Any) -> None:
    assert run(Cloud(findings(1)), {**event(), "input": given})["exported"] == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("continuous", "the continuous export has this name"),
        ("_a", "begins with '_'"),
        (".a", "begins with '.'"),
    ],
)
def test_name_that_is_mistaken_or_hidden_is_refused_before_anything_is_touched(name: str, message: str) -> None:
    cloud = Cloud(findings(1))
    with pytest.raises(InvalidName, match=message):
        run(cloud, event(name))
    assert cloud.calls.total() == 0
    assert run(cloud, event(f"a-{name}"))["exported"] == 1


def test_filters_that_the_hub_refuses() -> None:
    cloud = Cloud([], fault=faults("InvalidInputException"))
    with pytest.raises(InvalidFilter, match="Security Hub refuses the filters: no"):
        run(cloud, event())


# --- lock and counter


def test_running_holder_refuses_a_second_run_and_keeps_the_counter() -> None:
    cloud = Cloud(findings(300))
    run(cloud, event("one"), pages=1)
    cloud.running = {ARN + "one"}
    with pytest.raises(OverlappingRun):
        run(cloud, event("two"))
    assert cloud.parameters["/export/count"] == "100"
    cloud.running = set()
    assert run(cloud, event("two"))["exported"] == 300


def test_function_that_outlives_its_stopped_execution_leaves_the_counter_alone() -> None:
    cloud = Cloud(findings(30_000))
    late: list[Any] = []

    def fault(operation: str) -> str | None:
        if operation == "GetFindings" and cloud.calls["GetFindings"] == 200:
            cloud.lock = {**cloud.lock, "RunId": {"S": "two"}}
            late.append(cloud.clock())
        return None

    cloud.fault = fault
    with pytest.raises(OverlappingRun, match="Another run has taken over"):
        run(cloud, event("one"))
    assert late
    assert cloud.counter_values == ["0"]


def redriven(name: str, state: Any = None, given: Any = None) -> dict[str, Any]:
    again = event(name, state, given=given)
    again["execution"]["redrive_count"] = 1
    return again


@pytest.mark.parametrize("second", ["running", "ended"])
def test_redrive_after_another_run_began_touches_nothing(second: str) -> None:
    cloud = Cloud(findings(450))
    first = run(cloud, event("one"), pages=1)  # Its execution fails after this chunk.
    run(cloud, event("two"), pages=2)
    cloud.running = {ARN + "one"} | ({ARN + "two"} if second == "running" else set())
    before = (dict(cloud.parameters), dict(cloud.objects), cloud.calls["GetFindings"])
    with pytest.raises(OverlappingRun, match="Another run has taken over"):
        run(cloud, redriven("one", first["state"]))
    assert (cloud.parameters, cloud.objects, cloud.calls["GetFindings"]) == before


def test_redrive_of_an_execution_that_continues_a_run_after_another_began_touches_nothing() -> None:
    cloud = Cloud(findings(450))
    first = run(cloud, event("one"), config(max_iterations=1), pages=1)
    cloud.lock = {**cloud.lock, "RunId": {"S": "two"}, "ExecutionArn": {"S": ARN + "two"}}
    before = dict(cloud.parameters)
    with pytest.raises(OverlappingRun, match="Another run has taken over"):
        run(cloud, redriven(first["next_execution_name"], given={"state": first["state"]}))
    assert (cloud.parameters, cloud.calls["GetFindings"]) == (before, 1)


def test_redrive_goes_on_where_no_other_run_began() -> None:
    cloud = Cloud(findings(450))
    first = run(cloud, event("one"), pages=1)
    assert run(cloud, redriven("one", first["state"]))["exported"] == 450
    assert ids(cloud) == names(450)


# --- manifest


def manifests(cloud: Cloud) -> list[dict[str, Any]]:
    return [json.loads(body) for key, body in cloud.objects.items() if "/runs/" in key]


def test_only_a_complete_run_has_a_manifest() -> None:
    cloud = Cloud(findings(150), fault=faults(None, None, "InternalException"))
    answer = run(cloud, event(), pages=1)
    assert manifests(cloud) == []
    run(cloud, event(state=answer["state"]))
    assert manifests(cloud) == [
        {
            "RunId": "run",
            "ExecutionArn": ARN + "run",
            "StartedAt": "2026-11-20T23:59:30.250Z",
            "Findings": 150,
            "Objects": 2,
            "Filters": '{"RecordState":[{"Value":"ACTIVE","Comparison":"EQUALS"}]}',
        }
    ]
    (put,) = [one for one in cloud.puts if "/runs/" in one["Key"]]
    assert put["ContentType"] == "application/json"


def test_run_that_lost_the_lock_writes_no_manifest() -> None:
    cloud = Cloud(findings(30_000))

    def fault(operation: str) -> str | None:
        if operation == "GetFindings" and cloud.calls["GetFindings"] == 250:
            cloud.lock = {**cloud.lock, "RunId": {"S": "two"}}
        return None

    cloud.fault = fault
    with pytest.raises(OverlappingRun):
        run(cloud, event("one"))
    assert manifests(cloud) == []


# --- retries


def test_killed_first_call_again() -> None:
    cloud = Cloud(findings(300), fault=faults(None, "kill"))
    with pytest.raises(KillError):
        run(cloud, event())
    answer = run(cloud, event(retry_count=1))
    assert (answer["exported"], ids(cloud)) == (300, names(300))


@pytest.mark.parametrize("how", [{"retry_count": 1}, {"redrive_count": 1}])
def test_objects_of_a_longer_interrupted_attempt_are_deleted_at_the_end(how: dict[str, int]) -> None:
    cloud = Cloud(findings(300), fault=faults(None, "kill_after", operation="PutParameter"))
    with pytest.raises(KillError):
        run(cloud, event(), config(object_bytes=1))
    assert len(exported(cloud)) == 300
    again = event(retry_count=how.get("retry_count", 0))
    again["execution"]["redrive_count"] = how.get("redrive_count", 0)
    answer = run(cloud, again, pages=1)
    assert len(exported(cloud)) == 300, "only the end of the run shows what is surplus"
    answer = run(cloud, event(state=answer["state"]))
    assert (answer["objects"], len(exported(cloud))) == (2, 2)
    assert ids(cloud) == names(300)


def test_without_retry_nothing_is_listed() -> None:
    cloud = Cloud(findings(300))
    run(cloud, event())
    assert cloud.calls["ListObjectsV2"] == 0


@pytest.mark.parametrize(
    ("code", "kind"), [("TooManyRequestsException", Throttled), ("InternalException", ServiceUnavailable)]
)
def test_hub_that_keeps_failing_ends_the_chunk_and_fails_only_its_first_page(code: str, kind: type[Exception]) -> None:
    cloud = Cloud(findings(300), fault=faults(None, None, code, code))
    answer = run(cloud, event())
    assert (answer["done"], answer["exported"]) == (False, 200)
    with pytest.raises(kind):
        run(cloud, event(state=answer["state"]))
    answer = run(cloud, event(state=answer["state"], retry_count=1))
    assert (answer["done"], ids(cloud)) == (True, names(300))


def test_hub_off() -> None:
    cloud = Cloud([], fault=faults("InvalidAccessException"))
    with pytest.raises(HubNotEnabled, match="enable it in this account and Region"):
        run(cloud, event())


def test_unexpected_errors_pass() -> None:
    cloud = Cloud([], fault=faults("AccessDeniedException"))
    with pytest.raises(type(aws_error("securityhub", "AccessDeniedException")), match="AccessDeniedException"):
        run(cloud, event())


# --- page tokens that are rejected


def test_walks_on_without_the_token() -> None:
    cloud = Cloud(findings(300), fault=faults(None, None, "expire"))
    answer = run(cloud, event())
    assert (answer["exported"], ids(cloud)) == (300, names(300))
    assert cloud.requests[-1]["CreatedAt"][0]["Start"] == "2026-01-01T00:01:06.000Z"
    assert answer["state"]["clip"] == "2026-01-01T00:01:06.000Z"


def test_walks_on_in_a_later_chunk_with_the_clipped_filters() -> None:
    cloud = Cloud(findings(500), fault=faults(None, "expire"))
    answer = run(cloud, event(), pages=3)
    assert not answer["done"]
    answer = run(cloud, event(state=answer["state"]))
    assert (answer["done"], ids(cloud)) == (True, names(500))
    assert cloud.calls["GetFindings"] == 1 + 1 + 5, "the token of the clipped walk was still good"


def test_more_of_one_moment_than_the_state_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "MAX_IDS", 150)
    same = [finding(number) for number in range(400)]
    assert run(Cloud(same), event())["exported"] == 400
    with pytest.raises(ResumeNotPossible, match="more than 150 findings were created at 2026-01-01T00:00:00"):
        run(Cloud(same, fault=faults(None, None, "expire")), event())


def test_hub_that_refuses_every_token_ends_in_an_error() -> None:
    same = [finding(number) for number in range(400)]
    cloud = Cloud(same)

    def fault(operation: str) -> str | None:
        return "expire" if operation == "GetFindings" else None

    cloud.fault = fault
    cloud._random.shuffle = lambda x: None  # type: ignore[method-assign]
    with pytest.raises(ResumeNotPossible, match="refused its own page tokens 11 times in a row"):
        run(cloud, event())


# --- continue as new


NEXT = "-8466db51-"


def test_continues_as_new() -> None:
    cloud = Cloud(findings(500))
    answer = run(cloud, event("run"), config(max_iterations=2), pages=1)
    assert not answer["continue_as_new"]
    answer = run(cloud, event("run", answer["state"]), config(max_iterations=2), pages=1)
    assert (answer["done"], answer["continue_as_new"]) == (False, True)
    following = f"run{NEXT}1"
    assert answer["next_execution_name"] == following
    assert cloud.lock["ExecutionArn"] == {"S": ARN + following}
    assert cloud.lock["HandedOverBy"] == {"S": ARN + "run"}
    assert (answer["state"]["generation"], answer["state"]["iterations"]) == (1, 0)

    cloud.running = {ARN + following}
    answer = run(cloud, event(following, given={"state": answer["state"]}), config(max_iterations=2))
    assert (answer["done"], answer["continue_as_new"]) == (True, False)
    assert ids(cloud) == names(500)
    assert all(key.startswith(f"findings/dt={DT}/run-00000") for key in exported(cloud))
    assert cloud.counter_values == ["0", "100", "200", "500"], "reset once in a run"


def test_third_generation_is_named_after_the_run() -> None:
    cloud = Cloud(findings(500))
    answer = run(cloud, event("run"), config(max_iterations=1), pages=1)
    answer = run(cloud, event(f"run{NEXT}1", given={"state": answer["state"]}), config(max_iterations=1), pages=1)
    assert answer["next_execution_name"] == f"run{NEXT}2"
    assert answer["state"]["execution_arn"] == f"{ARN}run{NEXT}2"


def test_next_names_of_runs_that_begin_alike_differ() -> None:
    following = [
        run(Cloud(findings(500)), event("n" * 79 + last), config(max_iterations=1), pages=1)["next_execution_name"]
        for last in "ab"
    ]
    assert [len(name) for name in following] == [80, 80]
    assert following[0][:69] == following[1][:69] == "n" * 69
    assert len(set(following)) == 2


def test_last_chunk_does_not_continue() -> None:
    answer = run(Cloud(findings(100)), event(), config(max_iterations=1))
    assert (answer["done"], answer["continue_as_new"]) == (True, False)


def test_answer_is_small() -> None:
    answer = run(Cloud(findings(5000, per_moment=5000)), event(), pages=45)
    assert 40_000 < len(json.dumps(answer)) < 64 * 1024


def test_clock_is_not_the_real_one() -> None:
    clock = Clock()
    run(Cloud(findings(1000), clock=clock), event())
    assert clock() == pytest.approx(1000 + 9 / 3)
