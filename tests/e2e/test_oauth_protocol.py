"""Rules of OAuth's protocols over HTTP: redirect URIs, scopes, forms, authentication, headers."""

from base64 import b64encode
from urllib.parse import quote, urlencode

import pytest

from shop.identifiers import new_id
from tests.e2e.test_oauth import PHONE, Json, exchange, post, refresh, tokens_of
from tests.support.deployed_shop import CODE_CHALLENGE, CODE_VERIFIER, Person, Shop, error_of
from tests.support.oauth_requests import (
    DOCUMENTS,
    FORM,
    FORM_ENDPOINTS,
    ask,
    assert_no_redirect,
    body_of,
    is_accepted,
    nothing_changes,
    protocol_error,
    query_of,
)

ANYWHERE = "https://anywhere.example"


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


# Redirect URIs


LOOPBACK = {
    **PHONE,
    "redirectUris": [
        *("http://127.0.0.1/cb", "http://[::1]:4000/cb", "http://localhost:4000/cb"),
        *("com.example.robot:/cb", "https://robot.example/cb"),
    ],
}


@pytest.fixture(scope="module")
def native(shop: Shop) -> Json:
    """A public client with every kind of redirect URI."""
    return shop.oauth_client(**LOOPBACK)


@pytest.mark.parametrize(
    "uri",
    [
        *LOOPBACK["redirectUris"],
        *("http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb"),
        *("http://[::1]/cb", "http://[::1]:51004/cb"),
    ],
)
def test_port_of_a_loopback_address_may_differ(shop: Shop, native: Json, uri: str) -> None:
    assert ask(shop, native, redirect_uri=uri).status_code == 200
    target = ask(shop, native, redirect_uri=uri, prompt="none").headers["Location"]
    assert target.startswith(f"{uri}?error=login_required&")


@pytest.mark.parametrize(
    "uri",
    [
        *("http://127.0.0.1:51004/cb/", "http://127.0.0.1:51004/CB", "http://127.0.0.1:51004/"),
        *("http://127.0.0.1:51004/cb?", "http://127.0.0.1:51004/cb?x=1"),
        *("http://127.0.0.1:51004/cb#", "http://127.0.0.1:51004/cb#x"),
        *("https://127.0.0.1:51004/cb", "HTTP://127.0.0.1:51004/cb"),
        *("http://127.0.0.1:/cb", "http://127.0.0.1:port/cb"),
        *("http://ada@127.0.0.1:51004/cb", "http://127.0.0.1:51004@evil.example/cb"),
        *("http://127.0.0.1.evil.example/cb", "http://[::1].evil.example/cb"),
        *("http://evil.example[::1]/cb", "http://127.1/cb", "http://[::ffff:127.0.0.1]/cb"),
        *("http://localhost/cb", "http://localhost:51004/cb", "http://localhost:4000/cb/"),
        *("com.example.robot:/cb/", "com.example.robot://cb", "COM.example.robot:/cb"),
        *("https://robot.example:443/cb", "https://robot.example/cb/../cb", " "),
    ],
)
def test_other_spelling_of_a_redirect_uri_is_rejected(
    shop: Shop, native: Json, person: Person, uri: str
) -> None:
    with nothing_changes(shop):
        assert_no_redirect(ask(shop, native, redirect_uri=uri))
        body = body_of(native, redirect_uri=uri) | {"consent": "given"}
        response = person.http.post("/api/authorizations", json=body)
        assert error_of(response) == (422, "VALIDATION_ERROR")


def test_redirect_uri_of_the_exchange_is_that_of_the_request_or_absent(
    shop: Shop, native: Json, person: Person
) -> None:
    uri = "http://127.0.0.1:51004/cb"
    code = person.authorize(native, redirectUri=uri)["code"]

    with nothing_changes(shop):
        for other in (native["redirectUris"][0], "http://127.0.0.1:51005/cb", f"{uri}?"):
            response = exchange(shop, native, code, redirect_uri=other)
            assert protocol_error(response) == (400, "invalid_grant")
    assert exchange(shop, native, code, redirect_uri="").status_code == 200
    code = person.authorize(native, redirectUri=uri)["code"]
    assert exchange(shop, native, code, redirect_uri=uri).status_code == 200


# Scopes


def scopes_shown(shop: Shop, client: Json, person: Person, scope: str) -> list[str]:
    body = body_of(client, scope=scope, prompt="consent")
    asked = person.http.post("/api/authorizations", json=body).json()
    return [it["name"] for it in asked["scopes"]]


