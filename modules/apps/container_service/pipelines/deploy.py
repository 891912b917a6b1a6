"""Deploy an image to a service of Amazon ECS: register a revision, update the service, wait, report.

    deploy.py --cluster C --service S --repository R --tag T [--timeout SECONDS]
    deploy.py --registry-password
    deploy.py --repository R --tag T --is-pushed

The second prints the password for `docker login`; the third ends with 0 if the image is there, and with 1 if not. A
pipeline calls it with the credentials of its role; of libraries it needs boto3. The service runs the image by its
digest, so that what the tag named is what every task runs. A deployment is done when the service's primary deployment
is the one that was asked for, with the revision that was asked for, and ECS calls it completed: a rollback also ends in
a steady service, and is a failure here.

Running it again, after whatever interruption, changes nothing that is there already: an equal revision is used again.

Exit code: 0 done; 1 failed, rolled back or replaced by another deployment; 2 refused by AWS, or a wrong argument; 3 not
ended in time.
"""

from __future__ import annotations

import argparse
import base64
import functools
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

Data = dict[str, Any]
T = TypeVar("T")

DONE, FAILED, REFUSED, LATE = 0, 1, 2, 3
PLACEHOLDER = "switchyard.placeholder"
"""Label of the container that Terraform runs until the first deployment, with a command that no image has."""

