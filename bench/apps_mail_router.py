"""mail_router: mails from SES's door to SES's door, in number and size, and the router's own work on one of 25 MiB."""

from __future__ import annotations

import base64
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.harness import demo, scenario
from local.harness.cloud import local_cloud
from local.harness.terraform import Terraform
from local.settings import HOME, REGION, ROOT
from scenarios import mails
from scenarios.apps import mail_router as subject
from tools import package

sys.path.insert(0, str(ROOT / "lambda_src"))  # As in pytest: the router's own work runs in this process.
from apps.mail_router import headers, judge, outgoing, records, text

SMALL = 200
LARGE, LARGE_BYTES = 10, 1_900_000
LARGEST = 25 * 1024 * 1024


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 3), "unit": unit})

    own_work(note)
    note("zip size", (HOME / "build" / "apps/mail_router.zip").stat().st_size / 1000, "kB")
    package.build(package.HOST_BUILD, package.Target.host(), ["mail_router"])
    modules = scenario.find(["mail_router"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            variables = demo.variables_of(modules) | scenario.prepare(modules, cloud) | {"mail_router": subject.PLAIN}
            terraform = Terraform(cloud, folder / "root", variables)
            terraform.init()
            terraform.apply()
            through(scenario.Stack(cloud, terraform.outputs()["mail_router"]), note)
    return results


def own_work(note: Callable[[str, float, str], None]) -> None:
    """Measure what the router does to a mail of 25 MiB, without calls."""
    attachment = base64.encodebytes(os.urandom(LARGEST * 3 // 4 * 76 // 78)).replace(b"\n", b"\r\n")
    boundary = 'Content-Type: multipart/mixed; boundary="b"'
    part = ("--b", "Content-Type: application/pdf", "Content-Transfer-Encoding: base64", "")
    raw = mails.lines(
        *mails.head(boundary), "--b", "Content-Type: text/plain", "", mails.ENGLISH, *part, attachment, "--b--"
    )
    sender = outgoing.Sender("router@example.com", "m", ("info@example.com",))

    def handle() -> None:
        fields, body = headers.split(raw)
        found = judge.judge(fields, "m", ("info@example.com",))
        text.read(raw[: text.READ_BYTES]).sample(5_000)
        records.identity("key", fields, body)
        assert not outgoing.too_long(body)
        outgoing.forward(sender, fields, body, ["team@example.org"], found.verdicts)

    times = []
    for _ in range(5):
        started = time.perf_counter()
        handle()
        times.append((time.perf_counter() - started) * 1000)
    note("own work on a mail of 25 MiB", statistics.median(times), "ms")
    tracemalloc.start()
    handle()
    note("memory for it without the mail itself", tracemalloc.get_traced_memory()[1] / 1024**2, "MiB")
    tracemalloc.stop()


def through(stack: scenario.Stack, note: Callable[[str, float, str], None]) -> None:
    """Measure mails on their whole way."""
    started = time.perf_counter()
    subject.settled(stack, [subject.arrive(stack, mails.Mail(mails.plain("Hello, this is the first one"), "en"))])
    note("first mail, with the function's cold start", (time.perf_counter() - started) * 1000, "ms")
    small = [mails.plain(f"{mails.ENGLISH} {n}", subject=f"Order {n}") for n in range(SMALL)]
    since, seconds = time.time(), _sent(stack, small)
    note("small mails", SMALL / seconds, "mails/s")
    calls = stack.cloud.calls(since, f"{subject.ROLE}-{REGION}/")
    polls = [call for call in calls if call["service"] == "sqs"]  # Lambda's, for the function
    note("calls of AWS's APIs for each mail", (len(calls) - len(polls)) / SMALL, "calls")
    large = [
        mails.plain(f"{mails.ENGLISH}\n" * (LARGE_BYTES // 80) + str(n), subject=f"Large {n}") for n in range(LARGE)
    ]
    note("mails of 1.9 MB", sum(map(len, large)) / 1e6 / _sent(stack, large), "MB/s")


def _sent(stack: scenario.Stack, raw: list[bytes]) -> float:
    """Hand over mails. Return the seconds until SES has reported the last one."""
    started = time.perf_counter()
    subject.settled(stack, [subject.arrive(stack, mails.Mail(one, "en")) for one in raw])
    return time.perf_counter() - started
