"""Messages of the queue: EventBridge events that report a changed secret, and repairs that `reconcile` requests.

Three kinds of events report changes. One change can cause all three, in any order and more than once.

- "Secret Label Updated", from Secrets Manager itself, within seconds: a label moved to a new version.
  https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
- "AWS Service Event via CloudTrail", RotationSucceeded, minutes later.
- "AWS API Call via CloudTrail", PutSecretValue and similar calls, including changes of descriptions and tags.
  https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html
"""

import json
from collections.abc import Mapping
from typing import Any


def secret_id(body: str) -> str | None:
    """Return the ARN (if the message has it) or the name of the secret in a message; None for any other message.

    The details of the event are not used: the function reads the secret itself when it handles the message.
    """
    try:
        message = json.loads(body)
        if repair := message.get("repair"):
            return _text(repair)
        detail = message["detail"]
        if message["source"] != "aws.secretsmanager":
            return None
        if message["detail-type"] == "Secret Label Updated":
            return _text((message.get("resources") or [None])[0]) or _text(detail["name"])
        return _of_cloudtrail(detail)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _of_cloudtrail(detail: Mapping[str, Any]) -> str | None:
    answer = detail.get("responseElements") or {}
    request = detail.get("requestParameters") or {}
    return (
        _text((detail.get("additionalEventData") or {}).get("SecretId"))
        # Until February 2024, some entries had "aRN".
        or _text(answer.get("arn") or answer.get("aRN"))
        or _text(request.get("secretId") or request.get("name"))
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
