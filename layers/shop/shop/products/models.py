"""The product model."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from shop.money import Money

MAX_STOCK = 1_000_000_000  # in a request; cancelled orders may return more
SKU_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
MAX_SKU_LENGTH = 64


class ProductStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"


class Product(NamedTuple):
    id: str
    sku: str
    name: str
    price: Money
    stock: int | None  # pieces; None is unlimited
    status: ProductStatus
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def is_for_sale(self) -> bool:
        return self.status is ProductStatus.ACTIVE
