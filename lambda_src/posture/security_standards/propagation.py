"""Calls by Terraform right after it has written the role's policy, which IAM may not know everywhere yet.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from common import aws_errors
from common.aws_errors import Kind

T = TypeVar("T")
WAITS = (5.0, 10.0, 15.0, 30.0)
"""Seconds before each further attempt."""


def allowed(event: Mapping[str, Any], call: Callable[[], T]) -> T:
    """Make a call that can be repeated; for Terraform (`tf`), again for a minute while it is denied."""
    for seconds in WAITS if event.get("tf") else ():
        try:
            return call()
        except Exception as error:
            if aws_errors.kind(error) is not Kind.DENIED:
                raise
            time.sleep(seconds)
    return call()
