"""Our services in moto: in process and in its server, and a service that moto does not have."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import backend_index, mock_aws
from moto.backends import get_backend
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.exceptions import ServiceException
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

from local.services import install_all, register
from local.services.base import Response, operation
from local.services.securityhub.models import securityhub_backends

NAME = "codestarnotifications"  # any service that botocore has and moto does not


class NotFoundError(ServiceException):
    code = "ResourceNotFoundException"


class TinyBackend(BaseBackend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.tags: dict[str, dict[str, str]] = {}

    @operation()
    def tag_resource(self, arn: str, tags: dict[str, str]) -> dict[str, Any]:
        self.tags[arn] = tags
        return {"Tags": tags}

    @operation()
    def list_tags_for_resource(self, arn: str) -> dict[str, Any]:
        if arn not in self.tags:
            raise NotFoundError(f"{arn} is not found")
        return {"Tags": self.tags[arn]}


class ValidationError(ServiceException):
    code = "ValidationException"


class TinyResponse(Response, backend_class=TinyBackend):
    invalid_input = ValidationError

    def __init__(self) -> None:
        super().__init__(service_name="codestar-notifications")

    @property
    def backend(self) -> TinyBackend:
        return tiny_backends[self.current_account][self.region]


tiny_backends: BackendDict[TinyBackend] = BackendDict(TinyBackend, "codestar-notifications")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Yield the service as a package with its modules, registered for the time of a test."""
    package = types.ModuleType(f"fake.{NAME}")
    models = types.ModuleType(f"fake.{NAME}.models")
    urls = types.ModuleType(f"fake.{NAME}.urls")
    setattr(models, f"{NAME}_backends", tiny_backends)
    urls.url_bases = [r"https?://codestar-notifications\.(.+)\.amazonaws\.com"]  # type: ignore[attr-defined]
    urls.url_paths = {"{0}/.*$": TinyResponse.dispatch}  # type: ignore[attr-defined]
    for module in (types.ModuleType("fake"), package, models, urls):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, f"moto.{NAME}", package)  # so that it is removed again
    monkeypatch.setattr(TinyBackend, "__module__", models.__name__)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    index = list(backend_index.backend_url_patterns)
    register(package)
    yield
    backend_index.backend_url_patterns[:] = index


def test_service_unknown_to_moto_in_process(tiny: None) -> None:
    with mock_aws():
        client = boto3.client("codestar-notifications", "eu-west-1")
        arn = "arn:aws:codestar-notifications:eu-west-1:123456789012:notificationrule/x"
        client.tag_resource(Arn=arn, Tags={"a": "b"})
        assert client.list_tags_for_resource(Arn=arn)["Tags"] == {"a": "b"}
        assert boto3.client("sqs", "eu-west-1").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            client.list_tags_for_resource(Arn=arn + "y")
        with pytest.raises(ClientError, match="codestar-notifications:ListTargets") as caught:
            client.list_targets()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def post(server: Client, service: str, path: str, body: Any, method: str = "POST") -> Any:
    scope = f"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu-west-1/{service}/aws4_request, x"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": scope, "Content-Type": "application/json"}
    return server.open(path, method=method, data=data, headers=headers)


def test_service_unknown_to_moto_in_its_server(tiny: None) -> None:
    server = Client(DomainDispatcherApplication(create_backend_app))
    arn = "arn:aws:codestar-notifications:eu-west-1:123456789012:notificationrule/x"
    answer = post(server, "codestar-notifications", "/tagResource", {"Arn": arn, "Tags": {"a": "b"}})
    assert (answer.status_code, answer.json) == (200, {"Tags": {"a": "b"}})
    answer = post(server, "codestar-notifications", "/tagResource", {"Arn": 1})
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert "Arn should be string" in answer.json["Message" if "Message" in answer.json else "message"]


@pytest.mark.filterwarnings("ignore:Exception.SerializationError")
def test_security_hub_in_the_server() -> None:
    install_all()
    install_all()
    assert get_backend("securityhub") is securityhub_backends  # type: ignore[call-overload]
    names = [name for name, _ in backend_index.backend_url_patterns]
    assert names.count("securityhub") == 1
    server = Client(DomainDispatcherApplication(create_backend_app))
    securityhub_backends.clear()
    try:
        assert post(server, "securityhub", "/findings", {}).status_code == 401
        assert post(server, "securityhub", "/accounts", {"EnableDefaultStandards": False}).status_code == 200
        assert post(server, "securityhub", "/findings", {}).json == {"Findings": []}
        target = {"Id": "a", "Name": "n", "Description": "says Action=DescribeHub&x"}
        arn = post(server, "securityhub", "/actionTargets", target).json["ActionTargetArn"]
        assert post(server, "securityhub", f"/actionTargets/{arn}", {}, "DELETE").json == {"ActionTargetArn": arn}
        malformed: list[Any] = [b"{", []]
        for body in malformed:
            answer = post(server, "securityhub", "/findings", body)
            assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "SerializationException")
        for method, path, operation_name in (
            ("GET", "/invitations", "ListInvitations"),
            ("GET", "/configurationPolicy/list", "ListConfigurationPolicies"),
            ("GET", "/no/such/path", "GET /no/such/path"),
        ):
            answer = post(server, "securityhub", path, {}, method)
            assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (501, "NotImplemented")
            assert f"securityhub:{operation_name}" in answer.json["message"]
    finally:
        securityhub_backends.clear()
