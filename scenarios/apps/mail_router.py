"""Mails arrive at SES and are routed by language: awkward ones, loops, edits, bounces, faults and lost answers.

Those that name a product go to a partner, without personal data.
"""

from __future__ import annotations

import base64
import contextlib
import email
import email.policy
import functools
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios import mails
from scenarios.mails import CATCH_ALL, NOTICE, WITHHELD, Mail

DOMAIN = "router.example.com"
INBOX, CATCH_ALL_ADDRESS = f"info@{DOMAIN}", f"catchall@{DOMAIN}"
TO = {"en": f"english@{DOMAIN}", "fr": f"french@{DOMAIN}", "de": f"german@{DOMAIN}", CATCH_ALL: CATCH_ALL_ADDRESS}
PARTNER = f"partner@{DOMAIN}"
PRODUCT, RECOGNIZER = "AX-100", "switchyard-scenario-products"
PERSONAL = ("Ann", "b.b@example.net", "+41 44 123 45 67", "4111 1111 1111 1111", "passport")
ROLE = "switchyard-mail-router-function"
LARGEST = 2 * 1024 * 1024

PLAIN: dict[str, Any] = {
    "recipients": [INBOX],
    "from_address": f"router@{DOMAIN}",
    "catch_all_address": CATCH_ALL_ADDRESS,
    "destinations": {"en": TO["en"], "fr": TO["fr"]},
    "mailboxes": {"english": TO["en"], "french": TO["fr"], "catchall": CATCH_ALL_ADDRESS},
    "minimum_score": 0.5,  # the local Comprehend is less sure
    "maximum_megabytes": 2,
    "force_destroy": True,
    "deletion_protection": False,
}
"""The settings without entities and redaction."""

seconds = 50
test_seconds = 30
variables: dict[str, Any] = {
    "mail_router": {
        **PLAIN,
        "destinations": {**PLAIN["destinations"], f"entity:PRODUCT:{PRODUCT}": PARTNER},
        "mailboxes": {**PLAIN["mailboxes"], "partner": PARTNER},
        "entity_endpoint_arn": f"arn:aws:comprehend:{REGION}:{ACCOUNT_ID}:entity-recognizer-endpoint/{RECOGNIZER}",
        "redaction": {"exempt_destinations": list(TO.values())},
    }
}

FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": ROLE},
    {"kind": "error", "status": 500, "rate": 0.1, "principal": ROLE},
]
LOST: list[dict[str, Any]] = [
    {"kind": "kill", "service": "ses", "operation": "*"},
    {"kind": "kill", "service": "ses", "operation": "*", "after": True},
    {"kind": "kill", "service": "dynamodb", "operation": "PutItem", "after": True},
    {"kind": "reset", "service": "ses", "operation": "*", "after": True},
    {"kind": "error", "service": "ses", "operation": "*", "after": True},
]
"""The worst moments, each once: before and after SES has accepted a mail, and after its record."""


def prepare(stack: Stack) -> dict[str, Any]:
    """Verify the domain and train a recognizer, as an account with SES and Comprehend has them. Return no variables."""
    stack.client("ses").verify_domain_identity(Domain=DOMAIN)
    comprehend = stack.client("comprehend")
    recognizer = comprehend.create_entity_recognizer(
        RecognizerName=RECOGNIZER,
        DataAccessRoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/comprehend",
        InputDataConfig={"EntityTypes": [{"Type": "PRODUCT"}], "EntityList": {"S3Uri": "s3://lists/products.csv"}},
        LanguageCode="en",
    )["EntityRecognizerArn"]
    stack.cloud.command("comprehend/train", {"recognizer_arn": recognizer, "entities": {PRODUCT: "PRODUCT"}})
    with contextlib.suppress(comprehend.exceptions.ResourceInUseException):
        comprehend.create_endpoint(EndpointName=RECOGNIZER, ModelArn=recognizer, DesiredInferenceUnits=1)
    return {}


def fresh(stack: Stack, raw: bytes, more: str = "") -> bytes:
    """Return a mail as another one of this run: a repeated mail would go out once."""
    return raw.replace(b"Message-ID: <", f"Message-ID: <{stack.token}{more}.".encode(), 1)


def arrive(stack: Stack, mail: Mail, to: Iterable[str] = (INBOX,)) -> str:
    """Hand a mail to SES as its sender's server does. Return the key of the object."""
    answer = stack.cloud.command(
        "ses_receiving/deliver",
        {
            "recipients": list(to),
            "raw": base64.b64encode(mail.raw).decode(),
            "sender": mail.sender,
            "verdicts": mail.verdicts,
        },
    )
    return f"inbox/{answer['messageId']}"


