"""connector_config without one permission at a time, changes by Terraform, and removals that are refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.terraform import Terraform
from local.settings import ACCOUNT_ID, REGION
from local.settings import ROOT as REPOSITORY
from scenarios.data import connector_config as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("data/connector_config")

ROLE = f"switchyard-connector-config-function-{REGION}"
NAME = "switchyard-e2e-leftover"
ROOT = """
provider "aws" {
  region = "%s"
}
variable "build_dir" { type = string }
variable "context" { type = any }
variable "arguments" { type = any }
module "connector_config" {
  source                = "./modules/data/connector_config"
  context               = merge(var.context, { build_dir = var.build_dir })
  plugins               = var.arguments.plugins
  worker_configurations = var.arguments.worker_configurations
  cluster               = var.arguments.cluster
  connectors            = var.arguments.connectors
  force_destroy         = true
}
output "connector_config" { value = module.connector_config }
"""


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("connector_config")
    return found


def due(stack: scenario.Stack, name: str = NAME) -> str:
    """Make a worker configuration that the next review removes. Return its ARN."""
    arn = subject.leftover(stack, name, subject.TAGS)
    subject.invoke(stack)
    subject.unused_for(stack, 8, name)
    return arn


def gone(stack: scenario.Stack, name: str = NAME) -> None:
    scenario.wait_until(f"{name} to be gone", lambda: not subject.existing(stack, [name]))


def test_the_function_needs_each_of_its_permissions(cloud: Cloud, stack: scenario.Stack) -> None:
    wanted = ["ListEverything", "ReadConnectors", "ReadConfigurations", "ReadTags", "TellMissingFromDenied"]
    wanted += ["ReadDeclared", "ReadReport", "WriteReport", "SendNotices", "RemoveUnused"]
    assert sids(cloud, ROLE) == wanted
    for sid in wanted:
        if sid == "TellMissingFromDenied":
            continue  # The local cloud, unlike S3, needs no permission for it.
        due(stack)  # a change, which is announced, and which ReadReport finds
        with without(cloud, ROLE, sid):
            said = subject.invoke(stack).get("errorMessage", "")
            assert "AccessDenied" in said or "AuthorizationError" in said, f"works without {sid}: {said}"
        assert "errorType" not in subject.invoke(stack), sid
        gone(stack)


def test_operations_are_read_with_a_permission(cloud: Cloud, stack: scenario.Stack) -> None:
    ours = stack.outputs["connectors"]["orders"]
    subject.update(stack, ours["arn"], {**subject.SETTINGS, "tasks.max": "3"})
    iam = stack.client("iam")
    policy = iam.get_role_policy(RoleName=ROLE, PolicyName="grants")["PolicyDocument"]
    less = json.loads(json.dumps(policy).replace(', "kafkaconnect:ListConnectorOperations"', ""))
    assert less != policy
    iam.put_role_policy(RoleName=ROLE, PolicyName="grants", PolicyDocument=json.dumps(less))
    try:
        assert "AccessDeniedException at list_connector_operations" in subject.invoke(stack)["errorMessage"]
        row = subject.rows(stack, "connectors")[ours["name"]]
        assert (row["drift"], row["last_operation"]) == (["setting changed: tasks.max"], None)
    finally:
        iam.put_role_policy(RoleName=ROLE, PolicyName="grants", PolicyDocument=json.dumps(policy))
        subject.update(stack, ours["arn"], subject.SETTINGS)
    assert subject.invoke(stack)["drifted"] == 0


def test_a_removal_that_is_refused_is_named_and_not_tried_again(stack: scenario.Stack) -> None:
    due(stack)
    refusal = {"principal": "connector-config", "operation": "DeleteWorkerConfiguration", "kind": "error"}
    with stack.faults({**refusal, "status": 400, "code": "BadRequestException"}):
        answer = subject.invoke(stack)
    assert f"{NAME}: BadRequestException at delete_worker_configuration" in answer["errorMessage"]
    row = subject.rows(stack, "worker_configurations")[NAME]
    assert (row["decision"], row["refusal"]) == ("refused", "BadRequestException at delete_worker_configuration")
    assert subject.existing(stack, [NAME]) == [NAME]
    assert "errorType" not in subject.invoke(stack)
    gone(stack)


def test_an_answer_that_is_lost_removes_once(stack: scenario.Stack) -> None:
    due(stack)
    lost = {"principal": "connector-config", "operation": "DeleteWorkerConfiguration", "kind": "error", "count": 1}
    with stack.faults({**lost, "status": 503, "after": True}):
        assert "errorType" not in subject.invoke(stack)
    assert subject.rows(stack, "worker_configurations")[NAME]["decision"] == "removed"
    gone(stack)


def test_the_service_refuses_what_is_in_use(stack: scenario.Stack) -> None:
    api, used = stack.client("kafkaconnect"), stack.outputs["worker_configurations"]["strings"]
    with pytest.raises(api.exceptions.BadRequestException, match="in use"):
        api.delete_worker_configuration(workerConfigurationArn=used["arn"])
    assert subject.existing(stack, [used["name"]]) == [used["name"]]


# --- changes by Terraform ---


@pytest.fixture(scope="module")
def own(cloud: Cloud, stack_of: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A second stack of this capability alone: call it with arguments to apply them, and whether a drift remains."""
    stack: scenario.Stack = stack_of("connector_config")
    folder, root = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("root")
    (root / "main.tf").write_text(ROOT % REGION)
    (root / "versions.tf").write_text((REPOSITORY / "versions.tf").read_text())
    function = stack.client("lambda").get_function_configuration(FunctionName=stack.outputs["function_names"]["review"])
    context = {
        "name_prefix": "connect",
        "partition": "aws",
        "account_id": ACCOUNT_ID,
        "region": REGION,
        "kms_key_arn": function["KMSKeyArn"],
        "alarm_topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:switchyard-alarms",
        "access_log_bucket": f"switchyard-access-logs-{ACCOUNT_ID}-{REGION}",
        "package_bucket": f"switchyard-packages-{ACCOUNT_ID}-{REGION}",
        "log_retention_days": 30,
        "layer_arns": [one["Arn"] for one in function["Layers"]],
        "tags": {"stack": "connect"},
    }
    terraform = Terraform(cloud, folder / "applied", {}, root)
    terraform.init()

    def apply(arguments: dict[str, Any], drift: bool | None = None) -> Any:
        terraform.set_variables({"context": context, "arguments": arguments})
        terraform.apply()
        if drift is not None:
            assert bool(terraform.drift()) is drift
        return terraform.outputs()["connector_config"]

    with terraform.one_provider():
        yield apply
        terraform.destroy()
    api = stack.client("kafkaconnect")
    assert not api.list_connectors(connectorNamePrefix="connect-")["connectors"]
    assert not api.list_worker_configurations(namePrefix="connect-")["workerConfigurations"]
    assert not api.list_custom_plugins(namePrefix="connect-")["customPlugins"]


