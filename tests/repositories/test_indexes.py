"""The template's indexes: keys only, in the order of the lists."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import shop.clients
from shop.caller import Role
from shop.dynamo.codec import decode, encode
from shop.dynamo.sort_keys import amount_key, shard_key, shard_keys
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE, NOON


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def keep(name: str, price: str, status: ProductStatus = ProductStatus.ACTIVE) -> Product:
    id_, money = new_id(), Money(Decimal(price), "EUR")
    product = Product(id_, f"SKU-{id_}", name, money, 10, status, NOON, NOON, 1)
    ProductRepository().add(product, None)
    return product


def place(of: Product, quantity: int) -> Order:
    line = OrderLine(of.id, of.sku, of.name, of.price, quantity, quantity)
    pending = OrderStatus.PENDING
    order = Order(new_id(), ALICE.id, pending, line.total, [line], None, NOON, NOON, 1)
    OrderRepository().add(order, None)
    return order


def sign_up() -> None:
    active, customer = UserStatus.ACTIVE, Role.CUSTOMER
    user = User(ALICE.id, "ada@example.com", "Ada", active, customer, False, NOON, NOON, 1)
    UserRepository().add(user, "hash")


def entries(table: str, index: str, key: str, value: str, **more: Any) -> list[dict[str, Any]]:
    """Return the entries of one partition in order, read in pages of one.

    `more` may contain a condition on the sort key. `Any`: a query has arguments of many types.
    """
    condition = f"#key = :key{more.pop('condition', '')}"
    pages = (
        shop.clients.dynamodb()
        .get_paginator("query")
        .paginate(
            TableName=table,
            IndexName=index,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#key": key},
            ExpressionAttributeValues=encode({":key": value, **more}),
            PaginationConfig={"PageSize": 1},
        )
    )
    return [decode(item) for page in pages for item in page["Items"]]


def test_indexes_order_products_by_name_and_price_and_omit_sku_items() -> None:
    tree, pear, plum = keep("Pear tree", "100"), keep("pear", "9.99"), keep("plum", "10.00")
    keep("apple", "1", ProductStatus.INACTIVE)

    by_name = entries("products_table", "by_name", "status", "active")
    by_price = entries("products_table", "by_price", "status", "active")
    by_id = entries("products_table", "by_id", "status", "active")

    assert [each["id"] for each in by_name] == [pear.id, tree.id, plum.id]
    assert [each["id"] for each in by_price] == [pear.id, plum.id, tree.id]
    assert [each["id"] for each in by_id] == sorted([tree.id, pear.id, plum.id])
    assert {*by_name[0]} == {"id", "status", "name_key"}
    assert {*by_price[0]} == {"id", "status", "price_key"}
    assert {*by_id[0]} == {"id", "status"}


def test_sale_writes_to_no_index_of_products() -> None:
    sign_up()
    pear = keep("pear", "9.99")
    indexes = ("by_id", "by_name", "by_price")
    before = [entries("products_table", index, "status", "active") for index in indexes]

    place(pear, 3)

    assert before == [entries("products_table", index, "status", "active") for index in indexes]


def test_index_orders_orders_by_total_and_maps_ranges_to_key_ranges() -> None:
    sign_up()
    pear = keep("pear", "9.99")
    three, one, two = place(pear, 3), place(pear, 1), place(pear, 2)

    every = entries("orders_table", "by_status_total", "user_id", ALICE.id)
    some = entries(
        *("orders_table", "by_status_total", "user_id", ALICE.id),
        condition=" AND status_total BETWEEN :least AND :most",
        **{
            ":least": f"pending#{amount_key(Decimal('10.00'), '')}",
            ":most": f"pending#{amount_key(Decimal('19.98'), 'g')}",
        },
    )

    assert [each["id"] for each in every] == [one.id, two.id, three.id]
    assert [each["id"] for each in some] == [two.id]
    assert {*every[0]} == {"user_id", "id", "status_total"}


def test_order_summary_is_in_no_index_and_every_order_in_one_shard() -> None:
    sign_up()
    pear = keep("pear", "9.99")
    placed = sorted(place(pear, 1).id for _ in range(8))

    of_user = entries("orders_table", "by_status", "user_id", ALICE.id)
    of_all = [
        entry["id"]
        for shard in shard_keys("pending")
        for entry in entries("orders_table", "by_status_shard", "status_shard", shard)
    ]

    assert [each["id"] for each in of_user] == placed
    assert sorted(of_all) == placed
    assert of_all == sorted(of_all, key=lambda id_: (shard_key("pending", id_), id_))
    assert {*of_user[0]} == {"user_id", "id", "status_id"}
