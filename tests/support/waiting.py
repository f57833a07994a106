"""Wait for events instead of for time, so that no test measures the machine."""

import time
from collections.abc import Callable

# Bounds a hang and nothing else: a healthy wait ends as soon as its event happens.
HANG_SECONDS = 120.0
_LONGEST_PAUSE = 0.2


def eventually[T](look: Callable[[], T], seconds: float = HANG_SECONDS) -> T:
    """Return the first true result of ``look``, or its last result after ``seconds``.

    The pauses grow, since a look takes time from what it waits for.
    """
    deadline, pause = time.monotonic() + seconds, 0.02
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(1.2 * pause, _LONGEST_PAUSE)
    return seen
