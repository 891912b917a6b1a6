"""The request for the second factor and its check: every branch, and attacks with a stolen token."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from common import clients, http
from identity.step_up_auth import (
    factor_change,
    factors,
    initiate_auth,
    respond_to_challenge,
    sample,
    sessions,
    tokens,
    web,
)
from identity.step_up_auth.factors import EMAIL, MAYBE_SOFTWARE_TOKEN, SMS, SOFTWARE_TOKEN
from identity.step_up_auth.sessions import COMPLETED, DENY, NOT_REQUIRED, REQUIRED
from tests.unit.identity.step_up_auth import issuer
from tests.unit.identity.step_up_auth.issuer import NOW, allow, claims, session, sign

CONTEXT = SimpleNamespace(aws_request_id="r")


def user(
    preferred: str = "", enabled: tuple[str, ...] = (), phone: str | None = None, **attributes_: str
) -> dict[str, Any]:
    attributes = [] if phone is None else [{"Name": "phone_number_verified", "Value": phone}]
    attributes += [{"Name": name, "Value": value} for name, value in attributes_.items()]
    found: dict[str, Any] = {"UserAttributes": attributes, "UserMFASettingList": list(enabled)}
    return found | ({"PreferredMfaSetting": preferred} if preferred else {})


OLD, NEW = "+15550001", "+15550666"


def phone_user(number: str = OLD, *, verified: str = "true") -> dict[str, Any]:
    return user("SMS_MFA", ("SMS_MFA",), verified, phone_number=number)


@pytest.mark.parametrize(
    ("answer", "method"),
    [
        (user("SOFTWARE_TOKEN_MFA", ("SOFTWARE_TOKEN_MFA",)), SOFTWARE_TOKEN),
        (user("SMS_MFA", ("SMS_MFA",), "true"), SMS),
        (user("SMS_MFA", ("SMS_MFA", "SOFTWARE_TOKEN_MFA"), "true"), SMS),
        (user("", ("SOFTWARE_TOKEN_MFA",)), SOFTWARE_TOKEN),
        (user("", ("SMS_MFA", "SOFTWARE_TOKEN_MFA"), "true"), SOFTWARE_TOKEN),
        (user("", ("SMS_MFA",), "true"), SMS),
        (user("", (), "true"), SMS),
        (user("", (), "false"), MAYBE_SOFTWARE_TOKEN),
        (user("", (), ""), MAYBE_SOFTWARE_TOKEN),
        (user(), MAYBE_SOFTWARE_TOKEN),
        (user("SMS_MFA", ("SMS_MFA",), "false"), MAYBE_SOFTWARE_TOKEN),
        (user("SMS_MFA", ("SMS_MFA", "SOFTWARE_TOKEN_MFA"), "false"), SOFTWARE_TOKEN),
        (user("EMAIL_OTP", ("EMAIL_OTP",)), MAYBE_SOFTWARE_TOKEN),
        (user("EMAIL_OTP", ("EMAIL_OTP",), email_verified="true"), EMAIL),
        (user("", ("EMAIL_OTP",), email_verified="true"), EMAIL),
        (user("", ("EMAIL_OTP",), email_verified="false"), MAYBE_SOFTWARE_TOKEN),
        (user("", (), email_verified="true"), MAYBE_SOFTWARE_TOKEN),
        (user("EMAIL_OTP", ("EMAIL_OTP", "SOFTWARE_TOKEN_MFA"), "true", email_verified="true"), EMAIL),
        (user("", ("EMAIL_OTP", "SOFTWARE_TOKEN_MFA"), "true", email_verified="true"), SOFTWARE_TOKEN),
        (user("SMS_MFA", ("EMAIL_OTP", "SMS_MFA"), "false", email_verified="true"), EMAIL),
        ({}, MAYBE_SOFTWARE_TOKEN),
    ],
)
def test_choice_of_the_method(answer: dict[str, Any], method: str) -> None:
    assert factors.choose(answer) == method


class Cognito:
    """Cognito's user operations, with a given GetUser answer, right code and errors."""

    def __init__(self) -> None:
        self.answer = user("SOFTWARE_TOKEN_MFA", ("SOFTWARE_TOKEN_MFA",))
        self.code, self.error, self.error_at, self.calls = "123456", "", "", list[str]()
        self.sent = list[str]()
        self.pending: dict[str, Any] | None = None
        """GetUser's answer after the user verifies a new number, in a pool that keeps the old one until then."""

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.error == "lost" and self.error_at in ("", name):
            raise EndpointConnectionError(endpoint_url="https://x")
        if self.error and self.error_at in ("", name):
            raise ClientError({"Error": {"Code": self.error, "Message": ""}}, name)

    def get_user(self, AccessToken: str) -> dict[str, Any]:
        self._call("GetUser")
        return self.answer

    def get_user_attribute_verification_code(self, AccessToken: str, AttributeName: str) -> None:
        self._call("Send")
        self.sent.append(AttributeName)

    def verify_user_attribute(self, AccessToken: str, AttributeName: str, Code: str) -> None:
        self._call("VerifyUserAttribute")
        if Code != self.code:
            raise ClientError({"Error": {"Code": "CodeMismatchException", "Message": ""}}, "VerifyUserAttribute")
        self.answer, self.pending = self.pending or self.answer, None

    def list_users(self, UserPoolId: str, Filter: str, Limit: int) -> dict[str, Any]:
        assert (UserPoolId, Filter) == ("pool", 'sub = "user-1"')
        return {"Users": [{"Attributes": self.answer["UserAttributes"]}]}

    def verify_software_token(self, AccessToken: str, UserCode: str) -> dict[str, str]:
        self._call("VerifySoftwareToken")
        if UserCode != self.code:
            raise ClientError({"Error": {"Code": "EnableSoftwareTokenMFAException", "Message": ""}}, "Verify")
        return {"Status": "SUCCESS"}


