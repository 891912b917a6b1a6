"""The roles of `deploy_role/` deploy a stack: Terraform runs under them, with IAM enforced, from plan to destroy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud, LocalCloudError
from local.harness.scenario import Stack
from local.harness.terraform import Terraform
from local.settings import ACCOUNT_ID
from scenarios.issuers import Issuer
from scenarios.protection import kms_quota_alarms as scenario
from tests.e2e.conftest import only_with
from tools import stack
from tools.authorization import Reference
from tools.deploy import data, evaluate, policy

pytestmark = only_with("protection/kms_quota_alarms")

PREFIX = "deployed"
REPOSITORY = "example/our-stack"
CAPABILITY = "kms_quota_alarms"

# Statements for what the small stack of this test does not do: the tags of its functions do not change.
NOT_EXERCISED = {"LambdaEventSourceMappingFunction"}


GITHUB = Issuer()


@dataclass
class Deployer:
    """The account in which an administrator has applied `deploy_role/`, and the stack that CI deploys."""

    cloud: Cloud
    outputs: dict[str, str]
    stack: Terraform

    def assume(self, role: str, subject: str, audience: str = "sts.amazonaws.com") -> dict[str, str]:
        """Return the environment of a job that has assumed a role with its token."""
        answer = self.cloud.client("sts").assume_role_with_web_identity(
            RoleArn=self.outputs[role], RoleSessionName="ci", WebIdentityToken=GITHUB.token(subject, audience)
        )
        found = answer["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
            "AWS_SESSION_TOKEN": found["SessionToken"],
        }

    def become(self, role: str, subject: str) -> None:
        """Run Terraform as a role from now on."""
        self.stack.environment |= self.assume(role, subject)

    def calls(self, since: float = 0.0) -> list[dict[str, Any]]:
        """Return Terraform's calls under the roles."""
        calls = self.cloud.calls(since, principal=f":assumed-role/deploy-{PREFIX}-")
        return [call for call in calls if call["agent"] == "Terraform"]


APPLY = ("apply_role_arn", f"repo:{REPOSITORY}:environment:production")
PLAN = ("plan_role_arn", f"repo:{REPOSITORY}:pull_request")


@pytest.fixture(scope="module")
def deployer(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Deployer:
    folder: Path = tmp_path_factory.mktemp("deployer")
    GITHUB.publish(cloud)
    stack.write(folder / "written", [CAPABILITY])
    source = folder / "written" / "deploy_role"
    roles = Terraform(cloud, folder / "roles", {"name_prefix": PREFIX, "repository": REPOSITORY}, root=source)
    shutil.copy(source / "policies.json", folder / "roles")
    roles.init()
    roles.apply()
    outputs = roles.outputs()
    scenario.prepare(Stack(cloud, {}))
    boundary = {"permissions_boundary_arn": outputs["permissions_boundary_arn"]}
    deployed = Terraform(cloud, folder / "stack", scenario.variables | {"name_prefix": PREFIX} | boundary)
    deployed.init()
    return Deployer(cloud, outputs, deployed)


@pytest.fixture(scope="module")
def recorded(deployer: Deployer) -> list[dict[str, Any]]:
    """Terraform's calls while it applied, planned, changed and destroyed under the apply role."""
    deployer.become(*APPLY)
    deployer.stack.apply()
    deployer.become(*PLAN)
    assert deployer.stack.drift() == ""
    with pytest.raises(LocalCloudError, match="not authorized to perform"):
        change(deployer.stack, "other@example.com")
    deployer.become(*APPLY)
    change(deployer.stack, "third@example.com")
    assert deployer.stack.drift() == ""
    deployer.stack.destroy()
    return deployer.calls()


def change(terraform: Terraform, address: str) -> None:
    """Apply another value of a shared variable."""
    values = json.loads((terraform.folder / "demo.auto.tfvars.json").read_text())
    terraform.set_variables(values | {"alarm_emails": [address]})
    terraform.apply()


@pytest.fixture(scope="module")
def checks(recorded: list[dict[str, Any]]) -> list[evaluate.Check]:
    """What IAM was asked for the calls that it allowed to the apply role."""
    return evaluate.questions(
        call for call in recorded if call["status"] != 403 and f"deploy-{PREFIX}-apply" in call["principal"]
    )


@pytest.fixture(scope="module")
def documents() -> list[policy.Document]:
    found = policy.policies([CAPABILITY])
    values = evaluate.values(PREFIX)
    return [policy.rendered(one, values) for one in (*found[data.READ], *found[data.CHANGE])]


def test_the_apply_role_is_refused_nothing(recorded: list[dict[str, Any]]) -> None:
    refused = [call for call in recorded if call["status"] == 403 and f"deploy-{PREFIX}-apply" in call["principal"]]
    assert [f"{call['service']}:{call['operation']}" for call in refused] == []
    assert len(recorded) > 300


def test_the_plan_role_changes_nothing(recorded: list[dict[str, Any]]) -> None:
    planned = [call for call in recorded if f"deploy-{PREFIX}-plan" in call["principal"]]
    allowed = {check["action"] for call in planned if call["status"] != 403 for check in call["checks"]}
    levels = {action: Reference.kept().access(action) for action in allowed - data.NEVER_DENIED}
    assert set(levels.values()) <= {"Read", "List"} or {
        action for action, level in levels.items() if level not in ("Read", "List")
    } <= {"kms:Decrypt"}
    assert any(call["status"] == 403 for call in planned)


def test_the_policies_allow_what_was_asked(documents: list[policy.Document], checks: list[evaluate.Check]) -> None:
    assert evaluate.denied(documents, checks) == []


def test_no_statement_can_be_taken_away(documents: list[policy.Document], checks: list[evaluate.Check]) -> None:
    spare = set()
    for number, whole in enumerate(documents):
        for statement in whole["Statement"]:
            rest = policy.document([one for one in whole["Statement"] if one is not statement])
            if not evaluate.denied([*documents[:number], rest, *documents[number + 1 :]], checks):
                spare.add(statement["Sid"])
    assert spare == NOT_EXERCISED


def test_terraform_fails_without_a_statement(
    deployer: Deployer, recorded: list[dict[str, Any]], documents: list[policy.Document]
) -> None:
    """A real plan is refused, as the evaluator says, without the statement that reads quotas."""
    action, iam = "servicequotas:GetServiceQuota", deployer.cloud.client("iam")
    [(number, whole)] = [
        (number, document)
        for number, document in enumerate(documents, 1)
        if any(action in one["Action"] for one in document["Statement"])
    ]
    rest = policy.document([one for one in whole["Statement"] if action not in one["Action"]])
    arn = f"arn:aws:iam::{ACCOUNT_ID}:policy/deploy-{PREFIX}-read-{number}"
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(rest), SetAsDefault=True)
    deployer.become(*APPLY)
    with pytest.raises(LocalCloudError, match=action):
        deployer.stack.drift()


