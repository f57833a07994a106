"""Access control: every route of the template, as anonymous, stranger, self and admin."""

import re
from typing import Any

import httpx
import pytest

from tests.support.deployed_shop import Person, Shop, error_of, new_email, new_product
from tests.support.fixtures import PASSWORD
from tests.support.recovery_tokens import create_token
from tests.support.sam_template import functions

# The whole table. Columns are the statuses for anonymous, stranger, self and admin.
ACCESS = {
    "POST /api/users": (201, 201, 201, 201),
    "GET /api/users": (401, 403, 403, 200),
    "GET /api/users/{userId}": (401, 403, 200, 200),
    "PUT /api/users/{userId}": (401, 403, 200, 200),
    "PATCH /api/users/{userId}": (401, 403, 200, 200),
    "DELETE /api/users/{userId}": (401, 403, 204, 204),
    "PUT /api/users/{userId}/password": (401, 403, 204, 403),
    "POST /api/sessions": (201, 201, 201, 201),
    "POST /api/access-tokens": (201, 201, 201, 201),
    "GET /api/sessions": (401, 200, 200, 200),
    "DELETE /api/sessions/{sessionId}": (401, 404, 204, 404),
    "DELETE /api/sessions": (401, 204, 204, 204),
    "POST /api/email-verifications": (401, 202, 202, 202),
    "PUT /api/email-verifications/{token}": (204, 204, 204, 204),
    "POST /api/password-resets": (202, 202, 202, 202),
    "PUT /api/password-resets/{token}": (204, 204, 204, 204),
    "GET /recovery": (200, 200, 200, 200),
    "GET /.well-known/jwks.json": (200, 200, 200, 200),
    "POST /api/products": (401, 403, 403, 201),
    "GET /api/products": (200, 200, 200, 200),
    "GET /api/products/{productId}": (200, 200, 200, 200),
    "PATCH /api/products/{productId}": (401, 403, 403, 200),
    "DELETE /api/products/{productId}": (401, 403, 403, 204),
    "POST /api/users/{userId}/orders": (401, 403, 201, 201),
    "GET /api/users/{userId}/orders": (401, 403, 200, 200),
    "GET /api/orders": (401, 403, 403, 200),
    "GET /api/users/{userId}/orders/{orderId}": (401, 403, 200, 200),
    "PATCH /api/users/{userId}/orders/{orderId}": (401, 403, 200, 200),
    "GET /health": (200, 200, 200, 200),
    "GET /ready": (200, 200, 200, 200),
    "GET /openapi.json": (200, 200, 200, 200),
    "GET /": (307, 307, 307, 307),
    "GET /docs": (200, 200, 200, 200),
    "GET /docs/{asset}": (200, 200, 200, 200),
    "OPTIONS /{proxy+}": (204, 204, 204, 204),
}
WHO = ("anonymous", "stranger", "self", "admin")
CODES = {401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}


@pytest.fixture(scope="module")
def owner(shop: Shop) -> Person:
    """The owner of the user id and order id in the paths."""
    return shop.sign_up()


@pytest.fixture(scope="module")
def product(shop: Shop) -> dict[str, Any]:
    return shop.product(stock=1000)


@pytest.fixture(scope="module")
def order(owner: Person, product: dict[str, Any]) -> dict[str, Any]:
    placed: dict[str, Any] = owner.order((product["id"], 1)).json()
    return placed


@pytest.fixture(scope="module")
def clients(shop: Shop, owner: Person) -> dict[str, httpx.Client]:
    return {
        "anonymous": shop.anonymous,
        "stranger": shop.sign_up().http,
        "self": owner.http,
        "admin": shop.admin.http,
    }


def leaving(shop: Shop, who: str) -> httpx.Client:
    """A client of that kind, which no other test needs."""
    person = shop.sign_up()
    if who == "admin":
        shop.change("SessionsTable", {"user_id": person.id, "id": "gate"}, role="admin")
        person = shop.log_in(person.email)
    return person.http


