"""Password guesses by the holder of a token are limited, over HTTP."""

from typing import Any

import pytest

from tests.support.deployed_shop import Person, Shop, error_of, new_email
from tests.support.fixtures import PASSWORD
from tests.support.log_groups import Logs

OTHER_PASSWORD = "wrong donkey charger paperclip"
WRONG = (401, "INVALID_CREDENTIALS")
REJECTED = (429, "TOO_MANY_REQUESTS")


def change(person: Person, way: str, password: str) -> Any:
    if way == "password":
        body = {"currentPassword": password, "newPassword": OTHER_PASSWORD}
        return person.http.put("/api/users/me/password", json=body)
    profile = {"email": new_email(), "currentPassword": password}
    if way == "PATCH":
        return person.http.patch("/api/users/me", json=profile)
    known = {"name": "Ada Lovelace", "status": "active", "role": "customer"}
    return person.http.put("/api/users/me", json=known | profile)


@pytest.mark.parametrize("way", ["password", "PATCH", "PUT"])
def test_eleventh_password_guess_is_rejected_even_with_the_right_password(
    shop: Shop, way: str
) -> None:
    person = shop.sign_up()

    errors = [error_of(change(person, way, "wrong horse")) for _ in range(10)]
    rejected = change(person, way, PASSWORD)

    assert errors == [WRONG] * 10
    assert error_of(rejected) == REJECTED
    assert 0 < int(rejected.headers["Retry-After"]) <= 900
    credentials = {"email": person.email, "password": PASSWORD}
    assert error_of(shop.anonymous.post("/api/sessions", json=credentials)) == REJECTED


@pytest.mark.parametrize("way", ["password", "PATCH", "PUT"])
@pytest.mark.parametrize("stored", ["malformed", "$2b$10$" + "." * 52], ids=["plain", "truncated"])
def test_malformed_stored_hash_is_401_and_triggers_the_alarm(
    shop: Shop, way: str, stored: str
) -> None:
    person = shop.sign_up()
    shop.change("CredentialsTable", {"email": person.email}, password_hash=stored)
    logs, before = Logs(shop), shop.everything_but_attempts()

    response = change(person, way, PASSWORD)

    assert error_of(response) == WRONG
    (line,) = logs.lines("user_id", message="malformed password hash")
    assert line["user_id"] == person.id
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert shop.everything_but_attempts() == before


def test_right_password_returns_its_attempt_and_that_of_the_network(shop: Shop) -> None:
    person = shop.sign_up()
    credentials = {"email": person.email, "password": OTHER_PASSWORD}

    for _ in range(9):
        assert error_of(change(person, "password", "wrong horse")) == WRONG
    assert change(person, "password", PASSWORD).status_code == 204
    for _ in range(9):
        assert error_of(change(person, "PATCH", "wrong horse")) == WRONG

    assert shop.anonymous.post("/api/sessions", json=credentials).status_code == 201
