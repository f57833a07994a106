"""Attacks on OAuth over HTTP: tokens in wrong places, forged ones, ended clients, faults."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from shop.identifiers import new_id
from shop.identity.keys.signing_keys import KeySet
from shop.oauth.opaque import parse_refresh_token, refresh_token_text
from tests.e2e.test_oauth import PHONE, Json, exchange, post, refresh, tokens_of
from tests.e2e.test_token_attacks import Forge
from tests.support.dependency_failures import THROTTLED, assert_retryable_503
from tests.support.deployed_shop import CODE_VERIFIER, Person, Shop, error_of
from tests.support.fault_proxy import (
    SECRETS,
    FaultProxy,
    conflicts,
    response_lost,
    service_error,
    unprocessed,
)
from tests.support.oauth_requests import (
    FORM,
    FORM_ENDPOINTS,
    UNKNOWN_ID,
    ask,
    assert_no_redirect,
    body_of,
    is_accepted,
    nothing_changes,
    protocol_error,
    sent_back,
)

OWN = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def server(shop: Shop) -> Json:
    """A confidential client."""
    return shop.oauth_client()


@pytest.fixture(scope="module")
def phone(shop: Shop) -> Json:
    """A public client."""
    return shop.oauth_client(**PHONE)


@pytest.fixture(scope="module")
def person(shop: Shop) -> Person:
    return shop.sign_up()


def own_token(shop: Shop, client: Json) -> str:
    response = post(shop, "/oauth/token", client, **OWN)
    assert response.status_code == 200, response.text
    return str(response.json()["access_token"])


def inspected(shop: Shop, client: Json, token: str) -> Json:
    body: Json = post(shop, "/oauth/introspect", client, token=token).json()
    return body


# Tokens in wrong places

KINDS = (
    *("code", "access token", "refresh token", "ID token", "secret", "own token"),
    *("access token of a session", "refresh token of a session"),
)


@pytest.fixture(scope="module")
def kinds(shop: Shop, server: Json, person: Person) -> dict[str, str]:
    """One of each kind, of one client and user."""
    tokens = tokens_of(shop, server, person)
    values = (
        person.authorize(server)["code"],
        *(tokens[name] for name in ("access_token", "refresh_token", "id_token")),
        server["secret"],
        own_token(shop, server),
        *(person.grant[name] for name in ("accessToken", "refreshToken")),
    )
    return dict(zip(KINDS, values, strict=True))


def kinds_without(*accepted: str) -> pytest.MarkDecorator:
    """Return the parameters of a test with every other kind."""
    return pytest.mark.parametrize("kind", [it for it in KINDS if it not in accepted])


@kinds_without("code")
def test_only_a_code_is_exchanged(
    shop: Shop, server: Json, kinds: dict[str, str], kind: str
) -> None:
    with nothing_changes(shop):
        for text in (kinds[kind], f"shop_ac_{kinds[kind].removeprefix('shop_rt_')}"):
            response = exchange(shop, server, text)
            assert protocol_error(response) == (400, "invalid_grant")


@kinds_without("refresh token")
def test_only_a_refresh_token_of_a_client_is_refreshed(
    shop: Shop, server: Json, kinds: dict[str, str], kind: str
) -> None:
    with nothing_changes(shop):
        for text in (kinds[kind], f"shop_rt_{kinds[kind].removeprefix('shop_ac_')}"):
            response = refresh(shop, server, text)
            assert protocol_error(response) == (400, "invalid_grant")


@kinds_without("refresh token of a session")
def test_only_a_refresh_token_of_a_session_renews_it(
    shop: Shop, kinds: dict[str, str], kind: str
) -> None:
    with nothing_changes(shop):
        for text in (kinds[kind], kinds[kind].removeprefix("shop_rt_")):
            response = shop.anonymous.post("/api/access-tokens", json={"refreshToken": text})
            assert error_of(response) == (401, "UNAUTHORIZED")


@kinds_without("access token", "own token", "access token of a session")
def test_only_an_access_token_authorizes(shop: Shop, kinds: dict[str, str], kind: str) -> None:
    http = shop.client(kinds[kind])

    with nothing_changes(shop):
        for path in ("/oauth/userinfo", "/api/users/me/orders", "/api/orders", "/api/grants"):
            response = http.get(path)
            assert error_of(response) == (401, "UNAUTHORIZED")
            assert response.headers["WWW-Authenticate"] == "Bearer"


@kinds_without("access token", "refresh token", "own token")
def test_only_tokens_of_clients_are_inspected_and_revoked(
    shop: Shop, server: Json, kinds: dict[str, str], kind: str
) -> None:
    with nothing_changes(shop):
        assert inspected(shop, server, kinds[kind]) == {"active": False}
        response = post(shop, "/oauth/revoke", server, token=kinds[kind])
        assert (response.status_code, response.text) == (200, "")


@pytest.mark.parametrize("kind", ["access token", "refresh token", "own token"])
def test_tokens_of_other_clients_are_neither_inspected_nor_revoked(
    shop: Shop, server: Json, phone: Json, kinds: dict[str, str], kind: str
) -> None:
    other = shop.oauth_client()

    with nothing_changes(shop):
        assert inspected(shop, other, kinds[kind]) == {"active": False}
        for stranger in (other, phone):
            response = post(shop, "/oauth/revoke", stranger, token=kinds[kind])
            assert (response.status_code, response.text) == (200, "")
    assert inspected(shop, server, kinds[kind])["active"]


# Forged tokens


def forge_of(shop: Shop, person: Person, access_token: str) -> Forge:
    """Return a forge with the real key, by the example of a token."""
    stored = shop.stack.client("secretsmanager").get_secret_value(
        SecretId=shop.resources["SigningKeysSecret"]
    )
    keys = KeySet.from_secret(stored["SecretString"])
    return Forge(keys, replace(person, grant={"accessToken": access_token}))


@pytest.fixture(scope="module")
def forge(shop: Shop, phone: Json, person: Person) -> Forge:
    return forge_of(shop, person, tokens_of(shop, phone, person)["access_token"])


def test_token_like_the_issued_ones_is_accepted(shop: Shop, forge: Forge) -> None:
    """A control: without it the rejections below would prove nothing."""
    assert is_accepted(shop, forge.token())


@pytest.mark.parametrize(
    "changes",
    [
        *({"client_id": it} for it in ("shop", UNKNOWN_ID, "", 1)),
        *({"sub": it} for it in (UNKNOWN_ID, "", 1)),
        *({"sid": it} for it in (UNKNOWN_ID, "x", None, 1)),
        *({"jti": it} for it in ("x", None, 1)),
        *({"scope": it} for it in (["orders:read"], None, 1)),
        *({"iss": it} for it in ("shop-local", "", None)),
        *({"aud": it} for it in ("x", ["shop-api"], None)),
        {"role": "admin"},
        {"role": "customer"},
    ],
    ids=repr,
)
def test_token_with_a_wrong_claim_is_rejected(shop: Shop, forge: Forge, changes: Json) -> None:
    with nothing_changes(shop):
        assert not is_accepted(shop, forge.token(claims=changes))


@pytest.mark.parametrize(
    "name", ["iss", "aud", "sub", "exp", "iat", "jti", "client_id", "scope", "sid"]
)
def test_token_without_a_claim_is_rejected(shop: Shop, forge: Forge, name: str) -> None:
    with nothing_changes(shop):
        assert not is_accepted(shop, forge.token(without=name))


def test_token_of_a_user_for_another_client_or_itself_is_rejected(
    shop: Shop, server: Json, phone: Json, person: Person, forge: Forge
) -> None:
    with nothing_changes(shop):
        for changes in (
            {"client_id": server["id"]},
            {"sub": phone["id"]},
            {"client_id": person.id, "sub": person.id},
            {"typ": "JWT", "aud": phone["id"]},
        ):
            assert not is_accepted(shop, forge.token(claims=changes))


def test_profiles_of_sessions_and_clients_exclude_each_other(
    shop: Shop, phone: Json, person: Person
) -> None:
    of_session = forge_of(shop, person, person.grant["accessToken"])
    assert is_accepted(shop, of_session.token())

    with nothing_changes(shop):
        for changes in (
            {"client_id": phone["id"]},
            {"iss": shop.url_of_issuer},
            {"iss": shop.url_of_issuer, "client_id": phone["id"]},
        ):
            assert not is_accepted(shop, of_session.token(claims=changes))


def test_scope_beyond_the_grant_is_worth_nothing(shop: Shop, forge: Forge) -> None:
    scope = "openid orders:read orders:write account:read admin:orders:read"
    app = shop.client(forge.token(claims={"scope": scope}))

    with nothing_changes(shop):
        assert app.get("/api/users/me/orders").status_code == 200
        for path in ("/api/users/me", "/api/orders"):
            assert error_of(app.get(path)) == (403, "INSUFFICIENT_SCOPE")
        assert error_of(app.post("/api/users/me/orders", json={})) == (403, "INSUFFICIENT_SCOPE")


@pytest.mark.parametrize("name", ["family", "user_id", "session_id"])
def test_refresh_token_without_the_secret_of_the_family_ends_nothing(
    shop: Shop, phone: Json, person: Person, name: str
) -> None:
    token = tokens_of(shop, phone, person)["refresh_token"]
    changes: Json = {name: b"f" * 16 if name == "family" else new_id()}
    forged = refresh_token_text(replace(parse_refresh_token(token), **changes))

    with nothing_changes(shop):
        assert protocol_error(refresh(shop, phone, forged)) == (400, "invalid_grant")
        assert post(shop, "/oauth/revoke", phone, token=forged).text == ""
    assert refresh(shop, phone, token).status_code == 200


def test_unknown_secret_of_the_right_family_ends_it(
    shop: Shop, phone: Json, person: Person
) -> None:
    tokens = tokens_of(shop, phone, person)
    token = parse_refresh_token(tokens["refresh_token"])
    forged = refresh_token_text(replace(token, secret=b"s" * 32))

    assert protocol_error(refresh(shop, phone, forged)) == (400, "invalid_grant")

    with nothing_changes(shop):
        response = refresh(shop, phone, tokens["refresh_token"])
        assert protocol_error(response) == (400, "invalid_grant")
    assert not is_accepted(shop, tokens["access_token"])


def test_oldest_refresh_token_of_a_family_revokes_it(
    shop: Shop, phone: Json, person: Person
) -> None:
    first = tokens_of(shop, phone, person)["refresh_token"]
    second = refresh(shop, phone, first).json()["refresh_token"]
    third = refresh(shop, phone, second).json()

    assert post(shop, "/oauth/revoke", phone, token=first).text == ""

    with nothing_changes(shop):
        response = refresh(shop, phone, third["refresh_token"])
        assert protocol_error(response) == (400, "invalid_grant")
        assert post(shop, "/oauth/revoke", phone, token=first).status_code == 200
    assert not is_accepted(shop, third["access_token"])


def test_own_token_of_a_client_is_revoked(shop: Shop, server: Json) -> None:
    first, second = own_token(shop, server), own_token(shop, server)

    assert post(shop, "/oauth/revoke", server, token=first).text == ""

    assert inspected(shop, server, first) == {"active": False}
    assert error_of(shop.client(first).get("/api/orders")) == (401, "UNAUTHORIZED")
    assert shop.client(second).get("/api/orders").status_code == 200


# Clients that changed


def change(shop: Shop, client: Json, **fields: Any) -> None:
    response = shop.admin.http.patch(f"/api/oauth-clients/{client['id']}", json=fields)
    assert response.status_code == 200, response.text


def deactivate(shop: Shop, client: Json) -> None:
    change(shop, client, status="inactive")


def delete(shop: Shop, client: Json) -> None:
    assert shop.admin.http.delete(f"/api/oauth-clients/{client['id']}").status_code == 204


@pytest.mark.parametrize("end", [deactivate, delete])
def test_nothing_of_an_ended_client_is_accepted(
    shop: Shop, person: Person, end: Callable[[Shop, Json], None]
) -> None:
    client = shop.oauth_client()
    tokens, own = tokens_of(shop, client, person), own_token(shop, client)
    code = person.authorize(client)["code"]
    inspector = shop.oauth_client(scopes=["admin:tokens:introspect"])

    end(shop, client)

    with nothing_changes(shop):
        for response in (
            exchange(shop, client, code),
            refresh(shop, client, tokens["refresh_token"]),
            post(shop, "/oauth/token", client, **OWN),
            post(shop, "/oauth/revoke", client, token=tokens["refresh_token"]),
            post(shop, "/oauth/introspect", client, token=tokens["refresh_token"]),
        ):
            assert protocol_error(response) == (401, "invalid_client")
        assert_no_redirect(ask(shop, client))
        body = body_of(client) | {"consent": "given"}
        response = person.http.post("/api/authorizations", json=body)
        assert error_of(response) == (422, "VALIDATION_ERROR")
        assert response.json()["error"]["details"][0]["field"] == "body.clientId"
        for token in (tokens["access_token"], tokens["refresh_token"], own):
            assert inspected(shop, inspector, token) == {"active": False}
        for token in (tokens["access_token"], own):
            assert error_of(shop.client(token).get("/api/orders")) == (401, "UNAUTHORIZED")


def test_active_client_again_has_its_grants_but_not_its_tokens(shop: Shop) -> None:
    client, person = shop.oauth_client(), shop.sign_up()
    tokens, own = tokens_of(shop, client, person), own_token(shop, client)
    code = person.authorize(client)["code"]
    deactivate(shop, client)
    (grant,) = person.http.get("/api/grants").json()["data"]
    assert grant["devices"] == 0

    change(shop, client, status="active")

    for response in (
        refresh(shop, client, tokens["refresh_token"]),
        exchange(shop, client, code),
    ):
        assert protocol_error(response) == (400, "invalid_grant")
    for token in (tokens["access_token"], own):
        assert not is_accepted(shop, token)
    assert is_accepted(shop, tokens_of(shop, client, person)["access_token"])
    delete(shop, client)
    assert person.http.get("/api/grants").json()["data"] == []


def test_narrowed_client_narrows_its_live_tokens(shop: Shop, person: Person) -> None:
    client = shop.oauth_client()
    tokens, own = tokens_of(shop, client, person), own_token(shop, client)
    code = person.authorize(client)["code"]

    change(shop, client, scopes=["openid", "profile"])

    app = shop.client(tokens["access_token"])
    assert error_of(app.get("/api/users/me/orders")) == (403, "INSUFFICIENT_SCOPE")
    assert app.get("/oauth/userinfo").json() == {"sub": person.id}
    assert error_of(shop.client(own).get("/api/orders")) == (403, "INSUFFICIENT_SCOPE")
    assert inspected(shop, client, tokens["access_token"])["scope"] == "openid"
    refreshed = refresh(shop, client, tokens["refresh_token"]).json()
    assert (refreshed["scope"], exchange(shop, client, code).json()["scope"]) == (
        "openid",
        "openid",
    )
    response = post(shop, "/oauth/token", client, **OWN)
    assert protocol_error(response) == (400, "invalid_scope")


def test_client_without_any_scope_of_the_grant_gets_no_token(shop: Shop, person: Person) -> None:
    client = shop.oauth_client()
    tokens = tokens_of(shop, client, person)
    code = person.authorize(client)["code"]

    change(shop, client, scopes=["email"])

    with nothing_changes(shop):
        for response in (
            refresh(shop, client, tokens["refresh_token"]),
            refresh(shop, client, tokens["refresh_token"], scope="email"),
            exchange(shop, client, code),
        ):
            assert protocol_error(response) == (400, "invalid_grant")
    assert inspected(shop, client, tokens["refresh_token"]) == {"active": False}
    change(shop, client, scopes=client["scopes"])
    assert refresh(shop, client, tokens["refresh_token"]).json()["scope"] == tokens["scope"]


def test_grant_types_of_the_client_hold_for_its_codes_and_tokens(
    shop: Shop, person: Person
) -> None:
    client = shop.oauth_client()
    token = tokens_of(shop, client, person)["refresh_token"]
    code = person.authorize(client)["code"]

    change(shop, client, grantTypes=["authorization_code"])
    with nothing_changes(shop):
        response = refresh(shop, client, token)
        assert protocol_error(response) == (400, "unauthorized_client")
        response = post(shop, "/oauth/token", client, **OWN)
        assert protocol_error(response) == (400, "unauthorized_client")
    without_refresh = exchange(shop, client, code).json()
    assert "refresh_token" not in without_refresh
    assert is_accepted(shop, without_refresh["access_token"])

    code = person.authorize(client)["code"]
    change(shop, client, grantTypes=["client_credentials"])
    with nothing_changes(shop):
        response = exchange(shop, client, code)
        assert protocol_error(response) == (400, "unauthorized_client")
        assert sent_back(ask(shop, client))["error"] == "unauthorized_client"


def test_two_newest_secrets_are_valid_at_most(shop: Shop) -> None:
    client = shop.oauth_client()
    secrets = [client["secret"]]

    def valid() -> list[bool]:
        responses = [post(shop, "/oauth/token", client | {"secret": it}, **OWN) for it in secrets]
        return [it.status_code == 200 for it in responses]

    def create(keep_previous: bool) -> None:
        path = f"/api/oauth-clients/{client['id']}/secrets"
        created = shop.admin.http.post(path, json={"keepPrevious": keep_previous})
        secrets.append(created.json()["secret"])

    create(keep_previous=True)
    assert valid() == [True, True]
    create(keep_previous=True)
    assert valid() == [False, True, True]
    create(keep_previous=False)
    assert valid() == [False, False, False, True]


# Users that changed


def set_role(shop: Shop, person: Person, role: str) -> None:
    changed = shop.admin.http.patch(f"/api/users/{person.id}", json={"role": role})
    assert changed.status_code == 200, changed.text


def test_app_of_a_former_admin_is_no_admin(shop: Shop) -> None:
    scope = "admin:orders:read admin:products:write"
    client = shop.oauth_client(scopes=scope.split())
    product = f"/api/products/{shop.product()['id']}"
    admin = shop.sign_up()
    set_role(shop, admin, "admin")
    admin = shop.log_in(admin.email)
    used, unused = (
        shop.client(tokens_of(shop, client, admin, scope=scope)["access_token"]) for _ in range(2)
    )
    assert used.patch(product, json={"stockDelta": 1}).status_code == 200

    set_role(shop, admin, "customer")

    with nothing_changes(shop):
        # The gateway has the former role of this token for 50 s, so the write verifies it.
        assert error_of(used.patch(product, json={"stockDelta": 1})) == (403, "FORBIDDEN")
        response = unused.patch(product, json={"stockDelta": 1})
        assert error_of(response) == (403, "INSUFFICIENT_SCOPE")
        assert error_of(unused.get("/api/orders")) == (403, "INSUFFICIENT_SCOPE")


def test_idempotency_keys_of_a_session_and_of_each_client_are_separate(
    shop: Shop, phone: Json, person: Person
) -> None:
    product, scope = shop.product(stock=10), "orders:read orders:write"
    other = shop.oauth_client(**PHONE)
    apps = [
        shop.client(tokens_of(shop, client, person, scope=scope)["access_token"])
        for client in (phone, other)
    ]
    body = {"items": [{"productId": product["id"], "quantity": 1}]}

    def order(http: httpx2.Client) -> httpx2.Response:
        headers = {"Idempotency-Key": "the-same"}
        return http.post("/api/users/me/orders", json=body, headers=headers)

    first = [order(http) for http in (person.http, *apps)]
    second = [order(http) for http in (person.http, *apps)]

    assert [it.status_code for it in (*first, *second)] == [201] * 6
    assert len({it.json()["id"] for it in first}) == 3
    assert [it.json() for it in second] == [it.json() for it in first]
    assert shop.stock(product) == 7


# Large requests


@pytest.mark.parametrize("path", FORM_ENDPOINTS)
@pytest.mark.parametrize(
    "content",
    [
        b"token=" + b"x" * 2**20,
        b"a=1&" * 2**18 + b"x",
        b"&" * 2**21,
        b"%" * 2**21,
        b"x" * (2**20 + 1),
    ],
    ids=["one field", "many fields", "separators", "percent signs", "a byte too many"],
)
def test_form_above_1_mib_is_too_large(shop: Shop, path: str, content: bytes) -> None:
    with nothing_changes(shop):
        response = shop.anonymous.post(path, content=content, headers=FORM)

    assert error_of(response) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "x" * 60_000}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "A" * 30_000}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code_verifier": "A" * 60_000}, "invalid_grant"),
        (
            {"grant_type": "refresh_token", "refresh_token": "shop_rt_" + "A" * 60_000},
            "invalid_grant",
        ),
        ({"grant_type": "client_credentials", "scope": "x " * 30_000}, "invalid_scope"),
    ],
    ids=["grant type", "code", "verifier", "refresh token", "scope"],
)
def test_long_parameter_is_rejected_like_a_short_one(
    shop: Shop, server: Json, form: dict[str, str], error: str
) -> None:
    required = {"code": "x", "code_verifier": CODE_VERIFIER}

    with nothing_changes(shop):
        response = post(shop, "/oauth/token", server, **{**required, **form})
        assert protocol_error(response) == (400, error)


def test_long_token_and_credentials_are_rejected_like_short_ones(shop: Shop, server: Json) -> None:
    long = "x" * 60_000
    longest = "x" * 10_000  # of the document

    with nothing_changes(shop):
        assert inspected(shop, server, longest) == {"active": False}
        assert post(shop, "/oauth/revoke", server, token=longest).text == ""
        for path in FORM_ENDPOINTS:
            for credentials in (
                {"client_id": long},
                {"client_id": server["id"], "client_secret": long},
            ):
                response = shop.anonymous.post(path, data={"token": "x", **credentials})
                assert protocol_error(response) == (401, "invalid_client")


def test_long_authorization_request_is_rejected_like_a_short_one(
    shop: Shop, server: Json, person: Person
) -> None:
    long = "x" * 1_000_000

    with nothing_changes(shop):
        for name, error in (
            ("scope", "invalid_scope"),
            ("responseType", "unsupported_response_type"),
            ("codeChallenge", "invalid_request"),
            ("codeChallengeMethod", "invalid_request"),
            ("nonce", "invalid_request"),
        ):
            assert person.authorize(server, **{name: long})["error"] == error
        for name in ("clientId", "redirectUri"):
            body = body_of(server) | {"consent": "given", name: long}
            response = person.http.post("/api/authorizations", json=body)
            assert error_of(response) == (422, "VALIDATION_ERROR")


# Lost responses and outages


def test_exchange_with_a_lost_response_is_no_second_use(
    shop: Shop, faults: FaultProxy, phone: Json, person: Person
) -> None:
    code = person.authorize(phone)["code"]

    with faults.on(response_lost, "TransactWriteItems", times=1) as hits:
        response = exchange(shop, phone, code)

    assert (response.status_code, len(hits)) == (200, 1)
    assert is_accepted(shop, response.json()["access_token"])
    assert refresh(shop, phone, response.json()["refresh_token"]).status_code == 200


def test_code_whose_client_got_503_is_spent_and_leaves_no_live_token(
    shop: Shop, faults: FaultProxy, phone: Json
) -> None:
    person = shop.sign_up()
    code = person.authorize(phone)["code"]

    with faults.on(response_lost, "TransactWriteItems") as hits:
        assert_retryable_503(exchange(shop, phone, code))
    assert len({call.request["ClientRequestToken"] for call in hits}) == 1

    assert protocol_error(exchange(shop, phone, code)) == (400, "invalid_grant")
    (grant,) = person.http.get("/api/grants").json()["data"]
    assert grant["devices"] == 0
    assert tokens_of(shop, phone, person)["scope"] == "openid orders:read"


@pytest.mark.parametrize("times", [1, 3], ids=["once", "each time"])
def test_refresh_with_a_lost_response_gives_the_one_successor(
    shop: Shop, faults: FaultProxy, phone: Json, person: Person, times: int
) -> None:
    spent = tokens_of(shop, phone, person)["refresh_token"]

    with faults.on(response_lost, "UpdateItem", times=times) as hits:
        response = refresh(shop, phone, spent)
    if times > 1:
        assert_retryable_503(response)
        response = refresh(shop, phone, spent)

    assert (response.status_code, len(hits)) == (200, times)
    successor = response.json()["refresh_token"]
    with nothing_changes(shop):
        assert refresh(shop, phone, spent).json()["refresh_token"] == successor
    assert refresh(shop, phone, successor).status_code == 200


@pytest.mark.parametrize("end_session", [False, True])
def test_consent_with_a_lost_response_gives_one_code(
    shop: Shop, faults: FaultProxy, phone: Json, end_session: bool
) -> None:
    person = shop.sign_up()

    with faults.on(response_lost, "TransactWriteItems", times=1) as hits:
        sent = person.authorize(phone, endSession=end_session)

    assert len(hits) == 1
    assert exchange(shop, phone, sent["code"]).status_code == 200
    (grant,) = shop.log_in(person.email).http.get("/api/grants").json()["data"]
    assert grant["devices"] == 1


def test_consent_whose_user_got_503_is_given_again(
    shop: Shop, faults: FaultProxy, phone: Json
) -> None:
    person = shop.sign_up()
    body = body_of(phone) | {"consent": "given"}

    with faults.on(response_lost, "TransactWriteItems"):
        assert_retryable_503(person.http.post("/api/authorizations", json=body))

    assert exchange(shop, phone, person.authorize(phone)["code"]).status_code == 200
    (grant,) = person.http.get("/api/grants").json()["data"]
    assert grant["devices"] == 1


@pytest.mark.parametrize("times", [1, 3], ids=["once", "each time"])
def test_revocation_with_a_lost_response_is_done(
    shop: Shop, faults: FaultProxy, server: Json, person: Person, times: int
) -> None:
    tokens, own = tokens_of(shop, server, person), own_token(shop, server)
    for token, operation in ((tokens["refresh_token"], "TransactWriteItems"), (own, "PutItem")):
        with faults.on(response_lost, operation, times=times) as hits:
            response = post(shop, "/oauth/revoke", server, token=token)
        if times > 1:
            assert_retryable_503(response)
            response = post(shop, "/oauth/revoke", server, token=token)

        assert (response.status_code, response.text, len(hits)) == (200, "", times)
        assert inspected(shop, server, token) == {"active": False}
    assert not is_accepted(shop, tokens["access_token"])


@pytest.mark.parametrize("times", [1, 3], ids=["once", "each time"])
def test_end_of_a_grant_with_a_lost_response_is_no_404(
    shop: Shop, faults: FaultProxy, phone: Json, times: int
) -> None:
    person = shop.sign_up()
    tokens, path = tokens_of(shop, phone, person), f"/api/grants/{phone['id']}"

    with faults.on(response_lost, "TransactWriteItems", times=times):
        response = person.http.delete(path)

    if times > 1:
        assert_retryable_503(response)
        assert error_of(person.http.delete(path)) == (404, "NOT_FOUND")
    else:
        assert response.status_code == 204
    assert protocol_error(refresh(shop, phone, tokens["refresh_token"])) == (400, "invalid_grant")


def test_client_and_secret_with_lost_responses_are_stored_once(
    shop: Shop, faults: FaultProxy
) -> None:
    body = {
        "name": "Invoice robot",
        "type": "confidential",
        "redirectUris": [],
        "grantTypes": ["client_credentials"],
        "scopes": ["admin:orders:read"],
    }
    headers = {"Idempotency-Key": new_id()}
    with faults.on(response_lost, "TransactWriteItems"):
        first = shop.admin.http.post("/api/oauth-clients", json=body, headers=headers)
        assert_retryable_503(first)

    created = shop.admin.http.post("/api/oauth-clients", json=body, headers=headers)
    path = f"/api/oauth-clients/{created.json()['id']}"
    with faults.on(response_lost, "TransactWriteItems", times=1):
        secret = shop.admin.http.post(f"{path}/secrets", json={"keepPrevious": False})
    with faults.on(response_lost, "TransactWriteItems", times=1):
        changed = shop.admin.http.patch(path, json={"name": "Receipt robot"})

    assert created.headers["Idempotent-Replayed"] == "true"
    assert (secret.status_code, changed.status_code) == (201, 200)
    stored = shop.admin.http.get(path).json()
    assert [it["id"] for it in stored["secrets"]] == [secret.json()["id"]]
    assert stored == changed.json() and stored["name"] == "Receipt robot"
    assert own_token(shop, created.json() | {"secret": secret.json()["secret"]})
    with faults.on(response_lost, "TransactWriteItems", times=1):
        assert shop.admin.http.delete(path).status_code == 204


@pytest.mark.parametrize("operation", ["GetItem", "BatchGetItem", "TransactWriteItems"])
def test_throttled_exchange_is_503_and_spends_no_code(
    shop: Shop, faults: FaultProxy, phone: Json, person: Person, operation: str
) -> None:
    code = person.authorize(phone)["code"]

    with nothing_changes(shop), faults.on(THROTTLED, operation):
        assert_retryable_503(exchange(shop, phone, code))

    assert exchange(shop, phone, code).status_code == 200


def test_missing_signing_key_spends_no_code_and_no_refresh_token(
    shop: Shop, faults: FaultProxy, phone: Json, person: Person
) -> None:
    token, code = (
        tokens_of(shop, phone, person)["refresh_token"],
        person.authorize(phone)["code"],
    )
    shop.restart("CreateToken")

    with faults.on(service_error("InternalServiceError", 500), service=SECRETS):
        with nothing_changes(shop):
            assert_retryable_503(exchange(shop, phone, code))
        assert_retryable_503(refresh(shop, phone, token))

    assert exchange(shop, phone, code).status_code == 200
    assert refresh(shop, phone, token).status_code == 200


def test_conflicts_and_unprocessed_keys_are_retried(
    shop: Shop, faults: FaultProxy, phone: Json, person: Person
) -> None:
    with faults.on(conflicts(share=1, seed=1), "TransactWriteItems", times=2) as hits:
        code = person.authorize(phone)["code"]
    assert len(hits) == 2
    with (
        faults.on(conflicts(share=1, seed=1), "TransactWriteItems", times=2) as hits,
        faults.on(unprocessed, "BatchGetItem", times=2) as reads,
    ):
        response = exchange(shop, phone, code)

    assert (response.status_code, len(hits), len(reads)) == (200, 2, 2)


def test_authorizer_that_cannot_read_a_grant_is_503(
    shop: Shop, faults: FaultProxy, phone: Json, person: Person
) -> None:
    never_seen = shop.client(tokens_of(shop, phone, person)["access_token"])

    with faults.on(THROTTLED, table=shop.resources["GrantsTable"]):
        assert_retryable_503(never_seen.get("/api/users/me/orders"))

    assert never_seen.get("/api/users/me/orders").status_code == 200
