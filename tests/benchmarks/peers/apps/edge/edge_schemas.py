"""The response models of the edge's own case."""

from shop.orders.schemas import OrderLinePlace
from shop.schemas import Reply


class User(Reply):
    id: str
    email: str
    name: str
    status: str
    role: str
    created_at: str
    updated_at: str


class Order(Reply):
    id: str
    user_id: str
    status: str
    items: list[OrderLinePlace]
    note: str | None
    created_at: str
