"""A pipeline's signed token becomes a role, images are pushed and deployed, and ones that fail are rolled back.

Containers are processes (`local.services.containers`), from images that are pushed to the repository as Docker does.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
import sys
import tempfile
from email.message import Message
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION, ROOT
from scenarios.images import Image
from scenarios.issuers import GITHUB, Issuer

PROGRAM = "modules/apps/container_service/pipelines/deploy.py"
PLACEHOLDER = "public.ecr.aws/docker/library/busybox:1.37.0"
SUBJECT = "repo:acme@123456/shop@456789:ref:refs/heads/{}"
SECRET, PARAMETER = "container-service/token", "/container-service/color"
# Calls of the pipeline's role, of ECS in the tasks' name, and of the tasks.
FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": "switchyard-container-"},
    {"kind": "error", "status": 500, "rate": 0.1, "principal": "switchyard-container-"},
]
# What is not idempotent: its answer is lost after the work was done.
LOST: list[dict[str, Any]] = [
    {
        "kind": "error",
        "status": 500,
        "after": True,
        "count": 1,
        "principal": "switchyard-container-deploy",
        "operation": "RegisterTaskDefinition",
    }
]

APP = """\
import http.server, json, os, sys
print("started", {version!r}, flush=True)
if {version!r} == "exits":
    sys.exit(7)

class Handler(http.server.BaseHTTPRequestHandler):
    broken = {version!r} == "unhealthy"

    def do_GET(self):
        Handler.broken = Handler.broken or self.path == "/break"
        healthy = not Handler.broken
        self.send_response(200 if healthy or self.path != "/health" else 500)
        self.end_headers()
        shown = {{name: os.environ.get(name) for name in ("MODE", "TOKEN", "COLOR", "AWS_ACCESS_KEY_ID")}}
        self.wfile.write(json.dumps({{"version": {version!r}, **shown}}).encode())

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""
HTTPD = """\
#!/usr/bin/env python3
# As much of BusyBox's httpd as the placeholder uses.
import functools, http.server, sys
port, root = int(sys.argv[sys.argv.index("-p") + 1]), sys.argv[sys.argv.index("-h") + 1]
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

handler = functools.partial(Quiet, directory=root)
http.server.ThreadingHTTPServer(("0.0.0.0", port), handler).serve_forever()
"""


def settings(vpc: str, subnets: list[str], certificate: str, secret: str) -> dict[str, Any]:
    """Return the capability's variables."""
    return {
        "vpc_id": vpc,
        "subnet_ids": subnets,
        "load_balancer": {
            "subnet_ids": subnets,
            "certificate_arn": certificate,
            "allowed_cidr_blocks": ["203.0.113.0/24"],
        },
        "container": {
            "environment": {"MODE": "test"},
            "secrets": {
                "TOKEN": f"{secret}:token::",
                "COLOR": f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:parameter{PARAMETER}",
            },
        },
        "health_check": {"path": "/health", "interval": 5, "timeout": 4},
        "scaling": {"minimum": 1, "maximum": 4},
        "github": {"repository": "acme/shop", "owner_id": 123456, "repository_id": 456789},
        "azure_devops": {
            "service_connection": "aws-shop",
            "identities": {
                "legacy": {
                    "issuer": "https://vstoken.dev.azure.com/11112222-3333-4444-5555-666677778888",
                    "subject": "sc://acme/shop/aws-shop",
                },
                "entra": {
                    "issuer": "https://login.microsoftonline.com/11112222-3333-4444-5555-666677778888/v2.0",
                    "subject": "/eid1/c/pub/t/abcdefgh/a/ijklmnop/sc/11112222/33334444",
                },
            },
        },
        "gitlab": {"project": "acme/shop"},
        "deletion_protection": False,
        "force_destroy": True,
    }


variables: dict[str, Any] = {
    "container_service": settings(
        "vpc-0123456789abcdef0",
        ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        f"arn:aws:acm:{REGION}:{ACCOUNT_ID}:certificate/11112222-3333-4444-5555-666677778888",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:{SECRET}-AbCdEf",
    )
}
seconds = 40


def prepare(stack: Stack) -> dict[str, Any]:
    """Make what an account has: a network, a certificate, a secret and a parameter. Let the placeholder exist."""
    ec2 = stack.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
        for number, zone in enumerate("ab")
    ]
    certificate = stack.client("acm").request_certificate(DomainName="shop.example.com", ValidationMethod="DNS")
    secret = stack.client("secretsmanager").create_secret(Name=SECRET, SecretString='{"token": "s3cret"}')
    stack.client("ssm").put_parameter(Name=PARAMETER, Type="String", Value="green", Overwrite=True)
    layer = base64.b64encode(Image({"bin/httpd": HTTPD}).layer).decode()
    published = {"reference": PLACEHOLDER, "config": Image({}).config, "layers": [layer]}
    stack.cloud.command("ecs/publish", published)
    names = sorted(subnet["SubnetId"] for subnet in subnets)
    return {"container_service": settings(vpc, names, certificate["CertificateArn"], secret["ARN"])}


