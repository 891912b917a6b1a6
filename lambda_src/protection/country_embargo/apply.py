"""Handle S3 events of the embargo document (EventBridge, asynchronous): make AWS WAF enforce its latest version.

Events:  {"detail": {"bucket": {"name"}, "object": {"key"}}} from EventBridge (with the plain key), or
         {"Records": [{"s3": ...}]} from S3 itself (with the URL-encoded key), or
         {"configuration": ...} from Terraform, which can call before there is a document
Answer:  {"status": "applied" | "unchanged" | "ignored" | "no document"[, "version", "changes", "repaired"]}

An event is only a trigger: the function reads the latest version of the document before every update and compares
the version afterwards, so events can arrive late, twice or in any order. The function raises errors, so that Lambda
retries the event, keeps it and raises an alarm. Until a valid document is uploaded, the last one stays in force.
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
    """Apply the latest document. Raise InvalidDocument, DocumentMissing, Contended or SettingsError."""
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
    """Return true if an event concerns the document. Calls by a user or by Terraform do."""
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
    """Apply the latest document, and repeat while newer versions arrive."""
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
        # The call for a newer version may have found nothing to do just before this call wrote.
        if not updates or store.version(config.document_key) == document.version:
            return answer
    raise Contended("The document changes faster than it can be applied; a later attempt can succeed.")


def _apply(
    config: Settings,
    store: Store,
    waf: Waf,
    client: Callable[[str], Any],
    document: Document,
    wanted: Embargo,
    at: str,
) -> tuple[dict[str, Any], int]:
    reported = store.applied()
    before, updates = waf.bring_to(wanted)
    # Compare with the last notice, not with WAF: a call that was interrupted may have changed WAF without a notice.
    changed = changes.between(reported.embargo, wanted)
    repaired = changes.repairs(reported.embargo, wanted, before)
    settings_changed = (
        (reported.settings, config.reported) if reported.settings not in (None, config.reported) else None
    )
    summary = {"version": document.version, "changes": changes.counts(changed), "repaired": changes.counts(repaired)}
    if not (changes.any_of(changed) or changes.any_of(repaired) or settings_changed):
        return {"status": "applied" if updates else "unchanged", **summary}, updates
    record = {
        "at": at,
        "document_version": document.version,
        "changes": changed,
        "repaired": repaired,
        "settings": config.reported,
    }
    key = store.keep_change(at, document.version, record)
    notice = changes.changed(changed, repaired, settings_changed, document.version, f"s3://{config.bucket}/{key}")
    _publish(config, client, notice)
    store.keep_applied(wanted, config.reported, document.version)
    return {"status": "applied", **summary}, updates


def _refuse(
    config: Settings,
    store: Store,
    client: Callable[[str], Any],
    document: Document,
    error: InvalidDocument,
    at: str,
) -> None:
    """Report a refused version at least once, and not again when Lambda retries after a complete report."""
    key = f"refused/{document.version}.json"
    if not store.version(key):
        _publish(config, client, changes.refused(document.version, error.problems, f"s3://{config.bucket}/{key}"))
        store.keep_refusal(key, {"at": at, "problems": error.problems})


def _publish(config: Settings, client: Callable[[str], Any], notice: tuple[str, str]) -> None:
    client("sns").publish(TopicArn=config.topic_arn, Subject=notice[0], Message=notice[1])
