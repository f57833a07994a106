"""The rules of products: anyone reads them, admins keep them."""

from typing import Protocol

from shop.auth.caller import Caller, require
from shop.clock import Clock
from shop.errors import NotFound
from shop.idempotency import Once, Record
from shop.identifiers import NewId
from shop.money import Money
from shop.pagination import Rows, Slice, Span
from shop.products.models import Product, ProductStatus
from shop.products.schemas import ProductCreate, ProductListQuery


class ProductStore(Protocol):
    def recorded(self, once: Once) -> Record | None: ...

    def add(self, product: Product, once: Once) -> None:
        """Product, SKU and record together; raises `SkuInUse`, or what `once.replay` raises."""

    def get(self, product_id: str) -> Product | None: ...

    def list(self, status: ProductStatus, sort: str, span: Span, descends: bool) -> Rows[Product]:
        """By `createdAt`, `name` or `price`."""


class ProductService:
    def __init__(self, products: ProductStore, clock: Clock, new_id: NewId) -> None:
        self._products = products
        self._clock = clock
        self._new_id = new_id

    def create(self, caller: Caller, wanted: ProductCreate, once: Once) -> Product:
        require(caller.is_admin)
        once.replay(self._products.recorded(once))
        now = self._clock()
        product = Product(
            id=self._new_id(),
            sku=wanted.sku,
            name=wanted.name,
            price=Money(wanted.price, wanted.currency),
            stock=wanted.stock,
            status=wanted.status,
            created_at=now,
            updated_at=now,
            version=1,
        )
        self._products.add(product, once)
        return product

    def read(self, product_id: str) -> Product:
        product = self._products.get(product_id)
        if product is None:
            raise NotFound
        return product

    def list(self, query: ProductListQuery) -> Slice[Product]:
        rows = self._products.list(
            query.status, query.sorted_by, query.span("products"), query.descends
        )
        return query.slice("products", rows, total=None)
