"""The search page: static files, with a policy that lets the browser load these files and call this API only."""

from pathlib import Path
from typing import Any

from common import http

_STATIC = Path(__file__).parent / "static"
POLICY = http.page_policy()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Return one of the files."""
    return http.page(_STATIC, event["resource"], POLICY)
