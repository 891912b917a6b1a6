"""ECS on Fargate: tasks are processes, with the permissions of their roles, and targets of a load balancer.

MiniStack's scheduler, deployments and circuit breaker do the work, with `local.services.containers` as their Docker.
Added here: the execution role pulls, reads secrets and writes logs; the task has credentials of its own role; a task is
healthy when its target is; deployments send events; what is asked of IAM is what ECS documents.
"""

from __future__ import annotations

import base64
import contextlib
import contextvars
import dataclasses
import hashlib
import json
import os
import re
import threading
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, request_scope
from ministack.services import alb as elbv2
from ministack.services import ecs

from local.patches import alb
from local.patches.eventbridge import emit
from local.patches.registry import Original, patch
from local.permissions import client, role_session
from local.services.applicationautoscaling import neighbours as scaling
from local.services.containers import Image, PullError, config_of, engine

TARGET = "ministack.services.ecs"
STABLE = 1.0
"""Seconds that a task without a load balancer must run, to be healthy."""
PRINCIPAL = "ecs-tasks.amazonaws.com"
Data = dict[str, Any]
_REFERENCE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^@:]+)(?:[@:](.+))?")
_public: dict[str, Image] = {}


@dataclasses.dataclass(frozen=True)
class Running:
    """The task that a thread starts, with its roles."""

    arn: str
    execution_role: str
    role: str
    images: dict[str, Image] = dataclasses.field(default_factory=dict)
    """What it has pulled: MiniStack asks for an image when it resolves, pulls and runs it."""

    def session(self, role: str) -> dict[str, Any]:
        """Return credentials of one of the task's roles. Raise PermissionError if it does not trust ECS tasks."""
        return role_session(role, self.arn.rpartition("/")[2], PRINCIPAL, self.arn)

    def agent(self, service: str, region: str = "") -> Any:
        """Return a client with the permissions of the execution role."""
        return client(service, region or get_region(), self.session(self.execution_role))


_running: contextvars.ContextVar[Running | None] = contextvars.ContextVar("switchyard_task", default=None)


def _current() -> Running:
    found = _running.get()
    assert found, "no task is being started"
    return found


# Images


def pull(reference: str) -> Image:
    """Return an image, pulled once for a task. Raise PullError."""
    images = _current().images
    if reference not in images:
        images[reference] = _public.get(reference) or _pull(reference)
    return images[reference]


def _pull(reference: str) -> Image:
    """Return an image of ECR as Fargate pulls it, with the permissions of the execution role. Raise PullError."""
    named = _REFERENCE.fullmatch(reference)
    if not named:
        raise PullError(f"failed to resolve reference {reference!r}: the local cloud reaches no other registries")
    _, region, repository, version = named.groups()
    try:
        registry = _current().agent("ecr", region)
        registry.get_authorization_token()
        kind = "imageDigest" if (version or "").startswith("sha256:") else "imageTag"
        where = {"repositoryName": repository}
        answer = registry.batch_get_image(imageIds=[{kind: version or "latest"}], **where)
        if not answer["images"]:
            raise PullError(f"failed to resolve reference {reference!r}: not found")
        found = answer["images"][0]
        manifest = json.loads(found["imageManifest"])
        wanted = [one["digest"] for one in [manifest["config"], *manifest["layers"]]]
        registry.batch_check_layer_availability(layerDigests=wanted, **where)
        blobs = [_download(registry, repository, digest) for digest in wanted]
    except (ClientError, BotoCoreError, PermissionError, OSError, KeyError, ValueError) as error:
        raise PullError(f"pull image manifest has been retried 1 time(s): {reference}: {error}") from None
    return Image(found["imageId"]["imageDigest"], config_of(blobs[0]), tuple(blobs[1:]))


def _download(registry: Any, repository: str, digest: str) -> bytes:
    url = registry.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)["downloadUrl"]
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
        return content


