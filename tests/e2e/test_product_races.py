"""Product changes in parallel with each other, with deletions and with sales, over HTTP."""

import threading
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from tests.support.deployed_shop import Person, Shop, error_of, gather, new_product
from tests.support.product_requests import patch, path_of, read, rows_of


def test_parallel_stock_deltas_are_all_applied(shop: Shop) -> None:
    product = shop.product(stock=100)

    responses = gather(20, lambda n: patch(shop, product, stockDelta=5 if n % 2 else -3))

    assert {response.status_code for response in responses} == {200}
    after = shop.anonymous.get(path_of(product))
    assert (after.json()["stock"], after.headers["ETag"]) == (120, '"21"')


def test_parallel_stock_deltas_never_go_below_zero(shop: Shop) -> None:
    product = shop.product(stock=10)

    responses = gather(16, lambda _: patch(shop, product, stockDelta=-3))

    assert sorted(response.status_code for response in responses) == [*[200] * 3, *[409] * 13]
    assert {error_of(a)[1] for a in responses if a.status_code == 409} == {"INSUFFICIENT_STOCK"}
    assert shop.stock(product) == 1


def test_parallel_deltas_and_orders_end_at_their_sum(shop: Shop) -> None:
    product = shop.product(stock=50)
    buyers = gather(8, lambda _: shop.sign_up())

    def act(n: int) -> httpx2.Response:
        return patch(shop, product, stockDelta=4) if n >= 8 else buyers[n].order((product["id"], 3))

    responses = gather(16, act)

    assert [response.status_code for response in responses] == [*[201] * 8, *[200] * 8]
    assert shop.stock(product) == 50 - 8 * 3 + 8 * 4


@pytest.mark.parametrize("change", [{"name": "B"}, {"stockDelta": -1}, {"sku": None}], ids=str)
def test_parallel_changes_with_one_precondition_have_one_winner(
    shop: Shop, change: dict[str, Any]
) -> None:
    product = shop.product()

    def act(n: int) -> httpx2.Response:
        payload = {"sku": f"{product['sku']}-{n}"} if "sku" in change else change
        headers = {"If-Match": '"1"'}
        return shop.admin.http.patch(path_of(product), json=payload, headers=headers)

    responses = gather(8, act)

    assert sorted(response.status_code for response in responses) == [200, *[412] * 7]
    assert shop.anonymous.get(path_of(product)).headers["ETag"] == '"2"'
    assert len(rows_of(shop, product)) == 2


def test_parallel_changes_of_different_fields_are_all_kept(shop: Shop) -> None:
    product = shop.product()
    for round_ in range(5):
        changes: list[dict[str, Any]] = [
            {"name": f"Pear {round_}"},
            {"price": f"{round_}.50"},
            {"currency": ("EUR", "USD")[round_ % 2]},
            {"stock": 100 + round_},
            {"status": ("inactive", "active")[round_ % 2]},
            {"sku": f"{product['sku']}-{round_}"},
        ]

        responses = gather(6, lambda n, changes=changes: patch(shop, product, **changes[n]))

        assert {response.status_code for response in responses} == {200}
        everything = {name: value for change in changes for name, value in change.items()}
        after = read(shop, product)
        assert {name: after[name] for name in everything} == everything
        row, guard = rows_of(shop, product)
        assert guard["id"]["S"] == f"sku#{after['sku']}"
        assert row["name_key"]["S"] == f"pear {round_}\0{product['id']}"


def test_parallel_price_and_currency_changes_stay_consistent(shop: Shop) -> None:
    """JPY has no decimals, so 7.50 and JPY exclude each other: the second to arrive is rejected."""
    changes: list[dict[str, Any]] = [{"price": "7.50"}, {"currency": "JPY"}, {"stockDelta": 1}]
    for _ in range(5):
        product = shop.product(price="5.00")

        responses = gather(12, lambda n, p=product: patch(shop, p, **changes[n % 3]))

        after = read(shop, product)
        assert (after["price"], after["currency"]) in (("7.50", "EUR"), ("5.00", "JPY"))
        assert after["stock"] == 14
        assert {response.status_code for response in responses} == {200, 422}


