"""Seeded items equal those of the repositories and the projector."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from shop.clients import dynamodb
from shop.dynamo import tables
from shop.dynamo.codec import decode
from shop.identity.accounts.models import UserStatus
from shop.orders.models import OrderStatus
from shop.orders.repository import OrderRepository
from shop.pagination import PageRequest
from shop.products.models import ProductStatus
from shop.products.repository import ProductRepository
from shop.projections.models import Entity, Kind
from shop.projections.repository import ProjectionRepository
from shop.projections.service import ProjectionService
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tools.migrate.engine import Engine
from tools.migrate.migration import all_migrations
from tools.recount.__main__ import recount
from tools.recount.scanner import Scanner
from tools.seed import items
from tools.seed.fill import fill
from tools.tables.rate import Rate

ALL = PageRequest(None, 0, 100)
FAST = Rate(1_000_000)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def seed(users: int, products: int = 0, orders: int = 0) -> int:
    entities = {Kind.USERS: users, Kind.PRODUCTS: products, Kind.ORDERS: orders}
    return fill(dynamodb(), entities)


def assert_well() -> None:
    lines: list[str] = []
    assert not recount(dynamodb(), Scanner(dynamodb(), FAST, 2), 0, False, lines.append), lines
    for migration in all_migrations().values():
        assert not any(it.pending for it in Engine(dynamodb(), FAST, 2).preview(migration))


def test_seeded_items_are_listed_and_pass_recount_and_migrations() -> None:
    seed(users=60, products=8, orders=40)

    assert_well()
    users, orders = UserRepository(), OrderRepository()
    listed = users.list([*UserStatus], "createdAt", ALL, False).items
    assert [*listed] == [items.user(number) for number in range(60)]
    assert users.count([*UserStatus]) == 60
    products = ProductRepository().list(ProductStatus.ACTIVE, "price", ALL, False).items
    assert len(products) == ProductRepository().count(ProductStatus.ACTIVE)
    found = orders.list_all([*OrderStatus], ALL, False).items
    assert len(found) == orders.count_all([*OrderStatus]) == 40
    buyer = found[0].user_id
    mine = orders.list_of_user(buyer, [*OrderStatus], "total", ALL, False).items
    assert len(mine) == orders.count(buyer, [*OrderStatus])
    assert all(sum(line.total.amount for line in it.lines) == it.total.amount for it in found)
    credential = users.credential(listed[0].email)
    assert credential is not None and credential.user_id == listed[0].id


def test_seed_adds_missing_items_only() -> None:
    seed(users=30, products=2, orders=10)
    assert seed(users=30, products=2, orders=10) == 0

    seed(users=50, products=2, orders=30)

    assert_well()
    assert UserRepository().count([*UserStatus]) == 50
    assert OrderRepository().count_all([*OrderStatus]) == 30


def test_seeded_items_need_no_projection() -> None:
    seed(users=5)
    before = dynamodb().scan(TableName=tables.counters())["Items"]

    entities = [Entity(Kind.USERS, items.user(number).id) for number in range(5)]
    assert ProjectionService(ProjectionRepository()).project(entities) == {}

    assert dynamodb().scan(TableName=tables.counters())["Items"] == before


def test_seeded_items_have_a_schema_version() -> None:
    seed(users=5, products=2, orders=5)

    for table in dynamodb().list_tables()["TableNames"]:
        for item in dynamodb().scan(TableName=table)["Items"]:
            assert "schema_version" in decode(item)


def test_seeded_entities_are_determined_by_their_numbers_in_many_scripts() -> None:
    users = [items.user(number) for number in range(500)]

    assert users == [items.user(number) for number in range(500)]
    assert len({user.id for user in users}) == len({user.email for user in users}) == 500
    assert [user.id for user in users] == sorted(user.id for user in users)
    assert sum(user.name.isascii() for user in users) < 400
    assert {user.status for user in users} == {*UserStatus}
    assert all(items.product(number).price.amount >= Decimal("0.5") for number in range(50))


def test_seed_of_orders_without_users_is_rejected() -> None:
    with pytest.raises(ValueError, match="users and products"):
        seed(users=0, orders=1)