def publish(reference: str, config: Data, layers: list[str]) -> None:
    """Let an image exist in a public registry, which the local cloud does not reach. `layers` are base64."""
    content = tuple(base64.b64decode(one) for one in layers)
    digest = f"sha256:{hashlib.sha256(json.dumps(config).encode() + b''.join(content)).hexdigest()}"
    for name in (reference, f"{ecs._image_repository(reference)}@{digest}"):
        _public[name] = Image(digest, config, content)


COMMANDS = {"publish": publish}


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a container: this cloud's address, and credentials of the task role if it has one."""
    task = _current()
    kept = {name: value for name, value in given.items() if not name.startswith("AWS_CONTAINER_")}
    session = task.session(task.role) if task.role else {}
    credentials = {name.upper(): str(value) for name, value in session.items()}
    return {
        **kept,
        "AWS_REGION": get_region(),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": os.environ.get("AWS_ENDPOINT_URL", ""),
        **credentials,
    }


@patch(TARGET, "_get_docker", because="There is no Docker: containers are processes.")
def get_docker() -> Any:
    """Return the engine."""
    return engine


@patch(TARGET, "_start_task_worker", because="MiniStack starts tasks without their roles.")
def start_task_worker(original: Original, task: Data, td: Data, container_overrides: Any, docker_client: Any) -> None:
    """Start a task in the name of its roles."""
    role = td.get("taskRoleArn") or ""
    _running.set(Running(task["taskArn"], td.get("executionRoleArn") or "", role))
    original(task, td, container_overrides, docker_client)


@patch(TARGET, "_resolve_container_secrets", because="MiniStack reads secrets without asking IAM.")
def resolve_container_secrets(cdef: Data) -> dict[str, str]:
    """Read secrets and parameters with the permissions of the execution role."""
    return {one["name"]: _secret(one["valueFrom"]) for one in cdef.get("secrets") or []}


def _secret(source: str) -> str:
    parts = source.split(":")
    try:
        if ":secretsmanager:" in source:
            key, stage, version = [*parts[7:10], "", "", ""][:3]
            asked = {"VersionStage": stage, "VersionId": version}
            wanted = {name: value for name, value in asked.items() if value}
            manager = _current().agent("secretsmanager", parts[3])
            text = manager.get_secret_value(SecretId=":".join(parts[:7]), **wanted)["SecretString"]
            return str(json.loads(text)[key]) if key else str(text)
        region = parts[3] if source.startswith("arn:") else ""
        name = source.partition(":parameter")[2] if region else source
        answer = _current().agent("ssm", region).get_parameters(Names=[name], WithDecryption=True)
        return str(answer["Parameters"][0]["Value"])
    except (ClientError, PermissionError, KeyError, IndexError, ValueError, TypeError) as error:
        raise ecs._SecretResolutionError(
            f"unable to retrieve secret {source}: {type(error).__name__}: {error}"
        ) from None


@patch(TARGET, "_start_awslogs_forwarder", because="MiniStack writes logs without asking IAM.")
def start_awslogs_forwarder(container: Any, cdef: Data, task_id: str) -> None:
    """Create the log stream of a container, without which it does not start, and send its lines."""
    config = ecs._awslogs_config(cdef, task_id, container.id)
    if not config:
        return
    logs = _current().agent("logs", config["region"])
    where = {"logGroupName": config["group"], "logStreamName": config["stream"]}
    try:
        logs.create_log_stream(**where)
    except ClientError as error:
        raise RuntimeError(f"failed to validate logger args: create stream has been retried 1 times: {error}") from None

    def forward() -> None:
        for piece in container.logs(follow=True):
            now, lines = int(time.time() * 1000), piece.decode("utf-8", "replace").splitlines()
            events = [{"timestamp": now, "message": line} for line in lines if line]
            with contextlib.suppress(ClientError, BotoCoreError):  # the driver drops lines that it cannot send
                logs.put_log_events(logEvents=events, **where)

    threading.Thread(target=forward, name=f"log {task_id}", daemon=True).start()


# Services


def _balanced(service: Data) -> list[str]:
    return [one["targetGroupArn"] for one in service.get("loadBalancers") or [] if one.get("targetGroupArn")]


