"""Rollback: older code reads items and messages of newer code and keeps their attributes.

Newer code adds attributes and raises `schema_version`, in items and in nested maps.
"""

import json
from collections.abc import Callable, Iterator
from copy import replace
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any  # `Any`: items and messages have many types

import pytest

from shop.caller import Role
from shop.clients import dynamodb
from shop.clock import now
from shop.dynamo import records
from shop.dynamo.codec import Item, encode
from shop.events.records import event_of
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
from shop.identity.accounts.models import UserStatus
from shop.identity.keys.signing_keys import KeySet
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService, login_attempt
from shop.identity.recovery.models import Purpose, RecoveryToken
from shop.identity.recovery.repository import RecoveryRepository
from shop.identity.sessions.models import Session
from shop.identity.sessions.repository import SessionRepository
from shop.mail.schemas import Envelope, OrderReference, UpdateReference, UserReference
from shop.money import Money
from shop.orders.models import Order, OrderStatus
from shop.orders.repository import OrderRepository
from shop.pagination import PageRequest
from shop.products.models import Product
from shop.products.repository import ProductRepository
from shop.projections.models import Entity, Kind
from shop.projections.records import changed_entity
from shop.stream_records import StreamRecord
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.repositories.test_schema_versions import (
    EVERY_KIND,
    everything,
    kind,
    log_in,
    project,
)
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON
from tests.support.sam_template import ROOT
from tests.support.stored_shop import keep, place, sign_up

FUTURE = "of_the_future"
# Unknown attributes of every type must be accepted, in particular of types that no item has yet.
UNKNOWN = {
    FUTURE: {"S": "x"},
    "texts_of_the_future": {"SS": ["x"]},
    "numbers_of_the_future": {"NS": ["1.5"]},
    "bytes_of_the_future": {"BS": [b"x"]},
}
# Items that are written as a whole and lose attributes of newer code. All except credentials, which
# move to another key with the email, are derived from other items.
WRITTEN_WHOLE = {"credentials", "entity", "deleted entity", "search"}


@dataclass(frozen=True)
class Stored:
    user: User
    gone: User
    product: Product
    order: Order
    session: Session
    token: RecoveryToken


READ: dict[str, Callable[[Stored], object]] = {
    "user": lambda it: (
        UserRepository().get(it.user.id),
        UserRepository().list([UserStatus.ACTIVE], "name", PageRequest(None, 0, 9), False),
    ),
    "active admins": lambda _: _deactivate_an_admin(),
    "product": lambda it: ProductRepository().get(it.product.id),
    "SKU": lambda it: _change_sku(it.product),
    "order": lambda it: (
        OrderRepository().get(it.user.id, it.order.id),
        OrderRepository().list_all([OrderStatus.PENDING], PageRequest(None, 0, 9), True),
    ),
    "summary": lambda it: OrderRepository().count(it.user.id, [OrderStatus.PENDING]),
    "session": lambda it: SessionRepository().with_account_state(it.user.id, it.session.id),
    "gate": lambda it: SessionRepository().of_user(it.user.id),
    "credentials": lambda it: UserRepository().credential(it.user.email),
    "attempts": lambda it: SessionRepository().find_credential(
        it.user.email, login_attempt(it.user.email, it.session.ip_address)
    ),
    "idempotency": lambda it: records.find_record(f"order {it.order.id}"),
    "entity": lambda it: _project_again(it, it.user),
    "deleted entity": lambda it: _project_again(it, it.gone),
    "total": lambda _: UserRepository().count([UserStatus.ACTIVE]),
    "search": lambda _: UserRepository().search(
        "Lovelace", [UserStatus.ACTIVE], PageRequest(None, 0, 9), False
    ),
    "recovery_tokens": lambda it: RecoveryRepository().token(it.token.digest),
}


def _deactivate_an_admin() -> None:
    admin = sign_up(Role.ADMIN)
    UserRepository().save(admin, replace(admin, status=UserStatus.INACTIVE, version=2))


def _change_sku(product: Product) -> None:
    renamed = replace(product, sku=f"{product.sku}-2", version=2)
    ProductRepository().save(product, renamed, {"sku"}, 0, None)


