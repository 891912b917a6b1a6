"""AWS IoT Core as AWS documents it where MiniStack differs: TLS, connect attributes, payload sizes, rule actions.

MiniStack has the registry, an MQTT broker with client certificates, IoT policies and the rules engine. Here the broker
listens on loopback only and wants a certificate; a session that persists, or a will, needs a policy that names it; a
rule calls a function only if the function's policy lets it, with Lambda's retries, and sends to a queue as the
action's role.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import iot, lambda_svc

from local.patches.registry import Original, patch
from local.permissions import client, request_query, role_session, service_may

TARGET = "ministack.services.iot"
PRINCIPAL = "iot.amazonaws.com"
LARGEST_PAYLOAD = 128 * 1024
"""Bytes; AWS General Reference, "AWS IoT Core message broker and protocol limits and quotas"."""

CONNECT_ATTRIBUTES = "iot:connectattributes"


@patch(TARGET, "_mtls_start_locked", because="MiniStack's broker listens on all addresses, and on one fixed port.")
async def mtls_start_locked() -> None:
    """Listen on a free port of loopback; `endpoint` returns it."""
    if iot._mtls_server is None:
        loop = asyncio.get_running_loop()
        iot._mtls_server = await loop.create_server(iot._MtlsAcceptor, host="127.0.0.1", port=0)
        iot._mtls_loop = loop


@patch(TARGET, "_mtls_build_ssl_context", because="MiniStack serves a client without a certificate.")
def mtls_build_ssl_context(original: Original) -> ssl.SSLContext:
    """Return a context that refuses a client without a certificate, or with one that is not registered."""
    context: ssl.SSLContext = original()
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@patch(
    TARGET,
    "_MtlsAcceptor.connection_made",
    because="MiniStack pauses a transport while it is made; asyncio of Debian 12's Python 3.11.2 reads from it anyway.",
)
def connection_made(original: Original, self: Any, transport: asyncio.Transport) -> None:
    """Pause the transport again once asyncio has begun to read: what a client says first is for TLS alone."""
    original(self, transport)

    def pause() -> None:
        transport.resume_reading()
        transport.pause_reading()

    asyncio.get_running_loop().call_soon(pause)


def endpoint() -> dict[str, Any]:
    """Return where devices connect: `host`, `port`, and `ca`, the certificate (PEM) that signed the broker's."""
    if iot._mtls_server is None:
        raise RuntimeError("The MQTT broker is not listening")
    return {
        "host": "localhost",
        "port": iot._mtls_server.sockets[0].getsockname()[1],
        "ca": iot.get_ca_cert_pem(),
    }


COMMANDS = {"endpoint": endpoint}


def _attributes(session: Any) -> list[str]:
    """Return the attributes of a session's CONNECT, by the names of IoT policies."""
    has = {"PersistentConnect": session._persist_session, "LastWill": session._will_topic is not None}
    return [name for name, used in has.items() if used]


def _names_attributes(statement: dict[str, Any]) -> bool:
    """Return whether a statement of an IoT policy has a condition on the attributes of a CONNECT."""
    conditions = statement.get("Condition") or {}
    return any(key.lower() == CONNECT_ATTRIBUTES for keys in conditions.values() for key in keys)


