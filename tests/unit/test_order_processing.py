"""Placed orders start processing once under repeats and races, or are cancelled unfulfilled."""

from collections.abc import Callable
from copy import replace

import pytest

from shop.identifiers import new_id
from shop.orders.fulfilment import FulfilmentFailed
from shop.orders.models import Order, OrderStatus
from shop.orders.service import OrderService
from tests.fakes.order_store import PEAR, FakeOrderStore, act, placed
from tests.support.fixtures import ALICE, NOON

PENDING, PROCESSING, COMPLETED, CANCELLED = OrderStatus


class FakeFulfilment:
    """A fulfilment that accepts or rejects orders; `meanwhile` runs during its check."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.accepted: list[str] = []
        self.is_on_strike = False
        self.meanwhile = meanwhile

    def accept(self, order: Order) -> None:
        if self.is_on_strike:
            raise ConnectionError
        self.accepted.append(order.id)
        self.meanwhile()


@pytest.fixture
def store() -> FakeOrderStore:
    return FakeOrderStore()


@pytest.fixture
def service(store: FakeOrderStore) -> OrderService:
    return OrderService(store, lambda: NOON, new_id)


def start(service: OrderService, order: Order, packer: FakeFulfilment) -> None:
    service.start_processing(order.user_id, order.id, packer)


def test_pending_order_is_accepted_and_processing(
    service: OrderService, store: FakeOrderStore
) -> None:
    order, packer = placed(service, store), FakeFulfilment()

    start(service, order, packer)

    assert packer.accepted == [order.id]
    assert store.orders == [replace(order, status=PROCESSING, version=2)]
    assert store.stock(PEAR) == 7


def test_repeated_messages_start_processing_once(
    service: OrderService, store: FakeOrderStore
) -> None:
    order, packer = placed(service, store), FakeFulfilment()

    for _ in range(3):
        start(service, order, packer)

    assert packer.accepted == [order.id]
    assert store.orders[0].version == 2


@pytest.mark.parametrize("status", [PROCESSING, COMPLETED, CANCELLED])
def test_order_that_is_not_pending_is_unchanged(
    service: OrderService, store: FakeOrderStore, status: OrderStatus
) -> None:
    order, packer = placed(service, store, status), FakeFulfilment()

    start(service, order, packer)
    service.cancel_unfulfilled(order.user_id, order.id)

    assert (packer.accepted, store.orders) == ([], [order])
    assert store.stock(PEAR) == 7


def test_unknown_order_is_skipped(service: OrderService) -> None:
    packer = FakeFulfilment()

    service.start_processing(ALICE.id, new_id(), packer)
    service.cancel_unfulfilled(ALICE.id, new_id())

    assert packer.accepted == []


def test_order_cancelled_while_accepted_stays_cancelled(
    service: OrderService, store: FakeOrderStore
) -> None:
    order = placed(service, store)
    packer = FakeFulfilment(meanwhile=lambda: act(service, ALICE, order, status=CANCELLED))

    start(service, order, packer)

    assert store.orders[0].status is CANCELLED
    assert store.stock(PEAR) == 10


def test_unaccepted_order_is_unchanged(service: OrderService, store: FakeOrderStore) -> None:
    order, packer = placed(service, store), FakeFulfilment()
    packer.is_on_strike = True

    with pytest.raises(FulfilmentFailed):
        start(service, order, packer)

    assert store.orders == [order]


def test_unfulfilled_order_is_cancelled_and_returns_stock_once(
    service: OrderService, store: FakeOrderStore
) -> None:
    order = placed(service, store)

    for _ in range(3):
        service.cancel_unfulfilled(order.user_id, order.id)

    assert store.orders[0].status is CANCELLED
    assert store.orders[0].version == 2
    assert store.stock(PEAR) == 10
