"""`python -m tools.telemetry`: create topics of an MSK cluster and send messages, with IAM, from inside its VPC.

    python -m tools.telemetry topic modems --partitions 12 --bootstrap boot-…:9098
    python -m tools.telemetry produce modems --bootstrap … < messages.jsonl
    python -m tools.telemetry generate modems --bootstrap … --devices 9000 --rate 500 --seconds 60 --late 0.05

AWS credentials and Region are found as by the AWS CLI. `--property` sets a property of librdkafka, such as
`--property security.protocol=PLAINTEXT` for a broker without TLS.
https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

TIMEOUT = 60.0
MODELS = ("Ultra WiFi Modem", "Ultra WiFi Booster", "EVG2000", "Sagemcom 5366 TN", "ASUS AX5400")
DOWN = 1 / 7
"""Share of readings with an interface that is down."""

Message = tuple[str, bytes]
"""(key, value): the key is the device, so that its messages stay in order in one partition."""


class Problem(Exception):
    """What the person who called can put right; the message says what."""


def settings(bootstrap: str, region: str, properties: Iterable[str]) -> dict[str, Any]:
    """Return the settings of a client: TLS and IAM, unless properties (`key=value`) say otherwise. Raise Problem."""
    wrong = [one for one in properties if "=" not in one]
    if wrong:
        raise Problem(f"--property {wrong[0]} must be key=value.")
    signed = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "OAUTHBEARER",
        "oauth_cb": functools.partial(token, region),
    }
    own = dict(one.split("=", 1) for one in properties)
    if "SASL" in own.get("security.protocol", "SASL_SSL") and not region:
        raise Problem("Say the cluster's Region with --region or AWS_REGION: the sign-in is for one Region.")
    chosen = signed if "SASL" in own.get("security.protocol", "SASL_SSL") else {}
    return {"bootstrap.servers": bootstrap, "client.id": "switchyard-telemetry", **chosen, **own}


def token(region: str, _config: str) -> tuple[str, float]:
    """Return a token of IAM and the time in seconds at which it expires."""
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

    signed, expires = MSKAuthTokenProvider.generate_auth_token(region)
    return signed, expires / 1000


# --- topics --------------------------------------------------------------------------------------------------


def ensure_topic(admin: Any, name: str, partitions: int) -> str:
    """Create a topic, or add partitions to it. Return what was done. Raise Problem if it has more of them."""
    from confluent_kafka.cimpl import NewPartitions, NewTopic

    existing = admin.list_topics(timeout=TIMEOUT).topics.get(name)
    if existing is None:
        # -1: as many replicas as the cluster has by default, which is what a serverless one requires.
        _result(admin.create_topics([NewTopic(name, partitions, -1)], request_timeout=TIMEOUT), name)
        return f"Created the topic {name} with {partitions} partitions."
    found = len(existing.partitions)
    if found > partitions:
        raise Problem(f"The topic {name} has {found} partitions; Kafka cannot remove any.")
    if found == partitions:
        return f"The topic {name} has {partitions} partitions."
    _result(admin.create_partitions([NewPartitions(name, partitions)], request_timeout=TIMEOUT), name)
    return f"The topic {name} had {found} partitions and has {partitions} now."


def _result(futures: dict[str, Any], name: str) -> None:
    from confluent_kafka import KafkaException

    try:
        futures[name].result()
    except KafkaException as error:
        raise Problem(f"The topic {name} could not be changed: {error.args[0].str()}") from error


# --- messages ------------------------------------------------------------------------------------------------


def lines(stream: Iterable[bytes]) -> Iterator[Message]:
    """Yield the messages of a stream of JSON lines, as they are. Raise Problem for one without a device."""
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            message = json.loads(line)
            device = message.get("device_id", message.get("deviceid"))
        except (ValueError, AttributeError):
            device = None
        if not isinstance(device, str):
            raise Problem(f"Line {number} is not a JSON object with device_id (or deviceid) as a text.")
        yield device, line.strip()


def first(device: str, at: datetime, chance: random.Random) -> dict[str, Any]:
    """Return a reading of version 1."""
    return {
        "model": chance.choice(MODELS),
        "deviceid": device,
        "interface": "eth4.1",
        "interfacestatus": "down" if chance.random() < DOWN else "connected",
        "cpuusage": str(chance.randint(50, 100)),
        "memoryusage": str(chance.randint(1000, 1500)),
        "event_time": at.strftime("%Y-%m-%d %H:%M:%S"),
    }


def second(device: str, at: datetime, chance: random.Random) -> dict[str, Any]:
    """Return a reading of version 2."""
    return {
        "version": 2,
        "device_id": device,
        "event_time": at.isoformat(),
        "model": chance.choice(MODELS),
        "interface": "eth4.1",
        "interface_status": "down" if chance.random() < DOWN else "connected",
        "cpu_usage": round(chance.uniform(50, 100), 1),
        "memory_usage": chance.randint(1000, 1500),
        "readings": {"signal_dbm": -chance.randint(40, 90)},
    }


def readings(options: argparse.Namespace, clock: Any = time.monotonic, sleep: Any = time.sleep) -> Iterator[Message]:
    """Yield messages of a fleet at a rate: in order, or late, or twice, or not readable, by the given shares."""
    chance, began = random.Random(options.seed), clock()  # noqa: S311 - a load, not a secret
    for number in range(int(options.rate * options.seconds)):
        wait = number / options.rate - (clock() - began)
        if wait > 0:
            sleep(wait)
        at = datetime.now(UTC)
        if chance.random() < options.late:
            at -= timedelta(seconds=chance.randint(1, 3600))
        device = f"dvc{1000 + chance.randrange(options.devices)}"
        reading = (first, second)[chance.randint(1, 2) - 1 if options.version == "both" else int(options.version) - 1]
        value = json.dumps(reading(device, at, chance)).encode()
        if chance.random() < options.malformed:
            value = value[: len(value) // 2]
        for _ in range(2 if chance.random() < options.duplicates else 1):
            yield device, value


def send(producer: Any, topic: str, messages: Iterable[Message]) -> tuple[int, str]:
    """Send messages. Return how many the cluster has taken, and the first error; empty if there is none."""
    taken, problem = 0, ""

    def told(error: Any, _message: Any) -> None:
        nonlocal taken, problem
        taken += error is None
        problem = problem or ("" if error is None else error.str())

    for key, value in messages:
        while True:
            try:
                producer.produce(topic, key=key, value=value, on_delivery=told)
                break
            except BufferError:  # the queue is full: wait until some are taken
                producer.poll(0.1)
        producer.poll(0)
    producer.flush()
    return taken, problem


# --- command line --------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("topic", help="name of the topic")
    shared.add_argument("--bootstrap", required=True, help="the output bootstrap_brokers of device_telemetry")
    shared.add_argument("--region", default=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", ""))
    shared.add_argument("--property", action="append", default=[], metavar="KEY=VALUE", help="property of librdkafka")
    made = argparse.ArgumentParser(prog="python -m tools.telemetry", description=(__doc__ or "").partition("\n")[0])
    commands = made.add_subparsers(dest="command", required=True)
    topic = commands.add_parser("topic", parents=[shared], help="create a topic, or add partitions to it")
    topic.add_argument("--partitions", type=int, required=True)
    commands.add_parser("produce", parents=[shared], help="send the JSON lines of standard input")
    load = commands.add_parser("generate", parents=[shared], help="send readings of devices that do not exist")
    load.add_argument("--devices", type=int, default=9000)
    load.add_argument("--rate", type=float, default=100.0, help="readings a second")
    load.add_argument("--seconds", type=float, default=60.0)
    load.add_argument("--version", choices=("1", "2", "both"), default="2", help="version of the schema")
    for name, what in (("late", "up to an hour late"), ("duplicates", "sent twice"), ("malformed", "cut off")):
        load.add_argument(f"--{name}", type=float, default=0.0, help=f"share of readings that are {what}")
    load.add_argument("--seed", type=int, default=None, help="the same readings again")
    return made


def run(arguments: Sequence[str], stdin: Iterable[bytes]) -> str:
    """Do what the command line says. Return what to print. Raise Problem."""
    options = parser().parse_args(arguments)
    configured = settings(options.bootstrap, options.region, options.property)
    if options.command == "topic":
        from confluent_kafka.admin import AdminClient

        return ensure_topic(AdminClient(configured), options.topic, options.partitions)
    from confluent_kafka import Producer

    # Idempotence: what the client itself repeats is there once, and in order.
    producer = Producer({"enable.idempotence": True, "compression.type": "lz4", **configured})
    messages = lines(stdin) if options.command == "produce" else readings(options)
    began = time.monotonic()
    taken, problem = send(producer, options.topic, messages)
    if problem:
        raise Problem(f"The topic took {taken} messages; others failed: {problem}")
    return f"The topic {options.topic} took {taken} messages in {time.monotonic() - began:.1f} s."


def main() -> int:
    """Run, and return the status."""
    try:
        print(run(sys.argv[1:], sys.stdin.buffer))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
