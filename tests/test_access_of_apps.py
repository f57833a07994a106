"""Access control of third-party applications: every route, with each scope and kind of token.

Routes come from the endpoints, so a new endpoint is covered: without a row below it must be closed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import httpx2
import pytest

from shop.identifiers import new_id
from shop.oauth.scopes import SCOPES, is_for_admins
from tests.e2e.test_oauth import exchange, post
from tests.routes import expected_of
from tests.support.deployed_shop import Person, Shop, error_of, new_email
from tests.support.oauth_requests import nothing_changes
from tests.support.passkeys import DeployedPasskeys
from tests.support.route_requests import Account, sent_by
from tools.openapi.document import all_endpoints

ENDPOINTS = {it.route: it for it in all_endpoints().values()}
# GraphQL has fields with scopes: tests/endpoints/test_graphql.py
OPEN = {route for route, it in ENDPOINTS.items() if it.is_open_to_apps}
WITH_CALLER = sorted(
    route for route, it in ENDPOINTS.items() if it.needs_caller and route not in OPEN
)
# They read the `Authorization` of a client, not of a caller.
FORMS = sorted(route for route, it in ENDPOINTS.items() if it.form)
PUBLIC = sorted(ENDPOINTS.keys() - {*WITH_CALLER, *FORMS, *OPEN})
# The scopes that open a route: for the user's own data, and with the rights of an admin. All other
# routes with a caller are closed to applications.
ACCEPTED: Mapping[str, tuple[str | None, str | None]] = {
    "GET /api/users/{userId}": ("account:read", "admin:users:read"),
    "GET /api/users": (None, "admin:users:read"),
    "GET /api/users/{userId}/orders": ("orders:read", "admin:orders:read"),
    "GET /api/users/{userId}/orders/{orderId}": ("orders:read", "admin:orders:read"),
    "POST /api/users/{userId}/orders": ("orders:write", "admin:orders:write"),
    "PATCH /api/users/{userId}/orders/{orderId}": ("orders:write", "admin:orders:write"),
    "GET /api/orders": (None, "admin:orders:read"),
    "POST /api/products": (None, "admin:products:write"),
    "PATCH /api/products/{productId}": (None, "admin:products:write"),
    "DELETE /api/products/{productId}": (None, "admin:products:write"),
    "POST /api/webhook-endpoints": (None, "admin:webhooks:write"),
    "GET /api/webhook-endpoints": (None, "admin:webhooks:read"),
    "GET /api/webhook-endpoints/{endpointId}": (None, "admin:webhooks:read"),
    "PATCH /api/webhook-endpoints/{endpointId}": (None, "admin:webhooks:write"),
    "DELETE /api/webhook-endpoints/{endpointId}": (None, "admin:webhooks:write"),
    "PUT /api/webhook-endpoints/{endpointId}/secrets/{version}": (None, "admin:webhooks:write"),
    "GET /api/webhook-endpoints/{endpointId}/deliveries": (None, "admin:webhooks:read"),
    "POST /api/webhook-endpoints/{endpointId}/deliveries": (None, "admin:webhooks:write"),
    "GET /oauth/userinfo": ("openid", None),
}
KINDS = ("user", "admin", "client itself")
INSUFFICIENT_SCOPE = (403, "INSUFFICIENT_SCOPE")

# Any: bodies and arguments of HTTPX
type Json = dict[str, Any]


class App(NamedTuple):
    """A token of an application: for a customer, for an admin, or for the client itself."""

    kind: str
    scopes: frozenset[str]
    http: httpx2.Client

    def expected(self, route: str) -> object:
        """Return the status of success, or status and code of the error, for the owner's path."""
        scope, admin_scope = ACCEPTED.get(route, (None, None))
        if self.kind != "user" and admin_scope in self.scopes:
            return expected_of(route).success
        if self.kind == "client itself" or scope not in self.scopes:
            return INSUFFICIENT_SCOPE
        # Without the admin scope, the application of an admin acts like that of a customer.
        is_of_another = self.kind == "admin" and "{userId}" in route
        return (403, "FORBIDDEN") if is_of_another else expected_of(route).success


