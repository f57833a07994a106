"""Products in DynamoDB, each with an SKU item that makes its SKU unique."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from shop.clock import to_text
from shop.dynamo import actions, records, tables, totals, transactions
from shop.dynamo.actions import Condition, Increment, absent, compares, equals, exists
from shop.dynamo.codec import Item
from shop.dynamo.listing import IndexQuery, KeyRange
from shop.dynamo.sort_keys import amount_key, text_key
from shop.errors import Forbidden, SkuInUse
from shop.idempotency import Record
from shop.identity.accounts.admin_check import CALLER, check_admin
from shop.pagination import IndexPage, PageRequest
from shop.products.items import find_product, product_from_item
from shop.products.models import MAX_STOCK, Product, ProductStatus
from shop.retries import StaleVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

    type Actions = dict[str, Action]

SCHEMA_VERSION = 2  # of products: version 2 added the keys of the lists
_SKU_SCHEMA_VERSION = 1
_SORT_KEYS = {"name": "name_key", "price": "price_key"}  # derived from their attributes


class ProductRepository:
    def find_record(self, idempotency_key: str | None) -> Record | None:
        return records.find_record(idempotency_key)

    def find_committed_record(self, idempotency_key: str | None) -> Record | None:
        return records.find_committed_record(idempotency_key)

    def add(self, product: Product, record: Record | None, by_admin: str | None = None) -> None:
        """Write product, SKU and record.

        4 write units; 2 more for an admin, and 2 for each KB of a record.
        """
        try:
            transactions.write(
                {
                    **check_admin(by_admin),
                    "product": _put(product_to_item(product)),
                    "sku": _put_sku(product),
                    **records.put(record),
                }
            )
        except transactions.ConditionFailed as failed:
            if CALLER in failed.old:
                raise Forbidden from None
            raise (SkuInUse if "sku" in failed.old else StaleVersion) from None

    def get(self, product_id: str) -> Product | None:
        """Return the product, or None. 1 read unit."""
        return find_product(product_id)

    def list(
        self, status: ProductStatus, sort: str, page_request: PageRequest, is_descending: bool
    ) -> IndexPage[Product]:
        """Return a page of products.

        Half a read unit for each product, and one for each 8 KB of the index's keys.
        """
        listing = _BY[sort]
        return listing.page(
            [KeyRange(status)], page_request, is_descending, lambda p: p.status is status
        )

    def count(self, status: ProductStatus) -> int:
        return totals.read("products", [status])

    def save(
        self,
        before: Product,
        after: Product,
        named: Collection[str],
        stock_delta: int,
        version: int | None,
        by_admin: str | None = None,
    ) -> None:
        """Set the named attributes, and add to the stock.

        2 write units for each KB, 2 for the caller's role, 4 for a new SKU, and more in the indexes
        of name, price and status if these change.

        A transaction even for one action, because only transactions are safe to retry: a stock
        change whose response was lost must not happen twice.
        """
        changes: Actions = {
            **check_admin(by_admin),
            "product": _update(before, after, named, stock_delta, version),
        }
        if after.sku != before.sku:
            changes["old sku"] = _delete_sku(before)
            changes["sku"] = _put_sku(after)
        try:
            transactions.write(changes)
        except transactions.ConditionFailed as failed:
            if CALLER in failed.old:
                raise Forbidden from None
            if failed.old.keys() == {"sku"}:
                raise SkuInUse from None
            raise StaleVersion from None

    def delete(self, product: Product, version: int | None, by_admin: str | None = None) -> None:
        """Delete product and SKU. 6 write units, and 2 for each index."""
        changes: Actions = {
            **check_admin(by_admin),
            "product": actions.delete(
                tables.products(),
                {"id": product.id},
                _is_current(version),
                equals(sku=product.sku),
            ),
            "sku": _delete_sku(product),
        }
        try:
            transactions.write(changes)
        except transactions.ConditionFailed as failed:
            raise (Forbidden if CALLER in failed.old else StaleVersion) from None


def sku_to_item(product: Product) -> Item:
    """Return the item that reserves the product's SKU."""
    return {
        "id": f"sku#{product.sku}",
        "product_id": product.id,
        "schema_version": _SKU_SCHEMA_VERSION,
    }


def product_to_item(product: Product) -> Item:
    return {
        "id": product.id,
        "sku": product.sku,
        "name": product.name,
        "price": product.price.amount,
        "currency": product.price.currency,
        "stock": product.stock,
        "status": product.status.value,
        "created_at": to_text(product.created_at),
        "updated_at": to_text(product.updated_at),
        "version": product.version,
        "schema_version": SCHEMA_VERSION,
        "name_key": text_key(product.name, product.id),
        "price_key": amount_key(product.price.amount, product.id),
    }


_PRICE = frozenset({"price", "currency"})


def _update(
    before: Product,
    after: Product,
    named: Collection[str],
    stock_delta: int,
    version: int | None,
) -> "Action":
    """Return the update, conditional on the version only if one is given.

    Every sale increments the version, so a product that sells well could otherwise never be
    changed.
    """
    item = product_to_item(after)
    names = {*named, *(_SORT_KEYS[name] for name in named if name in _SORT_KEYS), "updated_at"}
    sets: Item = {"version": Increment(1), **{name: item[name] for name in sorted(names)}}
    conditions = [_is_current(version)]
    if "sku" in named:
        conditions.append(equals(sku=before.sku))
    if len(of_price := _PRICE & {*named}) == 1:
        # The amount was validated against the currency that was read, or the reverse.
        (other,) = _PRICE - of_price
        conditions.append(equals(**{other: product_to_item(before)[other]}))
    if stock_delta:
        sets["stock"] = Increment(stock_delta)
        # Unlimited stock is NULL, and every comparison of NULL with a number is false.
        conditions.append(
            compares("stock", "<=", MAX_STOCK - stock_delta)
            if stock_delta > 0
            else compares("stock", ">=", -stock_delta)
        )
    return actions.update(tables.products(), {"id": before.id}, *conditions, sets=sets)


def _is_current(version: int | None) -> Condition:
    """Return the condition that the product exists, at this version if one is given."""
    return exists("id") if version is None else equals(version=version)


def _put_sku(product: Product) -> "Action":
    return _put(sku_to_item(product))


def _delete_sku(product: Product) -> "Action":
    is_own = equals(product_id=product.id)
    return actions.delete(tables.products(), {"id": f"sku#{product.sku}"}, is_own)


def _put(item: Item) -> "Action":
    return actions.put(tables.products(), item, absent("id"))


def _listing(index: str, sort_key: str) -> IndexQuery[Product]:
    return IndexQuery(tables.products, "status", sort_key, product_from_item, index, ("id",))


_BY = {
    "createdAt": _listing("by_id", "id"),
    "name": _listing("by_name", "name_key"),
    "price": _listing("by_price", "price_key"),
}
