"""The user's second factor: which one to request, whether an answer is right, and the guard for both.

Cognito operations that take the user's token do the work, so the functions need no IAM permission for them. The same
token could also *change* the factor (`AssociateSoftwareToken`, `UpdateUserAttributes`). So step-up is refused if the
guard knows of a change since the token's sign-in: `factor_change` reports such changes, and the guard remembers the
number or address to which it let codes be sent.
"""

import contextlib
import functools
import hashlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from common import aws_errors, http

from .tokens import Token

SOFTWARE_TOKEN = "SOFTWARE_TOKEN_STEP_UP"  # noqa: S105 - a method's name
SMS = "SMS_STEP_UP"
EMAIL = "EMAIL_STEP_UP"
MAYBE_SOFTWARE_TOKEN = "MAYBE_SOFTWARE_TOKEN_STEP_UP"  # noqa: S105 - a method's name
FACTORS = (SOFTWARE_TOKEN, SMS, EMAIL)
METHODS = frozenset({*FACTORS, MAYBE_SOFTWARE_TOKEN})
CONTACTS = {SMS: "phone_number", EMAIL: "email"}
"""The user attribute to which a method sends its code."""
_SETTINGS = {"SOFTWARE_TOKEN_MFA": SOFTWARE_TOKEN, "SMS_MFA": SMS, "EMAIL_OTP": EMAIL}

ATTEMPT_WINDOW = 900  # seconds
KEEP_SECONDS = 3650 * 86_400  # Cognito's longest refresh token: refreshed tokens keep their auth_time
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


def changed() -> http.HttpError:
    """Return the error for a factor that changed since the token's sign-in."""
    return http.HttpError(403, "The second factor has changed since this sign-in: sign in again.", "factor_changed")


def choose(user: dict[str, Any], accepted: Collection[str] = FACTORS) -> str:
    """Return the method to request from a user, given GetUser's answer. `MAYBE_…` means that there is none.

    The preferred method comes first, then a software token, a verified phone, and e-mail. A phone or an address counts
    only while it is verified; an address only if the user has chosen e-mail as a second factor.
    """
    attributes = _attributes(user)
    preferred = _SETTINGS.get(str(user.get("PreferredMfaSetting")))
    enabled = {_SETTINGS.get(name) for name in user.get("UserMFASettingList") or []} | {preferred}
    usable = {
        SOFTWARE_TOKEN: SOFTWARE_TOKEN in enabled,
        SMS: attributes.get("phone_number_verified") == "true",
        EMAIL: attributes.get("email_verified") == "true" and EMAIL in enabled,
    }
    order = [preferred, *FACTORS]
    return next((m for m in order if m and m in accepted and usable[m]), MAYBE_SOFTWARE_TOKEN)


def contact(user: dict[str, Any], method: str) -> str:
    """Return the number or address to which the method sends codes, given GetUser's answer; "" for other methods."""
    return _attributes(user).get(CONTACTS.get(method, ""), "")


def _attributes(user: dict[str, Any]) -> dict[str, str]:
    return {a["Name"]: str(a.get("Value", "")) for a in user.get("UserAttributes", [])}


@dataclass(frozen=True)
class Cognito:
    """Cognito operations on behalf of a token's user. Errors are boto's ClientError."""

    client: Any

    def user(self, token: Token) -> dict[str, Any]:
        """Return GetUser's answer. Cognito refuses revoked tokens."""
        answer: dict[str, Any] = self.client.get_user(AccessToken=token.raw)
        return answer

    def send(self, token: Token, method: str) -> None:
        """Send a code to the user's phone or address. Cognito allows five per hour."""
        self.client.get_user_attribute_verification_code(AccessToken=token.raw, AttributeName=CONTACTS[method])

    def right(self, token: Token, method: str, code: str) -> bool:
        """Return true if `code` is right, false if it is wrong. Raise ClientError for any other failure."""
        from botocore.exceptions import ClientError

        try:
            if method in CONTACTS:
                self.client.verify_user_attribute(AccessToken=token.raw, AttributeName=CONTACTS[method], Code=code)
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

    def accepts(self, token: Token, method: str, value: str) -> bool:
        """Return true if codes of this method may be sent to this number or address. Remember the first one.

        Another one than before is a change of the factor, whose time is unknown: it counts as made now, so that it
        takes a new sign-in to use it.
        """
        item = self._contact(token.sub, method)
        if "digest" not in item:
            if "changedAt" in item and int(item["changedAt"]["N"]) >= token.auth_time:
                return False
            self.remember(token.sub, method, value)
            return True
        if item["digest"]["S"] == _digest(token.sub, value):
            return True
        self.note_change(token.sub, int(self.clock()))
        self.remember(token.sub, method, value)
        return False

    def profile_edited(self, sub: str, method: str, value: str, at: int) -> bool:
        """Return true if an edit of the profile may have replaced the number or address to which codes were sent.

        If none was sent yet, note the edit: then it takes a later sign-in to use the method.
        """
        item = self._contact(sub, method)
        if "digest" not in item:
            self._put_contact(sub, method, {"changedAt": {"N": str(at)}})
            return False
        # One that was first used after the edit may be the edit's.
        if int(item["knownAt"]["N"]) < at and item["digest"]["S"] == _digest(sub, value):
            return False
        self.remember(sub, method, value)
        return True

    def remember(self, sub: str, method: str, value: str) -> None:
        """Record the number or address to which codes of this method are sent, as a digest."""
        known = {"digest": {"S": _digest(sub, value)}, "knownAt": {"N": str(int(self.clock()))}}
        self._put_contact(sub, method, known)

    def _contact(self, sub: str, method: str) -> dict[str, Any]:
        key = {"sub": {"S": sub}, "item": {"S": f"contact#{method}"}}
        item: dict[str, Any] = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item", {})
        return item

    def _put_contact(self, sub: str, method: str, attributes: dict[str, Any]) -> None:
        ends = {"expiresAt": {"N": str(int(self.clock()) + KEEP_SECONDS)}}
        key = {"sub": {"S": sub}, "item": {"S": f"contact#{method}"}}
        self.client.put_item(TableName=self.table, Item={**key, **attributes, **ends})

    def note_change(self, sub: str, changed_at: int, keep_seconds: int = KEEP_SECONDS) -> None:
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
        try:
            self.client.put_item(
                TableName=self.table,
                Item={
                    "sub": {"S": token.sub},
                    "item": {"S": f"code#{_digest(token.sub, code)}"},
                    "usedBy": {"S": request},
                    "expiresAt": {"N": str(now + CODE_LIFETIME)},
                },
                ConditionExpression="attribute_not_exists(usedBy) OR usedBy = :me OR expiresAt <= :now",
                ExpressionAttributeValues={":me": {"S": request}, ":now": {"N": str(now)}},
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _digest(sub: str, text: str) -> str:
    return hashlib.sha256(f"{sub}\0{text}".encode()).hexdigest()
