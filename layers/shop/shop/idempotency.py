"""Requests that may be sent again: one effect, and every sender gets the first answer.

A service asks `once.replay(stored)` before its rules and writes `once.record(created)` in the
transaction that creates, so that no crash can fall between the effect and its record.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shop.clock import Clock
from shop.errors import IdempotencyKeyReused
from shop.http.response import Response

KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True)
class Record:
    key: str
    digest: bytes  # SHA-256 of the canonical body
    answer: Response
    expires_at: datetime
    user_id: str | None = None  # whose data the answer may hold: erased with that user


class Replayed(Exception):
    """The request was answered before; this is the answer."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        super().__init__("answered before")


class IdempotentRequest:
    """One creating request. Its key is the caller's, the operation's and the client's; or None,
    and then nothing is recorded.
    """

    def __init__(
        self,
        key: str | None,
        digest: bytes,
        render: Callable[[object], Response],
        clock: Clock,
        user_id: str | None = None,
    ) -> None:
        self.key = key
        self._user_id = user_id
        self._digest = digest
        self._render = render
        self._clock = clock

    def replay(self, stored: Record | None) -> None:
        """Raises `Replayed` or `IdempotencyKeyReused` if there is a record still in force."""
        if stored is None or stored.expires_at <= self._clock():
            return
        if stored.digest != self._digest:
            raise IdempotencyKeyReused
        raise Replayed(stored.answer)

    def record(self, created: object) -> Record | None:
        """What to store with the effect: the answer that `created` gives."""
        if self.key is None:
            return None
        expires_at = self._clock() + KEPT_FOR
        return Record(self.key, self._digest, self._render(created), expires_at, self._user_id)
