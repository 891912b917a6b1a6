"""The sample API: requests and refusals, paging, ETags, keys; documentation and clients; faults and kills."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.harness.scenario import Report, Stack, wait_until
from local.settings import REGION, ROOT

NAME = "switchyard-openapi-"
RATE = 1000  # the scenario sends more at once than a client does

variables: dict[str, Any] = {
    "openapi_service": {
        "clients": ["python"],
        "deletion_protection": False,
        "force_destroy": True,
        "stages": {"v1": {}, "beta": {}},
        "throttle": {"rate_limit": RATE, "burst_limit": RATE},
    }
}
seconds = 50

FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": f"{NAME}service"},
    {"kind": "error", "status": 500, "rate": 0.1, "principal": f"{NAME}service"},
]
CIRCLE = {"kind": "circle", "radius": 3}
HOSTILE: dict[str, tuple[Any, int]] = {
    "no JSON": (b"{", 400),
    "a list": ([], 400),
    "nothing": (b"", 400),
    "no name": ({"colour": "red"}, 400),
    "an empty name": ({"name": ""}, 400),
    "a number as a name": ({"name": 5}, 400),
    "half an emoji": (b'{"name": "\\ud83d"}', 400),
    "NaN": (b'{"name": "x", "shape": {"kind": "circle", "radius": NaN}}', 400),
    "an unknown colour": ({"name": "x", "colour": "mauve"}, 400),
    "a field that does not exist": ({"name": "x", "partition": "keys"}, 400),
    "a shape of no kind": ({"name": "x", "shape": {"kind": "cone", "radius": 3}}, 400),
    "a circle with a width": ({"name": "x", "shape": {**CIRCLE, "width": 3}}, 400),
    "a radius out of range": ({"name": "x", "shape": {"kind": "circle", "radius": 10**30}}, 400),
    "1 MB": ({"name": "x", "note": "x" * 1_000_000}, 400),
}


def prepare(stack: Stack) -> dict[str, Any]:
    """Install the generators, as the image of a build installs them. Return no variables."""
    command = [sys.executable, "tools/bootstrap.py", "generators"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return {}


def url(stack: Stack, path: str, stage: str = "v1") -> str:
    """Return the URL at which the local cloud serves a path. On AWS, it is the stage's `url` and the path."""
    return f"{stack.cloud.endpoint}/restapis/{stack.outputs['api_id']}/{stage}/_user_request_{path}"


def call(
    stack: Stack,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    sign: bool = True,
    stage: str = "v1",
) -> tuple[int, Any, Message]:
    """Send a request, signed as the account's root unless `sign` is false. Return status, parsed body and headers."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = AWSRequest(
        method, url(stack, path, stage), data=data, headers={"Content-Type": "application/json", **(headers or {})}
    )
    if sign:
        SigV4Auth(Credentials("test", "test"), "execute-api", REGION).add_auth(request)
    sent = urllib.request.Request(str(request.url), data=data, method=method, headers=dict(request.headers.items()))
    try:
        with urllib.request.urlopen(sent, timeout=120) as answer:
            return answer.status, _parsed(answer.read()), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, _parsed(error.read()), error.headers


def _parsed(content: bytes) -> Any:
    return json.loads(content) if content else None


def create(stack: Stack, body: Any, key: str = "") -> tuple[int, Any, Message]:
    """Send a widget, with a key of its own unless one is given."""
    return call(stack, "POST", "/widgets", body, {"Idempotency-Key": key or uuid.uuid4().hex})


def widgets(stack: Stack, limit: int = 100) -> list[dict[str, Any]]:
    """Return this run's widgets, page by page."""
    found, after = [], ""
    while True:
        status, page, _ = call(stack, "GET", f"/widgets?limit={limit}{after}")
        assert status == 200, (status, page)
        found += page["items"]
        if "next" not in page:
            return [one for one in found if stack.token in one["name"]]
        after = f"&next={page['next']}"


