"""Request bodies and queries of products."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from shop.http.list_queries import PublicListQuery
from shop.http.request_models import UNSET, Body, IntegralFloat, Patch
from shop.money import amount_violation
from shop.money_fields import Amount, Currency
from shop.products.models import MAX_SKU_LENGTH, MAX_STOCK, SKU_PATTERN, ProductStatus
from shop.text import Name
from shop.violations import violation

_NAMED = Field(examples=["Pears, a kilogram"])

Sku = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_SKU_LENGTH, pattern=SKU_PATTERN),
    Field(examples=["PEAR-1KG"]),
]
Stock = Annotated[
    int | None,
    Field(ge=0, le=MAX_STOCK, description="pieces; null is unlimited", examples=[100]),
    IntegralFloat,
]
# JSON has strings, which strict mode would reject.
StatusIn = Annotated[ProductStatus, Field(strict=False)]


def _not_zero(value: int) -> int:
    if value == 0:
        raise violation("not_zero", "Must not be 0.")
    return value


StockDelta = Annotated[
    int,
    Field(
        ge=-MAX_STOCK,
        le=MAX_STOCK,
        description="pieces to add, or to remove if negative",
        examples=[-3],
        json_schema_extra={"not": {"const": 0}},
    ),
    AfterValidator(_not_zero),
    IntegralFloat,
]


def _check_price(price: Decimal | None, currency: str) -> str:
    """Return the currency; raise an error of the price if it does not fit the currency."""
    error = None if price is None else amount_violation(price, currency)
    if error is not None:
        raise violation(*error, field="price")
    return currency


class ProductCreate(Body):
    sku: Sku
    name: Annotated[Name, _NAMED]
    price: Amount
    currency: Currency
    stock: Stock
    status: StatusIn = ProductStatus.ACTIVE

    @field_validator("currency")
    @classmethod
    def _price_has_its_decimals(cls, currency: str, others: ValidationInfo) -> str:
        return _check_price(others.data.get("price"), currency)


class ProductUpdate(Patch):
    sku: Sku = UNSET
    name: Annotated[Name, _NAMED] = UNSET
    price: Amount = UNSET
    currency: Currency = UNSET
    stock_delta: StockDelta = UNSET
    stock: Stock = UNSET  # after stock_delta, which its validator reads
    status: StatusIn = UNSET

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"required": ["stock", "stockDelta"]},
            "examples": [{"price": "21.90", "stockDelta": -3}],
        }
    )

    @field_validator("currency")
    @classmethod
    def _price_has_its_decimals(cls, currency: str, others: ValidationInfo) -> str:
        return _check_price(others.data.get("price"), currency)

    @field_validator("stock", mode="before")
    @classmethod
    def _stock_is_set_or_moved(cls, stock: object, others: ValidationInfo) -> object:
        """Check a stock that the request contains; an invalid delta is absent from `others`."""
        if others.data.get("stock_delta", "invalid") is not UNSET:
            raise violation("stock_twice", "Send either stock or stockDelta, not both.")
        return stock


class ProductListQuery(PublicListQuery):
    status: ProductStatus = ProductStatus.ACTIVE
    sort: Literal["createdAt", "-createdAt", "name", "-name", "price", "-price"] = "-createdAt"
