"""Actions and resources of requests that Terraform makes, as AWS's Service Authorization Reference has them.

Where MiniStack asks IAM about another action (a layer's version, a function's settings for asynchronous calls) or about
no resource (alarms, dashboards, aliases, the targets of a rule, parameters of which a request names several), or about
one where AWS has none (lists of EC2).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions
from ministack.services import athena

from local.patches.registry import Original, patch

Fields = dict[str, Any]


@patch(
    "ministack.core.iam_actions",
    "_lambda_action",
    because="MiniStack asks for lambda:ListLayers, GetFunction and UpdateFunctionCode in place of other actions.",
)
def lambda_action(original: Original, method: str, path: str) -> Any:
    """Return the operation that botocore's model has for the path; a call of a function has another name in IAM."""
    path = path.rstrip("/")
    routes = [route for route in _lambda_routes() if route[0] == method and route[1].match(path)]
    found = max((route for route in routes if not route[4]), key=lambda route: route[3], default=None)
    name = found[2] if found else original(method, path)
    return "InvokeFunction" if name in ("Invoke", "InvokeAsync") else name


@functools.cache
def _lambda_routes() -> list[Any]:
    """Return botocore's, read once: MiniStack parses the model of the whole service at each call."""
    return list(iam_actions._load_botocore_routes("lambda"))


def _first(fields: Fields, name: str) -> Any:
    """Return what a request names, or the first item of its list, in JSON or in a form."""
    items = fields.get(f"{name}s")
    return fields.get(name) or fields.get(f"{name}s.member.1") or (items[0] if isinstance(items, list) else None)


def _cloudwatch(operation: str, fields: Fields, region: str, account: str) -> str:
    alarm, dashboard = _first(fields, "AlarmName"), _first(fields, "DashboardName")
    if "ResourceARN" in fields:
        return str(fields["ResourceARN"])
    if operation == "DescribeAlarms":  # a list is authorized against all alarms
        return f"arn:aws:cloudwatch:{region}:{account}:alarm:*"
    if alarm and operation in ("DeleteAlarms", "PutCompositeAlarm", "PutMetricAlarm"):
        return f"arn:aws:cloudwatch:{region}:{account}:alarm:{alarm}"
    return f"arn:aws:cloudwatch::{account}:dashboard/{dashboard}" if dashboard else ""


def _ec2(operation: str, fields: Fields, region: str, account: str) -> str:
    return "*" if operation.startswith("Describe") else ""


def _organizations(operation: str, fields: Fields, region: str, account: str) -> str:
    return "*" if operation.startswith("List") or operation == "DescribeOrganization" else ""


def _events(operation: str, fields: Fields, region: str, account: str) -> str:
    rule, bus = fields.get("Rule") or fields.get("Name"), str(fields.get("EventBusName") or "default")
    if "ResourceARN" in fields:
        return str(fields["ResourceARN"])
    if not rule or "Entries" in fields or operation.endswith(("EventBus", "Archive", "Connection")):
        return ""
    name = bus.rpartition("/")[2]
    return f"arn:aws:events:{region}:{account}:rule/{rule if name == 'default' else f'{name}/{rule}'}"


def _kinesis(operation: str, fields: Fields, region: str, account: str) -> str:
    return str(fields.get("ConsumerARN") or "")


def _kms(operation: str, fields: Fields, region: str, account: str) -> str:
    alias = fields.get("AliasName")
    return f"arn:aws:kms:{region}:{account}:{alias}" if alias else ""


def _lambda(operation: str, fields: Fields, region: str, account: str) -> str:
    name = fields.get("FunctionName") if operation == "CreateFunction" else None
    return f"arn:aws:lambda:{region}:{account}:function:{name}" if name else ""


def _sns(operation: str, fields: Fields, region: str, account: str) -> str:
    return str(fields.get("ResourceArn") or "")


_SSM_TAGGED = ("Association", "Document")


def parameter_arns(fields: Fields, region: str, account: str) -> list[str]:
    """Return the ARNs of the parameters that a request names: IAM is asked about each."""
    names = [str(name) for name in fields.get("Names") or []]
    prefix = f"arn:aws:ssm:{region}:{account}:parameter/"
    return [name if name.startswith("arn:") else prefix + name.partition(":")[0].lstrip("/") for name in names]


def _ssm(operation: str, fields: Fields, region: str, account: str) -> str:
    if operation == "GetParameters":
        return next(iter(parameter_arns(fields, region, account)), "")
    kind = fields.get("ResourceType")  # of a request about tags
    return f"arn:aws:ssm:{region}:{account}:{kind.lower()}/{fields['ResourceId']}" if kind in _SSM_TAGGED else ""


def _athena(operation: str, fields: Fields, region: str, account: str) -> str:
    """Return the workgroup of the query that a request names."""
    execution = athena._executions.get(str(fields.get("QueryExecutionId") or "")) or {}
    group = execution.get("WorkGroup")
    return f"arn:aws:athena:{region}:{account}:workgroup/{group}" if group else ""


_ARNS: dict[str, Callable[[str, Fields, str, str], str]] = {
    "athena": _athena,
    "ec2": _ec2,
    "events": _events,
    "kinesis": _kinesis,
    "kms": _kms,
    "lambda": _lambda,
    "monitoring": _cloudwatch,
    "organizations": _organizations,
    "sns": _sns,
    "ssm": _ssm,
}


def fields_of(body: bytes) -> Fields:
    """Return the members of a request: of a JSON object, or of a form with the first value of each."""
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}
    return found if isinstance(found, dict) else {}


@patch(
    "ministack.core.iam_actions",
    "extract_resource_arn",
    because="MiniStack has no resource for some requests of Terraform, and another one for rules and layers.",
)
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
    """Return the ARN that IAM checks."""
    if resource := _ARNS.get(service):
        action = str(iam_actions.extract_iam_action(service, method, path, headers, body, query_params))
        if arn := resource(action.partition(":")[2], fields_of(body), region, account_id):
            return arn
    arn = str(original(service, method, path, headers, body, query_params, region, account_id))
    parts = path.rstrip("/").split("/")
    if service == "lambda" and ":layer:" in arn and "versions" in parts and parts[-1].isdigit():
        return f"{arn}:{parts[-1]}"
    return arn
