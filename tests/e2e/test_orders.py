"""Placing and reading orders over HTTP, sequentially and in parallel."""

from typing import Any

import pytest

from tests.support.deployed_shop import Person, Shop, error_of, gather

NOBODY = "01900000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def person(shop: Shop) -> Person:
    return shop.sign_up()


def test_order_is_placed_at_catalogue_prices_and_read_back(shop: Shop) -> None:
    pear, plum = shop.product(price="0.10"), shop.product(price="19.90", stock=None)
    buyer = shop.sign_up()

    response = buyer.order((pear["id"], 3), (plum["id"], 2), (pear["id"], 1), note="Ring twice.")

    order = response.json()
    assert response.status_code == 201
    assert (order["userId"], order["status"], order["note"]) == (buyer.id, "pending", "Ring twice.")
    assert (order["currency"], order["total"]) == ("EUR", "40.20")
    assert order["items"] == [
        {
            "productId": pear["id"],
            "sku": pear["sku"],
            "name": "A pear",
            "unitPrice": "0.10",
            "quantity": 4,
            "lineTotal": "0.40",
        },
        {
            "productId": plum["id"],
            "sku": plum["sku"],
            "name": "A pear",
            "unitPrice": "19.90",
            "quantity": 2,
            "lineTotal": "39.80",
        },
    ]
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Location"] == f"/api/users/me/orders/{order['id']}"
    read = buyer.http.get(response.headers["Location"])
    assert (read.json(), read.headers["ETag"]) == (order, '"1"')
    assert shop.admin.http.get(f"/api/users/{buyer.id}/orders/{order['id']}").json() == order
    assert shop.stock(pear) == 6
    assert shop.stock(plum) is None


def test_sale_changes_the_entity_tag_of_the_product(shop: Shop, person: Person) -> None:
    product = shop.product()
    person.order((product["id"], 1))

    response = shop.anonymous.get(
        f"/api/products/{product['id']}", headers={"If-None-Match": '"1"'}
    )

    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.items"),
        ({"items": []}, "body.items"),
        ({"items": [{"productId": NOBODY, "quantity": 1}] * 51}, "body.items"),
        ({"items": [{"productId": NOBODY, "quantity": 0}]}, "body.items.0.quantity"),
        ({"items": [{"productId": NOBODY, "quantity": 1000}]}, "body.items.0.quantity"),
        ({"items": [{"productId": NOBODY, "quantity": 999}] * 2}, "body.items.1.quantity"),
        ({"items": [{"productId": NOBODY, "quantity": "1"}]}, "body.items.0.quantity"),
        ({"items": [{"productId": NOBODY}]}, "body.items.0.quantity"),
        ({"items": [{"productId": "sku#PEAR", "quantity": 1}]}, "body.items.0.productId"),
        ({"items": [{"productId": NOBODY, "quantity": 1, "price": "0.01"}]}, "body.items.0.price"),
        ({"items": [{"productId": NOBODY, "quantity": 1}], "total": "0.01"}, "body.total"),
        ({"items": [{"productId": NOBODY, "quantity": 1}], "userId": NOBODY}, "body.userId"),
        ({"items": [{"productId": NOBODY, "quantity": 1}], "note": "x" * 501}, "body.note"),
        ({"items": [{"productId": NOBODY, "quantity": 1}], "note": ""}, "body.note"),
    ],
)
def test_malformed_order_is_rejected_and_not_stored(
    shop: Shop, person: Person, body: dict[str, Any], field: str
) -> None:
    before = shop.everything()

    response = person.http.post("/api/users/me/orders", json=body)

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert field in [detail["field"] for detail in response.json()["error"]["details"]]
    assert shop.everything() == before


def test_unavailable_products_are_rejected_and_nothing_is_stored(
    shop: Shop, person: Person
) -> None:
    pear = shop.product(stock=5)
    gone = shop.product(status="inactive")
    dollar = shop.product(currency="USD")
    dear = shop.product(price="99999999.99")
    before = shop.everything()

    rejections = [
        (person.order((pear["id"], 1), (gone["id"], 1)), (422, "PRODUCT_UNAVAILABLE"), "items.1"),
        (person.order((NOBODY, 1)), (422, "PRODUCT_UNAVAILABLE"), "items.0"),
        (person.order((pear["id"], 1), (dollar["id"], 1)), (422, "CURRENCY_MISMATCH"), ""),
        (person.order((pear["id"], 6)), (409, "INSUFFICIENT_STOCK"), "items.0"),
        (person.order((pear["id"], 3), (pear["id"], 3)), (409, "INSUFFICIENT_STOCK"), "items.1"),
        (person.order((dear["id"], 2)), (422, "VALIDATION_ERROR"), "items"),
    ]

    for response, expected, line in rejections:
        assert error_of(response) == expected
        assert line in str(response.json()["error"].get("details", ""))
    assert shop.everything() == before


