"""The authorizer: Given a setting, a session and a token, When an operation is called, Then it is allowed or not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from common import clients
from identity.step_up_auth import authorizer, keys, sessions, tokens
from identity.step_up_auth.sessions import COMPLETED, DENY, NOT_REQUIRED, REQUIRED, StepUp
from tests.unit.identity.step_up_auth import issuer
from tests.unit.identity.step_up_auth.issuer import NOW, allow, claims, session, sign

ARN = "arn:aws:execute-api:eu-west-1:123456789012:api/v1/POST/transfer"
CONTEXT = SimpleNamespace(aws_request_id="r")
CONF = authorizer.Settings("setting", "session", 900)


def event(raw: str, path: str = "/transfer", method: str = "POST") -> dict[str, Any]:
    arn = ARN.replace("/POST/", f"/{method}/")
    return {"resource": path, "methodArn": arn, "headers": {"Authorization": f"Bearer {raw}"}}


@pytest.fixture
def ask(dynamodb: Any, clock: issuer.Clock, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that calls the handler with a token of the given claims: the effect, or the error's text."""
    client, _ = dynamodb
    conf = {"SETTING_TABLE": "setting", "SESSION_TABLE": "session", "SESSION_TABLE_ITEM_TTL": "900"}
    for name, value in conf.items():
        monkeypatch.setenv(name, value)
    verifier = issuer.verifier(clock=clock)
    monkeypatch.setattr(tokens, "verifier", lambda: verifier)
    monkeypatch.setattr(clients, "client", lambda service: client)
    shown = sessions.Sessions
    monkeypatch.setattr(sessions, "Sessions", lambda c, t, _=None: shown(c, t, clock))

    def call(path: str = "/transfer", raw: str | None = None, method: str = "POST", **changed: Any) -> Any:
        authorizer._conf.cache_clear()
        try:
            answer = authorizer.handler(event(raw or sign(claims(**changed)), path, method), CONTEXT)
        except authorizer.Unauthorized as error:
            return str(error)
        return answer["policyDocument"]["Statement"][0]["Effect"]

    yield call
    authorizer._conf.cache_clear()


def complete(client: Any, clock: issuer.Clock, group: str = "default", seconds: int = 900) -> None:
    shown = sessions.Sessions(client, "session", clock)
    shown.challenge(issuer.token(), group, "SMS_STEP_UP", 300)
    item = session(client, group=group)
    assert shown.complete(issuer.token(), item, seconds)


def test_unlisted_operation_is_allowed(ask: Any, dynamodb: Any) -> None:
    assert ask("/unlisted") == "Allow"
    assert session(dynamodb[0]) == {}


@pytest.mark.parametrize(("default", "answer"), [(REQUIRED, "Unauthorized"), (DENY, "Deny"), (NOT_REQUIRED, "Allow")])
def test_unlisted_operations_are_governed_by_the_variable(
    ask: Any, monkeypatch: pytest.MonkeyPatch, default: str, answer: str
) -> None:
    monkeypatch.setenv("DEFAULT_STEP_UP_STATE", default)
    assert ask("/unlisted") == answer


def test_required_operation_answers_401_and_notes_it(ask: Any, dynamodb: Any) -> None:
    allow(dynamodb[0], "/transfer", REQUIRED)
    assert ask() == "Unauthorized"
    item = session(dynamodb[0])
    assert (item["state"]["S"], item["expiresAt"]["N"]) == (REQUIRED, str(NOW + 3500))


def test_required_again_while_required(ask: Any, dynamodb: Any) -> None:
    allow(dynamodb[0], "/transfer", REQUIRED)
    assert [ask(), ask()] == ["Unauthorized"] * 2


def test_completed_session_opens(ask: Any, dynamodb: Any, clock: issuer.Clock) -> None:
    allow(dynamodb[0], "/transfer", REQUIRED)
    complete(dynamodb[0], clock)
    assert ask() == "Allow"
    assert ask(jti="token-2") == "Unauthorized", "another token of the same user"


def test_session_ends_in_code_not_by_deletion(ask: Any, dynamodb: Any, clock: issuer.Clock) -> None:
    allow(dynamodb[0], "/transfer", REQUIRED)
    complete(dynamodb[0], clock)
    clock.now = NOW + 899
    assert ask() == "Allow"
    clock.now = NOW + 900
    assert session(dynamodb[0])["state"]["S"] == COMPLETED, "the item is still there"
    assert ask() == "Unauthorized"
    assert session(dynamodb[0])["state"]["S"] == REQUIRED


def test_deny_wins_over_a_completed_session(ask: Any, dynamodb: Any, clock: issuer.Clock) -> None:
    complete(dynamodb[0], clock)
    allow(dynamodb[0], "/transfer", DENY)
    assert ask() == "Deny"


def test_pending_session_closes_nothing_that_is_open(ask: Any, dynamodb: Any) -> None:
    allow(dynamodb[0], "/transfer", REQUIRED)
    assert ask() == "Unauthorized"
    assert ask("/unlisted") == "Allow"
    allow(dynamodb[0], "/transfer", NOT_REQUIRED)
    assert ask() == "Allow", "a change of the setting applies at once"