def test_every_route_is_in_the_table() -> None:
    routes = {function.route for function in functions() if function.route}

    assert routes == set(ACCESS), (
        "add the statuses of a new route to ACCESS in this file, or remove a row that has no route"
    )


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("route", ACCESS)
def test_access(
    shop: Shop,
    clients: dict[str, httpx.Client],
    owner: Person,
    product: dict[str, Any],
    order: dict[str, Any],
    route: str,
    who: str,
) -> None:
    method, path = route.split(" ")
    ids = {"userId": owner.id, "orderId": order["id"], "productId": product["id"]}
    ids["asset"] = "page.js"
    if "{sessionId}" in path:
        # A new session each time: other requests need the owner's first.
        ids["sessionId"] = shop.log_in(owner.email).grant["session"]["id"]
    if "{token}" in path:
        # A token of another user, since a reset ends all sessions.
        ids["token"] = create_token(shop, shop.sign_up(), path.split("/")[2])
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    bodies = {
        "POST /api/users": {"email": new_email(), "name": "Ada", "password": PASSWORD},
        "PUT /api/users/{userId}": {
            **{"email": owner.email, "name": "Ada King", "status": "active", "role": "customer"}
        },
        "PATCH /api/users/{userId}": {"name": "Ada Byron"},
        "PUT /api/users/{userId}/password": {"currentPassword": PASSWORD, "newPassword": PASSWORD},
        "POST /api/sessions": {"email": owner.email, "password": PASSWORD},
        "POST /api/email-verifications": {},
        "POST /api/password-resets": {"email": new_email()},
        "PUT /api/password-resets/{token}": {"password": PASSWORD},
        "POST /api/products": new_product(),
        "PATCH /api/products/{productId}": {"stockDelta": 1},
        "POST /api/users/{userId}/orders": {"items": [{"productId": product["id"], "quantity": 1}]},
        "PATCH /api/users/{userId}/orders/{orderId}": {"note": "Please ring twice."},
    }
    if route == "POST /api/access-tokens":
        bodies[route] = {"refreshToken": shop.sign_up().grant["refreshToken"]}
    client = clients[who]
    if route == "DELETE /api/sessions" and who != "anonymous":
        client = leaving(shop, who)
    expected = dict(zip(WHO, ACCESS[route], strict=True))[who]
    if route == "DELETE /api/users/{userId}" and expected == 204:
        # A new user each time: other requests need the owner.
        doomed = shop.sign_up()
        path = f"/api/users/{doomed.id}"
        client = doomed.http if who == "self" else client
    if route == "DELETE /api/products/{productId}" and expected == 204:
        # A new product: other requests need the first.
        path = f"/api/products/{shop.product()['id']}"
    before = shop.everything() if expected >= 400 else None

    response = client.request(method, path.replace("{proxy+}", "api/users"), json=bodies.get(route))

    assert response.status_code == expected, response.text
    if expected >= 400:
        assert response.json()["error"]["code"] == CODES[expected]
        assert shop.everything() == before


FORBIDDEN = [
    (r, who) for r, it in ACCESS.items() for who, s in zip(WHO, it, strict=True) if s == 403
]


@pytest.mark.parametrize(("route", "who"), FORBIDDEN)
def test_access_is_rejected_before_validation(
    shop: Shop, clients: dict[str, httpx.Client], owner: Person, route: str, who: str
) -> None:
    method, path = route.split(" ")
    before = shop.everything()

    for id_ in (owner.id, "no-id"):
        responses = [
            clients[who].request(method, re.sub(r"{\w+}", id_, path), **sent)
            for sent in (
                {"json": {"unknown": 1}},
                {"content": b"{", "headers": {"Content-Type": "application/json"}},
                {"content": b"x" * 2 * 1024 * 1024, "headers": {"Content-Type": "text/plain"}},
                {"json": {}, "headers": {"If-Match": "x", "Idempotency-Key": "a b"}},
                {"json": {}, "params": {"unknown": "1", "limit": "x"}},
            )
        ]
        assert [error_of(response) for response in responses] == [(403, "FORBIDDEN")] * len(
            responses
        )
    assert shop.everything() == before
