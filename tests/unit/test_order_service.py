"""Orders take catalogue prices and stock atomically, and one key places one order."""

from dataclasses import replace
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
from shop.orders.schemas import AllOrdersQuery, OrderListQuery
from shop.orders.service import OrderService
from shop.pagination import IndexPage, PageRequest
from shop.products.models import Product, ProductStatus
from shop.retries import StaleVersion
from tests.people import ADMIN, ALICE, BOB, NOON


def product(price: str, stock: int | None, currency: str = "EUR") -> Product:
    product_id = new_id()
    return Product(
        id=product_id,
        sku=f"SKU-{product_id}",
        name="A fruit",
        price=Money(Decimal(price), currency),
        stock=stock,
        status=ProductStatus.ACTIVE,
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )


PEAR = product("0.10", 10)
PLUM = product("19.90", 3)
LINK = product("5.00", None)
DOLLAR = product("1.00", 5, "USD")
GONE = replace(product("1.00", 5), status=ProductStatus.INACTIVE)


class Shelf:
    """Orders and stock in memory; `meanwhile` runs once between a read and its commit."""

    def __init__(self) -> None:
        self.products = {p.id: p for p in (PEAR, PLUM, LINK, DOLLAR, GONE)}
        self.orders: list[Order] = []
        self.records: dict[str, Record] = {}
        self.meanwhile: list[object] = []
        self.by_admin: str | None = None  # of the last write

    def read_catalogue(
        self, product_ids: Sequence[str], idempotency_key: str | None
    ) -> tuple[Mapping[str, Product], Record | None]:
        found = {i: self.products[i] for i in product_ids if i in self.products}
        return found, self.find_committed_record(idempotency_key)

    def find_committed_record(self, idempotency_key: str | None) -> Record | None:
        return self.records.get(idempotency_key or "")

    def _let_others_act(self) -> None:
        if self.meanwhile:
            change = self.meanwhile.pop(0)
            assert callable(change)
            change()

    def add(self, order: Order, record: Record | None, by_admin: str | None = None) -> None:
        self.by_admin = by_admin
        self._let_others_act()
        for line in order.lines:
            now = self.products[line.product_id]
            if now.price != line.unit_price or (
                now.stock is not None and now.stock < line.reserved
            ):
                raise StaleVersion
        for line in order.lines:
            now = self.products[line.product_id]
            if now.stock is not None:
                self.products[now.id] = replace(now, stock=now.stock - line.reserved)
        self.orders.append(order)
        if record is not None:
            self.records[record.key] = record

    def get(self, user_id: str, order_id: str) -> Order | None:
        return next((o for o in self.orders if (o.user_id, o.id) == (user_id, order_id)), None)

    def save(
        self,
        before: Order,
        after: Order,
        returned: Sequence[OrderLine],
        by_admin: str | None = None,
        is_by_owner: bool = False,
    ) -> None:
        self.by_admin = by_admin
        self.is_by_owner = is_by_owner  # of the last change
        self._let_others_act()
        if before not in self.orders:
            raise StaleVersion
        self.orders[self.orders.index(before)] = after
        for line in returned:
            now = self.products.get(line.product_id)
            if now is not None and now.stock is not None:
                self.products[now.id] = replace(
                    now, stock=now.stock + line.reserved, version=now.version + 1
                )

    def list_of_user(
        self,
        user_id: str,
        statuses: Sequence[OrderStatus],
        sort: str,
        page_request: PageRequest,
        is_descending: bool,
    ) -> IndexPage[Order]:
        return IndexPage([o for o in self.orders if o.user_id == user_id], None)

    def list_all(
        self, statuses: Sequence[OrderStatus], page_request: PageRequest, is_descending: bool
    ) -> IndexPage[Order]:
        return IndexPage(self.orders, None)

    def count_all(self, statuses: Sequence[OrderStatus]) -> int:
        return len(self.orders)

    def count(self, user_id: str, statuses: Sequence[OrderStatus]) -> int:
        return sum(o.user_id == user_id for o in self.orders)

    def stock(self, of: Product) -> int | None:
        return self.products[of.id].stock


