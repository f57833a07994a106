"""GET /api/users/{userId}/orders/{orderId}: read an order."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound
from shop.http.access import SelfOrAdminCaller
from shop.orders.parameters import OrderId
from shop.orders.reading import OrderReads
from shop.orders.responses import OrderResponse
from shop.users.parameters import UserId


@endpoint(
    "GET /api/users/{userId}/orders/{orderId}",
    raises=(Forbidden, NotFound),
    scope="orders:read",
    admin_scope="admin:orders:read",
    rpc="OrderService/GetOrder",
)
def handler(
    user_id: UserId, order_id: OrderId, caller: SelfOrAdminCaller, orders: OrderReads
) -> OrderResponse:
    """Read one order of a user."""
    return OrderResponse.of(orders.read(caller, user_id, order_id))
