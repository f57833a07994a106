"""gather(): independent calls run in parallel and fail like sequential ones."""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial

import pytest

from shop.deadline import DeadlineExceeded, deadline
from shop.gather import MAX_THREADS, gather
from tests.support.waiting import HANG_SECONDS

NAME: ContextVar[str] = ContextVar("name")


def test_all_calls_start_before_the_first_response() -> None:
    everybody = threading.Barrier(MAX_THREADS)

    def ask(number: int) -> int:
        everybody.wait(timeout=HANG_SECONDS)
        return number

    asked = [partial(ask, number) for number in range(MAX_THREADS)]

    assert gather(asked) == [*range(MAX_THREADS)]


def test_calls_beyond_the_connections_wait_for_the_first_to_end() -> None:
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

    responses = gather([partial(ask, number) for number in range(MAX_THREADS * 3)])

    assert responses == [*range(MAX_THREADS * 3)]
    assert most <= MAX_THREADS


def test_single_call_starts_no_thread() -> None:
    assert gather([threading.current_thread]) == [threading.current_thread()]


def test_error_of_one_call_is_raised_while_another_waits() -> None:
    end = threading.Event()

    def fail() -> bool:
        raise LookupError

    # It would wait for the other call until the test run ends.
    asks: list[Callable[[], bool]] = [fail, end.wait]
    try:
        with pytest.raises(LookupError):
            gather(asks)
    finally:
        end.set()


def test_deadline_abandons_pending_calls() -> None:
    end = threading.Event()

    try:
        with pytest.raises(DeadlineExceeded), deadline(0.05):
            gather([end.wait] * (MAX_THREADS + 1))
    finally:
        end.set()


def test_each_call_has_the_context_of_its_request() -> None:
    NAME.set("a request")
    ask: Callable[[], str] = NAME.get

    assert gather([ask, ask]) == ["a request", "a request"]
