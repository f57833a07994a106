"""Products as the API speaks of them."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shop.http.parameters import PathId
from shop.money import Amount, Currency, CurrencyRead
from shop.pagination import Page, PublicListQuery
from shop.products.models import Product, ProductStatus
from shop.schemas import ABSENT, HOWEVER_WRITTEN, Body, Patch, Resource, Timestamp, shown
from shop.text import Name, NameRead

LARGEST_STOCK = 1_000_000_000

_SKU_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_NAMED = Field(examples=["Pears, a kilogram"])
ProductName = Annotated[NameRead, _NAMED]

ProductId = Annotated[str, PathId()]
Sku = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=_SKU_PATTERN),
    Field(examples=["PEAR-1KG"]),
]
SkuRead = Annotated[str, shown(maxLength=64, pattern=_SKU_PATTERN, examples=["PEAR-1KG"])]
Stock = Annotated[
    int | None,
    Field(ge=0, le=LARGEST_STOCK, description="pieces; null is unlimited", examples=[100]),
    HOWEVER_WRITTEN,
]
StatusIn = Annotated[ProductStatus, Field(strict=False)]  # a string, whatever strictness says


def _not_zero(value: int) -> int:
    if value == 0:
        raise PydanticCustomError("not_zero", "must not be 0")
    return value


StockDelta = Annotated[
    int,
    Field(
        ge=-LARGEST_STOCK,
        le=LARGEST_STOCK,
        description="pieces that come, or go where negative",
        examples=[-3],
        json_schema_extra={"not": {"const": 0}},
    ),
    AfterValidator(_not_zero),
    HOWEVER_WRITTEN,
]


class ProductCreate(Body):
    sku: Sku
    name: Annotated[Name, _NAMED]
    price: Amount
    currency: Currency
    stock: Stock
    status: StatusIn = ProductStatus.ACTIVE


class ProductUpdate(Patch):
    sku: Sku = ABSENT
    name: Annotated[Name, _NAMED] = ABSENT
    price: Amount = ABSENT
    currency: Currency = ABSENT
    stock: Stock = ABSENT
    stock_delta: StockDelta = ABSENT
    status: StatusIn = ABSENT

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"required": ["stock", "stockDelta"]},
            "examples": [{"price": "21.90", "stockDelta": -3}],
        }
    )

    @model_validator(mode="after")
    def _stock_is_set_or_moved(self) -> Self:
        if {"stock", "stock_delta"} <= self.model_fields_set:
            raise PydanticCustomError("stock_twice", "stock and stockDelta exclude each other")
        return self


class ProductRead(Resource):
    sku: SkuRead
    name: ProductName
    price: Amount
    currency: CurrencyRead
    stock: Annotated[
        int | None,
        shown(
            minimum=0,
            maximum=2**53 - 1,  # what cancelled orders give back knows no largest stock
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


class ProductPage(Page[ProductRead]):
    """A page of products."""
