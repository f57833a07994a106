"""POST /api/users/{userId}/orders: place an order."""

from shop.entrypoints.http import endpoint
from shop.errors import (
    AccountInactive,
    CurrencyMismatch,
    Forbidden,
    IdempotencyKeyReused,
    InsufficientStock,
    NotFound,
    ProductUnavailable,
    ServiceUnavailable,
)
from shop.http.access import SelfOrAdminCaller
from shop.idempotency import IdempotentRequest
from shop.orders.dependencies import Orders
from shop.orders.requests import OrderPlace
from shop.orders.responses import OrderResponse
from shop.users.parameters import UserId


@endpoint(
    "POST /api/users/{userId}/orders",
    status=201,
    raises=(
        Forbidden,
        NotFound,
        AccountInactive,
        IdempotencyKeyReused,
        ProductUnavailable,
        CurrencyMismatch,
        InsufficientStock,
        ServiceUnavailable,
    ),
    scope="orders:write",
    admin_scope="admin:orders:write",
    rpc="OrderService/PlaceOrder",
)
def handler(
    user_id: UserId,
    payload: OrderPlace,
    caller: SelfOrAdminCaller,
    idempotency: IdempotentRequest,
    orders: Orders,
) -> OrderResponse:
    """Place an order at catalogue prices and reserve its stock, all or nothing."""
    return OrderResponse.of(orders.place(caller, user_id, payload, idempotency))
