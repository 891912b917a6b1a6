"""What a user asks for: the input of an execution. Nothing here calls AWS."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import RequestRefused

TREE, MAP = "tree", "map"
MAX_PARAMS = 32_768
_FIELDS = {"source", "prefix", "search", "params", "strategy", "timeout_seconds"}


@dataclass(frozen=True)
class Request:
    """One job. `prefix` is the whole key prefix, including that of the source; `params` belong to the search."""

    source: str
    prefix: str
    search: str
    params: dict[str, Any]
    strategy: str
    timeout_seconds: int

    @classmethod
    def of(
        cls,
        value: Any,
        sources: Mapping[str, Mapping[str, str]],
        searches: Collection[str],
        strategy: str,
        timeout_seconds: int,
    ) -> "Request":
        """Read the input of an execution. Raise RequestRefused with what is wrong and what to write.

        `strategy` and `timeout_seconds` are the stack's: the first is the default, the second the longest time.
        """
        if not isinstance(value, dict):
            raise RequestRefused('The input must be a JSON object such as {"source": "logs", "search": "log_grep"}.')
        if unknown := sorted(map(str, set(value) - _FIELDS)):
            raise RequestRefused(
                f"The input has unknown fields: {', '.join(unknown)}. Use {', '.join(sorted(_FIELDS))}."
            )
        source = _choice(value, "source", sorted(sources), next(iter(sources)) if len(sources) == 1 else None)
        prefix = value.get("prefix", "")
        if not isinstance(prefix, str) or len(_bytes(prefix)) > 1024:
            raise RequestRefused("prefix must be a text of at most 1,024 bytes: the beginning of the keys to search.")
        root = sources[source].get("prefix", "")
        prefix = prefix or root
        if not prefix.startswith(root):
            raise RequestRefused(f"prefix must begin with {root!r}, the prefix of the source {source}.")
        params = value.get("params", {})
        if not isinstance(params, dict):
            raise RequestRefused("params must be a JSON object: what the search looks for.")
        if len(_dumped(params)) > MAX_PARAMS:
            raise RequestRefused(f"params must be at most {MAX_PARAMS:,} bytes; put more into an object, and name it.")
        seconds = value.get("timeout_seconds", timeout_seconds)
        if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= timeout_seconds:
            raise RequestRefused(f"timeout_seconds must be a whole number from 1 to {timeout_seconds}.")
        return cls(
            source,
            prefix,
            _choice(value, "search", sorted(searches), next(iter(searches)) if len(searches) == 1 else None),
            params,
            _choice(value, "strategy", [MAP, TREE], strategy),
            seconds,
        )


def _choice(value: Mapping[str, Any], name: str, known: list[str], default: str | None) -> str:
    chosen = value.get(name, default)
    if not isinstance(chosen, str) or chosen not in known:
        raise RequestRefused(f"{name} must be one of {', '.join(known)}.")
    return chosen


def _dumped(params: dict[str, Any]) -> str:
    try:
        return json.dumps(params, allow_nan=False)
    except ValueError:
        raise RequestRefused("params must not have NaN or infinite numbers.") from None


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise RequestRefused("prefix must be valid Unicode.") from None
