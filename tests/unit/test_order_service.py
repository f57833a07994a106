"""Orders take catalogue prices and stock atomically, and one key places one order."""

from copy import replace
from decimal import Decimal

import pytest

from shop.errors import (
    CurrencyMismatch,
    Forbidden,
    IdempotencyKeyReused,
    InsufficientStock,
    NotFound,
    ProductUnavailable,
    ServiceUnavailable,
    ShopError,
    ValidationFailed,
)
from shop.idempotency import Replayed
from shop.identifiers import new_id
from shop.money import Money
from shop.orders.models import OrderStatus
from shop.orders.reading import OrderReader
from shop.orders.requests import AllOrdersQuery, OrderListQuery
from shop.orders.service import OrderService
from shop.products.models import Product
from tests.fakes.order_store import (
    DOLLAR,
    GONE,
    LINK,
    PEAR,
    PLUM,
    FakeOrderStore,
    idempotency,
    order_of,
    product,
)
from tests.support.fixtures import ADMIN, ALICE, BOB, NOON


@pytest.fixture
def store() -> FakeOrderStore:
    return FakeOrderStore()


@pytest.fixture
def service(store: FakeOrderStore) -> OrderService:
    return OrderService(store, lambda: NOON, new_id)


def test_order_has_catalogue_prices_and_an_exact_total(service: OrderService) -> None:
    order = service.place(ALICE, ALICE.id, order_of((PEAR, 3), (PLUM, 2)), idempotency())

    assert [(line.unit_price.amount, line.quantity) for line in order.lines] == [
        (Decimal("0.10"), 3),
        (Decimal("19.90"), 2),
    ]
    assert order.total == Money(Decimal("40.10"), "EUR")
    assert order.status is OrderStatus.PENDING


def test_order_takes_stock(service: OrderService, store: FakeOrderStore) -> None:
    order = service.place(ALICE, ALICE.id, order_of((PEAR, 3), (LINK, 2)), idempotency())

    assert store.stock(PEAR) == 7
    assert store.stock(LINK) is None
    assert [line.reserved for line in order.lines] == [3, 0]


def test_product_named_twice_is_one_line(service: OrderService, store: FakeOrderStore) -> None:
    order = service.place(ALICE, ALICE.id, order_of((PEAR, 3), (PLUM, 1), (PEAR, 4)), idempotency())

    assert [(line.product_id, line.quantity) for line in order.lines] == [
        (PEAR.id, 7),
        (PLUM.id, 1),
    ]
    assert store.stock(PEAR) == 3


@pytest.mark.parametrize(
    ("lines", "error", "fields"),
    [
        ([(PEAR, 1), (PLUM, 4)], InsufficientStock, ["body.items.1.quantity"]),
        ([(PEAR, 1), (GONE, 1)], ProductUnavailable, ["body.items.1.productId"]),
        ([(product("1.00", 1), 1)], ProductUnavailable, ["body.items.0.productId"]),
        ([(PEAR, 1), (DOLLAR, 1)], CurrencyMismatch, []),
        ([(replace(PEAR), 6), (PEAR, 5)], InsufficientStock, 2 * [None]),
    ],
)
def test_unavailable_products_are_rejected_and_no_stock_is_taken(
    service: OrderService,
    store: FakeOrderStore,
    lines: list[tuple[Product, int]],
    error: type[ShopError],
    fields: list[str | None],
) -> None:
    before = dict(store.products)

    with pytest.raises(error) as rejection:
        service.place(ALICE, ALICE.id, order_of(*lines), idempotency())

    assert len(rejection.value.details) == len(fields)
    assert all(
        field in (None, detail.field)
        for field, detail in zip(fields, rejection.value.details, strict=True)
    )
    assert store.products == before and store.orders == []


def test_total_out_of_range_is_rejected(service: OrderService, store: FakeOrderStore) -> None:
    dear = product("99999999.99", None)
    store.products[dear.id] = dear

    assert service.place(ALICE, ALICE.id, order_of((dear, 1)), idempotency()).total == dear.price
    with pytest.raises(ValidationFailed):
        service.place(ALICE, ALICE.id, order_of((dear, 2)), idempotency())


def test_stranger_cannot_order_for_a_user_and_an_admin_can(
    service: OrderService, store: FakeOrderStore
) -> None:
    with pytest.raises(Forbidden):
        service.place(BOB, ALICE.id, order_of((PEAR, 1)), idempotency())
    assert store.orders == []

    assert service.place(ADMIN, ALICE.id, order_of((PEAR, 1)), idempotency()).user_id == ALICE.id