def test_order_can_have_fifty_lines(shop: Shop, person: Person) -> None:
    products = [shop.product(stock=999, price="1.00") for _ in range(50)]

    response = person.order(*[(product["id"], 999) for product in products], key="fifty")

    assert response.status_code == 201, response.text
    assert response.json()["total"] == "49950.00"
    assert {shop.stock(product) for product in products} == {0}


def test_order_for_an_unknown_or_inactive_user_is_rejected(shop: Shop) -> None:
    product = shop.product()
    inactive = shop.sign_up()
    shop.deactivate(inactive)
    body = {"items": [{"productId": product["id"], "quantity": 1}]}
    before = shop.everything()

    nobody = shop.admin.http.post(f"/api/users/{NOBODY}/orders", json=body)
    for_inactive = shop.admin.http.post(f"/api/users/{inactive.id}/orders", json=body)

    assert error_of(nobody) == (404, "NOT_FOUND")
    assert error_of(for_inactive) == (403, "ACCOUNT_INACTIVE")
    assert shop.everything() == before


def test_twenty_parallel_buyers_of_five_items_place_five_orders(shop: Shop) -> None:
    product = shop.product(stock=5)
    buyers = gather(20, lambda _: shop.sign_up())

    responses = gather(20, lambda number: buyers[number].order((product["id"], 1)))

    assert sorted(response.status_code for response in responses) == [*[201] * 5, *[409] * 15]
    assert {error_of(a)[1] for a in responses if a.status_code == 409} == {"INSUFFICIENT_STOCK"}
    assert shop.stock(product) == 0
    placed = [buyer.http.get("/api/users/me/orders").json() for buyer in buyers]
    assert sum(page["meta"]["total"] for page in placed) == 5
    assert sum(len(page["data"]) for page in placed) == 5


def test_ten_parallel_requests_with_one_key_place_one_order_with_equal_responses(
    shop: Shop,
) -> None:
    product = shop.product(stock=100)
    buyer = shop.sign_up()

    responses = gather(10, lambda _: buyer.order((product["id"], 3), key="key"))

    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    assert len({(a.headers["Location"], a.headers["ETag"]) for a in responses}) == 1
    assert sum("Idempotent-Replayed" not in response.headers for response in responses) == 1
    assert shop.stock(product) == 97
    assert buyer.http.get("/api/users/me/orders").json()["meta"]["total"] == 1


def test_equal_requests_for_the_last_item_all_get_the_one_order(shop: Shop) -> None:
    product = shop.product(stock=1)
    buyer = shop.sign_up()

    responses = gather(10, lambda _: buyer.order((product["id"], 1), key="last"))

    assert {(response.status_code, response.content) for response in responses} == {
        (201, responses[0].content)
    }
    assert shop.stock(product) == 0


def test_key_is_scoped_to_its_caller_and_body(shop: Shop) -> None:
    product = shop.product(stock=100)
    alice, bob = shop.sign_up(), shop.sign_up()
    first = alice.order((product["id"], 1), key="k")

    other_body = alice.order((product["id"], 2), key="k")
    other_caller = bob.order((product["id"], 1), key="k")
    by_id = alice.http.post(
        f"/api/users/{alice.id}/orders",
        content=f'{{ "items" : [ {{"quantity":1, "productId":"{product["id"]}"}} ] }}',
        headers={"Idempotency-Key": "k", "Content-Type": "application/json"},
    )

    assert error_of(other_body) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert other_caller.status_code == 201
    assert other_caller.json()["id"] != first.json()["id"]
    assert by_id.content == first.content and by_id.headers["Idempotent-Replayed"] == "true"
    assert shop.stock(product) == 98


def test_rejected_request_can_be_sent_again_under_its_key(shop: Shop) -> None:
    product = shop.product(stock=1)
    buyer = shop.sign_up()

    assert error_of(buyer.order((product["id"], 2), key="k"))[0] == 409
    assert buyer.order((product["id"], 1), key="k").status_code == 201


@pytest.mark.parametrize("key", ["x" * 256, "with space"])
def test_malformed_key_is_rejected_first(shop: Shop, person: Person, key: str) -> None:
    product = shop.product()

    assert error_of(person.order((product["id"], 1), key=key)) == (400, "BAD_REQUEST")
    assert shop.stock(product) == product["stock"]


def test_order_of_another_user_is_not_found(shop: Shop, person: Person) -> None:
    product = shop.product()
    order = person.order((product["id"], 1)).json()
    other = shop.sign_up()

    assert error_of(other.http.get(f"/api/users/me/orders/{order['id']}")) == (404, "NOT_FOUND")
    wrong_user = f"/api/users/{other.id}/orders/{order['id']}"
    assert error_of(shop.admin.http.get(wrong_user)) == (404, "NOT_FOUND")
