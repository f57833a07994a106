"""Products as items, for reads by id, which need no other storage."""

from collections.abc import Mapping, Sequence

from shop.clients import dynamodb
from shop.clock import from_text
from shop.dynamo import tables
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.reads import batch_get
from shop.money import Money
from shop.products.models import Product, ProductStatus


def find_product(product_id: str) -> Product | None:
    """Return the product, or None. 1 read unit."""
    response = dynamodb().get_item(
        TableName=tables.products(), Key=encode({"id": product_id}), ConsistentRead=True
    )
    return product_from_item(decode(response["Item"])) if "Item" in response else None


def find_products(product_ids: Sequence[str]) -> Mapping[str, Product]:
    """Return the products that exist, by id. 1 read unit for each; no request without ids."""
    if not product_ids:
        return {}
    found = batch_get({tables.products(): [{"id": product_id} for product_id in product_ids]})
    return {item["id"]: product_from_item(item) for item in found[tables.products()]}


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
