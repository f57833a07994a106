"""Promises of OAuth's documents over HTTP: the page, claims, lifetimes and lists."""

import html
import re
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256

import pytest

from shop.clock import from_text, now, to_text
from tests.e2e.test_oauth import PHONE, Json, exchange, post, refresh, tokens_of
from tests.e2e.test_refresh import ago
from tests.support.deployed_shop import Person, Shop, error_of
from tests.support.oauth_requests import (
    ask,
    body_of,
    family_key,
    is_accepted,
    nothing_changes,
    protocol_error,
    row,
    unverified,
)

DAY = 24 * 60 * 60  # seconds


@pytest.fixture(scope="module")
def server(shop: Shop) -> Json:
    """A confidential client."""
    return shop.oauth_client(homepage="https://robot.example/about")


@pytest.fixture(scope="module")
def phone(shop: Shop) -> Json:
    """A public client."""
    return shop.oauth_client(**PHONE)


@pytest.fixture(scope="module")
def person(shop: Shop) -> Person:
    return shop.sign_up()


# The page


def test_page_is_static_but_for_the_name_and_homepage(shop: Shop, server: Json) -> None:
    names = ['"><script>alert(1)</script>', "@HOME@ ${client} @CLIENT@", "Ada & Söhne's"]
    others = [
        shop.oauth_client(name=name, homepage="https://other.example:8443/x") for name in names
    ]

    pages = [ask(shop, client) for client in (server, *others)]
    again = ask(shop, server, state='"><script>', login_hint="'><b>", scope="openid")

    assert again.text == pages[0].text
    for name, page in zip([server["name"], *names], pages, strict=True):
        home = "robot.example" if name == server["name"] else "other.example"
        escaped = html.escape(name)
        assert page.text.count(escaped) == 1
        assert page.text.replace(escaped, server["name"], 1).replace(home, "robot.example", 1) == (
            pages[0].text
        )
        assert page.headers["Content-Security-Policy"] == policy_of(page.text)
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Referrer-Policy"] == "no-referrer"


