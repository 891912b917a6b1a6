"""Given a finding of its kind, when a remediation runs, then the resource is in the intended state, with few calls."""

from __future__ import annotations

from typing import Any

import pytest

from posture.finding_remediation.remediations import s3_lifecycle
from posture.finding_remediation.tagging import tag_value

from .conftest import HERE, MACIE, OTHER_REGION, REGION, World, bucket, error

POLICY = "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-"
UPDATE = "securityhub:BatchUpdateFindings"
ALL_BLOCKED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


def blocked(world: World, name: str) -> Any:
    return world.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]


# S3.14


def test_versioning_is_turned_on_also_where_it_was_suspended(world: World) -> None:
    world.settings("s3_versioning")
    arn = bucket(world, "reports")
    world.s3.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Suspended"})
    world.send([world.control(1, "S3.14", "AwsS3Bucket", arn)])
    assert world.calls == ["s3:GetBucketVersioning", "s3:PutBucketVersioning", "s3:GetBucketVersioning", UPDATE]
    assert world.s3.get_bucket_versioning(Bucket="reports")["Status"] == "Enabled"


# S3.2, S3.3, S3.8


@pytest.mark.parametrize("control", ["S3.2", "S3.3", "S3.8"])
def test_a_public_bucket_is_made_private(world: World, control: str) -> None:
    world.settings("s3_public", PUBLIC_BUCKETS=["www-*"])
    arn = bucket(world, "reports")
    partly = {**ALL_BLOCKED, "BlockPublicPolicy": False}
    world.s3.put_public_access_block(Bucket="reports", PublicAccessBlockConfiguration=partly)
    world.send([world.control(1, control, "AwsS3Bucket", arn)])
    assert world.calls == ["s3:GetPublicAccessBlock", "s3:PutPublicAccessBlock", "s3:GetPublicAccessBlock", UPDATE]
    assert blocked(world, "reports") == ALL_BLOCKED
    assert world.state(1) == ("RESOLVED", "Remediated: public access is blocked.")
    world.send([world.read(1)])
    assert world.calls == ["s3:GetPublicAccessBlock"]


@pytest.mark.parametrize("remediation", ["s3_public", "macie_bucket"])
@pytest.mark.parametrize("allowed", ["www-*", "www-site", "www-s?te"])
def test_a_bucket_that_is_meant_to_be_public_is_refused(world: World, remediation: str, allowed: str) -> None:
    world.settings(remediation, PUBLIC_BUCKETS=[allowed])
    arn = bucket(world, "www-site")
    fields: dict[str, Any] = (
        {"ProductArn": MACIE, "Types": [f"{POLICY}S3BucketPublic"]} if remediation == "macie_bucket" else {}
    )
    world.send([world.control(1, "S3.8", "AwsS3Bucket", arn, **fields)])
    assert world.calls == [UPDATE]
    told = "Refused: bucket www-site is meant to be public (public_buckets); suppress the finding."
    assert world.state(1) == ("NEW", told)


# S3.10


