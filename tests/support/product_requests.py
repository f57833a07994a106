"""Requests of one product on the deployed stack, and its rows."""

from typing import Any

import httpx2

from tests.support.deployed_shop import Shop


def path_of(product: dict[str, Any]) -> str:
    return f"/api/products/{product['id']}"


def patch(shop: Shop, product: dict[str, Any], **changes: Any) -> httpx2.Response:
    return shop.admin.http.patch(path_of(product), json=changes)


def read(shop: Shop, product: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = shop.anonymous.get(path_of(product)).json()
    return found


def rows_of(shop: Shop, product: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the product's row, if any, and its SKU guards."""
    own = {"S": product["id"]}
    rows = shop.table("ProductsTable")
    found = [row for row in rows if own in (row["id"], row.get("product_id"))]
    return sorted(found, key=lambda row: str(row["id"]["S"]))
