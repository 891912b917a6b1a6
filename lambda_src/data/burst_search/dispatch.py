"""Call dispatchers of the level below, or the workers of a group. It is called asynchronously, first by `monitor`.

Event: {"job", "level", "index", "depth"}; level 0 calls the workers of group `index`. `only` limits them to some
batches, and `ones` to single objects of them: {"<batch>": [object, …]}.
"""

import time
from collections.abc import Mapping
from typing import Any

from common import clients, observability
from common import settings as environment

from . import calls
from .errors import JobMissing, RequestRefused
from .job import Job
from .settings import Settings
from .store import Store

DISPATCHED, REFUSED = "calls sent", "dispatcher refused"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Send the calls. What is refused is counted and not raised: Lambda would repeat it."""
    log = observability.begin(context, job=event.get("job"))
    config = environment.load(Settings)
    try:
        job = _checked(event, Store(clients.client("dynamodb"), config.table, str(event.get("job"))))
    except (RequestRefused, JobMissing) as error:
        log.warning(REFUSED, extra={"reason": str(error)})
        observability.count("DispatchesRefused", 1)
        return {"refused": str(error)}
    if job is None:
        return {"sent": 0}
    function = config.dispatch_function if event["level"] else config.worker_function
    sent = calls.send(clients.client("lambda"), function, events(job, event))
    log.info(DISPATCHED, extra={"sent": sent, "level": event["level"], "index": event["index"]})
    return {"sent": sent}


def _checked(event: Mapping[str, Any], store: Store) -> Job | None:
    """Return the job, or None if it has ended. Raise RequestRefused, JobMissing."""
    job = store.job()
    job.tree.check(event.get("level"), event.get("index"), event.get("depth"))
    ended = store.progress().reason or time.time() >= job.deadline
    return None if ended else job


def events(job: Job, event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the events of the calls that a dispatcher makes."""
    level, index, below = event["level"], event["index"], {"job": job.name, "depth": event["depth"] + 1}
    if level:
        return [{**below, "level": level - 1, "index": child} for child in job.tree.children(level, index)]
    ones: Mapping[str, list[int]] = event.get("ones") or {}
    if ones:
        return [{**below, "batch": int(batch), "one": one} for batch, some in ones.items() for one in some]
    only = event.get("only")
    return [{**below, "batch": batch} for batch in job.tree.numbers(index) if only is None or batch in only]
