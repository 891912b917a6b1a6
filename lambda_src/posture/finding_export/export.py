"""Step Functions task: export one chunk (about ten minutes). The state machine repeats it until the run is done.

Event:  {"execution": {"arn", "name", "started_at"[, "redrive_count"]}, "retry_count": n,
         "filters": the module's filters in GetFindings' shape, as JSON text,
         "input": the execution's input: {"filters": ...} in GetFindings' shape, or {"state": ...} to continue,
         "state": null at first, then the state that the last call returned}
Answer: {"done", "continue_as_new", "next_execution_name", "state", "exported", "objects"}

The same event may arrive any number of times: the result depends only on the execution and the position.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common import clients, observability, settings
from common.pacing import Pacer

from . import filters, lock
from .continuous import RUN_ID as CONTINUOUS
from .errors import InvalidFilter, InvalidName, translated
from .objects import Destination, Writer, record
from .state import State
from .timestamps import canonical
from .walk import keep_every_attribute, walk

RESERVE_SECONDS = 60  # for the last page and object
CHECK_AFTER_SECONDS = 60
MAX_NAME = 80  # of an execution

# Keys of an execution's input: those that the export reads, what a console or a caller may add, and the envelope of an
# EventBridge event that starts the state machine.
_OWN = frozenset({"filters", "state"})
_IGNORED = frozenset({"Comment", "comment", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"})
_ENVELOPE = frozenset(
    {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail", "replay-name"}
)

CHUNK_STARTED = "chunk started"
CHUNK_ENDED = "chunk ended"
SURPLUS_DELETED = "surplus objects of an interrupted attempt deleted"
METRIC = "FindingsExported"


@dataclass(frozen=True)
class Settings:
    """The settings from the environment: sizes in bytes, times in seconds, RATE_LIMIT in requests a second."""

    bucket: str
    lock_table: str
    count_parameter: str
    prefix: str = "findings/"
    bucket_owner: str | None = None
    kms_key_arn: str | None = None
    rate_limit: float = 3.0
    max_runtime_seconds: int = 600
    max_iterations: int = 1000
    object_bytes: int = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        for name in ("rate_limit", "max_runtime_seconds", "max_iterations", "object_bytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name.upper()} must be above 0")


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Run one chunk and log its progress."""
    log = observability.begin(context, execution=event["execution"]["name"])
    log.info(CHUNK_STARTED, extra={"retry_count": event["retry_count"], "first": event["state"] is None})
    keep_every_attribute(clients.client("securityhub"))
    answer = run(event, settings.load(Settings), clients.client, lambda: context.get_remaining_time_in_millis() / 1000)
    log.info(CHUNK_ENDED, extra={key: answer[key] for key in ("done", "exported", "objects")})
    return answer