def records(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return the items of the mails that went out, by the key of the object."""
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs["mail_table_name"])
    return {item["objectKey"]["S"]: item for page in pages for item in page["Items"]}


def settled(stack: Stack, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Wait until SES has reported these mails as sent. Return their items."""
    wanted = set(keys)

    def probe() -> dict[str, dict[str, Any]]:
        found = {key: item for key, item in records(stack).items() if key in wanted}
        done = len(found) == len(wanted) and all(item["state"]["S"] != "sending" for item in found.values())
        return found if done else {}

    return wait_until("the mails", probe, 90)


def confirmed(stack: Stack, keys: Iterable[str]) -> bool:
    """Return whether no mail waits for SES's report; end the wait for those that SES does not have.

    `claimedAt` is put back instead of waiting: how long a report takes here depends on how busy the machine is.
    """
    items = records(stack)  # before SES's list: what is sent in between is on that list
    waiting = {key: item for key, item in items.items() if key in keys and item["state"]["S"] == "sending"}
    accepted, dynamodb = set(sent(stack)), stack.client("dynamodb")
    for item in waiting.values():
        if item["mailId"]["S"] not in accepted:
            with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):  # attempted meanwhile
                dynamodb.update_item(
                    TableName=stack.outputs["mail_table_name"],
                    Key={"mailId": item["mailId"]},
                    UpdateExpression="SET claimedAt = :long_ago",
                    ConditionExpression="claimedAt = :claimed",
                    ExpressionAttributeValues={":long_ago": {"N": "0"}, ":claimed": item["claimedAt"]},
                )
    return not waiting


def sent(stack: Stack, to: Iterable[str] = ()) -> dict[str, list[dict[str, Any]]]:
    """Return the mails that SES has accepted, by the ID of their record."""
    found: dict[str, list[dict[str, Any]]] = {}
    for address in to or [*TO.values(), PARTNER]:
        for one in stack.cloud.command("ses_sending/sent_to", {"address": address}):
            found.setdefault(one["tags"].get("mail", ""), []).append(one)
    return found


