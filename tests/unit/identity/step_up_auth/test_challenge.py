"""The request for the second factor and its check: every branch, and attacks with a stolen token."""

from __future__ import annotations

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
from identity.step_up_auth.factors import MAYBE_SOFTWARE_TOKEN, SMS, SOFTWARE_TOKEN
from identity.step_up_auth.sessions import COMPLETED, DENY, NOT_REQUIRED, REQUIRED
from tests.unit.identity.step_up_auth import issuer
from tests.unit.identity.step_up_auth.issuer import NOW, allow, claims, session, sign

CONTEXT = SimpleNamespace(aws_request_id="r")


def user(preferred: str = "", enabled: tuple[str, ...] = (), phone: str | None = None) -> dict[str, Any]:
    attributes = [] if phone is None else [{"Name": "phone_number_verified", "Value": phone}]
    found: dict[str, Any] = {"UserAttributes": attributes, "UserMFASettingList": list(enabled)}
    return found | ({"PreferredMfaSetting": preferred} if preferred else {})


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

    def verify_user_attribute(self, AccessToken: str, AttributeName: str, Code: str) -> None:
        self._call("VerifyUserAttribute")
        if Code != self.code:
            raise ClientError({"Error": {"Code": "CodeMismatchException", "Message": ""}}, "VerifyUserAttribute")

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
    }
    for name, value in conf.items():
        monkeypatch.setenv(name, value)
    verifier, cognito = issuer.verifier(clock=clock), Cognito()
    shown, guard = sessions.Sessions, factors.Guard
    monkeypatch.setattr(tokens, "verifier", lambda: verifier)
    monkeypatch.setattr(factors, "cognito", lambda: factors.Cognito(cognito))
    monkeypatch.setattr(clients, "client", lambda service: client)
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


@pytest.mark.parametrize(("state", "status"), [(DENY, 403), (NOT_REQUIRED, 409), ("", 409)])
def test_no_step_up_for_what_none_opens(api: Api, state: str, status: int) -> None:
    if state:
        allow(api.dynamodb, "/x", state)
    assert api.initiate({"operation": "/x"})[0] == status
    assert api.cognito.calls == []


@pytest.mark.parametrize("operation", [1, "", "x" * 1025, ["/transfer"]])
def test_malformed_operation(api: Api, operation: Any) -> None:
    assert api.initiate({"operation": operation})[0] == 400


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
