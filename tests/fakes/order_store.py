"""Orders and stock in memory, with the catalogue that tests of orders share."""

from collections.abc import Mapping, Sequence
from copy import replace
from decimal import Decimal
from typing import Any

from shop.caller import Caller
from shop.http.response import Response
from shop.idempotency import IdempotentRequest, Record
from shop.identifiers import new_id
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.requests import OrderPlace, OrderUpdate
from shop.orders.service import OrderService
from shop.pagination import IndexPage, PageRequest
from shop.preconditions import Precondition
from shop.products.models import Product, ProductStatus
from shop.retries import StaleVersion
from tests.support.fixtures import ALICE, NOON


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


class FakeOrderStore:
    """Orders and stock in memory; `meanwhile` runs once between a read and its commit."""

    def __init__(self) -> None:
        self.products = {p.id: p for p in (PEAR, PLUM, LINK, DOLLAR, GONE)}
        self.orders: list[Order] = []
        self.records: dict[str, Record] = {}
        self.meanwhile: list[object] = []
        self.by_admin: str | None = None  # role check of the last write

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
            is_short = now.stock is not None and now.stock < line.reserved
            if now.price != line.unit_price or is_short:
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
        returned_lines: Sequence[OrderLine],
        by_admin: str | None = None,
        is_by_owner: bool = False,
    ) -> None:
        self.by_admin = by_admin
        self.is_by_owner = is_by_owner  # of the last change
        self._let_others_act()
        if before not in self.orders:
            raise StaleVersion
        self.orders[self.orders.index(before)] = after
        for line in returned_lines:
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


def order_of(*lines: tuple[Product, int]) -> OrderPlace:
    return OrderPlace.model_validate(
        {"items": [{"productId": p.id, "quantity": quantity} for p, quantity in lines]}
    )


def idempotency(key: str | None = None, digest: bytes = b"body") -> IdempotentRequest:
    def render(created: object) -> Response:
        assert isinstance(created, Order)
        return Response(201, {}, created.id)

    return IdempotentRequest(key, digest, render, lambda: NOON)


PENDING, PROCESSING, COMPLETED, CANCELLED = OrderStatus


WHATEVER = Precondition()


def update(**changes: Any) -> OrderUpdate:
    return OrderUpdate.model_validate(changes)


def placed(service: OrderService, store: FakeOrderStore, status: OrderStatus = PENDING) -> Order:
    """Place Alice's order of three pears and two links, and set this status directly."""
    order = service.place(ALICE, ALICE.id, order_of((PEAR, 3), (LINK, 2)), idempotency())
    store.orders[-1] = replace(order, status=status)
    return store.orders[-1]


def act(
    service: OrderService,
    caller: Caller,
    order: Order,
    precondition: Precondition = WHATEVER,
    **changes: Any,
) -> Order:
    return service.update(caller, order.user_id, order.id, update(**changes), precondition)
