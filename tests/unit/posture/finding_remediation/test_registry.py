"""Adding a remediation takes one Python file and one entry in HCL. Check that they agree."""

from __future__ import annotations

import dataclasses
import importlib
import re
from typing import Any

import hcl2
import pytest

from posture.finding_remediation import remediations
from posture.security_hub import Finding
from tools import hcl
from tools.bootstrap import ROOT

from .conftest import MACIE, SECURITY_HUB

MODULE = ROOT / "modules" / "posture" / "finding_remediation"
NAMES = remediations.names()


def plain(value: Any) -> Any:
    """Return a value of python-hcl2 without the quotes and marks of its source form."""
    if isinstance(value, dict):
        return {hcl.unquote(key): plain(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return hcl.unquote(value) if isinstance(value, str) else value


ENTRIES: dict[str, Any] = plain(hcl2.loads((MODULE / "remediations" / "remediations.tf").read_text()))["locals"][0][
    "remediations"
]


def module(name: str) -> Any:
    return importlib.import_module(f"posture.finding_remediation.remediations.{name}")


def matches(pattern: Any, value: Any) -> bool:
    """Return whether an event pattern (of equality and prefixes) matches a part of an event."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(key in value and matches(pattern[key], value[key]) for key in pattern)
    values = value if isinstance(value, list) else [value]
    return any(
        item.startswith(wanted["prefix"]) if isinstance(wanted, dict) else item == wanted
        for wanted in pattern
        for item in values
    )


def finding(**fields: Any) -> dict[str, Any]:
    return {
        "Id": "one",
        "ProductArn": SECURITY_HUB,
        "ProductName": "Security Hub",
        "AwsAccountId": "123456789012",
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::reports"}],
        **fields,
    }


POLICY = "Software and Configuration Checks/AWS Security Best Practices/Policy:IAMUser-"
MACIE_POLICY = (
    "S3BlockPublicAccessDisabled",
    "S3BucketEncryptionDisabled",
    "S3BucketPublic",
    "S3BucketReplicatedExternally",
    "S3BucketSharedExternally",
    "S3BucketSharedWithCloudFront",
)
SAMPLES = [
    *(
        finding(Compliance={"Status": "FAILED", "SecurityControlId": control})
        for control in ("EC2.12", "EC2.2", "S3.2", "S3.3", "S3.5", "S3.8", "S3.10", "S3.13", "S3.14")
    ),
    *(
        finding(ProductArn=MACIE, ProductName="Macie", Types=[kind])
        for kind in (
            *(f"{POLICY}{name}" for name in MACIE_POLICY),
            f"{POLICY}S3BucketPublicly",
            "Software and Configuration Checks/x",
            "Sensitive Data Identifications/x",
            "TTPs/x",
        )
    ),
]


def test_both_sides_name_the_same_remediations() -> None:
    assert set(ENTRIES) == set(NAMES)
    for file in (MODULE / "variables.tf", MODULE / "member_role" / "variables.tf"):
        lists = re.findall(r"contains\(\[([^\]]*)\], key\)", file.read_text())
        assert [sorted(re.findall(r'"(\w+)"', found)) for found in lists] == [NAMES], file


@pytest.mark.parametrize("name", NAMES)
def test_what_the_environment_says_is_what_the_module_reads(name: str) -> None:
    settings = getattr(module(name), "Settings", None)
    fields = {field.name.upper() for field in dataclasses.fields(settings)} if settings else set()
    assert set(ENTRIES[name]["environment"]) == fields


@pytest.mark.parametrize("name", NAMES)
def test_the_automatic_rule_matches_what_the_module_accepts_and_nothing_else(name: str) -> None:
    accepted = [sample for sample in SAMPLES if remediations.get(name).accepts(Finding.of(sample))]
    matched = [sample for sample in SAMPLES if matches(ENTRIES[name]["automatic"], sample)]
    assert accepted == matched
    assert accepted


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_what_security_hub_takes(name: str) -> None:
    action = ENTRIES[name]["action"]
    assert re.fullmatch(r"[A-Za-z0-9]{1,20}", action["id"])
    assert 1 <= len(action["name"]) <= 20
    assert len({entry["action"]["id"] for entry in ENTRIES.values()}) == len(ENTRIES)


@pytest.mark.parametrize("name", NAMES)
def test_statements_have_names_of_their_own_and_no_wildcard_action(name: str) -> None:
    statements = ENTRIES[name]["statements"]
    names = [statement["sid"] for statement in statements]
    assert len(names) == len(set(names)) > 0
    assert not [a for s in statements for a in s["actions"] if a.endswith("*")]


def test_every_automatic_rule_is_of_new_and_active_findings() -> None:
    main = (MODULE / "main.tf").read_text()
    assert 'RecordState = ["ACTIVE"], Workflow = { Status = ["NEW"] }' in main
