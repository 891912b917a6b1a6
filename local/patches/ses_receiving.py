"""SES receives mail: what a receipt rule may do is checked when it is made, and a mail that arrives is put through.

MiniStack keeps receipt rules and evaluates none. `COMMANDS["deliver"]` is the server of a sender: it hands over a mail
for some recipients, which SES accepts or refuses as the active rule set says. The actions S3, add header and
stop are implemented; another one refuses the mail, with the action's name.
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-concepts.html
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-permissions.html
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import firehose, s3, ses

from local.patches.registry import Original, patch
from local.permissions import service_may
from local.settings import ACCOUNT_ID, REGION

PRINCIPAL = "ses.amazonaws.com"
SETUP = "AMAZON_SES_SETUP_NOTIFICATION"
SETUP_TEXT = (
    b"Subject: Amazon SES Setup Notification\r\n\r\nYou received this message because you set up a receipt rule.\r\n"
)
LARGEST = 40 * 1024 * 1024
PASSED = {"spam": "PASS", "virus": "PASS", "spf": "pass", "dkim": "pass", "dmarc": "pass"}


class Unavailable(Exception):
    """SES refuses a mail, with an SMTP status."""


def matches(recipients: list[str], address: str) -> bool:
    """Return whether a rule for these recipients is for an address; without any, it is for all.

    "user@example.com" matches with a +label, too; "example.com" not its subdomains, and ".example.com" only those.
    """
    local, _, domain = address.lower().rpartition("@")
    plain = {f"{local}@{domain}", f"{local.split('+')[0]}@{domain}", domain}
    return not recipients or any(one in plain or (one.startswith(".") and domain.endswith(one)) for one in recipients)


# --- rules ----------------------------------------------------------------------------------------------------------


def rule_arn(rule_set: str, rule: str) -> str:
    """Return the ARN that SES presents as aws:SourceArn."""
    return f"arn:aws:ses:{get_region()}:{get_account_id()}:receipt-rule-set/{rule_set}:receipt-rule/{rule}"


def _refusal(action: dict[str, Any], source: str, key: str) -> str:
    """Return why SES may not write an object; empty if it may."""
    bucket = action["BucketName"]
    if bucket not in s3._buckets:
        return f"there is no bucket {bucket}"
    policy = s3._bucket_policies.get(bucket) or ""
    resource = f"arn:aws:s3:::{bucket}/{key}"
    return service_may(PRINCIPAL, "s3:PutObject", resource, policy, source, get_account_id(), get_region())


def _try(params: dict[str, Any]) -> Any:
    """Write the trial object of each S3 action. Return SES's error if one is refused, else None."""
    rule, rule_set = ses._receipt_rule_from_params(params), ses._p(params, "RuleSetName")
    for action in (one["S3Action"] for one in rule["Actions"] if "S3Action" in one):
        key = action.get("ObjectKeyPrefix", "") + SETUP
        if _refusal(action, rule_arn(rule_set, rule["Name"]), key):
            return ses._receipt_error("InvalidS3Configuration", f"Could not write to bucket: {action['BucketName']}")
        firehose._put_s3_object(action["BucketName"], key, SETUP_TEXT)
    return None


@patch("ministack.services.ses", "_create_receipt_rule", because="SES tries to write to the bucket of a new rule.")
def create_receipt_rule(original: Original, params: dict[str, Any]) -> Any:
    """Create a rule whose bucket accepts mail."""
    known = ses._p(params, "RuleSetName") in ses._receipt_rule_sets
    return (_try(params) if known else None) or original(params)


def _rules(params: dict[str, Any]) -> list[dict[str, Any]] | None:
    kept = ses._receipt_rule_sets.get(ses._p(params, "RuleSetName"))
    return None if kept is None else kept["Rules"]


def _update(params: dict[str, Any]) -> Any:
    """Answer UpdateReceiptRule: a rule keeps its place."""
    rules, rule = _rules(params), ses._receipt_rule_from_params(params)
    if rules is None:
        return ses._receipt_missing_set(ses._p(params, "RuleSetName"))
    at = next((number for number, one in enumerate(rules) if one["Name"] == rule["Name"]), None)
    if at is None:
        return ses._receipt_error("RuleDoesNotExist", f"Rule does not exist: {rule['Name']}")
    if refused := ses._receipt_rule_error(rule) or _try(params):
        return refused
    rules[at] = rule
    return ses._receipt_result("UpdateReceiptRule")


def _move(params: dict[str, Any]) -> Any:
    """Answer SetReceiptRulePosition: after another rule, or to the beginning."""
    rules, name, after = _rules(params), ses._p(params, "RuleName"), ses._p(params, "After")
    if rules is None:
        return ses._receipt_missing_set(ses._p(params, "RuleSetName"))
    for needed in filter(None, (name, after)):
        if needed not in [one["Name"] for one in rules]:
            return ses._receipt_error("RuleDoesNotExist", f"Rule does not exist: {needed}")
    moved = next(one for one in rules if one["Name"] == name)
    rules.remove(moved)
    rules.insert([one["Name"] for one in rules].index(after) + 1 if after else 0, moved)
    return ses._receipt_result("SetReceiptRulePosition")


_ADDED: dict[str, Callable[[dict[str, Any]], Any]] = {"UpdateReceiptRule": _update, "SetReceiptRulePosition": _move}


