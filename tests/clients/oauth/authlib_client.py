"""Authlib on a deployed stack: sign-in at a website with Flask, and sessions with requests."""

import re
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client import MismatchingStateError, OAuthError
from authlib.integrations.flask_client import OAuth
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2 import rfc8414, rfc9207
from authlib.oauth2.rfc6750 import InsufficientScopeError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oidc.discovery import OpenIDProviderMetadata
from flask import Flask, request
from joserfc.errors import InvalidClaimError
from joserfc.jwk import KeySet
from werkzeug.wrappers import Response

from tests.support.deployed_shop import DeployedShop, Person
from tests.support.oauth_browser import SCOPE, STATE, RegisteredClient, authorize

type Json = dict[str, Any]

of_every_client = pytest.mark.parametrize(
    "method", ["none", "client_secret_basic", "client_secret_post"]
)
of_clients_with_secret = pytest.mark.parametrize(
    "method", ["client_secret_basic", "client_secret_post"]
)


@pytest.fixture(scope="module")
def metadata(shop: DeployedShop) -> Json:
    found: Json = shop.anonymous.get("/.well-known/oauth-authorization-server").json()
    return found


class Website:
    """A website whose users sign in at the shop."""

    def __init__(self, shop: DeployedShop, client: RegisteredClient, method: str) -> None:
        app = Flask(__name__)
        app.config.update(SECRET_KEY="signs cookies", TESTING=True)
        self._redirect_uri = client.redirect_uri
        self._remote = OAuth(app).register(
            "shop",
            client_id=client.id,
            client_secret=client.secret,
            server_metadata_url=f"{shop.url_of_issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": SCOPE,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": method,
            },
        )
        app.add_url_rule("/login", view_func=self._log_in)
        app.add_url_rule("/callback", view_func=self._call_back)
        self._browser = app.test_client()

    def log_in(self, **parameters: str) -> str:
        """Return the authorization URL."""
        return self._browser.get("/login", query_string=parameters).headers["Location"]

    def call_back(self, redirect: str) -> Json:
        """Return the scope of the tokens, claims of the ID token, and the user."""
        response = self._browser.get(f"/callback?{urlsplit(redirect).query}")
        page: Json = response.get_json()
        return page

    def _log_in(self) -> Response:
        redirect: Response = self._remote.authorize_redirect(
            self._redirect_uri, state=STATE, **request.args
        )
        return redirect

    def _call_back(self) -> Json:
        tokens = self._remote.authorize_access_token()
        return {
            "scope": tokens["scope"],
            "claims": tokens["userinfo"],
            "user": self._remote.userinfo(),
        }


class SignedIn:
    """A session of the library, after its user signed in."""

    def __init__(
        self,
        shop: DeployedShop,
        person: Person,
        client: RegisteredClient,
        method: str,
        metadata: Json,
        scope: str = SCOPE,
    ) -> None:
        self.updates: list[tuple[str, str]] = []
        self.session = session_of(client, method, metadata, scope, self._update)
        self._verifier = generate_token(48)
        url, _ = self.session.create_authorization_url(
            metadata["authorization_endpoint"], state=STATE, code_verifier=self._verifier
        )
        self._redirect = authorize(shop, person, url)
        self.tokens: Json = self.exchange()

    def exchange(self) -> Json:
        fetched: Json = self.session.fetch_token(
            authorization_response=self._redirect, state=STATE, code_verifier=self._verifier
        )
        return fetched

    def _update(self, tokens: Json, refresh_token: str) -> None:
        self.updates.append((refresh_token, tokens["refresh_token"]))


def session_of(
    client: RegisteredClient, method: str, metadata: Json, scope: str, update_token: Any = None
) -> OAuth2Session:
    return OAuth2Session(
        client.id,
        client.secret,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        scope=scope,
        redirect_uri=client.redirect_uri,
        code_challenge_method="S256",
        update_token=update_token,
        token_endpoint=metadata["token_endpoint"],
    )