def test_price_changed_before_the_commit_is_read_again(
    service: OrderService, store: FakeOrderStore
) -> None:
    dearer = replace(PEAR, price=Money(Decimal("0.20"), "EUR"))
    store.meanwhile = [lambda: store.products.update({PEAR.id: dearer})]

    order = service.place(ALICE, ALICE.id, order_of((PEAR, 2)), idempotency())

    assert order.total == Money(Decimal("0.40"), "EUR")


def test_last_item_sold_before_the_commit_is_insufficient_stock(
    service: OrderService, store: FakeOrderStore
) -> None:
    store.meanwhile = [lambda: store.products.update({PEAR.id: replace(PEAR, stock=0)})]

    with pytest.raises(InsufficientStock):
        service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency())


def test_order_for_another_user_checks_the_callers_role(
    service: OrderService, store: FakeOrderStore
) -> None:
    service.place(ADMIN, ALICE.id, order_of((PEAR, 1)), idempotency())
    assert store.by_admin == ADMIN.id

    service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency())
    assert store.by_admin is None


@pytest.mark.usefixtures("no_time_to_retry")
def test_order_gets_503_while_prices_keep_changing(
    service: OrderService, store: FakeOrderStore
) -> None:
    def reprice() -> None:
        now = store.products[PEAR.id]
        price = replace(now.price, amount=now.price.amount + 1)
        store.products[PEAR.id] = replace(now, price=price)

    store.meanwhile = [reprice] * 100

    with pytest.raises(ServiceUnavailable) as rejection:
        service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency())

    assert rejection.value.retry_after == 1
    assert store.orders == []


def test_repeated_request_gets_the_first_response(
    service: OrderService, store: FakeOrderStore
) -> None:
    order = service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency("k"))

    with pytest.raises(Replayed) as again:
        service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency("k"))

    assert again.value.response.body == order.id
    assert store.stock(PEAR) == 9


def test_reused_key_with_another_body_is_rejected(
    service: OrderService, store: FakeOrderStore
) -> None:
    service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency("k"))

    with pytest.raises(IdempotencyKeyReused):
        service.place(ALICE, ALICE.id, order_of((PEAR, 2)), idempotency("k", b"other"))
    assert store.stock(PEAR) == 9


def test_loser_of_two_equal_requests_for_the_last_item_gets_its_own_order(
    service: OrderService, store: FakeOrderStore
) -> None:
    store.products[PEAR.id] = replace(PEAR, stock=1)
    store.meanwhile = [
        lambda: service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency("k"))
    ]

    with pytest.raises(Replayed) as loser:
        service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency("k"))

    (order,) = store.orders
    assert loser.value.response.body == order.id
    assert store.stock(PEAR) == 0


def test_request_that_sees_the_stock_but_not_the_record_gets_its_order(
    service: OrderService, store: FakeOrderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.products[PEAR.id] = replace(PEAR, stock=1)
    order = service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency("k"))
    # BatchGetItem is no snapshot: each item is read at its own time.
    monkeypatch.setattr(store, "read_catalogue", lambda *_: (store.products, None))

    with pytest.raises(Replayed) as loser:
        service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency("k"))

    assert loser.value.response.body == order.id


def test_rejected_request_is_not_recorded_and_can_be_repeated(
    service: OrderService, store: FakeOrderStore
) -> None:
    store.products[PEAR.id] = replace(PEAR, stock=0)
    with pytest.raises(InsufficientStock):
        service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency("k"))

    store.products[PEAR.id] = PEAR

    assert service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency("k")).total == PEAR.price


def test_order_is_readable_by_its_user_and_admins_only(
    service: OrderService, store: FakeOrderStore
) -> None:
    order = service.place(ALICE, ALICE.id, order_of((PEAR, 1)), idempotency())
    reader = OrderReader(store.get)

    assert reader.read(ALICE, ALICE.id, order.id) == order
    assert reader.read(ADMIN, ALICE.id, order.id) == order
    with pytest.raises(Forbidden):
        reader.read(BOB, ALICE.id, order.id)
    with pytest.raises(NotFound):
        reader.read(BOB, BOB.id, order.id)


def test_orders_are_listed_for_their_user_and_admins_only(service: OrderService) -> None:
    service.place(ALICE, ALICE.id, order_of((LINK, 1)), idempotency())

    for caller in (ALICE, ADMIN):
        own = service.list(caller, ALICE.id, OrderListQuery())
        assert (len(own.items), own.next_cursor, own.total) == (1, None, 1)
    with pytest.raises(Forbidden):
        service.list(BOB, ALICE.id, OrderListQuery())
    assert len(service.list_all(ADMIN, AllOrdersQuery()).items) == 1
    with pytest.raises(Forbidden):
        service.list_all(ALICE, AllOrdersQuery())
