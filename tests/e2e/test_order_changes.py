"""Order changes over HTTP by every role, sequentially and in parallel."""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from shop.dynamo.codec import decode
from tests.support.deployed_shop import ORDER_STATUSES, Person, Shop, error_of, gather
from tests.support.fault_proxy import FaultProxy, conflicts, response_lost

NOBODY = "01900000-0000-7000-8000-000000000000"
WAYS = {
    ("pending", "processing"),
    ("pending", "cancelled"),
    ("processing", "completed"),
    ("processing", "cancelled"),
}
TO = {  # requests that bring a new order to each status
    "pending": (),
    "processing": ("processing",),
    "completed": ("processing", "completed"),
    "cancelled": ("cancelled",),
}
ROUNDS = range(5)
MOMENTS = [number * 0.002 for number in range(20)]  # seconds, spread over a warm request


@pytest.fixture(scope="module")
def person(shop: Shop) -> Person:
    return shop.sign_up()


@pytest.fixture(autouse=True)
def exact_counts(shop: Shop) -> Iterator[None]:
    """After each test, summaries and list keys must match the orders."""
    yield
    shop.assert_orders_are_counted()


def path_of(order: dict[str, Any]) -> str:
    return f"/api/users/{order['userId']}/orders/{order['id']}"


def placed(
    shop: Shop, person: Person, *lines: tuple[dict[str, Any], int], status: str = "pending"
) -> dict[str, Any]:
    response = person.order(*[(product["id"], quantity) for product, quantity in lines])
    assert response.status_code == 201, response.text
    order: dict[str, Any] = response.json()
    for step in TO[status]:
        moved = patch(shop.admin.http, order, status=step)
        assert moved.status_code == 200, moved.text
        order = moved.json()
    return order


def patch(
    client: httpx2.Client,
    order: dict[str, Any],
    headers: dict[str, str] | None = None,
    /,
    **changes: Any,
) -> httpx2.Response:
    return client.patch(path_of(order), json=changes, headers=headers)


