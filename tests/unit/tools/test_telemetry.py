"""The tool for people: IAM in its settings, topics that grow, messages by device, and a load that is the same again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import confluent_kafka
import pytest

from data.device_telemetry.errors import Malformed
from data.device_telemetry.readings import read
from local.services.kafka.brokers import Brokers
from tools import telemetry
from tools.bootstrap import ROOT
from tools.telemetry import Problem

PLAIN = ["--property", "security.protocol=PLAINTEXT"]


@pytest.fixture(scope="module")
def brokers() -> Brokers:
    return Brokers()


def found(brokers: Brokers, topic: str, count: int) -> list[Any]:
    """Return the messages of all partitions, once there are so many."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers.bootstrap, "group.id": "test"})
    partitions = consumer.list_topics(topic, timeout=60).topics[topic].partitions
    consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in partitions])
    ends = time.monotonic() + 120
    messages: list[Any] = []
    while len(messages) < count:
        assert time.monotonic() < ends
        messages += consumer.consume(count, 0.2)
    consumer.close()
    return messages


def run(brokers: Brokers, *arguments: str, stdin: str = "") -> str:
    return telemetry.run(
        [*arguments, "--bootstrap", brokers.bootstrap, *PLAIN], [line.encode() for line in stdin.splitlines()]
    )


# --- settings ------------------------------------------------------------------------------------------------


def test_a_client_signs_in_with_iam(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ACCESS_KEY_ID", "AKIATEST"), ("SECRET_ACCESS_KEY", "secret")):
        monkeypatch.setenv(f"AWS_{name}", value)
    settings = telemetry.settings("b:9098", "eu-central-1", [])
    assert (settings["security.protocol"], settings["sasl.mechanisms"]) == ("SASL_SSL", "OAUTHBEARER")
    token, expires = settings["oauth_cb"]("")
    assert token
    assert 0 < expires - time.time() <= 900  # seconds, not milliseconds


def test_a_property_is_passed_on_and_wins() -> None:
    settings = telemetry.settings("b", "", ["security.protocol=PLAINTEXT", "linger.ms=50"])
    assert settings == {
        "bootstrap.servers": "b",
        "client.id": "switchyard-telemetry",
        "security.protocol": "PLAINTEXT",
        "linger.ms": "50",
    }


@pytest.mark.parametrize(("region", "properties", "said"), [("", [], "--region"), ("eu-central-1", ["x"], "key=value")])
def test_a_setting_that_is_missing_says_what_to_do(region: str, properties: list[str], said: str) -> None:
    with pytest.raises(Problem, match=said):
        telemetry.settings("b", region, properties)


# --- topics --------------------------------------------------------------------------------------------------


class Admin:
    """Topics with their partitions, as Kafka keeps them. `error` makes it refuse."""

    def __init__(self, error: Any = None, **topics: int) -> None:
        self.topics, self.error = topics, error

    def list_topics(self, timeout: float) -> Any:
        """Return the topics."""
        return SimpleNamespace(
            topics={name: SimpleNamespace(partitions=range(count)) for name, count in self.topics.items()}
        )

    def create_topics(self, new: list[Any], request_timeout: float) -> dict[str, Any]:
        """Create topics."""
        assert [one.replication_factor for one in new] == [-1]
        return self._settled({one.topic: one.num_partitions for one in new})

    def create_partitions(self, new: list[Any], request_timeout: float) -> dict[str, Any]:
        """Add partitions."""
        return self._settled({one.topic: one.new_total_count for one in new})

    def _settled(self, counts: dict[str, int]) -> dict[str, Any]:
        def result() -> None:
            if self.error:
                raise confluent_kafka.KafkaException(self.error)
            self.topics |= counts

        return {name: SimpleNamespace(result=result) for name in counts}


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ({}, "Created the topic modems with 6 partitions."),
        ({"modems": 6}, "The topic modems has 6 partitions."),
        ({"modems": 2}, "The topic modems had 2 partitions and has 6 now."),
    ],
)
def test_a_topic_is_as_wanted(before: dict[str, int], said: str) -> None:
    admin = Admin(**before)
    assert telemetry.ensure_topic(admin, "modems", 6) == said
    assert admin.topics == {"modems": 6}


