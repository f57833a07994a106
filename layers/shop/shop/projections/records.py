"""Which entity a stream's record is about, where lists care for what changed."""

from shop.dynamo import tables
from shop.dynamo.codec import Item
from shop.projections.models import Entity, Kind
from shop.stream_records import Record


def changed_entity(record: Record) -> Entity | None:
    """None for rows that are no entities, and for changes, such as sales, that no list shows."""
    seen_before, seen_after = _seen(record.before), _seen(record.after)
    if seen_before == seen_after:
        return None
    kind = {
        tables.users(): Kind.USERS,
        tables.orders(): Kind.ORDERS,
        tables.products(): Kind.PRODUCTS,
    }
    return Entity(kind[record.table], record.key["id"], record.key.get("user_id"))


def _seen(item: Item | None) -> tuple[object, ...] | None:
    if item is None or "status" not in item:
        return None
    return item["status"], item.get("name"), item.get("email")
