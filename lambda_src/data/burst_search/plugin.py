"""What a search is: a Python module with `prepare`, `search` and, if it wants to change a result, `combine`.

    def prepare(params, read):          # once for each job and process
        return whatever search needs    # ValueError: the job is refused with this message
    def search(prepared, key, body):    # once for each object; body is its bytes
        yield score, detail             # a number and JSON, once for each match
    def combine(prepared, matches):     # once for each job: [{"key", "score", "detail"}, …], the best first
        return matches                  # those that the result has, in its order

`read(key)` returns an object of the same source. An exception of `search` makes the object a failed row.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from .errors import RequestRefused

Read = Callable[[str], bytes]


def load(searches: Mapping[str, str], name: str) -> Any:
    """Return the module of a search. Raise RequestRefused if it cannot be used."""
    try:
        module = importlib.import_module(searches[name])
    except (KeyError, ImportError) as error:
        raise RequestRefused(
            f"The search {name} cannot be loaded ({error}); check `searches` and its layer."
        ) from error
    for needed in ("prepare", "search"):
        if not callable(getattr(module, needed, None)):
            raise RequestRefused(f"The module {searches[name]} of the search {name} has no function {needed}.")
    return module


def prepared(module: Any, params: dict[str, Any], read: Read) -> Any:
    """Return what `prepare` returns. Raise RequestRefused if it refuses the params."""
    try:
        return module.prepare(params, read)
    except (KeyError, TypeError, ValueError) as error:
        raise RequestRefused(f"The search refuses its params: {error}") from error