def test_partitions_are_not_removed() -> None:
    with pytest.raises(Problem, match="has 9 partitions; Kafka cannot remove any"):
        telemetry.ensure_topic(Admin(modems=9), "modems", 6)


def test_a_refusal_is_named() -> None:
    error = confluent_kafka.KafkaError(confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(Problem, match="Topic authorization failed"):
        telemetry.ensure_topic(Admin(error), "modems", 6)


# --- messages ------------------------------------------------------------------------------------------------


def test_messages_of_a_device_stay_in_order_in_one_partition(brokers: Brokers) -> None:
    sent = [json.dumps({"device_id": f"d{n % 5}", "n": n}) for n in range(50)] + ['{"deviceid": "old"}', ""]
    said = run(brokers, "produce", "ordered", stdin="\n".join(sent))
    assert said.startswith("The topic ordered took 51 messages")
    messages = found(brokers, "ordered", 51)
    for device in range(5):
        own = [one for one in messages if one.key() == f"d{device}".encode()]
        assert len({one.partition() for one in own}) == 1
        in_order = [json.loads(one.value())["n"] for one in sorted(own, key=lambda one: one.offset())]
        assert in_order == list(range(device, 50, 5))


@pytest.mark.parametrize("line", ["{", "[]", "1", "null", '{"id": 1}', '{"device_id": 7}'])
def test_a_line_without_a_device_is_named(line: str) -> None:
    with pytest.raises(Problem, match="Line 2"):
        list(telemetry.lines([b'{"device_id": "a"}', line.encode()]))


def load(*arguments: str) -> list[telemetry.Message]:
    options = telemetry.parser().parse_args(
        ["generate", "t", "--bootstrap", "b", "--rate", "1000", "--seconds", "0.3", "--seed", "7", *arguments]
    )
    return list(telemetry.readings(options, sleep=lambda _: None))


@pytest.mark.parametrize("version", ["1", "2", "both"])
def test_generated_readings_are_what_the_function_reads(version: str) -> None:
    latest = datetime.now(UTC) + timedelta(minutes=5)
    messages = load("--version", version, "--devices", "10", "--late", "0.5")
    assert len(messages) == 300
    parsed = [(key, read(value, latest)) for key, value in messages]
    assert all(key == reading.device for key, reading in parsed)
    assert {reading.version for _, reading in parsed} == ({1, 2} if version == "both" else {int(version)})
    assert any(reading.at < latest - timedelta(minutes=6) for _, reading in parsed)


def test_generated_readings_come_twice_or_cut_off_as_asked() -> None:
    assert len(load("--duplicates", "1")) == 600
    for _, value in load("--malformed", "1"):
        with pytest.raises(Malformed):
            read(value, datetime.now(UTC))


def test_the_rate_is_kept() -> None:
    pauses: list[float] = []
    options = telemetry.parser().parse_args(
        ["generate", "t", "--bootstrap", "b", "--rate", "10", "--seconds", "1", "--seed", "7"]
    )
    assert len(list(telemetry.readings(options, clock=lambda: 0.0, sleep=pauses.append))) == 10
    assert pauses == [pytest.approx(n / 10) for n in range(1, 10)]


def test_what_the_cluster_does_not_take_is_an_error() -> None:
    class Producer:
        """One whose queue is full at first, and whose cluster refuses the second message."""

        def __init__(self) -> None:
            self.full, self.number = 1, 0

        def produce(self, topic: str, key: str, value: bytes, on_delivery: Any) -> None:
            if self.full:
                self.full -= 1
                raise BufferError
            self.number += 1
            code = confluent_kafka.KafkaError._MSG_TIMED_OUT
            on_delivery(confluent_kafka.KafkaError(code) if self.number == 2 else None, None)

        def poll(self, _timeout: float) -> None:
            pass

        def flush(self) -> None:
            pass

    taken, problem = telemetry.send(Producer(), "t", [("a", b"1"), ("a", b"2"), ("a", b"3")])
    assert (taken, problem) == (2, "Local: Message timed out")


def test_the_command_says_what_is_wrong_and_fails() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.telemetry", "produce", "t", "--bootstrap", "b", "--property", "x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (1, "--property x must be key=value.")
