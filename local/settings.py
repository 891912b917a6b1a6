"""What every room of the local cloud agrees on."""

from __future__ import annotations

from pathlib import Path

ACCOUNT_ID = "123456789012"
REGION = "eu-west-1"
DEFAULT_PORT = 4566

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

HOME = ROOT / ".switchyard"
"""Everything that set-up and runs make."""
