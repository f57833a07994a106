"""Login and the access of its tokens, over HTTP."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import bcrypt
import httpx2
import jwt
import pytest

from shop.identifiers import is_id
from tests.support.deployed_shop import Person, Shop, error_of, new_email
from tests.support.fixtures import PASSWORD


def log_in(shop: Shop, email: str, password: str = PASSWORD) -> httpx2.Response:
    headers = {"User-Agent": "a browser"}
    body = {"email": email, "password": password}
    return shop.anonymous.post("/api/sessions", json=body, headers=headers)


def me(shop: Shop, token: str) -> httpx2.Response:
    return shop.anonymous.get("/api/users/me", headers={"Authorization": f"Bearer {token}"})


def decoded(part: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return value


def encoded(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_login_returns_two_tokens_and_a_session(shop: Shop) -> None:
    person = shop.sign_up()

    response = log_in(shop, f" {person.email.upper()} ")

    grant = response.json()
    session = grant["session"]
    assert response.status_code == 201
    assert list(grant) == ["accessToken", "tokenType", "expiresIn", "refreshToken", "session"]
    assert (grant["tokenType"], grant["expiresIn"]) == ("Bearer", 900)
    assert is_id(session["id"]) and session["current"] is True
    assert session["userAgent"] == "a browser" and shop.is_address(session["ipAddress"])
    assert session["createdAt"] == session["lastUsedAt"] < session["expiresAt"]
    assert response.headers["Cache-Control"] == "no-store"
    assert "Location" not in response.headers


COMPOSED, DECOMPOSED = "caf\u00e9 am See", "cafe\u0301 am See"


@pytest.mark.parametrize(
    ("signed_up", "typed"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)], ids=["nfc", "nfd"]
)
def test_password_logs_in_in_either_unicode_form(shop: Shop, signed_up: str, typed: str) -> None:
    email = new_email()
    body = {"email": email, "name": "Ada", "password": signed_up}
    assert shop.anonymous.post("/api/users", json=body).status_code == 201

    token = log_in(shop, email, typed).json()["accessToken"]

    change = {"currentPassword": typed, "newPassword": "another password"}
    headers = {"Authorization": f"Bearer {token}"}
    changed = shop.anonymous.put("/api/users/me/password", json=change, headers=headers)
    assert changed.status_code == 204
    assert log_in(shop, email, typed).status_code == 401


def test_old_hash_of_the_decomposed_form_still_logs_in(shop: Shop) -> None:
    ada = shop.sign_up()
    old = bcrypt.hashpw(DECOMPOSED.encode(), bcrypt.gensalt(4)).decode()
    shop.change("CredentialsTable", {"email": ada.email}, password_hash=old)

    assert log_in(shop, ada.email, DECOMPOSED).status_code == 201
    # The login upgrades its cost, and the new hash is of the composed form.
    assert log_in(shop, ada.email, COMPOSED).status_code == 201


def test_access_token_is_an_rfc_9068_jwt_that_the_jwks_verifies(shop: Shop) -> None:
    person = shop.sign_up()
    token = person.grant["accessToken"]

    jwks = jwt.PyJWKSet.from_dict(shop.anonymous.get("/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(
        token, jwks[header["kid"]], algorithms=["ES256"], audience="shop-api", issuer=shop.issuer()
    )

    assert header.keys() == {"alg", "kid", "typ"} and header["typ"] == "at+jwt"
    assert claims["sub"] == person.id and claims["sid"] == person.grant["session"]["id"]
    assert claims["exp"] - claims["iat"] == 900
    assert (claims["client_id"], claims["role"], claims["scope"]) == ("shop", "customer", "shop")
    assert is_id(claims["jti"])


def test_jwks_has_three_cacheable_public_keys(shop: Shop) -> None:
    response = shop.anonymous.get("/.well-known/jwks.json")

    keys = response.json()["keys"]
    assert len({key["kid"] for key in keys}) == 3
    assert all(key.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"} for key in keys)
    assert response.headers["Cache-Control"] == "public, max-age=300"


def test_tokens_are_stored_as_digests_only(shop: Shop) -> None:
    person = shop.sign_up()

    stored = str(shop.everything())

    refresh_token = person.grant["refreshToken"]
    assert refresh_token not in stored and person.grant["accessToken"] not in stored
    assert urlsafe_b64decode(refresh_token + "==")[-32:] not in [
        value.get("B") for item in shop.table("SessionsTable") for value in item.values()
    ]


def test_wrong_password_and_unknown_address_are_indistinguishable(shop: Shop) -> None:
    person = shop.sign_up()
    before = shop.everything_but_attempts()

    responses = [
        log_in(shop, person.email, "wrong horse"),
        log_in(shop, new_email()),
        log_in(shop, person.email, "x" * 73),
        log_in(shop, person.email, ""),
        log_in(shop, person.email, "x" * 5000),
        log_in(shop, ""),
        log_in(shop, "x" * 5000),
        log_in(shop, person.email, "nul\0nul"),
        log_in(shop, "not an address"),
    ]

    errors = set()
    for response in responses:
        assert error_of(response) == (401, "INVALID_CREDENTIALS")
        varying = {"X-Request-Id", "x-amzn-requestid", "date", "content-length"}
        headers = {
            n: v for n, v in response.headers.items() if n.lower() not in map(str.lower, varying)
        }
        errors.add((response.json()["error"]["message"], str(sorted(headers.items()))))
    assert len(errors) == 1
    assert shop.everything_but_attempts() == before


def test_inactive_account_is_reported_only_with_the_right_password(shop: Shop) -> None:
    person = shop.sign_up()
    shop.deactivate(person)
    before = shop.everything_but_attempts()

    assert error_of(log_in(shop, person.email)) == (403, "ACCOUNT_INACTIVE")
    assert error_of(log_in(shop, person.email, "wrong horse")) == (401, "INVALID_CREDENTIALS")
    assert shop.everything_but_attempts() == before


def forged(person: Person, header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = person.grant["accessToken"].split(".")
    return ".".join(
        [encoded(decoded(parts[0]) | header), encoded(decoded(parts[1]) | claims), parts[2]]
    )


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({}, {"role": "admin"}),
        ({}, {"exp": 9999999999}),
        ({"alg": "none"}, {}),
        ({"alg": "HS256"}, {}),
        ({"kid": "unknown"}, {}),
        ({"jku": "https://evil.example"}, {}),
    ],
)
def test_forged_token_is_rejected(
    shop: Shop, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    person = shop.sign_up()

    response = me(shop, forged(person, header, claims))

    assert error_of(response) == (401, "UNAUTHORIZED")


def test_refresh_token_is_rejected_as_access_token(shop: Shop) -> None:
    assert error_of(me(shop, shop.admin.grant["refreshToken"])) == (401, "UNAUTHORIZED")


def test_ended_session_is_rejected(shop: Shop) -> None:
    person = shop.sign_up()
    grant = log_in(shop, person.email).json()
    key = {"user_id": person.id, "id": grant["session"]["id"]}
    shop.change("SessionsTable", key, idle_expires_at="2026-01-01T00:00:00.000Z")

    assert error_of(me(shop, grant["accessToken"])) == (401, "UNAUTHORIZED")


def test_deactivated_user_is_rejected(shop: Shop) -> None:
    person = shop.sign_up()
    fresh = log_in(shop, person.email).json()["accessToken"]
    shop.deactivate(person)

    assert error_of(me(shop, fresh)) == (401, "UNAUTHORIZED")


def test_role_comes_from_the_account_state_and_not_from_the_token(shop: Shop) -> None:
    person = shop.sign_up()
    fresh = log_in(shop, person.email).json()["accessToken"]
    shop.change("SessionsTable", {"user_id": person.id, "id": "gate"}, role="admin")

    response = shop.client(fresh).get(f"/api/users/{shop.admin.id}")

    assert response.status_code == 200
