"""An account in memory: tagged resources, and alarms with the rules by which CloudWatch refuses writes."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from botocore.exceptions import ClientError

from operations.service_health.account import Account
from operations.service_health.reconcile import run
from operations.service_health.requests import Request
from operations.service_health.settings import Settings

PREFIX = "test-service-health."
REGION = "eu-central-1"
ACCOUNT_ID = "111122223333"
PAGE = 3
OK_TOPIC, WARN_TOPIC = "arn:aws:sns:eu-central-1:111122223333:page", "arn:aws:sns:eu-central-1:111122223333:mail"


def arn(service: str, rest: str) -> str:
    """Return the ARN of a resource of this account."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{rest}"


FUNCTION = arn("lambda", "function:orders")
QUEUE = arn("sqs", "orders")
DEAD = arn("sqs", "orders-dlq")
TABLE = arn("dynamodb", "table/orders")
WORKFLOW = arn("states", "stateMachine:orders")
TOPIC = arn("sns", "orders")
BALANCER = arn("elasticloadbalancing", "loadbalancer/app/orders/0123456789abcdef")
REST = "arn:aws:apigateway:eu-central-1::/restapis/rest1"
HTTP = "arn:aws:apigateway:eu-central-1::/apis/http1"
SOCKET = "arn:aws:apigateway:eu-central-1::/apis/ws1"
ALL = (FUNCTION, QUEUE, DEAD, TABLE, WORKFLOW, TOPIC, BALANCER, REST, HTTP)


def service(**changed: Any) -> dict[str, Any]:
    """Return a service of the settings, with other attributes in place of the defaults."""
    base: dict[str, Any] = {
        "tags": {},
        "resources": [],
        "severity": "critical",
        "heartbeats": {},
        "metrics": {},
        "checks": {},
    }
    return {**base, **changed}


def metric(**changed: Any) -> dict[str, Any]:
    """Return a metric of a service, with other attributes in place of the defaults."""
    base: dict[str, Any] = {
        "namespace": "Shop",
        "metric": "BookingFailed",
        "dimensions": {"service": "confirm"},
        "statistic": "Sum",
        "role": "symptom",
        "threshold": 1,
        "comparison": "GreaterThanOrEqualToThreshold",
        "period_seconds": 60,
        "evaluation_periods": 3,
        "datapoints": 1,
        "treat_missing_data": "notBreaching",
    }
    return {**base, **changed}


def document(**changed: Any) -> dict[str, Any]:
    """Return a document of settings."""
    base: dict[str, Any] = {
        "alarm_prefix": PREFIX,
        "actions": {"critical": [OK_TOPIC], "warning": [WARN_TOPIC]},
        "services": {},
        "stack": None,
        "checks": {},
        "windows": {},
        "ignored": [],
        "dead_letter_names": ["*-dlq"],
        "queries": {"errors": "fields @message"},
        "dashboard": "test-service-health",
        "tags": {"SwitchyardServiceHealth": "test"},
        "writes_per_second": 1000,
    }
    return {**base, **changed}


def settings(**changed: Any) -> Settings:
    """Return settings."""
    return Settings.of(document(**changed))


def refused(code: str, operation: str = "", message: str = "", status: int = 400) -> ClientError:
    """Return an error of AWS."""
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        operation,
    )


class NoPacer:
    """A pacer that does not wait."""

    def wait(self) -> None:
        """Do nothing."""

    def report(self, answer: Any) -> None:
        """Do nothing."""


