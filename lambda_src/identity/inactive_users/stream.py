"""Process the table's DynamoDB stream: handle expired users, and undo claims that a sign-in overwrote.

Answer: {"batchItemFailures": [{"itemIdentifier": sequence number}]} with the first record that failed. Lambda
delivers this record and all later ones again; those that were handled are found done. A record that can only fail
again (a malformed one) is counted, which raises an alarm, but does not delay other records.
"""

import collections
import functools
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, clients, observability, settings
from common.pacing import Pacer

from . import items
from .audit import Trail
from .errors import Malformed, Transient, transient
from .expiry import Desk, Event, Rules
from .notices import Notice

WORKERS = 10
RESERVE_SECONDS = 60.0  # for the users in progress, with all retries

FAILED = "record failed"
REFUSED = "record refused"
ENDED = "batch ended"
METRICS = {
    "malformed": "RecordsRefused",
    "disabled": "UsersDisabled",
    "restored": "UsersRestored",
    "review": "UsersToReview",
    "warned": "UsersWarned",
    "unreachable": "UsersUnreachable",
}

TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""`userIdentity` of deletions by DynamoDB's time to live, and of no others."""

IGNORED = "ignored"
MALFORMED = "malformed"


@dataclass(frozen=True)
class Settings:
    """The environment. POOLS: ids of user pools."""

    table: str
    audit_table: str
    pools: list[str]
    inactive_days: int
    warning_days: int = 0
    warning_configuration_set: str = ""
    warning_from: str = ""
    warning_subject: str = ""
    warning_text: str = ""
    audit_retention_days: int = 0
    disables_per_second: float = 20.0
    emails_per_second: float = 5.0
    dry_run: bool = False
    exempt_users: list[str] = field(default_factory=list)
    exempt_groups: list[str] = field(default_factory=list)
    work_seconds: int = 300
    days_by_pool: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("disables_per_second", "emails_per_second"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name.upper()} must be above 0")


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Process one batch. Raise SettingsError if the environment is invalid."""
    log = observability.begin(context)
    config = settings.load(Settings)
    failed, outcomes = run(
        event["Records"], desk(config), config.pools, lambda: context.get_remaining_time_in_millis() / 1000
    )
    log.info(ENDED, extra={"records": len(event["Records"]), "complete": failed is None, "outcomes": dict(outcomes)})
    for outcome, metric in METRICS.items():
        if outcomes[outcome]:
            observability.count(metric, outcomes[outcome])
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


def run(
    records: list[dict[str, Any]], desk: Desk, pools: list[str], seconds_left: Callable[[], float]
) -> tuple[str | None, collections.Counter[str]]:
    """Return the sequence number from which to continue (None if all is done) and the count of each outcome.

    Users are handled in parallel, since each takes five calls. The records of one user keep their order, and a failed
    record delays only that user. No new work is started once a service throttles or fails, or time is up.
    """
    by_user: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_user.setdefault(str(record["dynamodb"].get("Keys")), []).append(record)
    outcomes: collections.Counter[str] = collections.Counter()
    stop = threading.Event()
    log = observability.logger()

    def work(mine: list[dict[str, Any]]) -> list[str]:
        """Return the outcomes of one user's records, up to the first that failed."""
        done: list[str] = []
        for record in mine:
            where = {"sequence_number": _sequence(record)}
            if stop.is_set() or seconds_left() < RESERVE_SECONDS:
                break
            try:
                with transient():
                    done.append(handle(record, desk, pools))
            except Malformed:
                log.error(REFUSED, extra=where)  # noqa: TRY400 - the error has no details
                done.append(MALFORMED)
            except Transient as error:
                log.warning(FAILED, extra={**where, "cause": str(error)})
                stop.set()
                break
            except Exception as error:  # noqa: BLE001 - Lambda retries the record, and an alarm reports one that keeps failing
                # Log only the class and code: an error's text may quote the request, and with it the user.
                failure = aws_errors.read(error)
                code = failure.code if failure else ""
                log.error(FAILED, extra={**where, "cause": type(error).__name__, "code": code})  # noqa: TRY400
                break
        return done

    undone: set[str] = set()
    with ThreadPoolExecutor(max_workers=WORKERS) as workers:
        for mine, done in zip(by_user.values(), workers.map(work, by_user.values()), strict=True):
            outcomes.update(done)
            undone.update(_sequence(record) for record in mine[len(done) :])
    return next((_sequence(record) for record in records if _sequence(record) in undone), None), outcomes


def _sequence(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def handle(record: Mapping[str, Any], desk: Desk, pools: list[str]) -> str:
    """Handle one record and return the outcome. Check the mapping's filter again: it is easily lost."""
    change = record["dynamodb"]
    old, new = change.get("OldImage", {}), change.get("NewImage", {})
    deleted = record["eventName"] == "REMOVE" and _by_ttl(record.get("userIdentity"))
    overridden = (
        record["eventName"] == "MODIFY"
        and _text(old, "state") in (items.DISABLING, items.DISABLED)
        and _text(new, "state") == items.ACTIVE
        and _text(new, "source") in items.SIGN_INS
    )
    if not deleted and not overridden:
        return IGNORED
    event = event_of(change)
    if event.item["userpool_id"]["S"] not in pools:
        return IGNORED
    return desk.expired(event) if deleted else desk.give_back(event)


def event_of(change: Mapping[str, Any]) -> Event:
    """Return the event that a stream record describes. Raise Malformed if it does not have the items' shape."""
    item = change.get("OldImage", {})
    texts = ["sub", "userpool_id", "username", "timestamp", "source", "state"]
    if not all(_text(item, name) for name in texts):
        raise Malformed
    try:
        int(item["expires_at"]["N"])
        if item["state"]["S"] in (items.DISABLING, items.DISABLED):
            float(item["claimed_at"]["N"]), float(item["work_until"]["N"])
        return Event(str(change["SequenceNumber"]), float(change["ApproximateCreationDateTime"]), item)
    except (KeyError, TypeError, ValueError):
        raise Malformed from None


def _by_ttl(identity: Any) -> bool:
    return isinstance(identity, dict) and {name: identity.get(name) for name in TTL} == TTL


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return str(value.get("S", "")) if isinstance(value, dict) else ""


def desk(config: Settings) -> Desk:
    """Return the desk that the environment describes."""
    dynamodb = clients.client("dynamodb")
    rules = Rules(
        config.inactive_days,
        config.warning_days,
        frozenset(config.exempt_users),
        frozenset(config.exempt_groups),
        config.dry_run,
        config.work_seconds,
        config.days_by_pool,
    )
    notice = None
    if config.warning_from:
        notice = Notice(
            clients.client("sesv2"),
            config.warning_from,
            config.warning_subject,
            config.warning_text,
            pacer(config.emails_per_second, "email"),
            config.warning_configuration_set,
        )
    return Desk(
        clients.client("cognito-idp"),
        dynamodb,
        config.table,
        Trail(dynamodb, config.audit_table, config.audit_retention_days),
        rules,
        pacer(config.disables_per_second, "user"),
        notice,
    )


@functools.cache
def pacer(limit: float, quota: str) -> Pacer:  # noqa: ARG001 - one for each quota
    """Return the process's pacer for a quota: its pace outlasts the invocation."""
    return Pacer(limit)
