"""Lists over indexes: order, positions, several ranges, and concurrent changes."""

from collections.abc import Iterator
from copy import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shop.clients import dynamodb
from shop.dynamo import tables
from shop.dynamo.codec import encode
from shop.dynamo.listing import IndexQuery, KeyRange
from shop.identifiers import new_id
from shop.money import Money
from shop.pagination import IndexPage, PageRequest
from shop.products.items import product_from_item
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from tests.support.aws_mock import fresh_aws

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAMES = ["pear", "Apple", "äpfel", "PEAR", "Zebra", "pears", "100 plums", "pear"]
PRICES = ["10.00", "9.00", "0.05", "100.00", "9.99", "99999999.99", "9.00", "0.00"]
BOTH = [KeyRange("active"), KeyRange("inactive")]
# The list of products by time, for any status.
ANY = IndexQuery(tables.products, "status", "id", product_from_item, "by_id", ("id",))


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


@pytest.fixture
def products() -> list[Product]:
    made = []
    for number, (name, price) in enumerate(zip(NAMES, PRICES, strict=True)):
        product = Product(
            id=new_id(),
            sku=f"SKU-{number}",
            name=name,
            price=Money(Decimal(price), "EUR"),
            stock=1,
            status=ProductStatus.ACTIVE if number % 3 else ProductStatus.INACTIVE,
            created_at=NOON,
            updated_at=NOON,
            version=1,
        )
        ProductRepository().add(product, None)
        made.append(product)
    return sorted(made, key=lambda product: product.id)


def walked(sort: str, is_descending: bool, limit: int) -> list[Product]:
    """Return all active products, page by page; every page but the last has `limit` rows."""
    found: list[Product] = []
    after: str | None = None
    while True:
        page_request = PageRequest(after, 0, limit)
        page = ProductRepository().list(ProductStatus.ACTIVE, sort, page_request, is_descending)
        found += page.items
        if page.next_position is None:
            return found
        assert len(page.items) == limit
        after = page.next_position


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("sort", ["createdAt", "name", "price"])
def test_pages_have_every_row_once_in_order(
    products: list[Product], sort: str, is_descending: bool, limit: int
) -> None:
    key = {
        "createdAt": lambda product: product.id,
        "name": lambda product: (product.name.casefold(), product.id),
        "price": lambda product: (product.price.amount, product.id),
    }[sort]
    active = [product for product in products if product.is_for_sale]

    assert walked(sort, is_descending, limit) == sorted(active, key=key, reverse=is_descending)


@pytest.mark.parametrize("limit", [1, 2, 3, 8])
@pytest.mark.parametrize("is_descending", [False, True])
def test_merged_ranges_share_one_position(
    products: list[Product], is_descending: bool, limit: int
) -> None:
    found: list[Product] = []
    page = ANY.page(BOTH, PageRequest(None, 0, limit), is_descending)
    found += page.items
    while page.next_position is not None:
        page = ANY.page(BOTH, PageRequest(page.next_position, 0, limit), is_descending)
        found += page.items

    assert found == (products[::-1] if is_descending else products)


def test_numbered_pages_equal_pages_by_position(products: list[Product]) -> None:
    first = ANY.page(BOTH, PageRequest(None, 0, 3), is_descending=False)
    second = ANY.page(BOTH, PageRequest(None, 3, 3), is_descending=False)

    assert ANY.page(BOTH, PageRequest(first.next_position, 0, 3), is_descending=False) == second
    assert ANY.page(BOTH, PageRequest(None, 8, 3), is_descending=False) == IndexPage([], None)


def test_page_that_ends_at_the_last_row_has_no_next_position(products: list[Product]) -> None:
    assert (
        ANY.page(BOTH, PageRequest(None, 0, len(products)), is_descending=False).next_position
        is None
    )


def test_position_of_a_deleted_row_is_valid(products: list[Product]) -> None:
    first = ANY.page(BOTH, PageRequest(None, 0, 3), is_descending=False)
    dynamodb().delete_item(TableName=tables.products(), Key=encode({"id": products[2].id}))

    rest = ANY.page(BOTH, PageRequest(first.next_position, 0, 9), is_descending=False)

    assert rest.items == products[3:]


