"""Signing up and reading users over HTTP."""

from typing import Any

import pytest

from shop.identifiers import is_id
from tests.support.deployed_shop import Shop, error_of, gather, new_email
from tests.support.fixtures import PASSWORD


def body(**changed: Any) -> dict[str, Any]:
    return {"email": new_email(), "name": "Ada Lovelace", "password": PASSWORD} | changed


def test_sign_up_creates_an_active_customer(shop: Shop) -> None:
    payload = body()

    response = shop.anonymous.post("/api/users", json=payload)

    user = response.json()
    assert response.status_code == 201
    assert list(user) == [
        *("id", "email", "name", "status", "role", "emailVerified", "createdAt", "updatedAt")
    ]
    assert is_id(user["id"])
    assert (user["email"], user["name"]) == (payload["email"], payload["name"])
    assert (user["status"], user["role"], user["emailVerified"]) == ("active", "customer", False)
    assert user["createdAt"] == user["updatedAt"]
    assert len(user["createdAt"]) == 24 and user["createdAt"].endswith("Z")
    assert response.headers["Location"] == f"/api/users/{user['id']}"
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Cache-Control"] == "no-store"


def test_sign_up_reports_all_errors_in_one_response(shop: Shop) -> None:
    before = shop.everything()
    wrong = {"email": "nobody", "name": "", "password": "short", "admin": True}

    response = shop.anonymous.post("/api/users?page=1", json=wrong)

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert [(it["field"], it["message"]) for it in response.json()["error"]["details"]] == [
        ("body.email", "An email address must have an @-sign."),
        ("body.name", "Must be at least 1 character."),
        ("body.password", "Must be at least 8 characters."),
        ("body.admin", "Unknown field."),
        ("query.page", "Unknown query parameter."),
    ]
    assert shop.everything() == before


def test_paired_direction_marks_around_a_pasted_name_are_removed(shop: Shop) -> None:
    person = shop.sign_up(name=" \u2068Ada\u200d Lovelace\u2069 ")

    assert person.http.get("/api/users/me").json()["name"] == "Ada\u200d Lovelace"


def test_password_is_stored_as_a_bcrypt_hash_in_the_credential_only(shop: Shop) -> None:
    person = shop.sign_up()

    stored = str(shop.everything())
    (credential,) = [i for i in shop.table("CredentialsTable") if i["email"]["S"] == person.email]

    assert PASSWORD not in stored
    assert credential["password_hash"]["S"].startswith("$2b$05$")
    assert "$2b$" not in str(shop.table("UsersTable"))


def test_new_user_is_readable_by_alias_and_by_id(shop: Shop) -> None:
    person = shop.sign_up()

    by_me = person.http.get("/api/users/me")
    by_id = person.http.get(f"/api/users/{person.id}")

    assert by_me.json() == by_id.json()
    assert by_me.headers["ETag"] == by_id.headers["ETag"] == '"1"'


def test_unchanged_user_is_304(shop: Shop) -> None:
    person = shop.sign_up()

    response = person.http.get("/api/users/me", headers={"If-None-Match": '"1"'})

    assert response.status_code == 304 and response.content == b""
    assert response.headers["ETag"] == '"1"'


def test_unknown_user_is_404_for_admins_and_403_for_strangers(shop: Shop) -> None:
    nobody = "/api/users/01900000-0000-7000-8000-000000000000"

    assert error_of(shop.admin.http.get(nobody)) == (404, "NOT_FOUND")
    assert error_of(shop.sign_up().http.get(nobody)) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "nobody"}, "body.email"),
        ({"email": ""}, "body.email"),
        ({"email": None}, "body.email"),
        ({"email": 7}, "body.email"),
        ({"email": "ädä@example.com"}, "body.email"),
        ({"email": f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.example"}, "body.email"),
        ({"name": ""}, "body.name"),
        ({"name": "x" * 101}, "body.name"),
        ({"name": "a\u202eb"}, "body.name"),
        ({"name": "\u200b"}, "body.name"),
        ({"name": "\u3164\u2800\u00ad\u0301"}, "body.name"),
        ({"password": "7 chars"}, "body.password"),
        ({"password": "x" * 73}, "body.password"),
        ({"password": "é" * 37}, "body.password"),
        ({"password": "password1"}, "body.password"),
        ({"email": "me@example.com", "password": "ME@example.com"}, "body.password"),
        ({"email": "me@bücher.example", "password": "ME@bücher.example"}, "body.password"),
        ({"role": "admin"}, "body.role"),
        ({"status": "inactive"}, "body.status"),
        ({"id": "01900000-0000-7000-8000-000000000000"}, "body.id"),
        ({"emailVerified": True}, "body.emailVerified"),
        ({"__proto__": {}}, "body.__proto__"),
    ],
)
def test_invalid_fields_are_named_and_nothing_is_stored(
    shop: Shop, changed: dict[str, Any], field: str
) -> None:
    before = shop.everything()

    response = shop.anonymous.post("/api/users", json=body(**changed))

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert [detail["field"] for detail in response.json()["error"]["details"]] == [field]
    assert str(changed.get("password", PASSWORD)) not in response.text
    assert shop.everything() == before


def test_address_in_use_is_rejected_in_every_spelling(shop: Shop) -> None:
    person = shop.sign_up()
    before = shop.everything_but_attempts()

    for spelling in (person.email, person.email.upper(), f"  {person.email}\t"):
        response = shop.anonymous.post("/api/users", json=body(email=spelling))
        assert error_of(response) == (409, "EMAIL_IN_USE")
        assert person.email not in response.text

    assert shop.everything_but_attempts() == before


def test_parallel_sign_ups_with_one_address_have_one_winner_in_thirty_rounds(shop: Shop) -> None:
    for _ in range(30):
        payload = body()

        responses = gather(2, lambda _, w=payload: shop.anonymous.post("/api/users", json=w))

        assert sorted(response.status_code for response in responses) == [201, 409]
        (credential,) = [
            row for row in shop.table("CredentialsTable") if row["email"]["S"] == payload["email"]
        ]
        (winner,) = [response.json()["id"] for response in responses if response.status_code == 201]
        assert credential["user_id"]["S"] == winner


def test_sixteen_parallel_sign_ups_with_one_address_create_one_user(shop: Shop) -> None:
    email = new_email()

    def sign_up(number: int) -> int:
        spelling = "".join(c.upper() if number >> i % 4 & 1 else c for i, c in enumerate(email))
        return shop.anonymous.post("/api/users", json=body(email=spelling)).status_code

    statuses = gather(16, sign_up)

    assert sorted(statuses) == [201, *[409] * 15]
    users = [user for user in shop.table("UsersTable") if user.get("email") == {"S": email}]
    credentials = [c for c in shop.table("CredentialsTable") if c["email"]["S"] == email]
    gates = [s for s in shop.table("SessionsTable") if s["user_id"]["S"] == users[0]["id"]["S"]]
    assert (len(users), len(credentials), len(gates)) == (1, 1, 1)