def routed(stack: Stack, keys: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the mails that went out, by the key of the original."""
    items, accepted = settled(stack, keys), sent(stack)
    return {key: accepted.get(item["mailId"]["S"], []) for key, item in items.items()}


def withheld(stack: Stack, keys: Iterable[str]) -> dict[str, str]:
    """Wait until the function has logged that it withholds these mails. Return the reasons."""
    wanted = set(keys)

    def probe() -> dict[str, str]:
        lines = [line for line in stack.logged(stack.outputs["function_names"]["route"]) if "mail withheld" in line]
        found = {entry["key"]: entry["reason"] for entry in map(json.loads, lines) if entry["key"] in wanted}
        return found if len(found) == len(wanted) else {}

    return wait_until("the withheld mails", probe, 90)


def raw(message: dict[str, Any]) -> bytes:
    """Return the bytes of a mail that SES has accepted."""
    return base64.b64decode(message["raw"])


def run(stack: Stack, report: Report) -> None:
    """Check the specification's acceptance, then awkward mails, edits, loops, faults and activation."""
    acceptance(stack, report)
    awkward(stack, report)
    edited(stack, report)
    large(stack, report)
    bounced(stack, report)
    personal(stack, report)
    faults(stack, report)
    activation(stack, report)
    report.sent = (
        f"{len(mails.shapes())} awkward mails;\nrepeated, large and bounced ones, loops;\nproducts, personal data;\n"
        "20 % of all calls fail;\nkilled functions, lost answers"
    )


def acceptance(stack: Stack, report: Report) -> None:
    """Send the specification's mails; each reaches its team's folder, and its original stays."""
    shapes = mails.shapes()
    names = {"plain English": "english", "plain French": "french", "another language": "catchall"}
    keys = {name: arrive(stack, shapes[name]._replace(raw=fresh(stack, shapes[name].raw))) for name in names}
    found = routed(stack, keys.values())
    for name, folder in names.items():
        (message,) = found[keys[name]]
        report.check(f"{name}: goes to {folder}", message["to"], [f"{folder}@{DOMAIN}"])
        stored = in_mailbox(stack, message, folder)
        report.check(f"{name}: is stored under {folder}/", mails.parts(stored), mails.parts(shapes[name].raw))
    kept = stack.client("s3").get_object(Bucket=stack.outputs["archive_bucket"], Key=keys["plain English"])
    report.check("the original stays", kept["Body"].read().endswith(fresh(stack, shapes["plain English"].raw)))
    report.check("encrypted with the stack's key", kept["ServerSideEncryption"], "aws:kms")
    back = arrive(stack, Mail(raw(found[keys["plain English"]][0]), ""))
    report.check("what comes back is not routed again", withheld(stack, [back]), {back: "loop"})


def in_mailbox(stack: Stack, message: dict[str, Any], folder: str) -> bytes:
    """Deliver a mail that SES has accepted to its mailbox. Return the mail that is stored there."""
    key = arrive(stack, Mail(raw(message), "", {}, f"router@{DOMAIN}"), message["to"]).removeprefix("inbox/")
    return wait_until("the mailbox", functools.partial(_object, stack, f"{folder}/{key}"))


def _object(stack: Stack, key: str) -> bytes:
    s3, bucket = stack.client("s3"), {"Bucket": stack.outputs["archive_bucket"]}
    listed = s3.list_objects_v2(Prefix=key, **bucket).get("Contents")
    return bytes(s3.get_object(Key=key, **bucket)["Body"].read()) if listed else b""


def awkward(stack: Stack, report: Report) -> None:
    """Send every shape; each goes where it should, with the same parts."""
    shapes = {name: one._replace(raw=fresh(stack, one.raw, "-shape")) for name, one in mails.shapes().items()}
    with ThreadPoolExecutor(4) as pool:
        keys = dict(zip(shapes, pool.map(lambda one: arrive(stack, one), shapes.values()), strict=True))
    stay = [name for name, one in shapes.items() if one.goes == WITHHELD]
    out = [name for name in shapes if name not in stay]
    found = routed(stack, [keys[name] for name in out])
    report.check("each mail that goes out goes out once", {len(found[keys[name]]) for name in out}, {1})
    first = {name: found[keys[name]][0] for name in out}
    wrong = [n for n in out if shapes[n].goes != NOTICE and first[n]["to"] != [TO[shapes[n].goes]]]
    report.check(f"{len(out)} mails go where they should", wrong, [])
    changed = [n for n in out if shapes[n].goes != NOTICE and mails.parts(raw(first[n])) != mails.parts(shapes[n].raw)]
    report.check("with the same parts", changed, [])
    notices = [n for n in out if shapes[n].goes == NOTICE and len(raw(first[n])) < 3_000]
    report.check("or a notice", notices, [n for n in out if shapes[n].goes == NOTICE])
    reasons = withheld(stack, [keys[name] for name in stay])
    known = {"virus", "spam", "automatic_reply"}
    report.check(f"{len(stay)} mails stay in the archive, with a reason", set(reasons.values()), known)
    report.check("and are not sent", [name for name in stay if keys[name] in records(stack)], [])


def edited(stack: Stack, report: Report) -> None:
    """Add a language while the router runs, and send a mail twice."""
    table, item = stack.outputs["destination_table_name"], {"language": {"S": "de"}, "destination": {"S": TO["de"]}}
    dynamodb, german = stack.client("dynamodb"), mails.shapes()["another language"]
    dynamodb.put_item(TableName=table, Item=item)
    german = german._replace(raw=fresh(stack, german.raw, "-edited"))
    first = arrive(stack, german)
    (message,) = routed(stack, [first])[first]
    report.check("a language that is added to the table has its destination", message["to"], [TO["de"]])
    dynamodb.delete_item(TableName=table, Key={"language": {"S": "de"}})
    again = arrive(stack, german)
    name = stack.outputs["function_names"]["route"]
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"keys": [again]}))
    report.check(
        "a mail that arrives twice goes out once", json.load(answer["Payload"]), {"outcomes": {"duplicate": 1}}
    )


def large(stack: Stack, report: Report) -> None:
    """Send mails below and above the limit."""
    small, big = (
        mails.lines(*mails.head("Content-Type: text/plain"), *[mails.ENGLISH] * n, "") for n in (25_000, 28_000)
    )
    keys = [arrive(stack, Mail(one, "en")) for one in (small, big)]
    found = routed(stack, keys)
    report.check("a large mail is forwarded whole", mails.parts(raw(found[keys[0]][0])), mails.parts(small))
    notice = raw(found[keys[1]][0])
    place = base64.b64decode(notice.partition(b"\r\n\r\n")[2]).decode()
    report.check(
        "of a larger one, the team learns the place", f"s3://{stack.outputs['archive_bucket']}/{keys[1]}" in place
    )


def bounced(stack: Stack, report: Report) -> None:
    """Let a destination refuse a mail."""
    key = arrive(stack, Mail(fresh(stack, mails.plain(subject="Bounced")), "en"))
    (message,) = routed(stack, [key])[key]
    stack.cloud.command("ses_sending/bounce", {"message_id": message["id"]})
    mail_id = f"{message['tags']['mail']}-bounced"
    again = wait_until("the second mail", lambda: sent(stack, [CATCH_ALL_ADDRESS]).get(mail_id, []))
    report.check("the catch-all address gets what bounced", mails.parts(raw(again[0])), mails.parts(raw(message)))


