"""Login attempts in DynamoDB: counted in one transaction, reverted in that of the login."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import tables, transactions
from shop.dynamo.codec import Item, encode
from shop.identity.login_attempts.models import UNSETTLED_DURATION, LoginAttempt, RateLimitWindow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

SCHEMA_VERSION = 1
_NETWORK, _ANYWHERE = "attempts from network", "attempts from anywhere"


class LoginAttemptRepository:
    def count(self, attempt: LoginAttempt, now: datetime) -> LoginAttempt | None:
        """4 write units, also for a failed condition."""
        try:
            transactions.write(
                {
                    _NETWORK: _count(attempt.from_network, now, attempt.is_guess),
                    _ANYWHERE: _count(attempt.from_anywhere, now, attempt.is_guess),
                }
            )
        except transactions.ConditionFailed as failed:
            windows = zip((_NETWORK, _ANYWHERE), attempt, strict=True)
            return attempt.with_windows(
                _as_stored(window, failed.old[name]) if name in failed.old else window
                for name, window in windows
            )
        return None

    def settle(self, attempt: LoginAttempt) -> None:
        """4 write units."""
        _write_beside({}, _settle(attempt))

    def revert(self, attempt: LoginAttempt) -> None:
        """4 write units."""
        _write_beside({}, _revert(attempt))

    def release(self, attempt: LoginAttempt) -> None:
        """4 write units."""
        _write_beside({}, _release(attempt))


def keys(attempt: LoginAttempt) -> list[Item]:
    return [{"digest": window.digest} for window in attempt]


def as_stored(attempt: LoginAttempt, items: Iterable[Item]) -> LoginAttempt:
    """Return the attempt with the windows of these items."""
    found = {item["digest"]: item for item in items}
    return attempt.with_windows(_as_stored(window, found.get(window.digest)) for window in attempt)


def write_and_revert(
    actions: "Mapping[str, TransactWriteItemTypeDef]", attempt: LoginAttempt
) -> None:
    """Write the transaction of a right password, which also reverts the attempt.

    Raise `ConditionFailed` for these actions only: a window that has been closed concurrently does
    not reject the right password.
    """
    _write_beside(actions, _revert(attempt))


def _write_beside(
    actions: "Mapping[str, TransactWriteItemTypeDef]",
    windows: "Mapping[str, TransactWriteItemTypeDef]",
) -> None:
    """Write one transaction, without the windows that have changed since they were read."""
    while actions or windows:
        try:
            return transactions.write({**actions, **windows})
        except transactions.ConditionFailed as failed:
            if actions.keys() & failed.old.keys():
                raise
            windows = {name: it for name, it in windows.items() if name not in failed.old}


def _settle(attempt: LoginAttempt) -> "Mapping[str, TransactWriteItemTypeDef]":
    """Return the actions that record a failed guess, which counts until the window ends."""
    return {
        name: {
            "Update": {
                "TableName": tables.attempts(),
                "Key": {"digest": {"S": window.digest}},
                "UpdateExpression": "ADD unsettled :less",
                "ConditionExpression": "ends_at = :ends AND unsettled >= :one",
                "ExpressionAttributeValues": encode(
                    {":less": -1, ":one": 1, ":ends": _end_of(window)}
                ),
            }
        }
        for name, window in zip((_NETWORK, _ANYWHERE), attempt, strict=True)
    }


def _revert(attempt: LoginAttempt) -> "Mapping[str, TransactWriteItemTypeDef]":
    """Return the actions that revert a successful attempt.

    The window of its network is deleted. Others may be guessing from anywhere, so that window is
    only decremented.
    """
    network, anywhere = attempt
    return {
        _NETWORK: {
            "Delete": {
                "TableName": tables.attempts(),
                "Key": {"digest": {"S": network.digest}},
                # Absent after a concurrent successful login.
                "ConditionExpression": "attribute_not_exists(digest) OR ends_at = :ends",
                "ExpressionAttributeValues": encode({":ends": _end_of(network)}),
            }
        },
        _ANYWHERE: {
            "Update": {
                "TableName": tables.attempts(),
                "Key": {"digest": {"S": anywhere.digest}},
                "UpdateExpression": "ADD #count :less, unsettled :less",
                "ConditionExpression": "ends_at = :ends AND unsettled >= :one",
                "ExpressionAttributeNames": {"#count": "count"},
                "ExpressionAttributeValues": encode(
                    {":less": -1, ":one": 1, ":ends": _end_of(anywhere)}
                ),
            }
        },
    }


def _release(attempt: LoginAttempt) -> "Mapping[str, TransactWriteItemTypeDef]":
    """Return the actions that decrement both windows while they last."""
    return {
        name: {
            "Update": {
                "TableName": tables.attempts(),
                "Key": {"digest": {"S": window.digest}},
                "UpdateExpression": "ADD #count :less",
                "ConditionExpression": "ends_at = :ends AND #count >= :one",
                "ExpressionAttributeNames": {"#count": "count"},
                "ExpressionAttributeValues": encode(
                    {":less": -1, ":one": 1, ":ends": _end_of(window)}
                ),
            }
        }
        for name, window in zip((_NETWORK, _ANYWHERE), attempt, strict=True)
    }


def clear(attempt: LoginAttempt) -> "Mapping[str, TransactWriteItemTypeDef]":
    """Return the actions that delete both windows, for a transaction that makes them obsolete."""
    return {
        name: {"Delete": {"TableName": tables.attempts(), "Key": {"digest": {"S": window.digest}}}}
        for name, window in zip((_NETWORK, _ANYWHERE), attempt, strict=True)
    }


def _count(window: RateLimitWindow, now: datetime, is_guess: bool) -> "TransactWriteItemTypeDef":
    if window.count == 0:
        return {"Update": _open(window, now, is_guess)}
    if window.is_abandoned(now):
        return {"Update": _reclaim(window, now)}
    return {"Update": _add(window, now, is_guess)}


def _open(window: RateLimitWindow, now: datetime, is_guess: bool) -> "UpdateTypeDef":
    sets = ["#count = :one", "ends_at = :ends", "#ttl = :ttl", "schema_version = :version"]
    values: Item = {
        ":one": 1,
        ":none": 0,
        ":now": to_text(now),
        ":ends": _end_of(window),
        ":ttl": to_epoch(from_text(_end_of(window))),
        ":version": SCHEMA_VERSION,
    }
    if is_guess:
        sets += ["unsettled = :one", "unsettled_until = :until"]
        values[":until"] = to_text(now + UNSETTLED_DURATION)
    return {
        "TableName": tables.attempts(),
        "Key": {"digest": {"S": window.digest}},
        "UpdateExpression": f"SET {', '.join(sets)}",
        # DynamoDB deletes late, so a window that is over may still be there.
        "ConditionExpression": "attribute_not_exists(digest) OR ends_at <= :now OR #count = :none",
        "ExpressionAttributeNames": {"#count": "count", "#ttl": "ttl"},
        "ExpressionAttributeValues": encode(values),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _add(window: RateLimitWindow, now: datetime, is_guess: bool) -> "UpdateTypeDef":
    update = "ADD #count :one"
    values: Item = {":one": 1, ":ends": _end_of(window), ":most": window.max_count}
    if is_guess:
        update += ", unsettled :one SET unsettled_until = :until"
        values[":until"] = to_text(now + UNSETTLED_DURATION)
    return {
        "TableName": tables.attempts(),
        "Key": {"digest": {"S": window.digest}},
        "UpdateExpression": update,
        "ConditionExpression": "ends_at = :ends AND #count < :most",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": encode(values),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _reclaim(window: RateLimitWindow, now: datetime) -> "UpdateTypeDef":
    """Replace the guesses of requests that ended in a 503 by one."""
    return {
        "TableName": tables.attempts(),
        "Key": {"digest": {"S": window.digest}},
        "UpdateExpression": "SET #count = :count, unsettled = :one, unsettled_until = :until",
        "ConditionExpression": "ends_at = :ends AND #count = :seen AND unsettled = :unsettled",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": encode(
            {
                ":count": window.count - window.unsettled + 1,
                ":one": 1,
                ":until": to_text(now + UNSETTLED_DURATION),
                ":ends": _end_of(window),
                ":seen": window.count,
                ":unsettled": window.unsettled,
            }
        ),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _end_of(window: RateLimitWindow) -> str:
    """Return the end of a window, which also identifies it."""
    if window.ends_at is None:
        raise ValueError("no window is open")
    return to_text(window.ends_at)


def _as_stored(window: RateLimitWindow, item: Item | None) -> RateLimitWindow:
    if item is None:
        return RateLimitWindow(window.digest, window.max_count)
    until = item.get("unsettled_until")
    return replace(
        window,
        count=int(item["count"]),
        ends_at=from_text(item["ends_at"]),
        unsettled=int(item.get("unsettled", 0)),
        unsettled_until=None if until is None else from_text(until),
    )
