"""Read each configured name through the extension, as functions do, and report which ones cannot be read.

Values are not in the answer and not in the log: a value is shown by its etag, which changes with the content.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from common import observability


def names(config: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the name of each entry of a configuration."""
    for kind, entries in json.loads(config or "{}").items():
        for name in sorted(entries):
            yield kind, name


def row(kind: str, name: str, refused: str = "") -> dict[str, Any]:
    """Return what a read of the name gives: its etag, age and whether it is stale, or why it cannot be read."""
    import config_cache  # of the layer

    try:
        found = config_cache.read(kind, name, refused)
    except config_cache.CacheError as error:
        return {"kind": kind, "name": name, "error": error.error, "code": error.code}
    return {"kind": kind, "name": name, "etag": found.etag, "age": found.age, "stale": found.stale}


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Return a row for each name. The event may have `refused`: etags by `<kind>/<name>`, which are read again."""
    log = observability.begin(context)
    refused = event.get("refused") or {}
    config = os.environ.get("CACHE_EXTENSION_CONFIG", "")
    rows = [row(kind, name, str(refused.get(f"{kind}/{name}", ""))) for kind, name in names(config)]
    unread = [one for one in rows if "error" in one]
    if unread:
        log.warning("names that cannot be read", extra={"unread": unread})
    observability.count("NamesUnread", len(unread))
    return {"names": rows, "unread": len(unread)}
