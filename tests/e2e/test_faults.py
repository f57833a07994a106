"""Responses and stored items while DynamoDB rejects calls, drops connections or times out."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx2
import pytest

from tests.routes import UPDATE, WRITE, expected_of
from tests.support.dependency_failures import (
    ROUTES,
    THROTTLED,
    assert_authorizer_failed_by_itself,
    assert_no_lambda_timeout,
    assert_retryable_503,
    requests,
)
from tests.support.deployed_shop import Person, Shop, error_of, gather, new_email, new_product
from tests.support.fault_proxy import (
    WRITES,
    Fault,
    FaultProxy,
    conflicts,
    delayed,
    dripping,
    never_arrived,
    no_response,
    response_lost,
    service_error,
    unprocessed,
)
from tests.support.fixtures import PASSWORD
from tests.support.log_groups import Logs

type Outage = Callable[[FaultProxy], AbstractContextManager[object]]


@pytest.fixture
def admin(shop: Shop) -> Person:
    """A new login, so that the gateway caches the authorizer's result for 50 s more."""
    known = shop.stack.info.admin
    assert known is not None
    return shop.log_in(known.email, known.password)


@pytest.fixture
def person(shop: Shop) -> Person:
    return shop.sign_up()


@pytest.mark.parametrize(
    "outage",
    [
        lambda proxy: proxy.on(service_error("ProvisionedThroughputExceededException")),
        lambda proxy: proxy.on(service_error("InternalServerError", 500)),
        lambda proxy: proxy.on(never_arrived),
        lambda proxy: proxy.on(no_response(30)),
        FaultProxy.down,
    ],
    ids=["throttled", "failing", "breaking", "hanging", "down"],
)
def test_every_route_gets_503_and_changes_nothing_without_a_database(
    shop: Shop, faults: FaultProxy, admin: Person, outage: Outage
) -> None:
    sent = requests(shop, admin, ROUTES)
    before, logs = shop.everything(), Logs(shop)

    with outage(faults):
        responses = gather(len(sent), lambda number: sent[number]())

    for response in responses:
        assert_retryable_503(response)
    assert_no_lambda_timeout(logs, responses)
    assert shop.everything() == before


def is_writing(route: str) -> bool:
    """Return whether a valid request writes to a table."""
    return not {UPDATE, WRITE}.isdisjoint(expected_of(route).waits)


def test_read_only_database_leaves_no_partial_writes(
    shop: Shop, faults: FaultProxy, admin: Person
) -> None:
    # The reads of these find no token, and no app of the admin: 404 before a write.
    not_found = ("{token}", "recovery-codes")
    writing = [it for it in ROUTES if is_writing(it) and not any(part in it for part in not_found)]
    sent = requests(shop, admin, writing)
    before = shop.everything()

    with faults.on(THROTTLED, *WRITES):
        responses = gather(len(sent), lambda number: sent[number]())

    for response in responses:
        assert_retryable_503(response)
    assert shop.everything() == before


def test_unprocessed_keys_are_retried_and_then_503(
    shop: Shop, faults: FaultProxy, person: Person
) -> None:
    product = shop.product()
    before = shop.everything()

    with faults.on(unprocessed, "BatchGetItem"):
        assert_retryable_503(person.order((product["id"], 1)))
    assert shop.everything() == before

    with faults.on(unprocessed, "BatchGetItem", times=2) as hits:
        assert person.order((product["id"], 1)).status_code == 201
    assert len(hits) == 2


@pytest.mark.parametrize("fault", [THROTTLED, no_response(30)], ids=["throttled", "hanging"])
def test_authorizer_that_cannot_read_is_503(shop: Shop, faults: FaultProxy, fault: Fault) -> None:
    person = shop.sign_up()
    body = {"email": person.email, "password": PASSWORD}
    token = shop.anonymous.post("/api/sessions", json=body).json()["accessToken"]
    never_seen, logs = shop.client(token), Logs(shop)

    with faults.on(fault, table=shop.resources["SessionsTable"]) as hits:
        assert_retryable_503(never_seen.get("/api/users/me"))
    assert len(hits) == 3
    assert_authorizer_failed_by_itself(shop, logs)
    assert never_seen.get("/api/users/me").status_code == 200


# Orders


# Any: DynamoDB's JSON
def orders_of(shop: Shop, person: Person) -> list[dict[str, Any]]:
    return [it for it in shop.table("OrdersTable") if it["user_id"]["S"] == person.id]


def assert_one_order(shop: Shop, person: Person, response: httpx2.Response) -> None:
    """Assert that the only order is that of the response, and is counted once."""
    order, summary = sorted(orders_of(shop, person), key=lambda item: item["id"]["S"])
    assert order["id"]["S"] == response.json()["id"]
    assert summary["pending"] == {"N": "1"}


