"""S3 events of the embargo document (EventBridge, asynchronous): brings AWS WAF to the document's latest version.

Events:  {"detail": {"bucket": {"name"}, "object": {"key"}}} from EventBridge (the key as it is), or
         {"Records": [{"s3": ...}]} from S3 itself (the key URL-encoded), or
         {"configuration": ...} from Terraform, for which a document may not be there yet
Answer:  {"status": "applied" | "unchanged" | "ignored" | "no document"[, "version", "changes", "repaired"]}

An event only says that something happened: what counts is the latest version of the document, read before and
compared after every update. So events may come late, twice or in any order. Errors are raised, for Lambda to
retry, keep and alarm; until a valid document is there, the last one stays in force.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from common import clients, observability, settings

from . import changes
from .document import Embargo, parse
from .errors import Contended, DocumentMissing, InvalidDocument
from .settings import Settings
from .store import Document, Store
from .waf import Waf

ROUNDS = 5

APPLIED = "embargo applied"
REFUSED = "embargo document refused"
IGNORED = "event of another object"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Applies the latest document. Raises InvalidDocument, DocumentMissing, Contended, SettingsError."""
    log = observability.begin(context)
    config = settings.load(Settings)
    if not concerns(event, config.bucket, config.document_key):
        log.warning(IGNORED)
        return {"status": "ignored"}
    try:
        answer = run(config, clients.client, may_be_missing="configuration" in event)
    except InvalidDocument as error:
        log.exception(REFUSED, extra={"problems": error.problems})
        observability.count("EmbargoDocumentsRefused", 1)
        raise
    log.info(APPLIED, extra=answer)
    return answer


def concerns(event: Mapping[str, Any], bucket: str, key: str) -> bool:
    """Whether an event is of the document; a call by hand or by Terraform is."""
    objects = [record["s3"] for record in event.get("Records", [])]
    if objects:
        return any(
            (one["bucket"]["name"], unquote_plus(one["object"]["key"], errors="strict")) == (bucket, key)
            for one in objects
        )
    if "detail" in event:
        return (event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]) == (bucket, key)
    return True


def run(
    config: Settings,
    client: Callable[[str], Any],
    *,
    may_be_missing: bool = False,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Applies the latest document, and again while newer ones come in."""
    store = Store(client("s3"), config.bucket, config.bucket_owner, sleep)
    rule_group, ip_sets = config.items
    waf = Waf(client("wafv2"), config.scope, rule_group, ip_sets, config.layout, sleep)
    for _ in range(ROUNDS):
        at = datetime.fromtimestamp(clock(), UTC).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
        try:
            document = store.document(config.document_key)
        except DocumentMissing:
            if may_be_missing:
                return {"status": "no document"}
            raise
        try:
            wanted = parse(document.content())
        except InvalidDocument as error:
            _refuse(config, store, client, document, error, at)
            raise
        answer, updates = _apply(config, store, waf, client, document, wanted, at)
        # A newer version's own call may have found nothing to do just before this one wrote.
        if not updates or store.version(config.document_key) == document.version:
            return answer
    raise Contended("The document changes faster than it can be applied; this is tried again later.")


def _apply(
    config: Settings,
    store: Store,
    waf: Waf,
    client: Callable[[str], Any],
    document: Document,
    wanted: Embargo,
    at: str,
) -> tuple[dict[str, Any], int]:
    told = store.applied()
    before, updates = waf.bring_to(wanted)
    # Against the last notice and not against WAF: a call that died half-way left WAF changed and nobody told.
    changed = changes.between(told.embargo, wanted)
    repaired = changes.repairs(told.embargo, wanted, before)
    settings_changed = (told.settings, config.told) if told.settings not in (None, config.told) else None
    summary = {"version": document.version, "changes": changes.counts(changed), "repaired": changes.counts(repaired)}
    if not (changes.any_of(changed) or changes.any_of(repaired) or settings_changed):
        return {"status": "applied" if updates else "unchanged", **summary}, updates
    record = {
        "at": at,
        "document_version": document.version,
        "changes": changed,
        "repaired": repaired,
        "settings": config.told,
    }
    key = store.keep_change(at, document.version, record)
    notice = changes.told(changed, repaired, settings_changed, document.version, f"s3://{config.bucket}/{key}")
    _publish(config, client, notice)
    store.keep_applied(wanted, config.told, document.version)
    return {"status": "applied", **summary}, updates


def _refuse(
    config: Settings,
    store: Store,
    client: Callable[[str], Any],
    document: Document,
    error: InvalidDocument,
    at: str,
) -> None:
    """Tells of each version, and not again when Lambda retries; twice when that was cut off in between, never not."""
    key = f"refused/{document.version}.json"
    if not store.version(key):
        _publish(config, client, changes.refused(document.version, error.problems, f"s3://{config.bucket}/{key}"))
        store.keep_refusal(key, {"at": at, "problems": error.problems})


def _publish(config: Settings, client: Callable[[str], Any], notice: tuple[str, str]) -> None:
    client("sns").publish(TopicArn=config.topic_arn, Subject=notice[0], Message=notice[1])
