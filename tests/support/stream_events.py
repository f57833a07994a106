"""DynamoDB stream records of users and orders, and the events that they become."""

from collections.abc import Mapping
from typing import Any

from shop.dynamo.codec import encode
from shop.events.records import event_of
from shop.events.schemas import AnyEvent
from shop.stream_records import StreamRecord
from tests.support.fixtures import ALICE, NOON

ORDER_ID = "0190a6b2-7c9e-7b1a-8f00-0000000000c1"


PRODUCT_ID = "0190a6b2-7c9e-7b1a-8f00-0000000000b1"


REQUEST_ID = "11111111-2222-3333-4444-555555555555"


SECRET = "plum-7261"


USER: dict[str, Any] = {
    "id": ALICE.id,
    "email": f"{SECRET}@example.com",
    "name": SECRET,
    "status": "active",
    "role": "customer",
    "email_verified": False,
    "created_at": "2026-11-22T12:00:00.000Z",
    "updated_at": "2026-11-22T12:00:00.123Z",
    "version": 3,
    "name_key": SECRET,
    "request_id": REQUEST_ID,
}


LINE = {"product_id": PRODUCT_ID, "sku": "P", "name": SECRET, "quantity": 2, "taken": 2}


ORDER: dict[str, Any] = {
    "user_id": ALICE.id,
    "id": ORDER_ID,
    "status": "pending",
    "currency": "EUR",
    "total": 5,
    "lines": [LINE],
    "note": SECRET,
    "updated_at": "2026-11-22T12:00:00.123Z",
    "version": 1,
    "request_id": REQUEST_ID,
}


type Image = Mapping[str, Any] | None


def record(table: str, before: Image, after: Image) -> StreamRecord:
    image = before or after or {}
    change: dict[str, Any] = {
        "SequenceNumber": "1",
        "ApproximateCreationDateTime": NOON.timestamp(),
        "Keys": encode({name: image[name] for name in ("user_id", "id") if name in image}),
    }
    if before is not None:
        change["OldImage"] = encode(before)
    if after is not None:
        change["NewImage"] = encode(after)
    stream = f"arn:aws:dynamodb:eu-central-1:123456789012:table/{table}/stream/1"
    return StreamRecord({"eventSourceARN": stream, "dynamodb": change})


def of_user(before: Image, after: Image) -> AnyEvent | None:
    return event_of(record("users_table", before, after))


def of_order(before: Image, after: Image) -> AnyEvent | None:
    return event_of(record("orders_table", before, after))
