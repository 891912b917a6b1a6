"""Serves through moto the services (and single operations) that MiniStack lacks.

moto is plugged into MiniStack as one more service handler, so that authentication, IAM evaluation,
CloudTrail recording and routing are MiniStack's own for every request, whichever engine answers it.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from local.permissions import request_query
from local.services import install_all

# Signing name -> botocore service names (a signing name may serve several APIs).
MOTO_SERVICES: dict[str, list[str]] = {
    "access-analyzer": ["accessanalyzer"],
    "config": ["config"],
    "securityhub": ["securityhub"],
    "macie2": ["macie2"],
    "servicequotas": ["service-quotas"],
    "comprehend": ["comprehend"],
    "textract": ["textract"],
    "guardduty": ["guardduty"],
    "identitystore": ["identitystore"],
    "sso": ["sso-admin"],
    "codepipeline": ["codepipeline"],
    "codecommit": ["codecommit"],
    "codedeploy": ["codedeploy"],
    "ds": ["ds"],
    "quicksight": ["quicksight"],
    "redshift": ["redshift"],
    "redshift-data": ["redshift-data"],
    "rekognition": ["rekognition"],
    "sagemaker": ["sagemaker"],
    "servicecatalog": ["servicecatalog"],
    "support": ["support"],
    "synthetics": ["synthetics"],
    "xray": ["xray"],
    "acm-pca": ["acm-pca"],
    "ram": ["ram"],
    "shield": ["shield"],
    "verifiedpermissions": ["verifiedpermissions"],
    "chatbot": ["chatbot"],
}

# Operations of services that MiniStack has, which only moto answers.
MOTO_OPERATIONS: dict[str, set[str]] = {
    "ssm": {
        "CreateDocument",
        "DeleteDocument",
        "DescribeAutomationExecutions",
        "DescribeAutomationStepExecutions",
        "DescribeDocument",
        "DescribeDocumentPermission",
        "GetAutomationExecution",
        "GetDocument",
        "ListDocuments",
        "ModifyDocumentPermission",
        "StartAutomationExecution",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
    },
}

ResourceArn = Callable[[str, str, str, bytes, str, str], str]
"""(operation, method, path, body, region, account id) -> ARN that IAM is asked about, or "*"."""


def _securityhub_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """As the Service Authorization Reference lists them for AWS Security Hub."""
    prefix = f"arn:aws:securityhub:{region}:{account}:"
    if operation == "BatchImportFindings":
        findings = json.loads(body or b"{}").get("Findings") or [{}]
        return str(findings[0].get("ProductArn") or f"{prefix}product/{account}/default")
    if operation.startswith("Batch") and operation.endswith("AutomationRules"):
        asked = json.loads(body or b"{}")
        changed = [item.get("RuleArn") for item in asked.get("UpdateAutomationRulesRequestItems") or []]
        return str(next(iter(asked.get("AutomationRulesArns") or changed), "*"))
    if operation.endswith("StandardsControlAssociations"):
        return "*"
    if operation in {
        "GetFindings",
        "BatchUpdateFindings",
        "DescribeHub",
        "EnableSecurityHub",
        "DisableSecurityHub",
    } or ("Hub" in operation or "ActionTarget" in operation or "Standards" in operation):
        return f"{prefix}hub/default"
    return "*"


def _servicequotas_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """As the Service Authorization Reference lists them for Service Quotas: only requests name a quota."""
    if operation != "RequestServiceQuotaIncrease":
        return "*"
    asked = json.loads(body or b"{}")
    return f"arn:aws:servicequotas:{region}:{account}:{asked.get('ServiceCode')}/{asked.get('QuotaCode')}"


def _verifiedpermissions_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """The policy store; its ARN has no Region."""
    asked = json.loads(body or b"{}")
    store = asked.get("policyStoreId")
    return str(
        asked.get("resourceArn") or (f"arn:aws:verifiedpermissions::{account}:policy-store/{store}" if store else "*")
    )


def _accessanalyzer_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """The analyzer, or its archive rule; named in the path, the body or the query."""
    prefix = f"arn:aws:access-analyzer:{region}:{account}:"
    parts = [unquote(part) for part in path.split("/") if part]
    if parts[0] == "analyzer" and len(parts) > 1:
        rule = f"/archive-rule/{parts[3]}" if len(parts) > 3 else ""
        return f"{prefix}analyzer/{parts[1]}{rule}"
    if parts[0] == "tags":
        return "/".join(parts[1:])
    asked = json.loads(body or b"{}") if method != "GET" else {}
    name = asked.get("analyzerName")
    named = f"{prefix}analyzer/{name}" if name else asked.get("analyzerArn") or request_query.get().get("analyzerArn")
    return str(named or "*")


def _chatbot_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """The configuration or tagged resource that a request names; all others take no resource."""
    asked = json.loads(body or b"{}")
    return str(asked.get("ChatConfigurationArn") or asked.get("ResourceARN") or "*")


def _config_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """As the Service Authorization Reference lists them for AWS Config; the first rule where several are named."""
    from local.services.config.models import config_backends

    asked, backend = json.loads(body or b"{}"), config_backends[account][region]
    names = [asked.get("ConfigRuleName"), *asked.get("ConfigRuleNames", [])]
    aggregator = backend.config_aggregators.get(asked.get("ConfigurationAggregatorName"))
    prefix = f"arn:aws:config:{region}:{account}:"
    if aggregator:
        return str(aggregator.configuration_aggregator_arn)
    for name in filter(None, names):
        return str(backend.rules.get(name, {}).get("ConfigRuleArn") or f"{prefix}config-rule/{name}")
    return str(asked.get("ResourceArn") or "*")


def _ssm_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """As the Service Authorization Reference lists them for Systems Manager's documents and automations."""
    asked, prefix = json.loads(body or b"{}"), f"arn:aws:ssm:{region}:{account}:"
    if operation == "StartAutomationExecution":
        version = asked.get("DocumentVersion") or "$DEFAULT"
        return f"{prefix}automation-definition/{asked.get('DocumentName')}:{version}"
    if asked.get("AutomationExecutionId"):
        return f"{prefix}automation-execution/{asked['AutomationExecutionId']}"
    return f"{prefix}document/{asked['Name']}" if asked.get("Name") else "*"


