"""Idempotency records in DynamoDB, read beside other items and written in their transactions."""

import json
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import from_text, now, to_epoch, to_text
from shop.dynamo import actions, tables, transactions
from shop.dynamo.actions import absent, any_of, compares
from shop.dynamo.codec import Item, decode, encode
from shop.http.response import Response
from shop.idempotency import IdempotentRequest, Record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

ACTION = "idempotency"  # the action's name in a transaction


def find(once: IdempotentRequest) -> Record | None:
    """1 read unit per 4 KB of stored answer; none without a key."""
    if once.key is None:
        return None
    answer = dynamodb().get_item(
        TableName=tables.idempotency(), Key=encode({"id": once.key}), ConsistentRead=True
    )
    return from_item(decode(answer["Item"])) if "Item" in answer else None


def find_committed_record(once: IdempotentRequest) -> Record | None:
    """As `find`, after a transaction that was refused by the effects of an equal one.

    A plain read may come between the writes of that other transaction, and miss the record of what
    it has just been refused for; this one comes before all of them or after. 2 read units.
    """
    if once.key is None:
        return None
    key = encode({"id": once.key})
    (item,) = transactions.read([{"TableName": tables.idempotency(), "Key": key}])
    return None if item is None else from_item(item)


def put(record: Record | None) -> "dict[str, Action]":
    """The action that stores the record unless one is in force; nothing without a record."""
    if record is None:
        return {}
    item = {
        "id": record.key,
        "digest": record.digest,
        "answer": json.dumps(
            {
                "status": record.answer.status,
                "headers": dict(record.answer.headers),
                "body": record.answer.body,
            },
            ensure_ascii=False,  # which would write a character of many scripts in six bytes
        ),
        "expires_at": to_text(record.expires_at),
        "ttl": to_epoch(record.expires_at),
        "schema_version": 1,
    }
    if record.user_id is not None:
        item["user_id"] = record.user_id  # the key of the index by which an erasure finds it
    # DynamoDB deletes expired items late, so an expired record may still exist.
    is_free = any_of(absent("id"), compares("expires_at", "<=", to_text(now())))
    return {ACTION: actions.put(tables.idempotency(), item, is_free)}


def from_item(item: Item) -> Record:
    answer = json.loads(item["answer"])
    return Record(
        key=item["id"],
        digest=bytes(item["digest"]),
        # By name, since newer code may have written more.
        answer=Response(answer["status"], answer["headers"], answer["body"]),
        expires_at=from_text(item["expires_at"]),
        user_id=item.get("user_id"),  # none in records of older code
    )