def now_of(shop: Shop, order: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = shop.admin.http.get(path_of(order)).json()
    return read


def edit(shop: Shop, product: dict[str, Any], **changes: Any) -> None:
    response = shop.admin.http.patch(f"/api/products/{product['id']}", json=changes)
    assert response.status_code == 200, response.text


def delete(shop: Shop, product: dict[str, Any]) -> None:
    response = shop.admin.http.delete(f"/api/products/{product['id']}")
    assert response.status_code == 204, response.text


def product_ids(shop: Shop) -> set[str]:
    return {decode(item)["id"] for item in shop.table("ProductsTable")}


def test_order_advances_until_completed(shop: Shop, person: Person) -> None:
    product = shop.product()
    order = placed(shop, person, (product, 3))

    processing = patch(shop.admin.http, order, status="processing")
    completed = patch(shop.admin.http, order, status="completed")

    assert (processing.status_code, processing.headers["ETag"]) == (200, '"2"')
    assert processing.headers["Cache-Control"] == "no-store"
    changed = processing.json()
    assert changed["updatedAt"] > order["updatedAt"]
    assert changed == order | {"status": "processing", "updatedAt": changed["updatedAt"]}
    assert (completed.json()["status"], completed.headers["ETag"]) == ("completed", '"3"')
    read = person.http.get(path_of(order))
    assert (read.json(), read.headers["ETag"]) == (completed.json(), '"3"')
    assert shop.stock(product) == 7


def test_invalid_transitions_are_rejected(shop: Shop, person: Person) -> None:
    product = shop.product(stock=100)

    for before in ORDER_STATUSES:
        for after in ORDER_STATUSES:
            order = placed(shop, person, (product, 1), status=before)
            stored = shop.everything() if (before, after) not in WAYS else None

            response = patch(shop.admin.http, order, status=after, note="Moved.")

            if stored is None:
                assert response.status_code == 200
                assert (response.json()["status"], response.json()["note"]) == (after, "Moved.")
            else:
                assert error_of(response) == (409, "INVALID_TRANSITION")
                assert before in response.json()["error"]["message"]
                assert shop.everything() == stored


def test_owner_cancels_and_stock_is_returned_once(shop: Shop, person: Person) -> None:
    pear, plum = shop.product(), shop.product(stock=None)
    order = placed(shop, person, (pear, 3), (plum, 2))
    other = placed(shop, person, (pear, 1))

    cancelled = person.http.patch(
        f"/api/users/me/orders/{order['id']}", json={"status": "cancelled"}
    )
    stored = shop.everything()
    again = patch(person.http, order, status="cancelled")
    by_admin = patch(shop.admin.http, order, status="cancelled")

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert cancelled.json()["items"] == order["items"]
    assert error_of(again) == error_of(by_admin) == (409, "INVALID_TRANSITION")
    assert "cancelled" in again.json()["error"]["message"]
    assert shop.everything() == stored
    assert shop.stock(pear) == 9
    assert shop.stock(plum) is None
    assert now_of(shop, other) == other
    listed = person.http.get("/api/users/me/orders?limit=2").json()
    assert listed["data"] == [other, cancelled.json()]


def test_product_with_returned_stock_has_a_new_entity_tag(shop: Shop, person: Person) -> None:
    product = shop.product()
    order = placed(shop, person, (product, 1))
    before = shop.anonymous.get(f"/api/products/{product['id']}")

    patch(person.http, order, status="cancelled")

    after = shop.anonymous.get(f"/api/products/{product['id']}")
    assert (before.headers["ETag"], after.headers["ETag"]) == ('"2"', '"3"')
    assert after.json()["updatedAt"] > before.json()["updatedAt"]


def test_returned_stock_is_sold_again(shop: Shop, person: Person) -> None:
    product = shop.product(stock=1)
    order = placed(shop, person, (product, 1))
    assert error_of(person.order((product["id"], 1)))[0] == 409

    patch(person.http, order, status="cancelled")

    assert person.order((product["id"], 1)).status_code == 201


def test_owner_can_only_set_cancelled(shop: Shop, person: Person) -> None:
    order = placed(shop, person, (shop.product(), 1))
    before = shop.everything()

    for status in ("pending", "processing", "completed"):
        assert error_of(patch(person.http, order, status=status)) == (403, "FORBIDDEN")
        assert error_of(patch(person.http, order, status=status, note="x")) == (403, "FORBIDDEN")
    assert shop.everything() == before


@pytest.mark.parametrize("status", ["processing", "completed", "cancelled"])
def test_owner_changes_only_pending_orders(shop: Shop, person: Person, status: str) -> None:
    order = placed(shop, person, (shop.product(), 1), status=status)
    before = shop.everything()

    for changes in ({"status": "cancelled"}, {"note": "x"}, {"note": None}):
        response = patch(person.http, order, **changes)
        assert error_of(response) == (409, "INVALID_TRANSITION")
    assert shop.everything() == before


def test_notes_are_changed_by_owners_while_pending_and_by_admins_always(
    shop: Shop, person: Person
) -> None:
    product = shop.product()
    order = placed(shop, person, (product, 1))

    noted = patch(person.http, order, note="  Ring twice.\nThen knock. ")
    cleared = patch(person.http, order, note=None)

    assert noted.json()["note"] == "Ring twice.\nThen knock."
    assert (cleared.status_code, cleared.json()["note"]) == (200, None)
    for status in ORDER_STATUSES:
        order = placed(shop, person, (product, 1), status=status)
        response = patch(shop.admin.http, order, note=f"It is {status}.")
        assert response.json()["note"] == f"It is {status}."
        assert response.json()["status"] == status
    assert shop.stock(product) == 10 - 4  # the cancelled order returns no stock again


@pytest.mark.parametrize("content_type", ["application/json", "application/merge-patch+json"])
def test_status_and_note_change_together(shop: Shop, person: Person, content_type: str) -> None:
    order = placed(shop, person, (shop.product(), 1))

    response = person.http.patch(
        path_of(order),
        content=b'{"status": "cancelled", "note": "Ordered twice."}',
        headers={"Content-Type": content_type},
    )

    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')
    assert (response.json()["status"], response.json()["note"]) == ("cancelled", "Ordered twice.")


def test_unchanged_order_keeps_its_version(shop: Shop, person: Person) -> None:
    order = placed(shop, person, (shop.product(), 1))
    before = shop.everything()

    for changes in ({}, {"note": None}):
        response = patch(person.http, order, **changes)
        assert (response.status_code, response.json()) == (200, order)
        assert response.headers["ETag"] == '"1"'
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status": "lost"}, "body.status"),
        ({"status": "CANCELLED"}, "body.status"),
        ({"status": None}, "body.status"),
        ({"status": 1}, "body.status"),
        ({"status": ["cancelled"]}, "body.status"),
        ({"note": ""}, "body.note"),
        ({"note": "x" * 501}, "body.note"),
        ({"note": "\u202eecilA"}, "body.note"),
        ({"note": 1}, "body.note"),
        ({"status": "cancelled", "total": "0.01"}, "body.total"),
        ({"status": "cancelled", "items": []}, "body.items"),
        ({"status": "cancelled", "userId": NOBODY}, "body.userId"),
        ({"status": "cancelled", "version": 1}, "body.version"),
        ([], "body"),
    ],
)
def test_invalid_change_is_rejected_and_changes_nothing(
    shop: Shop, person: Person, body: Any, field: str
) -> None:
    order = placed(shop, person, (shop.product(), 1))
    before = shop.everything()

    for client in (person.http, shop.admin.http):
        response = client.patch(path_of(order), json=body)
        assert error_of(response) == (422, "VALIDATION_ERROR")
        assert [detail["field"] for detail in response.json()["error"]["details"]] == [field]
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        (b"", "application/json", (400, "BAD_REQUEST")),
        (b'{"status": "cancelled"', "application/json", (400, "BAD_REQUEST")),
        (b'{"note": "a", "note": "b"}', "application/json", (400, "BAD_REQUEST")),
        (b'{"status": "cancelled"}', "text/plain", (415, "UNSUPPORTED_MEDIA_TYPE")),
    ],
)
def test_unreadable_change_is_rejected_and_changes_nothing(
    shop: Shop, person: Person, content: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    order = placed(shop, person, (shop.product(), 1))
    before = shop.everything()

    response = person.http.patch(
        path_of(order), content=content, headers={"Content-Type": content_type}
    )

    assert error_of(response) == expected
    assert shop.everything() == before


def test_query_parameters_are_rejected(shop: Shop, person: Person) -> None:
    order = placed(shop, person, (shop.product(), 1))

    response = person.http.patch(path_of(order) + "?force=true", json={"status": "cancelled"})

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert now_of(shop, order) == order


def test_unknown_order_of_the_user_is_not_found(shop: Shop, person: Person) -> None:
    order = placed(shop, person, (shop.product(), 1))
    other = shop.sign_up()
    before = shop.everything()

    for client, path in [
        (person.http, f"/api/users/me/orders/{NOBODY}"),
        (person.http, "/api/users/me/orders/summary"),
        (person.http, "/api/users/me/orders/1"),
        (other.http, f"/api/users/me/orders/{order['id']}"),
        (shop.admin.http, f"/api/users/{other.id}/orders/{order['id']}"),
        (shop.admin.http, f"/api/users/{person.id}/orders/summary"),
        (shop.admin.http, f"/api/users/{NOBODY}/orders/{order['id']}"),
    ]:
        for changes in ({"status": "cancelled"}, {"note": "x"}, {}):
            assert error_of(client.patch(path, json=changes)) == (404, "NOT_FOUND"), path
    assert shop.everything() == before


def test_stranger_reads_and_changes_nothing(shop: Shop, person: Person) -> None:
    order = placed(shop, person, (shop.product(), 1))
    stranger = shop.sign_up()
    unknown = order | {"id": NOBODY}
    before = shop.everything()

    for changes in ({"status": "cancelled"}, {"note": "x"}, {"status": "processing"}, {}):
        assert error_of(patch(shop.anonymous, order, **changes)) == (401, "UNAUTHORIZED")
        for asked in (order, unknown):
            assert error_of(patch(stranger.http, asked, **changes)) == (403, "FORBIDDEN")
    assert shop.everything() == before


def test_stale_entity_tag_changes_nothing_and_the_current_one_does(
    shop: Shop, person: Person
) -> None:
    order = placed(shop, person, (shop.product(), 1))
    patch(shop.admin.http, order, note="Ring twice.")
    before = shop.everything()

    for stale in ('"1"', 'W/"2"', '"99", "1"'):
        for changes in ({"status": "cancelled"}, {"note": "x"}, {}):
            response = patch(person.http, order, {"If-Match": stale}, **changes)
            assert error_of(response) == (412, "PRECONDITION_FAILED")
    assert shop.everything() == before

    assert patch(person.http, order, {"If-Match": '"2"'}, note="x").headers["ETag"] == '"3"'
    assert patch(person.http, order, {"If-Match": "*"}, status="cancelled").status_code == 200


def test_unchanged_order_is_304(shop: Shop, person: Person) -> None:
    order = placed(shop, person, (shop.product(), 1))
    known = {"If-None-Match": '"1"'}

    unchanged = person.http.get(path_of(order), headers=known)
    patch(shop.admin.http, order, status="processing")
    changed = person.http.get(path_of(order), headers=known)

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json()["status"] == "processing"


def test_cancelled_order_returns_stock_to_products_that_count_it(
    shop: Shop, person: Person
) -> None:
    kept, gone, freed = shop.product(), shop.product(), shop.product()
    link = shop.product(stock=None)
    retired, full = shop.product(), shop.product()
    order = placed(shop, person, *[(each, 3) for each in (kept, gone, freed, link, retired, full)])
    delete(shop, gone)
    again = shop.product(sku=gone["sku"], stock=5)
    edit(shop, freed, stock=None)
    edit(shop, link, stock=5)
    edit(shop, retired, status="inactive")
    edit(shop, full, stock=1_000_000_000)
    before = product_ids(shop)

    response = patch(person.http, order, status="cancelled")

    assert response.status_code == 200, response.text
    assert response.json()["items"] == order["items"]
    assert shop.stock(kept) == 10
    assert shop.anonymous.get(f"/api/products/{gone['id']}").status_code == 404
    assert shop.stock(again) == 5
    assert shop.stock(freed) is None
    assert shop.stock(link) == 5
    assert shop.stock(retired) == 10
    assert shop.stock(full) == 1_000_000_003
    assert product_ids(shop) == before


def test_order_of_deleted_products_is_cancelled(shop: Shop, person: Person) -> None:
    product = shop.product()
    order = placed(shop, person, (product, 1))
    delete(shop, product)

    assert patch(person.http, order, status="cancelled").status_code == 200
    assert product["id"] not in product_ids(shop)


def test_fifty_lines_are_returned_together(shop: Shop, person: Person) -> None:
    products = [shop.product(stock=999, price="1.00") for _ in range(50)]
    order = placed(shop, person, *[(product, 999) for product in products])

    response = patch(person.http, order, status="cancelled")

    assert response.status_code == 200, response.text
    assert {shop.stock(product) for product in products} == {999}


def test_orders_of_a_deleted_user_advance_or_return_their_stock(shop: Shop) -> None:
    product = shop.product()
    leaver = shop.sign_up()
    sent, unsent = (placed(shop, leaver, (product, 2)) for _ in range(2))
    assert leaver.http.delete("/api/users/me").status_code == 204

    moved = patch(shop.admin.http, sent, status="processing")
    cancelled = patch(shop.admin.http, unsent, status="cancelled")

    assert (moved.status_code, moved.json()["status"]) == (200, "processing")
    assert (cancelled.status_code, cancelled.json()["userId"]) == (200, leaver.id)
    assert shop.stock(product) == 8


def test_ten_parallel_cancellations_return_stock_once(shop: Shop, person: Person) -> None:
    product = shop.product()
    clients = [person.http, shop.admin.http]
    for _ in ROUNDS:
        order = placed(shop, person, (product, 3))

        responses = gather(10, lambda n, o=order: patch(clients[n % 2], o, status="cancelled"))

        assert sorted(response.status_code for response in responses) == [200, *[409] * 9]
        rejections = {error_of(response) for response in responses if response.status_code == 409}
        assert rejections == {(409, "INVALID_TRANSITION")}
        assert shop.stock(product) == 10


def test_parallel_cancellation_and_completion_have_one_winner(shop: Shop, person: Person) -> None:
    product = shop.product(stock=1000)
    statuses = ("cancelled", "completed")
    left = 1000
    for _ in ROUNDS:
        order = placed(shop, person, (product, 3), status="processing")

        responses = gather(6, lambda n, o=order: patch(shop.admin.http, o, status=statuses[n % 2]))

        (won,) = [response.json() for response in responses if response.status_code == 200]
        assert sorted(response.status_code for response in responses) == [200, *[409] * 5]
        assert now_of(shop, order) == won
        left -= 0 if won["status"] == "cancelled" else 3
        assert shop.stock(product) == left


def test_parallel_owner_cancellation_and_admin_change_do_not_mix(
    shop: Shop, person: Person
) -> None:
    product = shop.product(stock=1000)
    left = 1000
    for _ in ROUNDS:
        order = placed(shop, person, (product, 3))
        asked = [(person.http, "cancelled"), (shop.admin.http, "processing")]

        responses = gather(2, lambda n, o=order, a=asked: patch(a[n][0], o, status=a[n][1]))

        assert sorted(response.status_code for response in responses) == [200, 409]
        (won,) = [response.json() for response in responses if response.status_code == 200]
        assert now_of(shop, order) == won
        left -= 0 if won["status"] == "cancelled" else 3
        assert shop.stock(product) == left


def test_parallel_note_and_cancellation_are_both_kept(shop: Shop, person: Person) -> None:
    product = shop.product()
    for _ in ROUNDS:
        order = placed(shop, person, (product, 3))
        asked = [{"note": "Sorry."}, {"status": "cancelled"}]

        responses = gather(2, lambda n, o=order, a=asked: patch(shop.admin.http, o, **a[n]))

        assert [response.status_code for response in responses] == [200, 200]
        assert {response.headers["ETag"] for response in responses} == {'"2"', '"3"'}
        kept = now_of(shop, order)
        assert (kept["status"], kept["note"]) == ("cancelled", "Sorry.")
        # Each response has the state at its own commit.
        assert max(responses, key=lambda response: response.headers["ETag"]).json() == kept
        assert shop.stock(product) == 10


def test_owner_note_is_not_written_to_an_advanced_order(shop: Shop, person: Person) -> None:
    product = shop.product()
    for _ in ROUNDS:
        order = placed(shop, person, (product, 1))
        asked = [(person.http, {"note": "Wait!"}), (shop.admin.http, {"status": "processing"})]

        note, move = gather(2, lambda n, o=order, a=asked: patch(a[n][0], o, **a[n][1]))

        assert move.status_code == 200 and note.status_code in (200, 409)
        kept = now_of(shop, order)
        assert kept["note"] == ("Wait!" if note.status_code == 200 else None)
        assert move.json() == kept  # the note came first, or was rejected


def test_ten_parallel_notes_are_ten_versions(shop: Shop, person: Person) -> None:
    order = placed(shop, person, (shop.product(), 1))

    responses = gather(10, lambda n: patch(person.http, order, note=f"Note {n}."))

    assert {response.status_code for response in responses} == {200}
    assert {response.headers["ETag"] for response in responses} == {f'"{n}"' for n in range(2, 12)}
    last = next(response for response in responses if response.headers["ETag"] == '"11"')
    assert now_of(shop, order) == last.json()


def test_parallel_changes_of_one_version_have_one_winner(shop: Shop, person: Person) -> None:
    for _ in ROUNDS:
        order = placed(shop, person, (shop.product(), 1))

        responses = gather(
            4, lambda n, o=order: patch(person.http, o, {"If-Match": '"1"'}, note=f"{n}")
        )

        assert sorted(response.status_code for response in responses) == [200, 412, 412, 412]


@pytest.mark.parametrize("becomes", ["deleted", "unlimited"])
def test_product_changed_during_a_cancellation_gets_no_stock(
    shop: Shop, person: Person, becomes: str
) -> None:
    for moment in MOMENTS:
        pear, plum = shop.product(), shop.product()
        order = placed(shop, person, (pear, 3), (plum, 3))

        def change(after: float = moment, product: dict[str, Any] = pear) -> None:
            time.sleep(after)
            if becomes == "deleted":
                delete(shop, product)
            else:
                edit(shop, product, stock=None)

        work = [change, lambda o=order: patch(person.http, o, status="cancelled")]
        _, response = gather(2, lambda n, w=work: w[n]())

        assert response.status_code == 200, response.text
        assert shop.stock(plum) == 10
        if becomes == "deleted":
            assert pear["id"] not in product_ids(shop)
        else:
            assert shop.stock(pear) is None


def test_cancellation_with_a_lost_response_is_made_once_and_published(
    shop: Shop, faults: FaultProxy, person: Person
) -> None:
    product = shop.product()
    order = placed(shop, person, (product, 3))

    with faults.on(response_lost, "TransactWriteItems", times=1) as hits:
        response = patch(person.http, order, status="cancelled")

    assert (response.status_code, response.headers["ETag"], len(hits)) == (200, '"2"', 1)
    assert now_of(shop, order) == response.json()
    assert shop.stock(product) == 10


def test_cancellation_whose_client_got_503_is_not_repeated(
    shop: Shop, faults: FaultProxy, person: Person
) -> None:
    product = shop.product()
    order = placed(shop, person, (product, 3))

    with faults.on(response_lost, "TransactWriteItems"):
        unconfirmed = patch(person.http, order, status="cancelled")
    again = patch(person.http, order, status="cancelled")

    assert error_of(unconfirmed) == (503, "SERVICE_UNAVAILABLE")
    assert error_of(again) == (409, "INVALID_TRANSITION")
    assert "cancelled" in again.json()["error"]["message"]
    assert shop.stock(product) == 10


def test_endless_conflicts_are_503_and_change_nothing(
    shop: Shop, faults: FaultProxy, person: Person
) -> None:
    order = placed(shop, person, (shop.product(), 3))
    before = shop.everything()

    with faults.on(conflicts(1, seed=1), "TransactWriteItems"):
        responses = [
            patch(person.http, order, **c) for c in ({"status": "cancelled"}, {"note": "x"})
        ]

    for response in responses:
        assert error_of(response) == (503, "SERVICE_UNAVAILABLE")
        assert int(response.headers["Retry-After"]) > 0
    assert shop.everything() == before
    assert patch(person.http, order, status="cancelled").status_code == 200


def test_parallel_purchases_and_cancellations_keep_the_total_stock(shop: Shop) -> None:
    product = shop.product(stock=20)
    buyers: list[Person] = gather(4, lambda _: shop.sign_up())
    orders = [placed(shop, buyer, (product, 2)) for buyer in buyers]

    def work(number: int) -> httpx2.Response:
        buyer, order = buyers[number // 2], orders[number // 2]
        if number % 2:
            return buyer.order((product["id"], 3))
        return patch(buyer.http, order, status="cancelled")

    responses = gather(8, work)

    assert [response.status_code for response in responses] == [200, 201] * 4
    assert shop.stock(product) == 20 - 4 * 3