RESOURCE_ARNS: dict[str, ResourceArn] = {
    "access-analyzer": _accessanalyzer_arn,
    "chatbot": _chatbot_arn,
    "config": _config_arn,
    "securityhub": _securityhub_arn,
    "servicequotas": _servicequotas_arn,
    "ssm": _ssm_arn,
    "verifiedpermissions": _verifiedpermissions_arn,
}


@functools.cache
def _wsgi() -> Any:
    install_all()
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)


def not_implemented(service: str, operation: str) -> tuple[int, dict[str, str], bytes]:
    """The answer to an operation that no engine has: at once, named, and not retried by any SDK."""
    message = f"The local cloud does not implement {service}:{operation}."
    return (
        501,
        {"Content-Type": "application/json", "x-amzn-errortype": "NotImplemented"},
        json.dumps({"__type": "NotImplemented", "Code": "NotImplemented", "message": message}).encode(),
    )


def _call(method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> Any:
    from urllib.parse import urlencode

    from ministack.core.responses import get_account_id
    from werkzeug.test import Client, EnvironBuilder

    sent = {k: v for k, v in headers.items() if k not in {"content-length", "transfer-encoding", "x-moto-account-id"}}
    sent["x-moto-account-id"] = get_account_id()
    builder = EnvironBuilder(
        path=path, method=method, headers=list(sent.items()), data=body, query_string=urlencode(dict(query), doseq=True)
    )
    return Client(_wsgi()).open(builder)


async def handle(
    service: str,
    operation: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    query: Mapping[str, Any],
) -> tuple[int, dict[str, str], bytes]:
    """Answer one request with moto; status 501 where moto has no such operation."""
    try:
        response = await asyncio.to_thread(_call, method, path, headers, body, query)
    except NotImplementedError:
        return not_implemented(service, operation)
    if response.status_code == 404 and b"<!doctype html>" in response.data[:40]:  # Flask knows no such path
        return not_implemented(service, operation)
    skipped = {"content-length", "date", "server", "connection"}
    return (
        response.status_code,
        {k: v for k, v in response.headers if k.lower() not in skipped},
        response.data,
    )


def operation_of(
    service: str, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> str:
    """IAM action name without its prefix, such as ``GetFindings``; empty when the request matches none."""
    from ministack.core.iam_actions import extract_iam_action

    action = extract_iam_action(service, method, path, headers, body, query)
    return action.partition(":")[2] if action else ""


def install() -> None:
    """Register moto's services with MiniStack: routing, IAM action names, resource ARNs and handlers."""
    from ministack import app as engine
    from ministack.core import iam_actions

    for service, models in MOTO_SERVICES.items():
        iam_actions.SERVICE_TO_IAM_NAMESPACE[service] = service
        iam_actions._BOTOCORE_SERVICE_MAP[service] = models
        engine.SERVICE_HANDLERS[service] = _handler(service)

    for service, operations in MOTO_OPERATIONS.items():
        engine.SERVICE_HANDLERS[service] = _split_handler(service, operations, engine.SERVICE_HANDLERS[service])

    detect = engine.detect_service
    scope = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")

    def detect_service(method: str, path: str, headers: dict[str, str], query: dict[str, Any]) -> str:
        signed = scope.search(headers.get("authorization", ""))
        if signed and signed.group(1) in MOTO_SERVICES:
            return signed.group(1)
        return str(detect(method, path, headers, query))

    engine.detect_service = detect_service

    resource_arn = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        region: str,
        account_id: str,
    ) -> str:
        operation = operation_of(service, method, path, headers, body, query) if service in RESOURCE_ARNS else ""
        if service not in RESOURCE_ARNS or operation not in MOTO_OPERATIONS.get(service, {operation}):
            return str(resource_arn(service, method, path, headers, body, query, region, account_id))
        return RESOURCE_ARNS[service](operation, method, path, body, region, account_id)

    iam_actions.extract_resource_arn = extract_resource_arn


def _handler(service: str) -> Any:
    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        operation = operation_of(service, method, path, headers, body, query)
        return await handle(service, operation, method, path, headers, body, query)

    return handler


def _split_handler(service: str, operations: set[str], engine_handler: Any) -> Any:
    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        operation = operation_of(service, method, path, headers, body, query)
        if operation in operations:
            return await handle(service, operation, method, path, headers, body, query)
        return await engine_handler(method, path, headers, body, query)

    return handler
