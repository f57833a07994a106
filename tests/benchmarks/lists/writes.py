"""The cost of writes with their indexes, and of the projector's writes for lists."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from copy import replace
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shop.clock import now
from shop.http.response import Response
from shop.idempotency import KEPT_FOR, Record
from shop.identity.accounts.models import UserStatus
from shop.orders.models import Order, OrderStatus
from shop.orders.repository import OrderRepository
from shop.orders.responses import OrderResponse
from shop.products.repository import ProductRepository
from shop.projections.dependencies import projections
from shop.projections.models import Entity, Kind
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.benchmarks.lists import dataset
from tests.benchmarks.lists.ledger import Ledger, billed_writes
from tests.benchmarks.lists.meter import counted_calls

_HASH = "$2b$12$" + "x" * 53  # length of a bcrypt hash
_LATER = timedelta(minutes=1)


@dataclass(frozen=True)
class Written:
    title: str
    itself: Ledger
    projected: Ledger


@dataclass(frozen=True)
class Batch:
    """Units of the projector."""

    records: int
    seconds: float
    calls: Counter[str]  # by operation


def all_writes() -> Iterator[Written]:
    buyer = dataset.user(1)
    entity = Entity(Kind.USERS, buyer.id)
    users = UserRepository()
    yield _written("sign-up", lambda: users.add(buyer, _HASH), entity)
    renamed = _next(buyer, name="Ada Byron")
    yield _written("user: another name", lambda: users.save(buyer, renamed), entity)
    moved = _next(renamed, email="ada.byron@posteo.de")
    yield _written("user: another e-mail", lambda: users.save(renamed, moved), entity)
    shut = _next(moved, status=UserStatus.INACTIVE)
    yield _written("user: deactivated", lambda: users.save(moved, shut), entity)
    users.save(shut, _next(shut, status=UserStatus.ACTIVE))

    small, large = dataset.order(1, buyer.id, 1), dataset.order(2, buyer.id, 3)
    for line in (*small.lines, *large.lines):
        number = int(line.sku.removeprefix("SKU-"))
        ProductRepository().add(dataset.product(number), None)
    new = dataset.product(1_000)
    record = Record("x" * 80, b"d" * 32, _response(new), now() + KEPT_FOR)
    yield _written(
        "product added", lambda: ProductRepository().add(new, record), Entity(Kind.PRODUCTS, new.id)
    )
    for order in (small, large):
        order = replace(order, status=OrderStatus.PENDING)
        entity = Entity(Kind.ORDERS, order.id, buyer.id)
        key = f"{len(order.lines):080}"
        record = Record(key, b"d" * 32, _response(order), now() + KEPT_FOR)
        lines = "1 line" if len(order.lines) == 1 else f"{len(order.lines)} lines"
        yield _written(f"order of {lines}", _placing(order, record), entity)
    started = _next_order(order, OrderStatus.PROCESSING)
    yield _written("order: pending to processing", _saving(order, started), entity)
    stopped = _next_order(started, OrderStatus.CANCELLED)
    yield _written("order of 3 lines cancelled", _saving(started, stopped), entity)


def batch_of_sign_ups(count: int = 100) -> Batch:
    signed_up = [dataset.user(number) for number in range(2_000, 2_000 + count)]
    for user in signed_up:
        UserRepository().add(user, _HASH)
    entities = [Entity(Kind.USERS, user.id) for user in signed_up]
    with counted_calls() as calls:
        began = time.perf_counter()
        assert projections().project(entities) == {}
        seconds = time.perf_counter() - began
    return Batch(count, seconds, calls)


def _written(title: str, write: Callable[[], None], entity: Entity) -> Written:
    with billed_writes() as itself:
        write()
    with billed_writes() as projected:
        _project(entity)
    return Written(title, itself, projected)


def _project(entity: Entity) -> None:
    assert projections().project([entity]) == {}


def _placing(order: Order, record: Record) -> Callable[[], None]:
    return lambda: OrderRepository().add(order, record)


def _saving(before: Order, after: Order) -> Callable[[], None]:
    returned = before.lines if after.status is OrderStatus.CANCELLED else []
    return lambda: OrderRepository().save(before, after, returned)


def _next(user: User, **changes: Any) -> User:
    return replace(
        user,
        version=user.version + 1,
        updated_at=user.updated_at + _LATER,
        **changes,
    )


def _next_order(order: Order, status: OrderStatus) -> Order:
    return replace(
        order, status=status, version=order.version + 1, updated_at=order.updated_at + _LATER
    )


def _response(created: object) -> Response:
    body = OrderResponse.of(created).as_text() if isinstance(created, Order) else "x" * 300
    return Response(201, {"ETag": '"1"', "Location": "/api/users/x/orders/" + "x" * 36}, body)
