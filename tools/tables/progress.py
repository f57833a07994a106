"""A progress line: updated in place on a terminal, otherwise printed once at the end."""

import sys
import threading
import time
from types import TracebackType
from typing import Self

_WIDTH = 30  # characters
_SECONDS_BETWEEN_UPDATES = 0.2  # seconds


class Progress:
    def __init__(self, name: str, expected: int) -> None:
        self._name = name
        self._expected = expected
        self._seen = 0
        self._began = time.monotonic()
        self._shown_at = 0.0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._show("\n")

    def add(self, seen: int) -> None:
        with self._lock:
            self._seen += seen
            if sys.stderr.isatty() and time.monotonic() > self._shown_at + _SECONDS_BETWEEN_UPDATES:
                self._shown_at = time.monotonic()
                self._show("")

    def _show(self, end: str) -> None:
        # DynamoDB updates its item count every six hours, so more items may be seen than expected.
        share = min(1.0, self._seen / max(self._expected, self._seen, 1))
        seconds = max(time.monotonic() - self._began, 0.001)
        bar = ("#" * round(share * _WIDTH)).ljust(_WIDTH, ".")
        rate = f"{self._seen / seconds:,.0f} a second"
        start, clear = ("\r", "\033[K") if sys.stderr.isatty() else ("", "")
        line = f"{self._name:12} [{bar}] {self._seen:,} items, {rate}"
        sys.stderr.write(f"{start}{line}{clear}{end}")
        sys.stderr.flush()
