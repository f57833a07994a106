"""The order service, created on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.depends import Depends
from shop.identifiers import new_id
from shop.orders.fulfilment import AcceptsEverything, Fulfilment
from shop.orders.repository import OrderRepository
from shop.orders.service import OrderService


@cache
def order_service() -> OrderService:
    return OrderService(OrderRepository(), now, new_id)


def fulfilment() -> Fulfilment:
    """Return the fulfilment provider: replace it with the client of a real one."""
    return AcceptsEverything()


Orders = Annotated[OrderService, Depends(order_service)]
