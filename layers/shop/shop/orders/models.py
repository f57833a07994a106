"""The order model: lines at the prices of the time the order was placed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from shop.money import Money

MAX_LINES = 50
MAX_QUANTITY = 999  # of one product in an order


class OrderStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


# The permitted transitions of each status.
TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.PROCESSING, OrderStatus.CANCELLED}),
    OrderStatus.PROCESSING: frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELLED}),
    OrderStatus.COMPLETED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}


class OrderLine(NamedTuple):
    product_id: str
    sku: str
    name: str
    unit_price: Money
    quantity: int
    reserved: int  # pieces taken from the stock; 0 for a product of unlimited stock

    @property
    def total(self) -> Money:
        return self.unit_price.times(self.quantity)


class Order(NamedTuple):
    id: str
    user_id: str
    status: OrderStatus
    total: Money
    lines: Sequence[OrderLine]
    note: str | None
    created_at: datetime
    updated_at: datetime
    version: int
