"""What services that read Kafka topics share: what a role may do with a cluster, and a reader of a topic.

IAM decides here, since the mock brokers check nothing:
https://docs.aws.amazon.com/msk/latest/developerguide/iam-access-control.html
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from typing import Any

import confluent_kafka

from local.services.kafka.exceptions import NotFoundException
from local.services.kafka.models import Cluster, kafka_backends

Ask = tuple[str, str]
"""(action, resource)"""

BROKERS: Ask = ("kafka:GetBootstrapBrokers", "*")  # it has no resource type

TIMEOUT = 60


def cluster(arn: str) -> Cluster | None:
    """Return a cluster, or None if there is none of that ARN."""
    region, account = arn.split(":")[3:5]
    try:
        return kafka_backends[account][region].find(arn)
    except (KeyError, NotFoundException):
        return None


def on_cluster(cluster_arn: str, *actions: str) -> list[Ask]:
    """Return questions about a cluster; the actions have their prefix, kafka or kafka-cluster."""
    return [(action, cluster_arn) for action in actions]


def on_topic(cluster_arn: str, topic: str, *actions: str) -> list[Ask]:
    """Return questions about a topic of a cluster."""
    arn = f"{cluster_arn.replace(':cluster/', ':topic/', 1)}/{topic}"
    return [(f"kafka-cluster:{action}", arn) for action in actions]


def on_group(cluster_arn: str, group: str, *actions: str) -> list[Ask]:
    """Return questions about a consumer group of a cluster."""
    arn = f"{cluster_arn.replace(':cluster/', ':group/', 1)}/{group}"
    return [(f"kafka-cluster:{action}", arn) for action in actions]


@dataclasses.dataclass
class Reader:
    """A member of a consumer group that reads all partitions of a topic."""

    bootstrap: str
    topic: str
    group: str
    start: str = "TRIM_HORIZON"
    _joined: bool = False

    def __post_init__(self) -> None:
        settings = {"bootstrap.servers": self.bootstrap, "group.id": self.group, "enable.auto.commit": False}
        self._consumer: Any = confluent_kafka.Consumer({**settings, "log_level": 2})

    def _join(self) -> None:
        """Take the partitions, from the group's place or else from the start, if there is the topic by now."""
        found = self._consumer.list_topics(self.topic, timeout=TIMEOUT).topics[self.topic]
        if found.error:
            return
        first = confluent_kafka.OFFSET_BEGINNING if self.start == "TRIM_HORIZON" else confluent_kafka.OFFSET_END
        partitions = [confluent_kafka.TopicPartition(self.topic, number) for number in found.partitions]
        places = self._consumer.committed(partitions, TIMEOUT)
        for place in places:
            place.offset = place.offset if place.offset >= 0 else first
        self._consumer.assign(places)
        self._joined = True

    def read(self, most: int, seconds: float) -> list[Any]:
        """Return the next messages, in the order of their offsets in each partition: at most so many, or none yet."""
        if not self._joined:
            self._join()
        if not self._joined:
            time.sleep(seconds)
            return []
        return [one for one in self._consumer.consume(most, seconds) if not one.error()]

    def commit(self, messages: Iterable[Any]) -> None:
        """Let the group continue after these."""
        after: dict[int, int] = {}
        for one in messages:
            after[one.partition()] = max(after.get(one.partition(), 0), one.offset() + 1)
        places = [confluent_kafka.TopicPartition(self.topic, *one) for one in after.items()]
        self._consumer.commit(offsets=places, asynchronous=False)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