@pytest.fixture(scope="module")
def owner(shop: Shop) -> Person:
    """The owner of the user id and order id in the paths."""
    return shop.sign_up()


@pytest.fixture(scope="module")
def admin(shop: Shop) -> Iterator[Person]:
    person = shop.sign_up()
    path = f"/api/users/{person.id}"
    assert shop.admin.http.patch(path, json={"role": "admin"}).status_code == 200
    yield shop.log_in(person.email)
    assert shop.admin.http.patch(path, json={"role": "customer"}).status_code == 200


@pytest.fixture(scope="module")
def product(shop: Shop) -> Json:
    return shop.product(stock=1000)


@pytest.fixture(scope="module")
def client(shop: Shop) -> Json:
    """A client with all scopes."""
    return shop.oauth_client(scopes=[*SCOPES])


@pytest.fixture(scope="module")
def apps(shop: Shop, owner: Person, admin: Person, client: Json) -> list[App]:
    """Tokens with each scope alone, and one with all scopes of its kind at the end."""

    def app(kind: str, *scopes: str) -> App:
        scope = " ".join(scopes)
        if kind == "client itself":
            form = {"grant_type": "client_credentials", "scope": scope}
            response = post(shop, "/oauth/token", client, **form)
        else:
            person = owner if kind == "user" else admin
            response = exchange(shop, client, person.authorize(client, scope=scope)["code"])
        assert response.json()["scope"] == scope, response.text
        return App(kind, frozenset(scopes), shop.client(response.json()["access_token"]))

    scopes = {kind: [*SCOPES] for kind in KINDS}
    scopes["client itself"] = [*filter(is_for_admins, SCOPES)]
    return [
        app(kind, *chosen)
        for kind in KINDS
        for chosen in [*([scope] for scope in scopes[kind]), scopes[kind]]
    ]


class Requests:
    """Valid requests with the ids of the owner."""

    def __init__(
        self, shop: Shop, owner: Person, product: Json, client: Json, endpoint: Json
    ) -> None:
        self._owner = owner
        self._product = product
        self._account = Account(
            owner.email,
            owner.grant["refreshToken"],
            [product["id"]],
            client["id"],
            client["secret"],
            DeployedPasskeys(shop),
        )
        self._ids = {
            "asset": "page.js",
            "clientId": client["id"],
            "document": "openid-configuration",
            "endpointId": endpoint["id"],
            "orderId": self._order(),
            "productId": product["id"],
            "sessionId": owner.grant["session"]["id"],
            "token": "x" * 43,
            "userId": owner.id,
            "version": "1",
        }

    def send(self, shop: Shop, http: httpx2.Client, route: str, **ids: str) -> httpx2.Response:
        return http.request(*self._target(route, ids), **self._content(route))

    def send_to_new(self, shop: Shop, http: httpx2.Client, route: str) -> httpx2.Response:
        """Send it for a resource of its own where it can succeed only once."""
        ids = {}
        if route.startswith("PATCH ") and "{orderId}" in route:
            ids = {"orderId": self._order()}
        if route.startswith("DELETE ") and "{productId}" in route:
            ids = {"productId": shop.product()["id"]}
        if route.startswith("DELETE ") and "{endpointId}" in route:
            ids = {"endpointId": shop.webhook_endpoint()["id"]}
        return self.send(shop, http, route, **ids)

    def _target(self, route: str, ids: Mapping[str, str]) -> tuple[str, str]:
        method, path = route.split(" ")
        known = {**self._ids, **ids}
        return method, re.sub(r"{(\w+)}", lambda name: known.get(name[1], new_id()), path)

    def _content(self, route: str) -> Json:
        if route == "POST /api/password-resets":
            return {"json": {"email": new_email()}}  # an address may request three resets
        return sent_by(route, self._account)

    def _order(self) -> str:
        return str(self._owner.order((self._product["id"], 1)).json()["id"])


@pytest.fixture(scope="module")
def requests(shop: Shop, owner: Person, product: Json, client: Json) -> Iterator[Requests]:
    shop.delete_webhook_endpoints()
    yield Requests(shop, owner, product, client, shop.webhook_endpoint())
    shop.delete_webhook_endpoints()


