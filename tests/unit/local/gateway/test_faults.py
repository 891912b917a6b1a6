"""Injected errors are those that callers know from the real service."""

from __future__ import annotations

import pytest

from local.gateway.faults import Rule, error_of


@pytest.mark.parametrize(
    ("rule", "service", "expected"),
    [
        # Step Functions makes "Lambda.ServiceException" of it, which state machines retry.
        (Rule(kind="error", status=500), "lambda", ("ServiceException", 500)),
        (Rule(kind="error", status=500), "s3", ("InternalFailure", 500)),
        (Rule(kind="error", status=400, code="NoSuchKey"), "s3", ("NoSuchKey", 400)),
        (Rule(kind="throttle"), "s3", ("SlowDown", 503)),
        (Rule(kind="throttle"), "states", ("ThrottlingException", 400)),
    ],
)
def test_error_of(rule: Rule, service: str, expected: tuple[str, int]) -> None:
    assert error_of(rule, service)[:2] == expected
