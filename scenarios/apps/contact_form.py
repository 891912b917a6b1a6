"""Messages of visitors: tickets, mails and refusals; hostile input, faults, repeated requests and killed processes."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID

SENDER = "contact@forms.example.com"
ADMINS = ["support@example.com", "team@example.com"]
NAME = "switchyard-contact-form-"
RATE = 1000  # the scenario sends more at once than visitors do

test_seconds = 20

variables: dict[str, Any] = {
    "contact_form": {
        "alert": {"from_address": SENDER, "to_addresses": ADMINS},
        "deletion_protection": False,
        "throttle": {"rate_limit": RATE, "burst_limit": RATE},
    }
}
tour = True

FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": NAME},
    {"kind": "error", "status": 500, "rate": 0.1, "principal": NAME},
]
MESSAGES = {
    "en": ("This is bad service", "NEGATIVE"),
    "de": ("Das ist ein schlechter und furchtbar langsamer Service", "NEGATIVE"),
    "fr": ("Le service est excellent, merci", "POSITIVE"),
    "es": ("Este servicio es muy malo y horrible", "NEGATIVE"),
    "ja": ("このサービスは最悪です", "NEGATIVE"),
    "nl": ("Het is de dienst van het jaar, en niet voor mij", "UNKNOWN"),  # detected, but without sentiment analysis
    "unknown": ("😀😀😀", "UNKNOWN"),
}
MARKUP = (
    'This is terrible service <img src=x onerror="alert(1)"> <script>alert(2)</script>\r\n'
    "Bcc: everyone@example.com\r\n.\r\n"
)
HOSTILE: dict[str, tuple[Any, int]] = {
    "no JSON": (b"{", 400),
    "a list": ([], 400),
    "a text": ("hello", 400),
    "nothing": (b"", 400),
    "no message": ({"name": "Ann"}, 400),
    "an empty message": ({"message": ""}, 400),
    "blanks only": ({"message": " \n\t\u200b"}, 400),
    "a number": ({"message": 5}, 400),
    "an object": ({"message": {"S": "hello"}}, 400),
    "null": ({"message": None}, 400),
    "half an emoji": (b'{"message": "\\ud83d"}', 400),
    "an unknown field": ({"message": "hello", "ticketId": "mine"}, 400),
    "a name of two lines": ({"message": "hello", "name": "Ann\r\nBcc: x@example.com"}, 400),
    "two addresses": ({"message": "hello", "email": "a@example.com, b@example.com"}, 400),
    "an address with a header": ({"message": "hello", "email": "a@example.com\r\nBcc: b@example.com"}, 400),
    "1 MB": ({"message": "x" * 1_000_000}, 400),
    "6,000 characters": ({"message": "x" * 6_000}, 400),
    "the honeypot filled in": ({"message": "hello", "website": "https://spam.example.com"}, 400),
}


def prepare(stack: Stack) -> dict[str, Any]:
    """Verify the sender, as an account with SES has it. Return no variables."""
    stack.client("ses").verify_email_identity(EmailAddress=SENDER)
    return {}


def base_url(stack: Stack) -> str:
    """Return the URL at which the local cloud serves the API. On AWS, it is the output `url`."""
    api = stack.outputs["url"].split("//")[1].split(".")[0]
    stage = stack.outputs["url"].rstrip("/").rsplit("/", 1)[-1]
    return f"{stack.cloud.endpoint}/restapis/{api}/{stage}/_user_request_"


def send(
    stack: Stack, body: Any, key: str | None = None, media: str = "application/json"
) -> tuple[int, dict[str, Any]]:
    """Send a message, as JSON unless it is bytes. Return the status and the body of the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": media} | ({"Idempotency-Key": key} if key else {})
    request = urllib.request.Request(f"{base_url(stack)}/tickets", data=data, method="POST", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def persist(stack: Stack, body: Any, attempts: int = 12) -> tuple[str, int]:
    """Send a message with one key until it has a ticket, as the page does. Return the ticket ID and the attempts."""
    key = str(uuid.uuid4())
    for attempt in range(1, attempts + 1):
        status, answer = send(stack, body, key)
        if status == 200:
            return str(answer["ticketId"]), attempt
        assert status >= 500, (status, answer)
    raise AssertionError(f"no ticket after {attempts} attempts")


def tickets(stack: Stack) -> list[dict[str, Any]]:
    """Return the tickets whose message or sender has this run's token."""
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs["ticket_table_name"])
    return [
        item
        for page in pages
        for item in page["Items"]
        if stack.token in item["message"]["S"] + item.get("senderName", {}).get("S", "")
    ]