def test_unknown_scopes_are_ignored_and_the_answer_says_the_scope(
    shop: Shop, phone: Json, server: Json, person: Person
) -> None:
    wanted = "offline_access openid orders:read openid"

    assert scopes_shown(shop, phone, person, wanted) == ["openid", "orders:read"]
    tokens = tokens_of(shop, phone, person, scope=wanted)
    narrowed = refresh(shop, phone, tokens["refresh_token"], scope="offline_access openid").json()
    own = post(
        *(shop, "/oauth/token", server),
        grant_type="client_credentials",
        scope="admin:orders:read offline_access",
    ).json()

    assert tokens["scope"] == "openid orders:read"
    assert (narrowed["scope"], "id_token" in narrowed) == ("openid", True)
    assert own["scope"] == "admin:orders:read"


@pytest.mark.parametrize("scope", ["account:read", "openid account:read", "offline_access", " "])
def test_scope_beyond_the_grant_is_rejected_and_the_token_stays(
    shop: Shop, phone: Json, person: Person, scope: str
) -> None:
    token = tokens_of(shop, phone, person)["refresh_token"]

    with nothing_changes(shop):
        response = refresh(shop, phone, token, scope=scope)
        assert protocol_error(response) == (400, "invalid_scope")
    assert refresh(shop, phone, token).json()["scope"] == "openid orders:read"


@pytest.mark.parametrize("scope", ["openid", "admin:users:read", "offline_access"])
def test_client_gets_only_its_own_admin_scopes(shop: Shop, server: Json, scope: str) -> None:
    with nothing_changes(shop):
        response = post(shop, "/oauth/token", server, grant_type="client_credentials", scope=scope)
        assert protocol_error(response) == (400, "invalid_scope")
        everything = post(shop, "/oauth/token", server, grant_type="client_credentials").json()
    assert everything["scope"] == "admin:orders:read"


# Forms and authentication


def test_token_endpoint_checks_form_client_grant_and_parameters_in_this_order(
    shop: Shop, phone: Json, person: Person
) -> None:
    unknown = {"client_id": new_id()}
    code = {"grant_type": "authorization_code", "code": "x"}

    with nothing_changes(shop):
        response = shop.anonymous.post("/oauth/token", json=unknown)
        assert protocol_error(response) == (400, "invalid_request")
        response = shop.anonymous.post("/oauth/token", data=unknown | {"grant_type": "x"})
        assert protocol_error(response) == (401, "invalid_client")
        for form, error in (
            ({}, "invalid_request"),
            ({"grant_type": "password", "username": "x"}, "unsupported_grant_type"),
            ({"grant_type": "client_credentials", "scope": "x"}, "unauthorized_client"),
            (code, "invalid_request"),
            ({"grant_type": "refresh_token"}, "invalid_request"),
            (code | {"code_verifier": "x"}, "invalid_grant"),
        ):
            response = post(shop, "/oauth/token", phone, **form)
            assert protocol_error(response) == (400, error), form


def test_code_challenge_is_checked_before_the_code_is_spent(
    shop: Shop, phone: Json, person: Person
) -> None:
    code = person.authorize(phone)["code"]

    with nothing_changes(shop):
        for sent, verifier, error in (
            (code, "", "invalid_request"),
            (code, CODE_CHALLENGE, "invalid_grant"),
            (f"{code}x", CODE_VERIFIER, "invalid_grant"),
            (code.upper(), CODE_VERIFIER, "invalid_grant"),
        ):
            response = exchange(shop, phone, sent, code_verifier=verifier)
            assert protocol_error(response) == (400, error)
    assert exchange(shop, phone, code).status_code == 200


@pytest.mark.parametrize("path", FORM_ENDPOINTS)
@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"{}", {"Content-Type": "application/json"}),
        (b"token=x", {"Content-Type": "text/plain"}),
        (b"token=x", {"Content-Type": "multipart/form-data; boundary=x"}),
        (b"token=x", {}),
        (b"token=\xff", FORM),
        (b"token=%ff", FORM),
        (b"token=x&token=x", FORM),
        (b"token=&token=x", FORM),
        (b"unknown=x&unknown=y", FORM),
        (b"&".join(b"a%d=1" % n for n in range(51)), FORM),
        (b"\x1f\x8b\x08\x00", FORM | {"Content-Encoding": "gzip"}),
    ],
    ids=lambda it: repr(it)[:16],
)
def test_malformed_form_is_an_invalid_request(
    shop: Shop, path: str, content: bytes, headers: dict[str, str]
) -> None:
    with nothing_changes(shop):
        response = shop.anonymous.post(path, content=content, headers=headers)

    assert protocol_error(response) == (400, "invalid_request")