def policy_of(page: str) -> str:
    hashes = {}
    for element in ("script", "style"):
        (content,) = re.findall(rf"<{element}[^>]*>(.*?)</{element}>", page, re.DOTALL)
        hashes[element] = b64encode(sha256(content.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; "
        f"style-src 'sha256-{hashes['style']}'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )


def test_page_asks_who_and_says_for_how_long(shop: Shop, server: Json) -> None:
    page = ask(shop, server).text

    for part in ('type="email"', 'type="password"', "Do not allow", "180 days", "robot.example"):
        assert part in page


# Clarifications of the design


def test_access_token_has_exactly_the_promised_claims(
    shop: Shop, server: Json, person: Person
) -> None:
    for_user = unverified(tokens_of(shop, server, person)["access_token"])
    own = unverified(
        post(shop, "/oauth/token", server, grant_type="client_credentials").json()["access_token"]
    )

    names = {"iss", "aud", "sub", "exp", "iat", "jti", "client_id", "scope"}
    of_session = unverified(person.grant["accessToken"])
    assert for_user.keys() == names | {"sid"}
    assert own.keys() == names
    assert (for_user["sub"], own["sub"]) == (person.id, server["id"])
    for claims in (for_user, own):
        assert (claims["iss"], claims["client_id"]) == (shop.url_of_issuer, server["id"])
        assert claims["aud"] == of_session["aud"]
        assert claims["exp"] - claims["iat"] == 900
    assert of_session["iss"] != shop.url_of_issuer


def seconds(found: Json, name: str) -> int:
    return int(from_text(found[name]["S"]).timestamp())


def test_expiry_of_a_family_is_the_earlier_of_idle_and_absolute(
    shop: Shop, server: Json, person: Person
) -> None:
    code = person.authorize(server)["code"]
    key = family_key(server, code)
    tokens = exchange(shop, server, code).json()

    first = row(shop, "GrantsTable", key)
    idle, absolute = seconds(first, "idle_expires_at"), seconds(first, "absolute_expires_at")
    assert (absolute - idle, int(first["ttl"]["N"])) == (150 * DAY, idle)
    soon = to_text(now() + timedelta(days=1))
    shop.change("GrantsTable", key, absolute_expires_at=soon)
    tokens = refresh(shop, server, tokens["refresh_token"]).json()
    second = row(shop, "GrantsTable", key)
    assert second["absolute_expires_at"]["S"] == soon
    assert seconds(second, "idle_expires_at") >= idle
    assert int(second["ttl"]["N"]) == seconds(second, "absolute_expires_at")
    shown = post(shop, "/oauth/introspect", server, token=tokens["refresh_token"]).json()
    assert shown["exp"] == seconds(second, "absolute_expires_at")


@pytest.mark.parametrize("name", ["idle_expires_at", "absolute_expires_at"])
def test_expired_family_is_dead(shop: Shop, server: Json, person: Person, name: str) -> None:
    code = person.authorize(server)["code"]
    tokens = exchange(shop, server, code).json()
    shop.change("GrantsTable", family_key(server, code), **{name: ago(0)})

    with nothing_changes(shop):
        response = refresh(shop, server, tokens["refresh_token"])
        assert protocol_error(response) == (400, "invalid_grant")
        for token in ("access_token", "refresh_token"):
            shown = post(shop, "/oauth/introspect", server, token=tokens[token])
            assert shown.json() == {"active": False}
    assert not is_accepted(shop, tokens["access_token"])


def test_nineteen_newest_families_stay(shop: Shop, server: Json) -> None:
    person = shop.sign_up()
    tokens = [tokens_of(shop, server, person)["refresh_token"] for _ in range(20)]
    (grant,) = person.http.get("/api/grants").json()["data"]
    assert grant["devices"] == 20

    last = tokens_of(shop, server, person)["refresh_token"]

    with nothing_changes(shop):
        response = refresh(shop, server, tokens[0])
        assert protocol_error(response) == (400, "invalid_grant")
    (grant,) = person.http.get("/api/grants").json()["data"]
    assert grant["devices"] == 20
    for token in (tokens[1], last):
        assert refresh(shop, server, token).status_code == 200


def test_grants_count_live_families(shop: Shop, server: Json, phone: Json) -> None:
    person = shop.sign_up()
    person.authorize(server)
    unused = person.http.get("/api/grants").json()
    assert unused["meta"]["total"] == 1
    assert [(it["devices"], it["lastUsedAt"]) for it in unused["data"]] == [(0, None)]

    first, second = (tokens_of(shop, server, person) for _ in range(2))
    tokens_of(shop, phone, person)

    grants = person.http.get("/api/grants").json()
    assert [it["client"]["id"] for it in grants["data"]] == [phone["id"], server["id"]]
    assert grants["data"][1]["client"] == {
        "id": server["id"],
        "name": server["name"],
        "homepage": server["homepage"],
    }
    assert (grants["meta"]["total"], grants["data"][1]["devices"]) == (2, 2)
    assert grants["data"][1]["lastUsedAt"] is not None
    post(shop, "/oauth/revoke", server, token=first["refresh_token"])
    assert person.http.get("/api/grants").json()["data"][1]["devices"] == 1
    assert is_accepted(shop, second["access_token"])


def test_expired_consent_is_asked_for_again(shop: Shop, server: Json) -> None:
    person = shop.sign_up()
    tokens = tokens_of(shop, server, person)
    body = body_of(server)
    remembered = person.http.post("/api/authorizations", json=body).json()
    assert remembered["redirectTo"] is not None

    key = {"user_id": person.id, "id": f"client#{server['id']}"}
    shop.change("GrantsTable", key, ends_at=ago(0))

    with nothing_changes(shop):
        asked = person.http.post("/api/authorizations", json=body).json()
    assert asked["redirectTo"] is None
    assert person.http.get("/api/grants").json()["data"] == []
    tokens_of(shop, server, person)
    response = refresh(shop, server, tokens["refresh_token"])
    assert protocol_error(response) == (400, "invalid_grant")


def test_admin_scope_counts_only_while_the_user_is_an_admin(shop: Shop, server: Json) -> None:
    person = shop.sign_up()
    scope = "openid admin:orders:read"
    asked = person.http.post("/api/authorizations", json=body_of(server, scope=scope)).json()
    assert [it["name"] for it in asked["scopes"]] == scope.split()
    tokens = tokens_of(shop, server, person, scope=scope)
    assert tokens["scope"] == scope
    assert error_of(shop.client(tokens["access_token"]).get("/api/orders")) == (
        403,
        "INSUFFICIENT_SCOPE",
    )

    shop.make_admin(person)
    promoted = refresh(shop, server, tokens["refresh_token"]).json()
    assert shop.client(promoted["access_token"]).get("/api/orders").status_code == 200

    shop.change("SessionsTable", {"user_id": person.id, "id": "gate"}, role="customer")
    demoted = refresh(shop, server, promoted["refresh_token"]).json()
    assert demoted["scope"] == scope
    assert error_of(shop.client(demoted["access_token"]).get("/api/orders")) == (
        403,
        "INSUFFICIENT_SCOPE",
    )


def test_userinfo_is_for_applications_with_openid(shop: Shop, server: Json, person: Person) -> None:
    token = tokens_of(shop, server, person, scope="orders:read")["access_token"]
    own = post(shop, "/oauth/token", server, grant_type="client_credentials").json()

    with nothing_changes(shop):
        for http in (shop.client(token), shop.client(own["access_token"])):
            response = http.get("/oauth/userinfo")
            assert error_of(response) == (403, "INSUFFICIENT_SCOPE")
            assert response.json()["error"]["details"] == [
                {
                    "field": "header.authorization",
                    "code": "insufficient_scope",
                    "message": "openid",
                }
            ]
        for session in (person.http, shop.admin.http):
            assert error_of(session.get("/oauth/userinfo")) == (403, "INSUFFICIENT_SCOPE")


def test_introspection_scope_reaches_tokens_of_all_clients_but_no_session(
    shop: Shop, server: Json, phone: Json, person: Person
) -> None:
    inspector = shop.oauth_client(
        scopes=["admin:tokens:introspect"], grantTypes=["client_credentials"], redirectUris=[]
    )
    tokens = tokens_of(shop, phone, person)
    own = post(shop, "/oauth/token", server, grant_type="client_credentials").json()
    other = shop.oauth_client()
    names = {"active", "scope", "client_id", "sub", "iss", "exp"}
    more = {"iat", "aud", "jti", "token_type"}

    def inspected(client: Json, token: str) -> Json:
        body: Json = post(shop, "/oauth/introspect", client, token=token).json()
        return body

    with nothing_changes(shop):
        for token, sub, client_id, members in (
            (tokens["access_token"], person.id, phone["id"], names | more),
            (tokens["refresh_token"], person.id, phone["id"], names),
            (own["access_token"], server["id"], server["id"], names | more),
        ):
            found = inspected(inspector, token)
            assert found.keys() == members
            assert (found["active"], found["sub"], found["client_id"]) == (True, sub, client_id)
            assert found["iss"] == shop.url_of_issuer
            assert inspected(other, token) == {"active": False}
        for token in (person.grant["accessToken"], person.grant["refreshToken"], "x"):
            assert inspected(inspector, token) == {"active": False}


def test_oauth_clients_are_listed_newest_first_and_deleted_by_version(shop: Shop) -> None:
    first, second = (shop.oauth_client(**PHONE) for _ in range(2))

    listed = shop.admin.http.get("/api/oauth-clients", params={"limit": "2"}).json()["data"]

    assert [it["id"] for it in listed] == [second["id"], first["id"]]
    path = f"/api/oauth-clients/{second['id']}"
    with nothing_changes(shop):
        stale = shop.admin.http.delete(path, headers={"If-Match": '"2"'})
        assert error_of(stale) == (412, "PRECONDITION_FAILED")
        secret = shop.admin.http.post(f"{path}/secrets", json={"keepPrevious": True})
        assert error_of(secret) == (409, "PUBLIC_CLIENT")
    assert shop.admin.http.delete(path, headers={"If-Match": '"1"'}).status_code == 204
    assert error_of(shop.admin.http.get(path)) == (404, "NOT_FOUND")