def published(stack: Stack, version: str) -> dict[str, Any]:
    """Wait until a version is published. Return the build's report."""

    def report() -> dict[str, Any] | None:
        s3 = stack.client("s3")
        try:
            answer = s3.get_object(Bucket=stack.outputs["documents_bucket"], Key="reports/publication.json")
        except s3.exceptions.NoSuchKey:
            return None
        found: dict[str, Any] = json.load(answer["Body"])
        return found if found["version"] == version else None

    made = wait_until(f"the publication of {version}", report, 180)
    assert made
    return made


def read_documentation(stack: Stack, path: str) -> tuple[int, bytes, Message]:
    """Read a file of the documentation as a browser does, through CloudFront."""
    host = stack.outputs["documentation_url"].split("/")[2]
    # The local cloud has no certificate for it: the header says what CloudFront sees of a browser's request.
    headers = {"Host": host, "X-Forwarded-Proto": "https"}
    request = urllib.request.Request(f"{stack.cloud.endpoint}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def run(stack: Stack, report: Report) -> None:
    """Check the API, then what is made of the file, then faults."""
    acceptance(stack, report)
    refusals(stack, report)
    repeats(stack, report)
    faults(stack, report)
    killed(stack, report)
    publication(stack, report)
    report.sent = f"requests by the file, and {len(HOSTILE)} hostile ones;\n20 % of all calls fail; killed functions"


def acceptance(stack: Stack, report: Report) -> None:
    """Ping, create, read, list, replace and delete."""
    status, pong, _ = call(stack, "GET", "/ping", sign=False)
    report.check("ping answers everyone", (status, pong), (200, {"status": "ok", "version": "1.0.0"}))
    other = call(stack, "GET", "/ping", sign=False, stage="beta")
    report.check("so does it in another stage", other[:2], (status, pong))
    report.check("widgets answer signed requests only", call(stack, "GET", "/widgets", sign=False)[0], 403)
    body = {"name": f"One {stack.token}", "colour": "red", "note": None, "shape": CIRCLE}
    status, made, headers = create(stack, body)
    report.check("a widget is made", (status, {k: made[k] for k in body}, headers["ETag"]), (201, body, '"1"'))
    path = f"/widgets/{made['id']}"
    status, got, headers = call(stack, "GET", path)
    report.check("and read back", (status, got == made), (200, True))
    known = call(stack, "GET", path, headers={"If-None-Match": headers["ETag"]})[:2]
    report.check("a known state is not sent again", known, (304, None))
    renamed = {"name": f"Two {stack.token}"}
    status, got, headers = call(stack, "PUT", path, renamed, {"If-Match": '"1"'})
    report.check("a widget is replaced", (status, got["name"], headers["ETag"]), (200, renamed["name"], '"2"'))
    report.check("but not in an old state", call(stack, "PUT", path, renamed, {"If-Match": '"1"'})[0], 412)
    for number in range(4):
        create(stack, {"name": f"Page {number} {stack.token}"})
    names = [one["name"].split()[0:2] for one in widgets(stack, 2)]
    paged = [["Two", stack.token], *(["Page", str(number)] for number in range(4))]
    report.check("all pages have each widget once, in order", names, paged)
    report.check("an old state is not deleted", call(stack, "DELETE", path, headers={"If-Match": '"1"'})[0], 412)
    report.check("a widget is deleted", call(stack, "DELETE", path, headers={"If-Match": '"2"'})[:2], (204, None))
    report.check("and gone", call(stack, "GET", path)[0], 404)


def refusals(stack: Stack, report: Report) -> None:
    """Check that hostile input is refused and stored nowhere."""
    before = len(widgets(stack))
    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip(HOSTILE, pool.map(lambda case: create(stack, case[0])[0], HOSTILE.values()), strict=True))
    report.check("hostile input is refused", answers, {name: status for name, (_, status) in HOSTILE.items()})
    report.check("a request without a key is refused", call(stack, "POST", "/widgets", {"name": "x"})[0], 400)
    report.check("a key that is no key, too", create(stack, {"name": "x"}, "short")[0], 400)
    for query in ("limit=0", "limit=101", "limit=x", "limit=1&limit=2", "next=%00", "next="):
        status = call(stack, "GET", f"/widgets?{query}")[0]
        report.check(f"so is ?{query}", status, 400)
    report.check("an id that is none", call(stack, "GET", "/widgets/..%2Fkeys")[0] in (400, 403))
    report.check("nothing is stored", len(widgets(stack)), before)


