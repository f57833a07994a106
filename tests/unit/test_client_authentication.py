"""How clients authenticate at the protocol endpoints."""

import json
from base64 import b64encode

import pytest

from shop.oauth.clients.models import ClientSecret, ClientStatus, ClientType, OAuthClient
from shop.oauth.errors import OAuthError
from shop.oauth.opaque import digest_of, new_client_secret
from shop.oauth.tokens.client_authentication import (
    ClientCredentials,
    authenticate,
    credentials_of,
)
from tests.support.fixtures import NOON
from tests.support.sample_items import oauth_client

SECRET = new_client_secret()
SERVER = oauth_client()._replace(secrets=[ClientSecret("1", digest_of(SECRET), NOON)])
PHONE = oauth_client()._replace(type=ClientType.PUBLIC)


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "client_id", "secret", "expected"),
    [
        (None, "me", None, ClientCredentials("me", None)),
        (None, "me", "s", ClientCredentials("me", "s")),
        (basic("me:s"), None, None, ClientCredentials("me", "s", is_basic=True)),
        (basic("me:s"), "me", None, ClientCredentials("me", "s", is_basic=True)),
        (basic("me:a:b"), None, None, ClientCredentials("me", "a:b", is_basic=True)),
        (basic("m%65:%26%2B+x"), None, None, ClientCredentials("me", "&+ x", is_basic=True)),
        (basic("me:"), None, None, ClientCredentials("me", "", is_basic=True)),
        ("basic  " + basic("me:s")[6:], None, None, ClientCredentials("me", "s", is_basic=True)),
    ],
)
def test_credentials_are_read_from_header_or_form(
    header: str | None, client_id: str | None, secret: str | None, expected: ClientCredentials
) -> None:
    assert credentials_of(header, client_id, secret) == expected


@pytest.mark.parametrize(
    ("header", "client_id", "secret", "error"),
    [
        (None, None, None, "invalid_client"),
        (None, None, "s", "invalid_client"),
        ("Bearer x", "me", None, "invalid_client"),
        ("Basic", None, None, "invalid_client"),
        ("Basic !!!", None, None, "invalid_client"),
        (basic("me"), None, None, "invalid_client"),
        (basic("me:%FF"), None, None, "invalid_client"),
        (basic("me:s"), None, "s", "invalid_request"),
        (basic("me:s"), "other", None, "invalid_request"),
    ],
)
def test_ambiguous_or_missing_credentials_are_rejected(
    header: str | None, client_id: str | None, secret: str | None, error: str
) -> None:
    with pytest.raises(OAuthError) as raised:
        credentials_of(header, client_id, secret)

    assert raised.value.error == error
    body = json.loads(raised.value.response.body)
    assert raised.value.response.status == (401 if error == "invalid_client" else 400)
    assert body.keys() == {"error", "error_description"}
    assert body["error_description"].isascii() and not {'"', "\\"} & {*body["error_description"]}


@pytest.mark.parametrize(
    ("client", "credentials", "is_accepted"),
    [
        (SERVER, ClientCredentials("x", SECRET), True),
        (SERVER, ClientCredentials("x", SECRET, is_basic=True), True),
        (SERVER, ClientCredentials("x", new_client_secret()), False),
        (SERVER, ClientCredentials("x", ""), False),
        (SERVER, ClientCredentials("x", None), False),
        (SERVER._replace(secrets=[]), ClientCredentials("x", SECRET), False),
        (SERVER._replace(status=ClientStatus.INACTIVE), ClientCredentials("x", SECRET), False),
        (PHONE, ClientCredentials("x", None), True),
        (PHONE, ClientCredentials("x", SECRET), False),
        (PHONE, ClientCredentials("x", "", is_basic=True), False),
        (PHONE._replace(status=ClientStatus.INACTIVE), ClientCredentials("x", None), False),
        (None, ClientCredentials("x", SECRET), False),
    ],
)
def test_only_an_active_client_with_its_secret_is_accepted(
    client: OAuthClient | None, credentials: ClientCredentials, is_accepted: bool
) -> None:
    if is_accepted:
        assert authenticate(client, credentials) is client
        return
    with pytest.raises(OAuthError) as raised:
        authenticate(client, credentials)
    assert raised.value.error == "invalid_client"


def test_both_secrets_are_accepted() -> None:
    other = new_client_secret()
    client = SERVER._replace(secrets=[*SERVER.secrets, ClientSecret("2", digest_of(other), NOON)])

    for secret in (SECRET, other):
        assert authenticate(client, ClientCredentials("x", secret)) is client