class Api:
    """Both challenge functions behind their handlers."""

    def __init__(self, client: Any, cognito: Cognito) -> None:
        self.dynamodb, self.cognito, self.requests = client, cognito, 0

    def _send(self, handler: Any, body: Any, changed: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.requests += 1
        event = {
            "headers": {"Authorization": f"Bearer {sign(claims(**changed))}"},
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
            "requestContext": {"requestId": f"request-{self.requests}"},
        }
        answer = handler(event, CONTEXT)
        assert answer["headers"]["Cache-Control"] == "no-store"
        return answer["statusCode"], json.loads(answer["body"])

    def initiate(self, body: Any = None, **changed: Any) -> tuple[int, dict[str, Any]]:
        return self._send(initiate_auth.handler, body, changed)

    def respond(self, method: str = SOFTWARE_TOKEN, code: str = "123456", **changed: Any) -> tuple[int, dict[str, Any]]:
        return self._send(respond_to_challenge.handler, {"challengeType": method, "code": code}, changed)

    def raw(self, body: Any) -> int:
        return self._send(respond_to_challenge.handler, body, {})[0]

    @property
    def state(self) -> str:
        return str(session(self.dynamodb).get("state", {}).get("S", "none"))


@pytest.fixture
def api(dynamodb: Any, clock: issuer.Clock, monkeypatch: pytest.MonkeyPatch) -> Any:
    client, _ = dynamodb
    conf = {
        "SETTING_TABLE": "setting",
        "SESSION_TABLE": "session",
        "FACTOR_TABLE": "factor",
        "SESSION_TABLE_ITEM_TTL": "900",
        "KEEP_SECONDS": "1000",
        "USER_POOL_ID": "pool",
    }
    for name, value in conf.items():
        monkeypatch.setenv(name, value)
    verifier, cognito = issuer.verifier(clock=clock), Cognito()
    shown, guard = sessions.Sessions, factors.Guard
    monkeypatch.setattr(tokens, "verifier", lambda: verifier)
    monkeypatch.setattr(factors, "cognito", lambda: factors.Cognito(cognito))
    monkeypatch.setattr(clients, "client", lambda service: cognito if service == "cognito-idp" else client)
    monkeypatch.setattr(sessions, "Sessions", lambda c, t, _=None: shown(c, t, clock))
    monkeypatch.setattr(factors, "Guard", lambda c, t, attempts=5, _=None: guard(c, t, attempts, clock))
    allow(client, "/transfer", REQUIRED)
    yield Api(client, cognito)
    for module in (initiate_auth, respond_to_challenge, factor_change):
        module._conf.cache_clear()


def test_right_code_completes_for_the_session_seconds(api: Api) -> None:
    assert api.initiate() == (200, {"challengeType": SOFTWARE_TOKEN})
    status, body = api.respond()
    assert (status, body["expiresAt"]) == (200, NOW + 900)
    assert api.state == COMPLETED
    assert session(api.dynamodb)["expiresAt"]["N"] == str(NOW + 900)


def test_or_for_the_rest_of_the_token_if_that_is_shorter(api: Api) -> None:
    api.initiate(exp=NOW + 60)
    assert api.respond(exp=NOW + 60)[1]["expiresAt"] == NOW + 60


def test_sms_sends_a_code(api: Api) -> None:
    api.cognito.answer = user("", (), "true")
    assert api.initiate() == (200, {"challengeType": SMS})
    assert api.cognito.calls == ["GetUser", "Send"]
    assert api.respond(SMS)[0] == 200


@pytest.mark.parametrize("method", [SOFTWARE_TOKEN, SMS])
def test_wrong_code_is_401_and_changes_nothing(api: Api, method: str) -> None:
    if method == SMS:
        api.cognito.answer = user("", (), "true")
    api.initiate()
    before = session(api.dynamodb)
    assert api.respond(method, "654321") == (
        401,
        {"message": "The answer is not right, or came too late.", "reason": "challenge_failed"},
    )
    assert session(api.dynamodb) == before


@pytest.mark.parametrize("error", ["TooManyRequestsException", "InternalErrorException", "lost"])
@pytest.mark.parametrize("at", ["GetUser", "VerifySoftwareToken"])
def test_failing_cognito_is_401_and_changes_nothing(api: Api, error: str, at: str) -> None:
    api.initiate()
    before = session(api.dynamodb)
    api.cognito.error, api.cognito.error_at = error, at
    status, body = api.respond()
    assert (status, body["reason"]) == (401, "temporarily_unavailable")
    assert session(api.dynamodb) == before
    api.cognito.error = ""
    assert api.respond()[0] == 200, "the same code is still valid: it was not used"


def test_failing_table_is_401_and_changes_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.initiate()
    before = session(api.dynamodb)
    monkeypatch.setenv("FACTOR_TABLE", "gone")
    respond_to_challenge._conf.cache_clear()
    assert (api.respond()[0], session(api.dynamodb)) == (401, before)


def test_maybe_is_told_and_never_taken(api: Api) -> None:
    api.cognito.answer = user()
    assert api.initiate() == (200, {"challengeType": MAYBE_SOFTWARE_TOKEN, "enrolmentRequired": True})
    assert api.respond(MAYBE_SOFTWARE_TOKEN)[0] == 401
    assert api.respond(SOFTWARE_TOKEN)[0] == 401
    assert "VerifySoftwareToken" not in api.cognito.calls


def test_caller_cannot_choose_another_method(api: Api) -> None:
    api.initiate()
    assert api.respond(SMS)[0] == 401
    assert "VerifyUserAttribute" not in api.cognito.calls


def test_factor_brought_in_between_challenge_and_answer(api: Api) -> None:
    api.cognito.answer = user("", (), "true")
    api.initiate()
    api.cognito.answer = user("SOFTWARE_TOKEN_MFA", ("SOFTWARE_TOKEN_MFA",), "true")
    assert api.respond(SOFTWARE_TOKEN)[0] == 401, "SMS was requested"
    assert "VerifySoftwareToken" not in api.cognito.calls


def test_answer_without_a_challenge(api: Api) -> None:
    assert api.respond()[0] == 401


def test_answer_too_late(api: Api, clock: issuer.Clock) -> None:
    api.initiate()
    clock.now += initiate_auth.CHALLENGE_SECONDS
    assert api.respond()[0] == 401


def test_challenge_of_another_token(api: Api) -> None:
    api.initiate(jti="token-2")
    assert api.respond()[0] == 401


def test_phone_changed_between_challenge_and_answer(api: Api) -> None:
    api.cognito.answer = user("", (), "true")
    api.initiate()
    api.cognito.answer = user("", (), "false")
    assert api.respond(SMS)[0] == 401
    assert "VerifyUserAttribute" not in api.cognito.calls


def test_a_code_is_good_once(api: Api, clock: issuer.Clock) -> None:
    api.initiate()
    assert api.respond()[0] == 200
    api.initiate(jti="token-2")
    assert api.respond(jti="token-2")[0] == 401, "by another token of the same user"
    clock.now += factors.CODE_LIFETIME
    api.initiate(jti="token-2")
    assert api.respond(jti="token-2")[0] == 200, "the same digits come again by chance"


def test_a_lost_answer_of_the_table_does_not_use_the_code_up(api: Api, dynamodb: Any, clock: issuer.Clock) -> None:
    guard = factors.Guard(dynamodb[0], "factor", 5, clock)
    assert [guard.use_up(issuer.token(), "123456", request) for request in ("a", "a", "b")] == [True, True, False]


def test_guessing_ends(api: Api, clock: issuer.Clock) -> None:
    api.initiate()
    assert [api.respond(code=f"00000{n}")[0] for n in range(7)] == [401] * 5 + [429] * 2
    assert api.respond()[0] == 429, "the right code too"
    api.initiate(jti="token-2")
    assert api.respond(jti="token-2")[0] == 429, "with another token too"
    assert api.cognito.calls.count("VerifySoftwareToken") == 5
    clock.now += factors.ATTEMPT_WINDOW
    api.initiate()
    assert api.respond()[0] == 200


@pytest.mark.parametrize("error", ["lost", "InternalErrorException"])
def test_answers_that_nobody_could_check_do_not_count_as_attempts(api: Api, error: str) -> None:
    api.initiate()
    api.cognito.error, api.cognito.error_at = error, "VerifySoftwareToken"
    assert [api.respond()[0] for _ in range(6)] == [401] * 6
    api.cognito.error = ""
    assert api.respond()[0] == 200


def test_right_answers_do_not_count_as_attempts(api: Api) -> None:
    for number in range(8):
        api.cognito.code = f"11111{number}"
        api.initiate()
        assert api.respond(code=api.cognito.code)[0] == 200


@pytest.mark.parametrize(
    "body",
    ["{", "[]", {}, {"challengeType": SMS}, {"challengeType": "X", "code": "123456"}]
    + [
        {"challengeType": SMS, "code": code}
        for code in ("12345", "1234567", "12345a", 123456, "\uff11\uff12\uff13\uff14\uff15\uff16", "123456\n")
    ],
)
def test_malformed_answers(api: Api, body: Any) -> None:
    assert api.raw(body) == 400


@pytest.mark.parametrize("changed", [{"token_use": "id"}, {"client_id": "other"}, {"exp": NOW}, {"iss": "https://x"}])
def test_bad_tokens_at_both(api: Api, changed: dict[str, Any]) -> None:
    assert api.initiate(**changed)[0] == api.respond(**changed)[0] == 401
    assert api.cognito.calls == []


# --- which group ----------------------------------------------------------------------------------------------


def test_named_operation_decides_the_group(api: Api) -> None:
    allow(api.dynamodb, "/users", REQUIRED, group="admin")
    api.initiate({"operation": "/users"})
    assert api.respond()[0] == 200
    assert session(api.dynamodb, group="admin")["state"]["S"] == COMPLETED
    assert session(api.dynamodb) == {}


def test_latest_refused_call_decides_otherwise(api: Api, dynamodb: Any, clock: issuer.Clock) -> None:
    shown = sessions.Sessions(dynamodb[0], "session")
    for group in ("money", "admin"):
        clock.now += 1
        shown.require(issuer.token(), group)
    api.initiate()
    api.respond()
    assert session(api.dynamodb, group="admin")["state"]["S"] == COMPLETED
    assert session(api.dynamodb, group="money")["state"]["S"] == REQUIRED


@pytest.mark.parametrize(("state", "status"), [(DENY, 403), (NOT_REQUIRED, 409), ("", 409), ("?", 403)])
def test_no_step_up_for_what_none_opens(api: Api, state: str, status: int) -> None:
    if state:
        allow(api.dynamodb, "/x", state)
    assert api.initiate({"operation": "/x"})[0] == status
    assert api.cognito.calls == []


@pytest.mark.parametrize("operation", [1, "", "x" * 1025, ["/transfer"]])
def test_malformed_operation(api: Api, operation: Any) -> None:
    assert api.initiate({"operation": operation})[0] == 400


# --- the day before, the switch and the day after -------------------------------------------------------------


@pytest.mark.parametrize(
    ("default", "status", "reason"), [(REQUIRED, 200, None), (DENY, 403, "denied"), (NOT_REQUIRED, 409, "not_required")]
)
def test_the_challenge_knows_the_default_of_the_authorizer(
    api: Api, monkeypatch: pytest.MonkeyPatch, default: str, status: int, reason: str | None
) -> None:
    monkeypatch.setenv("DEFAULT_STEP_UP_STATE", default)
    initiate_auth._conf.cache_clear()
    got, told = api.initiate({"operation": "POST /unlisted"})
    assert (got, told.get("reason")) == (status, reason)
    if status == 200:
        assert api.respond()[0] == 200
        assert api.state == COMPLETED


def test_the_method_decides_the_group(api: Api) -> None:
    allow(api.dynamodb, "GET /transfer", REQUIRED, group="reports")
    api.initiate({"operation": "GET /transfer"})
    assert "challenge" in session(api.dynamodb, group="reports")
    api.initiate({"operation": "POST /transfer"})
    assert "challenge" in session(api.dynamodb)


def test_a_step_up_that_has_ended_can_be_renewed(api: Api, clock: issuer.Clock) -> None:
    """Its item is still there: DynamoDB deletes expired items days late."""
    api.initiate()
    assert api.respond()[1]["expiresAt"] == NOW + 900
    clock.now += 901
    api.cognito.code = "222222"
    assert api.initiate({"operation": "/transfer"})[0] == 200
    assert api.state == REQUIRED, "a challenge opens nothing"
    assert api.respond(code="222222")[1].get("expiresAt") == NOW + 1801


@pytest.mark.parametrize("refused_meanwhile", [False, True])
def test_a_step_up_that_ends_while_the_user_types(
    api: Api, dynamodb: Any, clock: issuer.Clock, refused_meanwhile: bool
) -> None:
    api.initiate()
    api.respond()
    clock.now += 890
    api.cognito.code = "222222"
    assert api.initiate({"operation": "/transfer"})[0] == 200
    clock.now += 20
    if refused_meanwhile:  # another tab calls the operation
        sessions.Sessions(dynamodb[0], "session").require(issuer.token(), "default")
    assert api.respond(code="222222")[1].get("expiresAt") == NOW + 910 + 900


def test_the_group_is_that_of_the_call_that_was_refused_last(api: Api, dynamodb: Any, clock: issuer.Clock) -> None:
    shown = sessions.Sessions(dynamodb[0], "session")
    for group in ("money", "admin", "money"):
        clock.now += 0.01
        shown.require(issuer.token(), group)
    api.initiate()
    api.respond()
    assert session(api.dynamodb, group="money")["state"]["S"] == COMPLETED
    assert session(api.dynamodb, group="admin")["state"]["S"] == REQUIRED


def test_a_lost_answer_does_not_undo_a_completed_step_up(api: Api, dynamodb: Any) -> None:
    """boto3 repeats a write whose answer was lost: the second one finds the step-up completed by itself."""
    shown = sessions.Sessions(dynamodb[0], "session")
    shown.challenge(issuer.token(), "default", SMS, 300)
    challenge = session(api.dynamodb)
    assert [shown.complete(issuer.token(), challenge, 900) for _ in range(2)] == [NOW + 900] * 2


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "", [], [SMS], {}, {"a": 1}, "\ud800", "x" * 5000])
@pytest.mark.parametrize("name", ["challengeType", "code", "operation"])
def test_hostile_types_are_400(api: Api, name: str, value: Any) -> None:
    if name != "operation":
        assert api.raw({"challengeType": SMS, "code": "123456", name: value}) == 400
    elif value is not None:
        assert api.initiate({"operation": value})[0] == 400


