"""moto, with the services of this package: which requests it answers, what IAM checks for them, and the call.

`local.patches.moto` adds it to MiniStack.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlencode

from local.permissions import request_query
from local.services import install_all
from local.services.base import not_implemented

# Signing name -> botocore service names (a signing name may serve several APIs).
MOTO_SERVICES: dict[str, list[str]] = {
    "access-analyzer": ["accessanalyzer"],
    "application-autoscaling": ["application-autoscaling"],
    "config": ["config"],
    "securityhub": ["securityhub"],
    "macie2": ["macie2"],
    "servicequotas": ["service-quotas"],
    "comprehend": ["comprehend"],
    "textract": ["textract"],
    "guardduty": ["guardduty"],
    "identitystore": ["identitystore"],
    "sso": ["sso-admin"],
    "codeartifact": ["codeartifact"],
    "codebuild": ["codebuild"],
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
    "codeguru-profiler": ["codeguruprofiler"],
    "kafka": ["kafka"],
    "kafkaconnect": ["kafkaconnect"],
    "comprehendmedical": ["comprehendmedical"],
    "lex": ["lexv2-models", "lexv2-runtime"],
    "polly": ["polly"],
}

# Operations of services that MiniStack has, that only moto answers.
MOTO_OPERATIONS: dict[str, set[str]] = {
    "ssm": {
        "CreateAssociation",
        "CreateDocument",
        "DeleteAssociation",
        "DeleteDocument",
        "DescribeAssociation",
        "DescribeAutomationExecutions",
        "DescribeAutomationStepExecutions",
        "DescribeDocument",
        "DescribeDocumentPermission",
        "GetAutomationExecution",
        "GetDocument",
        "ListDocuments",
        "ModifyDocumentPermission",
        "StartAutomationExecution",
        "UpdateAssociation",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
    },
}

ResourceArn = Callable[[str, str, str, bytes, str, str], str]
"""(operation, method, path, body, region, account id) -> ARN that IAM checks, or "*"."""


def _securityhub_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN by the Service Authorization Reference for AWS Security Hub."""
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


_ON_QUOTAS = {
    "GetServiceQuota",
    "ListRequestedServiceQuotaChangeHistoryByQuota",
    "RequestServiceQuotaIncrease",
}


def _servicequotas_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN by the Service Authorization Reference for Service Quotas; quotas as AWS sets them have none."""
    if operation not in _ON_QUOTAS:
        return "*"
    asked = json.loads(body or b"{}")
    return f"arn:aws:servicequotas:{region}:{account}:{asked.get('ServiceCode')}/{asked.get('QuotaCode')}"


def _verifiedpermissions_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN of the policy store, which has no Region."""
    asked = json.loads(body or b"{}")
    store = asked.get("policyStoreId")
    return str(
        asked.get("resourceArn") or (f"arn:aws:verifiedpermissions::{account}:policy-store/{store}" if store else "*")
    )


def _accessanalyzer_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN of the analyzer or its archive rule, named in the path, the body or the query."""
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
    """Return the ARN of the configuration or tagged resource that a request names; other requests have none."""
    asked = json.loads(body or b"{}")
    return str(asked.get("ChatConfigurationArn") or asked.get("ResourceARN") or "*")


def _codeartifact_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN by the Service Authorization Reference for CodeArtifact: of a domain, repository or package."""
    query, prefix = request_query.get(), f"arn:aws:codeartifact:{region}:{account}:"
    named = query.get("resourceArn")
    if named or not query.get("domain"):
        return str(named or "*")
    if "package" in query:
        names = [query.get(part) for part in ("domain", "repository", "format", "namespace", "package")]
        return f"{prefix}package/{'/'.join(name or '' for name in names)}"
    if "repository" in query:
        return f"{prefix}repository/{query['domain']}/{query['repository']}"
    return f"{prefix}domain/{query['domain']}"


