"""Each permission of each remediation is needed, in the member account too; a burst of a thousand loses nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.harness import scenario
from local.settings import ACCOUNT_ID, REGION
from scenarios import security_hub as shared
from scenarios.posture import finding_remediation as subject
from tests.e2e import permissions
from tests.e2e.conftest import only_with

pytestmark = only_with("posture/finding_remediation")

BURST, BUCKETS = 1000, 40


@pytest.fixture(scope="module")
def stack(stack_of: Any) -> Iterator[scenario.Stack]:
    """The stack with its automatic rules off: these tests invoke the functions directly."""
    made: scenario.Stack = stack_of("finding_remediation")
    events = made.client("events")
    for rule in made.outputs["automatic_rule_names"].values():
        events.disable_rule(Name=rule)
    yield made
    for rule in made.outputs["automatic_rule_names"].values():
        events.enable_rule(Name=rule)


@pytest.fixture(scope="module")
def here(stack: scenario.Stack) -> Iterator[subject.Account]:
    yield from used(stack, ACCOUNT_ID)


@pytest.fixture(scope="module")
def there(stack: scenario.Stack) -> Iterator[subject.Account]:
    with subject.member_roles(stack):
        yield from used(stack, subject.MEMBER)


def used(stack: scenario.Stack, account: str) -> Iterator[subject.Account]:
    made = subject.Account(stack, account)
    yield made
    made.clean()
    for address in made.ec2.describe_addresses()["Addresses"]:
        made.ec2.release_address(AllocationId=address["AllocationId"])
    shared.archive(made.hub, made.ids)


def new() -> str:
    return uuid.uuid4().hex[:12]


# A finding of each remediation, on a resource of its own that needs the remediation.


def versioning(account: subject.Account) -> str:
    return account.control(new(), "S3.14", "AwsS3Bucket", account.bucket(new()))


def public(account: subject.Account) -> str:
    return account.control(new(), "S3.8", "AwsS3Bucket", account.bucket(new()))


def lifecycle(account: subject.Account) -> str:
    name = new()
    arn = account.bucket(name)
    enabled = {"Status": "Enabled"}
    account.s3.put_bucket_versioning(Bucket=f"{subject.PREFIX}{name}", VersioningConfiguration=enabled)
    return account.control(new(), "S3.10", "AwsS3Bucket", arn)


def address(account: subject.Account) -> str:
    allocation = account.ec2.allocate_address(Domain="vpc")["AllocationId"]
    arn = f"arn:aws:ec2:{REGION}:{account.account}:elastic-ip/{allocation}"
    return account.control(new(), "EC2.12", "AwsEc2Eip", arn)


def policy(account: subject.Account) -> str:
    return account.macie(new(), subject.POLICY, "AwsS3Bucket", account.bucket(new()))


def sensitive(account: subject.Account) -> str:
    """Create an object under a key of the account, in a versioned bucket."""
    name = new()
    arn, bucket = account.bucket(name), f"{subject.PREFIX}{name}"
    account.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": account.kms_key}
    version = account.s3.put_object(Bucket=bucket, Key="a.csv", Body=b"x", **put)["VersionId"]
    details = {"AwsS3Object": {"VersionId": version}}
    resources = [{"Type": "AwsS3Object", "Id": f"{arn}/a.csv", "Region": REGION, "Details": details}]
    return account.macie(new(), subject.SENSITIVE, "", "", Resources=resources)


def held(account: subject.Account) -> str:
    """Create an object under a legal hold."""
    name = new()
    arn = account.bucket(name, ObjectLockEnabledForBucket=True)
    account.s3.put_object(Bucket=f"{subject.PREFIX}{name}", Key="a.csv", Body=b"x", ObjectLockLegalHoldStatus="ON")
    return account.macie(new(), subject.SENSITIVE, "AwsS3Object", f"{arn}/a.csv")


CASES: dict[str, Callable[[subject.Account], str]] = {
    "elastic_ip": address,
    "macie_bucket": policy,
    "macie_object": sensitive,
    "s3_lifecycle": lifecycle,
    "s3_public": public,
    "s3_versioning": versioning,
}


def end_sessions(stack: scenario.Stack, remediation: str) -> None:
    """Replace the function's processes, which keep sessions of member roles: a change of its configuration does so."""
    functions, name = stack.client("lambda"), stack.outputs["function_names"][remediation]
    environment = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": environment})


def invoke(stack: scenario.Stack, remediation: str, finding_id: str) -> tuple[str, str]:
    """Invoke the function with one finding. Return its workflow and note afterwards, or the function's error."""
    found = shared.read(stack.client("securityhub"), finding_id)[finding_id]
    record = {"messageId": "m", "body": json.dumps({"detail": {"findings": [found]}})}
    name = stack.outputs["function_names"][remediation]
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"Records": [record]}))
    made = json.load(answer["Payload"])
    if answer.get("FunctionError"):
        return "error", made["errorMessage"]
    assert made == {"batchItemFailures": []}
    return subject.state(stack, finding_id)


