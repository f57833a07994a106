"""Changing and deleting products over HTTP, one request at a time."""

from typing import Any

import pytest

from shop.products.models import MAX_STOCK
from tests.support.deployed_shop import Person, Shop, error_of, new_product
from tests.support.fault_proxy import FaultProxy, response_lost
from tests.support.product_requests import patch, path_of, read, rows_of

NOBODY = "/api/products/01900000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def customer(shop: Shop) -> Person:
    return shop.sign_up()


@pytest.mark.parametrize("content_type", ["application/json", "application/merge-patch+json"])
@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Zwei Birnen 🍐"},
        {"price": "0.00"},
        {"currency": "USD"},
        {"stock": 0},
        {"stock": None},
        {"status": "inactive"},
        {"name": "A plum", "price": "99999999.00", "currency": "JPY", "stock": MAX_STOCK},
    ],
    ids=str,
)
def test_patch_changes_named_fields_only(
    shop: Shop, content_type: str, changes: dict[str, Any]
) -> None:
    product = shop.product()

    response = shop.admin.http.patch(
        path_of(product), json=changes, headers={"Content-Type": content_type}
    )

    changed = response.json()
    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')
    assert response.headers["Cache-Control"] == "no-store"
    assert changed == product | changes | {"updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] > product["updatedAt"]
    assert read(shop, product) == changed


def test_patch_updates_sort_keys_and_no_other_attribute(shop: Shop) -> None:
    product = shop.product(name="A pear")
    before, guard = rows_of(shop, product)

    patch(shop, product, name="Ärger", price="7.51", stockDelta=2)

    after, guard_after = rows_of(shop, product)
    assert guard_after == guard
    assert after == before | {
        "name": {"S": "Ärger"},
        "name_key": {"S": f"ärger\0{product['id']}"},
        "price": {"N": "7.51"},
        "price_key": {"S": f"0000000751#{product['id']}"},
        "stock": {"N": "12"},
        "version": {"N": "2"},
        "updated_at": after["updated_at"],
    }


def listed(shop: Shop, sort: str, status: str = "active") -> list[str]:
    """Return the ids of all products with a status, in list order."""
    found: list[str] = []
    target: str | None = f"/api/products?status={status}&sort={sort}&limit=100"
    while target:
        response = shop.anonymous.get(target)
        found += [product["id"] for product in response.json()["data"]]
        target = response.links.get("next", {}).get("url")
    return found


def test_changed_product_moves_in_every_list(shop: Shop) -> None:
    first, second = (shop.product(name=name, price="5.00")["id"] for name in ("Ab", "Ac"))
    products = {"id": first}

    def order(sort: str) -> list[str]:
        return [product for product in listed(shop, sort) if product in (first, second)]

    assert order("name") == order("price") == order("createdAt") == [first, second]
    patch(shop, products, name="ad", price="5.01")
    assert order("name") == order("price") == [second, first]
    assert order("createdAt") == [first, second]
    patch(shop, products, status="inactive")
    assert order("name") == [second] and first in listed(shop, "name", "inactive")
    shop.admin.http.delete(path_of(products))
    assert first not in listed(shop, "name", "inactive")


@pytest.mark.parametrize("stock", [10, None])
def test_patch_without_a_change_writes_nothing(shop: Shop, stock: int | None) -> None:
    product = shop.product(stock=stock)
    same = {name: product[name] for name in ("sku", "name", "price", "currency", "stock", "status")}
    before = shop.everything()

    for changes in ({}, same, {"name": f" {product['name']} "}, {"stock": stock}):
        response = patch(shop, product, **changes)
        assert (response.status_code, response.headers["ETag"]) == (200, '"1"')
        assert response.json() == product
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "body.name"),
        ({"sku": None}, "body.sku"),
        ({"price": None}, "body.price"),
        ({"currency": None}, "body.currency"),
        ({"status": None}, "body.status"),
        ({"stockDelta": None}, "body.stockDelta"),
        ({"name": " "}, "body.name"),
        ({"name": "A\u202epear"}, "body.name"),
        ({"name": "x" * 101}, "body.name"),
        ({"sku": "sku#X"}, "body.sku"),
        ({"sku": "a b"}, "body.sku"),
        ({"sku": "PEAR\n"}, "body.sku"),
        ({"sku": "x" * 65}, "body.sku"),
        ({"sku": 5}, "body.sku"),
        ({"price": "1.9"}, "body.price"),
        ({"price": "1"}, "body.price"),
        ({"price": "1.999"}, "body.price"),
        ({"price": "1e2"}, "body.price"),
        ({"price": "١.٠٠"}, "body.price"),
        ({"price": "100000000.00"}, "body.price"),
        ({"price": 1.90}, "body.price"),
        ({"price": 2}, "body.price"),
        ({"price": "-1.00"}, "body.price"),
        ({"currency": "eur"}, "body.currency"),
        ({"currency": "XXX"}, "body.currency"),
        ({"stock": "5"}, "body.stock"),
        ({"stock": True}, "body.stock"),
        ({"stock": -1}, "body.stock"),
        ({"stock": MAX_STOCK + 1}, "body.stock"),
        ({"stock": {"N": "5"}}, "body.stock"),
        ({"stockDelta": 0}, "body.stockDelta"),
        ({"stockDelta": "5"}, "body.stockDelta"),
        ({"stockDelta": True}, "body.stockDelta"),
        ({"stockDelta": MAX_STOCK + 1}, "body.stockDelta"),
        ({"stockDelta": -MAX_STOCK - 1}, "body.stockDelta"),
        ({"stockDelta": 10**100}, "body.stockDelta"),
        ({"stock": 5, "stockDelta": 1}, "body.stock"),
        ({"stock": None, "stockDelta": 1}, "body.stock"),
        ({"currency": "JPY"}, "body.currency"),
        ({"price": "100.50", "currency": "JPY"}, "body.price"),
        ({"currency": "KWD"}, "body.currency"),
        ({"name": "\u3164"}, "body.name"),
        ({"status": "gone"}, "body.status"),
        ({"status": 0}, "body.status"),
        ({"version": 7}, "body.version"),
        ({"id": "01900000-0000-7000-8000-000000000000"}, "body.id"),
        ({"createdAt": "2026-11-22T18:06:00.123Z"}, "body.createdAt"),
        ({"stock_delta": 1}, "body.stock_delta"),
        ({"price_key": "0"}, "body.price_key"),
        ({"name": "B", "nmae": "C"}, "body.nmae"),
    ],
    ids=str,
)
def test_patch_with_invalid_values_is_rejected(
    shop: Shop, changes: dict[str, Any], field: str
) -> None:
    product = shop.product()
    before = shop.everything()

    response = patch(shop, product, **changes)

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert [detail["field"] for detail in response.json()["error"]["details"]] == [field]
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        (b"", "application/json", (400, "BAD_REQUEST")),
        (b"{", "application/json", (400, "BAD_REQUEST")),
        (b'{"stock": NaN}', "application/json", (400, "BAD_REQUEST")),
        (b'{"stockDelta": 1, "stockDelta": 2}', "application/json", (400, "BAD_REQUEST")),
        (b'{"stock": ' + b"9" * 5000 + b"}", "application/json", (400, "BAD_REQUEST")),
        (b'{"name": "\xff"}', "application/json", (400, "BAD_REQUEST")),
        (b"[]", "application/json", (422, "VALIDATION_ERROR")),
        (b"null", "application/json", (422, "VALIDATION_ERROR")),
        (b'[{"op": "replace"}]', "application/json-patch+json", (415, "UNSUPPORTED_MEDIA_TYPE")),
        (b'{"stock": 1}', "text/plain", (415, "UNSUPPORTED_MEDIA_TYPE")),
        (
            b'{"name": "' + b"x" * 1024 * 1024 + b'"}',
            "application/json",
            (413, "PAYLOAD_TOO_LARGE"),
        ),
        (
            b'{"name": "' + b"x" * 7 * 1024 * 1024 + b'"}',
            "application/json",
            (413, "PAYLOAD_TOO_LARGE"),
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_unreadable_patch_is_rejected(
    shop: Shop, content: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    product = shop.product()
    before = shop.everything()

    response = shop.admin.http.patch(
        path_of(product), content=content, headers={"Content-Type": content_type}
    )

    assert error_of(response) == expected
    assert shop.everything() == before


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_catalogue_is_changed_by_admins_only(shop: Shop, customer: Person, method: str) -> None:
    product = shop.product()
    body = {"price": "0.01"} if method == "PATCH" else None
    before = shop.everything()

    for path in (path_of(product), NOBODY):
        anonymous = shop.anonymous.request(method, path, json=body)
        assert error_of(anonymous) == (401, "UNAUTHORIZED")
        assert error_of(customer.http.request(method, path, json=body)) == (403, "FORBIDDEN")
        stale = customer.http.request(method, path, json=body, headers={"If-Match": '"9"'})
        assert error_of(stale) == (403, "FORBIDDEN")
    assert shop.everything() == before


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_path_without_a_product_is_404(shop: Shop, method: str) -> None:
    sku = shop.product()["sku"]
    before = shop.everything()

    for path in (NOBODY, f"/api/products/sku%23{sku}", "/api/products/1", "/api/products/me"):
        body = {"name": "B", "stock": 5} if method == "PATCH" else None
        response = shop.admin.http.request(method, path, json=body)
        assert error_of(response) == (404, "NOT_FOUND")
    assert shop.everything() == before


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_unknown_query_parameter_is_rejected(shop: Shop, method: str) -> None:
    product = shop.product()
    body = {"name": "B"} if method == "PATCH" else None

    response = shop.admin.http.request(method, f"{path_of(product)}?force=true", json=body)

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert read(shop, product) == product


@pytest.mark.parametrize(
    ("stock", "delta", "left"),
    [(10, -3, 7), (10, 3, 13), (10, -10, 0), (0, MAX_STOCK, MAX_STOCK)],
)
def test_stock_delta_changes_stock(shop: Shop, stock: int, delta: int, left: int) -> None:
    product = shop.product(stock=stock)

    response = patch(shop, product, stockDelta=delta)

    assert (response.status_code, response.json()["stock"]) == (200, left)


@pytest.mark.parametrize(
    ("stock", "delta", "expected"),
    [
        (10, -11, (409, "INSUFFICIENT_STOCK")),
        (0, -MAX_STOCK, (409, "INSUFFICIENT_STOCK")),
        (1, MAX_STOCK, (422, "VALIDATION_ERROR")),
        (MAX_STOCK, 1, (422, "VALIDATION_ERROR")),
        (None, 1, (422, "VALIDATION_ERROR")),
        (None, -1, (422, "VALIDATION_ERROR")),
    ],
)
def test_stock_delta_out_of_range_rejects_the_whole_patch(
    shop: Shop, stock: int | None, delta: int, expected: tuple[int, str]
) -> None:
    product = shop.product(stock=stock)
    before = shop.everything()

    response = patch(shop, product, stockDelta=delta, name="B", sku=new_product()["sku"])

    assert error_of(response) == expected
    assert [d["field"] for d in response.json()["error"]["details"]] == ["body.stockDelta"]
    assert shop.everything() == before


def test_stock_delta_with_a_lost_response_is_applied_once(shop: Shop, faults: FaultProxy) -> None:
    product = shop.product(stock=10)

    with faults.on(response_lost, "TransactWriteItems", times=1) as hits:
        response = patch(shop, product, stockDelta=-3)

    assert (response.status_code, len(hits)) == (200, 1)
    assert (response.json()["stock"], response.headers["ETag"]) == (7, '"2"')
    assert read(shop, product) == response.json()


def test_deletion_and_new_sku_with_lost_responses_are_applied_once(
    shop: Shop, faults: FaultProxy
) -> None:
    product = shop.product()
    sku = new_product()["sku"]

    with faults.on(response_lost, "TransactWriteItems", times=1):
        assert patch(shop, product, sku=sku).status_code == 200
    assert [row["id"]["S"] for row in rows_of(shop, product)] == [product["id"], f"sku#{sku}"]
    with faults.on(response_lost, "TransactWriteItems", times=1):
        assert shop.admin.http.delete(path_of(product)).status_code == 204
    assert rows_of(shop, product) == []


def test_unchanged_product_is_304(shop: Shop) -> None:
    product = shop.product()

    for tags in ('"1"', 'W/"1"', '"7", "1"', "*"):
        response = shop.anonymous.get(path_of(product), headers={"If-None-Match": tags})
        assert (response.status_code, response.content, response.headers["ETag"]) == (
            304,
            b"",
            '"1"',
        )
    patch(shop, product, stockDelta=1)
    response = shop.anonymous.get(path_of(product), headers={"If-None-Match": '"1"'})
    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')


@pytest.mark.parametrize("tags", ['"99"', 'W/"1"', '"2", W/"1"', '"1.0"', '"01"', '""'])
def test_stale_precondition_stops_every_change(shop: Shop, tags: str) -> None:
    product = shop.product()
    headers = {"If-Match": tags}
    before = shop.everything()

    responses = [
        shop.admin.http.patch(path_of(product), json=changes, headers=headers)
        for changes in ({"name": "B"}, {"stockDelta": -99}, {"sku": "B"}, {})
    ]
    responses.append(shop.admin.http.delete(path_of(product), headers=headers))

    assert {error_of(response) for response in responses} == {(412, "PRECONDITION_FAILED")}
    assert shop.everything() == before


def test_valid_precondition_allows_the_change(shop: Shop) -> None:
    product = shop.product()

    for version, tags in enumerate(('"1"', '"1", "2"', 'W/"9", "3"', "*"), start=2):
        headers = {"If-Match": tags}
        response = shop.admin.http.patch(path_of(product), json={"stockDelta": 1}, headers=headers)
        assert (response.status_code, response.headers["ETag"]) == (200, f'"{version}"')
    for tags, status in (('"4"', 412), ('"5"', 204)):
        response = shop.admin.http.delete(path_of(product), headers={"If-Match": tags})
        assert response.status_code == status


def test_malformed_precondition_is_rejected(shop: Shop) -> None:
    product = shop.product()
    headers = {"If-Match": "1"}

    patched = shop.admin.http.patch(path_of(product), json={"name": "B"}, headers=headers)
    deleted = shop.admin.http.delete(path_of(product), headers=headers)

    assert error_of(patched) == error_of(deleted) == (400, "BAD_REQUEST")
    assert read(shop, product) == product


def test_precondition_on_a_deleted_product_is_404(shop: Shop) -> None:
    response = shop.admin.http.patch(NOBODY, json={"name": "B"}, headers={"If-Match": "*"})

    assert error_of(response) == (404, "NOT_FOUND")


def test_changed_sku_is_reserved_and_the_old_one_released(shop: Shop) -> None:
    product = shop.product()
    old, new = product["sku"], new_product()["sku"]

    assert patch(shop, product, sku=new).json()["sku"] == new
    assert error_of(shop.admin.http.post("/api/products", json=new_product() | {"sku": new})) == (
        *(409, "SKU_IN_USE"),
    )
    other = shop.product(sku=old)
    before = shop.everything()
    assert error_of(patch(shop, product, sku=old, name="B")) == (409, "SKU_IN_USE")
    assert shop.everything() == before
    assert shop.admin.http.delete(path_of(other)).status_code == 204
    assert patch(shop, product, sku=old).json()["sku"] == old
    assert [row["id"]["S"] for row in rows_of(shop, product)] == [product["id"], f"sku#{old}"]


def test_deleted_product_is_gone_and_past_orders_keep_their_lines(shop: Shop) -> None:
    buyer = shop.sign_up()
    product = shop.product()
    order = buyer.order((product["id"], 2)).json()

    response = shop.admin.http.delete(path_of(product))

    assert (response.status_code, response.content) == (204, b"")
    assert rows_of(shop, product) == []
    assert error_of(shop.anonymous.get(path_of(product))) == (404, "NOT_FOUND")
    assert buyer.http.get(f"/api/users/me/orders/{order['id']}").json() == order
    assert buyer.http.get("/api/users/me/orders").json()["data"] == [order]
    before = shop.everything()
    assert error_of(buyer.order((product["id"], 1))) == (422, "PRODUCT_UNAVAILABLE")
    assert error_of(shop.admin.http.delete(path_of(product))) == (404, "NOT_FOUND")
    assert error_of(patch(shop, product, name="B")) == (404, "NOT_FOUND")
    assert error_of(patch(shop, product, stockDelta=1)) == (404, "NOT_FOUND")
    assert shop.everything() == before
    assert shop.product(sku=product["sku"])["id"] != product["id"]


def test_inactive_product_is_not_sold_until_active_again(shop: Shop, customer: Person) -> None:
    product = shop.product()
    patch(shop, product, status="inactive")
    before = shop.everything()

    assert error_of(customer.order((product["id"], 1))) == (422, "PRODUCT_UNAVAILABLE")
    assert shop.everything() == before
    patch(shop, product, status="active")
    assert customer.order((product["id"], 1)).status_code == 201


def test_changed_product_leaves_past_orders_unchanged(shop: Shop) -> None:
    buyer = shop.sign_up()
    product = shop.product(price="19.90")
    order = buyer.order((product["id"], 2)).json()

    patch(shop, product, price="0.01", name="Another", sku=f"{product['sku']}-2", currency="USD")

    assert buyer.http.get(f"/api/users/me/orders/{order['id']}").json() == order
    assert buyer.http.get("/api/users/me/orders").json()["data"] == [order]
    later = buyer.order((product["id"], 2)).json()
    (line,) = later["items"]
    assert (later["currency"], later["total"], line["unitPrice"]) == ("USD", "0.02", "0.01")
    assert (line["name"], line["sku"]) == ("Another", f"{product['sku']}-2")
