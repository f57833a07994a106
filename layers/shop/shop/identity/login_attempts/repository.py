"""Rate limit windows in DynamoDB: guesses count before the comparison of the password."""

from collections.abc import Iterable, Mapping
from copy import replace
from datetime import datetime
from typing import TYPE_CHECKING

from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import actions, tables, transactions
from shop.dynamo.actions import Condition, absent, any_of, compares, equals
from shop.dynamo.codec import Item
from shop.dynamo.reads import batch_get
from shop.identity.login_attempts.models import (
    UNSETTLED_DURATION,
    RateLimitedRequest,
    RateLimitWindow,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

SCHEMA_VERSION = 1
_NETWORK, _ANYWHERE = "attempts from network", "attempts from anywhere"


class LoginAttemptRepository:
    def count(self, attempt: RateLimitedRequest, now: datetime) -> RateLimitedRequest | None:
        """Count a request; return None, or the request in its stored windows if a limit rejects it.

        4 write units, also for a rejected request.
        """
        try:
            transactions.write(
                {
                    _NETWORK: _count(attempt.from_network, now, attempt.is_guess),
                    _ANYWHERE: _count(attempt.from_anywhere, now, attempt.is_guess),
                }
            )
        except transactions.ConditionFailed as failed:
            windows = zip((_NETWORK, _ANYWHERE), attempt.windows, strict=True)
            return attempt.with_windows(
                _as_stored(window, failed.old[name]) if name in failed.old else window
                for name, window in windows
            )
        return None

    def read(self, attempt: RateLimitedRequest) -> RateLimitedRequest:
        """Return the request in its stored windows, in one consistent read of 2 units."""
        return as_stored(attempt, batch_get({tables.attempts(): keys(attempt)})[tables.attempts()])

    def settle(self, attempt: RateLimitedRequest) -> None:
        """Record a failed guess. 4 write units."""
        _write_beside({}, _settle(attempt))

    def revert(self, attempt: RateLimitedRequest) -> None:
        """Uncount a guess with the right password. 4 write units."""
        _write_beside({}, _revert(attempt))

    def release(self, attempt: RateLimitedRequest) -> None:
        """Decrement both counts. 4 write units."""
        _write_beside({}, _release(attempt))


def keys(attempt: RateLimitedRequest) -> list[Item]:
    return [_key(window) for window in attempt.windows]


def as_stored(attempt: RateLimitedRequest, items: Iterable[Item]) -> RateLimitedRequest:
    """Return the request in its windows as these items have them."""
    found = {item["digest"]: item for item in items}
    return attempt.with_windows(
        _as_stored(window, found.get(window.digest)) for window in attempt.windows
    )


def write_and_revert(changes: "Mapping[str, Action]", *guesses: RateLimitedRequest) -> None:
    """Write the changes that the right password permits, and uncount its guess and that of a code,
    in one transaction.

    Raise `ConditionFailed` for the changes only: a window that ended since is no reason to reject
    the right password.
    """
    windows = {
        f"{name} {number}": action
        for number, guess in enumerate(guesses)
        for name, action in _revert(guess).items()
    }
    _write_beside(changes, windows)


def _write_beside(changes: "Mapping[str, Action]", windows: "Mapping[str, Action]") -> None:
    """Write one transaction, without the windows that have changed since they were read."""
    while changes or windows:
        try:
            return transactions.write({**changes, **windows})
        except transactions.ConditionFailed as failed:
            if changes.keys() & failed.old.keys():
                raise
            windows = {name: it for name, it in windows.items() if name not in failed.old}


def _settle(attempt: RateLimitedRequest) -> "Mapping[str, Action]":
    """Return the actions that record a failed guess: it stays counted until the window ends."""
    return {
        name: actions.update(
            tables.attempts(), _key(window), *_is_unsettled(window), adds={"unsettled": -1}
        )
        for name, window in zip((_NETWORK, _ANYWHERE), attempt.windows, strict=True)
    }


def _revert(attempt: RateLimitedRequest) -> "Mapping[str, Action]":
    """Return the actions that uncount a successful attempt.

    The count of its network restarts at 0. Others may be guessing from elsewhere, so the count from
    anywhere decreases by this attempt only.
    """
    network, anywhere = attempt.windows
    return {
        # Absent if another successful login was faster.
        _NETWORK: actions.delete(
            tables.attempts(),
            _key(network),
            any_of(absent("digest"), equals(ends_at=_end_of(network))),
        ),
        _ANYWHERE: actions.update(
            tables.attempts(),
            _key(anywhere),
            *_is_unsettled(anywhere),
            adds={"count": -1, "unsettled": -1},
        ),
    }


def _release(attempt: RateLimitedRequest) -> "Mapping[str, Action]":
    """Return the actions that decrease both counts by one, in windows that have not ended."""
    return {
        name: actions.update(
            tables.attempts(),
            _key(window),
            equals(ends_at=_end_of(window)),
            compares("count", ">=", 1),
            adds={"count": -1},
        )
        for name, window in zip((_NETWORK, _ANYWHERE), attempt.windows, strict=True)
    }


def clear(attempt: RateLimitedRequest) -> "Mapping[str, Action]":
    """Return the actions that reset both counts, for a transaction that makes them obsolete."""
    return {
        name: actions.delete(tables.attempts(), _key(window))
        for name, window in zip((_NETWORK, _ANYWHERE), attempt.windows, strict=True)
    }


def _count(window: RateLimitWindow, now: datetime, is_guess: bool) -> "Action":
    if window.attempts == 0:
        return _open(window, now, is_guess)
    if window.is_abandoned(now):
        return _reclaim(window, now)
    return _increment(window, now, is_guess)


def _open(window: RateLimitWindow, now: datetime, is_guess: bool) -> "Action":
    guess = {"unsettled": 1, "unsettled_until": to_text(now + UNSETTLED_DURATION)}
    return actions.update(
        tables.attempts(),
        _key(window),
        # DynamoDB deletes expired items late, so an ended window may still exist.
        any_of(absent("digest"), compares("ends_at", "<=", to_text(now)), equals(count=0)),
        sets={
            "count": 1,
            "ends_at": _end_of(window),
            "ttl": to_epoch(from_text(_end_of(window))),
            "schema_version": SCHEMA_VERSION,
            **(guess if is_guess else {}),
        },
        is_old_returned=True,
    )


def _increment(window: RateLimitWindow, now: datetime, is_guess: bool) -> "Action":
    unsettled = {"unsettled": 1} if is_guess else {}
    return actions.update(
        tables.attempts(),
        _key(window),
        equals(ends_at=_end_of(window)),
        compares("count", "<", window.max_count),
        adds={"count": 1, **unsettled},
        sets={"unsettled_until": to_text(now + UNSETTLED_DURATION)} if is_guess else None,
        is_old_returned=True,
    )


def _reclaim(window: RateLimitWindow, now: datetime) -> "Action":
    """Count this attempt in place of the guesses whose requests ended in a 503."""
    return actions.update(
        tables.attempts(),
        _key(window),
        equals(ends_at=_end_of(window), count=window.attempts, unsettled=window.unsettled),
        sets={
            "count": window.attempts - window.unsettled + 1,
            "unsettled": 1,
            "unsettled_until": to_text(now + UNSETTLED_DURATION),
        },
        is_old_returned=True,
    )


def _is_unsettled(window: RateLimitWindow) -> tuple[Condition, Condition]:
    """Return the conditions: the window lasts, and counts a guess without a recorded outcome."""
    return equals(ends_at=_end_of(window)), compares("unsettled", ">=", 1)


def _key(window: RateLimitWindow) -> Item:
    return {"digest": window.digest}


def _end_of(window: RateLimitWindow) -> str:
    """Return the end of the window, which also identifies the window under its digest."""
    if window.ends_at is None:
        raise ValueError("no window is open")
    return to_text(window.ends_at)


def _as_stored(window: RateLimitWindow, item: Item | None) -> RateLimitWindow:
    if item is None:
        return RateLimitWindow(window.digest, window.max_count)
    until = item.get("unsettled_until")
    return replace(
        window,
        attempts=int(item["count"]),
        ends_at=from_text(item["ends_at"]),
        unsettled=int(item.get("unsettled", 0)),
        unsettled_until=None if until is None else from_text(until),
    )
