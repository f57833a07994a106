"""Products as the API speaks of them."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from shop.http.parameters import PathId
from shop.money import Amount, Currency
from shop.pagination import Page, PublicListQuery
from shop.products.models import Product, ProductStatus
from shop.schemas import Body, Resource, Timestamp
from shop.text import Name

ProductId = Annotated[str, PathId()]
Sku = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
    Field(examples=["PEAR-1KG"]),
]
Stock = Annotated[
    int | None,
    Field(ge=0, le=1_000_000_000, description="pieces; null is unlimited", examples=[100]),
]


class ProductCreate(Body):
    sku: Sku
    name: Name
    price: Amount
    currency: Currency
    stock: Stock
    status: Annotated[ProductStatus, Field(strict=False)] = ProductStatus.ACTIVE


class ProductRead(Resource):
    sku: str
    name: str
    price: Amount
    currency: str
    stock: int | None
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
