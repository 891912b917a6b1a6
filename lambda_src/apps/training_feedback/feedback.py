"""One learner's feedback on one training, as the code hook queues it and the analysis reads it."""

import datetime
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

_ID = re.compile(r"(\d{10})-[0-9a-f]{32}")
_KEY = re.compile(r"[0-9a-f]{32}")
_MAXIMUM_AGE = 86400


class NotFeedback(Exception):
    """A message of the queue that is no feedback. The text says what is wrong with it."""


@dataclass(frozen=True)
class Feedback:
    """Feedback. `id` and `at` (Unix seconds) are the same however often it is sent; learner and session are digests."""

    id: str
    at: int
    learner: str
    session: str
    topic: str
    level: str
    difficulty: str
    locale: str
    text: str

    @property
    def day(self) -> str:
        """Return the day of the feedback (UTC), by which objects are partitioned."""
        return utc(self.at).date().isoformat()

    @property
    def key(self) -> str:
        """Return the key of its object in S3."""
        return f"feedback/dt={self.day}/{self.id}.json"

    def dump(self) -> str:
        """Return the body of its message."""
        return json.dumps(asdict(self))


def utc(at: int) -> datetime.datetime:
    """Return a Unix time as a time in UTC."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


def load(body: str) -> Feedback:
    """Return the feedback in the body of a message. Raise NotFeedback."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise NotFeedback("It is not JSON.") from None
    if not isinstance(value, dict):
        raise NotFeedback("It is not a JSON object.")
    wrong = [field.name for field in fields(Feedback) if type(value.get(field.name)) is not field.type]
    if wrong:
        raise NotFeedback(f"These fields are missing or have another type: {', '.join(wrong)}.")
    found = Feedback(**{field.name: value[field.name] for field in fields(Feedback)})
    if not _KEY.fullmatch(found.id) or not 0 <= found.at < 2**33:
        raise NotFeedback("Its id or time is not one of the code hook.")
    try:
        found.text.encode()
    except UnicodeEncodeError:
        raise NotFeedback("Its text contains characters that are not valid.") from None
    return found


def begin(now: float) -> str:
    """Return a mark for a new feedback: its time and a random part. It stays in the session until the end."""
    return f"{int(now)}-{uuid.uuid4().hex}"


def valid(mark: str, now: float) -> bool:
    """Return true if a mark is one of `begin`, of the last day. A client can set a session's attributes."""
    found = _ID.fullmatch(mark)
    return bool(found) and 0 <= now - int(mark[:10]) <= _MAXIMUM_AGE


def digest(*parts: str) -> str:
    """Return a pseudonym, from which no identity can be read."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def made(mark: str, session_id: str, said: Mapping[str, Any]) -> Feedback:
    """Return the feedback of a session with a mark; its id depends on both, so no session replaces another's."""
    learner = session_id.rpartition(".")[0] or session_id
    return Feedback(
        id=digest(session_id, mark), at=int(mark[:10]), learner=digest(learner), session=digest(session_id), **said
    )
