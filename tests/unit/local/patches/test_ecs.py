"""ECS with processes as containers: roles, health of targets, and the registry and tokens that a deployment needs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios.images import Image
from scenarios.issuers import Issuer

SUBJECT = "repo:acme/shop:ref:refs/heads/main"
PROVIDER = f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/token.actions.githubusercontent.com"
SHELL = Image({"srv/a": "b"}, ("sh", "-c", "sleep 60"))


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


def refused(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ClientError) as found:
        call(*arguments, **named)
    return str(found.value.response["Error"]["Code"])


@pytest.fixture(scope="module")
def repository(cloud: Cloud) -> str:
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="shop", imageTagMutability="IMMUTABLE")
    SHELL.push(ecr, "shop", "1")
    return "shop"


# ECR


def test_an_image_needs_its_layers_and_its_own_digest(cloud: Cloud, repository: str) -> None:
    ecr = cloud.client("ecr")
    missing = {"config": {"digest": "sha256:0"}, "layers": []}
    put = {"repositoryName": repository, "imageTag": "2"}
    assert refused(ecr.put_image, imageManifest=json.dumps(missing), **put) == "LayersNotFoundException"
    assert refused(ecr.put_image, imageManifest="{", **put) == "InvalidParameterException"
    wrong = "sha256:" + "1" * 64
    manifest = json.dumps({"manifests": []})
    put |= {"imageManifest": manifest}
    assert refused(ecr.put_image, imageDigest=wrong, **put) == "ImageDigestDoesNotMatchException"
    assert refused(ecr.describe_images, repositoryName=repository, imageIds=[{"imageTag": "2"}]) == (
        "ImageNotFoundException"
    )


def test_a_layer_must_be_what_its_digest_says(cloud: Cloud, repository: str) -> None:
    ecr, where = cloud.client("ecr"), {"repositoryName": repository}
    upload = ecr.initiate_layer_upload(**where)["uploadId"]
    part = {"uploadId": upload, "partFirstByte": 5, "partLastByte": 6, "layerPartBlob": b"ab"}
    assert refused(ecr.upload_layer_part, **part, **where) == "InvalidLayerPartException"
    digests = ["sha256:" + "2" * 64]
    assert refused(ecr.complete_layer_upload, uploadId=upload, layerDigests=digests, **where) == "InvalidLayerException"
    assert refused(ecr.complete_layer_upload, uploadId="x", layerDigests=digests, **where) == "UploadNotFoundException"


# Tokens


@pytest.fixture(scope="module")
def github(cloud: Cloud) -> Issuer:
    issuer = Issuer()
    issuer.publish(cloud)
    iam = cloud.client("iam")
    iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["sts.amazonaws.com"])
    condition = {"StringEquals": {"token.actions.githubusercontent.com:sub": SUBJECT}}
    trust = document(
        {
            "Principal": {"Federated": PROVIDER},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }
    )
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument=trust)
    return issuer


def assume(cloud: Cloud, token: str) -> Any:
    return cloud.client("sts", attempts=1).assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/ci", RoleSessionName="job", WebIdentityToken=token
    )


def test_a_signed_token_becomes_the_role(cloud: Cloud, github: Issuer) -> None:
    assert assume(cloud, github.token(SUBJECT))["AssumedRoleUser"]["Arn"].endswith(":assumed-role/ci/job")


def test_other_tokens_do_not(cloud: Cloud, github: Issuer) -> None:
    other = Issuer("https://token.example.com")
    tokens = {
        "AccessDenied": github.token("repo:acme/shop:ref:refs/heads/other"),
        "ExpiredTokenException": github.token(SUBJECT, lifetime=-1),
    }
    invalid = [
        github.token(SUBJECT, audience="other"),
        Issuer().token(SUBJECT),
        Issuer(key_id="unknown").token(SUBJECT),
        other.token(SUBJECT),
        "no.token.at-all",
        github.token(SUBJECT).rpartition(".")[0] + ".",
    ]
    assert {code: refused(assume, cloud, token) for code, token in tokens.items()} == {code: code for code in tokens}
    assert {refused(assume, cloud, token) for token in invalid} == {"InvalidIdentityToken"}


def test_tags_of_a_provider_change(cloud: Cloud, github: Issuer) -> None:
    iam, provider = cloud.client("iam"), {"OpenIDConnectProviderArn": PROVIDER}
    iam.tag_open_id_connect_provider(**provider, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "<2>"}])
    iam.tag_open_id_connect_provider(**provider, Tags=[{"Key": "a", "Value": "3"}])
    assert iam.list_open_id_connect_provider_tags(**provider)["Tags"] == [
        {"Key": "a", "Value": "3"},
        {"Key": "b", "Value": "<2>"},
    ]
    iam.untag_open_id_connect_provider(**provider, TagKeys=["a", "c"])
    assert iam.list_open_id_connect_provider_tags(**provider)["Tags"] == [{"Key": "b", "Value": "<2>"}]
    absent = {"OpenIDConnectProviderArn": PROVIDER.replace("actions", "other")}
    assert refused(iam.list_open_id_connect_provider_tags, **absent) == "NoSuchEntity"


# Tasks


@pytest.fixture(scope="module")
def cluster(cloud: Cloud, repository: str) -> str:
    iam = cloud.client("iam")
    trust = document({"Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"})
    iam.create_role(RoleName="execution", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(
        RoleName="execution", PolicyName="p", PolicyDocument=document({"Action": "ecr:*", "Resource": "*"})
    )
    cloud.client("ecs").create_cluster(clusterName="shop")
    return "shop"


def register(cloud: Cloud, image: str, **container: Any) -> str:
    answer = cloud.client("ecs").register_task_definition(
        family="shop",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        executionRoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/execution",
        containerDefinitions=[{"name": "app", "image": image, **container}],
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def settled(cloud: Cloud, revision: str) -> dict[str, Any]:
    ecs = cloud.client("ecs")
    arn = ecs.run_task(cluster="shop", taskDefinition=revision, launchType="FARGATE")["tasks"][0]["taskArn"]

    def look() -> dict[str, Any]:
        task: dict[str, Any] = ecs.describe_tasks(cluster="shop", tasks=[arn])["tasks"][0]
        return task if task["lastStatus"] in ("RUNNING", "STOPPED") else {}

    task = wait_until("the task", look)
    ecs.stop_task(cluster="shop", task=arn)
    return task


IMAGE = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/shop:1"


def test_a_task_runs_an_image_of_the_registry(cloud: Cloud, cluster: str) -> None:
    assert settled(cloud, register(cloud, IMAGE))["lastStatus"] == "RUNNING"


@pytest.mark.parametrize(
    ("image", "container", "reason"),
    [
        (IMAGE[:-1] + "absent", {}, "not found"),
        ("docker.io/library/busybox:1", {}, "reaches no other registries"),
        (
            IMAGE,
            {"secrets": [{"name": "A", "valueFrom": f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:parameter/a"}]},
            "ssm:GetParameters",
        ),
        (
            IMAGE,
            {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "a", "awslogs-region": REGION}}},
            "logs:CreateLogStream",
        ),
    ],
)
def test_a_task_that_cannot_start_says_why(cloud: Cloud, cluster: str, image: str, container: Any, reason: str) -> None:
    task = settled(cloud, register(cloud, image, **container))
    assert task["lastStatus"] == "STOPPED"
    assert reason in task["stoppedReason"]


def test_what_fargate_does_not_run_is_refused(cloud: Cloud) -> None:
    ecs = cloud.client("ecs")
    definition = {"family": "x", "containerDefinitions": [{"name": "a", "image": "b"}]}
    fargate = {"requiresCompatibilities": ["FARGATE"], **definition}
    assert refused(ecs.register_task_definition, networkMode="bridge", **fargate) == "ClientException"
    assert refused(ecs.register_task_definition, networkMode="awsvpc", **fargate) == "ClientException"


# Load balancers


def test_a_protected_load_balancer_stays_and_a_target_group_in_use_too(cloud: Cloud) -> None:
    elb = cloud.client("elbv2")
    arn = elb.create_load_balancer(Name="shop", Subnets=["subnet-1"])["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.create_target_group(Name="shop", Protocol="HTTP", Port=80, TargetType="ip")["TargetGroups"][0]
    action = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=action)
    https = {"LoadBalancerArn": arn, "Protocol": "HTTPS", "Port": 443, "DefaultActions": action}
    assert refused(elb.create_listener, **https) == "ValidationError"
    absent = [{"CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT_ID}:certificate/1"}]
    assert refused(elb.create_listener, Certificates=absent, **https) == "CertificateNotFound"
    assert refused(elb.delete_target_group, TargetGroupArn=group["TargetGroupArn"]) == "ResourceInUse"
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}]
    )
    assert refused(elb.delete_load_balancer, LoadBalancerArn=arn) == "OperationNotPermitted"


def test_a_target_where_nothing_listens_is_unhealthy(cloud: Cloud) -> None:
    elb = cloud.client("elbv2")
    group = elb.create_target_group(
        Name="empty", Protocol="HTTP", Port=80, TargetType="ip", HealthCheckIntervalSeconds=5
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.9.9.9"}])

    def state() -> str:
        found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return str(found[0]["TargetHealth"]["State"])

    wait_until("the checks", lambda: state() == "unhealthy")


WAITING = """\
import http.server, os, time
while not os.path.exists(os.environ["GO"]):
    time.sleep(0.05)
