"""Passkeys on a deployed stack, through the API."""

from typing import Any  # JSON

from tests.support.deployed_shop import DeployedShop, Person
from tests.support.software_authenticator import SoftwareAuthenticator

type Json = dict[str, Any]


def new_challenge(shop: DeployedShop) -> str:
    response = shop.anonymous.post("/api/passkey-challenges", json={})
    assert response.status_code == 201, response.text
    challenge: str = response.json()["challenge"]
    return challenge


def add_passkey(
    shop: DeployedShop, person: Person, device: SoftwareAuthenticator | None = None
) -> SoftwareAuthenticator:
    """Register a passkey of a person who has just logged in."""
    device = device or SoftwareAuthenticator()
    response = person.http.post("/api/passkeys", json=device.register(new_challenge(shop)))
    assert response.status_code == 201, response.text
    return device


class DeployedPasskeys:
    """Bodies of valid requests, each for a challenge of its own."""

    def __init__(self, shop: DeployedShop) -> None:
        self._shop = shop

    def registration(self) -> Json:
        return SoftwareAuthenticator().register(new_challenge(self._shop))

    def login(self) -> Json:
        """Return the login of a new person."""
        person = self._shop.sign_up()
        device = add_passkey(self._shop, person)
        return device.log_in(new_challenge(self._shop), person.id)
