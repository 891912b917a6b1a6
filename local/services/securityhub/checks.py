"""What Security Hub does after a control was evaluated for a resource: it makes a finding of its own, or none.

The caller gives the verdict: nothing here evaluates resources. Findings are consolidated (one for a control,
regardless of the number of standards). Sources: user guide, "Generating and updating control findings", "Sample control
findings", "Levels of severity for findings".
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from moto.core.utils import utcnow

from .exceptions import ResourceNotFoundException
from .standards import CONTROLS, STANDARDS

if TYPE_CHECKING:
    from .models import SecurityHubBackend


def check(
    hub: SecurityHubBackend, control: str, resource_type: str, resource_id: str, status: str, tags: dict[str, str]
) -> str | None:
    """Report a control's verdict. Return the finding's Id, or None if no enabled standard has the control enabled."""
    if control not in CONTROLS:
        raise ResourceNotFoundException(f"Security control {control} is not found")
    hub.get_enabled_standards()
    checking = [
        key
        for key in CONTROLS[control].standards
        if hub.subscriptions.get(key, {}).get("StandardsStatus") == "READY"
        and hub._control_state(key, control)["Status"] == "ENABLED"
    ]
    if not checking:
        return None
    finding_id = hub._arn(f"security-control/{control}/finding/{uuid.uuid5(uuid.NAMESPACE_URL, resource_id)}")
    product = f"arn:{hub.partition}:securityhub:{hub.region_name}::product/aws/securityhub"
    now = utcnow().isoformat(timespec="microseconds") + "Z"
    old = hub.asff.get((product, finding_id), {})
    details = hub._details(control)
    finding: dict[str, Any] = {
        "SchemaVersion": "2018-10-08",
        "Id": finding_id,
        "ProductArn": product,
        "GeneratorId": f"security-control/{control}",
        "AwsAccountId": hub.account_id,
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "CreatedAt": old.get("CreatedAt", now),
        "UpdatedAt": now,
        # A passed finding is INFORMATIONAL, a failed one has its control's severity.
        "Severity": {"Label": "INFORMATIONAL" if status == "PASSED" else details["SeverityRating"]},
        "Title": details["Title"],
        "Description": details["Description"],
        "Remediation": {"Recommendation": {"Text": "See the documentation.", "Url": details["RemediationUrl"]}},
        "Resources": [
            {
                "Type": resource_type,
                "Id": resource_id,
                "Region": hub.region_name,
                "Partition": hub.partition,
                **({"Tags": tags} if tags else {}),
            }
        ],
        "Compliance": {
            "Status": status,
            "SecurityControlId": control,
            "AssociatedStandards": [{"StandardsId": f"{STANDARDS[key].resource}/{key}"} for key in checking],
        },
        "RecordState": "ACTIVE",
    }
    answer = hub.batch_import_findings([finding])
    if answer["FailedCount"]:
        raise ValueError(answer["FailedFindings"][0]["ErrorMessage"])
    return finding_id
