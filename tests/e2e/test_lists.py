"""Lists of products and orders over HTTP: filters, sorts, cursors, pages and links."""

from decimal import Decimal
from typing import Any

import httpx2
import pytest

from tests.support.deployed_shop import Person, Shop, error_of


def walk(client: httpx2.Client, target: str) -> list[dict[str, Any]]:
    """Return all items of a list by following its links."""
    found: list[dict[str, Any]] = []
    following: str | None = target
    while following:
        response = client.get(following)
        assert response.status_code == 200, response.text
        found += response.json()["data"]
        following = response.links.get("next", {}).get("url")
        assert (following is None) == (response.json()["meta"]["nextCursor"] is None)
    return found


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


@pytest.fixture(scope="module")
def buyer(shop: Shop) -> Person:
    """A user with 12 orders: a third cancelled, a third completed."""
    buyer = shop.sign_up()
    product = shop.product(stock=None, price="0.75")
    path = f"/api/users/{buyer.id}/orders"
    for number in range(12):
        order = buyer.order((product["id"], 1 + (number * 55) % 999)).json()
        transitions = {0: ["cancelled"], 1: ["processing", "completed"]}.get(number % 3, [])
        for status in transitions:
            response = shop.admin.http.patch(f"{path}/{order['id']}", json={"status": status})
            assert response.status_code == 200, response.text
    return buyer


