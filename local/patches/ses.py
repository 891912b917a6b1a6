"""SES as IAM sees it: sending is allowed on the sender's identity, under its address as a condition key.

MiniStack asks IAM about "*" for every send. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsesv2.html
"""

from __future__ import annotations

import contextvars
import json
from email.utils import parseaddr
from typing import Any
from urllib.parse import parse_qs

from ministack.services import ses, ses_v2

from local.patches.registry import Original, patch

_sender: contextvars.ContextVar[str] = contextvars.ContextVar("switchyard_sender", default="")


def sender_of(path: str, body: bytes) -> tuple[str, str]:
    """(bare From address, ARN of the identity if the request names one) of a send by either API; empty for others."""
    try:
        if path.startswith("/v2/email/outbound"):
            data = json.loads(body)
            return parseaddr(data.get("FromEmailAddress", ""))[1], data.get("FromEmailAddressIdentityArn", "")
        form = {k: v[0] for k, v in parse_qs(body.decode()).items()}
    except (ValueError, AttributeError):
        return "", ""
    if not form.get("Action", "").startswith("Send"):
        return "", ""
    return parseaddr(form.get("Source", ""))[1], form.get("SourceArn", "")


def identity_arn(address: str, region: str, account: str) -> str:
    """ARN of the verified identity that an address is sent under: the address itself, else its domain."""
    domain = address.rpartition("@")[2].lower()
    known = {name.lower() for name in [*ses._identities.keys(), *ses_v2._identities.keys()]}
    return f"arn:aws:ses:{region}:{account}:identity/{address if address.lower() in known else domain}"


@patch("ministack.core.iam_actions", "extract_resource_arn", because='MiniStack asks IAM about "*" for every send.')
def extract_resource_arn(
    original: Original,
    service: str,
    method: str,
    path: str,
    headers: Any,
    body: bytes,
    query_params: Any,
    region: str,
    account_id: str,
) -> str:
    """Return the ARN that IAM is asked about: of a send the sender's identity."""
    _sender.set("")
    if service == "ses":
        address, arn = sender_of(path, body)
        _sender.set(address)
        if address:
            return arn or identity_arn(address, region, account_id)
    return str(original(service, method, path, headers, body, query_params, region, account_id))


@patch("ministack.core.iam_evaluator", "enforce", because="MiniStack does not know the condition key ses:FromAddress.")
def enforce(
    original: Original,
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Evaluate a send with the sender's address as a condition key."""
    if iam_action.startswith("ses:Send") and _sender.get():
        service_context = {**(service_context or {}), "ses:FromAddress": _sender.get()}
    return original(access_key_id, iam_action, service, region, resource_arn, service_context)
