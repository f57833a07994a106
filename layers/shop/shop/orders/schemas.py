"""Orders as the API speaks of them."""

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_core import InitErrorDetails

from shop.http.parameters import PathId
from shop.money import Amount, CurrencyRead
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.pagination import ListQuery, Page
from shop.products.schemas import ProductName, SkuRead
from shop.schemas import (
    ABSENT,
    HOWEVER_WRITTEN,
    Body,
    Id,
    IdIn,
    Patch,
    Reply,
    Resource,
    Timestamp,
    shown,
    violation,
)
from shop.text import Note, NoteRead

_NOTED = Field(examples=["Please ring twice."])
OrderId = Annotated[str, PathId()]

MOST_LINES = 50
LARGEST_QUANTITY = 999

_TOO_MANY = violation(
    "less_than_equal", f"All lines of one product together may order {LARGEST_QUANTITY} at most."
)

Quantity = Annotated[int, Field(ge=1, le=LARGEST_QUANTITY, examples=[2]), HOWEVER_WRITTEN]


class OrderLinePlace(Body):
    product_id: IdIn
    quantity: Quantity


class OrderPlace(Body):
    items: Annotated[list[OrderLinePlace], Field(min_length=1, max_length=MOST_LINES)]
    note: Annotated[Note | None, _NOTED] = None

    @field_validator("items")
    @classmethod
    def _lines_of_one_product_are_one(cls, items: list[OrderLinePlace]) -> list[OrderLinePlace]:
        """Points at each line of a product of which they order too many together."""
        quantities: Counter[str] = Counter()
        for line in items:
            quantities[line.product_id] += line.quantity
        wrong = [
            InitErrorDetails(type=_TOO_MANY, loc=(index, "quantity"), input=line.quantity)
            for index, line in enumerate(items)
            if quantities[line.product_id] > LARGEST_QUANTITY
        ]
        if wrong:
            raise ValidationError.from_exception_data("items", wrong)
        return items


class OrderUpdate(Patch):
    status: Annotated[OrderStatus, Field(strict=False)] = ABSENT
    note: Annotated[Note | None, _NOTED] = ABSENT


class OrderLineRead(Reply):
    product_id: Id
    sku: SkuRead
    name: ProductName
    unit_price: Amount
    quantity: Annotated[int, shown(minimum=1, maximum=LARGEST_QUANTITY, examples=[1])]
    line_total: Amount

    @classmethod
    def of(cls, line: OrderLine) -> Self:
        return cls(
            product_id=line.product_id,
            sku=line.sku,
            name=line.name,
            unit_price=line.unit_price.amount,
            quantity=line.quantity,
            line_total=line.total.amount,
        )


class OrderRead(Resource):
    user_id: Id
    status: OrderStatus
    currency: CurrencyRead
    total: Amount
    items: Annotated[list[OrderLineRead], shown(maxItems=MOST_LINES)]
    note: Annotated[NoteRead | None, _NOTED]
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, order: Order) -> Self:
        return cls(
            id=order.id,
            user_id=order.user_id,
            status=order.status,
            currency=order.total.currency,
            total=order.total.amount,
            items=[OrderLineRead.of(line) for line in order.lines],
            note=order.note,
            created_at=order.created_at,
            updated_at=order.updated_at,
            version=order.version,
        )


class OrderPage(Page[OrderRead]):
    """A page of orders."""


class OrderListQuery(ListQuery):
    """Of one user's orders."""

    status: OrderStatus | None = None
    sort: Literal["createdAt", "-createdAt", "total", "-total"] = "-createdAt"


class AllOrdersQuery(ListQuery):
    """Of everyone's orders."""

    status: OrderStatus | None = None
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
