"""Requests and responses in API Gateway's proxy format."""

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Type": "application/json",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response. HTML pages replace some of them."""

_TYPES = {
    f".{suffix}": f"text/{kind}; charset=utf-8"
    for suffix, kind in (("html", "html"), ("js", "javascript"), ("css", "css"))
}


class HttpError(Exception):
    """A refused request: the HTTP status, a message for users and, where programs need it, a one-word reason."""

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


def answer(status: int, body: Any) -> dict[str, Any]:
    """Return a response with a JSON body. Numbers can be Decimal, as boto3 reads them from DynamoDB."""
    return {"statusCode": status, "headers": dict(HEADERS), "body": json.dumps(body, default=_number)}


def page(folder: Path, resource: str, policy: str) -> dict[str, Any]:
    """Return a file of a web page: the one that a route names, index.html for `/`. Raise KeyError for any other."""
    name = resource.removeprefix("/") or "index.html"
    if name != PurePosixPath(name).name:
        raise KeyError(resource)
    file = folder / name
    headers = {
        **HEADERS,
        "Content-Security-Policy": policy,
        "Content-Type": _TYPES[file.suffix],
        "Referrer-Policy": "no-referrer",
    }
    return {"statusCode": 200, "headers": headers, "body": file.read_text("utf-8")}


def page_policy(*origins: str, media: str = "") -> str:
    """Return a content security policy: this API's own files, and calls of this API and these origins only.

    `media` is another directive with its semicolon, for a page that plays something.
    """
    connect = " ".join(("'self'", *origins))
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; {media}connect-src {connect}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def refusal(error: HttpError) -> dict[str, Any]:
    """Return the response to a refused request, with `message` and, if there is one, `reason`."""
    reason = {"reason": error.reason} if error.reason else {}
    return answer(error.status, {"message": str(error), **reason})


def json_body(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON object in the body, or {} if there is no body. Raise HttpError 400 for any other body."""
    text = event.get("body") or ""
    if not text:
        return {}
    try:
        body = json.loads(base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text)
    except (ValueError, RecursionError):  # UnicodeDecodeError and binascii.Error are subclasses of ValueError
        body = None
    if not isinstance(body, dict):
        raise HttpError(400, "The body must be a JSON object.", "bad_request")
    return body


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