def image(version: str, token: str) -> Image:
    """Return an image of a version of the service; `exits` and `unhealthy` are ones that do not work."""
    return Image(
        {"srv/app.py": APP.format(version=version), "srv/run": token},
        ("python3", "app.py"),
    )


def assume(stack: Stack, token: str) -> dict[str, str]:
    """Return the credentials for a token, as boto3 takes them."""
    found = stack.client("sts", attempts=1).assume_role_with_web_identity(
        RoleArn=stack.outputs["deploy_role_arn"], RoleSessionName="test", WebIdentityToken=token
    )["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


def refusal(call: Any, *arguments: Any, **named: Any) -> str:
    """Return the error code of a call, or an empty string if it works."""
    try:
        call(*arguments, **named)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def deploy(stack: Stack, token: str, tag: str) -> tuple[int, dict[str, Any]]:
    """Run the pipeline's program with a token. Return its exit code and report."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "token"
        path.write_text(token)
        done = subprocess.run(
            [
                *(sys.executable, PROGRAM, "--interval", "0.3", "--timeout", "300", "--tag", tag),
                *("--cluster", stack.outputs["cluster_name"], "--service", stack.outputs["service_name"]),
                *("--repository", stack.outputs["repository_name"]),
            ],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "AWS_ENDPOINT_URL": stack.cloud.endpoint,
                "AWS_REGION": REGION,
                "AWS_ROLE_ARN": stack.outputs["deploy_role_arn"],
                "AWS_ROLE_SESSION_NAME": "github-1",
                "AWS_WEB_IDENTITY_TOKEN_FILE": str(path),
                "AWS_EC2_METADATA_DISABLED": "true",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    last = (done.stdout.strip().splitlines() or ["{}"])[-1]
    report: dict[str, Any] = json.loads(last) if last.startswith("{") else {}
    return done.returncode, {**report, "log": done.stderr}


def get(stack: Stack, path: str = "/", port: int = 443) -> tuple[int, Message, bytes]:
    """Send a request to the load balancer. Return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.cloud.port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": f"{stack.outputs['dns_name']}:{port}"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def serving(stack: Stack) -> dict[str, Any]:
    """Return what the service answers."""
    status, _, body = get(stack)
    try:
        return {"status": status, **json.loads(body)}
    except ValueError:
        return {"status": status, "body": body.decode("utf-8", "replace")}


def service(stack: Stack) -> dict[str, Any]:
    """Return the service."""
    where = {"cluster": stack.outputs["cluster_name"], "services": [stack.outputs["service_name"]]}
    found: dict[str, Any] = stack.client("ecs").describe_services(**where)["services"][0]
    return found


def revisions(stack: Stack) -> int:
    """Return the number of the newest revision."""
    family = stack.outputs["service_name"]
    return int(stack.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]["revision"])


def logged(stack: Stack) -> set[str]:
    """Return the lines in the log of the tasks."""
    pages = stack.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=stack.outputs["log_group_name"])
    return {event["message"] for page in found for event in page["events"]}


def run(stack: Stack, report: Report) -> None:
    """Exchange tokens, push and deploy images, let two fail, and scale."""
    report.sent = "signed tokens of ten kinds;\n4 images, 5 deployments, 20 % of calls fail;\nCPU above its target"
    github = Issuer()
    github.publish(stack.cloud)
    token = github.token(SUBJECT.format("main"))
    check_tokens(stack, report, github)
    redirect = get(stack, "/basket", 80)
    report.check("HTTP is redirected to HTTPS", (redirect[0], redirect[1].get("Location", "")[:8]), (301, "https://"))
    credentials = assume(stack, token)
    ecr = stack.client("ecr", **credentials)
    repository = stack.outputs["repository_name"]
    with stack.faults(*FAULTS, seed=5):
        for version in ("first", "exits", "unhealthy"):
            image(version, stack.token).push(ecr, repository, f"{version}-{stack.token}")
        again = refusal(image("other", stack.token).push, ecr, repository, f"first-{stack.token}")
        check_deployments(stack, report, token)
    report.check("a tag never moves", again, "ImageTagAlreadyExistsException")
    check_scaling(stack, report)


