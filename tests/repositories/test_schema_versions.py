"""Schema versions: every item has one, and items without list keys are read and migrated."""

from collections.abc import Iterator
from copy import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic.alias_generators import to_snake

from shop.caller import Role
from shop.clients import dynamodb
from shop.dynamo import tables
from shop.dynamo.codec import Item, decode
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import login_attempt
from shop.identity.recovery.models import Purpose, RecoveryToken
from shop.identity.recovery.repository import RecoveryRepository
from shop.identity.sessions.models import RefreshDigests, Session
from shop.identity.sessions.repository import SessionRepository
from shop.money import Money
from shop.orders.models import OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.repository import ProductRepository
from shop.projections.models import Entity, Kind
from shop.projections.repository import ProjectionRepository
from shop.projections.service import ProjectionService
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON
from tests.support.sam_template import resources
from tests.support.stored_shop import LISTED, keep, place, sign_up, stored, unlist

# The kinds of items of tables with several, by an attribute that only one kind has.
KINDS = {
    "users": {"email": "user", "active_admins": "active admins"},
    "products": {"sku": "product", "product_id": "SKU"},
    "orders": {"lines": "order", "": "summary"},
    "sessions": {"family_digest": "session", "role": "gate"},
    "counters": {"deleted": "deleted entity", "version": "entity", "": "total"},
}
EVERY_KIND = {name for kinds in KINDS.values() for name in kinds.values()} | {
    *("credentials", "attempts", "idempotency", "search", "recovery_tokens")
}


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def log_in(user: User) -> Session:
    digests = RefreshDigests(b"family", b"current", b"salt")
    end = NOON + timedelta(days=30)
    session = Session(user.id, new_id(), 1, digests, NOON, NOON, end, end, "b", "192.0.2.1")
    attempt = login_attempt(user.email, session.ip_address).opened(NOON)
    assert SessionRepository().begin(session, user.email, "hash", None, attempt)
    assert LoginAttemptRepository().count(attempt, NOON) is None
    return session


def project(*entities: Entity) -> None:
    assert ProjectionService(ProjectionRepository()).project(entities) == {}


def everything() -> Iterator[tuple[str, Item]]:
    for logical_id in resources("AWS::DynamoDB::Table"):
        name = to_snake(logical_id.removesuffix("Table"))
        items = dynamodb().scan(TableName=f"{name}_table")["Items"]
        yield from ((name, decode(item)) for item in items)


def kind(table: str, item: Item) -> str:
    kinds = KINDS.get(table, {"": table})
    return next(name for marker, name in kinds.items() if not marker or marker in item)


def test_written_items_have_a_schema_version() -> None:
    user, admin, product = sign_up(), sign_up(Role.ADMIN), keep()
    other_admin, gone = sign_up(Role.ADMIN), sign_up()
    order = place(user, product)
    session = log_in(user)
    entities = [Entity(Kind.USERS, it.id) for it in (user, admin, other_admin, gone)]
    entities += [Entity(Kind.PRODUCTS, product.id), Entity(Kind.ORDERS, order.id, user.id)]
    project(*entities)

    inactive = replace(other_admin, status=UserStatus.INACTIVE, email="new@x.example", version=2)
    UserRepository().save(other_admin, inactive)
    attempt = login_attempt(user.email, "192.0.2.1").opened(NOON)
    UserRepository().change_password(user, session.id, "hash", "new hash", attempt)
    UserRepository().delete(gone)
    token = RecoveryToken("digest", Purpose.RESET, user.id, user.email, 1, NOON)
    RecoveryRepository().add(token)
    dearer = replace(product, sku="OTHER", price=Money(Decimal("10"), "EUR"))
    ProductRepository().save(product, dearer, {"sku", "price"}, 1, None)
    going_on = replace(order, status=OrderStatus.PROCESSING, version=2)
    OrderRepository().save(order, going_on, [])
    project(*entities)

    found = [(kind(table, item), item) for table, item in everything()]
    assert {name for name, _ in found} == EVERY_KIND
    assert {name for name, item in found if "schema_version" not in item} == set()


def test_items_of_the_first_shape_are_read_and_migrated_by_changes() -> None:
    user, product = sign_up(), keep()
    order = place(user, product)
    order_key = {"user_id": user.id, "id": order.id}
    as_new = [
        stored("users", {"id": user.id}),
        stored("products", {"id": product.id}),
        stored("orders", order_key),
    ]
    unlist("users", {"id": user.id})
    unlist("products", {"id": product.id})
    unlist("orders", order_key)

    assert UserRepository().get(user.id) == user
    sold = replace(product, stock=9, version=2)
    assert ProductRepository().get(product.id) == sold
    assert OrderRepository().get(user.id, order.id) == order
    assert OrderRepository().read_catalogue([product.id], "another")[0] == {product.id: sold}

    UserRepository().save(user, replace(user, version=2))
    OrderRepository().save(order, replace(order, version=2), [])
    ProductRepository().save(sold, sold, {"name", "price"}, 0, None)
    migrated = [
        stored("users", {"id": user.id}),
        stored("products", {"id": product.id}),
        stored("orders", order_key),
    ]
    for before, after, table in zip(as_new, migrated, LISTED, strict=True):
        assert [after[name] for name in LISTED[table]] == [before[name] for name in LISTED[table]]
    # A product's patch sets named fields only, so only a migration sets all keys.
    assert [int(it["schema_version"]) for it in migrated] == [2, 1, 2]


def test_projections_of_items_of_the_first_shape_are_equal() -> None:
    user = sign_up()
    unlist("users", {"id": user.id})

    project(Entity(Kind.USERS, user.id))

    rows = dynamodb().scan(TableName=tables.counters())["Items"]
    assert f"users:{user.id}" in {row["id"]["S"] for row in rows}
    assert UserRepository().count([UserStatus.ACTIVE]) == 1
