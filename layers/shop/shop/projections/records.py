"""The entity of a stream record, if lists show the change."""

from shop.dynamo import tables
from shop.dynamo.codec import Item
from shop.projections.models import Entity, Kind
from shop.stream_records import StreamRecord


def changed_entity(record: StreamRecord) -> Entity | None:
    """Return None for items that are no entities, and for changes, such as sales, that no list
    shows.
    """
    if _shown(record.before) == _shown(record.after):
        return None
    kind = {
        tables.users(): Kind.USERS,
        tables.orders(): Kind.ORDERS,
        tables.products(): Kind.PRODUCTS,
    }
    return Entity(kind[record.table], record.key["id"], record.key.get("user_id"))


def _shown(item: Item | None) -> tuple[object, ...] | None:
    if item is None or "status" not in item:
        return None
    return item["status"], item.get("name"), item.get("email")
