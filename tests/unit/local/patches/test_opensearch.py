"""A domain through the gateway: its endpoint, IAM and its policy in front of it, the model behind it, and its end."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.settings import ACCOUNT_ID, REGION

ARN = f"arn:aws:es:{REGION}:{ACCOUNT_ID}:domain/shop"
POST = {"Effect": "Allow", "Action": "es:ESHttpPost", "Resource": f"{ARN}/i/_search"}
TITAN = "amazon.titan-embed-text-v2:0"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def session(cloud: Cloud, name: str, *statements: dict[str, Any]) -> dict[str, str]:
    """Return credentials of a new role with these statements."""
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, "Action": "sts:AssumeRole"}
    iam = cloud.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    found: dict[str, str] = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return found


def call(
    cloud: Cloud, host: str, method: str, path: str, body: Any = None, credentials: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Send a request to a domain, signed as the account's root or with these credentials; {} for no signature."""
    data = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method, f"https://{host}{path}", data=data, headers={"Host": host})
    if credentials != {}:
        key = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test"}
        signer = Credentials(key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken"))
        SigV4Auth(signer, "es", REGION).add_auth(request)
    answer = urllib3.request(method, cloud.endpoint + path, body=data, headers=dict(request.headers.items()))
    return answer.status, json.loads(answer.data)


def create(cloud: Cloud, name: str, **more: Any) -> dict[str, Any]:
    """Create a domain. Return its status."""
    made: dict[str, Any] = cloud.client("opensearch").create_domain(DomainName=name, **more)["DomainStatus"]
    return made


@pytest.fixture(scope="module")
def shop(cloud: Cloud) -> str:
    """A domain without fine-grained access control, with an index of one document. Return its host."""
    host = str(create(cloud, "shop")["Endpoint"])
    assert call(cloud, host, "PUT", "/i", {})[0] == 200
    return host


def test_the_endpoint_is_as_aws_names_it(cloud: Cloud) -> None:
    logs = {"AUDIT_LOGS": {"CloudWatchLogsLogGroupArn": "arn:aws:logs:::log-group:x", "Enabled": True}}
    made = create(cloud, "named", LogPublishingOptions=logs)
    assert made["Endpoint"].startswith("search-named-")
    assert made["Endpoint"].endswith(f".{REGION}.es.amazonaws.com")
    opensearch = cloud.client("opensearch")
    assert opensearch.describe_domain(DomainName="named")["DomainStatus"]["LogPublishingOptions"] == logs
    opensearch.update_domain_config(DomainName="named", LogPublishingOptions={})
    assert opensearch.describe_domain(DomainName="named")["DomainStatus"].get("LogPublishingOptions") in (None, {})


def test_a_domain_ends_with_what_it_holds(cloud: Cloud) -> None:
    host = str(create(cloud, "ends")["Endpoint"])
    call(cloud, host, "PUT", "/i", {})
    cloud.client("opensearch").delete_domain(DomainName="ends")
    assert create(cloud, "ends")["Endpoint"] == host
    assert call(cloud, host, "GET", "/i")[0] == 404


def test_a_request_needs_a_signature(cloud: Cloud, shop: str) -> None:
    assert call(cloud, shop, "POST", "/i/_search", {"query": {"match_all": {}}}, credentials={})[0] == 403


def test_iam_is_asked_about_method_and_path(cloud: Cloud, shop: str) -> None:
    credentials = session(cloud, "searcher", POST)
    assert call(cloud, shop, "POST", "/i/_search", {"query": {"match_all": {}}}, credentials)[0] == 200
    for method, path in (("POST", "/i/_bulk"), ("GET", "/i"), ("PUT", "/j"), ("POST", "/j/_search")):
        status, answer = call(cloud, shop, method, path, {}, credentials)
        assert (status, "es:ESHttp" in json.dumps(answer)) == (403, True), (method, path)


def test_the_domains_policy_allows_and_denies(cloud: Cloud, shop: str) -> None:
    query: dict[str, Any] = {"query": {"match_all": {}}}
    named, other = session(cloud, "named"), session(cloud, "other", {**POST, "Resource": "*"})
    allow = {**POST, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:role/named"}}
    deny = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "es:ESHttp*",
        "Resource": f"{ARN}/*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [f"arn:aws:iam::{ACCOUNT_ID}:role/named"]}},
    }
    opensearch = cloud.client("opensearch")
    assert call(cloud, shop, "POST", "/i/_search", query, named)[0] == 403
    try:
        opensearch.update_domain_config(DomainName="shop", AccessPolicies=document(allow))
        assert call(cloud, shop, "POST", "/i/_search", query, named)[0] == 200
        opensearch.update_domain_config(DomainName="shop", AccessPolicies=document(deny))
        assert call(cloud, shop, "POST", "/i/_search", query, other)[0] == 403
    finally:
        opensearch.update_domain_config(DomainName="shop", AccessPolicies="")
    assert call(cloud, shop, "POST", "/i/_search", query, other)[0] == 200


def test_the_service_itself_is_asked_about_a_domain(cloud: Cloud, shop: str) -> None:
    describe = {"Effect": "Allow", "Action": "es:DescribeDomain", "Resource": ARN}
    credentials = session(cloud, "describer", describe)
    client = boto3.client(
        "opensearch",
        region_name=REGION,
        endpoint_url=cloud.endpoint,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    assert client.describe_domain(DomainName="shop")["DomainStatus"]["Endpoint"] == shop
    with pytest.raises(ClientError, match="AccessDenied"):
        client.describe_domain(DomainName="named")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_domain(DomainName="shop")


def connector(role: str) -> dict[str, Any]:
    return {
        "name": "c",
        "version": 1,
        "protocol": "aws_sigv4",
        "credential": {"roleArn": role},
        "parameters": {"region": REGION, "model": TITAN, "dimensions": 256},
        "actions": [
            {
                "action_type": "predict",
                "method": "POST",
                "url": "https://bedrock-runtime.${parameters.region}.amazonaws.com/model/${parameters.model}/invoke",
                "request_body": '{"inputText": "${parameters.inputText}", "dimensions": ${parameters.dimensions}}',
                "pre_process_function": "connector.pre_process.bedrock.embedding",
                "post_process_function": "connector.post_process.bedrock.embedding",
            }
        ],
    }


def model_role(cloud: Cloud, name: str, source: str, *statements: dict[str, Any]) -> str:
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "opensearchservice.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"ArnLike": {"aws:SourceArn": source}},
    }
    iam = cloud.client("iam")
    arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"])
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    return arn


def predict(cloud: Cloud, host: str, role: str) -> tuple[int, Any]:
    """Make a connector and a model with a role, and embed a text."""
    ml = "/_plugins/_ml"
    made = call(cloud, host, "POST", f"{ml}/connectors/_create", connector(role))[1]["connector_id"]
    body = {"name": "m", "function_name": "remote", "connector_id": made}
    model = call(cloud, host, "POST", f"{ml}/models/_register", body)[1]["model_id"]
    call(cloud, host, "POST", f"{ml}/models/{model}/_deploy")
    return call(cloud, host, "POST", f"{ml}/models/{model}/_predict", {"parameters": {"inputText": "red boots"}})


INVOKE = {
    "Effect": "Allow",
    "Action": "bedrock:InvokeModel",
    "Resource": f"arn:aws:bedrock:{REGION}::foundation-model/{TITAN}",
}


def test_the_domain_calls_the_model_under_the_connectors_role(cloud: Cloud, shop: str) -> None:
    status, answer = predict(cloud, shop, model_role(cloud, "embeds", ARN, INVOKE))
    assert (status, answer["inference_results"][0]["output"][0]["shape"]) == (200, [256])
    for name, source, statements in (("nothing", ARN, ()), ("foreign", f"{ARN}-2", (INVOKE,))):
        status, answer = predict(cloud, shop, model_role(cloud, name, source, *statements))
        assert (status, "Error from remote service" in answer["error"]["reason"]) == (400, True), name


def test_a_connectors_role_must_be_passed(cloud: Cloud, shop: str) -> None:
    role = model_role(cloud, "for-models", ARN)
    post = {**POST, "Resource": f"{ARN}/*"}
    path = "/_plugins/_ml/connectors/_create"
    refused = call(cloud, shop, "POST", path, connector(role), session(cloud, "poster", post))
    assert refused[0] == 403
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role}
    assert call(cloud, shop, "POST", path, connector(role), session(cloud, "passer", post, passing))[0] == 200


@pytest.mark.parametrize(
    ("body", "length"), [({}, 1024), ({"dimensions": 256}, 256), ({"dimensions": 512, "normalize": False}, 512)]
)
def test_titan_embeds(cloud: Cloud, body: dict[str, Any], length: int) -> None:
    bedrock = cloud.client("bedrock-runtime")
    answer = bedrock.invoke_model(modelId=TITAN, body=json.dumps({"inputText": "boots", **body}))
    assert len(json.loads(answer["body"].read())["embedding"]) == length


@pytest.mark.parametrize("body", [{}, {"inputText": ""}, {"inputText": " "}, {"inputText": "x", "dimensions": 300}, []])
def test_titan_refuses(cloud: Cloud, body: Any) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        cloud.client("bedrock-runtime").invoke_model(modelId=TITAN, body=json.dumps(body))
