"""The code hook: material by topic and level, feedback once, and answers that Lex takes (TF-3)."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from apps.training_feedback import feedback, hook, lex
from local.services.lexv2models.runtime import response_problems

from .conftest import SESSION, turn

NOW = 1_800_000_000.0
MARK = f"{int(NOW)}-{'0' * 32}"


def answer(bot: hook.Hook, event: dict[str, Any]) -> dict[str, Any]:
    """Return the hook's answer, after a check that Lex takes it."""
    found = bot.answer(lex.parse(event), NOW)
    assert response_problems(found) == []
    assert found.keys() == {"sessionState", "messages"}
    assert found["sessionState"]["intent"].keys() == {"name", "state", "slots"}
    return found


def said(found: dict[str, Any]) -> str:
    return "\n".join(message["content"] for message in found["messages"])


def action(found: dict[str, Any]) -> tuple[str, str]:
    state = found["sessionState"]
    return state["dialogAction"]["type"], state["intent"]["state"]


def queued(bot: hook.Hook) -> list[dict[str, Any]]:
    found = bot.sqs.receive_message(QueueUrl=bot.conf.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(message["Body"]) for message in found.get("Messages", [])]


def training(topic: str | None, level: str | None = None, **more: Any) -> dict[str, Any]:
    return turn("Training", slots={"Topic": topic, "Level": level}, **more)


def given(comments: str = "The menu is hard to find", difficulty: str = "too hard", **more: Any) -> dict[str, Any]:
    slots = {"Topic": more.pop("topic", "alarm limits"), "Difficulty": difficulty, "Comments": comments}
    attributes = {"feedbackMark": MARK, "topic": "alarm limits", "level": "advanced", "mine": "kept"}
    return turn("Feedback", fulfilment=True, slots=slots, **{"attributes": attributes, **more})


def test_a_known_topic_has_its_material(bot: hook.Hook) -> None:
    found = answer(bot, training("Alarm  Limits", fulfilment=True))
    assert action(found) == ("Close", "Fulfilled")
    assert [m["content"] for m in found["messages"]][:2] == ["Alarm limits", "Press Limits."]
    assert found["sessionState"]["sessionAttributes"] == {"topic": "alarm limits", "level": "beginner"}
    found = answer(bot, training("alarm limits", "ADVANCED", fulfilment=True))
    assert [m["content"] for m in found["messages"]][:2] == ["Export profiles.", "https://example.com/x"]


@pytest.mark.parametrize("topic", ["knitting", "empty", "x" * 2000, "{topic}", "'; DROP", "\u202e", "😀"])
def test_an_unknown_topic_is_answered_with_those_that_exist(bot: hook.Hook, topic: str) -> None:
    found = answer(bot, training(topic))
    assert action(found) == ("ElicitSlot", "InProgress")
    assert found["sessionState"]["dialogAction"]["slotToElicit"] == "Topic"
    assert found["sessionState"]["intent"]["slots"]["Topic"] is None
    assert "alarm limits, infusion pump" in said(found)
    found = answer(bot, training(topic, fulfilment=True))
    assert action(found) == ("Close", "Failed")
    assert "alarm limits, infusion pump" in said(found)


def test_nothing_to_look_up_is_no_call(bot: hook.Hook) -> None:
    blind = hook.Hook(None, None, bot.conf)
    assert action(answer(blind, training(None))) == ("Delegate", "InProgress")


def test_a_topic_is_looked_up_once_and_again_after_a_while(bot: hook.Hook) -> None:
    """Lex calls the hook in each turn: three of a feedback and two of a training have the topic."""
    asked: list[str] = []

    class Counting:
        def get_paginator(self, operation: str) -> Any:
            asked.append(operation)
            return bot.dynamodb.get_paginator(operation)

    counting = hook.Hook(Counting(), None, bot.conf)
    for _ in range(3):
        assert action(counting.answer(lex.parse(training("Alarm limits")), NOW))[0] == "Delegate"
        assert (
            action(counting.answer(lex.parse(turn("Feedback", slots={"Topic": "alarm  limits"})), NOW))[0] == "Delegate"
        )
    assert asked == ["query"]
    for later in (NOW + hook.KNOWN_SECONDS, NOW):  # a clock that jumps back
        counting.answer(lex.parse(training("alarm limits")), later)
    assert asked == ["query"] * 3
    for _ in range(2):  # one without material may get some at any time
        assert action(counting.answer(lex.parse(training("knitting")), NOW))[0] == "ElicitSlot"
    assert asked == ["query"] * 5


