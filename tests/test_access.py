"""Access control: every route of the template, as anonymous, stranger, self and admin."""

import re
from collections.abc import Iterator
from copy import replace
from typing import Any

import httpx2
import pytest

from shop.identifiers import new_id
from tests.routes import ROUTES
from tests.support.deployed_shop import Person, Shop, error_of, new_email
from tests.support.passkeys import DeployedPasskeys
from tests.support.recovery_tokens import create_token
from tests.support.route_requests import Account, sent_by
from tests.support.rpc_calls import body_of, headers_of, message_of
from tests.support.sam_template import functions
from tests.support.second_factors import enrol, turn_on

WHO = ("anonymous", "stranger", "self", "admin")
CODES = {401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}
FOR_APPS = {403: "INSUFFICIENT_SCOPE"}  # on a route that only third-party applications use


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
def oauth_client(shop: Shop) -> dict[str, Any]:
    return shop.oauth_client()


@pytest.fixture(scope="module")
def webhook_endpoint(shop: Shop) -> Iterator[dict[str, Any]]:
    shop.delete_webhook_endpoints()
    yield shop.webhook_endpoint()
    shop.delete_webhook_endpoints()


@pytest.fixture(scope="module")
def clients(shop: Shop, owner: Person) -> dict[str, httpx2.Client]:
    return {
        "anonymous": shop.anonymous,
        "stranger": shop.sign_up().http,
        "self": owner.http,
        "admin": shop.admin.http,
    }


def leaving(shop: Shop, who: str) -> httpx2.Client:
    """A client of that kind, which no other test needs."""
    person = shop.sign_up()
    if who == "admin":
        shop.make_admin(person)
        person = shop.log_in(person.email)
    return person.http


@pytest.mark.local_only_for("{token}")
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("route", ROUTES)
def test_access(
    shop: Shop,
    clients: dict[str, httpx2.Client],
    owner: Person,
    product: dict[str, Any],
    order: dict[str, Any],
    oauth_client: dict[str, Any],
    webhook_endpoint: dict[str, Any],
    route: str,
    who: str,
) -> None:
    method, path = route.split(" ")
    ids = {
        "document": "openid-configuration",
        "clientId": oauth_client["id"],
        "endpointId": webhook_endpoint["id"],
        "version": "1",
        "userId": owner.id,
        "orderId": order["id"],
        "productId": product["id"],
    }
    ids["asset"] = "page.js"
    ids["authenticatorId"] = nobody = new_id()
    if "{sessionId}" in path:
        # A new session each time: other requests need the owner's first.
        ids["sessionId"] = shop.log_in(owner.email).grant["session"]["id"]
    if "{token}" in path:
        # A token of another user, since a reset ends all sessions.
        ids["token"] = create_token(shop, shop.sign_up(), path.split("/")[2])
    if route == "PATCH /api/users/{userId}/orders/{orderId}":
        # A new order each time, since only one request can cancel it.
        ids["orderId"] = owner.order((product["id"], 1)).json()["id"]
    for name in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{name}}}", ids.get(name, new_id()))
    sender = Account(
        owner.email,
        owner.grant["refreshToken"],
        [product["id"]],
        oauth_client["id"],
        oauth_client["secret"],
        DeployedPasskeys(shop),
    )
    if route == "POST /api/access-tokens":
        # Another user's session each time: a refresh token is used once.
        sender = replace(sender, refresh_token=shop.sign_up().grant["refreshToken"])
    if route == "POST /api/password-resets":
        # A new address each time, since each may request three resets.
        sender = replace(sender, email=new_email())
    sent = sent_by(route, sender)
    # Forms have the credentials of a client; their `Authorization` is no caller's.
    client = shop.anonymous if ROUTES[route].form else clients[who]
    # The last one needs a recent login.
    others = ("DELETE /api/sessions", "POST /api/authenticators", "POST /api/passkeys")
    if route in others and who != "anonymous":
        client = leaving(shop, who)
    expected = dict(zip(WHO, ROUTES[route].access, strict=True))[who]
    if route == "DELETE /api/users/{userId}" and expected == 204:
        # A new user each time: other requests need the owner.
        doomed = shop.sign_up()
        path = f"/api/users/{doomed.id}"
        client = doomed.http if who == "self" else client
    if {"/api/authenticators/{authenticatorId}", "/api/recovery-codes"} & {route.split(" ")[1]}:
        # A new user each time: a confirmed app is not confirmed again, and a code counts once.
        secured = shop.sign_up()
        app = (enrol if method == "PUT" else turn_on)(secured)
        path = path.replace(nobody, app.id)
        sent = sent_by(route, replace(sender, app_code=app.code()))
        client = secured.http if who == "self" else client
    if route == "DELETE /api/products/{productId}" and expected == 204:
        # A new product: other requests need the first.
        path = f"/api/products/{shop.product()['id']}"
    if route == "DELETE /api/oauth-clients/{clientId}" and expected == 204:
        # A new client: other requests need the first.
        path = f"/api/oauth-clients/{shop.oauth_client()['id']}"
    if route == "DELETE /api/webhook-endpoints/{endpointId}" and expected == 204:
        # A new endpoint: other requests need the first.
        path = f"/api/webhook-endpoints/{shop.webhook_endpoint()['id']}"
    if route == "DELETE /api/grants/{clientId}" and expected == 204:
        owner.authorize(oauth_client)
    before = shop.everything() if expected >= 400 else None

    response = client.request(method, path.replace("{proxy+}", "api/users"), **sent)

    assert response.status_code == expected, (
        f"{response.text}: change the handler's caller, or the row of {route} in tests/routes.py"
    )
    if expected >= 400:
        codes = CODES | FOR_APPS if ROUTES[route].is_for_apps else CODES
        assert response.json()["error"]["code"] == codes[expected]
        assert shop.everything() == before


