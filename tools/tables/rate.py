"""How fast a tool may use what its tables can take."""

import threading
import time
from collections.abc import Callable


class Stopped(RuntimeError):
    """Another thread of the tool failed, or somebody wants an end."""


class Rate:
    """Capacity units a second that all threads of a tool have together.

    What an operation costs is known when it is done, so it is waited for afterwards: in any
    stretch of time the units are those of the rate and of one operation of each thread.
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
        """Whoever spends from now on gets `Stopped`."""
        self._is_stopped = True

    def spend(self, units: float) -> None:
        """Returns when these units, and those of others before them, are paid for."""
        if self._is_stopped:
            raise Stopped
        with self._lock:
            now = self._clock()
            self._paid_at = max(self._paid_at, now) + units / self._units
            debt = self._paid_at - now
        self._pause(debt)
