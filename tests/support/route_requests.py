"""The sender of a route's request to a deployed stack, for the bodies in tests/routes.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from shop.caller import Role
from tests.routes import expected_of
from tests.support.fixtures import PASSWORD


@dataclass(frozen=True)
class Account:
    """An account of a deployed stack, and the products that its requests name."""

    email: str
    refresh_token: str
    product_ids: Sequence[str]
    password: str = PASSWORD
    role: str = Role.CUSTOMER.value


def body_of(route: str, account: Account) -> object:
    """Return the body of a valid request, or None for a request without a body."""
    make_body = expected_of(route).body
    return None if make_body is None else make_body(account)