def _codebuild_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN of the project or report group that a request names, the first if it names several."""
    asked, prefix = json.loads(body or b"{}"), f"arn:aws:codebuild:{region}:{account}:"
    builds = [one.rpartition("/")[2].partition(":")[0] for one in [*asked.get("ids", []), asked.get("id")] if one]
    names = [asked.get("projectName"), *asked.get("names", []), *builds]
    groups = [asked.get("arn"), asked.get("reportGroupArn"), *asked.get("reportGroupArns", [])]
    if "ReportGroup" in operation and asked.get("name"):
        return f"{prefix}report-group/{asked['name']}"
    if "Project" in operation and asked.get("name"):
        names.insert(0, asked["name"])
    named = next(filter(None, names), None)
    return f"{prefix}project/{named.rpartition('/')[2]}" if named else str(next(filter(None, groups), "*"))


def _codepipeline_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN by the Service Authorization Reference for CodePipeline: of a pipeline, a stage or an action."""
    asked = json.loads(body or b"{}")
    name = asked.get("pipelineName") or asked.get("name") or (asked.get("pipeline") or {}).get("name")
    if not name:
        return str(asked.get("resourceArn") or "*")
    parts = [name, asked.get("stageName"), asked.get("actionName")]
    return f"arn:aws:codepipeline:{region}:{account}:{'/'.join(filter(None, parts))}"


def _codeguru_profiler_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN of the profiling group that the path names; lists and new groups have none."""
    parts = [unquote(part) for part in path.split("/") if part]
    if parts[0] == "tags":
        return "/".join(parts[1:])
    named = parts[parts.index("profilingGroups") + 1 :] if "profilingGroups" in parts else []
    return f"arn:aws:codeguru-profiler:{region}:{account}:profilingGroup/{named[0]}" if named else "*"


def _kafka_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN that the path contains; lists and what is new have none."""
    found = re.search(r"/(arn:.+?)(?:/bootstrap-brokers|/policy)?/?$", unquote(path))
    return found[1] if found else "*"


def _kafkaconnect_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN that the path contains; lists and what is new have none."""
    found = re.search(r"/(arn:.+?)(?:/operations|/restart)?/?$", unquote(path))
    return found[1] if found else "*"


def _comprehend_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN of the endpoint that a request names; real-time analysis without one has no resource."""
    return str(json.loads(body or b"{}").get("EndpointArn") or "*")


def _lex_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN of the alias or bot that the path names; lists have none. Sessions belong to the alias."""
    parts, prefix = [unquote(part) for part in path.split("/") if part], f"arn:aws:lex:{region}:{account}:"
    if len(parts) > 3 and parts[2].lower() == "botaliases":
        return f"{prefix}bot-alias/{parts[1]}/{parts[3]}"
    return f"{prefix}bot/{parts[1]}" if len(parts) > 1 else "*"


def _quicksight_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN of the resource that the path or, when it is new, the body names; lists have none."""
    parts = [unquote(part) for part in path.split("/") if part]
    if parts[0] == "resources":
        return "/".join(parts[1:]).removesuffix("/tags")
    asked = json.loads(body or b"{}")
    kinds = {
        "data-sources": ("datasource", "DataSourceId"),
        "data-sets": ("dataset", "DataSetId"),
        "templates": ("template", "TemplateId"),
        "analyses": ("analysis", "AnalysisId"),
        "dashboards": ("dashboard", "DashboardId"),
    }
    if len(parts) < 3 or parts[2] not in kinds:
        return "*"
    kind, member = kinds[parts[2]]
    name = parts[3] if len(parts) > 3 else asked.get(member)
    if not name:
        return "*"
    inner = {"refresh-schedules": "refresh-schedule", "ingestions": "ingestion"}.get(parts[4] if len(parts) > 4 else "")
    below = parts[5] if len(parts) > 5 else (asked.get("Schedule") or {}).get("ScheduleId")
    more = f"/{inner}/{below}" if inner and below else ""
    return f"arn:aws:quicksight:{region}:{account}:{kind}/{name}{more}"


