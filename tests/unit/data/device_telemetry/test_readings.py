"""What devices send: two versions, one state; what no retry makes readable is named."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.device_telemetry.errors import Malformed
from data.device_telemetry.readings import LARGEST, Reading, Values, read
from tests.unit.data.device_telemetry.events import AT, FIRST, SECOND

LATEST = AT + timedelta(minutes=5)


def of(message: Any) -> Reading:
    return read(json.dumps(message).encode(), LATEST)


def test_version_1_has_numbers_as_text_and_times_of_utc() -> None:
    values: Values = {
        "interface": "eth4.1",
        "interface_status": "connected",
        "cpu_usage": Decimal(61),
        "memory_usage": Decimal(1200),
        "model": "EVG2000",
    }
    assert of(FIRST) == Reading("dvc1000", AT, 1, values, {})
    assert of({**FIRST, "version": 1}) == of(FIRST)


def test_version_2_has_numbers_and_times_with_an_offset() -> None:
    values: Values = {"interface_status": "down", "cpu_usage": Decimal("61.25")}
    further: Values = {"signal_dbm": Decimal(-60), "firmware": "1.2", "charging": True}
    assert of(SECOND) == Reading("dvc1000", AT, 2, values, further)


def test_numbers_are_exact_and_have_six_decimals() -> None:
    found = of({**SECOND, "readings": {"a": 0.1, "b": 1e-200, "c": 1.23456789, "d": 100, "e": -0.0}}).further
    wanted = {"a": Decimal("0.1"), "b": Decimal(0), "c": Decimal("1.234568"), "d": Decimal("1E+2"), "e": Decimal(0)}
    assert found == wanted


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({**FIRST, "version": 3}, "its version is none of 1, 2"),
        ({**FIRST, "version": "2"}, "its version is none of 1, 2"),
        ({**FIRST, "version": True}, "its version is none of 1, 2"),
        ({**FIRST, "deviceid": None}, "its deviceid"),
        ({**FIRST, "deviceid": "a b"}, "its deviceid"),
        ({**FIRST, "deviceid": "x" * 129}, "its deviceid"),
        ({**FIRST, "event_time": "2026-11-29T08:00:00Z"}, "its event_time is not YYYY-MM-DD HH:MM:SS"),
        ({**FIRST, "event_time": "2026-11-29 08:06:00"}, "its event_time is in the future"),
        ({**FIRST, "cpuusage": "nan"}, "its cpuusage"),
        ({**FIRST, "cpuusage": "-Infinity"}, "its cpuusage"),
        ({**FIRST, "cpuusage": "high"}, "its cpuusage"),
        ({**FIRST, "cpuusage": True}, "its cpuusage"),
        ({**FIRST, "cpuusage": str(LARGEST)}, "its cpuusage"),
        ({**FIRST, "interfacestatus": ""}, "its interfacestatus"),
        ({**FIRST, "interface": "\ud800"}, "its interface is not text"),
        ({**FIRST, "model": "x" * 257}, "its model"),
        ({**SECOND, "event_time": "2026-11-29T08:00:00"}, "its event_time has no offset from UTC"),
        ({**SECOND, "event_time": "0001-01-01T00:00:00+10:00"}, "its event_time is not a time of RFC 3339"),
        ({**SECOND, "event_time": "today"}, "its event_time is not a time of RFC 3339"),
        ({**SECOND, "readings": []}, "its readings"),
        ({**SECOND, "readings": {"": 1}}, "its readings"),
        ({**SECOND, "readings": {f"n{n}": n for n in range(51)}}, "its readings"),
        ({**SECOND, "readings": {"n": None}}, "its n"),
        ({**SECOND, "readings": {"n": {"deep": 1}}}, "its n"),
        ([FIRST], "its value is not a JSON object"),
        (None, "its value is not a JSON object"),
    ],
)
def test_a_message_that_cannot_be_read_says_why(message: Any, said: str) -> None:
    with pytest.raises(Malformed, match=f"^{said}"):
        of(message)


@pytest.mark.parametrize("data", [b"{", b"\xff", b"", b'{"version": NaN}', b"[" * 100_000, b'{"a": 1e999999999999}'])
def test_what_is_no_json_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data, LATEST)


def test_every_required_value_of_version_1_is_required() -> None:
    for name in set(FIRST) - {"model"}:
        with pytest.raises(Malformed, match=f"^its {name}"):
            of({key: value for key, value in FIRST.items() if key != name})


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FIRST, *SECOND]), inner, max_size=6)
        ),
        max_leaves=8,
    )
)
def test_any_bytes_are_a_reading_or_malformed(found: Any) -> None:
    data = found if isinstance(found, bytes) else json.dumps(found).encode()
    with contextlib.suppress(Malformed):
        assert read(data, datetime.now(UTC)).device
