"""PATCH /api/users/{userId}/orders/{orderId}: change an order's status or note."""

from shop.endpoint import endpoint
from shop.errors import Forbidden, InvalidTransition, NotFound, PreconditionFailed
from shop.http.access import SelfOrAdminCaller
from shop.orders.provide import Orders
from shop.orders.schemas import OrderId, OrderRead, OrderUpdate
from shop.preconditions import Precondition
from shop.users.schemas import UserId


@endpoint(
    "PATCH /api/users/{userId}/orders/{orderId}",
    raises=(Forbidden, NotFound, PreconditionFailed, InvalidTransition),
)
def handler(
    user_id: UserId,
    order_id: OrderId,
    wanted: OrderUpdate,
    caller: SelfOrAdminCaller,
    precondition: Precondition,
    orders: Orders,
) -> OrderRead:
    """Change status, note or both (JSON Merge Patch); cancelling gives the stock back, once."""
    return OrderRead.of(orders.update(caller, user_id, order_id, wanted, precondition))
