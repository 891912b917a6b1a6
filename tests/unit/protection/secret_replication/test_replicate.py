"""The handler of the queue: every message is accounted for, and values are not logged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common.settings import SettingsError
from protection.secret_replication import replicate

from .conftest import logged, metrics
from .fakes import KEY, error


def batch(*bodies: Any) -> dict[str, Any]:
    return {"Records": [{"messageId": str(n), "body": json.dumps(body)} for n, body in enumerate(bodies)]}


def failures(answer: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_secret_named_by_many_messages_is_copied_once(aws: Any, context: Any, capsys: Any) -> None:
    arn = aws.source.add("prod/db")
    answer = replicate.handler(batch({"repair": arn}, {"repair": arn}, {"repair": arn}), context)
    assert failures(answer) == []
    assert aws.source.calls == ["DescribeSecret", "GetSecretValue", "DescribeSecret"]
    assert metrics(capsys.readouterr().out) == {"SecretsReplicated": 1}


def test_defect_a_failure_is_reported_and_the_others_are_done(aws: Any, context: Any, capsys: Any, caplog: Any) -> None:
    """The source architecture always reported success; here, a refusal is logged with its reason and counted."""
    good, bad = aws.source.add("prod/good"), aws.source.add("prod/bad", key=KEY)
    answer = replicate.handler(batch({"repair": bad}, {"no": "secret"}, {"repair": good}, {"repair": bad}), context)
    assert failures(answer) == ["1"]
    assert list(aws.replica.secrets) == ["prod/good"]
    (line,) = logged(caplog, replicate.FAILED)
    assert (line["error"], line["secret_id"]) == ("KeyKindMismatch", bad)
    assert metrics(capsys.readouterr().out) == {"SecretsReplicated": 1, "ReplicationsRefused": 1}


def test_only_what_can_succeed_later_is_retried(aws: Any, context: Any, caplog: Any) -> None:
    """A policy that was just changed takes effect with a delay; a quota or a wrong request stays refused."""
    arn = aws.source.add("prod/db")
    for raised, says, retried in (
        (error("AccessDeniedException", "not authorized"), "Denied", ["0"]),
        (error("ExpiredTokenException"), "ExpiredTokenException", ["0"]),
        (error("LimitExceededException", "The quota."), "LimitExceededException while writing prod/db at", []),
        (error("InvalidParameterException", "You can't."), "InvalidParameterException while writing", []),
    ):

        def refuse(operation: str, raised: Exception = raised) -> None:
            if operation == "CreateSecret":
                raise raised

        aws.replica.before = refuse
        caplog.clear()
        assert failures(replicate.handler(batch({"repair": arn}), context)) == retried
        (line,) = logged(caplog, replicate.FAILED)
        assert line["reason"].startswith(says)


def test_throttling_is_retried_and_is_not_a_refusal(aws: Any, context: Any, capsys: Any) -> None:
    def throttle(operation: str) -> None:
        raise error("ThrottlingException")

    arn = aws.source.add("prod/db")
    aws.source.before = throttle
    assert failures(replicate.handler(batch({"repair": arn}), context)) == ["0"]
    assert metrics(capsys.readouterr().out) == {}
    aws.source.before = lambda operation: None
    assert failures(replicate.handler(batch({"repair": arn}), context)) == []


def test_an_unexpected_error_is_reported_without_its_message(aws: Any, context: Any, caplog: Any) -> None:
    """botocore quotes invalid parameters, and one of them is the value."""

    def refuse(operation: str) -> None:
        if operation == "CreateSecret":
            raise TypeError("Invalid type for parameter SecretString, value: hunter2")

    arn = aws.source.add("prod/db")
    other = aws.source.add("prod/other")
    aws.replica.before = refuse
    assert failures(replicate.handler(batch({"repair": arn}, {"repair": other}), context)) == ["0", "1"]
    lines = logged(caplog, replicate.FAILED)
    assert "hunter2" not in str([*lines, caplog.text])
    assert all("Unexpected TypeError at" in line["reason"] for line in lines)


def test_values_are_never_logged(aws: Any, context: Any, capsys: Any, caplog: Any) -> None:
    arn = aws.source.add("prod/db", value={"SecretString": "hunter2"})
    replicate.handler(batch({"repair": arn}), context)
    assert aws.replica.secrets["prod/db"]["values"]["v1"] == {"SecretString": "hunter2"}
    assert caplog.records
    assert "hunter2" not in str([vars(record) for record in caplog.records]) + capsys.readouterr().out


@pytest.mark.parametrize("targets", ["", "{}", '[{"name": "dr"}]', '[{"name": "x", "unknown": 1}]', '["x"]'])
def test_defect_a_wrong_environment_is_reported_by_name_when_called(
    aws: Any, context: Any, monkeypatch: pytest.MonkeyPatch, targets: str
) -> None:
    """The source architecture failed at import, without a reason in the response."""
    monkeypatch.setenv("TARGETS", targets)
    with pytest.raises(SettingsError, match="TARGETS"):
        replicate.handler(batch(), context)
