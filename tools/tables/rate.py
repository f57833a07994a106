"""A rate limit for the capacity units that a tool consumes."""

import threading
import time
from collections.abc import Callable


class Stopped(RuntimeError):
    """Another thread failed, or the operator interrupted the tool."""


class Rate:
    """Capacity units per second, shared by all threads of a tool.

    The cost of an operation is known only after it, so the wait follows the operation. In any
    period, consumption exceeds the rate by at most one operation per thread.
    """

    def __init__(
        self,
        units: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._units = units
        self._clock = clock
        self._pause = pause
        self._paid_at = clock()
        self._lock = threading.Lock()
        self._is_stopped = False

    def stop(self) -> None:
        """Make every later `spend` raise `Stopped`."""
        self._is_stopped = True

    def spend(self, units: float) -> None:
        """Wait until the rate covers these units and all spent before them."""
        if self._is_stopped:
            raise Stopped
        with self._lock:
            now = self._clock()
            self._paid_at = max(self._paid_at, now) + units / self._units
            debt = self._paid_at - now
        self._pause(debt)
