"""The user's second factor: which one to ask for, whether an answer is right, and what guards both.

Cognito's own operations do the work in the name of the token, so the functions need no IAM permission for them.
The same token could also *change* the factor (`AssociateSoftwareToken`, `UpdateUserAttributes`), so a factor
counts only if it was there before the token's sign-in, as far as the guard (`factor_change`) has heard.
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
CODE_LIFETIME = 180  # seconds; a software token's code is good for 30, and Cognito allows for drift

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
    """The method to ask a user for, from GetUser's answer.

    A preferred method first, then any that is set up, then a verified phone; `MAYBE_…` says there is none. A phone
    counts only while it is verified: changing it makes it unverified.
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
    """Cognito in the name of a token. Errors are boto's ClientError."""

    client: Any

    def user(self, token: Token) -> dict[str, Any]:
        """GetUser's answer; Cognito refuses tokens that were revoked."""
        answer: dict[str, Any] = self.client.get_user(AccessToken=token.raw)
        return answer

    def send(self, token: Token) -> None:
        """Sends a code to the user's phone; five times an hour at most."""
        self.client.get_user_attribute_verification_code(AccessToken=token.raw, AttributeName="phone_number")

    def right(self, token: Token, method: str, code: str) -> bool:
        """Whether `code` is right. Raises ClientError for anything but a wrong code."""
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
    """Cognito with few retries, so that an answer comes within API Gateway's 29 seconds; unsigned, as it has to be."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    retries: Any = {"mode": "standard", "total_max_attempts": 4}
    config = Config(retries=retries, connect_timeout=3, read_timeout=5, signature_version=UNSIGNED)
    return Cognito(boto3.client("cognito-idp", config=config))


@dataclass(frozen=True)
class Guard:
    """Per user: when a factor was changed, how often codes were tried, which codes were used up."""

    client: Any
    table: str
    attempts: int = 5
    clock: Callable[[], float] = time.time

    def changed_since(self, token: Token) -> bool:
        """Whether a factor was changed since the sign-in that the token comes from."""
        key = {"sub": {"S": token.sub}, "item": {"S": "change"}}
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return item is not None and int(item["changedAt"]["N"]) >= token.auth_time

    def note_change(self, sub: str, changed_at: int, keep_seconds: int) -> None:
        """Notes a change, unless a later one is known."""
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
        """Counts an attempt; False when there were too many in this window."""
        return self._count(token, 1) <= self.attempts

    def forgive(self, token: Token) -> None:
        """Take an attempt back: it was right, or its result is unknown."""
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
        """Marks a right code as used; False when it was used before, by whatever token. `request` may repeat itself."""
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
