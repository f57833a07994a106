"""A typical request to each route, with a sender and items created for it alone."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import replace
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count
from typing import Any  # Any: events are JSON
from uuid import uuid4

from pydantic import SecretStr

from shop.caller import App, Caller, Role
from shop.clock import now
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.identity.authenticators.dependencies import authenticator_service
from shop.identity.authenticators.models import Enrolment
from shop.identity.authenticators.requests import AuthenticatorConfirm, AuthenticatorCreate
from shop.identity.keys.key_store import key_store
from shop.identity.login_attempts.service import login_attempt
from shop.identity.passwords import hash_password
from shop.identity.recovery.models import LIFETIME, Purpose, RecoveryToken
from shop.identity.recovery.repository import RecoveryRepository
from shop.identity.recovery.tokens import digest_of, new_token
from shop.identity.sessions.dependencies import access_token_issuer
from shop.identity.sessions.models import IDLE_LIFETIME, Session
from shop.identity.sessions.refresh_tokens import RefreshToken
from shop.identity.sessions.repository import SessionRepository
from shop.oauth.clients.models import OAuthClient
from shop.oauth.clients.repository import OAuthClientRepository
from shop.oauth.grants.repository import GrantRepository
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.projections.models import Kind
from shop.users.models import User
from shop.users.repository import UserRepository
from shop.webhooks.repository import WebhookRepository
from tests.benchmarks.costs.routes import AUTHORIZER, takes_idempotency_key
from tests.benchmarks.lists import dataset, fill
from tests.routes import ROUTES, expected_of
from tests.support.authenticator_app import code_of
from tests.support.fixtures import ADMIN, BROWSER, CLIENT_SECRET, PASSWORD
from tests.support.gateway_events import event
from tests.support.sample_items import (
    consent_of,
    family_of,
    oauth_client,
    webhook_delivery,
    webhook_endpoint,
)
from tests.support.stored_passkeys import StoredPasskeys

_USERS, _PRODUCTS, _ORDERS = 100, 50, 30  # more than a page of 20, for each status too
_PRODUCT_IDS = [dataset.product(number).id for number in range(_PRODUCTS)]

type Event = dict[str, Any]

_numbers = count(10_000)


@dataclass(frozen=True)
class Person:
    """A logged-in user."""

    user: User
    session: Session
    refresh_token: str

    @property
    def caller(self) -> Caller:
        return Caller(self.user.id, self.session.id, self.user.role)


def fill_shop() -> None:
    """The users and items of every request, and the signing keys."""
    key_store().create_if_absent()
    users = [*dataset.users(0, _USERS)]
    products = [
        replace(dataset.product(number), stock=999_999_999, status=ProductStatus.ACTIVE)
        for number in range(_PRODUCTS)
    ]
    statuses = [*OrderStatus]
    orders = [
        dataset.order(number, dataset.user(0).id, 3, statuses[number % len(statuses)])
        for number in range(_ORDERS)
    ]
    fill.add_users(users)
    # Every change of a product checks this admin's role.
    admin = replace(dataset.user(0), id=ADMIN.id, email="root@example.com", role=Role.ADMIN)
    UserRepository().add(replace(admin, status=UserStatus.ACTIVE), _hash())
    fill.add_products(products)
    fill.add_orders(orders)
    fill.count(Kind.USERS, Counter(user.status.value for user in users))
    fill.count(Kind.PRODUCTS, Counter(product.status.value for product in products))
    fill.count(Kind.ORDERS, Counter(order.status.value for order in orders))


def _person() -> Person:
    user = replace(dataset.user(next(_numbers)), id=new_id(), status=UserStatus.ACTIVE)
    UserRepository().add(user, _hash())
    session_id, end = new_id(), now() + IDLE_LIFETIME
    token = RefreshToken.new(user.id, session_id)
    session = Session(
        *(user.id, session_id, 1, token.digests(), now(), now(), end, end),
        *("a browser", "192.0.2.1"),
    )
    attempt = login_attempt(user.email, session.ip_address).opened(now())
    SessionRepository().begin(session, user.email, _hash(), None, attempt)
    return Person(user, session, token.text)


@cache
def _hash() -> str:
    return hash_password(PASSWORD)


def _product() -> Product:
    product = replace(dataset.product(next(_numbers)), id=new_id(), status=ProductStatus.ACTIVE)
    ProductRepository().add(product, None)
    return product


def _webhook_endpoint() -> str:
    """Create an endpoint in place of all others, whose number is limited."""
    repository = WebhookRepository()
    for other in repository.list():
        repository.delete(other, None)
    endpoint = webhook_endpoint(id=new_id())
    repository.add(endpoint, None, None)
    repository.add_delivery(webhook_delivery(endpoint_id=endpoint.id))
    return endpoint.id


def _order(of: Person) -> Order:
    """Place an order of three lines."""
    products = [dataset.product(number) for number in range(3)]
    lines = [OrderLine(it.id, it.sku, it.name, it.price, 2, 2) for it in products]
    placed = replace(
        dataset.order(1, of.user.id, 3, OrderStatus.PENDING),
        id=new_id(),
        lines=lines,
    )
    OrderRepository().add(placed, None)
    return placed


def _token(purpose: Purpose) -> str:
    user = _person().user
    token = new_token()
    RecoveryRepository().add(
        RecoveryToken(digest_of(token), purpose, user.id, user.email, 1, now() + LIFETIME)
    )
    return token


def _sent(
    route: str,
    path: Mapping[str, str] | None = None,
    caller: Caller | None = None,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> Event:
    """Return the event of the gateway, from a new address."""
    number = next(_numbers)
    common = {
        "Accept": "application/json",
        "Host": "abc123.execute-api.us-east-1.amazonaws.com",
        "User-Agent": "curl/8.7.1",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    made = event(
        route,
        path,
        body=body,
        form=form,
        query=query,
        headers=common | (dict(headers) if headers else {}),
        caller=caller,
    )
    made["requestContext"]["identity"]["sourceIp"] = f"10.{number >> 8 & 255}.{number & 255}.1"
    made["requestContext"]["requestId"] = str(uuid4())
    return made


def _authorize() -> Event:
    it = _person()
    token = access_token_issuer()(it.user.id, it.session.id, it.user.role)
    return {
        "type": "TOKEN",
        "authorizationToken": f"Bearer {token}",
        "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abc123/prod/GET/api/users/me",
    }


_BUYER = Caller(dataset.user(0).id, ADMIN.session_id, Role.CUSTOMER)

# In the order of docs/performance.md
MEASURED = (AUTHORIZER, *ROUTES)


@dataclass(frozen=True)
class _Sender:
    """A sender of its own for each request, created on demand."""

    role: str = Role.CUSTOMER.value
    password: str = PASSWORD
    product_ids: Sequence[str] = tuple(_PRODUCT_IDS[:3])
    client_secret: str = CLIENT_SECRET

    @cached_property
    def person(self) -> Person:
        return _person()

    @property
    def email(self) -> str:
        return self.person.user.email

    @property
    def refresh_token(self) -> str:
        return self.person.refresh_token

    @cached_property
    def app(self) -> Enrolment:
        payload = AuthenticatorCreate.model_construct(
            kind="totp", current_password=SecretStr(PASSWORD), name="My phone"
        )
        return authenticator_service().enrol(self.person.caller, payload, BROWSER)

    @property
    def app_code(self) -> str:
        return code_of(self.app.secret, now())

    def confirm_app(self) -> None:
        """Confirm the app by the code before the present one, which a request has."""
        code = SecretStr(code_of(self.app.secret, now(), steps=-1))
        payload = AuthenticatorConfirm.model_construct(code=code)
        authenticator_service().confirm(self.person.caller, self.app.id, payload, BROWSER)

    @property
    def passkeys(self) -> StoredPasskeys:
        return StoredPasskeys(self.person.session)

    @property
    def client_id(self) -> str:
        return self.client.id

    @cached_property
    def client(self) -> OAuthClient:
        OAuthClientRepository().add(client := oauth_client(new_id()), None, None)
        return client

    def allow_client(self) -> None:
        consent = consent_of(self.person.user.id, self.client, now())
        family = family_of(consent, now())
        GrantRepository().authorize(
            self.client, self.person.session, None, consent, family, [], ends_session=False
        )


def request(route: str) -> Event:
    """Return the event of a typical request, from an authorized sender."""
    if route == AUTHORIZER:
        return _authorize()
    expected, sender = expected_of(route), _Sender()
    headers = dict(expected.headers or {})
    if route.startswith("PATCH "):
        headers["Content-Type"] = "application/merge-patch+json"
    if takes_idempotency_key(route):
        headers["Idempotency-Key"] = str(uuid4())
    if route == "POST /api/webhook-endpoints":
        _webhook_endpoint()
    if route in ("POST /api/recovery-codes", "DELETE /api/authenticators/{authenticatorId}"):
        sender.confirm_app()
    path = {name: _path_parameter(route, name, sender) for name in re.findall(r"{(\w+)", route)}
    body = None if expected.body is None else expected.body(sender)
    form = None if expected.form is None else expected.form(sender)
    query = None if expected.query is None else expected.query(sender)
    return _sent(route, path, _caller(route, sender), body, headers, query, form)


def _caller(route: str, sender: _Sender) -> Caller | None:
    """Return the caller with the least rights: no caller, a customer or an admin."""
    expected = expected_of(route)
    anonymous, _, self, _ = expected.access
    if anonymous < 400:
        return None
    if expected.is_for_apps:
        scopes = frozenset({"openid", "profile", "email"})
        app = App(sender.client_id, scopes, is_for_user=True)
        return replace(sender.person.caller, app=app)
    if route == "GET /api/users/{userId}/orders":
        return _BUYER  # has more than a page of orders
    return sender.person.caller if self < 400 else ADMIN


def _path_parameter(route: str, name: str, sender: _Sender) -> str:
    match name:
        case "userId":
            return "me"
        case "sessionId":
            return "current"
        case "productId":
            return _PRODUCT_IDS[0] if route.startswith("GET ") else _product().id
        case "orderId":
            return _order(sender.person).id
        case "clientId":
            if route.startswith("DELETE /api/grants/"):
                sender.allow_client()
            return sender.client_id
        case "endpointId":
            return _webhook_endpoint()
        case "authenticatorId":
            return sender.app.id
        case "version":
            return "1"
        case "document":
            return "openid-configuration"
        case "token":
            is_reset = "/password-resets/" in route
            return _token(Purpose.RESET if is_reset else Purpose.VERIFICATION)
        case "asset":
            return "swagger-ui.js"
        case "proxy":
            return "api/users"
    return new_id()
