"""SES as IAM sees it: sending is allowed on the sender's identity, under its address as a condition key.

And on the configuration set that the request names or that is the identity's default one: its resource types are
identity and configuration-set. MiniStack asks IAM about "*" for every send, and keeps no default.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsesv2.html
What AWS answers without the right to the set: https://github.com/aws/aws-cdk/issues/34402
"""

from __future__ import annotations

import contextvars
import json
import re
from email.utils import parseaddr
from typing import Any
from urllib.parse import parse_qs, unquote

from ministack.core.responses import json_response
from ministack.services import ses, ses_v2

from local.patches.registry import Original, patch

_sender: contextvars.ContextVar[str] = contextvars.ContextVar("switchyard_sender", default="")
_configuration_set: contextvars.ContextVar[str] = contextvars.ContextVar("switchyard_configuration_set", default="")
_DEFAULT_SET = re.compile(r"/v2/email/identities/([^/]+)/configuration-set/?")


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


def _records(identity: str) -> list[dict[str, Any]]:
    """Return what both APIs keep of an identity."""
    return [record for store in (ses_v2._identities, ses._identities) if (record := store.get(identity)) is not None]


def configuration_set_of(path: str, body: bytes, identity: str) -> str:
    """Return the configuration set of a send: the one it names, else the identity's default one; or nothing."""
    if path.startswith("/v2/email/outbound"):
        named = json.loads(body).get("ConfigurationSetName")
    else:
        named = parse_qs(body.decode()).get("ConfigurationSetName", [""])[0]
    defaults = [record["ConfigurationSetName"] for record in _records(identity) if record.get("ConfigurationSetName")]
    return str(named or next(iter(defaults), ""))


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
    _configuration_set.set("")
    if service == "ses":
        address, arn = sender_of(path, body)
        _sender.set(address)
        if address:
            arn = arn or identity_arn(address, region, account_id)
            name = configuration_set_of(path, body, arn.partition(":identity/")[2])
            _configuration_set.set(f"arn:aws:ses:{region}:{account_id}:configuration-set/{name}" if name else "")
            return arn
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
    """Evaluate a send with the sender's address as a condition key, on the identity and on the configuration set."""
    if not iam_action.startswith("ses:Send") or not _sender.get():
        return original(access_key_id, iam_action, service, region, resource_arn, service_context)
    service_context = {**(service_context or {}), "ses:FromAddress": _sender.get()}
    denied = original(access_key_id, iam_action, service, region, resource_arn, service_context)
    if denied is None and _configuration_set.get():
        denied = original(access_key_id, iam_action, service, region, _configuration_set.get(), service_context)
    return denied


@patch("ministack.services.ses_v2", "handle_request", because="MiniStack keeps no default configuration set.")
async def handle_request(
    original: Original, method: str, path: str, headers: Any, body: bytes, query_params: dict[str, Any]
) -> Any:
    """Keep the default configuration set of an identity: two operations set it."""
    found = _DEFAULT_SET.fullmatch(path) if method == "PUT" else None
    creates = method == "POST" and path.rstrip("/") == "/v2/email/identities"
    data = json.loads(body or b"{}") if found or creates else {}
    name = data.get("ConfigurationSetName")
    if name and name not in ses_v2._config_sets and name not in ses._configuration_sets:
        return ses_v2._json_err("NotFoundException", f"Configuration set <{name}> does not exist.", 404)
    if found:
        identity = unquote(found[1])
        if not _records(identity):
            return ses_v2._json_err("NotFoundException", f"Email identity {identity} does not exist.", 404)
        _set_default(identity, name)
        return json_response({})
    answer = await original(method, path, headers, body, query_params)
    if creates and answer[0] == 200 and name:
        _set_default(data["EmailIdentity"], name)
    return answer


def _set_default(identity: str, name: str | None) -> None:
    for record in _records(identity):
        record.pop("ConfigurationSetName", None)
        if name:
            record["ConfigurationSetName"] = name
