"""Idempotency records in DynamoDB, written in the transactions of the effects they record."""

import json
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import from_text, now, to_epoch, to_text
from shop.dynamo import actions, tables, transactions
from shop.dynamo.actions import absent, any_of, compares
from shop.dynamo.codec import Item, decode, encode
from shop.http.response import Response
from shop.idempotency import Record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

ACTION = "idempotency"  # the action's name in a transaction


def find_record(key: str | None) -> Record | None:
    """Return the record, or None.

    1 read unit for each 4 KB of the record; no request without a key.
    """
    if key is None:
        return None
    response = dynamodb().get_item(
        TableName=tables.idempotency(), Key=encode({"id": key}), ConsistentRead=True
    )
    return from_item(decode(response["Item"])) if "Item" in response else None


def find_committed_record(key: str | None) -> Record | None:
    """Read in a transaction, after a write that the effects of an equal request made fail.

    A plain read can fall between the writes of that other transaction and miss its record; this one
    sees all of them or none. 2 read units for each 4 KB; no request without a key.
    """
    if key is None:
        return None
    item_key = encode({"id": key})
    (item,) = transactions.read([{"TableName": tables.idempotency(), "Key": item_key}])
    return None if item is None else from_item(item)


def put(record: Record | None) -> "dict[str, Action]":
    """Return the action that stores the record unless one is in force; no action for None."""
    if record is None:
        return {}
    item = {
        "id": record.key,
        "digest": record.digest,
        "answer": json.dumps(
            {
                "status": record.response.status,
                "headers": dict(record.response.headers),
                "body": record.response.body,
            },
            ensure_ascii=False,  # escapes would take six bytes for characters of many scripts
        ),
        "expires_at": to_text(record.expires_at),
        "ttl": to_epoch(record.expires_at),
        "schema_version": 1,
    }
    if record.user_id is not None:
        item["user_id"] = record.user_id  # the index key by which an erasure finds the record
    # DynamoDB deletes expired items late, so an expired record may still exist.
    is_free = any_of(absent("id"), compares("expires_at", "<=", to_text(now())))
    return {ACTION: actions.put(tables.idempotency(), item, is_free)}


def from_item(item: Item) -> Record:
    response = json.loads(item["answer"])
    return Record(
        key=item["id"],
        digest=bytes(item["digest"]),
        # By name, since newer code may have stored more fields.
        response=Response(response["status"], response["headers"], response["body"]),
        expires_at=from_text(item["expires_at"]),
        user_id=item.get("user_id"),  # absent in records of older code
    )
