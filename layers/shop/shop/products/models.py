"""The product model."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shop.money import Money


class ProductStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"


@dataclass(frozen=True)
class Product:
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
