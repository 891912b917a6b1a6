"""Wait for the permissions of a function that Terraform has just created.

Terraform invokes a function right after it has written the policy of its role, but IAM is eventually consistent: for
some seconds AWS can still deny what the policy allows, and botocore does not retry a denied call. An apply would fail,
and would succeed when repeated.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
https://github.com/aws-ia/terraform-aws-control_tower_account_factory/issues/177
"""

import time
from collections.abc import Callable
from typing import TypeVar

from common import aws_errors, observability

T = TypeVar("T")

SECONDS = 60.0
PAUSE = 3.0

WAITING = "denied, repeated while a new role's permissions take effect"


def permitted(
    work: Callable[[], T],
    *,
    by_terraform: bool,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Return what `work` returns. For Terraform's calls, repeat `work` for a minute while AWS denies a call of it.

    `work` starts again from its beginning, so it must be safe to repeat. Give the function a timeout that exceeds its
    usual one by `SECONDS`. Other callers get the error at once: their function is not new.
    """
    ends = clock() + SECONDS if by_terraform else 0.0
    while True:
        try:
            return work()
        except Exception as error:
            code = denied(error)
            if not code or not by_terraform or clock() + PAUSE > ends:
                raise
            observability.logger().warning(WAITING, extra={"code": code})
        sleep(PAUSE)


def denied(error: BaseException | None) -> str:
    """Return AWS's code if an error, or the error that it was raised from, is a denied call; otherwise ""."""
    while error is not None:
        failure = aws_errors.read(error)
        if failure and failure.kind is aws_errors.Kind.DENIED:
            return failure.code
        error = error.__cause__
    return ""
