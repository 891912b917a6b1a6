"""In-memory fakes of S3, WAF and SNS: versions, lock tokens, limits, and faults on demand."""

import io
import json
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from protection.country_embargo import apply
from protection.country_embargo.settings import Settings


@cache
def real(service: str) -> Any:
    """Return a client that is used only to check parameters."""
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
    return session.client(service)


CODES: list[str] = sorted(real("wafv2").meta.service_model.shape_for("CountryCode").enum)
KEY = "embargoed-countries.json"
SETTINGS = Settings(
    bucket="embargo",
    bucket_owner="123456789012",
    document_key=KEY,
    scope="REGIONAL",
    rule_group={"name": "group", "id": "g", "arn": "arn:aws:wafv2:group"},
    ip_sets={
        version: {"name": version, "id": version, "arn": f"arn:aws:wafv2:ipset/{version}"}
        for version in ("IPV4", "IPV6")
    },
    exempt_sets=["arn:aws:wafv2:exempt/4", "arn:aws:wafv2:exempt/6"],
    topic_arn="arn:aws:sns:eu-west-1:123456789012:topic",
)


def aws_error(code: str, status: int = 400) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": metadata}, "Operation")


class KillError(BaseException):
    """Simulates that the function's process is killed."""


class Aws:
    """All three services. `hook(operation, number)` runs before each call, `lost(operation, number)` after it."""

    def __init__(self) -> None:
        self.versions: dict[str, list[tuple[str, bytes | None]]] = {}
        self.rules: list[dict[str, Any]] = []
        self.sets: dict[str, list[str]] = {"IPV4": [], "IPV6": []}
        self.tokens = Counter[str]()
        self.descriptions = {"group": "rules", "IPV4": "four", "IPV6": "six"}
        self.bodies = {"legal": {"ContentType": "TEXT_PLAIN", "Content": "451"}}
        self.notices: list[dict[str, str]] = []
        self.calls: list[str] = []
        self.hook: Callable[[str, int], None] = lambda operation, number: None
        self.lost: Callable[[str, int], None] = lambda operation, number: None

    def client(self, service: str) -> Any:
        return Client(self, service)

    def upload(self, document: Any, key: str = KEY) -> str:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.versions.setdefault(key, []).append((f"v{sum(map(len, self.versions.values()))}", body))
        return self.versions[key][-1][0]

    def delete(self) -> None:
        self.versions[KEY].append(("marker", None))

    def objects(self, prefix: str) -> list[Any]:
        return [json.loads(self.versions[key][-1][1] or b"") for key in sorted(self.versions) if key.startswith(prefix)]

    def in_force(self) -> tuple[Any, Any]:
        return json.dumps(self.rules, sort_keys=True), {version: sorted(found) for version, found in self.sets.items()}

    def run(self, config: Settings = SETTINGS, **options: Any) -> dict[str, Any]:
        self.calls.clear()
        return apply.run(config, self.client, sleep=lambda seconds: None, **options)

    # --- S3

    def get_object(self, Bucket: str, Key: str, ExpectedBucketOwner: str) -> dict[str, Any]:
        version, body = self.versions.get(Key, [("", None)])[-1]
        if body is None:
            raise aws_error("NoSuchKey", 404)
        return {"ContentLength": len(body), "VersionId": version, "Body": io.BytesIO(body)}

    def head_object(self, Bucket: str, Key: str, ExpectedBucketOwner: str) -> dict[str, Any]:
        version, body = self.versions.get(Key, [("", None)])[-1]
        if body is None:
            raise aws_error("404", 404)
        return {"VersionId": version}

    def put_object(self, *, Key: str, Body: bytes, IfNoneMatch: str = "", **_: Any) -> dict[str, Any]:
        if IfNoneMatch and Key in self.versions:
            raise aws_error("PreconditionFailed", 412)
        return {"VersionId": self.upload(Body, Key)}

    # --- WAF

    def get_rule_group(self, Name: str, Id: str, Scope: str) -> dict[str, Any]:
        assert (Name, Id, Scope) == ("group", "g", "REGIONAL")
        group: dict[str, Any] = {"Rules": json.loads(json.dumps(self.rules)), "Capacity": 50}
        group["Description"] = self.descriptions["group"]
        visibility = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
        group |= {"VisibilityConfig": visibility, "CustomResponseBodies": self.bodies}
        return {"RuleGroup": group, "LockToken": str(self.tokens["group"])}

    def update_rule_group(
        self,
        Name: str,
        Id: str,
        Scope: str,
        LockToken: str,
        Rules: Any,
        VisibilityConfig: Any,
        Description: str = "",
        CustomResponseBodies: Any = None,
    ) -> dict[str, Any]:
        self._lock("group", LockToken)
        self.rules, self.descriptions["group"] = json.loads(json.dumps(Rules)), Description
        self.bodies = CustomResponseBodies or {}
        return {}

    def get_ip_set(self, Name: str, Id: str, Scope: str) -> dict[str, Any]:
        body = {"Addresses": list(self.sets[Name]), "Description": self.descriptions[Name]}
        return {"IPSet": body, "LockToken": str(self.tokens[Name])}

    def update_ip_set(
        self, Name: str, Id: str, Scope: str, LockToken: str, Addresses: list[str], Description: str = ""
    ) -> dict[str, Any]:
        self._lock(Name, LockToken)
        self.sets[Name], self.descriptions[Name] = Addresses, Description
        return {}

    def check_capacity(self, Scope: str, Rules: Any) -> dict[str, Any]:
        return {"Capacity": len(Rules)}

    def _lock(self, name: str, token: str) -> None:
        if token != str(self.tokens[name]):
            raise aws_error("WAFOptimisticLockException")
        self.tokens[name] += 1

    # --- SNS

    def publish(self, TopicArn: str, Subject: str, Message: str) -> dict[str, Any]:
        assert TopicArn == "arn:aws:sns:eu-west-1:123456789012:topic"
        assert Subject.isascii()
        assert len(Subject) < 100
        assert len(Message.encode()) < 256 * 1024
        self.notices.append({"subject": Subject, "message": Message})
        return {}


class Client:
    """A fake service that checks arguments against the API's model, counts calls, and calls the hooks."""

    def __init__(self, aws: Aws, service: str) -> None:
        self._aws, self._service = aws, service

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            operation = real(self._service).meta.method_to_api_mapping[name]
            model = real(self._service).meta.service_model.operation_model(operation)
            validate_parameters(arguments, model.input_shape)
            number = len(self._aws.calls)
            self._aws.calls.append(operation)
            self._aws.hook(operation, number)
            answer = getattr(self._aws, name)(**arguments)
            self._aws.lost(operation, number)
            return answer

        return call
