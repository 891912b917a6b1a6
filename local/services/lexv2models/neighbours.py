"""What Lex needs of Lambda; an engine that has it replaces `current`."""

from __future__ import annotations

from typing import Any


class HookFailed(Exception):
    """The function may not be called, failed or did not answer in time. The message says which."""


class Neighbours:
    """A cloud without functions."""

    def invoke(self, function_arn: str, alias_arn: str, account: str, region: str, event: dict[str, Any]) -> Any:
        """Return what a function answers to Lex, which calls it for an alias. Raise HookFailed."""
        raise HookFailed(f"{function_arn} does not exist.")


current = Neighbours()
