"""POST /api/users/{userId}/orders: place an order."""

from shop.endpoint import endpoint
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
from shop.idempotency import Once
from shop.operations.switches import require_on
from shop.orders.provide import Orders
from shop.orders.schemas import OrderPlace, OrderRead
from shop.users.schemas import UserId


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
)
def handler(
    user_id: UserId, wanted: OrderPlace, caller: SelfOrAdminCaller, once: Once, orders: Orders
) -> OrderRead:
    """Place an order at catalogue prices; its stock is taken with it, all or nothing."""
    require_on("ORDERING", "Ordering is switched off for now.")
    return OrderRead.of(orders.place(caller, user_id, wanted, once))
