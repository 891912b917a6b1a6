"""burst_search: log files and images are searched by both strategies under faults; the result is that of a loop."""

from __future__ import annotations

import io
import json
import random
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import REGION

LOGS, IMAGES = 48, 8
SIDE = 16
SOURCE = "burst-search-source"
OWN_LAYER = "burst-search-own"
PRINCIPAL = "burst-search"
test_seconds = 190
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.05, "principal": PRINCIPAL},
    {"kind": "error", "status": 500, "rate": 0.03, "principal": PRINCIPAL},
    {"kind": "reset", "rate": 0.02, "principal": PRINCIPAL},
]
# A worker's process ends while it reads an object, and once more when what it found is stored and not yet counted.
WORKER = {"kind": "kill", "count": 1, "principal": "search-worker"}
KILLS: list[dict[str, Any]] = [
    {**WORKER, "skip": 5, "service": "s3", "operation": "GetObject"},
    {**WORKER, "skip": 2, "service": "dynamodb", "operation": "UpdateItem"},
]

OWN_SEARCH = '''
"""A search of the user's own: objects by their size; one kind of object ends the process."""
import os

def prepare(params, read):
    if "read" in params:
        read(params["read"])
    return params["at_least"]

def search(least, key, body):
    if body == b"poison":
        os._exit(1)
    if len(body) >= least:
        yield len(body) / 3, {"bytes": len(body)}

def combine(least, matches):
    return [{**match, "rank": rank} for rank, match in enumerate(matches, 1)]
'''

variables: dict[str, Any] = {
    "burst_search": {
        "sources": {"files": {"bucket": SOURCE, "prefix": "data/"}},
        "examples": ["log_grep", "colour_mask"],
        "worker": {"concurrency": 4, "memory_size": 512, "timeout_seconds": 5, "threads": 4},
        "batch": {"objects": 8},
        "fan_out": 2,
        "check_seconds": 5,
        "timeout_seconds": 300,
        "page_size": 20,
        "force_destroy": True,
    }
}


def prepare(stack: Stack) -> dict[str, Any]:
    """Create the bucket that is searched, and the layer with a search of the user's own."""
    place = {"LocationConstraint": REGION}
    stack.client("s3").create_bucket(Bucket=SOURCE, CreateBucketConfiguration=place)
    layer = stack.client("lambda").publish_layer_version(
        LayerName=OWN_LAYER,
        Content={"ZipFile": _zip("python/by_size.py", OWN_SEARCH)},
        CompatibleRuntimes=["python3.13"],
    )
    searches = {"by_size": {"module": "by_size", "layer_arn": layer["LayerVersionArn"]}}
    return {"burst_search": {**variables["burst_search"], "searches": searches}}


def _zip(name: str, text: str) -> bytes:
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr(name, text)
    return buffer.getvalue()


def png(pixels: list[tuple[int, int, int]]) -> bytes:
    """Return an image of SIDE x SIDE pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (pixels[row * SIDE : (row + 1) * SIDE] for row in range(SIDE))
    raw = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in rows)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def logs(folder: str) -> dict[str, bytes]:
    """Return log files in four folders."""
    drawn = random.Random(folder)
    words = ("error", "ok", "error error")
    return {
        f"{folder}logs/{number % 4}/{number:03d}.log": "".join(
            f"{drawn.choice(words)}\n" for _ in range(drawn.randrange(5))
        ).encode()
        for number in range(LOGS)
    }


def images(folder: str) -> tuple[dict[str, bytes], dict[str, float]]:
    """Return a mask and images, and the score that each image must have: the first has all of the mask's colours."""
    red, blue = (200, 10, 10), (10, 10, 200)
    marked = SIDE * SIDE // 2
    found, scores = {f"{folder}mask.png": png([red] * marked + [(0, 0, 0)] * marked)}, {}
    for number in range(IMAGES):
        right = marked - number * marked // IMAGES
        key = f"{folder}images/{number}.png"
        found[key], scores[key] = png([red] * right + [blue] * (2 * marked - right)), right / marked
    return found, scores


def put(stack: Stack, objects: dict[str, bytes]) -> None:
    """Write the objects to search."""
    s3 = stack.client("s3")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: s3.put_object(Bucket=SOURCE, Key=item[0], Body=item[1]), objects.items()))


def start(stack: Stack, name: str, request: Any) -> str:
    """Start a job. Return the ARN of its execution."""
    answer = stack.client("stepfunctions").start_execution(
        stateMachineArn=stack.outputs["state_machine_arn"], name=f"{name}-{stack.token}", input=json.dumps(request)
    )
    return str(answer["executionArn"])