RPCS = {function.rpc: function.route for function in functions() if function.rpc}


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("rpc", RPCS)
def test_access_by_rpc_is_that_of_its_route(
    shop: Shop,
    clients: dict[str, httpx2.Client],
    owner: Person,
    product: dict[str, Any],
    order: dict[str, Any],
    rpc: str,
    who: str,
) -> None:
    route = RPCS[rpc] or ""
    ids = {"userId": owner.id, "orderId": order["id"], "productId": product["id"]}
    if route == "PATCH /api/users/{userId}/orders/{orderId}":
        # A new order each time, since only one request can cancel it.
        ids["orderId"] = owner.order((product["id"], 1)).json()["id"]
    if route == "DELETE /api/products/{productId}":
        # A new product: other requests need the first.
        ids["productId"] = shop.product()["id"]
    sent = sent_by(route, Account(owner.email, "", [product["id"]], "", "", DeployedPasskeys(shop)))
    in_path = {name: ids[name] for name in re.findall(r"{(\w+)}", route)}
    body = {**in_path, **sent.get("params", {}), **sent.get("json", {})}
    message = message_of(rpc.rpartition(".")[2], body)
    before = shop.everything()

    response = clients[who].post(
        rpc, content=body_of("connect-json", message), headers=headers_of("connect-json")
    )

    expected = dict(zip(WHO, ROUTES[route].access, strict=True))[who]
    assert response.status_code == (expected if expected >= 400 else 200), response.text
    if expected >= 400:
        error = response.json()
        # The gateway rejects a request without a token, in the format of REST.
        code = error["error"]["code"] if expected == 401 else error["code"]
        assert code == {401: "UNAUTHORIZED", 403: "permission_denied"}[expected]
        assert shop.everything() == before


FORBIDDEN = [
    (r, who) for r, it in ROUTES.items() for who, s in zip(WHO, it.access, strict=True) if s == 403
]


@pytest.mark.parametrize(("route", "who"), FORBIDDEN)
def test_access_is_rejected_before_validation(
    shop: Shop, clients: dict[str, httpx2.Client], owner: Person, route: str, who: str
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
        code = "INSUFFICIENT_SCOPE" if ROUTES[route].is_for_apps else "FORBIDDEN"
        assert [error_of(response) for response in responses] == [(403, code)] * len(responses)
    assert shop.everything() == before
