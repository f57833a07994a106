"""The scopes of access tokens for third-party applications.

An endpoint names the scopes that it accepts; without any it is closed to applications.
"""

from collections.abc import Mapping

# The words in which the consent page asks the user
SCOPES: Mapping[str, str] = {
    "openid": "Know who you are",
    "profile": "See your name",
    "email": "See your email address",
    "account:read": "See your account: name, email address and status",
    "orders:read": "See your orders",
    "orders:write": "Place and change orders for you",
    "admin:users:read": "See all users, with your rights as an admin",
    "admin:orders:read": "See all orders, with your rights as an admin",
    "admin:orders:write": "Place and change orders of all users, with your rights as an admin",
    "admin:products:write": "Change the catalogue, with your rights as an admin",
    "admin:webhooks:read": "See webhook endpoints and deliveries, with your rights as an admin",
    "admin:webhooks:write": "Change webhook endpoints and secrets, with your rights as an admin",
    "admin:tokens:introspect": "Inspect the tokens of all applications",
}


def is_for_admins(scope: str) -> bool:
    """Return whether the scope acts with the rights of an admin."""
    return scope.startswith("admin:")
