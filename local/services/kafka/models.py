"""Serverless clusters and their policies.

Source: Amazon MSK API reference, https://docs.aws.amazon.com/MSK/2.0/APIReference/ and
https://docs.aws.amazon.com/msk/1.0/apireference/.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import uuid
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services.base import operation

from .brokers import Brokers
from .exceptions import BadRequestException, ConflictException, NotFoundException

Data = dict[str, Any]


@dataclasses.dataclass
class Cluster:
    """A serverless cluster. `data` is what DescribeClusterV2 answers."""

    data: Data
    brokers: Brokers
    tags: dict[str, str]
    policy: str = ""
    policy_version: str = ""


class KafkaBackend(BaseBackend):
    """The clusters of one account and Region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.clusters: dict[str, Cluster] = {}

    def find(self, arn: str) -> Cluster:
        """Return a cluster. Raise NotFoundException."""
        if arn not in self.clusters:
            raise NotFoundException(f"The requested resource {arn} doesn't exist.")
        return self.clusters[arn]

    @operation()
    def create_cluster_v2(
        self, cluster_name: str, serverless: Data | None = None, tags: dict[str, str] | None = None, **_: Any
    ) -> Data:
        """Make a cluster, with its brokers."""
        if not serverless:
            raise BadRequestException("The local cloud makes serverless clusters only.")
        if not serverless.get("ClientAuthentication", {}).get("Sasl", {}).get("Iam", {}).get("Enabled"):
            raise BadRequestException("A serverless cluster must have IAM access control.")
        if any(one.data["clusterName"] == cluster_name for one in self.clusters.values()):
            raise ConflictException(f"A cluster named {cluster_name} exists.")
        arn = f"arn:aws:kafka:{self.region_name}:{self.account_id}:cluster/{cluster_name}/{uuid.uuid4()}-s1"
        data = {
            "clusterArn": arn,
            "clusterName": cluster_name,
            "clusterType": "SERVERLESS",
            "creationTime": datetime.datetime.now(datetime.UTC).isoformat(),
            "currentVersion": "K3AEGXETSR30VB",
            "state": "ACTIVE",
            "serverless": _wire(serverless),
        }
        self.clusters[arn] = Cluster(data, Brokers(), dict(tags or {}))
        return {name: data[name] for name in ("clusterArn", "clusterName", "clusterType")} | {"state": "CREATING"}

    @operation()
    def describe_cluster_v2(self, cluster_arn: str) -> Data:
        """Return a cluster."""
        found = self.find(cluster_arn)
        return {"clusterInfo": {**found.data, "tags": found.tags}}

    @operation()
    def delete_cluster(self, cluster_arn: str, current_version: str = "") -> Data:
        """Remove a cluster with its topics."""
        self.find(cluster_arn)
        del self.clusters[cluster_arn]
        return {"clusterArn": cluster_arn, "state": "DELETING"}

    @operation()
    def get_bootstrap_brokers(self, cluster_arn: str) -> Data:
        """Return where clients connect to. On AWS a serverless cluster has one name and port 9098."""
        return {"bootstrapBrokerStringSaslIam": self.find(cluster_arn).brokers.bootstrap}

    @operation()
    def put_cluster_policy(self, cluster_arn: str, policy: str, current_version: str = "") -> Data:
        """Set the policy of a cluster."""
        found = self.find(cluster_arn)
        if found.policy_version and current_version and current_version != found.policy_version:
            raise BadRequestException("The version of the cluster policy isn't current.")
        try:
            statements = json.loads(policy)["Statement"]
        except (ValueError, KeyError, TypeError):
            raise BadRequestException("The cluster policy isn't valid.") from None
        actions = [action for one in statements for action in _listed(one.get("Action"))]
        if any(not str(action).startswith(("kafka:", "kafka-cluster:")) for action in actions):
            raise BadRequestException("The cluster policy has an action of another service.")
        found.policy, found.policy_version = policy, f"K{uuid.uuid4().hex[:13].upper()}"
        return {"currentVersion": found.policy_version}

    @operation()
    def get_cluster_policy(self, cluster_arn: str) -> Data:
        """Return the policy of a cluster."""
        found = self.find(cluster_arn)
        if not found.policy:
            raise NotFoundException(f"The cluster {cluster_arn} has no policy.")
        return {"policy": found.policy, "currentVersion": found.policy_version}

    @operation()
    def delete_cluster_policy(self, cluster_arn: str) -> Data:
        """Remove the policy of a cluster."""
        found = self.find(cluster_arn)
        found.policy = found.policy_version = ""
        return {}

    @operation()
    def list_tags_for_resource(self, resource_arn: str) -> Data:
        """Return the tags of a cluster."""
        return {"tags": self.find(resource_arn).tags}

    @operation()
    def tag_resource(self, resource_arn: str, tags: dict[str, str]) -> Data:
        """Set tags of a cluster."""
        self.find(resource_arn).tags.update(tags)
        return {}

    @operation()
    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> Data:
        """Remove tags of a cluster."""
        found = self.find(resource_arn)
        found.tags = {key: value for key, value in found.tags.items() if key not in tag_keys}
        return {}


def _wire(value: Any) -> Any:
    """Return a value of the model with the names of the wire."""
    if isinstance(value, list):
        return [_wire(one) for one in value]
    return {k[0].lower() + k[1:]: _wire(v) for k, v in value.items()} if isinstance(value, dict) else value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


kafka_backends = BackendDict(KafkaBackend, "kafka")
