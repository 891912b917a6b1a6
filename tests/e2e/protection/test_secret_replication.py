"""secret_replication's policy is minimal: without each statement, a changed secret is not copied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.harness import scenario
from local.harness.cloud import Cloud
from local.settings import REGION
from scenarios.protection import secret_replication as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("protection/secret_replication")

NEEDED = ["DescribeSources", "ReadSources0", "DecryptSources", "WriteReplicas0", "EncryptReplicas0"]
OF_OTHERS = {
    "ReadQueue": "Lambda's poller needs it, and every copy of the scenario shows it",
    "ReadSources1": "of target legacy",
    "ReadSources2": "of target vault, whose secrets ReadSources0 allows too",
    "AssumeTargetRoles": "a session outlives the permission to assume the role",
    "WriteReplicas1": "of target legacy, like WriteReplicas0",
}
NAME = "prod/e2e"


@pytest.fixture
def stack(stack_of: Any) -> Iterator[scenario.Stack]:
    """A stack with one more secret, which only target dr selects."""
    found: scenario.Stack = stack_of("secret_replication")
    subject.Side(found).api.create_secret(Name=NAME, SecretString="first", KmsKeyId="alias/prod-secrets")
    yield found
    for region in (REGION, subject.OTHER_REGION):
        subject.Side(found, region).clean()


def copied(stack: scenario.Stack) -> bool:
    """Call the function for the secret, as the queue does, and return true if it reports no failure."""
    arn = subject.Side(stack).api.describe_secret(SecretId=NAME)["ARN"]
    event = {"Records": [{"messageId": "m", "body": json.dumps({"repair": arn})}]}
    name = stack.outputs["function_name"]
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return bool(json.load(answer["Payload"]) == {"batchItemFailures": []})


def role(stack: scenario.Stack) -> str:
    configured = stack.client("lambda").get_function_configuration(FunctionName=stack.outputs["function_name"])
    return str(configured["Role"].rpartition("/")[2])


@pytest.mark.parametrize("sid", NEEDED)
def test_each_statement_is_needed(cloud: Cloud, stack: scenario.Stack, sid: str) -> None:
    assert copied(stack)
    with without(cloud, role(stack), sid):
        subject.Side(stack).api.put_secret_value(SecretId=NAME, SecretString=f"without {sid}")
        assert not copied(stack)
    assert copied(stack)


def test_a_new_description_is_copied(stack: scenario.Stack) -> None:
    assert copied(stack)
    subject.Side(stack).api.update_secret(SecretId=NAME, Description="another")
    assert copied(stack)
    replica = subject.Side(stack, subject.OTHER_REGION).api.describe_secret(SecretId=NAME.replace("prod/", "dr/"))
    assert replica["Description"] == "another"


def test_every_statement_is_accounted_for(cloud: Cloud, stack: scenario.Stack) -> None:
    assert set(sids(cloud, role(stack))) == {*NEEDED, *OF_OTHERS}
