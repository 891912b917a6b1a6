"""Access Analyzer on the engine's buckets, with S3's Block Public Access and access points."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.settings import ACCOUNT_ID, REGION

OUTSIDER = "222222222222"
OFF = {
    "BlockPublicAcls": False,
    "IgnorePublicAcls": False,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}
ON = dict.fromkeys(OFF, True)


@pytest.fixture
def analyzer(cloud: Cloud) -> Iterator[str]:
    """Yield the ARN of an analyzer of the account."""
    api = cloud.client("accessanalyzer")
    yield api.create_analyzer(analyzerName="own", type="ACCOUNT", tags={"team": "security"})["arn"]
    api.delete_analyzer(analyzerName="own")


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def policy(principal: Any, resource: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **condition}]})


def bucket(cloud: Cloud, name: str) -> str:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.delete_public_access_block(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    return name


def findings(cloud: Cloud, analyzer: str, name: str) -> list[tuple[str, str, bool]]:
    criteria = {"resource": {"eq": [f"arn:aws:s3:::{name}"]}}
    found = cloud.client("accessanalyzer").list_findings(analyzerArn=analyzer, filter=criteria)["findings"]
    return [(finding["sources"][0]["type"], finding["status"], finding["isPublic"]) for finding in found]


def reads(cloud: Cloud, name: str, account: str = OUTSIDER) -> bool:
    try:
        cloud.client("s3", account=account).get_object(Bucket=name, Key="k")
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True


def test_a_finding_lives_with_its_grant(cloud: Cloud, analyzer: str) -> None:
    s3, api = cloud.client("s3"), cloud.client("accessanalyzer")
    name = bucket(cloud, "lives")
    assert findings(cloud, analyzer, name) == []
    s3.put_bucket_policy(Bucket=name, Policy=policy("*", f"arn:aws:s3:::{name}/*"))
    assert findings(cloud, analyzer, name) == [("POLICY", "ACTIVE", True)]
    first = api.list_findings(analyzerArn=analyzer)["findings"][0]
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=ON)
    assert findings(cloud, analyzer, name) == [("POLICY", "RESOLVED", True)]
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OFF)
    again = api.get_finding(analyzerArn=analyzer, id=first["id"])["finding"]
    assert (again["status"], again["updatedAt"] > first["updatedAt"]) == ("ACTIVE", True)
    details = api.get_finding_v2(analyzerArn=analyzer, id=first["id"])["findingDetails"][0]["externalAccessDetails"]
    assert (details["isPublic"], details["sources"]) == (True, [{"type": "POLICY"}])
    assert api.list_findings_v2(analyzerArn=analyzer)["findings"][0]["findingType"] == "ExternalAccess"
    resource = api.get_analyzed_resource(analyzerArn=analyzer, resourceArn=f"arn:aws:s3:::{name}")["resource"]
    assert (resource["isPublic"], resource["sharedVia"]) == (True, ["POLICY"])
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    assert findings(cloud, analyzer, name) == [("POLICY", "RESOLVED", True)]
    listed = api.list_analyzed_resources(analyzerArn=analyzer, resourceType="AWS::S3::Bucket")["analyzedResources"]
    assert f"arn:aws:s3:::{name}" not in [one["resourceArn"] for one in listed]


def test_events_have_the_documented_shape(cloud: Cloud, analyzer: str) -> None:
    events, sqs = cloud.client("events"), cloud.client("sqs")
    queue = sqs.create_queue(QueueName="findings")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:findings"
    rule = events.put_rule(Name="findings", EventPattern='{"source": ["aws.access-analyzer"]}')["RuleArn"]
    send = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    send |= {"Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document})
    events.put_targets(Rule="findings", Targets=[{"Id": "q", "Arn": arn}])
    name = bucket(cloud, "tells")
    cloud.client("s3").put_bucket_policy(Bucket=name, Policy=policy("*", f"arn:aws:s3:::{name}/*"))
    event = json.loads(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"][0]["Body"])
    assert (event["detail-type"], event["resources"]) == ("Access Analyzer Finding", [analyzer])
    assert event["detail"].keys() == {
        *("accountId", "action", "analyzedAt", "condition", "createdAt", "id", "isDeleted", "isPublic", "principal"),
        *("region", "resource", "resourceType", "status", "updatedAt", "version"),
    }
    events.remove_targets(Rule="findings", Ids=["q"])


def test_archive_rules(cloud: Cloud, analyzer: str) -> None:
    api, s3 = cloud.client("accessanalyzer"), cloud.client("s3")
    before, after = bucket(cloud, "known-before"), bucket(cloud, "known-after")
    s3.put_bucket_policy(Bucket=before, Policy=policy("*", f"arn:aws:s3:::{before}/*"))
    criteria = {"resource": {"contains": ["known-"]}}
    api.create_archive_rule(analyzerName="own", ruleName="known", filter=criteria)
    s3.put_bucket_policy(Bucket=after, Policy=policy("*", f"arn:aws:s3:::{after}/*"))
    assert [findings(cloud, analyzer, name)[0][1] for name in (before, after)] == ["ACTIVE", "ARCHIVED"]
    api.apply_archive_rule(analyzerArn=analyzer, ruleName="known")
    assert findings(cloud, analyzer, before)[0][1] == "ARCHIVED"
    api.update_findings(analyzerArn=analyzer, status="ACTIVE", resourceArn=f"arn:aws:s3:::{before}")
    assert findings(cloud, analyzer, before)[0][1] == "ACTIVE"
    again = {"analyzerName": "own", "ruleName": "known", "filter": criteria}
    assert refused(api.create_archive_rule, **again) == "ConflictException"
    bad = {"colour": {"eq": ["red"]}}
    assert refused(api.create_archive_rule, analyzerName="own", ruleName="bad", filter=bad) == "ValidationException"
    api.update_archive_rule(analyzerName="own", ruleName="known", filter={"isPublic": {"eq": ["false"]}})
    assert api.get_archive_rule(analyzerName="own", ruleName="known")["archiveRule"]["filter"].keys() == {"isPublic"}
    api.delete_archive_rule(analyzerName="own", ruleName="known")
    assert api.list_archive_rules(analyzerName="own")["archiveRules"] == []


def test_analyzers(cloud: Cloud, analyzer: str) -> None:
    api = cloud.client("accessanalyzer", attempts=1)
    assert api.list_tags_for_resource(resourceArn=analyzer)["tags"] == {"team": "security"}
    assert refused(api.create_analyzer, analyzerName="own", type="ACCOUNT") == "ConflictException"
    assert refused(api.create_analyzer, analyzerName="two", type="ACCOUNT") == "ServiceQuotaExceededException"
    assert refused(api.create_analyzer, analyzerName="org", type="ORGANIZATION") == "ValidationException"
    unused = {"analyzerName": "unused", "type": "ACCOUNT_UNUSED_ACCESS"}
    assert refused(api.create_analyzer, **unused) == "ValidationException"
    assert refused(api.get_finding, analyzerArn=analyzer, id="nothing") == "ResourceNotFoundException"
    assert refused(api.get_analyzer, analyzerName="other") == "ResourceNotFoundException"
    scan = {"analyzerArn": analyzer, "resourceArn": "arn:aws:s3:::no-such-bucket"}
    assert refused(api.start_resource_scan, **scan) == "ResourceNotFoundException"
    assert refused(api.validate_policy, policyDocument="{}", policyType="RESOURCE_POLICY") == "NotImplemented"


def test_an_organization_is_trusted(cloud: Cloud) -> None:
    manager = "444444444444"
    organizations = cloud.client("organizations", account=manager)
    organization = organizations.describe_organization()["Organization"]["Id"]  # MiniStack creates it
    made = organizations.create_account(Email="m@example.com", AccountName="member")["CreateAccountStatus"]
    member = made.get("AccountId") or organizations.list_accounts()["Accounts"][-1]["Id"]
    api, s3 = cloud.client("accessanalyzer", account=manager), cloud.client("s3", account=manager)
    analyzer = api.create_analyzer(analyzerName="org", type="ORGANIZATION")["arn"]
    s3.create_bucket(Bucket="of-org", CreateBucketConfiguration={"LocationConstraint": REGION})
    resource = "arn:aws:s3:::of-org/*"

    def active() -> list[dict[str, str]]:
        found = api.list_findings(analyzerArn=analyzer, filter={"status": {"eq": ["ACTIVE"]}})["findings"]
        return [finding["principal"] for finding in found]

    within = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": organization}}}
    for principal, condition in (({"AWS": member}, {}), ("*", within)):
        s3.put_bucket_policy(Bucket="of-org", Policy=policy(principal, resource, **condition))
        assert active() == []
    s3.put_bucket_policy(Bucket="of-org", Policy=policy({"AWS": OUTSIDER}, resource))
    assert active() == [{"AWS": OUTSIDER}]


def test_only_a_scan_updates_findings_when_changes_are_not_watched(cloud: Cloud, analyzer: str) -> None:
    name = bucket(cloud, "unwatched")
    cloud.command("accessanalyzer/set_watch", {"on": False})
    try:
        cloud.client("s3").put_bucket_policy(Bucket=name, Policy=policy("*", f"arn:aws:s3:::{name}/*"))
        assert findings(cloud, analyzer, name) == []
        scan = {"analyzerArn": analyzer, "resourceArn": f"arn:aws:s3:::{name}"}
        cloud.client("accessanalyzer").start_resource_scan(**scan)
        assert findings(cloud, analyzer, name) == [("POLICY", "ACTIVE", True)]
    finally:
        cloud.command("accessanalyzer/set_watch", {"on": True})


def test_iam_names_the_analyzer(cloud: Cloud, analyzer: str) -> None:
    iam, sts = cloud.client("iam"), cloud.client("sts")
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT_ID}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="auditor", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    made = sts.assume_role(RoleArn=role, RoleSessionName="audit")["Credentials"]
    keys = {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }
    api = cloud.client("accessanalyzer", **keys)
    asked = {"analyzerArn": analyzer, "id": "nothing"}
    for resource, expected in ((f"{analyzer}x", "AccessDeniedException"), (analyzer, "ResourceNotFoundException")):
        statement = {"Effect": "Allow", "Action": "access-analyzer:GetFinding", "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="auditor", PolicyName="p", PolicyDocument=document)
        assert refused(api.get_finding, **asked) == expected
        assert refused(api.get_finding_v2, **asked) == expected
    assert refused(api.list_findings, analyzerArn=analyzer) == "AccessDeniedException"


def test_access_points_let_other_accounts_in_when_point_and_bucket_do(cloud: Cloud, analyzer: str) -> None:
    s3, control = cloud.client("s3"), cloud.client("s3control")
    name, own = bucket(cloud, "pointed"), {"AccountId": ACCOUNT_ID, "Name": "door"}
    control.create_access_point(**own, Bucket=name, PublicAccessBlockConfiguration=OFF)
    alias = control.get_access_point(**own)["Alias"]
    resource = f"arn:aws:s3:{REGION}:{ACCOUNT_ID}:accesspoint/door/object/*"
    control.put_access_point_policy(**own, Policy=policy({"AWS": OUTSIDER}, resource))
    assert findings(cloud, analyzer, name) == [("S3_ACCESS_POINT", "ACTIVE", False)]
    assert not reads(cloud, alias)  # the bucket's policy does not allow it yet
    delegated = {"Condition": {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT_ID}}}
    s3.put_bucket_policy(Bucket=name, Policy=policy("*", f"arn:aws:s3:::{name}/*", **delegated))
    assert reads(cloud, alias)
    assert not reads(cloud, name)
    assert control.get_access_point_policy_status(**own)["PolicyStatus"] == {"IsPublic": False}
    control.put_access_point_policy(**own, Policy=policy("*", resource))
    assert control.get_access_point_policy_status(**own)["PolicyStatus"] == {"IsPublic": True}
    assert reads(cloud, alias)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={**OFF, "RestrictPublicBuckets": True})
    assert not reads(cloud, alias)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={**OFF, "BlockPublicPolicy": True})
    assert refused(control.put_access_point_policy, **own, Policy=policy("*", resource)) == "AccessDenied"
    control.delete_access_point_policy(**own)
    assert refused(control.get_access_point_policy_status, **own) == "NoSuchAccessPointPolicy"
    assert not reads(cloud, alias)


def test_the_accounts_block_public_access(cloud: Cloud, analyzer: str) -> None:
    s3, control, own = cloud.client("s3"), cloud.client("s3control"), {"AccountId": ACCOUNT_ID}
    name = bucket(cloud, "of-account")
    document = policy("*", f"arn:aws:s3:::{name}/*")
    s3.put_bucket_policy(Bucket=name, Policy=document)
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"] == {"IsPublic": True}
    assert reads(cloud, name)
    assert refused(control.get_public_access_block, **own) == "NoSuchPublicAccessBlockConfiguration"
    control.put_public_access_block(**own, PublicAccessBlockConfiguration=ON)
    assert control.get_public_access_block(**own)["PublicAccessBlockConfiguration"] == ON
    assert not reads(cloud, name)
    assert refused(s3.put_bucket_policy, Bucket=name, Policy=document) == "AccessDenied"
    assert findings(cloud, analyzer, name) == [("POLICY", "ACTIVE", True)]  # AWS checks every six hours
    scan = {"analyzerArn": analyzer, "resourceArn": f"arn:aws:s3:::{name}"}
    cloud.client("accessanalyzer").start_resource_scan(**scan)
    assert findings(cloud, analyzer, name) == [("POLICY", "RESOLVED", True)]
    other = cloud.client("s3control", account=OUTSIDER)
    assert refused(other.put_public_access_block, **own, PublicAccessBlockConfiguration=OFF) == "AccessDenied"
    control.delete_public_access_block(**own)
    assert reads(cloud, name)
    s3.delete_bucket_policy(Bucket=name)
    assert refused(s3.get_bucket_policy_status, Bucket=name) == "NoSuchBucketPolicy"
