"""The IAM policies with which a stack is planned, applied, changed and destroyed, and the boundary of its roles.

    python -m tools.deploy.policy [--directory build/deploy_policy] [--account-id … --region … …] [capability …]

The resource types of the chosen capabilities and of the context come from their HCL; what the provider calls for each
type from `calls.json`, and what the recording does not show from `additions.yaml`; where each action is allowed from
`scopes.yaml` and AWS's reference. `read-*.json` is enough to plan. `read-*.json` and `change-*.json` together are
enough to apply and destroy. `boundary.json` is the most that a role of the stack can have.

Unless values are given, the policies are templates of Terraform's: `${partition}`, `${region}`, `${account_id}`,
`${name_prefix}`, `${database}`, `${boundary_arn}`, `${key_alias}`, `${secret_name}`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools import root, wiring
from tools.authorization import Reference
from tools.bootstrap import ROOT
from tools.deploy import data

MANAGED_POLICY_SIZE = 6144
"""Characters of a managed policy, white space not counted.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length"""

POLICIES_PER_ROLE = 10
"""Managed policies of a role, by default (same page)."""

# The longest values, by which policies are split: they fit whatever the stack's values are.
LONGEST = {
    "partition": "aws-us-gov",
    "region": "ap-southeast-1",
    "account_id": "0" * 12,
    "name_prefix": "n" * 20,
    "database": "n" * 20,
    "boundary_arn": "arn:aws-us-gov:iam::000000000000:policy/deploy-" + "n" * 20 + "-boundary",
    "key_alias": "k" * 40,
    "secret_name": "s" * 40,
}

Statement = dict[str, Any]
Document = dict[str, Any]


class PolicyError(Exception):
    """A policy that cannot be written. Its text says why and what to do."""


# --- what a stack contains ---------------------------------------------------------------------------------


def modules(names: Iterable[str]) -> set[Path]:
    """Return the folders of the chosen capabilities' modules, the context, and all the blocks that they use."""
    known = root.capabilities()
    chosen = [name.rpartition("/")[2] for name in names]
    if unknown := sorted(set(chosen) - known.keys()):
        raise PolicyError(f"There is no capability {', '.join(unknown)}. There are: {', '.join(sorted(known))}.")
    found: set[Path] = set()
    waiting = [ROOT / "modules" / "context", *(known[name].folder for name in chosen)]
    while waiting:
        folder = waiting.pop().resolve()
        if folder not in found:
            found.add(folder)
            sources = re.findall(r'source\s*=\s*"(\.[^"]*)"', source_of(folder))
            waiting += [folder / source for source in sources]
    return found


def source_of(folder: Path, without: str = "") -> str:
    """Return the HCL of a module, without comments, and without one of its files."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf")) if path.name != without)
    return re.sub(r"(?m)^\s*#.*$", "", text)


def resource_types(folders: Collection[Path]) -> set[str]:
    """Return the types of the resources and data sources that modules can have, and `provider` for its own calls.

    Resources of the context that no chosen module needs are left out (wiring.CONTEXT_SWITCHES).
    """
    chosen = {folder.name for folder in folders}
    off = [switch for switch, modules in wiring.CONTEXT_SWITCHES.items() if chosen.isdisjoint(modules)]
    found = {"provider"}
    for folder in folders:
        for kind, name, body in re.findall(r'(?ms)^(resource|data) "(\w+)" "\w+" \{(?:\}|(.*?)^\})', source_of(folder)):
            if name.startswith("aws_") and not any(f"count = var.{switch} ?" in body for switch in off):
                found.add(f"data.{name}" if kind == "data" else name)
    return found


def role_actions(folders: Iterable[Path]) -> set[str]:
    """Return the actions that the policies of modules name, without those of trust policies.

    A policy in an output is for roles of others, which do not have the boundary.
    """
    found: set[str] = set()
    for folder in folders:
        own = source_of(folder, without="outputs.tf")
        for name, value in re.findall(r'\b([aA]ctions?)\s*=\s*(\[[^]]*\]|"[^"]*")', own):
            named = set(re.findall(r'"([a-z0-9-]+:[A-Z]\w+\*?)"', value))
            found |= named - ({"sts:AssumeRole"} if name == "Action" else set())
    return found


# --- statements --------------------------------------------------------------------------------------------


PASSED_BY_ROLES = "ecs-tasks.amazonaws.com"
_PASSING = {"iam:CreateServiceLinkedRole", "iam:PassRole"}  # in statements of their own


def scope(action: str, name: str) -> tuple[str, list[str], dict[str, Any]]:
    """Return (id, ARN patterns, condition) of an action that the resource type *name* needs."""
    scopes = data.scopes()
    if exception := scopes.actions.get(f"{action}@{name}") or scopes.actions.get(action):
        return exception["sid"], exception["resources"], exception.get("condition", {})
    service = action.partition(":")[0]
    if service == "apigateway":
        return "ApiGateway", scopes.api_gateway.get(name, scopes.api_gateway["default"]), {}
    known = sorted(f"{service}:{kind}" for kind in Reference.kept().formats(action))
    types = [one for one in known if one in scopes.resources]
    if not types:
        if known:
            raise PolicyError(f"scopes.yaml has no resource for {action}: add one of its types, or an exception.")
        return f"{_word(service)}Account", ["*"], {}
    patterns = sorted({pattern for one in types for pattern in scopes.resources[one]})
    condition = {key: value for one in types for key, value in scopes.conditions.get(one, {}).items()}
    return _word(service) + "".join(_word(one.partition(":")[2]) for one in types), patterns, condition


def _word(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", text))


def statements(types: Iterable[str], kind: str) -> list[Statement]:
    """Return the statements for what is needed of a kind; a change's lack what READ has."""
    wanted: dict[tuple[str, str, str], set[str]] = {}
    names = sorted(types)
    if missing := sorted(set(names) - data.known()):
        raise PolicyError(f"No recorded calls for {', '.join(missing)}. Run: python -m tools.deploy.record")
    reads = {action for name in names for of, action in data.needed(name) if of == data.READ}
    for name in names:
        for of, action in data.needed(name):
            if of != kind or (kind == data.CHANGE and action in reads) or action in data.NEVER_DENIED | _PASSING:
                continue
            sid, resources, condition = scope(action, name)
            key = (sid, json.dumps(resources), json.dumps(condition))
            wanted.setdefault(key, set()).add(action)
    found = [
        _statement(sid, actions, json.loads(resources), json.loads(condition))
        for (sid, resources, condition), actions in sorted(wanted.items())
    ]
    return [*(passing(names) if kind == data.CHANGE else []), *_numbered(found)]


