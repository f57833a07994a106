"""The sender of a route's request to a deployed stack, for the bodies in tests/routes.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shop.caller import Role
from tests.routes import Passkeys, expected_of
from tests.support.fixtures import PASSWORD


@dataclass(frozen=True)
class Account:
    """An account of a deployed stack, and the products and the client that its requests name."""

    email: str
    refresh_token: str
    product_ids: Sequence[str]
    client_id: str
    client_secret: str
    passkeys: Passkeys
    password: str = PASSWORD
    role: str = Role.CUSTOMER.value
    app_code: str = "000000"


def sent_by(route: str, account: Account) -> dict[str, Any]:
    """Return body, form and query of a valid request, as arguments of HTTPX."""
    expected = expected_of(route)
    parts = {"json": expected.body, "data": expected.form, "params": expected.query}
    return {name: make(account) for name, make in parts.items() if make is not None}
