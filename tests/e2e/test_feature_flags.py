"""Feature flags for sign-up and orders, changed as a parameter update changes them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import httpx2

from tests.support.deployed_shop import Shop, error_of, new_email
from tests.support.fixtures import PASSWORD


@contextmanager
def off(shop: Shop, function: str, switch: str) -> Iterator[None]:
    """Disable the feature while the block runs."""
    shop.set_environment(function, **{switch: "off"})
    try:
        yield
    finally:
        shop.set_environment(function, **{switch: "on"})


def assert_rejected(shop: Shop, send: Callable[[], httpx2.Response], message: str) -> None:
    before = shop.everything()

    response = send()

    assert error_of(response) == (503, "SERVICE_UNAVAILABLE")
    assert response.json()["error"]["message"] == message
    assert response.headers["Retry-After"] == "300"
    assert shop.everything() == before


def test_disabled_sign_up_rejects_sign_ups_only(shop: Shop) -> None:
    body = {"email": new_email(), "name": "Ada", "password": PASSWORD}
    shopper = shop.sign_up()

    def sign_up() -> httpx2.Response:
        return shop.anonymous.post("/api/users", json=body)

    with off(shop, "CreateUser", "SIGN_UP"):
        assert_rejected(shop, sign_up, "Signing up is switched off for now.")
        assert shop.log_in(shopper.email).id == shopper.id
        assert shopper.order((shop.product()["id"], 1)).status_code == 201

    assert sign_up().status_code == 201


def test_disabled_ordering_rejects_new_orders_and_processes_existing_ones(shop: Shop) -> None:
    shopper, product = shop.sign_up(), shop.product()
    first = shopper.order((product["id"], 1), key="before")
    order = f"/api/users/me/orders/{first.json()['id']}"

    with off(shop, "PlaceOrder", "ORDERING"):
        for key in ("another", "before"):
            order_again = partial(shopper.order, (product["id"], 1), key=key)
            assert_rejected(shop, order_again, "Ordering is switched off for now.")
        assert shopper.http.patch(order, json={"status": "cancelled"}).status_code == 200
        assert shop.sign_up().http.get("/api/users/me").status_code == 200

    again = shopper.order((product["id"], 1), key="before")
    assert (again.status_code, again.json()) == (201, first.json())
    assert shopper.order((product["id"], 1), key="another").status_code == 201


def test_disabled_ordering_rejects_orders_by_graphql(shop: Shop) -> None:
    shopper, product = shop.sign_up(), shop.product()
    document = (
        "mutation($id: ID!) { placeOrder(input: {items: [{productId: $id, quantity: 1}]})"
        " { order { id } userErrors { code } } }"
    )
    body = {"query": document, "variables": {"id": product["id"]}}

    def order() -> httpx2.Response:
        return shopper.http.post("/graphql", json=body)

    with off(shop, "ExecuteGraphQl", "ORDERING"):
        assert_rejected(shop, order, "Ordering is switched off for now.")
        assert shopper.http.post("/graphql", json={"query": "{ me { id } }"}).status_code == 200

    assert order().json()["data"]["placeOrder"]["userErrors"] == []


def test_disabled_graphql_rejects_every_document(shop: Shop) -> None:
    shopper = shop.sign_up()

    def read() -> httpx2.Response:
        return shopper.http.post("/graphql", json={"query": "{ me { id } }"})

    with off(shop, "ExecuteGraphQl", "GRAPHQL"):
        assert_rejected(shop, read, "GraphQL is switched off for now.")
        assert shopper.order((shop.product()["id"], 1)).status_code == 201

    assert read().status_code == 200