@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded; charset=UTF-8", FORM["Content-Type"].upper()]
)
def test_form_may_have_fifty_fields_with_empty_and_unknown_ones(
    shop: Shop, phone: Json, person: Person, media_type: str
) -> None:
    token = tokens_of(shop, phone, person)["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": phone["id"]}
    form |= dict.fromkeys(("client_secret", "scope", "code", "resource"), "")
    form |= {f"unknown{number}": "x" for number in range(50 - len(form))}

    response = shop.anonymous.post(
        "/oauth/token", content=urlencode(form), headers={"Content-Type": media_type}
    )

    assert (len(form), response.status_code) == (50, 200)
    assert response.json()["scope"] == "openid orders:read"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def encoded(text: str) -> str:
    """Percent-encode every character."""
    return "".join(f"%{ord(it):02X}" for it in text)


def test_both_parts_of_basic_are_percent_decoded(shop: Shop, server: Json) -> None:
    form = {"grant_type": "client_credentials"}

    for headers in (
        basic(encoded(server["id"]), encoded(server["secret"])),
        basic(quote(server["id"]), quote(server["secret"])),
        {
            "Authorization": basic(server["id"], server["secret"])["Authorization"].lower()[:5]
            + basic(server["id"], server["secret"])["Authorization"][5:]
        },
    ):
        response = shop.anonymous.post("/oauth/token", data=form, headers=headers)
        assert response.status_code == 200, response.text


@pytest.mark.parametrize("path", FORM_ENDPOINTS)
def test_client_authenticates_in_one_way(shop: Shop, server: Json, phone: Json, path: str) -> None:
    id_, secret = server["id"], server["secret"]
    form = {"grant_type": "client_credentials", "token": "x"}
    header = basic(id_, secret)
    ambiguous: list[tuple[Json, Json]] = [
        ({"client_secret": secret}, header),
        ({"client_id": id_, "client_secret": secret}, header),
        ({"client_id": phone["id"]}, header),
    ]
    refused: list[tuple[Json, Json]] = [
        ({}, {}),
        ({"client_id": id_}, {}),
        ({"client_secret": secret}, {}),
        ({"client_id": id_, "client_secret": f"{secret}x"}, {}),
        ({"client_id": id_, "client_secret": "shop_cs_" + "x" * 43}, {}),
        ({"client_id": id_.upper(), "client_secret": secret}, {}),
        ({"client_id": "x" * 3000, "client_secret": secret}, {}),
        ({"client_id": phone["id"], "client_secret": secret}, {}),
        ({}, basic(phone["id"], "")),
        ({}, basic(phone["id"], "x")),
        ({"client_id": phone["id"]}, {"Authorization": "Bearer x"}),
        ({"client_id": id_, "client_secret": secret}, {"Authorization": "Bearer x"}),
        ({}, basic(id_, "")),
        ({}, basic("", secret)),
        ({}, basic(id_, f"{secret}:")),
        ({}, {"Authorization": "Basic"}),
        ({}, {"Authorization": "Basic !"}),
        ({}, {"Authorization": "Basic " + b64encode(id_.encode()).decode()}),
        ({}, {"Authorization": "Basic " + b64encode(b"\xff:\xff").decode()}),
        ({}, basic(id_, "%ff")),
    ]

    with nothing_changes(shop):
        for more, headers in ambiguous:
            response = shop.anonymous.post(path, data=form | more, headers=headers)
            assert protocol_error(response) == (400, "invalid_request"), (more, headers)
        for more, headers in refused:
            response = shop.anonymous.post(path, data=form | more, headers=headers)
            assert protocol_error(response) == (401, "invalid_client"), (more, headers)
        of_query = {"client_id": id_, "client_secret": secret}
        response = shop.anonymous.post(path, data=form, params=of_query)
        assert protocol_error(response) == (401, "invalid_client")
        response = shop.anonymous.post(path, data=form | {"client_id": id_}, headers=header)
        assert response.status_code == 200


def test_public_client_inspects_nothing(shop: Shop, phone: Json, person: Person) -> None:
    tokens = tokens_of(shop, phone, person)

    with nothing_changes(shop):
        for name in ("access_token", "refresh_token"):
            response = post(shop, "/oauth/introspect", phone, token=tokens[name])
            assert protocol_error(response) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token_type_hint": "access_token"}])
def test_token_to_revoke_or_inspect_is_required(
    shop: Shop, server: Json, path: str, form: dict[str, str]
) -> None:
    with nothing_changes(shop):
        response = post(shop, path, server, **form)
        assert protocol_error(response) == (400, "invalid_request")


def test_hint_of_a_token_may_be_wrong(shop: Shop, server: Json, person: Person) -> None:
    tokens = tokens_of(shop, server, person)

    for name in ("access_token", "refresh_token"):
        for hint in ("access_token", "refresh_token", "pear", ""):
            form = {"token": tokens[name], "token_type_hint": hint}
            assert post(shop, "/oauth/introspect", server, **form).json()["active"]
    hinted = {"token": tokens["refresh_token"], "token_type_hint": "access_token"}
    assert post(shop, "/oauth/revoke", server, **hinted).text == ""
    assert not is_accepted(shop, tokens["access_token"])


