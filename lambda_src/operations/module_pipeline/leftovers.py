"""Find and remove what apply tests left in the sandbox account.

Everything that a test makes carries the tag `ModuleTest` (the provider adds it): `<prefix>/<execution>/<run>`. What
cannot carry tags has the run's number in its name: `mt-<run>`. A run's number begins with the second, since 1970, after
which no test of it runs any more. Things without either mark are not ours, and are never touched.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

TAG = "ModuleTest"
_RUN = re.compile(r"\d{14}")
_NAMED = re.compile(r"(?<![A-Za-z0-9])mt-(\d{14})(?!\d)")
Client = Callable[[str], Any]
"""Returns the client of a service in the sandbox."""
Due = Callable[[str, str], bool]
"""(execution, run) -> whether it may be removed. The execution is "" for what only has a name."""
ROUNDS = 3
"""How often what could not be removed is tried again: one resource can be in the way of another."""


@dataclass
class Leftover:
    """A resource of a test, and what became of it."""

    arn: str
    run: str
    outcome: str = ""
    reason: str = ""

    @property
    def removed(self) -> bool:
        """Return true if it is gone, or will be at a date that AWS sets."""
        return self.outcome == "removed"


def new_run(seconds: float, now: float | None = None) -> str:
    """Return the number of a run whose tests end within `seconds`. Its four last digits are random."""
    ends = (time.time() if now is None else now) + seconds
    return f"{int(ends):010d}{secrets.randbelow(10_000):04d}"


def ended(run: str, now: float | None = None) -> bool:
    """Return whether no test of a run goes on any more."""
    return int(run[:10]) < (time.time() if now is None else now)


def mark(prefix: str, execution: str, run: str) -> str:
    """Return the value of the tag."""
    return f"{prefix}/{execution}/{run}"


def sweep(client: Client, prefix: str, due: Due) -> list[Leftover]:
    """Remove what is due. Return a row for each, also for those that could not be removed."""
    waiting = find(client, prefix, due)
    rows = list(waiting)
    for _ in range(ROUNDS):
        for row in waiting:
            _remove(client, row)
        waiting = [row for row in waiting if row.outcome == "failed"]
        if not waiting:
            break
    return rows


def find(client: Client, prefix: str, due: Due) -> list[Leftover]:
    """Return what is due: first what has only a name, since an alias is in the way of nothing."""
    named = [Leftover(arn, run) for arn, run in _named(client, prefix) if due("", run)]
    return [*named, *(Leftover(arn, run) for arn, run in _tagged(client, prefix, due))]


def _named(client: Client, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield aliases, which carry no tags, and roles, which carry tags that the tagging API does not search."""
    for page in client("kms").get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if found := _NAMED.search(alias["AliasName"]):
                yield alias["AliasArn"], found[1]
    iam = client("iam")
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            found = _NAMED.search(role["RoleName"])
            if found and _owner(iam.list_role_tags(RoleName=role["RoleName"])["Tags"]) == prefix:
                yield role["Arn"], found[1]


def _owner(tags: list[dict[str, str]]) -> str:
    return next((tag["Value"] for tag in tags if tag["Key"] == TAG), "").partition("/")[0]


def _tagged(client: Client, prefix: str, due: Due) -> Iterator[tuple[str, str]]:
    pages = client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=[{"Key": TAG}])
    for page in pages:
        for resource in page["ResourceTagMappingList"]:
            value = next((tag["Value"] for tag in resource["Tags"] if tag["Key"] == TAG), "")
            owner, _, rest = value.partition("/")
            execution, _, run = rest.rpartition("/")
            if owner == prefix and _RUN.fullmatch(run) and due(execution, run):
                yield resource["ResourceARN"], run


def _remove(client: Client, row: Leftover) -> None:
    remover = _remover(row.arn)
    if remover is None:
        row.outcome, row.reason = "unsupported", "this kind of resource must be removed by hand"
        return
    try:
        remover(client, row.arn)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _GONE:
            row.outcome, row.reason = "removed", ""
        else:
            row.outcome, row.reason = "failed", f"{code}: {error.response['Error'].get('Message', '')}"
    except BotoCoreError as error:
        row.outcome, row.reason = "failed", f"{type(error).__name__}: {error}"
    else:
        row.outcome, row.reason = "removed", ""


_GONE = {
    "NoSuchBucket",
    "NoSuchEntity",
    "NotFoundException",
    "ResourceNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ParameterNotFound",
    "KMSInvalidStateException",  # of a key that is pending deletion already
}


def _remover(arn: str) -> Callable[[Client, str], None] | None:
    """Return what removes a resource of this kind, or None."""
    _, _, service, _, _, resource = arn.split(":", 5)
    kind = re.split("[/:]", resource)[0]
    for known in (f"{service}:{kind}", service):
        if known in _REMOVERS:
            return _REMOVERS[known]
    return None


def _bucket(client: Client, arn: str) -> None:
    s3, name = client("s3"), arn.rpartition(":")[2]
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])
    s3.delete_bucket(Bucket=name)


def _queue(client: Client, arn: str) -> None:
    sqs = client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])


def _key(client: Client, arn: str) -> None:
    client("kms").schedule_key_deletion(KeyId=arn.rpartition("/")[2], PendingWindowInDays=7)


def _alias(client: Client, arn: str) -> None:
    client("kms").delete_alias(AliasName=arn.split(":", 5)[5])


def _role(client: Client, arn: str) -> None:
    iam, name = client("iam"), arn.rpartition("/")[2]
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for inline in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=inline)
    iam.delete_role(RoleName=name)


_REMOVERS: dict[str, Callable[[Client, str], None]] = {
    "s3": _bucket,
    "sqs": _queue,
    "sns": lambda client, arn: client("sns").delete_topic(TopicArn=arn),
    "kms:key": _key,
    "kms:alias": _alias,
    "iam:role": _role,
    "dynamodb:table": lambda client, arn: client("dynamodb").delete_table(TableName=arn.rpartition("/")[2]),
    "lambda:function": lambda client, arn: client("lambda").delete_function(FunctionName=arn.split(":")[6]),
    "logs:log-group": lambda client, arn: client("logs").delete_log_group(logGroupName=arn.split(":")[6]),
    "ssm:parameter": lambda client, arn: client("ssm").delete_parameter(Name=_parameter(arn)),
    "secretsmanager:secret": lambda client, arn: client("secretsmanager").delete_secret(
        SecretId=arn, RecoveryWindowInDays=7
    ),
}


def _parameter(arn: str) -> str:
    """Return a parameter's name: one with a path begins with a slash, which its ARN does not repeat."""
    name = arn.partition(":parameter/")[2]
    return f"/{name}" if "/" in name else name