@pytest.mark.parametrize("state", ["", "STEP_UP_COMPLETED", "step_up_not_required", "ALLOW"])
def test_unknown_state_denies(ask: Any, dynamodb: Any, state: str) -> None:
    dynamodb[0].put_item(TableName="setting", Item={"id": {"S": "/transfer"}, "stepUpState": {"S": state}})
    assert ask() == "Deny"


def test_setting_without_state_denies(ask: Any, dynamodb: Any) -> None:
    dynamodb[0].put_item(TableName="setting", Item={"id": {"S": "/transfer"}})
    assert ask() == "Deny"


def test_groups_scope_what_one_step_up_unlocks(ask: Any, dynamodb: Any, clock: issuer.Clock) -> None:
    for path, group in (("/transfer", "money"), ("/loan", "money"), ("/users", "admin"), ("/other", "default")):
        allow(dynamodb[0], path, REQUIRED, group=group)
    complete(dynamodb[0], clock, "money")
    assert [ask(p) for p in ("/transfer", "/loan", "/users", "/other")] == ["Allow", "Allow"] + ["Unauthorized"] * 2


@pytest.mark.parametrize(
    "raw", ["", "x.y.z", sign(claims(token_use="id")), sign(claims(client_id="other")), sign(claims(exp=NOW))]
)
def test_bad_token_is_401_and_reads_nothing(ask: Any, dynamodb: Any, raw: str) -> None:
    assert ask("/unlisted", raw=raw or "x") == "Unauthorized"


@pytest.mark.parametrize(
    ("state", "session_state", "reads"), [(NOT_REQUIRED, "", 1), (DENY, "", 1), (REQUIRED, COMPLETED, 2)]
)
def test_at_most_two_table_reads(
    ask: Any, dynamodb: Any, clock: issuer.Clock, state: str, session_state: str, reads: int
) -> None:
    client = dynamodb[0]
    allow(client, "/transfer", state)
    if session_state:
        complete(client, clock)
    calls: list[str] = []
    client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    ask()
    assert calls == ["BatchGetItem", "GetItem"][:reads]


def test_unavailable_table_is_a_500_not_an_allow(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTING_TABLE", "gone")
    with pytest.raises(Exception, match="ResourceNotFound"):
        ask()


def test_unavailable_keys_are_a_500_not_a_401(ask: Any, monkeypatch: pytest.MonkeyPatch, clock: issuer.Clock) -> None:
    site = issuer.Site()
    site.pages = {}
    verifier = issuer.verifier(site=site, clock=clock)
    monkeypatch.setattr(tokens, "verifier", lambda: verifier)
    with pytest.raises(keys.KeysUnavailable):
        ask()


@pytest.mark.parametrize(
    ("acr", "auth_time", "state"),
    [
        ("mfa", NOW - 899, COMPLETED),
        ("mfa", NOW - 900, REQUIRED),
        ("pwd", NOW - 1, REQUIRED),
        (None, NOW - 1, REQUIRED),
    ],
)
def test_an_issuers_own_step_up(
    dynamodb: Any, clock: issuer.Clock, acr: str | None, auth_time: int, state: str
) -> None:
    client, shown = dynamodb
    allow(client, "/transfer", REQUIRED)
    conf = authorizer.Settings("setting", "session", 900, acr_values=["mfa"])
    token = issuer.token(acr=acr, auth_time=auth_time)
    assert authorizer.decide(token, "/transfer", sessions.Settings(client, "setting"), shown, conf) == state


@given(st.sampled_from([None, REQUIRED, NOT_REQUIRED, DENY, "?"]), st.sampled_from(StepUp))
def test_decision_table(setting: str | None, step_up: StepUp) -> None:
    """Every combination of setting and session; each call that a missing step-up refuses is recorded."""
    noted: list[str] = []
    stored = None if setting is None else sessions.Setting(setting)
    operations: Any = SimpleNamespace(get=lambda path: stored)
    shown: Any = SimpleNamespace(
        step_up=lambda jti, group: step_up,
        require=lambda token, group: noted.append(group),
        clock=lambda: NOW,
    )
    state = authorizer.decide(issuer.token(), "/x", operations, shown, CONF)
    if setting in (None, NOT_REQUIRED):
        assert state == NOT_REQUIRED
    elif setting == REQUIRED:
        assert state == (COMPLETED if step_up is StepUp.COMPLETED else REQUIRED)
    else:
        assert state == DENY
    assert noted == (["default"] if setting == REQUIRED and step_up is not StepUp.COMPLETED else [])


# --- settings by method, and the operator's own ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "answers"),
    [
        ({"/transfer": REQUIRED}, {"GET": "Unauthorized", "POST": "Unauthorized"}),
        ({"POST /transfer": REQUIRED}, {"GET": "Allow", "POST": "Unauthorized"}),
        ({"/transfer": REQUIRED, "GET /transfer": NOT_REQUIRED}, {"GET": "Allow", "POST": "Unauthorized"}),
        ({"/transfer": NOT_REQUIRED, "POST /transfer": DENY}, {"GET": "Allow", "POST": "Deny"}),
        ({"/transfer": DENY, "GET /transfer": NOT_REQUIRED}, {"GET": "Deny", "POST": "Deny"}),
        ({"/transfer": REQUIRED, "GET /transfer": "?"}, {"GET": "Deny", "POST": "Unauthorized"}),
        ({"POST /transfer": REQUIRED, "* /transfer": DENY}, {"GET": "Deny", "POST": "Deny"}),
        ({"POST /transfer": NOT_REQUIRED, "* /transfer": REQUIRED}, {"GET": "Unauthorized", "POST": "Unauthorized"}),
        ({"/transfer": REQUIRED, "* /transfer": NOT_REQUIRED}, {"GET": "Allow", "POST": "Allow"}),
        ({"POST /transfer": DENY, "* /transfer": NOT_REQUIRED}, {"GET": "Allow", "POST": "Deny"}),
    ],
)
def test_settings_by_method_and_by_an_operator(
    ask: Any, dynamodb: Any, monkeypatch: pytest.MonkeyPatch, items: dict[str, str], answers: dict[str, str]
) -> None:
    """A denial wins; then the operator's item, the method's, the path's."""
    for name, state in items.items():
        allow(dynamodb[0], name, state)
    assert {method: ask(method=method) for method in answers} == answers


