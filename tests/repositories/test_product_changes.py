"""Product changes: the named fields, their sort keys, stock and SKU, one change at a time."""

from collections.abc import Iterator
from copy import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

import shop.clients
from shop.dynamo.codec import Item, decode
from shop.dynamo.sort_keys import amount_key, text_key
from shop.errors import SkuInUse
from shop.identifiers import new_id
from shop.money import Money
from shop.products.models import MAX_STOCK, Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.retries import StaleVersion
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON

LATER = NOON + timedelta(hours=1)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def kept(**changes: Any) -> Product:
    price = Money(Decimal("19.90"), "EUR")
    product_id = new_id()
    product = Product(
        *(product_id, f"SKU-{product_id}", "A pear", price, 10, ProductStatus.ACTIVE),
        *(NOON, NOON, 1),
    )
    product = replace(product, **changes)
    ProductRepository().add(product, None)
    return product


def change(
    before: Product, delta: int = 0, version: int | None = None, **changes: Any
) -> Product | None:
    """Save the changes, and return the stored product."""
    after = replace(before, updated_at=LATER, **changes)
    ProductRepository().save(before, after, _names(changes), delta, version)
    return ProductRepository().get(before.id)


def _names(changes: dict[str, Any]) -> set[str]:
    return {name for name in changes if name != "price"} | (
        {"price", "currency"} if "price" in changes else set()
    )


def everything() -> list[Item]:
    items = shop.clients.dynamodb().scan(TableName="products_table")["Items"]
    return sorted(map(decode, items), key=lambda item: str(item["id"]))


def test_named_fields_are_set_with_their_sort_keys() -> None:
    product = kept()
    (before, guard) = everything()
    price = Money(Decimal("5.00"), "USD")

    changed = change(product, name="Zwei Birnen", price=price)

    assert changed == replace(product, name="Zwei Birnen", price=price, updated_at=LATER, version=2)
    assert everything() == [
        before
        | {
            "name": "Zwei Birnen",
            "name_key": text_key("Zwei Birnen", product.id),
            "price": Decimal("5.00"),
            "currency": "USD",
            "price_key": amount_key(Decimal("5.00"), product.id),
            "updated_at": "2026-11-22T13:00:00.000Z",
            "version": 2,
        },
        guard,
    ]


@pytest.mark.parametrize(("stock", "changed"), [(10, None), (None, 10), (10, 0)])
def test_stock_is_set_from_any_value(stock: int | None, changed: int | None) -> None:
    product = kept(stock=stock)

    after = change(product, stock=changed, status=ProductStatus.INACTIVE)

    assert after is not None
    assert (after.stock, after.status) == (changed, ProductStatus.INACTIVE)


def test_concurrent_change_of_other_fields_is_kept() -> None:
    read = kept()
    change(read, delta=-3, status=ProductStatus.INACTIVE)

    changed = change(read, name="B")

    assert changed is not None
    assert (changed.stock, changed.status, changed.version) == (7, ProductStatus.INACTIVE, 3)


@pytest.mark.parametrize(
    ("stock", "delta", "left"),
    [
        (10, -10, 0),
        (0, MAX_STOCK, MAX_STOCK),
        (MAX_STOCK, -MAX_STOCK, 0),
        (MAX_STOCK + 5, -1, MAX_STOCK + 4),  # as after cancelled orders
    ],
)
def test_stock_changes_up_to_its_bounds(stock: int, delta: int, left: int) -> None:
    changed = change(kept(stock=stock), delta)

    assert changed is not None and changed.stock == left


@pytest.mark.parametrize(
    ("stock", "delta"),
    [(10, -11), (0, -1), (1, MAX_STOCK), (MAX_STOCK + 5, 1), (None, 1), (None, -1)],
)
def test_stock_change_beyond_its_bounds_changes_nothing(stock: int | None, delta: int) -> None:
    read = kept(stock=stock)
    before = everything()

    with pytest.raises(StaleVersion):
        change(read, delta, name="B", sku="B")

    assert everything() == before


def test_stale_product_is_reported_before_a_used_sku() -> None:
    read, other = kept(), kept()
    change(read, delta=-1)

    with pytest.raises(StaleVersion):
        change(read, version=1, sku=other.sku)


def test_new_sku_releases_the_old_one() -> None:
    product = kept(sku="OLD")

    changed = change(product, sku="NEW")

    assert changed is not None and changed.sku == "NEW"
    assert {item["id"] for item in everything()} == {product.id, "sku#NEW"}
    assert kept(sku="OLD").sku == "OLD"


def test_used_sku_stays_with_its_product() -> None:
    product, other = kept(), kept()
    before = everything()

    with pytest.raises(SkuInUse):
        change(product, sku=other.sku)

    assert everything() == before


@pytest.mark.parametrize("named", ["price", "currency"])
def test_price_changes_only_in_the_currency_that_was_read(named: str) -> None:
    before = kept()
    overtaken = change(before, price=Money(Decimal("5.00"), "JPY"))
    after = replace(before, price=Money(Decimal("7.50"), "USD"))

    with pytest.raises(StaleVersion):
        ProductRepository().save(before, after, {named}, 0, None)

    assert ProductRepository().get(before.id) == overtaken


def test_named_sku_changes_only_from_the_one_that_was_read() -> None:
    read = kept(sku="OLD")
    change(read, sku="NEW")
    before = everything()

    for sku in ("OLD", "NEWER"):
        with pytest.raises(StaleVersion):
            change(read, sku=sku, name="B")

    assert everything() == before


@pytest.mark.parametrize("sku", ["SAME", "OTHER"])
def test_product_change_requires_a_given_version(sku: str) -> None:
    read = kept(sku="SAME")
    change(read, delta=-1)
    before = everything()

    with pytest.raises(StaleVersion):
        change(read, version=1, sku=sku, name="B")
    with pytest.raises(StaleVersion):
        ProductRepository().delete(read, 1)

    assert everything() == before
    assert change(read, version=2, sku=sku, name="B") is not None


def test_deleted_product_is_not_recreated() -> None:
    read = kept()

    ProductRepository().delete(read, None)

    assert everything() == []
    for attempt in ({"name": "B"}, {"delta": 1}, {"sku": "B"}):
        with pytest.raises(StaleVersion):
            change(read, **attempt)
    with pytest.raises(StaleVersion):
        ProductRepository().delete(read, None)
    assert everything() == []


def test_sku_item_of_another_product_is_not_deleted() -> None:
    read = kept(sku="OLD")
    shop.clients.dynamodb().put_item(
        TableName="products_table", Item={"id": {"S": "sku#OLD"}, "product_id": {"S": new_id()}}
    )
    before = everything()

    with pytest.raises(StaleVersion):
        ProductRepository().delete(read, None)
    with pytest.raises(StaleVersion):
        change(read, sku="NEW")

    assert everything() == before


def test_deletion_with_an_outdated_sku_deletes_nothing() -> None:
    read = kept(sku="OLD")
    change(read, sku="NEW")
    kept(sku="OLD")
    before = everything()

    with pytest.raises(StaleVersion):
        ProductRepository().delete(read, None)

    assert everything() == before
