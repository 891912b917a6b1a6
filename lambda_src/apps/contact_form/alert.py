"""Notify administrators by mail of tickets with a certain sentiment, from the table's stream.

The stream is the outbox: the transaction that stores a ticket also records that its mail is due, so a run that ends
before the mail loses none. A ticket's `alertedAt` is written after SES accepted the mail, and checked before.

Answer to the stream: {"batchItemFailures": [{"itemIdentifier": sequence number}]} with the first record that failed;
Lambda delivers this record and all later ones again. What SES refuses for good is counted, which raises an alarm, and
does not delay other tickets: invoke the function with {"ticketIds": […]} to send such mails once the reason is gone.
"""

import collections
import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import aws_errors, clients, observability, settings

from . import mail

SENT = "sent"
DUPLICATE = "duplicate"
GONE = "gone"
REFUSED = "refused"
MALFORMED = "malformed"

METRICS = {SENT: "AlertsSent", REFUSED: "AlertsRefused", MALFORMED: "AlertsMalformed"}


@dataclass(frozen=True)
class Settings:
    """The environment."""

    table: str
    from_address: str
    to_addresses: list[str]
    include_message: bool
    configuration_set: str = ""


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Process one batch of the stream, or the tickets that an operator names."""
    log = observability.begin(context)
    alerts = Alerts(clients.client("dynamodb"), clients.client("sesv2"), _conf())
    outcomes: collections.Counter[str] = collections.Counter()
    if "ticketIds" in event:
        for ticket_id in event["ticketIds"]:
            outcomes[alerts.notify(ticket_id)] += 1
        failed = None
    else:
        failed = run(event["Records"], alerts, outcomes)
    for outcome, metric in METRICS.items():
        if outcomes[outcome]:
            observability.count(metric, outcomes[outcome])
    log.info("batch ended", extra={"outcomes": dict(outcomes), "complete": failed is None})
    if "ticketIds" in event:
        return {"outcomes": dict(outcomes)}
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


def run(records: list[Any], alerts: "Alerts", outcomes: collections.Counter[str]) -> str | None:
    """Handle records in order. Return the sequence number of the first that another attempt may resolve, or None."""
    log = observability.logger()
    for record in records:
        try:
            change = record["dynamodb"]
            sequence, image = str(change["SequenceNumber"]), change["NewImage"]
            ticket_id, due = str(image["ticketId"]["S"]), image["alert"]["BOOL"] is True
        except (KeyError, TypeError):
            log.error("record refused")  # noqa: TRY400 - its text may quote the visitor
            outcomes[MALFORMED] += 1
            continue
        if record.get("eventName") != "INSERT" or not due:  # the mapping's filter, which is easily lost
            continue
        try:
            outcomes[alerts.notify(ticket_id)] += 1
        except Exception as error:  # noqa: BLE001 - Lambda delivers the record again, and an alarm reports its end
            log.warning("record failed", extra={"ticketId": ticket_id, "cause": aws_errors.name(error)})
            return sequence
    return None


@dataclass(frozen=True)
class Alerts:
    """Sends a ticket's mail."""

    dynamodb: Any
    ses: Any
    conf: Settings

    def notify(self, ticket_id: str) -> str:
        """Send the mail of a ticket unless it was sent. Return the outcome. Raise boto3's error if a retry can help.

        Between SES's answer and the mark, a process that ends leaves a mail that is sent again: SES has no key for
        idempotent sends, and a complaint that is reported twice is better than one that is not reported.
        """
        key = {"ticketId": {"S": ticket_id}}
        item = self.dynamodb.get_item(TableName=self.conf.table, Key=key, ConsistentRead=True).get("Item")
        if not item:
            return GONE
        if "alertedAt" in item:
            return DUPLICATE
        try:
            self._send(item)
        except Exception as error:
            failure = aws_errors.read(error)
            if failure is None or failure.transient:
                raise
            observability.logger().error("SES refused the mail", extra={"ticketId": ticket_id, "code": failure.code})
            return REFUSED
        self.dynamodb.update_item(
            TableName=self.conf.table,
            Key=key,
            UpdateExpression="SET alertedAt = :now",
            ConditionExpression="attribute_exists(ticketId)",
            ExpressionAttributeValues={":now": {"N": str(int(time.time()))}},
        )
        return SENT

    def _send(self, item: Mapping[str, Any]) -> None:
        conf = self.conf
        options: dict[str, Any] = {"ConfigurationSetName": conf.configuration_set} if conf.configuration_set else {}
        if conf.include_message and "senderEmail" in item:
            options["ReplyToAddresses"] = [item["senderEmail"]["S"]]
        self.ses.send_email(
            FromEmailAddress=conf.from_address,
            Destination={"ToAddresses": conf.to_addresses},
            Content=mail.content(item, include_message=conf.include_message),
            **options,
        )
