"""Records: one for each change of state of an execution, a stage or an action. Nothing here calls AWS.

A record comes from an event or from the execution history (`source`). Both have the same columns, so that the views
of Athena take what the events missed from the history, and count nothing twice. Shape of the events, and what repeats:
https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from .errors import NotAnEvent

LEVELS = {
    "CodePipeline Pipeline Execution State Change": "pipeline",
    "CodePipeline Stage Execution State Change": "stage",
    "CodePipeline Action Execution State Change": "action",
}
ALARM = "CloudWatch Alarm State Change"
EVENT, HISTORY = "event", "history"
ROLLBACKS = ("ManualRollback", "AutomatedRollback")
LONGEST = 256
"""Characters that are kept of a text. The longest name in CodePipeline has 100, that of an alarm 255."""
_STATES = {"Cancelled": "CANCELED"}
_RUNNING = "InProgress"


@dataclasses.dataclass(frozen=True)
class Record:
    """One row of the table. Times are UTC, with milliseconds, in one width: they sort as text.

    `time` is when the state was reached, `started` when the execution or action began. `attempt` is None where the
    source does not say it. Levels: `pipeline`, `stage`, `action`; `alarm`, whose `action` is the alarm; and `revision`,
    which gives the time of the commit that a source action took.
    """

    account: str
    region: str
    pipeline: str
    execution: str
    level: str
    state: str
    time: str
    source: str
    stage: str = ""
    action: str = ""
    attempt: int | None = None
    started: str | None = None
    event_id: str | None = None
    action_execution: str | None = None
    category: str | None = None
    provider: str | None = None
    error_code: str | None = None
    trigger_type: str | None = None
    execution_type: str | None = None
    revision: str | None = None
    committed: str | None = None

    @property
    def day(self) -> str:
        """Return the partition: the day of `time` in UTC, YYYY-MM-DD."""
        return self.time[:10]

    @property
    def key(self) -> tuple[Any, ...]:
        """Return what two copies of a record have in common. An alarm can be raised again: its time belongs to it."""
        again = self.time if self.level == "alarm" else ""
        place = (self.account, self.region, self.pipeline, self.execution, self.level, self.stage, self.action)
        return (*place, self.state, self.attempt, self.action_execution, self.source, again)

    @property
    def rank(self) -> tuple[Any, ...]:
        """Return the order of copies, of which the first is kept, whatever the order in which they arrived.

        Of an event that was sent again the earliest is kept; of the history, the latest.
        """
        if self.source == EVENT:
            return (self.time, self.event_id or "", self.line())
        return (*(-ord(character) for character in self.time), self.line())

    def line(self) -> str:
        """Return the record as one line of JSON, without columns that have no value."""
        fields = {name: value for name, value in vars(self).items() if value is not None}
        return json.dumps(fields, ensure_ascii=False, sort_keys=True)

    @classmethod
    def read(cls, line: str) -> Record:
        """Return the record of a line. Raise ValueError for anything else."""
        fields = json.loads(line)
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(fields, dict) or not fields.keys() <= names:
            raise ValueError("not a record")
        if not all(type(value) is (int if name == "attempt" else str) for name, value in fields.items()):
            raise ValueError("not a record: a column has another type")
        try:
            return cls(**fields)
        except TypeError as error:  # a column is missing
            raise ValueError(str(error)) from None


def unique(records: Iterable[Record]) -> list[Record]:
    """Return each record once, in an order that depends on the records alone."""
    kept: dict[tuple[Any, ...], Record] = {}
    for record in records:
        known = kept.get(record.key)
        if known is None or record.rank < known.rank:
            kept[record.key] = record
    return sorted(kept.values(), key=lambda record: (record.time, record.line()))


def of_event(event: Any, alarms: Mapping[str, str]) -> Record:
    """Return the record of an event. Raise NotAnEvent, whose message says what is missing.

    `alarms` has the pipeline of each alarm that is an incident. Unknown states are kept as they are.
    """
    if not isinstance(event, Mapping):
        raise NotAnEvent("The message is not a JSON object.")
    kind, detail = event.get("detail-type"), event.get("detail")
    if not isinstance(detail, Mapping):
        raise NotAnEvent("The event has no detail.")
    common: dict[str, Any] = {
        "account": _required(event, "account"),
        "region": _required(event, "region"),
        "time": _required_time(event.get("time")),
        "source": EVENT,
        "event_id": _text(event.get("id")),
    }
    if kind == ALARM:
        return _of_alarm(detail, common, alarms)
    if not isinstance(kind, str) or kind not in LEVELS:
        raise NotAnEvent(f"The detail-type {str(kind)[:LONGEST]!r} is not one of CodePipeline's changes of state.")
    level = LEVELS[kind]
    more: dict[str, Any] = {}
    if level == "pipeline":
        trigger = _mapping(detail.get("execution-trigger"))
        more["trigger_type"] = _text(trigger.get("trigger-type"))
    else:
        more["stage"] = _required(detail, "stage")
    if level == "action":
        made, failed = _mapping(detail.get("type")), _mapping(detail.get("execution-result"))
        more |= {
            "action": _required(detail, "action"),
            "action_execution": _text(detail.get("action-execution-id")),
            "category": _text(made.get("category")),
            "provider": _text(made.get("provider")),
            "error_code": _text(failed.get("error-code")),
        }
    return Record(
        pipeline=_required(detail, "pipeline"),
        execution=_required(detail, "execution-id"),
        level=level,
        state=_required(detail, "state"),
        attempt=_attempt(detail.get("pipeline-execution-attempt")),
        started=_time(detail.get("start-time")),
        **common,
        **more,
    )


def _of_alarm(detail: Mapping[str, Any], common: dict[str, Any], alarms: Mapping[str, str]) -> Record:
    name = _required(detail, "alarmName")
    if name not in alarms:
        raise NotAnEvent(f"The alarm {name!r} is not one of incident_alarms.")
    state = _required(_mapping(detail.get("state")), "value")
    return Record(pipeline=alarms[name], execution="", level="alarm", action=name, state=state, **common)


@dataclasses.dataclass(frozen=True)
class Place:
    """An account and Region."""

    account: str
    region: str


def of_history(
    place: Place, pipeline: str, summary: Mapping[str, Any], actions: list[Mapping[str, Any]]
) -> list[Record]:
    """Return the records of one execution, from ListPipelineExecutions and ListActionExecutions.

    The history does not say the number of an attempt, nor what became of a stage: that follows from its actions.
    Return nothing for a summary without an id or a start.
    """
    execution, began = _text(summary.get("pipelineExecutionId")), _stamp(summary.get("startTime"))
    if not execution or not began:
        return []
    base = Record(place.account, place.region, pipeline, execution, "pipeline", "STARTED", began, HISTORY)
    base = dataclasses.replace(base, started=began)
    trigger = _text(_mapping(summary.get("trigger")).get("triggerType"))
    whole = dataclasses.replace(base, trigger_type=trigger, execution_type=_text(summary.get("executionType")))
    found = _two(whole, summary.get("status"), _stamp(summary.get("lastUpdateTime")) or began)
    stages: dict[str, list[Mapping[str, Any]]] = {}
    for action in sorted(actions, key=lambda a: _stamp(a.get("startTime")) or ""):
        if _text(action.get("stageName")) and _text(action.get("actionName")) and _stamp(action.get("startTime")):
            stages.setdefault(str(action["stageName"]), []).append(action)
    for number, (stage, of_stage) in enumerate(stages.items()):
        last = number == len(stages) - 1
        found += _of_stage(dataclasses.replace(base, level="stage", stage=stage), of_stage, last, summary)
        for action in of_stage:
            found += _of_action(dataclasses.replace(base, level="action", stage=stage), action)
    return found


def _two(started: Record, status: Any, ended: str) -> list[Record]:
    """Return the record of the start and, unless it still runs, the one of the end."""
    if not isinstance(status, str) or status == _RUNNING:
        return [started]
    state = _STATES.get(status, status.upper())
    return [started, dataclasses.replace(started, state=state, time=max(ended, started.time))]


def _of_stage(base: Record, actions: list[Mapping[str, Any]], last: bool, summary: Mapping[str, Any]) -> list[Record]:
    """Return the records of a stage. One whose actions all succeeded may have more to run, if it is the last one."""
    began = str(_stamp(actions[0].get("startTime")))
    ended = max(_stamp(action.get("lastUpdateTime")) or began for action in actions)
    latest = {str(action["actionName"]): action.get("status") for action in actions}
    statuses = set(latest.values())
    whole = summary.get("status")
    if _RUNNING in statuses:
        status: Any = _RUNNING
    elif "Failed" in statuses:
        status = "Failed"
    elif "Abandoned" in statuses:
        status = "Stopped"
    elif not last or whole in ("Succeeded", "Superseded"):
        status = "Succeeded"
    else:
        status = whole  # it failed without an action that did (a condition), was stopped, or still runs
    return _two(dataclasses.replace(base, started=began, time=began), status, ended)


def _of_action(base: Record, action: Mapping[str, Any]) -> list[Record]:
    began = str(_stamp(action.get("startTime")))
    kind = _mapping(_mapping(action.get("input")).get("actionTypeId"))
    output = _mapping(action.get("output"))
    failed = _mapping(_mapping(output.get("executionResult")).get("errorDetails"))
    ended = _stamp(action.get("lastUpdateTime")) or began
    started = dataclasses.replace(
        base,
        action=str(action["actionName"]),
        action_execution=_text(action.get("actionExecutionId")),
        category=_text(kind.get("category")),
        provider=_text(kind.get("provider")),
        started=began,
        time=began,
    )
    found = _two(started, action.get("status"), ended)
    if len(found) == 2:
        found[1] = dataclasses.replace(found[1], error_code=_text(failed.get("code")))
    variables = _mapping(output.get("outputVariables"))
    committed = _time(variables.get("CommitterDate")) or _time(variables.get("AuthorDate"))
    if kind.get("category") == "Source" and committed:
        found.append(
            dataclasses.replace(
                started,
                level="revision",
                state="RESOLVED",
                time=max(ended, began),
                committed=committed,
                revision=_text(variables.get("CommitId")),
            )
        )
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    """Return a text, cut to what is kept, or None. A surrogate that has no partner has no place in UTF-8."""
    if not isinstance(value, str) or not value:
        return None
    return value[:LONGEST].encode("utf-8", "replace").decode()


def _required(source: Mapping[str, Any], name: str) -> str:
    text = _text(source.get(name))
    if text is None:
        raise NotAnEvent(f"The event has no {name}.")
    return text


def _attempt(value: Any) -> int | None:
    """Return the number of the attempt: 1 and 1.0 are the same."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return int(value) if 0 <= value < 1_000_000 else None


def _required_time(value: Any) -> str:
    time = _time(value)
    if time is None:
        raise NotAnEvent("The event has no time in ISO 8601.")
    return time


def _time(value: Any) -> str | None:
    """Return a time of an event or variable, such as 2026-11-23T06:00:00.123Z, in UTC; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        return _stamp(datetime.fromisoformat(value))
    except ValueError:
        return None


def _stamp(value: Any) -> str | None:
    """Return the text of a time, or None if it is none, or is beyond the years that AWS can mean."""
    if not isinstance(value, datetime):
        return None
    try:
        moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        return None
    if not 2000 <= moment.year <= 2099:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
