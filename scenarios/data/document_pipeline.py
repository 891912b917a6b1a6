"""document_pipeline: documents of all sizes, some of them hostile, become images, rows and a report, under faults."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from local.harness.scenario import Report, Stack, wait_until
from local.settings import REGION
from scenarios import pdfs

SOURCE = "document-pipeline-source"
SECRET = "document-pipeline-model"
TOKEN = "Bearer of-the-scenario"
PRINCIPAL = "document-pipeline"
POISON, NAN, REFUSED = (201, 0, 0), (202, 0, 0), (203, 0, 0)
seconds = 70
test_seconds = 20
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.05, "principal": PRINCIPAL},
    {"kind": "error", "status": 500, "rate": 0.03, "principal": PRINCIPAL},
    {"kind": "reset", "rate": 0.02, "principal": PRINCIPAL},
]
# The process of a function ends while it draws a document, and while it stores what the model said.
KILL = {"kind": "kill", "count": 1}
KILLS: list[dict[str, Any]] = [
    {**KILL, "skip": 6, "principal": f"{PRINCIPAL}-render", "service": "s3", "operation": "PutObject"},
    {**KILL, "skip": 8, "principal": f"{PRINCIPAL}-infer", "service": "dynamodb", "operation": "PutItem"},
]

variables: dict[str, Any] = {
    "document_pipeline": {
        "sources": {"scans": {"bucket": SOURCE, "prefix": "data/"}},
        "endpoint": {"url": "http://127.0.0.1:1/model", "timeout_seconds": 10},
        "thresholds": {"bytes": 200000},
        "attempts": 2,
        "force_destroy": True,
    }
}


class Model(BaseHTTPRequestHandler):
    """A model that sees colours. Each 10th call is throttled; one page is seen after two calls that fail."""

    protocol_version = "HTTP/1.1"
    calls: ClassVar[Counter[Any]] = Counter()
    lock = threading.Lock()

    def do_POST(self) -> None:
        """Answer for one image."""
        from PIL import Image

        body = self.rfile.read(int(self.headers["Content-Length"]))
        colour = Image.open(io.BytesIO(body)).getpixel((5, 5))
        with self.lock:
            self.calls["all"] += 1
            self.calls[colour] += 1
            throttled, poisoned = self.calls["all"] % 10 == 0, self.calls[colour] <= 2
        if self.headers["Authorization"] != TOKEN:
            self._say(401)
        elif colour == POISON and poisoned:
            self._say(404)
        elif throttled and colour != POISON:
            self._say(429)
        elif colour == REFUSED:
            self._say(400)
        else:
            score = float("nan") if colour == NAN else 0.1
            features = {"red": colour == pdfs.RED, "page": True}
            self._say(200, json.dumps({"colour": colour, "score": score, "features": features}).encode())

    def _say(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def prepare(stack: Stack) -> dict[str, Any]:
    """Create the bucket of the documents, the model's secret, and the model."""
    place = {"LocationConstraint": REGION}
    stack.client("s3").create_bucket(Bucket=SOURCE, CreateBucketConfiguration=place)
    secret = stack.client("secretsmanager").create_secret(Name=SECRET, SecretString=TOKEN)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    given = variables["document_pipeline"]
    url = f"http://127.0.0.1:{server.server_port}/model"
    endpoint = {**given["endpoint"], "url": url, "secret_arn": secret["ARN"]}
    return {"document_pipeline": {**given, "endpoint": endpoint}}


