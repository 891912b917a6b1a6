"""Which properties a worker configuration may have.

Source: https://docs.aws.amazon.com/msk/latest/developerguide/msk-connect-supported-worker-config-properties.html
"""

from __future__ import annotations

import base64
import binascii

REQUIRED = ("key.converter", "value.converter")
CLIENTS = {
    "producer": """acks batch.size buffer.memory compression.type enable.idempotence key.serializer linger.ms
        max.request.size metadata.max.age.ms metadata.max.idle.ms partitioner.class reconnect.backoff.max.ms
        reconnect.backoff.ms request.timeout.ms retry.backoff.ms value.serializer""",
    "consumer": """allow.auto.create.topics auto.offset.reset check.crcs fetch.max.bytes fetch.max.wait.ms
        fetch.min.bytes heartbeat.interval.ms key.deserializer max.partition.fetch.bytes max.poll.interval.ms
        max.poll.records metadata.max.age.ms partition.assignment.strategy reconnect.backoff.max.ms
        reconnect.backoff.ms request.timeout.ms retry.backoff.ms session.timeout.ms value.deserializer""",
}
REFUSED = """access.control. admin. admin.listeners.https. client. connect. inter.worker. internal. listeners.https.
    metrics. metrics.context. rest. sasl. security. socket. ssl. topic.tracking. worker. bootstrap.servers
    config.storage.topic connections.max.idle.ms connector.client.config.override.policy group.id listeners
    metric.reporters plugin.path receive.buffer.bytes response.http.headers.config
    scheduled.rebalance.max.delay.ms send.buffer.bytes status.storage.topic"""
"""Names, and prefixes where a dot is at the end."""


def problem(content: str) -> str:
    """Return what is wrong with the properties file of a request, in Base64; "" if nothing is."""
    try:
        text = base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "Invalid parameter propertiesFileContent: it is not encoded in Base64."
    keys = [
        line.partition("=")[0].strip() for line in text.splitlines() if line.strip() and not line.startswith(("#", "!"))
    ]
    if missing := [key for key in REQUIRED if key not in keys]:
        return f"Invalid parameter propertiesFileContent: it has no {missing[0]}."
    if refused := [key for key in keys if not _supported(key)]:
        return f"Invalid parameter propertiesFileContent: the property {refused[0]} is not supported."
    return ""


def _supported(key: str) -> bool:
    kind, _, rest = key.partition(".")
    if kind in CLIENTS:
        return rest in CLIENTS[kind].split()
    return not any(key.startswith(name) if name.endswith(".") else key == name for name in REFUSED.split())