@patch(TARGET, "_make_deployment", because="MiniStack's first deployment is complete before a task runs.")
def make_deployment(original: Original, task_definition: str, desired_count: int, status: str = "PRIMARY") -> Data:
    """Return a deployment that has begun."""
    made: Data = original(task_definition, desired_count, status)
    return {**made, "rolloutState": "IN_PROGRESS", "rolloutStateReason": "ECS deployment in progress."}


@patch(
    TARGET, "_record_service_task_healthy", because="To MiniStack a task is healthy whatever its load balancer finds."
)
def record_service_task_healthy(original: Original, svc_key: str, task: Data) -> None:
    """Wait for the load balancer's checks. Replace a task that fails them.

    The grace period, in which checks may fail, is for tasks that still start. Here it ends with the first answer.
    """
    service = ecs._services.get(svc_key) or {}
    if not _balanced(service):
        time.sleep(STABLE)
    ends = time.monotonic() + float(service.get("healthCheckGracePeriodSeconds") or 0)
    while task.get("lastStatus") == "RUNNING":
        service = ecs._services.get(svc_key) or {}
        groups, address = _balanced(service), ecs._task_ip(task)
        states = {alb.state_of(group, address) for group in groups}
        starts = time.monotonic() < ends and not all(alb.answered(group, address) for group in groups)
        if "unhealthy" in states and not starts:
            _replace(service, task)
            return
        if states <= {"healthy"}:
            original(svc_key, task)
            return
        time.sleep(alb.SECOND)


def _replace(service: Data, task: Data) -> None:
    reason = f"Task failed ELB health checks in (target-group {_balanced(service)[0]})"
    if ecs._mark_task_stopped(task["taskArn"], task, reason, "ServiceSchedulerInitiated"):
        ecs._cleanup_task_resources(task, engine)
        ecs._record_service_task_failure(task)


def _watch_steady_tasks() -> None:
    """Replace tasks that became unhealthy after their deployment."""
    while True:
        time.sleep(10 * alb.SECOND)
        for (account, region, _), task in list(ecs._tasks.all_items()):
            if task.get("lastStatus") != "RUNNING" or not task.get("_startup_stable"):
                continue
            with request_scope(account, region):
                cluster = ecs._cluster_name_from_arn(task["clusterArn"])
                service = ecs._services.get(f"{cluster}/{str(task.get('group')).partition(':')[2]}") or {}
                if any(alb.state_of(group, ecs._task_ip(task)) == "unhealthy" for group in _balanced(service)):
                    _replace(service, task)


# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
_EVENTS = {
    "IN_PROGRESS": ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
    "COMPLETED": ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
    "FAILED": ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
}


def _tell(service: Data) -> None:
    """Send the event of each deployment whose state has changed since the last time."""
    told: dict[str, str] = service.setdefault("_told", {})
    for deployment in service.get("deployments", []):
        state = deployment["rolloutState"]
        if told.get(deployment["id"]) == state:
            continue
        told[deployment["id"]] = state
        kind, name = _EVENTS[state]
        detail = {
            "eventType": kind,
            "eventName": name,
            "deploymentId": deployment["id"],
            "updatedAt": deployment["updatedAt"],
            "reason": deployment["rolloutStateReason"],
        }
        emit(
            "aws.ecs",
            "ECS Deployment State Change",
            detail,
            [service["serviceArn"]],
            get_account_id(),
            get_region(),
        )


_SILENT = "MiniStack sends no events of deployments."


@patch(TARGET, "_record_service_task_failure", because=_SILENT)
def record_service_task_failure(original: Original, task: Data, digest_resolution_failed: bool = False) -> None:
    """Send the event of a failed deployment."""
    original(task, digest_resolution_failed)
    cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
    if service := ecs._services.get(f"{cluster}/{str(task.get('group')).partition(':')[2]}"):
        _tell(service)


