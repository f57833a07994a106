"""requests-oauthlib on a deployed stack; it knows no discovery, ID tokens or introspection."""

import re
from typing import Any, NamedTuple

import pytest
from oauthlib.oauth2 import (
    BackendApplicationClient,
    InvalidClientError,
    InvalidGrantError,
    InvalidScopeError,
    LegacyApplicationClient,
    MismatchingStateError,
    OAuth2Error,
    UnauthorizedClientError,
    UnsupportedGrantTypeError,
    WebApplicationClient,
)
from requests import Response
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from tests.support.deployed_shop import DeployedShop, Person
from tests.support.oauth_browser import SCOPE, STATE, RegisteredClient, authorize

type Json = dict[str, Any]

ADMIN_SCOPE = "admin:orders:read"
of_every_client = pytest.mark.parametrize(
    "method", ["none", "client_secret_basic", "client_secret_post"]
)
of_clients_with_secret = pytest.mark.parametrize(
    "method", ["client_secret_basic", "client_secret_post"]
)


@pytest.fixture(autouse=True)
def http_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def token_url(shop: DeployedShop) -> str:
    return f"{shop.url_of_issuer}/oauth/token"


class App:
    """An application with a session of the library."""

    def __init__(
        self, shop: DeployedShop, client: RegisteredClient, method: str, **options: Any
    ) -> None:
        self._url = shop.url_of_issuer
        secret: Json = {} if client.secret is None else {"client_secret": client.secret}
        in_form = {"client_id": client.id, **secret}
        basic = {"auth": HTTPBasicAuth(client.id, client.secret or "")}
        is_basic = method == "client_secret_basic"
        # Each of the library's methods authenticates the client by other arguments.
        self._for_fetch = secret if is_basic else {**secret, "include_client_id": True}
        self._for_request = in_form if is_basic else {}
        self._for_form: Json = basic if is_basic else in_form
        self.updates: list[Json] = []
        self._protocol = WebApplicationClient(client.id)
        self.session = OAuth2Session(
            client=self._protocol,
            redirect_uri=client.redirect_uri,
            state=STATE,
            auto_refresh_url=f"{self._url}/oauth/token",
            auto_refresh_kwargs={} if is_basic else in_form,
            token_updater=self.updates.append,
            **{"scope": SCOPE.split(), "pkce": "S256"} | options,
        )

    def authorization_url(self, **parameters: str) -> str:
        url, state = self.session.authorization_url(f"{self._url}/oauth/authorize", **parameters)
        assert state == STATE
        return url

    def exchange(self, redirect: str) -> Json:
        return self.session.fetch_token(
            f"{self._url}/oauth/token", authorization_response=redirect, **self._for_fetch
        )

    def refresh(self, token: str) -> Json:
        return self.session.refresh_token(
            f"{self._url}/oauth/token", refresh_token=token, **self._for_form
        )

    def user(self) -> Response:
        return self.session.get(f"{self._url}/oauth/userinfo", **self._for_request)

    def revoke(self, token: str) -> Response:
        form = self._for_form.copy()
        auth = form.pop("auth", None)
        url, headers, body = self._protocol.prepare_token_revocation_request(
            f"{self._url}/oauth/revoke", token, **form
        )
        return self.session.request("POST", url, body, headers, withhold_token=True, auth=auth)


class SignedIn(NamedTuple):
    app: App
    redirect: str
    tokens: Json


@pytest.fixture
def signed_in(
    shop: DeployedShop, person: Person, client: RegisteredClient, method: str
) -> SignedIn:
    app = App(shop, client, method)
    redirect = authorize(shop, person, app.authorization_url())
    return SignedIn(app, redirect, app.exchange(redirect))


def assert_ended(signed_in: SignedIn) -> None:
    app, _, tokens = signed_in
    with pytest.raises(InvalidGrantError):
        app.refresh(tokens["refresh_token"])
    app.session.token = tokens
    assert app.user().status_code == 401


@of_every_client
def test_user_signs_in(person: Person, signed_in: SignedIn) -> None:
    user = signed_in.app.user().json()

    assert signed_in.tokens["scope"] == SCOPE.split()
    assert (user["sub"], user["email"]) == (person.id, person.email)


@pytest.mark.parametrize(
    ("error", "options", "parameters", "consent"),
    [
        ("(access_denied)", {}, {}, "refused"),
        ("(invalid_scope)", {"scope": [ADMIN_SCOPE]}, {}, "given"),
        ("(invalid_request) code_challenge", {"pkce": None}, {}, "given"),
        ("(login_required)", {}, {"prompt": "none"}, "given"),
        ("(request_uri_not_supported)", {}, {"request_uri": "urn:example:1"}, "given"),
    ],
)
def test_redirect_has_the_error(
    shop: DeployedShop,
    person: Person,
    phone: RegisteredClient,
    error: str,
    options: Json,
    parameters: dict[str, str],
    consent: str,
) -> None:
    app = App(shop, phone, "none", **options)

    redirect = authorize(shop, person, app.authorization_url(**parameters), consent)

    with pytest.raises(OAuth2Error, match=re.escape(error)):
        app.exchange(redirect)


