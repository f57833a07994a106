"""Placed orders start processing once under repeats and races, or are cancelled unfulfilled."""

from collections.abc import Callable
from dataclasses import replace

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
def shelf() -> FakeOrderStore:
    return FakeOrderStore()


@pytest.fixture
def desk(shelf: FakeOrderStore) -> OrderService:
    return OrderService(shelf, lambda: NOON, new_id)


def start(desk: OrderService, order: Order, packer: FakeFulfilment) -> None:
    desk.start_processing(order.user_id, order.id, packer)


def test_pending_order_is_accepted_and_processing(
    desk: OrderService, shelf: FakeOrderStore
) -> None:
    order, packer = placed(desk, shelf), FakeFulfilment()

    start(desk, order, packer)

    assert packer.accepted == [order.id]
    assert shelf.orders == [replace(order, status=PROCESSING, version=2)]
    assert shelf.stock(PEAR) == 7


def test_repeated_messages_start_processing_once(desk: OrderService, shelf: FakeOrderStore) -> None:
    order, packer = placed(desk, shelf), FakeFulfilment()

    for _ in range(3):
        start(desk, order, packer)

    assert packer.accepted == [order.id]
    assert shelf.orders[0].version == 2


@pytest.mark.parametrize("status", [PROCESSING, COMPLETED, CANCELLED])
def test_order_that_is_not_pending_is_unchanged(
    desk: OrderService, shelf: FakeOrderStore, status: OrderStatus
) -> None:
    order, packer = placed(desk, shelf, status), FakeFulfilment()

    start(desk, order, packer)
    desk.cancel_unfulfilled(order.user_id, order.id)

    assert (packer.accepted, shelf.orders) == ([], [order])
    assert shelf.stock(PEAR) == 7


def test_unknown_order_is_skipped(desk: OrderService) -> None:
    packer = FakeFulfilment()

    desk.start_processing(ALICE.id, new_id(), packer)
    desk.cancel_unfulfilled(ALICE.id, new_id())

    assert packer.accepted == []


def test_order_cancelled_while_accepted_stays_cancelled(
    desk: OrderService, shelf: FakeOrderStore
) -> None:
    order = placed(desk, shelf)
    packer = FakeFulfilment(meanwhile=lambda: act(desk, ALICE, order, status=CANCELLED))

    start(desk, order, packer)

    assert shelf.orders[0].status is CANCELLED
    assert shelf.stock(PEAR) == 10


def test_unaccepted_order_is_unchanged(desk: OrderService, shelf: FakeOrderStore) -> None:
    order, packer = placed(desk, shelf), FakeFulfilment()
    packer.is_on_strike = True

    with pytest.raises(FulfilmentFailed):
        start(desk, order, packer)

    assert shelf.orders == [order]


def test_unfulfilled_order_is_cancelled_and_returns_stock_once(
    desk: OrderService, shelf: FakeOrderStore
) -> None:
    order = placed(desk, shelf)

    for _ in range(3):
        desk.cancel_unfulfilled(order.user_id, order.id)

    assert shelf.orders[0].status is CANCELLED
    assert shelf.orders[0].version == 2
    assert shelf.stock(PEAR) == 10
