"""Attempts in DynamoDB: counted in one transaction, forgotten in the log-in's."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import tables, transactions
from shop.dynamo.codec import Item, encode
from shop.identity.login_attempts.models import UNSETTLED_FOR, LoginAttempt, RateLimitWindow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

SCHEMA_VERSION = 1
_NETWORK, _ANYWHERE = "attempts from network", "attempts from anywhere"


class LoginAttemptRepository:
    def count(self, attempt: LoginAttempt, now: datetime) -> LoginAttempt | None:
        """4 write units, also where it is refused."""
        try:
            transactions.write(
                {
                    _NETWORK: _count(attempt.from_network, now, attempt.is_guess),
                    _ANYWHERE: _count(attempt.from_anywhere, now, attempt.is_guess),
                }
            )
        except transactions.ConditionFailed as failed:
            tallies = zip((_NETWORK, _ANYWHERE), attempt, strict=True)
            return attempt.standing_at(
                _as_stored(tally, failed.old[name]) if name in failed.old else tally
                for name, tally in tallies
            )
        return None

    def settle(self, attempt: LoginAttempt) -> None:
        """4 write units."""
        _write_beside({}, _settle(attempt))

    def take_back(self, attempt: LoginAttempt) -> None:
        """4 write units."""
        _write_beside({}, _forget(attempt))

    def release(self, attempt: LoginAttempt) -> None:
        """4 write units."""
        _write_beside({}, _release(attempt))


def keys(attempt: LoginAttempt) -> list[Item]:
    return [{"digest": tally.digest} for tally in attempt]


def as_stored(attempt: LoginAttempt, items: Iterable[Item]) -> LoginAttempt:
    """The attempt with what these items tell of its windows."""
    found = {item["digest"]: item for item in items}
    return attempt.standing_at(_as_stored(tally, found.get(tally.digest)) for tally in attempt)


def write_and_forget(
    actions: "Mapping[str, TransactWriteItemTypeDef]", attempt: LoginAttempt
) -> None:
    """The transaction of what the right password is good for, which takes the attempt back.

    Raises `ConditionFailed` for these actions only: a window that has been closed meanwhile is no
    reason to refuse the right password.
    """
    _write_beside(actions, _forget(attempt))


def _write_beside(
    actions: "Mapping[str, TransactWriteItemTypeDef]",
    windows: "Mapping[str, TransactWriteItemTypeDef]",
) -> None:
    """One transaction, without those windows that are not as they were any more."""
    while actions or windows:
        try:
            return transactions.write({**actions, **windows})
        except transactions.ConditionFailed as failed:
            if actions.keys() & failed.old.keys():
                raise
            windows = {name: it for name, it in windows.items() if name not in failed.old}


def _settle(attempt: LoginAttempt) -> "Mapping[str, TransactWriteItemTypeDef]":
    """The actions that record that a guess failed: it stays counted until the window ends."""
    return {
        name: {
            "Update": {
                "TableName": tables.attempts(),
                "Key": {"digest": {"S": tally.digest}},
                "UpdateExpression": "ADD unsettled :less",
                "ConditionExpression": "ends_at = :ends AND unsettled >= :one",
                "ExpressionAttributeValues": encode(
                    {":less": -1, ":one": 1, ":ends": _end_of(tally)}
                ),
            }
        }
        for name, tally in zip((_NETWORK, _ANYWHERE), attempt, strict=True)
    }


def _forget(attempt: LoginAttempt) -> "Mapping[str, TransactWriteItemTypeDef]":
    """The actions that take an attempt back that succeeded.

    Its network starts afresh; elsewhere others may be guessing, so only this one is taken back.
    """
    network, anywhere = attempt
    return {
        _NETWORK: {
            "Delete": {
                "TableName": tables.attempts(),
                "Key": {"digest": {"S": network.digest}},
                # Absent where another log-in that succeeded was faster.
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
    """The actions that count one less in both windows, where these still last."""
    return {
        name: {
            "Update": {
                "TableName": tables.attempts(),
                "Key": {"digest": {"S": tally.digest}},
                "UpdateExpression": "ADD #count :less",
                "ConditionExpression": "ends_at = :ends AND #count >= :one",
                "ExpressionAttributeNames": {"#count": "count"},
                "ExpressionAttributeValues": encode(
                    {":less": -1, ":one": 1, ":ends": _end_of(tally)}
                ),
            }
        }
        for name, tally in zip((_NETWORK, _ANYWHERE), attempt, strict=True)
    }


def clear(attempt: LoginAttempt) -> "Mapping[str, TransactWriteItemTypeDef]":
    """The actions that forget all that was counted, with whatever else makes it pointless."""
    return {
        name: {"Delete": {"TableName": tables.attempts(), "Key": {"digest": {"S": tally.digest}}}}
        for name, tally in zip((_NETWORK, _ANYWHERE), attempt, strict=True)
    }


def _count(tally: RateLimitWindow, now: datetime, is_guess: bool) -> "TransactWriteItemTypeDef":
    if tally.count == 0:
        return {"Update": _open(tally, now, is_guess)}
    if tally.is_abandoned(now):
        return {"Update": _reclaim(tally, now)}
    return {"Update": _add(tally, now, is_guess)}


def _open(tally: RateLimitWindow, now: datetime, is_guess: bool) -> "UpdateTypeDef":
    sets = ["#count = :one", "ends_at = :ends", "#ttl = :ttl", "schema_version = :version"]
    values: Item = {
        ":one": 1,
        ":none": 0,
        ":now": to_text(now),
        ":ends": _end_of(tally),
        ":ttl": to_epoch(from_text(_end_of(tally))),
        ":version": SCHEMA_VERSION,
    }
    if is_guess:
        sets += ["unsettled = :one", "unsettled_until = :until"]
        values[":until"] = to_text(now + UNSETTLED_FOR)
    return {
        "TableName": tables.attempts(),
        "Key": {"digest": {"S": tally.digest}},
        "UpdateExpression": f"SET {', '.join(sets)}",
        # DynamoDB deletes late, so a window that is over may still be there.
        "ConditionExpression": "attribute_not_exists(digest) OR ends_at <= :now OR #count = :none",
        "ExpressionAttributeNames": {"#count": "count", "#ttl": "ttl"},
        "ExpressionAttributeValues": encode(values),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _add(tally: RateLimitWindow, now: datetime, is_guess: bool) -> "UpdateTypeDef":
    update = "ADD #count :one"
    values: Item = {":one": 1, ":ends": _end_of(tally), ":most": tally.most}
    if is_guess:
        update += ", unsettled :one SET unsettled_until = :until"
        values[":until"] = to_text(now + UNSETTLED_FOR)
    return {
        "TableName": tables.attempts(),
        "Key": {"digest": {"S": tally.digest}},
        "UpdateExpression": update,
        "ConditionExpression": "ends_at = :ends AND #count < :most",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": encode(values),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _reclaim(tally: RateLimitWindow, now: datetime) -> "UpdateTypeDef":
    """Counts one instead of those whose requests ended in a 503."""
    return {
        "TableName": tables.attempts(),
        "Key": {"digest": {"S": tally.digest}},
        "UpdateExpression": "SET #count = :count, unsettled = :one, unsettled_until = :until",
        "ConditionExpression": "ends_at = :ends AND #count = :seen AND unsettled = :unsettled",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": encode(
            {
                ":count": tally.count - tally.unsettled + 1,
                ":one": 1,
                ":until": to_text(now + UNSETTLED_FOR),
                ":ends": _end_of(tally),
                ":seen": tally.count,
                ":unsettled": tally.unsettled,
            }
        ),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _end_of(tally: RateLimitWindow) -> str:
    """The end of its window, which is also what tells windows apart."""
    if tally.ends_at is None:
        raise ValueError("no window is open")
    return to_text(tally.ends_at)


def _as_stored(tally: RateLimitWindow, item: Item | None) -> RateLimitWindow:
    if item is None:
        return RateLimitWindow(tally.digest, tally.most)
    until = item.get("unsettled_until")
    return replace(
        tally,
        count=int(item["count"]),
        ends_at=from_text(item["ends_at"]),
        unsettled=int(item.get("unsettled", 0)),
        unsettled_until=None if until is None else from_text(until),
    )
