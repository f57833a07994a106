"""Order changes: the order, its counts and its products' stock change together."""

from collections.abc import Iterator
from copy import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

import shop.clients
from shop.caller import Role
from shop.dynamo.codec import decode, encode
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.retries import StaleVersion
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE, NOON

USER = User(
    ALICE.id, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1
)
LATER = NOON + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        UserRepository().add(USER, "hash")
        yield


def product(stock: int | None = 10) -> Product:
    product_id = new_id()
    price, active = Money(Decimal("19.90"), "EUR"), ProductStatus.ACTIVE
    kept = Product(
        *(product_id, f"SKU-{product_id}", "A pear", price, stock, active, NOON, NOON, 1)
    )
    ProductRepository().add(kept, None)
    return kept


def placed(*products: Product, quantity: int = 3) -> Order:
    lines = [
        OrderLine(of.id, of.sku, of.name, of.price, quantity, 0 if of.stock is None else quantity)
        for of in products
    ]
    total = Money.total(line.total for line in lines)
    order = Order(new_id(), ALICE.id, OrderStatus.PENDING, total, lines, None, NOON, NOON, 1)
    OrderRepository().add(order, None)
    return order


def changed(order: Order, **changes: Any) -> Order:
    return replace(order, **changes, updated_at=LATER, version=order.version + 1)


def cancel(order: Order) -> Order:
    cancelled = changed(order, status=OrderStatus.CANCELLED)
    returned = [line for line in order.lines if line.reserved]
    OrderRepository().save(order, cancelled, returned)
    return cancelled


def set_stock(of: Product, stock: int | None) -> None:
    shop.clients.dynamodb().update_item(
        TableName="products_table",
        Key=encode({"id": of.id}),
        UpdateExpression="SET stock = :stock",
        ExpressionAttributeValues=encode({":stock": stock}),
    )


def delete(of: Product) -> None:
    shop.clients.dynamodb().delete_item(TableName="products_table", Key=encode({"id": of.id}))


def row(order_id: str) -> dict[str, Any]:
    key = encode({"user_id": ALICE.id, "id": order_id})
    return decode(shop.clients.dynamodb().get_item(TableName="orders_table", Key=key)["Item"])


def stock_and_version(of: Product) -> tuple[int | None, int] | None:
    kept = ProductRepository().get(of.id)
    return None if kept is None else (kept.stock, kept.version)


def test_order_status_changes_with_its_list_keys_and_counts() -> None:
    order = placed(product())
    before = row(order.id)

    moved = changed(order, status=OrderStatus.PROCESSING)
    OrderRepository().save(order, moved, [])

    assert OrderRepository().get(ALICE.id, order.id) == moved
    after = row(order.id)
    assert after["status_id"] == f"processing#{order.id}"
    assert after["status_total"] == before["status_total"].replace("pending", "processing")
    assert after["status_shard"].startswith("processing#")
    summary = row("summary")
    assert (summary["pending"], summary["processing"]) == (0, 1)
    assert OrderRepository().count(ALICE.id, [*OrderStatus]) == 1


def test_order_note_changes_no_count_and_keeps_attributes_of_newer_code() -> None:
    order = placed(product())
    shop.clients.dynamodb().update_item(
        TableName="orders_table",
        Key=encode({"user_id": ALICE.id, "id": order.id}),
        UpdateExpression="SET gift = :gift",
        ExpressionAttributeValues=encode({":gift": True}),
    )
    before, summary = row(order.id), row("summary")

    OrderRepository().save(order, changed(order, note="Ring twice."), [])

    changes = {"note": "Ring twice.", "updated_at": "2026-11-22T12:01:00.000Z", "version": 2}
    assert row(order.id) == before | changes
    assert row("summary") == summary


def test_stale_order_is_not_changed() -> None:
    pear = product()
    order = placed(pear)
    cancelled = cancel(order)

    for overtaken in (changed(order, note="x"), changed(order, status=OrderStatus.COMPLETED)):
        with pytest.raises(StaleVersion):
            OrderRepository().save(order, overtaken, order.lines)

    assert OrderRepository().get(ALICE.id, order.id) == cancelled
    assert stock_and_version(pear) == (10, 3)
    assert row("summary")["cancelled"] == 1


def test_deleted_order_is_not_recreated() -> None:
    order = placed(product())
    shop.clients.dynamodb().delete_item(
        TableName="orders_table", Key=encode({"user_id": ALICE.id, "id": order.id})
    )

    with pytest.raises(StaleVersion):
        OrderRepository().save(order, changed(order, note="x"), [])

    assert OrderRepository().get(ALICE.id, order.id) is None


def test_cancelled_order_returns_stock_to_every_product_that_counts_it() -> None:
    pear, plum, gone, freed, link = product(), product(), product(), product(), product(None)
    order = placed(pear, plum, gone, freed, link)
    delete(gone)
    set_stock(freed, None)
    set_stock(link, 5)
    again = replace(product(), sku=gone.sku)

    cancel(order)

    assert [stock_and_version(each) for each in (pear, plum)] == [(10, 3), (10, 3)]
    assert stock_and_version(gone) is None
    assert stock_and_version(freed) == (None, 2)
    assert stock_and_version(link) == (5, 1)
    assert stock_and_version(again) == (10, 1)
    kept = ProductRepository().get(pear.id)
    assert kept is not None and kept.updated_at == LATER


def test_cancelled_order_returns_stock_beyond_the_maximum() -> None:
    pear = product()
    order = placed(pear)
    set_stock(pear, 1_000_000_000)

    cancel(order)

    assert stock_and_version(pear) == (1_000_000_003, 3)


@pytest.mark.parametrize("what", ["deleted", "made unlimited", "made counted"])
def test_product_change_between_read_and_commit_rejects_the_cancellation(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shop.dynamo import transactions

    pear = product()
    order = placed(pear)
    if what == "made counted":
        set_stock(pear, None)
    before = row(order.id), row("summary")
    write = transactions.write

    def late(actions: Any) -> None:
        if what == "deleted":
            delete(pear)
        else:
            set_stock(pear, None if what == "made unlimited" else 4)
        write(actions)

    monkeypatch.setattr(transactions, "write", late)
    with pytest.raises(StaleVersion):
        cancel(order)
    monkeypatch.undo()

    assert (row(order.id), row("summary")) == before
    cancel(order)
    expected = {"deleted": None, "made unlimited": (None, 2), "made counted": (7, 3)}
    assert stock_and_version(pear) == expected[what]


def test_cancelled_order_of_fifty_lines_returns_stock_in_one_transaction() -> None:
    products = [product() for _ in range(50)]

    cancel(placed(*products))

    assert {stock_and_version(each) for each in products} == {(10, 3)}
