"""Create and verify: what is sent, kept, counted and revealed."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from identity.user_directory import aws, codes, create_challenge, verify_challenge
from identity.user_directory.ledger import Ledger
from identity.user_directory.shown import Unavailable

NOW = 1_800_000_000
ARN = "arn:aws:ses:eu-west-1:123456789012:identity/example.com"


class Mailer:
    """SES and SNS that keep what they receive."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.error = error

    def send_email(self, **mail: Any) -> None:
        if self.error:
            raise self.error
        self.sent.append(mail)

    publish = send_email


@pytest.fixture
def mailer(table: Any, monkeypatch: pytest.MonkeyPatch) -> Mailer:
    made, real = Mailer(), aws.client
    monkeypatch.setattr(aws, "client", lambda service: made if service in ("sesv2", "sns") else real(service))
    monkeypatch.setenv("SENDER", "accounts@example.com")
    monkeypatch.setenv("IDENTITY_ARN", ARN)
    monkeypatch.setenv("ANSWER_AFTER_SECONDS", "0.001")
    return made


def event(**request: Any) -> dict[str, Any]:
    given = {
        "userAttributes": {"email": "grace@example.com", "email_verified": "true"},
        "challengeName": "CUSTOM_CHALLENGE",
        "session": [],
        "userNotFound": False,
    }
    return {
        "triggerSource": "CreateAuthChallenge_Authentication",
        "userPoolId": "eu-west-1_x",
        "userName": "grace",  # no hexadecimal digits alone: a random identifier would hold "ada" at times
        "request": {**given, **request},
        "response": {},
    }


def code_in(mail: dict[str, Any]) -> str:
    text: str = mail["Content"]["Simple"]["Body"]["Text"]["Data"]
    return next(word.strip(".") for word in text.split() if word.strip(".").isdigit() and len(word.strip(".")) == 8)


def test_code_is_mailed_and_only_its_seal_is_kept(mailer: Mailer, context: Any, table: Any) -> None:
    response = create_challenge.handler(event(), context)["response"]
    (mail,) = mailer.sent
    assert mail["Destination"] == {"ToAddresses": ["grace@example.com"]}
    assert mail["FromEmailAddress"] == "accounts@example.com"
    code = code_in(mail)
    sealed = codes.unseal(response["privateChallengeParameters"]["sealed"])
    assert sealed
    assert codes.matches(sealed, code, sealed.expires - 1)
    assert response["publicChallengeParameters"] == {"medium": "EMAIL", "length": "8"}
    assert code not in json.dumps(response)
    assert "grace" not in json.dumps(table.scan(TableName="codes")["Items"])


def test_second_round_keeps_the_code(mailer: Mailer, context: Any) -> None:
    first = create_challenge.handler(event(), context)["response"]
    rounds = [
        {"challengeName": "CUSTOM_CHALLENGE", "challengeResult": False, "challengeMetadata": first["challengeMetadata"]}
    ]
    second = create_challenge.handler(event(session=rounds), context)["response"]
    assert second["privateChallengeParameters"] == first["privateChallengeParameters"]
    assert len(mailer.sent) == 1


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"userNotFound": True, "userAttributes": {}}, id="unknown user"),
        pytest.param({"userNotFound": True}, id="unknown user with attributes"),
        pytest.param({"userAttributes": {"email": "grace@example.com", "email_verified": "false"}}, id="not verified"),
        pytest.param({"userAttributes": {"email": "grace@example.com"}}, id="verification unknown"),
        pytest.param({"userAttributes": {"email_verified": "true"}}, id="no address"),
        pytest.param({"userAttributes": None}, id="no attributes"),
    ],
)
def test_nothing_is_sent_and_nothing_is_told(request_: dict[str, Any], mailer: Mailer, context: Any) -> None:
    told = create_challenge.handler(event(), context)["response"]
    mailer.sent.clear()
    response = create_challenge.handler(event(**request_), context)["response"]
    assert mailer.sent == []
    assert response["publicChallengeParameters"] == told["publicChallengeParameters"]
    assert response.keys() == told.keys()
    assert len(response["challengeMetadata"]) == len(told["challengeMetadata"])


def test_codes_per_hour(mailer: Mailer, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODES_PER_HOUR", "2")
    for _ in range(4):
        create_challenge.handler(event(), context)
    assert len(mailer.sent) == 2


def test_outage_is_not_told_but_counted(mailer: Mailer, context: Any, capsys: pytest.CaptureFixture[str]) -> None:
    mailer.error = ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "grace@example.com"}}, "SendEmail")
    response = create_challenge.handler(event(), context)["response"]
    assert codes.unseal(response["challengeMetadata"])
    said = capsys.readouterr().out
    assert '"CodeDeliveryFailed":[1.0]' in said
    assert "ServiceUnavailable" in said
    assert "grace" not in said


