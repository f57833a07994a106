"""Request deadlines: abort work before the Lambda timeout and return a retryable 503."""

import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds of the Lambda timeout reserved for the response: at the timeout, Lambda returns a 500.
RESPONSE_MARGIN = 0.5


class DeadlineExceeded(BaseException):
    """Not an `Exception`: the SDK would treat it as a broken connection and retry."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise `DeadlineExceeded` in the work after this time. Main thread only, as in Lambda."""
    signal.signal(signal.SIGALRM, _raise)
    # Zero would disable the timer.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def remaining() -> float:
    """Return the seconds until the deadline; infinite without one."""
    return signal.getitimer(signal.ITIMER_REAL)[0] or math.inf


def _raise(*_: object) -> None:
    raise DeadlineExceeded