def test_order_with_a_lost_response_is_retried_and_stored_once(
    shop: Shop, faults: FaultProxy, person: Person
) -> None:
    product = shop.product()

    with faults.on(response_lost, "TransactWriteItems", times=1) as hits:
        response = person.order((product["id"], 3))

    assert (response.status_code, len(hits)) == (201, 1)
    assert_one_order(shop, person, response)
    assert shop.stock(product) == 7


@pytest.mark.parametrize(
    "fault",
    [response_lost, delayed(30), dripping(0.5)],
    ids=["lost", "late", "dripping"],
)
def test_order_whose_client_got_503_is_returned_to_the_retry(
    shop: Shop, faults: FaultProxy, person: Person, fault: Fault
) -> None:
    product = shop.product()

    with faults.on(fault, "TransactWriteItems") as hits:
        assert_retryable_503(person.order((product["id"], 3), key="k"))
    tokens = {call.request["ClientRequestToken"] for call in hits}
    again = person.order((product["id"], 3), key="k")
    third = person.order((product["id"], 3), key="k")

    assert len(tokens) == 1
    assert again.status_code == 201 and again.headers["Idempotent-Replayed"] == "true"
    assert third.content == again.content
    assert_one_order(shop, person, again)
    assert shop.stock(product) == 7


def test_request_that_got_503_leaves_its_idempotency_key_unused(
    shop: Shop, faults: FaultProxy, person: Person
) -> None:
    product = shop.product()

    with faults.on(THROTTLED, "TransactWriteItems"):
        assert_retryable_503(person.order((product["id"], 3), key="k"))
    other = person.order((product["id"], 4), key="k")

    assert other.status_code == 201 and "Idempotent-Replayed" not in other.headers
    assert_one_order(shop, person, other)
    assert shop.stock(product) == 6


def test_hundred_orders_under_conflicts_sell_sixty_items_and_none_twice(
    shop: Shop, faults: FaultProxy
) -> None:
    product = shop.product(stock=60)
    buyers: list[Person] = gather(25, lambda _: shop.sign_up())

    def buy(number: int) -> httpx2.Response:
        buyer = buyers[number % len(buyers)]
        return buyer.order((product["id"], 1), key=f"buy-{number}")

    with faults.on(conflicts(share=0.5, seed=20), "TransactWriteItems"):
        responses = gather(100, buy)

    unlucky = [number for number, response in enumerate(responses) if response.status_code == 503]
    assert len(unlucky) < 5
    for number in unlucky:
        assert_retryable_503(responses[number])
        responses[number] = buy(number)
    sold = [response for response in responses if response.status_code == 201]
    rejections = {error_of(response) for response in responses if response.status_code != 201}
    assert rejections == {(409, "INSUFFICIENT_STOCK")}
    assert len({response.json()["id"] for response in sold}) == len(sold) == 60
    assert shop.stock(product) == 0
    items = [item for buyer in buyers for item in orders_of(shop, buyer)]
    orders = [item for item in items if item["id"]["S"] != "summary"]
    counts = {it["user_id"]["S"]: int(it["pending"]["N"]) for it in items if it not in orders}
    assert {order["id"]["S"] for order in orders} == {response.json()["id"] for response in sold}
    assert counts == Counter(order["user_id"]["S"] for order in orders)


def test_equal_parallel_orders_under_faults_and_conflicts_are_stored_once(
    shop: Shop, faults: FaultProxy, person: Person
) -> None:
    product = shop.product()

    with (
        faults.on(response_lost, "TransactWriteItems", skip=1, times=8),
        faults.on(conflicts(share=0.5, seed=3), "TransactWriteItems"),
    ):
        responses = gather(20, lambda _: person.order((product["id"], 3), key="k"))

    completed = [response for response in responses if response.status_code != 503]
    assert {response.status_code for response in completed} == {201}
    assert len({response.content for response in completed}) == 1
    assert_one_order(shop, person, completed[0])
    assert shop.stock(product) == 7


# Other writes


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/api/users/me", 200),
        ("PUT", "/api/users/me/password", 204),
        ("DELETE", "/api/sessions/current", 204),
        ("DELETE", "/api/sessions", 204),
        ("DELETE", "/api/users/me", 204),
    ],
)
def test_write_with_a_lost_response_is_not_rejected_for_its_own_effect(
    shop: Shop, faults: FaultProxy, person: Person, method: str, path: str, status: int
) -> None:
    bodies = {
        "/api/users/me": {
            **{"email": new_email(), "name": "Ada King", "status": "active", "role": "customer"},
            "currentPassword": PASSWORD,
        },
        "/api/users/me/password": {"currentPassword": PASSWORD, "newPassword": PASSWORD},
    }
    body = bodies[path] if method == "PUT" else None

    with faults.on(response_lost, "TransactWriteItems", times=1) as hits:
        response = person.http.request(method, path, json=body)

    assert (response.status_code, len(hits)) == (status, 1), response.text


