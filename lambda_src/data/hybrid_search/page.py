"""The search page: static files, with a policy that lets the browser load these files and call this API only."""

from pathlib import Path
from typing import Any

from common import http

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/app.css": ("app.css", "text/css; charset=utf-8"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Return one of the files."""
    name, kind = _FILES[event["resource"]]
    return http.page(Path(__file__).parent / "static" / name, kind, POLICY)
