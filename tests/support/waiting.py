"""Wait for events instead of for time, so that no test measures the machine."""

import time
from collections.abc import Callable

# Bounds a hang and nothing else: a healthy wait ends as soon as its event happens.
HANG_SECONDS = 120.0


def eventually[T](look: Callable[[], T], seconds: float = HANG_SECONDS) -> T:
    """Return the first true result of ``look``, or its last result after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return seen
