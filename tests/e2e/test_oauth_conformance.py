"""Conformance of OAuth over HTTP: the checks of the OpenID suite, and errors by redirect.

The suite needs a browser; here `sign_in` sends the requests of the page. Tests of its modules have
their names, `oidcc-*` and `fapi2-*`.
"""

from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Any

import jwt
import pytest

from shop.clock import from_text, to_text
from tests.e2e.test_conventions import SECURITY_HEADERS
from tests.e2e.test_oauth import PHONE, Json, exchange, post, refresh, tokens_of
from tests.e2e.test_refresh import ago
from tests.support.deployed_shop import CODE_CHALLENGE, CODE_VERIFIER, Person, Shop, error_of
from tests.support.oauth_requests import (
    DOCUMENTS,
    FORM_ENDPOINTS,
    UNKNOWN_ID,
    ask,
    assert_no_redirect,
    body_of,
    claims_of,
    family_key,
    is_accepted,
    nothing_changes,
    protocol_error,
    query_of,
    row,
    sent_back,
    sign_in,
)


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


def challenge_of(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def test_oidcc_server(shop: Shop, server: Json) -> None:
    person = shop.sign_up()
    sent = sign_in(shop, server, person, nonce="n-0S6_WzA2Mj")
    response = exchange(shop, server, sent["code"])

    tokens = response.json()
    assert sent.keys() == {"code", "state", "iss"}
    assert (sent["state"], sent["iss"]) == ("a state", shop.url_of_issuer)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    assert tokens.keys() == {
        *("access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token")
    }
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert tokens["scope"] == "openid orders:read"
    assert claims_of(shop, server, tokens["id_token"])["nonce"] == "n-0S6_WzA2Mj"
    # The page's session ended with the consent.
    (session,) = person.http.get("/api/sessions").json()["data"]
    assert session["id"] == person.grant["session"]["id"]


@pytest.mark.parametrize("response_type", [None, ""])
def test_oidcc_response_type_missing(shop: Shop, server: Json, response_type: str | None) -> None:
    with nothing_changes(shop):
        sent = sent_back(ask(shop, server, response_type=response_type))

    assert (sent["error"], sent["state"]) == ("invalid_request", "a state")


def test_oidcc_idtoken_signature(shop: Shop, server: Json, person: Person) -> None:
    token = tokens_of(shop, server, person)["id_token"]

    claims = claims_of(shop, server, token)

    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"]) == ("ES256", "JWT")
    assert claims.keys() == {"iss", "aud", "sub", "iat", "exp", "auth_time"}
    assert (claims["aud"], claims["sub"]) == (server["id"], person.id)
    assert claims["exp"] - claims["iat"] == 900
    assert claims["auth_time"] <= claims["iat"]
    other = tokens_of(shop, server, person, nonce="another")["id_token"]
    with pytest.raises(jwt.InvalidSignatureError):
        claims_of(shop, server, f"{token.rpartition('.')[0]}.{other.rpartition('.')[2]}")


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(
    shop: Shop, server: Json, person: Person
) -> None:
    tokens = exchange(shop, server, sign_in(shop, server, person)["code"]).json()

    assert "nonce" not in claims_of(shop, server, tokens["id_token"])


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("openid", {"sub"}),
        ("openid profile", {"sub", "name", "updated_at"}),
        ("openid email", {"sub", "email", "email_verified"}),
        ("openid profile email", {"sub", "name", "updated_at", "email", "email_verified"}),
    ],
)
def test_oidcc_userinfo_get(
    shop: Shop, server: Json, person: Person, scope: str, names: set[str]
) -> None:
    tokens = tokens_of(shop, server, person, scope=scope)

    response = shop.client(tokens["access_token"]).get("/oauth/userinfo")

    account = person.http.get("/api/users/me").json()
    info = response.json()
    updated_at = int(from_text(account["updatedAt"]).timestamp())
    expected = {
        "sub": claims_of(shop, server, tokens["id_token"])["sub"],
        "name": account["name"],
        "updated_at": updated_at,
        "email": account["email"],
        "email_verified": account["emailVerified"],
    }
    assert response.status_code == 200
    assert info == {name: expected[name] for name in names}


