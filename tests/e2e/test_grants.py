"""Every grant of the applied stack's roles is needed: the scenarios and tests before have used it.

It comes last, when all that these capabilities do has been done once. A grant that nothing used is one too many, or is
listed below with the reason why nothing here can use it.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest

from local.harness.cloud import Cloud
from local.harness.terraform import Terraform
from local.settings import ACCOUNT_ID
from tools.authorization import Policy, Reference, in_state
from tools.grants import Grant, Questions, misfits, unused

EXCUSED = {
    # Lambda and Step Functions, in the role's name
    ("*-function-*", "WriteOwnLogs", "logs:*"): "Lambda writes the log; the local cloud does so without the role",
    ("*", "WriteTraces", "xray:*"): "Lambda and Step Functions send traces; there is no X-Ray here",
    ("*", "KeepFailedCalls", "sqs:SendMessage"): "Only after the last attempt of a call",
    ("*", "KeepFailures", "sqs:SendMessage"): "Only after the last attempt of a batch of a stream",
    ("*", "UseKeyThroughServices", "kms:*"): "For all services that a function or schedule uses, also after failures",
    ("*", "ReadStream", "dynamodb:DescribeStream"): "Lambda asks before it reads; here it reads at once",
    ("*", "ReadStream", "dynamodb:GetShardIterator"): "as above",
    ("*", "ListStreams", "dynamodb:ListStreams"): "as above",
    # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
    ("*-states-*", "DeliverLogs", "logs:*"): "Step Functions sets the delivery up, and AWS checks that the role may",
    # https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
    ("*-states-*", "Encrypt*", "kms:*"): "Step Functions encrypts executions and their logs; here nothing is encrypted",
    # https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
    ("*-web-acl-logging-stream-*", "*", "*"): "Firehose's guide asks for all of them; here it only puts objects",
    ("*-device-telemetry-stream-*", "UseBucket", "s3:*"): "As above",
    ("*-device-telemetry-stream-*", "WriteHistory", "s3:AbortMultipartUpload"): "As above",
    ("*-device-telemetry-stream-*", "WriteHistory", "s3:GetObject"): "As above",
    ("*-device-telemetry-stream-*", "EncryptHistory", "kms:Decrypt"): "As above",
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSConfigRoleForOrganizations.html
    ("*-secret-rotation-aggregator-*", "ListAccounts", "organizations:List*"): "Config's own managed policy has them",
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
    ("*-module-*-build-*", "ReadArtifacts", "s3:GetObjectVersion"): "CodeBuild reads a version if it is given one",
    ("*-module-pipeline-*", "KeepArtifacts", "s3:GetObject*"): "CodePipeline's guide; here it only hands artifacts on",
    ("*-module-pipeline-*", "RunBuilds", "codebuild:StopBuild"): "Where a newer execution stops one that runs",
    ("*-module-integration-build-*", "UseSandbox", "sts:TagSession"): "AWS asks for it when a session gets tags",
    ("*-openapi-publication-build-*", "ReadKit", "s3:GetObjectVersion"): "CodeBuild reads a version if it is given one",
    # https://docs.aws.amazon.com/codeartifact/latest/ug/repo-policies.html
    ("*-openapi-publication-build-*", "*", "codeartifact:*"): "CodeArtifact's guide asks for them of a publisher",
    # https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
    ("*-pipeline-metrics-report-*", "ReadCatalog", "glue:*"): "Athena asks as the principal that runs a query",
    ("*-pipeline-metrics-report-*", "RunQueries", "athena:GetWorkGroup"): "Athena's guide asks for it",
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSQuicksightAthenaAccess.html
    ("aws-quicksight-service-role-*", "*", "*"): "QuickSight's own managed policy has them; here it runs one query",
    # What one of several alike shows
    ("*-module-applied-rule-*", "StartPipelines", "codepipeline:*"): "Another pipeline's rule does the same",
    (
        "*-remediate-*",
        "AssumeMemberRoles",
        "sts:AssumeRole",
    ): "All remediations assume it in one way, and two are tried",
    (
        "*-secret-replication-function-*",
        "WriteReplicas1",
        "secretsmanager:*",
    ): "WriteReplicas0 shows it, of another target",
    # Cases that nothing here brings about
    ("*-module-check-build-*", "FindReleases", "s3:ListBucket"): "As TellMissingFromDenied",
    ("*-openapi-*", "FindServedFile", "s3:ListBucket"): "As TellMissingFromDenied",
    ("*-pipeline-metrics-report-*", "RunQueries", "athena:StopQueryExecution"): "A query that outlasts the function",
    ("*-iot-messaging-send-*", "RememberRequests", "dynamodb:DeleteItem"): "Powertools forgets a request that failed",
    ("*-finding-export-function-*", "RemoveSurplusObjects", "s3:DeleteObject"): "After a run that ended halfway",
    (
        "*",
        "TellMissingFromDenied",
        "s3:ListBucket",
    ): "S3 asks for it when an object is missing; the local cloud does not",
    ("*-user-directory-provider-*", "SetProviders", "cognito-idp:DeleteIdentityProvider"): "At the destroy, after this",
    (
        "*-kms-quota-increase-*",
        "ReadQuotas",
        "*:GetAWSDefaultServiceQuota",
    ): "Where no value is applied; one always is here",
    (
        "*-kms-quota-increase-*",
        "CreateServiceQuotasRole",
        "iam:*",
    ): "The first request of an account makes AWS ask for it",
    (
        "*-remediate-macie-object-*",
        "ReadLocks",
        "s3:GetObjectRetention",
    ): "S3 asks for it for an object under retention",
    ("*-remediate-macie-object-*", "WriteObjects", "s3:AbortMultipartUpload"): "After a copy in parts has failed",
    ("*-inactive-users-disable-*", "Claim", "dynamodb:DeleteItem"): "For a user who was deleted in the meantime",
}
"""Patterns of the role's name, the statement's id and the action -> why nothing here uses the grant."""


def excuse(grant: Grant) -> str:
    return next((why for key, why in EXCUSED.items() if all(map(fnmatchcase, grant, key))), "")


@pytest.fixture(scope="module")
def policies(terraform: Terraform) -> list[Policy]:
    """Return the policies of this stack, after all that tests have applied."""
    return in_state(terraform.state())


@pytest.fixture(scope="module")
def permitted(cloud: Cloud, policies: list[Policy], request: pytest.FixtureRequest) -> Questions:
    """Return what IAM permitted to the roles of this stack until now."""
    if not any(item.path.name == "test_scenarios.py" for item in request.session.items):
        pytest.skip("No scenario was chosen.")
    if request.session.testsfailed:
        pytest.skip("Tests have failed: what else they would have used is not known.")
    found: Questions = cloud.command("iam_requests/permitted", {"account": ACCOUNT_ID})
    ours = {policy.role for policy in policies}
    return {role: asked for role, asked in found.items() if role in ours}


def test_every_grant_is_used(policies: list[Policy], permitted: Questions) -> None:
    idle = unused(policies, permitted)
    left = [f"{grant.role}: {grant.sid}, {grant.action}" for grant in idle if not excuse(grant)]
    assert not left, "\n".join(["Nothing used:", *left])


def test_an_excuse_for_one_capability_is_for_a_grant_that_is_not_used(
    policies: list[Policy], permitted: Questions
) -> None:
    granted, idle = unused(policies, {}), unused(policies, permitted)

    def has(grants: list[Grant], key: tuple[str, str, str]) -> bool:
        return any(all(map(fnmatchcase, grant, key)) for grant in grants)

    own = [key for key in EXCUSED if re.fullmatch(r"\*-\w+-.*", key[0]) and has(granted, key)]
    assert [key for key in own if not has(idle, key)] == []


def test_iam_is_asked_on_resources_that_the_actions_have(permitted: Questions) -> None:
    assert misfits(permitted, Reference.kept()) == []