def order(stack: Stack, text: str = mails.ENGLISH) -> Mail:
    """Return a mail that names a product and has personal data in its subject, text and attachment."""
    message = EmailMessage(email.policy.SMTP)
    message["From"], message["To"] = "Ann Example <ann@example.net>", INBOX
    message["Subject"] = f"{PRODUCT} for b.b@example.net"
    message["Message-ID"] = f"<{stack.token}.{abs(hash(text))}@example.net>"
    message.set_content(f"{text} It is the {PRODUCT}. Call +41 44 123 45 67, my card is 4111 1111 1111 1111.\n")
    message.add_attachment(b"passport of Ann", maintype="application", subtype="pdf", filename="passport.pdf")
    return Mail(message.as_bytes(), "partner")


def readable(mail: bytes) -> str:
    """Return what the receiver of a mail can read: all but Reply-To, which answers need."""
    parsed = email.message_from_bytes(mail, policy=email.policy.default)
    fields = [f"{name}: {value}" for name, value in parsed.items() if name != "Reply-To"]
    return "\n".join([*fields, *(str(part.get_content()) for part in parsed.walk() if not part.is_multipart())])


def personal(stack: Stack, report: Report) -> None:
    """Name a product: its partner gets the mail without personal data, or only a notice if it cannot be redacted."""
    english, french = order(stack, f"{mails.ENGLISH} {stack.token}"), order(stack, f"{mails.FRENCH} {stack.token}")
    keys = [arrive(stack, mail) for mail in (english, french)]
    found = routed(stack, keys)
    (message,), (notice,) = found[keys[0]], found[keys[1]]
    report.check("mails that name a product go to its destination", [message["to"], notice["to"]], [[PARTNER]] * 2)
    report.check(
        "as the table has it", {str(records(stack)[key]["destination"]["SS"]) for key in keys}, {f"['{PARTNER}']"}
    )
    text = readable(in_mailbox(stack, message, "partner"))
    report.check("its mailbox has no personal data", [one for one in PERSONAL if one in text], [])
    left = (
        f"{PRODUCT} for [EMAIL]",
        f"It is the {PRODUCT}. Call [PHONE], my card is [CREDIT_DEBIT_NUMBER].",
        stack.token,
    )
    report.check("but all the rest of the text", [one for one in left if one not in text], [])
    report.check(
        "what cannot be redacted is only announced", "personal data could not be removed" in readable(raw(notice))
    )
    shown = [one for one in (*PERSONAL, PRODUCT, mails.FRENCH) if one in readable(raw(notice))]
    report.check("without a word of it", shown, [])
    report.check("the original is kept whole", _object(stack, keys[0]).endswith(english.raw))


def faults(stack: Stack, report: Report) -> None:
    """Send mails while one call in five fails, functions are killed and answers are lost; each mail goes out once."""
    sending = [Mail(fresh(stack, mails.plain(f"{mails.ENGLISH} {n}", f"Order {n}")), "en") for n in range(20)]
    worst = [{**rule, "count": 1, "principal": ROLE} for rule in LOST]
    with stack.faults(*worst, *FAULTS, seed=7):
        with ThreadPoolExecutor(4) as pool:
            keys = list(pool.map(lambda one: arrive(stack, one), sending))
        wait_until("the attempts", lambda: set(keys) <= set(records(stack)), 90)
    wait_until("the reports", lambda: confirmed(stack, keys), 90)
    found = routed(stack, keys)
    report.check("faults: nothing lost, nothing doubled", [len(found[key]) for key in keys], [1] * len(keys))
    texts = [mails.parts(raw(found[key][0])) == mails.parts(one.raw) for key, one in zip(keys, sending, strict=True)]
    report.check("faults: with the same parts", all(texts))


def activation(stack: Stack, report: Report) -> None:
    """Let another rule set become active: the watch sees it, and an apply does not end it."""
    ses, functions, own = stack.client("ses"), stack.client("lambda"), stack.outputs["rule_set_name"]
    other = f"theirs-{stack.token}"
    event = {"rule_set": own, "activate": True, "replace_active": False, "tf": {"action": "create"}}

    def call(payload: dict[str, Any]) -> dict[str, Any]:
        answer = functions.invoke(FunctionName=stack.outputs["function_names"]["activate"], Payload=json.dumps(payload))
        made: dict[str, Any] = json.load(answer["Payload"])
        return made

    report.check("the rule set is active", call({}), {"active": own})
    ses.create_receipt_rule_set(RuleSetName=other)
    ses.set_active_receipt_rule_set(RuleSetName=other)
    report.check("the watch sees another one", call({}), {"active": other})
    refused = call(event)
    report.check("which is not replaced", refused.get("errorType"), "AnotherRuleSetIsActive")
    report.check("as the message says", f'rule_set.name = "{other}"' in refused.get("errorMessage", ""))
    report.check("unless that is asked for", call({**event, "replace_active": True}), {"active": own})
    ses.delete_receipt_rule_set(RuleSetName=other)