def documents() -> dict[str, tuple[bytes, list[Any]]]:
    """Return documents by name: (content, wanted status, reason, route, pages, images)."""
    made = pdfs.document
    plain = made(pdfs.colours(3))
    big = [b"[0 0 72 72]", b"[0 0 200000 200000]"]
    return {
        "one.pdf": (made([pdfs.RED]), ["PROCESSED", "", "single", 1, 1]),
        "ten.pdf": (made(pdfs.colours(10)), ["PROCESSED", "", "small", 10, 10]),
        "eleven.pdf": (made([*pdfs.colours(10, 3), pdfs.RED]), ["PROCESSED", "", "large", 11, 11]),
        "heavy.pdf": (made(pdfs.colours(1, 9), padding=250_000), ["PROCESSED", "", "large", 1, 1]),
        "poison.pdf": (made([POISON]), ["PROCESSED", "", "single", 1, 1]),
        "odd answers.pdf": (made([(1, 1, 1), NAN, REFUSED]), ["PARTIAL", "2 of 3 pages failed", "small", 3, 1]),
        "wide+page.pdf": (made(pdfs.colours(2, 5), boxes=big), ["PARTIAL", "1 of 2 pages failed", "small", 2, 1]),
        "short count.pdf": (made(pdfs.colours(2, 7), count=1), ["PROCESSED", "", "small", 2, 2]),
        "restricted.pdf": (pdfs.encrypted(made([pdfs.RED]), "", "AES-256"), ["PROCESSED", "", "single", 1, 1]),
        "secret.pdf": (pdfs.encrypted(plain, "x", "AES-256"), ["REFUSED", "password_required", "", 0, None]),
        "cut.pdf": (plain[:-300], ["REFUSED", "truncated", "", 0, None]),
        "letter.pdf": (b"Dear reader", ["REFUSED", "not_a_pdf", "", 0, None]),
        "none.pdf": (made([]), ["REFUSED", "no_pages", "", 0, None]),
        "script.txt": (made([(9, 9, 9)], catalog=pdfs.SCRIPT), ["PROCESSED", "", "single", 1, 1]),
    }


def put(stack: Stack, bucket: str, folder: str, contents: dict[str, bytes]) -> None:
    """Upload documents."""
    s3 = stack.client("s3")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: s3.put_object(Bucket=bucket, Key=folder + item[0], Body=item[1]), contents.items()))


def start(stack: Stack, name: str, request: Any) -> str:
    """Start a batch. Return the ARN of its execution."""
    answer = stack.client("stepfunctions").start_execution(
        stateMachineArn=stack.outputs["state_machine_arn"], name=name, input=json.dumps(request)
    )
    return str(answer["executionArn"])


def ended(stack: Stack, arn: str) -> dict[str, Any]:
    """Wait for the end of an execution. Return its description."""

    def probe() -> dict[str, Any]:
        answer: dict[str, Any] = stack.client("stepfunctions").describe_execution(executionArn=arn)
        return answer if answer["status"] != "RUNNING" else {}

    return wait_until(f"the end of {arn.rpartition(':')[2]}", probe, 120)


def sql(stack: Stack, query: str) -> list[list[Any]]:
    """Return the rows of a query of Athena, without the heading. Raise AssertionError."""
    athena, setup = stack.client("athena"), stack.outputs["athena"]
    started = athena.start_query_execution(
        QueryString=query,
        QueryExecutionContext={"Database": setup["database"], "Catalog": "AwsDataCatalog"},
        WorkGroup=setup["workgroup"],
    )["QueryExecutionId"]

    def probe() -> Any:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        return status if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    status = wait_until("the query", probe)
    if status["State"] != "SUCCEEDED":
        raise AssertionError(status.get("StateChangeReason", status["State"]))
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=started)
    found = [[cell.get("VarCharValue") for cell in row["Data"]] for p in pages for row in p["ResultSet"]["Rows"]]
    return found[1:]


def done(stack: Stack, prefix: str, count: int) -> dict[str, dict[str, Any]]:
    """Wait until the audit trail has `count` documents below a key prefix, all of them ended. Return them by key."""
    table, dynamodb = stack.outputs["table_name"], stack.client("dynamodb")

    def probe() -> dict[str, dict[str, Any]]:
        found = {}
        for page in dynamodb.get_paginator("scan").paginate(
            TableName=table,
            FilterExpression="part = :part AND begins_with(#key, :prefix)",
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={":part": {"S": "document"}, ":prefix": {"S": prefix}},
        ):
            for item in page["Items"]:
                plain = {name: next(iter(value.values())) for name, value in item.items()}
                found[plain["key"]] = plain
        open_ = [one for one in found.values() if one["status"] in ("RECEIVED", "PROCESSING")]
        return found if len(found) == count and not open_ else {}

    return wait_until(f"the end of {count} documents", probe, 180, every=0.5)


