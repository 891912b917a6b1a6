"""The calls to AWS: what has tags, what the services' APIs know of it, and the alarms, the dashboard and the queries.

A run on unchanged resources makes one GetResources for each service and 100 resources, one DescribeAlarms for 100
alarms, one GET for each API, one ListEventSourceMappings for 100 mappings, GetDashboard and DescribeQueryDefinitions.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from common import aws_errors
from common.pacing import Pacer

from . import resources
from .alarms import Alarm
from .checks import BAND_ID
from .errors import Unfinished
from .resources import Resource

T = TypeVar("T")

BATCH = 100
RESERVE_SECONDS = 30.0
STREAMS = ("kinesis", "dynamodb", "kafka")
QUOTA = frozenset({"LimitExceeded", "LimitExceededException", "LimitExceededFault"})
_GONE = frozenset({"ResourceNotFound", "DashboardNotFoundError"})
LOG_GROUPS = 50
"""Most log groups of a saved query (a query searches up to 50)."""

Described = Mapping[str, Any]


class NotSupported(Exception):
    """The resource is of a kind that gets no alarms. The message says which."""


class Account:
    """Reads and writes of this account and Region. `remaining` returns the seconds left."""

    def __init__(self, client: Callable[[str], Any], remaining: Callable[[], float], pacer: Pacer) -> None:
        self._client, self._remaining, self._pacer = client, remaining, pacer

    def tagged(self, tags: Mapping[str, str]) -> list[str]:
        """Return the ARNs of the resources that have all of the tags."""
        pages = (
            self._client("resourcegroupstaggingapi")
            .get_paginator("get_resources")
            .paginate(
                TagFilters=[{"Key": key, "Values": [value]} for key, value in sorted(tags.items())],
                ResourceTypeFilters=list(resources.TYPES),
            )
        )
        return [one["ResourceARN"] for page in pages for one in page["ResourceTagMappingList"]]

    def completed(self, resource: Resource, streaming: frozenset[str]) -> Resource:
        """Return a resource with what its ARN does not say. Raise NotSupported for a WebSocket API."""
        if resource.kind == resources.REST_API:
            found = self._client("apigateway").get_rest_api(restApiId=resource.identifier)
            return resource.named(found["name"])
        if resource.kind == resources.HTTP_API:
            found = self._client("apigatewayv2").get_api(ApiId=resource.identifier)
            if found["ProtocolType"] != "HTTP":
                raise NotSupported("WebSocket API")
            return resource.named(found["Name"])
        return replace(resource, reads_stream=resource.arn in streaming)

    def streaming(self) -> frozenset[str]:
        """Return the ARNs of the functions that read a stream."""
        pages = self._client("lambda").get_paginator("list_event_source_mappings").paginate()
        return frozenset(
            _unqualified(one["FunctionArn"])
            for page in pages
            for one in page["EventSourceMappings"]
            if one.get("EventSourceArn", "").split(":")[2:3] and one["EventSourceArn"].split(":")[2] in STREAMS
        )

    def alarms(self, prefix: str) -> dict[str, Described]:
        """Return the alarms whose names begin with a prefix, by name."""
        pages = (
            self._client("cloudwatch")
            .get_paginator("describe_alarms")
            .paginate(
                AlarmNamePrefix=prefix,
                AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                PaginationConfig={"PageSize": 100},
            )
        )
        return {
            one["AlarmName"]: one
            for page in pages
            for one in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ()))
        }

    def put(self, alarm: Alarm, present: Described | None, tags: Mapping[str, str]) -> None:
        """Write one alarm. One whose actions were disabled stays so. Raise Unfinished if no time is left."""
        operation = "put_composite_alarm" if alarm.composite else "put_metric_alarm"
        self._write(
            operation,
            **alarm.arguments,
            ActionsEnabled=present.get("ActionsEnabled", True) if present else True,
            Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())],
        )

    def delete(self, names: Sequence[str]) -> dict[str, str]:
        """Delete metric alarms, a hundred a call. Return the error code of those that stay, by name.

        CloudWatch refuses a whole call for one alarm, such as one that a user's composite alarm names.
        """
        failed: dict[str, str] = {}
        for some in _batches(names, BATCH):
            try:
                self._write("delete_alarms", AlarmNames=list(some))
            except Exception as error:
                if not single(error):
                    raise
                if len(some) == 1:
                    failed |= {} if _gone(error) else {some[0]: aws_errors.name(error)}
                    continue
                for name in some:
                    failed |= self.delete([name])
        return failed

    def delete_composites(self, names: Sequence[str]) -> dict[str, str]:
        """Delete composite alarms, in order: CloudWatch accepts one in a call."""
        failed: dict[str, str] = {}
        for name in names:
            failed |= self.delete([name])
        return failed

    def forget(self, alarm: Described) -> None:
        """Delete the model of an alarm's anomaly detection band, which CloudWatch keeps after the alarm."""
        for one in alarm.get("Metrics") or ():
            if "MetricStat" in one and any(other["Id"] == BAND_ID for other in alarm["Metrics"]):
                metric = one["MetricStat"]["Metric"]
                try:
                    self._write(
                        "delete_anomaly_detector",
                        SingleMetricAnomalyDetector={**metric, "Stat": one["MetricStat"]["Stat"]},
                    )
                except Exception as error:
                    if not _gone(error):
                        raise

    def put_dashboard(self, name: str, body: Mapping[str, Any]) -> bool:
        """Write the dashboard if it differs. Return true if it was written."""
        text = json.dumps(body, sort_keys=True)
        try:
            if json.loads(self._client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]) == body:
                return False
        except Exception as error:
            if not _gone(error):
                raise
        self._write("put_dashboard", DashboardName=name, DashboardBody=text)
        return True

    def delete_dashboard(self, name: str) -> None:
        """Delete the dashboard, if it exists."""
        try:
            self._write("delete_dashboards", DashboardNames=[name])
        except Exception as error:
            if not _gone(error):
                raise

    def put_queries(self, folder: str, wanted: Mapping[str, tuple[str, Sequence[str]]]) -> int:
        """Make the saved queries of a folder what they must be: text and log groups by name. Return the writes."""
        logs, present = self._client("logs"), {one["name"]: one for one in self._queries(folder)}
        written = 0
        for name, (text, groups) in sorted(wanted.items()):
            found = present.pop(name, {})
            given = {"name": name, "queryString": text, "logGroupNames": sorted(groups)[:LOG_GROUPS]}
            if any(_sorted(found.get(key)) != _sorted(value) for key, value in given.items()):
                identity = {"queryDefinitionId": found["queryDefinitionId"]} if found else {}
                logs.put_query_definition(**given, **identity)
                written += 1
        for one in present.values():
            try:
                logs.delete_query_definition(queryDefinitionId=one["queryDefinitionId"])
            except Exception as error:
                if not _gone(error):
                    raise
            written += 1
        return written

    def _queries(self, folder: str) -> Iterator[Described]:
        more: dict[str, str] = {}
        while True:
            answer = self._client("logs").describe_query_definitions(queryDefinitionNamePrefix=folder, **more)
            yield from answer["queryDefinitions"]
            if not answer.get("nextToken"):
                return
            more = {"nextToken": answer["nextToken"]}

    def _write(self, operation: str, **arguments: Any) -> None:
        if self._remaining() < RESERVE_SECONDS:
            raise Unfinished("The time is up before all alarms are written: the next attempt continues.")
        self._pacer.wait()
        self._pacer.report(getattr(self._client("cloudwatch"), operation)(**arguments))


def single(error: BaseException) -> bool:
    """Return true if an error of a write concerns one alarm, so that the others can be written."""
    failure = aws_errors.read(error)
    if failure is None or failure.transient or failure.kind is aws_errors.Kind.DENIED:
        return False
    return failure.code not in QUOTA


def _gone(error: BaseException) -> bool:
    failure = aws_errors.read(error)
    return failure is not None and (failure.kind is aws_errors.Kind.GONE or failure.code in _GONE)


def _sorted(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple) else value


def _unqualified(arn: str) -> str:
    return ":".join(arn.split(":")[:7])


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[first : first + size] for first in range(0, len(items), size))
