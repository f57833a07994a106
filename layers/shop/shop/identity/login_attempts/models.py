"""What is counted of log-ins, and for how long."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

WINDOW = timedelta(minutes=15)
# After so long a guess that was counted has ended: a function's 10 s, and clocks that differ.
UNSETTLED_FOR = timedelta(seconds=15)
MAX_FROM_NETWORK = 10
MAX_FROM_ANYWHERE = 100


@dataclass(frozen=True)
class RateLimitWindow:
    """What is counted under one digest, in a window that the first of it opened."""

    digest: str  # hexadecimal, so that whoever reads the table reads no e-mail
    most: int
    count: int = 0
    ends_at: datetime | None = None
    # Of the count, guesses without a recorded outcome, and when the last of them has ended.
    unsettled: int = 0
    unsettled_until: datetime | None = None

    def opened(self, now: datetime) -> "RateLimitWindow":
        """Itself while its window lasts, else a new window with nothing counted in it."""
        if self.count > 0 and self.ends_at is not None and now < self.ends_at:
            return self
        return type(self)(self.digest, self.most, ends_at=now + WINDOW)

    @property
    def is_full(self) -> bool:
        return self.count >= self.most

    @property
    def full_until(self) -> datetime | None:
        """When a full window takes another attempt: its end, or before it the end of guesses that
        have no outcome yet.
        """
        return self.unsettled_until if self.unsettled else self.ends_at

    def is_abandoned(self, now: datetime) -> bool:
        """Whether guesses fill it that ended without an outcome: their requests got a 503."""
        until = self.unsettled_until
        return self.is_full and self.unsettled > 0 and until is not None and until <= now


@dataclass(frozen=True)
class LoginAttempt:
    """One log-in: it counts as failed from before the password is compared until it succeeds.

    Or one wish for a mail, which counts in any case: anywhere is then all that concern one person.
    """

    from_network: RateLimitWindow
    from_anywhere: RateLimitWindow
    is_guess: bool = True

    def __iter__(self) -> Iterator[RateLimitWindow]:
        yield from (self.from_network, self.from_anywhere)

    def opened(self, now: datetime) -> Self:
        return self.standing_at(tally.opened(now) for tally in self)

    def standing_at(self, tallies: Iterable[RateLimitWindow]) -> Self:
        """The same attempt in these windows."""
        from_network, from_anywhere = tallies
        return replace(self, from_network=from_network, from_anywhere=from_anywhere)


@dataclass
class Guess:
    """A guess that is counted, and whether its password was right."""

    attempt: LoginAttempt
    is_right: bool = False
