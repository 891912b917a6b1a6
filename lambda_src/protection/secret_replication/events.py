"""Messages of the queue: EventBridge events that tell of a changed secret, and repairs that `reconcile` asks for.

Three kinds of events tell of a change; one change may come as all three, in any order, and twice.

- "Secret Label Updated", from Secrets Manager itself, within seconds: a label has moved to a new version.
  https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
- "AWS Service Event via CloudTrail", RotationSucceeded, minutes later.
- "AWS API Call via CloudTrail", PutSecretValue and the like: also of descriptions and tags.
  https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html
"""

import json
from collections.abc import Mapping
from typing import Any


def secret_id(body: str) -> str | None:
    """ARN (where the message has it) or name of the secret that a message is about; None for anything else.

    What the event says of the change is not used: the secret itself is read when the message is handled.
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
        # Until February 2024 some entries had "aRN".
        or _text(answer.get("arn") or answer.get("aRN"))
        or _text(request.get("secretId") or request.get("name"))
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