# What DescribeTaskDefinition returns and RegisterTaskDefinition does not take.
_READ_ONLY = {
    "compatibilities",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
}
_TRANSIENT = {
    "InternalError",
    "InternalFailure",
    "InternalServiceError",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServerException",
    "ServiceUnavailable",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
ATTEMPTS = 8


class NotDeployed(Exception):
    """A deployment that ended otherwise than asked. `code` is the exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


class Target(NamedTuple):
    """The service, and the image that it shall run."""

    cluster: str
    service: str
    repository: str
    tag: str


class Clock(NamedTuple):
    """Time, which tests replace. `pause` is the most that a first try again waits, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    pause: float = 1.0


def say(text: str) -> None:
    """Write a line of progress. The last line on standard output is the report, as JSON."""
    print(text, file=sys.stderr, flush=True)


def transient(error: Exception) -> bool:
    """Return whether the same call can succeed later: throttled, broken on AWS's side, or no answer."""
    answer = getattr(error, "response", None)
    if answer is None:
        return type(error).__module__.startswith(("botocore", "urllib3"))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status >= 500 or answer.get("Error", {}).get("Code") in _TRANSIENT


def attempt(what: str, call: Callable[[], T], clock: Clock) -> T:
    """Call until it succeeds, with growing pauses of random length. What is refused for good is raised at once."""
    for number in range(1, ATTEMPTS + 1):
        try:
            return call()
        except Exception as error:
            if number == ATTEMPTS or not transient(error):
                raise
            say(f"{what}: {error}; trying again")
            longest = min(20.0, clock.pause * 2 ** (number - 1))
            clock.sleep(random.uniform(0, longest))  # noqa: S311 - spreads load, is no secret
    raise AssertionError


def pushed(ecr: Any, target: Target, clock: Clock) -> Data | None:
    """Return what the registry knows of the image, or None if nothing was pushed with the tag."""
    wanted = {"repositoryName": target.repository, "imageIds": [{"imageTag": target.tag}]}
    try:
        found: list[Data] = attempt("Find the image", lambda: ecr.describe_images(**wanted), clock)["imageDetails"]
    except Exception as error:
        if code_of(error) != "ImageNotFoundException":
            raise
        return None
    return found[0] if found else None


def image_of(ecr: Any, target: Target, clock: Clock) -> str:
    """Return the image by its digest. Raise NotDeployed if nothing was pushed with the tag."""
    found = pushed(ecr, target, clock)
    if not found:
        raise NotDeployed(f"There is no image {target.tag} in {target.repository}: push it first.", REFUSED)
    host = f"{found['registryId']}.dkr.ecr.{ecr.meta.region_name}.{_suffix(ecr)}"
    return f"{host}/{target.repository}@{found['imageDigest']}"


def _suffix(ecr: Any) -> str:
    return "amazonaws.com.cn" if ecr.meta.region_name.startswith("cn-") else "amazonaws.com"


def plain(described: Mapping[str, Any]) -> Data:
    """Return a described revision as RegisterTaskDefinition takes it."""
    definition = described["taskDefinition"]
    kept = {name: value for name, value in definition.items() if name not in _READ_ONLY and value not in (None, "")}
    tags = [tag for tag in described.get("tags") or [] if not tag["key"].startswith("aws:")]
    return {**kept, **({"tags": tags} if tags else {})}


def with_image(revision: Mapping[str, Any], image: str) -> Data:
    """Return a revision whose first container runs the image, without what belongs to the placeholder."""
    first, *others = revision["containerDefinitions"]
    container = {**first, "image": image}
    if PLACEHOLDER in (container.get("dockerLabels") or {}):
        for name in ("command", "dockerLabels"):
            container.pop(name, None)
    return {**revision, "containerDefinitions": [container, *others]}


def registered(ecs: Any, family: str, image: str, clock: Clock) -> str:
    """Return the ARN of a revision that runs the image: the newest one if it does, else a new one.

    Each try looks first: the answer to the one before may have been lost after ECS did the work.
    """

    def look_and_register() -> str:
        described = ecs.describe_task_definition(taskDefinition=family, include=["TAGS"])
        newest = plain(described)
        wanted = with_image(newest, image)
        if wanted == newest:
            return str(described["taskDefinition"]["taskDefinitionArn"])
        return str(ecs.register_task_definition(**wanted)["taskDefinition"]["taskDefinitionArn"])

    return attempt("Register a revision", look_and_register, clock)


def service_of(ecs: Any, target: Target, clock: Clock) -> Data:
    """Return the service. Raise NotDeployed if it does not exist."""
    where = {"cluster": target.cluster, "services": [target.service]}
    found = attempt("Describe the service", lambda: ecs.describe_services(**where), clock)["services"]
    if not found or found[0]["status"] != "ACTIVE":
        raise NotDeployed(f"There is no active service {target.service} in the cluster {target.cluster}.", REFUSED)
    service: Data = found[0]
    return service


def primary_of(service: Mapping[str, Any]) -> Data:
    """Return the deployment that the service is moving to, or has arrived at."""
    return next((one for one in service["deployments"] if one["status"] == "PRIMARY"), {})


def family_of(revision_arn: str) -> str:
    """Return the family of a revision's ARN."""
    return revision_arn.rpartition("/")[2].rpartition(":")[0]


def stopped_tasks(ecs: Any, target: Target, clock: Clock) -> Iterator[Data]:
    """Yield the service's tasks that stopped lately, of all revisions: ECS lists them in no order, 100 at a time."""
    where: Data = {"cluster": target.cluster}
    asked = {"serviceName": target.service, "desiredStatus": "STOPPED", **where}
    while True:
        page = attempt("List the stopped tasks", functools.partial(ecs.list_tasks, **asked), clock)
        if arns := page["taskArns"]:
            describe = functools.partial(ecs.describe_tasks, tasks=arns, **where)
            yield from attempt("Describe the stopped tasks", describe, clock)["tasks"]
        if not page.get("nextToken"):
            return
        asked["nextToken"] = page["nextToken"]


def reasons(ecs: Any, target: Target, revision: str, clock: Clock) -> list[str]:
    """Return why tasks of a revision stopped, for the report. What cannot be read is left out."""
    try:
        tasks = [*stopped_tasks(ecs, target, clock)]
    except Exception as error:  # noqa: BLE001 - the deployment failed already: its report must not fail, too
        return [f"The reasons could not be read: {error}"]
    found = {
        f"{task.get('stoppedReason', 'no reason')}"
        + "".join(f" (exit code {one['exitCode']})" for one in task.get("containers", []) if one.get("exitCode"))
        for task in tasks
        if task["taskDefinitionArn"] == revision
    }
    return sorted(found)


class Deployment:
    """One deployment, from the update of the service to its end."""

    def __init__(self, ecs: Any, target: Target, revision: str, clock: Clock) -> None:
        self.ecs, self.target, self.revision, self.clock = ecs, target, revision, clock
        self.id = ""
        self.created: Any = None
        self._seen, self._failure = False, ""

    def start(self) -> None:
        """Update the service. A service whose primary deployment has the revision stays as it is."""
        asked = {"cluster": self.target.cluster, "service": self.target.service, "taskDefinition": self.revision}
        service = attempt("Update the service", lambda: self.ecs.update_service(**asked), self.clock)["service"]
        primary = primary_of(service)
        if primary.get("taskDefinition") != self.revision:
            raise NotDeployed(f"ECS answered with {primary.get('taskDefinition')} in place of {self.revision}.")
        self.id, self.created = str(primary["id"]), primary["createdAt"]
        say(f"Deployment {self.id} of {self.revision}")

    def wait(self, timeout: float, interval: float) -> Data:
        """Return the service once the deployment is done. Raise NotDeployed."""
        ends, shown = self.clock.now() + timeout, ""
        while True:
            service = service_of(self.ecs, self.target, self.clock)
            if (state := progress(service)) != shown:
                shown = state
                say(state)
            if self._done(service):
                return service
            if self.clock.now() >= ends and self._failure:
                raise NotDeployed(f"{self._failure} ECS has not returned to the revision before it in time.")
            if self.clock.now() >= ends:
                raise NotDeployed(f"The deployment has not ended in time. {state}", LATE)
            self.clock.sleep(random.uniform(0.8, 1.2) * interval)  # noqa: S311 - spreads load, is no secret

    def _done(self, service: Mapping[str, Any]) -> bool:
        """Return whether the deployment is done. Raise NotDeployed if it cannot be any more."""
        primary = primary_of(service)
        ours = next((one for one in service["deployments"] if one["id"] == self.id), None)
        self._seen = self._seen or ours is not None
        if ours and ours["rolloutState"] == "FAILED" and not self._failure:
            self._failure = self._explained(f"The deployment failed: {ours.get('rolloutStateReason', '')}")
            say(self._failure)
        if ours is not None and ours is primary and primary["taskDefinition"] == self.revision:
            if self._failure:
                raise NotDeployed(f"{self._failure} There is no completed deployment to which ECS could return.")
            return bool(primary["rolloutState"] == "COMPLETED")
        if self._failure and primary.get("rolloutState") == "IN_PROGRESS":
            return False  # ECS returns to the revision before: the report waits for it
        newer = primary.get("createdAt", self.created) > self.created
        if not (self._seen or newer):
            return False  # DescribeServices can be some seconds behind
        why = self._failure
        if not why and newer:
            why = "Another deployment took its place before it was done."
        why = why or self._explained("The deployment did not last: ECS rolled it back.")
        raise NotDeployed(f"{why} The service runs {primary.get('taskDefinition')}, not {self.revision}.")

    def _explained(self, text: str) -> str:
        why = reasons(self.ecs, self.target, self.revision, self.clock)
        return f"{text} Tasks stopped: {'; '.join(why)}." if why else text


def progress(service: Mapping[str, Any]) -> str:
    """Return a line about the primary deployment."""
    primary = {"failedTasks": 0, "rolloutState": "UNKNOWN", "runningCount": 0, "desiredCount": 0, **primary_of(service)}
    return "{rolloutState}: {runningCount} of {desiredCount} tasks run, {failedTasks} failed".format(**primary)


def deploy(ecr: Any, ecs: Any, target: Target, clock: Clock, timeout: float, interval: float) -> Data:
    """Deploy an image. Return the report. Raise NotDeployed, or what AWS refuses."""
    image = image_of(ecr, target, clock)
    say(f"{target.tag} is {image}")
    revision = registered(ecs, family_of(service_of(ecs, target, clock)["taskDefinition"]), image, clock)
    deployment = Deployment(ecs, target, revision, clock)
    deployment.start()
    service = deployment.wait(timeout, interval)
    return {
        "result": "deployed",
        "image": image,
        "tag": target.tag,
        "taskDefinition": revision,
        "deployment": deployment.id,
        "runningCount": primary_of(service)["runningCount"],
        "desiredCount": primary_of(service)["desiredCount"],
    }


def code_of(error: Exception) -> str:
    """Return AWS's error code, or the kind of error."""
    answer = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code") or type(error).__name__)


def password(ecr: Any) -> str:
    """Return the registry's password for `docker login --username AWS`."""
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments. Exit with 2 if one is wrong."""
    parser = argparse.ArgumentParser(description="Deploy an image to a service of Amazon ECS.")
    parser.add_argument("--registry-password", action="store_true", help="print the registry's password, and end")
    parser.add_argument("--is-pushed", action="store_true", help="look whether the image is there, and end")
    for name in Target._fields:
        parser.add_argument(f"--{name}")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds to wait (default: %(default)s)")
    parser.add_argument("--interval", type=float, default=5, help="seconds between looks (default: %(default)s)")
    options = parser.parse_args(arguments)
    needed = ("repository", "tag") if options.is_pushed else () if options.registry_password else Target._fields
    lacking = [name for name in needed if not getattr(options, name)]
    if lacking:
        parser.error(f"give --{', --'.join(lacking)}")
    if options.timeout <= 0:
        parser.error("--timeout must be more than 0")
    return options


def main(arguments: Sequence[str]) -> int:
    """Run the command. Return the exit code."""
    options = parse(arguments)
    import boto3
    from botocore.config import Config

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")  # boto3 reads the second one only
    session = boto3.session.Session(region_name=region)
    once = Config(retries={"total_max_attempts": 1}, user_agent_extra="app/switchyard-deploy")
    ecr, ecs = session.client("ecr", config=once), session.client("ecs", config=once)
    clock = Clock(pause=options.interval / 5)
    if options.registry_password:
        print(attempt("Sign in to the registry", lambda: password(ecr), clock))
        return DONE
    target = Target(*(getattr(options, name) for name in Target._fields))
    if options.is_pushed:
        return DONE if pushed(ecr, target, clock) else FAILED
    try:
        report, code = deploy(ecr, ecs, target, clock, options.timeout, options.interval), DONE
    except NotDeployed as error:
        report, code = {"result": "not deployed", "reason": str(error)}, error.code
    except Exception as error:  # noqa: BLE001 - whatever AWS answers becomes the report
        report, code = {"result": "not deployed", "reason": f"{code_of(error)}: {error}"}, REFUSED
    if code:
        say(str(report["reason"]))
    print(json.dumps(report))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