@patch(TARGET, "_complete_service_deployment", because=f"{_SILENT} It keeps failed ones for ever.")
def complete_service_deployment(
    original: Original, cluster_name: str, svc_key: str, expected_deployment_id: str | None = None
) -> None:
    """Send the event of a completed deployment. Forget failed ones after it, as ECS does."""
    original(cluster_name, svc_key, expected_deployment_id)
    service = ecs._services.get(svc_key)
    if not service:
        return
    primary = ecs._primary_deployment(service)
    _tell(service)
    if primary and primary["rolloutState"] == "COMPLETED":
        service["deployments"] = [
            one for one in service["deployments"] if one["status"] == "PRIMARY" or one["runningCount"]
        ]


@patch(TARGET, "_ACTION_MAP[CreateService]", because=_SILENT)
def create_service(original: Original, data: Data) -> Any:
    """Refuse a target group that no load balancer uses. Send the event of the first deployment."""
    for group in _balanced(data):
        if not (elbv2._tgs.get(group) or {}).get("LoadBalancerArns"):
            message = f"The target group with targetGroupArn {group} does not have an associated load balancer."
            return error_response_json("InvalidParameterException", message, 400)
    answer = original(data)
    _tell_of(data, data.get("serviceName"), data.get("availabilityZoneRebalancing", "ENABLED"))
    return answer


@patch(TARGET, "_ACTION_MAP[UpdateService]", because=_SILENT)
def update_service(original: Original, data: Data) -> Any:
    """Refuse a revision that is not active. Send the event of a new deployment."""
    key = ecs._resolve_td_key(data["taskDefinition"]) if data.get("taskDefinition") else None
    if key in ecs._task_defs and ecs._task_defs[key]["status"] != "ACTIVE":
        return error_response_json("ClientException", "TaskDefinition is inactive", 400)
    answer = original(data)
    _tell_of(data, data.get("service"), data.get("availabilityZoneRebalancing"))
    return answer


def _tell_of(data: Data, service: Any, rebalancing: str | None) -> None:
    """Send a service's events, and keep what MiniStack does not."""
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    if found := ecs._services.get(f"{cluster}/{str(service).rpartition('/')[2]}"):
        if rebalancing:
            found["availabilityZoneRebalancing"] = rebalancing
        _tell(found)


@patch(TARGET, "_ACTION_MAP[DeleteCluster]", because="MiniStack deletes a cluster with services.")
def delete_cluster(original: Original, data: Data) -> Any:
    """Refuse to delete a cluster that has services."""
    name = ecs._resolve_cluster_name(data.get("cluster", "default"))
    if any(key.startswith(f"{name}/") and one["status"] != "INACTIVE" for key, one in ecs._services.items()):
        message = "The Cluster cannot be deleted while Services are active."
        return error_response_json("ClusterContainsServicesException", message, 400)
    return original(data)


@patch(TARGET, "_ACTION_MAP[RegisterTaskDefinition]", because="MiniStack tags nothing that is not asked about later.")
def register_task_definition(original: Original, data: Data) -> Any:
    """Refuse what Fargate does not run: without CPU, memory, execution role or the network mode awsvpc."""
    if "FARGATE" in (data.get("requiresCompatibilities") or []):
        if data.get("networkMode") != "awsvpc":
            return error_response_json("ClientException", "Fargate only supports network mode 'awsvpc'.", 400)
        if not data.get("cpu") or not data.get("memory"):
            return error_response_json("ClientException", "Fargate requires that 'cpu' and 'memory' be defined.", 400)
    return original(data)


@patch(TARGET, "_ACTION_MAP[DescribeTaskDefinition]", because="MiniStack returns tags that were not asked for.")
def describe_task_definition(original: Original, data: Data) -> Any:
    """Return tags only if they are asked for."""
    status, headers, body = original(data)
    if status != 200 or "TAGS" in (data.get("include") or []):
        return status, headers, body
    return json_response({"taskDefinition": json.loads(body)["taskDefinition"]})


# IAM: Service Authorization Reference for ECS.

