"""The program that pipelines run, against an ECS in memory whose deployments go as each test says."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[4]
PATH = ROOT / "modules/apps/container_service/pipelines/deploy.py"
_spec = importlib.util.spec_from_file_location("deploy_program", PATH)
assert _spec
assert _spec.loader
program: Any = importlib.util.module_from_spec(_spec)
sys.modules["deploy_program"] = program
_spec.loader.exec_module(program)

FAMILY = "arn:aws:ecs:eu-central-1:111122223333:task-definition/shop"
IMAGE = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:" + "a" * 64
TARGET = program.Target("shop", "shop", "shop", "1.0")
Data = dict[str, Any]


def error(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Op")


@dataclasses.dataclass
class Ecs:
    """A service with a placeholder. `after` says what each look at the service changes before it."""

    after: list[Any] = dataclasses.field(default_factory=list)
    fails: list[tuple[str, Exception, bool]] = dataclasses.field(default_factory=list)
    """(operation, error, whether the work is done before): each hits once."""
    calls: list[str] = dataclasses.field(default_factory=list)
    stopped: list[Data] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        labels = {program.PLACEHOLDER: "true"}
        container = {"name": "app", "image": "busybox:1", "command": ["sh"], "dockerLabels": labels}
        sidecar = {"name": "proxy", "image": "proxy:1", "command": ["proxy"]}
        self.revisions: list[Data] = []
        self._add({"family": "shop", "containerDefinitions": [container, sidecar], "cpu": "256", "pidMode": ""}, [])
        self._ids = itertools.count(1)
        self.deployments = [self._deployment(self.revision(1), "COMPLETED")]
        self.status = "ACTIVE"

    def _add(self, definition: Data, tags: list[Data]) -> str:
        arn = f"{FAMILY}:{len(self.revisions) + 1}"
        read_only = {
            "taskDefinitionArn": arn,
            "revision": len(self.revisions) + 1,
            "status": "ACTIVE",
            "registeredBy": "x",
        }
        self.revisions.append({"taskDefinition": {**definition, **read_only}, "tags": tags})
        return arn

    def _deployment(self, revision: str, state: str) -> Data:
        number = next(self._ids)
        return {
            "id": f"ecs-svc/{number}",
            "status": "PRIMARY",
            "taskDefinition": revision,
            "createdAt": number,
            "rolloutState": state,
            "rolloutStateReason": f"reason {number}",
            "desiredCount": 2,
            "runningCount": 2,
        }

    def revision(self, number: int) -> str:
        return f"{FAMILY}:{number}"

    def _call(self, operation: str, work: Callable[[], Any]) -> Any:
        self.calls.append(operation)
        hit = next((one for one in self.fails if one[0] == operation), None)
        if hit is None:
            return work()
        self.fails.remove(hit)
        if hit[2]:
            work()
        raise hit[1]

    # The API

    def describe_task_definition(self, **asked: Any) -> Data:
        assert asked == {"taskDefinition": "shop", "include": ["TAGS"]}
        found: Data = self._call("describe_task_definition", lambda: self.revisions[-1])
        return found

    def register_task_definition(self, tags: Any = (), **definition: Any) -> Data:
        arn = self._call("register_task_definition", lambda: self._add(definition, list(tags)))
        return {"taskDefinition": {"taskDefinitionArn": arn}}

    def update_service(self, cluster: str, service: str, taskDefinition: str) -> Data:
        def work() -> None:
            if self.deployments[0]["taskDefinition"] != taskDefinition:
                self.deployments[0]["status"] = "ACTIVE"
                self.deployments.insert(0, self._deployment(taskDefinition, "IN_PROGRESS"))

        self._call("update_service", work)
        return {"service": self._service()}

    def describe_services(self, **asked: Any) -> Data:
        if self.calls.count("update_service") and self.after:
            self.after.pop(0)(self)
        return {"services": [self._call("describe_services", self._service)]}

    def _service(self) -> Data:
        primary = next(one for one in self.deployments if one["status"] == "PRIMARY")
        shown = [dict(one) for one in self.deployments]
        return {"status": self.status, "taskDefinition": primary["taskDefinition"], "deployments": shown}

    def list_tasks(self, *, serviceName: str, desiredStatus: str, nextToken: str = "0", **_: Any) -> Data:
        first, every = int(nextToken), self._call("list_tasks", lambda: [str(n) for n, _ in enumerate(self.stopped)])
        more = {"nextToken": str(first + 100)} if len(every) > first + 100 else {}
        return {"taskArns": every[first : first + 100], **more}

    def describe_tasks(self, *, tasks: list[str], **_: Any) -> Data:
        assert 1 <= len(tasks) <= 100
        return {"tasks": [self.stopped[int(one)] for one in self._call("describe_tasks", lambda: tasks)]}


class Ecr:
    class meta:  # noqa: N801
        region_name = "eu-central-1"

    def __init__(self, *tags: str) -> None:
        self.tags = tags

    def describe_images(self, repositoryName: str, imageIds: list[Data]) -> Data:
        if imageIds[0]["imageTag"] not in self.tags:
            raise error("ImageNotFoundException")
        return {"imageDetails": [{"registryId": "111122223333", "imageDigest": "sha256:" + "a" * 64}]}


class Clock:
    """Time that passes when the program sleeps."""

    pause = 1.0

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def completed(ecs: Ecs) -> None:
    ecs.deployments = [{**ecs.deployments[0], "rolloutState": "COMPLETED"}]


def nothing(ecs: Ecs) -> None:
    pass


def failed(ecs: Ecs) -> None:
    """The circuit breaker: the deployment before is primary again, in progress."""
    ours, before = ecs.deployments[:2]
    ecs.deployments = [
        {**before, "status": "PRIMARY", "rolloutState": "IN_PROGRESS"},
        {**ours, "status": "ACTIVE", "rolloutState": "FAILED"},
    ]


def rolled_back(ecs: Ecs) -> None:
    """The rollback has ended, and ECS shows the failed deployment no longer."""
    ecs.deployments = [{**one, "rolloutState": "COMPLETED"} for one in ecs.deployments if one["status"] == "PRIMARY"]


def run(ecs: Ecs, timeout: float = 600, clock: Clock | None = None) -> Data:
    report: Data = program.deploy(Ecr("1.0"), ecs, TARGET, clock or Clock(), timeout, 5)
    return report


def refusal(ecs: Ecs, timeout: float = 600) -> Any:
    with pytest.raises(program.NotDeployed) as found:
        run(ecs, timeout)
    return found.value


def test_a_deployment_runs_the_image_by_its_digest_in_a_new_revision() -> None:
    ecs = Ecs(after=[nothing, completed])
    report = run(ecs)
    assert report == {
        "result": "deployed",
        "image": IMAGE,
        "tag": "1.0",
        "taskDefinition": f"{FAMILY}:2",
        "deployment": "ecs-svc/2",
        "runningCount": 2,
        "desiredCount": 2,
    }
    definition = ecs.revisions[1]["taskDefinition"]
    assert definition["containerDefinitions"] == [
        {"name": "app", "image": IMAGE},
        {"name": "proxy", "image": "proxy:1", "command": ["proxy"]},
    ]
    assert definition["cpu"] == "256"
    assert "pidMode" not in definition


def test_the_command_and_the_labels_of_an_own_revision_stay() -> None:
    described = {
        "taskDefinition": {"containerDefinitions": [{"image": "a", "command": ["x"], "dockerLabels": {"a": "b"}}]}
    }
    wanted = program.with_image(program.plain(described), IMAGE)
    assert wanted == {"containerDefinitions": [{"image": IMAGE, "command": ["x"], "dockerLabels": {"a": "b"}}]}


def test_tags_go_into_the_revision_except_those_of_aws() -> None:
    ecs = Ecs(after=[completed])
    ecs.revisions[0]["tags"] = [{"key": "team", "value": "shop"}, {"key": "aws:x", "value": "y"}]
    run(ecs)
    assert ecs.revisions[1]["tags"] == [{"key": "team", "value": "shop"}]


def test_the_same_image_again_makes_no_revision_and_no_deployment() -> None:
    ecs = Ecs(after=[completed])
    first = run(ecs)
    ecs.calls.clear()
    assert run(ecs) == first
    assert len(ecs.revisions) == 2
    assert "register_task_definition" not in ecs.calls


@pytest.mark.parametrize("operation", ["register_task_definition", "update_service"])
def test_an_answer_that_is_lost_after_the_work_doubles_nothing(operation: str) -> None:
    ecs = Ecs(after=[completed], fails=[(operation, error("ServerException", 500), True)])
    assert run(ecs)["deployment"] == "ecs-svc/2"
    assert len(ecs.revisions) == 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["describe_services", "describe_task_definition", "register_task_definition", "update_service"]
            ),
            st.sampled_from([error("ThrottlingException"), error("ServerException", 500), error("X", 503)]),
            st.booleans(),
        ),
        max_size=7,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_fails_for_a_time_one_revision_is_deployed_once(fails: list[Any]) -> None:
    ecs = Ecs(after=[nothing] * 30 + [completed], fails=list(fails))
    assert run(ecs)["taskDefinition"] == f"{FAMILY}:2"
    assert len(ecs.revisions) == 2
    assert ecs.deployments[0]["id"] == "ecs-svc/2"


def test_what_fails_for_good_is_not_tried_again() -> None:
    ecs = Ecs(fails=[("register_task_definition", error("AccessDeniedException"), False)])
    with pytest.raises(ClientError, match="AccessDenied"):
        run(ecs)
    assert ecs.calls.count("register_task_definition") == 1


def test_trying_again_has_an_end() -> None:
    ecs = Ecs(fails=[("update_service", error("ThrottlingException"), False)] * 20)
    with pytest.raises(ClientError, match="Throttling"):
        run(ecs)
    assert ecs.calls.count("update_service") == program.ATTEMPTS


def test_pauses_grow_from_a_part_of_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    longest: list[float] = []

    def uniform(least: float, most: float) -> float:
        longest.append(most)
        return least

    monkeypatch.setattr(program.random, "uniform", uniform)
    for pause in (1.0, 0.06):
        clock = program.Clock(lambda: 0.0, lambda seconds: None, pause)
        with pytest.raises(ClientError):
            program.attempt("Call", throttled, clock)
    assert longest == pytest.approx([1, 2, 4, 8, 16, 20, 20, 0.06, 0.12, 0.24, 0.48, 0.96, 1.92, 3.84])


def throttled() -> None:
    raise error("ThrottlingException")


def test_no_answer_at_all_is_tried_again() -> None:
    ecs = Ecs(after=[completed], fails=[("update_service", EndpointConnectionError(endpoint_url="https://x"), False)])
    assert run(ecs)["result"] == "deployed"


def test_a_rollback_is_a_failure_with_the_reasons_of_its_tasks() -> None:
    ecs = Ecs(after=[nothing, failed, nothing, rolled_back])
    ecs.stopped = [
        {
            "taskDefinitionArn": f"{FAMILY}:2",
            "stoppedReason": "Essential container exited",
            "containers": [{"exitCode": 7}],
        },
        {"taskDefinitionArn": f"{FAMILY}:1", "stoppedReason": "Scaling"},
    ]
    refused = refusal(ecs)
    assert refused.code == program.FAILED
    assert str(refused) == (
        "The deployment failed: reason 2 Tasks stopped: Essential container exited (exit code 7). "
        f"The service runs {FAMILY}:1, not {FAMILY}:2."
    )


@pytest.mark.parametrize("call", ["list_tasks", "describe_tasks"])
def test_the_reasons_are_those_of_its_own_tasks_among_hundreds_and_while_calls_fail(call: str) -> None:
    """ECS keeps stopped tasks for an hour, and lists them in no order."""
    others = [{"taskDefinitionArn": f"{FAMILY}:1", "stoppedReason": "Scaling"}] * 250
    ecs = Ecs(after=[failed, rolled_back], fails=[(call, error("ThrottlingException"), False)])
    ecs.stopped = [*others, {"taskDefinitionArn": f"{FAMILY}:2", "stoppedReason": "Task failed ELB health checks"}]
    assert "Tasks stopped: Task failed ELB health checks." in str(refusal(ecs))


def test_a_steady_service_on_the_revision_before_is_a_failure_even_if_no_failure_was_seen() -> None:
    """The case that other tools call a success: the rollback ended between two looks."""

    def at_once(ecs: Ecs) -> None:
        failed(ecs)
        rolled_back(ecs)

    refused = refusal(Ecs(after=[nothing, at_once]))
    assert refused.code == program.FAILED
    assert "rolled it back" in str(refused)


def test_a_first_deployment_that_fails_has_nothing_to_return_to() -> None:
    def broken(ecs: Ecs) -> None:
        ecs.deployments = [{**ecs.deployments[0], "rolloutState": "FAILED"}]

    refused = refusal(Ecs(after=[broken]))
    assert refused.code == program.FAILED
    assert "no completed deployment" in str(refused)


def test_a_newer_deployment_of_somebody_else_is_not_ours() -> None:
    def other(ecs: Ecs) -> None:
        ecs.deployments = [ecs._deployment(f"{FAMILY}:9", "IN_PROGRESS"), {**ecs.deployments[0], "status": "ACTIVE"}]

    refused = refusal(Ecs(after=[nothing, other]))
    assert refused.code == program.FAILED
    assert str(refused).startswith("Another deployment took its place")


def test_an_answer_of_before_the_update_is_not_taken_for_a_rollback() -> None:
    ours: list[Data] = []

    def behind(ecs: Ecs) -> None:
        ours[:] = ecs.deployments
        ecs.deployments = [{**ecs.deployments[1], "status": "PRIMARY"}]

    def again(ecs: Ecs) -> None:
        ecs.deployments = ours

    assert run(Ecs(after=[behind, again, completed]))["result"] == "deployed"


def test_what_does_not_end_is_late() -> None:
    refused = refusal(Ecs(), timeout=60)
    assert refused.code == program.LATE
    assert "IN_PROGRESS: 2 of 2 tasks run, 0 failed" in str(refused)


def test_a_rollback_that_does_not_end_is_a_failure() -> None:
    refused = refusal(Ecs(after=[failed]), timeout=60)
    assert refused.code == program.FAILED
    assert "in time" in str(refused)


def test_reasons_that_cannot_be_read_do_not_hide_the_failure() -> None:
    ecs = Ecs(after=[failed, rolled_back], fails=[("list_tasks", error("AccessDeniedException"), False)])
    assert "could not be read" in str(refusal(ecs))


def test_ecs_that_answers_with_another_revision_is_not_believed() -> None:
    class Other(Ecs):
        def update_service(self, cluster: str, service: str, taskDefinition: str) -> Data:
            return {"service": self._service()}

    assert "in place of" in str(refusal(Other()))


def test_an_image_that_was_not_pushed_is_refused_before_anything_changes() -> None:
    ecs = Ecs()
    with pytest.raises(program.NotDeployed, match="push it first") as found:
        program.deploy(Ecr("2.0"), ecs, TARGET, Clock(), 60, 5)
    assert found.value.code == program.REFUSED
    assert ecs.calls == []


def test_the_pipeline_can_ask_whether_an_image_is_there() -> None:
    assert program.pushed(Ecr("1.0"), TARGET, Clock())["imageDigest"].startswith("sha256:")
    assert program.pushed(Ecr(), TARGET, Clock()) is None


def test_a_service_that_does_not_exist_is_refused() -> None:
    ecs = Ecs()
    ecs.status = "INACTIVE"
    assert refusal(ecs).code == program.REFUSED


@pytest.mark.parametrize(
    "arguments",
    [[], ["--cluster", "a"], ["--cluster", "a", "--service", "b", "--repository", "c", "--tag", "d", "--timeout", "0"]],
)
def test_wrong_arguments_end_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as found:
        program.main(arguments)
    assert found.value.code == 2


def test_the_password_is_the_second_part_of_the_token() -> None:
    class Registry:
        def get_authorization_token(self) -> Data:
            return {"authorizationData": [{"authorizationToken": "QVdTOnMzY3JldDp4"}]}

    assert program.password(Registry()) == "s3cret:x"
