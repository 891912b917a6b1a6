"""CloudFront serves a private bucket through origin access control, if bucket and key let this distribution."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from local.harness.cloud import Cloud
from local.settings import ACCOUNT_ID, REGION


def read(cloud: Cloud, host: str, path: str) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(f"{cloud.endpoint}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def test_a_private_bucket_is_read_by_its_distribution_only(cloud: Cloud) -> None:
    cloudfront, s3, kms = (cloud.client(name) for name in ("cloudfront", "s3", "kms"))
    s3.create_bucket(Bucket="site-one", CreateBucketConfiguration={"LocationConstraint": REGION})
    access = cloudfront.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": "site",
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )["OriginAccessControl"]["Id"]
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": "1",
            "Comment": "",
            "Enabled": True,
            "DefaultRootObject": "index.html",
            "Origins": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "site",
                        "DomainName": f"site-one.s3.{REGION}.amazonaws.com",
                        "OriginPath": "/site",
                        "OriginAccessControlId": access,
                        "S3OriginConfig": {"OriginAccessIdentity": ""},
                    }
                ],
            },
            "DefaultCacheBehavior": {
                "TargetOriginId": "site",
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
        }
    )["Distribution"]
    arn, host = made["ARN"], made["DomainName"]

    def statement(**principal: Any) -> dict[str, Any]:
        return {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceArn": arn}},
            **principal,
        }

    root = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }

    def policy(*statements: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    key = kms.create_key(Policy=policy(root))["KeyMetadata"]
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}
    s3.put_bucket_encryption(
        Bucket="site-one",
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": encryption}]},
    )
    s3.put_object(Bucket="site-one", Key="site/index.html", Body=b"hello", ContentType="text/html")
    s3.put_object(Bucket="site-one", Key="other", Body=b"secret")
    assert read(cloud, host, "/")[0] == 403  # no policy lets CloudFront in
    allowed = statement(Action="s3:GetObject", Resource="arn:aws:s3:::site-one/site/*")
    s3.put_bucket_policy(Bucket="site-one", Policy=policy(allowed))
    assert read(cloud, host, "/")[0] == 403  # nor lets it decrypt
    kms.put_key_policy(
        KeyId=key["KeyId"],
        PolicyName="default",
        Policy=policy(root, statement(Action="kms:Decrypt", Resource="*")),
    )
    assert read(cloud, host, "/")[:2] == (200, b"hello")
    assert read(cloud, host, "/../other")[0] in (400, 403, 404)
    assert read(cloud, host, "/none")[0] in (403, 404)


def test_a_policy_of_response_headers_has_no_lists_that_were_not_given(cloud: Cloud) -> None:
    client = cloud.client("cloudfront")
    given = {"Name": "h", "SecurityHeadersConfig": {"ContentTypeOptions": {"Override": True}}}
    made = client.create_response_headers_policy(ResponseHeadersPolicyConfig=given)["ResponseHeadersPolicy"]
    shown = client.get_response_headers_policy(Id=made["Id"])["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
    assert "CustomHeadersConfig" not in shown
    assert "RemoveHeadersConfig" not in shown
    assert shown["SecurityHeadersConfig"]["ContentTypeOptions"] == {"Override": True}
