"""The catalogue over HTTP."""

from typing import Any

import pytest

from tests.support.deployed_shop import Shop, error_of, gather, new_product


def test_product_is_created_and_publicly_readable(shop: Shop) -> None:
    payload = new_product()

    response = shop.admin.http.post("/api/products", json=payload)

    product = response.json()
    assert response.status_code == 201
    assert {name: product[name] for name in payload} == payload
    assert product["status"] == "active"
    assert response.headers["Location"] == f"/api/products/{product['id']}"
    read = shop.anonymous.get(response.headers["Location"])
    assert read.json() == product
    assert read.headers["ETag"] == response.headers["ETag"] == '"1"'
    assert read.headers["Cache-Control"] == "no-cache"


def test_stock_can_be_unlimited_and_a_product_inactive(shop: Shop) -> None:
    product = shop.product(stock=None, status="inactive", price="0.00")

    read = shop.anonymous.get(f"/api/products/{product['id']}").json()

    assert (read["stock"], read["status"], read["price"]) == (None, "inactive", "0.00")


def test_currencies_without_decimals_take_whole_amounts(shop: Shop) -> None:
    product = shop.product(price="100.00", currency="JPY")
    path = f"/api/products/{product['id']}"

    rejected = shop.admin.http.patch(path, json={"price": "100.50"})

    assert (product["price"], product["currency"]) == ("100.00", "JPY")
    assert error_of(rejected) == (422, "VALIDATION_ERROR")
    assert rejected.json()["error"]["details"] == [
        {
            "field": "body.price",
            "code": "amount_precision",
            "message": "Must end in .00: JPY has no decimals.",
        }
    ]
    assert shop.anonymous.get(path).json() == product


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"price": "1.9"}, "body.price"),
        ({"price": 1.90}, "body.price"),
        ({"price": "-1.00"}, "body.price"),
        ({"price": "100000000.00"}, "body.price"),
        ({"price": "100.50", "currency": "JPY"}, "body.price"),
        ({"currency": "KWD"}, "body.currency"),
        ({"currency": "eur"}, "body.currency"),
        ({"currency": "XXX"}, "body.currency"),
        ({"stock": -1}, "body.stock"),
        ({"stock": 1.5}, "body.stock"),
        ({"stock": "1"}, "body.stock"),
        ({"sku": ""}, "body.sku"),
        ({"sku": "a b"}, "body.sku"),
        ({"sku": "-x"}, "body.sku"),
        ({"sku": "x" * 65}, "body.sku"),
        ({"name": " "}, "body.name"),
        ({"status": "gone"}, "body.status"),
        ({"version": 7}, "body.version"),
    ],
)
def test_malformed_product_is_rejected_and_not_stored(
    shop: Shop, changed: dict[str, Any], field: str
) -> None:
    before = shop.everything()

    response = shop.admin.http.post("/api/products", json=new_product() | changed)

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert field in [detail["field"] for detail in response.json()["error"]["details"]]
    assert shop.everything() == before


def test_sku_in_use_is_rejected_also_for_parallel_requests(shop: Shop) -> None:
    payload = new_product()

    statuses = gather(16, lambda _: shop.admin.http.post("/api/products", json=payload).status_code)

    assert sorted(statuses) == [201, *[409] * 15]
    assert error_of(shop.admin.http.post("/api/products", json=payload)) == (409, "SKU_IN_USE")
    rows = [
        item
        for item in shop.table("ProductsTable")
        if item.get("sku", {}).get("S") == payload["sku"]
    ]
    assert len(rows) == 1


def test_creation_with_a_key_is_safe_to_retry(shop: Shop) -> None:
    payload = new_product()
    headers = {"Idempotency-Key": payload["sku"]}

    responses = gather(
        10, lambda _: shop.admin.http.post("/api/products", json=payload, headers=headers)
    )

    assert {response.status_code for response in responses} == {201}
    assert len({response.text for response in responses}) == 1
    assert len({response.headers["Location"] for response in responses}) == 1
    assert sum("Idempotent-Replayed" not in response.headers for response in responses) == 1
    other = shop.admin.http.post("/api/products", json=payload | {"name": "B"}, headers=headers)
    assert error_of(other) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_unknown_product_is_not_found(shop: Shop) -> None:
    response = shop.anonymous.get("/api/products/01900000-0000-7000-8000-000000000000")

    assert error_of(response) == (404, "NOT_FOUND")
