"""The product service, created on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.depends import Depends
from shop.identifiers import new_id
from shop.products.repository import ProductRepository
from shop.products.service import ProductService


@cache
def product_service() -> ProductService:
    return ProductService(ProductRepository(), now, new_id)


Products = Annotated[ProductService, Depends(product_service)]