def _statement(sid: str, actions: Iterable[str], resources: Sequence[str], condition: Mapping[str, Any]) -> Statement:
    made: Statement = {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": list(resources)}
    return {**made, "Condition": dict(condition)} if condition else made


def _numbered(found: list[Statement]) -> list[Statement]:
    """Return the statements with ids that differ."""
    seen: dict[str, int] = {}
    for one in found:
        seen[one["Sid"]] = seen.get(one["Sid"], 0) + 1
        if seen[one["Sid"]] > 1:
            one["Sid"] += str(seen[one["Sid"]])
    return found


def passing(types: Sequence[str]) -> list[Statement]:
    """Return the statements that let the deployer pass the stack's roles, and create service-linked roles."""
    scopes, found = data.scopes(), []
    if services := sorted({service for name in types for service in scopes.passed_to.get(name, ())}):
        roles = list(scopes.resources["iam:role"])
        if "aws_config_configuration_recorder" in types:  # it gets the service-linked role of Config
            roles.append("arn:${partition}:iam::${account_id}:role/aws-service-role/config.amazonaws.com/*")
        condition = {"StringEquals": {"iam:PassedToService": services}}
        found.append(_statement("PassRole", ["iam:PassRole"], roles, condition))
    if linked := sorted({service for name in types for service in scopes.service_roles.get(name, ())}):
        roles = [f"arn:${{partition}}:iam::${{account_id}}:role/aws-service-role/{service}/*" for service in linked]
        condition = {"StringEquals": {"iam:AWSServiceName": linked}}
        found.append(_statement("ServiceLinkedRoles", ["iam:CreateServiceLinkedRole"], roles, condition))
    return found


def boundary(folders: Iterable[Path]) -> Document:
    """Return the boundary of the stack's roles: the actions that their policies name, and no others.

    Where that is too long for a managed policy, it names reads by their verb, such as `ec2:Describe*`: as few of them
    as it takes. Raise PolicyError if it is too long even so.
    """
    actions = role_actions(folders) | set(data.scopes().role_policies)
    made = _boundary(actions)
    while size(made) > MANAGED_POLICY_SIZE:
        if not (verbs := _read_verbs(actions)):
            raise PolicyError("The boundary is longer than a policy can be: put fewer capabilities into a stack.")
        longest = max(sorted(verbs), key=lambda verb: sum(map(len, verbs[verb])))
        actions = (actions - verbs[longest]) | {f"{longest}*"}
        made = _boundary(actions)
    return made


def _boundary(actions: Iterable[str]) -> Document:
    most = _statement("MostThatARoleOfThisStackCanDo", set(actions) - {"iam:PassRole"}, ["*"], {})
    if "iam:PassRole" not in actions:
        return document([most])
    # Of the stack's roles, one that starts tasks (container_service) gives others to them.
    roles, condition = data.scopes().resources["iam:role"], {"StringEquals": {"iam:PassedToService": PASSED_BY_ROLES}}
    return document([most, _statement("RolesOfThisStackToTasks", ["iam:PassRole"], roles, condition)])


def _read_verbs(actions: Iterable[str]) -> dict[str, set[str]]:
    """Return the actions that share a service and a verb of reading, by both, such as `ec2:Describe`."""
    found: dict[str, set[str]] = {}
    for action in actions:
        if verb := re.match(r"[a-z0-9-]+:(?:BatchGet|Describe|Detect|Get|List)(?=[A-Z])", action):
            found.setdefault(verb[0], set()).add(action)
    return {verb: named for verb, named in found.items() if len(named) > 1}


# --- documents ---------------------------------------------------------------------------------------------


def document(found: Sequence[Statement]) -> Document:
    """Return a policy of statements."""
    return {"Version": "2012-10-17", "Statement": list(found)}


def rendered(template: Document, values: Mapping[str, str]) -> Document:
    """Return a document with the values of its placeholders."""
    text = json.dumps(template)
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    made: Document = json.loads(text)
    return made


def size(template: Document) -> int:
    """Return the characters that AWS counts, with the longest values."""
    return len(json.dumps(rendered(template, LONGEST), separators=(",", ":")))


def split(found: Sequence[Statement]) -> list[Document]:
    """Return the statements in as many documents as AWS's limit demands, in their order."""
    documents: list[Document] = []
    for one in found:
        if size(document([one])) > MANAGED_POLICY_SIZE:
            raise PolicyError(f"The statement {one['Sid']} alone is longer than a managed policy can be.")
        if not documents or size(document([*documents[-1]["Statement"], one])) > MANAGED_POLICY_SIZE:
            documents.append(document([]))
        documents[-1]["Statement"].append(one)
    return documents


def policies(names: Iterable[str]) -> dict[str, Any]:
    """Return the policies of a stack: lists of documents for READ and CHANGE, and one that is the `boundary`.

    Raise PolicyError if one cannot be made.
    """
    folders = modules(names)
    types = resource_types(folders)
    return {
        data.READ: split(statements(types, data.READ)),
        data.CHANGE: split(statements(types, data.CHANGE)),
        "boundary": boundary(folders),
    }


def warning(found: Mapping[str, Any]) -> str:
    """Return what to do before a role can have all of the policies, or an empty string."""
    count = len(found[data.READ]) + len(found[data.CHANGE])
    if count <= POLICIES_PER_ROLE:
        return ""
    return (
        f"The apply role needs {count} policies. AWS allows {POLICIES_PER_ROLE} for each role by default: raise the "
        'quota "Managed policies attached to an IAM role" first, or deploy in two stacks.'
    )


def files(found: Mapping[str, Any]) -> dict[str, Document]:
    """Return the documents by the name of their file."""
    numbered = {
        f"{kind}-{number}.json": one for kind in (data.READ, data.CHANGE) for number, one in enumerate(found[kind], 1)
    }
    return {**numbered, "boundary.json": found["boundary"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the policies and print their sizes. Return 1 if they cannot be written."""
    parser = argparse.ArgumentParser(prog="make deploy-policy", description="Write the IAM policies of a deployer.")
    parser.add_argument("capability", nargs="*", help="such as finding_export; all if none is named")
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "deploy_policy")
    parser.add_argument("--name-prefix", default="")
    parser.add_argument("--account-id", default="")
    parser.add_argument("--region", default="")
    parser.add_argument("--partition", default="")
    parser.add_argument("--key-alias", default="", help="pattern of the aliases that you give keys (kms_rotation)")
    parser.add_argument("--secret-name", default="", help="pattern of the names of secrets (secret_replication)")
    options = parser.parse_intermixed_args(arguments)
    try:
        found = policies(options.capability or root.capabilities())
    except PolicyError as error:
        print(f"deploy-policy: {error}", file=sys.stderr)
        return 1
    values = dict(given(options))
    options.directory.mkdir(parents=True, exist_ok=True)
    for old in options.directory.glob("*.json"):
        old.unlink()
    for name, template in files(found).items():
        one = rendered(template, values)
        (options.directory / name).write_text(json.dumps(one, indent=2) + "\n")
        print(f"{options.directory / name}: {len(one['Statement'])} statements, {size(one)} characters at most")
    print(f"A managed policy can have {MANAGED_POLICY_SIZE} characters, a role {POLICIES_PER_ROLE} managed policies.")
    if text := warning(found):
        print(f"deploy-policy: {text}")
    return 0


def given(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield the values of placeholders that the options give."""
    for name in ("partition", "region", "account_id", "name_prefix"):
        if value := getattr(options, name):
            yield name, value
    if options.name_prefix:
        yield "database", options.name_prefix.replace("-", "_")
        yield "key_alias", options.key_alias or f"{options.name_prefix}-*"
        yield "secret_name", options.secret_name or f"{options.name_prefix}-*"
        if options.account_id:
            partition = options.partition or "${partition}"
            policy = f"deploy-{options.name_prefix}-boundary"
            yield "boundary_arn", f"arn:{partition}:iam::{options.account_id}:policy/{policy}"


if __name__ == "__main__":
    sys.exit(main())