def test_oidcc_prompt_login(shop: Shop, server: Json, person: Person) -> None:
    """The page asks for a login every time, and `auth_time` is the time of that login."""
    sign_in(shop, server, person)

    page = ask(shop, server, prompt="login")
    login = shop.log_in(person.email)
    sent = login.authorize(server, prompt="login")

    assert page.status_code == 200 and 'type="password"' in page.text
    tokens = exchange(shop, server, sent["code"]).json()
    logged_in_at = int(from_text(login.grant["session"]["createdAt"]).timestamp())
    assert claims_of(shop, server, tokens["id_token"])["auth_time"] == logged_in_at


def test_oidcc_prompt_none_not_logged_in(shop: Shop, server: Json) -> None:
    with nothing_changes(shop):
        sent = sent_back(ask(shop, server, prompt="none"))

    assert (sent["error"], sent["state"]) == ("login_required", "a state")


def assert_request_succeeds(shop: Shop, client: Json, person: Person, **more: str) -> None:
    sent = sign_in(shop, client, person, **more)

    assert exchange(shop, client, sent["code"]).status_code == 200


def test_oidcc_ensure_request_with_unknown_parameter_succeeds(
    shop: Shop, server: Json, person: Person
) -> None:
    assert_request_succeeds(shop, server, person, extra="foobar")


def test_oidcc_login_hint(shop: Shop, server: Json, person: Person) -> None:
    assert_request_succeeds(shop, server, person, login_hint=person.email)


def test_oidcc_ui_locales(shop: Shop, server: Json, person: Person) -> None:
    assert_request_succeeds(shop, server, person, ui_locales="se")


def test_oidcc_ensure_request_with_acr_values_succeeds(
    shop: Shop, server: Json, person: Person
) -> None:
    assert_request_succeeds(shop, server, person, acr_values="1 2")


def assert_reuse_ends_all(shop: Shop, client: Json, code: str, tokens: Json) -> None:
    assert protocol_error(exchange(shop, client, code)) == (400, "invalid_grant")

    assert not is_accepted(shop, tokens["access_token"])
    with nothing_changes(shop):
        response = refresh(shop, client, tokens["refresh_token"])
        assert protocol_error(response) == (400, "invalid_grant")


def test_oidcc_codereuse(shop: Shop, server: Json, person: Person) -> None:
    code = person.authorize(server)["code"]
    tokens = exchange(shop, server, code).json()

    assert_reuse_ends_all(shop, server, code, tokens)


@pytest.mark.parametrize("seconds", [30, 90], ids=["30 seconds", "after its expiry"])
def test_oidcc_codereuse_30seconds(shop: Shop, server: Json, person: Person, seconds: int) -> None:
    code = person.authorize(server)["code"]
    tokens = exchange(shop, server, code).json()
    make_older(shop, server, code, seconds)

    assert_reuse_ends_all(shop, server, code, tokens)


def make_older(shop: Shop, client: Json, code: str, seconds: int) -> None:
    """Move the times of an exchanged code into the past, as if so many seconds had passed."""
    key = family_key(client, code)
    names = ("created_at", "code_expires_at", "last_used_at", "idle_expires_at")
    found = row(shop, "GrantsTable", key)
    moved = {it: from_text(found[it]["S"]) - timedelta(seconds=seconds) for it in names}
    shop.change("GrantsTable", key, **{name: to_text(it) for name, it in moved.items()})


@pytest.mark.parametrize(
    "uri",
    ["https://robot.example/other", "https://robot.example.evil.example/callback", "//x", "/x"],
)
def test_oidcc_ensure_registered_redirect_uri(shop: Shop, server: Json, uri: str) -> None:
    with nothing_changes(shop):
        assert_no_redirect(ask(shop, server, redirect_uri=uri))


def test_oidcc_redirect_uri_query_added(shop: Shop, server: Json) -> None:
    with nothing_changes(shop):
        uri = f"{server['redirectUris'][0]}?dummy1=lorem&dummy2=ipsum"
        assert_no_redirect(ask(shop, server, redirect_uri=uri))


@pytest.mark.parametrize("uri", [None, ""])
def test_oidcc_ensure_redirect_uri_in_authorization_request(
    shop: Shop, server: Json, uri: str | None
) -> None:
    with nothing_changes(shop):
        assert_no_redirect(ask(shop, server, redirect_uri=uri))