def arguments(stack: scenario.Stack) -> dict[str, Any]:
    """Return the scenario's arguments, as a copy that can be changed."""
    versions = stack.client("s3").list_object_versions(Bucket=subject.PLUGINS, Prefix=subject.KEY)["Versions"]
    copied: dict[str, Any] = json.loads(json.dumps(subject.settings(versions[0]["VersionId"])))
    return copied


def names(stack: scenario.Stack, kind: str) -> list[str]:
    """Return the names of this stack's worker configurations, plugins or connectors, without the deleted ones."""
    pages = {"worker_configurations": "workerConfigurations", "custom_plugins": "customPlugins"}
    listed = getattr(stack.client("kafkaconnect"), f"list_{kind}")(namePrefix="connect-")[pages[kind]]
    return [one["name"] for one in listed]


def test_changes_by_terraform(stack: scenario.Stack, own: Any) -> None:
    given = arguments(stack)
    first = own(given, drift=False)
    connector = first["connectors"]["orders"]
    # A setting changes in place: one call, with the settings alone.
    given["connectors"]["orders"]["configuration"]["tasks.max"] = "2"
    second = own(given)
    assert second == first
    live = subject.running(stack, connector["arn"])
    assert live["connectorConfiguration"]["tasks.max"] == "2"
    # So does the capacity.
    given["connectors"]["orders"]["capacity"]["max_workers"] = 3
    assert own(given) == first
    assert subject.running(stack, connector["arn"])["capacity"]["autoScaling"]["maxWorkerCount"] == 3
    operations = stack.client("kafkaconnect").list_connector_operations(connectorArn=connector["arn"])
    kinds = [one["connectorOperationType"] for one in operations["connectorOperations"]]
    assert kinds == ["UPDATE_WORKER_SETTING", "UPDATE_CONNECTOR_CONFIGURATION"]
    # Another content is another worker configuration: it exists before the connector leaves the old one.
    given["worker_configurations"]["strings"]["properties"]["offset.flush.interval.ms"] = "5000"
    third = own(given)
    assert third["worker_configurations"]["strings"]["name"] != first["worker_configurations"]["strings"]["name"]
    assert third["connectors"]["orders"]["name"] == connector["name"]
    assert third["connectors"]["orders"]["arn"] != connector["arn"]
    assert third["plugins"] == first["plugins"]
    assert names(stack, "worker_configurations") == [third["worker_configurations"]["strings"]["name"]]
    # Another version of the file is another plugin.
    body = {"Bucket": subject.PLUGINS, "Key": subject.KEY, "Body": b"a newer file"}
    given["plugins"]["s3-sink"]["object_version"] = stack.client("s3").put_object(**body)["VersionId"]
    fourth = own(given, drift=False)
    assert fourth["plugins"]["s3-sink"]["name"] != first["plugins"]["s3-sink"]["name"]
    assert names(stack, "custom_plugins") == [fourth["plugins"]["s3-sink"]["name"]]


def test_a_change_that_aws_rolls_back_is_a_drift(stack: scenario.Stack, own: Any) -> None:
    """Terraform says that the apply is complete: https://github.com/hashicorp/terraform-provider-aws/issues/47004."""
    given = arguments(stack)
    outputs = own(given)
    made = outputs["connectors"]["orders"]
    stack.cloud.command("kafkaconnect/refuse_update", {"arn": made["arn"]})
    given["connectors"]["orders"]["configuration"]["tasks.max"] = "7"
    own(given, drift=True)
    review = scenario.Stack(stack.cloud, outputs)
    subject.invoke(review)
    row = subject.rows(review, "connectors")[made["name"]]
    assert row["drift"] == ["setting changed: tasks.max"]
    assert row["last_operation"] == "UPDATE_CONNECTOR_CONFIGURATION: ROLLBACK_COMPLETE"
    own(given)  # a second apply
    subject.invoke(review)
    assert subject.rows(review, "connectors")[made["name"]]["drift"] == []
