"""The order model: lines at the prices of the time the order was placed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shop.money import Money


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


@dataclass(frozen=True)
class OrderLine:
    product_id: str
    sku: str
    name: str
    unit_price: Money
    quantity: int
    reserved: int  # pieces taken from the stock; 0 for a product of unlimited stock

    @property
    def total(self) -> Money:
        return self.unit_price * self.quantity


@dataclass(frozen=True)
class Order:
    id: str
    user_id: str
    status: OrderStatus
    total: Money
    lines: Sequence[OrderLine]
    note: str | None
    created_at: datetime
    updated_at: datetime
    version: int
