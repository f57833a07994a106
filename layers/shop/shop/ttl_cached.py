"""Cached values that expire."""

import time
from collections.abc import Callable

RELOAD_AFTER = 300.0  # seconds


class TtlCached[T]:
    """A value loaded on first use and again when it is older than `RELOAD_AFTER`.

    A failed load raises and is not cached, so the next request loads again.
    """

    def __init__(self, load: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._value: T
        self._loaded_at: float | None = None

    def get(self, not_older_than: float = RELOAD_AFTER) -> T:
        now = self._clock()
        if self._loaded_at is None or now - self._loaded_at >= not_older_than:
            self._value = self._load()
            self._loaded_at = now
        return self._value
