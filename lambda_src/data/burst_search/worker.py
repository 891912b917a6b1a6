"""Search the objects of one batch, or one of them, and store what was found, once.

Event: {"job", "batch"}, and "one" for a single object of the batch. The call that completes the last group ends the
state that waits. A call that comes twice, or late, changes nothing.
"""

import json
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common import aws_errors, clients, observability
from common import settings as environment
from common.pacing import Pacer

from . import manifest, matches, objects, plugin
from .errors import JobMissing, RequestRefused, Unavailable
from .job import Job
from .settings import Settings
from .store import Failed, Found, Progress, Store

SEARCHED, SKIPPED, REFUSED = "batch searched", "batch was done", "worker refused"
COMPLETE = "complete"
_prepared: dict[str, tuple[Any, Any]] = {}
"""The plug-in and what its `prepare` returned, by job: the last job only."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Search. Raise Unavailable or AWS's error, so that Lambda repeats the call."""
    began = time.monotonic()
    log = observability.begin(context, job=event.get("job"), batch=event.get("batch"))
    config = environment.load(Settings)
    store = Store(clients.client("dynamodb"), config.table, str(event.get("job")))
    try:
        job = store.job()
        batch, one = _numbers(job, event)
    except (RequestRefused, JobMissing) as error:
        log.warning(REFUSED, extra={"reason": str(error)})
        observability.count("WorkersRefused", 1)
        return {"refused": str(error)}
    if store.progress().reason or time.time() >= job.deadline:
        return {"batch": batch, "searched": 0}
    line = _line(config, job, batch)
    searched = 0
    if store.saved(job, batch, one):
        log.info(SKIPPED)
    else:
        found = _search(config, job, _items(config, job, line, one))
        store.save(job, batch, one, uuid.uuid4().hex, found)
        searched = found.searched
        log.info(SEARCHED, extra={"searched": searched, "failed": len(found.failed)})
    spent = round((time.monotonic() - began) * 1000)
    finish(job, store.count(job, batch, one, line["objects"], spent), clients.client("stepfunctions"))
    return {"batch": batch, "searched": searched}


def finish(job: Job, progress: Progress | None, states: Any) -> bool:
    """End the waiting state if every group is complete. Return true if they are."""
    if progress is None or len(progress.done) < job.tree.groups:
        return False
    signal(progress.token, COMPLETE, states)
    return True


def signal(token: str, reason: str, states: Any) -> None:
    """End the state that waits with a token. Another call may have ended it, or its time."""
    if not token:
        return
    try:
        states.send_task_success(taskToken=token, output=json.dumps({"reason": reason}))
    except Exception as error:
        failure = aws_errors.read(error)
        if failure is None or failure.code not in ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken"):
            raise


def _numbers(job: Job, event: Mapping[str, Any]) -> tuple[int, int | None]:
    batch, one = event.get("batch"), event.get("one")
    if not isinstance(batch, int) or isinstance(batch, bool) or not 0 <= batch < job.tree.batches:
        raise RequestRefused(f"The job has no batch {batch!r}.")
    if one is not None and (not isinstance(one, int) or isinstance(one, bool) or one < 0):
        raise RequestRefused(f"A batch has no object {one!r}.")
    return batch, one


def _line(config: Settings, job: Job, batch: int) -> dict[str, Any]:
    return manifest.read_line(_part(config, f"{job.manifest}batches.jsonl", manifest.line_range(batch)))


def _items(config: Settings, job: Job, line: Mapping[str, Any], one: int | None) -> list[manifest.Item]:
    text = _part(config, f"{job.manifest}keys.jsonl", f"bytes={line['first']}-{line['last']}")
    items = manifest.read_keys(text)
    return items if one is None else items[one : one + 1]


def _part(config: Settings, key: str, part: str) -> bytes:
    answer = clients.client("s3").get_object(
        Bucket=config.bucket, Key=key, Range=part, ExpectedBucketOwner=config.bucket_owner
    )
    body: bytes = answer["Body"].read()
    return body


def _search(config: Settings, job: Job, items: list[manifest.Item]) -> Found:
    """Search objects, several at a time. Raise Unavailable if one cannot be read now."""
    s3 = clients.client("s3")
    module, prepared = _plugin(config, job, s3)
    pacer = Pacer(job.reads_per_second)

    def search(item: manifest.Item) -> list[matches.Match] | Failed:
        try:
            body = objects.read(s3, job.bucket, item, config.maximum_object_bytes, pacer)
            return matches.read(item.key, module.search(prepared, item.key, body))
        except Unavailable:
            raise
        except (objects.Unreadable, matches.BadMatch) as error:
            return Failed.of(item.key, str(error))
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything: the object becomes a row
            return Failed.of(item.key, f"{type(error).__name__}: {error}")

    with ThreadPoolExecutor(config.threads) as pool:
        results = list(pool.map(search, items))
    failed = [result for result in results if isinstance(result, Failed)]
    found = [match for result in results if not isinstance(result, Failed) for match in result]
    return Found(len(items) - len(failed), found, failed)


def _plugin(config: Settings, job: Job, s3: Any) -> tuple[Any, Any]:
    if job.name not in _prepared:
        module = plugin.load(config.searches, job.request.search)
        root = config.sources[job.request.source].get("prefix", "")
        read = objects.reader(s3, job.bucket, root, config.maximum_object_bytes)
        made = plugin.prepared(module, job.request.params, read)
        _prepared.clear()
        _prepared[job.name] = (module, made)
    return _prepared[job.name]