@patch("ministack.app", "SERVICE_HANDLERS[ses]", because="MiniStack cannot change receipt rules.")
async def handle(
    original: Original, method: str, path: str, headers: Any, body: bytes, query_params: dict[str, Any]
) -> Any:
    """Answer the two operations that change a rule. The others are MiniStack's."""
    if method == "POST" and not path.startswith("/v2/"):
        params = {**query_params, **ses.parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)}
        if added := _ADDED.get(ses._p(params, "Action")):
            return added(params)
    return await original(method, path, headers, body, query_params)


# --- mails ----------------------------------------------------------------------------------------------------------


def deliver(
    recipients: list[str],
    raw: str,
    sender: str = "ann@example.net",
    tls: bool = True,
    verdicts: dict[str, str] | None = None,
    account: str = ACCOUNT_ID,
    region: str = REGION,
) -> dict[str, Any]:
    """Hand over a mail (`raw` in base64) to SES as its sender's server does. Return its SES message ID and the rules.

    `verdicts` are what SES finds out: `spam` and `virus` (PASS, FAIL, GRAY, PROCESSING_FAILED), `spf`, `dkim`, `dmarc`.
    Without acceptance, the answer has SMTP's `refused` instead.
    """
    with request_scope(account, region):
        try:
            return _accept(recipients, base64.b64decode(raw), sender, tls, PASSED | (verdicts or {}))
        except Unavailable as error:
            return {"refused": str(error)}


def _accept(recipients: list[str], mail: bytes, sender: str, tls: bool, verdicts: dict[str, str]) -> dict[str, Any]:
    active = ses._active_receipt_rule_set.get("name")
    domains = {name.lower() for name, one in ses._identities.items() if one.get("VerificationStatus") == "Success"}
    here = [
        one for one in recipients if not domains.isdisjoint(ses._domain_and_parents(one.lower().rpartition("@")[2]))
    ]
    rules = [rule for rule in (ses._receipt_rule_sets[active]["Rules"] if active else []) if rule["Enabled"]]
    chosen = [rule for rule in rules if any(matches(rule.get("Recipients", []), one) for one in here)]
    if not chosen:
        raise Unavailable("550 5.1.1 Requested action not taken: mailbox unavailable")
    if len(mail) > LARGEST:
        raise Unavailable("552 5.3.4 Message size exceeds fixed limit")
    message_id, added, done = secrets.token_hex(20), list[bytes](), list[str]()
    for rule in chosen:
        if rule["TlsPolicy"] == "Require" and not tls:
            raise Unavailable("530 5.7.1 Must issue a STARTTLS command first")
        matched = [one for one in here if matches(rule.get("Recipients", []), one)]
        done.append(rule["Name"])
        stamp = _stamp(message_id, sender, matched[0], verdicts, rule["ScanEnabled"])
        if not _perform(rule, rule_arn(active, rule["Name"]), message_id, stamp, mail, added):
            break
    return {"messageId": message_id, "rules": done}


def _perform(rule: dict[str, Any], source: str, message_id: str, stamp: bytes, mail: bytes, added: list[bytes]) -> bool:
    """Perform a rule's actions. Return False after a stop."""
    for action in rule["Actions"]:
        (kind, of), *_ = action.items()
        if kind == "StopAction":
            return False
        if kind == "AddHeaderAction":
            added.append(f"{of['HeaderName']}: {of['HeaderValue']}\r\n".encode())
        elif kind == "S3Action" and set(of) <= {"BucketName", "ObjectKeyPrefix"}:
            key = of.get("ObjectKeyPrefix", "") + message_id
            if reason := _refusal(of, source, key):
                raise Unavailable(f"451 4.3.0 {reason}")  # SES tries again for some hours, then bounces
            firehose._put_s3_object(of["BucketName"], key, stamp + b"".join(added) + mail)
        else:
            raise Unavailable(f"451 4.3.0 The local cloud does not implement {kind} with {', '.join(sorted(of))}.")
    return True


def _stamp(message_id: str, sender: str, recipient: str, verdicts: dict[str, str], scanned: bool) -> bytes:
    """Return the fields that SES puts before those of a mail."""
    host = f"inbound-smtp.{get_region()}.amazonaws.com"
    found = [f"X-SES-{kind.capitalize()}-Verdict: {verdicts[kind]}" for kind in ("spam", "virus") if scanned]
    domain = sender.rpartition("@")[2] or "example.net"
    lines = [
        f"Return-Path: <{sender}>",
        f"Received: from mail.{domain} (mail.{domain} [203.0.113.9])",
        f" by {host} with SMTP id {message_id}",
        f" for {recipient};",
        f" {formatdate()} (UTC)",
        *found,
        f"Received-SPF: {verdicts['spf']} (spfCheck: domain of {domain}) client-ip=203.0.113.9;",
        f" envelope-from={sender};",
        "Authentication-Results: amazonses.com;",
        f" spf={verdicts['spf']} (spfCheck: domain of {domain}) client-ip=203.0.113.9;",
        f" dkim={verdicts['dkim']} header.i=@{domain};",
        f" dmarc={verdicts['dmarc']} header.from={domain};",
        f"X-SES-RECEIPT: {base64.b64encode(message_id.encode()).decode()}",
    ]
    return "\r\n".join([*lines, ""]).encode()


COMMANDS = {"deliver": deliver}
