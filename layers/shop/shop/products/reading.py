"""Reads of a product by id: without the rules and the storage of writes, they start faster."""

from collections.abc import Callable
from functools import cache
from typing import Annotated

from shop.depends import Depends
from shop.errors import NotFound
from shop.products.items import find_product
from shop.products.models import Product


class ProductReader:
    def __init__(self, find: Callable[[str], Product | None]) -> None:
        self._find = find

    def read(self, product_id: str) -> Product:
        product = self._find(product_id)
        if product is None:
            raise NotFound
        return product


@cache
def product_reader() -> ProductReader:
    return ProductReader(find_product)


ProductReads = Annotated[ProductReader, Depends(product_reader)]
