"""PATCH /api/users/{userId}/orders/{orderId}: change an order's status or note."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, InvalidTransition, NotFound, PreconditionFailed
from shop.http.access import SelfOrAdminCaller
from shop.orders.dependencies import Orders
from shop.orders.schemas import OrderId, OrderResponse, OrderUpdate
from shop.preconditions import Precondition
from shop.users.schemas import UserId


@endpoint(
    "PATCH /api/users/{userId}/orders/{orderId}",
    raises=(Forbidden, NotFound, PreconditionFailed, InvalidTransition),
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
