"""Responses of orders."""

from typing import Annotated, Self

from shop.http.pages import Page
from shop.http.response_fields import AmountRead, CurrencyRead, Id, NoteRead, Timestamp
from shop.http.response_models import Resource, ResponseModel
from shop.json_schema import JsonSchema
from shop.orders.models import MAX_LINES, MAX_QUANTITY, Order, OrderLine, OrderStatus
from shop.products.responses import ProductName, SkuRead


class OrderLineResponse(ResponseModel):
    product_id: Id
    sku: SkuRead
    name: ProductName
    unit_price: AmountRead
    quantity: Annotated[int, JsonSchema(minimum=1, maximum=MAX_QUANTITY, examples=[1])]
    line_total: AmountRead

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


class OrderResponse(Resource):
    resource_name = "order"

    user_id: Id
    status: OrderStatus
    currency: CurrencyRead
    total: AmountRead
    items: Annotated[list[OrderLineResponse], JsonSchema(maxItems=MAX_LINES)]
    note: Annotated[NoteRead | None, JsonSchema(examples=["Please ring twice."])]
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
            items=[OrderLineResponse.of(line) for line in order.lines],
            note=order.note,
            created_at=order.created_at,
            updated_at=order.updated_at,
            version=order.version,
        )


class OrderPage(Page[OrderResponse]):
    """A page of orders."""