def test_invisible_rows_are_omitted_from_a_full_page(
    products: list[Product],
) -> None:
    hidden = {products[0].id, products[2].id}

    page = ANY.page(BOTH, PageRequest(None, 0, 3), False, lambda product: product.id not in hidden)

    assert page.items == [products[1], products[3], products[4]]
    assert page.next_position == products[4].id


def test_item_in_two_ranges_of_an_index_is_listed_once(
    products: list[Product],
) -> None:
    page = ANY.page(
        [KeyRange("active"), KeyRange("active")], PageRequest(None, 0, 100), is_descending=False
    )

    assert page.items == [product for product in products if product.is_for_sale]


def test_item_in_two_places_of_an_index_is_listed_once(
    products: list[Product],
) -> None:
    by_name = IndexQuery(
        tables.products, "status", "name_key", product_from_item, "by_name", ("id",)
    )

    page = by_name.page(
        [KeyRange("active"), KeyRange("active", "pear\0")], PageRequest(None, 0, 100), False
    )

    active = [product for product in products if product.is_for_sale]
    assert sorted(page.items, key=lambda product: product.id) == active


@pytest.mark.parametrize(
    "name", ["\U0010ffff", "\U0010ffff pear", "\U0010ffff" * 100], ids=["alone", "first", "long"]
)
@pytest.mark.parametrize("is_descending", [False, True])
def test_name_of_the_last_code_point_is_listed(
    products: list[Product], name: str, is_descending: bool
) -> None:
    last = replace(products[1], id=new_id(), sku="LAST", name=name)
    ProductRepository().add(last, None)

    by_time, by_name = (walked(sort, is_descending, 2) for sort in ("createdAt", "name"))

    assert by_name[0 if is_descending else -1] == last
    assert {product.id for product in by_name} == {product.id for product in by_time}


@pytest.mark.parametrize("position", ["\U0010ffff" * 99, "\U0010ffff" * 2, " ", "\0", "zzz", "0"])
@pytest.mark.parametrize("is_descending", [False, True])
def test_position_without_a_row_is_no_error(
    products: list[Product], position: str, is_descending: bool
) -> None:
    page = ANY.page(BOTH, PageRequest(position, 0, 100), is_descending)

    met = [p for p in products if (p.id < position if is_descending else p.id > position)]
    assert page.items == (met[::-1] if is_descending else met)


def test_page_of_one_range_after_a_position_is_one_query(products: list[Product]) -> None:
    queries: list[int] = []
    # `Any`: botocore passes the response of the operation.
    dynamodb().meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: queries.append(parsed["Count"])
    )
    first = ProductRepository().list(ProductStatus.ACTIVE, "name", PageRequest(None, 0, 2), False)
    ProductRepository().list(
        ProductStatus.ACTIVE, "name", PageRequest(first.next_position, 0, 2), False
    )

    assert queries == [3, 4]  # one more to detect a next page, and the row at the position


def test_range_with_more_than_its_share_is_queried_for_that_share() -> None:
    for number in range(60):
        status = ProductStatus.ACTIVE if number % 10 else ProductStatus.INACTIVE
        product = Product(
            id=new_id(),
            sku=f"SKU-{number}",
            name="pear",
            price=Money(Decimal(1), "EUR"),
            stock=1,
            status=status,
            created_at=NOON,
            updated_at=NOON,
            version=1,
        )
        ProductRepository().add(product, None)
    queries: list[int] = []
    # `Any`: botocore passes the response of the operation.
    dynamodb().meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: queries.append(parsed["Count"])
    )

    page = ANY.page(BOTH, PageRequest(None, 0, 39), is_descending=False)

    assert len(page.items) == 39
    assert {*queries[:2]} == {29, 6}  # concurrent, so in any order
    assert 39 - 29 - 6 < queries[2] < 58 // 2 and len(queries) == 3
