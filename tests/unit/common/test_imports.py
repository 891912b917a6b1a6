"""Importing a handler stays cheap: the SDK and Powertools come with the first call."""

import subprocess
import sys
from pathlib import Path

import pytest

import common

_SOURCE = Path(common.__file__).parents[1]
_HEAVY = {"boto3", "botocore", "aws_lambda_powertools"}


@pytest.mark.parametrize(
    "module",
    [
        "common.clients",
        "identity.step_up_auth.authorizer",
        "identity.step_up_auth.initiate_auth",
        "identity.step_up_auth.respond_to_challenge",
        "posture.finding_export.continuous",
        "posture.finding_export.export",
        "posture.finding_remediation.remediate",
        "protection.country_embargo.apply",
        "protection.country_embargo.preview",
    ],
)
def test_import_is_light(module: str) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    path = f"import sys; sys.path.insert(0, {str(_SOURCE)!r}); {code}"
    loaded = subprocess.run([sys.executable, "-c", path], capture_output=True, text=True, check=True).stdout.split()
    assert module.partition(".")[0] in loaded
    assert not _HEAVY & set(loaded)
