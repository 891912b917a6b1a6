"""What a device sends, by the version of its schema. Nothing here calls AWS.

Version 1 has numbers as text and times of UTC without saying so; a record without `version` is of version 1. Version 2
has numbers, and times with their offset from UTC, as of RFC 3339. Both become the same state.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from .errors import Malformed

LARGEST = 10**15
"""Numbers are smaller than this, and kept with 6 decimals: DynamoDB has 38 digits."""
LONGEST = 256
"""Characters of a text."""
MOST = 50
"""Further values of a record of version 2."""

_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")

Value = str | Decimal | bool
Values = dict[str, Value]


@dataclass(frozen=True)
class Reading:
    """One message of a device. `at` is when the device took it, in UTC."""

    device: str
    at: datetime
    version: int
    values: Values
    further: Values


def read(data: bytes, latest: datetime) -> Reading:
    """Read a message. Raise Malformed, also for one that was taken after `latest`: it would hide all that follow."""
    try:
        message = json.loads(data, parse_float=Decimal, parse_constant=_refused)
    except (ValueError, RecursionError, InvalidOperation):
        raise Malformed("its value is not JSON in UTF-8") from None
    if not isinstance(message, Mapping):
        raise Malformed("its value is not a JSON object")
    version = message.get("version", 1)
    if type(version) is not int or version not in _VERSIONS:
        raise Malformed(f"its version is none of {', '.join(map(str, _VERSIONS))}")
    reading = _VERSIONS[version](message)
    if reading.at > latest:
        raise Malformed("its event_time is in the future")
    return reading


def _refused(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _first(message: Mapping[str, Any]) -> Reading:
    """Read version 1: the keys of the first modems."""
    try:
        at = datetime.strptime(_text(message, "event_time"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Malformed("its event_time is not YYYY-MM-DD HH:MM:SS") from None
    values: Values = {
        "interface": _text(message, "interface"),
        "interface_status": _text(message, "interfacestatus"),
        "cpu_usage": _number(message, "cpuusage"),
        "memory_usage": _number(message, "memoryusage"),
    }
    return Reading(_device(message, "deviceid"), at, 1, values | _model(message), {})


def _second(message: Mapping[str, Any]) -> Reading:
    """Read version 2."""
    try:
        at = datetime.fromisoformat(_text(message, "event_time"))
        at = at.astimezone(UTC) if at.tzinfo else None  # type: ignore[assignment]  # checked in the next line
    except (ValueError, OverflowError):
        raise Malformed("its event_time is not a time of RFC 3339") from None
    if at is None:
        raise Malformed("its event_time has no offset from UTC")
    values: Values = {name: _text(message, name) for name in ("interface", "interface_status") if name in message}
    values |= {name: _number(message, name) for name in ("cpu_usage", "memory_usage") if name in message}
    return Reading(_device(message, "device_id"), at, 2, values | _model(message), _further(message.get("readings")))


_VERSIONS: dict[int, Callable[[Mapping[str, Any]], Reading]] = {1: _first, 2: _second}


def _model(message: Mapping[str, Any]) -> Values:
    return {"model": _text(message, "model")} if "model" in message else {}


def _device(message: Mapping[str, Any], name: str) -> str:
    device = message.get(name)
    if not isinstance(device, str) or not _DEVICE.fullmatch(device):
        raise Malformed(f"its {name} is missing or not an id of 1 to 128 letters, digits and . _ : -")
    return device


def _further(found: Any) -> Values:
    """Return the values of a kind of device, by their names."""
    if found is None:
        return {}
    if not isinstance(found, Mapping) or len(found) > MOST or not all(map(_NAME.fullmatch, found)):
        raise Malformed(f"its readings are not an object of at most {MOST} named values")
    kinds: dict[type, Callable[[Mapping[str, Any], str], Value]] = {str: _text, bool: lambda of, name: bool(of[name])}
    return {name: kinds.get(type(value), _number)(found, name) for name, value in found.items()}


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST:
        raise Malformed(f"its {name} is missing or not a text of 1 to {LONGEST} characters")
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: DynamoDB takes UTF-8
        raise Malformed(f"its {name} is not text") from None
    return value


def _number(message: Mapping[str, Any], name: str) -> Decimal:
    """Return a finite number, given as one or, in version 1, as text."""
    value = message.get(name)
    number = _decimal(value) if isinstance(value, int | Decimal | str) and not isinstance(value, bool) else None
    if number is None or not number.is_finite() or abs(number) >= LARGEST:
        raise Malformed(f"its {name} is missing or not a number below {LARGEST}")
    return round(number, 6).normalize()


def _decimal(value: int | Decimal | str) -> Decimal | None:
    try:
        return Decimal(value)
    except InvalidOperation:
        return None
