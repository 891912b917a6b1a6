"""config_cache compared with its alternatives: no read, a direct call, and Powertools' parameters, in one run."""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.harness import scenario
from local.harness.cloud import free_port, start, stop
from local.harness.terraform import Terraform
from local.settings import ACCOUNT_ID, HOME
from scenarios.apps import config_cache as subject
from tools import package
from tools.bootstrap import RUNTIME

COLD, WARM = 15, 300

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
# What the extension would import if it called AWS with its SDK.
_SDK = """
import botocore.session
session = botocore.session.Session()
for name in ("ssm", "dynamodb", "secretsmanager"):
    session.create_client(name, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
"""
_OWN = """
import sys
sys.path.insert(0, {layer!r})
from switchyard_config_cache import extension
from switchyard_config_cache.aws import trust
trust()
"""


def measure() -> list[dict[str, Any]]:
    """Figures as {"figure", "value", "unit"}."""
    figures: list[tuple[str, float, str]] = []
    with _stack() as stack, _functions(stack) as functions:
        cold: dict[str, list[float]] = {name: [] for name in functions}
        for _ in range(COLD):
            for name, function in functions.items():  # in turn, so that all have the same neighbours
                cold[name].append(_cold(stack, function))
        for name, times in cold.items():
            figures.append((f"cold start to first answer, p50: {name}", statistics.median(times), "ms"))
            figures.append((f"cold start to first answer, best: {name}", min(times), "ms"))
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
    layer = str(package.SOURCE / "apps/config_cache/layer")
    for name, code in (("standard library", _OWN.format(layer=layer)), ("botocore instead", _SDK)):
        cpu, memory = _process(code)
        figures += [(f"extension's imports, CPU: {name}", cpu, "ms"), (f"extension's memory: {name}", memory, "MB")]
    return [{"figure": figure, "value": round(value, 3), "unit": unit} for figure, value, unit in figures]


def _process(code: str) -> tuple[float, float]:
    """Return the least CPU time in ms, and the peak memory in MB, of a process that runs code."""
    # Not ru_maxrss, which a process takes over from the one that starts it.
    usage = """
import resource
used = resource.getrusage(resource.RUSAGE_SELF)
memory = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(used.ru_utime + used.ru_stime, memory)
"""
    runs = []
    for _ in range(7):
        done = subprocess.run(
            [RUNTIME / "bin/python", "-I", "-c", code + usage], capture_output=True, text=True, check=True
        )
        runs.append([float(part) for part in done.stdout.split()])
    return min(cpu for cpu, _ in runs) * 1000, runs[0][1] / 1024


def _cold(stack: scenario.Stack, function: str) -> float:
    """Return the milliseconds of the first call of a new environment, with one read."""
    stack.client("lambda").update_function_configuration(FunctionName=function, Timeout=60)
    began = time.perf_counter()
    _invoke(stack, function, 1)
    return (time.perf_counter() - began) * 1000


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
    made = {}
    for number, (name, code) in enumerate(ALTERNATIVES.items()):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", code)
        extended = name.startswith("extension")
        made[name] = api.create_function(
            FunctionName=f"bench-{number}",
            Runtime="python3.13",
            Role=f"arn:aws:iam::{ACCOUNT_ID}:role/{subject.ROLE}",
            Handler="app.handler",
            Code={"ZipFile": packed.getvalue()},
            Layers=layers + (wiring["layer_arns"] if extended else []),
            Environment={"Variables": {**wiring["environment"], "CACHE_EXTENSION_TTL": "300s"} if extended else {}},
            Timeout=60,
        )["FunctionName"]
    yield made


@contextlib.contextmanager
def _stack() -> Iterator[scenario.Stack]:
    """Return a local cloud of its own with the capability applied."""
    package.build(package.HOST_BUILD, package.Target.host(), ["config_cache"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cloud, pid = start(free_port(), folder / "cloud")
        try:
            variables = subject.prepare(scenario.Stack(cloud, {}))
            variables["config_cache"]["parameters"]["limits"]["ttl_seconds"] = 300
            terraform = Terraform(cloud, folder / "root", variables)
            terraform.init()
            terraform.apply()
            yield scenario.Stack(cloud, terraform.outputs()["config_cache"])
        finally:
            stop(pid)
