"""An OpenAPI file that changes or is broken, in a stack of its own: the API, its documentation and its clients."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from local.harness import scenario
from local.harness.cloud import Cloud, LocalCloudError
from local.harness.scenario import wait_until
from local.harness.terraform import Terraform
from local.settings import HOME, ROOT
from scenarios.apps import openapi_service as subject
from tests.e2e.conftest import only_with

pytestmark = only_with("apps/openapi_service")

FILE = ROOT / "modules" / "apps" / "openapi_service" / "widgets.yaml"


class Changing:
    """A stack with a prefix of its own, and the file that it deploys."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.file = folder / "openapi.yaml"
        self.file.write_text(FILE.read_text())
        self.settings: dict[str, Any] = {
            "file": str(self.file),
            "deletion_protection": False,
            "force_destroy": True,
            "policy": json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": "*",
                            "Action": "execute-api:Invoke",
                            "Resource": "execute-api:/*",
                        }
                    ],
                }
            ),
        }
        self.cloud = cloud
        self.terraform = Terraform(cloud, folder / "root", self._arguments())
        self.terraform.init()

    def _arguments(self) -> dict[str, Any]:
        return {"openapi_service": self.settings, "name_prefix": "changing"}

    def apply(self, change: Callable[[dict[str, Any]], Any] = lambda _: None, **settings: Any) -> None:
        """Change the file and settings, and apply once."""
        document = yaml.safe_load(self.file.read_text())
        change(document)
        self.file.write_text(yaml.safe_dump(document))
        self.settings |= settings
        self.terraform.write(self._arguments())
        self.terraform.apply()

    @property
    def stack(self) -> scenario.Stack:
        """Return the stack as a scenario sees it."""
        outputs = self.terraform.outputs()["openapi_service"]
        return scenario.Stack(self.cloud, outputs, "openapi_service")

    def deployments(self) -> dict[str, str]:
        """Return the ids of the API's deployments, by the version that each is a snapshot of."""
        api = self.stack.outputs["api_id"]
        found = self.cloud.client("apigateway").get_deployments(restApiId=api)["items"]
        return {str(one["description"]): str(one["id"]) for one in found}


@pytest.fixture
def changing(cloud: Cloud, tmp_path: Path) -> Iterator[Changing]:
    subject.prepare(scenario.Stack(cloud, {}))
    made = Changing(cloud, tmp_path)
    with made.terraform.one_provider():
        yield made
        made.terraform.destroy()


def test_one_apply_changes_api_documentation_and_clients(changing: Changing) -> None:
    changing.apply(lambda _: None)
    stack = changing.stack
    assert subject.published(stack, "1.0.0")
    before, kept = changing.deployments(), stack.outputs["release"]
    assert changing.terraform.drift() == ""  # OA-2: an unchanged file is an empty plan

    def later(document: dict[str, Any]) -> None:
        document["info"]["version"] = "1.1.0"
        document["paths"]["/health"] = {"get": {**document["paths"]["/ping"]["get"], "operationId": "health"}}

    parts = {"v1": 50, "beta": 100}
    stages = {name: {"release": kept, "canary": {"percent_traffic": part}} for name, part in parts.items()}
    changing.apply(later, stages=stages)
    # OA-2: one new deployment, which the canaries serve. The stages' own is still the one that was made of 1.0.0.
    after = changing.deployments()
    assert (sorted(after), after["1.0.0"]) == (["1.0.0", "1.1.0"], before["1.0.0"])
    assert served(stack, "beta") == ("1.1.0", True)
    wait_until("both in v1", lambda: {version_of(stack, "v1") for _ in range(10)} == {"1.0.0", "1.1.0"})
    made = subject.published(stack, "1.1.0")
    assert [(one["format"], one["version"], one["state"]) for one in made["packages"]] == [
        ("pypi", "1.1.0", "published"),
        ("npm", "1.1.0", "published"),
    ]
    shown = json.loads(subject.read_documentation(changing.stack, "/openapi.json")[1])
    assert (shown["info"]["version"], "/health" in shown["paths"]) == ("1.1.0", True)
    assert changing.terraform.drift() == ""
    # OA-3: settings that an import erases are still there.
    api = changing.cloud.client("apigateway").get_rest_api(restApiId=stack.outputs["api_id"])
    assert "execute-api:Invoke" in api["policy"]

    refused(changing, stack)
    promoted(changing, stack, kept, changing.stack.outputs["release"])
    npm(changing.stack)


def version_of(stack: scenario.Stack, stage: str) -> str:
    """Return the version of the file by which the service answers in a stage."""
    return str(subject.call(stack, "GET", "/ping", sign=False, stage=stage)[1]["version"])


