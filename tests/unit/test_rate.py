"""Table tools stay within their units per second across all threads."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tools.tables.rate import Rate
from tools.tables.scan import Segment, in_segments


class Time:
    """A clock that only waiting advances."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def test_rate_waits_for_units_already_spent() -> None:
    time = Time()
    rate = Rate(100, time.clock, time.wait)

    for _ in range(50):
        rate.spend(6)

    assert time.now == pytest.approx(1003)


def test_idle_time_is_not_saved_up() -> None:
    time = Time()
    rate = Rate(100, time.clock, time.wait)
    rate.spend(1)
    time.wait(60)

    began = time.now
    rate.spend(100)

    assert time.now == pytest.approx(began + 1)


def test_threads_share_one_rate() -> None:
    waited: list[float] = []
    rate = Rate(100, lambda: 1000.0, waited.append)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(80):
            pool.submit(rate.spend, 5)

    assert sorted(waited) == pytest.approx([0.05 * number for number in range(1, 81)])


def test_failed_segment_ends_the_others() -> None:
    rate = Rate(1_000_000)

    def work(segment: Segment) -> None:
        if segment.number == 2:
            raise KeyboardInterrupt
        while True:
            rate.spend(1)

    with pytest.raises(KeyboardInterrupt):
        in_segments(4, work, rate)
