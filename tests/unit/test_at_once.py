"""Calls that need not wait for one another are on their way at once, and end like others."""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial

import pytest

from shop.deadline import OutOfTime, deadline
from shop.gather import MOST, gather
from tests.support.waiting import HANG_SECONDS

NAME: ContextVar[str] = ContextVar("name")


def test_all_are_on_their_way_before_any_has_its_answer() -> None:
    everybody = threading.Barrier(MOST)

    def ask(number: int) -> int:
        everybody.wait(timeout=HANG_SECONDS)
        return number

    asked = [partial(ask, number) for number in range(MOST)]

    assert gather(asked) == [*range(MOST)]


def test_more_than_there_are_connections_wait_for_the_first_to_end() -> None:
    running, most = 0, 0
    counting = threading.Lock()

    def ask(number: int) -> int:
        nonlocal running, most
        with counting:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with counting:
            running -= 1
        return number

    answers = gather([partial(ask, number) for number in range(MOST * 3)])

    assert answers == [*range(MOST * 3)]
    assert most <= MOST


def test_one_alone_takes_no_thread() -> None:
    assert gather([threading.current_thread]) == [threading.current_thread()]


def test_what_one_raises_is_raised_though_another_still_waits() -> None:
    end = threading.Event()

    def fail() -> bool:
        raise LookupError

    # It would wait for the other until the test run ends.
    asks: list[Callable[[], bool]] = [fail, end.wait]
    try:
        with pytest.raises(LookupError):
            gather(asks)
    finally:
        end.set()


def test_who_is_out_of_time_does_not_wait_for_any() -> None:
    end = threading.Event()

    try:
        with pytest.raises(OutOfTime), deadline(0.05):
            gather([end.wait] * (MOST + 1))
    finally:
        end.set()


def test_each_knows_the_request_that_it_belongs_to() -> None:
    NAME.set("a request")
    ask: Callable[[], str] = NAME.get

    assert gather([ask, ask]) == ["a request", "a request"]