def _project_again(stored: Stored, user: User) -> int:
    project(Entity(Kind.USERS, user.id))
    return UserRepository().count([UserStatus.ACTIVE])


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


@pytest.fixture
def stored() -> Stored:
    user, gone, product = sign_up(), sign_up(), keep()
    sign_up(Role.ADMIN)
    order, session = place(user, product), log_in(user)
    project(Entity(Kind.USERS, user.id), Entity(Kind.USERS, gone.id))
    UserRepository().delete(gone)
    project(Entity(Kind.USERS, gone.id))
    token = RecoveryToken("digest", Purpose.RESET, user.id, user.email, 1, NOON)
    RecoveryRepository().add(token)
    return Stored(user, gone, product, order, session, token)


def from_the_future(value: Any) -> Any:
    """Add an unknown attribute to each map, at any depth."""
    if isinstance(value, dict):
        return {name: from_the_future(it) for name, it in value.items()} | {FUTURE: "x"}
    return [from_the_future(it) for it in value] if isinstance(value, list) else value


def newer_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Add unknown attributes, including each kind of set, to each map of an encoded item."""
    return {name: _newer_attribute(it) for name, it in attributes.items()} | UNKNOWN


def _newer_attribute(attribute: dict[str, Any]) -> dict[str, Any]:
    if "M" in attribute:
        return {"M": newer_attributes(attribute["M"])}
    return {"L": [*map(_newer_attribute, attribute["L"])]} if "L" in attribute else attribute


def lift(table: str, item: Item) -> None:
    newer = item | {"schema_version": item["schema_version"] + 1}
    if "answer" in item:
        newer["answer"] = json.dumps(json.loads(item["answer"]) | {FUTURE: "x"})
    dynamodb().put_item(TableName=f"{table}_table", Item=newer_attributes(encode(newer)))


def lift_all() -> set[str]:
    """Convert every item to the shape of newer code; return the kinds of items."""
    found = list(everything())
    for table, item in found:
        lift(table, item)
    return {kind(table, item) for table, item in found}


def test_newer_shapes_cover_every_kind_of_item(stored: Stored) -> None:
    assert lift_all() == EVERY_KIND == set(READ), (
        "add the kind of row to EVERY_KIND, and how it is read to READ, in this file"
    )


@pytest.mark.parametrize("name", [name for name in READ if name not in ("SKU", "active admins")])
def test_item_of_newer_code_reads_the_same(stored: Stored, name: str) -> None:
    before = READ[name](stored)

    lift_all()

    assert READ[name](stored) == before
    assert before


@pytest.mark.parametrize("name", ["SKU", "active admins"])
def test_uniqueness_item_of_newer_code_still_rejects_duplicates(stored: Stored, name: str) -> None:
    lift_all()

    READ[name](stored)

    assert {kind(table, item) for table, item in everything()} == EVERY_KIND


def test_attributes_of_newer_code_survive_a_change(stored: Stored) -> None:
    lift_all()
    user, product, order = stored.user, stored.product, stored.order

    renamed = replace(user, name="Ada King", email="king@x.example", version=2)
    UserRepository().save(user, renamed)
    guess = LoginAttemptService(LoginAttemptRepository(), now).count(
        login_attempt(renamed.email, "203.0.113.7")
    )
    UserRepository().change_password(renamed, stored.session.id, "hash", "new hash", guess)
    dearer = replace(product, price=Money(Decimal("10"), "EUR"))
    ProductRepository().save(product, dearer, {"price"}, 1, None)
    OrderRepository().save(order, replace(order, status=OrderStatus.PROCESSING, version=2), [])
    SessionRepository().rotate(stored.session, stored.session.refresh.current)
    project(Entity(Kind.USERS, user.id))
    _deactivate_an_admin()

    changed = {
        "user": ("users_table", {"id": user.id}),
        "product": ("products_table", {"id": product.id}),
        "order": ("orders_table", {"user_id": user.id, "id": order.id}),
        "session": ("sessions_table", {"user_id": user.id, "id": stored.session.id}),
        "gate": ("sessions_table", {"user_id": user.id, "id": "gate"}),
        "summary": ("orders_table", {"user_id": user.id, "id": "summary"}),
    }
    for name, (table, key) in changed.items():
        row = dynamodb().get_item(TableName=table, Key=encode(key))["Item"]
        assert FUTURE in row, name
    lost = {kind(table, item) for table, item in everything() if FUTURE not in item}
    # The items of the admin and of the guess were created by this code.
    made = {"user", "gate", "credentials", "attempts"}
    assert lost - made <= WRITTEN_WHOLE


def test_signing_keys_of_newer_code_are_read() -> None:
    keys = KeySet.new(NOON)

    newer = json.dumps(from_the_future(json.loads(keys.to_secret())))

    assert KeySet.from_secret(newer) == keys


def of_stream(table: str, item: Item, image: dict[str, Any]) -> StreamRecord:
    """Return the stream record of a new item."""
    return StreamRecord(
        {
            "eventSourceARN": f"arn:aws:dynamodb:us-east-1:1:table/{table}_table/stream/1",
            "dynamodb": {
                "SequenceNumber": "1",
                "Keys": encode({"id": item["id"]}),
                "NewImage": image,
                "ApproximateCreationDateTime": datetime(2026, 1, 1, tzinfo=UTC).timestamp(),
            },
        }
    )


def test_streams_of_newer_items_publish_the_same_events(stored: Stored) -> None:
    published = 0
    for table, item in everything():
        if kind(table, item) in ("user", "order"):
            image = encode(item)
            newer = of_stream(table, item, newer_attributes(image))
            assert event_of(newer) == event_of(of_stream(table, item, image))
            assert changed_entity(newer) == changed_entity(of_stream(table, item, image))
            published += event_of(newer) is not None

    assert published == 3  # a user, an admin and an order


USER, ORDER = "0190a6b2-7c9e-7b1a-8f00-0000000000a1", "0190a6b2-7c9e-7b1a-8f00-0000000000c1"
_ABOUT_USER = UserData(user_id=USER, version=2)
_CHANGE = UserChange(user_id=USER, version=2, changed=["email"])
_ABOUT_ORDER = OrderData(
    order_id=ORDER,
    user_id=USER,
    version=1,
    status=OrderStatus.PENDING,
    currency="EUR",
    total="4.90",
    items=[OrderItem(product_id="p", quantity=1)],
)
EVENTS: list[AnyEvent] = [
    UserRegistered.of(USER, NOON, "request", _ABOUT_USER),
    UserPasswordChanged.of(USER, NOON, None, _ABOUT_USER),
    UserDeleted.of(USER, NOON, None, _ABOUT_USER),
    UserUpdated.of(USER, NOON, "request", _CHANGE),
    UserDeactivated.of(USER, NOON, "request", _CHANGE),
    OrderPlaced.of(ORDER, NOON, "request", _ABOUT_ORDER),
    OrderProcessing.of(ORDER, NOON, None, _ABOUT_ORDER),
    OrderCompleted.of(ORDER, NOON, None, _ABOUT_ORDER),
    OrderCancelled.of(ORDER, NOON, None, _ABOUT_ORDER),
]


def test_newer_shapes_cover_every_event_type() -> None:
    documented = {path.stem for path in (ROOT / "docs/events").glob("*.json")}

    # Pings go to receivers only, and no consumer reads them.
    assert {event.type for event in EVENTS} == documented - {"webhook.ping"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_messages_of_newer_code_are_read_alike_by_all_consumers(event: AnyEvent) -> None:
    payload = json.loads(event.to_json())
    newer = from_the_future(payload) | {"dataschema": f"urn:shop:event:{event.type}:2"}
    before, after = Envelope.model_validate(payload), Envelope.model_validate(newer)
    readers = {UserData: UserReference, UserChange: UpdateReference, OrderData: OrderReference}
    reader = readers[type(event.data)]

    assert (after.id, after.type, after.time) == (before.id, before.type, before.time)
    assert after.correlationid == before.correlationid
    assert reader.model_validate(after.data) == reader.model_validate(before.data)
    assert type(event).model_validate(newer).data == event.data
