"""Requests of OAuth's flows over HTTP, and checks of their responses."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import jwt

from shop.json_names import to_camel
from shop.oauth.opaque import AuthorizationCode
from tests.support.deployed_shop import CODE_CHALLENGE, Person, Shop

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FORM_ENDPOINTS = ("/oauth/token", "/oauth/revoke", "/oauth/introspect")
UNKNOWN_ID = "0190a6b2-7c9e-7b1a-8f00-00000000dead"  # of no client, user, session or token
DOCUMENTS = ("openid-configuration", "oauth-authorization-server")
# RFC 6749, 5.2: no CR, LF, TAB, quote or backslash
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")
# The parameters that the script of the page sends to the API
SENT_BY_PAGE = {
    *("client_id", "redirect_uri", "response_type", "scope", "state"),
    *("code_challenge", "code_challenge_method", "nonce", "prompt"),
}

type Json = dict[str, Any]
type Parameters = Mapping[str, str | list[str]]


@contextmanager
def nothing_changes(shop: Shop) -> Iterator[None]:
    before = shop.everything()
    yield
    assert shop.everything() == before


def protocol_error(response: httpx2.Response) -> tuple[int, str]:
    """Return status and code of a protocol endpoint's error, and check its form."""
    body = response.json()
    assert body.keys() == {"error", "error_description"}
    assert DESCRIPTION.fullmatch(body["error_description"])
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    return response.status_code, body["error"]


def query_of(client: Json, **changes: str | list[str] | None) -> Parameters:
    """Return a valid authorization request; None removes a parameter, a list repeats it."""
    query: Parameters = {
        "client_id": client["id"],
        "redirect_uri": client["redirectUris"][0],
        "response_type": "code",
        "scope": "openid orders:read",
        "state": "a state",
        "code_challenge": CODE_CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**query, **changes}.items() if value is not None}


def body_of(client: Json, **changes: str | None) -> Json:
    """Return the same request as the body of an authorization."""
    return {to_camel(name): it for name, it in query_of(client, **changes).items()}


def ask(shop: Shop, client: Json, **changes: str | list[str] | None) -> httpx2.Response:
    return shop.anonymous.get("/oauth/authorize", params=query_of(client, **changes))


def sent_back(response: httpx2.Response) -> dict[str, str]:
    """Return the parameters of a redirect to the client."""
    assert response.status_code == 303, response.text
    assert response.text == ""
    sent = dict(parse_qsl(urlsplit(response.headers["Location"]).query, strict_parsing=True))
    assert DESCRIPTION.fullmatch(sent["error_description"])
    return sent


def assert_no_redirect(response: httpx2.Response) -> None:
    """Assert a page for the user, from which nobody is redirected."""
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Location" not in response.headers
    assert "<script" not in response.text and "http-equiv" not in response.text


def sign_in(shop: Shop, client: Json, person: Person, **changes: str | None) -> dict[str, str]:
    """Send the requests of the page: show it, log in, ask, allow. Return the redirect's query."""
    query = query_of(client, **changes)
    assert shop.anonymous.get("/oauth/authorize", params=query).status_code == 200
    http = shop.log_in(person.email).http
    body: Json = {to_camel(name): query[name] for name in SENT_BY_PAGE & query.keys()}
    body |= {"endSession": True}
    asked = http.post("/api/authorizations", json=body)
    assert asked.status_code == 200, asked.text
    target = asked.json()["redirectTo"]
    if target is None:
        given = http.post("/api/authorizations", json=body | {"consent": "given"})
        target = given.json()["redirectTo"]
    return dict(parse_qsl(urlsplit(target).query, strict_parsing=True))


def claims_of(shop: Shop, client: Json, id_token: str) -> Json:
    """Verify an ID token by the published keys, and return its claims."""
    metadata = shop.anonymous.get("/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(shop.anonymous.get(metadata["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(id_token)["kid"]]
    claims: Json = jwt.decode(
        id_token, key, ["ES256"], audience=client["id"], issuer=metadata["issuer"]
    )
    return claims


def unverified(token: str) -> Json:
    claims: Json = jwt.decode(token, options={"verify_signature": False})
    return claims


def family_key(client: Json, code: str) -> dict[str, str]:
    """Return the key of the row that a code and its tokens have."""
    parsed = AuthorizationCode.parse(code)
    return {"user_id": parsed.user_id, "id": f"family#{client['id']}#{parsed.family_id}"}


def row(shop: Shop, table: str, key: Mapping[str, str]) -> Json:
    """Return a stored item, in DynamoDB's JSON."""
    is_it = [{"S": text} for text in key.values()]
    (found,) = (it for it in shop.table(table) if [it[name] for name in key] == is_it)
    return found


def is_accepted(shop: Shop, access_token: str) -> bool:
    """Return whether an access token is accepted; the gateway caches the first result."""
    headers = {"Authorization": f"Bearer {access_token}"}
    status = shop.anonymous.get("/api/users/me/orders", headers=headers).status_code
    assert status in (200, 401)
    return status == 200
