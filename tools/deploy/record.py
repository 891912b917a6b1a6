"""Record which API operations each resource type of Terraform's provider calls, on the local cloud.

    python -m tools.deploy.record [capability …]

It applies this repository's root with the scenarios' settings, plans, applies a change of what all resources share
(tags, log retention, permissions boundary, packages), and destroys. The provider's log says for which resource type and
which step it makes each call; the gateway's record says what IAM was asked. `calls.json` keeps the operations that were
seen by resource type: `read` for plans, `change` for the rest. A run of some capabilities adds what is new.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from local.harness import demo, scenario
from local.harness.cloud import Cloud, local_cloud
from local.harness.terraform import Terraform
from tools import package
from tools.bootstrap import LOCK_FILE, ROOT, STATE, locked_providers
from tools.deploy.data import CALLS, CHANGE, READ, Calls

PREFIX = "rec-ord"
_READS = {"ReadResource", "ReadDataSource", "ConfigureProvider", "PlanResourceChange"}


def provider_version() -> str:
    """Return the version of the AWS provider in the lock file."""
    [version] = [v for name, v in locked_providers(LOCK_FILE.read_text()).items() if name.endswith("/hashicorp/aws")]
    return version


def requests(log: Iterable[str]) -> Iterator[tuple[str, bool, str, str]]:
    """Yield (resource type, whether it only read, `<API>:<operation>`, invocation id) of each request in a log.

    The type of a data source begins with `data.`; the provider's own calls have the type `provider`.
    """
    for line in log:
        entry = json.loads(line) if line.startswith("{") and "HTTP Request Sent" in line else {}
        if not entry.get("rpc.method"):
            continue
        rpc = str(entry.get("tf_rpc", ""))
        data_source = entry.get("tf_data_source_type")
        name = f"data.{data_source}" if data_source else str(entry.get("tf_resource_type") or "provider")
        operation = f"{_api(entry)}:{entry['rpc.method']}"
        yield name, rpc in _READS, operation, str(entry.get("http.request.header.amz_sdk_invocation_id", ""))


def _api(entry: Mapping[str, Any]) -> str:
    """Return the name of the API that a request was for, as its signature has it."""
    header = str(entry.get("http.request.header.authorization", ""))
    signed = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", header)
    return signed[1] if signed else str(entry.get("rpc.service", ""))


def asked(calls: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the actions that IAM was asked about, by the invocation id of the call."""
    found: dict[str, set[str]] = {}
    for call in calls:
        if call["invocation"]:
            found.setdefault(call["invocation"], set()).update(check["action"] for check in call["checks"])
    return found


def dependent(operation: str, actions: Iterable[str]) -> set[str]:
    """Return the actions of other services that a call needed: the use of a key, and passing a role."""
    service = operation.partition(":")[0]
    return {action for action in actions if action.startswith(("kms:", "iam:PassRole")) and service != action[:3]}


def collect(log: Iterable[str], calls: Iterable[Mapping[str, Any]]) -> Calls:
    """Return what a log and the gateway's record say, by resource type."""
    questions, found = asked(calls), Calls({}, "")
    for name, reads, operation, invocation in requests(log):
        for item in {operation, *dependent(operation, questions.get(invocation, ()))}:
            found.add(name, READ if reads else CHANGE, item)
    return found


def _other_packages(folder: Path) -> Path:
    """Copy the packages with one more file in each, so that every function and layer is updated."""
    other = folder / "build"
    shutil.copytree(package.HOST_BUILD, other)
    for path in other.rglob("*.zip"):
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("changed.txt", "changed")
    return other


def run(cloud: Cloud, folder: Path, names: Sequence[str]) -> Calls:
    """Apply, plan, change and destroy. Return what was called."""
    modules = scenario.find(names)
    variables = demo.variables_of(modules) | scenario.prepare(modules, cloud) | {"name_prefix": PREFIX}
    first = variables | {"tags": {"stage": "one"}, "access_log_force_destroy": True}
    boundary = cloud.client("iam").create_policy(
        PolicyName="recorded-boundary",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        ),
    )["Policy"]["Arn"]
    second = first | {
        "tags": {"stage": "two"},
        "log_retention_days": 400,
        "permissions_boundary_arn": boundary,
        "alarm_emails": ["other@example.com"],
        "build_dir": str(_other_packages(folder)),
    }
    log = folder / "terraform.log"
    terraform = Terraform(cloud, folder / "root", first, root=ROOT)
    terraform.init()
    terraform.environment |= {"TF_LOG": "JSON", "TF_LOG_CORE": "OFF", "TF_LOG_PATH": str(log)}
    terraform.apply()
    made = terraform.state()
    terraform.drift()
    terraform.set_variables(second)
    terraform.apply()
    terraform.drift()
    terraform.destroy()
    calls = cloud.calls()
    (folder / "calls.json").write_text(json.dumps(calls))
    with log.open() as lines:
        found = collect(lines, calls)
    for name in types_in(made):  # also those that need no call, such as aws_partition
        found.types.setdefault(name, {READ: [], CHANGE: []})
    return found


def types_in(state: Mapping[str, Any]) -> set[str]:
    """Return the types of resources and data sources in a state."""
    return {("data." if r["mode"] == "data" else "") + r["type"] for r in state.get("resources", [])}


def main(names: Sequence[str]) -> int:
    """Record and write the file."""
    package.build(package.HOST_BUILD, package.Target.host())
    folder = STATE / "deploy-record"
    shutil.rmtree(folder, ignore_errors=True)
    with local_cloud(folder / "cloud") as cloud:
        found = run(cloud, folder, names)
    known = Calls.read() if names and CALLS.exists() else Calls({}, "")
    known.merge(found)
    Calls(known.types, provider_version()).write()
    print(f"{len(found.types)} types recorded in {CALLS.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