@pytest.mark.parametrize("operation", ["transfer", "* /transfer", "post /transfer", "POST  /transfer", "/a b", "/\x00"])
def test_what_is_no_operation(api: Api, operation: str) -> None:
    assert api.initiate({"operation": operation})[0] == 400


def test_email_as_second_factor(api: Api) -> None:
    api.cognito.answer = user("EMAIL_OTP", ("EMAIL_OTP",), email="a@example.com", email_verified="true")
    assert api.initiate() == (200, {"challengeType": EMAIL})
    assert api.cognito.sent == ["email"]
    assert api.respond(SMS)[0] == 401
    assert api.respond(EMAIL)[0] == 200


def test_a_factor_that_is_not_accepted_is_none(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.cognito.answer = phone_user()
    monkeypatch.setenv("FACTORS", json.dumps([SOFTWARE_TOKEN, EMAIL]))
    initiate_auth._conf.cache_clear()
    assert api.initiate()[1]["challengeType"] == MAYBE_SOFTWARE_TOKEN
    monkeypatch.delenv("FACTORS")
    initiate_auth._conf.cache_clear()
    assert api.initiate()[1]["challengeType"] == SMS
    monkeypatch.setenv("FACTORS", json.dumps([SOFTWARE_TOKEN]))
    respond_to_challenge._conf.cache_clear()
    assert api.respond(SMS)[0] == 401, "nor is it in the answer"


def test_step_up_again_extends(api: Api, clock: issuer.Clock) -> None:
    api.initiate()
    api.respond()
    clock.now += 600
    api.cognito.code = "222222"
    api.initiate({"operation": "/transfer"})
    assert api.state == COMPLETED, "a new request revokes nothing"
    assert api.respond(code="222222")[1]["expiresAt"] == NOW + 1500


@pytest.mark.parametrize(
    ("error", "status"),
    [("LimitExceededException", 429), ("TooManyRequestsException", 429), ("NotAuthorizedException", 401)],
)
def test_cognito_refusing_to_ask(api: Api, error: str, status: int) -> None:
    api.cognito.error = error
    assert api.initiate()[0] == status
    assert api.state == "none"


def test_cognito_failing_to_ask_is_an_error(api: Api) -> None:
    api.cognito.error = "InternalErrorException"
    with pytest.raises(ClientError):
        api.initiate()


# --- the guard ------------------------------------------------------------------------------------------------


def change(at: str = "2027-01-15T08:00:00Z", **more: Any) -> dict[str, Any]:
    detail = {"eventName": "AssociateSoftwareToken", "eventTime": at, "additionalEventData": {"sub": "user-1"}}
    return {"detail": detail | more}


def test_changed_factor_takes_step_ups_back_and_ends_them_for_the_sign_in(api: Api) -> None:
    api.initiate()
    api.respond()
    assert factor_change.handler(change(), CONTEXT) == {"revoked": 1}
    assert api.state == REQUIRED
    assert api.initiate()[1]["reason"] == "factor_changed"
    assert api.initiate(auth_time=NOW)[0] == 403, "of the same second"
    assert api.initiate(auth_time=NOW + 1)[0] == 200, "a sign-in with the new factor may"


def test_changed_factor_between_challenge_and_answer(api: Api, dynamodb: Any, clock: issuer.Clock) -> None:
    api.initiate()
    factors.Guard(dynamodb[0], "factor", 5, clock).note_change("user-1", NOW, 1000)
    assert api.respond()[1]["reason"] == "factor_changed"
    assert api.state == REQUIRED


def test_sessions_of_a_later_sign_in_stay(api: Api) -> None:
    api.initiate(auth_time=NOW + 10)
    api.respond(auth_time=NOW + 10)
    assert factor_change.handler(change(), CONTEXT) == {"revoked": 0}
    assert api.state == COMPLETED


def test_events_in_any_order_and_twice(api: Api) -> None:
    for at in ("2027-01-15T08:00:00Z", "2027-01-15T07:00:00Z", "2027-01-15T08:00:00Z"):
        factor_change.handler(change(at), CONTEXT)
    assert api.initiate()[0] == 403


@pytest.mark.parametrize("more", [{"errorCode": "NotAuthorizedException"}, {"additionalEventData": None}])
def test_calls_that_changed_nothing(api: Api, more: dict[str, Any]) -> None:
    assert factor_change.handler(change(**more), CONTEXT) == {"revoked": 0}
    assert api.initiate()[0] == 200


def edited(at: int) -> dict[str, Any]:
    when = datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat().replace("+00:00", "Z")
    return factor_change.handler(change(when, eventName="UpdateUserAttributes"), CONTEXT)


def test_the_code_of_a_pending_number_is_no_second_factor(api: Api) -> None:
    """The pool keeps the old, verified number until the new one is verified, with the code sent to the new one."""
    api.cognito.answer = phone_user()
    assert api.initiate() == (200, {"challengeType": SMS})
    api.cognito.pending, api.cognito.code = phone_user(NEW), "111111"  # UpdateUserAttributes with a stolen token
    status, told = api.respond(SMS, "111111")
    assert (status, told["reason"], api.state) == (403, "factor_changed", REQUIRED)
    assert api.initiate()[1]["reason"] == "factor_changed", "nor is the new number, for this sign-in"
    assert api.initiate(auth_time=NOW + 1)[0] == 200, "a new sign-in may use it"


def test_a_number_that_was_replaced_and_verified_is_another_factor(api: Api) -> None:
    """CloudTrail's event takes seconds: the guard knows the number to which it let codes be sent."""
    api.cognito.answer = phone_user()
    assert (api.initiate()[0], api.respond(SMS)[0]) == (200, 200)
    api.cognito.answer = phone_user(NEW)
    calls = len(api.cognito.calls)
    assert api.initiate()[1]["reason"] == "factor_changed"
    assert api.cognito.calls[calls:] == ["GetUser"], "no code goes there"
    assert api.initiate(auth_time=NOW + 1)[0] == 200


def test_a_number_that_was_replaced_after_the_challenge(api: Api) -> None:
    api.cognito.answer = phone_user()
    api.initiate()
    api.cognito.answer = phone_user(NEW)
    assert api.respond(SMS)[1]["reason"] == "factor_changed"
    assert "VerifyUserAttribute" not in api.cognito.calls


@pytest.mark.parametrize("answer", [phone_user(), user("SOFTWARE_TOKEN_MFA", ("SOFTWARE_TOKEN_MFA",))])
def test_a_profile_edit_is_no_change_of_a_factor(api: Api, clock: issuer.Clock, answer: dict[str, Any]) -> None:
    api.cognito.answer = answer
    method = api.initiate()[1]["challengeType"]
    assert api.respond(method)[0] == 200
    clock.now += 60
    assert edited(NOW + 30) == {"revoked": 0}
    assert api.state == COMPLETED
    api.cognito.code = "222222"
    assert (api.initiate({"operation": "/transfer"})[0], api.respond(method, "222222")[0]) == (200, 200)


def test_an_edit_that_replaced_the_number_is_one(api: Api, clock: issuer.Clock) -> None:
    api.cognito.answer = phone_user()
    api.initiate()
    api.respond(SMS)
    clock.now += 60
    api.cognito.answer = phone_user(NEW)
    assert edited(NOW + 30) == {"revoked": 1}
    assert api.state == REQUIRED
    assert api.initiate()[0] == 403
    assert api.initiate(auth_time=NOW + 31)[0] == 200


def test_a_number_first_used_after_an_edit_may_be_the_thiefs(api: Api, clock: issuer.Clock) -> None:
    """The user never stepped up before, so no number was known; the step-up came before CloudTrail's event."""
    api.cognito.answer = phone_user(NEW)
    clock.now += 10
    assert (api.initiate()[0], api.respond(SMS)[0]) == (200, 200)
    assert edited(NOW) == {"revoked": 1}
    assert api.state == REQUIRED


def test_a_first_number_after_an_edit_needs_a_new_sign_in(api: Api) -> None:
    api.cognito.answer = phone_user()
    assert edited(NOW) == {"revoked": 0}
    assert api.initiate()[1]["reason"] == "factor_changed"
    assert api.initiate(auth_time=NOW + 1)[0] == 200


def test_only_effective_changes_are_counted(api: Api, monkeypatch: pytest.MonkeyPatch, clock: issuer.Clock) -> None:
    """The alarm is on this metric: failed calls, sign-ins and edits of the profile raise none."""
    counted: list[str] = []
    monkeypatch.setattr(factor_change, "count", lambda name, value: counted.append(name))
    api.cognito.answer = phone_user()
    api.initiate()
    clock.now += 60
    edited(NOW + 30)
    factor_change.handler(change(errorCode="x"), CONTEXT)
    factor_change.handler(change(additionalEventData=None), CONTEXT)
    assert counted == []
    factor_change.handler(change(), CONTEXT)
    assert counted == ["FactorChanged"]


def test_a_step_up_of_the_second_of_the_change_is_revoked(api: Api) -> None:
    api.initiate(auth_time=NOW)
    api.respond(auth_time=NOW)
    assert factor_change.handler(change(), CONTEXT) == {"revoked": 1}


# --- the page and the sample ----------------------------------------------------------------------------------


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = {
        "AUTHORIZE_URL": "https://login.example.com/authorize",
        "TOKEN_URL": "https://login.example.com/token",
        "CLIENT_ID": "c",
        "SCOPES": "openid",
        "COGNITO_URL": "https://cognito.example.com/",
        "OPERATIONS": '["GET /info"]',
    }
    for name, value in conf.items():
        monkeypatch.setenv(name, value)
    web._conf.cache_clear()


@pytest.mark.parametrize("path", ["/", "/app.js", "/app.css"])
def test_page_may_load_and_call_nothing_else(page: None, path: str) -> None:
    answer = web.handler({"resource": path}, None)
    policy = answer["headers"]["Content-Security-Policy"]
    assert answer["statusCode"] == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "connect-src 'self' https://cognito.example.com https://login.example.com;" in policy
    assert "frame-ancestors 'none'" in policy


def test_page_is_told_no_secret(page: None) -> None:
    told = json.loads(web.handler({"resource": "/config.json"}, None)["body"])
    assert told.keys() == {"authorizeUrl", "tokenUrl", "clientId", "scopes", "cognitoUrl", "operations"}


def test_page_keeps_tokens_out_of_storages() -> None:
    script = (Path(web.__file__).parent / "static" / "app.js").read_text()
    assert script.count("setItem") == 1, "the verifier and the state of a sign-in, until it is finished"
    assert "innerHTML" not in script


def test_sample_says_what_the_authorizer_said() -> None:
    event = {"resource": "/transfer", "requestContext": {"authorizer": {"stepUpState": COMPLETED}}}
    assert json.loads(sample.handler(event, None)["body"])["stepUpState"] == COMPLETED


def test_refusals_say_what_programs_and_people_need() -> None:
    answer = http.refusal(http.HttpError(403, "This operation is closed.", "denied"))
    assert json.loads(answer["body"]) == {"message": "This operation is closed.", "reason": "denied"}
