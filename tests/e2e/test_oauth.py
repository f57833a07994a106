"""OAuth for third-party applications over HTTP: all flows, and what their tokens may do."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import jwt
import pytest

from tests.support.deployed_shop import CODE_VERIFIER, Person, Shop, error_of
from tests.support.fixtures import PASSWORD

type Json = dict[str, Any]

PHONE: Json = {
    "type": "public",
    "redirectUris": ["http://127.0.0.1/callback"],
    "grantTypes": ["authorization_code", "refresh_token"],
    "scopes": ["openid", "profile", "email", "account:read", "orders:read", "orders:write"],
}


@pytest.fixture(scope="module")
def server(shop: Shop) -> Json:
    """A confidential client."""
    return shop.oauth_client()


@pytest.fixture(scope="module")
def phone(shop: Shop) -> Json:
    """A public client."""
    return shop.oauth_client(**PHONE)


@pytest.fixture
def person(shop: Shop) -> Person:
    return shop.sign_up()


def post(shop: Shop, path: str, client: Json, **form: str) -> httpx2.Response:
    """Send a form by the client: by Basic with its secret, else by its id."""
    if "secret" in client:
        return shop.anonymous.post(path, data=form, auth=(client["id"], client["secret"]))
    return shop.anonymous.post(path, data=form | {"client_id": client["id"]})


def exchange(shop: Shop, client: Json, code: str, /, **changes: str) -> httpx2.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client["redirectUris"][0],
        "code_verifier": CODE_VERIFIER,
    }
    return post(shop, "/oauth/token", client, **form | changes)


def tokens_of(shop: Shop, client: Json, person: Person, **request: Any) -> Json:
    response = exchange(shop, client, person.authorize(client, **request)["code"])
    assert response.status_code == 200, response.text
    tokens: Json = response.json()
    return tokens


def refresh(shop: Shop, client: Json, token: str, **more: str) -> httpx2.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return post(shop, "/oauth/token", client, **form | more)


def oauth_error(response: httpx2.Response) -> tuple[int, str]:
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, response.json()["error"]


def test_server_signs_a_user_in(shop: Shop, server: Json, person: Person) -> None:
    sent = person.authorize(server, scope="openid profile email", state="x y", nonce="n")
    assert (sent["state"], sent["iss"]) == ("x y", shop.url_of_issuer)

    tokens = exchange(shop, server, sent["code"]).json()

    keys = jwt.PyJWKSet.from_dict(shop.anonymous.get("/.well-known/jwks.json").json())
    key = keys[jwt.get_unverified_header(tokens["id_token"])["kid"]]
    claims = jwt.decode(
        tokens["id_token"], key, ["ES256"], audience=server["id"], issuer=shop.url_of_issuer
    )
    assert (claims["sub"], claims["nonce"]) == (person.id, "n")
    info = shop.client(tokens["access_token"]).get("/oauth/userinfo")
    assert info.json().keys() == {"sub", "name", "updated_at", "email", "email_verified"}
    assert (info.json()["sub"], info.json()["email"]) == (person.id, person.email)


def test_app_reads_orders_of_its_user_only(shop: Shop, phone: Json, person: Person) -> None:
    app = shop.client(tokens_of(shop, phone, person)["access_token"])

    assert app.get("/api/users/me/orders").status_code == 200
    assert error_of(app.get(f"/api/users/{shop.sign_up().id}/orders")) == (403, "FORBIDDEN")
    for path in ("/api/users/me", "/api/sessions", "/api/grants", "/api/orders"):
        assert error_of(app.get(path)) == (403, "INSUFFICIENT_SCOPE"), path


def test_token_of_an_admin_reads_the_admins_orders_only(shop: Shop, phone: Json) -> None:
    admin = shop.log_in(shop.admin_account.email, shop.admin_account.password)
    app = shop.client(tokens_of(shop, phone, admin)["access_token"])

    assert app.get("/api/users/me/orders").status_code == 200
    assert error_of(app.get(f"/api/users/{shop.sign_up().id}/orders")) == (403, "FORBIDDEN")
    assert error_of(app.get("/api/orders")) == (403, "INSUFFICIENT_SCOPE")


def test_client_itself_reads_all_orders(shop: Shop, server: Json) -> None:
    tokens = post(shop, "/oauth/token", server, grant_type="client_credentials").json()
    app = shop.client(tokens["access_token"])

    assert tokens["scope"] == "admin:orders:read" and "refresh_token" not in tokens
    assert app.get("/api/orders").status_code == 200
    assert error_of(app.get("/api/users/me/orders")) == (404, "NOT_FOUND")
    assert error_of(app.get("/api/users")) == (403, "INSUFFICIENT_SCOPE")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1/other"}, "invalid_grant"),
        ({"code": "shop_ac_x"}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_rejected_exchange_changes_nothing_and_the_code_stays_valid(
    shop: Shop, phone: Json, person: Person, changes: dict[str, str], error: str
) -> None:
    code = person.authorize(phone)["code"]
    before = shop.everything()

    assert oauth_error(exchange(shop, phone, code, **changes)) == (400, error)

    assert shop.everything() == before
    assert exchange(shop, phone, code).status_code == 200


def test_code_of_another_client_changes_nothing(
    shop: Shop, phone: Json, server: Json, person: Person
) -> None:
    code = person.authorize(phone)["code"]
    before = shop.everything()

    response = exchange(shop, server, code, redirect_uri=phone["redirectUris"][0])

    assert oauth_error(response) == (400, "invalid_grant")
    assert shop.everything() == before


def test_second_exchange_of_a_code_ends_its_tokens(shop: Shop, phone: Json, person: Person) -> None:
    code = person.authorize(phone)["code"]
    tokens = exchange(shop, phone, code).json()

    assert oauth_error(exchange(shop, phone, code)) == (400, "invalid_grant")

    assert shop.client(tokens["access_token"]).get("/api/users/me/orders").status_code == 401
    assert oauth_error(refresh(shop, phone, tokens["refresh_token"])) == (400, "invalid_grant")


def test_refresh_rotates_and_repeats_a_lost_response(
    shop: Shop, phone: Json, person: Person
) -> None:
    first = tokens_of(shop, phone, person)["refresh_token"]

    second = refresh(shop, phone, first).json()["refresh_token"]

    assert refresh(shop, phone, first).json()["refresh_token"] == second != first
    third = refresh(shop, phone, second).json()["refresh_token"]
    assert oauth_error(refresh(shop, phone, first)) == (400, "invalid_grant")
    assert oauth_error(refresh(shop, phone, third)) == (400, "invalid_grant"), "reuse ends all"


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_revoked_token_ends_all_tokens(shop: Shop, phone: Json, person: Person, name: str) -> None:
    tokens = tokens_of(shop, phone, person)

    response = post(shop, "/oauth/revoke", phone, token=tokens[name])

    assert (response.status_code, response.text) == (200, "")
    assert shop.client(tokens["access_token"]).get("/api/users/me/orders").status_code == 401
    assert oauth_error(refresh(shop, phone, tokens["refresh_token"])) == (400, "invalid_grant")


def test_introspection_shows_a_live_token(shop: Shop, server: Json, person: Person) -> None:
    tokens = tokens_of(shop, server, person)

    shown = post(shop, "/oauth/introspect", server, token=tokens["access_token"]).json()

    assert shown["active"] and shown["sub"] == person.id and shown["client_id"] == server["id"]
    post(shop, "/oauth/revoke", server, token=tokens["refresh_token"])
    ended = post(shop, "/oauth/introspect", server, token=tokens["access_token"]).json()
    assert ended == {"active": False}


def test_user_lists_and_ends_grants(shop: Shop, phone: Json, person: Person) -> None:
    tokens = tokens_of(shop, phone, person)
    (grant,) = person.http.get("/api/grants").json()["data"]
    assert (grant["client"]["id"], grant["devices"]) == (phone["id"], 1)

    assert person.http.delete(f"/api/grants/{phone['id']}").status_code == 204

    assert person.http.get("/api/grants").json()["data"] == []
    assert error_of(person.http.delete(f"/api/grants/{phone['id']}")) == (404, "NOT_FOUND")
    assert shop.client(tokens["access_token"]).get("/api/users/me/orders").status_code == 401
    assert oauth_error(refresh(shop, phone, tokens["refresh_token"])) == (400, "invalid_grant")


def test_consent_is_remembered_for_a_server_and_asked_of_a_private_scheme(
    shop: Shop, server: Json, person: Person
) -> None:
    person.authorize(server)
    body = {
        "clientId": server["id"],
        "redirectUri": server["redirectUris"][0],
        "responseType": "code",
        "scope": "openid orders:read",
        "codeChallenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "codeChallengeMethod": "S256",
    }

    remembered = person.http.post("/api/authorizations", json=body).json()
    asked = person.http.post("/api/authorizations", json=body | {"prompt": "consent"}).json()

    assert "code" in dict(parse_qsl(urlsplit(remembered["redirectTo"]).query))
    assert asked["redirectTo"] is None


def _log_out_everywhere(shop: Shop, person: Person) -> None:
    assert person.http.delete("/api/sessions").status_code == 204


def _change_password(shop: Shop, person: Person) -> None:
    body = {"currentPassword": PASSWORD, "newPassword": "another battery staple"}
    assert person.http.put("/api/users/me/password", json=body).status_code == 204


def _deactivate(shop: Shop, person: Person) -> None:
    shop.deactivate(person)


def _delete(shop: Shop, person: Person) -> None:
    assert person.http.delete("/api/users/me").status_code == 204


@pytest.mark.parametrize("end", [_log_out_everywhere, _change_password, _deactivate, _delete])
def test_tokens_end_with_the_users_sessions(
    shop: Shop, phone: Json, person: Person, end: Any
) -> None:
    tokens = tokens_of(shop, phone, person)

    end(shop, person)

    assert shop.client(tokens["access_token"]).get("/api/users/me/orders").status_code == 401
    assert oauth_error(refresh(shop, phone, tokens["refresh_token"])) == (400, "invalid_grant")


def test_both_discovery_documents_name_the_endpoints(shop: Shop) -> None:
    documents = [
        shop.anonymous.get(f"/.well-known/{name}").json()
        for name in ("openid-configuration", "oauth-authorization-server")
    ]

    assert documents[0] == documents[1]
    assert documents[0]["issuer"] == shop.url_of_issuer
    assert documents[0]["token_endpoint"] == f"{shop.url_of_issuer}/oauth/token"


def test_page_is_static_and_shows_the_client(shop: Shop, phone: Json) -> None:
    query = {
        "client_id": phone["id"],
        "redirect_uri": "http://127.0.0.1:51004/callback",
        "response_type": "code",
        "scope": "orders:read",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }

    shown = shop.anonymous.get("/oauth/authorize", params=query)
    refused = shop.anonymous.get("/oauth/authorize", params=query | {"redirect_uri": "https://x"})
    returned = shop.anonymous.get("/oauth/authorize", params=query | {"prompt": "none"})

    assert (shown.status_code, refused.status_code, returned.status_code) == (200, 400, 303)
    assert phone["name"] in shown.text
    assert "sha256-" in shown.headers["Content-Security-Policy"]
    assert "Location" not in refused.headers
    target = returned.headers["Location"]
    assert target.startswith("http://127.0.0.1:51004/callback?error=login_required&")
