"""Seed data: an admin, a small shop and OAuth clients, created by the public APIs only."""

import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tools.local_cloud.stack import Admin, LocalStack, OAuthClients, Seeded

ADMIN_EMAIL = "admin@example.com"
# For this machine only: the emulator listens on loopback, and its data ends with the run.
CUSTOMER_PASSWORD = "local-demo-only"
CUSTOMERS = {"ada@example.com": "Ada Lovelace", "grace@example.com": "Grace Hopper"}
PRODUCTS = (
    ("TEA-GREEN", "Green tea, 100 g", "7.90"),
    ("TEA-BLACK", "Black tea, 100 g", "6.50"),
    ("TEA-POT", "Teapot, cast iron", "49.00"),
    ("CUP-SMALL", "Cup, small", "9.50"),
    ("CUP-LARGE", "Cup, large", "12.50"),
    ("COFFEE-250", "Coffee beans, 250 g", "8.40"),
    ("COFFEE-1000", "Coffee beans, 1 kg", "28.90"),
    ("GRINDER", "Coffee grinder", "89.00"),
    ("KETTLE", "Kettle", "39.90"),
    ("HONEY", "Honey, 500 g", "11.20"),
    ("SUGAR", "Brown sugar, 500 g", "3.10"),
    ("BISCUITS", "Butter biscuits", "4.60"),
)
# Orders: customer, and quantity by index of the product.
ORDERS = (
    ("ada@example.com", {0: 2, 3: 1}),
    ("ada@example.com", {5: 1}),
    ("grace@example.com", {6: 1, 7: 1, 10: 3}),
)


class SeedFailed(RuntimeError):
    """The API rejected a request of the seed."""


def seed_admin(stack: LocalStack) -> Seeded:
    return Seeded(_create_admin(stack))


def _create_admin(stack: LocalStack) -> Admin:
    """Create the admin by the operator function, with a new password each time."""
    admin = Admin(ADMIN_EMAIL, secrets.token_urlsafe(12))
    arguments = {"email": admin.email, "name": "Local admin", "password": admin.password}
    response = stack.client("lambda").invoke(
        FunctionName=stack.resources()["CreateAdmin"], Payload=json.dumps(arguments).encode()
    )
    if "FunctionError" in response:
        raise SeedFailed(f"CreateAdmin failed: {response['Payload'].read().decode()}")
    return admin


def seed_demo(stack: LocalStack) -> Seeded:
    """Create the admin, 2 customers, 12 products, 3 orders and 2 OAuth clients."""
    # One thread per resource type; more would start more environments of one function.
    with (
        _http(stack) as http,
        ThreadPoolExecutor() as at,
    ):
        customers = at.submit(_create_customers, http)
        admin = _create_admin(stack)
        credentials = {"email": admin.email, "password": admin.password}
        token = _post(http, "/api/sessions", credentials)["accessToken"]
        authorization = {"Authorization": f"Bearer {token}"}
        clients = at.submit(_create_clients, http, authorization, stack.url)
        products = _create_products(http, authorization)
        ids = customers.result()
        for number, (email, items) in enumerate(ORDERS):
            lines = [{"productId": products[it], "quantity": count} for it, count in items.items()]
            key = {"Idempotency-Key": f"seed-{number}"}
            path = f"/api/users/{ids[email]}/orders"
            _post(http, path, {"items": lines}, authorization | key)
        return Seeded(admin, clients.result())


def seeding(demo: bool) -> Callable[[LocalStack], Seeded]:
    return seed_demo if demo else seed_admin


def _http(stack: LocalStack) -> httpx2.Client:
    return httpx2.Client(base_url=stack.url, timeout=120, trust_env=False)


def _create_customers(http: httpx2.Client) -> dict[str, str]:
    make = partial(_post, http, "/api/users")
    return {
        email: make({"email": email, "name": name, "password": CUSTOMER_PASSWORD})["id"]
        for email, name in CUSTOMERS.items()
    }


def _create_products(http: httpx2.Client, authorization: dict[str, str]) -> list[str]:
    created = []
    for sku, name, price in PRODUCTS:
        product = {"sku": sku, "name": name, "price": price, "currency": "EUR", "stock": 100}
        headers = authorization | {"Idempotency-Key": f"seed-{sku}"}
        created.append(_post(http, "/api/products", product, headers)["id"])
    return created


def _create_clients(
    http: httpx2.Client, authorization: dict[str, str], url: str
) -> OAuthClients | None:
    """Create a public and a confidential client; return None if OAuth is off."""
    if http.get("/.well-known/oauth-authorization-server").status_code == 404:
        return None
    public, confidential = (
        _post(http, "/api/oauth-clients", it, authorization)["id"] for it in _clients(url)
    )
    secrets_of = f"/api/oauth-clients/{confidential}/secrets"
    secret = _post(http, secrets_of, {"keepPrevious": False}, authorization)["secret"]
    return OAuthClients(public, confidential, secret)


# Any: JSON of the API.
def _clients(url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the public client, for the documentation page and for apps, and the confidential."""
    of_users = ["authorization_code", "refresh_token"]
    scopes = ["openid", "profile", "email", "account:read", "orders:read", "orders:write"]
    by_name = f"http://localhost:{urlsplit(url).port}"
    public: dict[str, Any] = {
        "name": "Shop tools",
        "type": "public",
        "redirectUris": [
            *(f"{it}/docs/oauth2-redirect.html" for it in (url, by_name)),
            "http://127.0.0.1/callback",  # with any port
        ],
        "grantTypes": of_users,
        "scopes": scopes,
    }
    confidential: dict[str, Any] = {
        "name": "Invoice robot",
        "type": "confidential",
        "redirectUris": ["https://localhost:3000/callback"],
        "grantTypes": [*of_users, "client_credentials"],
        "scopes": [*scopes, "admin:orders:read"],
    }
    return public, confidential


# Any: JSON of the API.
def _post(
    http: httpx2.Client, path: str, body: object, headers: dict[str, str] | None = None
) -> Any:
    try:
        response = http.post(path, json=body, headers=headers)
    except httpx2.TransportError as error:
        raise SeedFailed(f"POST {path} got no response: {error!r}") from error
    if response.status_code != 201:
        raise SeedFailed(f"POST {path} returned {response.status_code}: {response.text}")
    return response.json()
