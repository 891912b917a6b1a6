"""Read CodePipeline's execution history: what happened before this stack existed, and what the events missed.

CodePipeline keeps twelve months, and EventBridge delivers its events at best effort:
https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-codepipeline.html
A state machine calls the function once with {"step": "list"} for the pipelines, and then with {"step": "read",
"pipeline": …} for each of them until the answer has `done`. The first time, all of a pipeline's history is read, which
a marker in the bucket says; then the last days. {"step": "list", "days": 90} reads as many days of each pipeline.
Records have the same keys as those of events, and an object's name depends on its content alone, so that reading the
same history again counts nothing twice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from common import aws_errors, clients, observability, settings
from common.aws_errors import Kind
from common.pacing import Pacer
from common.roles import Clients, Role, Roles

from .errors import HISTORY_ERRORS, PipelineGone, of_history
from .objects import Store
from .records import Place, Record
from .records import of_history as records_of

PAGE = 100
MOST_DAYS = 366
MARGIN_MS = 60_000
UNREADABLE, GONE, RESTARTED = "account or Region cannot be read", "pipeline was deleted", "page token refused"


@dataclass(frozen=True)
class Settings:
    """The environment. `places` has `account`, `region` and, for other accounts, `role_arn` and `external_id`."""

    bucket: str
    bucket_owner: str
    kms_key_arn: str
    places: list[dict[str, str]]
    pipelines: list[str]
    recent_days: int = 3
    requests_per_second: float = 4.0


@dataclass
class Reading:
    """Where the history of one pipeline is read from, and how fast."""

    client: Any
    place: Place
    pipeline: str
    pacer: Pacer
    restarts: int = field(default=0)

    @property
    def where(self) -> str:
        """Return the account and Region, for messages."""
        return f"account {self.place.account}, {self.place.region}"

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Return an answer of CodePipeline. Raise the typed error of a failure."""
        self.pacer.wait()
        name = "codepipeline:" + "".join(part.title() for part in operation.split("_"))
        with aws_errors.translated(functools.partial(of_history, self.where, name)):
            answer: dict[str, Any] = getattr(self.client, operation)(**arguments)
        self.pacer.report(answer)
        return answer


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one step of the state machine. Raise HistoryDenied, Throttled, Unavailable, SettingsError."""
    observability.begin(context)
    using = settings.load(Settings)
    pacer = Pacer(using.requests_per_second)
    store = Store(clients.client("s3"), using.bucket, using.bucket_owner, using.kms_key_arn)
    if event.get("step") == "read":
        return read(event, using, store, pacer, lambda: context.get_remaining_time_in_millis() > MARGIN_MS)
    return every_pipeline(event, using, store, pacer)


def every_pipeline(event: Mapping[str, Any], using: Settings, store: Store, pacer: Pacer) -> dict[str, Any]:
    """Return the pipelines of all places, and the places that could not be read, with the reason.

    Raise HistoryDenied or another typed error if no place could be read.
    """
    now, asked, known = datetime.now(UTC), _whole(event.get("days"), 0), store.markers()

    def since(place: Mapping[str, str], name: str) -> str:
        days = asked or (using.recent_days if marker(place, name) in known else MOST_DAYS)
        return (now - timedelta(days=min(max(days, 1), MOST_DAYS))).isoformat()

    pipelines: list[dict[str, str]] = []
    unread: list[dict[str, str]] = []
    failure: Exception | None = None
    for number, place in enumerate(using.places):
        try:
            reading = _reading(using, number, "", pacer)
            names = [name for name in _names(reading) if _wanted(name, using.pipelines)]
        except Exception as error:
            if not isinstance(error, HISTORY_ERRORS) and aws_errors.read(error) is None:
                raise
            failure, reason = error, f"{aws_errors.name(error)}: {error}"[:300]
            unread.append({"account": place["account"], "region": place["region"], "reason": reason})
            observability.logger().error(UNREADABLE, extra=unread[-1])
            continue
        pipelines += [{"place": str(number), "pipeline": name, "since": since(place, name)} for name in names]
    if failure and len(unread) == len(using.places):
        raise failure
    observability.count("PlacesUnread", len(unread))
    return {"pipelines": pipelines, "places": len(using.places), "unread": unread}


def read(
    event: Mapping[str, Any], using: Settings, store: Store, pacer: Pacer, time_left: Callable[[], bool]
) -> dict[str, Any]:
    """Write the history of one pipeline, page by page, until its start or until the time is up.

    The answer is the next event, or has `done`. A pipeline that was deleted meanwhile is done.
    """
    reading = _reading(using, int(event["place"]), str(event["pipeline"]), pacer)
    answer = {**event, "executions": _whole(event.get("executions"), 0), "done": False}
    token: str | None = event.get("token") or None
    try:
        for summaries, following in _pages(reading, str(event["since"]), token):
            records = [record for summary in summaries for record in _records(reading, summary)]
            store.put(records, "history")
            answer["executions"] += len(summaries)
            token = following
            if not time_left():
                break
    except PipelineGone:
        observability.logger().warning(GONE, extra={"pipeline": reading.pipeline, "region": reading.place.region})
        token = None
    if not token:
        store.mark(marker(using.places[int(event["place"])], reading.pipeline))
    return {**answer, "token": token or "", "done": not token}


def marker(place: Mapping[str, str], pipeline: str) -> str:
    """Return the name of the object that says that the whole history of a pipeline was read."""
    return f"{place['account']}/{place['region']}/{pipeline}"


def _pages(reading: Reading, since: str, token: str | None) -> Iterator[tuple[list[dict[str, Any]], str | None]]:
    """Yield the executions by page, the newest first, with the token of the next page until an older one than `since`.

    The first page is read again if the service refuses a token: what was written already is written alike.
    """
    while True:
        arguments: dict[str, Any] = {"nextToken": token} if token else {}
        try:
            page = reading.call("list_pipeline_executions", pipelineName=reading.pipeline, maxResults=PAGE, **arguments)
        except Exception as error:
            if aws_errors.name(error) != "InvalidNextTokenException" or reading.restarts >= 3:
                raise
            reading.restarts += 1
            observability.logger().warning(RESTARTED, extra={"pipeline": reading.pipeline})
            token = None
            continue
        summaries = page.get("pipelineExecutionSummaries", [])
        within = [summary for summary in summaries if _touched(summary, since)]
        token = page.get("nextToken") if len(within) == len(summaries) else None
        yield within, token
        if not token:
            return


def _records(reading: Reading, summary: Mapping[str, Any]) -> list[Record]:
    """Return the records of one execution."""
    actions: list[Mapping[str, Any]] = []
    arguments: dict[str, Any] = {}
    while True:
        page = reading.call(
            "list_action_executions",
            pipelineName=reading.pipeline,
            filter={"pipelineExecutionId": summary["pipelineExecutionId"]},
            maxResults=PAGE,
            **arguments,
        )
        actions += page.get("actionExecutionDetails", [])
        if not page.get("nextToken"):
            return records_of(reading.place, reading.pipeline, summary, actions)
        arguments = {"nextToken": page["nextToken"]}


def _names(reading: Reading) -> Iterator[str]:
    arguments: dict[str, Any] = {}
    while True:
        page = reading.call("list_pipelines", **arguments)
        yield from (str(entry["name"]) for entry in page.get("pipelines", []) if entry.get("name"))
        if not page.get("nextToken"):
            return
        arguments = {"nextToken": page["nextToken"]}


def _wanted(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _touched(summary: Mapping[str, Any], since: str) -> bool:
    """Return true if an execution changed after `since`. One that was retried lately began long ago."""
    moment = summary.get("lastUpdateTime") or summary.get("startTime")
    return not isinstance(moment, datetime) or moment >= datetime.fromisoformat(since)


def _whole(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


@functools.cache
def _roles() -> Roles:
    return Roles()


def _reading(using: Settings, number: int, pipeline: str, pacer: Pacer) -> Reading:
    place = using.places[number]
    role = None
    if place.get("role_arn"):
        role = Role(place["role_arn"], "pipeline-metrics", place.get("external_id"))
    here: Clients = _roles().at(place["region"], role)
    where = Place(place["account"], place["region"])
    with aws_errors.translated(
        lambda failure: (
            of_history(f"account {where.account}", "sts:AssumeRole", failure) if failure.kind is Kind.DENIED else None
        )
    ):
        client = here.client("codepipeline")
    return Reading(client, where, pipeline, pacer)