http.server.HTTPServer(("0.0.0.0", 8080), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def balanced(cloud: Cloud, cluster: str, tmp_path: Path) -> Iterator[Callable[[int], tuple[str, Path]]]:
    """Create a service with a grace period in seconds. Return its target group, and the file with which it listens."""
    ecs, elb, made = cloud.client("ecs"), cloud.client("elbv2"), []
    Image({"srv/app.py": WAITING}, ("python3", "app.py")).push(cloud.client("ecr"), "shop", tag := uuid.uuid4().hex)

    def create(grace: int) -> tuple[str, Path]:
        name, go = f"waiting-{grace}", tmp_path / "go"
        arn = elb.create_load_balancer(Name=name, Subnets=["subnet-1"])["LoadBalancers"][0]["LoadBalancerArn"]
        checks = {"HealthCheckIntervalSeconds": 5, "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2}
        group = elb.create_target_group(Name=name, Protocol="HTTP", Port=8080, TargetType="ip", **checks)
        group_arn = str(group["TargetGroups"][0]["TargetGroupArn"])
        action = [{"Type": "forward", "TargetGroupArn": group_arn}]
        elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=action)
        ports, environment = [{"containerPort": 8080}], [{"name": "GO", "value": str(go)}]
        ecs.create_service(
            cluster=cluster,
            serviceName=name,
            taskDefinition=register(cloud, IMAGE[:-1] + tag, portMappings=ports, environment=environment),
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            loadBalancers=[{"targetGroupArn": group_arn, "containerName": "app", "containerPort": 8080}],
            healthCheckGracePeriodSeconds=grace,
        )
        made.append(name)
        return group_arn, go

    yield create
    for name in made:
        ecs.delete_service(cluster=cluster, service=name, force=True)


def test_a_task_that_still_starts_is_not_replaced(
    cloud: Cloud, cluster: str, balanced: Callable[[int], tuple[str, Path]]
) -> None:
    ecs, elb = cloud.client("ecs"), cloud.client("elbv2")
    group, go = balanced(3600)

    def state() -> str:
        found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return str(found[0]["TargetHealth"]["State"]) if found else ""

    wait_until("failed checks", lambda: state() == "unhealthy")
    [task] = ecs.list_tasks(cluster=cluster, serviceName="waiting-3600")["taskArns"]
    go.touch()

    def deployment() -> dict[str, Any]:
        found: dict[str, Any] = ecs.describe_services(cluster=cluster, services=["waiting-3600"])["services"][0]
        return dict(found["deployments"][0])

    wait_until("the deployment", lambda: deployment()["rolloutState"] == "COMPLETED")
    assert state() == "healthy"
    assert ecs.list_tasks(cluster=cluster, serviceName="waiting-3600")["taskArns"] == [task]


def test_a_task_is_replaced_when_its_time_to_start_is_over(
    cloud: Cloud, cluster: str, balanced: Callable[[int], tuple[str, Path]]
) -> None:
    ecs = cloud.client("ecs")
    balanced(0)

    def stopped() -> list[dict[str, Any]]:
        arns = ecs.list_tasks(cluster=cluster, serviceName="waiting-0", desiredStatus="STOPPED")["taskArns"]
        return list(ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]) if arns else []

    assert "failed ELB health checks" in wait_until("a stopped task", stopped)[0]["stoppedReason"]
