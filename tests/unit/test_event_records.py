"""Each change of a user or an order is one event, with a stable id and no personal data."""

from typing import Any
from uuid import UUID

import pytest

from shop.events.schemas import AnyEvent
from tests.support.fixtures import ALICE, NOON
from tests.support.stream_events import (
    ORDER,
    ORDER_ID,
    PRODUCT_ID,
    REQUEST_ID,
    SECRET,
    USER,
    Image,
    of_order,
    of_user,
)


def type_and_data(event: AnyEvent | None) -> tuple[str, dict[str, Any]]:
    assert event is not None
    return event.type, event.data.model_dump()


def changed(**values: Any) -> dict[str, Any]:
    return USER | {"version": 4} | values


def test_event_is_a_cloudevent_without_personal_data() -> None:
    event = of_order(None, ORDER)
    assert event is not None

    assert event.model_dump(mode="json") == {
        "specversion": "1.0",
        "id": event.id,
        "source": "/shop",
        "type": "order.placed",
        "subject": ORDER_ID,
        "time": "2026-11-22T12:00:00.123Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:shop:event:order.placed:1",
        "correlationid": REQUEST_ID,
        "data": {
            "orderId": ORDER_ID,
            "userId": ALICE.id,
            "version": 1,
            "status": "pending",
            "currency": "EUR",
            "total": "5.00",
            "items": [{"productId": PRODUCT_ID, "quantity": 2}],
        },
    }
    assert UUID(event.id).version == 5
    assert SECRET not in event.to_json()


@pytest.mark.parametrize(
    ("before", "after", "type_", "data"),
    [
        (None, USER, "user.registered", {"version": 3}),
        (USER, changed(name="x"), "user.updated", {"version": 4, "changed": ["name"]}),
        (
            USER,
            changed(email="x@example.com", email_verified=True),
            "user.updated",
            {"version": 4, "changed": ["email", "emailVerified"]},
        ),
        (
            USER,
            changed(password_changed_at="2026-11-22T12:00:00.123Z"),
            "user.password_changed",
            {"version": 4},
        ),
        (
            USER,
            changed(status="inactive", name="x"),
            "user.deactivated",
            {"version": 4, "changed": ["name", "status"]},
        ),
        (
            USER | {"status": "inactive"},
            changed(),
            "user.updated",
            {"version": 4, "changed": ["status"]},
        ),
        (USER, None, "user.deleted", {"version": 4}),
        # A change by newer code still publishes an event.
        (USER, changed(shoe_size=42), "user.updated", {"version": 4, "changed": []}),
    ],
)
def test_change_of_a_user_is_one_event(
    before: Image, after: Image, type_: str, data: dict[str, Any]
) -> None:
    event = of_user(before, after)

    assert type_and_data(event) == (type_, {"userId": ALICE.id} | data)
    assert event is not None and event.subject == ALICE.id
    assert SECRET not in event.to_json()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pending", "processing"),
        ("processing", "completed"),
        ("pending", "cancelled"),
        ("processing", "cancelled"),
    ],
)
def test_status_change_of_an_order_is_one_event(before: str, after: str) -> None:
    event = of_order(ORDER | {"status": before}, ORDER | {"status": after, "version": 2})

    type_, data = type_and_data(event)
    assert type_ == f"order.{after}"
    assert (data["version"], data["status"]) == (2, after)


def test_other_changes_are_no_event() -> None:
    admins = {"id": "admins", "active_admins": 1}
    summary = {"user_id": ALICE.id, "id": "summary", "pending": 1, "schema_version": 2}

    assert of_user(USER, USER | {"schema_version": 3}) is None
    assert of_order(ORDER, ORDER | {"schema_version": 3}) is None
    assert of_order(ORDER, ORDER | {"note": "x", "version": 2}) is None
    assert of_user(None, admins) is None
    assert of_user(admins, admins | {"active_admins": 2}) is None
    assert of_order(None, summary) is None
    assert of_order(summary, summary | {"pending": 2}) is None


def test_event_id_is_stable_per_change_and_unique() -> None:
    events = [
        of_user(None, USER),
        of_user(USER, None),
        of_user(USER, changed(name="x")),
        of_user(USER, changed(status="inactive")),
        of_user(changed(), changed(version=5)),
        of_order(None, ORDER),
        of_order(ORDER, ORDER | {"status": "cancelled", "version": 2}),
    ]

    ids = {event.id for event in events if event}
    assert len(ids) == len(events)
    again = of_user(None, USER)
    assert again is not None and again == events[0]


def test_change_outside_http_has_no_correlation_id() -> None:
    deleted, migrated = of_user(USER, None), of_user(None, USER | {"request_id": None})

    for event in (deleted, migrated):
        assert event is not None and "correlationid" not in event.to_json()
    assert deleted is not None and deleted.time == NOON


@pytest.mark.parametrize("missing", ["version", "updated_at", "lines", "status"])
def test_foreign_item_raises(missing: str) -> None:
    with pytest.raises(KeyError):
        of_order(None, {name: value for name, value in ORDER.items() if name != missing})