def _config_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN by the Service Authorization Reference for AWS Config; the first rule if several are named.

    `further_arns` returns the other ones.
    """
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
    """Return the ARN by the Service Authorization Reference for documents and automations of Systems Manager."""
    asked, prefix = json.loads(body or b"{}"), f"arn:aws:ssm:{region}:{account}:"
    if operation == "StartAutomationExecution":
        version = asked.get("DocumentVersion") or "$DEFAULT"
        return f"{prefix}automation-definition/{asked.get('DocumentName')}:{version}"
    if asked.get("AssociationId"):
        return f"{prefix}association/{asked['AssociationId']}"
    if asked.get("AutomationExecutionId"):
        return f"{prefix}automation-execution/{asked['AutomationExecutionId']}"
    return f"{prefix}document/{asked['Name']}" if asked.get("Name") else "*"


def _xray_arn(operation: str, method: str, path: str, body: bytes, region: str, account: str) -> str:
    """Return the ARN by the Service Authorization Reference for X-Ray: of a group, with the pattern of its id."""
    asked, prefix = json.loads(body or b"{}"), f"arn:aws:xray:{region}:{account}:"
    rule = asked.get("SamplingRule") or asked.get("SamplingRuleUpdate") or asked
    named = asked.get("ResourceARN") or asked.get("GroupARN") or rule.get("RuleARN")
    if named:
        return str(named)
    if operation.endswith("Group") and asked.get("GroupName"):
        return f"{prefix}group/{asked['GroupName']}/*"
    return f"{prefix}sampling-rule/{rule['RuleName']}" if rule.get("RuleName") else "*"


def further_arns(service: str, operation: str, body: bytes, region: str, account: str) -> list[str]:
    """Return the ARNs after the first where a request names several: IAM is asked about each."""
    if service == "securityhub" and operation.startswith("Batch") and operation.endswith("AutomationRules"):
        asked = json.loads(body or b"{}")
        changed = [str(item.get("RuleArn")) for item in asked.get("UpdateAutomationRulesRequestItems") or []]
        return [str(arn) for arn in asked.get("AutomationRulesArns") or changed][1:]
    if service == "config" and operation == "StartConfigRulesEvaluation":
        names = json.loads(body or b"{}").get("ConfigRuleNames", [])[1:]
        single = (json.dumps({"ConfigRuleName": name}).encode() for name in names)
        return [_config_arn(operation, "POST", "/", one, region, account) for one in single]
    return []


RESOURCE_ARNS: dict[str, ResourceArn] = {
    "access-analyzer": _accessanalyzer_arn,
    "chatbot": _chatbot_arn,
    "codeartifact": _codeartifact_arn,
    "codebuild": _codebuild_arn,
    "codeguru-profiler": _codeguru_profiler_arn,
    "codepipeline": _codepipeline_arn,
    "comprehend": _comprehend_arn,
    "config": _config_arn,
    "kafka": _kafka_arn,
    "kafkaconnect": _kafkaconnect_arn,
    "lex": _lex_arn,
    "quicksight": _quicksight_arn,
    "securityhub": _securityhub_arn,
    "servicequotas": _servicequotas_arn,
    "ssm": _ssm_arn,
    "verifiedpermissions": _verifiedpermissions_arn,
    "xray": _xray_arn,
}


@functools.cache
def _wsgi() -> Any:
    install_all()
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    dispatcher: Any = DomainDispatcherApplication(create_backend_app)
    dispatcher.get_backend_for_host = functools.cache(dispatcher.get_backend_for_host)  # it reads moto's directory
    return dispatcher


def _call(
    account: str, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> Any:
    from werkzeug.test import Client, EnvironBuilder

    sent = {k: v for k, v in headers.items() if k not in {"content-length", "transfer-encoding", "x-moto-account-id"}}
    sent["x-moto-account-id"] = account
    builder = EnvironBuilder(
        path=path, method=method, headers=list(sent.items()), data=body, query_string=urlencode(dict(query), doseq=True)
    )
    return Client(_wsgi()).open(builder)


def _not_implemented(service: str, operation: str) -> tuple[int, dict[str, str], bytes]:
    status, headers, body = not_implemented(service, operation)
    return status, headers, body.encode()


async def handle(
    service: str,
    operation: str,
    account: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    query: Mapping[str, Any],
) -> tuple[int, dict[str, str], bytes]:
    """Answer one request in an account with moto; with status 501 if moto has no such operation."""
    try:
        response = await asyncio.to_thread(_call, account, method, path, headers, body, query)
    except NotImplementedError:
        return _not_implemented(service, operation)
    if response.status_code == 404 and b"<!doctype html>" in response.data[:40]:  # Flask has no such path
        return _not_implemented(service, operation)
    skipped = {"content-length", "date", "server", "connection"}
    return (
        response.status_code,
        {k: v for k, v in response.headers if k.lower() not in skipped},
        response.data,
    )