def served(stack: scenario.Stack, stage: str) -> tuple[str, bool]:
    """Return that version, and whether the API of the stage has the path that came with 1.1.0."""
    # The sample service does not have it.
    known = {501: True, 403: False}[subject.call(stack, "GET", "/health", sign=False, stage=stage)[0]]
    return version_of(stack, stage), known


def refused(changing: Changing, stack: scenario.Stack) -> None:
    """See a broken file and a breaking one refused with their reasons, and nothing changed."""
    kept, before = changing.file.read_text(), changing.deployments()
    cases = {
        "no operationId": (lambda d: d["paths"]["/ping"]["get"].pop("operationId"), "operationId must be a name"),
        "the same version": (lambda d: d["info"].update(description="Other"), "1.1.0 is served"),
        "a path is gone": (
            lambda d: (d["paths"].pop("/health"), d["info"].update(version="1.2.0")),
            'accept_breaking_changes = "1.2.0"',
        ),
    }
    for name, (change, said) in cases.items():
        with pytest.raises(LocalCloudError) as caught:
            changing.apply(change)
        assert said in " ".join(str(caught.value).replace("│", " ").split()), name
        assert served(stack, "beta") == ("1.1.0", True), name
        changing.file.write_text(kept)
    assert changing.deployments() == before


def promoted(changing: Changing, stack: scenario.Stack, first: str, second: str) -> None:
    """Promote one canary and take the other back, while a new stage has a break that is accepted. Then go on with that.

    The route is gone in the stages that serve the break, the settings are not (OA-3).
    """

    def change(document: dict[str, Any]) -> None:
        del document["paths"]["/health"]
        document["info"]["version"] = "2.0.0"

    stages: dict[str, Any] = {"v1": {"release": second}, "beta": {"release": first}, "next": {}}
    changing.apply(change, accept_breaking_changes="2.0.0", stages=stages)
    assert {name: served(stack, name) for name in stages} == {
        "v1": ("1.1.0", True),
        "beta": ("1.0.0", False),
        "next": ("2.0.0", False),
    }
    assert sorted(changing.deployments()) == ["1.0.0", "1.1.0", "2.0.0"]

    changing.apply(stages={"v1": {}})
    assert served(stack, "v1") == ("2.0.0", False)
    assert list(changing.deployments()) == ["2.0.0"]
    api = changing.cloud.client("apigateway").get_rest_api(restApiId=stack.outputs["api_id"])
    assert "execute-api:Invoke" in api["policy"]
    assert subject.published(changing.stack, "2.0.0")


def npm(stack: scenario.Stack) -> None:
    """Install the TypeScript client from CodeArtifact, and import it."""
    import tempfile

    packages = stack.client("codeartifact")
    names = {key: stack.outputs["client_repository"][key] for key in ("domain", "repository")}
    endpoint = packages.get_repository_endpoint(format="npm", **names)["repositoryEndpoint"]
    token = packages.get_authorization_token(domain=names["domain"])["authorizationToken"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        place = endpoint.partition(":")[2]
        (folder / ".npmrc").write_text(f"{place}:_authToken={token}\n")
        command = ["npm", "pack", "--silent", "--registry", endpoint, "--userconfig", str(folder / ".npmrc")]
        subprocess.run([*command, "widgets-client@2.0.0"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        modules = folder / "node_modules"
        modules.mkdir()
        subprocess.run(["tar", "xzf", "widgets-client-2.0.0.tgz", "-C", str(modules)], cwd=folder, check=True)
        (modules / "package").rename(modules / "widgets-client")
        for name in ("openapi-fetch", "openapi-typescript-helpers"):
            (modules / name).symlink_to(HOME / "generators" / "node_modules" / name)
        program = (
            'import { createClient } from "widgets-client";\n'
            "const client = createClient({ baseUrl: process.argv[2] });\n"
            'const { data } = await client.GET("/ping");\n'
            "console.log(data.status, data.version);\n"
        )
        (folder / "use.mjs").write_text(program)
        said = subprocess.run(
            ["node", "use.mjs", subject.url(stack, "")], cwd=folder, check=True, capture_output=True, text=True
        ).stdout
        assert said.split() == ["ok", "2.0.0"]
        # The types know the paths: a wrong one does not compile.
        right = program.replace("process.argv[2]", '"x"').replace("data.", "data!.")
        (folder / "right.mts").write_text(right)
        (folder / "wrong.mts").write_text(right.replace("/ping", "/pong"))
        tsc = HOME / "generators" / "node_modules" / ".bin" / "tsc"
        options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom"]
        said = subprocess.run(
            [str(tsc), *options, "--pretty", "false", "right.mts", "wrong.mts"],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
        ).stdout
        errors = [line for line in said.splitlines() if ": error TS" in line]
        assert errors, "the wrong path is accepted"
        assert all(line.startswith(("wrong.mts(3,", "wrong.mts(4,")) for line in errors), said  # the call, its answer
        assert errors[0].startswith("wrong.mts(3,"), said