def outcome(response: httpx2.Response) -> object:
    return error_of(response) if response.is_error else response.status_code


def test_endpoints_accept_exactly_these_scopes() -> None:
    declared = {route: (it.scope, it.admin_scope) for route, it in ENDPOINTS.items()}

    assert {route: it for route, it in declared.items() if any(it)} == ACCEPTED
    assert ACCEPTED.keys() <= {*WITH_CALLER}
    assert {"POST /graphql"} == OPEN


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", WITH_CALLER)
def test_app_has_access_with_an_accepted_scope_only(
    shop: Shop, apps: list[App], requests: Requests, route: str, kind: str
) -> None:
    of_kind = [app for app in apps if app.kind == kind]
    refused = [app for app in of_kind if isinstance(app.expected(route), tuple)]
    missing = next(filter(None, ACCEPTED.get(route, ())), None)

    with nothing_changes(shop):
        for app in refused:
            response = requests.send(shop, app.http, route)
            assert outcome(response) == app.expected(route), app
            if outcome(response) == INSUFFICIENT_SCOPE:
                details = response.json()["error"].get("details", [])
                assert [it["message"] for it in details] == ([missing] if missing else [])
    for app in of_kind:
        if app not in refused:
            response = requests.send_to_new(shop, app.http, route)
            assert outcome(response) == app.expected(route), (app, response.text)


@pytest.mark.parametrize("route", WITH_CALLER)
def test_missing_scope_is_rejected_before_validation(
    shop: Shop, apps: list[App], route: str
) -> None:
    method, path = route.split(" ")
    path = re.sub(r"{\w+}", "no-id", path)
    # The last one of an admin: on a closed route, with all scopes.
    *_, app = (it for it in apps if it.kind == "admin" and it.expected(route) == INSUFFICIENT_SCOPE)

    with nothing_changes(shop):
        for sent in (
            {"json": {"unknown": 1}},
            {"content": b"{", "headers": {"Content-Type": "application/json"}},
            {"json": {}, "headers": {"If-Match": "x", "Idempotency-Key": "a b"}},
            {"json": {}, "params": {"unknown": "1", "limit": "x"}},
        ):
            response = app.http.request(method, path, **sent)
            assert error_of(response) == INSUFFICIENT_SCOPE, (app, sent)


@pytest.mark.parametrize("route", [route for route in WITH_CALLER if "{userId}" in route])
def test_client_itself_is_no_user(
    shop: Shop, apps: list[App], requests: Requests, route: str
) -> None:
    *_, client_itself = apps  # with all admin scopes

    with nothing_changes(shop):
        response = requests.send(shop, client_itself.http, route, userId="me")

    expected = (404, "NOT_FOUND") if route in ACCEPTED else INSUFFICIENT_SCOPE
    assert outcome(response) == expected


@pytest.mark.parametrize("route", [route for route in ACCEPTED if "{userId}" in route])
def test_app_of_a_user_reaches_no_other_user(
    shop: Shop, apps: list[App], admin: Person, requests: Requests, route: str
) -> None:
    (app,) = (it for it in apps if it.kind == "user" and len(it.scopes) == len(SCOPES))

    with nothing_changes(shop):
        response = requests.send(shop, app.http, route, userId=admin.id)

    assert outcome(response) == (403, "FORBIDDEN")


@pytest.mark.parametrize("route", PUBLIC)
def test_public_route_ignores_the_token(
    shop: Shop, apps: list[App], requests: Requests, route: str
) -> None:
    expected = requests.send(shop, shop.anonymous, route).status_code

    of_each_kind = {app.kind: app for app in apps}.values()
    found = {it.kind: requests.send(shop, it.http, route).status_code for it in of_each_kind}

    assert expected not in (401, 403)
    assert found == dict.fromkeys(KINDS, expected)


@pytest.mark.parametrize("route", FORMS)
def test_token_authenticates_no_client(
    shop: Shop, apps: list[App], requests: Requests, route: str
) -> None:
    with nothing_changes(shop):
        for app in {app.kind: app for app in apps}.values():
            response = requests.send(shop, app.http, route)
            assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
