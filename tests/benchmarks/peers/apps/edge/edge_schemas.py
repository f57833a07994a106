"""The response models of the edge's own case."""

from shop.http.response_models import ResponseModel


class User(ResponseModel):
    id: str
    email: str
    name: str
    status: str
    role: str
    created_at: str
    updated_at: str


class Line(ResponseModel):
    product_id: str
    quantity: int


class Order(ResponseModel):
    id: str
    user_id: str
    status: str
    items: list[Line]
    note: str | None
    created_at: str