def test_a_setting_that_dynamodb_left_out_is_read_again(
    ask: Any, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A throttled table returns keys as unprocessed, with status 200: the missing item could be the denial."""
    client = dynamodb[0]
    allow(client, "/transfer", NOT_REQUIRED)
    allow(client, "POST /transfer", DENY)
    real, waits = client.batch_get_item, list[float]()
    monkeypatch.setattr("identity.step_up_auth.sessions.time.sleep", waits.append)

    def partly(RequestItems: dict[str, Any]) -> Any:
        keys = RequestItems["setting"]["Keys"]
        answer = real(RequestItems={"setting": {**RequestItems["setting"], "Keys": keys[-1:]}})
        return answer | ({"UnprocessedKeys": {"setting": {"Keys": keys[:-1]}}} if keys[:-1] else {})

    monkeypatch.setattr(client, "batch_get_item", partly)
    assert ask() == "Deny"
    assert len(waits) == 2
    monkeypatch.setattr(
        client, "batch_get_item", lambda RequestItems: {"Responses": {}, "UnprocessedKeys": RequestItems}
    )
    with pytest.raises(sessions.SettingsUnread):
        ask()


def test_a_refusal_that_could_not_be_recorded_is_a_refusal(
    ask: Any, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(dynamodb[0], "/transfer", REQUIRED)

    def throttled(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "UpdateItem")

    monkeypatch.setattr(dynamodb[0], "update_item", throttled)
    assert ask() == "Unauthorized", "401, with which the client begins the step-up"


def test_an_issuers_step_up_needs_the_time_of_the_sign_in(dynamodb: Any, clock: issuer.Clock) -> None:
    """A refreshed token has a new `iat`: without `auth_time`, each refresh would be a new step-up."""
    client, shown = dynamodb
    allow(client, "/transfer", REQUIRED)
    conf = authorizer.Settings("setting", "session", 900, acr_values=["mfa"])
    token = issuer.token(acr="mfa", auth_time=None, iat=NOW - 1)
    assert authorizer.decide(token, "/transfer", sessions.Settings(client, "setting"), shown, conf) == REQUIRED


def test_a_race_does_not_undo_a_completed_session(dynamodb: Any, clock: issuer.Clock) -> None:
    client, shown = dynamodb
    complete(client, clock)
    shown.require(issuer.token(), "default")
    assert session(client)["state"]["S"] == COMPLETED


def test_policy_names_one_method_only() -> None:
    answer = authorizer.policy(issuer.token(), ARN, COMPLETED)
    assert answer["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN}
    ]
    assert answer["context"]["stepUpState"] == COMPLETED
    assert answer["principalId"] == "user-1"


def test_a_default_that_is_no_state_is_refused() -> None:
    with pytest.raises(ValueError, match="DEFAULT_STEP_UP_STATE"):
        authorizer.Settings("a", "b", 1, default_step_up_state="OPEN")


@pytest.mark.parametrize("what", ["genuine", "claims", "signature", "header"])
def test_no_part_of_a_token_is_logged(
    ask: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], what: str
) -> None:
    """This holds for tokens that are allowed, and for those refused for their claims, signature or form."""
    head, payload, signature = sign(claims(iss="https://other.example") if what == "claims" else claims()).split(".")
    parts = {"signature": (head, payload, "A" * 342), "header": ("e30", payload, signature)}
    raw = ".".join(parts.get(what, (head, payload, signature)))
    assert ask("/unlisted", raw=raw) == ("Allow" if what == "genuine" else "Unauthorized")
    told = "".join([*(str(vars(record)) for record in caplog.records), *capfd.readouterr()])
    assert what == "genuine" or "Token refused" in told
    assert not [part for part in raw.split(".") if part[:16] in told]
