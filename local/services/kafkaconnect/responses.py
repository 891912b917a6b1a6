"""MSK Connect's operations, from the backend's `@operation` methods; ARNs in paths contain slashes."""

from __future__ import annotations

import re
from urllib.parse import unquote

from local.services.base import Response

from .exceptions import BadRequestException
from .models import KafkaConnectBackend, kafkaconnect_backends

PATH = re.compile(r"/v1/([a-zA-Z-]+)(?:/(arn:[^?]+?))?(?:/(operations|restart))?/?")
OPERATIONS = {
    ("POST", "connectors", False): "CreateConnector",
    ("GET", "connectors", False): "ListConnectors",
    ("GET", "connectors", True): "DescribeConnector",
    ("PUT", "connectors", True): "UpdateConnector",
    ("DELETE", "connectors", True): "DeleteConnector",
    ("POST", "custom-plugins", False): "CreateCustomPlugin",
    ("GET", "custom-plugins", False): "ListCustomPlugins",
    ("GET", "custom-plugins", True): "DescribeCustomPlugin",
    ("DELETE", "custom-plugins", True): "DeleteCustomPlugin",
    ("POST", "worker-configurations", False): "CreateWorkerConfiguration",
    ("GET", "worker-configurations", False): "ListWorkerConfigurations",
    ("GET", "worker-configurations", True): "DescribeWorkerConfiguration",
    ("DELETE", "worker-configurations", True): "DeleteWorkerConfiguration",
    ("POST", "tags", True): "TagResource",
    ("GET", "tags", True): "ListTagsForResource",
    ("DELETE", "tags", True): "UntagResource",
}
MEMBERS = {
    "connectors": "connectorArn",
    "custom-plugins": "customPluginArn",
    "worker-configurations": "workerConfigurationArn",
    "tags": "resourceArn",
}


class KafkaConnectResponse(Response, backend_class=KafkaConnectBackend):
    """MSK Connect's REST API."""

    invalid_input = BadRequestException

    def __init__(self) -> None:
        super().__init__(service_name="kafkaconnect")

    @property
    def backend(self) -> KafkaConnectBackend:
        """Return the resources of the request's account and Region."""
        return kafkaconnect_backends[self.current_account][self.region]

    def _get_action(self) -> str:
        self.uri_match = {}
        if not (found := PATH.fullmatch(unquote(self.path))):
            return ""
        collection, arn, more = found.groups()
        if arn:
            self.uri_match = {MEMBERS.get(collection, ""): arn}
        if more:
            return "ListConnectorOperations" if (self.method, more) == ("GET", "operations") else ""
        return OPERATIONS.get((self.method, collection, bool(arn)), "")
