"""Stale versions are retried with full jitter, within a budget and the request's deadline."""

import random
from collections.abc import Callable

import pytest

from shop.deadline import deadline
from shop.errors import ServiceUnavailable
from shop.retries import LAST_TRY, MAX_RETRY_SECONDS, StaleVersion, retry_stale


class Clock:
    """A clock advanced only by pauses and by the duration of each try."""

    def __init__(self, seconds_of_a_try: float = 0.0) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.tries = 0
        self._seconds_of_a_try = seconds_of_a_try

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def stale(self, times: float) -> Callable[[], str]:
        def change() -> str:
            self.tries += 1
            self.now += self._seconds_of_a_try
            if self.tries <= times:
                raise StaleVersion
            return "done"

        return change

    def run(self, times: float) -> str:
        return retry_stale(self.stale(times), self.pause, lambda: self.now)


@pytest.fixture
def longest_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, longest: longest)


def test_change_without_conflict_is_tried_once_without_a_pause() -> None:
    clock = Clock()

    assert clock.run(times=0) == "done"
    assert (clock.tries, clock.pauses) == (1, [])


@pytest.mark.usefixtures("longest_pauses")
def test_pauses_double_up_to_half_a_second() -> None:
    clock = Clock()

    assert clock.run(times=7) == "done"
    assert clock.pauses == [0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5]


def test_pauses_have_full_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def uniform(least: float, longest: float) -> float:
        asked.append(least)
        return longest

    monkeypatch.setattr(random, "uniform", uniform)

    Clock().run(times=3)

    assert asked == [0, 0, 0]


@pytest.mark.usefixtures("longest_pauses")
def test_change_that_stays_stale_gets_503_within_the_budget() -> None:
    clock = Clock(seconds_of_a_try=0.1)

    with pytest.raises(ServiceUnavailable) as rejection:
        clock.run(times=float("inf"))

    assert rejection.value.retry_after == 1
    assert (
        MAX_RETRY_SECONDS - 0.6 < clock.now <= MAX_RETRY_SECONDS + 0.1
    )  # the last try began in time


@pytest.mark.usefixtures("longest_pauses")
def test_change_is_not_retried_so_late_that_the_deadline_would_cut_it() -> None:
    clock = Clock()

    with pytest.raises(ServiceUnavailable), deadline(LAST_TRY + 0.1):
        clock.run(times=float("inf"))

    assert clock.now <= 0.1


def test_other_errors_are_not_retried() -> None:
    tries = []

    def fail() -> None:
        tries.append(1)
        raise ValueError

    with pytest.raises(ValueError):
        retry_stale(fail)

    assert len(tries) == 1