def test_a_topic_that_lost_its_material_is_looked_up_again(bot: hook.Hook) -> None:
    assert action(answer(bot, training("alarm limits")))[0] == "Delegate"
    for level in ("beginner", "advanced"):
        key = {"topic": {"S": "alarm limits"}, "level": {"S": level}}
        bot.dynamodb.delete_item(TableName=bot.conf.material_table, Key=key)
    assert action(answer(bot, training("alarm limits", fulfilment=True))) == ("Close", "Failed")
    assert action(answer(bot, training("alarm limits")))[0] == "ElicitSlot"


def test_an_unknown_level_is_answered_with_those_that_exist(bot: hook.Hook) -> None:
    found = answer(bot, training("alarm limits", "expert"))
    assert found["sessionState"]["dialogAction"] == {"type": "ElicitSlot", "slotToElicit": "Level"}
    assert "beginner, intermediate, advanced" in said(found)
    assert action(answer(bot, training("alarm limits", "Advanced"))) == ("Delegate", "InProgress")


def test_the_nearest_level_is_served_and_named(bot: hook.Hook) -> None:
    found = answer(bot, training("infusion pump", fulfilment=True))
    assert said(found).startswith("There is nothing at the level beginner, so this is the level advanced.\nCalibrate.")
    assert found["sessionState"]["sessionAttributes"]["level"] == "advanced"


def test_feedback_is_about_the_last_training(bot: hook.Hook) -> None:
    found = answer(
        bot, turn("Feedback", slots={"Topic": None}, attributes={"topic": "alarm limits", "level": "beginner"})
    )
    assert action(found) == ("Delegate", "InProgress")
    assert found["sessionState"]["intent"]["slots"]["Topic"]["value"]["interpretedValue"] == "alarm limits"
    mark = found["sessionState"]["sessionAttributes"]["feedbackMark"]
    assert feedback.valid(mark, NOW)
    # The next turns keep the mark, and so does a topic that does not exist.
    attributes = found["sessionState"]["sessionAttributes"]
    again = answer(bot, turn("Feedback", slots={"Topic": "knitting"}, attributes=attributes))
    assert action(again)[0] == "ElicitSlot"
    assert again["sessionState"]["sessionAttributes"]["feedbackMark"] == mark
    # Without a training, and after one that no longer exists, Lex asks.
    for attributes in ({}, {"topic": "x" * 500}):
        found = answer(bot, turn("Feedback", slots={"Topic": None}, attributes=attributes))
        assert found["sessionState"]["intent"]["slots"]["Topic"] is None


def test_feedback_is_queued_and_moves_the_level(bot: hook.Hook) -> None:
    found = answer(bot, given())
    assert action(found) == ("Close", "Fulfilled")
    assert said(found) == (
        "Thank you for your feedback.\nNext time your training on alarm limits is at the level intermediate."
    )
    assert found["sessionState"]["sessionAttributes"] == {"topic": "alarm limits", "level": "advanced", "mine": "kept"}
    message = queued(bot)[0]
    assert (message["text"], message["difficulty"], message["level"], message["locale"]) == (
        "The menu is hard to find",
        "too hard",
        "advanced",
        "en",
    )
    assert message["at"] == int(NOW)
    assert "7f3b8a10" not in json.dumps(message)  # pseudonyms
    # Served at the new level: nothing there, so the easier of the nearest.
    assert "level intermediate, so this is the level beginner" in said(
        answer(bot, training("alarm limits", fulfilment=True))
    )


def test_the_same_feedback_twice_is_the_same(bot: hook.Hook) -> None:
    """Lex calls the hook again after an attempt whose end it did not hear."""
    answer(bot, given())
    answer(bot, given())
    first, second = queued(bot)
    assert first == second
    items = bot.dynamodb.scan(TableName="learners")["Items"]
    assert [item["level"]["S"] for item in items] == ["intermediate"]
    assert int(items[0]["expiresAt"]["N"]) == int(NOW) + 30 * 86400


