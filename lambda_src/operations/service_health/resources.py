"""Resources, as their ARNs say: what kind each is, and with which dimensions its metrics are published."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

FUNCTION, REST_API, HTTP_API, TABLE = "function", "rest-api", "http-api", "table"
QUEUE, DEAD_LETTERS, WORKFLOW, TOPIC, LOAD_BALANCER = "queue", "dead-letters", "workflow", "topic", "load-balancer"
KINDS = (FUNCTION, REST_API, HTTP_API, TABLE, QUEUE, DEAD_LETTERS, WORKFLOW, TOPIC, LOAD_BALANCER)

TYPES = (
    "apigateway",
    "dynamodb:table",
    "elasticloadbalancing:loadbalancer",
    "lambda:function",
    "sns",
    "sqs",
    "states:stateMachine",
)
"""Types that the tagging API is asked for."""

NAMESPACES: Mapping[str, str] = {
    FUNCTION: "AWS/Lambda",
    REST_API: "AWS/ApiGateway",
    HTTP_API: "AWS/ApiGateway",
    TABLE: "AWS/DynamoDB",
    QUEUE: "AWS/SQS",
    DEAD_LETTERS: "AWS/SQS",
    WORKFLOW: "AWS/States",
    TOPIC: "AWS/SNS",
    LOAD_BALANCER: "AWS/ApplicationELB",
}
_PATTERNS: Sequence[tuple[str, str, str]] = (
    ("lambda", r"function:(?P<name>[^:]+)", FUNCTION),
    ("apigateway", r"/restapis/(?P<name>[^/]+)", REST_API),
    ("apigateway", r"/apis/(?P<name>[^/]+)", HTTP_API),
    ("dynamodb", r"table/(?P<name>[^/]+)", TABLE),
    ("sqs", r"(?P<name>[^:]+)", QUEUE),
    ("states", r"stateMachine:(?P<name>[^:]+)", WORKFLOW),
    ("sns", r"(?P<name>[^:]+)", TOPIC),
    ("elasticloadbalancing", r"loadbalancer/(?P<path>app/(?P<name>[^/]+)/[^/]+)", LOAD_BALANCER),
)


@dataclass(frozen=True, order=True)
class Resource:
    """One resource. `metric_name` is the name under which it publishes metrics, where that is another."""

    arn: str
    kind: str
    name: str
    metric_name: str = ""
    reads_stream: bool = False
    """A function that reads a stream, whose age it publishes."""

    @property
    def label(self) -> str:
        """Return the name that its users know: that of an API, whose ARN has only an ID."""
        return self.metric_name if self.kind in (REST_API, HTTP_API) and self.metric_name else self.name

    @property
    def identifier(self) -> str:
        """Return the ID that the API's own calls take: the last part of the ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def dimensions(self) -> dict[str, str]:
        """Return the dimensions of its metrics."""
        named = self.metric_name or self.name
        return {
            FUNCTION: {"FunctionName": named},
            REST_API: {"ApiName": named},
            HTTP_API: {"ApiId": self.identifier},
            TABLE: {"TableName": named},
            QUEUE: {"QueueName": named},
            DEAD_LETTERS: {"QueueName": named},
            WORKFLOW: {"StateMachineArn": self.arn},
            TOPIC: {"TopicName": named},
            LOAD_BALANCER: {"LoadBalancer": named},
        }[self.kind]

    def named(self, metric_name: str) -> "Resource":
        """Return the resource with the name that its metrics have."""
        return replace(self, metric_name=metric_name)


def read(arn: str, dead_letter_names: Sequence[str] = ()) -> Resource | None:
    """Return the resource of an ARN; None for one of a kind that gets no alarms."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return None
    for service, pattern, kind in _PATTERNS:
        found = re.fullmatch(pattern, parts[5]) if parts[2] == service else None
        if found:
            groups = found.groupdict()
            is_dead = kind == QUEUE and matches(groups["name"], dead_letter_names)
            return Resource(arn, DEAD_LETTERS if is_dead else kind, groups["name"], groups.get("path") or "")
    return None


def is_part(arn: str) -> bool:
    """Return true for a part of a resource, such as an API's stage or a function's version: its whole has alarms."""
    rest = arn.split(":", 5)[-1]
    return bool(re.match(r"/(rest)?apis/[^/]+/|function:[^:]+:|stateMachine:[^:]+:|table/[^/]+/", rest))


def matches(text: str, patterns: Sequence[str]) -> bool:
    """Return true if one of the patterns (with `*` and `?`) is the whole text."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)
