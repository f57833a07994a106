"""Rate limits of password hashing per network, over HTTP."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.deployed_shop import TLS, Shop, error_of, gather, new_email
from tests.support.fixtures import PASSWORD
from tests.support.sent_emails import WELCOME, Mail

REJECTED = (429, "TOO_MANY_REQUESTS")
LIMIT = 3  # the local stack's own limit is practically infinite


@pytest.fixture
def limited(shop: Shop) -> Iterator[None]:
    shop.set_environment("CreateUser", HASHING_PER_NETWORK=str(LIMIT))
    yield
    shop.set_environment("CreateUser", HASHING_PER_NETWORK="1000000")


def sign_up(shop: Shop, address: str, **changed: Any) -> httpx2.Response:
    """Use another local address, whose network no other test uses."""
    body = {"email": new_email(), "name": "Ada", "password": PASSWORD} | changed
    transport = httpx2.HTTPTransport(local_address=address, verify=TLS)
    with httpx2.Client(base_url=shop.url, timeout=30, transport=transport) as client:
        return client.post("/api/users", json=body)


@pytest.mark.usefixtures("limited")
def test_sign_ups_of_one_network_are_limited_and_a_rejected_one_stores_nothing(shop: Shop) -> None:
    # A body rejected before its password is hashed does not count.
    assert sign_up(shop, "127.7.1.1", password="short").status_code == 422
    taken = new_email()
    assert sign_up(shop, "127.7.1.1", email=taken).status_code == 201
    assert error_of(sign_up(shop, "127.7.1.2", email=taken)) == (409, "EMAIL_IN_USE")
    assert sign_up(shop, "127.7.1.3").status_code == 201
    before, mail, email = shop.everything(), Mail(shop), new_email()

    rejected = sign_up(shop, "127.7.1.254", email=email)

    assert error_of(rejected) == REJECTED
    assert 800 < int(rejected.headers["Retry-After"]) <= 900
    assert rejected.headers["Cache-Control"] == "no-store"
    assert shop.everything() == before
    mail.wait_until_idle()
    assert mail.to(email, WELCOME, count=0) == []
    # Another network is not limited, nor is the same user from there.
    assert sign_up(shop, "127.7.2.1", email=email).status_code == 201


@pytest.mark.usefixtures("limited")
def test_parallel_sign_ups_of_one_network_are_limited(shop: Shop) -> None:

    responses = gather(8, lambda _: sign_up(shop, "127.7.3.1"))

    assert Counter(response.status_code for response in responses) == {201: LIMIT, 429: 8 - LIMIT}


def test_repeated_password_changes_are_limited_with_the_right_password(shop: Shop) -> None:
    person = shop.sign_up()
    passwords = [f"a walk by river number {n}" for n in range(11)]
    current = PASSWORD

    for new in passwords[:10]:
        body = {"currentPassword": current, "newPassword": new}
        assert person.http.put("/api/users/me/password", json=body).status_code == 204
        current = new
    before = shop.everything()
    body = {"currentPassword": current, "newPassword": passwords[10]}
    rejected = person.http.put("/api/users/me/password", json=body)

    assert error_of(rejected) == REJECTED
    assert 0 < int(rejected.headers["Retry-After"]) <= 900
    assert shop.everything() == before
    credentials = {"email": person.email, "password": current}
    assert shop.anonymous.post("/api/sessions", json=credentials).status_code == 201
