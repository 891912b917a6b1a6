"""Handle S3 events of the embargo document (EventBridge, asynchronous): make AWS WAF enforce its latest version.

Events:  {"detail": {"bucket": {"name"}, "object": {"key"}}} from EventBridge (with the plain key), or
         {"Records": [{"s3": ...}]} from S3 itself (with the URL-encoded key), or
         {"schedule": true} to repair what another principal has changed, or
         {"configuration": ...} from Terraform, which can call before there is a document
Answer:  {"status": "applied" | "unchanged" | "ignored" | "no document"[, "version", "changes", "repaired",
         "rewritten"]}

An event is only a trigger: the function reads the latest version of the document before every update and compares
the version afterwards, so events can arrive late, twice or in any order. The function raises errors, so that Lambda
retries the event, keeps it and raises an alarm. Until a valid document is uploaded, the last one stays in force: the
schedule and Terraform enforce it again, also under new settings, while the latest document is refused or missing.
"""

import enum
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from common import clients, observability, propagation, settings

from . import changes
from .document import Embargo, parse
from .errors import Contended, DocumentMissing, EmbargoError, InvalidDocument, Overtaken
from .settings import Settings
from .store import Applied, Store
from .waf import Waf

ROUNDS = 5

APPLIED = "embargo applied"
REFUSED = "embargo document refused"
IGNORED = "event of another object"


class Trigger(enum.Enum):
    """What called the function."""

    UPLOAD = "upload"
    SCHEDULE = "schedule"
    TERRAFORM = "configuration"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Apply the latest document. Raise InvalidDocument, DocumentMissing, Contended or SettingsError."""
    log = observability.begin(context)
    config = settings.load(Settings)
    if not concerns(event, config.bucket, config.document_key):
        log.warning(IGNORED)
        return {"status": "ignored"}
    trigger = next((one for one in Trigger if one.value in event), Trigger.UPLOAD)
    try:
        answer = propagation.permitted(
            lambda: run(config, clients.client, trigger), by_terraform=trigger is Trigger.TERRAFORM
        )
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


@dataclass(frozen=True)
class Latest:
    """The latest version of the document ("" if there is none), and the state that was last reported.

    `embargo` is the one to enforce: the document's or, if that has a `refusal`, the one that was accepted last.
    """

    version: str
    embargo: Embargo
    reported: Applied
    refusal: EmbargoError | None = None


def run(
    config: Settings,
    client: Callable[[str], Any],
    trigger: Trigger = Trigger.UPLOAD,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Apply the latest document, and repeat while newer versions arrive."""
    store = Store(client("s3"), config.bucket, config.bucket_owner, sleep)
    rule_group, ip_sets = config.items
    waf = Waf(client("wafv2"), config.scope, rule_group, ip_sets, config.layout, sleep)
    for _ in range(ROUNDS):
        at = datetime.fromtimestamp(clock(), UTC).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
        latest = _latest(config, store)
        if isinstance(latest.refusal, InvalidDocument):
            _refuse(config, store, client, latest.version, latest.refusal, at)
        if latest.refusal and (trigger is Trigger.UPLOAD or not latest.reported.version):
            if isinstance(latest.refusal, DocumentMissing) and trigger is not Trigger.UPLOAD:
                return {"status": "no document"}
            raise latest.refusal
        try:
            answer, updates = _apply(config, store, waf, client, latest, at)
        except Overtaken:
            continue
        # The call for a newer version may have found nothing to do just before this call wrote.
        if updates and store.version(config.document_key) != latest.version:
            continue
        # Terraform's own changes, such as a new rule group, also look like repairs.
        if trigger is not Trigger.TERRAFORM and (changes.number(answer["repaired"]) or answer["rewritten"]):
            observability.count("EmbargoRepairs", 1)
        if latest.refusal and not (isinstance(latest.refusal, DocumentMissing) and trigger is Trigger.TERRAFORM):
            raise latest.refusal
        return answer
    raise Contended("The document changes faster than it can be applied; a later attempt can succeed.")


def _latest(config: Settings, store: Store) -> Latest:
    try:
        document = store.document(config.document_key)
    except DocumentMissing as error:
        reported = store.applied()
        return Latest("", reported.accepted, reported, error)
    reported = store.applied()
    try:
        wanted = parse(document.content())
    except InvalidDocument as error:
        return Latest(document.version, reported.accepted, reported, error)
    if problems := changes.excess(reported.accepted, wanted, config.limits) if config.limits else []:
        return Latest(document.version, reported.accepted, reported, InvalidDocument(problems))
    return Latest(document.version, wanted, reported)


def _apply(
    config: Settings, store: Store, waf: Waf, client: Callable[[str], Any], latest: Latest, at: str
) -> tuple[dict[str, Any], int]:
    wanted, reported = latest.embargo, latest.reported
    version = reported.version if latest.refusal else latest.version
    if not latest.refusal and (wanted != reported.accepted or not reported.version):
        # Before it is enforced, so that this one stays in force even if no notice can be sent and the next is refused.
        store.keep_applied(replace(reported, version=version, accepted=wanted))
    before, updates = waf.bring_to(wanted)
    if latest.refusal and updates and store.applied() != reported:
        raise Overtaken(f"Another call has accepted a document while version {version} was enforced again.")
    # Compare with the last notice, not with WAF: a call that was interrupted may have changed WAF without a notice.
    changed = changes.between(reported.embargo, wanted)
    repaired = changes.repairs(reported.embargo, wanted, before)
    settings_changed = (
        (reported.settings, config.reported) if reported.settings not in (None, config.reported) else None
    )
    explained = changes.any_of(changed) or changes.any_of(repaired) or bool(settings_changed)
    rewritten = bool(updates) and not explained
    summary = {
        "version": version,
        "changes": changes.counts(changed),
        "repaired": changes.counts(repaired),
        "rewritten": rewritten,
    }
    if not (explained or rewritten):
        return {"status": "unchanged", **summary}, updates
    record = {
        "at": at,
        "document_version": version,
        "changes": changed,
        "repaired": repaired,
        "rewritten": rewritten,
        "settings": config.reported,
    }
    key = store.keep_change(at, version, record)
    notice = changes.changed(changed, repaired, settings_changed, rewritten, version, f"s3://{config.bucket}/{key}")
    _publish(config, client, notice)
    store.keep_applied(Applied(wanted, config.reported, version, wanted))
    return {"status": "applied", **summary}, updates


def _refuse(
    config: Settings,
    store: Store,
    client: Callable[[str], Any],
    version: str,
    error: InvalidDocument,
    at: str,
) -> None:
    """Report a refused version at least once, and not again when Lambda retries after a complete report."""
    key = f"refused/{version}.json"
    if not store.version(key):
        _publish(config, client, changes.refused(version, error.problems, f"s3://{config.bucket}/{key}"))
        store.keep_refusal(key, {"at": at, "problems": error.problems})


def _publish(config: Settings, client: Callable[[str], Any], notice: tuple[str, str]) -> None:
    client("sns").publish(TopicArn=config.topic_arn, Subject=notice[0], Message=notice[1])