def ticket(stack: Stack, ticket_id: str) -> dict[str, Any]:
    """Return a ticket's item, or {}."""
    key = {"ticketId": {"S": ticket_id}}
    item: dict[str, Any] = (
        stack.client("dynamodb").get_item(TableName=stack.outputs["ticket_table_name"], Key=key).get("Item", {})
    )
    return item


def mails(stack: Stack) -> dict[str, list[dict[str, Any]]]:
    """Return the mails that SES sent for this capability, by ticket ID."""
    url = f"{stack.cloud.endpoint}/_ministack/ses/messages?account={ACCOUNT_ID}"
    with urllib.request.urlopen(url, timeout=120) as response:
        answer = json.loads(response.read())
    found: dict[str, list[dict[str, Any]]] = {}
    for mail in answer["messages"].get(ACCOUNT_ID, []):
        if mail["Source"] == SENDER:
            found.setdefault(str(mail["Subject"]).split()[1].rstrip(":"), []).append(mail)
    return found


def alerted(stack: Stack, ids: list[str]) -> None:
    """Wait until these tickets are marked as reported."""
    wait_until("the mails", lambda: all("alertedAt" in ticket(stack, ticket_id) for ticket_id in ids), 60)


def run(stack: Stack, report: Report) -> None:
    """Check the specification's acceptance, then languages, refusals, repeats and faults."""
    acceptance(stack, report)
    languages(stack, report)
    refusals(stack, report)
    repeats(stack, report)
    faults(stack, report)
    killed(stack, report)
    report.sent = (
        f"messages in {len(MESSAGES)} languages; {len(HOSTILE) + 2} hostile ones;\n"
        "repeated requests; 20 % of all calls fail;\nkilled functions"
    )


def acceptance(stack: Stack, report: Report) -> None:
    """Send the specification's message, and one with markup; read the ticket and the mail back."""
    name = f"Ann {stack.token}"
    status, answer = send(stack, {"message": "This is bad service", "name": name, "email": "ann@example.org"})
    report.check("a complaint is answered", (status, answer["sentiment"], answer["language"]), (200, "NEGATIVE", "en"))
    report.check("and nothing else is", sorted(answer), ["language", "sentiment", "ticketId"])
    item = ticket(stack, answer["ticketId"])
    report.check(
        "its ticket is in the table", (item["message"]["S"], item["senderName"]["S"]), ("This is bad service", name)
    )
    status, good = send(stack, {"message": f"Great service, thank you {stack.token}"})
    report.check("praise is answered", (status, good["sentiment"]), (200, "POSITIVE"))
    status, hostile = send(stack, {"message": MARKUP + stack.token, "name": "<b>Bob</b>"})
    alerted(stack, [answer["ticketId"], hostile["ticketId"]])
    sent = mails(stack)
    (mail,) = sent[answer["ticketId"]]
    report.check("administrators get one mail", sorted(mail["To"]), ADMINS)
    body = json.dumps(mail)
    report.check(
        "with the message and who wrote it", all(x in body for x in ("This is bad service", "ann@example.org"))
    )
    report.check(
        "praise sends no mail", good["ticketId"] in sent or "alertedAt" in ticket(stack, good["ticketId"]), False
    )
    (mail,) = sent[hostile["ticketId"]]
    subject = f"Ticket {hostile['ticketId']}: negative message"
    report.check("markup reaches no header", (mail["Subject"], sorted(mail["To"])), (subject, ADMINS))
    html = str(mail.get("BodyHtml") or mail.get("Html") or "")
    report.check("and no HTML", ("&lt;script&gt;" in html, "<script" in html, "<img" in html), (True, False, False))
    table = stack.client("dynamodb").describe_table(TableName=stack.outputs["ticket_table_name"])["Table"]
    report.check("messages are encrypted with the stack's key", table["SSEDescription"]["SSEType"], "KMS")
    expires = int(item["expiresAt"]["N"])
    stack.cloud.command("dynamodb/expire", {"table": stack.outputs["ticket_table_name"], "at": expires + 1})
    report.check("and expire", ticket(stack, answer["ticketId"]), {})


def languages(stack: Stack, report: Report) -> None:
    """Check the sentiment of messages in several languages, and that a long message is cut for the analysis only."""
    with ThreadPoolExecutor(4) as pool:
        answers = dict(
            zip(MESSAGES, pool.map(lambda m: send(stack, {"message": m[0]})[1], MESSAGES.values()), strict=True)
        )
    found = {language: (answer["language"], answer["sentiment"]) for language, answer in answers.items()}
    report.check("languages", found, {language: (language, m[1]) for language, m in MESSAGES.items()})
    text = "ひどい" * 1_600  # 14,400 bytes
    status, answer = send(stack, {"message": text})
    item = ticket(stack, answer.get("ticketId", "none"))
    report.check("a long message is stored whole", (status, item["message"]["S"] == text), (200, True))
    report.check("and analysed in part", (item["messageCut"]["BOOL"], answer["sentiment"]), (True, "NEGATIVE"))


