"""Pacing of GetFindings on a simulated clock: bursts within the quota, little lost to single throttles."""

import pytest

from common.pacing import Pacer
from posture.finding_export import export

from .fakes import Clock


def send(pacer: Pacer, clock: Clock, latency: float, count: int, retries: int = 0) -> list[float]:
    """Return the times at which `count` requests of `latency` seconds each were sent."""
    times = []
    for _ in range(count):
        pacer.wait()
        times.append(clock())
        clock.sleep(latency)
        pacer.report({"ResponseMetadata": {"RetryAttempts": retries}})
    return times


@pytest.mark.parametrize("latency", [0.0, 0.1, 0.3])
def test_sustains_the_limit_and_never_exceeds_it(latency: float) -> None:
    clock = Clock()
    times = send(export.pacer(3, clock, clock.sleep), clock, latency, 901)
    assert 2.99 <= 900 / (times[-1] - times[0]) <= 3.0 + 1e-9


def test_makes_good_a_short_delay_within_the_burst() -> None:
    clock = Clock()
    pacer = export.pacer(3, clock, clock.sleep)
    send(pacer, clock, 0, 10)
    clock.sleep(60)
    times = send(pacer, clock, 0, 30)
    first_second = [at for at in times if at < times[0] + 1 - 1e-9]
    assert 3 < len(first_second) <= 6


def test_slows_down_under_retries_and_recovers() -> None:
    clock = Clock()
    pacer = export.pacer(3, clock, clock.sleep)
    send(pacer, clock, 0, 3, retries=1)
    assert pacer.rate == pytest.approx(3 * 0.8**3)
    slow = send(pacer, clock, 0, 3, retries=0)
    assert slow[1] - slow[0] > 1 / 3 + 0.1
    send(pacer, clock, 0, 20)
    assert pacer.rate == 3


def test_never_slower_than_a_tenth() -> None:
    clock = Clock()
    pacer = export.pacer(3, clock, clock.sleep)
    send(pacer, clock, 0, 5, retries=9)
    assert pacer.rate == pytest.approx(0.3)


def test_every_tenth_request_throttled_costs_little() -> None:
    clock = Clock()
    pacer = export.pacer(3, clock, clock.sleep)
    began = clock()
    for _ in range(100):
        send(pacer, clock, 0.1, 9)
        send(pacer, clock, 0.1, 1, retries=1)
    assert 1000 / (clock() - began) > 0.9 * 3
