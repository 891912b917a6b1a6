"""Create and destroy security_standards in an account and Region of its own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness import inventory, scenario
from local.harness.cloud import Cloud
from local.harness.terraform import Terraform
from local.settings import ACCOUNT_ID
from local.settings import ROOT as REPOSITORY
from scenarios.posture import security_standards as subject
from tests.e2e.conftest import only_with

pytestmark = only_with("posture/security_standards")

REGION = "eu-central-1"
CONFIG_ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
ROOT = """
provider "aws" {
  region = "%s"
}
variable "build_dir" { type = string }
module "context" {
  source                   = "./modules/context"
  name_prefix              = "standards"
  build_dir                = var.build_dir
  access_log_force_destroy = true
}
module "config_recorder" {
  source        = "./modules/blocks/config_recorder"
  context       = module.context.context
  force_destroy = true
  role_arn      = "%s" # The account has it.
}
module "security_standards" {
  source        = "./modules/posture/security_standards"
  context       = module.context.context
  recorder_name = module.config_recorder.recorder_name
%s}
output "security_standards" { value = module.security_standards }
"""
BUCKET = "arn:aws:s3:::website-blog"
SUPPRESSIONS = {
    "websites": {
        "reason": "Public by design.",
        "control_ids": ["S3.5"],
        "resource_id_prefixes": ["arn:aws:s3:::website-"],
    }
}


class Region:
    """A separate stack of this capability alone, in a Region that was empty."""

    def __init__(self, cloud: Cloud, folder: Path, closing: contextlib.ExitStack) -> None:
        self.cloud, self.folder, self.closing = cloud, folder, closing
        self.hub = cloud.client("securityhub", region=REGION)
        self.terraform: Terraform | None = None

    def apply(self, more: str = "", **standards: Any) -> Terraform:
        root = self.folder / "written"
        root.mkdir(parents=True, exist_ok=True)
        given = "".join(f"  {name} = {json.dumps(value)}\n" for name, value in standards.items())
        (root / "main.tf").write_text(ROOT % (REGION, CONFIG_ROLE, given) + more)
        (root / "versions.tf").write_text((REPOSITORY / "versions.tf").read_text())
        if self.terraform:
            self.terraform.write({}, root)
        else:
            self.terraform = Terraform(self.cloud, self.folder / "applied", {}, root)
            self.terraform.init()  # once: the modules do not change afterwards
            self.closing.enter_context(self.terraform.one_provider())
        self.terraform.apply()
        return self.terraform

    def destroy(self) -> None:
        if self.terraform:
            self.terraform.destroy()
        self.terraform = None

    def check(self, control: str, verdict: str) -> Any:
        data = {"control": control, "resource_type": "AwsS3Bucket", "resource_id": BUCKET, "status": verdict}
        return self.cloud.command("securityhub/check_control", {**data, "region": REGION})

    def parameter(self) -> dict[str, Any]:
        (found,) = self.hub.batch_get_security_controls(SecurityControlIds=["ACM.1"])["SecurityControls"]
        return dict(found["Parameters"]["daysToExpiration"])

    def standards(self) -> dict[str, str]:
        found = self.hub.get_enabled_standards()["StandardsSubscriptions"]
        return {standard["StandardsArn"]: standard["StandardsStatus"] for standard in found}

    def states(self) -> dict[str, str]:
        return {
            f["Compliance"]["SecurityControlId"]: f["Workflow"]["Status"] for f in self.hub.get_findings()["Findings"]
        }


@pytest.fixture
def region(cloud: Cloud, tmp_path: Path) -> Iterator[Region]:
    with contextlib.suppress(ClientError):  # an account has it once
        cloud.client("iam").create_service_linked_role(AWSServiceName="config.amazonaws.com")
    before = inventory.resources(cloud)
    with contextlib.ExitStack() as closing:
        made = Region(cloud, tmp_path, closing)
        yield made
        made.destroy()  # The test failed before it did.
    with contextlib.suppress(ClientError):
        made.hub.disable_security_hub()
    assert inventory.resources(cloud) - before == set()


CUSTOM_ACTIONS = """
module "finding_remediation" {
  source       = "./modules/posture/finding_remediation"
  context      = module.context.context
  remediations = ["s3_versioning"]
  hub_arn      = module.security_standards.hub_arn
}
"""


def test_from_an_empty_region_to_an_empty_region(cloud: Cloud, region: Region) -> None:
    """No scenario has enabled the hub. Security Hub refuses custom actions before it is enabled and after it is not."""
    slow = [
        {"kind": "latency", "seconds": 5.0, "principal": ":root", "service": "securityhub", "operation": operation}
        for operation in ("EnableSecurityHub", "DeleteActionTarget")
    ]
    with cloud.faults(*slow):
        reason = {"reason": "Renewed elsewhere."}
        sixty = {"ACM.1": {"parameters": {"daysToExpiration": {"int": 60}}}}
        first = region.apply(
            CUSTOM_ACTIONS,
            disabled_controls={"ACM.1": reason},
            suppressions=SUPPRESSIONS,
            control_parameters=sixty,
        )
        assert region.parameter() == {"ValueType": "CUSTOM", "Value": {"Integer": 60}}
        assert first.outputs()["security_standards"]["status"] == {"ready": ["fsbp"], "not_ready": []}
        assert [region.check(control, "FAILED") is None for control in ("S3.5", "ACM.1")] == [False, True]
        assert region.states() == {"S3.5": "SUPPRESSED"}
        actions = region.hub.describe_action_targets()["ActionTargets"]
        assert [each["Name"] for each in actions] == ["TurnOnS3Versioning"]
        assert first.drift() == ""

        # The control is checked again, and the suppression is removed: its finding becomes NEW.
        second = region.apply(CUSTOM_ACTIONS, disabled_controls={"ACM.1": {**reason, "enabled": True}})
        assert region.states() == {"S3.5": "NEW"}
        assert region.check("ACM.1", "FAILED") is not None
        assert region.hub.list_automation_rules()["AutomationRulesMetadata"] == []
        assert region.parameter() == {"ValueType": "DEFAULT", "Value": {"Integer": 30}}
        assert second.drift() == ""

        region.destroy()
    with pytest.raises(ClientError, match="not subscribed"):
        region.hub.describe_hub()


def test_destroy_leaves_a_hub_that_was_there(cloud: Cloud, region: Region) -> None:
    """The hub keeps its standard and the analyst's work; findings suppressed by code are NEW."""
    region.hub.enable_security_hub(EnableDefaultStandards=False)
    fsbp = f"arn:aws:securityhub:{REGION}::standards/{subject.FSBP}"
    region.hub.batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": fsbp}])
    scenario.wait_until("the standards to be enabled", lambda: "PENDING" not in region.standards().values(), 30)
    made = region.apply(
        create_hub=False, existing_standards=["fsbp"], standards=["cis-3.0.0"], suppressions=SUPPRESSIONS
    )
    assert made.outputs()["security_standards"]["status"]["ready"] == ["cis-3.0.0", "fsbp"]
    for control in ("S3.5", "S3.1"):
        region.check(control, "FAILED")
    by_hand = next(f for f in region.hub.get_findings()["Findings"] if f["Compliance"]["SecurityControlId"] == "S3.1")
    region.hub.batch_update_findings(
        FindingIdentifiers=[{"Id": by_hand["Id"], "ProductArn": by_hand["ProductArn"]}],
        Workflow={"Status": "SUPPRESSED"},
    )
    region.destroy()
    assert list(region.standards()) == [fsbp]
    assert region.hub.list_automation_rules()["AutomationRulesMetadata"] == []
    assert region.states() == {"S3.5": "NEW", "S3.1": "SUPPRESSED"}