def test_answer_takes_the_same_time(mailer: Mailer, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("ANSWER_AFTER_SECONDS", "0.4")
    for request in ({}, {"userNotFound": True}):
        began = time.monotonic()
        create_challenge.handler(event(**request), context)
        assert time.monotonic() - began >= 0.4


def test_topic_gets_the_code(mailer: Mailer, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:codes")
    response = create_challenge.handler(event(), context)["response"]
    message = json.loads(mailer.sent[0]["Message"])
    sealed = codes.unseal(response["challengeMetadata"])
    assert sealed
    assert codes.matches(sealed, message["code"], sealed.expires - 1)
    assert message["email"] == "grace@example.com"


def test_other_challenges_are_refused(mailer: Mailer, context: Any) -> None:
    with pytest.raises(create_challenge.UnknownChallenge):
        create_challenge.handler(event(challengeName="CAPTCHA"), context)


def test_logs_hold_no_code_and_no_address(mailer: Mailer, context: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = create_challenge.handler(event(), context)
    answer = event(
        challengeAnswer="13371337", privateChallengeParameters=made["response"]["privateChallengeParameters"]
    )
    verify_challenge.handler(answer, context)
    said = capsys.readouterr().out
    assert "code sent" in said
    assert not [word for word in (code_in(mailer.sent[0]), "grace", "13371337", "v1.") if word in said]


def verify(sealed: codes.Sealed, answer: object, context: Any, **request: Any) -> bool:
    given = event(challengeAnswer=answer, privateChallengeParameters={"sealed": str(sealed)}, **request)
    correct: bool = verify_challenge.handler(given, context)["response"]["answerCorrect"]
    return correct


@pytest.fixture
def sealed() -> codes.Sealed:
    import time

    return codes.seal("12345678", int(time.time()) + 60)


def test_right_answer_counts_once(table: Any, context: Any, sealed: codes.Sealed) -> None:
    assert verify(sealed, "12345678", context)
    assert verify(sealed, "12345678", context)  # the same call, tried again
    context.aws_request_id = "request-2"
    assert not verify(sealed, "12345678", context)  # replay


def test_answers_of_all_sessions_count_together(table: Any, context: Any, sealed: codes.Sealed) -> None:
    for answer in ("1", "2", "3"):
        assert not verify(sealed, answer, context)
    assert not verify(sealed, "12345678", context)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"userNotFound": True}, id="unknown user"),
        pytest.param({"privateChallengeParameters": {}}, id="nothing sealed"),
        pytest.param({"privateChallengeParameters": None}, id="no parameters"),
        pytest.param({"privateChallengeParameters": {"sealed": "12345678"}}, id="not sealed"),
    ],
)
def test_never_correct(request_: dict[str, Any], table: Any, context: Any, sealed: codes.Sealed) -> None:
    given = event(challengeAnswer="12345678", privateChallengeParameters={"sealed": str(sealed)})
    given["request"].update(request_)
    assert verify_challenge.handler(given, context)["response"] == {"answerCorrect": False}


def test_expired_answer(table: Any, context: Any) -> None:
    assert not verify(codes.seal("12345678", 1), "12345678", context)


def test_one_table_call_an_answer(table: Any, context: Any, sealed: codes.Sealed) -> None:
    calls: list[str] = []
    client = aws.client("dynamodb")
    client.meta.events.register("before-call.dynamodb.*", lambda model, **_: calls.append(model.name))
    verify(sealed, "0", context)
    verify(sealed, "12345678", context)
    assert calls == ["UpdateItem"] * 2


def test_table_failure_is_no_success_and_tells_nothing(
    table: Any, context: Any, sealed: codes.Sealed, capsys: pytest.CaptureFixture[str]
) -> None:
    table.delete_table(TableName="codes")
    with pytest.raises(Unavailable) as error:
        verify(sealed, "12345678", context)
    assert str(error.value) == "The service is not available. Try again later."
    assert error.value.__suppress_context__
    assert "ResourceNotFoundException" in capsys.readouterr().out


def test_user_names_differ_by_case_only_once(table: Any) -> None:
    ledger = Ledger(boto3.client("dynamodb"), "codes")
    assert ledger.may_send("p", "Grace@example.com", 1, NOW)
    assert not ledger.may_send("p", "grace@EXAMPLE.com", 1, NOW + 1)
    assert ledger.may_send("p", "grace@example.com", 1, NOW + 3600)
    assert ledger.may_send("other", "grace@example.com", 1, NOW)


def test_tries_fit_into_cognitos_five_seconds(cloud: None) -> None:
    """Two calls that fail at once, with the longest waits between their attempts: 1 s, then 2 s."""
    config = aws.client("dynamodb").meta.config
    assert config.retries["total_max_attempts"] == 3
    assert config.connect_timeout + config.read_timeout <= 2.5
