"""Products in DynamoDB, each with a guard row that makes its SKU unique."""

from typing import Any

from shop.clients import dynamodb
from shop.clock import from_text, to_text
from shop.dynamo import records, tables, transactions
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.listing import Listing, Range
from shop.dynamo.sort_keys import amount_key, text_key
from shop.errors import SkuInUse
from shop.idempotency import Once, Record
from shop.money import Money
from shop.pagination import Rows, Span
from shop.products.models import Product, ProductStatus

SCHEMA_VERSION = 1


class ProductRepository:
    def recorded(self, once: Once) -> Record | None:
        return records.find(once)

    def add(self, product: Product, once: Once) -> None:
        try:
            transactions.write(
                {
                    "product": _put_new(_to_item(product)),
                    "sku": _put_new({"id": f"sku#{product.sku}", "product_id": product.id}),
                    **records.put(once.record(product)),
                }
            )
        except transactions.ConditionFailed as failed:
            once.replay(records.find(once))
            if "sku" in failed.old:
                raise SkuInUse from None
            raise

    def get(self, product_id: str) -> Product | None:
        """1 read unit."""
        answer = dynamodb().get_item(
            TableName=tables.products(), Key=encode({"id": product_id}), ConsistentRead=True
        )
        return product_from_item(decode(answer["Item"])) if "Item" in answer else None

    def list(self, status: ProductStatus, sort: str, span: Span, descends: bool) -> Rows[Product]:
        """Half a read unit for each product, and one for each 8 KB of the index's keys."""
        listing = _BY[sort]
        return listing.page([Range(status)], span, descends, lambda p: p.status is status)


def product_from_item(item: Item) -> Product:
    stock = item["stock"]
    return Product(
        id=item["id"],
        sku=item["sku"],
        name=item["name"],
        price=Money(item["price"], item["currency"]),
        stock=None if stock is None else int(stock),
        status=ProductStatus(item["status"]),
        created_at=from_text(item["created_at"]),
        updated_at=from_text(item["updated_at"]),
        version=int(item["version"]),
    )


def _to_item(product: Product) -> Item:
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


def _put_new(item: Item) -> Any:
    return {
        "Put": {
            "TableName": tables.products(),
            "Item": encode(item),
            "ConditionExpression": "attribute_not_exists(id)",
        }
    }


def _listing(index: str, sort_key: str) -> Listing[Product]:
    return Listing(tables.products, "status", sort_key, product_from_item, index, ("id",))


_BY = {
    "createdAt": _listing("by_id", "id"),
    "name": _listing("by_name", "name_key"),
    "price": _listing("by_price", "price_key"),
}
