"""GET /api/orders: list everyone's orders."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden
from shop.http.access import AdminCaller
from shop.orders.dependencies import Orders
from shop.orders.requests import AllOrdersQuery
from shop.orders.responses import OrderPage, OrderResponse


@endpoint(
    "GET /api/orders",
    raises=(Forbidden,),
    admin_scope="admin:orders:read",
    rpc="OrderService/ListAllOrders",
)
def handler(query: AllOrdersQuery, caller: AdminCaller, orders: Orders) -> OrderPage:
    """List every user's orders by status."""
    return OrderPage.of(orders.list_all(caller, query), query, OrderResponse.of)
