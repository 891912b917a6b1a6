"""Three modules are uploaded: one is released after its approval, one is refused by Checkov, one fails its test.

The buildspecs run for real: Terraform with the real provider, whose answers the modules' tests mock, and Checkov.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION, ROOT

IMAGE = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/terraform@sha256:" + "0123456789abcdef" * 4
SANDBOX = "333333333333"
EXTERNAL_ID = "module-tests-of-switchyard"
# All principals of the capability: the pipelines' role, and those of the builds.
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": "switchyard-module-"},
    {"kind": "error", "status": 500, "rate": 0.05, "principal": "switchyard-module-"},
]

variables: dict[str, Any] = {
    "module_pipeline": {
        "modules": {
            "topic": {"source": {"s3": {}}},
            "open": {"source": {"s3": {}}},
            "renamed": {"source": {"s3": {}}, "path": "modules/renamed"},
            "applied": {"source": {"s3": {}}, "integration_tests": True},  # tests/e2e
        },
        "image": IMAGE,
        "notification_emails": ["platform@example.com"],
        "sandbox": {
            "test_role_arn": f"arn:aws:iam::{SANDBOX}:role/module-pipeline-test",
            "sweep_role_arn": f"arn:aws:iam::{SANDBOX}:role/module-pipeline-sweep",
            "external_id": EXTERNAL_ID,
            "budget_minutes": 5,
        },
        "force_destroy": True,
    }
}
seconds = 60
test_seconds = 70

MAIN = """\
terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "topic_name" {
  description = "Name of the topic, after its prefix."
  type        = string

  validation {
    condition     = length(var.topic_name) <= 100
    error_message = "topic_name must have at most 100 characters."
  }
}

resource "aws_sns_topic" "test" {
  name              = "repo-${var.topic_name}"
  kms_master_key_id = "alias/aws/sns"
}

output "topic_arn" {
  description = "ARN of the topic."
  value       = aws_sns_topic.test.arn
}
"""
TESTS = """\
mock_provider "aws" {}

run "prefix" {
  command = plan

  variables {
    topic_name = "MyRepo"
  }

  assert {
    condition     = startswith(aws_sns_topic.test.name, "repo-")
    error_message = "The name must begin with repo-."
  }
}

run "too_long" {
  command = plan

  variables {
    topic_name = join("", [for _ in range(101) : "x"])
  }

  expect_failures = [var.topic_name]
}
"""
README = "# topic\n\nA topic. Input: `topic_name`. Output: `topic_arn`.\n"


def module(version: str, **changes: str) -> dict[str, str]:
    """Return the files of a module that passes, with some of them changed: `main`, `tests`, `readme`."""
    return {
        "VERSION": f"{version}\n",
        "README.md": changes.get("readme", README),
        "main.tf": changes.get("main", MAIN),
        "tests/basic.tftest.hcl": changes.get("tests", TESTS),
    }


def modules(version: str) -> dict[str, dict[str, str]]:
    """Return the three modules of the scenario."""
    renamed = module(version, main=MAIN.replace('"repo-', '"my-repo-'))
    return {
        "topic": module(version),
        "open": module(
            version,
            main=MAIN.replace('  kms_master_key_id = "alias/aws/sns"\n', "").replace("name              =", "name ="),
        ),
        "renamed": {f"modules/renamed/{name}": text for name, text in renamed.items()},
    }


def prepare(stack: Stack) -> None:
    """Install Checkov, which the builds run."""
    subprocess.run([sys.executable, "tools/bootstrap.py", "checkov"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def upload(stack: Stack, name: str, files: Mapping[str, str]) -> str:
    """Upload a module's source, as its author's CI does. Return the version of the object."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    where = stack.outputs["sources"][name]
    answer = stack.client("s3").put_object(Bucket=where["bucket"], Key=where["key"], Body=content.getvalue())
    return str(answer["VersionId"])


