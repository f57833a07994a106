"""Request bodies and queries of orders."""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal  # `Any`: `items` may hold any JSON

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails

from shop.http.list_queries import ListQuery
from shop.http.request_models import UNSET, Body, IdIn, IntegralFloat, Patch
from shop.orders.models import MAX_LINES, MAX_QUANTITY, OrderStatus
from shop.text import Note
from shop.violations import violation

_NOTED = Field(examples=["Please ring twice."])

_TOO_MANY = violation(
    "less_than_equal", f"All lines of one product together may order {MAX_QUANTITY} at most."
)

Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY, examples=[1]), IntegralFloat]


class OrderLinePlace(Body):
    product_id: IdIn
    quantity: Quantity


class OrderPlace(Body):
    items: Annotated[list[OrderLinePlace], Field(min_length=1, max_length=MAX_LINES)]
    note: Annotated[Note | None, _NOTED] = None

    @field_validator("items", mode="wrap")
    @classmethod
    def _lines_of_one_product_are_one(
        cls, items: Any, validate: ValidatorFunctionWrapHandler
    ) -> list[OrderLinePlace]:
        """Report each line of a product whose lines together exceed the maximum quantity.

        Lines with a valid product and quantity count, even if other fields have errors.
        """
        try:
            lines: list[OrderLinePlace] = validate(items)
        except ValidationError as failure:
            errors = [_init_details(error) for error in failure.errors()]
            invalid = {error["loc"] for error in errors}
            if () in invalid:  # no list, or one of an invalid length
                raise
            ordered = dict(_valid_quantities(items, invalid))
        else:
            errors = []
            ordered = {i: (line.product_id, line.quantity) for i, line in enumerate(lines)}
        quantities: Counter[str] = Counter()
        for product_id, quantity in ordered.values():
            quantities[product_id] += quantity
        errors += [
            InitErrorDetails(type=_TOO_MANY, loc=(index, "quantity"), input=quantity)
            for index, (product_id, quantity) in ordered.items()
            if quantities[product_id] > MAX_QUANTITY
        ]
        if errors:
            raise ValidationError.from_exception_data("items", errors)
        return lines


def _valid_quantities(
    items: list[Any], invalid: Collection[tuple[int | str, ...]]
) -> Iterator[tuple[int, tuple[str, int]]]:
    """Yield index, product and quantity of the lines where both are valid."""
    for index, line in enumerate(items):
        places = ((index,), (index, "productId"), (index, "quantity"))
        if not any(place in invalid for place in places):
            yield index, (line["productId"].lower(), int(line["quantity"]))


def _init_details(error: ErrorDetails) -> InitErrorDetails:
    """Convert an error so that it can be raised together with others."""
    context = error.get("ctx", {})
    is_own = "message" in context  # created by `violation`
    return InitErrorDetails(
        type=violation(error["type"], context["message"]) if is_own else error["type"],
        loc=error["loc"],
        input=error["input"],
        ctx=context,
    )


class OrderUpdate(Patch):
    status: Annotated[OrderStatus, Field(strict=False)] = UNSET
    note: Annotated[Note | None, _NOTED] = UNSET

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "cancelled"}]})


class OrderListQuery(ListQuery):
    """The query of one user's orders."""

    status: OrderStatus | None = None
    sort: Literal["createdAt", "-createdAt", "total", "-total"] = "-createdAt"


class AllOrdersQuery(ListQuery):
    """The query of all orders."""

    status: OrderStatus | None = None
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
