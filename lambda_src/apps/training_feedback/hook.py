"""The code hook of the bot: checks what learners ask for, serves material and takes feedback.

Lex waits for the answer, and calls the hook again when the learner repeats what had no answer: an error that is raised
leaves the conversation where it was. What is written depends on the session's mark (`feedback.begin`) and not on the
attempt.
"""

import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from common import clients, observability, settings

from . import feedback, levels, lex
from .texts import say

TRAINING, FEEDBACK = "Training", "Feedback"
MARK, TOPIC, LEVEL = "feedbackMark", "topic", "level"
MAXIMUM_TOPIC = 100
KNOWN_SECONDS = 300
"""Seconds for which a topic with material is taken for one: Lex asks the hook about it in each turn."""


@dataclass(frozen=True)
class Settings:
    """The environment. TOPICS: what the bot offers; LEVELS: from the easiest; LEARNER_DAYS: until one is forgotten."""

    material_table: str
    learner_table: str
    queue_url: str
    topics: list[str]
    levels: list[str]
    learner_days: int

    def __post_init__(self) -> None:
        """Check what Terraform checks, too."""
        if not self.levels:
            raise ValueError("LEVELS must have at least one level")


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


_known: dict[str, float] = {}
"""Topics that had material in this environment, and until when they need not be looked up."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one turn. The log has intents and outcomes, and nothing that the learner said."""
    log = observability.begin(context)
    turn = lex.parse(event)
    # Few attempts: Lex gives up after 30 seconds, and the learner waits.
    hook = Hook(clients.client("dynamodb", attempts=4), clients.client("sqs", attempts=4), _conf(), _known)
    answer = hook.answer(turn, time.time())
    action = answer["sessionState"]["dialogAction"]["type"]
    state = answer["sessionState"]["intent"]["state"]
    log.info("turn answered", extra={"intent": turn.intent, "action": action, "state_of_intent": state})
    return answer


