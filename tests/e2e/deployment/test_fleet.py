"""A fleet of two accounts and two Regions: applied under deploy roles with IAM enforced, and working across targets."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fleet import roots, targets
from fleet.deploy import Outcome, Result, Runner
from local.harness import inventory
from local.harness.cloud import Cloud
from local.harness.scenario import Stack, wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios import security_hub
from scenarios.posture import finding_remediation, secret_rotation_rules
from tests.e2e.conftest import only_with
from tools import bootstrap, package

pytestmark = only_with("posture/finding_remediation")

OTHER = "us-east-1"
STATES = "fleet-terraform-state"
FILE = """\
name: test
home_region: eu-west-1
state: {{ bucket: {states}, region: eu-west-1 }}
accounts:
  security: {{ id: "{account}", external_id: deploy }}
  orders: {{ id: "{member}", external_id: deploy }}
groups:
  baseline:
    context: {{ name_prefix: fleet }}
    capabilities:
      config_recorder: {{ resource_types: ["AWS::SecretsManager::Secret"], force_destroy: true }}
      secret_rotation_rules: {{ notices: false, force_destroy: true }}
targets:
  - account: security
    environment: prod
    regions: [us-east-1]
    groups: [baseline]
  - account: security
    environment: prod
    regions: [eu-west-1]
    groups: [baseline]
    capabilities:
      secret_rotation_rules: {{ aggregator: {{}} }}
      finding_remediation:
        remediations: [s3_versioning]
        bucket_patterns: ["{buckets}*"]
        member_account_ids: ["{member}"]
        member_external_id: fleet
      secret_replication:
        source_kms_key_arns: [{{ $output: context.kms_key_arn }}]
        targets:
          here:
            region: us-east-1
            secret_name_prefixes: [fleet/]
            rename_prefix: {{ from: fleet/, to: copy/ }}
            kms_key_arn: {{ $output: context.kms_key_arn, region: us-east-1 }}
"""
THERE = """\
          there:
            region: us-east-1
            secret_name_prefixes: [fleet/]
            role_arn: arn:aws:iam::{member}:role/fleet-replicas
            kms_key_arn: {{ $output: context.kms_key_arn, account: orders, region: us-east-1 }}
"""
ORDERS = """\
  - account: orders
    environment: prod
    regions: [{regions}]
    groups: [baseline]
    capabilities:
      finding_remediation/member_role:
        function_role_arns: {{ $output: finding_remediation.role_arns, account: security, region: eu-west-1 }}
        external_id: fleet
        bucket_patterns: ["{buckets}*"]
      secret_replication/target_access:
        account_id: "{member}"
        region: us-east-1
        role_name: fleet-replicas
        secret_name_prefixes: [fleet/]
        writer_role_arns: {{ $output: secret_replication.writer_role_arns, account: security, region: eu-west-1 }}
        kms_key_arn: {key}
"""


def document(*statements: dict[str, Any]) -> str:
    """Return a policy that allows what the statements name."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})


@dataclass
class Fleet:
    """The roots in a folder, the two accounts, and the credentials of the pipeline that deploys them."""

    cloud: Cloud
    directory: Path
    member: str
    environment: dict[str, str]
    results: list[Result]

    def file(self, *, orders: str = "eu-west-1, us-east-1", there: bool = True) -> str:
        """Return the fleet's file; `orders` are the Regions of that account."""
        values = {"member": self.member, "account": ACCOUNT_ID, "states": STATES, "buckets": finding_remediation.PREFIX}
        values["key"] = "{ $output: context.kms_key_arn, region: us-east-1 }" if there else "null"
        parts = [FILE, *([THERE] if there else []), ORDERS]
        return "".join(part.format(regions=orders, **values) for part in parts)

    def write(self, text: str) -> None:
        """Write the roots of a file."""
        path = self.directory / "fleet.yaml"
        path.write_text(text)
        roots.write(targets.load(path), self.directory, build=package.HOST_BUILD)

    def runner(self) -> Runner:
        """Return a runner with the pipeline's credentials."""
        return Runner(self.directory, environment=self.environment)

    def stack(self, key: str, capability: str) -> Stack:
        """Return a target's capability as its scenario sees it."""
        state = self.cloud.client("s3").get_object(Bucket=STATES, Key=f"test/{key}.tfstate")["Body"].read()
        return Stack(self.cloud, json.loads(state)["outputs"][capability]["value"])


