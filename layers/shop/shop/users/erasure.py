"""Erasure of personal data elsewhere, such as order notes, sessions and authenticators."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple  # keys stay encoded

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

_BY_USER = "by_user"  # an index that projects keys only and lags its table by about a second


class _PersonalItems(NamedTuple):
    """The items of one table that hold personal data, and the write that erases one."""

    query: "QueryInputTypeDef"
    erase: Callable[[dict[str, Any]], None]  # takes the encoded key of an item


class PersonalDataRepository:
    def erase(self, user_id: str, is_gone: bool) -> bool:
        """Erase order notes and, of a deleted user, all other items; return whether any existed.

        Recorded responses remain while the user exists: without them a retry would order twice.
        The next call does not find erased items, so a call that times out has made progress.
        1 read unit for each 4 KB of the user's orders and sessions, half a unit for each 4 KB of
        the keys of records and tokens; 1 write unit for each KB of erased items.
        """
        sources = [_PersonalItems(_notes_of(user_id), _clear_note)]
        if is_gone:
            end = partial(_delete, tables.sessions(), ("user_id", "id"))
            sources += [
                _PersonalItems(_sessions_of(user_id), end),
                *(
                    _PersonalItems(
                        _items_of(table, user_id), partial(_delete, table, ("user_id", "id"))
                    )
                    for table in (tables.grants(), tables.authenticators())
                ),
                *(
                    _PersonalItems(_indexed(table, user_id, key), partial(_delete, table, (key,)))
                    for table, key in (
                        (tables.idempotency(), "id"),
                        (tables.recovery_tokens(), "digest"),
                    )
                ),
            ]
        has_erased = False
        while sources:
            pages = gather([partial(dynamodb().query, **source.query) for source in sources])
            found = [
                partial(source.erase, item)
                for source, page in zip(sources, pages, strict=True)
                for item in page["Items"]
            ]
            gather(found)
            has_erased = has_erased or bool(found)
            sources = [
                _PersonalItems(
                    {**source.query, "ExclusiveStartKey": page["LastEvaluatedKey"]}, source.erase
                )
                for source, page in zip(sources, pages, strict=True)
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
        "KeyConditionExpression": "user_id = :user AND id < :state",
        "ProjectionExpression": "user_id, id",
        # The account state, whose id sorts after every session's, remains.
        "ExpressionAttributeValues": encode(
            {":user": user_id, ":state": account_state_key(user_id)["id"]}
        ),
        "ConsistentRead": True,
    }


def _items_of(table: str, user_id: str) -> "QueryInputTypeDef":
    return {
        "TableName": table,
        "KeyConditionExpression": "user_id = :user",
        "ProjectionExpression": "user_id, id",
        "ExpressionAttributeValues": encode({":user": user_id}),
        "ConsistentRead": True,
    }


def _clear_note(key: dict[str, Any]) -> None:
    """Clear the note and increment the version, so that a concurrent edit fails its condition.

    No event is published. The attribute remains as NULL, as in an order placed without a note:
    older code reads it.
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
