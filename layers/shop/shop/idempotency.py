"""Idempotent requests: one effect, and every retry gets the first response.

A service calls `replay_if_recorded(stored)` before its rules. It passes `response_record(created)`
to the repository, which writes it in the transaction that creates: no crash can come between.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from shop.caller import Caller
from shop.clock import Clock, now
from shop.errors import IdempotencyKeyReused
from shop.http.response import Response

if TYPE_CHECKING:
    from pydantic import BaseModel

KEPT_FOR = timedelta(hours=24)


class Record(NamedTuple):
    key: str
    digest: bytes  # SHA-256 of the canonical body
    response: Response
    expires_at: datetime
    user_id: str | None = None  # the response may hold data of this user, and is erased with it


class Replayed(Exception):
    """An equal request succeeded before; this is its response."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__("replayed")


class IdempotentRequest:
    """A request that creates, with its idempotency key.

    The key combines caller, operation and the client's key; nothing is recorded without one.
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

    def replay_if_recorded(self, stored: Record | None) -> None:
        """Raise `Replayed` or `IdempotencyKeyReused` for a record that has not expired."""
        if stored is None or stored.expires_at <= self._clock():
            return
        if stored.digest != self._digest:
            raise IdempotencyKeyReused
        raise Replayed(stored.response)

    def response_record(self, created: object) -> Record | None:
        """Return the record of the response for `created`, or None without a key."""
        if self.key is None:
            return None
        expires_at = self._clock() + KEPT_FOR
        return Record(self.key, self._digest, self._render(created), expires_at, self._user_id)


def idempotent_request(
    caller: Caller,
    operation: str,
    key: str | None,
    body: "BaseModel",
    render: Callable[[object], Response],
    user_id: str,
) -> IdempotentRequest:
    """Return the request of a caller for an operation, as `POST#/api/products`, on every face.

    `key` is the client's, `user_id` the user whose data the response may hold.
    """
    if key is not None:
        app = caller.app
        sender = caller.id if app is None else f"{caller.id}#{app.client_id}"
        key = f"{sender}#{operation}#{key}"
    # Without defaults: a field that a later version adds must not change the digest.
    digest = sha256(body.model_dump_json(exclude_defaults=True).encode()).digest()
    return IdempotentRequest(key, digest, render, now, user_id)
