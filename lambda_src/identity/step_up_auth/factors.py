"""The user's second factor: which one to request, whether an answer is right, and the guard for both.

Cognito operations that take the user's token do the work, so the functions need no IAM permission for them. The same
token could also *change* the factor (`AssociateSoftwareToken`, `UpdateUserAttributes`). So step-up is refused if the
guard knows of a change since the token's sign-in; `factor_change` reports such changes.
"""

import contextlib
import functools
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common import aws_errors

from .tokens import Token

SOFTWARE_TOKEN = "SOFTWARE_TOKEN_STEP_UP"  # noqa: S105 - a method's name
SMS = "SMS_STEP_UP"
MAYBE_SOFTWARE_TOKEN = "MAYBE_SOFTWARE_TOKEN_STEP_UP"  # noqa: S105 - a method's name
METHODS = frozenset({SOFTWARE_TOKEN, SMS, MAYBE_SOFTWARE_TOKEN})

ATTEMPT_WINDOW = 900  # seconds
CODE_LIFETIME = 180  # seconds; a software token's code is valid for 30, and Cognito allows for drift

REJECTED = frozenset(
    {
        "CodeMismatchException",
        "EnableSoftwareTokenMFAException",
        "ExpiredCodeException",
        "InvalidParameterException",
        "NotAuthorizedException",
        "SoftwareTokenMFANotFoundException",
        "AliasExistsException",
    }
)
LIMITED = frozenset({"LimitExceededException", "TooManyFailedAttemptsException", "TooManyRequestsException"})


def choose(user: dict[str, Any]) -> str:
    """Return the method to request from a user, given GetUser's answer.

    The preferred method comes first, then any enabled method, then a verified phone. `MAYBE_…` means that there is
    none. A phone counts only while it is verified: a changed number becomes unverified.
    """
    attributes = {a["Name"]: a.get("Value") for a in user.get("UserAttributes", [])}
    phone = attributes.get("phone_number_verified") == "true"
    preferred = user.get("PreferredMfaSetting")
    if preferred == "SOFTWARE_TOKEN_MFA":
        return SOFTWARE_TOKEN
    if preferred == "SMS_MFA" and phone:
        return SMS
    enabled = user.get("UserMFASettingList") or []
    if "SOFTWARE_TOKEN_MFA" in enabled:
        return SOFTWARE_TOKEN
    return SMS if phone else MAYBE_SOFTWARE_TOKEN


@dataclass(frozen=True)
class Cognito:
    """Cognito operations on behalf of a token's user. Errors are boto's ClientError."""

    client: Any

    def user(self, token: Token) -> dict[str, Any]:
        """Return GetUser's answer. Cognito refuses revoked tokens."""
        answer: dict[str, Any] = self.client.get_user(AccessToken=token.raw)
        return answer

    def send(self, token: Token) -> None:
        """Send a code to the user's phone. Cognito allows five per hour."""
        self.client.get_user_attribute_verification_code(AccessToken=token.raw, AttributeName="phone_number")

    def right(self, token: Token, method: str, code: str) -> bool:
        """Return true if `code` is right, false if it is wrong. Raise ClientError for any other failure."""
        from botocore.exceptions import ClientError

        try:
            if method == SMS:
                self.client.verify_user_attribute(AccessToken=token.raw, AttributeName="phone_number", Code=code)
                return True
            answer = self.client.verify_software_token(AccessToken=token.raw, UserCode=code)
            return bool(answer["Status"] == "SUCCESS")
        except ClientError as error:
            if aws_errors.name(error) in REJECTED:
                return False
            raise


@functools.cache
def cognito() -> Cognito:
    """Return Cognito with few retries, to answer within API Gateway's 29 seconds. These operations are unsigned."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    retries: Any = {"mode": "standard", "total_max_attempts": 4}
    config = Config(retries=retries, connect_timeout=3, read_timeout=5, signature_version=UNSIGNED)
    return Cognito(boto3.client("cognito-idp", config=config))


@dataclass(frozen=True)
class Guard:
    """The factor table: for each user, the last factor change, the attempts, and the used codes."""

    client: Any
    table: str
    attempts: int = 5
    clock: Callable[[], float] = time.time

    def changed_since(self, token: Token) -> bool:
        """Return true if a factor was changed since the sign-in from which the token comes."""
        key = {"sub": {"S": token.sub}, "item": {"S": "change"}}
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return item is not None and int(item["changedAt"]["N"]) >= token.auth_time

    def note_change(self, sub: str, changed_at: int, keep_seconds: int) -> None:
        """Record a change, unless a later one is known."""
        with contextlib.suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.put_item(
                TableName=self.table,
                Item={
                    "sub": {"S": sub},
                    "item": {"S": "change"},
                    "changedAt": {"N": str(changed_at)},
                    "expiresAt": {"N": str(changed_at + keep_seconds)},
                },
                ConditionExpression="attribute_not_exists(changedAt) OR changedAt <= :at",
                ExpressionAttributeValues={":at": {"N": str(changed_at)}},
            )

    def try_once(self, token: Token) -> bool:
        """Count an attempt. Return false if there were too many in this window."""
        return self._count(token, 1) <= self.attempts

    def forgive(self, token: Token) -> None:
        """Undo the count of an attempt that was right, or whose result is unknown."""
        self._count(token, -1)

    def _count(self, token: Token, change: int) -> int:
        window = int(self.clock()) // ATTEMPT_WINDOW
        answer = self.client.update_item(
            TableName=self.table,
            Key={"sub": {"S": token.sub}, "item": {"S": f"attempts#{window}"}},
            UpdateExpression="SET expiresAt = :ends ADD tried :change",
            ExpressionAttributeValues={
                ":ends": {"N": str((window + 2) * ATTEMPT_WINDOW)},
                ":change": {"N": str(change)},
            },
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["tried"]["N"])

    def use_up(self, token: Token, code: str, request: str) -> bool:
        """Mark a right code as used. Return false if another request used it before, with any token of the user."""
        now = int(self.clock())
        digest = hashlib.sha256(f"{token.sub}\0{code}".encode()).hexdigest()
        try:
            self.client.put_item(
                TableName=self.table,
                Item={
                    "sub": {"S": token.sub},
                    "item": {"S": f"code#{digest}"},
                    "usedBy": {"S": request},
                    "expiresAt": {"N": str(now + CODE_LIFETIME)},
                },
                ConditionExpression="attribute_not_exists(usedBy) OR usedBy = :me OR expiresAt <= :now",
                ExpressionAttributeValues={":me": {"S": request}, ":now": {"N": str(now)}},
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True
