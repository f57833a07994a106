"""Clear the notes of orders of erased users, which erasures by older code kept.

Costs one consistent read per user with a note: 1 read unit each, not counted by the rate limit.
"""

from functools import lru_cache

from shop.clients import dynamodb
from shop.clock import now, to_text
from shop.dynamo import tables
from shop.dynamo.codec import Item, encode
from tools.migrate.migration import Migration, Part


def of_order(item: Item) -> Item | None:
    """Clear the note in a new version, since clients see the change."""
    if not isinstance(item.get("note"), str) or _exists(item["user_id"]):
        return None
    return {"note": None, "version": item["version"] + 1, "updated_at": to_text(now())}


@lru_cache(maxsize=10_000)  # a scan returns all orders of a user consecutively
def _exists(user_id: str) -> bool:
    """Return whether the user exists; ids are unique, and a later erasure clears the notes."""
    response = dynamodb().get_item(
        TableName=tables.users(),
        Key=encode({"id": user_id}),
        ProjectionExpression="id",
        ConsistentRead=True,
    )
    return "Item" in response


MIGRATION = Migration(2, "notes of erased users", (Part(tables.orders, of_order),))
