"""GET /api/orders: list everyone's orders."""

from shop.auth.caller import Caller
from shop.endpoint import endpoint
from shop.errors import Forbidden
from shop.orders.provide import Orders
from shop.orders.schemas import AllOrdersQuery, OrderPage, OrderRead


@endpoint("GET /api/orders", raises=(Forbidden,))
def handler(query: AllOrdersQuery, caller: Caller, orders: Orders) -> OrderPage:
    """List every user's orders by status; admins only."""
    return OrderPage.of(orders.list_all(caller, query), query, OrderRead.of)
