"""Sample back ends: a transfer, which is privileged, and information, which is not. They know nothing of step-up."""

from typing import Any

from common import http


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """200 with what was done and what the authorizer said."""
    caller = event["requestContext"]["authorizer"]
    done = {"message": "Transfer done." if event["resource"] == "/transfer" else "Nothing secret here."}
    return http.answer(200, {**done, "operation": event["resource"], "stepUpState": caller["stepUpState"]})