def outcomes(results: list[Result]) -> dict[str, Outcome]:
    failed = [result.text for result in results if result.outcome is Outcome.FAILED]
    assert failed == []
    return {result.key: result.outcome for result in results}


def deploy_role(cloud: Cloud, account: str) -> None:
    """Create the role that a fleet's administrator creates in each account, which only the pipeline can assume."""
    iam = cloud.client("iam", account=account)
    pipeline = {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:user/pipeline"}
    condition = {"StringEquals": {"sts:ExternalId": "deploy"}}
    trust = document({"Action": "sts:AssumeRole", "Principal": pipeline, "Condition": condition})
    iam.create_role(RoleName=targets.DEPLOY_ROLE, AssumeRolePolicyDocument=trust)
    everything = document({"Action": "*", "Resource": "*"})
    iam.put_role_policy(RoleName=targets.DEPLOY_ROLE, PolicyName="deploy", PolicyDocument=everything)


def pipeline(cloud: Cloud, member: str) -> dict[str, str]:
    """Create the pipeline's user, which can only assume the deploy roles and use the states. Return its environment."""
    iam, bucket = cloud.client("iam"), f"arn:aws:s3:::{STATES}"
    iam.create_user(UserName="pipeline")
    roles = [f"arn:aws:iam::{account}:role/{targets.DEPLOY_ROLE}" for account in (ACCOUNT_ID, member)]
    policy = document(
        {"Action": "sts:AssumeRole", "Resource": roles},
        {"Action": "s3:ListBucket", "Resource": bucket},
        {"Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": f"{bucket}/test/*"},
    )
    iam.put_user_policy(UserName="pipeline", PolicyName="deploy", PolicyDocument=policy)
    key = iam.create_access_key(UserName="pipeline")["AccessKey"]
    return {
        **bootstrap.terraform_env(checked=True),
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


@pytest.fixture(scope="module")
def fleet(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    assert bootstrap.main(["fleet"]) == 0
    made = cloud.client("organizations").create_account(Email="orders@example.com", AccountName="orders")
    member = made["CreateAccountStatus"]["AccountId"]
    for account in (ACCOUNT_ID, member):
        deploy_role(cloud, account)
    location = {"LocationConstraint": REGION}
    cloud.client("s3").create_bucket(Bucket=STATES, CreateBucketConfiguration=location)
    security_hub.enable(Stack(cloud, {}))
    found = Fleet(cloud, tmp_path_factory.mktemp("fleet") / "roots", member, pipeline(cloud, member), [])
    found.directory.mkdir()
    found.write(found.file())
    found.results = found.runner().apply()
    return found


def test_four_targets_are_applied_in_order_and_show_no_drift(fleet: Fleet) -> None:
    assert set(outcomes(fleet.results).values()) == {Outcome.APPLIED}
    order = [result.key for result in fleet.results]
    assert order.index("prod/orders/us-east-1") < order.index("prod/security/eu-west-1")
    assert order[-1] == "prod/orders/eu-west-1", "it reads the roles of the one before"
    assert set(outcomes(fleet.runner().plan()).values()) == {Outcome.UNCHANGED}


def test_every_call_of_terraform_was_made_as_a_deploy_role(fleet: Fleet) -> None:
    calls = [call for call in fleet.cloud.calls() if call["agent"] == "Terraform"]
    assert len(calls) > 500
    own = {(call["service"], call["operation"]) for call in calls if ":user/pipeline" in call["principal"]}
    assert own <= {("s3", n) for n in ("GetObject", "HeadObject", "PutObject", "DeleteObject", "ListObjectsV2")} | {
        ("sts", "AssumeRole"),
        ("sts", "GetCallerIdentity"),
    }
    assert [call for call in calls if call["status"] == 403] == []


def test_a_finding_of_one_account_is_remediated_from_the_other(fleet: Fleet) -> None:
    stack = fleet.stack("prod/security/eu-west-1", "finding_remediation")
    there = finding_remediation.Account(stack, fleet.member)
    found = there.control("fleet", "S3.14", "AwsS3Bucket", there.bucket("fleet"))
    finding_remediation.send(stack, "s3_versioning", found)
    states = finding_remediation.answered(stack, found)
    assert {status for status, _ in states.values()} == {"RESOLVED"}, states
    bucket = f"{finding_remediation.PREFIX}fleet"
    assert there.s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    there.clean()


def copied(secrets: Any, name: str, value: str) -> bool:
    """Return whether a secret exists with a value."""
    try:
        return bool(secrets.get_secret_value(SecretId=name)["SecretString"] == value)
    except secrets.exceptions.ResourceNotFoundException:
        return False


def test_a_secret_follows_to_another_region_and_to_another_account(fleet: Fleet) -> None:
    secrets, source = fleet.cloud.client("secretsmanager"), fleet.stack("prod/security/eu-west-1", "context").outputs
    secrets.create_secret(Name="fleet/database", SecretString="one", KmsKeyId=source["kms_key_arn"])
    secrets.put_secret_value(SecretId="fleet/database", SecretString="two")
    keys = {}
    for name, account in (("copy/database", ""), ("fleet/database", fleet.member)):
        api = fleet.cloud.client("secretsmanager", account=account, region=OTHER)
        wait_until(f"the copy {name}", functools.partial(copied, api, name, "two"))
        keys[account] = api.describe_secret(SecretId=name)["KmsKeyId"]
        api.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    secrets.delete_secret(SecretId="fleet/database", ForceDeleteWithoutRecovery=True)
    here, there = (fleet.stack(f"prod/{name}/{OTHER}", "context").outputs for name in ("security", "orders"))
    assert keys == {"": here["kms_key_arn"], fleet.member: there["kms_key_arn"]}


def test_one_report_covers_both_accounts_and_regions(fleet: Fleet) -> None:
    stack = fleet.stack("prod/security/eu-west-1", "secret_rotation_rules")
    places = {(account, region) for account in (ACCOUNT_ID, fleet.member) for region in (REGION, OTHER)}
    for account, region in places:
        secret_rotation_rules.put_secret(stack, "rotation/never", account, region)

    def report() -> dict[tuple[str, str], int]:
        written = secret_rotation_rules.make_report(stack, {"scheduled_at": secret_rotation_rules.AT})
        assert "error" not in written, written
        assert written["errors"] == []
        return {(one["account"], one["region"]): one["evaluated"] for one in written["coverage"]}

    wait_until("the evaluation of all four", lambda: report() == dict.fromkeys(places, 1), every=1)


def left(fleet: Fleet, account: str, region: str) -> set[str]:
    """Return what targets made in an account and Region, IAM left out: it has no Region."""
    found = inventory.resources(fleet.cloud, account, region)
    here = {name for name in found if not name.startswith(("iam:", "s3:")) or region in name}
    return {name for name in here if "fleet" in name or name.startswith("kms:")}


def test_a_target_that_leaves_the_file_is_destroyed_and_leaves_nothing(fleet: Fleet) -> None:
    before = outcomes(fleet.results)
    fleet.write(fleet.file(orders="eu-west-1", there=False))
    results = outcomes(fleet.runner().apply())
    assert results["prod/orders/us-east-1"] is Outcome.DESTROYED
    assert results["prod/security/us-east-1"] is Outcome.UNCHANGED
    assert set(results) == set(before)
    assert left(fleet, fleet.member, OTHER) == set()
    assert not (fleet.directory / "prod/orders/us-east-1").exists()


def test_without_targets_nothing_is_left(fleet: Fleet) -> None:
    head, _, _ = fleet.file().partition("targets:")
    fleet.write(f"{head}targets: []\n")
    assert set(outcomes(fleet.runner().apply()).values()) == {Outcome.DESTROYED}
    for account in (fleet.member, ACCOUNT_ID):
        assert left(fleet, account, REGION) | left(fleet, account, OTHER) == set()
        roles = {name for name in inventory.resources(fleet.cloud, account) if name.startswith("iam:")}
        assert not [name for name in roles if "fleet" in name or "finding-remediation" in name]
    assert roots.Record.read(fleet.directory).targets == {}
