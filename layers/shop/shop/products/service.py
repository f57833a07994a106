"""The rules of products: anyone may read them, admins may change them."""

from collections.abc import Collection, Mapping
from copy import replace
from typing import TYPE_CHECKING, Any, Protocol  # changed fields are of several types

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
from shop.money import Money, amount_violation
from shop.pagination import IndexPage, PageRequest, PageResult
from shop.preconditions import Precondition
from shop.products.models import MAX_STOCK, Product, ProductStatus
from shop.retries import StaleVersion, retry_stale

if TYPE_CHECKING:
    from shop.products.requests import ProductCreate, ProductListQuery, ProductUpdate


class ProductStore(Protocol):
    def find_record(self, idempotency_key: str | None) -> Record | None: ...

    def find_committed_record(self, idempotency_key: str | None) -> Record | None: ...

    def add(self, product: Product, record: Record | None, by_admin: str | None = None) -> None:
        """Write product, SKU and record together, or nothing.

        Raise `SkuInUse`, and `StaleVersion` if a record is in force. This and the other writes
        raise `Forbidden` if `by_admin` is no active admin.
        """

    def get(self, product_id: str) -> Product | None: ...

    def list(
        self, status: ProductStatus, sort: str, page_request: PageRequest, is_descending: bool
    ) -> IndexPage[Product]:
        """List products by `createdAt`, `name` or `price`."""

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
        """Set the named attributes to their values in `after` and add `stock_delta`, on top of
        sales and changes since `before` was read.

        Raise `SkuInUse`, and `StaleVersion` if the product is deleted, a named SKU differs from
        `before`, the stock does not allow the change, or the version differs from the given one.
        """

    def delete(self, product: Product, version: int | None, by_admin: str | None = None) -> None:
        """Delete product and SKU.

        Raise `StaleVersion` if the product is deleted, or if its SKU or a given version differs.
        """


class ProductService:
    def __init__(self, products: ProductStore, clock: Clock, new_id: NewId) -> None:
        self._products = products
        self._clock = clock
        self._new_id = new_id

    def create(
        self, caller: Caller, payload: "ProductCreate", idempotency: IdempotentRequest
    ) -> Product:
        caller = caller.within(None, "admin:products:write")
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
            self._products.add(product, idempotency.response_record(product), caller.admin_id)
        except (Forbidden, SkuInUse, StaleVersion) as error:
            # An equal request may have created the product since: replay its response.
            record = self._products.find_committed_record(idempotency.key)
            idempotency.replay_if_recorded(record)
            if isinstance(error, StaleVersion):
                # The record expired between the write and the read.
                raise ServiceUnavailable(retry_after=1) from None
            raise
        return product

    def list(self, query: "ProductListQuery") -> PageResult[Product]:
        page = self._products.list(
            query.status, query.sort_field, query.page_request("products"), query.is_descending
        )
        return query.page_result("products", page, self._products.count(query.status))

    def update(
        self, caller: Caller, product_id: str, payload: "ProductUpdate", precondition: Precondition
    ) -> Product:
        """Change a product; without a precondition, concurrent sales and changes are kept."""
        caller = caller.within(None, "admin:products:write")
        require(caller.is_admin)
        changes = payload.changes()
        stock_delta = changes.pop("stock_delta", 0)
        is_first_try = True

        def change() -> Product:
            nonlocal is_first_try
            product = self._get(product_id)
            precondition.check(product.version)
            changed = _changed(product, changes)
            if changed == product and not stock_delta:
                return product
            _reject_impossible_stock(product.stock, stock_delta)
            changed = replace(changed, updated_at=self._clock())
            # A write at the version that was read needs no read afterwards, whose failure would
            # make the client repeat the stock change. A retry drops the version: sales change it.
            version = product.version if is_first_try else _required_version(precondition, product)
            is_first_try = False
            self._products.save(
                product, changed, changes.keys(), stock_delta, version, caller.admin_id
            )
            if version is not None:
                return _with_stock_change(changed, stock_delta)
            # Only the table has the concurrent sales and changes of others.
            return self._get(product_id)

        return retry_stale(change)

    def delete(self, caller: Caller, product_id: str, precondition: Precondition) -> None:
        """Delete the product and release its SKU; past orders keep their lines."""
        caller = caller.within(None, "admin:products:write")
        require(caller.is_admin)

        def delete() -> None:
            product = self._get(product_id)
            precondition.check(product.version)
            self._products.delete(
                product, _required_version(precondition, product), caller.admin_id
            )

        retry_stale(delete)

    def _get(self, product_id: str) -> Product:
        product = self._products.get(product_id)
        if product is None:
            raise NotFound
        return product


def _changed(product: Product, changes: Mapping[str, Any]) -> Product:
    amount = changes.get("price", product.price.amount)
    currency = changes.get("currency", product.price.currency)
    others = {name: changes[name] for name in changes.keys() - {"price", "currency"}}
    price = Money(amount, currency)
    if price != product.price:
        _reject_invalid_decimals(price, "body.price" if "price" in changes else "body.currency")
    return replace(product, price=price, **others)


def _reject_invalid_decimals(price: Money, field: str) -> None:
    """Reject a changed price; prices stored before this rule existed stay valid until then."""
    error = amount_violation(price.amount, price.currency)
    if error is not None:
        raise ValidationFailed(details=[Detail(field, *error)])


def _with_stock_change(product: Product, delta: int) -> Product:
    stock = product.stock if product.stock is None else product.stock + delta
    return replace(product, stock=stock, version=product.version + 1)


def _reject_impossible_stock(stock: int | None, delta: int) -> None:
    field = "body.stockDelta"
    if not delta:
        return
    if stock is None:
        message = "The stock is unlimited; set it with stock."
        raise ValidationFailed(details=[Detail(field, "stock_unlimited", message)])
    if stock + delta < 0:
        message = "There is not enough stock to take that many."
        raise InsufficientStock(message, [Detail(field, "insufficient_stock", message)])
    # Cancelled orders may have raised the stock beyond the maximum; it may then be decreased.
    if delta > 0 and stock + delta > MAX_STOCK:
        message = f"The stock would be more than {MAX_STOCK}."
        raise ValidationFailed(details=[Detail(field, "stock_too_large", message)])


def _required_version(precondition: Precondition, product: Product) -> int | None:
    """Return the version on which the write depends; None without a precondition."""
    return None if precondition.entity_tags is None else product.version
