"""config_cache compared with its alternatives: no read, a direct call, and Powertools' parameters, in one run.

A cold start is measured by the CPU time of its processes, the function and the extension, which depends little on what
else the machine does, and by its duration, which does. The alternatives take turns, so that load meets all of them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from local.harness import scenario
from local.harness.cloud import local_cloud
from local.harness.terraform import Terraform
from local.services.extensions import Environment
from local.settings import ACCOUNT_ID, HOME
from scenarios.apps import config_cache as subject
from tools import package
from tools.bootstrap import RUNTIME

COLD, WARM = 40, 300
"""Cold starts of each alternative, and reads of a call."""

# Each handler reads the same parameter `n` times, and returns milliseconds a read and what was read.
_LOOP = """
import time
{imports}

def handler(event, context):
    values, times = set(), []
    for _ in range(event["n"]):
        began = time.perf_counter()
        values.add({read})
        times.append((time.perf_counter() - began) * 1000)
    return {{"times": times, "values": sorted(values)}}
"""
_DIRECT = 'import boto3\nSSM = boto3.client("ssm")'
_NAME = subject.PARAMETER
ALTERNATIVES = {
    "no read": _LOOP.format(imports="", read='"1"'),
    "direct call": _LOOP.format(
        imports=_DIRECT, read=f'SSM.get_parameter(Name="{_NAME}", WithDecryption=True)["Parameter"]["Value"]'
    ),
    "Powertools": _LOOP.format(
        imports="from aws_lambda_powertools.utilities import parameters",
        read=f'parameters.get_parameter("{_NAME}", decrypt=True, max_age=300)',
    ),
    "extension": _LOOP.format(imports="import config_cache", read='config_cache.parameter("limits")'),
    "extension, function with boto3": _LOOP.format(
        imports=f"{_DIRECT}\nimport config_cache", read='config_cache.parameter("limits")'
    ),
}
_OWN = f"""
import sys
sys.path.insert(0, {str(package.SOURCE / "apps/config_cache/layer")!r})
from switchyard_config_cache import aws, extension
"""
LIBRARIES = {
    "an interpreter alone": "",
    "with http.client and http.server": "import http.client, http.server",
    "with the extension's modules": _OWN,
    "and TLS, as on AWS": f"{_OWN}\naws.trust()",
    "and botocore with 3 clients": f"""{_OWN}
