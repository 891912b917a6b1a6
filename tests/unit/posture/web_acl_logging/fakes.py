"""AWS WAF and AWS Config in memory: the operations that the functions use, their errors, and faults on demand."""

from __future__ import annotations

import copy
import json
from collections import Counter
from functools import cache
from typing import Any

import boto3

RULE = "switchyard-web-acl-logging"
STREAM = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/aws-waf-logs-switchyard"
ELSEWHERE = "arn:aws:logs:eu-west-1:123456789012:log-group:aws-waf-logs-elsewhere"
ACL = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/shop/1b2c3d4e-0000-4000-8000-000000000001"
GLOBAL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/site/1b2c3d4e-0000-4000-8000-000000000002"
CAPTURED = "2026-11-25T12:00:00.000Z"


@cache
def real(service: str) -> Any:
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
    return session.client(service)


def aws_error(service: str, code: str, operation: str = "Operation") -> Exception:
    kind = real(service).exceptions.from_code(code)
    error: Exception = kind({"Error": {"Code": code, "Message": code}}, operation)
    return error


class Api:
    """Counts calls; `faults[operation]` holds exceptions that its next calls raise, in order."""

    service = ""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.faults: dict[str, list[Exception]] = {}
        self.exceptions = real(self.service).exceptions

    def _called(self, operation: str) -> None:
        self.calls[operation] += 1
        if waiting := self.faults.get(operation):
            raise waiting.pop(0)

    def _error(self, code: str) -> Exception:
        return aws_error(self.service, code)


class Waf(Api):
    """Web ACLs by ARN: their tags, and their logging configurations."""

    service = "wafv2"

    def __init__(self, *arns: str) -> None:
        super().__init__()
        self.tags: dict[str, list[tuple[str, str]]] = {arn: [] for arn in arns}
        self.logging: dict[str, dict[str, Any]] = {}
        self.destinations = {STREAM, ELSEWHERE}
        self.tag_page = 100

    def get_logging_configuration(self, ResourceArn: str) -> dict[str, Any]:
        self._called("get_logging_configuration")
        if ResourceArn not in self.logging:
            raise self._error("WAFNonexistentItemException")
        return {"LoggingConfiguration": copy.deepcopy(self.logging[ResourceArn])}

    def put_logging_configuration(self, LoggingConfiguration: dict[str, Any]) -> dict[str, Any]:
        self._called("put_logging_configuration")
        missing = set(LoggingConfiguration["LogDestinationConfigs"]) - self.destinations
        if LoggingConfiguration["ResourceArn"] not in self.tags or missing:
            raise self._error("WAFNonexistentItemException")
        self.logging[LoggingConfiguration["ResourceArn"]] = copy.deepcopy(LoggingConfiguration)
        return {"LoggingConfiguration": LoggingConfiguration}

    def list_tags_for_resource(self, ResourceARN: str, Limit: int = 100, NextMarker: str = "0") -> dict[str, Any]:
        self._called("list_tags_for_resource")
        if ResourceARN not in self.tags:
            raise self._error("WAFNonexistentItemException")
        start = int(NextMarker)
        end = start + min(Limit, self.tag_page)
        found = self.tags[ResourceARN]
        page = [{"Key": key, "Value": value} for key, value in found[start:end]]
        more = {"NextMarker": str(end)} if end < len(found) else {}
        return {**more, "TagInfoForResource": {"ResourceARN": ResourceARN, "TagList": page}}


class Config(Api):
    """Keeps evaluations, and has resources by ID."""

    service = "config"

    def __init__(self) -> None:
        super().__init__()
        self.evaluations: list[dict[str, Any]] = []
        self.arns: dict[str, str] = {}
        self.refuses = False

    def put_evaluations(self, Evaluations: list[dict[str, Any]], ResultToken: str) -> dict[str, Any]:
        self._called("put_evaluations")
        if ResultToken != "token":
            raise self._error("InvalidResultTokenException")
        if self.refuses:
            return {"FailedEvaluations": Evaluations}
        self.evaluations += Evaluations
        return {}

    def start_config_rules_evaluation(self, ConfigRuleNames: list[str]) -> dict[str, Any]:
        self._called("start_config_rules_evaluation")
        if ConfigRuleNames != [RULE]:
            raise self._error("NoSuchConfigRuleException")
        return {}

    def get_resource_config_history(self, resourceType: str, resourceId: str, limit: int) -> dict[str, Any]:
        self._called("get_resource_config_history")
        if resourceType != "AWS::WAFv2::WebACL" or resourceId not in self.arns:
            raise self._error("ResourceNotDiscoveredException")
        item = {"resourceId": resourceId, "resourceType": resourceType, "arn": self.arns[resourceId]}
        return {"configurationItems": [item][:limit]}


def notification(oversized: bool = False, left_scope: bool = False, **item: Any) -> dict[str, Any]:
    """Return AWS Config's event for a rule's function. `item` changes the item or the summary (None removes a key)."""
    given: dict[str, Any] = {
        "ARN": ACL,
        "resourceType": "AWS::WAFv2::WebACL",
        "resourceId": ACL,
        "configurationItemStatus": "OK",
        "configurationItemCaptureTime": CAPTURED,
        "awsAccountId": "123456789012",
        **item,
    }
    kind = "OversizedConfigurationItemChangeNotification" if oversized else "ConfigurationItemChangeNotification"
    invoking = {
        "configurationItemSummary" if oversized else "configurationItem": {
            name: value for name, value in given.items() if value is not None
        },
        "messageType": kind,
        "notificationCreationTime": CAPTURED,
    }
    return {
        "invokingEvent": json.dumps(invoking),
        "ruleParameters": "{}",
        "resultToken": "token",
        "eventLeftScope": left_scope,
        "configRuleName": RULE,
        "version": "1.0",
    }
