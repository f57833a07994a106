"""The end of work that would outlast its request, so that who waits is told to try again."""

import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager

# Kept of a function's timeout to tell that there was too little: Lambda's own word would be a 500.
TO_ANSWER = 0.5  # seconds


class OutOfTime(BaseException):
    """No `Exception`, which the SDK would take for a broken connection and try again."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raises `OutOfTime` wherever the work is by then; in the main thread, as Lambda's work is."""
    signal.signal(signal.SIGALRM, _raise)
    # Zero would mean never.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def remaining() -> float:
    """Seconds until the deadline; infinite without one."""
    return signal.getitimer(signal.ITIMER_REAL)[0] or math.inf


def _raise(*_: object) -> None:
    raise OutOfTime
