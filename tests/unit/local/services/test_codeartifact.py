"""CodeArtifact: domains and repositories, and packages by way of the endpoints that pip and npm use."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.settings import ACCOUNT_ID, REGION

NAMES = {"domain": "clients", "repository": "own"}


@pytest.fixture(scope="module")
def codeartifact(cloud: Cloud) -> Any:
    client = cloud.client("codeartifact")
    client.create_domain(domain="clients", tags=[{"key": "a", "value": "b"}])
    client.create_repository(**NAMES)
    return client


def request(url: str, token: str, data: bytes | None = None, media: str = "", method: str = "") -> tuple[int, bytes]:
    basic = base64.b64encode(f"aws:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", **({"Content-Type": media} if media else {})}
    sent = urllib.request.Request(url, data=data, headers=headers, method=method or None)
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def form(**fields: bytes) -> tuple[bytes, str]:
    """Return the body and media type of an upload."""
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        % (name.encode(), b'; filename="a-1.0.whl"' if name == "content" else b"", value)
        for name, value in fields.items()
    ]
    return b"".join(parts) + b"--x--\r\n", "multipart/form-data; boundary=x"


def access(client: Any, kind: str) -> tuple[str, str]:
    """Return an endpoint and a token."""
    endpoint = client.get_repository_endpoint(format=kind, **NAMES)["repositoryEndpoint"]
    return endpoint, client.get_authorization_token(domain="clients")["authorizationToken"]


def test_domains_and_repositories(codeartifact: Any) -> None:
    arn = codeartifact.describe_domain(domain="clients")["domain"]["arn"]
    assert arn == f"arn:aws:codeartifact:{REGION}:{ACCOUNT_ID}:domain/clients"
    assert codeartifact.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "b"}]
    with pytest.raises(ClientError, match="ConflictException"):
        codeartifact.delete_domain(domain="clients")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        codeartifact.describe_repository(domain="clients", repository="none")
    with pytest.raises(ClientError, match="ConflictException"):
        codeartifact.create_repository(**NAMES)
    assert [one["name"] for one in codeartifact.list_repositories()["repositories"]] == ["own"]


def test_a_wheel_is_published_once_and_read_back(codeartifact: Any) -> None:
    endpoint, token = access(codeartifact, "pypi")
    body, media = form(name=b"a", version=b"1.0", content=b"PK wheel")
    assert request(endpoint, "no-token", body, media)[0] == 401
    assert request(endpoint, token, body, media)[0] == 200
    assert request(endpoint, token, body, media)[0] == 409
    status, page = request(f"{endpoint}simple/a/", token)
    assert (status, b"a-1.0.whl" in page) == (200, True)
    assert request(f"{endpoint}files/a-1.0.whl", token) == (200, b"PK wheel")
    assert request(f"{endpoint}simple/none/", token)[0] == 404
    found = codeartifact.describe_package_version(format="pypi", package="a", packageVersion="1.0", **NAMES)
    assert found["packageVersion"]["status"] == "Published"


def test_a_package_for_npm_is_published_once_and_read_back(codeartifact: Any) -> None:
    endpoint, token = access(codeartifact, "npm")
    sent = {
        "name": "b",
        "versions": {"1.0.0": {"name": "b", "version": "1.0.0", "dist": {"tarball": "elsewhere"}}},
        "_attachments": {"b-1.0.0.tgz": {"data": base64.b64encode(b"tar").decode()}},
    }
    assert request(f"{endpoint}b", token, json.dumps(sent).encode(), "application/json", "PUT")[0] == 200
    assert request(f"{endpoint}b", token, json.dumps(sent).encode(), "application/json", "PUT")[0] == 409
    shown = json.loads(request(f"{endpoint}b", token)[1])
    place = shown["versions"]["1.0.0"]["dist"]["tarball"]
    assert shown["dist-tags"] == {"latest": "1.0.0"}
    assert request(place, token) == (200, b"tar")
    listed = codeartifact.list_package_versions(format="npm", package="b", **NAMES)["versions"]
    assert [one["version"] for one in listed] == ["1.0.0"]


def test_a_token_has_the_permissions_of_who_asked_for_it(cloud: Cloud, codeartifact: Any) -> None:
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    bearer = {"StringEquals": {"sts:AWSServiceName": "codeartifact.amazonaws.com"}}
    allowed = [
        {"Effect": "Allow", "Action": ["codeartifact:Get*", "codeartifact:ReadFromRepository"], "Resource": "*"},
        {"Effect": "Allow", "Action": "sts:GetServiceBearerToken", "Resource": "*", "Condition": bearer},
    ]

    def grant(statements: list[Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=document)

    made = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    client = cloud.client(
        "codeartifact",
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )
    grant(allowed[:1])
    with pytest.raises(ClientError, match="sts:GetServiceBearerToken"):
        access(client, "pypi")
    grant(allowed)
    endpoint, token = access(client, "pypi")
    assert request(f"{endpoint}simple/a/", token)[0] == 200
    body, media = form(name=b"a", version=b"2.0", content=b"PK")
    status, said = request(endpoint, token, body, media)
    assert (status, b"codeartifact:PublishPackageVersion" in said) == (403, True)