@pytest.fixture
def shelf() -> FakeOrderStore:
    return FakeOrderStore()


@pytest.fixture
def desk(shelf: FakeOrderStore) -> OrderService:
    return OrderService(shelf, lambda: NOON, new_id)


def wanted(*lines: tuple[Product, int]) -> OrderPlace:
    return OrderPlace.model_validate(
        {"items": [{"productId": p.id, "quantity": quantity} for p, quantity in lines]}
    )


def idempotency(key: str | None = None, digest: bytes = b"body") -> IdempotentRequest:
    def render(created: object) -> Response:
        assert isinstance(created, Order)
        return Response(201, {}, created.id)

    return IdempotentRequest(key, digest, render, lambda: NOON)


def test_an_order_has_catalogue_prices_and_an_exact_total(desk: OrderService) -> None:
    order = desk.place(ALICE, ALICE.id, wanted((PEAR, 3), (PLUM, 2)), idempotency())

    assert [(line.unit_price.amount, line.quantity) for line in order.lines] == [
        (Decimal("0.10"), 3),
        (Decimal("19.90"), 2),
    ]
    assert order.total == Money(Decimal("40.10"), "EUR")
    assert order.status is OrderStatus.PENDING


def test_stock_is_taken_with_the_order(desk: OrderService, shelf: Shelf) -> None:
    order = desk.place(ALICE, ALICE.id, wanted((PEAR, 3), (LINK, 2)), idempotency())

    assert shelf.stock(PEAR) == 7
    assert shelf.stock(LINK) is None
    assert [line.reserved for line in order.lines] == [3, 0]


def test_a_product_named_twice_is_one_line(desk: OrderService, shelf: Shelf) -> None:
    order = desk.place(ALICE, ALICE.id, wanted((PEAR, 3), (PLUM, 1), (PEAR, 4)), idempotency())

    assert [(line.product_id, line.quantity) for line in order.lines] == [
        (PEAR.id, 7),
        (PLUM.id, 1),
    ]
    assert shelf.stock(PEAR) == 3


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
    desk: OrderService,
    shelf: FakeOrderStore,
    lines: list[tuple[Product, int]],
    error: type[ShopError],
    fields: list[str | None],
) -> None:
    before = dict(shelf.products)

    with pytest.raises(error) as refusal:
        desk.place(ALICE, ALICE.id, wanted(*lines), idempotency())

    assert len(refusal.value.details) == len(fields)
    assert all(
        field in (None, detail.field)
        for field, detail in zip(fields, refusal.value.details, strict=True)
    )
    assert shelf.products == before and shelf.orders == []


def test_total_out_of_range_is_rejected(desk: OrderService, shelf: FakeOrderStore) -> None:
    dear = product("99999999.99", None)
    shelf.products[dear.id] = dear

    assert desk.place(ALICE, ALICE.id, wanted((dear, 1)), idempotency()).total == dear.price
    with pytest.raises(ValidationFailed):
        desk.place(ALICE, ALICE.id, wanted((dear, 2)), idempotency())


def test_stranger_cannot_order_for_a_user_and_an_admin_can(
    desk: OrderService, shelf: FakeOrderStore
) -> None:
    with pytest.raises(Forbidden):
        desk.place(BOB, ALICE.id, wanted((PEAR, 1)), idempotency())
    assert shelf.orders == []

    assert desk.place(ADMIN, ALICE.id, wanted((PEAR, 1)), idempotency()).user_id == ALICE.id


def test_price_changed_before_the_commit_is_read_again(
    desk: OrderService, shelf: FakeOrderStore
) -> None:
    dearer = replace(PEAR, price=Money(Decimal("0.20"), "EUR"))
    shelf.meanwhile = [lambda: shelf.products.update({PEAR.id: dearer})]

    order = desk.place(ALICE, ALICE.id, wanted((PEAR, 2)), idempotency())

    assert order.total == Money(Decimal("0.40"), "EUR")


def test_last_item_sold_before_the_commit_is_insufficient_stock(
    desk: OrderService, shelf: FakeOrderStore
) -> None:
    shelf.meanwhile = [lambda: shelf.products.update({PEAR.id: replace(PEAR, stock=0)})]

    with pytest.raises(InsufficientStock):
        desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency())


