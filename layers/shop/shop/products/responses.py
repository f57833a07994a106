"""Responses of products."""

from typing import Annotated, Self

from shop.http.pages import Page
from shop.http.response_fields import AmountRead, CurrencyRead, NameRead, Timestamp
from shop.http.response_models import Resource
from shop.json_schema import JsonSchema
from shop.products.models import MAX_SKU_LENGTH, SKU_PATTERN, Product, ProductStatus

ProductName = Annotated[NameRead, JsonSchema(examples=["Pears, a kilogram"])]
SkuRead = Annotated[
    str, JsonSchema(maxLength=MAX_SKU_LENGTH, pattern=SKU_PATTERN, examples=["PEAR-1KG"])
]


class ProductResponse(Resource):
    resource_name = "product"

    sku: SkuRead
    name: ProductName
    price: AmountRead
    currency: CurrencyRead
    stock: Annotated[
        int | None,
        JsonSchema(
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


class ProductPage(Page[ProductResponse]):
    """A page of products."""
