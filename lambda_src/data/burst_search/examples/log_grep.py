"""Find lines in log files: params {"pattern": text, "regex": false, "ignore_case": false}.

The score of a line is its number of occurrences; the detail has the line's number and its text. Files that end in .gz
are unpacked. Lines that are not UTF-8 are searched with replacement characters.
"""

import io
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

MAX_LINE = 500
MAX_UNPACKED = 256 * 1024 * 1024


def prepare(params: dict[str, Any], read: Callable[[str], bytes]) -> re.Pattern[str]:  # noqa: ARG001 - the contract
    """Return the pattern. Raise ValueError."""
    pattern = params.get("pattern")
    if not isinstance(pattern, str) or not pattern:
        raise ValueError('"pattern" must be the text to find.')
    if unknown := sorted(set(params) - {"pattern", "regex", "ignore_case"}):
        raise ValueError(f"unknown params: {', '.join(unknown)}.")
    try:
        return re.compile(
            pattern if params.get("regex") else re.escape(pattern), re.IGNORECASE if params.get("ignore_case") else 0
        )
    except (re.error, RecursionError) as error:
        raise ValueError(f'"pattern" is not a regular expression: {error}') from None


def search(pattern: re.Pattern[str], key: str, body: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the lines that match."""
    for number, line in enumerate(io.StringIO(_text(key, body)), 1):
        found = sum(1 for _ in pattern.finditer(line.rstrip("\r\n")))
        if found:
            yield found, {"line": number, "text": line.rstrip("\r\n")[:MAX_LINE]}


def _text(key: str, body: bytes) -> str:
    if key.endswith(".gz"):
        body = _unpacked(body)
    return body.decode(errors="replace")


def _unpacked(body: bytes) -> bytes:
    """Unpack gzip, also of several members. Raise ValueError for more than MAX_UNPACKED bytes and for broken data."""
    out = bytearray()
    while body:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            out += unpacker.decompress(body, MAX_UNPACKED - len(out) + 1)
        except zlib.error as error:
            raise ValueError(f"broken gzip: {error}") from None
        if len(out) > MAX_UNPACKED:
            raise ValueError(f"more than {MAX_UNPACKED:,} bytes when unpacked")
        if not unpacker.eof:
            raise ValueError("gzip ends early")
        body = unpacker.unused_data.lstrip(b"\0")
    return bytes(out)