class World:
    """Every client in one: `errors` are raised by operation, or by (operation, name) for one alarm or API."""

    def __init__(self) -> None:
        self.tags: dict[str, dict[str, str]] = {}
        self.mappings: list[dict[str, str]] = []
        self.apis = {"rest1": "Orders API", "http1": "HTTP", "ws1": "WEBSOCKET"}
        self.alarms: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, str] = {}
        self.queries: dict[str, dict[str, Any]] = {}
        self.models: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.errors: dict[Any, Exception] = {}
        self.seconds = 900.0

    def client(self, service: str) -> World:
        """Return this."""
        return self

    def account(self) -> Account:
        """Return the account as the function sees it."""
        return Account(self.client, lambda: self.seconds, NoPacer())  # type: ignore[arg-type]

    def reconcile(self, config: Settings, **request: Any) -> dict[str, Any]:
        """Run once."""
        arn_root = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT_ID}:alarm:"
        return run(Request(**request), config, self.account(), REGION, arn_root)

    def _called(self, operation: str, name: str = "") -> None:
        self.calls[operation] += 1
        for key in (operation, (operation, name)):
            if key in self.errors:
                raise self.errors[key]

    def get_paginator(self, operation: str) -> Any:
        """Return a paginator."""
        world = self

        class Paginator:
            def paginate(self, **arguments: Any) -> Any:
                items, key = getattr(world, f"_{operation}")(**arguments)
                for first in range(0, max(len(items), 1), PAGE):
                    world._called(operation)
                    yield {key: items[first : first + PAGE]}

        return Paginator()

    def _get_resources(self, TagFilters: list[dict[str, Any]], ResourceTypeFilters: list[str]) -> Any:
        wanted = {one["Key"]: one["Values"] for one in TagFilters}
        found = [
            {"ResourceARN": arn}
            for arn, tags in self.tags.items()
            if all(tags.get(key) in values for key, values in wanted.items())
        ]
        return found, "ResourceTagMappingList"

    def _list_event_source_mappings(self) -> Any:
        return self.mappings, "EventSourceMappings"

    def _describe_alarms(self, AlarmNamePrefix: str, **_: Any) -> Any:
        found = [one for name, one in sorted(self.alarms.items()) if name.startswith(AlarmNamePrefix)]
        return found, "MetricAlarms"

    def get_rest_api(self, restApiId: str) -> Any:
        self._called("get_rest_api", restApiId)
        return {"name": self.apis[restApiId]}

    def get_api(self, ApiId: str) -> Any:
        self._called("get_api", ApiId)
        return {"Name": "web", "ProtocolType": self.apis[ApiId]}

    def put_metric_alarm(self, **alarm: Any) -> Any:
        self._called("put_metric_alarm", alarm["AlarmName"])
        band = "ThresholdMetricId" in alarm
        returned = sum(one["ReturnData"] for one in alarm["Metrics"])
        if band == ("Threshold" in alarm) or returned != (2 if band else 1) or len(alarm["AlarmName"]) > 255:
            raise refused("ValidationError", "PutMetricAlarm", "band")
        if alarm["EvaluationPeriods"] < alarm["DatapointsToAlarm"]:
            raise refused("ValidationError", "PutMetricAlarm", "periods")
        if band:
            self.models.add(self._model(alarm))
        self.alarms[alarm["AlarmName"]] = {key: value for key, value in alarm.items() if key != "Tags"}
        return {}

    @staticmethod
    def _model(alarm: dict[str, Any]) -> str:
        stat = next(one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one)
        return json.dumps({**stat["Metric"], "Stat": stat["Stat"]}, sort_keys=True)

    def children(self, name: str) -> set[str]:
        """Return what a composite alarm names."""
        alarm = self.alarms[name]
        return set(re.findall(r'ALARM\("([^"]+)"\)', alarm["AlarmRule"])) | (
            {alarm["ActionsSuppressor"]} if alarm.get("ActionsSuppressor") else set()
        )

    def put_composite_alarm(self, **alarm: Any) -> Any:
        self._called("put_composite_alarm", alarm["AlarmName"])
        before = dict(self.alarms)
        self.alarms[alarm["AlarmName"]] = {key: value for key, value in alarm.items() if key != "Tags"}
        named = self.children(alarm["AlarmName"])
        wrong = not named <= set(self.alarms) or len(named) > 100 or len(alarm["AlarmRule"]) > 10_240
        if wrong or not alarm["AlarmRule"]:
            self.alarms = before
            raise refused("ValidationError", "PutCompositeAlarm", "rule")
        return {}

    def delete_alarms(self, AlarmNames: list[str]) -> Any:
        self._called("delete_alarms")
        composite = [name for name in AlarmNames if "AlarmRule" in self.alarms.get(name, {})]
        used = {child for name, one in self.alarms.items() if "AlarmRule" in one for child in self.children(name)}
        if len(composite) > 1 or used & set(AlarmNames) or len(AlarmNames) > 100:
            raise refused("ValidationError", "DeleteAlarms", "depending on it")
        for name in AlarmNames:
            self.alarms.pop(name, None)
        return {}

    def delete_anomaly_detector(self, SingleMetricAnomalyDetector: dict[str, Any]) -> Any:
        self._called("delete_anomaly_detector")
        key = json.dumps(SingleMetricAnomalyDetector, sort_keys=True)
        if key not in self.models:
            raise refused("ResourceNotFoundException", status=404)
        self.models.discard(key)
        return {}

    def get_dashboard(self, DashboardName: str) -> Any:
        self._called("get_dashboard")
        if DashboardName not in self.dashboards:
            raise refused("ResourceNotFound", status=404)
        return {"DashboardBody": self.dashboards[DashboardName]}

    def put_dashboard(self, DashboardName: str, DashboardBody: str) -> Any:
        self._called("put_dashboard")
        self.dashboards[DashboardName] = DashboardBody
        return {}

    def delete_dashboards(self, DashboardNames: list[str]) -> Any:
        self._called("delete_dashboards")
        for name in DashboardNames:
            if self.dashboards.pop(name, None) is None:
                raise refused("DashboardNotFoundError", status=404)
        return {}

    def describe_query_definitions(self, queryDefinitionNamePrefix: str, nextToken: str = "0") -> Any:
        self._called("describe_query_definitions")
        found = [one for one in self.queries.values() if one["name"].startswith(queryDefinitionNamePrefix)]
        start = int(nextToken)
        more = {"nextToken": str(start + PAGE)} if len(found) > start + PAGE else {}
        return {"queryDefinitions": found[start : start + PAGE], **more}

    def put_query_definition(self, **query: Any) -> Any:
        self._called("put_query_definition")
        identity = query.get("queryDefinitionId") or f"q{len(self.queries)}-{query['name']}"
        self.queries[identity] = {**query, "queryDefinitionId": identity}
        return {}

    def delete_query_definition(self, queryDefinitionId: str) -> Any:
        self._called("delete_query_definition")
        del self.queries[queryDefinitionId]
        return {}

    def names(self, service: str = "") -> set[str]:
        """Return the names of alarms, without prefix and hash; of one service without its name."""
        start = f"{PREFIX}{service} " if service else PREFIX
        found = (name.removeprefix(start) for name in self.alarms if name.startswith(start))
        return {re.sub(r" [0-9a-f]{8}$", "", name) for name in found}
