"""A typical request to each route, with a sender and items created for it alone."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from typing import Any  # Any: events are JSON
from uuid import uuid4

from shop.caller import Caller, Role
from shop.clock import now
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
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
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.projections.models import Kind
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.benchmarks.lists import dataset, fill
from tests.support.fixtures import ADMIN, PASSWORD
from tests.support.gateway_events import event

AUTHORIZER = "the authorizer"

_NEW_PASSWORD = "wrong donkey charger paperclip"
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
        query=query,
        headers=common | (dict(headers) if headers else {}),
        caller=caller,
    )
    made["requestContext"]["identity"]["sourceIp"] = f"10.{number >> 8 & 255}.{number & 255}.1"
    made["requestContext"]["requestId"] = str(uuid4())
    return made


def _create_user(route: str) -> Event:
    body = {"email": f"{uuid4()}@example.com", "name": "Grace Hopper", "password": PASSWORD}
    return _sent(route, body=body)


def _replace_user(route: str) -> Event:
    it = _person()
    body = {"email": it.user.email, "name": "Ada King", "status": "active", "role": "customer"}
    return _sent(route, {"userId": "me"}, it.caller, body)


def _update_user(route: str) -> Event:
    headers = {"Content-Type": "application/merge-patch+json"}
    return _sent(route, {"userId": "me"}, _person().caller, {"name": "Ada King"}, headers)


def _change_password(route: str) -> Event:
    body = {"currentPassword": PASSWORD, "newPassword": _NEW_PASSWORD}
    return _sent(route, {"userId": "me"}, _person().caller, body)


def _log_in(route: str) -> Event:
    return _sent(route, body={"email": _person().user.email, "password": PASSWORD})


def _create_product(route: str) -> Event:
    body = {"sku": f"SKU-{uuid4()}", "name": "Plums, 1 kg", "price": "4.90", "currency": "EUR"}
    return _sent(route, None, ADMIN, body | {"stock": 100}, _key())


def _update_product(route: str) -> Event:
    headers = {"Content-Type": "application/merge-patch+json"}
    return _sent(
        route, {"productId": _product().id}, ADMIN, {"price": "5.20", "stockDelta": 12}, headers
    )


def _place_order(route: str) -> Event:
    items = [{"productId": it, "quantity": 2} for it in _PRODUCT_IDS[:3]]
    body = {"items": items, "note": "Please ring twice."}
    return _sent(route, {"userId": "me"}, _person().caller, body, _key())


def _get_order(route: str) -> Event:
    it = _person()
    return _sent(route, {"userId": "me", "orderId": _order(it).id}, it.caller)


def _cancel_order(route: str) -> Event:
    it = _person()
    headers = {"Content-Type": "application/merge-patch+json"}
    path = {"userId": "me", "orderId": _order(it).id}
    return _sent(route, path, it.caller, {"status": "cancelled"}, headers)


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def _authorize(route: str) -> Event:
    it = _person()
    token = access_token_issuer()(it.user.id, it.session.id, it.user.role)
    return {
        "type": "TOKEN",
        "authorizationToken": f"Bearer {token}",
        "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abc123/prod/GET/api/users/me",
    }


_BUYER = Caller(dataset.user(0).id, ADMIN.session_id, Role.CUSTOMER)
_OLDEST = {"sort": "createdAt"}  # items created for other requests come later
_PAGE = {"Accept": "text/html", "Accept-Encoding": "gzip"}

REQUESTS: Mapping[str, Callable[[str], Event]] = {
    AUTHORIZER: _authorize,
    "POST /api/users": _create_user,
    "GET /api/users/{userId}": lambda r: _sent(r, {"userId": "me"}, _person().caller),
    "GET /api/users": lambda r: _sent(r, None, ADMIN, query=_OLDEST),
    "PUT /api/users/{userId}": _replace_user,
    "PATCH /api/users/{userId}": _update_user,
    "DELETE /api/users/{userId}": lambda r: _sent(r, {"userId": "me"}, _person().caller),
    "PUT /api/users/{userId}/password": _change_password,
    "POST /api/sessions": _log_in,
    "POST /api/access-tokens": lambda r: _sent(r, body={"refreshToken": _person().refresh_token}),
    "GET /api/sessions": lambda r: _sent(r, None, _person().caller),
    "DELETE /api/sessions/{sessionId}": lambda r: _sent(
        r, {"sessionId": "current"}, _person().caller
    ),
    "DELETE /api/sessions": lambda r: _sent(r, None, _person().caller),
    "GET /.well-known/jwks.json": _sent,
    "POST /api/email-verifications": lambda r: _sent(r, None, _person().caller, {}),
    "PUT /api/email-verifications/{token}": lambda r: _sent(
        r, {"token": _token(Purpose.VERIFICATION)}
    ),
    "POST /api/password-resets": lambda r: _sent(r, body={"email": _person().user.email}),
    "PUT /api/password-resets/{token}": lambda r: _sent(
        r, {"token": _token(Purpose.RESET)}, body={"password": _NEW_PASSWORD}
    ),
    "GET /recovery": lambda r: _sent(r, headers=_PAGE),
    "POST /api/products": _create_product,
    "GET /api/products/{productId}": lambda r: _sent(r, {"productId": _PRODUCT_IDS[0]}),
    "GET /api/products": _sent,
    "PATCH /api/products/{productId}": _update_product,
    "DELETE /api/products/{productId}": lambda r: _sent(r, {"productId": _product().id}, ADMIN),
    "POST /api/users/{userId}/orders": _place_order,
    "GET /api/users/{userId}/orders/{orderId}": _get_order,
    "PATCH /api/users/{userId}/orders/{orderId}": _cancel_order,
    "GET /api/users/{userId}/orders": lambda r: _sent(r, {"userId": "me"}, _BUYER),
    "GET /api/orders": lambda r: _sent(r, None, ADMIN, query=_OLDEST),
    "GET /health": _sent,
    "GET /ready": _sent,
    "GET /openapi.json": _sent,
    "GET /": lambda r: _sent(r, headers=_PAGE),
    "GET /docs": lambda r: _sent(r, headers=_PAGE),
    "GET /docs/{asset}": lambda r: _sent(r, {"asset": "swagger-ui.js"}, headers=_PAGE),
    "OPTIONS /{proxy+}": lambda r: _sent(
        r,
        {"proxy": "api/users"},
        headers={"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"},
    ),
}


def request(route: str) -> Event:
    return REQUESTS[route](route)
