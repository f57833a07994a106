"""Sort keys of users, products and orders for list indexes: schema version 1 to 2."""

from collections.abc import Mapping

from shop.dynamo import tables
from shop.dynamo.codec import Item
from shop.dynamo.sort_keys import amount_key, shard_key, shard_keys, text_key
from tools.migrate.migration import Migration, Part

SCHEMA_VERSION = 2


def of_user(item: Item) -> Item | None:
    if "email" not in item:
        return None  # the row that counts admins
    return _missing_attributes(
        item,
        {
            "status_shard": _shard(item),
            "name_key": text_key(item["name"], item["id"]),
            "email_key": text_key(item["email"], item["id"]),
        },
    )


def of_product(item: Item) -> Item | None:
    if "sku" not in item:
        return None  # a row that guards a SKU
    return _missing_attributes(
        item,
        {
            "name_key": text_key(item["name"], item["id"]),
            "price_key": amount_key(item["price"], item["id"]),
        },
    )


def of_order(item: Item) -> Item | None:
    if "lines" not in item:
        return None  # the summary of a user's orders
    status, id_ = item["status"], item["id"]
    return _missing_attributes(
        item,
        {
            "status_id": f"{status}#{id_}",
            "status_total": f"{status}#{amount_key(item['total'], id_)}",
            "status_shard": _shard(item),
        },
    )


def _missing_attributes(item: Item, keys: Mapping[str, str]) -> Item | None:
    """Return the attributes to set, including stale keys after a change by code of version 1."""
    version = item.get("schema_version", 1)
    if version > SCHEMA_VERSION:
        return None
    expected = {**keys, "schema_version": SCHEMA_VERSION}
    return {name: value for name, value in expected.items() if item.get(name) != value} or None


def _shard(item: Item) -> str:
    """Return the current shard if lists read it, since the number of shards may have grown."""
    there: str | None = item.get("status_shard")
    if there is not None and there in shard_keys(item["status"]):
        return there
    return shard_key(item["status"], item["id"])


MIGRATION = Migration(
    1,
    "keys of lists",
    (Part(tables.users, of_user), Part(tables.products, of_product), Part(tables.orders, of_order)),
)
