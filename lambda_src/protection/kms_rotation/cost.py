"""Monthly cost of key storage, in the currency of the price: https://aws.amazon.com/kms/pricing/

Each key costs one price. Its first and its second rotation add one price each, and later rotations are free.
Keys that await deletion and AWS managed keys cost nothing. The price of requests is not included.
"""

from datetime import datetime, timedelta

PAID_ROTATIONS = 2


def monthly(rotations: int, price: float, *, billed: bool = True) -> float:
    """Return the monthly price of a key after a number of rotations."""
    return price * (1 + min(rotations, PAID_ROTATIONS)) if billed else 0.0


def of_next_rotation(rotations: int, price: float) -> float:
    """Return the monthly price that one more rotation adds."""
    return monthly(rotations + 1, price) - monthly(rotations, price)


def next_year(
    rotations: int, price: float, next_date: datetime | None, period_days: int | None, now: datetime
) -> float:
    """Return the prorated cost of the next 365 days with today's schedule; `next_date` None: no scheduled rotation."""
    end = now + timedelta(days=365)
    total, done, since = 0.0, rotations, now
    date = next_date
    while date is not None and period_days and date < end and done < PAID_ROTATIONS:
        at = max(date, now)
        total += monthly(done, price) * 12 * ((at - since) / timedelta(days=365))
        done, since, date = done + 1, at, date + timedelta(days=period_days)
    return total + monthly(done, price) * 12 * ((end - since) / timedelta(days=365))