_ON = {"DescribeServices": "services", "DescribeTasks": "tasks", "UpdateService": "service", "DeleteService": "service"}


@patch("ministack.core.iam_actions", "extract_resource_arn", because="To MiniStack a request is about its cluster.")
def extract_resource_arn(
    original: Original,
    service: str,
    method: str,
    path: str,
    headers: Any,
    body: bytes,
    query_params: Any,
    region: str,
    account_id: str,
) -> str:
    """Return the service, the task or the task definition that a request is about."""
    if service != "ecs":
        return str(original(service, method, path, headers, body, query_params, region, account_id))
    operation, asked = headers.get("x-amz-target", "").rpartition(".")[2], json.loads(body or b"{}")
    prefix, cluster = f"arn:aws:ecs:{region}:{account_id}:", str(asked.get("cluster", "default")).rpartition("/")[2]
    named = asked.get(_ON.get(operation, ""))
    name = named[0] if isinstance(named, list) and named else named
    if operation == "RegisterTaskDefinition":
        return f"{prefix}task-definition/{asked.get('family')}:*"
    if operation in ("DescribeTaskDefinition", "ListTaskDefinitions", "DeregisterTaskDefinition"):
        return "*"
    if operation == "ListTasks":
        return f"{prefix}container-instance/{cluster}/*"
    if operation == "CreateService":
        return f"{prefix}service/{cluster}/{asked.get('serviceName')}"
    if operation == "CreateCluster":
        return "*"
    if asked.get("resourceArn"):
        return str(asked["resourceArn"])
    if name:
        kind = "task" if operation == "DescribeTasks" else "service"
        return str(name) if str(name).startswith("arn:") else f"{prefix}{kind}/{cluster}/{name}"
    named_clusters = asked.get("clusters")
    cluster = str(named_clusters[0]).rpartition("/")[2] if named_clusters else cluster
    return f"{prefix}cluster/{cluster}"


@patch("ministack.core.iam_evaluator", "enforce", because="MiniStack lacks ECS's condition keys, and tags at creation.")
def enforce(
    original: Original,
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Return None or the denial, also of ecs:TagResource where a request that creates something has tags."""
    if service != "ecs":
        return original(access_key_id, iam_action, service, region, resource_arn, service_context)
    from local.permissions import request_body

    asked = json.loads(request_body.get() or b"{}")
    cluster = str(asked.get("cluster") or "").rpartition("/")[2]
    context = dict(service_context or {})
    if cluster:
        context["ecs:cluster"] = f"arn:aws:ecs:{region}:{get_account_id()}:cluster/{cluster}"
    denied = original(access_key_id, iam_action, service, region, resource_arn, context)
    operation = iam_action.partition(":")[2]
    if denied is None and asked.get("tags") and operation.startswith(("Create", "Register")):
        context["ecs:createaction"] = operation
        denied = original(access_key_id, "ecs:TagResource", service, region, resource_arn, context)
    return denied


class Scaling(scaling.Neighbours):
    """Services of MiniStack, for Application Auto Scaling."""

    def count(self, cluster: str, service: str, account: str, region: str) -> int | None:
        """Return the desired count of an active service."""
        found = ecs._services.get_scoped(account, region, f"{cluster}/{service}") or {}
        return int(found["desiredCount"]) if found.get("status") == "ACTIVE" else None

    def scale(self, cluster: str, service: str, count: int, account: str, region: str) -> None:
        """Set the desired count."""

        def update() -> None:
            with request_scope(account, region):
                ecs._ACTION_MAP["UpdateService"]({"cluster": cluster, "service": service, "desiredCount": count})

        contextvars.copy_context().run(update)


def start() -> None:
    """Pull for the engine, scale services, and watch tasks."""
    engine.pull, engine.environment = pull, environment
    # Not before each look at a task: with a load balancer, its checks say when one is healthy.
    ecs._ECS_DEPLOYMENT_STEADY_DELAY = alb.SECOND
    scaling.current = Scaling()
    threading.Thread(target=_watch_steady_tasks, name="steady tasks", daemon=True).start()