@pytest.mark.parametrize(
    ("role", "subject", "audience"),
    [
        ("apply_role_arn", f"repo:{REPOSITORY}:pull_request", "sts.amazonaws.com"),
        ("apply_role_arn", f"repo:{REPOSITORY}:environment:test", "sts.amazonaws.com"),
        ("apply_role_arn", "repo:example/other:environment:production", "sts.amazonaws.com"),
        ("apply_role_arn", APPLY[1], "another audience"),
        ("plan_role_arn", f"repo:{REPOSITORY}:ref:refs/heads/other", "sts.amazonaws.com"),
    ],
)
def test_other_jobs_do_not_get_the_roles(deployer: Deployer, role: str, subject: str, audience: str) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|InvalidIdentityToken"):
        deployer.assume(role, subject, audience)


def test_the_deployer_cannot_widen_its_own_power(deployer: Deployer) -> None:
    """It creates roles only under the boundary, and reaches neither the boundary nor its own roles."""
    found = deployer.assume(*APPLY)
    iam = deployer.cloud.client(
        "iam",
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=found["AWS_SESSION_TOKEN"],
    )
    root, boundary = deployer.cloud.client("iam"), deployer.outputs["permissions_boundary_arn"]
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
        }
    )
    everything = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    )
    own, mine, unbounded = f"deploy-{PREFIX}-apply", f"{PREFIX}-mine", f"{PREFIX}-unbounded"
    root.create_role(RoleName=unbounded, AssumeRolePolicyDocument=trust)
    iam.create_role(RoleName=mine, AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName=mine, PolicyName="all", PolicyDocument=everything)
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    refused: list[Callable[[], Any]] = [
        lambda: iam.create_role(RoleName=f"{PREFIX}-free", AssumeRolePolicyDocument=trust),
        lambda: iam.create_role(RoleName=f"{PREFIX}-free", AssumeRolePolicyDocument=trust, PermissionsBoundary=admin),
        lambda: iam.create_role(RoleName="other", AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary),
        lambda: iam.delete_role_permissions_boundary(RoleName=mine),
        lambda: iam.put_role_permissions_boundary(RoleName=mine, PermissionsBoundary=admin),
        lambda: iam.put_role_policy(RoleName=own, PolicyName="all", PolicyDocument=everything),
        lambda: iam.put_role_policy(RoleName=unbounded, PolicyName="all", PolicyDocument=everything),
        lambda: iam.attach_role_policy(RoleName=mine, PolicyArn=admin),
        lambda: iam.update_assume_role_policy(RoleName=own, PolicyDocument=trust),
        lambda: iam.create_policy_version(PolicyArn=boundary, PolicyDocument=everything, SetAsDefault=True),
        lambda: iam.delete_policy(PolicyArn=boundary),
        lambda: iam.create_user(UserName="other"),
    ]
    for attempt in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
    session = deployer.cloud.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/{mine}", RoleSessionName="mine"
    )["Credentials"]
    held = deployer.cloud.client(
        "iam",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    with pytest.raises(ClientError, match="AccessDenied"):  # its own policy allows it, the boundary does not
        held.create_user(UserName="other")
