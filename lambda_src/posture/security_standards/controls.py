"""List every control of the standards: its state and reason, its numbers of findings, and its resulting status.

Source: user guide, "Evaluating compliance status and control status". Archived and suppressed findings do not
count.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from posture.security_hub import SUPPRESSED

BATCH = 100
ACTIVE_FINDINGS = {
    "ProductName": [{"Value": "Security Hub", "Comparison": "EQUALS"}],
    "RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}],
}
DISABLED, FAILED, PASSED, UNKNOWN, NO_DATA = "DISABLED", "FAILED", "PASSED", "UNKNOWN", "NO_DATA"
NOT_READ = "NOT_READ"
"""State of a control in a standard for which Security Hub returned an error instead."""


def report(hub: Any, standards: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the controls by id, with `title`, `standards` (name -> ENABLED, DISABLED or NOT_READ), `disabled_reasons`,
    `findings` (counts by PASSED, FAILED, WARNING, NOT_AVAILABLE, SUPPRESSED) and `status`. A control that could not
    be read in a standard has the reason in `errors` by that standard.

    Make a call for each hundred controls of a standard, twice, and for each hundred active findings.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, arn in sorted(standards.items()):
        for item in associations(hub, arn):
            control = found.setdefault(
                item["SecurityControlId"],
                {"control": item["SecurityControlId"], "title": "", "standards": {}, "disabled_reasons": {}},
            )
            control["title"] = item.get("StandardsControlTitle", "") or control["title"]
            control["standards"][name] = item["AssociationStatus"]
            if item["AssociationStatus"] == NOT_READ:
                control.setdefault("errors", {})[name] = item["UpdatedReason"]
            if item["AssociationStatus"] == DISABLED:
                control["disabled_reasons"][name] = item.get("UpdatedReason", "")
    counts = counted(active_findings(hub))
    for control_id, control in found.items():
        control["findings"] = dict(sorted(counts.get(control_id, Counter()).items()))
        control["status"] = status(control["standards"].values(), control["findings"])
    return [found[control_id] for control_id in sorted(found)]


def associations(hub: Any, standard_arn: str) -> Iterator[Mapping[str, Any]]:
    """Yield a standard's controls with their state in it: NOT_READ, and the reason, for those with an error."""
    pages = hub.get_paginator("list_security_control_definitions").paginate(
        StandardsArn=standard_arn, PaginationConfig={"PageSize": BATCH}
    )
    ids = [item["SecurityControlId"] for page in pages for item in page["SecurityControlDefinitions"]]
    for first in range(0, len(ids), BATCH):
        asked = [{"SecurityControlId": each, "StandardsArn": standard_arn} for each in ids[first : first + BATCH]]
        answer = hub.batch_get_standards_control_associations(StandardsControlAssociationIds=asked)
        yield from answer["StandardsControlAssociationDetails"]
        for failed in answer.get("UnprocessedAssociations", []):
            reason = ": ".join(str(failed[name]) for name in ("ErrorCode", "ErrorReason") if name in failed)
            control_id = failed["StandardsControlAssociationId"]["SecurityControlId"]
            yield {"SecurityControlId": control_id, "AssociationStatus": NOT_READ, "UpdatedReason": reason}


def active_findings(hub: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the active findings of Security Hub's own controls."""
    pages = hub.get_paginator("get_findings").paginate(Filters=ACTIVE_FINDINGS, PaginationConfig={"PageSize": BATCH})
    for page in pages:
        yield from page["Findings"]


def counted(found: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """Return the numbers of findings by control and compliance, with suppressed ones counted separately. Findings
    without a control are left out.
    """
    counts: dict[str, Counter[str]] = {}
    for finding in found:
        compliance = finding.get("Compliance") or {}
        if control_id := compliance.get("SecurityControlId"):
            suppressed = (finding.get("Workflow") or {}).get("Status") == SUPPRESSED
            kind = SUPPRESSED if suppressed else str(compliance.get("Status", "NOT_AVAILABLE"))
            counts.setdefault(control_id, Counter())[kind] += 1
    return counts


def status(enabled: Iterable[str], findings: Mapping[str, int]) -> str:
    """Return DISABLED (in every standard), FAILED (any), PASSED (all), UNKNOWN (undecided, or all suppressed), NO_DATA
    (no finding yet) or NOT_READ (no finding, and unknown whether it is enabled).
    """
    enabled = list(enabled)
    if all(each == DISABLED for each in enabled):
        return DISABLED
    there = {kind for kind, count in findings.items() if count}
    if not there:
        return NOT_READ if NOT_READ in enabled else NO_DATA
    if FAILED in there:
        return FAILED
    return PASSED if PASSED in there and there <= {PASSED, SUPPRESSED} else UNKNOWN