def repeats(stack: Stack, report: Report) -> None:
    """Send one request eight times at once, and its key with another body."""
    body, key = {"name": f"Once {stack.token}"}, uuid.uuid4().hex
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: create(stack, body, key), range(8)))
    ids = {made["id"] for status, made, _ in answers if status == 201}
    report.check("a repeated request makes one widget", (len(ids), {s for s, _, _ in answers} <= {201, 503}), (1, True))
    status, refused, _ = create(stack, {"name": f"Other {stack.token}"}, key)
    report.check("its key fits no other body", (status, refused["reason"]), (422, "key_reused"))
    report.check("it is stored once", sum(one["name"] == body["name"] for one in widgets(stack)), 1)


def persist(stack: Stack, body: Any, attempts: int = 15) -> tuple[str, int]:
    """Send a widget with one key until it is made. Return its id and the attempts."""
    key = uuid.uuid4().hex
    for attempt in range(1, attempts + 1):
        status, made, _ = create(stack, body, key)
        if status == 201:
            return str(made["id"]), attempt
        assert status >= 500, (status, made)
    raise AssertionError(f"no widget after {attempts} attempts")


def faults(stack: Stack, report: Report) -> None:
    """Make widgets while one call in five fails."""
    bodies = [{"name": f"Fault {number} {stack.token}"} for number in range(20)]
    with stack.faults(*FAULTS, seed=7), ThreadPoolExecutor(4) as pool:
        made = [one for one, _ in pool.map(lambda body: persist(stack, body), bodies)]
    stored = [one["id"] for one in widgets(stack) if one["name"].startswith("Fault")]
    report.check("faults: nothing is lost, nothing doubled", (len(set(made)), sorted(stored)), (20, sorted(made)))


def killed(stack: Stack, report: Report) -> None:
    """Kill the function after the table has the widget."""
    kill = {
        "kind": "kill",
        "service": "dynamodb",
        "operation": "*",
        "count": 1,
        "after": True,
        "principal": f"{NAME}service",
    }
    with stack.faults(kill):
        made, attempts = persist(stack, {"name": f"Killed {stack.token}"})
    stored = [one["id"] for one in widgets(stack) if one["name"].startswith("Killed")]
    report.check("a killed run: one widget, at the second attempt", (stored, attempts), ([made], 2))


def publication(stack: Stack, report: Report) -> None:
    """Read what the build has published."""
    made = published(stack, "1.0.0")
    names = [(one["format"], one["name"], one["version"]) for one in made["packages"]]
    report.check("a client is published", names, [("pypi", "widgets-client", "1.0.0")])
    repository = stack.outputs["client_repository"]
    listed = stack.client("codeartifact").list_package_versions(
        domain=repository["domain"], repository=repository["repository"], format="pypi", package="widgets-client"
    )
    report.check("and in CodeArtifact", [one["version"] for one in listed["versions"]], ["1.0.0"])
    status, page, headers = read_documentation(stack, "/")
    report.check("the documentation is served", (status, b"<elements-api" in page), (200, True))
    report.check("and needs nothing from elsewhere", "default-src 'none'" in headers["Content-Security-Policy"])
    status, content, _ = read_documentation(stack, "/openapi.json")
    shown = json.loads(content)
    server = [{"url": stack.outputs["url"]}]
    report.check("it is that of the file", (status, shown["info"]["title"], shown["servers"]), (200, "Widgets", server))
    report.check("nothing else is in reach", read_documentation(stack, "/../reports/publication.json")[0] in (403, 404))
    report.check(
        "what API Gateway does not check is listed", any("Shape.oneOf" in one for one in stack.outputs["left_out"])
    )
