"""MSK's operations, from the backend's `@operation` methods; ARNs in paths contain slashes."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from moto.core.utils import get_service_model

from local.services.base import Response

from .exceptions import BadRequestException
from .models import KafkaBackend, kafka_backends

PATH = re.compile(r"/(?:api/)?(v[12])/(clusters|tags)(?:/(arn:[^?]+?))?(?:/(bootstrap-brokers|policy))?/?")
OPERATIONS = {
    ("POST", "v2", "clusters", None): "CreateClusterV2",
    ("GET", "v2", "clusters", None): "DescribeClusterV2",
    ("DELETE", "v1", "clusters", None): "DeleteCluster",
    ("GET", "v1", "clusters", "bootstrap-brokers"): "GetBootstrapBrokers",
    ("PUT", "v1", "clusters", "policy"): "PutClusterPolicy",
    ("GET", "v1", "clusters", "policy"): "GetClusterPolicy",
    ("DELETE", "v1", "clusters", "policy"): "DeleteClusterPolicy",
    ("GET", "v1", "tags", None): "ListTagsForResource",
    ("POST", "v1", "tags", None): "TagResource",
    ("DELETE", "v1", "tags", None): "UntagResource",
}


class KafkaResponse(Response, backend_class=KafkaBackend):
    """MSK's REST API."""

    invalid_input = BadRequestException

    def __init__(self) -> None:
        super().__init__(service_name="kafka")

    @property
    def backend(self) -> KafkaBackend:
        """Return the clusters of the request's account and Region."""
        return kafka_backends[self.current_account][self.region]

    def _get_action(self) -> str:
        self.uri_match = {}
        if not (found := PATH.fullmatch(unquote(self.path))):
            return ""
        version, collection, arn, more = found.groups()
        if not arn and self.method == "GET":
            return ""  # lists
        if arn:
            self.uri_match = {"ResourceArn" if collection == "tags" else "ClusterArn": arn}
        return OPERATIONS.get((self.method, version, collection, more), "")

    def arguments(self, unchecked: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Return the request's members: MSK's model has names of its own for what the wire has in lower case."""
        shape = get_service_model("kafka").operation_model(self._get_action()).input_shape
        if self.body:
            self.body = json.dumps(_named(shape, json.loads(self.body)))
        return super().arguments(unchecked)


def _named(shape: Any, value: Any) -> Any:
    """Return a value with the names of the model."""
    if shape.type_name == "list" and isinstance(value, list):
        return [_named(shape.member, one) for one in value]
    if shape.type_name != "structure" or not isinstance(value, dict):
        return value
    members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    return {members[key][0]: _named(members[key][1], one) for key, one in value.items() if key in members}
