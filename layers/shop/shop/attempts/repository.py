"""Attempts in DynamoDB: counted in one transaction, forgotten in the log-in's."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from shop.attempts.models import Attempt, Tally
from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import tables, transactions
from shop.dynamo.codec import Item, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

SCHEMA_VERSION = 1
_NETWORK, _ANYWHERE = "attempts from network", "attempts from anywhere"


class AttemptRepository:
    def count(self, attempt: Attempt, now: datetime) -> Attempt | None:
        """4 write units, also where it is refused."""
        try:
            transactions.write(
                {
                    _NETWORK: _count(attempt.from_network, now),
                    _ANYWHERE: _count(attempt.from_anywhere, now),
                }
            )
        except transactions.ConditionFailed as failed:
            tallies = zip((_NETWORK, _ANYWHERE), attempt, strict=True)
            return Attempt(
                *(
                    _as_stored(tally, failed.old[name]) if name in failed.old else tally
                    for name, tally in tallies
                )
            )
        return None


def keys(attempt: Attempt) -> list[Item]:
    return [{"digest": tally.digest} for tally in attempt]


def as_stored(attempt: Attempt, items: Iterable[Item]) -> Attempt:
    """The attempt with what these items tell of its windows."""
    found = {item["digest"]: item for item in items}
    return Attempt(*(_as_stored(tally, found.get(tally.digest)) for tally in attempt))


def write_and_forget(actions: "Mapping[str, TransactWriteItemTypeDef]", attempt: Attempt) -> None:
    """The transaction of what the right password is good for, which takes the attempt back.

    Raises `ConditionFailed` for these actions only: a window that has been closed meanwhile is no
    reason to refuse the right password.
    """
    forgotten = _forget(attempt)
    while True:
        try:
            return transactions.write({**actions, **forgotten})
        except transactions.ConditionFailed as failed:
            if actions.keys() & failed.old.keys():
                raise
            forgotten = {name: it for name, it in forgotten.items() if name not in failed.old}


def _forget(attempt: Attempt) -> "Mapping[str, TransactWriteItemTypeDef]":
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
                "UpdateExpression": "ADD #count :less",
                "ConditionExpression": "ends_at = :ends",
                "ExpressionAttributeNames": {"#count": "count"},
                "ExpressionAttributeValues": encode({":less": -1, ":ends": _end_of(anywhere)}),
            }
        },
    }


def clear(attempt: Attempt) -> "Mapping[str, TransactWriteItemTypeDef]":
    """The actions that forget all that was counted, with whatever else makes it pointless."""
    return {
        name: {"Delete": {"TableName": tables.attempts(), "Key": {"digest": {"S": tally.digest}}}}
        for name, tally in zip((_NETWORK, _ANYWHERE), attempt, strict=True)
    }


def _count(tally: Tally, now: datetime) -> "TransactWriteItemTypeDef":
    return {"Update": _open(tally, now) if tally.count == 0 else _count_on(tally)}


def _open(tally: Tally, now: datetime) -> "UpdateTypeDef":
    return {
        "TableName": tables.attempts(),
        "Key": {"digest": {"S": tally.digest}},
        "UpdateExpression": "SET #count = :one, ends_at = :ends, #ttl = :ttl, "
        "schema_version = :version",
        # DynamoDB deletes late, so a window that is over may still be there.
        "ConditionExpression": "attribute_not_exists(digest) OR ends_at <= :now OR #count = :none",
        "ExpressionAttributeNames": {"#count": "count", "#ttl": "ttl"},
        "ExpressionAttributeValues": encode(
            {
                ":one": 1,
                ":none": 0,
                ":now": to_text(now),
                ":ends": _end_of(tally),
                ":ttl": to_epoch(from_text(_end_of(tally))),
                ":version": SCHEMA_VERSION,
            }
        ),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _count_on(tally: Tally) -> "UpdateTypeDef":
    return {
        "TableName": tables.attempts(),
        "Key": {"digest": {"S": tally.digest}},
        "UpdateExpression": "ADD #count :one",
        "ConditionExpression": "ends_at = :ends AND #count < :most",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": encode(
            {":one": 1, ":ends": _end_of(tally), ":most": tally.most}
        ),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _end_of(tally: Tally) -> str:
    """The end of its window, which is also what tells windows apart."""
    if tally.ends_at is None:
        raise ValueError("no window is open")
    return to_text(tally.ends_at)


def _as_stored(tally: Tally, item: Item | None) -> Tally:
    if item is None:
        return replace(tally, count=0, ends_at=None)
    return replace(tally, count=int(item["count"]), ends_at=from_text(item["ends_at"]))