def ended(stack: Stack, arn: str) -> dict[str, Any]:
    """Wait for the end of a job. Return its description, with the output as a value."""

    def probe() -> dict[str, Any]:
        answer: dict[str, Any] = stack.client("stepfunctions").describe_execution(executionArn=arn)
        return answer if answer["status"] != "RUNNING" else {}

    found = wait_until(f"the end of {arn.rpartition(':')[2]}", probe, 150)
    return {**found, "output": json.loads(found["output"])} if "output" in found else found


def rows(stack: Stack, summary: dict[str, Any], name: str = "page", field: str = "matches") -> list[dict[str, Any]]:
    """Return the rows of all pages of a result."""
    s3, count = stack.client("s3"), summary["pages" if name == "page" else "failed_pages"]
    keys = [f"{summary['prefix']}{name}-{page:05d}.json" for page in range(1, count + 1)]
    pages = [json.load(s3.get_object(Bucket=summary["bucket"], Key=key)["Body"]) for key in keys]
    return [row for page in pages for row in page[field]]


def sequential(objects: dict[str, bytes]) -> list[tuple[str, float, int]]:
    """Return (key, score, line) of each match, as a plain loop finds and sorts them."""
    found = [
        (key, float(line.count(b"error")), number)
        for key, body in objects.items()
        for number, line in enumerate(body.splitlines(), 1)
        if b"error" in line
    ]
    return sorted(found, key=lambda match: (-match[1], match[0].encode(), match[2]))


def shown(found: list[dict[str, Any]]) -> list[tuple[str, float, int]]:
    """Return the rows of a result in the form of `sequential`."""
    return [(row["key"], row["score"], row["detail"]["line"]) for row in found]


def run(stack: Stack, report: Report) -> None:
    """Search log files by both strategies under faults, images by a mask, and by a search of the user's own."""
    folder = f"data/{stack.token}/"
    files, (pictures, scores) = logs(folder), images(folder)
    put(stack, files | pictures)
    report.sent = f"{LOGS} log files, twice, and {IMAGES} images;\n10 % of the calls fail, workers are killed"
    grep = {"search": "log_grep", "prefix": f"{folder}logs/", "params": {"pattern": "error"}}
    mask = {"search": "colour_mask", "prefix": f"{folder}images/", "params": {"mask": f"{folder}mask.png"}}
    size = {"search": "by_size", "prefix": f"{folder}logs/0/", "params": {"at_least": 6}}
    with stack.faults(*KILLS, *FAULTS, seed=11):
        jobs = {
            "tree": start(stack, "tree", grep),
            "map": start(stack, "map", {**grep, "strategy": "map"}),
            "mask": start(stack, "mask", mask),
            "size": start(stack, "size", size),
            "bad": start(stack, "bad", {**grep, "params": {"pattern": "("}, "prefix": "secret/"}),
        }
        found = {name: ended(stack, arn) for name, arn in jobs.items()}
    report.check("jobs that succeeded", [name for name in found if found[name]["status"] == "SUCCEEDED"],
                 ["tree", "map", "mask", "size"])  # fmt: skip
    summaries = {name: job.get("output", {}) for name, job in found.items()}
    for strategy in ("tree", "map"):
        summary = summaries[strategy]
        report.check(f"{strategy}: the result is that of a loop", shown(rows(stack, summary)), sequential(files))
        report.check(
            f"{strategy}: each object once",
            [summary[field] for field in ("status", "strategy", "objects", "searched", "failed")],
            ["COMPLETE", strategy, LOGS, LOGS, 0],
        )
    report.check(
        "images by their colours", {row["key"]: row["score"] for row in rows(stack, summaries["mask"])}, scores
    )
    own = rows(stack, summaries["size"])
    report.check("a search of the user's own ranks its result", [row["rank"] for row in own], [*range(1, len(own) + 1)])
    report.check("and finds what a loop finds", {row["key"] for row in own},
                 {key for key, body in files.items() if "/logs/0/" in key and len(body) >= 6})  # fmt: skip
    report.check("a prefix outside the source is refused", found["bad"].get("error"), "RequestRefused")
    report.check(
        "executions wait for a token, not for a clock", [name for name in jobs if clocks(stack, jobs[name])], []
    )
    report.check("items expire", expiring(stack, summaries["tree"]["job"]))


def clocks(stack: Stack, arn: str) -> int:
    """Return how often an execution entered a state that waits for a time."""
    pages = stack.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    return sum(event["type"] == "WaitStateEntered" for page in pages for event in page["events"])


def expiring(stack: Stack, job: str) -> bool:
    """Return true if each item of a job in the table has a time at which it expires."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["table_name"]
    items = dynamodb.query(
        TableName=table,
        KeyConditionExpression="#p = :p",
        ExpressionAttributeNames={"#p": "partition"},
        ExpressionAttributeValues={":p": {"S": job}},
    )["Items"]
    ttl = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    return len(items) == 2 and all(ttl["AttributeName"] in item for item in items)