# Headers


OPEN = [
    *(f"POST {path}" for path in FORM_ENDPOINTS[:2]),
    "GET /oauth/userinfo",
    *(f"GET /.well-known/{name}" for name in (*DOCUMENTS, "jwks.json")),
]


@pytest.mark.parametrize("route", OPEN)
def test_scripts_of_every_origin_may_read_open_endpoints(
    shop: Shop, server: Json, person: Person, route: str
) -> None:
    method, path = route.split()
    origin = {"Origin": ANYWHERE}
    responses = [shop.anonymous.request(method, path, headers=origin)]
    if method == "POST":
        form = {"grant_type": "client_credentials", "token": "x"}
        auth = (server["id"], server["secret"])
        responses += [
            shop.anonymous.post(path, data=form, auth=auth, headers=origin),
            shop.anonymous.post(path, content=b"x" * (2**20 + 1), headers=FORM | origin),
        ]
        assert [it.status_code for it in responses] == [400, 200, 413]
    elif path == "/oauth/userinfo":
        token = tokens_of(shop, server, person)["access_token"]
        responses += [it.get(path, headers=origin) for it in (shop.client(token), person.http)]
        assert [it.status_code for it in responses] == [401, 200, 403]

    for response in responses:
        assert response.headers["Access-Control-Allow-Origin"] == "*", response.text
        assert "Access-Control-Allow-Credentials" not in response.headers
    asked = {
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = shop.anonymous.options(path, headers=origin | asked)
    assert (preflight.status_code, preflight.text) == (204, "")
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert method in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("is_listed", [False, True], ids=["unknown", "allowed"])
def test_no_script_of_another_origin_may_read_the_authorization_endpoint(
    shop: Shop, server: Json, is_listed: bool
) -> None:
    """RFC 9700, 2.6, also for the origins that may call the API."""
    query, path = query_of(server), "/oauth/authorize"
    headers = {"Origin": shop.origin if is_listed else ANYWHERE}

    responses = [
        shop.anonymous.get(path, params=query, headers=headers),
        shop.anonymous.get(path, params={**query, "prompt": "none"}, headers=headers),
        shop.anonymous.get(path, headers=headers),
        shop.anonymous.options(path, headers=headers | {"Access-Control-Request-Method": "GET"}),
    ]

    assert [it.status_code for it in responses] == [200, 303, 400, 204]
    assert [it.headers.get("Access-Control-Allow-Origin") for it in responses] == [None] * 4


def test_protocol_endpoints_are_stored_by_no_cache_and_metadata_for_five_minutes(
    shop: Shop, server: Json, person: Person
) -> None:
    tokens = tokens_of(shop, server, person)
    client_credentials = {"grant_type": "client_credentials"}
    query = query_of(server)

    responses = [
        shop.anonymous.get("/oauth/authorize", params=query),
        shop.anonymous.get("/oauth/authorize", params={**query, "prompt": "none"}),
        shop.anonymous.get("/oauth/authorize"),
        post(shop, "/oauth/token", server, **client_credentials),
        post(shop, "/oauth/token", server),
        post(shop, "/oauth/revoke", server, token="x"),
        post(shop, "/oauth/introspect", server, token="x"),
        shop.client(tokens["access_token"]).get("/oauth/userinfo"),
    ]
    assert [it.status_code for it in responses] == [200, 303, 400, 200, 400, 200, 200, 200]
    for response in responses:
        assert response.headers["Cache-Control"] == "no-store", response.request.url
        assert response.headers["Pragma"] == "no-cache", response.request.url
        assert "Set-Cookie" not in response.headers
    for name in DOCUMENTS:
        document = shop.anonymous.get(f"/.well-known/{name}")
        assert document.headers["Cache-Control"] == "public, max-age=300"
        assert "Pragma" not in document.headers


def test_functions_send_no_authentication_challenge(
    shop: Shop, server: Json, person: Person
) -> None:
    """A known deviation from RFC 6749 and 6750: API Gateway renames the header of a function."""
    by_basic = shop.anonymous.post("/oauth/token", data={"grant_type": "x"}, auth=("x", "x"))
    without_scope = shop.client(
        tokens_of(shop, server, person, scope="orders:read")["access_token"]
    ).get("/oauth/userinfo")
    by_gateway = shop.anonymous.get("/oauth/userinfo")

    assert [it.status_code for it in (by_basic, without_scope, by_gateway)] == [401, 403, 401]
    for response in (by_basic, without_scope):
        assert not [name for name in response.headers if "authenticate" in name]
    assert by_gateway.headers["WWW-Authenticate"] == "Bearer"