@pytest.fixture
def signed_in(
    shop: DeployedShop, person: Person, client: RegisteredClient, method: str, metadata: Json
) -> SignedIn:
    return SignedIn(shop, person, client, method, metadata)


def assert_ended(signed_in: SignedIn, metadata: Json) -> None:
    refresh_token = signed_in.tokens["refresh_token"]
    with pytest.raises(OAuthError, match="invalid_grant"):
        signed_in.session.refresh_token(refresh_token=refresh_token)
    signed_in.session.token = signed_in.tokens
    assert signed_in.session.get(metadata["userinfo_endpoint"]).status_code == 401


def test_metadata_is_valid(metadata: Json) -> None:
    rfc8414.AuthorizationServerMetadata(metadata).validate(
        metadata_classes=[rfc9207.AuthorizationServerMetadata]
    )
    # OpenID Connect Discovery requires RS256, which this server does not sign with.
    algorithms = metadata["id_token_signing_alg_values_supported"]
    provider = metadata | {"id_token_signing_alg_values_supported": [*algorithms, "RS256"]}
    OpenIDProviderMetadata(provider).validate()


@of_every_client
def test_user_signs_in_at_a_website(
    shop: DeployedShop, person: Person, client: RegisteredClient, method: str
) -> None:
    website = Website(shop, client, method)

    page = website.call_back(authorize(shop, person, website.log_in()))

    assert (page["scope"], page["claims"]["sub"]) == (SCOPE, person.id)
    assert page["claims"].keys() >= {"nonce", "auth_time"}
    assert (page["user"]["sub"], page["user"]["email"]) == (person.id, person.email)


@pytest.mark.parametrize(
    ("error", "parameters", "consent"),
    [
        ("access_denied", {}, "refused"),
        ("invalid_scope", {"scope": "admin:users:read"}, "given"),
        ("login_required", {"prompt": "none"}, "given"),
        ("invalid_request", {"response_mode": "form_post"}, "given"),
        ("unsupported_response_type", {"response_type": "token"}, "given"),
    ],
)
def test_website_gets_errors_by_redirect(
    shop: DeployedShop,
    person: Person,
    phone: RegisteredClient,
    error: str,
    parameters: dict[str, str],
    consent: str,
) -> None:
    website = Website(shop, phone, "none")

    redirect = authorize(shop, person, website.log_in(**parameters), consent)

    with pytest.raises(OAuthError, match=error):
        website.call_back(redirect)


@pytest.mark.parametrize(
    ("sent", "received", "error"),
    [("nonce", "", InvalidClaimError), ("", "state", MismatchingStateError)],
)
def test_website_rejects_another_nonce_or_state(
    shop: DeployedShop,
    person: Person,
    phone: RegisteredClient,
    sent: str,
    received: str,
    error: type[Exception],
) -> None:
    website = Website(shop, phone, "none")
    url = with_other(sent, website.log_in())

    redirect = with_other(received, authorize(shop, person, url))

    with pytest.raises(error):
        website.call_back(redirect)


def with_other(name: str, url: str) -> str:
    """Replace the value of a parameter in a URL."""
    return re.sub(rf"(?<=[?&]{name}=)[^&]*", "another", url)


@of_every_client
def test_expired_access_token_is_refreshed(
    person: Person, signed_in: SignedIn, metadata: Json
) -> None:
    first = signed_in.tokens["refresh_token"]
    signed_in.session.token = {**signed_in.tokens, "expires_at": 1}

    user = signed_in.session.get(metadata["userinfo_endpoint"]).json()
    second = signed_in.session.token["refresh_token"]
    third = signed_in.session.refresh_token()["refresh_token"]

    assert user["sub"] == person.id
    assert signed_in.updates == [(first, second), (second, third)]
    assert len({first, second, third}) == 3
    # A token two rotations old ends them all.
    for reused in (first, third):
        with pytest.raises(OAuthError, match="invalid_grant"):
            signed_in.session.refresh_token(refresh_token=reused)