def test_redirect_with_another_state_is_rejected(
    shop: DeployedShop, person: Person, phone: RegisteredClient
) -> None:
    app = App(shop, phone, "none")
    redirect = authorize(shop, person, app.authorization_url())

    with pytest.raises(MismatchingStateError):
        app.exchange(redirect.replace("state=two", "state=three"))


def test_code_with_another_verifier_is_invalid_grant(
    shop: DeployedShop, person: Person, phone: RegisteredClient
) -> None:
    redirect = authorize(shop, person, App(shop, phone, "none").authorization_url())
    another = App(shop, phone, "none")
    another.authorization_url()

    with pytest.raises(InvalidGrantError):
        another.exchange(redirect)


@of_every_client
def test_expired_access_token_is_refreshed(person: Person, signed_in: SignedIn) -> None:
    app, _, tokens = signed_in
    app.session.token = tokens | {"expires_at": 1}

    user = app.user().json()
    (second,) = app.updates
    third = app.refresh(second["refresh_token"])

    assert user["sub"] == person.id
    assert len({it["refresh_token"] for it in (tokens, second, third)}) == 3
    # A token two rotations old ends them all.
    for reused in (tokens, third):
        with pytest.raises(InvalidGrantError):
            app.refresh(reused["refresh_token"])


def test_refresh_ignores_unknown_scopes_as_authorization_does(
    shop: DeployedShop,
    person: Person,
    phone: RegisteredClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without it, the library rejects tokens with fewer scopes than it asked for.
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")
    app = App(shop, phone, "none", scope=[*SCOPE.split(), "offline_access"])
    tokens = app.exchange(authorize(shop, person, app.authorization_url()))

    # The session sends the scope of its authorization request again.
    refreshed = app.refresh(tokens["refresh_token"])

    assert tokens["scope"] == refreshed["scope"] == SCOPE.split()


@of_every_client
def test_revocation_ends_both_tokens(signed_in: SignedIn) -> None:
    assert signed_in.app.revoke(signed_in.tokens["refresh_token"]).status_code == 200

    assert_ended(signed_in)


@of_every_client
def test_replayed_code_ends_its_tokens(signed_in: SignedIn) -> None:
    with pytest.raises(InvalidGrantError):
        signed_in.app.exchange(signed_in.redirect)

    assert_ended(signed_in)


@pytest.mark.parametrize("is_in_form", [False, True], ids=["basic", "post"])
def test_client_gets_a_token_of_its_own(
    shop: DeployedShop, server: RegisteredClient, token_url: str, is_in_form: bool
) -> None:
    itself = BackendApplicationClient(server.id, scope=ADMIN_SCOPE)
    session = OAuth2Session(client=itself)
    by: Json = {"client_secret": server.secret, "include_client_id": is_in_form}

    tokens = session.fetch_token(token_url, **by)

    assert (tokens["scope"], "refresh_token" in tokens) == ([ADMIN_SCOPE], False)
    assert session.get(f"{shop.url_of_issuer}/api/orders").status_code == 200
    itself.scope = "orders:read"
    with pytest.raises(InvalidScopeError):
        session.fetch_token(token_url, **by)


@of_clients_with_secret
def test_wrong_secret_is_invalid_client(
    shop: DeployedShop, signed_in: SignedIn, client: RegisteredClient, method: str
) -> None:
    intruder = App(shop, client._replace(secret="wrong"), method)
    intruder.authorization_url()

    with pytest.raises(InvalidClientError):
        intruder.exchange(signed_in.redirect)
    with pytest.raises(InvalidClientError):
        intruder.refresh(signed_in.tokens["refresh_token"])
    revoked = intruder.revoke(signed_in.tokens["refresh_token"])
    assert (revoked.status_code, revoked.json()["error"]) == (401, "invalid_client")
    assert signed_in.app.user().status_code == 200


def test_grant_type_that_the_client_may_not_use_is_rejected(
    phone: RegisteredClient, token_url: str
) -> None:
    itself = OAuth2Session(client=BackendApplicationClient(phone.id))
    with_password = OAuth2Session(client=LegacyApplicationClient(phone.id))

    with pytest.raises(UnauthorizedClientError):
        itself.fetch_token(token_url, include_client_id=True)
    with pytest.raises(UnsupportedGrantTypeError):
        with_password.fetch_token(token_url, username="a", password="b", include_client_id=True)
