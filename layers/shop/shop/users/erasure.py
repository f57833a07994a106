"""What other tables keep of a user: notes of orders, recorded responses, tokens and sessions."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any  # keys stay as DynamoDB has them

from shop.clients import dynamodb
from shop.clock import now, to_text
from shop.correlation import correlation_id
from shop.dynamo import actions, tables
from shop.dynamo.actions import Increment, has_type
from shop.dynamo.codec import decode, encode
from shop.gather import gather
from shop.identity.accounts.repository import account_state_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

_BY_USER = "by_user"  # an index of keys, which follows its table within a second or so


@dataclass(frozen=True)
class _Trace:
    """Items of one table that are to be erased, and how."""

    query: "QueryInputTypeDef"
    erase: Callable[[dict[str, Any]], None]  # takes the item's key as DynamoDB has it


class TraceRepository:
    def erase(self, user_id: str, is_gone: bool) -> bool:
        """Erase the notes; once the user is gone, all else too; return whether any was there.

        Recorded responses stay while the user may stay: without them a retry would order twice.
        What is erased is not found by the next call, so one that ran out of time has made progress.
        1 read unit for each 4 KB of the user's orders and sessions, half a unit for each 4 KB of
        the keys of records and tokens; 1 write unit for each KB of what is erased.
        """
        traces = [_Trace(_notes_of(user_id), _clear_note)]
        if is_gone:
            end = partial(_delete, tables.sessions(), ("user_id", "id"))
            traces += [
                _Trace(_sessions_of(user_id), end),
                *(
                    _Trace(_indexed(table, user_id, key), partial(_delete, table, (key,)))
                    for table, key in (
                        (tables.idempotency(), "id"),
                        (tables.recovery_tokens(), "digest"),
                    )
                ),
            ]
        has_erased = False
        while traces:
            pages = gather([partial(dynamodb().query, **trace.query) for trace in traces])
            found = [
                partial(trace.erase, item)
                for trace, page in zip(traces, pages, strict=True)
                for item in page["Items"]
            ]
            gather(found)
            has_erased = has_erased or bool(found)
            traces = [
                _Trace({**trace.query, "ExclusiveStartKey": page["LastEvaluatedKey"]}, trace.erase)
                for trace, page in zip(traces, pages, strict=True)
                if "LastEvaluatedKey" in page
            ]
        return has_erased


def _notes_of(user_id: str) -> "QueryInputTypeDef":
    return {
        "TableName": tables.orders(),
        "KeyConditionExpression": "user_id = :user",
        "FilterExpression": "attribute_type(note, :text)",
        "ProjectionExpression": "user_id, id",
        "ExpressionAttributeValues": encode({":user": user_id, ":text": "S"}),
        "ConsistentRead": True,
    }


def _indexed(table: str, user_id: str, key: str) -> "QueryInputTypeDef":
    return {
        "TableName": table,
        "IndexName": _BY_USER,
        "KeyConditionExpression": "user_id = :user",
        "ProjectionExpression": key,
        "ExpressionAttributeValues": encode({":user": user_id}),
    }


def _sessions_of(user_id: str) -> "QueryInputTypeDef":
    return {
        "TableName": tables.sessions(),
        "KeyConditionExpression": "user_id = :user AND id < :gate",
        "ProjectionExpression": "user_id, id",
        # Every session's id sorts before the gate's, which stays.
        "ExpressionAttributeValues": encode(
            {":user": user_id, ":gate": account_state_key(user_id)["id"]}
        ),
        "ConsistentRead": True,
    }


def _clear_note(key: dict[str, Any]) -> None:
    """A version of its own: an edit that read the note fails its condition. No event tells of it.

    The attribute stays as NULL, as in an order placed without a note: older code needs it.
    """
    client = dynamodb()
    update = actions.update(
        tables.orders(),
        decode(key),
        has_type("note", "S"),
        sets={
            "note": None,
            "version": Increment(1),
            "updated_at": to_text(now()),
            "request_id": correlation_id.get(),
        },
    )
    # Another request cleared it, or an earlier try of this one whose response was lost.
    with suppress(client.exceptions.ConditionalCheckFailedException):
        client.update_item(**update["Update"])


def _delete(table: str, names: tuple[str, ...], item: dict[str, Any]) -> None:
    dynamodb().delete_item(TableName=table, Key={name: item[name] for name in names})