class Execution:
    """The execution that a version of a source has started."""

    def __init__(self, stack: Stack, name: str, version: str) -> None:
        self._stack, self.name = stack, name
        self._api = stack.client("codepipeline")
        self.pipeline = stack.outputs["pipeline_names"][name]
        self.id: str = wait_until(f"an execution of {self.pipeline}", lambda: self._find(version))

    def _find(self, version: str) -> str:
        found = self._api.list_pipeline_executions(pipelineName=self.pipeline)["pipelineExecutionSummaries"]
        for one in found:
            if any(revision["revisionId"] == version for revision in one["sourceRevisions"]):
                return str(one["pipelineExecutionId"])
        return ""

    def described(self) -> dict[str, Any]:
        """Return the execution."""
        found: dict[str, Any] = self._api.get_pipeline_execution(
            pipelineName=self.pipeline, pipelineExecutionId=self.id
        )["pipelineExecution"]
        return found

    def ended(self) -> str:
        """Wait for the end. Return the status."""
        return str(
            wait_until(
                f"the end of {self.pipeline}", lambda: (s := self.described()["status"]) != "InProgress" and s, 240
            )
        )

    def actions(self) -> dict[str, dict[str, Any]]:
        """Return the actions by name."""
        found = self._api.list_action_executions(pipelineName=self.pipeline, filter={"pipelineExecutionId": self.id})[
            "actionExecutionDetails"
        ]
        return {action["actionName"]: action for action in found}

    def statuses(self) -> dict[str, str]:
        """Return the status of each action that began."""
        return {name: action["status"] for name, action in self.actions().items()}

    def token(self) -> str:
        """Wait until the approval is open. Return its token. Raise LocalCloudError if the execution ends before."""

        def asked() -> str:
            if self.described()["status"] != "InProgress":
                raise AssertionError(f"{self.pipeline} ended before its approval: {self.described()['statusSummary']}")
            stages = self._api.get_pipeline_state(name=self.pipeline)["stageStates"]
            [stage] = [one for one in stages if one["stageName"] == "Approve"]
            if stage.get("latestExecution", {}).get("pipelineExecutionId") != self.id:
                return ""  # an earlier one waits
            return str(stage["actionStates"][0].get("latestExecution", {}).get("token", ""))

        return wait_until(f"the approval of {self.pipeline}", asked, 240)

    def answer(self, token: str, status: str = "Approved") -> None:
        """Answer the approval."""
        self._api.put_approval_result(
            pipelineName=self.pipeline,
            stageName="Approve",
            actionName="Approve",
            result={"summary": "as agreed", "status": status},
            token=token,
        )

    def report(self, file: str) -> str:
        """Return a file of the reports, or "" if there is none."""
        try:
            answer = self._stack.client("s3").get_object(
                Bucket=self._stack.outputs["reports_bucket"], Key=f"reports/{self.name}/{self.id}/{file}"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return ""
        return str(answer["Body"].read().decode())

    def cases(self, action: str) -> list[dict[str, Any]]:
        """Return the test cases that CodeBuild has of the action's build."""
        api = self._stack.client("codebuild")
        build = self.actions()[action]["output"]["executionResult"]["externalExecutionId"]
        [found] = api.batch_get_builds(ids=[build])["builds"]
        return [case for arn in found["reportArns"] for case in api.describe_test_cases(reportArn=arn)["testCases"]]


def notices(stack: Stack, since: float) -> list[str]:
    """Return the messages that the topic sent since then."""
    sent = stack.cloud.notifications(stack.outputs["topic_arn"])
    return [notice["message"] for notice in sent if notice["at"] >= since]


def run(stack: Stack, report: Report) -> None:
    """Upload the three modules, approve the one that passes, and read what came of all."""
    report.sent = (
        "three modules: a good one, one that Checkov refuses,\n"
        "one whose prefix is wrong; an approval;\n15 % of the pipelines' and builds' calls fail"
    )
    began, version = time.time(), f"1.0.0-t{stack.token}"
    with stack.faults(*FAULTS, seed=11):
        sent = {name: upload(stack, name, files) for name, files in modules(version).items()}
        topic, refused, renamed = (Execution(stack, name, sent[name]) for name in ("topic", "open", "renamed"))
        token = topic.token()
        released = stack.outputs["registry_bucket"], f"registry/topic/{version}.zip"
        report.check("nothing is released before the approval", _metadata(stack, *released), {})
        topic.answer(token)
        statuses = {one.name: one.ended() for one in (topic, refused, renamed)}
    report.check("executions", statuses, {"topic": "Succeeded", "open": "Failed", "renamed": "Failed"})
    _good(stack, report, topic, version)
    _refused(report, refused)
    _renamed(report, renamed)

    def reported() -> bool:
        found = notices(stack, began)
        return all(any(one.id in text and "failed" in text for text in found) for one in (refused, renamed))

    report.check("both failures are reported", wait_until("the notices of failures", reported))


def _metadata(stack: Stack, bucket: str, key: str) -> dict[str, str]:
    """Return the metadata of a release, or {} if there is none."""
    try:
        found: dict[str, str] = stack.client("s3").head_object(Bucket=bucket, Key=key)["Metadata"]
    except ClientError:
        return {}
    return found


def _good(stack: Stack, report: Report, topic: Execution, version: str) -> None:
    """Check what the good module's execution did."""
    every = dict.fromkeys(("Module", "Gate", "Check", "Test", "Approve", "Release"), "Succeeded")
    report.check("the good module passes all stages", topic.statuses(), every)
    report.check("started by its upload", topic.described()["trigger"]["triggerType"], "CloudWatchEvent")
    asked = [json.loads(text)["approval"] for text in notices(stack, 0) if topic.id in text and '"approval"' in text]
    report.check("a person was asked once, about this version", [version in one["customData"] for one in asked], [True])
    facts = json.loads(topic.report("test.json"))["facts"]
    report.check("its tests ran", facts["tests"], "2 passed, 0 failed, 0 errored, 0 skipped")
    report.check("Checkov's report is kept", "Passed checks: 1" in topic.report("checkov.result.txt"))
    report.check("CodeBuild has the tests", [case["status"] for case in topic.cases("Test")], ["SUCCEEDED"] * 2)
    found = _metadata(stack, stack.outputs["registry_bucket"], f"registry/topic/{version}.zip")
    report.check("the release is in the registry", (found.get("version"), found.get("execution")), (version, topic.id))


def _refused(report: Report, refused: Execution) -> None:
    """Check what became of the module that Checkov refuses."""
    report.check("Checkov's refusal ends it before its tests", "Test" in refused.statuses(), False)
    failures = [case["failure"] for case in json.loads(refused.report("check.json"))["cases"] if case["failure"]]
    report.check(
        "by Checkov alone",
        [text.partition(" (")[0] for text in failures],
        ["Ensure all data stored in the SNS topic is encrypted"],
    )
    text = refused.report("checkov.result.txt")
    report.check("Checkov's report is kept when it fails", "CKV_AWS_26" in text)
    sarif = json.loads(refused.report("checkov.sarif"))
    report.check("in each format, from one run", len(sarif["runs"][0]["results"]), 1)
    failed = [case["name"] for case in refused.cases("Check") if case["status"] == "FAILED"]
    report.check("CodeBuild has the failure", failed, ["CKV_AWS_26 aws_sns_topic.test"])


def _renamed(report: Report, renamed: Execution) -> None:
    """Check what became of the module whose prefix is wrong."""
    found = {name: status for name, status in renamed.statuses().items() if name in ("Check", "Test", "Approve")}
    report.check("a wrong prefix fails the test stage", found, {"Check": "Succeeded", "Test": "Failed"})
    failed = [case["message"] for case in renamed.cases("Test") if case["status"] == "FAILED"]
    report.check("with the assertion's message", any("The name must begin with repo-." in text for text in failed))
