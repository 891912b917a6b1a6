"""MSK to Lambda, as AWS runs it with provisioned pollers: partial batches, bisection, retries, on-failure destinations.

MiniStack's event source mappings do not read Kafka. Each mapping has a thread here.
https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html
https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
"""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
import threading
import time
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region, json_response, request_scope
from ministack.services import lambda_svc

from local.patches import kafka
from local.patches.lambda_mappings import function_of, give_up, named
from local.patches.registry import Original, patch
from local.permissions import role_may

LAMBDA, PRINCIPAL = "ministack.services.lambda_svc", "lambda.amazonaws.com"
logger = logging.getLogger("switchyard.kafka")

Mapping = dict[str, Any]
Events = list[dict[str, Any]]

WINDOW = 0.2
"""Seconds for which a poller gathers records; 0.5 on AWS. A window that a mapping sets ends after a second."""
FAILED_ITEM = "partition"
"""Names the topic and partition of a failed item. AWS's Powertools library sends it so."""
KEPT = ("AmazonManagedKafkaEventSourceConfig", "ProvisionedPollerConfig", "StartingPositionTimestamp", "Topics")
# What AWS takes only with provisioned pollers, by the console's steps in "kafka-retry-configurations".
CONTROLS = ("BisectBatchOnFunctionError", "FunctionResponseTypes", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts")
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaMSKExecutionRole.html, and for IAM access
# control: https://docs.aws.amazon.com/lambda/latest/dg/msk-cluster-auth.html
CLUSTER = (
    "kafka:DescribeClusterV2",
    "kafka-cluster:Connect",
    "kafka-cluster:DescribeClusterDynamicConfiguration",
)
INTERFACES = ("CreateNetworkInterface", "DeleteNetworkInterface")
NETWORK = ("DescribeNetworkInterfaces", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs")


def _asked(mapping: Mapping) -> list[kafka.Ask]:
    """Return what the function's role must be permitted to do."""
    source = mapping["EventSourceArn"]
    group = mapping["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"]
    interface = f"arn:aws:ec2:{':'.join(source.split(':')[3:5])}:network-interface/*"
    return [
        *kafka.on_cluster(source, *CLUSTER),
        kafka.BROKERS,
        *kafka.on_topic(source, mapping["Topics"][0], "DescribeTopic", "ReadData"),
        *kafka.on_group(source, group, "DescribeGroup", "AlterGroup"),
        *((f"ec2:{one}", interface) for one in INTERFACES),
        *((f"ec2:{one}", "*") for one in NETWORK),
    ]


# --- mappings ----------------------------------------------------------------------------------------------


@patch(LAMBDA, "_validate_event_source_arn", because="MiniStack does not take a cluster of MSK as an event source.")
def validate_event_source_arn(original: Original, event_source_arn: str) -> Any:
    """Return the parsed ARN of an event source, or an error."""
    if ":kafka:" not in event_source_arn:
        return original(event_source_arn)
    if not kafka.cluster(event_source_arn):
        return None, lambda_svc._invalid_parameter_value(f"Cluster not found: {event_source_arn}")
    return parse_arn(event_source_arn), None


@patch(LAMBDA, "_create_esm", because="MiniStack does not read Kafka.")
def create_esm(original: Original, data: dict[str, Any]) -> Any:
    """Create a mapping, and start its poller."""
    if ":kafka:" not in str(data.get("EventSourceArn")):
        return original(data)
    if len(data.get("Topics") or ()) != 1:
        return lambda_svc._invalid_parameter_value("1 validation error detected: Topics must have exactly 1 member.")
    if not data.get("ProvisionedPollerConfig") and (found := [one for one in CONTROLS if data.get(one)]):
        return lambda_svc._invalid_parameter_value(f"{found[0]} needs provisioned mode: set ProvisionedPollerConfig.")
    before = set(lambda_svc._esms)
    answer = original({"BatchSize": 100, **data})
    for made in set(lambda_svc._esms) - before:
        mapping = lambda_svc._esms[made]
        mapping |= {"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1, **mapping}
        mapping |= {name: data[name] for name in KEPT if name in data}
        mapping.setdefault("AmazonManagedKafkaEventSourceConfig", {"ConsumerGroupId": made})  # a random one
        threading.Thread(
            target=_poll, args=(mapping, get_account_id(), get_region()), name="kafka-mapping", daemon=True
        ).start()
        return json_response(lambda_svc._esm_response(mapping), 202)
    return answer


@patch(LAMBDA, "_update_esm", because="MiniStack drops the pollers of a mapping.")
def update_esm(original: Original, esm_id: str, data: dict[str, Any]) -> Any:
    """Change a mapping."""
    if (mapping := lambda_svc._esms.get(esm_id)) and "ProvisionedPollerConfig" in data:
        mapping["ProvisionedPollerConfig"] = data["ProvisionedPollerConfig"]
    return original(esm_id, data)


# --- reading -----------------------------------------------------------------------------------------------


def _poll(mapping: Mapping, account: str, region: str) -> None:
    """Read a topic for a mapping until it is deleted."""
    with request_scope(account, region):
        poller = _Poller(mapping)
        while poller.lives():
            try:
                poller.step()
            except Exception:  # a poller that ended would look like a topic without records
                logger.exception("Mapping %s", mapping["UUID"])
                time.sleep(1)
        poller.reader.close()


@dataclasses.dataclass
class _Batch:
    messages: list[Any]
    retries: int = 0


class _Poller:
    """The poller of one mapping. The batches of a partition are handled one after the other."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.source = mapping["EventSourceArn"]
        group = mapping["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"]
        found = kafka.cluster(self.source)
        self.bootstrap = found.brokers.bootstrap if found else ""
        self.reader = kafka.Reader(self.bootstrap, mapping["Topics"][0], group, mapping["StartingPosition"])

    def lives(self) -> bool:
        """Return whether there are still the mapping and the cluster."""
        return lambda_svc._esms.get(self.mapping["UUID"]) is self.mapping and kafka.cluster(self.source) is not None

    def step(self) -> None:
        """Read a batch and have it handled, once the role may."""
        if not self.mapping.get("Enabled", True):
            time.sleep(WINDOW)
            return
        window = self.mapping.get("MaximumBatchingWindowInSeconds") or WINDOW
        messages = self.reader.read(self.mapping["BatchSize"], min(window, 1))
        while messages and self.lives():
            function, role = function_of(self.mapping)
            reason = role_may(role, PRINCIPAL, _asked(self.mapping), get_region()) if function else "No function"
            if not reason:
                self._handle(function, role, messages)
                self.reader.commit(messages)
                return
            self.mapping["LastProcessingResult"] = f"PROBLEM: {reason}"
            time.sleep(WINDOW)

    def _handle(self, function: Any, role: str, messages: list[Any]) -> None:
        """Call the function until all messages are handled or given up."""
        waiting = [_Batch(messages)]
        while waiting and self.lives():
            batch = waiting.pop()
            result = lambda_svc._execute_function(function, self._event(batch.messages))
            left = unhandled(self.mapping, batch.messages, result)
            self.mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if left else "OK"
            if not left:
                continue
            time.sleep(min(0.1 * 2**batch.retries, 5))
            if len(left) < len(batch.messages):
                waiting.append(_Batch(left))
            elif self.mapping.get("BisectBatchOnFunctionError") and len(left) > 1:
                middle = len(left) // 2
                waiting += [_Batch(left[middle:]), _Batch(left[:middle])]
            elif self._may_retry(batch.retries):
                waiting.append(_Batch(left, batch.retries + 1))
            else:
                self._give_up(role, batch, left, result)

    def _may_retry(self, retries: int) -> bool:
        limit = int(self.mapping["MaximumRetryAttempts"])
        # "When you configure both infinite retries and an on-failure destination, … a maximum of 10 retry attempts."
        limit = 10 if limit == -1 and self.mapping.get("DestinationConfig") else limit
        return limit == -1 or retries < limit

    def _event(self, messages: list[Any]) -> dict[str, Any]:
        """Return what the function gets.

        https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html#msk-sample-event
        """
        records: dict[str, Events] = {}
        for one in messages:
            records.setdefault(_partition(one), []).append(_record(one))
        start = {"eventSource": "aws:kafka", "eventSourceArn": self.source, "bootstrapServers": self.bootstrap}
        return {**start, "records": records}

    def _give_up(self, role: str, batch: _Batch, messages: list[Any], result: dict[str, Any]) -> None:
        """Send the on-failure record of the messages."""
        payload = json.dumps(self._event(messages))
        info: dict[str, Any] = {}
        for one in messages:
            record = info.setdefault(_partition(one), {"firstRecordOffset": one.offset()})
            record["lastRecordOffset"] = one.offset()
        about = {
            "batchSize": len(messages),
            "eventSourceArn": self.source,
            "bootstrapServers": self.bootstrap,
            "payloadSize": len(payload),
            "recordInfo": info,
        }
        give_up(self.mapping, role, batch.retries + 1, result, {"KafkaBatchInfo": about}, payload)


def _partition(message: Any) -> str:
    return f"{message.topic()}-{message.partition()}"


def _record(message: Any) -> dict[str, Any]:
    """Return a record of the event. A deletion marker has no value."""
    kind, timestamp = message.timestamp()
    texts = {
        name: base64.b64encode(value).decode()
        for name, value in (("key", message.key()), ("value", message.value()))
        if value is not None
    }
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": timestamp,
        "timestampType": "CREATE_TIME" if kind == 1 else "LOG_APPEND_TIME",
        **texts,
        "headers": [{name: list(value)} for name, value in message.headers() or ()],
    }


def unhandled(mapping: Mapping, messages: list[Any], result: dict[str, Any]) -> list[Any]:
    """Return what a call has not handled: of each partition all from the first failed record.

    An identifier that is not of the batch, empty or malformed is a failure of the whole batch.
    """
    if result.get("error"):
        return messages
    places = {(_partition(one), one.offset()) for one in messages}
    first: dict[str, int] = {}
    try:
        for failure in named(mapping, result):
            partition, offset = failure["itemIdentifier"][FAILED_ITEM], failure["itemIdentifier"]["offset"]
            if (partition, offset) not in places or isinstance(offset, bool):
                return messages
            first[partition] = min(offset, first.get(partition, offset))
    except (KeyError, TypeError):
        return messages
    return [one for one in messages if _partition(one) in first and one.offset() >= first[_partition(one)]]