@pytest.mark.parametrize("status", [None, "pending", "processing", "completed", "cancelled"])
@pytest.mark.parametrize("sort", ["createdAt", "-createdAt", "total", "-total"])
def test_orders_of_a_user_are_filtered_by_status_in_every_sort(
    shop: Shop, buyer: Person, status: str | None, sort: str
) -> None:
    path = "/api/users/me/orders?limit=5"
    everything = walk(buyer.http, path)
    assert len(everything) == 12

    query = f"&sort={sort}" + (f"&status={status}" if status else "")
    found = walk(buyer.http, path + query)

    expected = [order for order in everything if status in (None, order["status"])]
    expected.sort(key=lambda order: order["id"])
    if sort.endswith("total"):
        expected.sort(key=lambda order: Decimal(order["total"]))
        assert len({len(order["total"]) for order in everything}) > 1  # of several lengths
    assert found == (expected[::-1] if sort.startswith("-") else expected)
    meta = buyer.http.get(path + query).json()["meta"]
    assert (meta["total"], meta["totalPages"]) == (len(expected), -(-len(expected) // 5))


def test_orders_are_sorted_newest_first_by_default(buyer: Person) -> None:
    found = ids(walk(buyer.http, "/api/users/me/orders?limit=5"))

    assert found == sorted(found, reverse=True)


def test_order_pages_are_numbered_and_linked_to_the_last(buyer: Person) -> None:
    path = "/api/users/me/orders?limit=5"
    pages = [buyer.http.get(f"{path}&page={number}") for number in (1, 2, 3, 4)]

    everything = walk(buyer.http, path)
    assert [page.json()["data"] for page in pages] == [
        *(everything[start : start + 5] for start in (0, 5, 10)),
        [],
    ]
    for number, page in enumerate(pages, 1):
        meta = {"page": number, "limit": 5, "total": 12, "totalPages": 3}
        assert page.json()["meta"].items() >= meta.items()
        assert buyer.http.get(page.links["first"]["url"]).json() == pages[0].json()
        assert buyer.http.get(page.links["last"]["url"]).json() == pages[2].json()
    assert "prev" not in pages[0].links and "next" not in pages[2].links
    assert buyer.http.get(pages[2].links["prev"]["url"]).json() == pages[1].json()
    for beyond in (pages[3], buyer.http.get(f"{path}&page=9")):
        assert buyer.http.get(beyond.links["prev"]["url"]).json() == pages[2].json()
    following = buyer.http.get(pages[0].links["next"]["url"]).json()
    assert following["data"] == pages[1].json()["data"] and following["meta"]["page"] is None


def test_empty_order_list_has_no_items(shop: Shop) -> None:
    response = shop.sign_up().http.get("/api/users/me/orders")

    assert response.json() == {
        "data": [],
        "meta": {"page": 1, "limit": 20, "total": 0, "totalPages": 0, "nextCursor": None},
    }
    assert set(response.links) == {"first"}


def test_cursor_is_valid_in_its_own_list_only(shop: Shop, buyer: Person) -> None:
    other = shop.sign_up()
    path = "/api/users/me/orders"
    cursor = buyer.http.get(f"{path}?limit=1").json()["meta"]["nextCursor"]

    for client, query in (
        (other.http, {"cursor": cursor}),
        (buyer.http, {"cursor": cursor + "A"}),
        (buyer.http, {"cursor": "x"}),
        (buyer.http, {"cursor": cursor, "sort": "createdAt"}),
        (buyer.http, {"cursor": cursor, "status": "pending"}),
    ):
        assert error_of(client.get(path, params=query)) == (400, "BAD_REQUEST")
    everyones = shop.admin.http.get("/api/orders", params={"cursor": cursor})
    assert error_of(everyones) == (400, "BAD_REQUEST")
    assert buyer.http.get(path, params={"cursor": cursor, "limit": 7}).status_code == 200


@pytest.mark.parametrize("status", [None, "pending", "cancelled"])
@pytest.mark.parametrize("sort", ["createdAt", "-createdAt"])
def test_admin_lists_all_orders(shop: Shop, buyer: Person, status: str | None, sort: str) -> None:
    query = f"sort={sort}" + (f"&status={status}" if status else "")
    product = shop.product(stock=None)
    assert shop.sign_up().order((product["id"], 1)).status_code == 201

    found = walk(shop.admin.http, f"/api/orders?limit=30&{query}")

    rows = [row for row in shop.table("OrdersTable") if "lines" in row]
    expected = sorted(
        (row["id"]["S"] for row in rows if status in (None, row["status"]["S"])),
        reverse=sort.startswith("-"),
    )
    assert ids(found) == expected
    assert len({order["userId"] for order in found}) > (status == "pending")
    own = [order for order in found if order["userId"] == buyer.id]
    assert own == walk(buyer.http, f"/api/users/me/orders?{query}")


def test_cursor_pagination_returns_every_order_once_under_writes(shop: Shop, buyer: Person) -> None:
    product = shop.product(stock=None)
    other = shop.sign_up()
    for sort in ("createdAt", "-createdAt"):
        known = set(ids(walk(shop.admin.http, "/api/orders?limit=100")))
        walked: list[str] = []
        target: str | None = f"/api/orders?limit=9&sort={sort}"
        while target:
            response = shop.admin.http.get(target)
            walked += ids(response.json()["data"])
            if len(walked) < 30:
                assert other.order((product["id"], 1)).status_code == 201
            target = response.links.get("next", {}).get("url")
        assert len(walked) == len(set(walked))
        assert known <= set(walked)


@pytest.fixture(scope="module")
def fruits(shop: Shop) -> list[dict[str, Any]]:
    """Products with names of different case and script, at prices of 1 to 8 digits."""
    names = ["apple", "Apple", "äpfel", "Zebra plum", "梨", "100 plums", "apple pie"]
    prices = ["10.00", "9.00", "0.05", "100.00", "9.99", "99999999.99", "9.00"]
    made = [
        shop.product(name=name, price=price, currency="CHF", status="inactive")
        for name, price in zip(names, prices, strict=True)
    ]
    return sorted(made, key=lambda product: str(product["id"]))


@pytest.mark.parametrize("sort", ["createdAt", "name", "price"])
def test_anonymous_client_lists_products_in_every_sort(
    shop: Shop, fruits: list[dict[str, Any]], sort: str
) -> None:
    path = "/api/products?limit=3&status=inactive"
    expected = {
        "createdAt": fruits,
        "name": sorted(fruits, key=lambda product: product["name"].casefold()),
        "price": sorted(fruits, key=lambda product: Decimal(product["price"])),
    }[sort]

    for order, ordered in ((sort, expected), (f"-{sort}", expected[::-1])):
        found = walk(shop.anonymous, f"{path}&sort={order}")
        assert [product for product in found if product in fruits] == ordered


def test_active_products_are_sorted_newest_first_by_default(
    shop: Shop, fruits: list[dict[str, Any]]
) -> None:
    newest = shop.product()

    response = shop.anonymous.get("/api/products")

    assert response.json()["data"][0] == newest
    assert {product["status"] for product in response.json()["data"]} == {"active"}
    assert response.headers["Cache-Control"] == "no-cache"


def test_listed_product_is_current(shop: Shop) -> None:
    """Stock and price are read from the product, since the index contains neither."""
    product = shop.product(stock=5)
    assert shop.sign_up().order((product["id"], 2)).status_code == 201

    listed = shop.anonymous.get("/api/products?limit=1").json()["data"]

    assert listed == [shop.anonymous.get(f"/api/products/{product['id']}").json()]
    assert listed[0]["stock"] == 3


@pytest.mark.parametrize(
    ("path", "query"),
    [
        *(
            (path, query)
            for path in ("/api/products", "/api/orders", "/api/users/me/orders")
            for query in (
                "limit=0",
                "limit=101",
                "limit=x",
                "limit=1_0",
                "page=1.0",
                "page=%201",
                "limit=1&limit=2",
                "page=x",
                "page=0",
                "page=2&cursor=x",
                "page=101&limit=100",
                "status=gone",
                "status=",
                "sort=stock",
                "sort=%2BcreatedAt",
                "search=pear",
                "statsu=pending",
            )
        ),
        ("/api/products", "page=11&limit=100"),
        ("/api/products", "sort=total"),
        ("/api/orders", "sort=total"),
    ],
)
def test_invalid_list_parameters_are_rejected(shop: Shop, path: str, query: str) -> None:
    response = shop.admin.http.get(f"{path}?{query}")

    assert error_of(response) == (422, "VALIDATION_ERROR")