def test_oidcc_refresh_token(shop: Shop, server: Json, phone: Json, person: Person) -> None:
    other = shop.oauth_client()
    first = tokens_of(shop, server, person, nonce="n")
    before = claims_of(shop, server, first["id_token"])

    second = refresh(shop, server, first["refresh_token"]).json()

    after = claims_of(shop, server, second["id_token"])
    kept = ("iss", "aud", "sub", "auth_time")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert before["nonce"] == "n" and "nonce" not in after
    assert after["iat"] >= before["iat"]
    assert second["scope"] == first["scope"]
    assert second["refresh_token"] != first["refresh_token"]
    assert shop.client(second["access_token"]).get("/oauth/userinfo").json() == {"sub": person.id}
    with nothing_changes(shop):
        for stranger in (other, phone):
            response = refresh(shop, stranger, second["refresh_token"])
            assert protocol_error(response) == (400, "invalid_grant")
    assert refresh(shop, server, second["refresh_token"]).status_code == 200


@pytest.mark.parametrize("verifier", ["v" * 43, "AZaz09-._~" * 12 + "12345678"])
def test_oidcc_ensure_request_with_valid_pkce_succeeds(
    shop: Shop, server: Json, person: Person, verifier: str
) -> None:
    sent = sign_in(shop, server, person, code_challenge=challenge_of(verifier))

    assert exchange(shop, server, sent["code"], code_verifier=verifier).status_code == 200


@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "v" * 42 + "+", "é" * 43])
def test_malformed_verifier_is_rejected_though_its_challenge_fits(
    shop: Shop, server: Json, person: Person, verifier: str
) -> None:
    code = person.authorize(server, codeChallenge=challenge_of(verifier))["code"]

    with nothing_changes(shop):
        response = exchange(shop, server, code, code_verifier=verifier)
        assert protocol_error(response) == (400, "invalid_grant")


def test_oidcc_server_client_secret_post(shop: Shop, server: Json, person: Person) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": sign_in(shop, server, person)["code"],
        "redirect_uri": server["redirectUris"][0],
        "code_verifier": CODE_VERIFIER,
        "client_id": server["id"],
        "client_secret": server["secret"],
    }

    response = shop.anonymous.post("/oauth/token", data=form)

    claims = claims_of(shop, server, response.json()["id_token"])
    assert (response.status_code, claims["sub"]) == (200, person.id)