def test_order_for_another_user_checks_the_callers_role(desk: OrderService, shelf: Shelf) -> None:
    desk.place(ADMIN, ALICE.id, wanted((PEAR, 1)), idempotency())
    assert shelf.by_admin == ADMIN.id

    desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency())
    assert shelf.by_admin is None


@pytest.mark.usefixtures("no_time_to_retry")
def test_order_gets_503_while_prices_keep_changing(
    desk: OrderService, shelf: FakeOrderStore
) -> None:
    def reprice() -> None:
        now = shelf.products[PEAR.id]
        price = replace(now.price, amount=now.price.amount + 1)
        shelf.products[PEAR.id] = replace(now, price=price)

    shelf.meanwhile = [reprice] * 100

    with pytest.raises(ServiceUnavailable) as refusal:
        desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency())

    assert refusal.value.retry_after == 1
    assert shelf.orders == []


def test_the_same_request_again_gets_the_first_answer(desk: OrderService, shelf: Shelf) -> None:
    order = desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency("k"))

    with pytest.raises(Replayed) as again:
        desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency("k"))

    assert again.value.response.body == order.id
    assert shelf.stock(PEAR) == 9


def test_the_same_key_with_another_body_is_refused(desk: OrderService, shelf: Shelf) -> None:
    desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency("k"))

    with pytest.raises(IdempotencyKeyReused):
        desk.place(ALICE, ALICE.id, wanted((PEAR, 2)), idempotency("k", b"other"))
    assert shelf.stock(PEAR) == 9


def test_loser_of_two_equal_requests_for_the_last_item_gets_its_own_order(
    desk: OrderService, shelf: FakeOrderStore
) -> None:
    shelf.products[PEAR.id] = replace(PEAR, stock=1)
    shelf.meanwhile = [lambda: desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency("k"))]

    with pytest.raises(Replayed) as loser:
        desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency("k"))

    (order,) = shelf.orders
    assert loser.value.response.body == order.id
    assert shelf.stock(PEAR) == 0


def test_request_that_sees_the_stock_but_not_the_record_gets_its_order(
    desk: OrderService, shelf: FakeOrderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.products[PEAR.id] = replace(PEAR, stock=1)
    order = desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency("k"))
    # A BatchGetItem is no snapshot: each of its items is read at a moment of its own.
    monkeypatch.setattr(shelf, "read_catalogue", lambda *_: (shelf.products, None))

    with pytest.raises(Replayed) as loser:
        desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency("k"))

    assert loser.value.response.body == order.id


def test_rejected_request_is_not_recorded_and_can_be_repeated(
    desk: OrderService, shelf: FakeOrderStore
) -> None:
    shelf.products[PEAR.id] = replace(PEAR, stock=0)
    with pytest.raises(InsufficientStock):
        desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency("k"))

    shelf.products[PEAR.id] = PEAR

    assert desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency("k")).total == PEAR.price


def test_an_order_is_read_by_its_user_and_admins_only(desk: OrderService) -> None:
    order = desk.place(ALICE, ALICE.id, wanted((PEAR, 1)), idempotency())

    assert desk.read(ALICE, ALICE.id, order.id) == order
    assert desk.read(ADMIN, ALICE.id, order.id) == order
    with pytest.raises(Forbidden):
        desk.read(BOB, ALICE.id, order.id)
    with pytest.raises(NotFound):
        desk.read(BOB, BOB.id, order.id)


def test_who_may_list_orders(desk: OrderService) -> None:
    desk.place(ALICE, ALICE.id, wanted((LINK, 1)), idempotency())

    for caller in (ALICE, ADMIN):
        own = desk.list(caller, ALICE.id, OrderListQuery())
        assert (len(own.items), own.next_cursor, own.total) == (1, None, 1)
    with pytest.raises(Forbidden):
        desk.list(BOB, ALICE.id, OrderListQuery())
    assert len(desk.list_all(ADMIN, AllOrdersQuery()).items) == 1
    with pytest.raises(Forbidden):
        desk.list_all(ALICE, AllOrdersQuery())
