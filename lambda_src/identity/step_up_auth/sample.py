"""Sample back ends: a transfer, which is privileged, and information, which is not. Neither handles step-up."""

from typing import Any

from common import http


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Return 200 with the operation, a message and the authorizer's state."""
    caller = event["requestContext"]["authorizer"]
    done = {"message": "Transfer done." if event["resource"] == "/transfer" else "Nothing secret here."}
    return http.answer(200, {**done, "operation": event["resource"], "stepUpState": caller["stepUpState"]})