def test_a_failed_call_is_no_thanks(bot: hook.Hook) -> None:
    gone = hook.Hook(bot.dynamodb, bot.sqs, hook.Settings("material", "learners", "https://x/none", ["a"], ["b"], 1))
    with pytest.raises(ClientError):
        gone.answer(lex.parse(given()), NOW)


def test_other_sessions_have_other_ids(bot: hook.Hook) -> None:
    """A mark is an attribute that a client can set: it must not replace another's feedback."""
    answer(bot, given())
    answer(bot, given(session="eu-west-1:other.ffffffff"))
    first, second = queued(bot)
    assert first["id"] != second["id"]
    assert first["learner"] != second["learner"]


@pytest.mark.parametrize(
    "mark",
    ["", "../../x", f"9999999999-{'0' * 32}", f"0000000001-{'0' * 32}", f"{MARK}\n", f"{chr(0x661) * 10}-{'0' * 32}"],
)
def test_marks_that_are_none_are_replaced(bot: hook.Hook, mark: str) -> None:
    answer(bot, given(attributes={"feedbackMark": mark}))
    message = queued(bot)[0]
    assert message["at"] == int(NOW)
    assert message["id"].isalnum()


@pytest.mark.parametrize(
    ("attributes", "level"),
    [
        ({"topic": "alarm limits", "level": "root"}, ""),
        ({"topic": "infusion pump", "level": "advanced"}, ""),  # feedback on another topic than that of the training
        ({}, ""),
        ({"topic": "alarm limits", "level": "beginner"}, "beginner"),
    ],
)
def test_only_a_level_that_was_served_counts(bot: hook.Hook, attributes: dict[str, str], level: str) -> None:
    answer(bot, given(attributes=attributes))
    assert queued(bot)[0]["level"] == level
    moved = {item["level"]["S"] for item in bot.dynamodb.scan(TableName="learners")["Items"]}
    assert moved == ({"beginner"} if level else set())


def test_just_right_moves_nothing(bot: hook.Hook) -> None:
    assert said(answer(bot, given(difficulty="just right"))) == "Thank you for your feedback."
    assert bot.dynamodb.scan(TableName="learners")["Count"] == 0


def test_anything_else_is_answered_with_what_can_be_said(bot: hook.Hook) -> None:
    found = answer(bot, turn("FallbackIntent", fulfilment=True))
    assert action(found) == ("Close", "Failed")
    assert "feedback" in said(found)
    assert "alarm limits" in said(found)
    assert "No te he entendido" in said(answer(bot, turn("FallbackIntent", fulfilment=True, locale="es_US")))
    assert "I did not" in said(answer(bot, turn("FallbackIntent", fulfilment=True, locale="fr_FR")))


def test_a_second_page_of_material_is_read(bot: hook.Hook) -> None:
    big = "x" * 390_000
    for level in ("a", "b", "c", "d"):  # levels that were once; more than a page of a query, before `intermediate`
        item = {"topic": "large", "level": level, "text": big}
        bot.dynamodb.put_item(TableName="material", Item={name: {"S": value} for name, value in item.items()})
    item = {"topic": "large", "level": "intermediate", "text": "The last."}
    bot.dynamodb.put_item(TableName="material", Item={name: {"S": value} for name, value in item.items()})
    assert "The last." in said(answer(bot, training("large", "intermediate", fulfilment=True)))


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"sessionState": {}},
        {"sessionState": None},
        {**turn("Training"), "bot": None},
        {**turn("Training"), "sessionState": {"intent": "Training"}},
    ],
)
def test_what_lex_never_sends_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(lex.NotALexEvent):
        lex.parse(event)


def test_the_log_has_nothing_that_was_said(
    bot: hook.Hook,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(hook, "_conf", lambda: bot.conf)
    monkeypatch.setattr(
        "common.clients.client", lambda name, attempts: {"dynamodb": bot.dynamodb, "sqs": bot.sqs}[name]
    )
    event = given("My name is Jane Secret", attributes={"feedbackMark": feedback.begin(time.time())})
    hook.handler(event, SimpleNamespace(aws_request_id="r"))
    lines = capsys.readouterr().out + "".join(str(vars(record)) for record in caplog.records)
    assert "turn answered" in lines
    assert [word for word in ("Jane", "secret words", SESSION) if word in lines] == []


def test_levels_are_needed() -> None:
    with pytest.raises(ValueError, match="LEVELS"):
        hook.Settings("m", "l", "q", [], [], 1)
