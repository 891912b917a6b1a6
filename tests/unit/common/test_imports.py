"""Importing a handler stays fast: the SDK, Powertools and cryptography are imported by the first call.

Modules import only what their package contains.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import common

_SOURCE = Path(common.__file__).parents[1]
_HEAVY = {"boto3", "botocore", "aws_lambda_powertools", "cryptography", "jwt"}


@pytest.mark.parametrize(
    "module",
    [
        "common.aws_errors",
        "common.clients",
        "common.http",
        "common.roles",
        "identity.step_up_auth.authorizer",
        "identity.step_up_auth.factor_change",
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


def imported(path: Path) -> set[str]:
    """Return the modules below lambda_src that a file imports by their full names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    domains = {folder.name for folder in _SOURCE.iterdir() if folder.is_dir()}
    return {name for name in found if name.partition(".")[0] in domains}


@pytest.mark.parametrize("path", sorted(_SOURCE.rglob("*.py")), ids=lambda path: path.relative_to(_SOURCE).as_posix())
def test_code_is_imported_from_where_its_zip_has_it(path: Path) -> None:
    """Allow relative imports within a capability, imports from common, and from what the capability's domain shares."""
    domain = path.relative_to(_SOURCE).parts[0]
    shared = {f"{domain}.{module.stem}" for module in (_SOURCE / domain).glob("*.py")} if domain != "common" else set()
    for name in imported(path):
        allowed = name.startswith("common") or name == domain or any(f"{name}.".startswith(f"{one}.") for one in shared)
        assert allowed, f"{path.name} imports {name}"