def run(
    event: Mapping[str, Any],
    config: Settings,
    client: Callable[[str], Any],
    seconds_left: Callable[[], float],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Run one chunk. Raise the errors of `errors`; SettingsError and unexpected AWS errors pass unchanged."""
    began = clock()
    execution = event["execution"]
    state = _state(event, config, client)
    state.retried |= event["retry_count"] > 0 or execution.get("redrive_count", 0) > 0
    before = state.exported

    destination = Destination(client("s3"), config.bucket, config.prefix, config.bucket_owner, config.kms_key_arn)
    writer = Writer(
        lambda part, body: destination.put(destination.run_key(state.dt, state.run_id, part), body),
        state.parts,
        config.object_bytes,
    )

    def time_is_up() -> bool:
        return clock() - began >= config.max_runtime_seconds or seconds_left() < RESERVE_SECONDS

    for findings in walk(client("securityhub"), state, pacer(config.rate_limit, clock, sleep), time_is_up):
        for finding in findings:
            writer.add(record(finding, state.run_id, state.started_at))
        state.exported += len(findings)
    writer.flush()
    state.parts = writer.part
    state.iterations += 1
    if state.done and state.retried:
        deleted = destination.delete_surplus(state.dt, state.run_id, state.parts)
        observability.logger().info(SURPLUS_DELETED, extra={"deleted": deleted})

    if clock() - began > CHECK_AFTER_SECONDS:
        # The function outlives a stopped execution, and must not set the counter of the run that followed.
        lock.check(client, config.lock_table, state.run_id)
    if state.done:
        destination.put(destination.manifest_key(state.dt, state.run_id), manifest(state), "application/json")
    _set_counter(client, config, state.exported)
    next_name = _continue_as_new(client, config, state) if _is_due(state, config) else None
    observability.count(METRIC, state.exported - before)
    return {
        "done": state.done,
        "continue_as_new": next_name is not None,
        "next_execution_name": next_name,
        "state": state.dump(),
        "exported": state.exported,
        "objects": state.parts,
    }


def pacer(limit: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> Pacer:
    """Return the pacer of GetFindings. Its quota allows bursts of twice the rate, and only this function calls it."""
    return Pacer(limit, clock, sleep, slower=0.8, faster=0.05, floor=0.1, catch_up=1.0)


def manifest(state: State) -> bytes:
    """Return the line that says what a complete run exported: queries take the latest run that has one."""
    line = {
        "RunId": state.run_id,
        "ExecutionArn": state.execution_arn,
        "StartedAt": state.started_at,
        "Findings": state.exported,
        "Objects": state.parts,
        "Filters": json.dumps(state.filters, separators=(",", ":"), ensure_ascii=False),
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _state(event: Mapping[str, Any], config: Settings, client: Callable[[str], Any]) -> State:
    """Return the state to continue from. A first chunk takes the lock; a run's first chunk resets the counter."""
    if event["state"] is not None:
        state = State.load(event["state"])
        # Another run may have begun between the failure of this one and its redrive.
        lock.check(client, config.lock_table, state.run_id)
        return state
    execution, given = event["execution"], _input(event["input"])
    if given.get("state") is not None:
        state = State.load(given["state"])
        state.execution_arn = execution["arn"]
    else:
        started = datetime.fromisoformat(execution["started_at"]).astimezone(UTC)
        wanted = json.loads(event["filters"]) if given.get("filters") is None else given["filters"]
        state = State(
            run_id=_run_id(execution["name"]),
            execution_arn=execution["arn"],
            started_at=canonical(started),
            dt=f"{started:%Y-%m-%d}",
            filters=filters.resolve(wanted, started, client("securityhub").meta.service_model),
        )
    if state.generation:
        lock.check(client, config.lock_table, state.run_id)  # The run's last execution handed the lock over.
    now = datetime.now(UTC)
    lock.acquire(client, config.lock_table, _claim(state), now)
    if not state.generation:
        _set_counter(client, config, 0)
    return state


def _run_id(name: str) -> str:
    """Return the name of the execution that begins a run. Raise InvalidName."""
    if name == CONTINUOUS:
        raise InvalidName(f"An execution cannot be named {name!r}: the continuous export has this name. Use another.")
    if name.startswith(("_", ".")):
        # "Athena treats source files that start with an underscore (_) or a dot (.) as hidden."
        # https://docs.aws.amazon.com/athena/latest/ug/other-notable-limitations.html
        raise InvalidName(f"The execution's name {name!r} begins with {name[0]!r}: Athena would not read its objects.")
    return name


def _input(given: object) -> Mapping[str, Any]:
    """Return the input. Raise InvalidFilter for a key that is not known: it may be a filter in the wrong place."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidFilter('The execution\'s input must be an object such as {"filters": {...}}, or {}.')
    known = _OWN | _IGNORED
    if given.keys() >= {"detail-type", "source"}:
        known |= _ENVELOPE
    unknown = sorted(given.keys() - known)
    if unknown:
        raise InvalidFilter(
            f"The execution's input has the unknown {'key' if len(unknown) == 1 else 'keys'} "
            f'{", ".join(map(repr, unknown))}; put filter attributes into "filters", and leave out anything else.'
        )
    if given.get("filters") is not None and given.get("state") is not None:
        raise InvalidFilter('The execution\'s input has both "filters" and "state"; a run that continues has filters.')
    return given


def _claim(state: State) -> lock.Claim:
    return lock.Claim(state.run_id, state.execution_arn, state.started_at)


def _set_counter(client: Callable[[str], Any], config: Settings, total: int) -> None:
    with translated("setting the counter"):
        client("ssm").put_parameter(Name=config.count_parameter, Value=str(total), Type="String", Overwrite=True)


def _is_due(state: State, config: Settings) -> bool:
    """Return whether the run must continue as a new execution: an execution's history holds 25,000 events."""
    return not state.done and state.iterations >= config.max_iterations


def _continue_as_new(client: Callable[[str], Any], config: Settings, state: State) -> str:
    """Prepare the state for the next execution and give it the lock. Return the execution's name."""
    state.generation += 1
    state.iterations = 0
    # The digest keeps apart the executions of runs whose names begin alike, and those that an operator names "<run>-1".
    digest = hashlib.sha256(f"{state.run_id} {state.started_at}".encode()).hexdigest()[:8]
    suffix = f"-{digest}-{state.generation}"
    name = state.run_id[: MAX_NAME - len(suffix)] + suffix
    this = state.execution_arn
    state.execution_arn = f"{this.rsplit(':', 1)[0]}:{name}"
    now = datetime.now(UTC)
    lock.hand_over(client, config.lock_table, _claim(state)._replace(handed_over_by=this), now)
    return name
