"""Rate-limited requests, their windows, and the limits of login attempts."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, Self

WINDOW = timedelta(minutes=15)
# Until then, a counted guess has ended: the 10 s of a function, and clock skew.
UNSETTLED_DURATION = timedelta(seconds=15)
MAX_GUESSES_FROM_NETWORK = 10
MAX_GUESSES_FROM_ANYWHERE = 100
MAX_WRONG_CODES = 5  # of the second factor of one user


class RateLimitWindow(NamedTuple):
    """The attempts with one digest, in a window that the first attempt opens."""

    digest: str  # hexadecimal; a digest, so that the table holds no email address
    max_count: int
    attempts: int = 0
    ends_at: datetime | None = None
    # Guesses among them without a recorded outcome, and the time at which the last has ended
    unsettled: int = 0
    unsettled_until: datetime | None = None

    def opened(self, now: datetime) -> "RateLimitWindow":
        """Return this window while it lasts, else a new empty one."""
        if self.attempts > 0 and self.ends_at is not None and now < self.ends_at:
            return self
        return type(self)(self.digest, self.max_count, ends_at=now + WINDOW)

    @property
    def is_full(self) -> bool:
        return self.attempts >= self.max_count

    @property
    def full_until(self) -> datetime | None:
        """The time at which a full window accepts another attempt: its end, or earlier the end of
        guesses without an outcome.
        """
        return self.unsettled_until if self.unsettled else self.ends_at

    def is_abandoned(self, now: datetime) -> bool:
        """Return whether it is full of guesses that ended without an outcome, with a 503."""
        until = self.unsettled_until
        return self.is_full and self.unsettled > 0 and until is not None and until <= now


class RateLimitedRequest(NamedTuple):
    """A request that counts in two windows: its network, and its person from anywhere.

    A guess of a password counts as failed from before the comparison until the password is right.
    Sign-ups, profile changes and requests for an email count unless they end in a 5xx.
    """

    from_network: RateLimitWindow
    from_anywhere: RateLimitWindow
    is_guess: bool = True

    @property
    def windows(self) -> tuple[RateLimitWindow, RateLimitWindow]:
        return self.from_network, self.from_anywhere

    def opened(self, now: datetime) -> Self:
        """Return the same request, with new empty windows in place of ended ones."""
        return self.with_windows(window.opened(now) for window in self.windows)

    def with_windows(self, windows: Iterable[RateLimitWindow]) -> Self:
        """Return the same request with these windows."""
        from_network, from_anywhere = windows
        return type(self)(from_network, from_anywhere, self.is_guess)


class Guess:
    """A counted guess, and whether its password or code was right."""

    def __init__(self, attempt: RateLimitedRequest) -> None:
        self.attempt = attempt
        self.is_right = False
        # The password is right, and a code decides: a missing or wrong one is no failed guess.
        self.needs_code = False