def refusals(stack: Stack, report: Report) -> None:
    """Check that hostile input is refused, stored nowhere, and starts no workflow."""
    since = len(all_tickets(stack))
    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip(HOSTILE, pool.map(lambda case: send(stack, case[0])[0], HOSTILE.values()), strict=True))
    report.check("hostile input is refused", answers, {name: status for name, (_, status) in HOSTILE.items()})
    form = send(stack, b"message=hello", media="application/x-www-form-urlencoded")[0]
    # 415 by the function on AWS, where API Gateway validates application/json only; the local one validates all.
    report.check("forms of other sites are refused", form in (400, 415))
    report.check("a key that is no key is refused", send(stack, {"message": "hello"}, "short")[0], 400)
    report.check("and nothing is stored", len(all_tickets(stack)) - since, 0)


def all_tickets(stack: Stack) -> set[str]:
    """Return the IDs of all tickets."""
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs["ticket_table_name"])
    return {item["ticketId"]["S"] for page in pages for item in page["Items"]}


def repeats(stack: Stack, report: Report) -> None:
    """Send one request eight times at once, and its key with another message."""
    body, key = {"message": f"This is terrible, twice {stack.token}"}, str(uuid.uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(stack, body, key), range(8)))
    ids = {answer.get("ticketId") for status, answer in answers if status == 200}
    report.check("a repeated request has one ticket", (len(ids), {status for status, _ in answers}), (1, {200}))
    status, answer = send(stack, {"message": f"Another {stack.token}"}, key)
    report.check("its key fits no other message", (status, answer["reason"]), (422, "key_reused"))
    refused = stack.outputs["function_names"]["ticket"]
    report.check(
        "and the failed workflow is no 200", refused in json.dumps(answer) or "arn:" in json.dumps(answer), False
    )
    stored = [item for item in tickets(stack) if "twice" in item["message"]["S"]]
    report.check("stored once", len(stored), 1)
    alerted(stack, [item["ticketId"]["S"] for item in stored])
    report.check("reported once", [len(mails(stack)[item["ticketId"]["S"]]) for item in stored], [1])


def faults(stack: Stack, report: Report) -> None:
    """Send messages while one call in five fails; each has one ticket and one mail."""
    bodies = [{"message": f"This is horrible service, number {n} {stack.token}"} for n in range(20)]
    with stack.faults(*FAULTS, seed=5), ThreadPoolExecutor(4) as pool:
        made = [ticket_id for ticket_id, _ in pool.map(lambda body: persist(stack, body), bodies)]
        due = {
            t["ticketId"]["S"]: t["alert"]["BOOL"] for t in tickets(stack) if "horrible service" in t["message"]["S"]
        }
        alerted(stack, [ticket_id for ticket_id, alert in due.items() if alert])
    report.check("faults: one ticket for each message", (len(set(made)), sorted(due)), (20, sorted(made)))
    unknown = [ticket_id for ticket_id, alert in due.items() if not alert]
    reasons = {ticket(stack, ticket_id).get("sentimentReason", {}).get("S") for ticket_id in unknown}
    failed = {"detect_language_failed", "detect_sentiment_failed"}
    report.check("faults: a sentiment that is missing has its reason", reasons <= failed)
    sent = mails(stack)
    counts = {len(sent.get(ticket_id, [])) for ticket_id, alert in due.items() if alert}
    report.check("faults: one mail for each complaint", counts, {1})


def killed(stack: Stack, report: Report) -> None:
    """Kill the functions in the middle of their work: nothing is lost, nothing doubled."""
    kills = [
        {
            "kind": "kill",
            "service": "dynamodb",
            "operation": "*",
            "count": 1,
            "after": True,
            "principal": f"{NAME}ticket",
        },
        {"kind": "kill", "service": "dynamodb", "operation": "GetItem", "count": 1, "principal": f"{NAME}alert"},
        {
            "kind": "kill",
            "service": "states",
            "operation": "*",
            "count": 1,
            "after": True,
            "principal": f"{NAME}submit",
        },
    ]
    with stack.faults(*kills):
        made, attempts = persist(stack, {"message": f"This is awful and killed {stack.token}"})
        alerted(stack, [made])
    stored = [item["ticketId"]["S"] for item in tickets(stack) if "awful" in item["message"]["S"]]
    report.check("killed runs: one ticket, at the second attempt", (stored, attempts), ([made], 2))
    report.check("killed runs: one mail", len(mails(stack)[made]), 1)