@pytest.mark.parametrize("remediation", sorted(CASES))
def test_each_statement_is_needed(
    stack: scenario.Stack, here: subject.Account, there: subject.Account, remediation: str
) -> None:
    role = stack.outputs["role_names"][remediation]
    sids = permissions.sids(stack.cloud, role)
    assert sids[:3] == ["ReadQueue", "AnswerFindings", "AssumeMemberRoles"]
    for sid in sids[1:]:  # Lambda uses ReadQueue to read the queue; test_queue_sources.py covers it.
        finding = (
            held(here) if sid == "ReadLocks" else CASES[remediation](there if sid == "AssumeMemberRoles" else here)
        )
        if sid == "AssumeMemberRoles":
            end_sessions(stack, remediation)
        with permissions.without(stack.cloud, role, sid):
            status, told = invoke(stack, remediation, finding)
        if sid == "ReadLocks":  # S3 does not deny the call: it answers as if nothing were locked.
            assert "legal hold" not in told
        else:
            assert (status in ("NEW", "error"), "denied" in told.lower()) == (True, True), (sid, told)
    assert invoke(stack, remediation, finding)[0] == "RESOLVED"
    if remediation == "macie_object":
        assert "legal hold" in invoke(stack, remediation, held(here))[1]


@pytest.mark.parametrize("remediation", ["macie_object", "s3_versioning"])
def test_each_statement_of_a_members_role_is_needed(
    stack: scenario.Stack, there: subject.Account, remediation: str
) -> None:
    """The statements are the functions' own. Test one remediation with a key of another account, and one without."""
    role = f"finding-remediation-{remediation.replace('_', '-')}"
    for sid in permissions.sids(stack.cloud, role, "remediation", subject.MEMBER):
        if sid == "ReadLocks":
            continue  # as above
        finding = CASES[remediation](there)
        with permissions.without(stack.cloud, role, sid, "remediation", subject.MEMBER):
            status, told = invoke(stack, remediation, finding)
        assert (status, "denied" in told.lower()) == ("NEW", True), (sid, told)
    assert invoke(stack, remediation, finding)[0] == "RESOLVED"


def test_a_members_role_trusts_its_own_function_alone(stack: scenario.Stack, there: subject.Account) -> None:
    """Another remediation's function is refused, even with the role's name in its environment."""
    functions, name = stack.client("lambda"), stack.outputs["function_names"]["s3_versioning"]
    whole = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    role, iam = stack.outputs["role_names"]["s3_versioning"], stack.client("iam")
    wrong = whole["MEMBER_ROLE"].replace("s3-versioning", "s3-public")
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": wrong.replace("{account}", subject.MEMBER)}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    finding = versioning(there)
    iam.put_role_policy(RoleName=role, PolicyName="wrong", PolicyDocument=document)
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**whole, "MEMBER_ROLE": wrong}}
    )
    try:
        status, told = invoke(stack, "s3_versioning", finding)
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": whole})
        iam.delete_role_policy(RoleName=role, PolicyName="wrong")
    assert (status, "Denied while assuming" in told) == ("NEW", True)
    assert invoke(stack, "s3_versioning", finding)[0] == "RESOLVED"


def test_a_burst_of_a_thousand_findings(stack: scenario.Stack, here: subject.Account) -> None:
    """Send them with the custom action, twenty at a time as in the console, with one call in ten throttled."""
    arns = [here.bucket(f"burst-{number}") for number in range(BUCKETS)]
    made = [
        shared.finding(
            f"{here.ids}burst-{number:04d}",
            ProductArn=subject.SECURITY_HUB,
            Compliance={"Status": "FAILED", "SecurityControlId": "S3.14"},
            Resources=[{"Type": "AwsS3Bucket", "Id": arns[number % BUCKETS], "Region": REGION}],
        )
        for number in range(BURST)
    ]
    shared.load(here.hub, made)
    throttles = {"kind": "throttle", "rate": 0.1, "principal": f"{subject.FUNCTIONS}s3-versioning"}
    with stack.faults(throttles, seed=3):
        for first in range(0, BURST, 20):
            subject.send(stack, "s3_versioning", *(finding["Id"] for finding in made[first : first + 20]))

        def open_findings() -> int:
            states = shared.read(here.hub, f"{here.ids}burst-").values()
            return sum(found["Workflow"]["Status"] != "RESOLVED" for found in states)

        scenario.wait_until("a thousand answers", lambda: open_findings() == 0, 400, every=2)
    assert set(subject._versioning(here, *(f"burst-{number}" for number in range(BUCKETS)))) == {"Enabled"}
    assert stack.messages(stack.outputs["dead_letter_queue_urls"]["s3_versioning"]) == 0
