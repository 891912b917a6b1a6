"""Nothing in the HCL holds for one partition only: conditions on services, and what a Region's name looks like."""

import re

import pytest

from tools.bootstrap import ROOT

FILES = [ROOT / "variables.tf", *sorted((ROOT / "modules").rglob("*.tf"))]
REGIONS = ("eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-5", "mx-central-1", "eusc-de-east-1")


def test_a_service_is_named_without_the_partitions_domain() -> None:
    """The end of kms:ViaService differs by partition: StringLike with `service.REGION.*` holds in each."""
    named = [line.strip() for path in FILES for line in path.read_text().splitlines() if '"kms:ViaService"' in line]
    assert len(named) >= 10
    assert not [line for line in named if "amazonaws" in line or "StringEquals" in line]


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_is_taken_for_one(region: str) -> None:
    texts = [
        text for path in FILES for text in re.findall(r'regex\("(\^[^"]*\(-\[a-z\]\+\)\+-[^"]*)"', path.read_text())
    ]
    assert len(texts) >= 3
    assert not [text for text in texts if not re.search(text, region)]
