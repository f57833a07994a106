"""Clear the notes of orders whose user is gone: they were left by erasures of older code.

Each user with a note is looked up, consistently, for 1 read unit beside the rate.
"""

from functools import lru_cache

from shop.clients import dynamodb
from shop.clock import now, to_text
from shop.dynamo import tables
from shop.dynamo.codec import Item, encode
from tools.migrate.migration import Migration, Part


def of_order(item: Item) -> Item | None:
    """In a new version, since clients see the change."""
    if not isinstance(item.get("note"), str) or _exists(item["user_id"]):
        return None
    return {"note": None, "version": item["version"] + 1, "updated_at": to_text(now())}


@lru_cache(maxsize=10_000)  # a scan comes to all orders of a user one after another
def _exists(user_id: str) -> bool:
    """Ids are not given twice, and a user who is erased later loses the notes with it."""
    answer = dynamodb().get_item(
        TableName=tables.users(),
        Key=encode({"id": user_id}),
        ProjectionExpression="id",
        ConsistentRead=True,
    )
    return "Item" in answer


MIGRATION = Migration(2, "notes of erased users", (Part(tables.orders, of_order),))
