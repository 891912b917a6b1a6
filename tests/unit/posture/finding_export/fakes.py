"""The services that an export calls, in memory: real semantics where it relies on them, faults on demand."""

import gzip
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3

from posture.finding_export import export

ARN = "arn:aws:states:eu-west-1:123456789012:execution:export:"
STARTED = "2026-11-20T23:59:30.250Z"
DT = "2026-11-20"
ACTIVE = {"RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}]}

Fault = Callable[[str], str | None]
"""Operation name -> None, an AWS error code, "expire", "kill" or "kill_after"."""


@cache
def real(service: str) -> Any:
    """Return a client that calls nothing, for its model and its exception classes."""
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
    return session.client(service)


def aws_error(service: str, code: str, message: str = "", status: int = 400) -> Exception:
    kind = real(service).exceptions.from_code(code)
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error: Exception = kind(response, "Operation")
    return error


class KillError(Exception):
    """Raised where the function's process ends."""


class Clock:
    """Seconds that pass only when the code under test sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


def finding(number: int, created: str = "2026-01-01T00:00:00.000Z", **more: Any) -> dict[str, Any]:
    return {
        "Id": f"finding-{number}",
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty",
        "AwsAccountId": "123456789012",
        "Region": "eu-west-1",
        "CreatedAt": created,
        "RecordState": "ACTIVE",
        **more,
    }


def findings(count: int, per_moment: int = 3) -> list[dict[str, Any]]:
    """Return findings of which `per_moment` at a time share their CreatedAt."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(seconds=number // per_moment) for number in range(count)]
    return [finding(n, f"{moment:%Y-%m-%dT%H:%M:%S}.000Z") for n, moment in enumerate(moments)]


class Cloud:
    """All five services. `calls` counts the API calls by operation; `fault` is called before each of them."""

    def __init__(
        self,
        stored: list[dict[str, Any]],
        page_size: int = 100,
        fault: Fault = lambda operation: None,
        clock: Clock | None = None,
        latency: float = 0.0,
    ) -> None:
        self.clock = clock or Clock()
        self.calls: Counter[str] = Counter()
        self.fault = fault
        self.objects: dict[str, bytes] = {}
        self.puts: list[dict[str, Any]] = []
        self.parameters: dict[str, str] = {}
        self.counter_values: list[str] = []
        self.lock: dict[str, Any] = {}
        self.running: set[str] = set()
        self.retries = 0
        self.requests: list[dict[str, Any]] = []
        self.sent_at: list[float] = []
        self.services: dict[str, Any] = {
            "securityhub": SimpleNamespace(
                meta=real("securityhub").meta, get_findings=self._api("GetFindings", self._get_findings)
            ),
            "s3": SimpleNamespace(
                put_object=self._api("PutObject", self._put_object),
                list_objects_v2=self._api("ListObjectsV2", self._list_objects),
                delete_objects=self._api("DeleteObjects", self._delete_objects),
            ),
            "ssm": SimpleNamespace(put_parameter=self._api("PutParameter", self._put_parameter)),
            "dynamodb": SimpleNamespace(
                exceptions=real("dynamodb").exceptions,
                put_item=self._api("PutItem", self._put_item),
                get_item=self._api("GetItem", lambda **_: {"Item": self.lock} if self.lock else {}),
            ),
            "stepfunctions": SimpleNamespace(
                exceptions=real("stepfunctions").exceptions,
                describe_execution=self._api("DescribeExecution", self._describe),
            ),
        }
        self.stored = stored
        self.page_size = page_size
        self.latency = latency
        self._results: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        self._random = random.Random(1)
        self._guard = threading.Lock()

    def client(self, service: str) -> Any:
        return self.services[service]

    def expire_tokens(self) -> None:
        self._results.clear()

    def _api(self, operation: str, action: Callable[..., Any]) -> Callable[..., Any]:
        services = {"GetFindings": "securityhub", "PutParameter": "ssm", "PutItem": "dynamodb"}

        def call(**arguments: Any) -> Any:
            with self._guard:
                self.calls[operation] += 1
                fault = self.fault(operation)
            if fault == "kill":
                raise KillError
            if fault == "expire":
                self.expire_tokens()
            elif fault and fault != "kill_after":
                raise aws_error(services.get(operation, "s3"), fault, "no", 503 if "Internal" in fault else 400)
            answer = action(**arguments)
            if fault == "kill_after":
                raise KillError
            return answer

        return call

    # Security Hub: CreatedAt ranges are combined with OR, tokens belong to their filters, equal CreatedAt in any order.
    def _get_findings(
        self,
        Filters: dict[str, Any],
        SortCriteria: list[dict[str, str]],
        MaxResults: int,
        NextToken: str | None = None,
    ) -> dict[str, Any]:
        self.sent_at.append(self.clock())
        self.clock.sleep(self.latency)
        self.requests.append(json.loads(json.dumps(Filters)))
        assert SortCriteria == [{"Field": "CreatedAt", "SortOrder": "asc"}]
        bound = json.dumps(Filters, sort_keys=True)
        if NextToken is None:
            left = [entry for entry in self.stored if _matches(entry, Filters)]
            self._random.shuffle(left)
            left.sort(key=lambda entry: entry["CreatedAt"])
        else:
            owner, left = self._results.get(NextToken, ("", []))
            if owner != bound:
                message = "Invalid parameter 'NextToken'. The token has expired."
                raise aws_error("securityhub", "InvalidInputException", message)
        size = min(self.page_size, MaxResults)
        answer: dict[str, Any] = {
            "Findings": left[:size],
            "ResponseMetadata": {"RetryAttempts": self.retries},
        }
        if left[size:]:
            answer["NextToken"] = f"token-{len(self._results)}-{self._random.random()}"
            self._results[answer["NextToken"]] = (bound, left[size:])
        return answer

    # S3
    def _put_object(self, Bucket: str, Key: str, Body: bytes, **more: Any) -> dict[str, Any]:
        self.objects[Key] = bytes(Body)
        self.puts.append({"Bucket": Bucket, "Key": Key, "size": len(Body), **more})
        return {}

    def _list_objects(self, Bucket: str, Prefix: str, StartAfter: str = "", **more: Any) -> dict[str, Any]:
        after = more.get("ContinuationToken", StartAfter)
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > after)
        page = {"Contents": [{"Key": key} for key in keys[:1000]], "IsTruncated": len(keys) > 1000}
        return {**page, "NextContinuationToken": keys[999]} if len(keys) > 1000 else page

    def _delete_objects(self, Bucket: str, Delete: dict[str, Any], **more: Any) -> dict[str, Any]:
        assert len(Delete["Objects"]) <= 1000
        for entry in Delete["Objects"]:
            del self.objects[entry["Key"]]
        return {}

    # SSM
    def _put_parameter(self, Name: str, Value: str, Type: str, Overwrite: bool) -> dict[str, Any]:
        assert (Type, Overwrite) == ("String", True)
        self.parameters[Name] = Value
        self.counter_values.append(Value)
        return {}

    # DynamoDB: one item; conditions of equalities joined by AND, or by OR.
    def _put_item(
        self,
        TableName: str,
        Item: dict[str, Any],
        ConditionExpression: str,
        ExpressionAttributeValues: dict[str, Any],
        ReturnValuesOnConditionCheckFailure: str,
    ) -> dict[str, Any]:
        def holds(term: str) -> bool:
            if term.startswith("attribute_not_exists("):
                return term[21:-1] not in self.lock
            name, value = term.split(" = ")
            return bool(self.lock.get(name) == ExpressionAttributeValues[value])

        alternatives = ConditionExpression.split(" OR ")
        if not any(all(holds(term) for term in one.split(" AND ")) for one in alternatives):
            error = aws_error("dynamodb", "ConditionalCheckFailedException")
            error.response["Item"] = self.lock  # type: ignore[attr-defined]
            raise error
        self.lock = Item
        return {}

    # Step Functions
    def _describe(self, executionArn: str, includedData: str) -> dict[str, Any]:
        return {"status": "RUNNING" if executionArn in self.running else "ABORTED"}


