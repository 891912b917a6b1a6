"""Who calls: the roles and functions of the stack, by Terraform's state, and the caller of each recorded call."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from local.settings import ACCOUNT_ID

SCENARIO_AGENT = "scenario."
"""Application id of a scenario's clients, followed by its capability's name."""

# Resource type in Terraform -> what a role that such a resource names acts for.
_KINDS = {
    "aws_cloudwatch_event_target": "event rule",
    "aws_kinesis_firehose_delivery_stream": "delivery stream",
    "aws_lambda_function": "function",
    "aws_scheduler_schedule": "schedule",
    "aws_sfn_state_machine": "state machine",
}


@dataclasses.dataclass(frozen=True)
class Actor:
    """A caller, such as a role of the stack, named after what it acts for. `capability` is empty for shared roles."""

    name: str
    kind: str
    capability: str = ""


@dataclasses.dataclass(frozen=True)
class Function:
    """A function of the stack."""

    name: str
    capability: str
    region: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """What Terraform's state says about principals: actors by `<account>:<role name>`, and the functions."""

    actors: Mapping[str, Actor]
    functions: Sequence[Function]


def facts(state: Mapping[str, Any], capabilities: Iterable[str]) -> Facts:
    """Return what Terraform's `state` says; a resource belongs to the capability whose module holds it."""
    full_names = {name.rpartition("/")[2]: name for name in capabilities}
    resources = list(_resources(state))
    users = _users(resources)
    actors: dict[str, Actor] = {}
    functions = []
    for kind, module, attributes in resources:
        capability = full_names.get(module, "")
        if kind == "aws_iam_role":
            arn = str(attributes["arn"])
            name, acts_for = users.get(arn, (str(attributes["name"]), "role"))
            actors[_key(arn)] = Actor(name, acts_for, capability)
        elif kind == "aws_lambda_function":
            arn = str(attributes["arn"])
            functions.append(Function(str(attributes["function_name"]), capability, arn.split(":")[3]))
    return Facts(actors, functions)


def _resources(state: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (type, name of the outermost module, attributes) of each managed resource."""
    for resource in state.get("resources", []):
        if resource["mode"] == "managed":
            module = str(resource.get("module", "")).removeprefix("module.").split(".")[0].split("[")[0]
            for instance in resource["instances"]:
                yield resource["type"], module, instance["attributes"]


def _users(resources: Iterable[tuple[str, str, Mapping[str, Any]]]) -> dict[str, tuple[str, str]]:
    """Return (name, kind) of what acts under a role, by the role's ARN."""
    users = {}
    for kind, _, attributes in resources:
        if kind in _KINDS:
            name = attributes.get("function_name") or attributes.get("rule") or attributes.get("name")
            for arn in _role_arns(attributes):
                users[arn] = str(name), _KINDS[kind]
    return users


def _role_arns(value: Any) -> Iterator[str]:
    """Yield the ARNs in fields that contain a role, at any depth."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in ("role", "role_arn") and isinstance(inner, str):
                yield inner
            else:
                yield from _role_arns(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _role_arns(inner)


def _key(arn: str) -> str:
    """Return `<account>:<role name>` for the ARN of a role or of its session."""
    parts = arn.split(":", 5)
    path = parts[5].split("/")
    return f"{parts[4]}:{path[1] if path[0] == 'assumed-role' else path[-1]}"


class Sorter:
    """Finds the caller of a call, and the capability that it belongs to."""

    def __init__(self, known: Facts, capabilities: Iterable[str]) -> None:
        self.known = known
        self.full_names = {name.rpartition("/")[2]: name for name in capabilities}
        prefixes = {f.name: f.capability for f in known.functions}
        prefixes |= {name.replace("_", "-"): full for name, full in self.full_names.items()}
        self._longest_first = sorted(prefixes.items(), key=lambda item: -len(item[0]))

    def actor(self, call: Mapping[str, Any]) -> Actor:
        """Return the caller. Its `capability` is empty if the call belongs to none."""
        agent, principal = str(call["agent"]), str(call["principal"])
        if agent == "Terraform":
            return Actor("Terraform", "terraform")
        if agent.startswith(SCENARIO_AGENT):
            name = agent.removeprefix(SCENARIO_AGENT)
            return Actor(_caller(principal), "scenario", self.full_names.get(name, ""))
        if ":assumed-role/" not in principal:
            return Actor(_caller(principal), "principal")
        return self.known.actors.get(_key(principal)) or self._outside(principal)

    def _outside(self, principal: str) -> Actor:
        """Return a role that the stack did not create, such as one of a member account that a function assumes."""
        role, _, session = principal.partition(":assumed-role/")[2].partition("/")
        for prefix, capability in self._longest_first:
            if prefix in session or prefix in role:
                return Actor(role, "role outside the stack", capability)
        return Actor(role, "role outside the stack")


def _caller(principal: str) -> str:
    """Return the name of a principal that is not a role."""
    if principal.endswith(":root"):
        return (
            "the account's root" if f":{ACCOUNT_ID}:" in principal else f"the root of account {principal.split(':')[4]}"
        )
    return "a user, by token or password" if principal.startswith("anonymous") else principal.rpartition(":")[2]
