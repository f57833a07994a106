"""Refresh tokens are single-use, and sessions are listed and ended, over HTTP."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from shop.clock import now, to_text
from tests.support.deployed_shop import Person, Shop, error_of, gather
from tests.support.fixtures import PASSWORD

type Grant = dict[str, Any]


def refresh(shop: Shop, token: str, device: str = "a browser") -> httpx2.Response:
    headers = {"User-Agent": device}
    return shop.anonymous.post("/api/access-tokens", json={"refreshToken": token}, headers=headers)


def log_in(shop: Shop, person: Person, device: str = "a browser") -> Grant:
    body = {"email": person.email, "password": PASSWORD}
    response = shop.anonymous.post("/api/sessions", json=body, headers={"User-Agent": device})
    assert response.status_code == 201, response.text
    grant: Grant = response.json()
    return grant


def row(person: Person, grant: Grant) -> dict[str, str]:
    return {"user_id": person.id, "id": grant["session"]["id"]}


def ago(seconds: int) -> str:
    return to_text(now() - timedelta(seconds=seconds))


def is_accepted(shop: Shop, grant: Grant) -> bool:
    """Return whether its access token is accepted; the gateway caches the first result."""
    status = shop.client(grant["accessToken"]).get("/api/users/me").status_code
    assert status in (200, 401)
    return status == 200


def assert_rejected(shop: Shop, token: str) -> None:
    """Assert a rejection that changes nothing."""
    before = shop.everything()

    response = refresh(shop, token)

    assert error_of(response) == (401, "UNAUTHORIZED")
    assert shop.everything() == before


def test_refresh_returns_new_tokens_of_the_same_session(shop: Shop) -> None:
    person = shop.sign_up()
    first = log_in(shop, person)

    response = refresh(shop, first["refreshToken"], device="another browser")

    second = response.json()
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    assert list(second) == list(first)
    assert second["refreshToken"] != first["refreshToken"]
    assert second["session"] == first["session"] | {
        "lastUsedAt": second["session"]["lastUsedAt"],
        "expiresAt": second["session"]["expiresAt"],
        "userAgent": "another browser",
    }
    assert second["session"]["lastUsedAt"] > first["session"]["lastUsedAt"]
    assert second["session"]["expiresAt"] > first["session"]["expiresAt"]
    assert is_accepted(shop, first) and is_accepted(shop, second)


def test_parallel_refreshes_never_fork_a_session(shop: Shop) -> None:
    token = log_in(shop, shop.sign_up())["refreshToken"]

    for _ in range(30):
        responses = gather(8, lambda _, spent=token: refresh(shop, spent))

        assert [response.status_code for response in responses] == [201] * 8
        (successor,) = {response.json()["refreshToken"] for response in responses}
        assert successor != token
        token = successor
    assert is_accepted(shop, refresh(shop, token).json())


def test_spent_token_returns_the_same_successor_within_the_grace_and_writes_nothing(
    shop: Shop,
) -> None:
    person = shop.sign_up()
    first = log_in(shop, person)
    second = refresh(shop, first["refreshToken"]).json()
    shop.change("SessionsTable", row(person, first), rotated_at=ago(20))
    before = shop.everything()

    again = refresh(shop, first["refreshToken"], device="another browser")

    assert again.status_code == 201
    assert again.json()["refreshToken"] == second["refreshToken"]
    assert again.json()["session"] == second["session"]
    assert shop.everything() == before
    assert is_accepted(shop, again.json())


def test_spent_token_ends_its_session_after_the_grace(shop: Shop) -> None:
    person = shop.sign_up()
    other = log_in(shop, person)
    first = log_in(shop, person)
    second = refresh(shop, first["refreshToken"]).json()
    shop.change("SessionsTable", row(person, first), rotated_at=ago(31))

    assert error_of(refresh(shop, first["refreshToken"])) == (401, "UNAUTHORIZED")

    assert not is_accepted(shop, second)
    assert_rejected(shop, second["refreshToken"])
    assert is_accepted(shop, refresh(shop, other["refreshToken"]).json())


def test_token_two_rotations_old_ends_its_session_immediately(shop: Shop) -> None:
    first = log_in(shop, shop.sign_up())
    second = refresh(shop, first["refreshToken"]).json()
    third = refresh(shop, second["refreshToken"]).json()

    assert error_of(refresh(shop, first["refreshToken"])) == (401, "UNAUTHORIZED")

    assert not is_accepted(shop, third)
    assert_rejected(shop, third["refreshToken"])


def log_out(shop: Shop, person: Person, grant: Grant) -> None:
    ended = shop.client(grant["accessToken"]).delete("/api/sessions/current")
    assert ended.status_code == 204


def log_out_everywhere(shop: Shop, person: Person, grant: Grant) -> None:
    assert person.http.delete("/api/sessions").status_code == 204


def deactivate(shop: Shop, person: Person, grant: Grant) -> None:
    shop.deactivate(person)


def change_the_password_elsewhere(shop: Shop, person: Person, grant: Grant) -> None:
    payload = {"currentPassword": PASSWORD, "newPassword": "another horse, another battery"}
    changed = person.http.put("/api/users/me/password", json=payload)
    assert changed.status_code == 204, changed.text


def delete_the_account(shop: Shop, person: Person, grant: Grant) -> None:
    assert person.http.delete("/api/users/me").status_code == 204


def delete_account_state(shop: Shop, person: Person, grant: Grant) -> None:
    resources = shop.stack.resources()
    key = {"user_id": {"S": person.id}, "id": {"S": "gate"}}
    shop.stack.client("dynamodb").delete_item(TableName=resources["SessionsTable"], Key=key)


def be_idle(shop: Shop, person: Person, grant: Grant) -> None:
    shop.change("SessionsTable", row(person, grant), idle_expires_at=ago(1))


def grow_old(shop: Shop, person: Person, grant: Grant) -> None:
    shop.change("SessionsTable", row(person, grant), absolute_expires_at=ago(1))


@pytest.mark.parametrize(
    "end",
    [
        *(log_out, log_out_everywhere, deactivate, change_the_password_elsewhere),
        *(delete_the_account, delete_account_state, be_idle, grow_old),
    ],
)
def test_refresh_fails_after_the_session_has_ended(
    shop: Shop, end: Callable[[Shop, Person, Grant], None]
) -> None:
    person = shop.sign_up()
    first = log_in(shop, person)
    second = refresh(shop, first["refreshToken"]).json()

    end(shop, person, first)

    assert_rejected(shop, second["refreshToken"])
    assert_rejected(shop, first["refreshToken"])
    assert not is_accepted(shop, second)


def test_session_survives_its_own_password_change(shop: Shop) -> None:
    person = shop.sign_up()

    change_the_password_elsewhere(shop, person, person.grant)

    assert is_accepted(shop, refresh(shop, person.grant["refreshToken"]).json())


def test_refresh_racing_a_logout_restores_no_session(shop: Shop) -> None:
    person = shop.sign_up()
    for _ in range(5):
        grant = log_in(shop, person)
        path = f"/api/sessions/{grant['session']['id']}"

        def work(turn: int, grant: Grant = grant, path: str = path) -> httpx2.Response:
            if turn == 3:
                return person.http.delete(path)
            return refresh(shop, grant["refreshToken"])

        *responses, last = gather(6, work)

        # A write that conflicts with the logout's transaction is 503, with no partial effect.
        assert responses.pop(3).status_code == 204
        assert {response.status_code for response in [*responses, last]} <= {201, 401, 503}
        assert listed(person.http) == [person.grant["session"]["id"]]
        for response in [*responses, last]:
            if response.status_code == 201:
                assert_rejected(shop, response.json()["refreshToken"])


def test_refresh_racing_a_deactivation_leaves_no_live_token(shop: Shop) -> None:
    for _ in range(5):
        person = shop.sign_up()
        grant = log_in(shop, person)

        def work(turn: int, person: Person = person, grant: Grant = grant) -> httpx2.Response:
            if turn == 2:
                return shop.admin.http.patch(f"/api/users/{person.id}", json={"status": "inactive"})
            return refresh(shop, grant["refreshToken"])

        responses = gather(5, work)

        assert responses.pop(2).status_code == 200
        assert {response.status_code for response in responses} <= {201, 401, 503}
        assert_rejected(shop, grant["refreshToken"])
        for response in responses:
            if response.status_code == 201:
                assert_rejected(shop, response.json()["refreshToken"])
                assert not is_accepted(shop, response.json())
                break  # the others got the same successor, with the same cached authorizer result


def test_malformed_refresh_token_is_rejected(shop: Shop) -> None:
    token = shop.admin.grant["refreshToken"]
    raw = urlsafe_b64decode(token + "=")

    def spelled(changed: bytes) -> str:
        return urlsafe_b64encode(changed).rstrip(b"=").decode()

    other_spelling = token[:-1] + chr(ord(token[-1]) + 1)  # the last bits are not decoded
    assert urlsafe_b64decode(other_spelling + "=") == raw
    for wrong in (
        *("", "x", "é" * 107, "x" * 107, "=" * 107, "x" * 100_000),
        *(token[:-1], token[1:], token + "=", token + "A", f" {token}", f"{token}\n"),
        other_spelling,
        spelled(raw[:32] + bytes(48)),  # computable from the ids of user and session
        spelled(bytes(32) + raw[32:]),
        spelled(raw + b"\0"),
        shop.admin.grant["accessToken"],
    ):
        assert_rejected(shop, wrong)


def test_misplaced_refresh_token_is_422_and_not_repeated(shop: Shop) -> None:
    token = shop.admin.grant["refreshToken"]

    for body in ({}, {"refreshToken": None}, {"refreshToken": [token]}, {"refresh_token": token}):
        response = shop.anonymous.post("/api/access-tokens", json=body)
        assert error_of(response) == (422, "VALIDATION_ERROR")
        assert token not in response.text


def test_list_has_live_sessions_newest_first_and_marks_the_current(shop: Shop) -> None:
    person = shop.sign_up()
    idle, tablet, browser = (log_in(shop, person, device) for device in ("idle", "tablet", "b"))
    shop.change("SessionsTable", row(person, idle), idle_expires_at=ago(1))
    refreshed = refresh(shop, tablet["refreshToken"], "a tablet").json()

    response = shop.client(refreshed["accessToken"]).get("/api/sessions")

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers["Link"]) == [
        ("/api/sessions", "first")  # each link would have to work as sent
    ]
    assert response.json() == {
        "data": [
            browser["session"] | {"current": False},
            refreshed["session"],
            person.grant["session"] | {"current": False},
        ],
        "meta": {"page": 1, "limit": 50, "total": 3, "totalPages": 1, "nextCursor": None},
    }
    session = refreshed["session"]
    assert list(session) == [
        *("id", "createdAt", "lastUsedAt", "expiresAt", "userAgent", "ipAddress", "current")
    ]
    assert session["userAgent"] == "a tablet" and shop.is_address(session["ipAddress"])
    assert session["current"] is True
    assert error_of(person.http.get("/api/sessions?limit=1")) == (422, "VALIDATION_ERROR")


def listed(client: httpx2.Client) -> list[str]:
    return [session["id"] for session in client.get("/api/sessions").json()["data"]]


def test_session_is_ended_by_id_once(shop: Shop) -> None:
    person = shop.sign_up()
    other = log_in(shop, person)
    path = f"/api/sessions/{other['session']['id']}"

    ended, again = person.http.delete(path), person.http.delete(path)

    assert (ended.status_code, ended.content) == (204, b"")
    assert error_of(again) == (404, "NOT_FOUND")
    assert listed(person.http) == [person.grant["session"]["id"]]
    assert not is_accepted(shop, other)


def test_current_session_is_ended_by_its_alias(shop: Shop) -> None:
    person = shop.sign_up()
    here = log_in(shop, person)

    assert shop.client(here["accessToken"]).delete("/api/sessions/current").status_code == 204

    assert listed(person.http) == [person.grant["session"]["id"]]


def test_sessions_of_other_users_cannot_be_ended(shop: Shop) -> None:
    person = shop.sign_up()
    anothers = log_in(shop, shop.sign_up())["session"]["id"]
    before = shop.everything()

    for wrong in (anothers, anothers.upper(), person.id, "gate", "me", "x"):
        response = person.http.delete(f"/api/sessions/{wrong}")
        assert error_of(response) == (404, "NOT_FOUND")

    assert shop.everything() == before


def test_logout_everywhere_ends_every_session_in_one_write(shop: Shop) -> None:
    person = shop.sign_up()
    others = [log_in(shop, person) for _ in range(2)]
    before = shop.table("SessionsTable")

    assert person.http.delete("/api/sessions").status_code == 204

    changed = [item for item in shop.table("SessionsTable") if item not in before]
    assert [item["id"]["S"] for item in changed] == ["gate"]
    assert len(shop.table("SessionsTable")) == len(before)
    assert not any(is_accepted(shop, grant) for grant in others)
    anew = shop.log_in(person.email)
    assert listed(anew.http) == [anew.grant["session"]["id"]]


def test_oldest_session_ends_beyond_fifty(shop: Shop) -> None:
    person = shop.sign_up()
    for _ in range(49):
        newest = log_in(shop, person)
    assert len(listed(shop.client(newest["accessToken"]))) == 50

    newest = log_in(shop, person)

    left = listed(shop.client(newest["accessToken"]))
    assert len(left) == 50 and left[0] == newest["session"]["id"]
    assert person.grant["session"]["id"] not in left
    assert_rejected(shop, person.grant["refreshToken"])
