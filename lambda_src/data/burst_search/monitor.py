"""Start the tree, and later find what was lost and call it again. A state waits for the token that it stores.

Event: {"job", "token", "round"}. The state's time ends a round; then it is called with the next one. A look that finds
nothing more done than the one before is a stall: the first calls the missing batches again, the second each of their
objects on its own, since one of them may end the function, and the third ends the job with what there is.
"""

import time
from collections.abc import Mapping
from typing import Any

from common import clients, observability
from common import settings as environment

from . import calls, manifest
from .job import Job
from .request import MAP
from .settings import Settings
from .store import Group, Progress, Store
from .worker import finish, signal

STARTED, LOOKED, ENDED = "tree started", "looked for lost batches", "job ended early"
DEADLINE, CALLS, SECONDS, STUCK = "deadline", "maximum_calls", "maximum_worker_seconds", "no_progress"
MAX_STALLS = 3
MAX_ONES = 5000
"""Most objects that are called on their own; more are called again in their batches."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Start or continue a job. Raise JobMissing, or AWS's error after all retries."""
    log = observability.begin(context, job=event["job"])
    config = environment.load(Settings)
    store = Store(clients.client("dynamodb"), config.table, event["job"])
    job = store.job()
    states = clients.client("stepfunctions")
    progress = store.arm(event["token"])
    if event["round"] == 0:
        if not job.tree.batches:
            finish(job, progress, states)
            return {"sent": 0}
        root = {"job": job.name, "level": job.tree.levels, "index": 0, "depth": 1}
        sent = calls.send(clients.client("lambda"), config.dispatch_function, [root])
        log.info(STARTED, extra={"levels": job.tree.levels})
        return {"sent": sent}
    groups = store.groups([number for number in range(job.tree.groups) if number not in progress.done])
    for number, group in groups.items():  # a worker ended between its group and the job
        if len(group.done) == job.tree.size(number):
            progress = store.complete(number)
    if finish(job, progress, states):
        return {"sent": 0}
    events, reason = _lost(config, store, job, progress, groups)
    if reason:
        log.warning(ENDED, extra={"reason": reason})
        observability.count("JobsEndedEarly", 1)
        store.end(reason)
        signal(event["token"], reason, states)
        return {"sent": 0, "reason": reason}
    sent = calls.send(clients.client("lambda"), config.dispatch_function, events)
    log.info(LOOKED, extra={"sent": sent, "groups": len(groups)})
    return {"sent": sent}


def _lost(
    config: Settings, store: Store, job: Job, progress: Progress, groups: Mapping[int, Group]
) -> tuple[list[dict[str, Any]], str]:
    """Return the events of dispatchers to call, and why the job ends instead, if it does."""
    if progress.reason or time.time() >= job.deadline:
        return [], progress.reason or DEADLINE
    complete = job.tree.groups - len(groups)
    units = complete * job.tree.group_size + sum(len(g.done) + sum(map(len, g.ones.values())) for g in groups.values())
    # When a Distributed Map has ended, none of its calls is on its way: what is missing is lost.
    stalled = units == progress.units or (progress.units < 0 and job.request.strategy == MAP)
    stalls = progress.stalls + stalled
    if stalls >= MAX_STALLS:
        return [], STUCK
    if sum(group.milliseconds for group in store.groups(range(job.tree.groups)).values()) > (
        config.maximum_worker_seconds * 1000
    ):
        return [], SECONDS
    again: list[dict[str, Any]] = []
    if stalled:
        missing = {n: [b for b in job.tree.numbers(n) if b not in g.done] for n, g in groups.items()}
        again, made = _events(config, job, missing, groups, alone=stalls == MAX_STALLS - 1)
        if progress.calls + made > job.calls:
            return [], CALLS
        store.look(units, stalls, made)
    else:
        store.look(units, stalls, 0)
    return again, ""


def _events(
    config: Settings, job: Job, missing: Mapping[int, list[int]], groups: Mapping[int, Group], *, alone: bool
) -> tuple[list[dict[str, Any]], int]:
    """Return the events of dispatchers, one for each group, and the number of calls that follow from them."""
    whole: list[dict[str, Any]] = [
        {"job": job.name, "level": 0, "index": group, "depth": 1, "only": batches}
        for group, batches in missing.items()
        if batches
    ]
    count = sum(len(batches) for batches in missing.values())
    if not alone or count * config.batch_objects > MAX_ONES:
        return whole, count + len(whole)
    lines = _objects(config, job, [batch for batches in missing.values() for batch in batches])
    made = []
    ones = 0
    for event in whole:
        group = groups[event["index"]]
        single = {
            str(batch): [one for one in range(lines[batch]) if one not in group.ones.get(batch, ())]
            for batch in event["only"]
        }
        ones += sum(map(len, single.values()))
        made.append({**{key: value for key, value in event.items() if key != "only"}, "ones": single})
    return made, ones + len(made)


def _objects(config: Settings, job: Job, batches: list[int]) -> dict[int, int]:
    """Return the number of objects in some batches."""
    s3 = clients.client("s3")
    found = {}
    for batch in batches:
        answer = s3.get_object(
            Bucket=config.bucket,
            Key=f"{job.manifest}batches.jsonl",
            Range=manifest.line_range(batch),
            ExpectedBucketOwner=config.bucket_owner,
        )
        found[batch] = manifest.read_line(answer["Body"].read())["objects"]
    return found