def test_product_with_a_lost_response_is_stored_once(shop: Shop, faults: FaultProxy) -> None:
    first, second = new_product(), new_product()
    key = {"Idempotency-Key": first["sku"]}

    with faults.on(response_lost, "TransactWriteItems", times=1):
        assert shop.admin.http.post("/api/products", json=second).status_code == 201
    with faults.on(response_lost, "TransactWriteItems"):
        assert_retryable_503(shop.admin.http.post("/api/products", json=first, headers=key))
    again = shop.admin.http.post("/api/products", json=first, headers=key)

    assert again.status_code == 201 and again.headers["Idempotent-Replayed"] == "true"
    stored = shop.anonymous.get(again.headers["Location"])
    assert stored.json() == again.json()
    skus = [item["sku"]["S"] for item in shop.table("ProductsTable") if "sku" in item]
    assert (skus.count(first["sku"]), skus.count(second["sku"])) == (1, 1)


def test_applied_stock_change_is_returned_though_later_reads_fail(
    shop: Shop, faults: FaultProxy
) -> None:
    product = shop.product(stock=10)
    path = f"/api/products/{product['id']}"

    with faults.on(THROTTLED, "GetItem", table=shop.resources["ProductsTable"], skip=1):
        response = shop.admin.http.patch(path, json={"stockDelta": -3})

    assert (response.status_code, response.json()["stock"]) == (200, 7)
    read = shop.anonymous.get(path)
    assert (read.json(), read.headers["ETag"]) == (response.json(), response.headers["ETag"])


def test_sign_up_with_a_lost_response_is_not_rejected_for_its_own_account(
    shop: Shop, faults: FaultProxy
) -> None:
    body = {"email": new_email(), "name": "Ada", "password": PASSWORD}

    with faults.on(response_lost, "TransactWriteItems", times=1) as hits:
        response = shop.anonymous.post("/api/users", json=body)

    assert (response.status_code, len(hits)) == (201, 1)
    assert shop.log_in(body["email"]).id == response.json()["id"]


def test_sign_up_whose_client_got_503_leaves_a_working_account(
    shop: Shop, faults: FaultProxy
) -> None:
    body = {"email": new_email(), "name": "Ada", "password": PASSWORD}

    # Not the response to the rate limit's earlier write.
    with faults.on(response_lost, "TransactWriteItems", table=shop.resources["UsersTable"]):
        assert_retryable_503(shop.anonymous.post("/api/users", json=body))

    assert error_of(shop.anonymous.post("/api/users", json=body)) == (409, "EMAIL_IN_USE")
    assert shop.log_in(body["email"]).email == body["email"]


@pytest.mark.parametrize("times", [1, 3], ids=["once", "each time"])
def test_change_with_a_lost_response_is_applied_once(
    shop: Shop, faults: FaultProxy, person: Person, times: int
) -> None:
    with faults.on(response_lost, "TransactWriteItems", times=times) as hits:
        response = person.http.patch("/api/users/me", json={"name": "Ada King"})
    if times > 1:
        assert_retryable_503(response)
        response = person.http.patch("/api/users/me", json={"name": "Ada King"})

    assert len(hits) == times
    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')
    assert person.http.get("/api/users/me").json() == response.json()


@pytest.mark.parametrize("times", [1, 3], ids=["once", "each time"])
def test_refresh_with_a_lost_response_returns_the_one_successor(
    shop: Shop, faults: FaultProxy, person: Person, times: int
) -> None:
    spent = {"refreshToken": person.grant["refreshToken"]}

    with faults.on(response_lost, "UpdateItem", times=times) as hits:
        response = shop.anonymous.post("/api/access-tokens", json=spent)
    if times > 1:
        assert_retryable_503(response)
        response = shop.anonymous.post("/api/access-tokens", json=spent)

    assert len(hits) == times
    assert response.status_code == 201
    again = shop.anonymous.post("/api/access-tokens", json=spent)
    assert again.json()["refreshToken"] == response.json()["refreshToken"]
    successor = {"refreshToken": response.json()["refreshToken"]}
    assert shop.anonymous.post("/api/access-tokens", json=successor).status_code == 201


def test_login_with_lost_responses_is_one_session(
    shop: Shop, faults: FaultProxy, person: Person
) -> None:
    body = {"email": person.email, "password": PASSWORD}

    with faults.on(response_lost, "TransactWriteItems", times=2):
        response = shop.anonymous.post("/api/sessions", json=body)

    assert response.status_code == 201
    sessions = shop.client(response.json()["accessToken"]).get("/api/sessions").json()["data"]
    assert len(sessions) == 2
