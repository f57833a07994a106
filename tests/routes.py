"""The routes: one row for each, with everything that tests and the cost benchmark expect of it.

Tests derive the rest: the sender from `access`, path ids by their names, the media type from the
method, and an idempotency key from the handler.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from shop.json_names import to_camel
from tests.support.fixtures import PASSWORD

# Modules with an import cost of 20 ms or more, and bcrypt as the sign of a computed hash.
BCRYPT, EMAIL_VALIDATOR, POWERTOOLS = "bcrypt", "email_validator", "aws_lambda_powertools"
NOTHING: frozenset[str] = frozenset()
PAGE = frozenset({POWERTOOLS})
STORED = PAGE | {"botocore.session"}
VALIDATED = STORED | {"pydantic"}  # handlers with a body or a query
KEYS = frozenset({BCRYPT, "cryptography"})  # loads bcrypt for OpenSSH keys, which are not used here
SIGNED = STORED | KEYS | {"jwt"}

# AWS calls
GET, QUERY, BATCH, UPDATE = "GetItem", "Query", "BatchGetItem", "UpdateItem"
WRITE, SEND, PUT = "TransactWriteItems", "SendMessage", "PutItem"

_OLDEST = {"sort": "createdAt"}  # items created for other requests come later
_BROWSER = {"Accept": "text/html", "Accept-Encoding": "gzip"}
_PREFLIGHT = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}


class Passkeys(Protocol):
    """Bodies of valid requests, each for a challenge of its own."""

    def registration(self) -> object: ...
    def login(self) -> object: ...


class Sender(Protocol):
    """The account that sends a request, and what the request may name: products, a client."""

    @property
    def email(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def refresh_token(self) -> str: ...
    @property
    def product_ids(self) -> Sequence[str]: ...
    @property
    def client_id(self) -> str: ...
    @property
    def client_secret(self) -> str: ...
    @property
    def passkeys(self) -> Passkeys: ...
    @property
    def app_code(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The expectations of a route."""

    access: tuple[int, int, int, int]  # statuses for anonymous, stranger, self and admin
    waits: Sequence[str]  # AWS calls of a warm request: an entry per wait, `8 Query` in parallel
    body: Callable[[Sender], object] | None = None  # of a valid request, as JSON
    form: Callable[[Sender], Mapping[str, str]] | None = None  # of a valid request
    query: Callable[[Sender], Mapping[str, str]] | None = None
    headers: Mapping[str, str] | None = None
    loads: Set[str] = STORED  # heavy modules that the handler imports
    loads_later: Set[str] = NOTHING  # heavy modules that the first request adds

    @property
    def is_for_apps(self) -> bool:
        """Whether only third-party applications have access."""
        return all(status >= 400 for status in self.access)

    @property
    def success(self) -> int:
        """The status for callers with access."""
        return next((status for status in self.access if status < 400), 200)


def _user(it: Sender) -> object:
    return {"email": it.email, "name": "Ada King", "status": "active", "role": it.role}


def _product(_: Sender) -> object:
    product = {"sku": f"SKU-{uuid4()}", "name": "Plums, 1 kg", "price": "4.90", "currency": "EUR"}
    return {**product, "stock": 100}


def _oauth_client(_: Sender) -> object:
    client = {"name": "Invoice robot", "type": "confidential", "scopes": ["orders:read"]}
    redirect_uris = ["https://robot.example/callback"]
    return {**client, "redirectUris": redirect_uris, "grantTypes": ["authorization_code"]}


def _authorization(it: Sender) -> Mapping[str, str]:
    return {
        "client_id": it.client_id,
        "redirect_uri": "https://robot.example/callback",
        "response_type": "code",
        "scope": "openid orders:read",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }


def _in_camel_case(parameters: Mapping[str, str]) -> Mapping[str, str]:
    return {to_camel(name): value for name, value in parameters.items()}


def _credentials(it: Sender) -> Mapping[str, str]:
    return {"client_id": it.client_id, "client_secret": it.client_secret}


def _reference(it: Sender) -> Mapping[str, str]:
    return {"token": "shop_rt_unknown", **_credentials(it)}


def _order(it: Sender) -> object:
    items = [{"productId": product, "quantity": 2} for product in it.product_ids]
    return {"items": items, "note": "Please ring twice."}


