"""The rules of products: anyone reads them, admins keep them."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Protocol  # `Any`: the changed fields of a product are of several types

from shop.caller import Caller, require
from shop.clock import Clock
from shop.errors import (
    Detail,
    Forbidden,
    InsufficientStock,
    NotFound,
    ServiceUnavailable,
    SkuInUse,
    ValidationFailed,
)
from shop.idempotency import IdempotentRequest, Record
from shop.identifiers import NewId
from shop.money import Money, amount_complaint
from shop.pagination import IndexPage, PageRequest, PageResult
from shop.preconditions import Precondition
from shop.products.models import Product, ProductStatus
from shop.products.schemas import MAX_STOCK, ProductCreate, ProductListQuery, ProductUpdate
from shop.retries import StaleVersion, retry_stale


class ProductStore(Protocol):
    def find_record(self, idempotency_key: str | None) -> Record | None: ...

    def find_committed_record(self, idempotency_key: str | None) -> Record | None: ...

    def add(self, product: Product, record: Record | None, by_admin: str | None = None) -> None:
        """Write product, SKU and record together, or nothing.

        Raises `SkuInUse`, and `StaleVersion` if a record is in force. This and the other writes
        raise `Forbidden` if `by_admin` is no active admin.
        """

    def get(self, product_id: str) -> Product | None: ...

    def list(
        self, status: ProductStatus, sort: str, span: PageRequest, descends: bool
    ) -> IndexPage[Product]:
        """By `createdAt`, `name` or `price`."""

    def count(self, status: ProductStatus) -> int: ...

    def save(
        self,
        before: Product,
        after: Product,
        named: Collection[str],
        stock_delta: int,
        version: int | None,
        by_admin: str | None = None,
    ) -> None:
        """Sets the attributes named to what they are in `after`, and moves the stock, on top of
        whatever was sold or changed since `before` was read.

        Raises `SkuInUse`, and `StaleVersion` where the product is gone, its SKU is named and is not
        as before, its stock does not allow the move, or its version is not the one given.
        """

    def delete(self, product: Product, version: int | None, by_admin: str | None = None) -> None:
        """Product and SKU; raises `StaleVersion` where it is gone, has another SKU, or another
        version than the one given.
        """


class ProductService:
    def __init__(self, products: ProductStore, clock: Clock, new_id: NewId) -> None:
        self._products = products
        self._clock = clock
        self._new_id = new_id

    def create(
        self, caller: Caller, payload: ProductCreate, idempotency: IdempotentRequest
    ) -> Product:
        require(caller.is_admin)
        idempotency.replay_if_recorded(self._products.find_record(idempotency.key))
        now = self._clock()
        product = Product(
            id=self._new_id(),
            sku=payload.sku,
            name=payload.name,
            price=Money(payload.price, payload.currency),
            stock=payload.stock,
            status=payload.status,
            created_at=now,
            updated_at=now,
            version=1,
        )
        try:
            self._products.add(product, idempotency.response_record(product), caller.id)
        except (Forbidden, SkuInUse, StaleVersion) as error:
            # An equal request may have created the product since: replay its response.
            record = self._products.find_committed_record(idempotency.key)
            idempotency.replay_if_recorded(record)
            if isinstance(error, StaleVersion):
                # The record expired between the write and the read.
                raise ServiceUnavailable(retry_after=1) from None
            raise
        return product

    def read(self, product_id: str) -> Product:
        product = self._products.get(product_id)
        if product is None:
            raise NotFound
        return product

    def list(self, query: ProductListQuery) -> PageResult[Product]:
        rows = self._products.list(
            query.status, query.sorted_by, query.span("products"), query.descends
        )
        return query.slice("products", rows, self._products.count(query.status))

    def update(
        self, caller: Caller, product_id: str, payload: ProductUpdate, precondition: Precondition
    ) -> Product:
        """Without a precondition no sale gets in the way, and changes of others are kept."""
        require(caller.is_admin)
        changes = payload.changes()
        stock_delta = changes.pop("stock_delta", 0)
        is_first_try = True

        def change() -> Product:
            nonlocal is_first_try
            product = self.read(product_id)
            precondition.check(product.version)
            changed = _changed(product, changes)
            if changed == product and not stock_delta:
                return product
            _refuse_impossible_stock(product.stock, stock_delta)
            changed = replace(changed, updated_at=self._clock())
            # At the version that was read the answer is known, and no read after the write can
            # fail and tell the client to move the stock again. A product that sells has another.
            version = product.version if is_first_try else _demanded(precondition, product)
            is_first_try = False
            self._products.save(product, changed, changes.keys(), stock_delta, version, caller.id)
            if version is not None:
                return _moved(changed, stock_delta)
            # What others sold or changed meanwhile is known to the table alone.
            return self.read(product_id)

        return retry_stale(change)

    def delete(self, caller: Caller, product_id: str, precondition: Precondition) -> None:
        """Past orders keep their lines, and the SKU is free again."""
        require(caller.is_admin)

        def delete() -> None:
            product = self.read(product_id)
            precondition.check(product.version)
            self._products.delete(product, _demanded(precondition, product), caller.id)

        retry_stale(delete)


def _changed(product: Product, changes: Mapping[str, Any]) -> Product:
    amount = changes.get("price", product.price.amount)
    currency = changes.get("currency", product.price.currency)
    others = {name: changes[name] for name in changes.keys() - {"price", "currency"}}
    price = Money(amount, currency)
    if price != product.price:
        _refuse_wrong_decimals(price, "body.price" if "price" in changes else "body.currency")
    return replace(product, price=price, **others)


def _refuse_wrong_decimals(price: Money, field: str) -> None:
    """What was stored before there was this rule stays as it is until it is changed."""
    wrong = amount_complaint(price.amount, price.currency)
    if wrong is not None:
        raise ValidationFailed(details=[Detail(field, *wrong)])


def _moved(product: Product, delta: int) -> Product:
    stock = product.stock if product.stock is None else product.stock + delta
    return replace(product, stock=stock, version=product.version + 1)


def _refuse_impossible_stock(stock: int | None, delta: int) -> None:
    field = "body.stockDelta"
    if not delta:
        return
    if stock is None:
        message = "The stock is unlimited; set it with stock."
        raise ValidationFailed(details=[Detail(field, "stock_unlimited", message)])
    if stock + delta < 0:
        message = "There is not enough stock to take that many."
        raise InsufficientStock(message, [Detail(field, "insufficient_stock", message)])
    # Cancelled orders may have given back more than that, which may be taken from.
    if delta > 0 and stock + delta > MAX_STOCK:
        message = f"The stock would be more than {MAX_STOCK}."
        raise ValidationFailed(details=[Detail(field, "stock_too_large", message)])


def _demanded(precondition: Precondition, product: Product) -> int | None:
    """The version that the write must meet; None where any will do."""
    return None if precondition.entity_tags is None else product.version