@dataclass(frozen=True)
class Hook:
    """Answers turns."""

    dynamodb: Any
    sqs: Any
    conf: Settings
    known: dict[str, float] = field(default_factory=dict)

    def answer(self, turn: lex.Turn, now: float) -> dict[str, Any]:
        """Return the answer to a turn."""
        if turn.intent == TRAINING:
            return self._train(turn) if turn.fulfilment else self._check(turn, now)
        if turn.intent == FEEDBACK:
            return self._take(turn, now) if turn.fulfilment else self._prepare(turn, now)
        return lex.close(turn, [self._say(turn, "help")], turn.attributes, fulfilled=False)

    # --- training ----------------------------------------------------------------------------------------------------

    def _check(self, turn: lex.Turn, now: float) -> dict[str, Any]:
        """Ask again for a topic or level that does not exist."""
        if unknown := self._unknown(turn, turn.slot("Topic"), now):
            return lex.elicit(turn, "Topic", unknown)
        if (level := turn.slot("Level")) and level.lower() not in self.conf.levels:
            return lex.elicit(turn, "Level", self._say(turn, "unknown_level", level=level[:MAXIMUM_TOPIC]))
        return lex.delegate(turn, turn.slots, turn.attributes)

    def _train(self, turn: lex.Turn) -> dict[str, Any]:
        """Serve the material of a topic, at the level that was asked for or else at the learner's."""
        topic = normal(turn.slot("Topic"))
        material = self._material(topic)
        asked = turn.slot("Level").lower()
        wanted = asked if asked in self.conf.levels else self._level(turn, topic)
        level = levels.nearest(self.conf.levels, material, wanted)
        if level is None:
            self.known.pop(topic, None)
            refusal = self._say(turn, "unknown_topic", topic=topic)
            return lex.close(turn, [refusal], turn.attributes, fulfilled=False)
        note = [] if level == wanted else [self._say(turn, "other_level", wanted=wanted, level=level)]
        served = {**turn.attributes, TOPIC: topic, LEVEL: level}
        return lex.close(turn, [*note, *material[level], self._say(turn, "after")], served)

    def _material(self, topic: str) -> dict[str, list[str]]:
        """Return the messages of the material of a `normal` topic, by level. Items without a text count as absent."""
        if not topic:
            return {}
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.conf.material_table,
            KeyConditionExpression="topic = :topic",
            ExpressionAttributeValues={":topic": {"S": topic}},
        )
        parts = {
            item["level"]["S"]: [str(item.get(name, {}).get("S", "")) for name in ("title", "text", "url")]
            for page in pages
            for item in page["Items"]
        }
        return {level: [title, text, url] for level, (title, text, url) in parts.items() if text.strip()}

    def _level(self, turn: lex.Turn, topic: str) -> str:
        """Return the learner's level for a topic; the easiest if there was no feedback yet."""
        found = self.dynamodb.get_item(TableName=self.conf.learner_table, Key=self._learner(turn, topic))
        level = str(found.get("Item", {}).get("level", {}).get("S", ""))
        return level if level in self.conf.levels else self.conf.levels[0]

    def _exists(self, topic: str, now: float) -> bool:
        """Return whether a topic has material, or had some shortly before."""
        name = normal(topic)
        if not 0 < self.known.get(name, 0.0) - now <= KNOWN_SECONDS:
            if not self._material(name):
                return False
            self.known[name] = now + KNOWN_SECONDS
        return True

    def _unknown(self, turn: lex.Turn, topic: str, now: float) -> str:
        """Return what to say about a topic without material; nothing if there is some, or no topic yet."""
        if not topic or self._exists(topic, now):
            return ""
        return self._say(turn, "unknown_topic", topic=topic[:MAXIMUM_TOPIC])

    # --- feedback ----------------------------------------------------------------------------------------------------

    def _prepare(self, turn: lex.Turn, now: float) -> dict[str, Any]:
        """Mark the feedback, and fill in the topic of the last training."""
        attributes, slots = dict(turn.attributes), dict(turn.slots)
        if not feedback.valid(attributes.get(MARK, ""), now):
            attributes[MARK] = feedback.begin(now)
        if unknown := self._unknown(turn, turn.slot("Topic"), now):
            return lex.elicit(replace(turn, attributes=attributes), "Topic", unknown)
        topic = normal(attributes.get(TOPIC, ""))
        if not turn.slot("Topic") and self._exists(topic, now):  # a client can set attributes
            slots["Topic"] = {
                "value": {"originalValue": topic, "interpretedValue": topic, "resolvedValues": [topic]},
                "shape": "Scalar",
            }
        return lex.delegate(turn, slots, attributes)

    def _take(self, turn: lex.Turn, now: float) -> dict[str, Any]:
        """Queue the feedback, and move the learner to the level that it asks for."""
        attributes = dict(turn.attributes)
        mark = attributes.pop(MARK, "")
        if not feedback.valid(mark, now):
            mark = feedback.begin(now)
        topic = normal(turn.slot("Topic"))
        same = topic == attributes.get(TOPIC)
        level = attributes.get(LEVEL, "") if same and attributes.get(LEVEL) in self.conf.levels else ""
        difficulty = turn.slot("Difficulty").lower()
        said = {
            "topic": topic,
            "level": level,
            "difficulty": difficulty,
            "locale": turn.language,
            "text": turn.slot("Comments"),
        }
        given = feedback.made(mark, turn.session_id, said)
        self.sqs.send_message(QueueUrl=self.conf.queue_url, MessageBody=given.dump())
        messages = [self._say(turn, "thanks")]
        if level and difficulty != levels.JUST_RIGHT:
            following = levels.following(self.conf.levels, level, difficulty)
            self._move(turn, topic, following, now)
            messages.append(self._say(turn, "next_level", topic=topic, level=following))
        return lex.close(turn, messages, attributes)

    def _move(self, turn: lex.Turn, topic: str, level: str, now: float) -> None:
        self.dynamodb.put_item(
            TableName=self.conf.learner_table,
            Item={
                **self._learner(turn, topic),
                "level": {"S": level},
                "expiresAt": {"N": str(int(now) + self.conf.learner_days * 86400)},
            },
        )

    def _learner(self, turn: lex.Turn, topic: str) -> dict[str, Any]:
        learner = turn.session_id.rpartition(".")[0] or turn.session_id
        return {"learner": {"S": feedback.digest(learner)}, "topic": {"S": topic}}

    def _say(self, turn: lex.Turn, name: str, **values: str) -> str:
        lists = {"topics": ", ".join(self.conf.topics), "levels": ", ".join(self.conf.levels)}
        return say(turn.language, name, **lists, **values)


def normal(topic: str) -> str:
    """Return a topic as the table has it: lower case, one space between words, not longer than a name is."""
    return " ".join(topic.lower().split())[:MAXIMUM_TOPIC]