def _sign_up(_: Sender) -> object:
    return {"email": f"{uuid4()}@example.com", "name": "Grace Hopper", "password": PASSWORD}


def _passwords(it: Sender) -> object:
    return {"currentPassword": it.password, "newPassword": PASSWORD}


ROUTES: Mapping[str, Expected] = {
    "POST /api/users": Expected(
        access=(201, 201, 201, 201),
        waits=[WRITE, WRITE],
        body=_sign_up,
        loads_later={BCRYPT, EMAIL_VALIDATOR},
        loads=VALIDATED,
    ),
    "GET /api/users/{userId}": Expected(access=(401, 403, 200, 200), waits=[GET]),
    "GET /api/users": Expected(
        access=(401, 403, 403, 200),
        waits=["8 Query", BATCH],
        query=lambda _: _OLDEST,
        loads=VALIDATED,
    ),
    "PUT /api/users/{userId}": Expected(
        access=(401, 403, 200, 200),
        waits=[GET, WRITE, WRITE],
        body=_user,
        loads_later={EMAIL_VALIDATOR},
        loads=VALIDATED,
    ),
    "PATCH /api/users/{userId}": Expected(
        access=(401, 403, 200, 200),
        waits=[GET, WRITE, WRITE],
        body=lambda _: {"name": f"Ada {uuid4().hex[:4]}"},
        loads=VALIDATED,
    ),
    "DELETE /api/users/{userId}": Expected(
        access=(401, 403, 204, 204), waits=[GET, QUERY, GET, QUERY, WRITE, "6 Query"]
    ),
    "GET /api/users/{userId}/personal-data": Expected(
        access=(401, 403, 200, 200), waits=["GetItem + 5 Query", SEND], loads=VALIDATED
    ),
    "PUT /api/users/{userId}/password": Expected(
        access=(401, 403, 204, 403),
        waits=[GET, WRITE, WRITE, GET, BATCH, WRITE],
        body=_passwords,
        loads_later={BCRYPT},
        loads=VALIDATED,
    ),
    "POST /api/sessions": Expected(
        access=(201, 201, 201, 201),
        waits=[BATCH, WRITE, QUERY, WRITE],
        body=lambda it: {"email": it.email, "password": it.password},
        loads=SIGNED | {"pydantic"},
        loads_later={EMAIL_VALIDATOR},
    ),
    "POST /api/access-tokens": Expected(
        access=(201, 201, 201, 201),
        waits=[BATCH, UPDATE],
        body=lambda it: {"refreshToken": it.refresh_token},
        loads=SIGNED | {"pydantic"},
    ),
    "POST /api/passkey-challenges": Expected(
        access=(201, 201, 201, 201),
        waits=[],  # the secret is cached
        body=lambda _: {},
        loads=VALIDATED,
    ),
    "POST /api/passkeys": Expected(
        access=(401, 201, 201, 201),
        waits=[BATCH, QUERY, SEND, WRITE],
        body=lambda it: it.passkeys.registration(),
        loads=VALIDATED,
        loads_later=KEYS,
    ),
    "POST /api/passkey-sessions": Expected(
        access=(201, 201, 201, 201),
        waits=[BATCH, WRITE, QUERY, WRITE],
        body=lambda it: it.passkeys.login(),
        loads=SIGNED | {"pydantic"},
    ),
    "GET /api/sessions": Expected(access=(401, 200, 200, 200), waits=[QUERY]),
    "DELETE /api/sessions/{sessionId}": Expected(access=(401, 404, 204, 404), waits=[WRITE]),
    "DELETE /api/sessions": Expected(access=(401, 204, 204, 204), waits=[WRITE]),
    "GET /.well-known/jwks.json": Expected(access=(200, 200, 200, 200), waits=[]),
    "POST /api/email-verifications": Expected(
        access=(401, 202, 202, 202), waits=[WRITE, SEND], body=lambda _: {}, loads=VALIDATED
    ),
    "PUT /api/email-verifications/{token}": Expected(
        access=(204, 204, 204, 204), waits=[GET, GET, WRITE]
    ),
    "POST /api/password-resets": Expected(
        access=(202, 202, 202, 202),
        waits=[WRITE, SEND],
        body=lambda it: {"email": it.email},
        loads_later={EMAIL_VALIDATOR},
        loads=VALIDATED,
    ),
    "PUT /api/password-resets/{token}": Expected(
        access=(204, 204, 204, 204),
        waits=[GET, GET, GET, GET, WRITE],
        body=lambda _: {"password": PASSWORD},
        loads_later={BCRYPT},
        loads=VALIDATED,
    ),
    "GET /recovery": Expected(access=(200, 200, 200, 200), waits=[], headers=_BROWSER, loads=PAGE),
    "POST /api/products": Expected(
        access=(401, 403, 403, 201), waits=[GET, WRITE], body=_product, loads=VALIDATED
    ),
    "GET /api/products/{productId}": Expected(access=(200, 200, 200, 200), waits=[GET]),
    "GET /api/products": Expected(
        access=(200, 200, 200, 200), waits=[QUERY, BATCH, BATCH], loads=VALIDATED
    ),
    "PATCH /api/products/{productId}": Expected(
        access=(401, 403, 403, 200),
        waits=[GET, WRITE],
        body=lambda _: {"price": "5.20", "stockDelta": 12},
        loads=VALIDATED,
    ),
    "DELETE /api/products/{productId}": Expected(access=(401, 403, 403, 204), waits=[GET, WRITE]),
    "POST /api/users/{userId}/orders": Expected(
        access=(401, 403, 201, 201), waits=[BATCH, WRITE], body=_order, loads=VALIDATED
    ),
    "GET /api/users/{userId}/orders/{orderId}": Expected(access=(401, 403, 200, 200), waits=[GET]),
    "PATCH /api/users/{userId}/orders/{orderId}": Expected(
        access=(401, 403, 200, 200),
        waits=[GET, BATCH, WRITE],
        body=lambda _: {"status": "cancelled"},
        loads=VALIDATED,
    ),
    "GET /api/users/{userId}/orders": Expected(
        access=(401, 403, 200, 200), waits=[QUERY, GET], loads=VALIDATED
    ),
    "GET /api/orders": Expected(
        access=(401, 403, 403, 200),
        waits=["8 Query", "8 Query", BATCH, BATCH],
        query=lambda _: _OLDEST,
        loads=VALIDATED,
    ),
    "POST /graphql": Expected(
        access=(401, 200, 200, 200),
        waits=[BATCH],
        body=lambda _: {"query": "{ me { id name } }"},
        loads=VALIDATED | {"graphql"},
    ),
    "POST /api/oauth-clients": Expected(
        access=(401, 403, 403, 201), waits=[GET, WRITE], body=_oauth_client, loads=VALIDATED
    ),
    "GET /api/oauth-clients": Expected(
        access=(401, 403, 403, 200),
        waits=[QUERY, BATCH],
        query=lambda _: {"status": "active", **_OLDEST},
        loads=VALIDATED,
    ),
    "GET /api/oauth-clients/{clientId}": Expected(access=(401, 403, 403, 200), waits=[GET]),
    "PATCH /api/oauth-clients/{clientId}": Expected(
        access=(401, 403, 403, 200),
        waits=[GET, WRITE],
        body=lambda _: {"name": f"Robot {uuid4().hex[:4]}"},
        loads=VALIDATED,
    ),
    "DELETE /api/oauth-clients/{clientId}": Expected(
        access=(401, 403, 403, 204), waits=[GET, WRITE]
    ),
    "POST /api/oauth-clients/{clientId}/secrets": Expected(
        access=(401, 403, 403, 201),
        waits=[GET, WRITE],
        body=lambda _: {"keepPrevious": True},
        loads=VALIDATED,
    ),
    "GET /oauth/authorize": Expected(
        access=(200, 200, 200, 200), waits=[GET], query=_authorization
    ),
    "POST /api/authorizations": Expected(
        access=(401, 200, 200, 200),
        waits=[BATCH, QUERY],
        body=lambda it: _in_camel_case(_authorization(it)),
        loads=VALIDATED,
    ),
    "POST /oauth/token": Expected(
        access=(200, 200, 200, 200),
        waits=[GET],
        form=lambda it: {"grant_type": "client_credentials", **_credentials(it)},
        loads=SIGNED,
    ),
    "POST /oauth/revoke": Expected(
        access=(200, 200, 200, 200), waits=[GET], form=_reference, loads=SIGNED
    ),
    "POST /oauth/introspect": Expected(
        access=(200, 200, 200, 200), waits=[GET], form=_reference, loads=SIGNED
    ),
    "GET /oauth/userinfo": Expected(access=(401, 403, 403, 403), waits=[GET]),
    "GET /api/grants": Expected(access=(401, 200, 200, 200), waits=[QUERY, BATCH]),
    "DELETE /api/grants/{clientId}": Expected(access=(401, 404, 204, 404), waits=[WRITE]),
    "POST /api/webhook-endpoints": Expected(
        access=(401, 403, 403, 201),
        waits=[GET, WRITE],  # the secret is cached
        body=lambda _: {"url": "https://hooks.example.com/in", "eventTypes": ["order.placed"]},
        loads=VALIDATED,
    ),
    "GET /api/webhook-endpoints": Expected(access=(401, 403, 403, 200), waits=[QUERY]),
    "GET /api/webhook-endpoints/{endpointId}": Expected(access=(401, 403, 403, 200), waits=[GET]),
    "PATCH /api/webhook-endpoints/{endpointId}": Expected(
        access=(401, 403, 403, 200),
        waits=[GET, WRITE],
        body=lambda _: {"description": f"To the ERP {uuid4().hex[:4]}"},
        loads=VALIDATED,
    ),
    "DELETE /api/webhook-endpoints/{endpointId}": Expected(
        access=(401, 403, 403, 204), waits=[GET, WRITE]
    ),
    "PUT /api/webhook-endpoints/{endpointId}/secrets/{version}": Expected(
        access=(401, 403, 403, 200),
        waits=[GET],  # the present version is returned again
        body=lambda _: {"keepPreviousFor": 3600},
        loads=VALIDATED,
    ),
    "GET /api/webhook-endpoints/{endpointId}/deliveries": Expected(
        access=(401, 403, 403, 200), waits=[GET, QUERY], query=lambda _: _OLDEST, loads=VALIDATED
    ),
    "POST /api/webhook-endpoints/{endpointId}/deliveries": Expected(
        access=(401, 403, 403, 202),
        waits=[GET, UPDATE, PUT, "SendMessageBatch"],
        body=lambda _: {},
        loads=VALIDATED,
    ),
    "POST /api/authenticators": Expected(
        access=(401, 201, 201, 201),
        waits=[BATCH, GET, WRITE, GET, QUERY, WRITE],  # the secret is cached
        body=lambda it: {"kind": "totp", "currentPassword": it.password},
        loads_later={BCRYPT},
        loads=VALIDATED,
    ),
    "PUT /api/authenticators/{authenticatorId}": Expected(
        access=(401, 404, 200, 404),
        waits=[GET, BATCH, WRITE, SEND, WRITE],
        body=lambda it: {"code": it.app_code},
        loads=VALIDATED,
    ),
    "GET /api/authenticators": Expected(access=(401, 200, 200, 200), waits=[QUERY]),
    "DELETE /api/authenticators/{authenticatorId}": Expected(
        access=(401, 404, 204, 404), waits=[BATCH, QUERY, SEND, WRITE]
    ),
    "POST /api/recovery-codes": Expected(
        access=(401, 404, 201, 404),
        waits=[BATCH, GET, WRITE, SEND, WRITE],
        body=lambda it: {"code": it.app_code},
        loads=VALIDATED,
    ),
    "GET /.well-known/{document}": Expected(access=(200, 200, 200, 200), waits=[], loads=PAGE),
    "GET /health": Expected(access=(200, 200, 200, 200), waits=[], loads=PAGE),
    "GET /ready": Expected(access=(200, 200, 200, 200), waits=[]),  # checks once in 5 s
    "GET /openapi.json": Expected(access=(200, 200, 200, 200), waits=[], loads=PAGE),
    "GET /": Expected(access=(307, 307, 307, 307), waits=[], headers=_BROWSER, loads=PAGE),
    "GET /docs": Expected(access=(200, 200, 200, 200), waits=[], headers=_BROWSER, loads=PAGE),
    "GET /docs/{asset}": Expected(
        access=(200, 200, 200, 200), waits=[], headers=_BROWSER, loads=PAGE
    ),
    "OPTIONS /{proxy+}": Expected(
        access=(204, 204, 204, 204), waits=[], headers=_PREFLIGHT, loads=NOTHING
    ),
}


def expected_of(route: str) -> Expected:
    assert route in ROUTES, f"add a row for {route} to ROUTES in tests/routes.py"
    return ROUTES[route]
