"""step_up_auth: the authorizer's reads, network calls for keys, warm latency and cold start; signature verification."""

from __future__ import annotations

import statistics
import tempfile
import time
import timeit
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from local.harness import demo, scenario
from local.harness.cloud import local_cloud
from local.harness.terraform import Terraform
from local.settings import HOME
from scenarios.identity import step_up_auth as subject
from tools import package

AUTHORIZER = "switchyard-step-up-auth-authorizer"
EVENT = {"resource": "/transfer", "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:a/v1/POST/transfer"}


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []

    def note(figure: str, value: float, unit: str) -> None:
        results.append({"figure": figure, "value": round(value, 3), "unit": unit})

    for name, path in (("zip", "identity/step_up_auth.zip"), ("layer", "layers/jwt.zip")):
        note(f"{name} size", (HOME / "build" / path).stat().st_size / 1000, "kB")
    for name, seconds in signatures().items():
        note(name, seconds * 1000, "ms")
    package.build(package.HOST_BUILD, package.Target.host(), ["step_up_auth"])
    modules = scenario.find(["step_up_auth"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_cloud(folder / "cloud") as cloud:
            variables = demo.variables_of(modules) | scenario.prepare(modules, cloud)
            terraform = Terraform(cloud, folder / "root", variables)
            terraform.init()
            terraform.apply()
            stack = scenario.Stack(cloud, terraform.outputs()["step_up_auth"])
            user = subject.User(stack, "bench", phone=subject.PHONE)
            latency(stack, user, note)
    return results


def latency(stack: scenario.Stack, user: subject.User, note: Callable[[str, float, str], None]) -> None:
    """Measure the authorizer alone, invoked as API Gateway invokes it, and whole requests."""
    client = stack.client("lambda")
    event = {**EVENT, "headers": {"Authorization": f"Bearer {user.token}"}}
    from json import dumps, load

    def ask() -> tuple[float, Any]:
        started = time.perf_counter()
        answer = load(client.invoke(FunctionName=AUTHORIZER, Payload=dumps(event))["Payload"])
        return (time.perf_counter() - started) * 1000, answer

    note("cold start to first answer, imports, keys and tables", ask()[0], "ms")
    assert user.step_up()[0] == 200
    ask()
    since = time.time()
    times = [ask() for _ in range(300)]
    assert all(answer["context"]["stepUpState"] == "STEP_UP_COMPLETED" for _, answer in times)
    calls = [c for c in stack.cloud.calls(since) if AUTHORIZER in c["principal"]]
    cuts = statistics.quantiles([ms for ms, _ in times], n=100)
    note("authorizer, warm, p50", cuts[49], "ms")
    note("authorizer, warm, p99", cuts[98], "ms")
    note("table reads per decision", len(calls) / len(times), "reads")
    note("calls that are no table reads", sum(c["operation"] != "GetItem" for c in calls), "calls")
    whole = []
    for _ in range(100):
        started = time.perf_counter()
        assert user.call("POST /transfer")[0] == 200
        whole.append((time.perf_counter() - started) * 1000)
    note("whole request (authorizer, back end), warm, p50", statistics.median(whole), "ms")


def signatures() -> dict[str, float]:
    """Return the seconds that one token's verification takes with each algorithm, and those of the first imports."""
    import subprocess
    import sys

    from tests.unit.identity.step_up_auth import issuer

    sys.path.insert(0, str(Path(__file__).parent.parent / "lambda_src"))
    site = issuer.Site()
    site.pages[issuer.JWKS] = issuer.every_kind()
    verifier = issuer.verifier(issuer.TRUST, site)
    code = "import time; t = time.perf_counter(); import jwt; jwt.PyJWK; print(time.perf_counter() - t)"
    imports = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) for _ in range(5)
    ]
    taken = {}
    for algorithm, signer in issuer.SIGNERS.items():
        token = issuer.compact({"alg": algorithm, "kid": algorithm}, issuer.claims(), signer)
        taken[f"verification, {algorithm}"] = timeit.timeit(partial(verifier.verify, token), number=500) / 500
    return {**taken, "import of PyJWT and cryptography, once a cold start": statistics.median(imports)}
