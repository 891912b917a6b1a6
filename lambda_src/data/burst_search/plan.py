"""List the objects of a job, divide them into batches, and store both. A state machine calls it first.

Answer: {"job", "strategy", "objects", "batches", "depth", "calls", "bucket", "batches_key"}.
"""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from common import clients, observability
from common import settings as environment

from . import manifest, objects, plugin
from .errors import RequestRefused
from .job import Job, name_of, reads_per_second
from .request import Request
from .settings import Settings
from .store import Store
from .tree import Tree

GROUP = 64
PLANNED = "job planned"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Plan a job. Raise RequestRefused, which is final, or AWS's error after all retries."""
    name = name_of(str(event["execution"]))
    log = observability.begin(context, job=name)
    config = environment.load(Settings)
    store = Store(clients.client("dynamodb"), config.table, name)
    job = store.find() or _planned(event["input"], config, clients.client("s3"), store)
    store.begin(job)
    answer = {
        "job": job.name,
        "strategy": job.request.strategy,
        "objects": job.objects,
        "batches": job.tree.batches,
        "depth": job.tree.depth,
        "calls": job.tree.calls,
        "bucket": config.bucket,
        "batches_key": f"{job.manifest}batches.jsonl",
    }
    log.info(PLANNED, extra=answer)
    return answer


def _planned(value: Any, config: Settings, s3: Any, store: Store) -> Job:
    request = Request.of(value, config.sources, config.searches, config.strategy, config.timeout_seconds)
    source = config.sources[request.source]
    bucket, root = source["bucket"], source.get("prefix", "")
    module = plugin.load(config.searches, request.search)
    plugin.prepared(module, request.params, objects.reader(s3, bucket, root, config.maximum_object_bytes))
    items = list(objects.listed(s3, bucket, request.prefix, config.maximum_objects))
    divided = list(manifest.batches(manifest.spread(items, store.name), config.batch_objects, config.batch_bytes))
    tree = Tree.of(len(divided), GROUP, config.fan_out)
    if tree.calls > config.maximum_calls:
        raise RequestRefused(
            f"The job would take {tree.calls:,} calls for {len(items):,} objects; maximum_calls is "
            f"{config.maximum_calls:,}. Narrow the prefix, or raise batch.objects or maximum_calls."
        )
    keys, lines, _ = manifest.write(store.name, divided)
    # Each attempt has files of its own: those of the first that stores the job count.
    folder = f"jobs/{store.name}/{uuid.uuid4().hex}/"
    for file, body in (("keys.jsonl", keys), ("batches.jsonl", lines)):
        s3.put_object(
            Bucket=config.bucket,
            Key=folder + file,
            Body=body,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=config.kms_key_arn,
            ExpectedBucketOwner=config.bucket_owner,
        )
    now = int(time.time())
    workers = min(len(divided), config.workers)
    return store.create(
        Job(
            name=store.name,
            bucket=bucket,
            request=request,
            manifest=folder,
            objects=len(items),
            tree=tree,
            reads_per_second=reads_per_second(manifest.prefixes(items), workers),
            calls=config.maximum_calls,
            started=now,
            deadline=now + request.timeout_seconds,
            expires_at=now + config.retention_days * 86400,
        )
    )
