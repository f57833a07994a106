"""Request and response models of products."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from shop.http.parameters import PathId
from shop.http.response_models import Resource
from shop.money import Amount, Currency, CurrencyRead, amount_violation
from shop.pagination import Page, PublicListQuery
from shop.products.models import Product, ProductStatus
from shop.schemas import UNSET, Body, IntegralFloat, Patch, Timestamp, json_schema, violation
from shop.text import Name, NameRead

MAX_STOCK = 1_000_000_000

_SKU_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_NAMED = Field(examples=["Pears, a kilogram"])
ProductName = Annotated[NameRead, _NAMED]

ProductId = Annotated[str, PathId()]
Sku = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=_SKU_PATTERN),
    Field(examples=["PEAR-1KG"]),
]
SkuRead = Annotated[str, json_schema(maxLength=64, pattern=_SKU_PATTERN, examples=["PEAR-1KG"])]
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


class ProductResponse(Resource):
    resource_name = "product"

    sku: SkuRead
    name: ProductName
    price: Amount
    currency: CurrencyRead
    stock: Annotated[
        int | None,
        json_schema(
            minimum=0,
            maximum=2**53 - 1,  # cancelled orders may return stock beyond MAX_STOCK
            description="null is unlimited",
            examples=[100],
        ),
    ]
    status: ProductStatus
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, product: Product) -> Self:
        return cls(
            id=product.id,
            sku=product.sku,
            name=product.name,
            price=product.price.amount,
            currency=product.price.currency,
            stock=product.stock,
            status=product.status,
            created_at=product.created_at,
            updated_at=product.updated_at,
            version=product.version,
        )


class ProductListQuery(PublicListQuery):
    status: ProductStatus = ProductStatus.ACTIVE
    sort: Literal["createdAt", "-createdAt", "name", "-name", "price", "-price"] = "-createdAt"


class ProductPage(Page[ProductResponse]):
    """A page of products."""