def images(stack: Stack, document: str) -> list[tuple[tuple[int, int], Any]]:
    """Return the images of a document by page: (size, colour)."""
    from PIL import Image

    s3, bucket = stack.client("s3"), stack.outputs["bucket_name"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"images/{document}/").get("Contents", ())
    opened = [Image.open(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"]) for one in listed]
    return [(image.size, image.getpixel((5, 5))) for image in opened]


def run(stack: Stack, report: Report) -> None:
    """Process a batch under faults, and a document that arrives; read images, rows and the report back."""
    batch, folder = f"batch-{stack.token}", f"data/{stack.token}/"
    made = documents()
    Model.calls.clear()
    put(stack, SOURCE, folder, {name: content for name, (content, _) in made.items()} | {"": b""})
    report.sent = f"{len(made)} documents of a batch and 1 that arrives;\n10 % of the calls fail, functions are killed"
    with stack.faults(*KILLS, *FAULTS, seed=5):
        refused = start(stack, f"outside-{stack.token}", {"source": "scans", "prefix": "private/"})
        execution = start(stack, batch, {"source": "scans", "prefix": folder})
        arrival = {f"{stack.token} a+b é.pdf": pdfs.document([pdfs.RED] * 2)}
        put(stack, stack.outputs["bucket_name"], "incoming/", arrival)
        listed = ended(stack, execution)
        found = done(stack, folder, len(made))
        arrived = done(stack, f"incoming/{stack.token}", 1)
    report.check("the batch's answer", json.loads(listed.get("output", "{}")),
                 {"batch": batch, "documents": len(made)})  # fmt: skip
    report.check("a prefix outside the source is refused", ended(stack, refused).get("error"), "RequestRefused")
    check_rows(stack, report, batch, {f"{folder}{name}": wanted for name, (_, wanted) in made.items()})
    ids = {key.removeprefix(folder): document["document"] for key, document in found.items()}
    side = (150, 150)
    for name, colours in (("ten.pdf", pdfs.colours(10)), ("eleven.pdf", [*pdfs.colours(10, 3), pdfs.RED])):
        report.check(f"{name}: an image a page", images(stack, ids[name]), [(side, colour) for colour in colours])
    (arrived_id,) = [document["document"] for document in arrived.values()]
    report.check("a document that arrives starts by itself", images(stack, arrived_id), [(side, pdfs.RED)] * 2)
    alarm = f"switchyard-{PRINCIPAL}-to-failsafe"
    wait_until("the alarm", lambda: _state(stack, alarm) == "ALARM")
    report.check("the failsafe's alarm", _state(stack, alarm), "ALARM")


def _state(stack: Stack, alarm: str) -> str:
    return str(stack.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"])


def check_rows(stack: Stack, report: Report, batch: str, wanted: dict[str, list[Any]]) -> None:
    """Check the rows of a batch in SQL."""
    listed = sql(
        stack,
        "SELECT document_key, status, coalesce(reason, ''), coalesce(route, ''), pages, images FROM documents "
        f"WHERE batch = '{batch}'",
    )
    report.check("documents in SQL", {row[0]: row[1:] for row in listed},
                 {key: [*row[:3], str(row[3]), None if row[4] is None else str(row[4])]
                  for key, row in wanted.items()})  # fmt: skip
    report.check("each document once", len(listed), len(wanted))
    counted = Counter(row[0] for row in wanted.values())
    pages, drawn = sum(row[3] for row in wanted.values()), sum(row[4] or 0 for row in wanted.values())
    numbers = (counted["PROCESSED"], counted["PARTIAL"], 0, counted["REFUSED"], 0, pages, drawn, pages - drawn)
    report.check(
        "the batch's report",
        sql(stack, f"SELECT * FROM batches WHERE batch = '{batch}'"),
        [[batch, str(len(wanted)), *map(str, numbers)]],
    )
    rows = sql(stack, f"SELECT document_id, page, status, coalesce(reason, '') FROM pages WHERE batch = '{batch}'")
    report.check("one row a page", [len(rows), len({(row[0], row[1]) for row in rows})], [pages, pages])
    report.check("failed pages say why", sorted(row[3] for row in rows if row[2] == "FAILED"),
                 ["answer_not_usable", "endpoint_refused", "page_too_large"])  # fmt: skip
    features = sql(stack, f"SELECT * FROM batch_features WHERE batch = '{batch}' ORDER BY feature")
    processed = counted["PROCESSED"] + counted["PARTIAL"]
    report.check("documents with and without a feature", features,
                 [[batch, "page", str(processed), "0"], [batch, "red", "3", str(processed - 3)]])  # fmt: skip
