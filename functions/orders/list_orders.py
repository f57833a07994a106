"""GET /api/users/{userId}/orders: list a user's orders."""

from shop.auth.caller import Caller
from shop.endpoint import endpoint
from shop.errors import Forbidden
from shop.orders.provide import Orders
from shop.orders.schemas import OrderPage, OrderRead
from shop.pagination import ListQuery
from shop.users.schemas import UserId


@endpoint("GET /api/users/{userId}/orders", raises=(Forbidden,))
def handler(user_id: UserId, query: ListQuery, caller: Caller, orders: Orders) -> OrderPage:
    """List a user's orders, newest first."""
    return OrderPage.of(orders.newest(caller, user_id, query), query, OrderRead.of)