@patch(
    TARGET,
    "_WSSession._policy_allows",
    because="MiniStack lets each policy's connections persist and have a will, and has no iot:ConnectAttributes.",
)
def policy_allows(original: Original, self: Any, action: str, resource: str) -> bool:
    """Return whether the session's policies allow an action; a CONNECT with its attributes.

    "By default, your policy has non-persistent connection and there are no attributes passed for this connection. You
    must specify a persistent connection in your IAM policy if you wish to have one."
    https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html#connect-attribute
    """
    if action != "iot:Connect" or self.certificate_id is None or self.provisioning_template is not None:
        return bool(original(self, action, resource))
    attributes, scope = _attributes(self), (self.account_id, self.region)
    with request_scope(*scope):
        record = iot._certificates.get(self.certificate_id) or {}
        policies = [iot._policies.get(name) for name in record.get("attachedPolicies", [])]
    context = {**self._policy_context, CONNECT_ATTRIBUTES: attributes}
    request = iot.EvalContext(
        principal_arn=f"arn:aws:iot:{self.region}:{self.account_id}:cert/{self.certificate_id}",
        principal_type="Certificate",
        principal_account=self.account_id,
        action=action,
        resource_arn=f"arn:aws:iot:{self.region}:{self.account_id}:{resource}",
        region=self.region,
        service_context=context,
    )
    variables = tuple(sorted(self._policy_context.items()))
    documents = []
    for policy in filter(None, policies):
        document = json.loads(policy["versions"][policy["defaultVersionId"]]["document"])
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        covering = [s for s in statements if not attributes or s.get("Effect") == "Deny" or _names_attributes(s)]
        documents.append(json.dumps({**document, "Statement": covering}))
    return bool(
        iot.evaluate(request, [iot._parsed_iot_policy(one, variables) for one in documents]).decision == "Allow"
    )


@patch(TARGET, "_WSSession._dispatch_packet", because="MiniStack's broker takes messages of 16 MB.")
async def dispatch_packet(original: Original, self: Any, pkt_type: int, flags: int, body: bytes) -> bool:
    """Handle a packet; end the connection of a client that publishes more than the quota allows."""
    if pkt_type == iot.PKT_PUBLISH:
        start = 2 + struct.unpack_from("!H", body)[0] + (2 if flags & 0x06 else 0)
        if len(body) - start > LARGEST_PAYLOAD:
            self._forced_disconnect_reason = "CLIENT_ERROR"
            return False
    return bool(await original(self, pkt_type, flags, body))


@patch(
    TARGET,
    "_dispatch_rule_action",
    because="MiniStack delivers whatever the function's policy and the action's role say, and calls a function once.",
)
async def dispatch_rule_action(
    original: Original, account_id: str, region: str, rule_name: str, action: dict[str, Any], event: Any
) -> None:
    """Run an action as AWS does. Raise an error that the rule's error action reports."""
    rule_arn = f"arn:aws:iot:{region}:{account_id}:rule/{rule_name}"
    if function := action.get("lambda"):
        _call(function["functionArn"], event, rule_arn, account_id, region)
    elif queue := action.get("sqs"):
        await asyncio.to_thread(_send, queue, event, rule_arn, region)
    else:
        await original(account_id, region, rule_name, action, event)


def _call(function_arn: str, event: Any, rule_arn: str, account_id: str, region: str) -> None:
    """Call a function asynchronously, with Lambda's retries and destination, if its policy lets the rule.

    https://docs.aws.amazon.com/iot/latest/developerguide/lambda-rule-action.html
    """
    with request_scope(account_id, region):
        function, config, _ = lambda_svc._get_func_record_for_ref(function_arn)
        policy = (function or {}).get("policy")
        action = "lambda:InvokeFunction"
        if not config or service_may(PRINCIPAL, action, function_arn, policy, rule_arn, account_id, region):
            raise PermissionError("Failed to invoke lambda function. The error code is 403")
        lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), event)


def _send(action: dict[str, Any], event: Any, rule_arn: str, region: str) -> None:
    """Send to a queue as the action's role, which needs the queue's key too.

    https://docs.aws.amazon.com/iot/latest/developerguide/sqs-rule-action.html
    """
    credentials = role_session(action["roleArn"], "iot", PRINCIPAL, rule_arn)
    body = event if isinstance(event, str) else json.dumps(event)
    client("sqs", region, credentials).send_message(QueueUrl=action["queueUrl"], MessageBody=body)


@patch(
    "ministack.core.iam_evaluator",
    "enforce",
    because="A retained message needs iot:RetainPublish too; MiniStack asks for it over MQTT only.",
)
def enforce(
    original: Original,
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Return None, or the denial of publishing or of retaining the message."""
    denied = original(access_key_id, iam_action, service, region, resource_arn, service_context)
    if denied is None and iam_action == "iot:Publish" and request_query.get().get("retain") == "true":
        return original(access_key_id, "iot:RetainPublish", service, region, resource_arn, service_context)
    return denied
