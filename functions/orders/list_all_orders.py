"""GET /api/orders: list everyone's orders."""

from shop.endpoint import endpoint
from shop.errors import Forbidden
from shop.http.access import AdminCaller
from shop.orders.provide import Orders
from shop.orders.schemas import AllOrdersQuery, OrderPage, OrderRead


@endpoint("GET /api/orders", raises=(Forbidden,))
def handler(query: AllOrdersQuery, caller: AdminCaller, orders: Orders) -> OrderPage:
    """List every user's orders by status."""
    return OrderPage.of(orders.list_all(caller, query), query, OrderRead.of)
