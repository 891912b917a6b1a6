"""openapi_service without one permission at a time; a file that changes or is broken; its clients in use."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import HOME, REGION, ROOT
from scenarios.apps import openapi_service as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("apps/openapi_service")

FILE = ROOT / "modules" / "apps" / "openapi_service" / "widgets.yaml"
PREPARE = f"switchyard-openapi-prepare-function-{REGION}"
SERVICE = f"switchyard-openapi-service-function-{REGION}"
BUILD = f"switchyard-openapi-publication-build-{REGION}"


@pytest.fixture(scope="module")
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("openapi_service")
    return found


def prepare(stack: scenario.Stack) -> str:
    """Return the error of the function that checks files, called with a broken one; "" without an error."""
    functions = stack.client("lambda")
    answer = functions.invoke(
        FunctionName=stack.outputs["function_names"]["prepare"], Payload=json.dumps({"document": "", "target": {}})
    )
    return str(json.load(answer["Payload"]).get("errorMessage", ""))


def test_the_check_needs_each_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, PREPARE) == ["ReadServedFile", "FindServedFile"]
    for sid in ("ReadServedFile", "FindServedFile"):
        with without(cloud, PREPARE, sid):
            # Without the second one, S3 denies the file that is not there. Here there is one.
            assert ("AccessDenied" in prepare(stack)) == (sid == "ReadServedFile")
    assert prepare(stack) == ""


def test_the_service_needs_each_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    assert sids(cloud, SERVICE) == ["KeepWidgets", "ReadFile"]
    with without(cloud, SERVICE, "KeepWidgets"):
        assert subject.call(stack, "GET", "/widgets")[0] == 502
    assert subject.call(stack, "GET", "/widgets")[0] == 200


def test_builds_need_each_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    builds = stack.client("codebuild")

    def build() -> str:
        started = builds.start_build(projectName=stack.outputs["project_name"])["build"]["id"]

        def ended() -> str:
            found = builds.batch_get_builds(ids=[started])["builds"][0]
            return str(found["buildStatus"]) if found["buildComplete"] else ""

        return wait_until("the build", ended, 240)

    subject.published(stack, "1.0.0")
    wanted = sids(cloud, BUILD)
    for sid in ("WriteOwnLogs", "ReadKit"):
        with without(cloud, BUILD, sid):
            assert build() == "FAILED", f"works without {sid}"
    assert build() == "SUCCEEDED"
    assert {"WriteReport", "WriteDocumentation", "ReadServedFile", "UseKeysThroughS3"} <= set(wanted)


def test_the_published_client_works(stack: scenario.Stack, tmp_path: Path) -> None:
    """Installed from CodeArtifact, imported, and used against the API."""
    subject.published(stack, "1.0.0")
    packages = stack.client("codeartifact")
    names = {key: stack.outputs["client_repository"][key] for key in ("domain", "repository")}
    endpoint = packages.get_repository_endpoint(format="pypi", **names)["repositoryEndpoint"]
    token = packages.get_authorization_token(domain=names["domain"])["authorizationToken"]
    index = endpoint.replace("http://", f"http://aws:{token}@") + "simple/"
    uv = HOME / "venv" / "bin" / "uv"
    target = tmp_path / "installed"
    # Its dependencies are those of the generator's own environment: httpx and attrs.
    install = ["pip", "install", "--quiet", "--no-deps", "--target", str(target), "--default-index", index]
    subprocess.run([str(uv), *install, "--no-config", "widgets-client==1.0.0"], check=True, cwd=tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from widgets_client import Client\n"
        "from widgets_client.api.default import ping, list_widgets\n"
        "client = Client(base_url=sys.argv[2])\n"
        "pong = ping.sync(client=client)\n"
        "print(pong.status.value, pong.version, list_widgets.sync_detailed(client=client).status_code.value)\n"
    )
    python = HOME / "generators" / "bin" / "python"
    said = subprocess.run(
        [str(python), "-c", program, str(target), subject.url(stack, "")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said.split() == ["ok", "1.0.0", "403"]  # the last one is not signed
