"""Elastic IPs: unknown ones, used ones, and tags in IAM's conditions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return str(raised.value.response["Error"]["Code"])


def test_an_address_in_use_is_not_released_and_a_released_one_is_unknown(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    association = ec2.associate_address(AllocationId=allocation, InstanceId="i-1")["AssociationId"]
    assert code(ec2.release_address, AllocationId=allocation) == "InvalidIPAddress.InUse"
    ec2.disassociate_address(AssociationId=association)
    ec2.release_address(AllocationId=allocation)
    assert code(ec2.describe_addresses, AllocationIds=[allocation]) == "InvalidAllocationID.NotFound"


def test_a_condition_on_the_addresss_tags(cloud: Cloud) -> None:
    iam, ec2 = cloud.client("iam"), cloud.client("ec2")
    iam.create_user(UserName="releaser")
    statement = {
        "Effect": "Allow",
        "Action": "ec2:ReleaseAddress",
        "Resource": "*",
        "Condition": {"Null": {"aws:ResourceTag/Keep": "true"}},
    }
    iam.put_user_policy(UserName="releaser", PolicyName="p", PolicyDocument=json.dumps({"Statement": [statement]}))
    keys = iam.create_access_key(UserName="releaser")["AccessKey"]
    releaser = cloud.client("ec2", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])
    kept, other = (ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(2))
    ec2.create_tags(Resources=[kept], Tags=[{"Key": "Keep", "Value": ""}])
    assert code(releaser.release_address, AllocationId=kept) == "UnauthorizedOperation"
    releaser.release_address(AllocationId=other)
    assert [each["AllocationId"] for each in ec2.describe_addresses()["Addresses"]] == [kept]