def lifecycle(world: World, name: str) -> list[Any]:
    return list(world.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"])


def versioned(world: World, name: str) -> str:
    arn = bucket(world, name)
    world.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return arn


def test_a_rule_for_old_versions_joins_those_that_are_there(world: World) -> None:
    world.settings("s3_lifecycle", NONCURRENT_DAYS="30")
    arn = versioned(world, "reports")
    own = [
        {
            "ID": "logs",
            "Status": "Enabled",
            "Filter": {"Prefix": "logs/"},
            "Expiration": {"Days": 7},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
        {
            "ID": "off",
            "Status": "Disabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
    ]
    world.s3.put_bucket_lifecycle_configuration(Bucket="reports", LifecycleConfiguration={"Rules": own})
    before = lifecycle(world, "reports")
    world.send([world.control(1, "S3.10", "AwsS3Bucket", arn)])
    assert world.calls == [
        "s3:GetBucketVersioning",
        "s3:GetBucketLifecycleConfiguration",
        "s3:PutBucketLifecycleConfiguration",
        "s3:GetBucketLifecycleConfiguration",
        UPDATE,
    ]
    *kept, added = lifecycle(world, "reports")
    assert kept == before
    assert added == {
        "ID": s3_lifecycle.RULE_ID,
        "Status": "Enabled",
        "Filter": {},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    }, "and nothing that the note does not say, such as the end of incomplete uploads"
    assert world.state(1) == ("RESOLVED", "Remediated: a lifecycle rule expires noncurrent versions.")
    world.send([world.read(1)])
    assert world.calls == ["s3:GetBucketVersioning", "s3:GetBucketLifecycleConfiguration"]


def test_a_bucket_without_versions_is_refused(world: World) -> None:
    world.settings("s3_lifecycle")
    arn = bucket(world, "reports")
    world.send([world.control(1, "S3.10", "AwsS3Bucket", arn)])
    assert world.state(1)[1].startswith("Refused: the bucket is not versioned")


def test_rules_of_the_older_kind_get_one_of_their_kind() -> None:
    """S3: "Found mixed form of <Filter> and <Prefix> based Rules which are mutually exclusive"."""
    (old, ours) = s3_lifecycle.merged([{"ID": "old", "Prefix": "logs/", "Status": "Enabled"}], 90)
    assert old["Prefix"] == "logs/"
    assert ours["Prefix"] == ""
    assert "Filter" not in ours
    (_, ours) = s3_lifecycle.merged([{"ID": "new", "Filter": {"Prefix": "logs/"}, "Status": "Enabled"}], 90)
    assert ours["Filter"] == {}


def test_our_rule_takes_the_place_of_ours() -> None:
    once = s3_lifecycle.merged([], 90)
    assert s3_lifecycle.merged(once, 90) == once
    assert s3_lifecycle.merged(once, 30)[0]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}


@pytest.mark.parametrize(
    ("rule", "expires"),
    [
        ({"Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {}}, True),
        ({"Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {}}, True),
        ({"Status": "Enabled", "Prefix": "", "NoncurrentVersionExpiration": {}}, True),
        ({"Status": "Disabled", "Filter": {}, "NoncurrentVersionExpiration": {}}, False),
        ({"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}, False),
        ({"Status": "Enabled", "Prefix": "logs/", "NoncurrentVersionExpiration": {}}, False),
        ({"Status": "Enabled", "Filter": {"Prefix": "logs/"}, "NoncurrentVersionExpiration": {}}, False),
        ({"Status": "Enabled", "Filter": {"And": {"Prefix": ""}}, "NoncurrentVersionExpiration": {}}, False),
    ],
)
def test_only_an_enabled_rule_of_the_whole_bucket_counts(rule: dict[str, Any], expires: bool) -> None:
    assert s3_lifecycle.expiring([rule]) is expires


def test_what_the_lifecycle_leaves_out_would_go_back_to_its_default(world: World, monkeypatch: Any) -> None:
    world.settings("s3_lifecycle")
    arn = versioned(world, "reports")
    sent: list[Any] = []
    from common import clients

    s3 = clients.client("s3", region=REGION)
    read = {"Rules": [], "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    monkeypatch.setattr(s3, "get_bucket_lifecycle_configuration", lambda **_: read, raising=False)
    monkeypatch.setattr(s3, "put_bucket_lifecycle_configuration", lambda **call: sent.append(call), raising=False)
    world.send([world.control(1, "S3.10", "AwsS3Bucket", arn)])
    assert [call["TransitionDefaultMinimumObjectSize"] for call in sent] == ["varies_by_storage_class"]


def test_a_thousand_rules_leave_no_room(world: World, monkeypatch: Any) -> None:
    world.settings("s3_lifecycle")
    arn = versioned(world, "reports")
    from common import clients

    full = {"Rules": [{"ID": str(number), "Status": "Enabled", "Filter": {"Prefix": "x"}} for number in range(1000)]}
    s3 = clients.client("s3", region=REGION)
    monkeypatch.setattr(s3, "get_bucket_lifecycle_configuration", lambda **_: full, raising=False)
    world.send([world.control(1, "S3.10", "AwsS3Bucket", arn)])
    assert world.state(1)[1] == "Not remediated: the bucket already has 1000 lifecycle rules, the maximum."


# EC2.12


def address(world: World, **tags: str) -> str:
    allocation = str(world.ec2.allocate_address(Domain="vpc")["AllocationId"])
    if tags:
        world.ec2.create_tags(Resources=[allocation], Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
    return allocation


def eip(allocation: str, region: str = REGION, account: str = HERE) -> str:
    return f"arn:aws:ec2:{region}:{account}:elastic-ip/{allocation}"


def held(world: World) -> list[str]:
    return [each["AllocationId"] for each in world.ec2.describe_addresses()["Addresses"]]


def test_unused_addresses_are_released(world: World) -> None:
    world.settings("elastic_ip")
    one, two, other = address(world), address(world), address(world)
    details = {"AwsEc2Eip": {"AllocationId": two}}
    listed = [
        world.control(1, "EC2.12", "AwsEc2Eip", eip(one)),
        world.control(2, "EC2.12", "AwsEc2Eip", "AWS::EC2::EIP:1.2.3.4"),
    ]
    listed[1]["Resources"][0]["Details"] = details
    world.send(listed)
    assert held(world) == [other]
    assert world.calls.count("ec2:DescribeAddresses") == 4
    assert len(world.calls) == 7
    assert world.state(1) == ("RESOLVED", "Remediated: the address is released.")
    world.send(listed)  # Already released, by an earlier attempt or by a user.
    assert world.calls == ["ec2:DescribeAddresses"] * 2 + [UPDATE]
    assert world.state(2)[0] == "RESOLVED"


def test_an_address_is_recorded_before_its_release(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """EC2 gives a released address back (AllocateAddress with Address) while no other account has it."""
    world.settings("elastic_ip")
    allocation = address(world, Team="ledger")
    public_ip = world.ec2.describe_addresses()["Addresses"][0]["PublicIp"]
    one = world.control(1, "EC2.12", "AwsEc2Eip", eip(allocation))
    caplog.set_level("INFO")
    world.send([one])
    before = next(vars(record)["before"] for record in caplog.records if "before" in vars(record))
    wanted = {"AllocationId": allocation, "PublicIp": public_ip, "Tags": [{"Key": "Team", "Value": "ledger"}]}
    assert wanted.items() <= before.items()


def test_an_address_in_use_is_kept(world: World) -> None:
    world.settings("elastic_ip")
    allocation = address(world)
    vpc = world.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = world.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    interface = world.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    world.ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=interface)
    world.send([world.control(1, "EC2.12", "AwsEc2Eip", eip(allocation))])
    assert held(world) == [allocation]
    assert "ec2:ReleaseAddress" not in world.calls
    assert world.state(1)[1].startswith(f"Not remediated: {allocation} is in use now (eipassoc-")


def test_an_address_that_comes_into_use_meanwhile_is_read_again(world: World) -> None:
    world.settings("elastic_ip")
    allocation = address(world)
    one = world.control(1, "EC2.12", "AwsEc2Eip", eip(allocation))
    world.fail["ReleaseAddress"] = [error("InvalidIPAddress.InUse")] * 3
    assert world.send([one]) == ["m0"]
    assert world.calls.count("ec2:DescribeAddresses") == 3
    world.fail["ReleaseAddress"] = [error("InvalidAllocationID.NotFound")]  # Another principal released it first.
    world.ec2.release_address(AllocationId=allocation)
    assert world.send([one]) == []
    assert world.state(1)[0] == "RESOLVED"


def test_an_address_with_the_tag_is_kept(world: World) -> None:
    world.settings("elastic_ip", EXEMPT_TAG="Keep")
    allocation = address(world, Keep="")
    world.send([world.control(1, "EC2.12", "AwsEc2Eip", eip(allocation))])
    assert held(world) == [allocation]
    assert world.state(1)[1] == f"Refused: {allocation} is exempt by its tag Keep; suppress the finding."


@pytest.mark.parametrize(
    ("arn", "told"),
    [
        (eip("eipalloc-1", account="444455556666"), "is not of the finding's account, 123456789012"),
        (eip("eipalloc-1", region=OTHER_REGION), "is not in the resource's Region, eu-west-1"),
        (f"arn:aws:ec2:{REGION}:{HERE}:instance/i-1", "names no allocation of an Elastic IP (eipalloc-…)"),
    ],
)
def test_what_is_not_this_accounts_address_in_this_region_is_refused(world: World, arn: str, told: str) -> None:
    world.settings("elastic_ip")
    world.send([world.control(1, "EC2.12", "AwsEc2Eip", arn)])
    assert world.calls == [UPDATE]
    assert world.state(1) == ("NEW", f"Refused: {arn} {told}.")


def test_a_denial_of_ec2_is_reported_without_its_varying_part(world: World) -> None:
    world.settings("elastic_ip")
    allocation = address(world)
    one = world.control(1, "EC2.12", "AwsEc2Eip", eip(allocation))
    message = "You are not authorized. Encoded authorization failure message: Zm9vYmFy{}"
    for varying in "ab":
        world.fail["ReleaseAddress"] = [error("UnauthorizedOperation", 403, message.format(varying))]
        world.send([one])
        told = f"Not remediated: Denied while calling ReleaseAddress on {allocation}: You are not authorized."
        assert world.state(1) == ("NEW", told)
        one = world.read(1)
    assert UPDATE not in world.calls


# Macie's policy findings


def policy_finding(world: World, number: int, arn: str, *names: str) -> dict[str, Any]:
    types = [f"{POLICY}{name}" for name in names or ("S3BucketPublic",)]
    return world.finding(number, "AwsS3Bucket", arn, ProductArn=MACIE, Types=types)


def encryption(world: World, name: str) -> Any:
    answer = world.s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    return answer["ApplyServerSideEncryptionByDefault"]


def bucket_tags(world: World, name: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in world.s3.get_bucket_tagging(Bucket=name)["TagSet"]}


def test_a_bucket_keeps_its_tags_and_is_tagged_encrypted_and_made_private(world: World) -> None:
    """Defect of the source: PutBucketTagging replaces all tags."""
    world.settings("macie_bucket")
    arn = bucket(world, "reports")
    world.s3.put_bucket_tagging(Bucket="reports", Tagging={"TagSet": [{"Key": "Team", "Value": "ledger"}]})
    world.send([policy_finding(world, 1, arn)])
    assert bucket_tags(world, "reports") == {"Team": "ledger", "SH_Finding_ID": "finding-1"}
    assert encryption(world, "reports")["SSEAlgorithm"] == "aws:kms"
    assert blocked(world, "reports") == ALL_BLOCKED
    assert world.state(1)[0] == "RESOLVED"
    tags, *settings = "s3:GetBucketTagging", "s3:GetPublicAccessBlock", "s3:GetBucketEncryption"
    reads = [tags, *settings]
    writes = ["s3:PutPublicAccessBlock", "s3:PutBucketEncryption", "s3:PutBucketTagging"]
    assert world.calls == [*reads, *writes, *settings, tags, UPDATE]
    world.send([world.read(1)])
    assert world.calls == reads


@pytest.mark.parametrize(
    "names",
    [
        ("S3BucketSharedExternally",),
        ("S3BucketReplicatedExternally",),
        ("S3BucketSharedWithCloudFront",),
        ("S3BucketPublic", "S3BucketSharedExternally"),
        ("S3BucketPubliclyListed",),
    ],
)
def test_what_blocking_public_access_does_not_end_stays_open(world: World, names: tuple[str, ...]) -> None:
    """A grant to a named account, a replication rule and a distribution stand after all three writes."""
    world.settings("macie_bucket")
    arn = bucket(world, "reports")
    world.send([policy_finding(world, 1, arn, *names)])
    assert world.calls == [UPDATE]
    status, note = world.state(1)
    assert (status, note[:39]) == ("NEW", "Refused: this remediation is for Macie'")
    assert "it ends no grant to an account, replication or CloudFront" in note


@pytest.mark.parametrize("name", ["S3BlockPublicAccessDisabled", "S3BucketEncryptionDisabled", "S3BucketPublic"])
def test_what_it_ends_is_resolved(world: World, name: str) -> None:
    world.settings("macie_bucket")
    arn = bucket(world, "reports")
    world.send([policy_finding(world, 1, arn, name)])
    assert (blocked(world, "reports"), encryption(world, "reports")["SSEAlgorithm"]) == (ALL_BLOCKED, "aws:kms")
    assert world.state(1)[0] == "RESOLVED"


def test_a_kms_key_that_the_owner_chose_stays(world: World) -> None:
    world.settings("macie_bucket")
    arn = bucket(world, "reports")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/theirs"}}
    world.s3.put_bucket_encryption(Bucket="reports", ServerSideEncryptionConfiguration={"Rules": [rule]})
    world.send([policy_finding(world, 1, arn)])
    assert encryption(world, "reports")["KMSMasterKeyID"] == "alias/theirs"
    assert "s3:PutBucketEncryption" not in world.calls


def test_a_bucket_without_room_for_the_tag_is_made_private_all_the_same(world: World) -> None:
    world.settings("macie_bucket")
    arn = bucket(world, "reports")
    full = [{"Key": f"tag-{number}", "Value": "x"} for number in range(50)]
    world.s3.put_bucket_tagging(Bucket="reports", Tagging={"TagSet": full})
    world.send([policy_finding(world, 1, arn)])
    assert (blocked(world, "reports"), encryption(world, "reports")["SSEAlgorithm"]) == (ALL_BLOCKED, "aws:kms")
    assert len(bucket_tags(world, "reports")) == 50
    status, note = world.state(1)
    assert status == "RESOLVED"
    assert note.endswith("not tagged, because it has 50 tags already.")


def test_a_bucket_that_refuses_the_tag_is_made_private_and_stays_open(world: World) -> None:
    """S3 refuses PutBucketTagging where tags control access (ABAC)."""
    world.settings("macie_bucket")
    arn = bucket(world, "reports")
    one = policy_finding(world, 1, arn)
    world.fail["PutBucketTagging"] = [error("InvalidRequest", 400, "use TagResource")]
    world.send([one])
    assert (blocked(world, "reports"), encryption(world, "reports")["SSEAlgorithm"]) == (ALL_BLOCKED, "aws:kms")
    told = "Not remediated: InvalidRequest while calling PutBucketTagging on reports: use TagResource."
    assert world.state(1) == ("NEW", told)


def test_the_data_finding_of_macie_is_not_one_of_policy(world: World) -> None:
    world.settings("macie_bucket")
    arn = bucket(world, "reports")
    types = ["Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal"]
    world.send([world.finding(1, "AwsS3Bucket", arn, ProductArn=MACIE, Types=types)])
    assert world.state(1)[1].startswith("Refused: this remediation is for Macie's policy findings")
    assert world.calls == [UPDATE]


@pytest.mark.parametrize(
    ("finding", "value"),
    [
        ("5be50fce24526e670df77bc00example", "5be50fce24526e670df77bc00example"),
        ("arn:aws:macie2:eu-west-1:1:finding/é&1", "arn:aws:macie2:eu-west-1:1:finding/__1"),
        ("x" * 300 + "end", "x" * 253 + "end"),
    ],
)
def test_any_findings_id_fits_a_tag(finding: str, value: str) -> None:
    assert tag_value(finding) == value
