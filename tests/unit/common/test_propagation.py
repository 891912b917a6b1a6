"""Terraform's calls wait for a new role's permissions, on a simulated clock."""

from __future__ import annotations

import logging

import pytest
from botocore.exceptions import ClientError

from common import propagation


class Clock:
    """A clock that advances only when `sleep` is called."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Translated(Exception):
    """A capability's own error."""


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutThing")


class Work:
    """Work that fails with `errors` in turn, and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run(work: Work, clock: Clock, by_terraform: bool = True) -> str:
    return propagation.permitted(work, by_terraform=by_terraform, clock=clock, sleep=clock.sleep)


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"])
def test_denials_are_repeated(code: str, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    work = Work(refusal(code), refusal(code))
    with caplog.at_level(logging.WARNING):
        assert run(work, clock) == "done"
    assert work.calls == 3
    assert clock.now == 1000 + 2 * propagation.PAUSE


def test_a_denial_inside_a_typed_error_counts(clock: Clock) -> None:
    error = Translated()
    error.__cause__ = refusal("AccessDeniedException")
    assert run(Work(error), clock) == "done"


def test_a_lasting_denial_is_raised_after_a_minute(clock: Clock) -> None:
    work = Work(*(refusal("AccessDenied") for _ in range(100)))
    with pytest.raises(ClientError, match="AccessDenied"):
        run(work, clock)
    assert clock.now == 1000 + propagation.SECONDS
    assert work.calls == 21


@pytest.mark.parametrize("error", [refusal("InvalidParameterException"), refusal("ThrottlingException"), Translated()])
def test_other_errors_are_raised_at_once(error: Exception, clock: Clock) -> None:
    work = Work(error)
    with pytest.raises(type(error)):
        run(work, clock)
    assert (work.calls, clock.now) == (1, 1000)


def test_other_callers_are_told_at_once(clock: Clock) -> None:
    work = Work(refusal("AccessDenied"))
    with pytest.raises(ClientError):
        run(work, clock, by_terraform=False)
    assert (work.calls, clock.now) == (1, 1000)
