"""The same rules for peers that validate and render with pydantic."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Line(_Strict):
    productId: Annotated[str, Field(min_length=36, max_length=36)]
    quantity: Annotated[int, Field(ge=1, le=999)]


class OrderPlace(_Strict):
    items: Annotated[list[Line], Field(min_length=1, max_length=50)]
    note: Annotated[str, Field(max_length=500)] | None = None


class Order(OrderPlace):
    id: str
    userId: str
    status: str
    createdAt: str


class User(BaseModel):
    id: str
    email: str
    name: str
    status: str
    role: str
    createdAt: str
    updatedAt: str
