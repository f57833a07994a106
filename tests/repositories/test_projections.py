"""Projections are correct for stream records in any order and number."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from shop.caller import Role
from shop.clients import dynamodb
from shop.clock import now
from shop.dynamo import tables, totals
from shop.dynamo.codec import decode, encode
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.money import Money
from shop.orders.models import Order, OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.projections.models import Entity, Kind, Reading, SearchWrite, State, Step
from shop.projections.repository import ProjectionRepository
from shop.projections.service import MAX_ENTITIES, ProjectionService
from shop.retries import StaleVersion
from shop.search import grams_of, texts_of
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def signed_up(name: str = "Ada Lovelace", email: str | None = None) -> User:
    user_id = new_id()
    user = User(
        id=user_id,
        email=email or f"{user_id[-12:]}@analytical.example",
        name=name,
        status=UserStatus.ACTIVE,
        role=Role.CUSTOMER,
        email_verified=False,
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )
    UserRepository().add(user, "hash")
    return user


def changed(user: User, **changes: Any) -> User:
    after = replace(user, **changes, version=user.version + 1)
    UserRepository().save(user, after)
    return after


def entity(user: User) -> Entity:
    return Entity(Kind.USERS, user.id)


def project(*entities: Entity) -> None:
    assert ProjectionService(ProjectionRepository()).project(entities) == {}


def scanned(table: str) -> list[dict[str, Any]]:
    pages = dynamodb().get_paginator("scan").paginate(TableName=table)
    return [decode(item) for page in pages for item in page["Items"]]


def searchable() -> dict[str, set[str]]:
    """Return the trigrams of each user; all rows of a user are equal."""
    found: dict[str, set[str]] = {}
    said: dict[str, set[tuple[Any, ...]]] = {}
    for row in scanned(tables.search()):
        found.setdefault(row["user_id"], set()).add(row["gram"])
        said.setdefault(row["user_id"], set()).add((*row["texts"], row["status"]))
    assert all(len(texts) == 1 for texts in said.values())
    return found


def counted() -> dict[str, int]:
    return {status: totals.read("users", [status]) for status in UserStatus}


def assert_true() -> None:
    """Assert that totals and search rows match the users table."""
    users = [row for row in scanned(tables.users()) if "email" in row]
    by_status = Counter(row["status"] for row in users)
    assert counted() == {status: by_status[status] for status in UserStatus}
    assert searchable() == {
        row["id"]: set(grams_of(texts_of(row["name"], row["email"]))) for row in users
    }


def test_sign_up_is_counted_once_for_any_number_of_deliveries() -> None:
    user = signed_up()

    for _ in range(3):
        project(entity(user), entity(user))

    assert counted() == {"active": 1, "inactive": 0}
    assert_true()


def test_totals_and_search_follow_changes_and_deletions() -> None:
    ada, bob = signed_up(), signed_up("Bob")
    project(entity(ada), entity(bob))

    ada = changed(ada, name="Ada King", status=UserStatus.INACTIVE)
    project(entity(ada))
    assert counted() == {"active": 1, "inactive": 1}
    assert_true()

    UserRepository().delete(ada)
    project(entity(ada), entity(bob))
    assert counted() == {"active": 1, "inactive": 0}
    assert_true()


def test_full_replay_changes_nothing() -> None:
    users = [signed_up(f"User {number}") for number in range(5)]
    entities = [entity(user) for user in users]
    project(*entities)
    changed(users[0], status=UserStatus.INACTIVE)
    UserRepository().delete(users[1])
    project(*entities)
    before = scanned(tables.counters()), scanned(tables.search())

    project(*entities * 2)

    assert (scanned(tables.counters()), scanned(tables.search())) == before
    assert_true()


def test_entity_first_projected_after_its_deletion_is_not_counted() -> None:
    user = signed_up()
    UserRepository().delete(user)

    project(entity(user))

    assert counted() == {"active": 0, "inactive": 0}
    assert_true()


def test_entities_beyond_one_transaction_are_all_counted() -> None:
    users = [signed_up() for _ in range(MAX_ENTITIES + 5)]

    project(*map(entity, users))

    assert counted()["active"] == MAX_ENTITIES + 5


def test_orders_and_products_are_counted_by_status() -> None:
    user = signed_up()
    product = Product(
        id=new_id(),
        sku="PEAR",
        name="Pear",
        price=Money(Decimal("1.00"), "EUR"),
        stock=None,
        status=ProductStatus.ACTIVE,
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )
    ProductRepository().add(product, None)
    orders = []
    for status in (OrderStatus.PENDING, OrderStatus.PENDING, OrderStatus.CANCELLED):
        order = Order(
            id=new_id(),
            user_id=user.id,
            status=status,
            total=product.price,
            lines=[],
            note=None,
            created_at=NOON,
            updated_at=NOON,
            version=1,
        )
        OrderRepository().add(order, None)
        orders.append(order)

    project(
        Entity(Kind.PRODUCTS, product.id),
        *(Entity(Kind.ORDERS, order.id, user.id) for order in orders),
    )
    moved = replace(orders[0], status=OrderStatus.PROCESSING, version=2)
    OrderRepository().save(orders[0], moved, [])
    project(Entity(Kind.ORDERS, moved.id, user.id))

    assert totals.read("products", ["active"]) == 1
    statuses = ("pending", "processing", "completed", "cancelled")
    assert [totals.read("orders", [status]) for status in statuses] == [1, 1, 0, 1]
    assert OrderRepository().count_all([*OrderStatus]) == 3


class Interrupted(ProjectionRepository):
    """Runs an action once, at each point where two projectors may collide or one may crash."""

    def __init__(self, place: str, meanwhile: Any) -> None:
        self.place, self.meanwhile = place, meanwhile

    def _interrupt(self, place: str) -> None:
        if place == self.place:
            self.place = ""
            self.meanwhile()

    def read(self, entities: Sequence[Entity]) -> Sequence[Reading]:
        readings = super().read(entities)
        self._interrupt("read")
        return readings

    def advance(self, steps: Sequence[Step]) -> None:
        super().advance(steps)
        self._interrupt("advanced")

    def write_search(
        self,
        entity: Entity,
        state: State | None,
        put: Iterable[str],
        drop: Iterable[str],
        before: datetime,
    ) -> None:
        super().write_search(entity, state, put, drop, before)
        self._interrupt("searched")

    def settle(self, step: Step, left: Sequence[SearchWrite]) -> None:
        super().settle(step, left)
        self._interrupt("settled")


PLACES = ("read", "advanced", "searched", "settled")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("deletes", [False, True])
def test_concurrent_projectors_leave_correct_projections(place: str, deletes: bool) -> None:
    ada, bob = signed_up("Ada Lovelace"), signed_up("Bob")
    project(entity(ada))
    ada = changed(ada, name="Ada Byron")

    def meanwhile() -> None:
        if deletes:
            UserRepository().delete(ada)
        else:
            changed(ada, name="Countess of Nowhere", status=UserStatus.INACTIVE)
        # Late enough that it need not wait for the slow one.
        later = ProjectionService(ProjectionRepository(), lambda: now() + timedelta(minutes=1))
        assert later.project([entity(ada)]) == {}

    slow = ProjectionService(Interrupted(place, meanwhile))
    assert slow.project([entity(ada), entity(bob)]) == {}

    assert_true()


@pytest.mark.parametrize("place", PLACES)
def test_crashed_projector_is_completed_by_the_next_delivery(place: str) -> None:
    ada = signed_up("Ada Lovelace")
    project(entity(ada))
    ada = changed(ada, name="Ada Byron", status=UserStatus.INACTIVE)

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ProjectionService(Interrupted(place, die)).project([entity(ada)])
    project(entity(ada))

    assert_true()


class Died(BaseException):
    """A process that ends immediately."""


@contextmanager
def dying_at(call: int, when: str) -> Iterator[None]:
    """Make the numbered call fail before its effect, or after it."""
    numbers = count()

    def die(**_: object) -> None:
        if next(numbers) == call:
            raise Died

    events = dynamodb().meta.events
    events.register_first(f"{when}-call.dynamodb", die)
    try:
        with suppress(Died):
            yield
    finally:
        events.unregister(f"{when}-call.dynamodb", die)


@pytest.mark.dynamodb_local  # moto takes half a minute
@pytest.mark.parametrize("deletes", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("first", range(5))
def test_projectors_that_crash_at_any_two_calls_leave_correct_projections(
    first: int, when: str, deletes: bool
) -> None:
    """The calls: a read, a transaction, two batches of search rows, and the settlement."""
    for second in range(5):
        ada = signed_up("Ada Lovelace")
        project(entity(ada))
        for name, call in (("Byron of Rochdale", first), ("Countess of Nowhere", second)):
            ada = changed(ada, name=name, email=f"{new_id()}@analytical.example")
            with dying_at(call, when):
                project(entity(ada))
        if deletes:
            UserRepository().delete(ada)
        else:
            ada = changed(ada, name="Ada King")

        # Late enough that it need not wait for the crashed ones.
        later = ProjectionService(ProjectionRepository(), lambda: now() + timedelta(minutes=1))
        assert later.project([entity(ada)]) == {}

        assert_true()
        row = next(it for it in scanned(tables.counters()) if it["id"] == f"users:{ada.id}")
        assert "search_writes" not in row
        assert ("texts" in row) is not deletes


def test_changes_of_a_user_in_one_batch_are_one_projection() -> None:
    ada = signed_up()
    project(entity(ada))
    for number in range(10):
        ada = changed(ada, name=f"Ada {number}")
    calls: list[str] = []
    events = dynamodb().meta.events

    def note(model: Any, **_: object) -> None:
        calls.append(model.name)

    events.register("before-call.dynamodb", note)
    try:
        project(*[entity(ada)] * 10)
    finally:
        events.unregister("before-call.dynamodb", note)

    one = ["BatchGetItem", "TransactWriteItems", "BatchWriteItem", "BatchWriteItem", "UpdateItem"]
    assert calls == one
    assert_true()


def test_unreadable_entity_delays_no_other() -> None:
    users = [signed_up(f"User {number}") for number in range(10)]
    broken = entity(users[4])
    dynamodb().update_item(
        TableName=tables.users(),
        Key=encode({"id": users[4].id}),
        UpdateExpression="REMOVE version",
    )

    failed = ProjectionService(ProjectionRepository()).project(map(entity, users))

    assert list(failed) == [broken]
    assert counted()["active"] == 9


def test_projector_that_is_always_stale_fails_with_a_retryable_error() -> None:
    class Beaten(ProjectionRepository):
        def advance(self, steps: Sequence[Step]) -> None:
            raise StaleVersion

    failed = ProjectionService(Beaten()).project([entity(signed_up())])

    assert len(failed) == 1


@pytest.mark.parametrize("seed", range(5))
def test_deliveries_in_any_order_and_number_end_in_correct_projections(seed: int) -> None:
    chance = random.Random(seed)
    users = [signed_up(f"User {number}") for number in range(6)]
    delivered: list[Entity] = [entity(user) for user in users]
    for _ in range(25):
        position = chance.randrange(len(users))
        user = users[position]
        action = chance.choice(["rename", "status", "deliver", "deliver", "delete"])
        if action == "deliver":
            project(*chance.sample(delivered, chance.randint(1, min(8, len(delivered)))))
        elif action == "delete" and len(users) > 2:
            UserRepository().delete(users.pop(position))
        elif action == "rename":
            users[position] = changed(user, name=chance.choice(["Ada", "Bo", "Ada Lovelace"]))
        else:
            users[position] = changed(user, status=chance.choice([*UserStatus]))
        delivered.append(entity(user))

    project(*chance.sample(delivered, len(delivered)))

    assert_true()