def test_refresh_ignores_unknown_scopes_as_authorization_does(
    shop: DeployedShop, person: Person, phone: RegisteredClient, metadata: Json
) -> None:
    signed_in = SignedIn(shop, person, phone, "none", metadata, f"{SCOPE} offline_access")

    # The session sends the scope of its authorization request again.
    refreshed = signed_in.session.refresh_token()

    assert signed_in.tokens["scope"] == refreshed["scope"] == SCOPE


@of_every_client
def test_revocation_ends_both_tokens(signed_in: SignedIn, metadata: Json) -> None:
    revoked = signed_in.session.revoke_token(
        metadata["revocation_endpoint"], token_type_hint="refresh_token"
    )

    assert revoked.status_code == 200
    assert_ended(signed_in, metadata)


@of_every_client
def test_replayed_code_ends_its_tokens(signed_in: SignedIn, metadata: Json) -> None:
    with pytest.raises(OAuthError, match="invalid_grant"):
        signed_in.exchange()

    assert_ended(signed_in, metadata)


@of_clients_with_secret
def test_introspection_shows_live_tokens(
    person: Person, signed_in: SignedIn, metadata: Json
) -> None:
    def inspect(token: str) -> Json:
        response = signed_in.session.introspect_token(metadata["introspection_endpoint"], token)
        shown: Json = response.json()
        return shown

    access, refresh = (inspect(signed_in.tokens[it]) for it in ("access_token", "refresh_token"))
    signed_in.session.revoke_token(metadata["revocation_endpoint"])

    assert (access["active"], access["sub"], access["scope"]) == (True, person.id, SCOPE)
    assert (refresh["active"], refresh["sub"]) == (True, person.id)
    assert inspect(signed_in.tokens["access_token"]) == {"active": False}


@of_clients_with_secret
def test_client_renews_a_token_of_its_own(
    server: RegisteredClient, method: str, metadata: Json
) -> None:
    session = session_of(server, method, metadata, "admin:orders:read")
    tokens = session.fetch_token()
    session.token = {**tokens, "expires_at": 1}

    orders = session.get(f"{metadata['issuer']}/api/orders")

    assert (orders.status_code, tokens["scope"]) == (200, "admin:orders:read")
    assert session.token["access_token"] != tokens["access_token"]
    assert "refresh_token" not in session.token
    with pytest.raises(OAuthError, match="invalid_scope"):
        session.fetch_token(scope="orders:read")


@of_clients_with_secret
def test_wrong_secret_is_invalid_client(
    server: RegisteredClient, method: str, metadata: Json
) -> None:
    session = session_of(server._replace(secret="wrong"), method, metadata, SCOPE)

    with pytest.raises(OAuthError, match="invalid_client"):
        session.fetch_token()
    with pytest.raises(OAuthError, match="invalid_client"):
        session.refresh_token(refresh_token="x")
    for ask, endpoint in (
        (session.revoke_token, "revocation_endpoint"),
        (session.introspect_token, "introspection_endpoint"),
    ):
        response = ask(metadata[endpoint], token="x")
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


class Api(JWTBearerTokenValidator):
    """An API that verifies access tokens itself (RFC 9068)."""

    def __init__(self, shop: DeployedShop, metadata: Json) -> None:
        token = shop.admin.grant["accessToken"]
        audience = jwt.decode(token, options={"verify_signature": False})["aud"]
        super().__init__(metadata["issuer"], audience)
        self._keys = KeySet.import_key_set(shop.anonymous.get(metadata["jwks_uri"]).json())

    def get_jwks(self) -> KeySet:
        return self._keys


@pytest.mark.parametrize("method", ["none"])
def test_access_token_passes_the_checks_of_an_api(
    shop: DeployedShop, person: Person, signed_in: SignedIn, metadata: Json
) -> None:
    api = Api(shop, metadata)

    claims = api.authenticate_token(signed_in.tokens["access_token"])
    api.validate_token(claims, ["orders:read"], None)

    assert claims["sub"] == person.id
    with pytest.raises(InsufficientScopeError):
        api.validate_token(claims, ["orders:write"], None)