def _matches(entry: dict[str, Any], filters: dict[str, Any]) -> bool:
    states = [value["Value"] for value in filters.get("RecordState", [])]
    ranges = filters.get("CreatedAt", [])
    created = datetime.fromisoformat(entry["CreatedAt"])
    return (not states or entry["RecordState"] in states) and (
        not ranges
        or any(datetime.fromisoformat(one["Start"]) <= created <= datetime.fromisoformat(one["End"]) for one in ranges)
    )


def config(**changes: Any) -> export.Settings:
    return export.Settings(
        **{"bucket": "findings", "lock_table": "lock", "count_parameter": "/export/count", **changes}
    )


def event(name: str = "run", state: Any = None, retry_count: int = 0, given: Any = None) -> dict[str, Any]:
    """Return the event as the state machine sends it: JSON."""
    execution = {"arn": ARN + name, "name": name, "started_at": STARTED}
    whole = {
        "execution": execution,
        "filters": json.dumps(ACTIVE),
        "retry_count": retry_count,
        "input": given or {},
        "state": state,
    }
    copied: dict[str, Any] = json.loads(json.dumps(whole))
    return copied


def run(
    cloud: Cloud, an_event: dict[str, Any], settings: export.Settings | None = None, pages: int = 10**9
) -> dict[str, Any]:
    """Call the function once. After `pages` pages, its remaining time is nearly zero."""
    checks = iter(range(10**9))
    answer = export.run(
        an_event,
        settings or config(),
        cloud.client,
        lambda: 900.0 if next(checks) < pages - 1 else 1.0,
        clock=cloud.clock,
        sleep=cloud.clock.sleep,
    )
    decoded: dict[str, Any] = json.loads(json.dumps(answer))
    return decoded


def lines(cloud: Cloud) -> Iterator[dict[str, Any]]:
    """Yield all records of all objects."""
    for body in exported(cloud).values():
        for line in gzip.decompress(body).splitlines():
            yield json.loads(line)


def exported(cloud: Cloud) -> dict[str, bytes]:
    """Return the objects that hold findings, which are all but the manifests of runs."""
    return {key: body for key, body in cloud.objects.items() if "/runs/" not in key}


def ids(cloud: Cloud) -> list[str]:
    """Return the ids sorted. A finding that was exported twice appears twice."""
    return sorted(line["Id"] for line in lines(cloud))