def test_constantly_sold_product_can_be_changed(shop: Shop) -> None:
    product = shop.product(stock=10_000)
    buyers = gather(4, lambda _: shop.sign_up())
    done = threading.Event()
    sold = [0] * 4

    def act(n: int) -> list[httpx2.Response]:
        if n == 4:
            try:
                names = [{"name": f"Pear {i}"} for i in range(5)]
                skus = [{"sku": f"{product['sku']}-{i}"} for i in range(5)]
                return [patch(shop, product, **change) for change in (*names, *skus)]
            finally:
                done.set()
        while not done.is_set():
            sold[n] += buyers[n].order((product["id"], 1)).status_code == 201
        return []

    responses = gather(5, act)[4]

    assert [response.status_code for response in responses] == [200] * 10
    after = shop.anonymous.get(path_of(product))
    assert after.json()["name"] == "Pear 4" and after.json()["sku"] == f"{product['sku']}-4"
    assert sum(sold) > 0 and after.json()["stock"] == 10_000 - sum(sold)
    assert after.headers["ETag"] == f'"{1 + 10 + sum(sold)}"'


def test_parallel_requests_for_one_sku_have_one_winner(shop: Shop) -> None:
    products = gather(6, lambda _: shop.product())
    sku = new_product()["sku"]

    responses = gather(6, lambda n: patch(shop, products[n], sku=sku))

    assert sorted(response.status_code for response in responses) == [200, *[409] * 5]
    for product, response in zip(products, responses, strict=True):
        owned = sku if response.status_code == 200 else product["sku"]
        assert [row["id"]["S"] for row in rows_of(shop, product)] == [product["id"], f"sku#{owned}"]


def test_parallel_sku_changes_of_one_product_leave_one_guard(shop: Shop) -> None:
    product = shop.product()

    responses = gather(4, lambda n: patch(shop, product, sku=f"{product['sku']}-{n}"))

    assert {response.status_code for response in responses} == {200}
    row, guard = rows_of(shop, product)
    assert guard["id"]["S"] == f"sku#{row['sku']['S']}"


def test_parallel_deletions_have_one_winner(shop: Shop) -> None:
    product = shop.product()

    statuses = gather(6, lambda _: shop.admin.http.delete(path_of(product)).status_code)

    assert sorted(statuses) == [204, *[404] * 5]
    assert rows_of(shop, product) == []


def test_product_deleted_during_changes_and_sales_leaves_no_rows(shop: Shop) -> None:
    buyers: list[Person] = gather(3, lambda _: shop.sign_up())
    for round_ in range(5):
        product = shop.product()

        changes: list[dict[str, Any]] = [
            {"stockDelta": 1},
            {"name": "B"},
            {"sku": f"{product['sku']}-{round_}"},
        ]

        def act(
            n: int,
            product: dict[str, Any] = product,
            changes: list[dict[str, Any]] = changes,
        ) -> httpx2.Response:
            if n == 3:
                return shop.admin.http.delete(path_of(product))
            if n < 3:
                return buyers[n].order((product["id"], 1))
            return patch(shop, product, **changes[n - 4])

        responses = gather(7, act)

        assert responses[3].status_code == 204
        assert {response.status_code for response in responses[:3]} <= {201, 422}
        assert {response.status_code for response in responses[4:]} <= {200, 404}
        assert rows_of(shop, product) == []


def test_order_during_a_price_change_pays_one_of_the_prices(shop: Shop) -> None:
    offers = [{"price": "1.10", "name": "Cheap"}, {"price": "9.90", "name": "Dear"}]
    product = shop.product(stock=1000, **offers[0])
    buyers = gather(4, lambda _: shop.sign_up())
    done = threading.Event()

    def act(n: int) -> list[httpx2.Response]:
        if n == 4:
            flips: list[httpx2.Response] = []
            while not done.wait(0.02):
                flips.append(patch(shop, product, **offers[(len(flips) + 1) % 2]))
            return flips
        try:
            return [buyers[n].order((product["id"], 3)) for _ in range(10)]
        finally:
            if n == 0:
                done.set()

    *orders, flips = gather(5, act)

    responses = [response for each in orders for response in each]
    assert len(flips) > 1 and {flip.status_code for flip in flips} == {200}
    assert {response.status_code for response in responses} <= {201, 503}
    placed = [response.json() for response in responses if response.status_code == 201]
    assert len(placed) > len(responses) / 2
    for order in placed:
        (line,) = order["items"]
        assert {"price": line["unitPrice"], "name": line["name"]} in offers
        assert (
            Decimal(order["total"]) == Decimal(line["lineTotal"]) == 3 * Decimal(line["unitPrice"])
        )
    assert len({order["total"] for order in placed}) == 2
    assert shop.stock(product) == 1000 - 3 * len(placed)
