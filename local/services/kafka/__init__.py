"""Amazon MSK Serverless: clusters whose brokers speak Kafka's protocol, cluster policies, tags.

The brokers are librdkafka's mock cluster, in this process, on ports of 127.0.0.1: any Kafka client reaches them. They
know neither TLS, SASL nor the request that creates a topic: clients connect in plain text, and `create_topic` makes a
topic of four partitions. A partition keeps its last 5 MB. What AWS needs minutes for takes a moment. Not here:
provisioned clusters, VPC connections, configurations.
"""

from __future__ import annotations

import sys
from typing import Any

from local.services import register
from local.settings import ACCOUNT_ID, REGION

from .models import KafkaBackend, kafka_backends


def install() -> None:
    """Serve MSK from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])


def _backend(account: str, region: str) -> KafkaBackend:
    return kafka_backends[account][region]


def create_topic(cluster: str, topic: str, account: str = ACCOUNT_ID, region: str = REGION) -> int:
    """Make a topic, unless it exists. Return the number of its partitions."""
    return _backend(account, region).find(cluster).brokers.create_topic(topic)


COMMANDS: dict[str, Any] = {"create_topic": create_topic}