@pytest.mark.parametrize(
    ("parameter", "error"),
    [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")],
)
def test_oidcc_unsigned_request_object_supported_correctly_or_rejected(
    shop: Shop, server: Json, parameter: str, error: str
) -> None:
    values = {
        "request": "eyJhbGciOiJub25lIn0.eyJzdGF0ZSI6ImFub3RoZXIifQ.",
        "request_uri": "https://robot.example/request.jwt",
    }

    with nothing_changes(shop):
        sent = sent_back(ask(shop, server, **{parameter: values[parameter]}))

    assert (sent["error"], sent["state"]) == (error, "a state")


def test_oidcc_discovery_endpoint_verification(shop: Shop) -> None:
    issuer = shop.url_of_issuer

    responses = [shop.anonymous.get(f"/.well-known/{name}") for name in DOCUMENTS]

    assert [it.status_code for it in responses] == [200, 200]
    assert {it.headers["Content-Type"] for it in responses} == {"application/json"}
    with_secret = ["client_secret_basic", "client_secret_post"]
    for response in responses:
        document = response.json()
        assert document.pop("claims_supported") == [
            *("iss", "aud", "sub", "iat", "exp", "auth_time", "nonce"),
            *("name", "updated_at", "email", "email_verified"),
        ]
        assert document == {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/oauth/authorize",
            "token_endpoint": f"{issuer}/oauth/token",
            "revocation_endpoint": f"{issuer}/oauth/revoke",
            "introspection_endpoint": f"{issuer}/oauth/introspect",
            "userinfo_endpoint": f"{issuer}/oauth/userinfo",
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "scopes_supported": [
                *("openid", "profile", "email", "account:read", "orders:read", "orders:write"),
                *("admin:users:read", "admin:orders:read", "admin:orders:write"),
                *("admin:products:write", "admin:webhooks:read", "admin:webhooks:write"),
                "admin:tokens:introspect",
            ],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["none", *with_secret],
            "revocation_endpoint_auth_methods_supported": ["none", *with_secret],
            "introspection_endpoint_auth_methods_supported": with_secret,
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "authorization_response_iss_parameter_supported": True,
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }
    assert error_of(shop.anonymous.get("/.well-known/openid")) == (404, "NOT_FOUND")


def test_fapi2_ensure_authorization_code_is_bound_to_client(
    shop: Shop, server: Json, phone: Json, person: Person
) -> None:
    code, uri = person.authorize(server)["code"], server["redirectUris"][0]
    other = shop.oauth_client()

    with nothing_changes(shop):
        for stranger in (other, phone):
            response = exchange(shop, stranger, code, redirect_uri=uri)
            assert protocol_error(response) == (400, "invalid_grant")

    tokens = exchange(shop, server, code).json()
    with nothing_changes(shop):
        for stranger in (other, phone):
            response = exchange(shop, stranger, code, redirect_uri=uri)
            assert protocol_error(response) == (400, "invalid_grant")
    assert is_accepted(shop, tokens["access_token"])


def test_fapi2_attempt_reuse_authorization_code_after_one_second(
    shop: Shop, server: Json, person: Person
) -> None:
    code = person.authorize(server)["code"]
    tokens = exchange(shop, server, code).json()
    make_older(shop, server, code, 1)

    assert_reuse_ends_all(shop, server, code, tokens)


def test_fapi2_expired_authorization_code_is_rejected(
    shop: Shop, server: Json, person: Person
) -> None:
    code = person.authorize(server)["code"]
    shop.change("GrantsTable", family_key(server, code), code_expires_at=ago(0))

    with nothing_changes(shop):
        response = exchange(shop, server, code)
        assert protocol_error(response) == (400, "invalid_grant")


def test_authorization_code_expires_after_a_minute(
    shop: Shop, server: Json, person: Person
) -> None:
    found = row(shop, "GrantsTable", family_key(server, person.authorize(server)["code"]))

    created_at, expires_at = (
        from_text(found[name]["S"]) for name in ("created_at", "code_expires_at")
    )
    assert expires_at - created_at == timedelta(seconds=60)
    assert found["ttl"]["N"] == str(int(expires_at.timestamp()))


def test_fapi2_error_description_has_no_cr_lf_or_tab(shop: Shop, server: Json, phone: Json) -> None:
    odd = 'a\r\n\t"\\é'

    with nothing_changes(shop):
        for name in ("scope", "response_type", "response_mode", "code_challenge_method", "prompt"):
            changes = {name: odd if name != "scope" else f"{odd} account:read"}
            if name == "prompt":
                changes = {name: f"none {odd}"}
            assert sent_back(ask(shop, server, **changes))["error"]
        for path in FORM_ENDPOINTS:
            for form in ({odd: odd}, {"client_id": odd}, {"token": odd, "client_secret": odd}):
                assert protocol_error(shop.anonymous.post(path, data=form)) == (
                    401,
                    "invalid_client",
                )
        for form in (
            {"grant_type": odd},
            {"grant_type": "authorization_code", "code": odd, "code_verifier": odd},
            {"grant_type": "refresh_token", "refresh_token": odd},
        ):
            assert protocol_error(post(shop, "/oauth/token", phone, **form))[0] == 400


@pytest.mark.parametrize("state", ["s" * 1000, " ~!*'();:@&=+$,/?#[]%é\U0001f600\r\n"])
def test_fapi2_ensure_authorization_request_with_long_state(
    shop: Shop, server: Json, person: Person, state: str
) -> None:
    assert sign_in(shop, server, person, state=state)["state"] == state
    assert sent_back(ask(shop, server, state=state, prompt="none"))["state"] == state


def test_fapi2_ensure_authorization_request_with_long_nonce(
    shop: Shop, server: Json, person: Person
) -> None:
    nonce = "n" * 1000
    tokens = exchange(shop, server, sign_in(shop, server, person, nonce=nonce)["code"]).json()

    assert claims_of(shop, server, tokens["id_token"])["nonce"] == nonce


@pytest.mark.parametrize("state", [None, ""])
def test_fapi2_ensure_authorization_request_without_state_success(
    shop: Shop, server: Json, person: Person, state: str | None
) -> None:
    assert sign_in(shop, server, person, state=state).keys() == {"code", "iss"}


# Errors by redirect


@pytest.mark.parametrize(
    ("error", "changes"),
    [
        ("invalid_request", {"scope": ["openid", "openid"]}),
        ("invalid_request", {"state": ["a", "b"]}),
        ("invalid_request", {"response_mode": "fragment"}),
        ("invalid_request", {"response_mode": "form_post"}),
        ("invalid_request", {"code_challenge": None}),
        ("invalid_request", {"code_challenge": CODE_CHALLENGE + "x"}),
        ("invalid_request", {"code_challenge": CODE_CHALLENGE[:-1] + "="}),
        ("invalid_request", {"code_challenge_method": None}),
        ("invalid_request", {"code_challenge_method": "plain"}),
        ("invalid_request", {"prompt": "none login"}),
        ("unsupported_response_type", {"response_type": "token"}),
        ("unsupported_response_type", {"response_type": "code id_token"}),
        ("invalid_scope", {"scope": None}),
        ("invalid_scope", {"scope": "offline_access"}),
        ("invalid_scope", {"scope": "openid orders:write"}),
        ("login_required", {"prompt": "none"}),
        ("request_not_supported", {"request": "e30.e30."}),
        ("request_uri_not_supported", {"request_uri": "urn:x"}),
    ],
)
def test_error_of_the_client_is_in_the_redirect(
    shop: Shop, server: Json, error: str, changes: dict[str, Any]
) -> None:
    with nothing_changes(shop):
        response = ask(shop, server, **changes)

    sent = sent_back(response)
    state = {} if "state" in changes else {"state": "a state"}
    description = {"error_description": sent["error_description"]}
    assert sent == {"error": error, "iss": shop.url_of_issuer, **state, **description}
    assert response.headers["Location"].startswith("https://robot.example/callback?error=")
    assert response.headers["Cache-Control"] == "no-store"
    assert {name: response.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_client_without_the_grant_type_is_unauthorized(shop: Shop, person: Person) -> None:
    client = shop.oauth_client(grantTypes=["client_credentials"])

    with nothing_changes(shop):
        assert sent_back(ask(shop, client))["error"] == "unauthorized_client"
        assert person.authorize(client)["error"] == "unauthorized_client"


def test_refusal_of_the_user_is_in_the_redirect(shop: Shop, server: Json, person: Person) -> None:
    with nothing_changes(shop):
        sent = person.authorize(server, consent="refused", state="a state")

    assert (sent["error"], sent["state"], sent["iss"]) == (
        "access_denied",
        "a state",
        shop.url_of_issuer,
    )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"codeChallenge": None}, "invalid_request"),
        ({"codeChallenge": "short"}, "invalid_request"),
        ({"responseType": None}, "invalid_request"),
        ({"responseType": "x"}, "unsupported_response_type"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "\U0001f600"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_error_of_the_client_in_json_is_in_the_redirect(
    shop: Shop, server: Json, person: Person, changes: dict[str, Any], error: str
) -> None:
    with nothing_changes(shop):
        assert person.authorize(server, **changes)["error"] == error


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"clientId": UNKNOWN_ID}, "body.clientId"),
        ({"clientId": "x"}, "body.clientId"),
        ({"clientId": None}, "body.clientId"),
        ({"redirectUri": "https://evil.example/"}, "body.redirectUri"),
        ({"redirectUri": ""}, "body.redirectUri"),
        ({"redirectUri": None}, "body.redirectUri"),
        ({"request": "e30.e30."}, "body.request"),
        ({"scope": ["openid"]}, "body.scope"),
        ({"consent": "yes"}, "body.consent"),
        ({"endSession": "true"}, "body.endSession"),
    ],
)
def test_json_that_leads_to_no_client_is_a_validation_error(
    shop: Shop, server: Json, person: Person, changes: Json, field: str
) -> None:
    body = body_of(server) | {"consent": "given"}

    with nothing_changes(shop):
        response = person.http.post("/api/authorizations", json=body | changes)

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert [it["field"] for it in response.json()["error"]["details"]] == [field]


@pytest.mark.parametrize(
    "client_id", [None, "", "me", "x" * 3000, UNKNOWN_ID, ["x", "y"]], ids=lambda it: str(it)[:9]
)
def test_request_of_an_unknown_client_is_a_page(
    shop: Shop, server: Json, client_id: str | list[str] | None
) -> None:
    with nothing_changes(shop):
        assert_no_redirect(ask(shop, server, client_id=client_id))


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_repeated_client_or_redirect_uri_is_a_page(shop: Shop, server: Json, name: str) -> None:
    value = query_of(server)[name]
    assert isinstance(value, str)

    with nothing_changes(shop):
        assert_no_redirect(ask(shop, server, **{name: [value, value]}))
