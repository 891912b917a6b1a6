"""SES sends raw mails: what it accepts, which permission that needs, and what it reports of it.

MiniStack takes anything, asks IAM about SendEmail, and keeps neither the bytes nor the tags of a raw mail. SES v2 needs
`ses:SendRawEmail` for it (https://github.com/symfony/symfony/issues/51461), refuses what its guide says, and sends an
event to EventBridge if the configuration set has such a destination.
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_RawMessage.html
https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
https://docs.aws.amazon.com/ses/latest/dg/attachments.html
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

import base64
import collections
import email
import email.policy
import json
import re
import time
from email.utils import getaddresses, parseaddr
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ses, ses_v2

from local.patches.registry import Original, patch
from local.services import events
from local.settings import ACCOUNT_ID, REGION


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


LARGEST = 40 * 1024 * 1024
"""Bytes of a mail after encoding in base64."""
LONGEST_LINE = 1000
MOST_PARTS = 500
MOST_DESTINATIONS = 50
# Of the fields that SES accepts once, those that mails have; the body's own and our sender's are the usual ones.
ONCE = _names(
    "auto-submitted cc comments content-description content-disposition content-id content-language content-location "
    "content-md5 content-transfer-encoding content-type date delivered-to disposition-notification-to dkim-signature "
    "domainkey-signature errors-to from importance in-reply-to keywords list-archive list-help list-id list-owner "
    "list-post list-subscribe list-unsubscribe list-unsubscribe-post message-id mime-version organization precedence "
    "priority references reply-to return-path return-receipt-to sender sensitivity subject thread-index thread-topic "
    "to user-agent"
)
REFUSED_FILES = _names(
    "ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its js jse ksh lib "
    "lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 msh2 mshxml msh1xml msh2xml "
    "msi msp mst ops pcd pif plg prf prg reg scf scr sct shb shs sys ps1 ps1xml ps2 ps2xml psc1 psc2 tmp url vb vbe "
    "vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh xnk"
)

sent: collections.deque[dict[str, Any]] = collections.deque(maxlen=2_000)
"""Raw mails, oldest first: id, at, from, to, raw (base64), tags."""


def problem(raw: bytes) -> str:
    """Return why SES refuses a raw mail; empty if it accepts it."""
    if len(base64.b64encode(raw)) > LARGEST:
        return "Message length is more than 41943040 bytes long."
    section = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    names = collections.Counter(name.lower().decode() for name in re.findall(rb"(?m)^([!-9;-~]+):", section))
    if twice := [name for name in names if names[name] > 1 and name in ONCE]:
        return f"Duplicate header '{twice[0].title()}'."
    if any(len(line) > LONGEST_LINE - 2 for line in re.split(rb"\r\n|\r|\n", raw)):
        return f"Line too long: more than {LONGEST_LINE} characters."
    try:
        parsed = email.message_from_bytes(raw, policy=email.policy.compat32)
        parts = list(parsed.walk())
    except RecursionError:
        return "Too many MIME parts."
    if len(parts) > MOST_PARTS:
        return "Too many MIME parts."
    if "@" not in parseaddr(str(parsed.get("From")))[1]:
        return "Missing required header 'From'."
    for name in ("To", "Cc", "Reply-To"):
        if any("@" not in address for _, address in getaddresses(parsed.get_all(name, [])) if address):
            return "Missing final '@domain'"
    files = [str(part.get_filename() or "").lower() for part in parts]
    refused = [name for name in files if "." in name and name.rpartition(".")[2] in REFUSED_FILES]
    return f"Illegal filename '{refused[0]}'." if refused else ""


def _raw(body: bytes) -> bytes | None:
    """Return the raw mail of a request for a v2 send, or None."""
    try:
        data = json.loads(body)["Content"]["Raw"]["Data"]
    except (KeyError, TypeError, ValueError):
        return None
    return base64.b64decode(data)


def _is_send(method: str, path: str) -> bool:
    return method == "POST" and path.rstrip("/") == "/v2/email/outbound-emails"


@patch("ministack.core.iam_actions", "extract_iam_action", because="A raw mail needs ses:SendRawEmail, also in SES v2.")
def extract_iam_action(
    original: Original,
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, Any],
) -> Any:
    """Return the action that IAM is asked about."""
    if service == "ses" and _is_send(method, path) and _raw(body) is not None:
        return "ses:SendRawEmail"
    return original(service, method, path, headers, body, query_params)


@patch(
    "ministack.services.ses_v2", "handle_request", because="MiniStack takes any raw mail, and reports nothing of it."
)
async def handle_request(
    original: Original, method: str, path: str, headers: Any, body: bytes, query_params: dict[str, Any]
) -> Any:
    """Send a raw mail that SES accepts; keep it, and report it."""
    raw = _raw(body) if _is_send(method, path) else None
    if raw is None:
        return await original(method, path, headers, body, query_params)
    data = json.loads(body)
    name, to = data.get("ConfigurationSetName"), data.get("Destination", {}).get("ToAddresses", [])
    if name and name not in ses_v2._config_sets and name not in ses._configuration_sets:
        return ses_v2._json_err("NotFoundException", f"Configuration set <{name}> does not exist.", 404)
    if len(to) > MOST_DESTINATIONS:
        return ses_v2._json_err("BadRequestException", "Recipient count exceeds 50.")
    if reason := problem(raw):
        return ses_v2._json_err("BadRequestException", reason)
    answer = await original(method, path, headers, body, query_params)
    if answer[0] == 200:
        tags = {one["Name"]: one["Value"] for one in data.get("EmailTags", [])}
        message = {
            "id": json.loads(answer[2])["MessageId"],
            "at": time.time(),
            "from": data.get("FromEmailAddress", ""),
            "to": to,
            "raw": base64.b64encode(raw).decode(),
            "tags": tags,
            "set": name,
        }
        sent.append(message)
        _report(message, "SEND", "Email Sent", "Send")
    return answer


def _report(message: dict[str, Any], kind: str, detail_type: str, event_type: str) -> None:
    """Send an event to EventBridge if the mail's configuration set has a destination for it."""
    record = ses_v2._config_sets.get(message["set"] or "") or {}
    for one in (record.get("EventDestinations") or {}).values():
        if one["Enabled"] and kind in one["MatchingEventTypes"] and one.get("EventBridgeDestination"):
            tags = {name: [value] for name, value in message["tags"].items()}
            mail = {
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "source": message["from"],
                "messageId": message["id"],
                "destination": message["to"],
                "tags": {"ses:configuration-set": [message["set"]], **tags},
            }
            arn = f"arn:aws:ses:{get_region()}:{get_account_id()}:configuration-set/{message['set']}"
            detail = {"eventType": event_type, "mail": mail, event_type.lower(): {}}
            events.emit("aws.ses", detail_type, detail, [arn], get_account_id(), get_region())


def sent_to(address: str) -> list[dict[str, Any]]:
    """Return the raw mails to an address, oldest first."""
    return [one for one in list(sent) if address in one["to"]]


def bounce(message_id: str, account: str = ACCOUNT_ID, region: str = REGION) -> None:
    """Report a hard bounce of a raw mail, as the server of its destination causes it."""
    message = next(one for one in list(sent) if one["id"] == message_id)
    with request_scope(account, region):
        _report(message, "BOUNCE", "Email Bounced", "Bounce")


COMMANDS = {"sent_to": sent_to, "bounce": bounce}
