"""Seed data: an admin and a small shop, created by the public APIs only."""

import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx

from tools.local_cloud.stack import Admin, LocalStack

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


def seed_admin(stack: LocalStack) -> Admin:
    """Create the admin by the operator function, with a new password each time."""
    admin = Admin(ADMIN_EMAIL, secrets.token_urlsafe(12))
    arguments = {"email": admin.email, "name": "Local admin", "password": admin.password}
    response = stack.client("lambda").invoke(
        FunctionName=stack.resources()["CreateAdmin"], Payload=json.dumps(arguments).encode()
    )
    if "FunctionError" in response:
        raise SeedFailed(f"CreateAdmin failed: {response['Payload'].read().decode()}")
    return admin


def seed_demo(stack: LocalStack) -> Admin:
    """Create the admin, 2 customers, 12 products and 3 orders; return the admin."""
    # One thread per resource type; more would start more environments of one function.
    with (
        _http(stack) as http,
        ThreadPoolExecutor() as at,
    ):
        customers = at.submit(_create_customers, http)
        admin = seed_admin(stack)
        credentials = {"email": admin.email, "password": admin.password}
        token = _post(http, "/api/sessions", credentials)["accessToken"]
        authorization = {"Authorization": f"Bearer {token}"}
        products = _create_products(http, authorization)
        ids = customers.result()
        for number, (email, items) in enumerate(ORDERS):
            lines = [{"productId": products[it], "quantity": count} for it, count in items.items()]
            key = {"Idempotency-Key": f"seed-{number}"}
            path = f"/api/users/{ids[email]}/orders"
            _post(http, path, {"items": lines}, authorization | key)
    return admin


def seeding(demo: bool) -> Callable[[LocalStack], Admin]:
    return seed_demo if demo else seed_admin


def _http(stack: LocalStack) -> httpx.Client:
    return httpx.Client(base_url=stack.url, timeout=30, trust_env=False)


def _create_customers(http: httpx.Client) -> dict[str, str]:
    make = partial(_post, http, "/api/users")
    return {
        email: make({"email": email, "name": name, "password": CUSTOMER_PASSWORD})["id"]
        for email, name in CUSTOMERS.items()
    }


def _create_products(http: httpx.Client, authorization: dict[str, str]) -> list[str]:
    created = []
    for sku, name, price in PRODUCTS:
        product = {"sku": sku, "name": name, "price": price, "currency": "EUR", "stock": 100}
        headers = authorization | {"Idempotency-Key": f"seed-{sku}"}
        created.append(_post(http, "/api/products", product, headers)["id"])
    return created


# Any: JSON of the API.
def _post(
    http: httpx.Client, path: str, body: object, headers: dict[str, str] | None = None
) -> Any:
    response = http.post(path, json=body, headers=headers)
    if response.status_code != 201:
        raise SeedFailed(f"POST {path} returned {response.status_code}: {response.text}")
    return response.json()
