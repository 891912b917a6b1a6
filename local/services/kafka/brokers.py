"""Brokers of one cluster: librdkafka's mock cluster.

https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka_mock.h
"""

from __future__ import annotations

import confluent_kafka

TIMEOUT = 60
"""Seconds: generous, since the brokers are threads of this process."""


class Brokers:
    """Three brokers, which end with this object."""

    def __init__(self) -> None:
        # `log_level`: it would warn that it is no production broker.
        self._owner = confluent_kafka.Producer({"test.mock.num.brokers": 3, "log_level": 2})
        found = self._owner.list_topics(timeout=TIMEOUT).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in found)

    def create_topic(self, topic: str) -> int:
        """Make a topic, unless it exists. Return the number of its partitions."""
        return len(self._owner.list_topics(topic, timeout=TIMEOUT).topics[topic].partitions)
