"""Idempotency keys replay the first response byte for byte, after any later change."""

from typing import Any

import httpx2
import pytest

from tests.support.deployed_shop import Person, Shop, error_of, new_email, new_product
from tests.support.fixtures import PASSWORD

LONG_AGO = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def person(shop: Shop) -> Person:
    return shop.sign_up()


def content_of(response: httpx2.Response) -> tuple[int, bytes, str, str]:
    headers = response.headers
    return response.status_code, response.content, headers["Location"], headers["ETag"]


def record_of(shop: Shop, person: Person) -> dict[str, Any]:
    """Return the only record of this caller."""
    (record,) = [it for it in shop.table("IdempotencyTable") if person.id in it["id"]["S"]]
    return record


def test_replayed_order_is_returned_as_placed_after_a_change(shop: Shop, person: Person) -> None:
    product = shop.product(stock=5)
    first = person.order((product["id"], 5), key="k")
    order = first.headers["Location"].replace("/me/", f"/{person.id}/")
    as_of_now = {"status": "cancelled", "note": "Changed."}
    assert shop.admin.http.patch(order, json=as_of_now).is_success
    no_longer_sold = {"name": "A plum", "status": "inactive", "price": "0.01"}
    assert shop.admin.http.patch(f"/api/products/{product['id']}", json=no_longer_sold).is_success

    again = person.order((product["id"], 5), key="k")

    assert person.http.get(order).json()["status"] == "cancelled"
    assert content_of(again) == content_of(first)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers


def test_replayed_product_is_returned_as_created_after_a_price_change(shop: Shop) -> None:
    payload = new_product()
    key = {"Idempotency-Key": payload["sku"]}
    first = shop.admin.http.post("/api/products", json=payload, headers=key)
    shop.stack.client("dynamodb").update_item(
        TableName=shop.resources["ProductsTable"],
        Key={"id": {"S": first.json()["id"]}},
        UpdateExpression="SET price = :price, version = :version",
        ExpressionAttributeValues={":price": {"N": "99"}, ":version": {"N": "2"}},
    )

    again = shop.admin.http.post("/api/products", json=payload, headers=key)

    assert shop.anonymous.get(first.headers["Location"]).json()["price"] == "99.00"
    assert content_of(again) == content_of(first)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_expired_key_is_unused_before_its_record_is_deleted(shop: Shop, person: Person) -> None:
    product = shop.product()
    first = person.order((product["id"], 1), key="k")
    shop.change("IdempotencyTable", {"id": record_of(shop, person)["id"]["S"]}, expires_at=LONG_AGO)

    second = person.order((product["id"], 2), key="k")
    third = person.order((product["id"], 2), key="k")

    assert second.status_code == 201 and "Idempotent-Replayed" not in second.headers
    assert second.json()["id"] != first.json()["id"]
    assert content_of(third) == content_of(second)
    assert record_of(shop, person)["expires_at"]["S"] > second.json()["createdAt"]


def test_key_is_scoped_to_its_operation_and_path(shop: Shop, person: Person) -> None:
    product = shop.product()
    other = shop.sign_up()
    body = {"items": [{"productId": product["id"], "quantity": 1}]}
    payload = new_product()
    key = {"Idempotency-Key": payload["sku"]}

    responses = [
        shop.admin.http.post("/api/products", json=payload, headers=key),
        shop.admin.http.post(f"/api/users/{person.id}/orders", json=body, headers=key),
        shop.admin.http.post(f"/api/users/{other.id}/orders", json=body, headers=key),
    ]

    assert [response.status_code for response in responses] == [201, 201, 201]
    assert len({response.json()["id"] for response in responses}) == 3


def test_request_that_failed_validation_can_be_corrected_under_its_key(
    shop: Shop, person: Person
) -> None:
    product = shop.product()
    before = shop.everything()

    rejections = [
        person.order((product["id"], 0), key="k"),
        person.order((product["id"], 1), key="k", total="0.01"),
        person.order(("01900000-0000-7000-8000-000000000000", 1), key="k"),
    ]

    assert [error_of(response)[0] for response in rejections] == [422, 422, 422]
    assert shop.everything() == before
    assert person.order((product["id"], 1), key="k").status_code == 201


def test_reused_key_with_another_body_is_rejected_and_the_first_response_kept(
    shop: Shop, person: Person
) -> None:
    product = shop.product()
    first = person.order((product["id"], 1), key="k", note="Ring twice.")
    before = shop.everything()

    other = person.order((product["id"], 1), key="k")

    assert error_of(other) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert shop.everything() == before
    assert content_of(person.order((product["id"], 1), key="k", note="Ring twice.")) == content_of(
        first
    )


def test_requests_with_secrets_are_not_recorded(shop: Shop, person: Person) -> None:
    before = shop.everything()["IdempotencyTable"]
    key = {"Idempotency-Key": "secret"}
    log_in = {"email": person.email, "password": PASSWORD}
    passwords = {"currentPassword": PASSWORD, "newPassword": PASSWORD + "!"}
    refresh = {"refreshToken": person.grant["refreshToken"]}
    sign_up = {"email": new_email(), "name": "Ada", "password": PASSWORD}

    responses = [
        person.http.post("/api/users", json=sign_up, headers=key),
        person.http.post("/api/sessions", json=log_in, headers=key),
        person.http.post("/api/access-tokens", json=refresh, headers=key),
        person.http.put("/api/users/me/password", json=passwords, headers=key),
    ]

    assert [response.status_code for response in responses] == [201, 201, 201, 204]
    assert shop.everything()["IdempotencyTable"] == before
