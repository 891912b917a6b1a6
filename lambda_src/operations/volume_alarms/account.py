"""One account and Region: what EC2 and CloudWatch have, and the writes.

The calls grow with the instances by pages alone: DescribeInstances (1,000 a page), DescribeAlarms (100), ListMetrics
for each name of a metric (500), GetMetricData (500 metrics a call), and PutMetricAlarm for each alarm that differs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from common import aws_errors
from common.pacing import Pacer
from common.roles import Clients

from . import metrics
from .alarms import Alarm
from .errors import Unfinished, Unreadable
from .metrics import Point, Row
from .plan import Instance

T = TypeVar("T")

RECENT = timedelta(hours=3)  # of RecentlyActive, which knows no other value
QUOTA = frozenset({"LimitExceeded", "LimitExceededException", "LimitExceededFault"})
PERIOD, LONG_PERIOD = 300, 3600
QUERIES = 500
BATCH = 100
RESERVE_SECONDS = 45.0
WRITES_PER_SECOND = 2.5
"""CloudWatch accepts 3 PutMetricAlarm calls a second; other callers of the account need some of them."""


class Account:
    """Reads and writes of one account and Region. `remaining` returns the seconds left."""

    def __init__(self, clients: Clients, remaining: Callable[[], float], pacer: Pacer) -> None:
        self._clients, self._remaining, self._pacer = clients, remaining, pacer

    def instances(self, ids: Sequence[str] = ()) -> list[Instance]:
        """Return all instances, or those of `ids` that EC2 knows."""
        if not ids:
            return self._described(MaxResults=1000)
        found: list[Instance] = []
        for one in ids:  # a call that names several fails if EC2 does not know one of them
            try:
                found += self._described(InstanceIds=[one])
            except Exception as error:
                if aws_errors.name(error) != "InvalidInstanceID.NotFound":
                    raise
        return found

    def _described(self, **arguments: Any) -> list[Instance]:
        pages = self._clients.client("ec2").get_paginator("describe_instances").paginate(**arguments)
        return [Instance.of(one) for page in pages for group in page["Reservations"] for one in group["Instances"]]

    def alarms(self, prefix: str) -> list[Alarm]:
        """Return the alarms whose names begin with a prefix."""
        paginator = self._clients.client("cloudwatch").get_paginator("describe_alarms")
        pages = paginator.paginate(
            AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"], PaginationConfig={"PageSize": 100}
        )
        return [Alarm.of(one) for page in pages for one in page["MetricAlarms"]]

    def rows(
        self, namespaces: Iterable[str], kinds: Mapping[str, str], instance: str = "", now: datetime | None = None
    ) -> tuple[list[Row], int]:
        """Return the recently published rows with their newest values, and how many metrics name no instance."""
        only = {"Dimensions": [{"Name": "InstanceId", "Value": instance}]} if instance else {}
        paginator = self._clients.client("cloudwatch").get_paginator("list_metrics")
        listed = [
            metric
            for namespace in sorted(namespaces)
            for name in sorted(kinds)
            for page in paginator.paginate(Namespace=namespace, MetricName=name, RecentlyActive="PT3H", **only)
            for metric in page["Metrics"]
        ]
        found, odd = metrics.rows(listed, kinds)
        return (self._measured(found, now) if now else found), odd

    def _measured(self, rows: Sequence[Row], now: datetime) -> list[Row]:
        wanted = [(index, kind) for index, row in enumerate(rows) for kind in row.names]
        asked = [(rows[index].namespace, rows[index].names[kind], rows[index].dimensions) for index, kind in wanted]
        points: dict[int, dict[str, Point]] = {}
        for (index, kind), point in zip(wanted, self._newest(asked, now - RECENT, now, PERIOD), strict=True):
            if point:
                points.setdefault(index, {})[kind] = point
        return [replace(row, points=points.get(index, {})) for index, row in enumerate(rows)]

    def last_seen(self, alarms: Sequence[Alarm], since: datetime, now: datetime) -> dict[str, datetime | None]:
        """Return, by name, when the metric of each alarm had its last value after `since`; None for no value."""
        readable = [alarm for alarm in alarms if alarm.metric]
        asked = [(alarm.namespace, alarm.metric, alarm.dimensions) for alarm in readable]
        newest = self._newest(asked, since, now, LONG_PERIOD)
        return {alarm.name: point.at if point else None for alarm, point in zip(readable, newest, strict=True)}

    def _newest(
        self, asked: Sequence[tuple[str, str, metrics.Dimensions]], since: datetime, now: datetime, period: int
    ) -> Iterator[Point | None]:
        """Yield the newest value of each metric, in order. Raise Unreadable for one that was not read."""
        paginator = self._clients.client("cloudwatch").get_paginator("get_metric_data")
        for some in _batches(asked, QUERIES):
            queries = [_query(f"m{number}", one, period) for number, one in enumerate(some)]
            newest: dict[str, Point] = {}
            for page in paginator.paginate(MetricDataQueries=queries, StartTime=since, EndTime=now):
                for result in page["MetricDataResults"]:
                    if result.get("StatusCode", "Complete") not in ("Complete", "PartialData"):
                        raise Unreadable(f"CloudWatch answered {result['StatusCode']} for the values of a metric.")
                    for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                        known = newest.get(result["Id"])
                        if known is None or at > known.at:
                            newest[result["Id"]] = Point(at, value)
            yield from (newest.get(query["Id"]) for query in queries)

    def put(self, alarm: Alarm, present: Alarm | None, tags: Mapping[str, str]) -> None:
        """Write one alarm. One whose actions were disabled stays so. Raise Unfinished if no time is left."""
        self._write("put_metric_alarm", **alarm.arguments(present.enabled if present else True, tags))

    def delete(self, names: Sequence[str]) -> dict[str, str]:
        """Delete alarms, a hundred a call. Return the error code of those that stay, by name.

        CloudWatch refuses a whole call for one alarm, such as one that a composite alarm uses: it is tried one by one.
        """
        failed: dict[str, str] = {}
        for some in _batches(names, BATCH):
            try:
                self._write("delete_alarms", AlarmNames=list(some))
            except Exception as error:
                if not (kind := _single(error)):
                    raise
                if len(some) == 1:
                    failed |= {} if kind is aws_errors.Kind.GONE else {some[0]: aws_errors.name(error)}
                    continue
                for name in some:
                    failed |= self.delete([name])
        return failed

    def _write(self, operation: str, **arguments: Any) -> None:
        if self._remaining() < RESERVE_SECONDS:
            raise Unfinished("The time is up before all alarms are written: the next attempt continues.")
        self._pacer.wait()
        self._pacer.report(getattr(self._clients.client("cloudwatch"), operation)(**arguments))


def _single(error: BaseException) -> aws_errors.Kind | None:
    """Return the kind of an error that can be one alarm's; None for one of the whole account, or none of AWS."""
    failure = aws_errors.read(error)
    if failure is None or failure.transient or failure.kind is aws_errors.Kind.DENIED:
        return None
    return aws_errors.Kind.GONE if failure.code == "ResourceNotFound" else failure.kind


def _query(identity: str, metric: tuple[str, str, metrics.Dimensions], period: int) -> dict[str, Any]:
    namespace, name, dimensions = metric
    named = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
    }
    return {"Id": identity, "MetricStat": {"Metric": named, "Period": period, "Stat": "Average"}}


def single(error: BaseException) -> bool:
    """Return true if an error of a write concerns one alarm, so that the others can be written."""
    return _single(error) is not None and aws_errors.name(error) not in QUOTA


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[first : first + size] for first in range(0, len(items), size))
