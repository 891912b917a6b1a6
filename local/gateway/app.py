"""One loopback endpoint for every AWS API: records the call, injects faults, lets the engines answer.

ASGI. Requests under /_switchyard/ are the control interface of tests and scenarios (`local.gateway.control`).
"""

from __future__ import annotations

import asyncio
import collections
import gc
import json
import logging
import re
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from local import patches, permissions
from local.gateway.calls import Call, Calls
from local.gateway.control import Control, command
from local.gateway.faults import Faults, Rule, error_of
from local.settings import ACCOUNT_ID, REGION

logger = logging.getLogger("switchyard.gateway")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

CONTROL = "/_switchyard/"
_SCOPE = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/([^/]+)/")


class Gateway:
    """The ASGI application."""

    def __init__(self) -> None:
        patches.install()
        from ministack.app import app

        self.app, self.calls, self.faults = app, Calls(), Faults()
        self._control = Control(self.calls, self.faults)
        self.answers: collections.OrderedDict[str, list[dict[str, Any]]] = collections.OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"].startswith(CONTROL):
            await self._answer_control(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.time()
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        body = await _body(receive)
        permissions.request_headers.set(headers)
        permissions.request_body.set(body)
        checks: list[permissions.Checked] = []
        permissions.checks.set(checks)
        permissions.request_query.set({k: v[0] for k, v in parse_qs(scope.get("query_string", b"").decode()).items()})
        if "x-forwarded-proto" not in headers:  # loopback stands for TLS: policies with aws:SecureTransport apply
            scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        service, operation, principal, account, region = _identify(scope, headers, body)
        rule = self.faults.hit(service, operation, principal) if service else None
        status, error, recorded = 0, "", False
        # Connections of Terraform's provider sometimes break before an answer gets through (the cause is unknown). Its
        # retry of a "create" would be refused, so the gateway gives it the answer to the first try.
        agent = _agent(headers.get("user-agent", ""))
        invocation = headers.get("amz-sdk-invocation-id", "") if agent == "Terraform" else ""
        if invocation in self.answers and not rule:
            logger.warning("Terraform did not get the answer to %s:%s, so it is sent again", service, operation)
            for message in self.answers[invocation]:  # kept: that answer may be lost, too
                await send(message)
            return
        answer: list[dict[str, Any]] = []

        def record() -> None:
            """Record the call before the end of the answer is sent: the caller's next request finds it recorded."""
            nonlocal recorded
            if service and not recorded:
                recorded = True
                took = (time.time() - started) * 1000
                fault = rule.kind if rule else ""
                self.calls.add(
                    Call(
                        started,
                        service,
                        operation,
                        principal,
                        account,
                        region,
                        status,
                        took,
                        fault,
                        error,
                        agent,
                        tuple(checks) if agent == "Terraform" else (),
                        invocation,
                    )
                )

        async def counted(message: dict[str, Any]) -> None:
            nonlocal status, error
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status >= 400 and not error:
                error = _error_in(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                record()
            if invocation and status < 300:
                answer.append(message)
                self._keep_answer(invocation, answer)
            await send(message)

        async def swallow(message: dict[str, Any]) -> None:
            pass

        try:
            if rule and rule.after:
                await self.app(scope, _replay(body, receive), swallow)
            if rule:
                await _fail(rule, service, operation, principal, headers, counted)
            if not rule or rule.kind == "latency":
                await self.app(scope, _replay(body, receive), counted)
        finally:
            record()  # if the connection was cut, too

    def _keep_answer(self, invocation: str, answer: list[dict[str, Any]]) -> None:
        """Keep the last thousand answers, by the SDK's id of the call, which all its tries share."""
        self.answers[invocation] = answer
        if len(self.answers) > 1000:
            self.answers.popitem(last=False)

    async def _answer_control(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = {k: v[0] for k, v in parse_qs(scope.get("query_string", b"").decode()).items()}
        body = await _body(receive)
        data = json.loads(body) if body else {}
        name = scope["path"].removeprefix(CONTROL)
        try:
            answer, status = await asyncio.to_thread(self._control.answer, scope["method"], name, query, data), 200
        except Exception as error:  # the answer reports whatever error a command raises
            answer = {"error": f"{type(error).__name__}: {error}"}
            status = 404 if isinstance(error, LookupError) else 400  # 404: a state that Terraform has not written
        await _send_json(send, status, answer)


def _identify(scope: Scope, headers: dict[str, str], body: bytes) -> tuple[str, str, str, str, str]:
    """Return (service, operation, principal ARN, account, Region).

    The service is the IAM prefix. All are empty for an unsigned request that is not an operation of Cognito.
    """
    from ministack import app as ministack
    from ministack.core.iam_actions import extract_iam_action
    from ministack.services import sts

    query = parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True)
    credential = (query.get("X-Amz-Credential") or [""])[0]
    signed = _SCOPE.search(headers.get("authorization", "") or f"Credential={credential}/")
    if not signed:
        # Cognito's operations that a token or password authorizes have no signature. They count, and faults apply.
        api, _, operation = headers.get("x-amz-target", "").partition(".")
        if api != "AWSCognitoIdentityProviderService":
            return "", "", "", "", ""
        return "cognito-idp", operation, f"anonymous/{_pool_of(body)}", ACCOUNT_ID, REGION
    key, region, _ = signed.groups()
    path = scope["path"]
    routing = ministack._routing_params(scope["method"], path, headers, body, query)
    service = ministack.detect_service(scope["method"], path, headers, routing)
    action = extract_iam_action(service, scope["method"], path, headers, body, routing) or f"{service}:"
    session = sts._sessions.get(key) or {}
    account = key if re.fullmatch(r"\d{12}", key) else ACCOUNT_ID
    arn = str(session.get("Arn") or f"arn:aws:iam::{account}:root")
    prefix, _, operation = action.partition(":")
    return prefix, operation, arn, arn.split(":")[4], region


def _error_in(body: bytes) -> str:
    """Return the error code in the body of an answer, JSON or XML, or an empty string."""
    found = re.search(rb'(?:"(?:__type|[Cc]ode)"\s*:\s*"|<Code>)([^"<]+)', body)
    return found[1].decode("latin-1").rpartition("#")[2] if found else ""


def _agent(user_agent: str) -> str:
    """Return the calling program: `Terraform`, the application id that the SDK was given, or an empty string."""
    found = re.search(r"(?:^|\s)(?:app/(\S+)|(Terraform)/)", user_agent)
    return (found[1] or found[2]) if found else ""


def _pool_of(body: bytes) -> str:
    """Return the name of the user pool whose app client or token an unsigned call names, or an empty string."""
    from ministack.services import cognito

    try:
        data = json.loads(body)
        client = data.get("ClientId") or cognito._token_claims(data.get("AccessToken")).get("client_id")
    except (ValueError, AttributeError):
        return ""
    pools = [pool for _, pool in cognito._user_pools.all_items() if client in pool["_clients"]]
    return str(pools[0]["Name"]) if pools else ""


# The name by which MiniStack knows a service, where it differs from the IAM prefix and decides the protocol.
_ENGINE_NAMES = {"cloudwatch": "monitoring"}


async def _fail(rule: Rule, service: str, operation: str, principal: str, headers: dict[str, str], send: Send) -> None:
    if rule.kind == "latency":
        await asyncio.sleep(rule.seconds)
    elif rule.kind == "timeout":
        await asyncio.sleep(rule.seconds)
        await _cut(send)
    elif rule.kind == "reset":
        await _cut(send)
    elif rule.kind == "kill":
        await asyncio.to_thread(command, "lambda_runtime/kill", {"function": principal.rsplit("/", 1)[-1]})
        await _cut(send)
    else:
        from ministack.core.iam_actions import access_denied_response

        code, status, message = error_of(rule, service)
        denied = access_denied_response(
            _ENGINE_NAMES.get(service, service),
            f"{service}:{operation}",
            "",
            str(uuid.uuid4()),
            error_code=code,
            message=message,
            headers=headers,
        )
        await _send(send, status, {**denied[1], "x-amzn-errortype": code}, denied[2])


async def _cut(send: Send) -> None:
    """Close the connection in the middle of an answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1048576")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise ConnectionResetError("injected fault")


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> dict[str, Any]:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _send(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    encoded = [(k.encode(), v.encode()) for k, v in headers.items() if k.lower() != "content-length"]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def _send_json(send: Send, status: int, data: Any) -> None:
    await _send(send, status, {"content-type": "application/json"}, json.dumps(data, default=str).encode())


def serve(descriptor: int) -> None:
    """Run the gateway on an inherited socket that listens on loopback, until the process is stopped."""
    import uvicorn

    # A full collection looks at everything that the engines keep, and finds little: a tenth of the time.
    gc.set_threshold(20_000, 50, 100)
    config = uvicorn.Config(
        Gateway(),
        http="httptools",
        ws="none",
        # Longer than any client keeps an idle connection (Go's SDK: 90 s): if the server closed one just as a request
        # arrived, the request would be carried out, its answer lost, and the SDK's retry refused.
        timeout_keep_alive=3600,
        access_log=False,
        log_level="warning",
        date_header=False,  # the engines' answers have theirs
        server_header=False,
    )
    listener = socket.socket(fileno=descriptor)
    listener.set_inheritable(False)
    uvicorn.Server(config).run(sockets=[listener])
