"""Clients of the authorization server, and a user."""

import pytest

from tests.support.deployed_shop import DeployedShop, Person
from tests.support.oauth_browser import SCOPE, RegisteredClient


@pytest.fixture(scope="module")
def server(shop: DeployedShop) -> RegisteredClient:
    """A confidential client with all grants."""
    client = shop.oauth_client(scopes=[*SCOPE.split(), "admin:orders:read"])
    return RegisteredClient(client["id"], client["redirectUris"][0], client["secret"])


@pytest.fixture(scope="module")
def phone(shop: DeployedShop) -> RegisteredClient:
    """A public client, which may listen on any port (RFC 8252, 7.3)."""
    client = shop.oauth_client(
        type="public",
        redirectUris=["http://127.0.0.1/callback"],
        grantTypes=["authorization_code", "refresh_token"],
        scopes=SCOPE.split(),
    )
    return RegisteredClient(client["id"], "http://127.0.0.1:51004/callback")


@pytest.fixture
def client(method: str, phone: RegisteredClient, server: RegisteredClient) -> RegisteredClient:
    """The client that authenticates by the parameter `method` of a test."""
    return phone if method == "none" else server


@pytest.fixture(scope="module")
def person(shop: DeployedShop) -> Person:
    return shop.sign_up()