def check_tokens(stack: Stack, report: Report, github: Issuer) -> None:
    """Check which tokens become the role."""
    right, forger = SUBJECT.format("main"), Issuer()
    refused = {
        "of another branch": github.token(SUBJECT.format("feature")),
        "with the form without ids": github.token("repo:acme/shop:ref:refs/heads/main"),
        "for another audience": github.token(right, audience="https://github.com/acme"),
        "that has expired": github.token(right, lifetime=-60),
        "that another key signed": forger.token(right),
        "of an issuer without provider": Issuer("https://token.example.com").token(right),
    }
    codes = {what: refusal(assume, stack, token) for what, token in refused.items()}
    report.check(
        "tokens that are refused",
        codes,
        {
            "of another branch": "AccessDenied",
            "with the form without ids": "AccessDenied",
            "for another audience": "InvalidIdentityToken",
            "that has expired": "ExpiredTokenException",
            "that another key signed": "InvalidIdentityToken",
            "of an issuer without provider": "InvalidIdentityToken",
        },
    )
    others = {
        "https://vstoken.dev.azure.com/11112222-3333-4444-5555-666677778888": "sc://acme/shop/aws-shop",
        "https://login.microsoftonline.com/11112222-3333-4444-5555-666677778888/v2.0": (
            "/eid1/c/pub/t/abcdefgh/a/ijklmnop/sc/11112222/33334444"
        ),
        "https://gitlab.com": "project_path:acme/shop:ref_type:branch:ref:main",
    }
    accepted = {}
    for url, subject in others.items():
        issuer = Issuer(url)
        issuer.publish(stack.cloud)
        audience = "sts.amazonaws.com" if "gitlab" in url else "api://AzureADTokenExchange"
        accepted[url] = refusal(assume, stack, issuer.token(subject, audience))
    report.check("Azure DevOps, before and after its move, and GitLab", accepted, dict.fromkeys(others, ""))
    report.check("the token is GitHub's", github.url, GITHUB)


def check_deployments(stack: Stack, report: Report, token: str) -> None:
    """Deploy a version that works, two that do not, and the first one again."""
    before = revisions(stack)
    with stack.faults(*LOST):
        code, told = deploy(stack, token, f"first-{stack.token}")
    report.check("a deployment ends well", (code, told.get("result")), (0, "deployed"))
    answer = serving(stack)
    key = str(answer.pop("AWS_ACCESS_KEY_ID", ""))
    expected = {"status": 200, "version": "first", "MODE": "test", "TOKEN": "s3cret", "COLOR": "green"}
    report.check("the load balancer answers with it, with its secrets", answer, expected)
    report.check("its tasks have credentials of their role", key.startswith("ASIA"))
    report.check("it is one new revision, though an answer was lost", revisions(stack) - before, 1)
    good = service(stack)["taskDefinition"]
    report.check("its image is named by its digest", told.get("image", "").rpartition("@")[2][:7], "sha256:")
    report.check("the service runs what was asked for", good, told.get("taskDefinition"))
    for version, reason in (("exits", "(exit code 7)"), ("unhealthy", "failed ELB health checks")):
        code, told = deploy(stack, token, f"{version}-{stack.token}")
        report.check(f"a version that {version} is refused", code, 1)
        report.check(f"the report says why: {version}", reason in told.get("reason", ""))
        wait_until("the rollback", lambda: service(stack)["deployments"][0]["rolloutState"] == "COMPLETED")
        report.check(f"rolled back: {version}", service(stack)["taskDefinition"], good)
        report.check(f"the version before answers: {version}", serving(stack).get("version"), "first")
    code, told = deploy(stack, token, f"first-{stack.token}")
    report.check("the version that works, again", (code, serving(stack).get("version")), (0, "first"))
    report.check("each deployment made one revision", revisions(stack) - before, 4)
    code, told = deploy(stack, token, "never-pushed")
    report.check("a tag that was not pushed is refused", (code, "push it first" in told.get("reason", "")), (2, True))
    report.check("the log has the lines of the tasks", {"started first", "started exits"} <= logged(stack))
    notices = wait_until(
        "two notices of failed deployments",
        lambda: found if len(found := stack.cloud.notifications(stack.outputs["topic_arn"])) >= 2 else [],
    )
    report.check("failed deployments reach the topic", "circuit breaker" in str(notices[-1]["message"]))


def check_scaling(stack: Stack, report: Report) -> None:
    """Let the CPU be above its target: the next plan must not undo what follows (`test_neither_apply_…`)."""
    name = f"service/{stack.outputs['cluster_name']}/{stack.outputs['service_name']}"
    now = service(stack)["desiredCount"]
    measured = {"resource_id": name, "metric": "ECSServiceAverageCPUUtilization", "value": 150.0}
    wanted = stack.cloud.command("applicationautoscaling/measure", measured)
    report.check("more CPU, more tasks", (wanted > now or wanted == 4, wanted <= 4), (True, True))
    wait_until("the tasks", lambda: service(stack)["runningCount"] == wanted)
    elb, group = stack.client("elbv2"), {"TargetGroupArn": stack.outputs["target_group_arn"]}

    def states() -> list[str]:
        return [one["TargetHealth"]["State"] for one in elb.describe_target_health(**group)["TargetHealthDescriptions"]]

    # A task runs before the load balancer knows it.
    healthy = wait_until("healthy targets", lambda: states() == ["healthy"] * wanted)
    report.check("all of them are healthy targets", healthy)
