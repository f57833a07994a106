"""What is counted of log-ins, and for how long."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

WINDOW = timedelta(minutes=15)
MOST_FROM_NETWORK = 10
MOST_FROM_ANYWHERE = 100


@dataclass(frozen=True)
class Tally:
    """What is counted under one digest, in a window that the first of it opened."""

    digest: str  # hexadecimal, so that whoever reads the table reads no e-mail
    most: int
    count: int = 0
    ends_at: datetime | None = None

    def opened(self, now: datetime) -> "Tally":
        """Itself while its window lasts, else a new window with nothing counted in it."""
        if self.count > 0 and self.ends_at is not None and now < self.ends_at:
            return self
        return replace(self, count=0, ends_at=now + WINDOW)

    @property
    def is_full(self) -> bool:
        return self.count >= self.most


@dataclass(frozen=True)
class Attempt:
    """One log-in: it counts as failed from before the password is compared until it succeeds.

    Or one wish for a mail, which counts in any case: anywhere is then all that concern one person.
    """

    from_network: Tally
    from_anywhere: Tally

    def __iter__(self) -> Iterator[Tally]:
        yield from (self.from_network, self.from_anywhere)

    def opened(self, now: datetime) -> Self:
        return type(self)(*(tally.opened(now) for tally in self))