sys.path += {[str(path) for path in (RUNTIME / "lib").glob("python3*/site-packages")]!r}
import botocore.session
session = botocore.session.Session()
for name in ("ssm", "dynamodb", "secretsmanager"):
    session.create_client(name, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
""",
}
"""What a process imports -> its code."""
COMPARED = (
    ("extension", "direct call"),
    ("extension, function with boto3", "direct call"),
    ("extension", "Powertools"),
)


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    figures: list[tuple[str, float, str]] = []
    with _stack() as stack, _functions(stack) as functions:
        figures += _cold_starts(stack, functions)
        for name, function in functions.items():
            if name == "no read":
                continue
            times = [t for _ in range(3) for t in _invoke(stack, function, WARM)["times"][1:]]
            figures.append((f"warm read, p50: {name}", statistics.median(times), "ms"))
            figures.append((f"warm read, p99: {name}", statistics.quantiles(times, n=100)[98], "ms"))
        began = time.time()
        _invoke(stack, functions["extension"], WARM)
        calls = [call for call in stack.cloud.calls(began, subject.ROLE) if call["service"] == "ssm"]
        figures.append((f"AWS calls of {WARM} reads within the time to live", len(calls), "calls"))
    figures += [
        ("layer, zip size", (HOME / "build/layers/config_cache.zip").stat().st_size / 1000, "kB"),
        ("check function, zip size", (HOME / "build/apps/config_cache.zip").stat().st_size / 1000, "kB"),
    ]
    figures += _start_of_the_extension()
    figures += _libraries()
    return [{"figure": figure, "value": round(value, 3), "unit": unit} for figure, value, unit in figures]


def _cold_starts(stack: scenario.Stack, functions: dict[str, str]) -> list[tuple[str, float, str]]:
    """Return the figures of first calls in new environments, and what some take more than others in the same round."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in functions}
    names = list(functions)
    for number in range(COLD):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:  # each of them after and before each other one
            found[name].append(_cold(stack, functions[name]))
    figures = []
    for what in ("duration", "CPU"):
        for name, runs in found.items():
            values = [run[what] for run in runs]
            figures.append((f"cold start, {what}, p50: {name}", statistics.median(values), "ms"))
            figures.append((f"cold start, {what}, best: {name}", min(values), "ms"))
        for more, less in COMPARED:
            more_of_it = [a[what] - b[what] for a, b in zip(found[more], found[less], strict=True)]
            figures.append(
                (f"cold start, {what}, p50 in a round: {more} - {less}", statistics.median(more_of_it), "ms")
            )
    own = [run["extension"] for name, runs in found.items() for run in runs if name.startswith("extension")]
    return [*figures, ("cold start, CPU of the extension's process, p50", statistics.median(own), "ms")]


def _cold(stack: scenario.Stack, function: str) -> dict[str, float]:
    """Return what the first call of a new environment takes, with one read: its duration and its CPU time, in ms."""
    stack.client("lambda").update_function_configuration(FunctionName=function, Timeout=60)
    before = _processes()
    began = time.perf_counter()
    _invoke(stack, function, 1)
    duration = (time.perf_counter() - began) * 1000
    spent = {pid: _cpu(pid) for pid in _processes() - before}
    own = sum(
        ms for pid, ms in spent.items() if b"switchyard_config_cache" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    return {"duration": duration, "CPU": sum(spent.values()), "extension": own}


def _processes() -> set[int]:
    """Return the processes that run functions and extensions: those with the variables of an environment."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"AWS_LAMBDA_FUNCTION_NAME=bench-" in (folder / "environ").read_bytes():
                found.add(int(folder.name))
    return found


def _cpu(pid: int) -> float:
    """Return the CPU time of a process in ms, with that of its ended threads, as clock_getcpuclockid(3) gives it."""
    return time.clock_gettime((~pid << 3) | 2) * 1000


def _start_of_the_extension() -> list[tuple[str, float, str]]:
    """Return what the layer takes alone, the best of several starts. A function starts when it has registered."""
    function = {"name": "bench", "version": "$LATEST", "handler": "app.handler", "account": ACCOUNT_ID}
    variables = {"AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "token", "AWS_LAMBDA_FUNCTION_NAME": "bench-alone"}
    variables["CACHE_EXTENSION_CONFIG"] = json.dumps({"parameters": {"limits": {"name": "limits"}}})
    runs = []
    for _ in range(COLD):
        environment = Environment(
            function, [package.SOURCE / "apps/config_cache/layer"], variables, str(RUNTIME / "bin/python")
        )
        began = time.perf_counter()
        environment.start()
        registered = time.perf_counter() - began
        environment.initialized()
        [pid] = _processes()
        memory = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
        runs.append((registered * 1000, (time.perf_counter() - began) * 1000, _cpu(pid), int(memory.split()[1]) / 1024))
        environment.shutdown("spindown")
    registered, ready, cpu, memory = (min(values) for values in zip(*runs, strict=True))
    return [
        ("extension alone, until it has registered", registered, "ms"),
        ("extension alone, until it is ready", ready, "ms"),
        ("extension alone, CPU until it is ready", cpu, "ms"),
        ("extension alone, memory", memory, "MB"),
    ]


def _libraries() -> list[tuple[str, float, str]]:
    """Return the least CPU time of processes that import what the extension does, and what it could import."""
    spent: dict[str, list[float]] = {name: [] for name in LIBRARIES}
    for _ in range(COLD):
        for name, code in LIBRARIES.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([RUNTIME / "bin/python", "-I", "-S", "-B", "-c", code], check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return [(f"CPU of a process: {name}", min(values) * 1000, "ms") for name, values in spent.items()]


def _invoke(stack: scenario.Stack, function: str, reads: int) -> dict[str, Any]:
    answer = stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"n": reads}))
    found: dict[str, Any] = json.load(answer["Payload"])
    assert found.get("values") == ["1"], found
    return found


@contextlib.contextmanager
def _functions(stack: scenario.Stack) -> Iterator[dict[str, str]]:
    """Deploy the alternatives, under one role. Return their names."""
    wiring, api, iam = stack.outputs["wiring"]["orders"], stack.client("lambda"), stack.client("iam")
    arn = f"arn:aws:ssm:*:{ACCOUNT_ID}:parameter{_NAME}"
    allow = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": arn}
    iam.put_role_policy(RoleName=subject.ROLE, PolicyName="direct", PolicyDocument=json.dumps({"Statement": [allow]}))
    common = next(one for one in api.list_layers()["Layers"] if one["LayerName"].endswith("-common"))
    layers = [common["LatestMatchingVersion"]["LayerVersionArn"]]
    # On AWS, all layers are one folder. Here each one is a place to look at for each import: so all get two.
    other = api.publish_layer_version(LayerName="bench", Content={"ZipFile": _zip({"python/nothing.py": ""})})
    made = {}
    for number, (name, code) in enumerate(ALTERNATIVES.items()):
        extended = name.startswith("extension")
        made[name] = api.create_function(
            FunctionName=f"bench-{number}",
            Runtime="python3.13",
            Role=f"arn:aws:iam::{ACCOUNT_ID}:role/{subject.ROLE}",
            Handler="app.handler",
            Code={"ZipFile": _zip({"app.py": code})},
            Layers=layers + (wiring["layer_arns"] if extended else [other["LayerVersionArn"]]),
            Environment={"Variables": {**wiring["environment"], "CACHE_EXTENSION_TTL": "300s"} if extended else {}},
            Timeout=60,
        )["FunctionName"]
    yield made


def _zip(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


@contextlib.contextmanager
def _stack() -> Iterator[scenario.Stack]:
    """Return a local cloud of its own with the capability applied."""
    package.build(package.HOST_BUILD, package.Target.host(), ["config_cache"])
    # A cold start imports the SDK, and is found by the environment of its process.
    started = mock.patch.dict(os.environ, {"SWITCHYARD_FORK": "0"})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with started, local_cloud(folder / "cloud") as cloud:
            variables = subject.prepare(scenario.Stack(cloud, {}))
            variables["config_cache"]["parameters"]["limits"]["ttl_seconds"] = 300
            terraform = Terraform(cloud, folder / "root", variables)
            terraform.init()
            terraform.apply()
            yield scenario.Stack(cloud, terraform.outputs()["config_cache"])
