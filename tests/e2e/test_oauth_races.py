"""Concurrent requests of OAuth: each round ends in the promised state."""

import pytest

from tests.e2e.test_oauth import PHONE, Json, exchange, refresh, tokens_of
from tests.support.deployed_shop import Person, Shop, gather

ROUNDS = range(30)


@pytest.fixture(scope="module")
def phone(shop: Shop) -> Json:
    return shop.oauth_client(**PHONE)


@pytest.fixture(scope="module")
def person(shop: Shop) -> Person:
    return shop.sign_up()


def test_code_exchanged_ten_times_at_once_gives_tokens_once_and_ends_them(
    shop: Shop, phone: Json, person: Person
) -> None:
    for _ in ROUNDS:
        code = person.authorize(phone)["code"]

        responses = gather(10, lambda _, code=code: exchange(shop, phone, code))

        (winner,) = [it for it in responses if it.status_code == 200]
        losers = [it for it in responses if it is not winner]
        assert [it.json()["error"] for it in losers] == ["invalid_grant"] * 9
        tokens = winner.json()
        assert refresh(shop, phone, tokens["refresh_token"]).status_code == 400
        assert shop.client(tokens["access_token"]).get("/api/users/me/orders").status_code == 401


def test_refresh_token_used_twelve_times_at_once_has_one_successor(
    shop: Shop, phone: Json, person: Person
) -> None:
    token = tokens_of(shop, phone, person)["refresh_token"]
    for _ in ROUNDS:
        responses = gather(12, lambda _, token=token: refresh(shop, phone, token))

        assert [it.status_code for it in responses] == [200] * 12
        (token,) = {it.json()["refresh_token"] for it in responses}


def test_deleted_grant_survives_in_no_refresh_and_no_exchange(
    shop: Shop, phone: Json, person: Person
) -> None:
    for _ in ROUNDS:
        tokens = tokens_of(shop, phone, person)
        codes = [person.authorize(phone)["code"] for _ in range(2)]

        def work(number: int, tokens: Json = tokens, codes: list[str] = codes) -> list[str]:
            if number == 0:
                assert person.http.delete(f"/api/grants/{phone['id']}").status_code == 204
                return []
            if number <= 2:
                response = exchange(shop, phone, codes[number - 1])
            else:
                response = refresh(shop, phone, tokens["refresh_token"])
            return [response.json()["refresh_token"]] if response.status_code == 200 else []

        given = {token for tokens in gather(8, work) for token in tokens}

        for token in {tokens["refresh_token"], *given}:
            assert refresh(shop, phone, token).status_code == 400
        assert person.http.get("/api/grants").json()["data"] == []


def test_three_consents_at_once_become_one_grant_with_all_scopes(shop: Shop, phone: Json) -> None:
    scopes = ("openid", "orders:read", "account:read")
    for _ in ROUNDS:
        person = shop.sign_up()

        gather(3, lambda number, person=person: person.authorize(phone, scope=scopes[number]))

        (grant,) = person.http.get("/api/grants").json()["data"]
        assert set(grant["scopes"]) == set(scopes)
