"""Authentication of clients at the protocol endpoints (RFC 6749, 2.3)."""

from base64 import b64decode
from collections.abc import Sequence
from hmac import compare_digest
from typing import NamedTuple
from urllib.parse import unquote

from shop.correlation import name_client
from shop.metrics import count
from shop.oauth.clients.models import ClientSecret, OAuthClient
from shop.oauth.errors import OAuthError, invalid_client, invalid_request
from shop.oauth.opaque import digest_of


class ClientCredentials(NamedTuple):
    """The sent id and secret; a public client sends its id alone."""

    client_id: str
    secret: str | None
    is_basic: bool = False


def credentials_of(
    authorization: str | None, client_id: str | None, client_secret: str | None
) -> ClientCredentials:
    """Return the credentials of the header or of the form; raise `OAuthError`."""
    name_client(client_id)
    if authorization is None:
        if client_id is None:
            raise invalid_client()
        return ClientCredentials(client_id, client_secret)
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client()
    basic = _basic(encoded.strip())
    name_client(basic.client_id)
    if client_secret is not None:
        raise invalid_request("Authenticate in one way only.")
    if client_id not in (None, basic.client_id):
        raise invalid_request("Send one client_id only.")
    return basic


def _basic(encoded: str) -> ClientCredentials:
    """Decode id and secret; both are percent-encoded before base64 (RFC 6749, 2.3.1)."""
    try:
        text = b64decode(encoded, validate=True).decode()
        client_id, separator, secret = text.partition(":")
        decoded = [unquote(part.replace("+", " "), errors="strict") for part in (client_id, secret)]
    except ValueError:
        raise invalid_client() from None
    if not separator:
        raise invalid_client()
    return ClientCredentials(decoded[0], decoded[1], is_basic=True)


def authenticate(client: OAuthClient | None, credentials: ClientCredentials) -> OAuthClient:
    """Return the client; raise `OAuthError` unless it is active and the secret is its own."""
    if client is None or not client.is_active:
        raise _refused()
    if client.is_public:
        if credentials.secret is not None or credentials.is_basic:
            raise _refused()
    elif credentials.secret is None or not _is_secret(credentials.secret, client.secrets):
        raise _refused()
    return client


def _refused() -> OAuthError:
    count("ClientsRefused")
    return invalid_client()


def _is_secret(text: str, secrets: Sequence[ClientSecret]) -> bool:
    digest = digest_of(text)
    return any(compare_digest(secret.digest, digest) for secret in secrets)
