"""PATCH /api/users/{userId}/orders/{orderId}: change an order's status or note."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, InvalidTransition, NotFound, PreconditionFailed
from shop.http.access import SelfOrAdminCaller
from shop.orders.dependencies import Orders
from shop.orders.parameters import OrderId
from shop.orders.requests import OrderUpdate
from shop.orders.responses import OrderResponse
from shop.preconditions import Precondition
from shop.users.parameters import UserId


@endpoint(
    "PATCH /api/users/{userId}/orders/{orderId}",
    raises=(Forbidden, NotFound, PreconditionFailed, InvalidTransition),
    scope="orders:write",
    admin_scope="admin:orders:write",
    rpc="OrderService/UpdateOrder",
)
def handler(
    user_id: UserId,
    order_id: OrderId,
    payload: OrderUpdate,
    caller: SelfOrAdminCaller,
    precondition: Precondition,
    orders: Orders,
) -> OrderResponse:
    """Change status, note or both (JSON Merge Patch); cancelling returns the stock, once."""
    return OrderResponse.of(orders.update(caller, user_id, order_id, payload, precondition))
