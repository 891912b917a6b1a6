"""The limits of one change, by what it does to countries and addresses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protection.country_embargo.changes import Limits, excess
from protection.country_embargo.document import Embargo

from .fakes import CODES

LIMITS = Limits(20, 1)


def embargo(countries: int = 0, *ranges: str) -> Embargo:
    return Embargo(frozenset(CODES[:countries]), frozenset(ranges))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (embargo(), embargo(16), []),
        (embargo(), embargo(20), []),
        (embargo(), embargo(21), ["21 countries"]),
        (embargo(30), embargo(5), ["25 countries"]),  # a list that was cut off
        (embargo(), embargo(len(CODES)), ["250 countries"]),
        (embargo(1), embargo(1, "192.0.0.0/22"), []),
        (embargo(1), embargo(1, "192.0.0.0/2"), ["25 % of the addresses of IPV4"]),
        (embargo(1), embargo(1, "0.0.0.0/1", "128.0.0.0/1"), ["100 %"]),
        (embargo(1, "0.0.0.0/1"), embargo(1), ["50 %"]),
        (embargo(), embargo(0, *(f"{n}.0.0.0/8" for n in range(11, 14))), ["1.17 %"]),
        (embargo(), embargo(0, *(f"{n}.0.0.0/8" for n in range(11, 13))), []),
        (embargo(), embargo(0, "2001:db8::/32", "2a00::/12"), []),
        (embargo(), embargo(0, "2000::/4"), ["50 % of the addresses of IPV6"]),
        (embargo(), embargo(0, "8000::/1"), ["400 %"]),
        (embargo(), embargo(30, "0.0.0.0/2", "2000::/4"), ["30 countries", "IPV4", "IPV6"]),
        # The same addresses in another notation are no change.
        (embargo(0, "0.0.0.0/1", "0.0.0.0/8"), embargo(0, "0.0.0.0/2", "64.0.0.0/2"), []),
    ],
)
def test_limits(old: Embargo, new: Embargo, says: list[str]) -> None:
    found = excess(old, new, LIMITS)
    assert len(found) == len(says)
    assert all(part in sentence for part, sentence in zip(says, found, strict=True))
    assert all("several uploads, or raise change_limits." in sentence for sentence in found)


def test_the_limits_are_the_ones_that_are_set() -> None:
    assert excess(embargo(), embargo(250, "0.0.0.0/2"), Limits(250, 25)) == []
    assert len(excess(embargo(), embargo(2, "192.0.2.0/24"), Limits(1, 1e-9))) == 2


small = st.sets(st.tuples(st.integers(0, 15), st.integers(28, 32)), max_size=6)


@given(small, small)
@settings(deadline=None)
def test_addresses_are_counted_once(old: set[tuple[int, int]], new: set[tuple[int, int]]) -> None:
    def covered(ranges: set[tuple[int, int]]) -> set[int]:
        return {n for at, length in ranges for n in range(16) if n >> (32 - length) == at >> (32 - length)}

    def written(ranges: set[tuple[int, int]]) -> frozenset[str]:
        return frozenset(f"0.0.0.{at >> (32 - n) << (32 - n)}/{n}" for at, n in ranges)

    share = 100 * len(covered(old) ^ covered(new)) / 2**32
    one, other = Embargo(frozenset(), written(old)), Embargo(frozenset(), written(new))
    assert bool(excess(one, other, Limits(1, share))) is False
    if share:
        assert excess(one, other, Limits(1, share * 0.999))
