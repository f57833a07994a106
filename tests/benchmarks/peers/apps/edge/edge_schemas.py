"""The response models of the edge's own case."""

from shop.http.response_models import ResponseModel
from shop.orders.schemas import OrderLinePlace


class User(ResponseModel):
    id: str
    email: str
    name: str
    status: str
    role: str
    created_at: str
    updated_at: str


class Order(ResponseModel):
    id: str
    user_id: str
    status: str
    items: list[OrderLinePlace]
    note: str | None
    created_at: str
