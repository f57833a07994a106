"""Optimistic concurrency: retry a change when its item has changed since it was read."""

import random
import time
from collections.abc import Callable

from shop.deadline import remaining
from shop.errors import ServiceUnavailable

# Seconds in which a change is retried, of the functions' 10. A change of an item takes some 20 ms,
# and one of those in flight always succeeds, so the last of a hundred succeeds after 2 to 3 s.
MAX_RETRY_SECONDS = 6.0
LAST_TRY = 2.0  # seconds before the request's deadline after which no try starts: the SDK's timeout
_FIRST_PAUSE, _MAX_PAUSE = 0.02, 0.5  # seconds, before jitter


class StaleVersion(Exception):
    """The item is not as it was read; nothing was written."""


def retry_stale[T](
    change: Callable[[], T],
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Return what `change` returns; call it again while it raises `StaleVersion`.

    `change` reads, decides and writes. Pauses have full jitter, so that writers of one item spread:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    Raise `ServiceUnavailable` after `MAX_RETRY_SECONDS`, or `LAST_TRY` before the deadline of the
    request.
    """
    retries_until = clock() + min(MAX_RETRY_SECONDS, remaining() - LAST_TRY)
    max_pause = _FIRST_PAUSE
    while True:
        try:
            return change()
        except StaleVersion:
            if clock() + max_pause > retries_until:
                raise ServiceUnavailable(retry_after=1) from None
        pause(random.uniform(0, max_pause))
        max_pause = min(max_pause * 2, _MAX_PAUSE)
