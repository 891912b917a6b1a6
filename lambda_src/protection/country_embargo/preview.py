"""Return what a document would change, without changing anything.

Event:  {"document": {...}} or {"document": "text"}: this document;
        {"key": "drafts/next.json"}: a draft in the bucket; {}: the uploaded document
Answer: {"valid", "problems", "changes": {"countries": {"added", "removed"}, "ranges": ...}, "in_force", "wanted",
         "rule_capacity"}; "changes" compares with what WAF enforces now, "rule_capacity" is in web ACL capacity units.
         A document that is refused only for the size of its change has "problems" and all the rest.
"""

from collections.abc import Mapping
from typing import Any

from common import clients, observability, settings

from . import changes
from .document import Embargo, enforceable, parse
from .errors import DocumentMissing, InvalidDocument
from .settings import Settings
from .store import Store
from .waf import Waf

PREVIEWED = "embargo document previewed"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Preview one document. Raise SettingsError, and ValueError for an event that names no document."""
    log = observability.begin(context)
    config = settings.load(Settings)
    unknown = set(event) - {"document", "key"}
    if unknown or len(event) > 1:
        raise ValueError('The event must be {"document": ...}, {"key": "drafts/..."} or {}.')
    try:
        wanted = _wanted(event, config)
    except (InvalidDocument, DocumentMissing) as error:
        problems = error.problems if isinstance(error, InvalidDocument) else [str(error)]
        log.info(PREVIEWED, extra={"valid": False})
        return {"valid": False, "problems": problems}
    wafv2 = clients.client("wafv2")
    rule_group, ip_sets = config.items
    in_force = Waf(wafv2, config.scope, rule_group, ip_sets, config.layout).read()
    changed = changes.between(in_force, wanted)
    capacity = wafv2.check_capacity(Scope=config.scope, Rules=config.layout.rules(wanted.countries))["Capacity"]
    store = Store(clients.client("s3"), config.bucket, config.bucket_owner)
    problems = changes.excess(store.applied().accepted, wanted, config.limits) if config.limits else []
    log.info(PREVIEWED, extra={"valid": not problems, "changes": changes.counts(changed)})
    return {
        "valid": not problems,
        "problems": problems,
        "changes": changed,
        "in_force": {"countries": len(in_force.countries), "ranges": len(in_force.ranges)},
        "wanted": {"countries": len(wanted.countries), "ranges": len(wanted.ranges)},
        "rule_capacity": capacity,
    }


def _wanted(event: Mapping[str, Any], config: Settings) -> Embargo:
    if "document" in event:
        given = event["document"]
        return parse(given.encode("utf-8", "surrogatepass")) if isinstance(given, str) else enforceable(given)
    store = Store(clients.client("s3"), config.bucket, config.bucket_owner)
    return parse(store.document(str(event.get("key", config.document_key))).content())
