"""GET /api/users/{userId}/orders: list a user's orders."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound
from shop.http.access import SelfOrAdminCaller
from shop.orders.dependencies import Orders
from shop.orders.requests import OrderListQuery
from shop.orders.responses import OrderPage, OrderResponse
from shop.users.parameters import UserId


@endpoint(
    "GET /api/users/{userId}/orders",
    raises=(Forbidden, NotFound),
    scope="orders:read",
    admin_scope="admin:orders:read",
    rpc="OrderService/ListOrders",
)
def handler(
    user_id: UserId, query: OrderListQuery, caller: SelfOrAdminCaller, orders: Orders
) -> OrderPage:
    """List a user's orders."""
    return OrderPage.of(orders.list(caller, user_id, query), query, OrderResponse.of)
