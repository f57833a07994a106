"""The event of a stream record: one for each change of a user or an order, or none."""

from collections.abc import Mapping
from datetime import datetime

from shop.clock import from_text
from shop.dynamo import tables
from shop.dynamo.codec import Item
from shop.events.schemas import (
    AnyEvent,
    OrderCancelled,
    OrderCompleted,
    OrderData,
    OrderItem,
    OrderPlaced,
    OrderProcessing,
    UserChange,
    UserData,
    UserDeactivated,
    UserDeleted,
    UserPasswordChanged,
    UserRegistered,
    UserUpdated,
)
from shop.identifiers import is_id
from shop.identity.accounts.models import UserStatus
from shop.json_names import to_camel
from shop.orders.models import OrderStatus
from shop.stream_records import StreamRecord

type _OrderEvent = OrderPlaced | OrderProcessing | OrderCompleted | OrderCancelled

_OF_STATUS: Mapping[OrderStatus, type[_OrderEvent]] = {
    OrderStatus.PENDING: OrderPlaced,
    OrderStatus.PROCESSING: OrderProcessing,
    OrderStatus.COMPLETED: OrderCompleted,
    OrderStatus.CANCELLED: OrderCancelled,
}
_USER_FIELDS = ("email", "name", "status", "role", "email_verified")


def event_of(record: StreamRecord) -> AnyEvent | None:
    """Return None for rows that are not entities and for rewritten items of the same version.

    A malformed item raises some exception; it can never be published.
    """
    before, after = record.before, record.after
    if not is_id(record.key["id"]):
        return None
    if before is not None and after is not None and before.get("version") == after["version"]:
        return None
    if record.table == tables.users():
        return _of_user(before, after, record.at)
    return _of_order(before, after)


def _of_user(before: Item | None, after: Item | None, at: datetime) -> AnyEvent:
    if after is None:
        # The old image lacks the id of the deleting request: the outbox adds it.
        assert before is not None
        user_id = before["id"]
        data = UserData(user_id=user_id, version=int(before["version"]) + 1)
        return UserDeleted.of(user_id, at, None, data)
    user_id, version = after["id"], int(after["version"])
    common = (user_id, from_text(after["updated_at"]), after.get("request_id"))
    if before is None:
        return UserRegistered.of(*common, UserData(user_id=user_id, version=version))
    if before.get("password_changed_at") != after.get("password_changed_at"):
        return UserPasswordChanged.of(*common, UserData(user_id=user_id, version=version))
    changed = [name for name in _USER_FIELDS if before.get(name) != after.get(name)]
    change = UserChange(user_id=user_id, version=version, changed=[*map(to_camel, changed)])
    if "status" in changed and after["status"] == UserStatus.INACTIVE:
        return UserDeactivated.of(*common, change)
    return UserUpdated.of(*common, change)


def _of_order(before: Item | None, after: Item | None) -> AnyEvent | None:
    """Return None for a change that keeps the status, such as one of the note."""
    if after is None or (before is not None and before["status"] == after["status"]):
        return None
    data = OrderData(
        order_id=after["id"],
        user_id=after["user_id"],
        version=int(after["version"]),
        status=OrderStatus(after["status"]),
        currency=after["currency"],
        total=after["total"],
        items=[
            OrderItem(product_id=line["product_id"], quantity=int(line["quantity"]))
            for line in after["lines"]
        ],
    )
    at = from_text(after["updated_at"])
    return _OF_STATUS[data.status].of(data.order_id, at, after.get("request_id"), data)
